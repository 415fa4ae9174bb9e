"""Which candidates a fresh process confirms, and when what a worker says is enough."""

from __future__ import annotations

from typing import Any

import pytest
from projects import MakeProject

from pytest_gemmadev.types import Plausible, StillFailing
from pytest_gemmadev.validate.parent.project_runs import ProjectRuns
from pytest_gemmadev.validate.parent.screening import Screening

SHOP = "def total(items):\n    return sum(items) - 1\n"
TEST = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"


@pytest.mark.slow
def test_two_fresh_runs_confirm_a_worker_and_one_that_disagrees_ends_the_trust(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project({"shop.py": SHOP, "test_shop.py": TEST})
    real, fresh = ProjectRuns.run_some_and_learn, []

    def count(self: ProjectRuns, *given: Any, **named: Any) -> Any:
        fresh.append(given)
        return real(self, *given, **named)

    task = project.task()
    monkeypatch.setattr(ProjectRuns, "run_some_and_learn", count)
    project.oracle.validate(task, project.candidate("shop.py", "- 1", "- 2"))  # starts a worker
    taken = []
    for new in ("- 0", "+ 0", "* 1"):
        before = len(fresh)
        candidate = project.candidate("shop.py", "- 1", new)
        assert isinstance(project.oracle.validate(task, candidate), Plausible)
        taken.append(len(fresh) - before)
    assert taken == [1, 1, 0]
    project.oracle._learn_agreement(task, Screening({}, {}, Plausible(1)), StillFailing(0, 1))
    before = len(fresh)
    project.oracle.validate(task, project.candidate("shop.py", "- 1", "// 1"))
    assert len(fresh) == before + 1
