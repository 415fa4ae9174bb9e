"""A name read before it is bound: ``global`` forgotten, no first value, defined further down."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.reach import visible_names
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import LIKELY, SURE, WEAK, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.undefined_names import Unknown, unknown_name
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import ErrorKind


class MissingGlobal(Rule):
    """A variable of the module, or of the function around, that a function assigns as its own."""

    name = "missing_global"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "count = 0\n\n\ndef bump():\n    count += 1\n    return count\n",
            "bump()",
            "    count += 1",
            "    global count\n    count += 1",
        ),
        Example(
            "def make():\n    count = 0\n\n    def bump():\n        count += 1\n"
            "        return count\n\n    return bump\n",
            "make()()",
            "        count += 1",
            "        nonlocal count\n        count += 1",
        ),
        Example("def bump():\n    count += 1\n    return count\n", "bump()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        function = unknown.function
        own = bound_names(function.node).get(unknown.name, [])
        if not own or any(isinstance(node, ast.arg) for node in own):
            return
        for scope in unknown.module.ancestors(function.node):
            if isinstance(scope, FUNCTIONS) and unknown.name in bound_names(scope):
                yield from self._declared(unknown, function, "nonlocal")
                return
        if unknown.name in unknown.module.bindings:
            yield from self._declared(unknown, function, "global")

    def _declared(self, unknown: Unknown, function: Function, word: str) -> Iterator[Fix]:
        first = first_statement(function)
        why = f"`{unknown.name}` is the {'module' if word == 'global' else 'outer function'}'s"
        edit = unknown.module.insert_before(first, f"{word} {unknown.name}")
        yield from fix(SURE - 0.1, why, edit)


class FirstValue(Rule):
    """A local variable without a first value: 0, an empty list or None before it is needed."""

    name = "first_value"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def total(xs):\n    for x in xs:\n        s += x\n    return s\n",
            "total([1])",
            "    for x in xs:",
            "    s = 0\n    for x in xs:",
        ),
        Example(
            "def longest(xs):\n    for x in xs:\n        if len(x) > 3:\n"
            "            best = x\n    return best\n",
            "longest([])",
            "    for x in xs:",
            "    best = None\n    for x in xs:",
        ),
        Example(
            "def evens(xs):\n    for x in xs:\n        out.append(x)\n    return out\n",
            "evens([1])",
            "    for x in xs:",
            "    out = []\n    for x in xs:",
        ),
        Example("def f(x):\n    return y\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        function, module = unknown.function, unknown.module
        uses = unknown.uses
        stored = [n for n in uses if isinstance(n.ctx, ast.Store)]
        filled = [n for n in uses if _filled_by(module, n)]
        mentions = stored or filled
        if not mentions:
            return
        first = min((*mentions, unknown.use), key=lambda n: (n.lineno, n.col_offset))
        statement = _outermost(module, function, first)
        if statement is None:
            return
        # another variable of nearly that name is the likelier cause
        others = {
            n
            for n, kind in failure.visible(unknown.place, unknown.use).items()
            if kind != "builtin"
        }
        prior = LIKELY - (1.0 if closest(unknown.name, others, floor=0.75) else 0.0)
        prior -= 0.0 if _is_read(module, uses) else 2.0
        for rank, value in enumerate(first_values(module, uses)):
            why = f"`{unknown.name}` has no value before it is used"
            edit = module.insert_before(statement, f"{unknown.name} = {value}")
            yield from fix(prior - 0.5 * rank, why, edit)


def _is_read(module: Module, uses: list[ast.Name]) -> bool:
    """Whether anything is done with the variable but updating it."""
    return any(not isinstance(module.parents.get(use), ast.AugAssign) for use in uses)


class OtherCounter(Rule):
    """A variable that is counted and never read: another one of the function is meant."""

    name = "other_counter"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def left(beds, n):\n    for bed in beds:\n        if not bed:\n"
            "            rest -= 1\n    return n <= 0\n",
            "left([0], 1)",
            "rest -= 1",
            "n -= 1",
        ),
        Example("def total(xs):\n    for x in xs:\n        s += x\n    return s\n", "total([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        module, uses = unknown.module, unknown.uses
        if _is_read(module, uses):
            return
        scope = unknown.function.node
        own = bound_names(scope).keys() - {unknown.name}
        last = max(use.lineno for use in uses)
        read = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id in own]
        # What is counted is asked about afterwards.
        read.sort(key=lambda n: (n.lineno <= last, n.lineno, n.col_offset))
        for rank, name in enumerate(dict.fromkeys(n.id for n in read)):
            why = f"`{unknown.name}` has no value and is read nowhere; `{name}` has one"
            edits = (module.replace(use, name) for use in uses)
            yield from fix(LIKELY - 0.2 * min(rank, 8), why, *edits)


def first_values(module: Module, uses: list[ast.Name]) -> list[str]:
    """Empty values that fit how a variable is used, the likeliest first."""
    found: dict[str, None] = {}
    for use in uses:
        found.update(dict.fromkeys(_filled_by(module, use)))
        parent = module.parents.get(use)
        if isinstance(parent, ast.AugAssign) and parent.target is use:
            found.update(dict.fromkeys(_start_of(parent.op, parent.value)))
        elif isinstance(parent, ast.Assign):
            value = parent.value
            if isinstance(value, ast.BinOp) and _mentions(value, use.id):
                other = value.right if _mentions(value.left, use.id) else value.left
                found.update(dict.fromkeys(_start_of(value.op, other)))
            elif isinstance(value, ast.Constant) and isinstance(value.value, bool):
                found[str(not value.value)] = None
    found.setdefault("None", None)
    for guess in ("0", "[]", '""'):
        if len(found) < 3:
            found.setdefault(guess, None)
    return list(found)[:4]


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _start_of(op: ast.operator, operand: ast.expr) -> list[str]:
    """The neutral element of an operation with ``operand``."""
    if isinstance(op, ast.Mult):
        return ["1"]
    if isinstance(op, ast.Add):
        if isinstance(operand, ast.JoinedStr) or (
            isinstance(operand, ast.Constant) and isinstance(operand.value, str)
        ):
            return ['""']
        if isinstance(operand, (ast.List, ast.ListComp)):
            return ["[]"]
        return ["0", '""', "[]"]
    if isinstance(op, ast.BitOr) and isinstance(operand, (ast.Set, ast.SetComp)):
        return ["set()"]
    return ["0"]


_FILLING = {
    "append": "[]",
    "extend": "[]",
    "insert": "[]",
    "add": "set()",
    "discard": "set()",
    "setdefault": "{}",
    "update": "{}",
}


def _filled_by(module: Module, use: ast.Name) -> list[str]:
    """``[]`` where a method appends to the variable, ``{}`` where a key is set."""
    parent = module.parents.get(use)
    if isinstance(parent, ast.Attribute) and parent.attr in _FILLING:
        return [_FILLING[parent.attr]]
    if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return ["{}"] if parent.value is use else []
    return []


def _outermost(module: Module, function: Function, node: ast.AST) -> ast.stmt | None:
    """The statement of the function's own block that holds ``node``."""
    for around in (node, *module.ancestors(node)):
        if isinstance(around, ast.stmt) and module.parents.get(around) is function.node:
            return around
    return None


