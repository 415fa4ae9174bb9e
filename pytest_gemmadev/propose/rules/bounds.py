"""An index past the end, a division by zero, an empty sequence: bounds and guards at the place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import dotted, header_nodes
from pytest_gemmadev.propose.rules.failure import Failure, Place
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
from pytest_gemmadev.types import Edit, ErrorKind

_PAST_THE_END = re.compile(r"index out of range|from empty|pop from an empty")


def enclosing_loops(place: Place, node: ast.AST) -> list[ast.For | ast.While | ast.comprehension]:
    """Loops around a node, within its function, the innermost first."""
    found: list[ast.For | ast.While | ast.comprehension] = []
    for around in place.module.ancestors(node):
        if isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        if isinstance(around, (ast.For, ast.While)):
            found.append(around)
        found += getattr(around, "generators", [])
    return found


class PastTheEnd(Rule):
    """An index one past the end: the bound of its loop, or the index itself."""

    name = "past_the_end"
    kinds = (ErrorKind.INDEX,)
    examples = (
        Example(
            "def f(xs):\n    return [xs[i] for i in range(len(xs) + 1)]\n",
            "f([1])",
            "len(xs) + 1",
            "len(xs)",
        ),
        Example(
            "def f(xs):\n    i = 0\n    while i <= len(xs):\n        xs[i] += 1\n        i += 1\n",
            "f([1])",
            "<=",
            "<",
        ),
        Example(
            "def f(xs):\n    return [xs[i] - xs[i + 1] for i in range(len(xs))]\n",
            "f([1])",
            "range(len(xs))",
            "range(len(xs) - 1)",
        ),
        Example("def f(xs):\n    return xs[len(xs)]\n", "f([1])", "xs[len(xs)]", "xs[len(xs) - 1]"),
        Example("def f(xs, n):\n    return xs[n]\n", "f([1], 1)", "xs[n]", "xs[n - 1]"),
        Example("def f(xs):\n    return xs.pop()\n", "f([])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "out of range" not in failure.message:
            return
        for node in place.nodes(ast.Subscript):
            if isinstance(node.slice, (ast.Slice, ast.Tuple)):
                continue
            names = {n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)}
            for loop in enclosing_loops(place, node):
                if isinstance(loop, ast.While):
                    yield from self._while(place, loop, names)
                elif {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)} & names:
                    yield from self._range(place, loop, node)
            yield from self._index(place, node)

    def _while(self, place: Place, loop: ast.While, names: set[str]) -> Iterator[Fix]:
        module = place.module
        for node in ast.walk(loop.test):
            if isinstance(node, ast.Compare) and dotted(node.left) in names and node.ops:
                left, right = module.span(node.left), module.span(node.comparators[0])
                if left and right and isinstance(node.ops[0], (ast.LtE, ast.GtE)):
                    symbol = "<" if isinstance(node.ops[0], ast.LtE) else ">"
                    at = module.text.find(f"{symbol}=", left[1], right[0])
                    if at >= 0:
                        why = "the loop runs one too far"
                        yield from fix(SURE - 0.1, why, module.edit(at, at + 2, symbol))
                elif right and isinstance(node.ops[0], ast.Lt):
                    why = "the loop runs one too far"
                    edit = module.edit(right[1], right[1], " - 1")
                    yield from fix(FAIR, why, edit)

    def _range(
        self, place: Place, loop: ast.For | ast.comprehension, node: ast.Subscript
    ) -> Iterator[Fix]:
        module, call = place.module, loop.iter
        if not isinstance(call, ast.Call) or dotted(call.func) != "range" or not call.args:
            return
        stop = call.args[0] if len(call.args) == 1 else call.args[1]
        why = "the loop runs one too far"
        if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Add):
            yield from fix(SURE, why, module.replace(stop, module.code(stop.left)))
        ahead = isinstance(node.slice, ast.BinOp) and isinstance(node.slice.op, ast.Add)
        prior = SURE - 0.05 if ahead else FAIR
        yield from fix(prior, why, module.wrap(stop, "", " - 1"))
        if len(call.args) > 1 and not ahead:
            edit = module.wrap(node.slice, "", " - 1")
            yield from fix(LIKELY, "the loop counts from one", edit)

    def _index(self, place: Place, node: ast.Subscript) -> Iterator[Fix]:
        module, index = place.module, node.slice
        why = "indices count from zero"
        if isinstance(index, ast.Call) and dotted(index.func) == "len":
            yield from fix(SURE, why, module.wrap(index, "", " - 1"))
        elif isinstance(index, ast.BinOp) and isinstance(index.op, ast.Add):
            yield from fix(FAIR, why, module.replace(index, module.code(index.left)))
        elif isinstance(index, (ast.Name, ast.Attribute)):
            yield from fix(FAIR - 0.2, why, module.wrap(index, "", " - 1"))
        elif isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value > 0:
            yield from fix(FAIR - 0.2, why, module.replace(index, str(index.value - 1)))
            yield from fix(WEAK, "the last element is meant", module.replace(index, "-1"))


class CheckFirst(Rule):
    """``xs[i] > 0 and i < len(xs)``: the bound is checked too late."""

    name = "check_first"
    kinds = (ErrorKind.INDEX, ErrorKind.KEY, ErrorKind.ATTRIBUTE, ErrorKind.OTHER, ErrorKind.TYPE)
    examples = (
        Example(
            "def f(xs, i):\n    while xs[i] and i < len(xs):\n        i += 1\n    return i\n",
            "f([1], 0)",
            "xs[i] and i < len(xs)",
            "i < len(xs) and xs[i]",
        ),
        Example("def f(xs, i):\n    return xs[i] and i > 2\n", "f([1], 3)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        for node in place.nodes(ast.BoolOp):
            if len(node.values) != 2:
                continue
            first, second = node.values
            checked = {
                ast.unparse(n) for n in ast.walk(second) if isinstance(n, (ast.Name, ast.Attribute))
            }
            used = [
                n
                for n in ast.walk(first)
                if isinstance(n, (ast.Subscript, ast.Attribute, ast.BinOp))
            ]
            names = {ast.unparse(n) for u in used for n in ast.walk(u) if isinstance(n, ast.expr)}
            bounds = any(
                isinstance(n, ast.Call) and dotted(n.func) in ("len", "isinstance", "hasattr")
                for n in ast.walk(second)
            )
            bounds = (
                bounds
                or isinstance(second, (ast.Name, ast.Attribute))
                or (
                    isinstance(second, ast.Compare)
                    and isinstance(second.ops[0], (ast.In, ast.IsNot, ast.Is, ast.NotIn))
                )
            )
            if used and bounds and checked & names:
                module = place.module
                a, b = module.span(first), module.span(second)
                if a and b:
                    code = f"{module.code(second)}{module.text[a[1] : b[0]]}{module.code(first)}"
                    why = "the check comes too late"
                    yield from fix(SURE - 0.2, why, module.edit(a[0], b[1], code))


class DividedByZero(Rule):
    """A divisor that may be zero: a guard before the division."""

    name = "divided_by_zero"
    kinds = (ErrorKind.OTHER,)
    examples = (
        Example(
            "def mean(xs):\n    return sum(xs) / len(xs)\n",
            "assert mean([]) == 0",
            "    return sum(xs) / len(xs)",
            "    if not xs:\n        return 0\n    return sum(xs) / len(xs)",
        ),
        Example(
            "def ratio(a, b):\n    r = a / b\n    return r\n",
            "assert ratio(1, 0) == 0",
            "a / b",
            "a / b if b else 0",
        ),
        Example(
            "def odd(n):\n    return [i for i in range(n) if n % i]\n",
            "odd(3)",
            "range(n)",
            "range(1, n)",
        ),
        Example("def f():\n    raise OSError('no')\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or failure.stack.error != "ZeroDivisionError":
            return
        module = place.module
        for node in place.nodes(ast.BinOp, ast.AugAssign):
            if not isinstance(node, (ast.BinOp, ast.AugAssign)):
                continue
            if not isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)):
                continue
            divisor = node.right if isinstance(node, ast.BinOp) else node.value
            if isinstance(divisor, ast.Constant):
                continue
            condition = _emptiness(module, divisor)
            why = f"`{module.code(divisor)}` may be zero"
            yield from _range_from_one(place, node, divisor)
            if isinstance(divisor, ast.BinOp) and isinstance(divisor.op, ast.Sub):
                edit = module.replace(divisor, module.code(divisor.left))
                yield from fix(FAIR, why, edit)
            for rank, value in enumerate(guard_values(failure, place.function)):
                prior = LIKELY - 0.4 * rank
                yield from guarded(place, f"not {condition}", value, prior, why)
                if isinstance(node, ast.BinOp) and not isinstance(
                    module.parents.get(node), ast.BinOp
                ):
                    code = f"{module.code(node)} if {condition} else {value}"
                    parent = module.parents.get(node)
                    if not isinstance(parent, (ast.Return, ast.Assign, ast.AnnAssign, ast.keyword)):
                        code = f"({code})"
                    edit = module.replace(node, code)
                    yield from fix(prior - 0.15, why, edit)


def _emptiness(module: Module, divisor: ast.expr) -> str:
    """A condition that is false where the divisor is zero: ``xs`` for ``len(xs)``."""
    if isinstance(divisor, ast.Call) and dotted(divisor.func) == "len" and divisor.args:
        return module.code(divisor.args[0])
    code = module.code(divisor)
    return (
        code
        if isinstance(divisor, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
        else f"({code})"
    )


def _range_from_one(place: Place, node: ast.AST, divisor: ast.expr) -> Iterator[Fix]:
    for loop in enclosing_loops(place, node):
        if isinstance(loop, ast.While) or dotted(loop.target) != dotted(divisor):
            continue
        call = loop.iter
        if isinstance(call, ast.Call) and dotted(call.func) == "range" and call.args:
            span = place.module.span(call.args[0])
            why = f"`{dotted(divisor)}` counts from zero"
            if span and len(call.args) == 1:
                yield from fix(SURE - 0.1, why, place.module.edit(span[0], span[0], "1, "))
                yield from fix(LIKELY, why, place.module.edit(span[0], span[0], "2, "))
            elif span and isinstance(call.args[0], ast.Constant):
                yield from fix(SURE - 0.1, why, place.module.edit(*span, "1"))


def guard_values(failure: Failure, function: Function | None) -> list[str]:
    """What a function may return where there is nothing to compute, the likeliest first."""
    found: dict[str, None] = {}
    expected = _expected_literal(failure)
    if expected in ("0", "0.0", "None", "[]", "''", "False", "{}"):
        found['""' if expected == "''" else expected] = None
    for statement in function.returns if function else ():
        value = statement.value
        if isinstance(value, ast.Constant) and value.value in (0, None, "", False):
            found[ast.unparse(value)] = None
        elif isinstance(value, (ast.List, ast.ListComp)):
            found["[]"] = None
        elif isinstance(value, ast.BinOp) or (
            isinstance(value, ast.Call) and dotted(value.func) in ("sum", "len", "round", "float")
        ):
            found["0"] = None
    for guess in ("0", "None", "False", "[]"):
        found.setdefault(guess, None)
    return list(found)[:4]


def _expected_literal(failure: Failure) -> str:
    """The literal that the failing test compares with, as Python writes it."""
    place = failure.tested
    if place is None:
        return ""
    for node in header_nodes(place.statement):
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            for side in (node.comparators[0], node.left):
                try:
                    return repr(ast.literal_eval(side))
                except ValueError:
                    continue
    return ""


def guarded(place: Place, condition: str, value: str, prior: float, why: str) -> Iterator[Fix]:
    """``if condition: return value`` before the statement, where it stands in a function."""
    if place.function is None:
        return
    step = "\t" if "\n\t" in place.module.text else "    "
    anchor = _own_line(place)
    if anchor is None:
        return
    code = f"if {condition}:\n{step}return {value}"
    yield from fix(prior, why, place.module.insert_before(anchor, code))


def _own_line(place: Place) -> ast.stmt | None:
    """The statement before which a guard may stand: not between ``if`` and ``elif``."""
    statement = place.statement
    start = place.module.offset(statement.lineno, statement.col_offset)
    if place.module.text.startswith("elif", start):
        return None
    return statement


class EmptySequence(Rule):
    """The first, last or largest of nothing: a guard, or a default."""

    name = "empty_sequence"
    kinds = (ErrorKind.INDEX, ErrorKind.VALUE)
    examples = (
        Example(
            "def top(xs):\n    return max(xs)\n",
            "assert top([]) is None",
            "max(xs)",
            "max(xs, default=None)",
        ),
        Example(
            "def first(xs):\n    return xs[0]\n",
            "assert first([]) is None",
            "    return xs[0]",
            "    if not xs:\n        return None\n    return xs[0]",
        ),
        Example(
            "def drop(xs):\n    while True:\n        xs.pop()\n",
            "drop([1])",
            "while True",
            "while xs",
        ),
        Example("def first(xs):\n    raise ValueError('no')\n", "first([])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        values = guard_values(failure, place.function)
        if re.search(r"(max|min)\(\) (arg|iterable)", failure.message):
            yield from self._default(place, values)
        if not _PAST_THE_END.search(failure.message) and "empty" not in failure.message:
            return
        for name in self._sequences(place):
            why = f"`{name}` may be empty"
            for loop in enclosing_loops(place, place.statement):
                if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant):
                    yield from fix(LIKELY, why, place.module.replace(loop.test, name))
            for rank, value in enumerate(values):
                prior = FAIR + 0.3 - 0.3 * rank
                yield from guarded(place, f"not {name}", value, prior, why)
            test = getattr(place.statement, "test", None)
            if isinstance(test, (ast.Compare, ast.Subscript, ast.UnaryOp, ast.Call)):
                edit = place.module.wrap(test, f"{name} and ", "")
                yield from fix(LIKELY - 0.1, why, edit)

    def _sequences(self, place: Place) -> list[str]:
        """What the line takes an end of, as code."""
        found: dict[str, None] = {}
        for node in place.nodes(ast.expr):
            if isinstance(node, ast.Subscript) and isinstance(
                node.slice, (ast.Constant, ast.UnaryOp)
            ):
                found[place.module.code(node.value)] = None
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("pop", "popleft"):
                found[place.module.code(node.func.value)] = None
            elif dotted(node.func) in ("max", "min") and node.args and dotted(node.args[0]):
                found[place.module.code(node.args[0])] = None
        return [code for code in found if "\n" not in code][:2]

    def _default(self, place: Place, values: list[str]) -> Iterator[Fix]:
        for call in place.nodes(ast.Call):
            if dotted(call.func) not in ("max", "min") or len(call.args) != 1:
                continue
            span, argument = place.module.span(call), call.args[0]
            if span is None:
                continue
            for rank, value in enumerate(values[:3]):
                code = f", default={value}"
                edit: Edit | None = place.module.edit(span[1] - 1, span[1] - 1, code)
                inner = place.module.code(argument)
                if isinstance(argument, ast.GeneratorExp) and not inner.startswith("(("):
                    edit = _parenthesized(place.module, call, argument, code)
                why = "there may be nothing to compare"
                yield from fix(LIKELY - 0.4 * rank, why, edit)


def _parenthesized(
    module: Module, call: ast.Call, argument: ast.GeneratorExp, further: str
) -> Edit | None:
    """A call of one bare generator with a further argument."""
    outer, func = module.span(call), module.span(call.func)
    if outer is None or func is None:
        return None
    inner = module.text[func[1] + 1 : outer[1] - 1].strip()
    if not inner.startswith("("):
        inner = f"({inner})"
    return module.edit(func[1], outer[1], f"({inner}{further})")


RULES: tuple[Rule, ...] = (PastTheEnd(), CheckFirst(), DividedByZero(), EmptySequence())
