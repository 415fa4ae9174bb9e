"""The engine of templates: what a shape fits, how the other side is written, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from test_all_patterns import results

from pytest_gemmadev.propose.templates import Rewrite, Template, TemplateError
from pytest_gemmadev.propose.templates.all_templates import TEMPLATES
from pytest_gemmadev.propose.templates.error_templates import TEMPLATES as ERROR_TEMPLATES
from pytest_gemmadev.propose.templates.ingredients import one_of, variables
from pytest_gemmadev.propose.templates.template_pattern import TemplatePattern
from pytest_gemmadev.propose.templates.template_rule import TemplateRule


def pattern(*rewrites: Rewrite) -> TemplatePattern:
    """A template of these rewrites, all of it compiled."""
    made = TemplatePattern(Template("tried", rewrites, examples=(), untouched=(), per_thousand=1.0))
    made.rewrites.check()
    return made


def changed(rewrite: Rewrite, code: str) -> list[str]:
    return results(pattern(rewrite), code)


def bodies(rewrite: Rewrite, code: str) -> list[str]:
    """What becomes of one line in a function."""
    whole = f"def f(a, b, c, xs):\n    {code}\n"
    return [
        text.removeprefix("def f(a, b, c, xs):\n    ").rstrip("\n")
        for text in changed(rewrite, whole)
    ]


CASES: dict[str, tuple[Rewrite, str, list[str]]] = {
    "an expression": (Rewrite("$x or $y", "$y or $x"), "return a or b", ["return b or a"]),
    "another shape": (Rewrite("$x or $y", "$y or $x"), "return a and b", []),
    "three operands are not two": (Rewrite("$x or $y", "$y"), "return a or b or c", []),
    "equal code": (Rewrite("$x + $x", "2 * $x"), "return a[0] + a[ 0 ]", ["return 2 * a[0]"]),
    "other code": (Rewrite("$x + $x", "2 * $x"), "return a[0] + a[1]", []),
    "a constant": (Rewrite("$x + 1", "$x"), "return a + 1", ["return a"]),
    "a constant of another type": (Rewrite("$x + 1", "$x"), "return a + True", []),
    "parentheses where needed": (
        Rewrite("$x * $y", "$x - $y"),
        "return (a + b) * (b - c)",
        ["return a + b - (b - c)"],
    ),
    "parentheses for what is around": (
        Rewrite("max($x, $y)", "$x - $y"),
        "return max(a, b) * 2",
        ["return (a - b) * 2"],
    ),
    "a tuple as an argument": (
        Rewrite("$d[$k]", "$d.get($k)", "read"),
        "return a[b, c]",
        ["return a.get((b, c))"],
    ),
    "text kept byte for byte": (
        Rewrite("$f($x)", "[$x]"),
        "return xs(a  +b [ 0 ])",
        ["return [a  +b [ 0 ]]"],
    ),
    "what stands on both sides": (
        Rewrite("sum($x)", "sum($x) / len($x)"),
        "return sum( a )",
        ["return sum( a ) / len(a)"],
    ),
    "a longer chain": (
        Rewrite("$x < $y", "0 <= $x < $y"),
        "return a<b",
        ["return 0 <= a<b"],
    ),
    "all arguments": (
        Rewrite("print($$$a)", "log($$$a)"),
        "print(a,  *b, c=1)",
        ["log(a,  *b, c=1)"],
    ),
    "no arguments": (Rewrite("$x.get($$$a)", "get($x, $$$a)"), "return a.get()", ["return get(a)"]),
    "each argument": (
        Rewrite("$f($$$a, $x, $$$b)", "$x"),
        "return f(a, b)",
        ["return a", "return b"],
    ),
    "keywords are no values": (Rewrite("f($x)", "$x"), "return f(x=1)", []),
    "names": (Rewrite("$x.$name", "$x._$name".replace("_", "")), "return a.size", []),
    "another attribute in place": (
        Rewrite("$x.width", "$x.height", in_place=True),
        "return (a) . width",
        ["return (a) . height"],
    ),
    "an operator of several": (
        Rewrite("$x $op $y", "$y $op $x", "op is < or <="),
        "return a <= b",
        ["return b <= a"],
    ),
    "an operator of others": (
        Rewrite("$x $op $y", "$y $op $x", "op is < or <="),
        "return a > b",
        [],
    ),
    "an operator decides on parentheses": (
        Rewrite("$x $op $y", "$y $op $x", "op is arithmetic operator"),
        "return a - (b - c)",
        ["return b - c - a", "return a - (c - b)"],
    ),
    "an operator between comments": (
        Rewrite("$x + $y", "$x - $y", in_place=True),
        "return (a  # +1\n        + b)",
        ["return (a  # +1\n        - b)"],
    ),
    "a link of a chain": (
        Rewrite("$x < $y", "$x <= $y", in_place=True),
        "return a < b < c",
        ["return a <= b < c", "return a < b <= c", "return a <= b <= c"],
    ),
    "an argument gone": (
        Rewrite("$f($$$a, $x, $$$b)", "$f($$$a, $$$b)", "x is argument", in_place=True),
        "return f(a, c=1)",
        ["return f(c=1)", "return f(a)"],
    ),
    "one of several afters": (
        Rewrite("$x + $y", {"$x": 0.0, "$y": 1.0}),
        "return a + b",
        ["return b", "return a"],
    ),
    "a guarded after": (
        Rewrite("$x + $y", {"$x": 0.0, "$y": (1.0, "y is constant")}),
        "return a + b",
        ["return a"],
    ),
    "ingredients": (
        Rewrite("$x + $y", "$x + $z", ingredients={"z": one_of("1", "2")}),
        "return a + b",
        ["return a + 1", "return a + 2"],
    ),
    "variables in scope": (
        Rewrite("len($x)", "len($v)", "v not named xs", {"v": variables(best=9)}),
        "return len(xs)",
        ["return len(a)", "return len(b)", "return len(c)"],
    ),
    "a statement": (Rewrite("return $x", "yield $x"), "return a, b", ["yield a, b"]),
    "a statement before": (
        Rewrite("$s", "if $s_:\n    pass\n$s".replace("$s_", "a"), "s is return"),
        "return b",
        ["if a:\n        pass\n    return b"],
    ),
    "a statement below": (
        Rewrite("$s", "if a:\n    $s", "s is return"),
        "return b  # why",
        ["if a:\n        return b  # why"],
    ),
    "two statements": (
        Rewrite("$x = $y\nreturn $x", "return $y"),
        "c = a + b\n    return c",
        ["return a + b"],
    ),
    "two statements in one line": (
        Rewrite("$x = $y\nreturn $x", "return $y"),
        "c = a; return c",
        [],
    ),
    "statements of a block": (
        Rewrite("if $c:\n    $$$body", "while $c:\n    $$$body"),
        "if a:\n        b = 1  # one\n\n        c = 2",
        ["while a:\n        b = 1  # one\n\n        c = 2"],
    ),
    "a header of a loop": (
        Rewrite("for $x in $xs", "for $x in reversed($xs)"),
        "return [x for x in xs if x]",
        ["return [x for x in reversed(xs) if x]"],
    ),
}


@pytest.mark.parametrize(("rewrite", "code", "wanted"), CASES.values(), ids=CASES)
def test_rewrites(rewrite: Rewrite, code: str, wanted: list[str]) -> None:
    assert bodies(rewrite, code) == wanted


def test_otherwise_waits_for_those_before() -> None:
    tried = pattern(
        Rewrite("f($x)", "g($x)", "x is constant"), Rewrite("f($x)", "h($x)", otherwise=True)
    )
    assert results(tried, "f(1)\n") == ["g(1)\n"]
    assert results(tried, "f(a)\n") == ["h(a)\n"]


BAD: dict[str, tuple[Rewrite, str]] = {
    "no Python": (Rewrite("$x +", "$x"), "`$x +` is no Python"),
    "an unknown hole": (Rewrite("$x + 1", "$y"), "nothing says what $y is"),
    "an unknown guard": (
        Rewrite("$x + 1", "$x", "x is nmae"),
        "nothing is called 'nmae'; near it",
    ),
    "a guard on no hole of it": (
        Rewrite("$x + 1", "$x", "y is name"),
        "nothing is called 'y is name'",
    ),
    "an operator of no family": (Rewrite("$x $op 1", "$x"), "say what operators $op stands for"),
    "a lone hole of no kind": (Rewrite("$x", "$x + 1"), "say what $x may be"),
    "three of any number": (Rewrite("f($$$a, $$$b, $$$c)", "g()"), "one begins it and one ends it"),
    "two lists to divide": (
        Rewrite("f($$$a, $x, $$$b)(g($$$c, $y, $$$d))", "$x"),
        "only one list",
    ),
}


@pytest.mark.parametrize(("rewrite", "message"), BAD.values(), ids=BAD)
def test_says_what_is_wrong(rewrite: Rewrite, message: str) -> None:
    with pytest.raises(TemplateError, match=f"^template 'tried': .*{re.escape(message)}"):
        pattern(rewrite)


def compiled() -> Iterator[TemplatePattern | TemplateRule]:
    yield from map(TemplatePattern, TEMPLATES)
    yield from map(TemplateRule, ERROR_TEMPLATES)


@pytest.mark.parametrize("template", compiled(), ids=lambda t: t.name)
def test_each_template_compiles(template: TemplatePattern | TemplateRule) -> None:
    template.rewrites.check()
