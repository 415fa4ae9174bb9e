"""What propose mode writes: files that git applies, and what machines and people read of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from urllib.parse import unquote

import pytest

from pytest_gemmadev.report.proposal import proposal_files, workflow_commands
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Frame,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Status,
)

BODY = b"".join(b"line %d\n" % n for n in range(1, 41))


def outcome(
    path: str,
    before: bytes = BODY,
    after: bytes | None = None,
    *,
    status: Status = Status.PROPOSED,
    message: str = "no such thing",
    line: int = 5,
) -> Outcome:
    after = before.replace(b"line 5\n", b"line five\n") if after is None else after
    frames = (
        Frame("tests/test_a.py", 3, "test_a", Role.TEST),
        Frame(path, line, "f", Role.SOURCE),
        Frame("/usr/lib/python3/json.py", 9, "loads", Role.OUTSIDE),
    )
    stack = ErrorStack(
        f"tests/test_a.py::test_{line}", "call", ErrorKind.NAME, "NameError", message, frames
    )
    candidate = Candidate((), "rule:misspelt-name", -1.0, "`a` is not defined")
    chosen = RankedPatch(
        candidate, unified_diff(path, before, after), 1, chosen=True, probability=0.97
    )
    patches = (chosen,) if status is Status.PROPOSED else ()
    return Outcome(stack.nodeid, stack, status, "it passes", patches, 3, 0.1)


def report(*outcomes: Outcome) -> RepairReport:
    diff = "".join(p.diff for o in outcomes for p in o.patches)
    return RepairReport("none", "", 0, 1.0, outcomes, {}, diff)


# --- patches -------------------------------------------------------------------------------------

CRLF, LATIN = BODY.replace(b"\n", b"\r\n"), b"# coding: latin-1\n" + b"\xe9\n" + BODY
FILES = {
    "plain": ("shop/cart.py", BODY),
    "spaces": ("in here/my file.py", BODY),
    "letters": ("naïve/日本.py", BODY),
    "quotes": ('"q".py', BODY),
    "crlf": ("a.py", CRLF),
    "latin-1": ("a.py", LATIN),
    "no newline at its end": ("a.py", BODY[:-1]),
    "bom": ("a.py", b"\xef\xbb\xbf" + BODY),
}


def change(text: bytes, row: int) -> bytes:
    """The text with one line changed, the last without its newline too."""
    end = b"\r\n" if b"\r\n" in text else b"\n"
    lines = [line + end for line in text.removesuffix(end).split(end)]
    lines[row] = b"\xe9 changed" + end
    whole = b"".join(lines)
    return whole if text.endswith(end) else whole.removesuffix(end)


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    named = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        [*named, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("below", ["", "a folder/further"], ids=["top", "below"])
@pytest.mark.parametrize(("path", "text"), FILES.values(), ids=FILES)
def test_patches_apply_at_the_root_in_any_order(
    tmp_path: Path, path: str, text: bytes, below: str
) -> None:
    root = tmp_path / below
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.autocrlf", "false")
    rows = (2, 20, -1)
    found = report(
        *(outcome(path, text, change(text, row), line=n + 1) for n, row in enumerate(rows))
    )
    files = proposal_files(found)
    names = [name for name in files if name.endswith(".patch")]
    assert len(names) == 3
    for name in names:
        (tmp_path / name).write_bytes(files[name].encode("utf-8", "surrogateescape"))
    expected = text
    for row in rows:
        expected = change(expected, row)
    for order in permutations(names):
        (root / path).write_bytes(text)
        for name in order:
            assert git(root, "apply", "--check", str(tmp_path / name)).stderr == ""
            assert git(root, "apply", str(tmp_path / name)).returncode == 0
        assert (root / path).read_bytes() == expected


def test_patches_of_the_same_lines_are_marked_as_alternatives() -> None:
    one, two = BODY.replace(b"line 5\n", b"five\n"), BODY.replace(b"line 6\n", b"six\n")
    far = BODY.replace(b"line 30\n", b"thirty\n")
    found = report(
        outcome("a.py", after=one, line=5),
        outcome("a.py", after=two, line=6),
        outcome("a.py", after=far, line=30),
    )
    files = proposal_files(found)
    first, second, third = (name for name in files if name.endswith(".patch"))
    data = json.loads(files["report.json"])
    marks = [f["patches"][0] for f in data["failures"]]
    assert [mark["file"] for mark in marks] == [first, second, third]
    assert [mark["alternatives"] for mark in marks] == [[second], [first], []]
    assert data["together"] == [first, third]
    summary = files["SUMMARY.md"]
    assert f"git apply {first} {third}\n" in summary
    assert f"- `{first}` or `{second}`\n" in summary
    assert files["all.diff"] == found.diff


def test_one_patch_for_two_failures_is_written_once() -> None:
    files = proposal_files(report(outcome("a.py", line=5), outcome("a.py", line=6)))
    assert [name for name in files if name.endswith(".patch")] == ["0001-test-a-test-5.patch"]
    data = json.loads(files["report.json"])
    assert {f["patches"][0]["file"] for f in data["failures"]} == {"0001-test-a-test-5.patch"}
    assert "all.diff" not in files


def test_nothing_to_propose_is_a_report_all_the_same() -> None:
    files = proposal_files(report(outcome("a.py", status=Status.UNREPAIRED)))
    assert sorted(files) == ["SUMMARY.md", "report.json", "report.sarif"]
    assert "git apply" not in files["SUMMARY.md"]


# --- SARIF ---------------------------------------------------------------------------------------


def sarif(found: RepairReport, **options: str) -> Mapping[str, object]:
    log = json.loads(proposal_files(found, **options)["report.sarif"])
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def test_a_result_lies_where_the_projects_own_code_failed() -> None:
    run = sarif(report(outcome("in here/naïve.py", line=7)), prefix="sub", version="1.2")
    assert run["tool"]["driver"]["version"] == "1.2"  # type: ignore[index]
    (result,) = run["results"]  # type: ignore[misc]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]  # type: ignore[index]
    assert rule["id"] == result["ruleId"] == "name"
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 7}
    assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    uri = place["artifactLocation"]["uri"]
    assert uri.isascii()
    assert " " not in uri
    assert unquote(uri) == "sub/in here/naïve.py"
    assert result["message"]["text"].startswith("tests/test_a.py::test_7: NameError: no such thing")


def test_a_fix_replaces_whole_lines() -> None:
    after = BODY.replace(b"line 5\n", b"five\nand more\n").replace(b"line 30\n", b"")
    (result,) = sarif(report(outcome("a.py", after=after)))["results"]  # type: ignore[misc]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 5, "startColumn": 1, "endLine": 6, "endColumn": 1},
            "insertedContent": {"text": "five\nand more\n"},
        },
        {
            "deletedRegion": {"startLine": 30, "startColumn": 1, "endLine": 31, "endColumn": 1},
            "insertedContent": {"text": ""},
        },
    ]


def test_a_fix_of_a_last_line_without_a_newline_ends_with_it() -> None:
    (result,) = sarif(report(outcome("a.py", b"a\nb", b"a\nc")))["results"]  # type: ignore[misc]
    assert result["fixes"][0]["artifactChanges"][0]["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 2},
            "insertedContent": {"text": "c"},
        }
    ]


def test_what_json_cannot_say_is_no_fix() -> None:
    found = report(outcome("a.py", b"\xe9\nb\n", b"\xe9\nc\n"), outcome("\udce9.py", line=6))
    bytes_, name = sarif(found)["results"]  # type: ignore[misc]
    assert "fixes" not in bytes_
    (change,) = name["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "%E9.py"  # a URI says any byte


def test_fingerprints_stay_when_lines_move() -> None:
    def fingerprint(line: int) -> object:
        moved = outcome("a.py", line=line)
        renamed = Outcome("t.py::test_a", moved.stack, moved.status, "", moved.patches)
        return sarif(report(renamed))["results"][0]["partialFingerprints"]  # type: ignore[index]

    assert fingerprint(3) == fingerprint(30)


# --- annotations ---------------------------------------------------------------------------------


def test_an_annotation_names_file_and_line() -> None:
    (line,) = workflow_commands(report(outcome("a.py", line=7)), prefix="sub")
    assert line == (
        "::error file=sub/a.py,line=7,title=gemmadev::tests/test_a.py::test_7: "
        "NameError: no such thing; a patch is proposed (sure): `a` is not defined"
    )


ESCAPES = {
    "percent": ("a.py", "100% of %0A", "100%25 of %250A"),
    "newlines": ("a.py", "first\r\nsecond ::error::", "first second ::error::"),
    "control": ("a.py", "red \x1b[31m", "red \\x1b[31m"),
}


@pytest.mark.parametrize(("path", "message", "shown"), ESCAPES.values(), ids=ESCAPES)
def test_messages_cannot_leave_their_annotation(path: str, message: str, shown: str) -> None:
    (line,) = workflow_commands(report(outcome(path, message=message)))
    assert f"NameError: {shown}; " in line
    assert line.isprintable()


def test_paths_cannot_leave_their_property() -> None:
    (line,) = workflow_commands(report(outcome("a,line=9::b %\n.py")))
    assert line.startswith("::error file=a%2Cline=9%3A%3Ab %25%0A.py,line=5,title=gemmadev::")


def test_no_more_annotations_than_are_shown_those_with_a_patch_first() -> None:
    many = [outcome("a.py", status=Status.UNREPAIRED, line=n) for n in range(1, 20)]
    lines = workflow_commands(report(*many, outcome("b.py", line=40)))
    assert len(lines) == 10
    assert lines[0].startswith("::error file=b.py,line=40")
    assert lines[-1] == "::error title=gemmadev::and 11 more failures"


def test_what_is_flaky_is_a_warning() -> None:
    (line,) = workflow_commands(report(outcome("a.py", status=Status.FLAKY)))
    assert line.startswith("::warning file=a.py")
