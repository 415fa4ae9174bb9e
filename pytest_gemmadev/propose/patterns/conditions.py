"""Conditions: negated, one part more or fewer, `and` for `or`, another condition of the same function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.patterns.comparisons import is_condition
from pytest_gemmadev.propose.patterns.pattern import Change, Pattern, replace
from pytest_gemmadev.propose.patterns.scope import FLAG, LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.patterns.syntax import AND, NOT, OPPOSITE, OR, op_symbol
from pytest_gemmadev.propose.patterns.unit import Unit

_WIDTH = 24
_EXTRAS = 120  # conditions tried at one place
_NUMBER_TESTS = ("> 0", "== 0", "!= 0", "< 0", ">= 0", "> 1", "== 1", "% 2 == 0", "% 2 == 1")


def is_whole_condition(node: ast.AST, unit: Unit) -> bool:
    """True for the entire condition of a statement, conditional expression or comprehension."""
    parent = unit.parent(node)
    match parent:
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return node is parent.test
        case ast.comprehension():
            return node in parent.ifs
        case _:
            return False


def conditions_of(unit: Unit, node: ast.AST) -> list[str]:
    """Conditions that stand in the unit, simple ones first, each with nearby ones first."""
    line = getattr(node, "lineno", 0)
    found: dict[str, tuple[int, int]] = {}
    for other in unit.nodes:
        if not isinstance(other, ast.expr) or not unit.editable(other):
            continue
        atomic = isinstance(other, ast.Compare) or is_condition(other, unit)
        if atomic and not isinstance(other, (ast.BoolOp, ast.Constant)):
            code = unit.code(other)
            if "\n" not in code and len(code) < 80:
                found.setdefault(code, (abs(other.lineno - line), other.lineno))
    return sorted(found, key=lambda code: found[code])


def simple_conditions(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Conditions on single variables in scope, with weights: truth, None, zero, bounds."""
    for variable, weight in unit.variables.ranked(node)[:8]:
        name, kinds = variable.name, variable.kinds
        if name in ("self", "cls"):
            continue
        yield name, weight
        yield f"not {name}", weight
        if not kinds:
            yield f"{name} is not None", weight
            yield f"{name} is None", weight
        if NUMBER in kinds or not kinds:
            for test in _NUMBER_TESTS:
                yield f"{name} {test}", weight - 0.7
        if kinds & {LIST, TEXT, MAPPING, SET}:
            for test in ("> 1", "== 1", "> 0"):
                yield f"len({name}) {test}", weight - 1.0
    numbers = unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:5]
    known = [(v, w) for v, w in numbers if NUMBER in v.kinds]
    for left, first in known:
        for right, second in known:
            if left.name < right.name:
                for symbol in ("<", ">", "!=", "=="):
                    yield f"{left.name} {symbol} {right.name}", (first + second) / 2 - 1.2
    yield from _memberships(unit, node)
    yield from _predicates(unit, node)
    yield from _expressions(unit, node)


