"""A repair whose model lies behind a server in trouble: one line, the tree as it was."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("httpx")
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from standin import Answer, Standin, serving

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

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
