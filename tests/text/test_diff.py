"""Diffs that git applies, that are read back, and that apply to the files they were made from alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.text.diff import (
    apply_together,
    apply_unified,
    files_of,
    is_applied,
    replacements,
    unified_diff,
)
from pytest_gemmadev.types import Inapplicable

# --- write ---------------------------------------------------------------------------------------

LONG = b"".join(b"line %d\n" % n for n in range(1, 41))

DIFFS = [
    pytest.param("a.py", b"a\nb\n", b"a\nc\n", id="LF"),
    pytest.param("a.py", b"a\r\nb\r\n", b"a\r\nc\r\n", id="CRLF"),
    pytest.param("a.py", b"a\r\nb\nc\r", b"a\nb\r\nc\rd", id="mixed"),
    pytest.param("a.py", b"a\nb", b"a\nc", id="no final newline"),
    pytest.param("a.py", b"a\nb", b"a\nb\n", id="final newline added"),
    pytest.param("a.py", b"a\nb\n", b"a\nb", id="final newline taken"),
    pytest.param("a.py", b"a\nb", b"x\nb", id="no final newline in the context"),
    pytest.param("a.py", b"", b"a\n", id="from empty"),
    pytest.param("a.py", b"a\n", b"", id="to empty"),
    pytest.param("a.py", b"\x0c\n\x85\xe9\n\xff", b"\x0c\n\x85\xea\n\xff", id="latin-1"),
    pytest.param("a.py", b"-- a\n++ b\n", b"++ b\n-- c\n", id="lines that look like headers"),
    pytest.param(
        "a.py",
        LONG,
        LONG.replace(b"line 3\n", b"").replace(b"line 30\n", b"x\ny\n") + b"end",
        id="several hunks",
    ),
    pytest.param("a.py", b"b\n" * 4, b"a\n" + b"b\n" * 5, id="lines like their context"),
    pytest.param("in here/my file.py", b"a\n", b"b\n", id="spaces in the name"),
    pytest.param("naïve/日本.py", b"a\n", b"b\n", id="letters beyond ASCII in the name"),
    pytest.param("naïve/日本 x.py", b"a\n", b"b\n", id="both"),
    pytest.param('"quoted" \\ back.py', b"a\n", b"b\n", id="quotes in the name"),
    pytest.param("tab\there\nnext.py", b"a\n", b"b\n", id="control characters in the name"),
    pytest.param("caf\udce9.py", b"a\n", b"b\n", id="no UTF-8 in the name"),
]


@pytest.mark.parametrize(("path", "before", "after"), DIFFS)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_git_applies_the_diff_to_the_byte(
    tmp_path: Path, path: str, before: bytes, after: bytes, reverse: bool
) -> None:
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(after if reverse else before)
    other = tmp_path / "other.py"
    other.write_bytes(before)
    patch = unified_diff(path, before, after).encode("utf-8", "surrogateescape")
    ran = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *(["--reverse"] if reverse else []), "-"],
        cwd=tmp_path,
        env=_outside_of_any_repository(tmp_path),
        input=patch,
        capture_output=True,
        check=False,
    )
    assert ran.stderr == b""
    assert file.read_bytes() == (before if reverse else after)
    assert other.read_bytes() == before


def _outside_of_any_repository(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return {**kept, "GIT_CEILING_DIRECTORIES": str(folder.parent)}


def test_a_diff_reads_as_git_writes_it() -> None:
    after = LONG.replace(b"line 20\n", b"line twenty\n")
    assert unified_diff("shop/cart.py", LONG, after) == (
        "--- a/shop/cart.py\n"
        "+++ b/shop/cart.py\n"
        "@@ -17,7 +17,7 @@\n"
        " line 17\n line 18\n line 19\n-line 20\n+line twenty\n line 21\n line 22\n line 23\n"
    )


def test_nothing_changed_is_no_diff() -> None:
    assert unified_diff("a.py", LONG, LONG) == ""


PIECES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "\r"]), max_size=25).map("".join)


@given(PIECES, PIECES, st.sampled_from(["", "end"]))
def test_a_diff_holds_both_sides(old: str, new: str, end: str) -> None:
    old, new = old + end, new + end
    diff = unified_diff("a.py", old.encode(), new.encode())
    assert patched(old, diff) == new


def patched(old: str, diff: str) -> str:
    """The text with the diff applied, by a second, strict reading of the format."""
    lines = old.split("\n")
    source = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    result: list[str] = []
    at = 0
    body = diff[diff.index("@@") :].split("\n")[:-1] if diff else []
    for index, line in enumerate(body):
        if line.startswith("@@"):
            start, _, count = line.split(" ")[1][1:].partition(",")
            first = int(start) - (0 if count == "0" else 1)
            result += source[at:first]
            at = first
            continue
        if line.startswith("\\"):
            continue
        bare = index + 1 < len(body) and body[index + 1].startswith("\\")
        text = line[1:] + ("" if bare else "\n")
        if line[0] in " -":
            assert source[at] == text
            at += 1
        if line[0] in " +":
            result.append(text)
    return "".join(result + source[at:])


# --- read ----------------------------------------------------------------------------------------


def changed(*rows: int, text: bytes = LONG) -> bytes:
    lines = text.splitlines(keepends=True)
    for row in rows:
        lines[row - 1] = b"changed\n"
    return b"".join(lines)


PATHS = [
    "a.py",
    "in here/my file.py",
    "naïve/日本 x.py",
    '"q" \\ b.py',
    "tab\there\n.py",
    "\udce9.py",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_path_is_read_back(path: str) -> None:
    (file,) = files_of(unified_diff(path, LONG, changed(5)))
    assert file.path == path


def test_files_and_hunks_in_their_order() -> None:
    diff = unified_diff("a.py", LONG, changed(3, 30)) + unified_diff("b.py", LONG, changed(9))
    assert [(f.path, [(h.start, h.count) for h in f.hunks]) for f in files_of(diff)] == [
        ("a.py", [(1, 6), (27, 7)]),
        ("b.py", [(6, 7)]),
    ]


def test_no_diff_has_no_files() -> None:
    assert files_of("") == ()


LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "\r", "-- a\n", "++ b\n", "@@ -1 +1 @@\n"]),
    max_size=25,
).map("".join)


@given(LINES, LINES, st.sampled_from(["", "end"]), st.sampled_from(["", "end"]))
def test_replacements_hold_what_the_diff_says(old: str, new: str, end: str, other: str) -> None:
    old, new = old + end, new + other
    rows = [line + "\n" for line in old.split("\n")]
    rows[-1] = rows[-1][:-1]
    made = [r for f in files_of(unified_diff("a.py", old.encode(), new.encode())) for h in f.hunks
            for r in replacements(h)]  # fmt: skip
    for one in reversed(made):
        rows[one.first - 1 : one.last - 1] = [one.text]
    assert "".join(rows) == new


TOGETHER = {
    "other files": ("a.py", (5,), "b.py", (5,), True),
    "far apart": ("a.py", (5,), "a.py", (30,), True),
    "contexts touch": ("a.py", (5,), "a.py", (12,), True),
    "contexts overlap": ("a.py", (5,), "a.py", (11,), False),
    "one line": ("a.py", (5,), "a.py", (5,), False),
    "a later hunk overlaps": ("a.py", (5, 30), "a.py", (31,), False),
}


@pytest.mark.parametrize(
    ("one", "rows", "other", "others", "expected"), TOGETHER.values(), ids=TOGETHER
)
def test_diffs_apply_together_where_no_lines_are_in_both(
    one: str, rows: tuple[int, ...], other: str, others: tuple[int, ...], expected: bool
) -> None:
    diffs = unified_diff(one, LONG, changed(*rows)), unified_diff(other, LONG, changed(*others))
    assert apply_together(*diffs) is expected
    assert apply_together(*reversed(diffs)) is expected


# --- apply -------------------------------------------------------------------------------------

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
