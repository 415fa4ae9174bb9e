"""Lines are counted as Python's tokenizer counts them."""

from __future__ import annotations

import ast

import pytest

from pytest_gemmadev.text.lines import (
    character_column,
    line_around,
    line_at,
    line_end,
    line_number,
    line_numbers,
    line_starts,
    lines_of,
    lines_with_ends,
    newline_of,
    split_lines,
)

TEXTS = {
    "plain": ("a = 1\nb = 2\n", 2),
    "windows": ("a = 1\r\nb = 2\r\n", 2),
    "old mac": ("a = 1\rb = 2\r", 2),
    "mixed": ("a = 1\r\n\r\rb = 2\n", 4),
    "no end": ("a = 1\n\nb = 2", 3),
    "form feed before code": ("a = 1\n\x0cb = 2\n", 2),
    "form feed on a line": ("a = 1\n\x0c\nb = 2\n", 3),
    "ends for str.splitlines only": ("a = '\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029'\nb = 2\n", 2),
}


@pytest.mark.parametrize("name", TEXTS)
def test_lines_are_those_of_the_parser(name: str) -> None:
    text, last = TEXTS[name]
    assert ast.parse(text).body[-1].lineno == last
    assert "".join(lines_with_ends(text)) == text
    assert len(lines_of(text)) == last
    assert lines_of(text)[last - 1].lstrip("\x0c") == "b = 2"
    starts = line_starts(text)
    assert text[starts[last - 1] :].lstrip("\x0c").startswith("b = 2")
    assert line_at(text, text.index("b =")) == last
    first, end = line_around(text, text.index("b ="), text.index("b =") + 1)
    assert text[first:end] == lines_with_ends(text)[last - 1]


@pytest.mark.parametrize(("text", "lines"), [("", []), ("\n", [""]), ("a", ["a"]), ("\r\n", [""])])
def test_texts_of_little(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines
    assert line_around(text, 0, 0) == (0, len(text))
    assert line_at(text, 0) == 1
    assert line_end(text, 0) == len(text.rstrip("\r\n"))
    assert line_number(line_starts(text), 0) == 1


@pytest.mark.parametrize(
    ("start", "end", "lines"),
    [
        pytest.param(0, 1, [1], id="in a line"),
        pytest.param(0, 3, [1], id="with its end"),
        pytest.param(0, 4, [1, 2], id="into the next"),
        pytest.param(3, 3, [2], id="nothing at a start"),
        pytest.param(2, 2, [1], id="nothing at an end"),
        pytest.param(5, 5, [3], id="nothing at the end"),
    ],
)
def test_lines_that_hold_a_piece(start: int, end: int, lines: list[int]) -> None:
    assert list(line_numbers(line_starts("ab\nc\n"), start, end)) == lines


@pytest.mark.parametrize(
    ("text", "newline"), [("a", "\n"), ("a\n", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb\n", "\r")]
)
def test_the_first_line_end_is_the_newline(text: str, newline: str) -> None:
    assert newline_of(text) == newline


def test_split_lines_are_one_more_than_line_ends() -> None:
    assert split_lines("a\r\n\rb\n") == ["a", "", "b", ""]
    assert split_lines("") == [""]


@pytest.mark.parametrize("line", ["name = x", "é = x", "'\U0001f600' + x", "'\ud800' + x"])
def test_columns_of_the_tree_are_bytes(line: str) -> None:
    column = len(line[: line.index("x")].encode("utf-8", "surrogatepass"))
    assert character_column(line, column) == line.index("x")
