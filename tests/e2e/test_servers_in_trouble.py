"""A repair whose model lies behind a server in trouble: one line, the tree as it was."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("httpx")
pytest.importorskip(
    "httpcore"
)  # here, or pytester unloads it after a test and httpx keeps the old one
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from standin import CUT, LONG_WAIT, NOT_JSON, OTHER, Answer, Standin, serving

from pytest_gemmadev import GemmadevError
from pytest_gemmadev import repair as repair_from_python

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SOURCE = "def total(numbers):\n    return sum(numbers)\n"
HTML: Answer = (502, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A failure that no small edit repairs, so that the model is asked to write."""
    (pytester.path / "sums.py").write_text(SOURCE)
    pytester.makepyfile(
        test_it="from sums import total\n\ndef test_it():\n    assert total([1]) == 'ω'\n"
    )
    return pytester


def repair(project: pytest.Pytester, url: str, budget_s: float) -> pytest.RunResult:
    return project.runpytest_subprocess(
        "--gemmadev-fix", f"--gemmadev-model=openai:toy@{url}", f"--gemmadev-budget={budget_s}"
    )


def test_a_server_that_is_down(project: pytest.Pytester) -> None:
    result = repair(project, "http://127.0.0.1:9", 30)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["gemmadev: model openai:toy@*: no server answers at *start it*"])
    assert (project.path / "sums.py").read_text() == SOURCE


@pytest.mark.parametrize("kind", ["openai", "ollama"])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(HTML, "answers with a web page", id="a web page"),
        pytest.param(CUT, "ended the connection in the middle", id="cut"),
        pytest.param(NOT_JSON, "else than JSON|not Ollama's", id="no JSON"),
        pytest.param(OTHER, "answers with another model, llama", id="another model"),
        pytest.param(LONG_WAIT, "asks to wait 3600 s", id="rate-limited"),
    ],
)
def test_trouble_in_the_middle_of_a_repair(
    project: pytest.Pytester, kind: str, answer: Answer, says: str
) -> None:
    pytest.importorskip("ollama")
    with serving(Standin()) as server:
        server.trouble = lambda _path, number: answer if number > 6 else None
        with pytest.raises(GemmadevError, match=says):
            repair_from_python(
                project.path, write=True, model=f"{kind}:toy@{server.url}", budget_s=40
            )
        assert len(server.asked) > 6
    assert (project.path / "sums.py").read_text() == SOURCE
    assert not (project.path / ".gemmadev" / "undo").exists()


def test_trouble_with_several_at_a_time(project: pytest.Pytester) -> None:
    (project.path / "more.py").write_text(SOURCE)
    project.makepyfile(
        test_more="from more import total\n\ndef test_it():\n    assert total([2]) == 'ψ'\n"
    )
    with serving(Standin()) as server:
        server.trouble = lambda _path, number: HTML if number > 6 else None
        model = f"openai:toy@{server.url}"
        with pytest.raises(GemmadevError, match="answers with a web page"):
            repair_from_python(project.path, write=True, model=model, budget_s=60, jobs=2)
    assert (project.path / "sums.py").read_text() == SOURCE
    assert (project.path / "more.py").read_text() == SOURCE


def test_a_program_keeps_its_output_and_its_status(project: pytest.Pytester) -> None:
    program = "import sys\nprint('before')\nprint(undefined_name)\n"
    (project.path / "prog.py").write_text(program)
    command = ("-m", "pytest_gemmadev.doors.cli", "fix", "--model=openai:toy@http://127.0.0.1:9")
    result = project.run(sys.executable, *command, "prog.py")
    assert result.ret == 1
    assert result.outlines == ["before"]
    result.stderr.fnmatch_lines(["NameError: *", "gemmadev: model openai:toy@*no server answers*"])
    assert (project.path / "prog.py").read_text() == program


def test_a_server_that_fails_in_the_middle(project: pytest.Pytester) -> None:
    with serving(Standin()) as server:
        server.trouble = lambda _path, number: HTML if number > 6 else None
        result = repair(project, server.url, 10)
        assert len(server.asked) > 6
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["gemmadev: model openai:toy@*: * answers with a web page*"])
    assert (project.path / "sums.py").read_text() == SOURCE


def hang(release: threading.Event, after: int) -> Callable[[str, int], Answer | None]:
    def trouble(_path: str, number: int) -> None:
        if number > after:
            release.wait(50)

    return trouble


def test_a_server_that_never_answers(project: pytest.Pytester) -> None:
    release = threading.Event()
    with serving(Standin()) as server:
        server.trouble = hang(release, -1)
        result = repair(project, server.url, 3)
        release.set()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["gemmadev: model openai:toy@*: no answer within 1.* s from *"])
    assert (project.path / "sums.py").read_text() == SOURCE


def test_a_server_that_stops_answering_takes_no_more_than_the_budget(
    project: pytest.Pytester,
) -> None:
    release = threading.Event()
    with serving(Standin()) as server:
        server.trouble = hang(release, 6)
        result = repair(project, server.url, 6)
        release.set()
        assert len(server.asked) > 6
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not repaired: out of budget*", "*1 failed*"])
    assert (project.path / "sums.py").read_text() == SOURCE
