"""Failures repaired at the same time end as when they are repaired one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NAMES = ("apples", "pears")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    for name in NAMES:
        source = f"def count_{name}(items):\n    return len([i for i in itms if i == {name!r}])\n"
        test = (
            f"from {name} import count_{name}\n\n"
            f"def test_{name}():\n"
            f"    assert count_{name}([]) == 0\n"
            f"    assert count_{name}([{name!r}, 'plums', {name!r}]) == 2\n"
        )
        (pytester.path / f"{name}.py").write_text(source)
        (pytester.path / f"test_{name}.py").write_text(test)
    return pytester


def repair(project: pytest.Pytester, jobs: int) -> tuple[pytest.RunResult, list[dict[str, object]]]:
    report = project.path.parent / f"report-{jobs}.json"
    result = project.runpytest_subprocess(
        "--gemmadev-propose=patches",
        "--gemmadev-model=none",
        f"--gemmadev-jobs={jobs}",
        f"--gemmadev-report={report}",
    )
    return result, json.loads(report.read_text())["failures"]


def test_the_same_patches_whatever_the_number_of_jobs(project: pytest.Pytester) -> None:
    before = {path: path.read_bytes() for path in project.path.glob("*.py")}
    found = {}
    for jobs in (1, 2):
        result, failures = repair(project, jobs)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert {f["status"] for f in failures} == {"proposed"}
        patches = sorted((project.path / "patches").glob("*.patch"))
        found[jobs] = {path.name: path.read_bytes() for path in patches}
    assert found[1] == found[2]
    assert len(found[1]) == len(NAMES)
    assert {path: path.read_bytes() for path in project.path.glob("*.py")} == before


def test_all_are_written_at_once_and_put_back_at_once(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "--gemmadev-fix", "--gemmadev-model=none", "--gemmadev-jobs=2"
    )
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["2 of 2 failures repaired in *"])
    entries = list((project.path / ".gemmadev" / "undo").glob("*.json"))
    assert len(entries) == 1
    assert all("itms" not in Path(f"{name}.py").read_text() for name in NAMES)
