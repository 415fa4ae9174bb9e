from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.markdown import to_markdown
from pytest_gemmadev.report.patch_files import patch_files
from pytest_gemmadev.report.terminal import render_terminal
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorKind,
    ErrorStack,
    Frame,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Span,
    Status,
    Suspicion,
)

OLD = b"def total(items):\n    return sum(itmes)\n"
TOTAL = "tests/test_cart.py::test_total"


def stack(
    nodeid: str = TOTAL,
    *,
    error: str = "NameError",
    message: str = "name 'itmes' is not defined",
    line: int = 2,
) -> ErrorStack:
    frames = (
        Frame("tests/test_cart.py", 7, "test_total", Role.TEST),
        Frame("shop/cart.py", line, "total", Role.SOURCE),
    )
    return ErrorStack(nodeid, "call", ErrorKind.NAME, error, message, frames)


def patch(
    name: str, *, rank: int = 3, chosen: bool = True, likelihood: float | None = -2.5
) -> RankedPatch:
    candidate = Candidate(
        (Edit("shop/cart.py", 33, 38, name),),
        "rule:misspelt-name",
        -1.0,
        f"`itmes` is not defined; `{name}` is",
        likelihood,
    )
    diff = unified_diff("shop/cart.py", OLD, OLD.replace(b"itmes", name.encode()))
    return RankedPatch(candidate, diff, rank, chosen, probability=0.97 if chosen else 0.02)


def repaired(*patches: RankedPatch, nodeid: str = TOTAL) -> Outcome:
    places = tuple(Suspicion(Span("shop/cart.py", n, n), 1 / n, "frame") for n in range(2, 400))
    reason = "14 tests pass with it"
    return Outcome(
        nodeid, stack(nodeid), Status.REPAIRED, reason, patches, 57, 2.4, places, 0.12345
    )


def left(nodeid: str, *, reason: str = "none of 412 candidate patches turned it green") -> Outcome:
    failed = stack(nodeid, error="AssertionError", message="\nassert 3 == 4\n +  where 3 = f()")
    return Outcome(nodeid, failed, Status.UNREPAIRED, reason, (), 412, 20.0)


def report(*outcomes: Outcome, undo_hint: str = "") -> RepairReport:
    diff = "".join(p.diff for o in outcomes for p in o.patches if p.chosen)
    return RepairReport("a model", "", 7, 23.4567, outcomes, {}, diff, undo_hint)


def rendered(found: RepairReport, *, width: int = 80) -> str:
    out = io.StringIO()
    render_terminal(found, Console(file=out, width=width, highlight=False))
    return out.getvalue()


# --- JSON ----------------------------------------------------------------------------------------


def test_json_holds_what_the_interface_names() -> None:
    found = to_json(report(repaired(patch("items"), patch("it", rank=9, chosen=False))))
    diff = patch("items").diff
    assert found == {
        "version": 1,
        "model": "a model",
        "adapter": "",
        "seed": 7,
        "seconds": 23.457,
        "failures": [
            {
                "nodeid": TOTAL,
                "kind": "name",
                "error": "NameError: name 'itmes' is not defined",
                "stack": [
                    {"file": "tests/test_cart.py", "line": 7, "function": "test_total"},
                    {"file": "shop/cart.py", "line": 2, "function": "total"},
                ],
                "status": "repaired",
                "reason": "14 tests pass with it",
                "patches": [
                    {
                        "diff": diff,
                        "files": ["shop/cart.py"],
                        "origin": "rule:misspelt-name",
                        "rank": 3,
                        "log_likelihood": -2.5,
                        "plausible": True,
                        "chosen": True,
                        "score": 0.0,
                        "probability": 0.97,
                        "confidence": "sure",
                        "group": 0,
                        "explanation": "`itmes` is not defined; `items` is",
                    },
                    {
                        "diff": patch("it").diff,
                        "files": ["shop/cart.py"],
                        "origin": "rule:misspelt-name",
                        "rank": 9,
                        "log_likelihood": -2.5,
                        "plausible": True,
                        "chosen": False,
                        "score": 0.0,
                        "probability": 0.02,
                        "confidence": "guess",
                        "group": 0,
                        "explanation": "`itmes` is not defined; `it` is",
                    },
                ],
                "question": None,
                "suspect_test": None,
                "validations": 57,
                "refused": 0,
                "seconds": 2.4,
                "localizing_seconds": 0.123,
                "suspicions": [
                    {
                        "file": "shop/cart.py",
                        "line": line,
                        "end_line": line,
                        "score": round(1 / line, 4),
                        "technique": "frame",
                    }
                    for line in range(2, 202)
                ],
                "advice": [],
                "best_failing": None,
            }
        ],
        "totals": {
            "failures": 1,
            "repaired": 1,
            "proposed": 0,
            "suggested": 0,
            "test_suspect": 0,
            "unrepaired": 0,
            "flaky": 0,
            "skipped": 0,
            "validations": 57,
            "refused": 0,
            "seconds": 23.457,
        },
        "confinement": "",
        "diff": diff,
    }


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.value)
def test_json_counts_each_status(status: Status) -> None:
    found = to_json(report(replace(left("a"), status=status), replace(left("b"), status=status)))
    assert found["totals"][status.value] == 2
    assert found["totals"]["failures"] == 2
    assert sum(found["totals"][other.value] for other in Status) == 2
    assert found["failures"][0]["status"] == status.value


