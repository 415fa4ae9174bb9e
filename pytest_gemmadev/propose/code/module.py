"""One file of the project, parsed: its definitions, and edits at its nodes."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, FunctionNode, dotted, own_nodes
from pytest_gemmadev.propose.code.source import Source
from pytest_gemmadev.text.lines import line_around
from pytest_gemmadev.types import Edit


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


class Module(Source):
    """One file of the project."""

    def __init__(self, path: str, name: str, text: str, tree: ast.Module) -> None:
        super().__init__(text, tree)
        self.path = path
        self.name = name  # dotted, as it is imported

    @property
    def package(self) -> str:
        """What relative imports in the file count from."""
        is_package = self.path.rpartition("/")[2] == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    # --- definitions -----------------------------------------------------------------------------

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
        for node in self.statements:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, node)
        return found

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What the module's own level binds: names and the nodes that bind them."""
        return bound_names(self.tree)

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        return [s for s in self.statements if isinstance(s, (ast.Import, ast.ImportFrom))]

    @cached_property
    def strings(self) -> list[ast.Constant]:
        """String constants that stand for themselves: no docstrings, no parts of f-strings."""
        return [
            n
            for n, parent in self.parents.items()
            if isinstance(n, ast.Constant)
            and isinstance(n.value, str)
            and not isinstance(parent, (ast.Expr, ast.JoinedStr))
        ]

    def names(self, within: ast.AST, name: str) -> list[ast.Name]:
        """The places in ``within`` that mention a variable."""
        return [n for n in ast.walk(within) if isinstance(n, ast.Name) and n.id == name]

    def code(self, node: ast.AST) -> str:
        """The text of a node as it is written; its own rendering where the place is not known."""
        span = self.span(node)
        return self.text[span[0] : span[1]] if span else ast.unparse(node)

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
        start = self.offset(node.lineno, node.col_offset)
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

    def insert_before(self, statement: ast.stmt, code: str) -> Edit | None:
        """Lines of ``code`` before a statement, at its indentation."""
        if not self.leads_line(statement):
            return None  # after a colon or a semicolon
        line = self.line_start(self.extent(statement)[0])
        return self.edit(line, line, _indented(code, self.indentation(statement)))

    def insert_after(self, statement: ast.stmt, code: str) -> Edit | None:
        """Lines of ``code`` after a statement, at its indentation."""
        if not self.has_own_lines(statement):
            return None
        end = self.line_end(self.extent(statement)[1])
        lines = _indented(code, self.indentation(statement)).rstrip("\n")
        return self.edit(end, end, f"\n{lines}")

    def remove_statement(self, statement: ast.stmt) -> Edit | None:
        """Nothing in place of a statement's lines, ``pass`` where a block would be left empty."""
        block, span = self.block(statement), self.span(statement)
        if span is None:
            return None
        if block is None or len(block.statements) == 1:
            return self.edit(*span, "pass")
        start, end = self.extent(statement)
        if not self.leads_line(statement) or self.text[end : self.line_end(end)].strip():
            return None
        return self.edit(*line_around(self.text, start, end), "")


def _indented(code: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" if line else "\n" for line in code.splitlines())


@lru_cache(maxsize=512)
def parse_module(path: str, name: str, text: str) -> Module | None:
    """The parsed file, or None where it does not parse; remembered for all who ask.

    Rules and patterns share it, and the tasks of a session share most of their files.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about literals and escapes: not ours to report
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return Module(path, name, text, tree)
