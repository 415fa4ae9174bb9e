"""The change of a test that expects what the code gives, as a unified diff."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_gemmadev.search.claims.plain_values import UNKNOWN, exception_name, read_value
from pytest_gemmadev.search.test_faults.expectations import Means
from pytest_gemmadev.search.test_faults.subjects import Subject
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.text.edits import apply_edits, decode_source, encode_source
from pytest_gemmadev.text.lines import character_column, lines_with_ends
from pytest_gemmadev.types import Edit, GemmadevError, Inapplicable


def write_diff(path: str, subject: Subject, got: str, *, read: Callable[[str], bytes]) -> str:
    """The diff that makes a test expect ``got``; empty where that cannot be written."""
    if subject.stated.means is Means.RAISES or exception_name(got):
        return ""
    try:
        source = decode_source(data := read(path))
    except GemmadevError:
        return ""
    if isinstance(source, Inapplicable):
        return ""
    edit = _edit(path, source.text, subject, got=got)
    text = None if edit is None else apply_edits(source.text, [edit])
    if text is None or isinstance(text, Inapplicable) or not _parses(text):
        return ""
    try:
        return unified_diff(path, data, encode_source(replace(source, text=text)))
    except UnicodeEncodeError:
        return ""


def _edit(path: str, text: str, subject: Subject, *, got: str) -> Edit | None:
    place = subject.stated.place
    if place is None:
        return None
    lines = lines_with_ends(text)
    start = _offset(lines, place.line, place.column)
    end = _offset(lines, place.end_line, place.end_column)
    if subject.stated.means is Means.TRUTH:
        negated = text[:start].endswith(_NOT)
        return Edit(path, start - len(_NOT) * negated, start, "" if negated else _NOT)
    value = read_value(got)
    if value is UNKNOWN:
        return None
    return Edit(path, start, end, _write(value, text[start:end]))


_NOT = "not "


def _write(value: object, old: str) -> str:
    """The value as it is written, a string in the quotes of the old one."""
    text = repr(value)
    in_double = old.startswith('"') and not old.startswith('""') and isinstance(value, str)
    return f'"{text[1:-1]}"' if in_double and not {'"', "\\"} & set(text) else text


def _offset(lines: Sequence[str], line: int, column: int) -> int:
    before = sum(map(len, lines[: line - 1]))
    return before + character_column(lines[line - 1], column)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
