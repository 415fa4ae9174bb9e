"""Reports: blocks to HTML and Markdown, figures, what they show, and how that looks in a browser."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.report.document import (
    Block,
    Code,
    Entry,
    Facts,
    Figure,
    Heading,
    Table,
    Text,
    facts_of,
    to_html,
    to_markdown,
    write_document,
)
from eval.report.plots import counts_plot, outcomes_plot, rates_plot, time_plot
from eval.report.reports import repair_document, samples_document, write_reports
from eval.report.result import Result, Score
from eval.report.totals import places_of, report_of

HOSTILE = "</pre><script>alert(1)</script>"


def result(case: str, score: Score, **more: object) -> Result:
    return Result(case, "s", ("name",), 0, score, **more)  # type: ignore[arg-type]


RESULTS = [
    result("good", Score.CORRECT, seconds=2.0, diff="+good\n", peak_mb=40.0),
    result("bad", Score.FAILED, reason="none of 9 turned it green", reference=f"-{HOSTILE}\n"),
    result("wrong", Score.OVERFITTING, reason="hidden tests fail", diff="--- a\n+++ b\n@@ 1\n-x\n"),
    result("unknown", Score.NOT_SCORED, reason="needs x, which is not installed"),
]


# --- blocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "page", "text"),
    [
        pytest.param(Heading("A <b>"), "<h2>A &lt;b&gt;</h2>", "## A \\<b\\>", id="heading"),
        pytest.param(Text("*a* <i>"), "<p>*a* &lt;i&gt;</p>", "\\*a\\* \\<i\\>", id="text"),
        pytest.param(
            Table(("a", "b"), (("x|y", "2"),)),
            "<tr><td>x|y</td><td>2</td></tr>",
            "| a | b |\n| --- | ---: |\n| x\\|y | 2 |",
            id="table",
        ),
        pytest.param(
            Code("+a\n b\n", "diff"),
            '<pre><span class="add">+a</span>\n b</pre>',
            "```diff\n+a\n b\n```",
            id="diff",
        ),
        pytest.param(Code("+a", "python"), "<pre>+a</pre>", "```python\n+a\n```", id="not a diff"),
        pytest.param(Code("```\n"), "<pre>```</pre>", "````\n```\n````", id="a fence in it"),
        pytest.param(
            Facts((("a", "<1>"),)), "<dt>a</dt><dd>&lt;1&gt;</dd>", "- a: \\<1\\>", id="facts"
        ),
        pytest.param(
            Entry("<t>", "not scored", "1 s", (Text("why"),)),
            '<details><summary><span class="not-scored">not scored</span> &lt;t&gt; '
            "<small>1 s</small></summary><p>why</p></details>",
            "<details><summary>not scored: &lt;t&gt; (1 s)</summary>\n\nwhy\n\n</details>",
            id="entry",
        ),
        pytest.param(
            Entry("t", "failed", "", (), is_open=True),
            "<details open>",
            "<details><summary>failed: t ()</summary>\n\n\n\n</details>",
            id="open",
        ),
        pytest.param(Figure("f", "", "c"), "", "", id="figure that was not drawn"),
        pytest.param(
            Figure("f", "<svg/>", "c"), "data:image/svg+xml;base64,", "![c](f.svg)", id="figure"
        ),
    ],
)
def test_blocks(block: Block, page: str, text: str) -> None:
    assert page in to_html("T", [block])
    assert to_markdown("T", [block]) == (f"# T\n\n{text}\n" if text else "# T\n")


def test_facts_are_shown_as_a_person_writes_them() -> None:
    facts = facts_of({"rate": 1 / 3, "interval": [0.25, 0.5], "none": None, "n": 3})
    assert facts == Facts(
        (("rate", "0.3333"), ("interval", "0.25 to 0.5"), ("none", "-"), ("n", "3"))
    )


# --- figures -------------------------------------------------------------------------------------

GROUPS = {"s": {"cases": 5, "plausible": 3, "correct": 2}}


@pytest.mark.slow
def test_figures_are_the_same_for_the_same_numbers() -> None:
    pytest.importorskip("matplotlib")
    assert outcomes_plot(GROUPS) == outcomes_plot(GROUPS) != ""
    assert outcomes_plot(GROUPS) != outcomes_plot({"s": {**GROUPS["s"], "correct": 1}})
    assert counts_plot({"a": 1}, "n") != ""
    assert rates_plot({"pass@1": (0.5, 0.4, 0.6)}, "%") != ""
    assert time_plot({"a": ([1.0, 3.0], 4), "b": ([], 4)}) != ""


@pytest.mark.slow
def test_nothing_to_draw() -> None:
    assert outcomes_plot({}) == rates_plot({}, "%") == time_plot({"a": ([], 3)}) == ""


def test_reports_do_without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.report.plots.find_spec", lambda _name: None)
    assert outcomes_plot(GROUPS) == ""
    page = to_html("T", repair_document(report_of(RESULTS, {}), RESULTS))
    assert "<img" not in page
    assert "bad" in page


# --- what reports show ---------------------------------------------------------------------------


@pytest.mark.slow
def test_every_failure_is_shown_with_its_diff_and_reason() -> None:
    blocks = repair_document(report_of(RESULTS, {"model": "<none>"}), RESULTS)
    entries = {block.title: block for block in blocks if isinstance(block, Entry)}
    assert list(entries) == ["wrong", "bad", "unknown", "good"]
    assert Text("none of 9 turned it green") in entries["bad"].blocks
    assert Code(f"-{HOSTILE}\n", "diff") in entries["bad"].blocks
    assert entries["bad"].is_open
    assert not entries["good"].is_open
    assert "40 MB" in entries["good"].detail
    misses = next(b for b in blocks if isinstance(b, Table) and b.heads[0] == "What is missed")
    assert ("no candidate turned the failing set green", "1") in misses.rows


@pytest.mark.slow
def test_places_count_runs_that_found_them() -> None:
    results = [
        result("a", Score.CORRECT, seconds=2.0, function_rank=1, line_rank=6, localizing_s=1.0),
        result("b", Score.FAILED, function_rank=5, localizing_s=3.0),
        result("c", Score.FAILED, localizing_s=2.0),
        result("d", Score.NOT_SCORED),
    ]
    places = places_of(results)
    assert places["runs"] == 3
    assert places["function"] == {"1": 1, "5": 2, "10": 2, "20": 2}
    assert places["line"] == {"1": 0, "5": 0, "10": 1, "20": 1}
    assert places["median_s"] == 2.0
    entries = repair_document(report_of(results, {}), results)
    shown = next(b for b in entries if isinstance(b, Table) and b.heads[0].startswith("Place"))
    assert shown.rows == (("s", "3", "1", "2", "2", "2", "0", "0", "1", "1", "2.0"),)


@pytest.mark.slow
def test_samples_are_shown_with_their_verdicts() -> None:
    row = {"task_id": "t", "seed": 0, "sample": 0, "tokens": 1, "completion": HOSTILE}
    rows = [
        {**row, "passed": False, "result": "failed: <b>", "undebugged": "    before"},
        {**row, "passed": True, "result": "passed"},
    ]
    totals = {"cases": 1, "pass@1": 0.5, "pass@1_interval": (0.1, 0.9)}
    blocks = samples_document({"totals": totals, "settings": {}}, rows)
    failed, passed = (block for block in blocks if isinstance(block, Entry))
    assert failed.blocks[0] == Text("failed: <b>")
    assert Code("    before", "python") in failed.blocks
    assert passed.blocks == (Code(HOSTILE, "python"),)


class Links(HTMLParser):
    """Collects what a page would fetch, and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        self.found += [value for value in values if not value.startswith("data:")]
        self.found += [tag] if tag in ("script", "link", "iframe") else []


