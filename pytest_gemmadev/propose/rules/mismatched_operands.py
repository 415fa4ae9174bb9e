"""Operands of types that do not go together: text and numbers, lists and elements, bytes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    Example,
    Fix,
    Rule,
    fix,
)
from pytest_gemmadev.types import Edit, ErrorKind

_UNSUPPORTED = re.compile(r"unsupported operand type\(s\) for (\S+?):? '([\w.]+)' and '([\w.]+)'")
_CONCATENATE = re.compile(r"can only concatenate (\w+) \(not \"([\w.]+)\"\) to (\w+)")
_COMPARED = re.compile(r"'(\S+)' not supported between instances of '([\w.]+)' and '([\w.]+)'")
_MULTIPLIED = re.compile(r"can't multiply sequence by non-int of type '([\w.]+)'")
_BYTES = re.compile(r"can't concat (\w+) to (\w+)")
_NUMBERS = {"int", "float", "Decimal", "decimal.Decimal", "Fraction", "bool", "complex"}
_FUNCTIONS = {"method", "function", "builtin_function_or_method"}


@dataclass(frozen=True, slots=True, eq=False)
class Clash:
    """Two operands whose types do not go together."""

    place: Place
    left: ast.expr
    right: ast.expr
    left_type: str
    right_type: str
    symbol: str  # of the operation, ``+``, ``<``

    def sides(self) -> tuple[tuple[ast.expr, str, str], ...]:
        """Each operand, its type and the other's."""
        return (
            (self.left, self.left_type, self.right_type),
            (self.right, self.right_type, self.left_type),
        )


def message_types(message: str) -> tuple[str, str, str] | None:
    """(operation, type on the left, type on the right) that a `TypeError` names."""
    if match := _UNSUPPORTED.search(message):
        return match[1].rstrip("="), match[2], match[3]
    if match := _COMPARED.search(message):
        return match[1], match[2], match[3]
    if match := _CONCATENATE.search(message):
        return "+", match[3], match[2]
    if match := _MULTIPLIED.search(message):
        return "*", "str", match[1]
    if match := _BYTES.search(message):
        return "+", match[2], match[1]
    return None


_SYMBOLS: dict[str, type[ast.operator] | type[ast.cmpop]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "**": ast.Pow,
    "<": ast.Lt,
    ">": ast.Gt,
    "<=": ast.LtE,
    ">=": ast.GtE,
    "|": ast.BitOr,
    "&": ast.BitAnd,
    "@": ast.MatMult,
}


def clashes(failure: Failure) -> list[Clash]:
    """The operations on the failing line that may be the one, the likeliest first."""
    place, types = failure.site, message_types(failure.message)
    if place is None or types is None:
        return []
    symbol, left_type, right_type = types
    wanted = _SYMBOLS.get(symbol)
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in place.nodes(ast.BinOp, ast.AugAssign, ast.Compare):
        match node:
            case ast.BinOp(left=left, op=op, right=right) if wanted and isinstance(op, wanted):
                pairs.append((left, right))
            case ast.AugAssign(target=target, op=op, value=value) if wanted and isinstance(
                op, wanted
            ):
                pairs.append((target, value))
            case ast.Compare(left=left, comparators=[right, *_]):
                pairs.append((left, right))
    found = [Clash(place, a, b, left_type, right_type, symbol) for a, b in pairs]
    if _MULTIPLIED.search(failure.message):  # says nothing of the order
        found += [Clash(place, a, b, right_type, left_type, symbol) for a, b in pairs]
    found = [c for c in found if _fits(c, c.left, left_type) and _fits(c, c.right, right_type)]
    found.sort(key=lambda c: -sum(bool(place.type_of(n)) for n in (c.left, c.right)))
    return found[:3]


