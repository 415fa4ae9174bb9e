"""A result that is nearly what the test expects: a text off by a blank, another container."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_gemmadev.core.types import Edit, ErrorKind
from pytest_gemmadev.propose.rules.callables import expected_exceptions
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.module import Function, Module, dotted, header_nodes, own_nodes
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import similarity

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


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A piece of text in the code: a string constant, or a literal part of an f-string."""

    module: Module
    node: ast.Constant
    outer: ast.JoinedStr | None
    near: bool  # in a function that may hold the fault

    @property
    def value(self) -> str:
        return str(self.node.value)

    def replaced(self, value: str) -> Edit | None:
        """The edit that makes it another text."""
        if self.outer is None:
            return self.module.replace_string(self.node, value)
        span = self.module.span(self.outer)
        if span is None or set("{}\\\n'\"") & {*self.value, *value}:
            return None
        source = self.module.text[span[0] : span[1]]
        if source.count(self.value) != 1 or source[:3].count('"""'):
            return None
        at = span[0] + source.index(self.value)
        return self.module.edit(at, at + len(self.value), value)


def texts(failure: Failure) -> Iterator[Text]:
    """Texts in the suspected functions, then elsewhere in the files that hold them."""
    seen: set[ast.AST] = set()
    modules = {f.module.path: f.module for f in failure.suspects}
    for function in failure.suspects:
        for text in _texts_in(function.module, function.node, near=True):
            if text.node not in seen:
                seen.add(text.node)
                yield text
    for module in (*modules.values(), *failure.project.modules()):
        for text in _texts_in(module, module.tree, near=False):
            if text.node not in seen:
                seen.add(text.node)
                yield text


def _texts_in(module: Module, within: ast.AST, *, near: bool) -> Iterator[Text]:
    for node in ast.walk(within):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            parent = module.parents.get(node)
            if isinstance(parent, ast.JoinedStr):
                yield Text(module, node, parent, near)
            elif not isinstance(parent, ast.Expr):
                yield Text(module, node, None, near)


