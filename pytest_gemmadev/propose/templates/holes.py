"""Reads the code of a template: Python with holes, ``$x`` for one node, ``$$$xs`` for any number.

A hole between two operands, as in ``$a $op $b``, stands for an operator. `ast` reads none of this, so
each hole becomes a name and each operator hole an operator of its family, whose place is remembered.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from pytest_gemmadev.propose.templates.template import TemplateError

_HOLE = re.compile(r"\$(\$\$)?([A-Za-z_]\w*)")
_TOKEN = re.compile(r"\$(?:\$\$)?[A-Za-z_]\w*|\w+|'[^']*'|\"[^\"]*\"|\S")
_ONE, _MANY = "hole__", "holes__"
_HEADER = "[_ "  # what is put before the header of a loop, to make a comprehension of it
_WORDS = frozenset(keyword.kwlist) - {"True", "False", "None"}

ARITHMETIC = ("+", "-", "*", "//", "%", "/", "**")
BITWISE = ("&", "|", "^", "<<", ">>")
COMPARISON = ("<", "<=", ">", ">=", "==", "!=", "in", "not in", "is", "is not")
FAMILIES: dict[str, tuple[str, ...]] = {
    "arithmetic operator": ARITHMETIC,
    "bitwise operator": BITWISE,
    "binary operator": (*ARITHMETIC, *BITWISE, "@"),
    "comparison operator": COMPARISON,
    "boolean operator": ("and", "or"),
}


def symbols(words: str) -> tuple[str, ...]:
    """The operators that a family or a list like ``< or <=`` names; none where it is neither."""
    found: list[str] = []
    for word in words.split(" or "):
        own = FAMILIES.get(word, (word,) if word in _ALL_SYMBOLS else ())
        if not own:
            return ()
        found += own
    return tuple(found)


_ALL_SYMBOLS = frozenset(symbol for family in FAMILIES.values() for symbol in family)


@dataclass(frozen=True, slots=True)
class Code:
    """One side of a rewrite, parsed."""

    text: str  # with names in place of the holes
    body: ast.expr | ast.comprehension | list[ast.stmt]
    operators: Mapping[ast.AST, str]  # operations whose operator is a hole, with its name
    links: Mapping[tuple[ast.AST, int], str]  # the same by (operation, number of its operator)
    spots: tuple[tuple[int, int, str, bool], ...]  # (start, end, hole, any number) in ``text``

    @property
    def holes(self) -> set[str]:
        return {name for _, _, name, _ in self.spots} | set(self.operators.values())


def hole(node: object) -> str:
    """The name of the hole that an expression or statement is, else an empty string."""
    if isinstance(node, ast.Expr):
        node = node.value
    return name_of(node.id) if isinstance(node, ast.Name) else ""


def many(node: object) -> str:
    """The name of the hole for any number that a node is, else an empty string."""
    if isinstance(node, ast.Expr):
        node = node.value
    name = getattr(node, "id", getattr(node, "arg", None))
    return name[len(_MANY) :] if isinstance(name, str) and name.startswith(_MANY) else ""


def name_of(word: str | None) -> str:
    """The name of the hole that an identifier stands for, else an empty string."""
    return word[len(_ONE) :] if word and word.startswith(_ONE) else ""


def hole_names(text: str) -> set[str]:
    """The names of the holes in a text."""
    return {match[2] for match in _HOLE.finditer(text)}


def fill_names(text: str, code: Callable[[str], str]) -> str:
    """A text with code in place of each hole."""
    return _HOLE.sub(lambda match: code(match[2]), text)


def is_expression(text: str) -> bool:
    """True where the text, with holes, may be an expression."""
    try:
        ast.parse(_HOLE.sub("_", _without_operators(text)), mode="eval")
    except SyntaxError:
        return False
    return True


def _without_operators(text: str) -> str:
    for start, end in reversed(_operator_spots(text)):
        text = f"{text[:start]}+{text[end:]}"
    return text


def is_header(text: str) -> bool:
    """True for the header of a loop without its colon, which comprehensions have too."""
    return text.startswith("for ") and not text.endswith(":") and "\n" not in text


def read(text: str, *, expression: bool, families: Mapping[str, tuple[str, ...]]) -> Code:
    """One side of a rewrite; ``families`` has the operators that each operator hole stands for.

    Raises `TemplateError` where it is no Python.
    """
    if is_header(text):
        return read(f"{_HEADER}{text}]", expression=True, families=families)
    places = dict(_operator_spots(text))
    parts: list[str] = []
    spots: list[tuple[int, int, str, bool]] = []
    marks: dict[int, str] = {}  # where in the new text the operator of a hole stands
    length = at = 0
    for match in _HOLE.finditer(text):
        parts.append(text[at : match.start()])
        length += len(parts[-1])
        at, name = match.end(), match[2]
        if match.start() in places:
            family = families.get(name)
            if family is None:
                raise TemplateError(f"`{text}`: say what operators ${name} stands for")
            marks[length] = name
            parts.append(_stand_in(family))
            spots.append((length, length + len(parts[-1]), name, False))
        else:
            parts.append((_MANY if match[1] else _ONE) + name)
            spots.append((length, length + len(parts[-1]), name, bool(match[1])))
        length += len(parts[-1])
    code = "".join((*parts, text[at:]))
    try:
        body = _parsed(code, expression=expression)
    except SyntaxError as error:
        raise TemplateError(f"`{text}` is no Python: {error.msg}") from None
    roots = body if isinstance(body, list) else [body]
    links = {
        (node, number): name
        for root in roots
        for node in ast.walk(root)
        for number, name in _marked(node, code, marks)
    }
    operators = {node: name for (node, _), name in links.items()}
    return Code(code, body, operators, links, tuple(spots))


def _parsed(code: str, *, expression: bool) -> ast.expr | ast.comprehension | list[ast.stmt]:
    if not expression:
        return ast.parse(code).body
    body = ast.parse(code, mode="eval").body
    if code.startswith(_HEADER) and isinstance(body, ast.ListComp):
        return body.generators[0]
    return body


def _stand_in(family: tuple[str, ...]) -> str:
    """An operator of the family, as every operator of it is parsed alike."""
    return "+" if "+" in family or "|" in family else family[0]


@lru_cache(maxsize=2000)
def _operator_spots(text: str) -> list[tuple[int, int]]:
    """(start, end) of the holes that stand behind an operand and so are operators."""
    found: list[tuple[int, int]] = []
    behind_operand = False
    for token in _TOKEN.finditer(text):
        word = token.group()
        starts_line = not text[: token.start()].rpartition("\n")[2].strip()
        is_hole = word.startswith("$")
        if is_hole and behind_operand and not starts_line:
            found.append(token.span())
            behind_operand = False
        else:
            behind_operand = word[-1] in ")]}'\"" or (
                (word[0].isalnum() or word[0] in "$_") and word not in _WORDS
            )
    return found


def _marked(node: ast.AST, code: str, marks: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """(number, hole) of each operator of an operation that is a hole."""
    match node:
        case ast.BinOp(left=left, right=right):
            sides = [left, right]
        case ast.Compare(left=left, comparators=others):
            sides = [left, *others]
        case ast.BoolOp(values=sides):
            pass
        case ast.AugAssign(target=left, value=right):
            sides = [left, right]
        case _:
            return
    for number, (one, two) in enumerate(pairwise(sides)):
        start, end = offset(code, one, end=True), offset(code, two)
        yield from ((number, name) for at, name in marks.items() if start <= at < end)


def offset(code: str, node: ast.expr | ast.stmt, *, end: bool = False) -> int:
    """Where in the text of a template a node begins or ends; templates are ASCII but for strings."""
    line = (node.end_lineno if end else node.lineno) or 1
    column = (node.end_col_offset if end else node.col_offset) or 0
    lines = code.split("\n")
    start = sum(len(text) + 1 for text in lines[: line - 1])
    return start + len(lines[line - 1].encode()[:column].decode())
