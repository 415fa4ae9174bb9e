"""One parsed file as rules see it: its definitions, where each node stands, and edits at nodes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from pytest_gemmadev.core.types import Edit
from pytest_gemmadev.propose.code.source import Source

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, ast.Module)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")

N = TypeVar("N", bound=ast.AST)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or method of the project."""

    module: Module
    node: FunctionNode
    qualname: str  # as the interpreter gives it, ``Cart.total``, ``f.<locals>.g``
    cls: ast.ClassDef | None  # the class whose body holds it

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def positional(self) -> list[ast.arg]:
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def parameters(self) -> list[str]:
        """Names that a call may give, ``*args`` and ``**kwargs`` left out."""
        return [a.arg for a in (*self.positional, *self.node.args.kwonlyargs)]

    @property
    def decorators(self) -> set[str]:
        return {dotted(d.func if isinstance(d, ast.Call) else d) for d in self.node.decorator_list}

    @property
    def receiver(self) -> str | None:
        """``self`` or ``cls`` as the method calls it; None in functions and static methods."""
        if self.cls is None or "staticmethod" in self.decorators or not self.positional:
            return None
        return self.positional[0].arg

    @property
    def is_generator(self) -> bool:
        return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(self.node))

    @property
    def returns(self) -> list[ast.Return]:
        return [n for n in own_nodes(self.node) if isinstance(n, ast.Return)]


