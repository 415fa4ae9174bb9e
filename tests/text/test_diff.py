"""Patches as reported apply to the files they were made from, and to no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.text.diff import apply_unified, is_applied
from pytest_gemmadev.text.edits import unified_diff
from pytest_gemmadev.types import Inapplicable

LINES = st.lists(st.sampled_from(["a", "b", "-- c", "++ d", "@@ e", "\\ f", "", "\r", "ü"]))
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))


@given(TEXTS, TEXTS)
def test_a_diff_is_undone_by_applying_it(before: str, after: str) -> None:
    diff = unified_diff("m.py", before.encode(), after.encode())
    applied = apply_unified(diff, {"m.py": before.encode()}.__getitem__)
    if before == after:
        assert isinstance(applied, Inapplicable)
    else:
        assert applied == {"m.py": after.encode()}
        assert is_applied(diff, {"m.py": after.encode()}.__getitem__)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param("a b.py", b"1\n", b"2\n", id="space"),
        pytest.param('q"u\\o\te.py', b"1\n", b"2\n", id="quoted"),
        pytest.param("\udcff.py", b"1\n", b"2\n", id="no UTF-8 in the name"),
        pytest.param("m.py", b"x = '\xe9'\r\n1\r\n", b"x = '\xe9'\r\n2\r\n", id="Latin-1, CRLF"),
        pytest.param("m.py", b"1", b"1\n", id="a newline more"),
        pytest.param("m.py", b"", b"1\n", id="empty before"),
    ],
)
def test_unusual_files(path: str, before: bytes, after: bytes) -> None:
    diff = unified_diff(path, before, after)
    assert apply_unified(diff, {path: before}.__getitem__) == {path: after}


def test_several_files_and_hunks() -> None:
    before = {"a.py": b"1\n" * 30, "b.py": b"x\n"}
    after = {"a.py": b"0\n" + b"1\n" * 28 + b"2\n", "b.py": b"y\n"}
    diff = "".join(unified_diff(path, before[path], after[path]) for path in before)
    assert diff.count("@@ -") == 3
    assert apply_unified(diff, before.__getitem__) == after
    assert is_applied(diff, after.__getitem__)
    assert not is_applied(diff, (after | {"b.py": b"x\n"}).__getitem__)
    assert not is_applied("", after.__getitem__)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(b"a\nB\nc\n", id="the line itself"),
        pytest.param(b"A\nb\nc\n", id="a line beside it"),
        pytest.param(b"a\n", id="shorter"),
        pytest.param(b"\na\nb\nc\n", id="moved"),
    ],
)
def test_a_file_that_has_changed_stays(now: bytes) -> None:
    diff = unified_diff("m.py", b"a\nb\nc\n", b"a\nx\nc\n")
    result = apply_unified(diff, {"m.py": now}.__getitem__)
    assert isinstance(result, Inapplicable)
    assert "m.py is not what it was" in result.reason
    assert not is_applied(diff, {"m.py": now}.__getitem__)
