"""Statements that do nothing, or not what they look like, in a function with a wrong result."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import all_arguments, bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted, own_nodes
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.types import Edit, ErrorKind

_ANY = (
    ErrorKind.ASSERTION,
    ErrorKind.TIMEOUT,
    ErrorKind.TYPE,
    ErrorKind.ATTRIBUTE,
    ErrorKind.INDEX,
    ErrorKind.KEY,
    ErrorKind.VALUE,
    ErrorKind.OTHER,
)
_CHANGING = frozenset(
    ("append", "extend", "insert", "add", "update", "remove", "pop", "setdefault")
)


class SignAfterEquals(Rule):
    """``x =+ 1`` for ``x += 1``."""

    name = "sign_after_equals"
    kinds = _ANY
    examples = (
        Example(
            "def f(xs):\n    n = 0\n    for x in xs:\n        n =+ x\n    return n\n",
            "assert f([1, 2]) == 3",
            "=+ x",
            "+= x",
        ),
        Example("def f(x):\n    n = -x\n    return n\n", "assert f(1) == 1"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in failure.suspects:
            module = function.module
            for node in own_nodes(function.node):
                if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.UnaryOp):
                    continue
                target, value = module.span(node.targets[0]), module.span(node.value)
                if target is None or value is None:
                    continue
                between = module.text[target[1] : value[0] + 1].replace(" ", "")
                if between in ("=+", "=-") and module.text[value[0] - 1] == "=":
                    edit = module.edit(value[0] - 1, value[0] + 1, f"{between[1]}=")
                    yield from fix(SURE - 0.05, "`=+` only sets", edit)


class TrailingComma(Rule):
    """``x = 5,``: a comma makes a tuple of it."""

    name = "trailing_comma"
    kinds = _ANY
    examples = (
        Example("def f():\n    n = 5,\n    return n\n", "assert f() == 5", "n = 5,", "n = 5"),
        Example("def f():\n    n = (5,)\n    return n\n", "assert f() == 5"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        scopes: dict[ast.AST, Module] = {f.node: f.module for f in failure.suspects}
        for function in failure.suspects:
            scopes[function.module.tree] = function.module
            if function.cls is not None:
                init = failure.project.method(Class(function.module, function.cls), "__init__")
                if init is not None:
                    scopes[init.node] = init.module
        for scope, module in scopes.items():
            for node in own_nodes(scope):
                value = node.value if isinstance(node, (ast.Assign, ast.Return)) else None
                span = module.span(value) if isinstance(value, ast.Tuple) else None
                if span is None or not isinstance(value, ast.Tuple) or len(value.elts) != 1:
                    continue
                if module.text[span[1] - 1] == "," and module.text[span[0]] != "(":
                    edit = module.edit(span[1] - 1, span[1], "")
                    yield from fix(SURE - 0.05, "the comma at the end makes a tuple", edit)


class EarlyReturn(Rule):
    """A ``return`` at the end of a loop's body: it belongs after the loop."""

    name = "early_return"
    kinds = _ANY
    examples = (
        Example(
            "def total(xs):\n    s = 0\n    for x in xs:\n        s += x\n        return s\n",
            "assert total([1, 2]) == 3",
            "        return s",
            "    return s",
        ),
        Example(
            "def first(xs):\n    for x in xs:\n        return x\n", "assert first([1, 2]) == 2"
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in failure.suspects:
            module = function.module
            for loop in own_nodes(function.node):
                if not isinstance(loop, (ast.For, ast.While)) or len(loop.body) < 2:
                    continue
                last = loop.body[-1]
                if not isinstance(last, ast.Return) or loop.orelse:
                    continue
                start = module.offset(last.lineno, 0)
                own, outer = module.indentation(last), module.indentation(loop)
                if last.lineno == last.end_lineno and module.text.startswith(own, start):
                    edit = module.edit(start, start + len(own), outer)
                    yield from fix(LIKELY, "the loop ends in its first round", edit)


class MutableDefault(Rule):
    """A list or dictionary as a default: all calls share it."""

    name = "mutable_default"
    kinds = (ErrorKind.ASSERTION, ErrorKind.VALUE)
    examples = (
        Example(
            "def add(x, xs=[]):\n    xs.append(x)\n    return xs\n",
            "add(1)\nassert add(2) == [2]",
            "def add(x, xs=[]):\n",
            "def add(x, xs=None):\n    if xs is None:\n        xs = []\n",
        ),
        Example("def add(x, xs=()):\n    return [*xs, x]\n", "assert add(2) == [3]"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        functions = list(failure.suspects)
        for function in failure.suspects:
            if function.cls is not None:
                init = failure.project.method(Class(function.module, function.cls), "__init__")
                functions += [init] if init else []
        functions += self._inits(failure)
        for function in dict.fromkeys(functions):
            module, args = function.module, function.node.args
            positional = function.positional
            pairs = list(
                zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True)
            )
            pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d]
            for argument, default in pairs:
                empty = isinstance(default, (ast.List, ast.Dict, ast.Set)) or (
                    isinstance(default, ast.Call)
                    and dotted(default.func) in ("list", "dict", "set")
                )
                if not empty:
                    continue
                code, name = module.code(default), argument.arg
                step = "\t" if "\n\t" in module.text else "    "
                guard = f"if {name} is None:\n{step}{name} = {code}"
                insert = module.insert_before(first_statement(function), guard)
                why = f"all calls share the default of `{name}`"
                yield from fix(LIKELY - 0.2, why, module.replace(default, "None"), insert)

    def _inits(self, failure: Failure) -> list[Function]:
        """Constructors of the classes that the test names."""
        place = failure.tested
        if place is None or place.function is None:
            return []
        found = []
        for node in ast.walk(place.function.node):
            if isinstance(node, ast.Call) and dotted(node.func):
                found += failure.project.callees(place.module, node, place.frame)
        return [f for f in found if f.name == "__init__"]


class SharedAttribute(Rule):
    """A list or dictionary of the class that its objects change: one for each object."""

    name = "shared_attribute"
    kinds = (ErrorKind.ASSERTION,)
    examples = (
        Example(
            "class Cart:\n    items = []\n\n    def __init__(self):\n        self.n = 0\n\n"
            "    def add(self, x):\n        self.items.append(x)\n        return self.items\n",
            "Cart().add(1)\nassert Cart().add(2) == [2]",
            "    items = []\n\n    def __init__(self):\n",
            "\n    def __init__(self):\n        self.items = []\n",
        ),
        Example(
            "class Cart:\n    items = ()\n\n    def add(self, x):\n"
            "        return [*self.items, x]\n",
            "assert Cart().add(2) == [3]",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        classes = {f.cls: f.module for f in failure.suspects if f.cls is not None}
        for node, module in classes.items():
            cls = Class(module, node)
            for statement in node.body:
                if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not isinstance(
                    statement.value, (ast.List, ast.Dict, ast.Set, ast.Call)
                ):
                    continue
                target = (
                    statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                )
                if not self._changed(failure, cls, dotted(target)) or node.decorator_list:
                    continue
                why = f"all objects share `{dotted(target)}`"
                code = f"self.{module.code(statement)}"
                yield from fix(LIKELY, why, *self._moved(failure, cls, statement, code))

    def _changed(self, failure: Failure, cls: Class, name: str) -> bool:
        for node in failure.project.self_attributes(cls):
            parent = cls.module.parents.get(node)
            if node.attr == name and (
                (isinstance(parent, ast.Attribute) and parent.attr in _CHANGING)
                or (isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store))
            ):
                return True
        return False

    def _moved(
        self, failure: Failure, cls: Class, statement: ast.stmt, code: str
    ) -> list[Edit | None]:
        init = failure.project.method(cls, "__init__")
        module = cls.module
        if init is not None and init.cls is cls.node:
            insert = module.insert_before(first_statement(init), code)
            return [module.remove_statement(statement), insert]
        step = "\t" if "\n\t" in module.text else "    "
        indent = module.indentation(statement)
        return [module.replace(statement, f"def __init__(self):\n{indent}{step}{code}")]


class LateBinding(Rule):
    """A function made in a loop that reads the loop's variable when it is called."""

    name = "late_binding"
    kinds = (ErrorKind.ASSERTION,)
    examples = (
        Example(
            "def adders():\n    return [lambda x: x + i for i in range(3)]\n",
            "assert adders()[0](1) == 1",
            "lambda x:",
            "lambda x, i=i:",
        ),
        Example("def f(xs):\n    return [x for x in xs]\n", "assert f([1]) == [2]"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in failure.suspects:
            module = function.module
            for node in ast.walk(function.node):
                if not isinstance(node, ast.Lambda):
                    continue
                reads = {n.id for n in ast.walk(node.body) if isinstance(n, ast.Name)}
                own = {a.arg for a in all_arguments(node.args)}
                loops = self._variables(module, node)
                span, body = module.span(node), module.span(node.body)
                names = sorted((reads & loops) - own)
                if span is None or body is None or not names or node.args.vararg or node.args.kwarg:
                    continue
                colon = module.text.rfind(":", span[0], body[0])
                code = ", ".join(f"{n}={n}" for n in names)
                code = f", {code}" if own else f" {code}"
                why = f"`{names[0]}` is read when the function is called, after the loop"
                yield from fix(LIKELY, why, module.edit(colon, colon, code))

    def _variables(self, module: Module, node: ast.AST) -> set[str]:
        found: set[str] = set()
        for around in module.ancestors(node):
            if isinstance(around, FUNCTIONS):
                break
            for one in getattr(around, "generators", None) or [around]:
                if isinstance(one, (ast.For, ast.comprehension)):
                    found |= {n.id for n in ast.walk(one.target) if isinstance(n, ast.Name)}
        return found


class LostAttribute(Rule):
    """A method that sets a local variable where it should set the attribute of that name."""

    name = "lost_attribute"
    kinds = _ANY
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 0\n\n"
            "    def add(self, x):\n        total = self.total + x\n",
            "c = Cart()\nc.add(1)\nassert c.total == 1",
            "        total = self.total",
            "        self.total = self.total",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 0\n\n"
            "    def add(self, x):\n        total = self.total + x\n        return total\n",
            "assert Cart().add(1) == 2",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for function in failure.suspects:
            if function.cls is None or function.receiver is None:
                continue
            module = function.module
            members = failure.project.members(Class(module, function.cls))
            names = [n for n in ast.walk(function.node) if isinstance(n, ast.Name)]
            read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
            for name, nodes in bound_names(function.node).items():
                stores = [n for n in nodes if isinstance(n, ast.Name)]
                if name in members and name not in read and len(stores) == len(nodes):
                    edits = [module.replace(n, f"{function.receiver}.{name}") for n in stores]
                    yield from fix(SURE - 0.1, f"`{name}` is set and never read", *edits)


RULES: tuple[Rule, ...] = (
    SignAfterEquals(),
    TrailingComma(),
    EarlyReturn(),
    MutableDefault(),
    SharedAttribute(),
    LateBinding(),
    LostAttribute(),
)
