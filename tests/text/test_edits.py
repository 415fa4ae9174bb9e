from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_gemmadev.text.edits import (
    SourceFile,
    apply_edits,
    decode_source,
    edit_overlay,
    encode_source,
    text_overlay,
    trim,
)
from pytest_gemmadev.types import Edit, Inapplicable

LATIN = "# -*- coding: latin-1 -*-\nname = 'Zoë'\n"
BOM = b"\xef\xbb\xbf"


def edited(text: str, *edits: tuple[int, int, str]) -> str | Inapplicable:
    return apply_edits(text, [Edit("a.py", *edit) for edit in edits])


def made(old: str, new: str, text: str) -> str | Inapplicable:
    """The text with the first ``old`` in it replaced by ``new``."""
    at = text.index(old)
    return edited(text, (at, at + len(old), new))


# --- trimming ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "trimmed"),
    [
        pytest.param("abc", "axc", (11, 12, "x"), id="middle"),
        pytest.param("aa", "aaa", (12, 12, "a"), id="what is alike counts once"),
        pytest.param("ab", "xy", (10, 12, "xy"), id="nothing alike"),
        pytest.param("abc", "abc", (13, 13, ""), id="nothing changes"),
        pytest.param("", "a", (10, 10, "a"), id="insertion"),
    ],
)
def test_trim_leaves_what_differs(old: str, new: str, trimmed: tuple[int, int, str]) -> None:
    assert trim(10, old, new) == trimmed


# --- decoding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom"),
    [
        pytest.param(b"", "", "utf-8", b"", id="empty"),
        pytest.param("a = 'é'\n".encode(), "a = 'é'\n", "utf-8", b"", id="utf-8"),
        pytest.param(BOM + b"a = 1\n", "a = 1\n", "utf-8", BOM, id="byte order mark"),
        pytest.param(
            BOM + b"# coding: utf-8\n", "# coding: utf-8\n", "utf-8", BOM, id="mark and coding line"
        ),
        pytest.param(LATIN.encode("latin-1"), LATIN, "iso-8859-1", b"", id="latin-1"),
        pytest.param(
            b"#!/bin/python\r\n# vim: set fileencoding=cp1252 :\r\ns = '\x80'\r\n",
            "#!/bin/python\r\n# vim: set fileencoding=cp1252 :\r\ns = '€'\r\n",
            "cp1252",
            b"",
            id="cp1252 in line 2, CRLF",
        ),
        pytest.param(
            b"# one\r# coding: cp1252\rs = '\x80'\r",
            "# one\r# coding: cp1252\rs = '€'\r",
            "cp1252",
            b"",
            id="lines that end in CR",
        ),
        pytest.param(
            "# coding: shift_jis\ns = '日本'\n".encode("shift_jis"),
            "# coding: shift_jis\ns = '日本'\n",
            "shift_jis",
            b"",
            id="two bytes a character",
        ),
        pytest.param(b"a\n\n# coding: x\n", "a\n\n# coding: x\n", "utf-8", b"", id="line 3"),
        pytest.param(b"\x0ca = 1\x0c\n", "\x0ca = 1\x0c\n", "utf-8", b"", id="form feeds"),
    ],
)
def test_a_file_decodes_as_python_reads_it_and_encodes_to_the_same_bytes(
    data: bytes, text: str, encoding: str, bom: bytes
) -> None:
    source = decode_source(data)
    assert source == SourceFile(text, encoding, bom)
    assert isinstance(source, SourceFile)
    assert encode_source(source) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param("a = 1\n".encode("utf-16"), "UTF-16", id="utf-16"),
        pytest.param("a = 1\n".encode("utf-16-be"), "NUL", id="utf-16 without a mark"),
        pytest.param("a = 1\n".encode("utf-32"), "UTF-16 or UTF-32", id="utf-32"),
        pytest.param(b"a = '\0'\n", "NUL", id="NUL"),
        pytest.param(b"s = '\xe9'\n", "decode byte 0xe9", id="latin-1 undeclared"),
        pytest.param(b"# coding: klingon\n", "klingon", id="unknown encoding"),
        pytest.param(b"# coding: rot13\nn = 1\n", "rot13", id="not a text encoding"),
        pytest.param(BOM + b"# coding: latin-1\n", "utf-8", id="mark against coding line"),
        pytest.param(b"# coding: utf-7\ns = '+AOk-+AOk-'\n", "same bytes", id="not reversible"),
        pytest.param(b"# coding: ascii\ns = '\xc3\xa9'\n", "decode byte 0xc3", id="not ascii"),
    ],
)
def test_what_does_not_come_back_as_it_was_is_refused(data: bytes, reason: str) -> None:
    source = decode_source(data)
    assert isinstance(source, Inapplicable)
    assert reason in source.reason


@given(st.binary(max_size=60))
def test_any_bytes_come_back_or_are_refused(data: bytes) -> None:
    source = decode_source(data)
    assert isinstance(source, Inapplicable) or encode_source(source) == data


