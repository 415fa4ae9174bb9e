"""What third parties test their rules with finds what is wrong with a rule, and passes a sound one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_gemmadev.api import (
    Candidate,
    Edit,
    ErrorKind,
    Example,
    Failure,
    Fix,
    RepairTask,
    Rewrite,
    Rule,
    Template,
    fix,
)
from pytest_gemmadev.testing import (
    ScriptedModel,
    apply_candidate,
    check_rule,
    check_template,
    parse_tree,
    propose_everywhere,
    raise_error,
)

MISSPELT = Example("def double(x):\n    return xx * 2\n", "double(2)", "return xx", "return x")
DEFINED = Example("def double(x):\n    return y * 2\n", "double(2)")


class Doubled(Rule):
    """A name with its first letter twice."""

    name = "doubled_letter"
    kinds = (ErrorKind.NAME,)
    examples = (MISSPELT, DEFINED)

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        site, name = failure.site, failure.facts.name
        if site is None or len(name) < 2 or name[0] != name[1]:
            return
        for node in site.nodes(ast.Name):
            if node.id == name:
                yield from fix(-0.1, f"`{name[1:]}` is meant", site.module.replace(node, name[1:]))


@pytest.mark.parametrize("example", Doubled.examples, ids=["changes", "leaves alone"])
def test_a_rule_that_does_what_its_examples_say(example: Example, tmp_path: Path) -> None:
    check_rule(Doubled(), example, tmp_path)


@pytest.mark.parametrize(
    ("example", "says"),
    [
        pytest.param(Example("def f():\n    return 1\n", "f()"), "test passes", id="no error"),
        pytest.param(Example("def f():\n    return 1 / 0\n", "f()"), "not for", id="another kind"),
        pytest.param(
            Example("def f(x):\n    return xx\n", "f(1)", "xx", "y"), "return x", id="another edit"
        ),
        pytest.param(
            Example("def f(x):\n    return xx + xx\n", "f(1)", "xx", "x"), "once", id="unclear"
        ),
        pytest.param(Example("def f(x):\n    return xx\n", "f(1)"), "leave alone", id="too much"),
    ],
)
def test_what_is_wrong_is_said(example: Example, says: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        check_rule(Doubled(), example, tmp_path)
    assert says in str(caught.value)


def test_a_project_runs_in_its_folder_and_leaves_no_module_behind(tmp_path: Path) -> None:
    files = parse_tree("--- shop/__init__.py\n--- shop/cart.py\ndef total():\n    return [][0]\n")
    stack = raise_error(tmp_path, files, "from shop.cart import total\n---\ntotal()")
    assert stack is not None
    assert stack.kind is ErrorKind.INDEX
    assert [frame.path for frame in stack.frames] == ["tests/test_app.py", "shop/cart.py"]
    assert (
        raise_error(tmp_path, parse_tree("def one():\n    return 1\n"), "assert one() == 1") is None
    )
    with pytest.raises(ImportError):
        __import__("shop.cart")


SWAPPED = Template(
    name="swapped",
    rewrites=Rewrite("$a.minus($b)", "$b.minus($a)"),
    examples=(("x.minus(y)", "y.minus(x)"),),
    untouched=("x.plus(y)",),
    per_thousand=5.0,
)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({}, "", id="sound"),
        pytest.param({"examples": (("x.plus(y)", "y.plus(x)"),)}, "makes of", id="example"),
        pytest.param({"untouched": ("x.minus(y)",)}, "leave 'x.minus(y)' alone", id="untouched"),
    ],
)
def test_a_template_is_held_to_its_examples(changes: dict[str, Any], says: str) -> None:
    template = replace(SWAPPED, **changes)
    if not says:
        check_template(template)
        return
    with pytest.raises(AssertionError, match=re.escape(says)):
        check_template(template)


def test_a_proposer_that_goes_by_the_place() -> None:
    class LessIsMore:
        name = "less-is-more"

        def propose(self, task: RepairTask) -> Iterator[Candidate]:
            ((path, text),) = task.sources.items()
            if "<" in text:
                at = text.index("<")
                yield Candidate((Edit(path, at, at + 1, ">"),), "less", -1.0)

    assert propose_everywhere(LessIsMore(), "1 < 2\n") == ["1 > 2\n"]
    assert propose_everywhere(LessIsMore(), "1 == 2\n") == []


def test_edits_that_do_not_apply_are_refused() -> None:
    with pytest.raises(AssertionError):
        apply_candidate({"a.py": "x\n"}, Candidate((Edit("a.py", 5, 9, ""),), "x", 0.0))


def test_the_scripted_model_is_there() -> None:
    assert ScriptedModel(scores={"a": -1.0}).score("", ["a"]) == (-1.0,)
