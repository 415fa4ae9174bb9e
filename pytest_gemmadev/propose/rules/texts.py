"""A text that is nearly the expected one: the piece of it in the code that differs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.rules.assertions import compared
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import (
    LIKELY,
    SURE,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import similarity
from pytest_gemmadev.types import Edit, ErrorKind


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
    kinds = (ErrorKind.ASSERTION,)
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
    kinds = (ErrorKind.ASSERTION,)
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
    kinds = (ErrorKind.ASSERTION,)
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


RULES: tuple[Rule, ...] = (
    NearbyText(),
    BracesShown(),
    NumberFormat(),
)
