"""Every rule's own examples, on errors that the example's code really raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_gemmadev.propose.rules.all_rules import RULES
from pytest_gemmadev.propose.rules.rule import Example, Rule
from pytest_gemmadev.testing import check_rule

CASES = [
    pytest.param(rule, example, id=f"{rule.name}-{'changes' if example.old else 'nothing'}-{n}")
    for rule in RULES
    for n, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule: Rule, example: Example, tmp_path: Path) -> None:
    check_rule(rule, example, tmp_path)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_an_example_that_changes_and_one_that_does_not(rule: Rule) -> None:
    assert any(e.old for e in rule.examples)
    assert any(not e.old for e in rule.examples)


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
