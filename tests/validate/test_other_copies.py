"""Projects of which another copy is installed: every run has the modules that the user's run had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import (
    Candidate,
    Observation,
    Origin,
    OriginKind,
    Plausible,
    StillFailing,
    Verdict,
)

pytestmark = pytest.mark.slow

UNCHANGED = Candidate((), Origin(OriginKind.UNCHANGED), 0.0)
PACKAGE = {"richy/__init__.py": "from .text import double\n"}
WRONG = "def double(n):\n    return n * 3\n"
TEST = """
from richy import double
import extension

def test_double():
    assert double(2) == 4
    assert double(5) == 10
"""
TEST_FILES = {"tests/test_text.py": TEST, "tests/conftest.py": "import extension\n"}
# What tests import from outside of the project is imported ahead; it imports the project in turn.
EXTENSION = "import richy\n" + "".join(f"import extension{i}\n" for i in range(25))

LAYOUTS: dict[str, tuple[dict[str, str], list[str], str]] = {
    "a folder named on the command line, and a plugin that imports the package": (
        {"src/richy/text.py": WRONG, "pytest.ini": "[pytest]\n", "src/richy/__init__.py":
         PACKAGE["richy/__init__.py"]},
        ["-o", "pythonpath=src", "-p", "loads_package"],
        "src/richy/text.py",
    ),
    "a folder named on the command line": (
        {"src/richy/text.py": WRONG, "pytest.ini": "[pytest]\n", "src/richy/__init__.py":
         PACKAGE["richy/__init__.py"]},
        ["-o", "pythonpath=src"],
        "src/richy/text.py",
    ),
    "the folder of a conftest": (
        {"richy/text.py": WRONG, "pytest.ini": "[pytest]\n", "conftest.py": "import richy\n",
         **PACKAGE},
        [],
        "richy/text.py",
    ),
    "a plugin that imports another copy in the warm process only": (
        {"richy/text.py": WRONG, "pytest.ini": "[pytest]\n", "conftest.py": "import richy\n",
         **PACKAGE},
        ["-p", "loads_copy_when_warm"],
        "richy/text.py",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which a sound copy of the package is installed, and what imports it."""
    site = tmp_path_factory.mktemp("site-packages")
    files = {
        **PACKAGE,
        "richy/text.py": "def double(n):\n    return n + n\n",
        "extension.py": EXTENSION,
        **{f"extension{i}.py": "" for i in range(25)},
        "loads_package.py": "import richy\n",
        # The warm process has a fixed hash seed, which stands here for all that may differ in it.
        "loads_copy_when_warm.py": (
            "import os\nif os.environ.get('PYTHONHASHSEED') == '0':\n    import richy\n"
        ),
    }
    for name, text in files.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"}
    return environ | {"PYTHONPATH": str(site)}


def verdicts(project: Project, path: str) -> list[Verdict]:
    """On the unchanged code, on a wrong repair, on a right one that is swapped, on one that is not."""
    task = project.task("tests/test_text.py::test_double")
    wrong, right = (project.candidate(path, "n * 3", new) for new in ("n * 4", "n * 2"))
    anew = project.candidate(path, "n * 3\n", "n * 2\n\nMORE = 1\n")
    return [project.oracle.validate(task, each) for each in (UNCHANGED, wrong, right, anew)]


@pytest.mark.parametrize(("files", "args", "path"), LAYOUTS.values(), ids=LAYOUTS)
def test_candidates_run_on_the_copy_of_the_project(
    make_project: MakeProject,
    installed: dict[str, str],
    files: dict[str, str],
    args: list[str],
    path: str,
) -> None:
    project = make_project({**files, **TEST_FILES}, args=args, environ=installed)
    assert project.seen.failing == ("tests/test_text.py::test_double",)
    assert project.seen.origins["richy.text"] == str(project.root / path)
    unchanged, wrong, right, anew = verdicts(project, path)
    assert isinstance(unchanged, StillFailing)
    assert isinstance(wrong, StillFailing)
    assert isinstance(right, Plausible)
    assert isinstance(anew, Plausible)
    assert project.oracle.unlike == ""
    assert project.oracle.tally["decided"] >= 2  # and workers decide there as well


def test_what_no_run_has_from_the_same_file_is_said(
    make_project: MakeProject, installed: dict[str, str], tmp_path: Path
) -> None:
    files, args, _path = LAYOUTS["the folder of a conftest"]
    project = make_project({**files, **TEST_FILES}, args=args, environ=installed)
    site = Path(installed["PYTHONPATH"])
    theirs = {**project.seen.origins, "richy.text": str(site / "richy" / "text.py")}
    seen = project.seen
    oracle = project.oracle.clone()
    oracle.learn(
        Observation(seen.outcomes, seen.collected, seen.stacks, seen.durations, origins=theirs)
    )
    try:
        assert oracle.unlike == ""
        oracle.validate(project.task("tests/test_text.py::test_double"), UNCHANGED)
        assert oracle.unlike == (
            f"`richy.text` comes from {site}/richy/text.py in this run, "
            "and from richy/text.py where it is run again"
        )
    finally:
        oracle.close()


def test_helpers_of_tests_may_be_others_in_a_smaller_run(make_project: MakeProject) -> None:
    """Both are named `tools`; the first that is imported is what the process has."""
    files = {
        "lib.py": "def f():\n    return 1\n",
        "tests/a/test_a.py": "import tools\ndef test_a():\n    assert tools.A\n",
        "tests/a/tools.py": "A = 1\n",
        "tests/b/test_b.py": (
            "import tools\nfrom lib import f\ndef test_b():\n    assert f() == 2\n"
        ),
        "tests/b/tools.py": "A = 1\n",
    }
    project = make_project(files)
    verdict = project.try_out("lib.py", "return 1", "return 2", "tests/b/test_b.py::test_b")
    assert isinstance(verdict, Plausible)
    assert project.oracle.unlike == ""
