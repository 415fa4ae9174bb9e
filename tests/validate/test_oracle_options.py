"""The user's own options: what stops early, reports or writes is off, the rest stays."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import Plausible, StillFailing

pytestmark = pytest.mark.slow

FILES = {
    "lib.py": "def f():\n    return 1\n",
    "test_a.py": "def test_early():\n    assert False\ndef test_ok(): pass\n",
    "test_lib.py": "from lib import f\ndef test_f():\n    assert f() == 2\n"
    "def test_tmp(tmp_path, cache):\n    (tmp_path / 'x').write_text('x')\n"
    "    cache.set('x/y', 1)\n    cache.get('x/y', 1)\n",
}
ALL = {
    "test_a.py::test_early",
    "test_a.py::test_ok",
    "test_lib.py::test_f",
    "test_lib.py::test_tmp",
}

ARGS: dict[str, list[str]] = {
    "none": [],
    "stops at the first failure": ["-x"],
    "stops at the first two": ["--maxfail=2"],
    "last failed": ["--lf"],
    "failed first": ["--ff"],
    "stepwise": ["--sw"],
    "two workers": ["-n", "2"],
    "two workers, other spelling": ["-n2", "--dist", "loadfile"],
    "debugger": ["--pdb"],
    "reports": ["--junitxml=report.xml", "--log-file=log.txt"],
    "own temporary folder": ["--basetemp=keep"],
    "no capture": ["-s"],
    "no terminal": ["-p", "no:terminal"],
    "quiet": ["-q", "--tb=no", "--no-header"],
    "verbose": ["-vv", "--durations=3", "-ra"],
    "forgets the cache": ["--cache-clear"],
    "warnings are errors": ["-W", "error::pytest.PytestAssertRewriteWarning"],
}


def tree(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("args", ARGS.values(), ids=ARGS)
def test_options(make_project: MakeProject, tmp_path: Path, args: list[str]) -> None:
    kept = {
        "keep/precious": "x",
        ".pytest_cache/v/cache/lastfailed": '{"test_a.py::test_early": true}',
    }
    project = make_project({**FILES, **kept}, args=args)
    before = tree(project.root)
    assert project.seen.collected == ALL
    assert set(project.seen.failing) == {"test_a.py::test_early", "test_lib.py::test_f"}
    target = "test_lib.py::test_f"
    assert isinstance(project.try_out("lib.py", "return 1", "return 3", target), StillFailing)
    assert isinstance(project.try_out("lib.py", "return 1", "return 2", target), Plausible)
    project.oracle.close()
    assert tree(project.root) == before


def test_without_the_cache_plugin(make_project: MakeProject) -> None:
    files = {
        **FILES,
        "test_lib.py": FILES["test_lib.py"].replace(", cache", "").split("    cache")[0],
    }
    project = make_project(files, args=["-p", "no:cacheprovider"])
    target = "test_lib.py::test_f"
    assert isinstance(project.try_out("lib.py", "return 1", "return 2", target), Plausible)


def test_selected_tests_only(make_project: MakeProject) -> None:
    project = make_project(FILES, args=["test_lib.py", "-k", "test_f"])
    assert project.seen.collected == {"test_lib.py::test_f"}
    assert isinstance(project.try_out("lib.py", "return 1", "return 2"), Plausible)


def test_a_node_id_on_the_command_line(make_project: MakeProject) -> None:
    project = make_project(FILES, args=["test_lib.py::test_f", "test_a.py"])
    assert "test_lib.py::test_tmp" not in project.seen.collected
    target = "test_lib.py::test_f"
    assert isinstance(project.try_out("lib.py", "return 1", "return 2", target), Plausible)


def test_addopts_and_the_environment_apply(make_project: MakeProject) -> None:
    files = {**FILES, "pytest.ini": "[pytest]\npythonpath = .\naddopts = -x -n 2 test_lib.py\n"}
    project = make_project(files)
    assert project.seen.collected == {"test_lib.py::test_f", "test_lib.py::test_tmp"}


def test_wrong_arguments_abort_the_run(make_project: MakeProject) -> None:
    project = make_project(FILES, args=["--no-such-option"])
    assert "exit status 4" in project.seen.aborted
    assert not project.seen.outcomes


def plugin_args() -> list[str]:
    """What loads this project's plugin, where it is not installed."""
    installed = [e.name for e in entry_points(group="pytest11")]
    return [] if "gemmadev" in installed else ["-p", "pytest_gemmadev.plugin"]


def test_a_child_repairs_nothing(make_project: MakeProject) -> None:
    files = {**FILES, "pytest.ini": "[pytest]\npythonpath = .\naddopts = --gemmadev-fix\n"}
    project = make_project(files, args=[*plugin_args(), "--gemmadev-propose=patches"])
    before = tree(project.root)
    assert project.seen.collected == ALL
    target = "test_lib.py::test_f"
    assert isinstance(project.try_out("lib.py", "return 1", "return 2", target), Plausible)
    assert tree(project.root) == before


def test_a_child_does_not_repair_a_conftest(make_project: MakeProject) -> None:
    files = {
        "lib.py": "def f(:\n",
        "conftest.py": "import lib\n",
        "test_a.py": "def test_a(): pass\n",
    }
    project = make_project(files, args=[*plugin_args(), "--gemmadev-fix"])
    assert project.seen.failing == ("conftest.py",)
    assert not (project.root / ".gemmadev").exists()


def test_files_of_candidates_go_to_a_folder_of_their_own(make_project: MakeProject) -> None:
    project: Project = make_project(
        {
            "lib.py": "import tempfile\ndef f():\n    return tempfile.mkdtemp()\n",
            "test_lib.py": "from lib import f\ndef test_f():\n    assert 'gemmadev-' not in f()\n",
        }
    )
    assert project.seen.failing
    verdict = project.try_out("lib.py", "tempfile.mkdtemp()", "str(tempfile.mkdtemp())")
    assert isinstance(verdict, StillFailing)
