"""A result that is nearly what the test expects: a text off by a blank, another container."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import dotted, header_nodes
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    fix,
)
from pytest_gemmadev.types import ErrorKind

_KINDS = (ErrorKind.ASSERTION,)


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides of the comparison that failed, as text and, where they are plain, as values."""

    got: str
    expected: str
    got_value: Any  # None where it is not a plain value
    expected_value: Any


def compared(failure: Failure) -> Compared | None:
    """What was got and what was expected; the literal in the test is what was expected."""
    left, right = failure.facts.left, failure.facts.right
    if not left or not right:
        return None
    if _literal_on_left(failure):
        left, right = right, left
    return Compared(left, right, _value(left), _value(right))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _literal_on_left(failure: Failure) -> bool:
    place = failure.tested
    for node in header_nodes(place.statement) if place else ():
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            sides = [node.left, node.comparators[0]]
        elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "assertEqual":
            sides = node.args[:2]
        if len(sides) == 2:
            return _is_literal(sides[0]) and not _is_literal(sides[1])
    return False


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


# --- the result in another form ------------------------------------------------------------------

_Form = tuple[str, Callable[[Any], Any], float]

_FORMS: tuple[_Form, ...] = (
    ("list({})", list, SURE - 0.2),
    ("tuple({})", tuple, SURE - 0.2),
    ("set({})", set, SURE - 0.2),
    ("sorted({})", sorted, LIKELY - 0.2),
    ("sorted({}, reverse=True)", lambda v: sorted(v, reverse=True), FAIR),
    ("{}[::-1]", lambda v: v[::-1], FAIR),
    ("list(dict.fromkeys({}))", lambda v: list(dict.fromkeys(v)), FAIR),
    ("dict({})", dict, LIKELY),
    ("list({}.items())", lambda v: list(v.items()), LIKELY),
    ("list({}.values())", lambda v: list(v.values()), LIKELY),
    ('"".join({})', "".join, LIKELY),
    ('", ".join({})', ", ".join, FAIR),
    ('" ".join({})', " ".join, FAIR),
    ("str({})", str, LIKELY),
    ("int({})", int, LIKELY - 0.1),
    ("float({})", float, LIKELY - 0.1),
    ("{}.strip()", lambda v: v.strip(), LIKELY),
    ("{}.rstrip()", lambda v: v.rstrip(), LIKELY - 0.2),
    ("{}.lower()", lambda v: v.lower(), LIKELY),
    ("{}.upper()", lambda v: v.upper(), LIKELY),
    ("{}.title()", lambda v: v.title(), LIKELY - 0.1),
    ("{}.capitalize()", lambda v: v.capitalize(), LIKELY - 0.2),
    ("round({}, 2)", lambda v: round(v, 2), LIKELY - 0.2),
    ("round({}, 1)", lambda v: round(v, 1), LIKELY - 0.3),
    ("round({}, 3)", lambda v: round(v, 3), LIKELY - 0.3),
    ("round({})", round, FAIR),
    ("-{}", lambda v: -v, FAIR - 0.5),
    ("abs({})", abs, WEAK),
    ("not {}", lambda v: not v if isinstance(v, bool) else v, WEAK),
    ("len({})", len, FAIR),
)
_LAZY = re.compile(
    r"^(<?(generator|map|filter|zip|reversed|enumerate|chain|islice)(\(\)| object)"
    r"|dict_\w+\(|range\()"
)


class AnotherForm(Rule):
    """The right result in another form: a tuple for a list, text for a number, not sorted."""

    name = "another_form"
    kinds = _KINDS
    examples = (
        Example(
            "def pair(x):\n    return (x, x)\n",
            "assert pair(1) == [1, 1]",
            "(x, x)",
            "list((x, x))",
        ),
        Example(
            "def keys(d):\n    return d.keys()\n",
            "assert keys({1: 2}) == [1]",
            "d.keys()",
            "list(d.keys())",
        ),
        Example(
            "def name(s):\n    return s + ' '\n",
            "assert name('a') == 'a'",
            "s + ' '",
            "(s + ' ').strip()",
        ),
        Example("def pair(x):\n    return (x, x)\n", "assert pair(1) == [1, 2]"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        both = compared(failure)
        if both is None or (both.got_value is None and not _LAZY.match(both.got)):
            return
        forms = _forms(both)
        for rank, function in enumerate(_reached_directly(failure)[:4]):
            returns = [r for r in function.returns if not _is_flag(r.value)]
            if not 0 < len(returns) <= 4 or function.is_generator:
                continue
            for template, prior in forms:
                edits = [
                    function.module.replace(r.value, _applied(template, function.module, r.value))
                    for r in returns
                    if r.value is not None
                ]
                why = f"`{function.name}` gives {both.got[:40]}, {both.expected[:40]} is expected"
                yield from fix(prior - 0.3 * rank, why, *edits)
                if len(edits) > 1:
                    yield from fix(prior - 0.3 * rank - 0.4, why, edits[-1])


def _is_flag(value: ast.expr | None) -> bool:
    """True for nothing, ``True`` and ``False``, which patterns turn one by one."""
    return value is None or (isinstance(value, ast.Constant) and isinstance(value.value, bool))


def _reached_directly(failure: Failure) -> list[Function]:
    """Functions that the failing line calls, and those whose result they pass on."""
    found: dict[ast.AST, Function] = {f.node: f for f in failure.called}
    return list(found.values())


def _forms(both: Compared) -> list[tuple[str, float]]:
    """Templates that turn what was got into what was expected."""
    if _LAZY.match(both.got):
        kind = type(both.expected_value).__name__
        return [(f"{kind}({{}})", SURE - 0.1)] if kind in ("list", "tuple", "set") else []
    found: list[tuple[str, float]] = []
    for template, function, prior in _FORMS:
        try:
            result = function(both.got_value)
        except (TypeError, ValueError, AttributeError, OverflowError):
            continue
        if type(result) is type(both.expected_value) and result == both.expected_value:
            if not both.expected_value and not isinstance(both.expected_value, bool):
                prior -= 1.0  # an empty result says little
            prior -= _chance(both.got_value, result)
            found.append((template, prior))
    return found[:4]


def _chance(got: object, result: object) -> float:
    """Nats by which a turned truth value and a mere reordering are believed less: chances are high."""
    if isinstance(got, bool):
        return 1.5
    if not isinstance(got, (list, tuple, str)) or type(result) is not type(got):
        return 0.0
    reordered = len(got) == len(result) and Counter(map(repr, got)) == Counter(map(repr, result))
    return max(0.0, 2.4 - 0.8 * max(0, len(got) - 2)) if reordered else 0.0


def _applied(template: str, module: Module, node: ast.expr) -> str:
    code = module.code(node)
    bare = isinstance(
        node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Dict, ast.Constant)
    )
    if isinstance(node, ast.GeneratorExp) and code.startswith("(") and "({})" in template:
        return template.replace("({})", code)
    if not bare and not template.count("({}") and not isinstance(node, ast.JoinedStr):
        code = f"({code})" if not (isinstance(node, ast.Tuple) and code.startswith("(")) else code
    elif isinstance(node, ast.Tuple) and not code.startswith("("):
        code = f"({code})"
    return template.replace("{}", code)


RULES: tuple[Rule, ...] = (AnotherForm(),)