class Module:
    """One file of the project, parsed. Offsets are code points of its text."""

    def __init__(self, path: str, name: str, source: Source) -> None:
        self.path = path
        self.name = name  # dotted, as it is imported
        self.source = source

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def tree(self) -> ast.Module:
        return self.source.tree

    @property
    def package(self) -> str:
        """What relative imports in the file count from."""
        is_package = self.path.rpartition("/")[2] == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    # --- tree ------------------------------------------------------------------------------------

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {c: n for n in ast.walk(self.tree) for c in ast.iter_child_nodes(n)}

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents from the inside out, the module last."""
        found = self.parents.get(node)
        while found is not None:
            yield found
            found = self.parents.get(found)

    def enclosing(self, node: ast.AST, kind: type[N] | tuple[type[N], ...]) -> N | None:
        """The innermost node of ``kind`` around ``node``."""
        return next((a for a in self.ancestors(node) if isinstance(a, kind)), None)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """``node`` where it is a statement, else the innermost one around it."""
        return node if isinstance(node, ast.stmt) else self.enclosing(node, ast.stmt)

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements among which ``statement`` stands."""
        owner = self.parents.get(statement)
        for name in _BLOCKS:
            block = getattr(owner, name, None)
            if isinstance(block, list) and any(s is statement for s in block):
                return block
        return [statement]

    @cached_property
    def _statements(self) -> list[ast.stmt]:
        return [n for n in ast.walk(self.tree) if isinstance(n, ast.stmt)]

    def statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that holds the line; decorators belong to their definition."""
        best: ast.stmt | None = None
        for node in self._statements:
            if self.first_line(node) <= line <= (node.end_lineno or node.lineno) and (
                best is None or self.first_line(node) >= self.first_line(best)
            ):
                best = node
        return best

    @staticmethod
    def first_line(node: ast.stmt) -> int:
        decorators = getattr(node, "decorator_list", None)
        return min(node.lineno, decorators[0].lineno) if decorators else node.lineno

    @cached_property
    def functions(self) -> list[Function]:
        """Every function of the file, nested ones too, in source order."""
        found: list[Function] = []

        def visit(node: ast.AST, prefix: str, cls: ast.ClassDef | None) -> None:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, FUNCTIONS):
                    found.append(Function(self, child, prefix + child.name, cls))
                    visit(child, f"{prefix}{child.name}.<locals>.", None)
                elif isinstance(child, ast.ClassDef):
                    visit(child, f"{prefix}{child.name}.", child)
                elif isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                    visit(child, prefix, cls)

        visit(self.tree, "", None)
        return found

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function whose body or signature holds ``node``."""
        found = node if isinstance(node, FUNCTIONS) else self.enclosing(node, FUNCTIONS)
        return next((f for f in self.functions if f.node is found), None)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Classes by name; of several the first."""
        found: dict[str, ast.ClassDef] = {}
        for node in self._statements:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, node)
        return found

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What the module's own level binds: names and the nodes that bind them."""
        return bound_names(self.tree)

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        return [s for s in self._statements if isinstance(s, (ast.Import, ast.ImportFrom))]

    @cached_property
    def strings(self) -> list[ast.Constant]:
        """String constants that stand for themselves: no docstrings, no parts of f-strings."""
        return [
            n
            for n in ast.walk(self.tree)
            if isinstance(n, ast.Constant)
            and isinstance(n.value, str)
            and not isinstance(self.parents[n], (ast.Expr, ast.JoinedStr))
        ]

    def names(self, within: ast.AST, name: str) -> list[ast.Name]:
        """The places in ``within`` that mention a variable."""
        return [n for n in ast.walk(within) if isinstance(n, ast.Name) and n.id == name]

    # --- text ------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int] | None:
        """(start, end) of a node; None where its position is not known for sure."""
        line = getattr(node, "lineno", None)
        column = getattr(node, "col_offset", None)
        end_line = getattr(node, "end_lineno", None)
        end_column = getattr(node, "end_col_offset", None)
        if line is None or column is None or end_line is None or end_column is None:
            return None
        if isinstance(node, ast.expr) and (outer := self._f_string(node)) is not None:
            return self._span_inside(node, outer, (line, column, end_line, end_column))
        return self.source.offset(line, column), self.source.offset(end_line, end_column)

    def code(self, node: ast.AST) -> str:
        """The text of a node as it is written; its own rendering where the place is not known."""
        span = self.span(node)
        return self.text[span[0] : span[1]] if span else ast.unparse(node)

    def _f_string(self, node: ast.AST) -> ast.JoinedStr | None:
        found: ast.JoinedStr | None = None
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, ast.JoinedStr):
                found = ancestor
            elif isinstance(ancestor, ast.stmt):
                break
        return found

    def _span_inside(
        self, node: ast.expr, outer: ast.JoinedStr, place: tuple[int, int, int, int]
    ) -> tuple[int, int] | None:
        """The span of a node inside an f-string, whose positions are wrong before Python 3.12."""
        start, end = self.source.offset(*place[:2]), self.source.offset(*place[2:])
        meaning = ast.unparse(node)
        if _means(self.text[start:end], meaning):
            return start, end
        begin = self.source.offset(outer.lineno, outer.col_offset)
        stop = self.source.offset(outer.end_lineno or 0, outer.end_col_offset or 0)
        pattern = rf"(?<![\w.]){re.escape(meaning)}(?!\w)"
        found = [m.span() for m in re.finditer(pattern, self.text[begin:stop])]
        return (begin + found[0][0], begin + found[0][1]) if len(found) == 1 else None

    # --- edits -----------------------------------------------------------------------------------

    def edit(self, start: int, end: int, text: str) -> Edit:
        return Edit(self.path, start, end, text)

    def replace(self, node: ast.AST, text: str) -> Edit | None:
        """``text`` in place of a node; None where the node's place is not known."""
        span = self.span(node)
        return self.edit(*span, text) if span else None

    def wrap(self, node: ast.AST, before: str, after: str = ")") -> Edit | None:
        """``before`` and ``after`` around a node."""
        return self.replace(node, f"{before}{self.code(node)}{after}")

    def rename_attribute(self, node: ast.Attribute, name: str) -> Edit | None:
        """Another name after the dot."""
        span = self.span(node)
        if span is None or not self.text[: span[1]].endswith(node.attr):
            return None
        return self.edit(span[1] - len(node.attr), span[1], name)

    def rename_definition(self, node: FunctionNode | ast.ClassDef, name: str) -> Edit | None:
        """Another name after ``def`` or ``class``."""
        start = self.source.offset(node.lineno, node.col_offset)
        pattern = rf"(?:async\s+)?(?:def|class)\s+({re.escape(node.name)})\b"
        match = re.compile(pattern).match(self.text, start)
        return self.edit(*match.span(1), name) if match else None

    def rename_argument(self, node: ast.arg | ast.keyword, name: str) -> Edit | None:
        """Another name for a parameter, or for a keyword in a call."""
        span = self.span(node)
        if span is None or node.arg is None:
            return None
        return self.edit(span[0], span[0] + len(node.arg), name)

    def replace_string(self, node: ast.Constant, value: str) -> Edit | None:
        """Another value for a string constant, in the quotes that it has."""
        span = self.span(node)
        if span is None:
            return None
        match = re.fullmatch(r"([a-zA-Z]*)('''|\"\"\"|'|\")(.*)\2", self.text[slice(*span)], re.S)
        if match is None or match[3] != node.value:
            return None  # escapes, or several literals in a row
        if match[2][0] in value or "\\" in value or "\n" in value:
            return None
        return self.edit(span[0] + match.start(3), span[0] + match.end(3), value)

    def indentation(self, statement: ast.stmt) -> str:
        return self.source.indentation(self._start(statement))

    def insert_before(self, statement: ast.stmt, code: str) -> Edit | None:
        """Lines of ``code`` before a statement, at its indentation."""
        start = self._start(statement)
        line = self.source.line_start(start)
        if self.text[line:start].strip():
            return None  # after a colon or a semicolon
        return self.edit(line, line, _indented(code, self.indentation(statement)))

    def insert_after(self, statement: ast.stmt, code: str) -> Edit | None:
        """Lines of ``code`` after a statement, at its indentation."""
        start = self._start(statement)
        span = self.span(statement)
        if span is None or self.text[self.source.line_start(start) : start].strip():
            return None
        end = self.source.line_end(span[1])
        if self.text[span[1] : end].lstrip()[:1] not in ("", "#"):
            return None
        indent = self.indentation(statement)
        return self.edit(end, end, "\n" + _indented(code, indent).rstrip("\n"))

    def remove_statement(self, statement: ast.stmt) -> Edit | None:
        """Nothing in place of a statement's lines, ``pass`` where a block would be left empty."""
        span = self.span(statement)
        if span is None:
            return None
        if len(self.block(statement)) == 1:
            return self.edit(*span, "pass")
        start, end = self.source.line_start(self._start(statement)), self.source.line_end(span[1])
        if self.text[start : self._start(statement)].strip() or self.text[span[1] : end].strip():
            return None
        line = self.source.line_of(end)
        after = self.source.starts[line] if line < len(self.source.starts) else len(self.text)
        return self.edit(start, after, "")

    def _start(self, statement: ast.stmt) -> int:
        return self.source.span(statement)[0]