CODINGS = ("latin-1", "cp1252", "koi8-r", "utf-8", "shift_jis", "iso2022_jp", "utf-7")


@given(st.sampled_from(CODINGS), st.binary(max_size=30))
def test_any_declared_encoding_comes_back_or_is_refused(coding: str, rest: bytes) -> None:
    data = f"# coding: {coding}\n".encode() + rest
    source = decode_source(data)
    assert isinstance(source, Inapplicable) or encode_source(source) == data


# --- edits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param([], "abcdef", id="none"),
        pytest.param([(0, 6, "")], "", id="all"),
        pytest.param([(3, 3, "-")], "abc-def", id="insertion"),
        pytest.param([(6, 6, "-")], "abcdef-", id="at the end"),
        pytest.param([(0, 2, "x"), (2, 4, "y")], "xyef", id="touching"),
        pytest.param([(2, 4, "y"), (0, 2, "x")], "xyef", id="unsorted"),
        pytest.param([(2, 2, "+"), (2, 4, "y")], "ab+yef", id="insertion before a replacement"),
        pytest.param([(2, 4, "y"), (4, 4, "+")], "aby+ef", id="insertion after a replacement"),
    ],
)
def test_edits_replace_what_they_span(edits: list[tuple[int, int, str]], expected: str) -> None:
    assert edited("abcdef", *edits) == expected


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        pytest.param([(0, 3, ""), (2, 4, "")], "overlap at 2:4", id="overlapping"),
        pytest.param([(0, 3, ""), (1, 1, "x")], "overlap", id="insertion inside"),
        pytest.param([(2, 2, "x"), (2, 2, "y")], "overlap at 2:2", id="two insertions"),
        pytest.param([(2, 3, "x"), (2, 3, "x")], "overlap", id="twice the same"),
        pytest.param([(5, 7, "")], "5:7 lies outside its 6 characters", id="past the end"),
        pytest.param([(-1, 2, "")], "outside", id="before the beginning"),
        pytest.param([(3, 2, "")], "outside", id="backwards"),
    ],
)
def test_edits_that_contradict_each_other_or_the_text_are_refused(
    edits: list[tuple[int, int, str]], reason: str
) -> None:
    result = edited("abcdef", *edits)
    assert isinstance(result, Inapplicable)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        pytest.param("a\nb\n", "b", "x\ny", "a\nx\ny\n", id="LF"),
        pytest.param("a\r\nb\r\n", "b", "x\ny", "a\r\nx\r\ny\r\n", id="CRLF"),
        pytest.param("a\r\nb\r\n", "b", "x\r\ny", "a\r\nx\r\ny\r\n", id="CRLF given"),
        pytest.param("a\rb\r", "b", "x\ny", "a\rx\ry\r", id="CR"),
        pytest.param("a\r\nb\nc\r\n", "b", "x\ny", "a\r\nx\ny\nc\r\n", id="mixed, at an LF line"),
        pytest.param("a\nb\r\nc\n", "b", "x\ny", "a\nx\r\ny\r\nc\n", id="mixed, at a CRLF line"),
        pytest.param("a\r\nb\nc", "c", "x\ny", "a\r\nb\nx\ny", id="last line, none at its end"),
        pytest.param("a\r\nb\nc\r\nd", "a\r\nb\nc", "1\n2\n3", "1\r\n2\n3\r\nd", id="line by line"),
        pytest.param(
            "a\r\nb\nc\r\nd\n", "a\r\nb\n", "1\n2\n3\n", "1\r\n2\n3\r\nc\r\nd\n", id="one more line"
        ),
        pytest.param(
            "s = '''\r'''\nb\n", "b", "x\ny", "s = '''\r'''\nx\ny\n", id="a lone CR in a string"
        ),
        pytest.param("s = '''\r'''; b\n", "b", "x\n", "s = '''\r'''; x\n\n", id="on its own line"),
        pytest.param("a", "a", "x\ny", "x\ny", id="a file of one line"),
        pytest.param("a\x0c\r\nb", "b", "\x0c\n", "a\x0c\r\n\x0c\r\n", id="form feeds"),
        pytest.param("a\u2028b\x85\r\n", "b", "c", "a\u2028c\x85\r\n", id="other separators"),
    ],
)
def test_a_new_line_takes_the_newline_of_its_place(
    text: str, old: str, new: str, expected: str
) -> None:
    assert made(old, new, text) == expected


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        pytest.param((0, 2, "x"), "x\r\nb\r\n", id="a line with half its newline"),
        pytest.param((2, 2, " + 1"), "a + 1\r\nb\r\n", id="an insertion in the middle"),
        pytest.param((2, 4, "\nc"), "a\r\nc\r\n", id="from the middle"),
        pytest.param((1, 3, "\n"), "a\r\nb\r\n", id="the pair itself"),
    ],
)
def test_a_pair_of_cr_and_lf_is_not_parted(edit: tuple[int, int, str], expected: str) -> None:
    assert edited("a\r\nb\r\n", edit) == expected


