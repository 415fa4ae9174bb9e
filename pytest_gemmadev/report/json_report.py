"""A repair report as ``report.json`` holds it."""

from __future__ import annotations

import math
from typing import Any

from pytest_gemmadev.report import advice_text
from pytest_gemmadev.report.question_text import sentence
from pytest_gemmadev.report.ready_test import make_test
from pytest_gemmadev.report.safe_text import decodable
from pytest_gemmadev.types import (
    Outcome,
    Question,
    RankedPatch,
    RepairReport,
    Status,
    SuspectTest,
    Suspicion,
)

VERSION = 1  # of the format
_SUSPICIONS = 200  # of a failure that are kept


def to_json(report: RepairReport) -> dict[str, Any]:
    """The report as ``report.json`` holds it: built-ins that are valid UTF-8, times in seconds."""
    counts = {status.value: 0 for status in Status}
    for outcome in report.outcomes:
        counts[outcome.status.value] += 1
    return {
        "version": VERSION,
        "model": report.model,
        "adapter": decodable(report.adapter),
        "seed": report.seed,
        "seconds": round(report.seconds, 3),
        "failures": [_failure(outcome) for outcome in report.outcomes],
        "totals": {
            "failures": len(report.outcomes),
            **counts,
            "validations": sum(o.validations for o in report.outcomes),
            "refused": sum(o.refused for o in report.outcomes),
            "seconds": round(report.seconds, 3),
        },
        "confinement": report.confinement,
        "diff": decodable(report.diff),
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    stack = outcome.stack
    error = f"{stack.error}: {stack.message}" if stack.message else stack.error
    return {
        "nodeid": decodable(outcome.nodeid),
        "kind": stack.kind.value,
        "error": decodable(error),
        "stack": [
            {"file": decodable(f.path), "line": f.line, "function": f.function}
            for f in stack.frames
        ],
        "status": outcome.status.value,
        "reason": decodable(outcome.reason),
        "patches": [_patch(patch) for patch in outcome.patches],
        "question": None if outcome.question is None else _question(outcome.question),
        "suspect_test": None if outcome.suspect_test is None else _suspect(outcome.suspect_test),
        "validations": outcome.validations,
        "refused": outcome.refused,
        "seconds": round(outcome.seconds, 3),
        "localizing_seconds": round(outcome.localizing_s, 3),
        "suspicions": [_suspicion(suspicion) for suspicion in outcome.suspicions[:_SUSPICIONS]],
        **advice_text.to_plain(outcome),
    }


def _suspicion(suspicion: Suspicion) -> dict[str, Any]:
    span = suspicion.span
    return {
        "file": decodable(span.path),
        "line": span.start_line,
        "end_line": span.end_line,
        "score": round(suspicion.score, 4),
        "technique": suspicion.technique,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "call": decodable(question.call),
        "sentence": decodable(sentence(question)),
        "file": decodable(question.path),
        "answers": [
            {
                "result": decodable(answer.result),
                "patches": list(answer.patches),
                "test": decodable(make_test(question, answer.result)),
            }
            for answer in question.answers
        ],
    }


def _suspect(suspect: SuspectTest) -> dict[str, Any]:
    return {
        "file": decodable(suspect.file),
        "line": suspect.line,
        "expected": decodable(suspect.expected),
        "got": decodable(suspect.got),
        "evidence": [decodable(each) for each in suspect.evidence],
        "diff": decodable(suspect.diff),
        "probability": round(suspect.probability, 4),
    }


def _patch(patch: RankedPatch) -> dict[str, Any]:
    likelihood = patch.candidate.log_likelihood
    return {
        "diff": decodable(patch.diff),
        "files": sorted({decodable(edit.path) for edit in patch.candidate.edits}),
        "origin": str(patch.candidate.origin),
        "rank": patch.rank,
        "log_likelihood": likelihood if likelihood is None or math.isfinite(likelihood) else None,
        "plausible": True,  # of other candidates only the number is kept
        "chosen": patch.chosen,
        "score": round(patch.score, 3),
        "probability": round(patch.probability, 4),
        "confidence": patch.confidence.value,
        "group": patch.group,
        "explanation": decodable(patch.candidate.explanation),
    }
