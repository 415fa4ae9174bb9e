"""What a pattern sees: the body of one function, class or module, with the names in reach.

A unit is the outermost function around a place, or the statements of a class or module that are in no
function. Patterns work on one unit; files of thousands of lines cost no more than the unit.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pytest_gemmadev.propose.code.precedence import grouped, negated, required
from pytest_gemmadev.propose.code.source import Source
from pytest_gemmadev.propose.code.variables import Variable, Variables

Function = ast.FunctionDef | ast.AsyncFunctionDef
Root = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHARED = (
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
)  # one object, many places
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True)
class Block:
    """Where a statement stands: the list that holds it, its owner, and its index."""

    owner: ast.AST
    field: str  # ``body``, ``orelse``, ``finalbody``
    statements: list[ast.stmt]
    index: int


class Unit:
    """One function, or the code of a class or module outside functions."""

    def __init__(
        self, source: Source, root: Root, cls: ast.ClassDef | None, path: str = ""
    ) -> None:
        self.source = source
        self.root = root
        self.path = path
        self.cls = cls  # the class that holds a method, or None
        self._parents: dict[ast.AST, ast.AST] = {}
        self._blocks: dict[ast.AST, Block] = {}
        self._frozen: set[ast.AST] = set()
        self.nodes: list[ast.AST] = []
        self._index()

    # --- tree ------------------------------------------------------------------------------------

    def _index(self) -> None:
        """Lists the nodes that may be edited, in source order, with their parents."""
        inside = isinstance(self.root, FUNCTIONS)
        stack: list[tuple[ast.AST, bool]] = [(self.root, False)]
        while stack:
            node, frozen = stack.pop()
            self.nodes.append(node)
            if frozen:
                self._frozen.add(node)
            if node is not self.root and not inside and _is_unit(node):
                continue
            self._index_blocks(node)
            docstring = _docstring(node)
            children = [c for c in ast.iter_child_nodes(node) if not isinstance(c, _SHARED)]
            for child in reversed(children):
                self._parents[child] = node
                opaque = child is docstring or _is_annotation(child, node)
                opaque = opaque or (isinstance(node, ast.JoinedStr) and not self._located(child))
                stack.append((child, frozen or opaque))

    def _index_blocks(self, node: ast.AST) -> None:
        for name in BLOCKS:
            statements = getattr(node, name, None)
            if isinstance(statements, list) and statements and isinstance(statements[0], ast.stmt):
                for index, statement in enumerate(statements):
                    self._blocks[statement] = Block(node, name, statements, index)

    def _located(self, part: ast.AST) -> bool:
        """True when the positions inside a part of an f-string hold; 3.12 made all of them right."""
        if not isinstance(part, ast.FormattedValue):
            return False
        if sys.version_info >= (3, 12):
            return True
        try:
            written = ast.parse(self.source.segment(part.value), mode="eval").body
        except (SyntaxError, ValueError, IndexError):
            return False
        return ast.dump(written) == ast.dump(part.value)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents from the inside out, up to the root of the unit."""
        found = self._parents.get(node)
        while found is not None:
            yield found
            found = self._parents.get(found)

    def editable(self, node: ast.AST) -> bool:
        """False for docstrings, annotations, and code whose position is not known."""
        return node not in self._frozen

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement that holds ``node``, or None for the root's own parts."""
        if isinstance(node, ast.stmt):
            return node
        return next((a for a in self.ancestors(node) if isinstance(a, ast.stmt)), None)

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around ``node``; None in class and module bodies."""
        return next((a for a in self.ancestors(node) if isinstance(a, FUNCTIONS)), None)

    def scope(self, node: ast.AST) -> Root:
        """The innermost function around ``node``, or the root of the unit."""
        return self.function(node) or self.root

    def loop(self, node: ast.AST) -> ast.For | ast.AsyncFor | ast.While | None:
        """The innermost loop whose body holds ``node``, within its function."""
        child = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
                return None
            if isinstance(ancestor, LOOPS) and (child in ancestor.body):
                return ancestor
            child = ancestor
        return None

    def block(self, statement: ast.stmt) -> Block | None:
        """Where a statement stands, or None for the root."""
        return self._blocks.get(statement)

    @cached_property
    def by_line(self) -> dict[int, list[ast.AST]]:
        """Editable nodes by the line they begin on; those without a place of their own by their parent's."""
        found: dict[int, list[ast.AST]] = defaultdict(list)
        for node in self.nodes:
            if self.editable(node):
                line = getattr(node, "lineno", None)
                if line is None:
                    line = next((n for a in self.ancestors(node) if (n := _line(a))), 0)
                found[line].append(node)
        return found

    @cached_property
    def by_type(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        for node in self.nodes:
            found[type(node)].append(node)
        return found

    def of_type(self, *types: type[ast.AST]) -> list[ast.AST]:
        """Nodes of the given types, in source order within each type."""
        return [node for kind in types for node in self.by_type.get(kind, ())]

    @cached_property
    def extent(self) -> tuple[int, int]:
        """Offsets of the whole lines that any change of the unit, also one at its edges, falls into."""
        if isinstance(self.root, ast.Module):
            return 0, len(self.text)
        start, end = self.span(self.root)
        return self.source.line_start(start), self.source.line_end(end)

    # --- text ------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return self.source.text

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.source.span(node)

    def code(self, node: ast.AST) -> str:
        """The text of a node as written; a bare tuple stays bare."""
        return self.source.segment(node)

    def operand(self, node: ast.expr, needed: int) -> str:
        """The text of a node, fit to stand where code of level ``needed`` is due."""
        return grouped(self.code(node), needed)

    def negated(self, node: ast.expr) -> str:
        """The opposite of a condition, at the level of ``not``."""
        return negated(node, self.code(node))

    def enclosed(self, node: ast.AST) -> bool:
        """True when parentheses stand directly around the node."""
        start, end = self.span(node)
        before = (
            self.text[:start].rstrip() if start < 200 else self.text[start - 200 : start].rstrip()
        )
        after = self.text[end : end + 200].lstrip()
        return before.endswith("(") and after.startswith(")")

    def fitted(self, node: ast.expr, code: str) -> str:
        """``code``, in parentheses where they are needed in place of ``node``."""
        needed = required(self.parent(node), node)
        if "\n" in code and not self._multiline_fits(node):
            return f"({code})"
        if isinstance(self.parent(node), ast.Attribute) and code.isdigit():
            return f"({code})"
        fit = grouped(code, needed)
        if fit != code and self.enclosed(node) and not isinstance(self.parent(node), ast.Call):
            return code
        return fit

    def _multiline_fits(self, node: ast.expr) -> bool:
        """True when a newline may stand in place of ``node``: it spans lines itself or has brackets."""
        start, end = self.span(node)
        if "\n" in self.text[start:end] or self.enclosed(node):
            return True
        brackets = (
            ast.Call,
            ast.Subscript,
            ast.List,
            ast.Tuple,
            ast.Dict,
            ast.Set,
            *COMPREHENSIONS,
        )
        return any(isinstance(a, brackets) for a in self.ancestors(node) if isinstance(a, ast.expr))

    @cached_property
    def step(self) -> str:
        """What one level of indentation is; four blanks where nothing tells."""
        for statement, block in self._blocks.items():
            if isinstance(block.owner, ast.stmt):
                inner = self.source.indentation(self.span(statement)[0])
                outer = self.source.indentation(self.span(block.owner)[0])
                if inner.startswith(outer) and len(inner) > len(outer):
                    return inner[len(outer) :]
        return "    "

    # --- names -----------------------------------------------------------------------------------

    @cached_property
    def variables(self) -> Variables:
        return Variables(self)

    def in_scope(self, node: ast.AST) -> list[Variable]:
        """Variables that code at ``node`` can read, the unit's own first."""
        return self.variables.visible(node)


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 0)
    return line


