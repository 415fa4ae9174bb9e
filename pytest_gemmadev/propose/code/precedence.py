"""How expressions bind: levels of precedence, and when a piece of code needs parentheses."""

from __future__ import annotations

import ast
from functools import lru_cache

# Levels of precedence, loosest first.
LOOSE, NAMED, TEST, OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND = range(10)
SHIFT, SUM, TERM, FACTOR, POWER, AWAIT, ATOM = range(10, 17)

_BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: BIT_OR,
    ast.BitXor: BIT_XOR,
    ast.BitAnd: BIT_AND,
    ast.LShift: SHIFT,
    ast.RShift: SHIFT,
    ast.Add: SUM,
    ast.Sub: SUM,
    ast.Mult: TERM,
    ast.MatMult: TERM,
    ast.Div: TERM,
    ast.FloorDiv: TERM,
    ast.Mod: TERM,
    ast.Pow: POWER,
}

BINARY_SYMBOLS: dict[type[ast.operator], str] = {
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}

COMPARISON_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}

OPPOSITE: dict[str, str] = {
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}


def level(node: ast.expr) -> int:
    """How tightly the outermost operator of an expression binds."""
    match node:
        case ast.BinOp():
            return _BINARY[type(node.op)]
        case ast.UnaryOp():
            return NOT if isinstance(node.op, ast.Not) else FACTOR
        case ast.BoolOp():
            return OR if isinstance(node.op, ast.Or) else AND
        case ast.Compare():
            return COMPARE
        case ast.IfExp() | ast.Lambda():
            return TEST
        case ast.NamedExpr():
            return NAMED
        case ast.Yield() | ast.YieldFrom() | ast.Starred() | ast.Slice():
            return LOOSE
        case ast.Await():
            return AWAIT
        case _:
            return ATOM  # a tuple too: see `level_of_code`, which sees whether it has parentheses


@lru_cache(maxsize=20_000)
def level_of_code(code: str) -> int:
    """`level` of an expression given as text; ``LOOSE`` for bare tuples and what does not parse."""
    try:
        node = ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return LOOSE
    if isinstance(node, ast.Tuple) and not _is_one_argument(code):
        return LOOSE
    # A pair of parentheses around everything is not part of the node.
    return ATOM if node.col_offset > 0 else level(node)


def _is_one_argument(code: str) -> bool:
    call = ast.parse(f"f({code.strip()})", mode="eval").body
    return isinstance(call, ast.Call) and len(call.args) == 1


def required(parent: ast.AST | None, node: ast.AST) -> int:
    """The loosest level that may stand in ``node``'s place in ``parent`` without parentheses."""
    match parent:
        case ast.BinOp():
            own = _BINARY[type(parent.op)]
            if isinstance(parent.op, ast.Pow):
                return AWAIT if node is parent.left else FACTOR
            return own if node is parent.left else own + 1
        case ast.UnaryOp():
            return NOT if isinstance(parent.op, ast.Not) else FACTOR
        case ast.BoolOp():
            return level(parent) + 1
        case ast.Compare() | ast.Starred():
            return BIT_OR
        case ast.Attribute() | ast.Await():
            return ATOM
        case ast.Subscript():
            return ATOM if node is parent.value else LOOSE
        case ast.Call():
            return ATOM if node is parent.func else TEST
        case ast.IfExp():
            return TEST if node is parent.orelse else OR
        case ast.comprehension():
            return OR
        case ast.Return() | ast.Assign() | ast.AugAssign() | ast.Expr() | ast.AnnAssign():
            return LOOSE
        case ast.For() | ast.AsyncFor() | ast.Yield():
            return LOOSE
        case ast.If() | ast.While():
            return NAMED
        case _:
            return TEST


def grouped(code: str, needed: int) -> str:
    """``code``, in parentheses where it binds less tightly than ``needed``."""
    if needed == LOOSE or (code.isidentifier() and code != "yield"):
        return code  # what needs no look at what it is
    return code if level_of_code(code) >= needed else f"({code})"


def negated(node: ast.expr, code: str) -> str:
    """Text of the opposite of a condition whose text is ``code``."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = code[3:].strip()
        return inner[1:-1] if _wraps(inner) else inner
    return f"not {grouped(code, NOT)}"


def _wraps(code: str) -> bool:
    """True when one pair of parentheses encloses all of ``code`` and can go."""
    if not (code.startswith("(") and code.endswith(")")):
        return False
    try:
        inner = ast.parse(code[1:-1].strip(), mode="eval").body
        outer = ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return ast.dump(inner) == ast.dump(outer)


def op_symbol(op: ast.cmpop | ast.operator) -> str:
    """How an operator is written."""
    if isinstance(op, ast.cmpop):
        return COMPARISON_SYMBOLS[type(op)]
    return BINARY_SYMBOLS[type(op)]
