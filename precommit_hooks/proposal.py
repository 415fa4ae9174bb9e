"""Patches instead of changes: patch files, report.json, Markdown, SARIF, annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from precommit_hooks.broken import Finding
from pytest_gemmadev import __version__
from pytest_gemmadev.core.edits import unified_diff
from pytest_gemmadev.core.report import patch_files, to_json, to_markdown
from pytest_gemmadev.core.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Frame,
    GemmadevError,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Status,
)

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def write_proposal(
    folder: Path, findings: Sequence[Finding], model: str, min_confidence: float
) -> None:
    """Writes what is proposed into a folder, and prints where."""
    report = report_of(findings, model, min_confidence)
    patches = patch_files(report)
    files = {
        **patches,
        "report.json": json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n",
        "summary.md": to_markdown(report),
        "report.sarif": json.dumps(to_sarif(findings, min_confidence), indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise GemmadevError(
            f"{folder}: {error.strerror}; --propose needs a folder to write to"
        ) from error
    count = f"{len(patches)} patch{'es' if len(patches) != 1 else ''}"
    print(f"{folder}: {count} for {len(findings)} broken file{'s' if len(findings) != 1 else ''}")
    for name in patches:
        print(f"  git apply {folder / name}")


def report_of(findings: Sequence[Finding], model: str, min_confidence: float) -> RepairReport:
    """The findings in the form that all reports have."""
    outcomes = tuple(_outcome(finding, min_confidence) for finding in findings)
    diffs = [p.diff for o in outcomes for p in o.patches if p.chosen]
    return RepairReport(
        model=model, adapter="", seed=0, seconds=sum(f.seconds for f in findings),
        outcomes=outcomes, overlay={}, diff="".join(diffs),
    )  # fmt: skip


def _outcome(finding: Finding, min_confidence: float) -> Outcome:
    kind = ErrorKind.INDENTATION if "indent" in finding.message else ErrorKind.SYNTAX
    error = "IndentationError" if kind is ErrorKind.INDENTATION else "SyntaxError"
    frame = Frame(finding.path, max(1, finding.line), "<module>", Role.SOURCE)
    stack = ErrorStack(finding.path, "collect", kind, error, finding.message, (frame,))
    if not finding.is_repairable:
        return Outcome(finding.path, stack, Status.UNREPAIRED,
                       finding.explanation or "no edit makes it compile", (), 0,
                       finding.seconds)  # fmt: skip
    sure = finding.confidence >= min_confidence
    diff = unified_diff(finding.path, finding.before, finding.after)
    candidate = Candidate(finding.edits, f"syntax:{finding.names[0]}", 0.0, finding.explanation)
    reason = (
        f"it compiles; {finding.confidence:.0%} sure among {finding.others + 1}"
        if sure
        else f"a guess of no more than {finding.confidence:.0%}: {finding.explanation}"
    )
    status = Status.PROPOSED if sure else Status.UNREPAIRED
    patch = RankedPatch(candidate, diff, 1, chosen=sure)
    return Outcome(finding.path, stack, status, reason, (patch,), 1, finding.seconds)


# --- for machines --------------------------------------------------------------------------------


def to_sarif(findings: Sequence[Finding], min_confidence: float) -> dict[str, Any]:
    """A SARIF 2.1.0 log with a result for each file, repairs as its fixes."""
    driver = {
        "name": "gemmadev-repair",
        "version": __version__,
        "rules": [
            {
                "id": "syntax",
                "shortDescription": {"text": "The file does not compile"},
                "defaultConfiguration": {"level": "error"},
            }
        ],
    }
    results = [_result(finding, min_confidence) for finding in findings]
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(finding: Finding, min_confidence: float) -> dict[str, Any]:
    where = {"uri": finding.path.replace("\\", "/")}
    text = finding.message
    result: dict[str, Any] = {
        "ruleId": "syntax",
        "level": "error",
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": where,
                    "region": {"startLine": max(1, finding.line)},
                }
            }
        ],
    }
    if finding.is_repairable and finding.confidence >= min_confidence:
        result["message"]["text"] = f"{text}; repaired by: {finding.explanation}"
        result["fixes"] = [_fix(finding, where)]
    return result


def _fix(finding: Finding, where: dict[str, str]) -> dict[str, Any]:
    """The repair as one replacement of the lines that differ, of a text decoded as UTF-8."""
    old = finding.before.decode("utf-8", "replace").splitlines(keepends=True)
    new = finding.after.decode("utf-8", "replace").splitlines(keepends=True)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    region = {
        "startLine": head + 1, "startColumn": 1,
        "endLine": len(old) - tail + 1, "endColumn": 1,
    }  # fmt: skip
    replacement = {
        "deletedRegion": region,
        "insertedContent": {"text": "".join(new[head : len(new) - tail])},
    }
    change = {"artifactLocation": where, "replacements": [replacement]}
    return {"description": {"text": finding.explanation}, "artifactChanges": [change]}


def annotation(finding: Finding) -> str:
    """A workflow command of GitHub Actions that marks the line."""
    text = finding.message
    if finding.is_repairable:
        text += f"; {finding.explanation}, {finding.confidence:.0%} sure"
    line = f",line={finding.line}" if finding.line else ""
    return f"::error file={_property(finding.path)}{line},title=gemmadev-repair::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
