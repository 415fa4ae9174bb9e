"""Every pattern repairs its examples and leaves alone what it must; the cases are the patterns' own."""

from __future__ import annotations

import ast

import pytest

from pytest_gemmadev.propose.patterns.all_patterns import PATTERNS
from pytest_gemmadev.propose.patterns.pattern import AnyPattern
from pytest_gemmadev.propose.patterns.pattern_proposer import PatternProposer
from pytest_gemmadev.propose.patterns.priors import PRIORS
from pytest_gemmadev.testing import propose_everywhere


def results(pattern: AnyPattern, code: str) -> list[str]:
    return propose_everywhere(PatternProposer(patterns=(pattern,)), code)


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
