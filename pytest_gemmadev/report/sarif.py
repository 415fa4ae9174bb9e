"""A repair report as SARIF 2.1.0, which code-scanning pages read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pytest_gemmadev.report.question_text import sentence
from pytest_gemmadev.report.wording import (
    DONE,
    chosen_patches,
    describe_suspect,
    locate,
    show_error,
)
from pytest_gemmadev.text.diff import FileDiff, Replacement, files_of, replacements
from pytest_gemmadev.types import (
    Confidence,
    ErrorKind,
    Outcome,
    RankedPatch,
    RepairReport,
    Status,
)

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"  # what paths are relative to
_LEVELS = {Status.FLAKY: "note", Status.SKIPPED: "note", Status.TEST_SUSPECT: "warning"}
_DESCRIPTIONS = {
    ErrorKind.SYNTAX: "A file that does not compile",
    ErrorKind.INDENTATION: "A file whose indentation does not compile",
    ErrorKind.IMPORT: "An import that fails",
    ErrorKind.ASSERTION: "A test whose assertion fails",
    ErrorKind.TIMEOUT: "A test that does not end in time",
}


def to_sarif(report: RepairReport, *, prefix: str = "", version: str = "") -> dict[str, Any]:
    """A log with one result for each failure, chosen patches as its fixes.

    ``prefix`` is the folder of the report's paths below the root of the repository.
    """
    kinds = sorted({outcome.stack.kind for outcome in report.outcomes}, key=lambda k: k.value)
    driver = {"name": "gemmadev", "version": version, "rules": [_rule(kind) for kind in kinds]}
    run = {
        "tool": {"driver": {key: value for key, value in driver.items() if value != ""}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(o, kinds.index(o.stack.kind), prefix) for o in report.outcomes],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: ErrorKind) -> dict[str, Any]:
    text = _DESCRIPTIONS.get(kind, f"A test that fails with an error of kind {kind.value}")
    return {
        "id": kind.value,
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": "error"},
    }


def _result(outcome: Outcome, rule: int, prefix: str) -> dict[str, Any]:
    path, line = locate(outcome)
    chosen = chosen_patches(outcome)
    result: dict[str, Any] = {
        "ruleId": outcome.stack.kind.value,
        "ruleIndex": rule,
        "level": _LEVELS.get(outcome.status, "error"),
        "message": {"text": _encodable(_message(outcome))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(path, prefix),
                    "region": {"startLine": line},
                }
            }
        ],
        "partialFingerprints": {"gemmadev/v1": _fingerprint(outcome)},
    }
    # What is not sure enough is not for a button that applies fixes.
    is_sound = outcome.status in DONE and all(
        patch.confidence.is_at_least(Confidence.LIKELY) for patch in chosen
    )
    written = chosen if is_sound else []
    fixes = [fix for patch in written if (fix := _fix(patch, prefix)) is not None]
    return {**result, "fixes": fixes} if fixes else result


def _message(outcome: Outcome) -> str:
    chosen = chosen_patches(outcome)
    parts = [f"{outcome.nodeid}: {show_error(outcome.stack)}"]
    if outcome.status in DONE and chosen:
        why = chosen[0].candidate.explanation or str(chosen[0].candidate.origin)
        parts.append(f"Repaired by: {why} ({chosen[0].confidence.value})")
    elif outcome.status is Status.SUGGESTED and chosen:
        parts.append(f"Suggested: {outcome.reason}")
    if outcome.suspect_test is not None:
        suspect = outcome.suspect_test
        parts.append(f"Is the test at fault? {describe_suspect(suspect)}")
        parts += [each.rstrip(".") for each in suspect.evidence]
    if outcome.question is not None:
        parts.append(f"Which is right? {sentence(outcome.question)}")
    return ". ".join(parts)


def _fingerprint(outcome: Outcome) -> str:
    """A hash that stays the same from run to run: no line number goes into it."""
    identity = f"{outcome.nodeid}\0{outcome.stack.error}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(identity).hexdigest()[:32]


def _fix(patch: RankedPatch, prefix: str) -> dict[str, Any] | None:
    """The patch as a fix in SARIF; None where it holds bytes that are not UTF-8, which JSON cannot hold."""
    if any("\udc80" <= character <= "\udcff" for character in patch.diff):
        return None
    changes = [_change(file, prefix) for file in files_of(patch.diff)]
    text = patch.candidate.explanation or str(patch.candidate.origin)
    return {"description": {"text": _encodable(text)}, "artifactChanges": changes}


def _change(file: FileDiff, prefix: str) -> dict[str, Any]:
    return {
        "artifactLocation": _artifact(file.path, prefix),
        "replacements": [_replacement(one) for one in _replacements(file)],
    }


def _replacements(file: FileDiff) -> Iterator[Replacement]:
    for hunk in file.hunks:
        yield from replacements(hunk)


def _replacement(one: Replacement) -> dict[str, Any]:
    # Regions of whole lines end where the next line begins; without a newline there is none.
    ends = {"endLine": one.last, "endColumn": 1}
    if one.cut:
        ends = {"endLine": one.last - 1}  # without a column: to the end of the line
    region = {"startLine": one.first, "startColumn": 1, **ends}
    return {"deletedRegion": region, "insertedContent": {"text": one.text}}


def _artifact(path: str, prefix: str) -> dict[str, Any]:
    whole = f"{prefix}/{path}" if prefix else path
    uri = quote(whole.encode("utf-8", "surrogateescape"))
    return {"uri": uri, "uriBaseId": ROOT}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
