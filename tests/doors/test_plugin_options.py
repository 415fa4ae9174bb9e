"""The plugin's options, when it is active, and that it never gets in the way."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_gemmadev.doors.settings import settings_of
from pytest_gemmadev.plugin import MODE
from pytest_gemmadev.types import Confidence

# --- options -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "mode"),
    [
        pytest.param([], "off", id="nothing"),
        pytest.param(["--gemmadev-seed=1", "--gemmadev-model=none"], "off", id="no-request"),
        pytest.param(["--gemmadev-fix"], "fix", id="fix"),
        pytest.param(["--gemmadev-propose=out"], "propose", id="propose"),
        pytest.param(["--gemmadev-propose", "o"], "propose", id="propose"),
        pytest.param(["--gemmadev-fix", "--gemmadev-fix"], "fix", id="fix-twice"),
        pytest.param(["--gemmadev-propose=a", "--gemmadev-propose=b"], "propose", id="two-folders"),
        pytest.param(["--gemmadev-mode=off", "--gemmadev-fix"], "fix", id="off-before"),
        pytest.param(
            ["--gemmadev-fix", "--gemmadev-propose=o", "--gemmadev-mode=off"], "off", id="both-off"
        ),
        pytest.param(["--gemmadev-fix", "--gemmadev-mode=off"], "off", id="last-off"),
        pytest.param(["--gemmadev-propose=off"], "propose", id="a-folder-named-off"),
        pytest.param(["--gemmadev-fix", "--markers"], "off", id="information"),
        pytest.param(
            ["--gemmadev-fix", "--collect-only", "--gemmadev-mode=off"], "off", id="off-collects"
        ),
    ],
)
def test_the_mode_that_is_asked_for(pytester: pytest.Pytester, args: list[str], mode: str) -> None:
    config = pytester.parseconfigure(*args)
    assert config.stash[MODE] == mode
    assert config.pluginmanager.hasplugin("gemmadev-repair") == (mode != "off")
    assert config.pluginmanager.hasplugin("gemmadev-recorder") == (mode != "off")


@pytest.mark.slow
def test_a_child_run_switches_off_what_addopts_asks_for(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --gemmadev-fix\n")
    assert pytester.parseconfigure().stash[MODE] == "fix"
    config = pytester.parseconfigure("--gemmadev-mode=off")
    assert config.stash[MODE] == "off"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("addopts", "args", "message"),
    [
        pytest.param(
            "",
            ["--gemmadev-fix", "--gemmadev-propose", "o"],
            "--gemmadev-fix and --gemmadev-propose: one changes the tree, the other leaves it "
            "untouched; drop one of the two",
            id="both-given",
        ),
        pytest.param(
            "--gemmadev-fix",
            ["--gemmadev-propose=o"],
            "--gemmadev-fix (in addopts) and --gemmadev-propose: one changes the tree, the other "
            "leaves it untouched; drop one of the two; -o addopts= leaves out all addopts",
            id="fix-in-addopts",
        ),
        pytest.param(
            "--gemmadev-propose=o",
            ["--gemmadev-fix"],
            "--gemmadev-fix and --gemmadev-propose (in addopts): ",
            id="propose-in-addopts",
        ),
    ],
)
def test_to_repair_in_place_and_to_propose_is_a_conflict(
    pytester: pytest.Pytester, addopts: str, args: list[str], message: str
) -> None:
    pytester.makeini(f"[pytest]\naddopts = {addopts}\n")
    with pytest.raises(pytest.UsageError) as caught:
        pytester.parseconfigure(*args)
    assert str(caught.value).startswith(message)
    off = pytester.parseconfigure(*args, "--gemmadev-mode=off")
    assert off.stash[MODE] == "off"


@pytest.mark.slow
def test_defaults(pytester: pytest.Pytester) -> None:
    settings = settings_of(pytester.parseconfigure("--gemmadev-fix"))
    assert settings.fix
    assert settings.root == pytester.path
    assert (settings.model, settings.adapter) == ("gemmadev", None)
    assert (settings.budget_s, settings.seed, settings.jobs) == (300.0, 0, 1)
    assert (settings.allow, settings.deny) == ((), ())
    assert (settings.propose_dir, settings.report) == (None, None)
    assert (settings.accept, settings.ask) == (Confidence.LIKELY, False)


INI = """\
[pytest]
gemmadev_model = none
gemmadev_adapter = adapters/mine
gemmadev_budget = 12.5
gemmadev_seed = 7
gemmadev_jobs = 3
gemmadev_accept = sure
gemmadev_ask = true
gemmadev_allow =
    shop/*.py
    my tools/**
gemmadev_deny = shop/gen.py
"""


@pytest.mark.slow
def test_every_ini_twin_is_read(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI)
    settings = settings_of(pytester.parseconfigure("--gemmadev-fix"))
    assert settings.model == "none"
    assert settings.adapter == str(pytester.path / "adapters" / "mine")
    assert (settings.budget_s, settings.seed, settings.jobs) == (12.5, 7, 3)
    assert (settings.accept, settings.ask) == (Confidence.SURE, True)
    assert settings.allow == ("shop/*.py", "my tools/**")
    assert settings.deny == ("shop/gen.py",)


@pytest.mark.slow
def test_the_command_line_goes_over_the_ini_file_and_globs_add_up(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini(INI)
    below = pytester.mkdir("below")
    monkeypatch.chdir(below)
    settings = settings_of(
        pytester.parseconfigure(
            "--gemmadev-propose=out",
            "--gemmadev-model=gguf:m.gguf",
            "--gemmadev-adapter=mine",
            "--gemmadev-budget=0",
            "--gemmadev-seed=-1",
            "--gemmadev-jobs=2",
            "--gemmadev-accept=guess",
            "--gemmadev-allow=a.py",
            "--gemmadev-allow=b.py",
            "--gemmadev-deny=c.py",
            "--gemmadev-report=r/report.json",
        )
    )
    assert (settings.fix, settings.propose_dir) == (False, below / "out")
    assert (settings.model, settings.adapter) == ("gguf:m.gguf", str(below / "mine"))
    assert (settings.budget_s, settings.seed, settings.jobs) == (0.0, -1, 2)
    assert settings.accept is Confidence.GUESS
    assert settings.allow == ("shop/*.py", "my tools/**", "a.py", "b.py")
    assert settings.deny == ("shop/gen.py", "c.py")
    assert settings.report == below / "r" / "report.json"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--gemmadev-fix", "--gemmadev-budget=-1"], "--gemmadev-budget: '-1' is not a number"),
        (["--gemmadev-fix", "--gemmadev-budget=soon"], "--gemmadev-budget: 'soon' is not a"),
        (["--gemmadev-fix", "--gemmadev-budget=nan"], "--gemmadev-budget: 'nan' is not a number"),
        (["--gemmadev-fix", "--gemmadev-budget=inf"], "--gemmadev-budget: 'inf' is not a number"),
        (["--gemmadev-fix", "--gemmadev-seed=x"], "--gemmadev-seed: 'x' is not a whole number"),
        (["--gemmadev-fix", "--gemmadev-jobs=0"], "--gemmadev-jobs: '0' is not a number from 1"),
        (["--gemmadev-fix", "--gemmadev-jobs=all"], "--gemmadev-jobs: 'all' is not a number"),
        (["--gemmadev-fix", "--gemmadev-accept=yes"], "--gemmadev-accept: 'yes' is not one of"),
        (["--gemmadev-fix", "-o", "gemmadev_ask=maybe"], "gemmadev_ask"),
        (["--gemmadev-fix", "--gemmadev-allow="], "--gemmadev-allow: an empty glob"),
        (["--gemmadev-fix", "-o", "gemmadev_seed=1.5"], "gemmadev_seed: '1.5'"),
        (["--gemmadev-fix", "-o", "gemmadev_budget=-1"], "gemmadev_budget: "),
        (["--gemmadev-propose="], "--gemmadev-propose: name a directory"),
        (["--gemmadev-propose=taken"], "taken is not a directory"),
        (["--gemmadev-propose=taken/below"], "taken is not a directory"),
        (["--gemmadev-fix", "--gemmadev-report=."], "is a directory, name a file"),
        (["--gemmadev-fix", "--pdb"], "cannot repair under --pdb"),
        (["--gemmadev-fix", "--trace"], "cannot repair under --trace"),
        (["--gemmadev-fix", "--collect-only"], "cannot repair under --collect-only"),
        (["--gemmadev-fix", "--setup-plan"], "cannot repair under --setup-"),
        (["--gemmadev-propose=out", "--setup-only"], "cannot repair under --setup-only"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_a_usage_error_of_one_line(
    pytester: pytest.Pytester, args: list[str], message: str
) -> None:
    (pytester.path / "taken").touch()
    with pytest.raises(pytest.UsageError) as caught:
        pytester.parseconfigure(*args)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


REPORT = b'{"version": 1, "model": "none", "failures": [], "totals": {}}'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data", "taken"),
    [
        pytest.param("report.json", None, True, id="a-new-file"),
        pytest.param("report.json", b"", True, id="an-empty-file"),
        pytest.param("report.json", REPORT, True, id="a-report-of-before"),
        pytest.param("report.html", b"<!doctype html>\n<title>gemmadev</title>", True, id="a-page"),
        pytest.param("report", REPORT, True, id="a-report-without-suffix"),
        pytest.param("shop.py", b"def double(x):\n    return x + 2\n", False, id="a-source"),
        pytest.param("__init__.py", b"", False, id="an-empty-source"),
        pytest.param("data.json", b"{}", False, id="an-empty-object"),
        pytest.param("data.json", b'{"name": "mine"}', False, id="other-data"),
        pytest.param("data.json", b"[1, 2]", False, id="a-list"),
        pytest.param("data.json", b'{"version": 1, "fail', False, id="cut-off"),
        pytest.param("page.html", b"<!DOCTYPE html><p>mine", False, id="another-page"),
        pytest.param("blob", bytes(range(256)), False, id="binary"),
    ],
)
def test_a_report_replaces_nothing_but_a_report(
    pytester: pytest.Pytester, name: str, data: bytes | None, taken: bool
) -> None:
    path = pytester.path / name
    if data is not None:
        path.write_bytes(data)
    args = ("--gemmadev-fix", f"--gemmadev-report={name}")
    if taken:
        assert settings_of(pytester.parseconfigure(*args)).report == path
    else:
        with pytest.raises(pytest.UsageError) as caught:
            pytester.parseconfigure(*args)
        assert str(caught.value).startswith(f"--gemmadev-report: {path} exists and is no report")
    assert (path.read_bytes() if path.exists() else None) == data


def test_misuse_in_the_ini_file_names_it(pytester: pytest.Pytester) -> None:
    ini = pytester.makeini("[pytest]\ngemmadev_budget = long\n")
    with pytest.raises(pytest.UsageError) as caught:
        pytester.parseconfigure("--gemmadev-fix")
    assert str(caught.value).startswith(f"gemmadev_budget in {ini}: 'long' is not a number")


@pytest.mark.slow
@pytest.mark.parametrize("args", [[], ["--pdb"], ["--collect-only", "--gemmadev-budget=-1"]])
def test_without_a_request_nothing_is_refused(pytester: pytest.Pytester, args: list[str]) -> None:
    assert pytester.parseconfigure(*args).stash[MODE] == "off"


# --- with a session that is a fake ---------------------------------------------------------------

FAKE = """\
import json, pathlib, sys, types
from pytest_gemmadev.doors.stash import SUMMARY
from pytest_gemmadev.types import GemmadevError

fake = types.ModuleType("pytest_gemmadev.doors.session")
sys.modules[fake.__name__] = fake
here = pathlib.Path.cwd()

def note(name, value):
    with open(here / "calls.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps([name, value]) + "\\n")
"""

ONE_BUG = {
    "shop.py": "def double(x):\n    return x + 2\n",
    "test_shop.py": "import shop\n\ndef test_it():\n    assert shop.double(1) == 2\n",
}


class Project:
    """A folder with a fake of what the plugin hands failures to, run in its own process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

    def run(self, fake: str, *args: str) -> pytest.RunResult:
        """Runs pytest; ``fake`` defines repair_session and repair_conftest."""
        text = f"{FAKE}\n{textwrap.dedent(fake)}\n"
        self.write({"fakes.py": f"{text}\nfake.__dict__.update(globals())\n"})
        plugins = ["-p", "fakes", "-p", "gemmadev", "-p", "no:cacheprovider"]
        return self.pytester.runpytest_subprocess(*plugins, *args, timeout=120)

    @property
    def calls(self) -> list[list[Any]]:
        path = self.root / "calls.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return Project(pytester)


RECORDING = """
def repair_session(config, plain, *, known_effects):
    note("session", plain)
    config.stash[SUMMARY] = lambda reporter: reporter.write_line("so it went")
    return {status}
"""


@pytest.mark.slow
def test_the_session_gets_what_failed_and_sets_the_exit_status(project: Project) -> None:
    project.write(ONE_BUG)
    result = project.run(RECORDING.format(status=0), "--gemmadev-fix", "--gemmadev-model=none")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["gemmadev: repair in place, model none, budget 300 s, *", "so it*"]
    )
    [[name, plain]] = project.calls
    assert name == "session"
    assert plain["outcomes"]["test_shop.py::test_it"] == "failed"
    assert plain["stacks"][0]["facts"]["left"] == "3"
    assert plain["test_files"] == [str(project.root / "test_shop.py")]


@pytest.mark.slow
def test_without_a_status_pytests_own_stays(project: Project) -> None:
    project.write(ONE_BUG)
    assert project.run(RECORDING.format(status=None), "--gemmadev-propose=out").ret == 1


@pytest.mark.slow
def test_switched_off_the_session_is_left_alone(project: Project) -> None:
    project.write(ONE_BUG)
    result = project.run(RECORDING.format(status=0), "--gemmadev-fix", "--gemmadev-mode=off")
    assert result.ret == 1
    assert project.calls == []
    result.stdout.no_fnmatch_line("*gemmadev:*")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        pytest.param(
            'raise GemmadevError("m.gguf: no such file")',
            pytest.ExitCode.USAGE_ERROR,
            "gemmadev: m.gguf: no such file",
            id="misuse",
        ),
        pytest.param(
            'raise ValueError("a\\nbug")',
            pytest.ExitCode.TESTS_FAILED,
            "gemmadev: repair failed: ValueError: a bug (*fakes.py:*)",
            id="bug",
        ),
        pytest.param(
            "raise KeyboardInterrupt",
            pytest.ExitCode.INTERRUPTED,
            "gemmadev: repair interrupted",
            id="ctrl-c",
        ),
        pytest.param(
            "config.stash[SUMMARY] = lambda reporter: 1 / 0",
            pytest.ExitCode.TESTS_FAILED,
            "gemmadev: the summary failed: ZeroDivisionError: *",
            id="summary",
        ),
    ],
)
def test_errors_of_the_repair_are_one_line_of_the_summary(
    project: Project, body: str, status: int, line: str
) -> None:
    project.write(ONE_BUG)
    result = project.run(
        f"def repair_session(config, plain, *, known_effects):\n    {body}", "--gemmadev-fix"
    )
    assert result.ret == status
    result.stdout.fnmatch_lines([line])
    result.stdout.fnmatch_lines(["*1 failed*"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.slow
def test_errors_of_the_capture_are_one_line_of_the_summary(project: Project) -> None:
    project.write(ONE_BUG)
    fake = """
    from pytest_gemmadev.capture import hooks
    hooks.capture_stack = lambda *args, **more: 1 / 0
    """
    result = project.run(
        f"{textwrap.dedent(fake)}{RECORDING.format(status=None)}", "--gemmadev-fix"
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["so it went", "gemmadev: capturing the failure of test_shop.py::test_it: ZeroDivision*"]
    )
    assert project.calls[0][1]["outcomes"]["test_shop.py::test_it"] == "failed"


@pytest.mark.slow
def test_a_run_cut_short_is_not_repaired(project: Project) -> None:
    project.write({"test_it.py": "def test_it():\n    raise KeyboardInterrupt\n"})
    result = project.run(RECORDING.format(status=0), "--gemmadev-fix")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.calls == []
    result.stdout.fnmatch_lines(["gemmadev: nothing repaired, the run was cut short: interrupted"])


@pytest.mark.slow
def test_workers_capture_and_the_controller_repairs(project: Project) -> None:
    pytest.importorskip("xdist")
    project.write(ONE_BUG)
    project.write(
        {
            "test_broken.py": "import nowhere\n",
            "test_fine.py": "def test_it(): pass\n",
            "test_odd.py": "def test_it():\n    name = '\\udc80'\n    assert not name\n",
            "inner.py": 'def one():\n    """\n    >>> one()\n    2\n    """\n    return 1\n',
        }
    )
    options = ["-p", "xdist", "-n2", "--doctest-modules", "--continue-on-collection-errors"]
    result = project.run(RECORDING.format(status=0), "--gemmadev-fix", *options)
    assert result.ret == 0, result.stdout.str()
    [[_, plain]] = project.calls
    assert plain["outcomes"] == {
        "inner.py": "passed",
        "inner.py::inner.one": "failed",
        "test_broken.py": "error",
        "test_fine.py": "passed",
        "test_fine.py::test_it": "passed",
        "test_odd.py": "passed",
        "test_odd.py::test_it": "failed",
        "test_shop.py": "passed",
        "test_shop.py::test_it": "failed",
    }
    stacks = {stack["nodeid"]: stack for stack in plain["stacks"]}
    assert stacks["test_broken.py"]["kind"] == "import"
    assert stacks["test_shop.py::test_it"]["facts"]["left"] == "3"
    [fact] = stacks["test_odd.py::test_it"]["frames"][0]["facts"]
    assert fact["value"] == r"'\udc80'"
    assert stacks["inner.py::inner.one"]["facts"]["right"] == "2"
    assert sorted(plain["test_files"]) == [
        str(project.root / f"test_{name}.py") for name in ("fine", "odd", "shop")
    ]


# --- conftests -----------------------------------------------------------------------------------

BROKEN_CONFTEST = {
    "shop/__init__.py": "from shop.rates import RATES\n",
    "shop/rates.py": "RATES = {'DE': 19}\n",
    "shop/cart.py": "from shop import RATES\nTAX = RATES['DA']\n",
    "tests/conftest.py": """\
        import pytest
        from shop.cart import TAX

        def pytest_addoption(parser):
            parser.addoption("--country", default="DE")

        @pytest.fixture
        def tax():
            return TAX
        """,
    "tests/test_it.py": "def test_it(tax, request):\n"
    "    assert (tax, request.config.getoption('country')) == (19, 'FR')\n",
    "pytest.ini": "[pytest]\ntestpaths = tests\n",
}

REPAIRING = """
def repair_conftest(config, plain):
    [stack] = plain["stacks"]
    note("conftest", [stack["nodeid"], stack["kind"], stack["frames"][-1]["path"]])
    path = pathlib.Path(stack["frames"][-1]["path"])
    old = path.read_text()
    new = old.replace("DA", "DE").replace("RATS", "RATES")
    path.write_text(new)
    return new != old

def repair_session(config, plain, *, known_effects):
    note("session", plain["outcomes"])
"""


@pytest.mark.slow
def test_what_a_conftest_imports_is_repaired_and_the_run_goes_on(project: Project) -> None:
    project.write(BROKEN_CONFTEST)
    result = project.run(REPAIRING, "--gemmadev-fix", "--country=FR", "-v")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert project.calls == [
        ["conftest", ["tests/conftest.py", "key", str(project.root / "shop" / "cart.py")]],
        [
            "session",
            {
                "tests": "passed",
                "tests/test_it.py": "passed",
                "tests/test_it.py::test_it": "passed",
            },
        ],
    ]


@pytest.mark.slow
def test_one_error_after_the_other_also_in_a_module_that_was_imported(project: Project) -> None:
    """The second error lies in a function of a module that imports well: its old self must go."""
    project.write(BROKEN_CONFTEST)
    project.write(
        {
            "conftest.py": "import shop.rates\nOLD = shop.rates.RATES\n",
            "shop/rates.py": "RATES = {'DE': 19}\ndef tax():\n    return RATS['DE']\n",
            "shop/cart.py": "from shop.rates import RATES, tax\nTAX = RATES['DA']\nTAX = tax()\n",
        }
    )
    result = project.run(REPAIRING, "--gemmadev-fix", "--country=FR")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert [call[1][1] for call in project.calls[:-1]] == ["key", "name"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fake", "says"),
    [
        pytest.param("def repair_conftest(config, plain):\n    return False", None, id="refused"),
        pytest.param("def repair_conftest(config, plain):\n    return True", None, id="in-vain"),
        pytest.param(
            "def repair_conftest(config, plain):\n    1 / 0",
            "gemmadev: repair failed: ZeroDivisionError: *",
            id="bug",
        ),
    ],
)
def test_a_conftest_that_stays_broken_is_pytests_own_error(
    project: Project, fake: str, says: str | None
) -> None:
    project.write(BROKEN_CONFTEST)
    result = project.run(fake, "--gemmadev-fix")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*while loading conftest*", "*KeyError: 'DA'"])
    if says:
        result.stderr.fnmatch_lines([says])
    assert "gemmadev" in result.stderr.str() or not says


@pytest.mark.slow
def test_misuse_while_repairing_a_conftest_is_one_line(project: Project) -> None:
    project.write(BROKEN_CONFTEST)
    fake = "def repair_conftest(config, plain):\n    raise GemmadevError('no model')"
    result = project.run(fake, "--gemmadev-fix")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: gemmadev: no model"])


@pytest.mark.slow
def test_without_a_request_a_broken_conftest_is_left_alone(project: Project) -> None:
    project.write(BROKEN_CONFTEST)
    result = project.run(REPAIRING)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.calls == []
    assert "DA" in (project.root / "shop" / "cart.py").read_text(encoding="utf-8")


# --- a plain run ---------------------------------------------------------------------------------

LOOK = """\
import sys

def pytest_gemmadev_repair_done(config, report):
    raise AssertionError("never called")

def test_it(pytestconfig):
    heavy = {"libcst", "numpy", "torch", "xllamacpp", "rich"} & sys.modules.keys()
    assert heavy == set()
    own = {name for name in sys.modules if name.startswith("pytest_gemmadev")}
    assert own == {"pytest_gemmadev", "pytest_gemmadev.plugin", "pytest_gemmadev.newhooks"}
    names = {name for name, _ in pytestconfig.pluginmanager.list_name_plugin()}
    assert {name for name in names if "gemmadev" in name} == {"gemmadev"}
"""


@pytest.mark.slow
def test_a_plain_run_imports_and_registers_nothing(project: Project) -> None:
    project.write({"conftest.py": LOOK, "test_look.py": "from conftest import test_it\n"})
    result = project.pytester.runpytest_subprocess("-p", "gemmadev", timeout=60)
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_an_active_run_imports_the_rest_only_when_it_ends(project: Project) -> None:
    text = """\
        import sys

        def test_it():
            heavy = {"libcst", "numpy", "torch", "xllamacpp", "rich"} & sys.modules.keys()
            assert heavy == set()
        """
    project.write({"test_look.py": text})
    result = project.run(RECORDING.format(status=None), "--gemmadev-fix")
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_p_no_gemmadev_takes_the_options_away(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("-p", "no:gemmadev", "--gemmadev-fix", timeout=60)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --gemmadev-fix*"])


def test_the_plugin_is_the_one_under_test() -> None:
    plugin = sys.modules["pytest_gemmadev.plugin"]
    package = Path(__file__).parents[2] / "pytest_gemmadev"
    assert Path(plugin.__file__ or "").resolve() == package / "plugin.py"