def test_json_of_a_run_without_failures() -> None:
    found = to_json(report())
    assert found["failures"] == []
    assert found["totals"]["failures"] == 0


@pytest.mark.parametrize("likelihood", [None, math.nan, -math.inf])
def test_json_says_null_where_there_is_no_likelihood(likelihood: float | None) -> None:
    found = to_json(report(repaired(patch("items", likelihood=likelihood))))
    assert found["failures"][0]["patches"][0]["log_likelihood"] is None
    json.dumps(found, allow_nan=False)


def test_bytes_that_are_no_utf8_show_as_latin1_but_in_patch_files() -> None:
    diff = unified_diff("a.py", b"# \xe9\na = 1\n", b"# \xe9\na = 2\n")
    odd = replace(patch("items"), diff=diff)
    found = report(repaired(odd, nodeid="tests/caf\udce9.py::test_a"))
    assert "# é" in json.dumps(to_json(found), ensure_ascii=False).encode().decode()
    assert "# é" in to_markdown(found).encode().decode()
    assert "# é" in rendered(found).encode().decode()
    (text,) = patch_files(found).values()
    assert b" # \xe9\n" in text.encode("utf-8", "surrogateescape")


# --- patch files ---------------------------------------------------------------------------------


def test_chosen_patches_are_numbered_in_the_order_found() -> None:
    files = patch_files(
        report(
            repaired(patch("items"), patch("it", chosen=False)),
            left("tests/test_b.py::test_b"),
            repaired(patch("item"), nodeid="tests/a b/test_ü.py::TestX::test_y[1/2-x]"),
        )
    )
    assert files == {
        "0001-test-cart-test-total.patch": patch("items").diff,
        "0002-test-testx-test-y-1-2-x.patch": patch("item").diff,
    }


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        pytest.param("tests/test_a.py", "0001-test-a.patch", id="a collector"),
        pytest.param("test_a.py::test[x/../../y]", "0001-test-a-test-x-y.patch", id="slashes"),
        pytest.param("日本", "0001-repair.patch", id="nothing left of it"),
        pytest.param("t.py::" + "x" * 300, f"0001-t-{'x' * 58}.patch", id="long"),
    ],
)
def test_a_patch_file_has_a_plain_name(nodeid: str, name: str) -> None:
    assert list(patch_files(report(repaired(patch("items"), nodeid=nodeid)))) == [name]


# --- terminal ------------------------------------------------------------------------------------


def test_a_person_sees_what_was_repaired_why_and_how_to_take_it_back() -> None:
    same = replace(
        repaired(nodeid="tests/test_cart.py::test_empty"), reason=f"the same cause as {TOTAL}"
    )
    found = report(
        left("tests/test_b.py::test_b"),
        repaired(patch("items"), patch("it", rank=9, chosen=False)),
        same,
        undo_hint="gemmadev undo",
    )
    assert rendered(found) == (
        "\n"
        "tests/test_cart.py::test_total\n"
        "tests/test_cart.py::test_empty\n"
        "  NameError: name 'itmes' is not defined\n"
        "  shop/cart.py:2 in total\n"
        "  repaired, sure (97 %): 14 tests pass with it\n"
        "  `itmes` is not defined; `items` is (rule:misspelt-name, candidate 3)\n"
        "    shop/cart.py\n"
        "    @@ -1,2 +1,2 @@\n"
        "     def total(items):\n"
        "    -    return sum(itmes)\n"
        "    +    return sum(items)\n"
        "  also plausible, not chosen:\n"
        "    return sum(it)\n"
        "\n"
        "tests/test_b.py::test_b\n"
        "  AssertionError: assert 3 == 4\n"
        "     +  where 3 = f()\n"
        "  shop/cart.py:2 in total\n"
        "  not repaired: none of 412 candidate patches turned it green\n"
        "\n"
        "2 of 3 failures repaired in 23.5 s\n"
        "take it back with: gemmadev undo\n"
    )


def test_colours_show_on_a_terminal_only() -> None:
    found = report(repaired(patch("items")))
    out = io.StringIO()
    render_terminal(found, Console(file=out, force_terminal=True, color_system="standard"))
    assert "\x1b[32m+    return sum(items)\x1b[0m" in out.getvalue()
    assert "\x1b[31m-    return sum(itmes)\x1b[0m" in out.getvalue()
    assert "\x1b" not in rendered(found)
    assert re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()) == rendered(found)


def test_prose_is_folded_and_code_is_not() -> None:
    long = "tests/" + "x" * 60 + ".py::test"
    found = report(repaired(patch("items"), nodeid=long), left("b", reason="because " * 12))
    lines = rendered(found, width=40).splitlines()
    assert long in lines
    assert "    +    return sum(items)" in lines
    assert [line for line in lines if "because" in line] == [
        "  not repaired: because because because",
        *["  because because because because"] * 2,
        "  because",
    ]
    assert all(line == line.rstrip() for line in lines)


