from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pytest_gemmadev import __version__
from pytest_gemmadev.doors import cli, doctor, models
from pytest_gemmadev.files import journal
from pytest_gemmadev.hookspecs import KnownModel
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.types import GemmadevError, ModelInfo


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project after a repair of a.py, as the current folder."""
    top = tmp_path / "project"
    (top / "pkg/deep").mkdir(parents=True)
    (top / "a.py").write_bytes(b"old\r\n")
    (top / "b.py").write_bytes(b"mine\n")
    journal.commit(top, {"a.py": b"new\r\n"}, note="pytest --gemmadev-fix")
    monkeypatch.chdir(top)
    return top


# --- the command itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "status", "text"),
    [
        pytest.param(["--version"], 0, f"gemmadev {__version__}\n", id="version"),
        pytest.param(["--help"], 0, "undo", id="help"),
        pytest.param(["undo", "--help"], 0, "--force", id="help of a command"),
        pytest.param([], 2, "COMMAND", id="no command"),
        pytest.param(["repair"], 2, "invalid choice: 'repair'", id="unknown command"),
        pytest.param(["undo", "--hard"], 2, "--hard", id="unknown option"),
    ],
)
def test_the_command_line_is_checked(
    argv: list[str], status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    out, err = capsys.readouterr()
    assert ended.value.code == status
    assert text in (err if status else out)


def test_every_command_is_described_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out.partition("COMMAND\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines() if line[4:5] != " "] == [
        "fix",
        "undo",
        "apply",
        "chat",
        "models",
        "doctor",
        "completion",
    ]


@pytest.mark.slow
def test_undo_needs_nothing_heavy(project: Path) -> None:
    script = (
        "import sys\n"
        "from pytest_gemmadev.doors.cli import main\n"
        "status = main(['undo'])\n"
        "heavy = {'libcst', 'rich', 'pytest', 'numpy', 'xllamacpp', 'pytest_gemmadev.registry'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
        "sys.exit(status)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines()[0] == f"put back {project / 'a.py'}"
    assert ran.stdout.splitlines()[-1] == ""
    assert (project / "a.py").read_bytes() == b"old\r\n"


# --- undo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "pkg/deep"])
def test_undo_finds_the_project_from_below(
    project: Path, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project / place)
    assert cli.main(["undo"]) == 0
    assert (project / "a.py").read_bytes() == b"old\r\n"
    assert (project / "b.py").read_bytes() == b"mine\n"
    out = capsys.readouterr().out
    assert f"put back {project / 'a.py'}\nundone: the repair of 20" in out
    assert "(pytest --gemmadev-fix)" in out


def test_undo_in_a_named_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["undo", "--root", "project"]) == 0
    assert (project / "a.py").read_bytes() == b"old\r\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["undo"], "nothing to undo: no project was repaired in", id="never repaired"),
        pytest.param(
            ["undo", "--root", "nowhere"], "--root nowhere: no such folder", id="no folder"
        ),
        pytest.param(["undo", "--root", "."], "nothing to undo in", id="named, never repaired"),
    ],
)
def test_undo_says_when_there_is_nothing(
    argv: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # The search goes up to the root of the disk: a real project above must not be found and undone.
    monkeypatch.setattr(journal, "FOLDER", f".gemmadev-{tmp_path.name}")
    assert cli.main(argv) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"gemmadev: {message}")
    assert list(tmp_path.iterdir()) == []


def test_undo_spares_what_was_changed_since_unless_forced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "a.py").write_bytes(b"by hand")
    assert cli.main(["undo"]) == 1
    assert capsys.readouterr().err.startswith("gemmadev: a.py: changed since the repair")
    assert (project / "a.py").read_bytes() == b"by hand"

    assert cli.main(["undo", "--force"]) == 0
    assert (project / "a.py").read_bytes() == b"old\r\n"
    kept = capsys.readouterr().out.splitlines()[1].removeprefix("kept a copy in ")
    assert Path(kept).read_bytes() == b"by hand"


def test_undo_says_when_it_was_an_interrupted_repair(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / ".gemmadev"
    (folder / "undo/000001.json").rename(folder / "pending.json")
    assert cli.main(["undo"]) == 0
    assert "undone: the interrupted repair of" in capsys.readouterr().out
    assert (project / "a.py").read_bytes() == b"old\r\n"


def test_an_interrupt_ends_as_a_shell_has_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_gemmadev.files.journal.undo", interrupted)
    assert cli.main(["undo"]) == 130
    assert capsys.readouterr().err == "gemmadev: interrupted\n"


# --- models --------------------------------------------------------------------------------------


def test_models_lists_every_spec_of_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    out = capsys.readouterr().out
    specs = [line for line in out.splitlines() if not line.startswith(" ")]
    assert specs[0] == "gemmadev"
    assert {"qwen-coder", "gguf:PATH"} < set(specs)
    assert specs[-1] == "none"
    assert "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818" in out


@pytest.mark.parametrize(
    ("known", "last"),
    [
        pytest.param(
            KnownModel(ModelInfo("s", "S", path="/m.gguf", size_bytes=9), "", True),
            "usable",
            id="there",
        ),
        pytest.param(
            KnownModel(ModelInfo("s", "S", size_bytes=9), "", True),
            "usable; put together when first used",
            id="not put together yet",
        ),
        pytest.param(KnownModel(ModelInfo("s", "S"), "", True), "usable", id="no file of its own"),
        pytest.param(
            KnownModel(ModelInfo("s", "S"), "", False, "pip install s"),
            "not usable here: pip install s",
            id="not installed",
        ),
    ],
)
def test_a_model_is_listed_with_what_to_do(known: KnownModel, last: str) -> None:
    assert list(models.describe_model(known))[-1] == f"    {last}"


# --- Ollama --------------------------------------------------------------------------------------


GEMMA = ModelInfo("gemmadev", "G", path="/m/g.gguf", license="Terms", context_tokens=32768)
CODER = ModelInfo("q", "Q", path="/m/q.gguf", has_chat_template=True, can_infill=True)


@pytest.mark.parametrize(
    ("info", "holds", "lacks"),
    [
        pytest.param(
            GEMMA,
            ["FROM /m/g.gguf", 'TEMPLATE "{{ .Prompt }}"', 'LICENSE """Terms"""', "num_ctx 4096"],
            ["ADAPTER", "fim_prefix"],
            id="text",
        ),
        pytest.param(
            CODER,
            ["FROM /m/q.gguf", "{{ .Suffix }}<|fim_middle|>", "<|im_start|>assistant"],
            ["LICENSE"],
            id="coder",
        ),
        pytest.param(
            ModelInfo("c", "C", path="/m/c.gguf", has_chat_template=True, context_tokens=512),
            ["FROM /m/c.gguf", "num_ctx 512"],
            ["TEMPLATE"],  # Ollama knows the usual ones from the file
            id="chats",
        ),
    ],
)
def test_a_modelfile(info: ModelInfo, holds: list[str], lacks: list[str]) -> None:
    text = models.write_modelfile(info, {"FROM": info.path})
    assert [part for part in holds if part not in text] == []
    assert [part for part in lacks if part in text] == []


@pytest.fixture
def exportable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file, adapter = tmp_path / "My Model.gguf", tmp_path / "a.gguf"
    file.write_bytes(b"model")
    adapter.write_bytes(b"adapter")
    info = ModelInfo("gguf:x", "M", path=str(file), adapter=str(adapter))
    model = ScriptedModel(info=info)
    monkeypatch.setattr(models, "load_model", lambda *_a, **_k: model)
    return tmp_path


def test_an_export_names_the_files(exportable: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = exportable / "out"
    spec = f"gguf:{exportable}/My Model.gguf"
    assert cli.main(["models", "export-ollama", f"--model={spec}", f"--output={folder}"]) == 0
    lines = (folder / "Modelfile").read_text().splitlines()
    assert lines[:2] == [f"FROM {exportable}/My Model.gguf", f"ADAPTER {exportable}/a.gguf"]
    assert f"now: ollama create my-model -f {folder}/Modelfile\n" in capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == ["Modelfile"]

    assert cli.main(["models", "export-ollama", f"--model={spec}", f"--output={folder}"]) == 1
    assert "Modelfile is there already" in capsys.readouterr().err


def test_an_export_to_carry_elsewhere(exportable: Path) -> None:
    folder = exportable / "out"
    exported = models.export_ollama("gguf:x", None, folder, name="mine", copy=True)
    assert exported.command == f"ollama create mine -f {folder}/Modelfile"
    lines = (folder / "Modelfile").read_text().splitlines()
    assert lines[:2] == ["FROM ./My Model.gguf", "ADAPTER ./a.gguf"]
    assert (folder / "a.gguf").read_bytes() == b"adapter"


def test_a_server_is_nothing_to_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_model", lambda *_a, **_k: ScriptedModel())
    with pytest.raises(GemmadevError, match="is not a GGUF file on this machine"):
        models.export_ollama("openai:x@y", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- completion ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        pytest.param("bash", ["export-ollama", "--trial", "doctor"], id="bash"),
        pytest.param("zsh", ["export-ollama", "--trial", "doctor"], id="zsh"),
        pytest.param("tcsh", ["complete gemmadev", "doctor"], id="tcsh"),
    ],
)
def test_shells_complete_commands_and_options(
    shell: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("shtab")
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [word for word in words if word not in script] == []


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        pytest.param("mo", "models", id="a command"),
        pytest.param("fix pro", "prog.py", id="a program"),
        pytest.param("fix --root fol", "folder", id="a folder"),
        pytest.param("doctor pro", "", id="nothing that takes a file"),
    ],
)
def test_bash_takes_what_it_is_given(
    words: str, completed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("shtab")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    assert cli.main(["completion", "bash"]) == 0
    (tmp_path / "prog.py").touch()
    (tmp_path / "folder").mkdir()
    script = tmp_path / "completion"
    script.write_text(
        f"{capsys.readouterr().out}\nCOMP_WORDS=(gemmadev {words})\n"
        f"COMP_CWORD={len(words.split())}; _shtab_gemmadev gemmadev {words.split()[-1]}\n"
        "echo ${COMPREPLY[@]}\n"
    )
    done = subprocess.run(
        [bash, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.stdout, done.stderr) == (f"{completed}\n", "")


def test_completion_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "bash"]) == 1
    assert "pip install 'pytest-gemmadev[completion]'" in capsys.readouterr().err


# --- doctor --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state", "advice"),
    [
        pytest.param((3, 9, 1), doctor.State.PROBLEM, "use Python 3.10 or newer", id="too old"),
        pytest.param((3, 10, 0), doctor.State.OK, "", id="oldest"),
        pytest.param((3, 13, 9), doctor.State.OK, "", id="newest"),
        pytest.param((3, 99, 0), doctor.State.NOTE, "Python 3.13", id="newer"),
    ],
)
def test_the_doctor_judges_the_python(
    version: tuple[int, ...], state: doctor.State, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    check = doctor.check_python()
    assert check.state is state
    assert advice in check.advice
    assert bool(check.advice) == bool(advice)


def test_the_doctor_names_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_dependencies().state is doctor.State.OK
    version = metadata.version

    def without_libcst(name: str) -> str:
        if name == "libcst":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_libcst)
    check = doctor.check_dependencies()
    assert (check.state, check.found) == (doctor.State.PROBLEM, "missing: libcst")
    assert check.advice == "pip install libcst"


def test_the_doctor_looks_for_the_plugin_where_pytest_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    check = doctor.check_plugin()
    assert (check.state, check.advice) == (doctor.State.PROBLEM, "pip install pytest-gemmadev")

    info = tmp_path / "pytest_gemmadev-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: pytest-gemmadev\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest11]\ngemmadev = pytest_gemmadev.plugin\n")
    check = doctor.check_plugin()
    assert check.state is doctor.State.OK
    assert "pytest_gemmadev.plugin" in check.found

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    check = doctor.check_plugin()
    assert check.state is doctor.State.NOTE
    assert "-p gemmadev" in check.advice


@pytest.mark.parametrize(
    ("content", "state", "found"),
    [
        pytest.param(b"weights", doctor.State.OK, "sha256", id="whole"),
        pytest.param(b"weight", doctor.State.PROBLEM, "is damaged", id="truncated"),
        pytest.param(None, doctor.State.PROBLEM, "cannot be read: No such file", id="gone"),
    ],
)
def test_the_doctor_reads_the_whole_model(
    content: bytes | None, state: doctor.State, found: str, tmp_path: Path
) -> None:
    file = tmp_path / "m.gguf"
    if content is not None:
        file.write_bytes(content)
    info = ModelInfo("m", "M", path=str(file), sha256=hashlib.sha256(b"weights").hexdigest())
    check = doctor.check_model_file("model m", info)
    assert check.state is state
    assert f"{file}" in check.found
    assert found in check.found
    assert bool(check.advice) == (state is doctor.State.PROBLEM)


def test_the_doctor_passes_on_what_the_registry_says(tmp_path: Path) -> None:
    assert doctor.check_model("none").state is doctor.State.OK
    check = doctor.check_model(f"gguf:{tmp_path / 'missing.gguf'}")
    assert check.state is doctor.State.PROBLEM
    assert "missing.gguf" in check.found


@pytest.mark.parametrize(
    ("states", "status", "last"),
    [
        pytest.param(["ok", "note"], 0, "no problems found", id="well"),
        pytest.param(["PROBLEM", "ok"], 1, "1 problem found", id="one problem"),
        pytest.param(["PROBLEM", "PROBLEM"], 1, "2 problems found", id="two"),
    ],
)
def test_the_doctor_ends_with_a_count(
    states: list[str],
    status: int,
    last: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checks = [doctor.Check(doctor.State(s), "thing", "seen", "do this") for s in states]
    monkeypatch.setattr(doctor, "checks", lambda _spec: iter(checks))
    assert cli.main(["doctor"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{states[0]:<8} thing: seen"
    assert lines[1] == "         -> do this"
    assert lines[-1] == last


@pytest.mark.model
def test_the_doctor_finds_a_whole_installation_well(capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["doctor"])
    out = capsys.readouterr().out
    assert "ok       model gemmadev: " in out
    assert "PROBLEM" not in out.replace("PROBLEM  pytest plugin: not registered", "")
    assert status == (1 if "not registered" in out else 0)


def test_the_doctor_finds_an_interrupted_repair(project: Path) -> None:
    assert doctor.check_project(project).state is doctor.State.OK
    folder = project / ".gemmadev"
    (folder / "undo/000001.json").rename(folder / "pending.json")
    (project / "below").mkdir()
    check = doctor.check_project(project / "below")
    assert check.state is doctor.State.PROBLEM
    assert check.advice == f"gemmadev undo --root {project}"


def test_the_doctor_looks_at_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    monkeypatch.setattr(doctor, "_SPACE", 0)
    assert doctor.check_cache().state is doctor.State.OK
    monkeypatch.setattr(doctor, "_SPACE", 1 << 60)
    assert doctor.check_cache().state is doctor.State.NOTE
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    check = doctor.check_cache()
    assert check.state is doctor.State.PROBLEM
    assert "XDG_CACHE_HOME" in check.advice
