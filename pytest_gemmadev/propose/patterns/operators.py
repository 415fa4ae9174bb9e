"""Arithmetic and bitwise operators, signs, the order of operands, and where parentheses stand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.patterns.pattern import Change, Pattern, replace
from pytest_gemmadev.propose.patterns.scope import NUMBER, TEXT
from pytest_gemmadev.propose.patterns.syntax import (
    ATOM,
    AWAIT,
    BINARY_SYMBOLS,
    FACTOR,
    OR,
    SUM,
    TERM,
    grouped,
    level,
    op_symbol,
    required,
)
from pytest_gemmadev.propose.patterns.unit import Unit

_LIKELY = {
    "+": {"-": 2.0, "*": 1.0},
    "-": {"+": 2.0, "*": 0.5},
    "*": {"//": 1.0, "+": 1.0, "/": 1.0, "**": 1.0},
    "/": {"//": 2.5, "*": 1.5, "%": 0.5},
    "//": {"/": 2.0, "%": 2.0, "*": 1.0},
    "%": {"//": 2.5, "/": 1.0},
    "**": {"*": 2.0},
    "&": {"|": 2.0, "^": 1.0},
    "|": {"&": 2.0, "^": 1.0},
    "^": {"&": 1.5, "|": 1.5},
    "<<": {">>": 2.5},
    ">>": {"<<": 2.5},
}
_ARITHMETIC = ("+", "-", "*", "//", "%", "/", "**")
_BITWISE = ("&", "|", "^", "<<", ">>")


def operator_span(unit: Unit, left: ast.AST, right: ast.AST, symbol: str) -> tuple[int, int] | None:
    """Where the operator between two operands stands; parentheses and comments may stand there too."""
    start, end = unit.span(left)[1], unit.span(right)[0]
    words = [re.escape(part) for part in symbol.split()]
    pattern = r"\s+".join(words)
    if symbol[0].isalpha():
        pattern = rf"\b{pattern}\b"
    gap = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), unit.text[start:end])
    found = re.search(pattern, gap)
    return (start + found.start(), start + found.end()) if found else None


def spaced(unit: Unit, start: int, end: int, symbol: str) -> str:
    """``symbol``, with blanks where a word would otherwise touch its neighbours."""
    if not symbol[0].isalpha():
        return symbol
    before = "" if unit.text[start - 1 : start].isspace() else " "
    after = "" if unit.text[end : end + 1].isspace() else " "
    return f"{before}{symbol}{after}"


class ArithmeticOperator(Pattern[ast.BinOp]):
    """Another arithmetic or bitwise operator between the same operands."""

    name = "arithmetic_operator"
    nodes = (ast.BinOp,)
    examples = (
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return a + b\n"),
        ("def f(a, b):\n    return (a+1)/b\n", "def f(a, b):\n    return (a+1)//b\n"),
        ("def f(a, b):\n    return a ^ b\n", "def f(a, b):\n    return a & b\n"),
    )
    untouched = ("def f(a, b):\n    return a and b\n", 'def f(a):\n    return "%s" % a\n')

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        symbol = op_symbol(node.op)
        if symbol == "%" and unit.variables.kinds(node.left) == {TEXT}:
            return
        place = operator_span(unit, node.left, node.right, symbol)
        if place is None:
            return
        likely = _LIKELY.get(symbol, {})
        bitwise = symbol in _BITWISE
        for other in (*_ARITHMETIC, *_BITWISE):
            if other == symbol or ((other in _BITWISE) != bitwise and other not in likely):
                continue
            yield _with_operator(node, unit, place, other, likely.get(other, -1.0))


def _with_operator(
    node: ast.BinOp, unit: Unit, place: tuple[int, int], symbol: str, weight: float
) -> Change:
    """The change of an operator that keeps the operands together as they are now."""
    kind = next(k for k, v in BINARY_SYMBOLS.items() if v == symbol)
    changed = ast.BinOp(node.left, kind(), node.right)
    replacements = [(*place, symbol)]
    for side in (node.left, node.right):
        if level(side) < required(changed, side) and not unit.enclosed(side):
            start, end = unit.span(side)
            replacements += [(start, start, "("), (end, end, ")")]
    parent = unit.parent(node)
    if level(changed) < required(parent, node) and not unit.enclosed(node):
        start, end = unit.span(node)
        replacements += [(start, start, "("), (end, end, ")")]
    return Change(_joined(replacements), weight)


def _joined(replacements: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Insertions at one place made one replacement."""
    merged: dict[tuple[int, int], str] = {}
    for start, end, text in replacements:
        merged[start, end] = merged.get((start, end), "") + text
    return tuple((start, end, text) for (start, end), text in sorted(merged.items()))