TEXTS = st.text(alphabet=st.sampled_from("ab '#\r\n\x0c\té€\U0001f40d\u2028"), max_size=40)
REPLACEMENTS = st.text(alphabet=st.sampled_from("xy\nü"), max_size=6)


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    edits = [
        Edit("a.py", s, e, draw(REPLACEMENTS)) for s, e in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    # Offsets inside a pair of CR and LF mean the one before them; that has its own test.
    assume(all(text[o - 1 : o + 1] != "\r\n" for e in edits for o in (e.start, e.end) if o))
    return text, edits


@pytest.mark.slow
@given(texts_and_edits(), st.sampled_from(["utf-8", "utf-8-sig", "utf-8 declared"]))
def test_bytes_outside_the_edits_are_untouched(case: tuple[str, list[Edit]], encoding: str) -> None:
    text, edits = case
    text = ("# coding: utf-8\n" if encoding == "utf-8 declared" else "") + text
    shift = len(text) - len(case[0])
    edits = [Edit(e.path, e.start + shift, e.end + shift, e.replacement) for e in edits]
    mark = BOM if encoding == "utf-8-sig" else b""
    overlay = edit_overlay({}, {"a.py": mark + text.encode()}.__getitem__, edits)
    assert not isinstance(overlay, Inapplicable)
    rest = overlay.get("a.py", mark + text.encode())
    expected = mark
    at = 0
    for edit in edits:
        expected += text[at : edit.start].encode()
        expected += _written(rest[len(expected) :], edit.replacement)
        at = edit.end
    assert rest == expected + text[at:].encode()


def _written(data: bytes, replacement: str) -> bytes:
    """The bytes at the beginning of ``data`` that stand for the replacement."""
    at = 0
    for character in replacement:
        forms = (b"\r\n", b"\n", b"\r") if character == "\n" else (character.encode(),)
        at += next(len(form) for form in forms if data.startswith(form, at))
    return data[:at]


@pytest.mark.slow
@given(texts_and_edits())
def test_a_file_of_crlf_stays_one_of_crlf(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    text = text.replace("\r", "a").replace("\n", "\r\n")
    edits = [e for e in edits if e.end <= len(text)]
    result = apply_edits(text, edits)
    if isinstance(result, Inapplicable):
        assert "overlap" in result.reason
    elif "\n" in text:
        assert "\r" not in result.replace("\r\n", "")
        assert "\n" not in result.replace("\r\n", "")


# --- overlays ------------------------------------------------------------------------------------

FILES = {
    "a.py": b"one = 1\r\ntwo = 2",
    "b.py": LATIN.encode("latin-1"),
    "c.py": "x = 1".encode("utf-16"),
}


def test_edits_of_several_files_go_on_top_of_what_was_accepted_before() -> None:
    overlay = {"a.py": b"one = 11\r\ntwo = 2"}
    at = LATIN.index("Zoë")
    edits = [Edit("b.py", at, at + 3, "Chloé"), Edit("a.py", 6, 8, "111")]
    assert edit_overlay(overlay, FILES.__getitem__, edits) == {
        "a.py": b"one = 111\r\ntwo = 2",
        "b.py": LATIN.replace("Zoë", "Chloé").encode("latin-1"),
    }
    assert overlay == {"a.py": b"one = 11\r\ntwo = 2"}


def test_no_edits_change_nothing() -> None:
    assert edit_overlay({"a.py": b"1"}, FILES.__getitem__, []) == {"a.py": b"1"}


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        pytest.param(
            Edit("b.py", 26, 26, "# €\n"), r"b.py: .*lacks '\\u20ac'", id="not in latin-1"
        ),
        pytest.param(Edit("a.py", 0, 0, "\ud800"), r"a.py: .*lacks '\\ud800'", id="a surrogate"),
        pytest.param(
            Edit("b.py", 0, 0, "\n\n"), "b.py: Python would decode it", id="coding line moved"
        ),
        pytest.param(
            Edit("a.py", 0, 0, "# coding: latin-1\n#é"), "otherwise", id="coding line added"
        ),
        pytest.param(Edit("a.py", 0, 0, "\0"), "otherwise", id="NUL"),
        pytest.param(Edit("c.py", 0, 0, ""), "c.py: .*UTF-16", id="utf-16"),
        pytest.param(Edit("a.py", 90, 91, ""), "a.py: 90:91 lies outside", id="out of range"),
    ],
)
def test_what_the_file_cannot_hold_is_inapplicable(edit: Edit, reason: str) -> None:
    result = edit_overlay({}, FILES.__getitem__, [edit])
    assert isinstance(result, Inapplicable)
    assert re.search(reason, result.reason)


def test_a_text_is_taken_with_the_newlines_it_has() -> None:
    assert text_overlay({}, FILES.__getitem__, {"a.py": "one = 1\ntwo = 2\r\n"}) == {
        "a.py": b"one = 1\ntwo = 2\r\n"
    }