@pytest.mark.slow
def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_reports(tmp_path, RESULTS, {"model": "none"})
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.found == []
    assert "@import" not in page
    assert "url(" not in page
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\((\S+\.svg)\)", text):
        assert (tmp_path / name).is_file()
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["totals"]["cases"] == 3


# --- in a browser --------------------------------------------------------------------------------

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = (500, 1600)  # headless Chromium makes no window narrower than 500


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium here")
def test_a_phone_shows_the_page_without_scrolling_sideways(tmp_path: Path) -> None:
    long = "x = " + "very_long_name + " * 40 + "1"
    results = [
        *RESULTS,
        result("long/" + "word" * 60, Score.FAILED, reason=long, diff=f"+{long}\n"),
    ]
    blocks = repair_document(report_of(results, {"cases": "/a/" + "b" * 300}), results)
    write_document(tmp_path, "Repair", blocks)
    probe = (
        "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth + ' '"
        " + [...document.images].every(i => i.complete && i.naturalWidth)</script>"
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    onload = probe.replace("<script>", "<script>onload = () => { ").replace(
        "</script>", " }</script>"
    )
    (tmp_path / "probe.html").write_text(page.replace("</body>", f"{onload}</body>"), "utf-8")
    size = f"--window-size={PHONE[0]},{PHONE[1]}"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    common = [BROWSER, *FLAGS, size, profile, "--virtual-time-budget=3000"]
    address = (tmp_path / "probe.html").as_uri()
    dumped = subprocess.run(
        [*common, "--dump-dom", address], capture_output=True, text=True, timeout=90, check=True
    )
    title = re.search(r"<title>(\d+) of (\d+) (\w+)</title>", dumped.stdout)
    assert title is not None, dumped.stderr[-500:]
    assert int(title[1]) <= int(title[2])
    assert title[3] == "true", "a figure did not load"
    shot = tmp_path / "shot.png"
    subprocess.run(
        [*common, f"--screenshot={shot}", address], capture_output=True, timeout=90, check=True
    )
    assert struct.unpack(">II", shot.read_bytes()[16:24]) == PHONE