def _indented(code: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line else "\n" for line in code.splitlines())


def _means(code: str, meaning: str) -> bool:
    try:
        return ast.unparse(ast.parse(code, mode="eval").body) == meaning
    except (SyntaxError, ValueError, RecursionError):
        return False


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an expression of that form, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run in a scope itself: bodies of functions and classes in it are left out."""
    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.Lambda):
            stack.extend(node.args.defaults)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            stack.extend(node.decorator_list)
            if not isinstance(node, ast.ClassDef):
                stack.extend([*node.args.defaults, *(d for d in node.args.kw_defaults if d)])
        else:
            stack.extend(ast.iter_child_nodes(node))


def header_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the blocks in it, nested functions included."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in _BLOCKS and isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            values = value if isinstance(value, list) else [value]
            stack.extend(v for v in values if isinstance(v, ast.AST))


def bound_names(scope: ast.AST) -> dict[str, list[ast.AST]]:
    """Names that a function, class or module binds itself, with the nodes that do."""
    found: dict[str, list[ast.AST]] = defaultdict(list)
    elsewhere: set[str] = set()
    if isinstance(scope, (*FUNCTIONS, ast.Lambda)):
        for argument in all_arguments(scope.args):
            found[argument.arg].append(argument)
    for node in own_nodes(scope):
        for name in _binds(node):
            found[name].append(node)
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
    for comprehension in own_nodes(scope):
        if isinstance(comprehension, ast.comprehension):
            for target in ast.walk(comprehension.target):
                if isinstance(target, ast.Name):
                    found[target.id] = [n for n in found[target.id] if n is not target]
    return {n: nodes for n, nodes in found.items() if nodes and n not in elsewhere}


def all_arguments(args: ast.arguments) -> list[ast.arg]:
    """Every parameter, ``*args`` and ``**kwargs`` included."""
    starred = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *starred]


def _binds(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [a.asname or a.name.partition(".")[0] for a in aliases if a.name != "*"]
        case ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case _:
            return []