def first_statement(function: Function) -> ast.stmt:
    """The first statement of a function, its docstring passed over."""
    body = function.node.body
    first = body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1] if is_docstring and len(body) > 1 else first


class DefinedLater(Rule):
    """Something at module level that is used above its definition: the definition moves up."""

    name = "defined_later"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "LIMITS = [BASE, 2]\n\nBASE = 1\n",
            "LIMITS",
            "LIMITS = [BASE, 2]\n\nBASE = 1\n",
            "BASE = 1\nLIMITS = [BASE, 2]\n\n",
        ),
        Example("LIMITS = [BASE, 2]\n", "LIMITS"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is not None:
            return
        module = unknown.module
        user = next((s for s in module.tree.body if _holds(s, unknown.use)), None)
        later = [
            s
            for n in module.bindings.get(unknown.name, ())
            if (s := module.statement(n)) in module.tree.body and user and s.lineno > user.lineno
        ]
        if user is None or not later:
            return
        moved = later[0]
        start, end = module.lines_of(moved, moved)
        text = module.text[start:end].replace("\r\n", "\n")
        gap = "\n\n" if isinstance(moved, (*FUNCTIONS, ast.ClassDef)) else ""
        insert = module.insert_before(user, text + gap)
        why = f"`{unknown.name}` is defined further down"
        yield from fix(LIKELY, why, insert, module.remove_statement(moved))


def _holds(statement: ast.stmt, node: ast.AST) -> bool:
    return any(n is node for n in ast.walk(statement))


class QuotedAnnotation(Rule):
    """An annotation that names a class not yet defined."""

    name = "quoted_annotation"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "class Node:\n    def link(self, other: Node):\n        return other\n",
            "Node()",
            "other: Node",
            'other: "Node"',
        ),
        Example("def f(x=Node):\n    return x\n\n\nclass Node:\n    pass\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.name not in unknown.module.bindings:
            return
        module = unknown.module
        edits = []
        for node in ast.walk(module.tree):
            annotation = getattr(node, "returns", None) or getattr(node, "annotation", None)
            if isinstance(annotation, ast.expr) and _mentions(annotation, unknown.name):
                edits.append(module.replace(annotation, f'"{module.code(annotation)}"'))
        within = any(_is_annotated(module, unknown.use, a) for a in module.ancestors(unknown.use))
        if edits and within:
            why = f"`{unknown.name}` is defined later than the annotation is read"
            yield from fix(SURE, why, *edits)


def _is_annotated(module: Module, use: ast.AST, holder: ast.AST) -> bool:
    annotation = getattr(holder, "returns", None) or getattr(holder, "annotation", None)
    return isinstance(annotation, ast.AST) and any(n is use for n in ast.walk(annotation))


class ShadowedByLocal(Rule):
    """A local variable that hides the function it is computed with: ``sum = sum(xs)``."""

    name = "shadowed_by_local"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def mean(xs):\n    sum = sum(xs)\n    return sum / len(xs)\n",
            "mean([1])",
            "    sum = sum(xs)\n    return sum /",
            "    result = sum(xs)\n    return result /",
        ),
        Example("def mean(xs):\n    s = s + 1\n    return s\n", "mean([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        module, scope = unknown.module, unknown.function.node
        if unknown.name not in bound_names(scope):
            return
        if visible_names(module, scope).get(unknown.name) is None:
            return
        calls = {c.func for c in ast.walk(scope) if isinstance(c, ast.Call)}
        if not calls & set(unknown.uses):
            return
        taken = visible_names(module, unknown.use)
        new = next(
            n for n in ("result", f"{unknown.name}_value", f"{unknown.name}_") if n not in taken
        )
        edits = [module.replace(use, new) for use in unknown.uses if use not in calls]
        why = f"the variable `{unknown.name}` hides the function of that name"
        yield from fix(LIKELY, why, *edits)


class BoundInBranch(Rule):
    """A variable that only one branch binds: an empty value before it."""

    name = "bound_in_branch"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def rate(kind):\n    if kind == 'a':\n        rate = 1\n    return rate\n",
            "rate('b')",
            "    if kind",
            "    rate = 0\n    if kind",
        ),
        Example("def rate(kind):\n    rate += 1\n    return rate\n", "rate('b')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        module = unknown.module
        for node in unknown.uses:
            assignment = module.parents.get(node)
            if not isinstance(assignment, ast.Assign) or not isinstance(node.ctx, ast.Store):
                continue
            branch = _outermost(module, unknown.function, node)
            if isinstance(branch, (ast.If, ast.For, ast.While, ast.Try)) and isinstance(
                assignment.value, ast.Constant
            ):
                empty = {int: "0", float: "0", str: '""', bool: "False"}
                value = empty.get(type(assignment.value.value))
                if value is not None:
                    edit = module.insert_before(branch, f"{unknown.name} = {value}")
                    yield from fix(
                        WEAK + 0.6, f"`{unknown.name}` is bound in one branch only", edit
                    )
                    return


RULES: tuple[Rule, ...] = (
    MissingGlobal(),
    FirstValue(),
    OtherCounter(),
    DefinedLater(),
    QuotedAnnotation(),
    ShadowedByLocal(),
    BoundInBranch(),
)