def _fits(clash: Clash, node: ast.expr, type_name: str) -> bool:
    """False where the operand is known to be of another type."""
    known = clash.place.type_of(node)
    if isinstance(node, ast.BinOp) and type_name == "str":
        return any(
            clash.place.type_of(n) == "str" for n in ast.walk(node) if isinstance(n, ast.expr)
        )
    return not known or known.rpartition(".")[2] == type_name.rpartition(".")[2]


def converted(place: Place, node: ast.expr, function: str) -> str:
    """``function(node)``; a conversion the other way round is taken off instead."""
    code = place.module.code(node)
    inverse = {"int": "str", "float": "str", "str": "int"}.get(function)
    if isinstance(node, ast.Call) and dotted(node.func) == inverse and len(node.args) == 1:
        inner = node.args[0]
        if isinstance(inner, (ast.Name, ast.Attribute, ast.Constant)):
            return place.module.code(inner)
    return f"{function}({code})"


class TextAndNumber(Rule):
    """Text and a number joined or compared: one of them is converted."""

    name = "text_and_number"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example("def show(n):\n    return 'n: ' + n\n", "show(1)", "+ n", "+ str(n)"),
        Example("def add(a, b):\n    return a + b\n", "add(1, '2')", "a + b", "a + int(b)"),
        Example(
            "def cheap(price, limit):\n    return price < limit\n",
            "cheap('3', 4)",
            "price <",
            "int(price) <",
        ),
        Example(
            "def span(a, b):\n    return a - b\n", "span('3', '2')", "a - b", "int(a) - int(b)"
        ),
        Example("def add(a, b):\n    return a + b\n", "add(1, [2])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for clash in clashes(failure):
            if clash.left_type == clash.right_type == "str" and clash.symbol in "-*/":
                yield from self._both(clash)
            for node, own, other in clash.sides():
                module = clash.place.module
                if own in _NUMBERS and other == "str" and clash.symbol == "+":
                    shown = any(
                        isinstance(n, ast.expr) and is_text(n) for n in ast.walk(_root(clash))
                    )
                    why = f"`{module.code(node)}` is a number, the other side text"
                    edit = module.replace(node, converted(clash.place, node, "str"))
                    in_target = isinstance(getattr(node, "ctx", None), ast.Store)
                    if not in_target:
                        yield from fix(SURE if shown else FAIR, why, edit)
                if own == "str" and other in _NUMBERS and not is_text(node):
                    kind = "float" if other == "float" else "int"
                    why = f"`{module.code(node)}` is text, the other side a number"
                    prior = LIKELY if clash.symbol != "+" else LIKELY - 0.2
                    if isinstance(getattr(node, "ctx", None), ast.Store):
                        continue
                    names = [kind] if other == "float" else ["int", "float"]
                    for rank, function in enumerate(names):
                        new = converted(clash.place, node, function)
                        yield from fix(prior - 0.5 * rank, why, module.replace(node, new))

    def _both(self, clash: Clash) -> Iterator[Fix]:
        module = clash.place.module
        for rank, name in enumerate(("int", "float")):
            edits = [module.wrap(node, f"{name}(") for node in (clash.left, clash.right)]
            yield from fix(FAIR - 0.4 * rank, "both sides are text", *edits)


def _root(clash: Clash) -> ast.AST:
    return clash.place.module.parents.get(clash.left, clash.left)


def is_text(node: ast.expr) -> bool:
    """True for a string literal, f-strings too."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.JoinedStr)


class TextFromOutside(Rule):
    """Text that was never converted: where an attribute or variable is set from it."""

    name = "text_from_outside"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class Item:\n    def __init__(self, row):\n        self.price = row['price']\n\n"
            "    def cost(self, n):\n        return self.price * 2.5 + n\n",
            "Item({'price': '3'}).cost(1)",
            "row['price']",
            "float(row['price'])",
        ),
        Example(
            "class Meter:\n    def __init__(self, values):\n"
            "        self.values = [v for v in values]\n\n"
            "    def used(self):\n        return self.values[-1] - self.values[0]\n",
            "assert Meter(['3', '5']).used() == 2",
            "[v for",
            "[int(v) for",
        ),
        Example("def f(price):\n    return price * 2.5\n", "f('3')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place, types = failure.site, message_types(failure.message)
        if place is None or types is None or "str" not in types:
            return
        if types[0] == "+" and types[1] == types[2]:
            return
        number = "float" if "float" in types else "int"
        names = [number, "float" if number == "int" else "int"]
        for node in place.nodes(ast.Attribute)[:4]:
            cls = failure.project.type_of(place.module, node.value, place.frame)
            for store in failure.project.stores(cls) if cls else ():
                assignment = cls.module.parents.get(store) if cls else None
                if store.attr != node.attr or not isinstance(assignment, ast.Assign) or not cls:
                    continue
                indexed = isinstance(place.module.parents.get(node), ast.Subscript)
                for rank, name in enumerate(names):
                    why = f"`{node.attr}` is text where a number is due"
                    edit = _as_numbers(cls.module, assignment.value, name, indexed=indexed)
                    yield from fix(LIKELY - 0.2 - 0.4 * rank, why, edit)


def _as_numbers(module: Module, value: ast.expr, name: str, *, indexed: bool) -> Edit | None:
    """A value converted to a number where it is set; each of its elements where it has some."""
    if isinstance(value, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        return module.wrap(value.elt, f"{name}(")
    if isinstance(value, ast.Call) and dotted(value.func) in ("list", "tuple", "sorted"):
        return module.wrap(value.args[0], f"map({name}, ") if len(value.args) == 1 else None
    if isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.Tuple)):
        return None
    return (
        module.wrap(value, f"list(map({name}, ", "))")
        if indexed
        else module.wrap(value, f"{name}(")
    )


class ListAndElement(Rule):
    """A list and something else added: the element put in a list, a tuple made a list."""

    name = "list_and_element"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example("def add(xs, x):\n    return xs + x\n", "add([1], 2)", "xs + x", "xs + [x]"),
        Example(
            "def add(xs, ys):\n    return xs + ys\n", "add([1], (2,))", "xs + ys", "xs + list(ys)"
        ),
        Example("def merge(a, b):\n    return a + b\n", "merge({}, {})", "a + b", "{**a, **b}"),
        Example("def add(a, b):\n    return a + b\n", "add(1, '2')"),
    )

    _sequences = frozenset(
        {"list", "tuple", "set", "range", "dict_keys", "dict_values", "map", "filter"}
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for clash in clashes(failure):
            if clash.symbol != "+":
                continue
            module = clash.place.module
            left, right = module.code(clash.left), module.code(clash.right)
            if clash.left_type == clash.right_type == "dict":
                edit = module.replace(_root(clash), f"{{**{left}, **{right}}}")
                yield from fix(SURE - 0.1, "dictionaries are merged, not added", edit)
            for node, own, other in clash.sides():
                if other not in ("list", "tuple") or own in ("str", "NoneType"):
                    continue
                code = module.code(node)
                why = f"`{code}` is no {other}"
                if own in self._sequences:
                    yield from fix(SURE - 0.1, why, module.replace(node, f"{other}({code})"))
                else:
                    new = f"[{code}]" if other == "list" else f"({code},)"
                    yield from fix(LIKELY, why, module.replace(node, new))
            if clash.left_type == "list" and clash.right_type not in self._sequences:
                statement = clash.place.statement
                if isinstance(statement, ast.AugAssign):
                    edit = module.replace(statement, f"{left}.append({right})")
                    yield from fix(LIKELY, "an element is appended", edit)


class DecimalAndFloat(Rule):
    """A decimal and a float: the float is made a decimal."""

    name = "decimal_and_float"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "from decimal import Decimal\n\n\ndef tax(x):\n    return x * 0.5\n\n\nD = Decimal\n",
            "from app import D, tax\n---\ntax(D(1))",
            "x * 0.5",
            'x * Decimal("0.5")',
        ),
        Example("def tax(x):\n    return x * 0.5\n", "tax('a')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for clash in clashes(failure):
            for node, own, other in clash.sides():
                if own == "float" and other.rpartition(".")[2] == "Decimal":
                    module = clash.place.module
                    code = module.code(node)
                    literal = isinstance(node, ast.Constant)
                    new = f'Decimal("{code}")' if literal else f"Decimal(str({code}))"
                    if "Decimal" in module.bindings:
                        why = "a decimal goes with decimals only"
                        yield from fix(SURE - 0.1, why, module.replace(node, new))


class FunctionAsOperand(Rule):
    """A method that is not called where its result is due."""

    name = "not_called"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class Cart:\n    def size(self):\n        return 1\n\n\n"
            "def more(cart):\n    return cart.size + 1\n",
            "more(Cart())",
            "cart.size + 1",
            "cart.size() + 1",
        ),
        Example(
            "def pairs(d):\n    return [k for k in d.items]\n",
            "pairs({})",
            "d.items",
            "d.items()",
        ),
        Example(
            "def more(cart):\n    return cart.size + 1\n",
            "import types\nfrom app import *\n---\nmore(types.SimpleNamespace(size='x'))",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not any(f"'{t}'" in failure.message for t in _FUNCTIONS):
            return
        if "subscriptable" in failure.message:
            return
        module = place.module
        for node in place.nodes(ast.Attribute, ast.Name):
            parent = module.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                continue
            if not isinstance(getattr(node, "ctx", None), ast.Load) or isinstance(
                parent, ast.Attribute
            ):
                continue
            if isinstance(node, ast.Name) and place.type_of(node) not in ("", *_FUNCTIONS):
                continue
            if isinstance(node, ast.Name) and not _is_function(failure, place, node.id):
                continue
            code = module.code(node)
            prior = SURE - (0.0 if isinstance(node, ast.Attribute) else 0.1)
            yield from fix(
                prior, f"`{code}` is a function: it has to be called", module.wrap(node, "", "()")
            )


def _is_function(failure: Failure, place: Place, name: str) -> bool:
    fact = place.fact(name)
    if fact is not None:
        return fact.type in _FUNCTIONS
    found = failure.project.resolve(place.module, name)
    return found is not None and isinstance(found[1], (ast.FunctionDef, ast.AsyncFunctionDef))


class BytesAndText(Rule):
    """Bytes where text is due, or the other way round."""

    name = "bytes_and_text"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def line(data, end):\n    return data + end\n",
            "line(b'x', 'y')",
            "data + end",
            "data + end.encode()",
        ),
        Example(
            "import hashlib\n\n\ndef digest(text):\n    return hashlib.sha256(text).hexdigest()\n",
            "digest('a')",
            "sha256(text)",
            "sha256(text.encode())",
        ),
        Example("def line(a, b):\n    return a + b\n", "line('x', 1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for clash in clashes(failure):
            for node, own, other in clash.sides():
                code = clash.place.module.code(node)
                if {own, other} == {"bytes", "str"}:
                    method = "encode" if own == "str" else "decode"
                    edit = clash.place.module.replace(node, f"{code}.{method}()")
                    yield from fix(LIKELY, f"`{code}` is {own}, the other side {other}", edit)
        place = failure.site
        wanted = "bytes-like object is required, not 'str'" in failure.message
        wanted = wanted or "Strings must be encoded" in failure.message
        if place is None or not wanted:
            return
        for call in place.nodes(ast.Call):
            for argument in call.args[:2]:
                if place.type_of(argument) in ("", "str"):
                    code = place.module.code(argument)
                    edit = place.module.replace(argument, f"{code}.encode()")
                    yield from fix(LIKELY, f"`{code}` is text where bytes are due", edit)


RULES: tuple[Rule, ...] = (
    TextAndNumber(),
    TextFromOutside(),
    ListAndElement(),
    DecimalAndFloat(),
    FunctionAsOperand(),
    BytesAndText(),
)
