"""A method of another type: `append` on a set, `has_key`, `push`, text methods on a number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.missing_attributes import Missing, missing_attribute, owner_type
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import Edit, ErrorKind

RENAMED = {
    ("set", "append"): "add",
    ("set", "extend"): "update",
    ("set", "insert"): "add",
    ("list", "add"): "append",
    ("list", "push"): "append",
    ("list", "update"): "extend",
    ("list", "addAll"): "extend",
    ("list", "delete"): "remove",
    ("list", "discard"): "remove",
    ("list", "shift"): "pop(0)",
    ("list", "popleft"): "pop(0)",
    ("list", "appendleft"): "",
    ("list", "find"): "index",
    ("list", "indexOf"): "index",
    ("list", "union"): "",
    ("deque", "push"): "append",
    ("deque", "add"): "append",
    ("deque", "shift"): "popleft",
    ("dict", "iteritems"): "items",
    ("dict", "itervalues"): "values",
    ("dict", "iterkeys"): "keys",
    ("dict", "merge"): "update",
    ("dict", "extend"): "update",
    ("dict", "entries"): "items",
    ("dict", "remove"): "pop",
    ("dict", "delete"): "pop",
    ("dict", "sort"): "",
    ("str", "trim"): "strip",
    ("str", "trimLeft"): "lstrip",
    ("str", "trimRight"): "rstrip",
    ("str", "toUpperCase"): "upper",
    ("str", "toLowerCase"): "lower",
    ("str", "to_upper"): "upper",
    ("str", "to_lower"): "lower",
    ("str", "uppercase"): "upper",
    ("str", "lowercase"): "lower",
    ("str", "startsWith"): "startswith",
    ("str", "endsWith"): "endswith",
    ("str", "includes"): "",
    ("str", "indexOf"): "find",
    ("str", "replaceAll"): "replace",
    ("str", "sub"): "replace",
    ("str", "isnumber"): "isdigit",
    ("str", "is_digit"): "isdigit",
    ("str", "isnum"): "isdigit",
    ("generator", "next"): "__next__",
    ("Path", "basename"): "name",
    ("Path", "read"): "read_text",
    ("Path", "write"): "write_text",
    ("Path", "listdir"): "iterdir",
    ("Path", "join"): "joinpath",
}
_TEXT_METHODS = frozenset(
    n for n in dir(str) if not n.startswith("_") and n not in ("count", "index", "format")
)
_LIST_METHODS = frozenset(
    ("append", "extend", "insert", "sort", "reverse", "pop", "index", "remove")
)
_LAZY = (
    "map",
    "filter",
    "zip",
    "generator",
    "range",
    "dict_keys",
    "dict_values",
    "dict_items",
    "reversed",
    "enumerate",
    "tuple",
    "list_iterator",
    "chain",
    "set",
    "frozenset",
)


class MethodOfAnotherType(Rule):
    """A method known under another name for this type."""

    name = "method_of_another_type"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example("def f(xs):\n    xs.append(1)\n    return xs\n", "f(set())", "xs.append", "xs.add"),
        Example("def f(s):\n    return s.trim()\n", "f(' ')", "trim", "strip"),
        Example("def f(s):\n    return s.rotate()\n", "f(' ')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None:
            return
        kind = {"defaultdict": "dict", "OrderedDict": "dict", "PosixPath": "Path"}.get(
            owner_type(failure), owner_type(failure)
        )
        name = RENAMED.get((kind, missing.name), "")
        why = f"a {kind} has no `{missing.name}`, but `{name}`"
        if name.endswith(")"):
            call = missing.call
            code = f"{missing.module.code(missing.base)}.{name}"
            edit = missing.module.replace(call, code) if call and not call.args else None
            yield from fix(SURE, why, edit)
        elif name:
            edits = [missing.module.rename_attribute(n, name) for n in missing.all]
            yield from fix(SURE, why, *edits)


class FunctionNotMethod(Rule):
    """A method where a function or operator does it: ``len(x)``, ``x in y``, ``sep.join(xs)``."""

    name = "function_not_method"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example("def f(xs):\n    return xs.length\n", "f([1])", "xs.length", "len(xs)"),
        Example("def f(d, k):\n    return d.has_key(k)\n", "f({}, 1)", "d.has_key(k)", "k in d"),
        Example(
            "def f(xs):\n    return xs.join(', ')\n",
            "f(['a'])",
            "xs.join(', ')",
            "', '.join(xs)",
        ),
        Example("def f(xs):\n    return xs.rotate(1)\n", "f([1])"),
    )

    _measures = frozenset(("length", "size", "len", "count", "getLength", "Length"))
    _holds = frozenset(("contains", "has_key", "has", "includes", "containsKey", "hasOwnProperty"))
    _functions = frozenset(
        ("sum", "max", "min", "sorted", "reversed", "map", "filter", "round", "abs")
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing, kind = missing_attribute(failure), owner_type(failure)
        if missing is None:
            return
        module, call, name = missing.module, missing.call, missing.name
        base = module.code(missing.base)
        whole: ast.expr = call or missing.node
        arguments = [module.code(a) for a in call.args] if call else []
        sized = kind in ("list", "str", "dict", "set", "tuple", "deque", "bytes")
        if name in self._measures and sized and not arguments:
            yield from fix(SURE, "`len` measures", module.replace(whole, f"len({base})"))
        if name in self._holds and len(arguments) == 1:
            yield from fix(SURE, "`in` tells", module.replace(whole, f"{arguments[0]} in {base}"))
        if name == "join" and len(arguments) == 1 and kind != "str":
            code = f"{arguments[0]}.join({base})"
            yield from fix(SURE, "the separator joins", module.replace(whole, code))
        if name in self._functions and call is not None and kind not in ("NoneType",):
            code = f"{name}({', '.join([base, *arguments])})"
            yield from fix(SURE - 0.2, f"`{name}` is a function", module.replace(whole, code))
        if name == "get" and kind in ("list", "tuple") and arguments:
            edit = module.replace(whole, f"{base}[{arguments[0]}]")
            yield from fix(LIKELY, f"a {kind} is indexed", edit)
        if (
            name in ("append", "add", "put", "set", "insert")
            and kind == "dict"
            and len(arguments) == 2
        ):
            edit = module.replace(whole, f"{base}[{arguments[0]}] = {arguments[1]}")
            yield from fix(SURE - 0.1, "a key is set with brackets", edit)
        if name == "items" and kind == "list":
            yield from fix(
                LIKELY, "`enumerate` numbers", module.replace(whole, f"enumerate({base})")
            )
        if name == "next" and kind in ("generator", "list_iterator", "map", "filter", "zip"):
            yield from fix(SURE, "`next` is a function", module.replace(whole, f"next({base})"))


class ConvertedBase(Rule):
    """A text method on a number, a list method on something lazy: the object is converted first."""

    name = "converted_base"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example("def f(n):\n    return n.zfill(3)\n", "f(1)", "n.zfill", "str(n).zfill"),
        Example(
            "def f(d):\n    ks = d.keys()\n    ks.sort()\n    return ks\n",
            "f({1: 1})",
            "ks = d.keys()",
            "ks = list(d.keys())",
        ),
        Example(
            "def f(d):\n    d.keys().sort()\n    return d\n",
            "f({})",
            "d.keys().sort",
            "list(d.keys()).sort",
        ),
        Example("def f(n):\n    return n.rotate(3)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing, kind = missing_attribute(failure), owner_type(failure)
        if missing is None:
            return
        code = missing.module.code(missing.base)
        if kind in ("int", "float", "bool", "Decimal") and missing.name in _TEXT_METHODS:
            why = f"`{code}` is a number, `{missing.name}` is for text"
            yield from fix(SURE - 0.1, why, missing.module.wrap(missing.base, "str("))
        if kind == "bytes" and missing.name in ("format", "encode", "isidentifier", "casefold"):
            edit = missing.module.wrap(missing.base, "", ".decode()")
            yield from fix(LIKELY, "bytes are not text", edit)
        if kind in _LAZY and missing.name in _LIST_METHODS:
            why = f"a {kind} has no `{missing.name}`, a list has"
            yield from fix(SURE - 0.3, why, missing.module.wrap(missing.base, "list("))
            for edit in _where_set(missing):
                yield from fix(SURE - 0.1, why, edit)
        if kind == "dict" and missing.name in ("append", "extend"):
            for edit in _where_set(missing, empty="[]"):
                yield from fix(LIKELY, "a list is meant", edit)


def _where_set(missing: Missing, empty: str = "") -> list[Edit | None]:
    """``list(…)`` around what the variable was set to."""
    if not isinstance(missing.base, ast.Name) or missing.place.function is None:
        return []
    found: list[Edit | None] = []
    for node in ast.walk(missing.place.function.node):
        if isinstance(node, ast.Assign) and missing.base.id in [
            t.id for t in node.targets if isinstance(t, ast.Name)
        ]:
            if empty:
                if isinstance(node.value, ast.Dict) and not node.value.keys:
                    found.append(missing.module.replace(node.value, empty))
            else:
                found.append(missing.module.wrap(node.value, "list("))
    return found


class AttributeOfKeys(Rule):
    """A loop over a dictionary's keys whose body reads attributes of its values."""

    name = "attribute_of_keys"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "def f(d):\n    return [x.real for x in d]\n",
            "f({'a': 1})",
            "in d]",
            "in d.values()]",
        ),
        Example("def f(d):\n    return [x.real for x in d]\n", "f('a')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or owner_type(failure) not in ("str", "int", "tuple"):
            return
        if not isinstance(missing.base, ast.Name):
            return
        for around in missing.module.ancestors(missing.node):
            for one in getattr(around, "generators", None) or [around]:
                if not isinstance(one, (ast.For, ast.comprehension)):
                    continue
                if not isinstance(one.target, ast.Name) or one.target.id != missing.base.id:
                    continue
                kind = missing.place.type_of(one.iter)
                if kind in ("dict", "defaultdict") or (
                    isinstance(one.iter, ast.Attribute) and missing.place.function is not None
                ):
                    code = missing.module.code(one.iter)
                    why = f"`{code}` gives its keys; `values` gives what they lead to"
                    prior = SURE - 0.1 if kind else FAIR
                    yield from fix(prior, why, missing.module.wrap(one.iter, "", ".values()"))


RULES: tuple[Rule, ...] = (
    MethodOfAnotherType(),
    FunctionNotMethod(),
    ConvertedBase(),
    AttributeOfKeys(),
)
