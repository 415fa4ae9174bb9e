"""An attribute that is not there, repaired where it is read."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.import_statements import add_import
from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.library import MOVED_ATTRIBUTES, library_names
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import Edit, ErrorKind

_MESSAGE = re.compile(r"has no attribute '(\w+)'")
CALLABLE_TYPES = ("function", "method", "builtin_function_or_method", "method-wrapper")


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """The attribute that is not there, and where the failing code reads it."""

    name: str
    place: Place
    node: ast.Attribute

    @property
    def module(self) -> Module:
        return self.place.module

    @property
    def base(self) -> ast.expr:
        return self.node.value

    @property
    def all(self) -> list[ast.Attribute]:
        """Every mention of it on the same base in the function, the failing one first."""
        scope = self.place.function.node if self.place.function else self.module.tree
        base = ast.unparse(self.base)
        found = [
            n
            for n in ast.walk(scope)
            if isinstance(n, ast.Attribute) and n.attr == self.name and n is not self.node
        ]
        return [self.node, *(n for n in found if ast.unparse(n.value) == base)]

    @property
    def call(self) -> ast.Call | None:
        """The call of the attribute, where it is called."""
        parent = self.module.parents.get(self.node)
        return parent if isinstance(parent, ast.Call) and parent.func is self.node else None


def missing_name(failure: Failure) -> str:
    """The attribute that an `AttributeError` complains about."""
    if failure.facts.name:
        return failure.facts.name
    match = _MESSAGE.search(failure.message)
    return match[1] if match else ""


def missing_attribute(failure: Failure) -> Missing | None:
    """Where the project reads the attribute; None where a test or a library does."""
    place, name = failure.site, missing_name(failure)
    if place is None or not name:
        return None
    found = [n for n in place.nodes(ast.Attribute) if n.attr == name]
    return Missing(name, place, found[0]) if found else None


def owner_type(failure: Failure) -> str:
    """Bare name of the type that lacks the attribute, ``Cart``, ``NoneType``, ``list``."""
    if failure.facts.owner:
        return failure.facts.owner.rpartition(".")[2]
    match = re.search(r"^(?:type object )?'([\w.]+)'", failure.message)
    return match[1] if match else ""


class MisspeltAttribute(Rule):
    """An attribute that looks like one the object has."""

    name = "misspelt_attribute"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.items = []\n\n"
            "    def size(self):\n        return len(self.itmes)\n",
            "Cart().size()",
            "self.itmes",
            "self.items",
        ),
        Example("def f(s):\n    return s.uper()\n", "f('a')", "uper", "upper"),
        Example("def f(s):\n    return s.quadruple()\n", "f('a')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or owner_type(failure) == "NoneType":
            return
        names = set(failure.facts.alternatives)
        if failure.owner is not None:
            names |= set(failure.project.members(failure.owner))
        if owner_type(failure) == "super" and missing.place.function is not None:
            names |= _inherited(failure, missing)
        on_self = missing.place.function is not None and (
            dotted(missing.base) == missing.place.function.receiver
        )
        for name, likeness in closest(missing.name, names, floor=0.55):
            if name.startswith("__") and not missing.name.startswith("_"):
                continue
            hidden = name.startswith("_") and not missing.name.startswith("_") and not on_self
            prior = alike_prior(likeness) - (0.8 if hidden else 0.0)
            why = f"there is no `{missing.name}`, but `{name}`"
            edits = [missing.module.rename_attribute(node, name) for node in missing.all]
            yield from fix(prior, why, *edits)


def _inherited(failure: Failure, missing: Missing) -> set[str]:
    function = missing.place.function
    if function is None or function.cls is None:
        return set()
    bases = failure.project.bases(Class(missing.module, function.cls))[1:]
    return {name for base in bases for name in failure.project.members(base)}


class WrongBase(Rule):
    """The attribute of another object in reach: a local variable that has it, or no base at all."""

    name = "wrong_base"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 1\n\n\n"
            "def show(name, cart):\n    return name.total\n",
            "show('x', Cart())",
            "name.total",
            "cart.total",
        ),
        Example(
            "class Cart:\n    def scale(self, rate):\n        return 2 * self.rate\n",
            "Cart().scale(2)",
            "* self.rate",
            "* rate",
        ),
        Example("def show(name, cart):\n    return name.total\n", "show('x', 1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or not isinstance(missing.base, (ast.Name, ast.Attribute)):
            return
        place = missing.place
        visible = failure.visible(place, missing.node)
        receiver = place.function.receiver if place.function else None
        if visible.get(missing.name) == "local" and dotted(missing.base) == receiver:
            why = f"`{missing.name}` is a local variable"
            yield from fix(FAIR, why, missing.module.replace(missing.node, missing.name))
        base = dotted(missing.base)
        for fact in place.frame.facts:
            if fact.name == base or "." not in fact.type:
                continue
            cls = failure.project.class_named(fact.type)
            if cls is not None and missing.name in failure.project.members(cls):
                why = f"`{fact.name}` has an attribute `{missing.name}`"
                prior = FAIR if fact.name != receiver else FAIR + 0.2
                yield from fix(prior, why, missing.module.replace(missing.base, fact.name))
        for name in _parts(failure, missing, base):
            why = f"`{name}` has an attribute `{missing.name}`"
            yield from fix(FAIR - 0.5, why, missing.module.replace(missing.base, name))


def _parts(failure: Failure, missing: Missing, base: str) -> Iterator[str]:
    """``base.x`` where ``x`` is set to an object of a class that has the attribute."""
    if failure.owner is None or not base:
        return
    for name, nodes in failure.project.members(failure.owner).items():
        for module, node in nodes:
            parent = module.parents.get(node)
            value = getattr(parent, "value", None)
            if isinstance(node, ast.Attribute) and isinstance(value, ast.Call):
                cls = failure.project.type_of(module, value)
                if cls is not None and missing.name in failure.project.members(cls):
                    yield f"{base}.{name}"


class KeyAsAttribute(Rule):
    """A dictionary read as if it were an object: ``row.price`` for ``row["price"]``."""

    name = "key_as_attribute"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "def price(row):\n    return row.price * 2\n",
            'price({"price": 1})',
            "row.price",
            'row["price"]',
        ),
        Example("def price(row):\n    return row.price * 2\n", "price([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or owner_type(failure) not in ("dict", "defaultdict", "OrderedDict"):
            return
        if missing.call is not None:
            return
        module = missing.module
        quote = "'" if module.text.count("'") > module.text.count('"') else '"'
        edits: list[Edit | None] = []
        for node in missing.all:
            span, base = module.span(node), module.span(node.value)
            if span and base:
                edits.append(module.edit(base[1], span[1], f"[{quote}{node.attr}{quote}]"))
        why = f"the dictionary has keys, not attributes: `{missing.name}`"
        yield from fix(LIKELY, why, *edits)


class ModuleMember(Rule):
    """A module's attribute that was renamed, lies deeper, or in a submodule not imported."""

    name = "module_member"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "import datetime\n\n\ndef now():\n    return datetime.now()\n",
            "now()",
            "return datetime.now",
            "return datetime.datetime.now",
        ),
        Example(
            "from datetime import datetime\n\n\ndef now():\n    return datetime.datetime.now()\n",
            "now()",
            "datetime.datetime.now",
            "datetime.now",
        ),
        Example(
            "--- shop/__init__.py\n--- shop/tax.py\ndef vat():\n    return 1\n"
            "--- app.py\nimport shop\n\n\ndef f():\n    return shop.tax.vat()\n",
            "f()",
            "import shop\n",
            "import shop\nimport shop.tax\n",
        ),
        Example("import math\n\n\ndef f():\n    return math.sqroot(4)\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None:
            return
        module, owner, name = missing.module, failure.facts.owner, missing.name
        moved = MOVED_ATTRIBUTES.get((owner, name))
        if moved is not None:
            rename = module.rename_attribute
            edit = rename(missing.node, moved) if moved else module.replace(missing.node, name)
            why = f"`{owner}.{name}` is `{f'{owner}.{moved}' if moved else name}`"
            yield from fix(SURE, why, edit)
        own = owner.rpartition(".")[2]
        if name == own and dotted(missing.base).rpartition(".")[2] == name:
            why = f"`{name}` is the class already, not its module"
            yield from fix(SURE, why, module.replace(missing.node, module.code(missing.base)))
        elif own in library_names(owner) and name in _class_names(owner, own):
            why = f"`{name}` belongs to the class `{own}` in the module `{owner}`"
            edit = module.wrap(missing.base, "", f".{own}")
            yield from fix(SURE - 0.1, why, edit)
        if f"{owner}.{name}" in failure.project.names or f"{owner}.{name}" in _SUBMODULES:
            why = f"`{owner}.{name}` is a module that is not imported"
            if module.name != owner:
                yield from fix(SURE, why, add_import(module, f"{owner}.{name}"))
        for other, node in failure.project.definitions(name):
            if owner in failure.project.names and other.name != owner and node is not None:
                why = f"`{name}` is defined in `{other.name}`"
                parent, _, last = other.name.rpartition(".")
                extra = add_import(module, parent, last) if parent else add_import(module, last)
                edit = module.replace(missing.base, last)
                known = last in module.bindings
                yield from fix(LIKELY, why, edit, *([] if known else [extra]))


_SUBMODULES = {
    "concurrent.futures",
    "email.mime",
    "http.client",
    "http.server",
    "importlib.util",
    "importlib.resources",
    "logging.handlers",
    "logging.config",
    "os.path",
    "unittest.mock",
    "urllib.error",
    "urllib.parse",
    "urllib.request",
    "xml.dom",
    "xml.etree",
}


def _class_names(module: str, cls: str) -> frozenset[str]:
    found = getattr(sys.modules.get(module), cls, None)
    return frozenset(dir(found)) if isinstance(found, type) else frozenset()


class GuardAgainstNone(Rule):
    """An object that may be None: the attribute is read only where it is not."""

    name = "guard_none_attribute"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "def name(user):\n    return user.name\n",
            "name(None)",
            "    return user.name",
            "    if user is None:\n        return None\n    return user.name",
        ),
        Example("def name(user):\n    return user.name\n", "name(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or owner_type(failure) != "NoneType":
            return
        function, base = missing.place.function, dotted(missing.base)
        statement = missing.place.statement
        if not base or base.startswith("self.__"):
            return
        if function is not None and function.name != "__init__":
            unit = missing.module.text
            step = "\t" if "\n\t" in unit else "    "
            for value, prior in (("None", WEAK), *_other_returns(function.returns)):
                code = f"if {base} is None:\n{step}return {value}"
                edit = missing.module.insert_before(statement, code)
                yield from fix(prior, f"`{base}` may be None", edit)
        if isinstance(statement, (ast.If, ast.While)) and isinstance(statement.test, ast.expr):
            test = statement.test
            edit = missing.module.wrap(test, f"{base} is not None and ", "")
            if not isinstance(test, (ast.BoolOp, ast.IfExp)):
                yield from fix(FAIR - 0.3, f"`{base}` may be None", edit)


def _other_returns(returns: list[ast.Return]) -> list[tuple[str, float]]:
    """Constants that the function returns elsewhere."""
    found = {ast.unparse(r.value) for r in returns if isinstance(r.value, ast.Constant)}
    return [(value, WEAK - 0.2) for value in sorted(found - {"None"})][:2]


RULES: tuple[Rule, ...] = (
    MisspeltAttribute(),
    WrongBase(),
    KeyAsAttribute(),
    ModuleMember(),
    GuardAgainstNone(),
)