def _predicates(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Calls of the file's own functions on one variable."""
    for function in unit.variables.callables(node)[:4]:
        if not function[0].isupper():
            for variable, weight in unit.variables.ranked(node)[:4]:
                yield f"{function}({variable.name})", weight - 1.0
                yield f"not {function}({variable.name})", weight - 1.5


def _expressions(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Tests of the subscripts and attributes that stand on nearby lines."""
    line = getattr(node, "lineno", 0)
    found: dict[str, int] = {}
    for other in unit.of_type(ast.Subscript, ast.Attribute):
        assert isinstance(other, ast.expr)
        value = isinstance(getattr(other, "ctx", None), ast.Load) and unit.editable(other)
        parent = unit.parent(other)
        if value and not (isinstance(parent, ast.Call) and parent.func is other):
            code = unit.code(other)
            if len(code) <= 30 and "\n" not in code and ":" not in code:
                found[code] = min(found.get(code, 99), abs(other.lineno - line))
    for code, distance in sorted(found.items(), key=lambda pair: pair[1])[:5]:
        weight = -1.0 - 0.1 * distance
        for test in ("", " == 0", " != 0", " > 0", " is not None", " is None", " == 1", " == -1"):
            yield code + test, weight
        yield f"not {code}", weight
        for variable, fit in unit.variables.ranked(node)[:3]:
            for symbol in ("==", "!=", "<", ">"):
                yield f"{code} {symbol} {variable.name}", weight + fit


def _memberships(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    ranked = unit.variables.ranked(node)[:8]
    holders = [(v, w) for v, w in ranked if v.kinds & {SET, MAPPING, LIST}]
    for holder, first in holders[:3]:
        for item, second in ranked:
            if item is not holder and not item.kinds & {LIST, MAPPING, SET, FLAG}:
                yield f"{item.name} not in {holder.name}", (first + second) / 2 - 0.7
                yield f"{item.name} in {holder.name}", (first + second) / 2 - 0.9
    for item, weight in ranked[:4]:  # positions inside what they index
        for holder, other in holders[:3]:
            if NUMBER in item.kinds and LIST in holder.kinds:
                yield f"{item.name} < len({holder.name})", (weight + other) / 2 - 0.7


class Negate(Pattern[ast.expr]):
    """The opposite of a condition."""

    name = "negate"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.UnaryOp, ast.BoolOp, ast.Compare)
    examples = (
        ("def f(a):\n    if a:\n        return 1\n", "def f(a):\n    if not a:\n        return 1\n"),
        ("def f(a):\n    if not a:\n        return 1\n", "def f(a):\n    if a:\n        return 1\n"),
        ("def f(a, b):\n    if a and b:\n        return 1\n",
         "def f(a, b):\n    if not (a and b):\n        return 1\n"),
        ("def f(a):\n    return a.isdigit()\n", "def f(a):\n    return not a.isdigit()\n"),
    )  # fmt: skip
    untouched = ("def f(a):\n    if a < 1:\n        a = 2\n", "def f(a):\n    return a + 1\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        truth = is_condition(node, unit) or (
            isinstance(unit.parent(node), (ast.Return, ast.Assign)) and _is_flag(node, unit)
        )
        inverse = isinstance(unit.parent(node), ast.UnaryOp)  # its `not` is what goes
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return  # another operator says it better
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return
        if (truth or isinstance(node, ast.UnaryOp)) and not inverse:
            yield replace(node, unit.negated(node), unit)


def _is_flag(node: ast.expr, unit: Unit) -> bool:
    if isinstance(node, (ast.BoolOp, ast.Compare, ast.UnaryOp)):
        return True
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return name in ("any", "all", "isinstance") or name.startswith(
            ("is", "has", "starts", "ends")
        )
    return FLAG in unit.variables.kinds(node)


class AndOr(Pattern[ast.BoolOp]):
    """``or`` for ``and``, and back; for all of a chain or one joint of it."""

    name = "and_or"
    nodes = (ast.BoolOp,)
    examples = (
        ("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a or b\n"),
        ("def f(a, b, c):\n    return a or b or c\n", "def f(a, b, c):\n    return a or b and c\n"),
    )
    untouched = ("def f(a, b):\n    return a & b\n",)

    def edits(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        codes = [unit.operand(v, AND + 1) for v in node.values]
        level = OR + 1 if other == "and" else OR
        yield replace(
            node, f" {other} ".join(unit.operand(v, level) for v in node.values), unit, 1.0
        )
        if len(codes) > 2:
            for joint in range(1, len(codes)):
                head = f" {word} ".join(codes[:joint])
                tail = f" {word} ".join(codes[joint:])
                yield replace(node, f"{head} {other} {tail}", unit)


class DropCondition(Pattern[ast.BoolOp]):
    """One part of a compound condition fewer."""

    name = "drop_condition"
    nodes = (ast.BoolOp,)
    examples = (("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a\n"),)
    untouched = ("def f(a, b):\n    return a\n",)

    def edits(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        values = node.values
        for index in range(len(values)):
            if index:
                yield Change(((_end(values[index - 1], unit), _end(values[index], unit), ""),))
            elif len(values) > 1:
                yield Change(((_start(values[0], unit), _start(values[1], unit), ""),))


def _start(node: ast.expr, unit: Unit) -> int:
    """Where an operand begins, its parentheses included."""
    start = unit.span(node)[0]
    if unit.enclosed(node):
        start = unit.text.rindex("(", 0, start)
    return start


def _end(node: ast.expr, unit: Unit) -> int:
    end = unit.span(node)[1]
    if unit.enclosed(node):
        end = unit.text.index(")", end) + 1
    return end


class AddCondition(Pattern[ast.expr]):
    """A part added to a condition, built from conditions and variables of the function."""

    name = "add_condition"
    nodes = (
        ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.UnaryOp, ast.BoolOp, ast.Compare,
    )  # fmt: skip
    examples = (
        ("def f(a, b):\n    if a > 1:\n        return b\n", "def f(a, b):\n    if a > 1 and b:\n        return b\n"),
        ("def f(a, b):\n    if a:\n        return 1\n    if b < 2:\n        return 2\n",
         "def f(a, b):\n    if a or b < 2:\n        return 1\n    if b < 2:\n        return 2\n"),
    )  # fmt: skip
    untouched = ("def f(a):\n    return a + 1\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        returned = isinstance(unit.parent(node), ast.Return) and _is_flag(node, unit)
        if not (is_whole_condition(node, unit) or returned):
            return
        for extra, weight in _extras(node, unit):
            own_and = unit.operand(node, AND)
            own_or = unit.operand(node, OR)
            yield replace(node, f"{own_and} and {extra}", unit, weight)
            yield replace(node, f"{own_or} or {extra}", unit, weight - 0.3)
            yield replace(node, f"{extra} and {own_and}", unit, weight - 0.7)
            yield replace(node, f"{extra} or {own_or}", unit, weight - 1.2)


def _extras(node: ast.expr, unit: Unit) -> list[tuple[str, float]]:
    """Conditions that may join another one, with weights, best first."""
    own = unit.code(node)
    found: dict[str, float] = {}
    for rank, code in enumerate(conditions_of(unit, node)[:_WIDTH]):
        if code not in own:
            found[code] = 0.5 - 0.1 * rank
            found.setdefault(opposite(code), -0.3 - 0.1 * rank)
    for code, weight in simple_conditions(unit, node):
        found.setdefault(code, weight)
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return [pair for pair in ranked if pair[0] != own][:_EXTRAS]


def opposite(code: str) -> str:
    """The opposite of a simple condition given as text."""
    node = ast.parse(code.strip(), mode="eval").body
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left = ast.get_source_segment(code, node.left)
        right = ast.get_source_segment(code, node.comparators[0])
        return f"{left} {OPPOSITE[op_symbol(node.ops[0])]} {right}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ast.get_source_segment(code, node.operand) or code
    return f"not {code}"


class OtherCondition(Pattern[ast.expr]):
    """Another condition: of the same function, or on a variable in scope."""

    name = "other_condition"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.UnaryOp, ast.Compare)
    examples = (
        ("def f(a, b):\n    if a:\n        return 1\n    if b < 2:\n        return 2\n",
         "def f(a, b):\n    if b < 2:\n        return 1\n    if b < 2:\n        return 2\n"),
    )  # fmt: skip
    untouched = ("def f(a):\n    return a + 1\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not is_condition(node, unit) or isinstance(unit.parent(node), ast.UnaryOp):
            return
        for code, weight in _extras(node, unit):
            yield replace(node, code, unit, weight)


class SwapBranches(Pattern[ast.IfExp]):
    """The branches of a conditional expression swapped, or one of them alone."""

    name = "conditional_expression"
    nodes = (ast.IfExp,)
    examples = (
        (
            "def f(a, b, c):\n    return a if c else b\n",
            "def f(a, b, c):\n    return b if c else a\n",
        ),
        ("def f(a, b, c):\n    return a if c else b\n", "def f(a, b, c):\n    return a\n"),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.IfExp, unit: Unit) -> Iterator[Change]:
        body, orelse = unit.operand(node.orelse, OR), unit.operand(node.body, OR)
        yield replace(node, f"{body} if {unit.operand(node.test, OR)} else {orelse}", unit)
        yield replace(node, unit.code(node.body), unit)
        yield replace(node, unit.code(node.orelse), unit)


class Conditional(Pattern[ast.expr]):
    """A value that depends: ``e if c else 0`` for ``e``."""

    name = "make_conditional"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.List, ast.Constant)
    examples = (("def f(a):\n    return a[0]\n", "def f(a):\n    return a[0] if a else None\n"),)
    untouched = ("def f(a):\n    g(a)\n",)
    _OTHERWISE = ("None", "0", "''", "[]", "False", "-1", "1")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        if (
            not isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign))
            or node is not parent.value
        ):
            return
        code = unit.operand(node, OR)
        for condition, weight in _extras(node, unit)[:8]:
            for other in self._OTHERWISE:
                yield replace(node, f"{code} if {condition} else {other}", unit, weight)


class FilterComprehension(Pattern[ast.comprehension]):
    """A condition added to a comprehension, or dropped from it."""

    name = "comprehension_filter"
    nodes = (ast.comprehension,)
    examples = (
        (
            "def f(xs):\n    return [x for x in xs]\n",
            "def f(xs):\n    return [x for x in xs if x]\n",
        ),
        (
            "def f(xs):\n    return [x for x in xs if x > 1]\n",
            "def f(xs):\n    return [x for x in xs]\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs\n",)

    def edits(self, node: ast.comprehension, unit: Unit) -> Iterator[Change]:
        end = _end(node.iter, unit)
        for condition in node.ifs:
            begin = unit.text.rindex("if", 0, _start(condition, unit))
            blanks = len(unit.text[:begin]) - len(unit.text[:begin].rstrip())
            yield Change(((begin - blanks, _end(condition, unit), ""),), 1.0)
        if not node.ifs:
            for code, weight in simple_conditions(unit, node.target):
                yield Change(((end, end, f" if {code}"),), weight)


class DoubleNegation(Pattern[ast.UnaryOp]):
    """The scope of a `not`: ``not a and b`` for ``not (a and b)``."""

    name = "negation_scope"
    nodes = (ast.UnaryOp,)
    examples = (
        ("def f(a, b):\n    return not (a and b)\n", "def f(a, b):\n    return not a and b\n"),
        ("def f(a, b):\n    return not (a and b)\n", "def f(a, b):\n    return not a and not b\n"),
    )
    untouched = ("def f(a, b):\n    return not a\n",)

    def edits(self, node: ast.UnaryOp, unit: Unit) -> Iterator[Change]:
        if not isinstance(node.op, ast.Not) or not isinstance(node.operand, ast.BoolOp):
            return
        word = "and" if isinstance(node.operand.op, ast.And) else "or"
        codes = [unit.operand(v, NOT) for v in node.operand.values]
        yield replace(node, f" {word} ".join([f"not {codes[0]}", *codes[1:]]), unit)
        yield replace(node, f" {word} ".join(f"not {c}" for c in codes), unit)


PATTERNS = (
    Negate(),
    AndOr(),
    DropCondition(),
    AddCondition(),
    OtherCondition(),
    SwapBranches(),
    Conditional(),
    FilterComprehension(),
    DoubleNegation(),
)
