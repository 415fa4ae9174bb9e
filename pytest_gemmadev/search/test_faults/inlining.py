"""Names of a test replaced by what they stand for: local variables, constants, and parameters."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef

_DEPTH = 8  # of names that stand for names


def plain_names(function: Function) -> dict[str, ast.expr]:
    """Local variables that are given one value at the top of the test and are only read.

    A variable that a statement besides assertions mentions may have been changed by it.
    """
    values: dict[str, ast.expr] = {}
    stores: Counter[str] = Counter()
    touched: set[str] = set()
    for statement in function.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = statement.value
        elif not isinstance(statement, ast.Assert) and not _is_assertion(statement):
            touched |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stores[node.id] += 1
    return {n: v for n, v in values.items() if stores[n] == 1 and n not in touched}


def _is_assertion(statement: ast.stmt) -> bool:
    """Whether it is a call of unittest's, ``self.assertEqual(...)``."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr.startswith("assert")
    )


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that the module gives one literal."""
    found: dict[str, ast.expr] = {}
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and is_literal(statement.value):  # type: ignore[attr-defined]
            found[target.id] = statement.value  # type: ignore[attr-defined]
    return found


def parameter_cases(function: Function) -> list[dict[str, ast.expr]]:
    """Values by parameter of each case of ``parametrize``; one without any where there is none.

    No case where the values are not written out, or several decorators are multiplied.
    """
    marks = [d for d in function.decorator_list if "parametrize" in ast.unparse(d)]
    if not marks:
        return [{}]
    call = marks[0]
    if len(marks) > 1 or not isinstance(call, ast.Call) or len(call.args) < 2:
        return []
    names = _parameter_names(call.args[0])
    if not names or not isinstance(call.args[1], ast.List | ast.Tuple):
        return []
    return [
        dict(zip(names, values, strict=True))
        for item in call.args[1].elts
        if len(values := _case_values(item, len(names))) == len(names)
    ]


def _parameter_names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, ast.List | ast.Tuple):
        return [str(each.value) for each in node.elts if isinstance(each, ast.Constant)]
    return []


def _case_values(item: ast.expr, count: int) -> list[ast.expr]:
    if isinstance(item, ast.Call) and ast.unparse(item.func).endswith("param"):
        return list(item.args)
    if count == 1:
        return [item]
    return list(item.elts) if isinstance(item, ast.Tuple | ast.List) else []


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def inline(node: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """The expression with names replaced by what they stand for."""
    for _ in range(_DEPTH):
        used = {n.id for n in _loads(node)} & names.keys()
        if not used:
            break
        node = _Inliner(names).visit(copy.deepcopy(node))
    return node


def free_names(node: ast.expr) -> set[str]:
    """Names that an expression reads and does not bind itself."""
    bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _is_store(n)}
    bound |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return {n.id for n in _loads(node)} - bound


def _loads(node: ast.expr) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name) and not _is_store(n))


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


class _Inliner(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = self._names.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return node if known is None else copy.deepcopy(known)
