"""Destructive repairs on real code in memory: tried after all else, suggested, never written."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.search.outcomes import number_suggestions
from pytest_gemmadev.search.patches import rebase_suggestion
from pytest_gemmadev.text.diff import apply_unified
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    Outcome,
    Overlay,
    RepairTask,
    Status,
    Verdict,
)

LOG = "LOG = []\n\n\nclass Place:\n    def __init__(self, name):\n        self.name = name\n\n"
LOG += "    def unlink(self):\n        LOG.append(self.name)\n"  # a harmless stand-in for a path
CLEAN = """\
HOME = Place("home")
CACHE = Place("cache")


def clean(name):
    CACH.unlink()
    return name


def total(values):
    return sum(values) + 1
"""
TESTS = {"t::clean": "clean('x') == 'x' and LOG == ['cache']", "t::total": "total([1]) == 1"}
NAME = "changes what `.unlink` is given"


@dataclass(slots=True)
class Asked(InMemory):
    """Notes which candidates run, in their order."""

    tried: list[str] = field(default_factory=list)

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        if candidate.explanation:
            self.tried.append(candidate.explanation)
        return super(Asked, self).validate(task, candidate)


def project(clean: str = CLEAN, tests: dict[str, str] | None = None) -> Asked:
    return Asked({"a_place.py": LOG, "clean.py": clean}, tests or TESTS)


def repaired(
    asked: Asked, *table: tuple[str, str, float], later: tuple[tuple[str, str, float], ...] = ()
) -> tuple[dict[str, Outcome], Overlay]:
    ticks = itertools.count()
    clock = lambda: next(ticks) * 0.001  # noqa: E731  # a clock that only counts calls
    context = SearchContext(
        files=asked,
        oracle=asked,
        proposers=[Substitutions(table)],
        writers=[Substitutions(later)] if later else [],
        model=None,
        clock=clock,
        accept=Confidence.GUESS,
    )
    outcomes, overlay = repair(context, asked.observe({}), Meter(Budget(60.0), clock))
    return {o.nodeid: o for o in number_suggestions(outcomes)}, overlay


def test_a_destructive_repair_is_suggested_and_the_others_are_written() -> None:
    asked = project()
    outcomes, overlay = repaired(
        asked, ("CACH.", "HOME.", -3.0), ("CACH.", "CACHE.", -1.0), (" + 1", "", -1.0)
    )
    assert overlay == {"clean.py": CLEAN.replace(" + 1", "").encode()}
    clean = outcomes["t::clean"]
    assert clean.status is Status.SUGGESTED
    assert clean.reason.startswith(
        f"it {NAME}; written only when asked for: gemmadev apply 1; 1 test passes with it"
    )
    assert [patch.chosen for patch in clean.patches] == [True]
    assert outcomes["t::total"].status is Status.REPAIRED
    assert "CACH. -> HOME." not in asked.tried  # the first one was plausible


def test_a_suggestion_applies_to_the_files_as_the_other_repairs_leave_them() -> None:
    far = CLEAN.replace("\n\ndef total", "\n\n# a\n# b\n# c\n# d\n# e\n\n\ndef total")
    asked = project(f"def first(v):\n    return v + 1\n\n\n# a\n# b\n# c\n# d\n\n\n{far}", {
        "t::clean": TESTS["t::clean"], "t::first": "first(1) == 1"})  # fmt: skip
    outcomes, overlay = repaired(
        asked, ("CACH.", "CACHE.", -1.0), ("v + 1", "(v\n            )", -1.0)
    )
    written = rebase_suggestion(outcomes["t::clean"], overlay, asked.read)
    applied = apply_unified(written.patches[0].diff, lambda path: overlay[path])
    assert applied == {"clean.py": overlay["clean.py"].replace(b"CACH.", b"CACHE.")}
    assert rebase_suggestion(outcomes["t::first"], overlay, asked.read) == outcomes["t::first"]


def test_what_is_destructive_is_not_tried_where_something_else_is_plausible() -> None:
    asked = project(tests={"t::total": TESTS["t::total"]})
    outcomes, overlay = repaired(
        asked, (" + 1", "", -5.0), (" + 1", " + CACHE.unlink()", -1.0), ("CACH.", "HOME.", -1.0)
    )
    assert asked.tried == [" + 1 -> "]
    assert outcomes["t::total"].status is Status.REPAIRED
    assert overlay


def test_what_is_destructive_comes_after_what_the_model_writes() -> None:
    asked = project(CLEAN.replace("CACH.", "HOME."), {"t::clean": TESTS["t::clean"]})
    outcomes, overlay = repaired(
        asked,
        ("HOME.", "CACHE.", 0.0),
        ("return name", "return HOME", -9.0),
        later=(("return name", "return CACHE", -9.0),),
    )
    assert asked.tried == [
        "return name -> return HOME", "return name -> return CACHE", "HOME. -> CACHE."
    ]  # fmt: skip
    assert outcomes["t::clean"].status is Status.SUGGESTED
    assert overlay == {}


@pytest.mark.parametrize(
    ("find", "put", "table"),
    [
        pytest.param("return name", "return nam", [("CACH.", "CACHE."), ("nam\n", "name\n")],
                     id="a destructive step, then another"),
        pytest.param("    CACH", "    nam\n    CACH", [("nam\n", "name\n"), ("CACH.", "CACHE.")],
                     id="a destructive step behind another"),
    ],
)  # fmt: skip
def test_a_repair_with_a_destructive_step_is_destructive(
    find: str, put: str, table: list[tuple[str, str]]
) -> None:
    asked = project(CLEAN.replace(find, put), {"t::clean": TESTS["t::clean"]})
    outcomes, overlay = repaired(asked, *((old, new, -1.0) for old, new in table))
    assert outcomes["t::clean"].status is Status.SUGGESTED
    assert overlay == {}
    added = [line for line in outcomes["t::clean"].patches[0].diff.splitlines() if line[:1] == "+"]
    assert [line for line in added if "CACHE" in line and not line.startswith("+++")]
    assert [line for line in added if "name" in line and not line.startswith("+++")]


def test_what_shares_the_cause_is_suggested_with_it() -> None:
    asked = project(tests={"t::a": TESTS["t::clean"], "t::b": "clean('b') == 'b'"})
    outcomes, overlay = repaired(asked, ("CACH.", "CACHE.", -1.0))
    assert [o.status for o in outcomes.values()] == [Status.SUGGESTED] * 2
    assert outcomes["t::b"].reason == "the same cause as t::a"
    assert overlay == {}
    assert len(asked.observed) == 2  # not searched again and again