class AugmentedOperator(Pattern[ast.AugAssign]):
    """Another operator in an augmented assignment, or a plain assignment."""

    name = "augmented_operator"
    nodes = (ast.AugAssign,)
    examples = (
        ("def f(a):\n    a += 1\n    return a\n", "def f(a):\n    a -= 1\n    return a\n"),
        ("def f(a, b):\n    a += b\n    return a\n", "def f(a, b):\n    a = b\n    return a\n"),
    )
    untouched = ("def f(a):\n    a = 1\n    return a\n",)

    def edits(self, node: ast.AugAssign, unit: Unit) -> Iterator[Change]:
        symbol = op_symbol(node.op)
        place = operator_span(unit, node.target, node.value, f"{symbol}=")
        if place is None:
            return
        likely = _LIKELY.get(symbol, {})
        for other in (*_ARITHMETIC, *_BITWISE):
            if other != symbol and (other in likely or (symbol in _BITWISE) == (other in _BITWISE)):
                yield Change(((*place, f"{other}="),), likely.get(other, -1.5))
        yield Change(((*place, "="),), 1.5)


class PlainToAugmented(Pattern[ast.Assign]):
    """``x += v`` in place of ``x = v``; ``x =- v`` read as ``x -= v``."""

    name = "plain_to_augmented"
    nodes = (ast.Assign,)
    examples = (
        ("def f(a, b):\n    a = b\n    return a\n", "def f(a, b):\n    a += b\n    return a\n"),
        ("def f(a, b):\n    a =- b\n    return a\n", "def f(a, b):\n    a -= b\n    return a\n"),
    )
    untouched = ("def f(a, b):\n    a, b = b, a\n    return a\n",)

    def edits(self, node: ast.Assign, unit: Unit) -> Iterator[Change]:
        target = node.targets[0]
        if len(node.targets) > 1 or not isinstance(
            target, (ast.Name, ast.Attribute, ast.Subscript)
        ):
            return
        place = operator_span(unit, target, node.value, "=")
        if place is None or isinstance(node.value, (ast.Dict, ast.Lambda)):
            return
        for symbol, weight in (("+", 1.5), ("-", 0.5), ("*", -0.5), ("|", -1.0), ("//", -1.5)):
            yield Change(((*place, f"{symbol}="),), weight)
        if isinstance(node.value, ast.UnaryOp) and isinstance(node.value.op, (ast.USub, ast.UAdd)):
            symbol = "-" if isinstance(node.value.op, ast.USub) else "+"
            code = unit.code(node.value.operand)
            yield Change(((place[0], unit.span(node.value)[1], f"{symbol}= {code}"),), 1.5)


