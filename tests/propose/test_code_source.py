"""Where nodes stand in a text, and what stands around them."""

from __future__ import annotations

import ast

import pytest

from pytest_gemmadev.propose.code.module import Module, parse_module
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import is_docstring
from pytest_gemmadev.propose.code.part import find_root
from pytest_gemmadev.propose.code.reach import visible_names
from pytest_gemmadev.propose.code.unit import Unit

TEXT = """\
import os


class Cart:
    '''What somebody wants.'''

    @property
    @cached
    def total(self):
        for item in self.items:
            if item: pass; self.seen = 1
            elif self.é:
                x = f"{item} and {self.größe}"  # why
        return 0
"""


def parsed(text: str) -> Module:
    module = parse_module("cart.py", "cart", text)
    assert module is not None
    return module


@pytest.fixture
def module() -> Module:
    return parsed(TEXT)


def find(module: Module, code: str, kind: type[ast.AST] = ast.AST) -> ast.AST:
    """The first node whose text is ``code``."""
    nodes = (n for n in module.parents if isinstance(n, kind))
    return next(n for n in nodes if module.span(n) and module.code(n) == code)


def test_a_text_is_parsed_once() -> None:
    assert parse_module("a.py", "a", "x = 1\n") is parse_module("a.py", "a", "x = 1\n")
    assert parse_module("a.py", "a", "x = (\n") is None


@pytest.mark.parametrize("code", ["self.items", "self.é", 'x = f"{item} and {self.größe}"', "item"])
def test_nodes_are_where_their_code_stands(module: Module, code: str) -> None:
    node = find(module, code)
    start, end = module.extent(node)
    assert TEXT[start:end] == code == module.segment(node)


def test_a_span_leaves_decorators_out_and_an_extent_does_not(module: Module) -> None:
    function = module.functions[0].node
    span = module.span(function)
    assert span is not None
    assert TEXT[span[0] :].startswith("def total")
    assert TEXT[module.extent(function)[0] :].startswith("@property")
    assert span[1] == module.extent(function)[1]


def test_a_node_in_an_f_string_has_a_place_or_none() -> None:
    once = parsed("f'{a:>{width}} {b!r}'\n")
    assert [once.code(n) for n in once.parents if isinstance(n, ast.Name)] == ["a", "b", "width"]
    node = next(n for n in once.parents if isinstance(n, ast.Name) and n.id == "b")
    assert once.span(node) == (16, 17)


def test_what_stands_around_a_node(module: Module) -> None:
    node = find(module, "self.é")
    assert isinstance(module.statement(node), ast.If)
    assert isinstance(module.loop(node), ast.For)
    assert module.enclosing(node, ast.ClassDef) is module.classes["Cart"]
    function = module.function_of(node)
    assert function is not None
    assert function.qualname == "Cart.total"
    assert list(module.ancestors(node))[-1] is module.tree
    assert module.loop(function.node) is None


@pytest.mark.parametrize(
    ("code", "field", "index", "count"),
    [
        pytest.param("import os", "body", 0, 2, id="module"),
        pytest.param("self.seen = 1", "body", 1, 2, id="behind a semicolon"),
        pytest.param("return 0", "body", 1, 2, id="function"),
    ],
)
def test_blocks(module: Module, code: str, field: str, index: int, count: int) -> None:
    statement = find(module, code, ast.stmt)
    assert isinstance(statement, ast.stmt)
    block = module.block(statement)
    assert block is not None
    assert (block.field, block.index, len(block.statements)) == (field, index, count)
    assert block.statements[index] is statement


def test_a_statement_of_another_tree_has_no_block(module: Module) -> None:
    assert module.block(ast.parse("pass").body[0]) is None


@pytest.mark.parametrize(
    ("code", "leads", "alone"),
    [
        pytest.param("return 0", True, True, id="alone"),
        pytest.param('x = f"{item} and {self.größe}"', True, True, id="comment behind"),
        pytest.param("pass", False, False, id="behind a colon"),
        pytest.param("self.seen = 1", False, False, id="behind a semicolon"),
    ],
)
def test_lines_of_its_own(module: Module, code: str, leads: bool, alone: bool) -> None:
    statement = find(module, code, ast.stmt)
    assert module.leads_line(statement) is leads
    assert module.has_own_lines(statement) is alone


@pytest.mark.parametrize(
    ("line", "code"),
    [(1, "import os"), (7, "@property"), (12, "elif self.é"), (14, "return 0")],
)
def test_the_statement_at_a_line(module: Module, line: int, code: str) -> None:
    statement = module.statement_at(line)
    assert statement is not None
    assert TEXT[module.extent(statement)[0] :].startswith(code)


def test_no_statement_stands_on_an_empty_line(module: Module) -> None:
    assert module.statement_at(2) is None


def test_edits_keep_to_lines(module: Module) -> None:
    last = find(module, "return 0", ast.stmt)
    inner = find(module, "pass", ast.stmt)
    assert isinstance(last, ast.stmt)
    assert isinstance(inner, ast.stmt)
    before, gone = module.insert_before(last, "y = 1"), module.remove_statement(last)
    assert before is not None
    assert gone is not None
    assert before.replacement == "        y = 1\n"
    assert (TEXT[gone.start : gone.end], gone.replacement) == ("        return 0\n", "")
    assert module.insert_before(inner, "y = 1") is None
    assert module.insert_after(inner, "y = 1") is None


@pytest.mark.parametrize(
    ("line", "root", "cls"),
    [
        (1, "Module", None),
        (5, "ClassDef", "Cart"),
        (7, "FunctionDef", "Cart"),
        (13, "FunctionDef", "Cart"),
    ],
)
def test_the_part_of_a_line(module: Module, line: int, root: str, cls: str | None) -> None:
    found, around = find_root(module, line)
    assert type(found).__name__ == root
    assert (around.name if around else None) == cls


def test_a_unit_ends_at_its_root(module: Module) -> None:
    root, cls = find_root(module, 13)
    unit = Unit(module, root, cls)
    assert isinstance(root, ast.FunctionDef)
    assert unit.parent(root) is None
    assert unit.block(root) is None
    assert list(unit.ancestors(root)) == []
    assert list(unit.ancestors(root.body[0])) == [root]
    assert unit.step == "    "
    assert not any(is_docstring(n) for n in unit.nodes)


def test_docstrings_and_annotations_are_not_editable() -> None:
    module = parsed("def f(a: int) -> str:\n    'Says.'\n    return a\n")
    unit = Unit(module, *find_root(module, 1))
    kept = {module.code(n) for n in unit.nodes if isinstance(n, ast.expr) and unit.editable(n)}
    assert kept == {"a"}


def test_names_bound_and_in_reach(module: Module) -> None:
    function = module.functions[0].node
    assert set(bound_names(function)) == {"self", "item", "x"}
    reach = visible_names(module, function.body[0])
    assert (reach["item"], reach["os"], reach["len"]) == ("local", "global", "builtin")
    assert "total" not in reach
