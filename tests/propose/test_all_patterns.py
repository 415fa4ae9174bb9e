"""Every pattern repairs its examples and leaves alone what it must; the cases are the patterns' own."""

from __future__ import annotations

import ast

import pytest
from pytest_gemmadev.types import Candidate, ErrorKind, ErrorStack, RepairTask, Span, Suspicion

from pytest_gemmadev.propose.patterns.all_patterns import PATTERNS
from pytest_gemmadev.propose.patterns.pattern import AnyPattern
from pytest_gemmadev.propose.patterns.pattern_proposer import PatternProposer
from pytest_gemmadev.propose.patterns.priors import PRIORS

PATH = "code.py"
STACK = ErrorStack("test_code.py::test", "call", ErrorKind.ASSERTION, "AssertionError", "", ())


def task_for(code: str) -> RepairTask:
    """A task in which every line of the code is equally suspicious."""
    lines = code.count("\n") + 1
    suspicions = tuple(Suspicion(Span(PATH, n, n), 1.0, "all") for n in range(1, lines + 1))
    return RepairTask(
        (STACK,), (STACK.nodeid,), frozenset(), {PATH: code}, {}, suspicions=suspicions
    )


def results(pattern: AnyPattern, code: str) -> list[str]:
    proposer = PatternProposer(patterns=(pattern,))
    return [applied(code, candidate) for candidate in proposer.propose(task_for(code))]


def applied(code: str, candidate: Candidate) -> str:
    for edit in reversed(candidate.edits):
        code = code[: edit.start] + edit.replacement + code[edit.end :]
    return code


EXAMPLES = [
    pytest.param(pattern, buggy, fixed, id=f"{pattern.name}-{index}")
    for pattern in PATTERNS
    for index, (buggy, fixed) in enumerate(pattern.examples)
]
UNTOUCHED = [
    pytest.param(pattern, code, id=f"{pattern.name}-{index}")
    for pattern in PATTERNS
    for index, code in enumerate(pattern.untouched)
]


@pytest.mark.parametrize(("pattern", "buggy", "fixed"), EXAMPLES)
def test_repairs_its_example(pattern: AnyPattern, buggy: str, fixed: str) -> None:
    trees = {ast.dump(ast.parse(text)) for text in results(pattern, buggy)}
    assert ast.dump(ast.parse(fixed)) in trees


@pytest.mark.parametrize(("pattern", "code"), UNTOUCHED)
def test_leaves_other_code_alone(pattern: AnyPattern, code: str) -> None:
    assert results(pattern, code) == []


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
def test_has_examples_of_both_kinds_and_a_prior(pattern: AnyPattern) -> None:
    assert pattern.examples
    assert pattern.untouched
    assert pattern.prior < 0.0


def test_names_and_priors_match() -> None:
    names = [pattern.name for pattern in PATTERNS]
    assert len(names) == len(set(names))
    assert set(names) == set(PRIORS)
