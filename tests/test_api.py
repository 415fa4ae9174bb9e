"""The Python interface: the same repair, as functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pytest_gemmadev
from pytest_gemmadev import GemmadevError, Status, patch_files, repair, to_json, undo
from pytest_gemmadev.api import propose
from pytest_gemmadev.models.scripted import ScriptedModel

SOURCE = "def total(items):\n    return sum(itms)\n"
FIXED = SOURCE.replace("itms", "items")
TEST = "from cart import total\n\ndef test_total():\n    assert total([1]) == 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "cart.py").write_text(SOURCE)
    (tmp_path / "test_cart.py").write_text(TEST)
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert unknown\n")
    return tmp_path


@pytest.mark.slow
def test_names_come_when_they_are_used() -> None:
    code = (
        "import sys, pytest_gemmadev as p; before = set(sys.modules); p.repair\n"
        "print('libcst' in before, 'libcst' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True False\n"


def test_every_name_is_there() -> None:
    assert set(pytest_gemmadev.__all__) <= set(dir(pytest_gemmadev))
    assert all(getattr(pytest_gemmadev, name) for name in pytest_gemmadev.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'repiar'"):
        _ = pytest_gemmadev.repiar


@pytest.mark.slow
def test_patches_are_proposed_and_nothing_is_written(project: Path) -> None:
    told: list[str] = []
    report = repair(project, ["test_cart.py"], model="none", tell=told.append)
    (outcome,) = report.outcomes
    assert (outcome.nodeid, outcome.status) == ("test_cart.py::test_total", Status.PROPOSED)
    assert report.overlay == {"cart.py": FIXED.encode()}
    assert list(patch_files(report).values()) == [report.diff]
    assert to_json(report)["totals"]["proposed"] == 1
    assert told[0] == "running the tests"
    assert (project / "cart.py").read_text() == SOURCE
    assert not (project / ".gemmadev").exists()


@pytest.mark.slow
def test_patches_are_written_to_a_folder_that_is_named(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    report = propose(project, ["test_cart.py"], folder=folder, model="none")
    assert report.overlay == {"cart.py": FIXED.encode()}
    (patch,) = folder.glob("*.patch")
    assert patch.read_text() == report.diff
    assert (folder / "report.json").is_file()
    assert (project / "cart.py").read_text() == SOURCE


@pytest.mark.slow
def test_the_tree_is_changed_and_put_back(project: Path) -> None:
    model = ScriptedModel()
    report = repair(project, write=True, model=model, budget_s=20)
    status = {outcome.nodeid: outcome.status for outcome in report.outcomes}
    assert status["test_cart.py::test_total"] is Status.REPAIRED
    assert status["test_other.py::test_other"] is not Status.REPAIRED
    assert report.model == "scripted"
    assert not model.closed  # it is the caller's
    assert (project / "cart.py").read_text() == FIXED
    assert undo(project) == ("cart.py",)
    assert (project / "cart.py").read_text() == SOURCE


@pytest.mark.slow
def test_nothing_fails_nothing_happens(project: Path) -> None:
    (project / "cart.py").write_text(FIXED)
    report = repair(project, ["test_cart.py"], write=True, model="none")
    assert (report.outcomes, report.overlay, report.diff) == ((), {}, "")
    assert (project / "cart.py").read_text() == FIXED


@pytest.mark.slow
def test_a_file_of_tests_with_another_name_is_no_source(project: Path) -> None:
    (project / "checks.py").write_text(TEST.replace("== 1", "== '1'"))
    report = repair(project, ["checks.py"], model="none", budget_s=4)
    assert "checks.py" not in report.overlay
    (outcome,) = report.outcomes
    assert all("checks.py" not in patch.diff for patch in outcome.patches)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "more", "says"),
    [
        pytest.param(["gone.py"], {}, "cannot be run with gone.py", id="no such test"),
        pytest.param([], {"model": "gpt"}, "model 'gpt' is unknown", id="model"),
        pytest.param([], {"budget_s": -1}, "budget_s=-1", id="budget"),
        pytest.param([], {"root": "gone"}, "gone: no such folder", id="root"),
    ],
)
def test_misuse_is_one_line(
    project: Path, tests: list[str], more: dict[str, object], says: str
) -> None:
    with pytest.raises(GemmadevError, match=says) as caught:
        repair(**{"root": project, "tests": tests, "model": "none", **more})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert (project / "cart.py").read_text() == SOURCE
