"""Every rule's own examples, on errors that the example's code really raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import parse_tree, patched, run, task_of

from pytest_gemmadev.propose.rules import RuleProposer
from pytest_gemmadev.propose.rules.all_rules import RULES
from pytest_gemmadev.propose.rules.rule import Example, Rule

CASES = [
    pytest.param(rule, example, id=f"{rule.name}-{'changes' if example.old else 'nothing'}-{n}")
    for rule in RULES
    for n, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule: Rule, example: Example, tmp_path: Path) -> None:
    files = parse_tree(example.tree)
    stack = run(tmp_path, files, example.test)
    assert stack is not None, "the example's test passes"
    assert stack.kind in rule.kinds, stack
    task = task_of(stack, files, example.test)
    results = [patched(files, c) for c in RuleProposer((rule,)).propose(task)]
    if not example.old:
        assert results == []
        return
    whole = "".join(files.values())
    assert whole.count(example.old) == 1, f"{example.old!r} must occur once"
    wanted = {path: text.replace(example.old, example.new) for path, text in files.items()}
    assert wanted in results, results


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_an_example_that_changes_and_one_that_does_not(rule: Rule) -> None:
    assert any(e.old for e in rule.examples)
    assert any(not e.old for e in rule.examples)


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
