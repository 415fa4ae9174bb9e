"""What nobody leaves in finished code: names never read, code never reached, comparisons with itself.

A right patch seldom adds such a thing, and often takes one away: the fault had left it behind.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Leaving = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@lru_cache(maxsize=8)  # the text before is asked about with each patch
def smells_in(text: str) -> Counter[str]:
    """How often each smell is in a module, by ``function:smell``; empty for a text that does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Counter()
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            found.update(f"{node.name}:{smell}" for smell in _of_function(node))
    return found


def smell_change(before: str, after: str) -> tuple[int, int]:
    """(smells that a patch adds, smells that it takes away)."""
    old, new = smells_in(before), smells_in(after)
    return sum((new - old).values()), sum((old - new).values())


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    body = [node for statement in function.body for node in ast.walk(statement)]
    loaded = {n.id for n in body if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store)}
    stored = {n.id for n in body if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    arguments = function.args
    named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    parameters = {each.arg for each in named} - {"self", "cls"}
    kept = {n for node in body if isinstance(node, (ast.Global, ast.Nonlocal)) for n in node.names}
    if len(function.body) > 1 or not isinstance(function.body[0], (ast.Pass, ast.Expr, ast.Raise)):
        yield from ("unread parameter" for name in parameters - loaded if not name.startswith("_"))
    unread = stored - loaded - kept - parameters
    yield from ("unread variable" for name in unread if not name.startswith("_"))
    for node in body:
        yield from _of_node(node)
    for block in _blocks(function):
        yield from _of_block(block)


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        if _same(node.left, node.comparators[0]):
            yield "compared with itself"
        if isinstance(node.left, ast.Constant) and isinstance(node.comparators[0], ast.Constant):
            yield "constant condition"
    elif isinstance(node, ast.BoolOp):
        texts = [ast.dump(value) for value in node.values]
        if len(set(texts)) < len(texts):
            yield "said twice"
        if any(isinstance(value, ast.Constant) for value in node.values[:-1]):
            yield "constant condition"
    elif isinstance(node, ast.BinOp):
        if isinstance(node.left, ast.UnaryOp) and isinstance(node.right, ast.Constant):
            yield "number taken apart"
        if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod)) and _same(
            node.left, node.right
        ):
            yield "operation with itself"
        if isinstance(node.right, ast.Constant) and (
            (isinstance(node.op, (ast.Add, ast.Sub)) and node.right.value == 0)
            or (isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)) and node.right.value == 1)
        ):
            yield "operation without effect"
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        if isinstance(node.test, ast.Constant) and not isinstance(node, ast.While):
            yield "constant condition"
        if (
            isinstance(node, ast.While)
            and isinstance(node.test, ast.Constant)
            and not node.test.value
        ):
            yield "constant condition"
        if isinstance(node, ast.IfExp) and _same(node.body, node.orelse):
            yield "same in both cases"
        if isinstance(node, ast.If) and _says_the_same(node.body, node.orelse):
            yield "same in both cases"
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        if ast.unparse(node.targets[0]) == ast.unparse(node.value):
            yield "assigned to itself"
    elif isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.func, ast.Name):
        texts = [ast.dump(value) for value in node.args]
        if len(set(texts)) < len(texts) and not all(isinstance(a, ast.Constant) for a in node.args):
            yield "argument twice"


def _of_block(block: list[ast.stmt]) -> Iterator[str]:
    for place, statement in enumerate(block):
        following = block[place + 1 :]
        if isinstance(statement, _Leaving) and following:
            yield "never reached"
        if isinstance(statement, ast.Expr) and not isinstance(
            statement.value, (ast.Call, ast.Constant, ast.Yield, ast.YieldFrom, ast.Await)
        ):
            yield "without effect"
        if isinstance(statement, (ast.For, ast.While)) and _leaves_at_once(statement.body):
            yield "loop that runs once"
        if isinstance(statement, ast.Pass) and len(block) > 1:
            yield "needless pass"
        if not isinstance(statement, ast.Expr) and _says_the_same([statement], following[:1]):
            yield "said twice"


def _leaves_at_once(block: list[ast.stmt]) -> bool:
    """Whether the first turn of a loop always ends it."""
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Raise, ast.Break)):
        return not any(isinstance(n, ast.Continue) for s in block for n in ast.walk(s))
    if isinstance(last, ast.If) and last.orelse:
        return _leaves_at_once(last.body) and _leaves_at_once(last.orelse)
    return False


def _blocks(function: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _says_the_same(block: list[ast.stmt], other: list[ast.stmt]) -> bool:
    """Whether two blocks are alike; those with blocks inside are not looked at, so that a long chain of
    branches is read once and not once for each of them."""
    if len(block) != len(other) or any(hasattr(each, "body") for each in (*block, *other)):
        return False
    return all(
        type(one) is type(two) and ast.dump(one) == ast.dump(two)
        for one, two in zip(block, other, strict=True)
    )


def _same(left: ast.expr, right: ast.expr) -> bool:
    return not isinstance(left, (ast.Call, ast.Constant)) and ast.dump(left) == ast.dump(right)
