"""A value that a conversion, a search or a format does not take."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime

from pytest_gemmadev.propose.code.import_statements import add_import
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, WEAK, Example, Fix, Rule, fix
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import ErrorKind

_INT = re.compile(r"invalid literal for int\(\) with base (\d+): '(.*)'", re.S)
_FLOAT = re.compile(r"could not convert string to float: '(.*)'", re.S)


class NotANumber(Rule):
    """Text that ``int`` or ``float`` does not take: a decimal point, separators, nothing."""

    name = "not_a_number"
    kinds = (ErrorKind.VALUE,)
    examples = (
        Example("def f(s):\n    return int(s)\n", "f('1.5')", "int(s)", "float(s)"),
        Example(
            "def f(s):\n    return int(s)\n", "f('1,500')", "int(s)", 'int(s.replace(",", ""))'
        ),
        Example("def f(s):\n    return int(s)\n", "f('')", "int(s)", "int(s or 0)"),
        Example("def f(s):\n    return float(s)\n", "f('$3')", "float(s)", 'float(s.strip("$"))'),
        Example("def f(s):\n    return int(s)\n", "f('abx')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        by_int, by_float = _INT.search(failure.message), _FLOAT.search(failure.message)
        match = by_int or by_float
        if place is None or match is None:
            return
        text = match[match.lastindex or 1].replace("\\n", "\n")
        name = "int" if by_int else "float"
        module = place.module
        quote = "'" if module.text.count("'") > module.text.count('"') else '"'
        for call in place.nodes(ast.Call):
            if dotted(call.func) != name or len(call.args) != 1:
                continue
            code = module.code(call.args[0])
            simple = isinstance(call.args[0], (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
            bare = code if simple else f"({code})"
            for new, prior in _numbers(text, bare, name, quote):
                why = f"`{code}` is {text[:30]!r}"
                yield from fix(prior, why, module.replace(call, new))


def _numbers(text: str, code: str, name: str, quote: str) -> Iterator[tuple[str, float]]:
    """Expressions that make a number of the text, with their priors."""
    q = quote
    plain = text.strip()
    if not plain:
        yield f"{name}({code} or 0)", LIKELY
        yield f"{name}({code}) if {code} else 0", FAIR
        return
    if _is_number(plain) and name == "int":
        yield f"float({code})", LIKELY
        yield f"int(float({code}))", LIKELY - 0.1
        yield f"round(float({code}))", WEAK
    if "," in plain and _is_number(plain.replace(",", "")):
        yield f"{name}({code}.replace({q},{q}, {q}{q}))", SURE
    if plain.count(",") == 1 and _is_number(plain.replace(",", ".")):
        yield f"float({code}.replace({q},{q}, {q}.{q}))", LIKELY
    if "_" in plain and _is_number(plain.replace("_", "")):
        yield f"{name}({code}.replace({q}_{q}, {q}{q}))", LIKELY
    marks = "".join(c for c in dict.fromkeys(plain) if c in "$€£%#+")
    if marks and _is_number(plain.strip(marks)):
        yield f"{name}({code}.strip({q}{marks}{q}))", SURE
    if name == "int" and re.fullmatch(r"(0x)?[0-9a-fA-F]+", plain) and not plain.isdigit():
        yield f"int({code}, 16)", FAIR
    if name == "int" and re.fullmatch(r"0[box][0-9a-fA-F]+", plain):
        yield f"int({code}, 0)", FAIR


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+", text) is not None


class NotFound(Rule):
    """``index`` or ``remove`` of something that is not there."""

    name = "not_found"
    kinds = (ErrorKind.VALUE,)
    examples = (
        Example("def f(s):\n    return s.index('x')\n", "assert f('a') == -1", "s.index", "s.find"),
        Example(
            "def f(xs):\n    xs.remove(1)\n    return xs\n",
            "f([2])",
            "    xs.remove(1)",
            "    if 1 in xs:\n        xs.remove(1)",
        ),
        Example("def f(xs):\n    raise ValueError('no')\n", "f([2])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not re.search("not found|not in (list|deque|tuple)", failure.message):
            return
        module = place.module
        for call in place.nodes(ast.Call):
            if not isinstance(call.func, ast.Attribute) or not call.args:
                continue
            base, value = module.code(call.func.value), module.code(call.args[0])
            why = f"`{base}` may lack `{value}`"
            if call.func.attr in ("index", "rindex") and "substring" in failure.message:
                name = {"index": "find", "rindex": "rfind"}[call.func.attr]
                yield from fix(SURE - 0.2, why, module.rename_attribute(call.func, name))
            step = "\t" if "\n\t" in module.text else "    "
            if call.func.attr == "remove" and isinstance(place.statement, ast.Expr):
                code = module.code(place.statement)
                indent = module.indentation(place.statement)
                new = f"if {value} in {base}:\n{indent}{step}{code}"
                yield from fix(LIKELY, why, module.replace(place.statement, new))
            elif call.func.attr == "index" and place.function is not None:
                for rank, result in enumerate(("-1", "None")):
                    code = f"if {value} not in {base}:\n{step}return {result}"
                    edit = module.insert_before(place.statement, code)
                    yield from fix(FAIR - 0.4 * rank, why, edit)


class DateFormat(Rule):
    """A date that does not match its format: the format that it does match."""

    name = "date_format"
    kinds = (ErrorKind.VALUE,)
    examples = (
        Example(
            "from datetime import datetime\n\n\ndef f(s):\n"
            "    return datetime.strptime(s, '%Y/%m/%d')\n",
            "f('2024-05-30')",
            "%Y/%m/%d",
            "%Y-%m-%d",
        ),
        Example(
            "from datetime import datetime\n\n\ndef f(s):\n"
            "    return datetime.strptime(s, '%Y/%m/%d')\n",
            "f('no date')",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = re.search(r"time data '(.*)' does not match format '(.*)'", failure.message)
        remains = re.search(r"unconverted data remains: (.*)", failure.message)
        if match is None or remains is not None:
            return
        text, old = match[1], match[2]
        for module in failure.project.modules():
            for node in module.strings:
                if node.value != old:
                    continue
                for rank, new in enumerate(_formats(text, old)):
                    why = f"{text!r} is of the form {new!r}"
                    edit = module.replace_string(node, new)
                    yield from fix(SURE - 0.1 - 0.3 * rank, why, edit)


def _formats(text: str, old: str) -> list[str]:
    """Date formats that take the text, those nearest to the old one first."""
    dates = ["%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%y-%m-%d", "%d-%m-%y", "%d-%b-%Y", "%d-%B-%Y"]
    dates = [d.replace("-", mark) for d in dates for mark in "-/. "] + [
        "%Y%m%d",
        "%B %d, %Y",
        "%b %d, %Y",
    ]
    times = [
        "",
        " %H:%M",
        " %H:%M:%S",
        "T%H:%M:%S",
        "T%H:%M",
        " %I:%M %p",
        "T%H:%M:%S%z",
        "T%H:%M:%SZ",
    ]
    clocks = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p"]
    fitting = [f for f in [d + t for d in dates for t in times] + clocks if _parses(text, f)]
    fields = re.findall(r"%\w", old)
    fitting.sort(key=lambda f: (re.findall(r"%\w", f) != fields, len(f)))
    return fitting[:3]


def _parses(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


class MutableField(Rule):
    """``items: list = []`` in a dataclass: a default factory."""

    name = "mutable_field"
    kinds = (ErrorKind.VALUE,)
    examples = (
        Example(
            "from dataclasses import dataclass\n\n\n@dataclass\nclass Cart:\n"
            "    items: list = []\n",
            "Cart()",
            "import dataclass\n\n\n@dataclass\nclass Cart:\n    items: list = []",
            "import dataclass, field\n\n\n@dataclass\nclass Cart:\n"
            "    items: list = field(default_factory=list)",
        ),
        Example("def f():\n    raise ValueError('mutable')\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = re.search(
            r"mutable default <class '(\w+)'> for field (\w+) is not allowed", failure.message
        )
        for place in failure.sites if match else ():
            for node in ast.walk(place.statement):
                if not isinstance(node, ast.AnnAssign) or match is None or node.value is None:
                    continue
                value = node.value
                if not isinstance(value, (ast.List, ast.Dict, ast.Set, ast.Call)):
                    continue
                module, code = place.module, place.module.code(value)
                empty = code in ("[]", "{}", f"{match[1]}()")
                factory = match[1] if empty else f"lambda: {code}"
                edits = [module.replace(value, f"field(default_factory={factory})")]
                if "field" not in module.bindings:
                    edits.append(add_import(module, "dataclasses", "field"))
                if dotted(node.target) == match[2]:
                    yield from fix(SURE, "the default would be shared", *edits)


class AbstractMethod(Rule):
    """A subclass that implements an abstract method under another name."""

    name = "abstract_method"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "from abc import ABC, abstractmethod\n\n\nclass Shape(ABC):\n    @abstractmethod\n"
            "    def area(self):\n        ...\n\n\nclass Dot(Shape):\n    def aera(self):\n"
            "        return 0\n",
            "Dot()",
            "aera",
            "area",
        ),
        Example(
            "from abc import ABC, abstractmethod\n\n\nclass Shape(ABC):\n    @abstractmethod\n"
            "    def area(self):\n        ...\n",
            "Shape()",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = re.search(r"instantiate abstract class (\w+)", failure.message)
        cls = failure.project.class_named(match[1]) if match else None
        if cls is None or match is None:
            return
        wanted = re.findall(r"\b([a-z_]\w*)\b", failure.message[match.end() :])
        own = {
            s.name: s
            for s in cls.node.body
            if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        for name in wanted:
            if name in own or name in (
                "with",
                "abstract",
                "method",
                "methods",
                "without",
                "an",
                "implementation",
                "for",
            ):
                continue
            for other, likeness in closest(name, own, floor=0.5, limit=2):
                why = f"`{other}` does not implement the abstract `{name}`"
                edit = cls.module.rename_definition(own[other], name)
                yield from fix(SURE - 3 * (1 - likeness), why, edit)


class TypeTuple(Rule):
    """``isinstance(x, [int, str])``: the types in a tuple, and not in quotes."""

    name = "type_tuple"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(x):\n    return isinstance(x, [int, str])\n",
            "f(1)",
            "[int, str]",
            "(int, str)",
        ),
        Example("def f(x):\n    return isinstance(x, 'int')\n", "f(1)", "'int'", "int"),
        Example("def f(x):\n    return isinstance(x, 5)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "arg 2 must be a" not in failure.message:
            return
        for call in place.nodes(ast.Call):
            if dotted(call.func) not in ("isinstance", "issubclass") or len(call.args) != 2:
                continue
            kinds, module = call.args[1], place.module
            if isinstance(kinds, (ast.List, ast.Set)):
                edit = module.replace(kinds, f"({module.code(kinds)[1:-1]})")
                yield from fix(SURE, "types are given in a tuple", edit)
            elif isinstance(kinds, ast.Constant) and isinstance(kinds.value, str):
                edit = module.replace(kinds, kinds.value)
                yield from fix(SURE, "types are given as such", edit)


RULES: tuple[Rule, ...] = (
    NotANumber(),
    NotFound(),
    DateFormat(),
    MutableField(),
    AbstractMethod(),
    TypeTuple(),
)