def _is_unit(node: ast.AST) -> bool:
    return isinstance(node, (*FUNCTIONS, ast.ClassDef))


def _docstring(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module)) or not node.body:
        return None
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first if isinstance(first.value.value, str) else None
    return None


def _is_annotation(child: ast.AST, parent: ast.AST) -> bool:
    match parent:
        case ast.arg() | ast.AnnAssign():
            return child is parent.annotation
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return child is parent.returns
        case _:
            return False


def find_unit(source: Source, line: int) -> tuple[Root, ast.ClassDef | None]:
    """(root of the unit, class of a method) around a line of a file."""
    root: Root = source.tree
    cls: ast.ClassDef | None = None
    body: list[ast.AST] = list(source.tree.body)
    while True:
        found = next((s for s in body if _first_line(s) <= line <= _last_line(s)), None)
        if isinstance(found, FUNCTIONS):
            return found, cls
        if found is None:
            return root, cls
        if isinstance(found, ast.ClassDef):
            root = cls = found
        body = [
            c for c in ast.iter_child_nodes(found) if hasattr(c, "body") or isinstance(c, ast.stmt)
        ]


def _first_line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", None)
    return _line(decorators[0] if decorators else node)


def _last_line(node: ast.AST) -> int:
    line: int | None = getattr(node, "end_lineno", None)
    return line or 0