class Sign(Pattern[ast.expr]):
    """A sign added or removed: ``-x`` for ``x`` and back."""

    name = "sign"
    nodes = (ast.UnaryOp, ast.Name, ast.Subscript, ast.Call, ast.Attribute, ast.BinOp)
    examples = (
        ("def f(a):\n    return -a\n", "def f(a):\n    return a\n"),
        ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[-i]\n"),
        ("def f(a, b):\n    return min(a - b, 0)\n", "def f(a, b):\n    return min(-(a - b), 0)\n"),
    )
    untouched = ("def f(a):\n    return a == ''\n", "def f(a):\n    a.x = [1]\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.UnaryOp):
            if not isinstance(node.op, ast.Not):
                yield replace(node, unit.code(node.operand), unit, 0.5)
            return
        if not _is_numeric_place(node, unit):
            return
        yield replace(node, f"-{unit.operand(node, FACTOR)}", unit)


def _is_numeric_place(node: ast.expr, unit: Unit) -> bool:
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    kinds = unit.variables.kinds(node)
    if kinds and NUMBER not in kinds:
        return False
    parent = unit.parent(node)
    match parent:
        case ast.Subscript():
            return node is parent.slice
        case ast.Slice() | ast.BinOp():
            return True
        case ast.Return() | ast.Assign() | ast.AugAssign():
            return True
        case ast.Call():
            return node in parent.args
        case ast.Compare():
            others = (parent.left, *parent.comparators)
            return all(not _is_text(o, unit) for o in others)
        case ast.Tuple() | ast.List() | ast.IfExp() | ast.Lambda():
            return True
        case _:
            return False


def _is_text(node: ast.expr, unit: Unit) -> bool:
    kinds = unit.variables.kinds(node)
    return bool(kinds) and NUMBER not in kinds


class SwapOperands(Pattern[ast.BinOp]):
    """``b - a`` for ``a - b``, where the order matters."""

    name = "swap_operands"
    nodes = (ast.BinOp,)
    examples = (
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return b - a\n"),
        ("def f(a, b):\n    return a % (b + 1)\n", "def f(a, b):\n    return (b + 1) % a\n"),
    )
    untouched = ("def f(a, b):\n    return a * b\n",)

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        commutes = isinstance(node.op, (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor))
        numeric = NUMBER in (unit.variables.kinds(node.left) | unit.variables.kinds(node.right))
        if commutes or (isinstance(node.op, ast.Add) and numeric):
            return
        symbol = op_symbol(node.op)
        left = unit.operand(node.right, required(node, node.left))
        right = unit.operand(node.left, required(node, node.right))
        yield replace(node, f"{left} {symbol} {right}", unit)


class DropOperand(Pattern[ast.BinOp]):
    """One operand of an operation alone."""

    name = "drop_operand"
    nodes = (ast.BinOp,)
    examples = (("def f(a, b):\n    return a + b\n", "def f(a, b):\n    return a\n"),)
    untouched = ("def f(a, b):\n    return a or b\n",)

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        literal = isinstance(node.right, ast.Constant)
        yield replace(node, unit.code(node.left), unit, 1.0 if literal else 0.0)
        if not isinstance(node.right, ast.Constant):
            yield replace(node, unit.code(node.right), unit, 0.0)


class AddOperand(Pattern[ast.expr]):
    """``e + v``, ``e - v``, ``e * v`` … with a variable or a small number in scope for ``e``."""

    name = "add_operand"
    nodes = (ast.Name, ast.Subscript, ast.Call, ast.Attribute, ast.BinOp)
    examples = (
        ("def f(a, b):\n    return a[b] - 1\n", "def f(a, b):\n    return a[b] + b - 1\n"),
        ("def f(n):\n    return n\n", "def f(n):\n    return n % 2\n"),
        (
            "def f(s):\n    out = ''\n    for c in s:\n        out += c\n    return out\n",
            "def f(s):\n    out = ''\n    for c in s:\n        out += c + c\n    return out\n",
        ),
    )
    untouched = ("def f(xs):\n    return [*xs, 'a']\n",)
    _OPERATORS = (("+", 0.6), ("-", 0.3), ("*", 0.0), ("//", -0.8), ("%", -0.5), ("/", -0.8))
    _WIDTH = 6

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not _is_numeric_place(node, unit) and not _concatenates(node, unit):
            return
        kinds = unit.variables.kinds(node) or frozenset({NUMBER})
        terms = unit.variables.ranked(node, kinds=kinds)[: self._WIDTH]
        numeric = NUMBER in kinds
        operators = self._OPERATORS if numeric else (("+", 0.6),)
        numbers = _numbers(unit)
        for symbol, weight in operators:
            needed = SUM if symbol in "+-" else TERM
            left = unit.operand(node, needed)
            for variable, fit in terms:
                yield replace(node, f"{left} {symbol} {variable.name}", unit, weight + fit)
            if numeric and symbol in ("*", "//", "%", "/"):
                for number in dict.fromkeys(("2", *numbers)):
                    yield replace(node, f"{left} {symbol} {number}", unit, weight)
        if numeric:
            for number in dict.fromkeys(("2", *numbers)):
                yield replace(node, f"{unit.operand(node, AWAIT)} ** {number}", unit, -1.0)
            for number in numbers:
                for symbol in "+-":
                    yield replace(node, f"{unit.operand(node, SUM)} {symbol} {number}", unit, -0.5)
        else:
            own = unit.code(node)
            yield replace(node, f"{unit.operand(node, SUM)} + {grouped(own, TERM)}", unit, -0.5)


def _numbers(unit: Unit) -> list[str]:
    """Whole numbers above one that the unit uses, as written."""
    found = dict.fromkeys(
        unit.code(c)
        for c in unit.of_type(ast.Constant)
        if isinstance(c, ast.Constant) and type(c.value) is int and c.value > 1
    )
    return list(found)[:6]


def _concatenates(node: ast.expr, unit: Unit) -> bool:
    kinds = unit.variables.kinds(node)
    parent = unit.parent(node)
    if not isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign, ast.BinOp)):
        return False
    return bool(kinds) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


