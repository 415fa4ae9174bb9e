"""What propose mode leaves behind: patch files, ``report.json``, a summary, SARIF, annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.markdown import code_span, to_markdown
from pytest_gemmadev.report.patch_files import patch_files
from pytest_gemmadev.report.question_text import sentence
from pytest_gemmadev.report.safe_text import one_line
from pytest_gemmadev.report.sarif import to_sarif
from pytest_gemmadev.report.wording import (
    DONE,
    chosen_patches,
    describe_suspect,
    locate,
    show_error,
)
from pytest_gemmadev.text.diff import apply_together
from pytest_gemmadev.types import Outcome, RepairReport, Status

REPORT, SUMMARY, SARIF, COMBINED = "report.json", "SUMMARY.md", "report.sarif", "all.diff"
_SHOWN = 40  # patches whose names the summary lists
_ANNOTATIONS = 10  # of a step that GitHub shows


def proposal_files(
    report: RepairReport, *, prefix: str = "", version: str = ""
) -> Mapping[str, str]:
    """Contents by file name; surrogates in a patch stand for bytes that are not UTF-8."""
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


def find_alternatives(patches: Mapping[str, str]) -> dict[str, list[str]]:
    """By the name of each patch file, the names of those that do not apply along with it."""
    return {
        name: [
            other
            for other, text in patches.items()
            if other != name and not apply_together(diff, text)
        ]
        for name, diff in patches.items()
    }


def to_report(report: RepairReport) -> dict[str, Any]:
    """``report.json`` with the names of the patch files.

    Each chosen patch says its ``file`` and its ``alternatives``; ``together`` are files that apply one
    after another in any order.
    """
    patches = patch_files(report)
    alternatives = find_alternatives(patches)
    data = to_json(report)
    names = {diff: name for name, diff in patches.items()}
    for failure, outcome in zip(data["failures"], report.outcomes, strict=True):
        for shown, patch in zip(failure["patches"], outcome.patches, strict=True):
            if patch.chosen and outcome.status in DONE and patch.diff in names:
                name = names[patch.diff]
                shown.update(file=name, alternatives=alternatives[name])
    return {**data, "together": _pick_compatible(alternatives)}


def _pick_compatible(alternatives: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of patch files that apply one after the other; of two that clash, the earlier one."""
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
    alternatives = find_alternatives(patches)
    together = _pick_compatible(alternatives)
    shown = together[:_SHOWN]
    more = f" # and {len(together) - len(shown)} more" if len(together) > len(shown) else ""
    parts = [to_markdown(report), f"```sh\ngit apply {' '.join(shown)}{more}\n```\n"]
    clashes = [(name, others) for name, others in alternatives.items() if others][:_SHOWN]
    if clashes:
        rows = [f"- {code_span(n)} or {', '.join(map(code_span, o))}" for n, o in clashes]
        note = f"Alternatives: they change the same lines. {code_span(COMBINED)} holds all repairs."
        parts.append("\n".join((note, "", *rows, "")))
    return "\n".join(parts)


# --- for a workflow of GitHub Actions ------------------------------------------------------------


def workflow_commands(report: RepairReport, *, prefix: str = "") -> list[str]:
    """Commands that mark the lines of the failures on GitHub, those with a patch first.

    GitHub shows ten of a kind for each step: where there are more, the last one counts the rest.
    """
    ranked = sorted(report.outcomes, key=lambda outcome: outcome.status is not Status.PROPOSED)
    lines = [_annotate(outcome, prefix) for outcome in ranked]
    if len(lines) > _ANNOTATIONS:
        rest = len(lines) - _ANNOTATIONS + 1
        lines[_ANNOTATIONS - 1 :] = [f"::error title=gemmadev::and {rest} more failures"]
    return lines


def _annotate(outcome: Outcome, prefix: str) -> str:
    path, line = locate(outcome)
    chosen = chosen_patches(outcome)
    message = f"{outcome.nodeid}: {show_error(outcome.stack)}"
    if chosen and outcome.status in DONE:
        what = "repaired" if outcome.status is Status.REPAIRED else "a patch is proposed"
        why = chosen[0].candidate.explanation
        message += f"; {what} ({chosen[0].confidence.value})"
        message += f": {why}" if why else ""
    elif outcome.reason:
        suggested = "suggested: " if outcome.status is Status.SUGGESTED and chosen else ""
        message += f"; {suggested}{outcome.reason}"
    if outcome.suspect_test is not None:
        message += f"; is the test at fault? {describe_suspect(outcome.suspect_test)}"
    if outcome.question is not None:
        message += f"; which is right? {sentence(outcome.question)}"
    where = f"{prefix}/{path}" if prefix else path
    place = f"file={_escape_property(where)},line={line},title=gemmadev"
    mild = (Status.FLAKY, Status.SKIPPED, Status.TEST_SUSPECT)
    level = "warning" if outcome.status in mild else "error"
    return f"::{level} {place}::{_escape_message(one_line(message))}"


def _escape_message(text: str) -> str:
    """The message of a workflow command; `one_line` has left no control character in it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    text = re.sub("[\udc80-\udcff]", "?", text)
    return _escape_message(text).replace(":", "%3A").replace(",", "%2C")
