"""A bug of the plugin itself: the run ends as it would, and the last line names the traceback's file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from whole_runs import Ran, contents, run, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FILES = {
    "shop.py": "def double(x):\n    return x + 2\n",
    "test_shop.py": "from shop import double\n\n\ndef test_double():\n    assert double(3) == 6\n",
}

# Another package's proposer, as its entry point would bring it.
BROKEN_PROPOSER = """\
import logging

from pytest_gemmadev import registry
from pytest_gemmadev.hookspecs import hookimpl


class Broken:
    name = "broken"

    def propose(self, task):
        raise ZeroDivisionError(f"a bug about {task.targets[0]}")
        yield


class Plugin:
    @hookimpl
    def gemmadev_proposers(self):
        return (Broken(),)


registry._shared_manager().register(Plugin())


def pytest_collection_finish():
    logging.disable(logging.CRITICAL)  # as projects do that are tested
"""

BROKEN_CAPTURE = """\
from pytest_gemmadev.capture import hooks


def pytest_configure(config):
    hooks.capture_stack = lambda *args, **more: 1 / 0
"""

BROKEN_CONFTEST = "import nowhere_to_be_found\n"
BROKEN_SESSION = """\
from pytest_gemmadev.doors import session


def repair_conftest(config, plain):
    raise ZeroDivisionError("a bug")


session.repair_conftest = repair_conftest
"""


def log_named_by(line: str, cache: Path) -> str:
    """The contents of the file that the line names."""
    found = re.fullmatch(r"gemmadev: a bug in pytest-gemmadev; its traceback is in (.+\.log)", line)
    assert found is not None, line
    path = Path(found[1])
    assert path.parent == cache / "pytest-gemmadev" / "log"
    assert path.stat().st_mode & 0o077 == 0
    return path.read_text("utf-8")


def run_with(tmp_path: Path, plugin: str, *options: str, **files: str) -> Ran:
    project = tmp_path / "project"
    write(project, FILES | {f"{name}.py": text for name, text in files.items()})
    write(tmp_path / "plugins", {"broken_plugin.py": plugin})
    return run(
        project,
        *("-p", "broken_plugin", "-p", "no:cacheprovider", "--gemmadev-model=none"),
        *("--gemmadev-accept=guess", *options),
        PYTHONPATH=str(tmp_path / "plugins"),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )


@pytest.mark.parametrize(
    "mode", ["--gemmadev-fix", "--gemmadev-propose=../patches"], ids=["fix", "propose"]
)
def test_a_proposer_that_raises(tmp_path: Path, mode: str) -> None:
    ran = run_with(tmp_path, BROKEN_PROPOSER, mode)
    assert ran.status == 1, ran.output
    lines = ran.output.rstrip().splitlines()
    assert any(
        line.startswith("gemmadev: repair failed: ZeroDivisionError: a bug about test_shop.py::")
        for line in lines
    )
    assert "1 failed" in lines[-2]
    assert "Traceback" not in ran.output
    log = log_named_by(lines[-1], tmp_path / "cache")
    assert log.startswith("pytest-gemmadev ")
    assert "repair failed\nTraceback (most recent call last):\n" in log
    assert "broken_plugin.py" in log
    assert log.endswith("ZeroDivisionError: a bug about test_shop.py::test_double\n")
    project = {k: v for k, v in contents(tmp_path / "project").items() if k in FILES}
    assert project == {name: text.encode() for name, text in FILES.items()}
    assert not (tmp_path / "project" / ".gemmadev" / "log").exists()


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["one process", "xdist"])
def test_a_bug_of_the_capture(tmp_path: Path, options: tuple[str, ...]) -> None:
    if options:
        pytest.importorskip("xdist")
    ran = run_with(tmp_path, BROKEN_CAPTURE, "--gemmadev-fix", "--gemmadev-budget=1", *options)
    log = log_named_by(ran.output.rstrip().splitlines()[-1], tmp_path / "cache")
    assert "capturing the failure of test_shop.py::test_double\nTraceback" in log


def test_a_bug_while_a_conftest_is_repaired(tmp_path: Path) -> None:
    ran = run_with(tmp_path, BROKEN_SESSION, "--gemmadev-fix", conftest=BROKEN_CONFTEST)
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in ran.output.splitlines() if "its traceback is in" in line]
    assert "ZeroDivisionError: a bug" in log_named_by(line, tmp_path / "cache")


def test_without_a_bug_there_is_no_file_and_no_line(tmp_path: Path) -> None:
    ran = run_with(tmp_path, "", "--gemmadev-fix")
    assert ran.status == 0, ran.output
    assert "traceback" not in ran.output
    assert not (tmp_path / "cache" / "pytest-gemmadev" / "log").exists()
