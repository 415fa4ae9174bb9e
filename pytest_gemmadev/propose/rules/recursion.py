"""Code that never ends: recursion without an end, loops that do not advance."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import dotted, own_nodes
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, WEAK, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.types import ErrorKind


def recursive(failure: Failure) -> list[tuple[Function, ast.Call]]:
    """Functions that call themselves until the stack is full, with those calls."""
    if failure.stack.error != "RecursionError":
        return []
    found: dict[ast.AST, tuple[Function, ast.Call]] = {}
    for place in failure.sites:
        function = place.function
        if function is None:
            continue
        for call in own_nodes(function.node):
            if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] == function.name:
                found[call] = (function, call)
    return list(found.values())[:6]


class PropertyOfItself(Rule):
    """A property that reads or sets itself: the attribute behind it has an underscore."""

    name = "property_of_itself"
    kinds = (ErrorKind.OTHER, ErrorKind.ATTRIBUTE)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self._total = 1\n\n    @property\n"
            "    def total(self):\n        return self.total\n",
            "Cart().total",
            "self.total",
            "self._total",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 1\n\n    @property\n"
            "    def total(self):\n        return self._total\n",
            "Cart().total",
            "self.total = 1",
            "self._total = 1",
        ),
        Example("def f(n):\n    return f(n)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        read_only = re.search(r"no setter|can't set attribute", failure.message) is not None
        if failure.stack.error != "RecursionError" and not read_only:
            return
        for place in failure.sites:
            function = place.function
            if function is None or function.cls is None:
                continue
            name = failure.facts.name if read_only else function.name
            name = name or next(iter(re.findall(r"'(\w+)'", failure.message)), "")
            cls = Class(place.module, function.cls)
            nodes = [n for n in failure.project.self_attributes(cls) if n.attr == name]
            hidden = f"_{name}"
            if read_only:
                nodes = [n for n in nodes if isinstance(n.ctx, ast.Store)]
            else:
                inside = set(ast.walk(function.node))
                nodes = [n for n in nodes if n in inside]
                if not any("property" in d or d.endswith("setter") for d in function.decorators):
                    continue
            edits = [place.module.rename_attribute(n, hidden) for n in nodes]
            known = hidden in {n.attr for n in failure.project.self_attributes(cls)}
            why = f"the property `{name}` {'has no setter' if read_only else 'calls itself'}"
            yield from fix(SURE if known else FAIR, why, *edits)
            return


class SuperMeant(Rule):
    """A method that calls itself where it means the one of its base."""

    name = "super_meant"
    kinds = (ErrorKind.OTHER,)
    examples = (
        Example(
            "class Base:\n    def save(self):\n        return 1\n\n\nclass Child(Base):\n"
            "    def save(self):\n        return self.save() + 1\n",
            "Child().save()",
            "self.save()",
            "super().save()",
        ),
        Example("def f(n):\n    return f(n)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function, call in recursive(failure):
            if function.cls is None or not isinstance(call.func, ast.Attribute):
                continue
            if not function.cls.bases or dotted(call.func.value) != function.receiver:
                continue
            bases = failure.project.bases(Class(function.module, function.cls))[1:]
            known = any(failure.project.method(base, function.name) for base in bases)
            edit = function.module.replace(call.func.value, "super()")
            yield from fix(SURE if known else LIKELY, "the method calls itself for ever", edit)


class SameArgument(Rule):
    """A recursive call that does not come nearer to its end."""

    name = "same_argument"
    kinds = (ErrorKind.OTHER,)
    examples = (
        Example(
            "def fact(n):\n    if n == 0:\n        return 1\n    return n * fact(n)\n",
            "fact(3)",
            "fact(n)\n",
            "fact(n - 1)\n",
        ),
        Example(
            "def total(xs):\n    if not xs:\n        return 0\n    return xs[0] + total(xs)\n",
            "total([1])",
            "total(xs)\n",
            "total(xs[1:])\n",
        ),
        Example("class A:\n    @property\n    def x(self):\n        return self.x\n", "A().x"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function, call in recursive(failure):
            parameters = [p for p in function.parameters if p not in ("self", "cls")]
            for argument, parameter in zip(call.args, parameters, strict=False):
                module, code = function.module, function.module.code(argument)
                why = f"`{parameter}` never changes"
                if code == parameter:
                    indexed = _is_sequence(function, parameter)
                    nearer = (
                        [f"{code}[1:]", f"{code}[:-1]"]
                        if indexed
                        else [f"{code} - 1", f"{code} // 2"]
                    )
                    for rank, new in enumerate(nearer):
                        edit = module.replace(argument, new)
                        yield from fix(LIKELY - 0.8 * rank, why, edit)
                elif isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add):
                    new = f"{module.code(argument.left)} - {module.code(argument.right)}"
                    why = f"`{parameter}` moves away from its end"
                    yield from fix(FAIR, why, module.replace(argument, new))


def _is_sequence(function: Function, name: str) -> bool:
    """True where the function indexes the parameter, measures or iterates it."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Subscript) and dotted(node.value) == name:
            return True
        measures = isinstance(node, ast.Call) and dotted(node.func) == "len"
        if isinstance(node, ast.Call) and measures and name in map(dotted, node.args):
            return True
    return False