class NearbyText(Rule):
    """A text that is nearly the expected one: the piece of it in the code that differs."""

    name = "nearby_text"
    kinds = _KINDS
    examples = (
        Example(
            "def show(n):\n    return f'Total:{n}'\n",
            "assert show(5) == 'Total: 5'",
            "Total:",
            "Total: ",
        ),
        Example(
            "def line(xs):\n    return ','.join(xs)\n",
            "assert line(['a', 'b', 'c']) == 'a, b, c'",
            "','",
            "', '",
        ),
        Example(
            "def show(n):\n    return 'Helo ' + n\n",
            "assert 'Hello Bob' == show('Bob')",
            "Helo",
            "Hello",
        ),
        Example("def show(n):\n    return 'red'\n", "assert show(5) == 'blue'"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        both = compared(failure)
        if both is None:
            return
        for got, expected in _text_pairs(both.got_value, both.expected_value):
            for text in texts(failure):
                if text.value not in got:
                    continue
                for new in _respelled(text.value, got, expected):
                    likeness = _likeness(text.value, new)
                    if likeness >= 0.5:
                        why = f"{text.value!r} is expected to be {new!r}"
                        prior = alike_prior(likeness, SURE - 0.1) - (0.0 if text.near else 0.7)
                        yield from fix(prior, why, text.replaced(new))


def _text_pairs(got: object, expected: object) -> list[tuple[str, str]]:
    """Texts that differ: the values themselves, or the first different ones in them."""
    if isinstance(got, str) and isinstance(expected, str):
        return [(got, expected)] if got != expected else []
    if isinstance(got, dict) and isinstance(expected, dict):
        extra, missing = set(got) - set(expected), set(expected) - set(got)
        if len(extra) == len(missing) == 1:
            return _text_pairs(extra.pop(), missing.pop())
        pairs = [_text_pairs(got[k], expected[k]) for k in expected if k in got]
        return next((p for p in pairs if p), [])
    if isinstance(got, (list, tuple)) and isinstance(expected, (list, tuple)):
        nested = [_text_pairs(a, b) for a, b in zip(got, expected, strict=False)]
        return next((p for p in nested if p), [])
    return []


def _respelled(text: str, got: str, expected: str) -> list[str]:
    """What ``text``, a part of ``got``, would have to be to give ``expected``."""
    found: dict[str, None] = {}
    parts = got.split(text)
    if len(parts) <= 12 and expected.startswith(parts[0]) and expected.endswith(parts[-1]):
        begin = len(parts[0])
        end = expected.find(parts[1], begin + 1) if len(parts) > 2 and parts[1] else -1
        new = expected[begin : len(expected) - len(parts[-1])] if len(parts) == 2 else ""
        if len(parts) > 2 and end > begin:
            new = expected[begin:end]
        if new and new != text and new.join(parts) == expected:
            found[new] = None
    head = 0
    while head < min(len(got), len(expected)) and got[head] == expected[head]:
        head += 1
    tail = 0
    limit = min(len(got), len(expected)) - head
    while tail < limit and got[-1 - tail] == expected[-1 - tail]:
        tail += 1
    wrong, right = got[head : len(got) - tail], expected[head : len(expected) - tail]
    at = got.find(text)
    while at >= 0:
        if at <= head and at + len(text) >= head + len(wrong):
            new = text[: head - at] + right + text[head - at + len(wrong) :]
            if new and new != text:
                found[new] = None
        at = got.find(text, at + 1)
    return list(found)[:3]


def _likeness(old: str, new: str) -> float:
    """How alike two texts are; blanks and punctuation count little."""
    bare = [re.sub(r"[\W_]+", "", t).lower() for t in (old, new)]
    if bare[0] == bare[1]:
        return 0.9 if abs(len(old) - len(new)) <= 3 else 0.6
    return similarity(old, new)


class BracesShown(Rule):
    """Braces in the result: the ``f`` before the text was forgotten."""

    name = "braces_shown"
    kinds = _KINDS
    examples = (
        Example(
            "def show(n):\n    return 'Total: {n}'\n",
            "assert show(5) == 'Total: 5'",
            "'Total",
            "f'Total",
        ),
        Example("def show(n):\n    return 'Total: n'\n", "assert show(5) == 'Total: 5'"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        both = compared(failure)
        if both is None or not re.search(r"\{[\w.\[\]():!,]+\}", both.got):
            return
        for text in texts(failure):
            if text.outer is not None or not re.search(r"\{\w", text.value):
                continue
            span = text.module.span(text.node)
            if span and text.module.text[span[0]] in "'\"":
                why = "the text has braces and no `f` before it"
                prior = SURE - (0.0 if text.near else 0.7)
                yield from fix(prior, why, text.module.edit(span[0], span[0], "f"))


class NumberFormat(Rule):
    """A number shown with another number of decimals."""

    name = "number_format"
    kinds = _KINDS
    examples = (
        Example(
            "def show(n):\n    return f'{n} EUR'\n",
            "assert show(2.5) == '2.50 EUR'",
            "{n}",
            "{n:.2f}",
        ),
        Example(
            "def show(n):\n    return f'{n:.1f} EUR'\n",
            "assert show(2.5) == '2.50 EUR'",
            "{n:.1f}",
            "{n:.2f}",
        ),
        Example("def show(n):\n    return f'{n} EUR'\n", "assert show(2.5) == '3.50 EUR'"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        both = compared(failure)
        if both is None:
            return
        for got, expected in _text_pairs(both.got_value, both.expected_value):
            spec = _format_spec(got, expected)
            if not spec:
                continue
            for function in failure.suspects:
                for node in ast.walk(function.node):
                    if isinstance(node, ast.FormattedValue):
                        yield from self._formatted(function.module, node, spec)

    def _formatted(self, module: Module, node: ast.FormattedValue, spec: str) -> Iterator[Fix]:
        span = module.span(node.value)
        why = f"the number is expected as `{spec}`"
        if span is None or isinstance(node.value, ast.Constant):
            return
        match = re.compile(r"\s*(?::([^{}!]*))?\}").match(module.text, span[1])
        if match is None:
            return
        if match[1] is None:
            yield from fix(LIKELY, why, module.edit(span[1], span[1], f":{spec}"))
        elif match[1] != spec and re.fullmatch(r",?(\.\d+f)?", match[1]):
            yield from fix(LIKELY, why, module.edit(*match.span(1), spec))


def _format_spec(got: str, expected: str) -> str:
    """The format of the first number that is shown in another way, else an empty string."""
    number = r"-?\d[\d,]*(?:\.\d+)?"
    ours, theirs = re.findall(number, got), re.findall(number, expected)
    if len(ours) != len(theirs):
        return ""
    for a, b in zip(ours, theirs, strict=True):
        if a == b:
            continue
        decimals = len(b.partition(".")[2])
        grouped = "," if "," in b else ""
        spec = f"{grouped}.{decimals}f" if decimals or "." in a else grouped
        try:
            return spec if format(float(a.replace(",", "")), spec or "") == b else ""
        except ValueError:
            return ""
    return ""


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
            returns = [r for r in function.returns if r.value is not None]
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
            found.append((template, prior))
    return found[:4]


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


# --- exceptions ----------------------------------------------------------------------------------


class AnotherException(Rule):
    """Another exception raised than the test expects."""

    name = "another_exception"
    kinds = tuple(ErrorKind)
    examples = (
        Example(
            "def f(x):\n    raise KeyError('bad')\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(1)",
            "KeyError",
            "ValueError",
        ),
        Example("def f(x):\n    raise KeyError('bad')\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not isinstance(place.statement, ast.Raise):
            return
        raised = place.statement.exc
        func = raised.func if isinstance(raised, ast.Call) else raised
        if func is None or not dotted(func):
            return
        for name in expected_exceptions(failure):
            bare = name.rpartition(".")[2]
            visible = failure.visible(place, place.statement)
            if bare in visible and bare != dotted(func):
                why = f"the test expects `{bare}`"
                yield from fix(LIKELY, why, place.module.replace(func, bare))


class NotRaised(Rule):
    """An exception that is made and not raised."""

    name = "not_raised"
    kinds = _KINDS
    examples = (
        Example(
            "def f(x):\n    if x < 0:\n        ValueError('bad')\n    return x\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(-1)",
            "ValueError('bad')",
            "raise ValueError('bad')",
        ),
        Example(
            "def f(x):\n    return x\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(-1)",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if "DID NOT RAISE" not in failure.message and "not raised" not in failure.message:
            return
        for function in failure.suspects:
            for node in own_nodes(function.node):
                value = node.value if isinstance(node, (ast.Expr, ast.Return)) else None
                func = value.func if isinstance(value, ast.Call) else value
                name = dotted(func).rpartition(".")[2] if func is not None else ""
                if name.endswith(("Error", "Exception")) and value is not None:
                    code = f"raise {function.module.code(value)}"
                    edit = function.module.replace(node, code)
                    yield from fix(SURE, f"`{name}` is made and not raised", edit)


RULES: tuple[Rule, ...] = (
    NearbyText(),
    BracesShown(),
    NumberFormat(),
    AnotherForm(),
    AnotherException(),
    NotRaised(),
)
