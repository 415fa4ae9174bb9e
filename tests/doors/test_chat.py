"""A talk about the last failure: what it knows, what it changes, and how it ends."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_gemmadev.doors import answers, conversation, last_failures
from pytest_gemmadev.doors.answers import Options
from pytest_gemmadev.doors.chat import talk
from pytest_gemmadev.doors.conversation import Conversation
from pytest_gemmadev.doors.last_failures import recall, remember
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Answer,
    Candidate,
    Edit,
    ErrorFacts,
    ErrorKind,
    ErrorStack,
    Fact,
    Frame,
    GemmadevError,
    Model,
    ModelInfo,
    Outcome,
    Question,
    RankedPatch,
    RepairReport,
    Role,
    Sampling,
    Status,
    SuspectTest,
)

SOURCE = "def total(items):\n    return sum(itms)\n"
FIXED = SOURCE.replace("itms", "items")
TEST = "from cart import total\n\ndef test_total():\n    assert total([1]) == 1\n"
CHATTY = ModelInfo("scripted", "Scripted", has_chat_template=True)


def report(root: Path) -> RepairReport:
    frames = (
        Frame("test_cart.py", 4, "test_total", Role.TEST),
        Frame("cart.py", 2, "total", Role.SOURCE, (Fact("items", "[1]", "list", True),)),
    )
    stack = ErrorStack(
        "test_cart.py::test_total",
        "call",
        ErrorKind.NAME,
        "NameError",
        "name 'itms' is not defined",
        frames,
        ErrorFacts(name="itms", alternatives=("items",)),
    )
    other = ErrorStack("test_x.py::test_y", "call", ErrorKind.ASSERTION, "AssertionError", "", ())
    edit = Edit("cart.py", SOURCE.index("itms"), SOURCE.index("itms") + 4, "items")
    patches = tuple(
        RankedPatch(
            Candidate((edit,), origin, -1.0, told, 2.5 if chosen else None),
            unified_diff("cart.py", SOURCE.encode(), after.encode()),
            rank=rank,
            chosen=chosen,
            score=-1.25,
            probability=0.88 if chosen else 0.1,
        )
        for origin, told, after, rank, chosen in (
            ("rule:misspelt_name", "`itms` is not defined; `items` is", FIXED, 1, True),
            ("pattern:names", "", SOURCE.replace("sum(itms)", "1"), 7, False),
        )
    )
    outcomes = (
        Outcome(
            stack.nodeid,
            stack,
            Status.PROPOSED,
            "1 test passes with it",
            patches,
            question=Question("total([])", (Answer("0", (0,)), Answer("1", (1,))), "cart.py"),
        ),
        Outcome(
            other.nodeid,
            other,
            Status.UNREPAIRED,
            "none of 12 turned it green",
            suspect_test=SuspectTest("test_x.py", 3, "11", "10", ("it says so",), probability=0.9),
        ),
    )
    return RepairReport("none", "", 0, 1.0, outcomes, {}, "")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "cart.py").write_text(SOURCE)
    (root / "test_cart.py").write_text(TEST)
    remember(root, report(root), "pytest --gemmadev-propose")
    return root


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    model = ScriptedModel(default=("Because itms\nis not items.\n",), info=CHATTY)
    monkeypatch.setattr(answers, "load_model", lambda *_a, **_k: model)
    return model


Said = Callable[..., str]


@pytest.fixture
def said(project: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """A function: lines in, what is told for them out."""

    def say(*lines: str, status: int = 0, options: Options | None = None) -> str:
        told: list[str] = []
        talked = Conversation(project, options or Options(), told.append)
        assert talk(talked, lines) == status
        return "".join(told) + capsys.readouterr().err

    return say


# --- what is known -------------------------------------------------------------------------------


def test_what_is_remembered_comes_back(project: Path) -> None:
    last = recall(project)
    assert last is not None
    first, second = last.failures
    expected = report(project).outcomes[0]
    assert (first.nodeid, first.status, first.stack) == (
        expected.nodeid,
        "proposed",
        expected.stack,
    )
    assert [patch.diff for patch in first.patches] == [p.diff for p in expected.patches]
    assert second.patches == ()
    assert sorted(path.name for path in project.iterdir()) == ["cart.py", "test_cart.py"]


def test_what_is_remembered_is_for_its_user_alone(project: Path) -> None:
    (file,) = (project.parent / "cache" / "pytest-gemmadev" / "last").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1}'])
def test_what_cannot_be_read_is_nothing(project: Path, text: str) -> None:
    last_failures._path(project).write_text(text)
    assert recall(project) is None


def test_only_so_many_projects_are_remembered(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_failures, "KEPT", 2)
    os.utime(last_failures._path(project), (1, 1))
    for name in ("a", "b"):
        remember(tmp_path / name, report(project), "x")
    assert recall(project) is None
    assert recall(tmp_path / "a") is not None


def test_a_home_that_cannot_be_written_to_hinders_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cart.py"))
    remember(project, report(project), "x")
    assert recall(project) is None


def test_the_opening_lists_the_failures(project: Path) -> None:
    told: list[str] = []
    Conversation(project, Options(), told.append).open()
    first, *rest = "".join(told).splitlines()
    assert first.startswith("pytest --gemmadev-propose, ")
    assert rest == [
        "1 test_cart.py::test_total: NameError (2 plausible)",
        "2 test_x.py::test_y: AssertionError (no patch)",
    ]


def test_show(said: Said) -> None:
    told = said("/show")
    assert "NameError: name 'itms' is not defined" in told
    assert "  cart.py:2 in total\n    items = [1]\n" in told
    assert "proposed: 1 test passes with it" in told
    assert "+    return sum(items)" in told


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["/why"], "chosen: 1 test passes with it", id="chosen"),
        pytest.param(["/why"], "rule:misspelt_name, candidate 1", id="origin"),
        pytest.param(
            ["/why"], "likely: 88 % likely to be right (score -1.2, the model adds", id="sure"
        ),
        pytest.param(
            ["/why"], "which is right? `total([])`: 0 or 1?\n  0: patch 1\n", id="question"
        ),
        pytest.param(["/show"], "`items` is (likely, 88 %)\n", id="how sure"),
        pytest.param(
            ["/failure 2"],
            "is the test at fault? test_x.py:3 expects 11, the code gives 10, 90 % sure\n  - it says so\n",
            id="the test",
        ),
        pytest.param(["/why 2"], "believed less than the chosen one", id="another"),
        pytest.param(["/failure 2", "/why"], "no patch: none of 12 turned it green", id="none"),
        pytest.param(["/help"], "/undo", id="help"),
    ],
)
def test_why(said: Said, lines: list[str], expected: str) -> None:
    assert expected in said(*lines)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param(["/why 3"], "which patch? there are 2", id="no such patch"),
        pytest.param(["/failure"], "which failure? there are 2", id="no number"),
        pytest.param(["/failure 2", "/apply"], "no patch is known: none of 12", id="no patch"),
        pytest.param(["/nonsense"], "there is no /nonsense", id="no such command"),
        pytest.param(["/undo"], "nothing to undo", id="nothing to undo"),
    ],
)
def test_misuse_is_told_and_the_talk_goes_on(said: Said, lines: list[str], says: str) -> None:
    told = said(*lines, "/help", status=1)
    assert f"gemmadev: {says}" in told
    assert "/quit" in told


@pytest.mark.parametrize(
    ("count", "says"), [(0, "there are 0"), (1, "there is 1"), (3, "there are 3")]
)
def test_how_many_there_are(count: int, says: str) -> None:
    with pytest.raises(GemmadevError, match=f"which patch\\? {says}: "):
        conversation._parse_number("9", count, "patch")


# --- what changes something ----------------------------------------------------------------------


def test_apply_and_undo(project: Path, said: Said) -> None:
    assert "changed cart.py" in said("/apply")
    assert (project / "cart.py").read_text() == FIXED
    assert "put back cart.py (gemmadev chat, patch 1)" in said("/undo")
    assert (project / "cart.py").read_text() == SOURCE


def test_a_patch_is_applied_once(project: Path, said: Said) -> None:
    said("/apply")
    assert "patch 1 is in the files already; /undo takes it out" in said("/apply", status=1)
    assert (project / "cart.py").read_text() == FIXED
    said("/undo")
    assert (project / "cart.py").read_text() == SOURCE


def test_a_patch_for_a_file_that_has_changed_is_not_applied(project: Path, said: Said) -> None:
    other = SOURCE.replace("sum", "max")
    (project / "cart.py").write_text(other)
    assert "cart.py is not what it was" in said("/apply", status=1)
    assert (project / "cart.py").read_text() == other
    assert not (project / ".gemmadev").exists()


def test_a_suggestion_is_applied_with_a_word_for_it(project: Path, said: Said) -> None:
    whole = report(project)
    first = replace(whole.outcomes[0], status=Status.SUGGESTED, reason="it destroys something")
    remember(project, replace(whole, outcomes=(first,)), "pytest --gemmadev-fix")
    told = said("/apply", "/apply 1 please", status=1)
    assert told.count("it destroys something; /apply 1 yes writes it") == 2
    assert (project / "cart.py").read_text() == SOURCE
    assert "changed cart.py" in said("/apply 1 yes")
    assert (project / "cart.py").read_text() == FIXED


# --- the model -----------------------------------------------------------------------------------


def test_an_answer_comes_in_pieces(said: Said, model: ScriptedModel, project: Path) -> None:
    told: list[str] = []
    assert talk(Conversation(project, Options(), told.append), ["why?"]) == 0
    assert told == ["Because itms\n", "is not items.\n", "\n"]
    assert model.closed


def test_the_model_knows_the_failure_and_the_talk(said: Said, model: ScriptedModel) -> None:
    said("what is it?", "and now?")
    first, second = model.prompts
    for known in (
        "name 'itms' is not defined",
        "items = [1]",
        "def total(items):",
        "assert total([1]) == 1",
        "+    return sum(items)",
    ):
        assert known in first
    assert first.endswith("Question: what is it?")
    assert second.endswith(
        "Question: what is it?\nAnswer: Because itms\nis not items.\n\nQuestion: and now?"
    )
    assert all(sampling.chat and not sampling.stop for sampling in model.samplings)


def test_a_model_that_was_not_trained_to_talk_goes_on_from_a_text(
    said: Said, model: ScriptedModel
) -> None:
    model.info = ModelInfo("scripted", "Plain")
    model.default = ("It is misspelt.\nQuestion: what else?",)
    told = said("why?")
    assert told.startswith("Plain was not trained to talk")
    assert told.endswith("It is misspelt.\n")
    assert model.prompts[0].endswith("Question: why?\nAnswer:")


def test_prompts_are_bounded(said: Said, model: ScriptedModel, project: Path) -> None:
    (project / "cart.py").write_text("x = 1  # a comment that makes the line longer\n" * 5000)
    said(*["word " * 100] * 20)
    assert max(map(len, model.prompts)) < 4096 * 3  # characters a token, at least


def test_an_answer_ends_with_its_time(
    said: Said, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_prompt: str, _sampling: Sampling) -> Iterator[str]:
        while True:
            time.sleep(0.01)
            yield "so "

    monkeypatch.setattr(ScriptedModel, "stream", lambda _self, *asked: endless(*asked))
    told = said("why?", options=Options(answer_s=0.2))
    assert told.startswith("so so ")
    assert told.endswith("\n(cut after 0.2 s)\n")


def test_no_model_is_said(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the model is 'none'" in said("why?", options=Options(model="none"), status=1)


def test_a_server_in_trouble_ends_the_answer_only(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: object, **_more: object) -> Model:
        raise GemmadevError("no server answers")

    monkeypatch.setattr(answers, "load_model", gone)
    told = said("why?", "/show", status=1)
    assert "gemmadev: no server answers" in told
    assert "cart.py:2 in total" in told


# --- the command ---------------------------------------------------------------------------------


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest_gemmadev.doors.cli", "chat", "--model=none", *arguments]


@pytest.mark.slow
def test_through_a_pipe(project: Path) -> None:
    (project / "sub").mkdir()
    done = subprocess.run(
        command(),
        cwd=project / "sub",  # the project is found from there up
        input="/why\n\n/quit\n/show\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("patch 1: `itms` is not defined")
    assert "def total" not in done.stdout


@pytest.mark.slow
def test_without_a_failure(tmp_path: Path, project: Path) -> None:
    done = subprocess.run(
        command("/show"), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gemmadev: no failure is known; /run looks for one\n"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_in_a_terminal(project: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(), cwd=project, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    told = _until(ours, "> ")
    assert "1 test_cart.py::test_total: NameError" in told
    for line, answer in (("why?", "the model is 'none'"), ("/apply", "changed cart.py")):
        os.write(ours, f"{line}\n".encode())
        assert answer in _until(ours, "> ")
    os.write(ours, b"\x04")
    assert process.wait(timeout=20) == 0
    os.close(ours)
    assert (project / "cart.py").read_text() == FIXED


def _until(terminal: int, text: str) -> str:
    told = ""
    deadline = time.monotonic() + 30
    while text not in told and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1.0)[0]:
            told += os.read(terminal, 1 << 16).decode("utf-8", "replace")
    return told


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_run_finds_a_failure_to_talk_about(project: Path, said: Said) -> None:
    last_failures._path(project).unlink()
    told = said("/run -p no:cacheprovider", "/why", options=Options(model="none"))
    assert "1 failed" in told
    assert "patch 1: `itms` is not defined; `items` is" in told
    assert (project / "cart.py").read_text() == SOURCE
