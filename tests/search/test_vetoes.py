"""A validator of another package rejects plausible repairs; it can accept none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, SearchResult, Step
from pytest_gemmadev.search.outcomes import explain_failure
from pytest_gemmadev.search.vetoes import apply_validators
from pytest_gemmadev.types import Candidate, Edit, Origin, Plausible, RepairTask

FILES = {"a.py": "x = 1\n", "b.py": "y = 1\n"}
PROJECT = InMemory(dict(FILES), {})
CONTEXT = SearchContext(
    oracle=PROJECT, proposers=(), writers=(), files=PROJECT, model=None, clock=lambda: 0.0
)
TASK = RepairTask((), ("t::a",), frozenset(), FILES, {})


def found(*edits: Edit) -> Found:
    steps = tuple(Step(Candidate((edit,), Origin.parse("rule:x"), 0.0), 0.0, 1) for edit in edits)
    return Found(steps, {}, Plausible(1), ("t::a",))


IN_A, IN_B = Edit("a.py", 4, 5, "2"), Edit("b.py", 4, 5, "2")


def leave_a_alone(task: RepairTask, candidate: Candidate) -> str | None:
    return "a.py is generated" if candidate.edits[0].path == "a.py" else None


def leave_twos_alone(task: RepairTask, candidate: Candidate) -> str | None:
    return "there is a 2" if "2" in task.sources["b.py"] else None


@pytest.mark.parametrize(
    ("validators", "repairs", "left", "vetoes"),
    [
        pytest.param((), [found(IN_A)], [0], (), id="no validator"),
        pytest.param((leave_a_alone,), [found(IN_B)], [0], (), id="no reason"),
        pytest.param(
            (leave_a_alone,), [found(IN_A), found(IN_B)], [1], ("a.py is generated",), id="one"
        ),
        pytest.param(
            (leave_a_alone,), [found(IN_B, IN_A)], [], ("a.py is generated",), id="a later step"
        ),
        pytest.param(
            (leave_twos_alone,), [found(IN_B, IN_A)], [], ("there is a 2",), id="tree of the step"
        ),
        pytest.param(
            (leave_twos_alone, leave_a_alone), [found(IN_A)], [], ("a.py is generated",), id="two"
        ),
    ],
)
def test_what_is_left(
    validators: tuple[object, ...], repairs: list[Found], left: list[int], vetoes: tuple[str, ...]
) -> None:
    context = replace(CONTEXT, validators=validators)  # type: ignore[arg-type]
    result = apply_validators(context, SearchResult(repairs), TASK)
    assert list(result.found) == [repairs[place] for place in left]
    assert tuple(result.vetoes) == vetoes


@pytest.mark.parametrize(
    ("count", "says"),
    [
        pytest.param(1, "1 plausible patch was found and rejected: because", id="one"),
        pytest.param(3, "3 plausible patches were found and rejected: because", id="several"),
        pytest.param(0, "no candidate patch was found for it", id="none"),
    ],
)
def test_the_report_gives_the_reason(count: int, says: str) -> None:
    assert explain_failure(SearchResult(vetoes=("because",) * count)) == says
