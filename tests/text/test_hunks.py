from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.text.edits import unified_diff
from pytest_gemmadev.text.hunks import apply_together, files_of, replacements

LONG = b"".join(b"line %d\n" % n for n in range(1, 41))


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