class BaseCase(Rule):
    """A recursion whose end is missed, or that has none."""

    name = "base_case"
    kinds = (ErrorKind.OTHER,)
    examples = (
        Example(
            "def count(n):\n    if n == 0:\n        return 0\n    return 1 + count(n - 2)\n",
            "count(3)",
            "n == 0",
            "n <= 0",
        ),
        Example(
            "def fact(n):\n    return n * fact(n - 1)\n",
            "assert fact(3) == 6",
            "    return n",
            "    if n <= 0:\n        return 1\n    return n",
        ),
        Example("class A:\n    @property\n    def x(self):\n        return self.x\n", "A().x"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in dict.fromkeys(f for f, _ in recursive(failure)):
            module = function.module
            compares = [n for n in own_nodes(function.node) if isinstance(n, ast.Compare)]
            for node in compares:
                left, right = module.span(node.left), module.span(node.comparators[0])
                if not left or not right or dotted(node.left) not in function.parameters:
                    continue
                if isinstance(node.ops[0], ast.Eq):
                    at = module.text.find("==", left[1], right[0])
                    edit = module.edit(at, at + 2, "<=") if at >= 0 else None
                    yield from fix(LIKELY, "the end is stepped over", edit)
            for parameter in function.parameters[:2]:
                if parameter in ("self", "cls"):
                    continue
                indexed = _is_sequence(function, parameter)
                condition = f"not {parameter}" if indexed else f"{parameter} <= 0"
                step = "\t" if "\n\t" in module.text else "    "
                for rank, value in enumerate(_neutral(function)):
                    code = f"if {condition}:\n{step}return {value}"
                    edit = module.insert_before(first_statement(function), code)
                    yield from fix(WEAK - 0.3 * rank, "the recursion has no end", edit)


def _neutral(function: Function) -> list[str]:
    """What the recursion may start from: 1 for products, 0 for sums, else nothing."""
    found: dict[str, None] = {}
    for statement in function.returns:
        if isinstance(statement.value, ast.BinOp):
            found["1" if isinstance(statement.value.op, ast.Mult) else "0"] = None
        elif isinstance(statement.value, ast.List):
            found["[]"] = None
    for value in ("None", "0", "1"):
        found.setdefault(value, None)
    return list(found)[:3]


class LoopStandsStill(Rule):
    """A ``while`` loop whose condition never changes."""

    name = "loop_stands_still"
    kinds = (ErrorKind.TIMEOUT,)
    examples = (
        Example(
            "def f(xs):\n    i = n = 0\n    while i < len(xs):\n        n += xs[i]\n    return n\n",
            "assert f([1]) == 1",
            "        n += xs[i]\n",
            "        n += xs[i]\n        i += 1\n",
        ),
        Example(
            "def find(xs, x):\n    lo, hi = 0, len(xs)\n    while lo < hi:\n"
            "        mid = (lo + hi) // 2\n        if xs[mid] < x:\n            lo = mid\n"
            "        else:\n            hi = mid\n    return lo\n",
            "assert find([1, 2], 2) == 1",
            "lo = mid",
            "lo = mid + 1",
        ),
        Example("def f():\n    raise TimeoutError\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in failure.suspects[:4]:
            for loop in own_nodes(function.node):
                if isinstance(loop, ast.While):
                    yield from self._advanced(function.module, loop)
                    yield from self._narrowed(function.module, loop)

    def _advanced(self, module: Module, loop: ast.While) -> Iterator[Fix]:
        changed = {
            n.id
            for s in loop.body
            for n in ast.walk(s)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        for node in ast.walk(loop.test):
            if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Name):
                continue
            sign = {ast.Lt: "+", ast.LtE: "+", ast.NotEq: "+", ast.Gt: "-", ast.GtE: "-"}.get(
                type(node.ops[0])
            )
            if node.left.id not in changed and sign is not None:
                edit = module.insert_after(loop.body[-1], f"{node.left.id} {sign}= 1")
                yield from fix(SURE - 0.1, f"`{node.left.id}` never changes in the loop", edit)
            if isinstance(node.ops[0], ast.NotEq):
                left, right = module.span(node.left), module.span(node.comparators[0])
                at = module.text.find("!=", left[1], right[0]) if left and right else -1
                edit = module.edit(at, at + 2, "<") if at >= 0 else None
                yield from fix(FAIR, "the end is stepped over", edit)

    def _narrowed(self, module: Module, loop: ast.While) -> Iterator[Fix]:
        names = [n.id for n in ast.walk(loop.test) if isinstance(n, ast.Name)]
        for statement in loop.body:
            for node in ast.walk(statement):
                if not isinstance(node, ast.Assign) or dotted(node.targets[0]) not in names:
                    continue
                if isinstance(node.value, ast.Name) and node.value.id not in names:
                    first = names and dotted(node.targets[0]) == names[0]
                    sign = "+" if first else "-"
                    edit = module.wrap(node.value, "", f" {sign} 1")
                    yield from fix(LIKELY if first else FAIR, "the interval never shrinks", edit)


RULES: tuple[Rule, ...] = (
    PropertyOfItself(),
    SuperMeant(),
    SameArgument(),
    BaseCase(),
    LoopStandsStill(),
)