def test_nothing_in_a_message_reaches_the_terminal_as_a_command() -> None:
    evil = "[red]\x1b[2J\x07\r:smile:\x9b1m"
    failed = replace(left("t.py::test[\x1b[31m]"), stack=stack(message=evil))
    text = rendered(report(failed))
    assert r"NameError: [red]\x1b[2J\x07" in text
    assert r"t.py::test[\x1b[31m]" in text
    assert not set("\x1b\x07\r\x9b") & set(text)


def test_a_removed_line_that_looks_like_a_header_is_shown() -> None:
    diff = unified_diff("q.py", b"-- note\r\nb\r\n", b"++ note\r\nb\r\n")
    text = rendered(report(repaired(replace(patch("items"), diff=diff))))
    assert "    q.py\n    @@ -1,2 +1,2 @@\n    --- note\n    +++ note\n     b\n" in text


def test_many_failures_of_one_cause_are_one_entry() -> None:
    outcomes = [left(f"t.py::test[{n}]") for n in range(8)]
    text = rendered(report(*outcomes))
    assert text.count("AssertionError") == 1
    assert "t.py::test[4]\nand 3 other tests\n" in text
    assert "0 of 8 failures repaired" in text


def test_failures_that_only_look_alike_stay_apart() -> None:
    other = replace(left("b"), stack=stack("b", line=9))
    assert rendered(report(left("a"), other)).count("not repaired") == 2
    alone = replace(repaired(nodeid="b"), reason="the same cause as something not listed")
    assert "b\n  NameError" in rendered(report(left("a"), alone))


def test_a_withdrawn_patch_is_not_shown_as_made() -> None:
    withdrawn = replace(
        repaired(patch("items")), status=Status.UNREPAIRED, reason="the final run disagreed"
    )
    text = rendered(report(withdrawn))
    assert "not repaired: the final run disagreed" in text
    assert "+    return" not in text


@pytest.mark.parametrize(
    ("outcomes", "headline"),
    [
        pytest.param([repaired(patch("items"))], "1 of 1 failure repaired in", id="one"),
        pytest.param(
            [replace(repaired(patch("items")), status=Status.PROPOSED), left("b")],
            "a patch proposed for 1 of 2 failures in",
            id="proposed",
        ),
        pytest.param([left("a")], "0 of 1 failure repaired", id="none"),
    ],
)
def test_the_last_line_sums_up(outcomes: list[Outcome], headline: str) -> None:
    assert rendered(report(*outcomes)).splitlines()[-1].startswith(headline)


# --- Markdown ------------------------------------------------------------------------------------


def test_markdown_has_a_table_and_a_diff_for_each_repair() -> None:
    text = to_markdown(report(repaired(patch("items")), left("t.py::test_b")))
    assert text.startswith("### gemmadev: 1 of 2 failures repaired in 23.5 s\n\n| test | error |")
    error = "NameError: name 'itmes' is not defined"
    assert f"\n| `{TOTAL}` | `{error}` | repaired, sure (97 %): 14 tests pass with it |\n" in text
    assert "```diff\n" + patch("items").diff + "```\n\n</details>\n" in text
    assert text.count("<details>") == 1


@pytest.mark.parametrize(
    ("nodeid", "cell"),
    [
        pytest.param("t[a|b]", r"| `t[a\|b]` |", id="pipe"),
        pytest.param("t[`x`]", "| ``t[`x`]`` |", id="backtick"),
        pytest.param("`t", "| `` `t `` |", id="leading backtick"),
        pytest.param("t[a\nb]", "| `t[a b]` |", id="newline"),
        pytest.param("t[<b>@x]", "| `t[<b>@x]` |", id="tags and mentions stay code"),
    ],
)
def test_no_name_breaks_the_table(nodeid: str, cell: str) -> None:
    assert cell in to_markdown(report(left(nodeid)))


def test_no_reason_breaks_out_of_its_cell() -> None:
    text = to_markdown(report(left("a", reason="<img> | *b* @all `c`")))
    assert r"not repaired: &lt;img&gt; \| \*b\* \@all \`c\` |" in text


def test_no_diff_ends_its_own_fence() -> None:
    fenced = replace(
        patch("items"), diff=unified_diff("a.py", b'"""\n```\n"""\n', b'"""\n````\n"""\n')
    )
    text = to_markdown(report(repaired(fenced)))
    assert "\n`````diff\n" in text
    assert text.count("\n`````\n") == 1


def test_a_comment_stays_within_what_github_takes() -> None:
    long = replace(patch("items"), diff="+" + "x" * 30_000)
    many = [repaired(long, nodeid=f"t.py::test_{n}") for n in range(3)]
    text = to_markdown(report(*many))
    assert len(text) < 65_536
    assert text.count("<details>") == 1
    assert "2 diffs left out: too long for a comment." in text
    rows = [left(f"t.py::test_{n}_{'x' * 300}") for n in range(300)]
    text = to_markdown(report(*rows))
    assert len(text) < 65_536
    assert re.search(r"\| and \d+ more \|", text)
