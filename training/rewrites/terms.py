"""Terms of expressions as people get them wrong: one lost, one too many, sides swapped, names of nothing.

Each rewrite offers replacements at the nodes of its type, as in `expressions`.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator, Sequence

from training.rewrites.texts import Change, Names, Text
from training.rewrites.words import FOREIGN_CALLS, FOREIGN_NAMES, NOUNS, VERBS

_BORROWED = (ast.Call, ast.Subscript, ast.Attribute, ast.BinOp, ast.Compare, ast.Constant)
_OFFERED = 4  # of many expressions that might stand there


def term(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """One side of an operation forgotten, the two sides swapped."""
    if not isinstance(node, ast.BinOp):
        return
    start, end = text.span(node)
    left, right = text.code(node.left), text.code(node.right)
    yield start, end, left
    yield start, end, right
    between = text.text[text.span(node.left)[1] : text.span(node.right)[0]]
    if between.count("(") == between.count(")") == 0:  # parentheses around a side are not its own
        yield start, end, f"{right}{between}{left}"


def surplus(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A term too many: one more, one less, half, the opposite, the same twice."""
    values: list[ast.expr] = []
    if isinstance(node, ast.Return | ast.Assign | ast.AugAssign) and node.value is not None:
        values = [node.value]
    elif isinstance(node, ast.Call):
        values = [value for value in node.args if not isinstance(value, ast.Starred)]
    elif isinstance(node, ast.Compare):
        values = [node.left, *node.comparators]
    for value in values:
        if not isinstance(value, ast.Name | ast.Call | ast.BinOp | ast.Subscript):
            continue
        start, end = text.span(value)
        code = text.code(value)
        whole = f"({code})" if isinstance(value, ast.BinOp) else code
        yield start, end, f"{code} + 1"
        yield start, end, f"{code} - 1"
        yield start, end, f"{whole} // 2"
        yield start, end, f"{whole} * 2"
        yield start, end, f"-{whole}"
        for other in _chosen(code, names.variables):
            yield start, end, f"{code} + {other}"
        if not isinstance(value, ast.BinOp):
            yield start, end, f"{code}[1:]"
            yield start, end, f"{code}[0]"


def clause(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A condition with another of the function's own beside it, or always the same."""
    if not isinstance(node, ast.If | ast.While | ast.IfExp):
        return
    start, end = text.span(node.test)
    code = text.code(node.test)
    others = [text.code(one) for one in names.nodes if isinstance(one, ast.Compare)]
    for other in _chosen(code, [one for one in others if one not in code]):
        if "\n" not in other:
            yield start, end, f"{code} and {other}"
            yield start, end, f"{code} or {other}"
    if isinstance(node, ast.If):
        yield start, end, "True"


def borrowed(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Another expression of the function where one of the same kind belongs."""
    if not isinstance(node, _BORROWED) or not isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    ):
        return
    if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
        return
    start, end = text.span(node)
    code = text.code(node)
    same = [text.code(one) for one in names.nodes if type(one) is type(node)]
    for other in _chosen(code, [one for one in same if one != code and len(one) < 60]):
        if "\n" not in other:
            yield start, end, other


def invented(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A function, a method or a variable that there is not, as one writes from memory."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.BinOp):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    start, end = text.span(node)
    code = text.code(node)
    verb, noun = _word(code, VERBS), _word(code[::-1], NOUNS)
    method, camel = f"{verb}_{noun}", f"{verb}{noun.title()}"
    if isinstance(node, ast.Name):
        if node.id in names.variables:
            for word in (noun, f"{noun}_{node.id}", f"new_{node.id}"):
                if word not in names.variables:
                    yield start, end, word
        return
    if isinstance(node, ast.Attribute):
        at = end - len(node.attr)
        for word in (method, camel, f"{node.attr}_{noun}"):
            yield at, end, word
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield start, end, f"self.{code}"
        yield *text.span(node.func), method
    if "\n" not in code:
        for word in (method, f"self.{method}", f"self.{camel}"):
            yield start, end, f"{word}({code})"
        yield start, end, f"self.{camel}()"
        yield start, end, f"{code}.{method}()"


def foreign(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """What another language calls it."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
        for word in FOREIGN_NAMES[node.value]:
            yield *text.span(node), word
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        argument = text.code(node.args[0])
        if isinstance(node.func, ast.Name):
            for form in FOREIGN_CALLS.get(node.func.id, ()):
                yield *text.span(node), form.format(argument)
        elif isinstance(node.func, ast.Attribute):
            end = text.span(node.func)[1]
            for word in FOREIGN_CALLS.get(f".{node.func.attr}", ()):
                yield end - len(node.func.attr), end, word


def _chosen(code: str, others: Sequence[str]) -> list[str]:
    """A few of many, by the code they are for: the same each time, others elsewhere."""
    kept = list(dict.fromkeys(others))
    return sorted(kept, key=lambda other: zlib.crc32(f"{code}:{other}".encode()))[:_OFFERED]


def _word(code: str, words: Sequence[str]) -> str:
    return words[zlib.crc32(code.encode()) % len(words)]
