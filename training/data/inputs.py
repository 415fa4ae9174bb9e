"""Arguments to call a function with, as expressions: from its examples, and guessed from names.

Only literals, so that a call can be written into a test and its arguments read from there.
"""

from __future__ import annotations

import ast
import inspect
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

_NUMBERS = ("0", "1", "2", "3", "5", "7", "10", "-1", "12", "100")
_TEXTS = (
    "''",
    "'a'",
    "'abc'",
    "'hello world'",
    "'Hello'",
    "'a,b,c'",
    "'a b  c'",
    "'x=1'",
    "'1.5'",
    "'12'",
    "'a/b.txt'",
    "'one\\ntwo\\n'",
    "'  indented'",
    "'a-b_c.d'",
    "'AbcDef'",
)
_LISTS = (
    "[]",
    "[1]",
    "[3, 1, 2]",
    "[1, 2, 2, 3]",
    "[5, 4, 3, 2, 1]",
    "['a', 'b', 'c']",
    "[0, 1, 0]",
    "[[1, 2], [3, 4]]",
    "[('a', 1), ('b', 2)]",
    "['bb', 'a', 'ccc']",
)
_KINDS: dict[str, tuple[str, ...]] = {
    "int": _NUMBERS,
    "float": ("0.0", "0.5", "1.5", "-2.25", "10.0", "3"),
    "bool": ("True", "False"),
    "str": _TEXTS,
    "bytes": ("b''", "b'abc'", "b'\\x00\\xff'"),
    "list": _LISTS,
    "tuple": ("()", "(1, 2)", "(3, 4, 5)", "('a', 'b')"),
    "dict": ("{}", "{'a': 1}", "{'a': 1, 'b': 2}", "{1: [2], 2: []}", "{'x': {'y': 1}}"),
    "set": ("set()", "{1, 2}", "{'a'}"),
    "None": ("None",),
    "callable": ("len", "str", "bool", "int", "abs", "(lambda x: x)", "(lambda x: x % 2 == 0)"),
}
_NAMES: tuple[tuple[str, str], ...] = (
    (
        r"^(n|i|j|k|m|num|number|count|size|length|width|height|index|idx|pos|start|stop|end|step|"
        r"limit|depth|level|year|month|day|hour|minute|seconds?|port|base|maxsplit|lo|hi)$",
        "int",
    ),
    (r"(^x$|^y$|^a$|^b$|value|ratio|rate|amount|price|weight|total|low|high|min|max)", "float int"),
    (r"^(is|has|use|with|no|allow|ignore|strict|reverse|keep)_|flag|verbose", "bool"),
    (
        r"(str|text|name|word|line|path|key|char|url|prefix|suffix|sep|delim|title|label|tag|msg|"
        r"message|pattern|fmt|format|encoding|content|source|filename|mode|host|^s$)",
        "str",
    ),
    (
        r"(list|items|seq|iter|values|args|array|numbers|elements|words|lines|rows|data|nodes|parts|"
        r"names|keys|it$|^xs$|^arr$|^l$)",
        "list",
    ),
    (r"(dict|map|kwargs|options|headers|params|config|table|mapping|^d$)", "dict"),
    (r"(func|fn|key|pred|predicate|callback|function)", "callable"),
    (r"(bytes|buf|raw)", "bytes"),
)
_ANY = "int str list float dict tuple"
_OPTIONAL = 0.25  # of the calls pass an argument that has a default


def calls(function: Callable[..., Any], name: str, random_: random.Random) -> Iterator[str]:
    """Arguments as they stand between the parentheses of a call, without end."""
    yield from examples(inspect.getdoc(function) or "", name)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return
    while True:
        written = []
        for parameter in parameters:
            given = _argument(parameter, random_)
            if given is not None:
                written.append(given)
        yield ", ".join(written)
        if not parameters:
            return


def examples(documentation: str, name: str) -> Iterator[str]:
    """Arguments of calls of ``name`` in doctests, where they are literals."""
    for line in re.findall(r"^\s*>>> (.*)$", documentation, re.MULTILINE):
        try:
            tree = ast.parse(line)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node.func) == name:
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                if all(_is_literal(argument) for argument in arguments):
                    parts = [ast.unparse(a) for a in node.args]
                    parts += [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords if k.arg]
                    yield ", ".join(parts)


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return False
    return True


def _argument(parameter: inspect.Parameter, random_: random.Random) -> str | None:
    """One argument as it is written in a call; None to leave it out."""
    kind, empty = parameter.kind, inspect.Parameter.empty
    if kind is parameter.VAR_KEYWORD:
        return None
    if kind is parameter.VAR_POSITIONAL:
        return None if random_.random() < 0.3 else f"*{random_.choice(_LISTS)}"
    if parameter.default is not empty and random_.random() > _OPTIONAL:
        return None
    value = random_.choice(_KINDS[random_.choice(_kinds_of(parameter))])
    positional = parameter.default is empty and kind is not parameter.KEYWORD_ONLY
    return value if positional else f"{parameter.name}={value}"


def _kinds_of(parameter: inspect.Parameter) -> list[str]:
    """Kinds of values that a parameter may take: by annotation, by default, by name."""
    annotation = str(getattr(parameter.annotation, "__name__", parameter.annotation)).lower()
    if parameter.annotation is not inspect.Parameter.empty:
        found = [kind for kind in _KINDS if kind.lower() in annotation]
        found += ["list"] * bool(re.search(r"iterable|sequence", annotation))
        found += ["dict"] * ("mapping" in annotation)
        if found:
            return found
    default = type(parameter.default).__name__
    if default in _KINDS:
        return [default]
    for pattern, kinds in _NAMES:
        if re.search(pattern, parameter.name.lower()):
            return [*kinds.split(), *kinds.split(), *_ANY.split()[:2]]
    return _ANY.split()