class AddText(Pattern[ast.BinOp]):
    """A separator or a text of the function put between two joined texts, or behind them."""

    name = "add_text"
    nodes = (ast.BinOp,)
    examples = (
        ("def f(a):\n    return a + 'x'\n", "def f(a):\n    return a + '.' + 'x'\n"),
        ("def f(a):\n    return a + 'x'\n", "def f(a):\n    return a + 'x' + ' '\n"),
    )
    untouched = ("def f(a):\n    return a + 1\n", "def f(a, b):\n    return a * 'x'\n")
    _SEPARATORS = ("' '", "','", "', '", "'.'", "'-'", "'_'", "'/'", "':'", "'\\n'")

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        kinds = unit.variables.kinds(node.left) | unit.variables.kinds(node.right)
        if not isinstance(node.op, ast.Add) or (kinds and TEXT not in kinds):
            return
        middle, end = unit.span(node.left)[1], unit.span(node)[1]
        if unit.enclosed(node.left):
            return
        for separator in self._SEPARATORS:
            yield Change(((middle, middle, f" + {separator}"),), 0.0)
            yield Change(((end, end, f" + {separator}"),), -1.0)


class Regroup(Pattern[ast.expr]):
    """The same operands and operators, grouped the other way: ``(a + b) * c`` for ``a + b * c``."""

    name = "regroup"
    nodes = (ast.BinOp, ast.BoolOp)
    examples = (
        ("def f(a, b, c):\n    return a + b * c\n", "def f(a, b, c):\n    return (a + b) * c\n"),
        ("def f(a, b, c):\n    return (a + b) / c\n", "def f(a, b, c):\n    return a + b / c\n"),
        ("def f(a, b, c):\n    return a - b - c\n", "def f(a, b, c):\n    return a - (b - c)\n"),
        (
            "def f(a, b, c):\n    return a and b or c\n",
            "def f(a, b, c):\n    return a and (b or c)\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a + b\n", "def f(a, b, c):\n    return a * b * c\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.BinOp):
            yield from self._binary(node, unit)
        elif isinstance(node, ast.BoolOp):
            yield from self._boolean(node, unit)

    def _binary(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        outer = op_symbol(node.op)
        left, right = node.left, node.right
        if isinstance(left, ast.BinOp) and not (outer == op_symbol(left.op) and outer in "+*&|^"):
            inner = op_symbol(left.op)
            tail = f"{unit.operand(left.right, ATOM)} {outer} {unit.operand(right, ATOM)}"
            first = unit.operand(left.left, required(left, left.left))
            yield replace(node, f"{first} {inner} {_side(tail, left)}", unit)
        if isinstance(right, ast.BinOp) and not (outer == op_symbol(right.op) and outer in "+*&|^"):
            inner = op_symbol(right.op)
            head = f"{unit.operand(left, ATOM)} {outer} {unit.operand(right.left, ATOM)}"
            last = unit.operand(right.right, required(right, right.right))
            yield replace(node, f"{grouped(head, level(right))} {inner} {last}", unit)

    def _boolean(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        outer = "or" if isinstance(node.op, ast.Or) else "and"
        for index, value in enumerate(node.values):
            if not isinstance(value, ast.BoolOp) or value.op.__class__ is node.op.__class__:
                continue
            inner = "or" if outer == "and" else "and"
            codes = [unit.operand(v, OR if outer == "and" else OR + 1) for v in node.values]
            parts = [unit.operand(v, OR + 2) for v in value.values]
            if index + 1 < len(codes):  # the last of the inner ones joins what follows
                tail = f" {outer} ".join([parts[-1], *codes[index + 1 :]])
                code = f" {inner} ".join([*parts[:-1], f"({tail})"])
                yield replace(node, f" {outer} ".join([*codes[:index], code]), unit)
            if index:
                head = f" {outer} ".join([*codes[:index], parts[0]])
                code = f" {inner} ".join([f"({head})", *parts[1:]])
                yield replace(node, f" {outer} ".join([code, *codes[index + 1 :]]), unit)


def _side(code: str, parent: ast.BinOp) -> str:
    return grouped(code, level(parent) + 1 if not isinstance(parent.op, ast.Pow) else FACTOR)


class MoveAcrossCall(Pattern[ast.expr]):
    """An operand moved into a call's argument or out of it: ``int(a / b)`` for ``int(a) / b``."""

    name = "move_across_call"
    nodes = (ast.BinOp, ast.Call)
    examples = (
        ("def f(a, b):\n    return int(a) / b\n", "def f(a, b):\n    return int(a / b)\n"),
        ("def f(a, b):\n    return len(a + b)\n", "def f(a, b):\n    return len(a) + b\n"),
    )
    untouched = ("def f(a, b):\n    return max(a, b)\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.BinOp):
            symbol = op_symbol(node.op)
            call, other = node.left, node.right
            if isinstance(call, ast.Call) and _is_unary_call(call):
                inner = unit.operand(call.args[0], level(node))
                tail = unit.operand(other, required(node, other))
                yield replace(node, f"{unit.code(call.func)}({inner} {symbol} {tail})", unit)
            call, other = node.right, node.left
            if isinstance(call, ast.Call) and _is_unary_call(call):
                inner = unit.operand(call.args[0], level(node) + 1)
                head = unit.operand(other, required(node, other))
                yield replace(node, f"{unit.code(call.func)}({head} {symbol} {inner})", unit)
        elif isinstance(node, ast.Call) and _is_unary_call(node):
            inside = node.args[0]
            if isinstance(inside, ast.BinOp):
                symbol = op_symbol(inside.op)
                function = unit.code(node.func)
                left, right = unit.code(inside.left), unit.code(inside.right)
                tail = unit.operand(inside.right, required(inside, inside.right))
                yield replace(node, f"{function}({left}) {symbol} {tail}", unit)
                head = unit.operand(inside.left, required(inside, inside.left))
                yield replace(node, f"{head} {symbol} {function}({right})", unit, -0.5)


def _is_unary_call(node: ast.Call) -> bool:
    single = len(node.args) == 1 and not node.keywords
    return single and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp))


PATTERNS = (
    ArithmeticOperator(),
    AugmentedOperator(),
    PlainToAugmented(),
    Sign(),
    SwapOperands(),
    DropOperand(),
    AddOperand(),
    AddText(),
    Regroup(),
    MoveAcrossCall(),
)
