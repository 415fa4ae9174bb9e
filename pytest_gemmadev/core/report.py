"""A repair report -> JSON, Markdown, patch files, and what a person reads at the end of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_gemmadev.core.types import (
    ErrorStack,
    Outcome,
    RankedPatch,
    RepairReport,
    Status,
)

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1  # of the JSON format
_REPAIRED = (Status.REPAIRED, Status.PROPOSED)
_MAX_MESSAGE = 200  # characters of an error's message that a person is shown
_WORDS = {
    Status.REPAIRED: "repaired",
    Status.PROPOSED: "patch proposed",
    Status.UNREPAIRED: "not repaired",
    Status.FLAKY: "flaky",
    Status.SKIPPED: "skipped",
}


# --- JSON ----------------------------------------------------------------------------------------


def to_json(report: RepairReport) -> dict[str, Any]:
    """The report as ``report.json`` holds it: built-ins only, seconds as floats."""
    counts = {status.value: 0 for status in Status}
    for outcome in report.outcomes:
        counts[outcome.status.value] += 1
    return {
        "version": VERSION,
        "model": report.model,
        "adapter": report.adapter,
        "seed": report.seed,
        "seconds": round(report.seconds, 3),
        "failures": [_failure(outcome) for outcome in report.outcomes],
        "totals": {
            "failures": len(report.outcomes),
            **counts,
            "validations": sum(o.validations for o in report.outcomes),
            "seconds": round(report.seconds, 3),
        },
        "diff": report.diff,
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    stack = outcome.stack
    return {
        "nodeid": outcome.nodeid,
        "kind": stack.kind.value,
        "error": f"{stack.error}: {stack.message}" if stack.message else stack.error,
        "stack": [{"file": f.path, "line": f.line, "function": f.function} for f in stack.frames],
        "status": outcome.status.value,
        "reason": outcome.reason,
        "patches": [_patch(patch) for patch in outcome.patches],
        "validations": outcome.validations,
        "seconds": round(outcome.seconds, 3),
    }


def _patch(patch: RankedPatch) -> dict[str, Any]:
    return {
        "diff": patch.diff,
        "files": _files(patch),
        "origin": patch.candidate.origin,
        "rank": patch.rank,
        "log_likelihood": patch.candidate.log_likelihood,
        "plausible": True,  # the others are counted, not kept
        "chosen": patch.chosen,
        "explanation": patch.candidate.explanation,
    }


def _files(patch: RankedPatch) -> list[str]:
    return sorted({edit.path for edit in patch.candidate.edits})


# --- patch files ---------------------------------------------------------------------------------


def patch_files(report: RepairReport) -> dict[str, str]:
    """Text by file name, ``0001-<slug>.patch``, of each chosen patch in the order found."""
    chosen = [(o, p) for o in report.outcomes for p in o.patches if p.chosen]
    return {
        f"{number:04d}-{_slug(outcome.nodeid)}.patch": patch.diff
        for number, (outcome, patch) in enumerate(chosen, start=1)
    }


def _slug(nodeid: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", nodeid.rpartition("/")[2].lower()).strip("-")
    return name[:60].rstrip("-") or "repair"


# --- Markdown ------------------------------------------------------------------------------------


def to_markdown(report: RepairReport) -> str:
    """A summary fit for a comment on a pull request."""
    lines = [f"### gemmadev: {_headline(report)}", ""]
    if report.outcomes:
        lines += ["| test | error | result |", "|---|---|---|"]
        lines += [
            f"| `{_cell(o.nodeid)}` | {_cell(_error_line(o.stack))} | "
            f"{_WORDS[o.status]}: {_cell(o.reason)} |"
            for o in report.outcomes
        ]
    for outcome, patch in _chosen(report.outcomes):
        fence = "`" * max(3, _longest_run(patch.diff) + 1)
        lines += [
            "",
            f"<details><summary><code>{_html(outcome.nodeid)}</code></summary>",
            "",
            f"{fence}diff",
            patch.diff.rstrip("\n"),
            fence,
            "",
            "</details>",
        ]
    lines += ["", f"Model {report.model}, seed {report.seed}, {report.seconds:.0f} s."]
    return "\n".join(lines) + "\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str) -> str:
    return _html(text).replace("|", "\\|").replace("\n", " ")


# --- terminal ------------------------------------------------------------------------------------


def render_terminal(report: RepairReport, console: Console) -> None:
    """Prints what failed, what became of it and why that is believed."""
    from rich.text import Text

    shown: set[str] = set()
    for outcome in report.outcomes:
        if outcome.status in _REPAIRED and not outcome.patches:
            continue  # shown under the failure whose patch it shares
        together = [o.nodeid for o in report.outcomes if o.reason.endswith(f"as {outcome.nodeid}")]
        console.print()
        console.print(Text(outcome.nodeid, style="bold"), soft_wrap=True)
        for nodeid in together:
            console.print(Text(nodeid, style="bold"), soft_wrap=True)
        console.print(Text(f"  {_error_line(outcome.stack)}", style="red"), soft_wrap=True)
        style = "green" if outcome.status in _REPAIRED else "yellow"
        line = Text("  ")
        line.append(_WORDS[outcome.status], style=style)
        line.append(f": {outcome.reason}")
        console.print(line, soft_wrap=True)
        for _, patch in _chosen([outcome]):
            shown.add(outcome.nodeid)
            console.print(Text(f"  {_why(patch)}", style="dim"), soft_wrap=True)
            _print_diff(patch.diff, console)
        _print_others(outcome, console)
    console.print()
    console.print(Text(_headline(report), style="bold"), soft_wrap=True)
    if report.undo_hint:
        console.print(Text(f"Take it back with: {report.undo_hint}"), soft_wrap=True)


def _print_diff(diff: str, console: Console) -> None:
    from rich.text import Text

    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines():
        if line.startswith(("diff --git", "index ")):
            continue
        bold = line.startswith(("--- ", "+++ "))
        style = "bold" if bold else styles.get(line[:1], "")
        console.print(Text(f"    {line}", style=style), soft_wrap=True)


def _print_others(outcome: Outcome, console: Console) -> None:
    from rich.text import Text

    others = [p for p in outcome.patches if not p.chosen]
    if not others:
        return
    console.print(Text("  also plausible, not applied:", style="dim"))
    for patch in others:
        lines = list(_changed_lines(patch.diff))
        text = " ".join(line.strip() for line in lines if line.startswith("+"))
        gone = " ".join(line.strip() for line in lines if line.startswith("-"))
        console.print(Text(f"    {_clip(text or gone, 100)}", style="dim"), soft_wrap=True)


def _changed_lines(diff: str) -> Iterator[str]:
    for line in diff.splitlines():
        if line.startswith(("+", "-")) and not line.startswith(("+++ ", "--- ")):
            yield line


def _why(patch: RankedPatch) -> str:
    origin = patch.candidate.origin
    told = f"{patch.candidate.explanation}; " if patch.candidate.explanation else ""
    return f"{told}{origin}, candidate {patch.rank}"


# --- shared --------------------------------------------------------------------------------------


def _chosen(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, RankedPatch]]:
    return [(o, p) for o in outcomes for p in o.patches if p.chosen]


def _headline(report: RepairReport) -> str:
    total = len(report.outcomes)
    good = sum(o.status in _REPAIRED for o in report.outcomes)
    proposing = any(o.status is Status.PROPOSED for o in report.outcomes)
    verb = "have a proposed patch" if proposing else "repaired"
    failures = "failure" if total == 1 else "failures"
    return f"{good} of {total} {failures} {verb} in {report.seconds:.1f} s"


def _error_line(stack: ErrorStack) -> str:
    first = stack.message.splitlines()[0] if stack.message else ""
    return _clip(f"{stack.error}: {first}" if first else stack.error, _MAX_MESSAGE)


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
