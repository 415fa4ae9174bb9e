"""An attribute that is not there, repaired in the class: never set, misspelt, out of place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted, own_nodes
from pytest_gemmadev.propose.code.project import Class, Project
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.missing_attributes import missing_name
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import Edit, ErrorKind


class MisspeltMember(Rule):
    """What the class sets or defines under a misspelt name: renamed there."""

    name = "misspelt_member"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.itmes = []\n",
            "Cart().items",
            "itmes",
            "items",
        ),
        Example(
            "class Cart:\n    def totl(self):\n        return 1\n",
            "Cart().total()",
            "totl",
            "total",
        ),
        Example(
            "--- shop.py\ndef totl():\n    return 1\n",
            "import shop\n---\nshop.total()",
            "totl",
            "total",
        ),
        Example("class Cart:\n    def add(self):\n        return 1\n", "Cart().total()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        name = missing_name(failure)
        project = failure.project
        if not name:
            return
        if failure.owner is not None:
            members = project.members(failure.owner)
            for other, likeness in closest(name, members, floor=0.6, limit=4):
                if other.startswith("__") != name.startswith("__"):
                    continue
                own = _own(project, failure.owner, other)
                elsewhere = _count(project, other) - own
                prior = alike_prior(likeness)
                prior -= 0.2 if _count(project, name) >= elsewhere else 1.5
                if own and not elsewhere and own == _stored(project, failure.owner, other):
                    prior = SURE / 2 - 3.0 * (1.0 - likeness)  # set and never read
                edits = rename_member(project, failure.owner, other, name)
                yield from fix(prior, f"the class has `{other}`, `{name}` is asked for", *edits)
        module = project.named(failure.facts.owner) if failure.facts.owner else None
        if module is not None and module.path in project.task.sources:
            for other, likeness in closest(name, module.bindings, floor=0.6, limit=3):
                why = f"`{module.name}` has `{other}`, `{name}` is asked for"
                prior = alike_prior(likeness) - (0.2 if failure.site is None else 1.0)
                yield from fix(prior, why, *rename_global(module, other, name))


def _count(project: Project, name: str) -> int:
    """How many attributes of the name the project and the tests in the stacks mention."""
    pattern = re.compile(rf"\.{re.escape(name)}\b")
    modules = (*project.tests, *project.modules(name))
    return sum(len(pattern.findall(module.text)) for module in modules)


def _own(project: Project, cls: Class, name: str) -> int:
    return sum(n.attr == name for n in project.self_attributes(cls))


def _stored(project: Project, cls: Class, name: str) -> int:
    return sum(n.attr == name for n in project.stores(cls))


def rename_member(project: Project, cls: Class, old: str, new: str) -> list[Edit | None]:
    """Edits that give an attribute of a class another name, in the class and its bases."""
    edits: list[Edit | None] = []
    for one in project.bases(cls):
        for node in project.self_attributes(one):
            if node.attr == old:
                edits.append(one.module.rename_attribute(node, new))
        for statement in one.node.body:
            if isinstance(statement, (*FUNCTIONS, ast.ClassDef)) and statement.name == old:
                edits.append(one.module.rename_definition(statement, new))
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                for target in ast.walk(statement):
                    if (
                        isinstance(target, ast.Name)
                        and isinstance(target.ctx, ast.Store)
                        and target.id == old
                    ):
                        edits.append(one.module.replace(target, new))
    return edits


def rename_global(module: Module, old: str, new: str) -> list[Edit | None]:
    """Edits that give a function, class or variable of a module another name, in that module."""
    edits: list[Edit | None] = []
    for node in module.bindings.get(old, ()):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            edits.append(module.rename_definition(node, new))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            edits.append(None)
    edits += [module.replace(use, new) for use in module.names(module.tree, old)]
    for constant in module.strings:
        if constant.value == old and _in_all(module, constant):
            edits.append(module.replace_string(constant, new))
    return edits


def _in_all(module: Module, node: ast.AST) -> bool:
    statement = module.statement(node)
    return isinstance(statement, ast.Assign) and any(
        dotted(t) == "__all__" for t in statement.targets
    )


class NeverSet(Rule):
    """An attribute that no method sets: from the parameter of its name, or an empty value."""

    name = "attribute_never_set"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Item:\n    def __init__(self, name, price):\n        self.name = name\n\n"
            "    def cost(self):\n        return self.price\n",
            "Item('a', 1).cost()",
            "        self.name = name",
            "        self.name = name\n        self.price = price",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 0\n\n"
            "    def add(self, x):\n        self.items.append(x)\n",
            "Cart().add(1)",
            "        self.total = 0",
            "        self.total = 0\n        self.items = []",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        items = []\n\n"
            "    def add(self, x):\n        self.items.append(x)\n",
            "Cart().add(1)",
            "        items = []",
            "        self.items = []",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        self.count == 0\n\n"
            "    def add(self):\n        self.count += 1\n",
            "Cart().add()",
            "self.count == 0",
            "self.count = 0",
        ),
        Example("class Cart:\n    pass\n", "Cart().items"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        name, cls = missing_name(failure), failure.owner
        if cls is None or not name or name in failure.project.members(cls):
            return
        for one in failure.project.bases(cls):
            init = failure.project.method(one, "__init__")
            if init is not None and init.cls is one.node and init.receiver:
                yield from self._in_init(failure, one, init, name)
                return

    def _in_init(self, failure: Failure, cls: Class, init: Function, name: str) -> Iterator[Fix]:
        module, me = cls.module, init.receiver or "self"
        for node in own_nodes(init.node):
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            if stored and getattr(node, "id", "") == name and name not in init.parameters:
                why = f"`{name}` is set as a local variable, not as an attribute"
                edits = [module.replace(n, f"{me}.{name}") for n in module.names(init.node, name)]
                yield from fix(SURE, why, *edits)
                return
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
                compare = node.value
                if dotted(compare.left) == f"{me}.{name}" and isinstance(compare.ops[0], ast.Eq):
                    code = f"{module.code(compare.left)} = {module.code(compare.comparators[0])}"
                    yield from fix(
                        SURE, "a comparison is no assignment", module.replace(node, code)
                    )
                    return
        last = [s for s in init.node.body if not isinstance(s, ast.Return)][-1]
        after = [s for s in init.node.body if _sets(s, me)]
        anchor = after[-1] if after else last
        is_pass = isinstance(anchor, ast.Pass)

        def put(value: str) -> Edit | None:
            code = f"{me}.{name} = {value}"
            return module.replace(anchor, code) if is_pass else module.insert_after(anchor, code)

        parameters = [p for p in init.parameters if p != me]
        for parameter in parameters:
            if parameter in (name, name.lstrip("_")):
                yield from fix(SURE - 0.1, f"`__init__` never sets `{name}`", put(parameter))
                return
        for parameter, likeness in closest(name, parameters, floor=0.6, limit=2):
            why = f"`__init__` never sets `{name}`"
            yield from fix(alike_prior(likeness) - 0.5, why, put(parameter))
        if failure.site is None and not _own(failure.project, cls, name):
            return
        # another attribute of nearly that name is the likelier cause
        members = failure.project.members(cls)
        alike = closest(name, members, floor=0.55, limit=1)
        prior = LIKELY - (2.5 * alike[0][1] - 0.5 if alike else 0.0)
        for rank, value in enumerate(_empty_values(failure.project, name)):
            yield from fix(prior - 0.4 * rank, f"`__init__` never sets `{name}`", put(value))


def _sets(statement: ast.stmt, me: str) -> bool:
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(dotted(t).startswith(f"{me}.") for t in targets)


_EMPTY = {
    "append": "[]",
    "extend": "[]",
    "insert": "[]",
    "pop": "[]",
    "sort": "[]",
    "add": "set()",
    "discard": "set()",
    "items": "{}",
    "values": "{}",
    "keys": "{}",
    "get": "{}",
    "setdefault": "{}",
    "update": "{}",
}


def _empty_values(project: Project, name: str) -> list[str]:
    """Empty values that fit how the attribute is used anywhere in the project."""
    found: dict[str, None] = {}
    for module in project.modules(name):
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Attribute) or node.attr != name:
                continue
            parent = module.parents.get(node)
            if isinstance(parent, ast.Attribute) and parent.attr in _EMPTY:
                found[_EMPTY[parent.attr]] = None
            elif isinstance(parent, ast.AugAssign):
                found["0"] = None
            elif isinstance(parent, ast.Subscript):
                found["{}"] = None
            elif isinstance(parent, (ast.For, ast.comprehension)) or (
                isinstance(parent, ast.Call) and dotted(parent.func) == "len"
            ):
                found["[]"] = None
            elif isinstance(parent, (ast.BinOp, ast.Compare)):
                found["0"] = None
            elif isinstance(parent, (ast.If, ast.UnaryOp)):
                found["False"] = None
    found.setdefault("None", None)
    return list(found)[:4]


class NoSuperInit(Rule):
    """A class whose ``__init__`` never calls that of its base, which sets the attribute."""

    name = "super_init_missing"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Base:\n    def __init__(self, name):\n        self.name = name\n\n\n"
            "class Child(Base):\n    def __init__(self, name, age):\n        self.age = age\n",
            "Child('a', 1).name",
            "        self.age = age",
            "        super().__init__(name)\n        self.age = age",
        ),
        Example("class Child:\n    def __init__(self):\n        self.age = 1\n", "Child().name"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        cls, name = failure.owner, missing_name(failure)
        if cls is None:
            return
        init = failure.project.method(cls, "__init__")
        if init is None or init.cls is not cls.node:
            return
        if any(isinstance(n, ast.Call) and dotted(n.func) == "super" for n in ast.walk(init.node)):
            return
        for base in failure.project.bases(cls)[1:]:
            if name in {n.attr for n in failure.project.stores(base)}:
                parent = failure.project.method(base, "__init__")
                if parent is None:
                    return
                wanted = parent.parameters[1:]
                required = wanted[: len(wanted) - len(parent.node.args.defaults)]
                passed = [p for p in wanted if p in init.parameters]
                code = f"super().__init__({', '.join(passed)})"
                prior = SURE - 0.1 if set(required) <= set(passed) else FAIR
                why = f"`{base.name}.__init__`, which sets `{name}`, is never called"
                first = first_statement(init)
                if isinstance(first, ast.Pass):
                    yield from fix(prior, why, cls.module.replace(first, code))
                else:
                    yield from fix(prior, why, cls.module.insert_before(first, code))
                return


RULES: tuple[Rule, ...] = (
    MisspeltMember(),
    NeverSet(),
    NoSuperInit(),
)
