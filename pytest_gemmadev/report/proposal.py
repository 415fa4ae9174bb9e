"""What propose mode leaves behind: patch files, ``report.json``, a summary, SARIF, annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_gemmadev.report.report import (
    code_span,
    one_line,
    patch_files,
    place_of,
    shown_error,
    to_json,
    to_markdown,
)
from pytest_gemmadev.report.sarif import to_sarif
from pytest_gemmadev.text.diff import apply_together
from pytest_gemmadev.types import Outcome, RepairReport, Status

REPORT, SUMMARY, SARIF, COMBINED = "report.json", "SUMMARY.md", "report.sarif", "all.diff"
_SHOWN = 40  # patches whose names the summary lists
_ANNOTATIONS = 10  # of a step that GitHub shows


def proposal_files(
    report: RepairReport, *, prefix: str = "", version: str = ""
) -> Mapping[str, str]:
    """Texts by file name. Patches may hold surrogates, which stand for bytes that are no UTF-8."""
    patches = patch_files(report)
    files = {
        **patches,
        REPORT: json.dumps(to_report(report), indent=2, ensure_ascii=False) + "\n",
        SUMMARY: to_summary(report),
        SARIF: json.dumps(to_sarif(report, prefix=prefix, version=version), indent=2) + "\n",
    }
    if len(patches) > 1 and report.diff:
        files[COMBINED] = report.diff
    return files


def alternatives_of(patches: Mapping[str, str]) -> dict[str, list[str]]:
    """For each patch file the others that do not apply along with it."""
    return {
        name: [
            other
            for other, text in patches.items()
            if other != name and not apply_together(diff, text)
        ]
        for name, diff in patches.items()
    }


def to_report(report: RepairReport) -> dict[str, Any]:
    """``report.json`` with the files of the patches: ``file`` and ``alternatives`` in each chosen
    one, and ``together``, files that apply one after another in any order."""
    patches = patch_files(report)
    alternatives = alternatives_of(patches)
    data = to_json(report)
    names = {diff: name for name, diff in patches.items()}
    for failure, outcome in zip(data["failures"], report.outcomes, strict=True):
        for shown, patch in zip(failure["patches"], outcome.patches, strict=True):
            if patch.chosen and failure["status"] != "suggested" and patch.diff in names:
                name = names[patch.diff]
                shown.update(file=name, alternatives=alternatives[name])
    return {**data, "together": _together(alternatives)}


def _together(alternatives: Mapping[str, Sequence[str]]) -> list[str]:
    """Files that apply together, an earlier one rather than a later."""
    chosen: list[str] = []
    for name, others in alternatives.items():
        if not set(others).intersection(chosen):
            chosen.append(name)
    return chosen


# --- for people ----------------------------------------------------------------------------------


def to_summary(report: RepairReport) -> str:
    """The report as Markdown with how to apply it; fit for a comment on a pull request."""
    patches = patch_files(report)
    if not patches:
        return to_markdown(report)
    alternatives = alternatives_of(patches)
    together = _together(alternatives)
    shown = together[:_SHOWN]
    more = f" # and {len(together) - len(shown)} more" if len(together) > len(shown) else ""
    parts = [to_markdown(report), f"```sh\ngit apply {' '.join(shown)}{more}\n```\n"]
    clashes = [(name, others) for name, others in alternatives.items() if others][:_SHOWN]
    if clashes:
        rows = [f"- {code_span(n)} or {', '.join(map(code_span, o))}" for n, o in clashes]
        told = f"Alternatives: they change the same lines. {code_span(COMBINED)} holds all repairs."
        parts.append("\n".join((told, "", *rows, "")))
    return "\n".join(parts)


# --- for a workflow of GitHub Actions ------------------------------------------------------------


def workflow_commands(report: RepairReport, *, prefix: str = "") -> list[str]:
    """Workflow commands that mark the lines of the failures, those with a patch first.

    GitHub shows ten of each sort a step: where there are more, the last one counts the rest.
    """
    ranked = sorted(report.outcomes, key=lambda outcome: outcome.status is not Status.PROPOSED)
    lines = [_annotation(outcome, prefix) for outcome in ranked]
    if len(lines) > _ANNOTATIONS:
        rest = len(lines) - _ANNOTATIONS + 1
        lines[_ANNOTATIONS - 1 :] = [f"::error title=gemmadev::and {rest} more failures"]
    return lines


def _annotation(outcome: Outcome, prefix: str) -> str:
    path, line = place_of(outcome)
    chosen = [patch for patch in outcome.patches if patch.chosen]
    said = f"{outcome.nodeid}: {shown_error(outcome.stack)}"
    if chosen and outcome.status is not Status.SUGGESTED:
        what = "repaired" if outcome.status is Status.REPAIRED else "a patch is proposed"
        told = chosen[0].candidate.explanation
        said += f"; {what}: {told}" if told else f"; {what}"
    elif outcome.reason:
        suggested = "suggested: " if chosen else ""
        said += f"; {suggested}{outcome.reason}"
    where = f"{prefix}/{path}" if prefix else path
    place = f"file={_property(where)},line={line},title=gemmadev"
    level = "warning" if outcome.status in (Status.FLAKY, Status.SKIPPED) else "error"
    return f"::{level} {place}::{_data(one_line(said))}"


def _data(text: str) -> str:
    """The message of a workflow command; `one_line` has left no control character in it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    text = re.sub("[\udc80-\udcff]", "?", text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")
