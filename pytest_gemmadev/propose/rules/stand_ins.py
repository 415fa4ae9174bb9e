"""What stands in for something wrong of the right kind: a type, a number, a method without arguments."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, GUESS, LIKELY, WEAK, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.undefined_names import unknown_name
from pytest_gemmadev.types import ErrorKind

_GENERIC = ("list", "dict", "set", "tuple")
_PLAIN = ("int", "str", "float", "bool", "object")
_NO_ARGUMENT = re.compile(r"(\w+)\.(\w+)\(\) takes exactly one argument \(0 given\)")
_EMPTYING = {
    "deque": ("popleft", "pop", "clear"),
    "list": ("pop", "clear", "reverse", "sort"),
    "dict": ("popitem", "clear"),
    "set": ("pop", "clear"),
}


class TypeForAnnotation(Rule):
    """A type that an annotation names and nothing defines: one that the file knows."""

    name = "type_for_annotation"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "from typing import List\n\n\ndef total(xs: Vector[int]) -> int:\n    return sum(xs)\n",
            "total([1])",
            "Vector",
            "List",
        ),
        Example(
            "def total(xs: string) -> int:\n    return len(xs)\n", "total('a')", "string", "str"
        ),
        Example("def total(xs):\n    return Vector(xs)\n", "total([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or not _annotates(unknown.module, unknown.use):
            return
        module = unknown.module
        subscripted = isinstance(module.parents.get(unknown.use), ast.Subscript)
        imported = [
            alias.asname or alias.name
            for node in module.tree.body
            if isinstance(node, ast.ImportFrom) and node.module in ("typing", "collections.abc")
            for alias in node.names
        ]
        choices = (*imported, *(_GENERIC if subscripted else (*_PLAIN, *_GENERIC)))
        why = f"`{unknown.name}` is no type here"
        uses = [n for n in module.names(module.tree, unknown.name) if _annotates(module, n)]
        for rank, name in enumerate(dict.fromkeys(choices)):
            likely = WEAK - 0.1 * rank if name != "*" else GUESS
            if unknown.name.lower().startswith(name.lower()):
                likely = LIKELY
            if name != "*":
                yield from fix(likely, why, *(module.replace(use, name) for use in uses))


def _annotates(module: Module, node: ast.AST) -> bool:
    """True where ``node`` is part of an annotation."""
    child: ast.AST = node
    for parent in module.ancestors(node):
        if isinstance(parent, (ast.arg, ast.AnnAssign)):
            return parent.annotation is child
        if isinstance(parent, FUNCTIONS):
            return parent.returns is child
        child = parent
    return False


class NumberForName(Rule):
    """A name that nothing defines, in arithmetic: one of the function's own numbers."""

    name = "number_for_name"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def f(n):\n    if n % 3 == 0 and n % k == 0:\n        return 15\n"
            "    return 5 if n % 5 == 0 else 1\n",
            "assert f(15) == 15",
            "n % k",
            "n % 5",
        ),
        Example("def f(n):\n    return g(n) + 5\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        module = unknown.module
        if not isinstance(module.parents.get(unknown.use), (ast.BinOp, ast.Compare)):
            return
        numbers = Counter(
            module.code(node)
            for node in ast.walk(unknown.function.node)
            if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        )
        shape = _around(module, unknown.use)
        for number, _ in numbers.most_common(6):
            alike = any(
                module.code(node) == number and _around(module, node) == shape
                for node in ast.walk(unknown.function.node)
                if isinstance(node, ast.Constant)
            )
            why = f"`{unknown.name}` is not defined; {number} stands in a like place"
            edits = [module.replace(use, number) for use in unknown.uses]
            yield from fix(FAIR - 0.5 if alike else GUESS, why, *edits)


def _around(module: Module, node: ast.AST) -> tuple[str, str]:
    """The operation that ``node`` is the right side of, and its left side."""
    parent = module.parents.get(node)
    if isinstance(parent, ast.BinOp) and parent.right is node:
        return type(parent.op).__name__, ast.dump(parent.left)
    if isinstance(parent, ast.Compare) and parent.comparators[-1] is node:
        return type(parent.ops[-1]).__name__, ast.dump(parent.left)
    return "", ""


class PopPlainly(Rule):
    """``pop`` at a place that is not there: at the end, or at the beginning."""

    name = "pop_plainly"
    kinds = (ErrorKind.INDEX,)
    examples = (
        Example(
            "def last(xs, n):\n    return xs.pop(n)\n",
            "assert last([1, 2], 5) == 2",
            "pop(n)",
            "pop()",
        ),
        Example("def last(xs):\n    return xs.pop()\n", "last([])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "pop index out of range" not in failure.message:
            return
        for call in place.nodes(ast.Call):
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr == "pop" and len(call.args) == 1:
                head = place.module.code(func)
                why = "`pop` at a place that is not there"
                yield from fix(FAIR, why, place.module.replace(call, f"{head}()"))
                yield from fix(WEAK, why, place.module.replace(call, f"{head}(0)"))


class MethodWithoutArguments(Rule):
    """A method that needs an argument called without one: another that needs none."""

    name = "method_without_arguments"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "from collections import deque\n\n\ndef first(xs):\n    queue = deque(xs)\n"
            "    return queue.remove()\n",
            "assert first([1, 2]) == 1",
            "remove",
            "popleft",
        ),
        Example("def first(xs):\n    return xs.pop(1, 2)\n", "first([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = _NO_ARGUMENT.search(failure.message)
        place = failure.site
        if place is None or match is None:
            return
        kind, called = match.groups()
        for call in place.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr != called or call.args:
                continue
            head = place.module.code(func.value)
            for rank, other in enumerate(_EMPTYING.get(kind, ())):
                why = f"`{called}` needs an argument, `{other}` needs none"
                edit = place.module.replace(call, f"{head}.{other}()")
                yield from fix(FAIR - 0.4 * rank, why, edit)


RULES: tuple[Rule, ...] = (
    TypeForAnnotation(),
    NumberForName(),
    PopPlainly(),
    MethodWithoutArguments(),
)
