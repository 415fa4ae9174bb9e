"""What is odd about code that parses: it costs, so that the likelier repair comes first."""

from __future__ import annotations

import ast

from pytest_gemmadev.propose.syntax.surroundings import Surroundings

_UNKNOWN_NAME = 1.2
_UNKNOWN_NAMES = 3  # counted at most


def oddness(tree: ast.Module, around: Surroundings) -> float:
    """Nats, for one statement by itself."""
    cost = sum(_odd(node) for node in ast.walk(tree))
    bound = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)
    }
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    unknown = sum(
        isinstance(n, ast.Name)
        and isinstance(n.ctx, ast.Load)
        and n.id not in bound
        and not around.knows(n.id)
        for n in ast.walk(tree)
    )
    return cost + _UNKNOWN_NAME * min(unknown, _UNKNOWN_NAMES)


def _odd(node: ast.AST) -> float:
    match node:
        case ast.Expr():
            return _useless(node.value)
        case ast.If() | ast.While() | ast.Assert() | ast.IfExp():
            return 4.0 if isinstance(node.test, ast.Tuple | ast.List | ast.Dict) else 0.0
        case ast.Call():
            return _call(node)
        case ast.Subscript():
            return _subscript(node)
        case ast.Compare():
            return _comparison(node)
        case ast.BinOp():
            return _operation(node)
        case ast.UnaryOp(op=ast.UAdd()):
            return 1.5
        case ast.UnaryOp(op=ast.USub(), operand=ast.UnaryOp(op=ast.USub())):
            return 3.0
        case ast.For(iter=ast.Tuple(elts=[first, *_]) as values):
            return 1.5 if values.col_offset == first.col_offset else 0.0
        case ast.Assign():
            return 2.5 * any(_lists_values(target) for target in node.targets[1:])
        case ast.AnnAssign():
            return _annotated(node)
        case ast.Attribute(value=ast.Constant(value=int() | float())):
            return 4.0
        case ast.BoolOp():
            return 2.0 * any(isinstance(v, ast.Constant) for v in node.values[:-1])
        case ast.IfExp(test=ast.Constant()):
            return 2.0
        case ast.List() | ast.Tuple():
            return 1.0 * any(_is_membership(element) for element in node.elts)
        case ast.Starred():
            return 0.5
        case ast.Set():
            return 0.5
    return 0.0


def _useless(value: ast.expr) -> float:
    """An expression as a statement of which nothing comes."""
    match value:
        case ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom() | ast.JoinedStr():
            return 0.0
        case ast.Constant(value=constant):
            if isinstance(constant, str):
                return 0.0 if " " in constant else 1.2  # a docstring is more than a word
            return 0.0 if constant is ... else 2.2
        case ast.Compare():
            return 3.0
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.IfExp():
            return 0.5
        case ast.Tuple():
            return 3.0
    return 2.2


def _is_membership(node: ast.expr) -> bool:
    """True for ``x in y``, in a list rather half of a comprehension."""
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In)


def _lists_values(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple | ast.List)


def _call(node: ast.Call) -> float:
    if isinstance(node.func, ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.JoinedStr):
        return 5.0
    return 3.0 if isinstance(node.func, ast.BinOp | ast.Compare | ast.BoolOp) else 0.0


def _subscript(node: ast.Subscript) -> float:
    cost = 0.0
    if isinstance(node.value, ast.Constant) and not isinstance(node.value.value, str | bytes):
        cost += 5.0
    if isinstance(node.slice, ast.Tuple) and isinstance(node.value, ast.List | ast.Tuple):
        cost += 5.0
    if isinstance(node.slice, ast.Tuple) and any(isinstance(e, ast.Slice) for e in node.slice.elts):
        cost += 0.8
    parts = [node.slice.lower, node.slice.upper] if isinstance(node.slice, ast.Slice) else []
    if any(isinstance(p, ast.Subscript) and _is_whole(p.slice) for p in parts):
        cost += 3.0
    if isinstance(node.value, ast.BinOp | ast.Compare):
        cost += 1.0
    return cost


def _is_whole(part: ast.expr) -> bool:
    """True for the ``:`` of ``x[:]``."""
    return isinstance(part, ast.Slice) and not (part.lower or part.upper or part.step)


def _comparison(node: ast.Compare) -> float:
    cost = 0.0
    operands = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
        if isinstance(operator, ast.In | ast.NotIn):
            cost += 4.0 * (isinstance(right, ast.Constant) and isinstance(right.value, int))
        elif isinstance(operator, ast.Is | ast.IsNot):
            plain = isinstance(right, ast.Constant) and isinstance(right.value, str | int)
            cost += 2.0 * (plain and not isinstance(right.value, bool))  # type: ignore[attr-defined]
        cost += 1.0 * (isinstance(left, ast.Constant) and isinstance(right, ast.Constant))
        usual = ast.In | ast.NotIn | ast.Eq | ast.NotEq
        cost += 2.0 * (isinstance(right, ast.Tuple) and not isinstance(operator, usual))
    return cost + (0.8 if len(node.ops) > 1 and not _range_like(node) else 0.0)


def _range_like(node: ast.Compare) -> bool:
    return all(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops)


def _operation(node: ast.BinOp) -> float:
    cost = 2.0 if isinstance(node.op, ast.MatMult) else 0.0
    kinds = [type(c.value) for c in (node.left, node.right) if isinstance(c, ast.Constant)]
    if len(kinds) == 2 and str in kinds and kinds[0] is not kinds[1]:
        cost += 0.0 if isinstance(node.op, ast.Mod | ast.Mult) else 3.0
    if str in kinds and not isinstance(node.op, ast.Add | ast.Mod | ast.Mult):
        cost += 3.0
    usual = ast.Add | ast.Mult | ast.BitOr
    if isinstance(node.left, ast.Tuple | ast.List | ast.Dict) and not isinstance(node.op, usual):
        cost += 2.0
    return cost


def _annotated(node: ast.AnnAssign) -> float:
    """``x: y`` is an annotation; after an edit it is rather half of something else."""
    cost = 1.5 if node.value is None else 0.0
    if isinstance(node.annotation, ast.Constant) and not isinstance(
        node.annotation.value, str | None
    ):
        cost += 4.0
    if isinstance(node.annotation, ast.Call | ast.BinOp | ast.Compare | ast.BoolOp):
        cost += 2.0
    return cost
