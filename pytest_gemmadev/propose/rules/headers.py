"""Functions that have lost their `def` line, so that their body hangs on what stands before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice, permutations

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.names import BUILTINS, bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, FunctionNode
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, Example, Fix, Rule, fix
from pytest_gemmadev.types import Edit, ErrorKind

MAX_ORDERS = 6  # of the parameters: nothing but their use tells it
_STEP = 4  # blanks of a block
_ORDER = 0.3  # nats for each further order
_OUTSIDE = "outside function"
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class MissingHeader(Rule):
    """The body of a function without its `def`: in a class, or behind the end of another function."""

    name = "missing_header"
    kinds = (ErrorKind.SYNTAX, ErrorKind.ATTRIBUTE, ErrorKind.NAME, ErrorKind.IMPORT)
    examples = (
        Example(
            "class Split:\n\n        low, high = [], []\n        for n in numbers:\n"
            "            (low if n < bound else high).append(n)\n        return low, high\n",
            "from app import Split\n---\nassert Split().at([1, 5, 2], 3) == ([1, 2], [5])",
            "class Split:\n\n",
            "class Split:\n\n    def at(self, numbers, bound):\n",
        ),
        Example(
            "class Cart:\n    def __init__(self, prices):\n        self.prices = prices\n\n"
            "    def total(self):\n        return sum(self.prices)\n\n"
            "        # with taxes\n        return self.total() * (1 + rate)\n",
            "assert Cart([10]).gross(0.5) == 15",
            "        return sum(self.prices)\n\n        # with taxes\n",
            "        return sum(self.prices)\n\n        # with taxes\n    def gross(self, rate):\n",
        ),
        Example(
            "def area(w, h):\n    return w * h\n\n    if d < 0:\n        raise ValueError(d)\n"
            "    return area(w, h) * d\n",
            "from app import volume\n---\nassert volume(2, 3, 4) == 24",
            "    return w * h\n\n",
            "    return w * h\n\ndef volume(w, h, d):\n",
        ),
        Example("class Cart:\n    prices = []\n    return 1\n", "Cart()"),
        Example("def area(w, h):\n    return w * h\n", "volume(2, 3, 4)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if failure.stack.kind is ErrorKind.SYNTAX:
            place = failure.site
            cls = place.cls if place is not None else None
            if place is None or cls is None or _OUTSIDE not in failure.message:
                return
            outer = place.module.indentation(cls)
            further = place.module.indentation(cls.body[0])[len(outer) :]
            if len(further) >= (2 if further[:1] == "\t" else 2 * _STEP):
                indent = outer + further[: len(further) // 2]
                for name, count in _calls(failure):
                    yield from _headers(place.module, cls, cls.body, indent, name, count, LIKELY)
            return
        calls = _calls(failure, failure.facts.name) if failure.facts.name else []
        for module, function in _with_dead_ends(failure) if calls else ():
            tail, indent = _behind_its_end(function), module.indentation(function)
            owner = module.enclosing(function, (*FUNCTIONS, ast.ClassDef))
            for name, count in calls:
                if not isinstance(owner, FUNCTIONS):
                    yield from _headers(module, owner, tail, indent, name, count, FAIR)


def _calls(failure: Failure, only: str = "") -> list[tuple[str, int]]:
    """(name, positional arguments) of what the tests call and the project does not define."""
    found: dict[tuple[str, int], None] = {}
    for text in failure.project.task.context.values():
        try:
            nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
        except (SyntaxError, ValueError, RecursionError):
            continue
        for call in nodes:
            func = call.func
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            plain = not call.keywords and not any(isinstance(a, ast.Starred) for a in call.args)
            if plain and name and name not in BUILTINS and only in ("", name):
                found[name, len(call.args)] = None
    return [(name, count) for name, count in found if not failure.project.functions(name)]


def _with_dead_ends(failure: Failure) -> Iterator[tuple[Module, FunctionNode]]:
    """Functions with code behind their end, in the files that the failure may concern."""
    paths = dict.fromkeys(
        [p.module.path for p in failure.sites]
        + [s.span.path for s in failure.project.task.suspicions[:20]]
        + list(failure.project.task.sources)[:50]
    )
    for path in paths:
        module = failure.project.module(path)
        for function in module.functions if module is not None else ():
            if module is not None and _behind_its_end(function.node):
                yield module, function.node


def _behind_its_end(function: FunctionNode) -> list[ast.stmt]:
    """The statements of a body that can never run."""
    for index, statement in enumerate(function.body):
        if isinstance(statement, _ENDS):
            return function.body[index + 1 :]
    return []


def _headers(
    module: Module,
    owner: ast.AST | None,
    body: list[ast.stmt],
    indent: str,
    name: str,
    count: int,
    prior: float,
) -> Iterator[Fix]:
    """Headers of a function ``name`` with ``count`` arguments before its body."""
    if not body or any(isinstance(s, (*FUNCTIONS, ast.ClassDef)) for s in body):
        return
    receiver = ["self"] if isinstance(owner, ast.ClassDef) else []
    free = [n for n in _free_names(module, body) if n not in receiver]
    if len(free) != count:
        return
    start = module.line_start(module.extent(body[0])[0])
    for doubt, names in enumerate(islice(permutations(free), MAX_ORDERS)):
        head = f"{indent}def {name}({', '.join([*receiver, *names])}):\n"
        edit = Edit(module.path, start, start, head)
        yield from fix(prior - _ORDER * doubt, f"the `def` of `{name}` is missing", edit)


def _free_names(module: Module, body: list[ast.stmt]) -> list[str]:
    """Variables that the statements read and nothing binds, in the order of their use."""
    inside = ast.Module(body=body, type_ignores=[])
    bound = {*bound_names(inside), *module.bindings, *BUILTINS}
    for node in ast.walk(inside):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    names = [n for n in ast.walk(inside) if isinstance(n, ast.Name) and n.id not in bound]
    names.sort(key=lambda n: (n.lineno, n.col_offset))
    return list(dict.fromkeys(n.id for n in names))


RULES: tuple[Rule, ...] = (MissingHeader(),)
