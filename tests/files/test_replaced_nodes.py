"""Nodes that an edit does not change stay the same objects."""

from __future__ import annotations

import libcst
import pytest

from pytest_gemmadev.files.replaced_nodes import merge_nodes, replace_nodes


def kept_and_new(before: str, after: str) -> tuple[list[str], list[str]]:
    """Statements and expressions of the merged tree: those of the old one, and those that are new."""
    old, new = libcst.parse_module(before), libcst.parse_module(after)
    known = {id(node) for node in _nodes(old)}
    merged = merge_nodes(old, new)
    assert merged.code == after
    kept: list[str] = []
    fresh: list[str] = []
    for node in _nodes(merged):
        if isinstance(node, (libcst.BaseExpression, libcst.BaseSmallStatement)):
            (kept if id(node) in known else fresh).append(merged.code_for_node(node))
    return kept, fresh


def _nodes(node: libcst.CSTNode) -> list[libcst.CSTNode]:
    return [node, *(inner for child in node.children for inner in _nodes(child))]


@pytest.mark.parametrize(
    ("before", "after", "fresh"),
    [
        pytest.param("x = f(a, b)\n", "x = f(a, c)\n", ["x = f(a, c)", "f(a, c)", "c"], id="name"),
        pytest.param("x = a\ny = b\n", "x = a\ny = c\n", ["y = c", "c"], id="statement"),
        pytest.param("x = a\n", "x = a\ny = b\n", ["y = b", "y", "b"], id="more statements"),
        pytest.param("x = a\ny = b\n", "y = b\n", [], id="fewer statements"),
        pytest.param("a\nb\nc\n", "a\nd\ne\nc\n", ["d", "d", "e", "e"], id="in the middle"),
        pytest.param("x = a * b\n", "x = a * b\n", [], id="no change"),
    ],
)
def test_only_what_differs_is_new(before: str, after: str, fresh: list[str]) -> None:
    assert kept_and_new(before, after)[1] == fresh


def test_an_expression_that_binds_otherwise_is_another_one() -> None:
    kept, fresh = kept_and_new("x = a * b + c\n", "x = a - y * b + c\n")
    assert kept == ["x", "a", "c"]
    assert "a - y * b" in fresh


def test_without_a_change_it_is_the_same_tree() -> None:
    old, new = libcst.parse_module("x = (1,\n  2)\n"), libcst.parse_module("x = (1,\n  2)\n")
    assert merge_nodes(old, new) is old


@pytest.mark.parametrize(
    ("before", "after", "is_nested", "code"),
    [
        pytest.param("x = 1\n", "x = 2\n", False, "x = 2\n", id="top"),
        pytest.param("    x = 1\n", "    x = 2\n", True, "    x = 2\n", id="nested"),
        pytest.param("\tx = 1\n", "\tx = 2\n", True, "\tx = 2\n", id="tab"),
        pytest.param("    x = 1\n", "x = 1\n", True, None, id="left the block"),
        pytest.param(
            "    x = 1\n", "    x = 1\ny = 1\n", True, None, id="another behind the block"
        ),
        pytest.param("    x = 1\n", "      x = 1\n", True, None, id="other indentation"),
        pytest.param("    x = 1\n", "    x = 1\nelse:\n    y\n", True, None, id="clause"),
        pytest.param("    x = 1\n", "", True, None, id="an empty block"),
        pytest.param("x = 1\n", "x = (\n", False, None, id="does not parse"),
    ],
)
def test_statements_are_whole_ones_of_one_block(
    before: str, after: str, is_nested: bool, code: str | None
) -> None:
    assert replace_nodes(before, after, is_nested=is_nested) == code
