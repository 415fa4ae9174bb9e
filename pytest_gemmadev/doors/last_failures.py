"""The last failures of a project, kept for ``gemmadev chat``.

They lie in the user's cache folder, not in the project, whose tree a proposal must not touch. They
hold what the report says and the values seen in the stacks, readable by the user alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_gemmadev.capture.plain import plain_from_stack, stack_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.models.packaged import cache_folder
from pytest_gemmadev.report.advice_text import (
    advice_of,
    describe_nearest,
    nearest_lines,
    nearest_of,
)
from pytest_gemmadev.report.failure_text import Failure, Patch
from pytest_gemmadev.types import (
    Answer,
    GemmadevError,
    Outcome,
    Question,
    RepairReport,
    SuspectTest,
)

KEPT = 50  # projects; those not looked at for longest are forgotten
FAILURES = 40  # of one run, and all its suggestions
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Last:
    """The failures of the last run that looked for repairs."""

    when: float  # seconds since 1970
    command: str
    failures: tuple[Failure, ...]


def remember(root: str | os.PathLike[str], report: RepairReport, command: str) -> None:
    """Keeps the failures of a report as the project's last ones; keeps nothing where it cannot."""
    if not report.outcomes:
        return
    plain = {
        "version": _VERSION,
        "root": os.fspath(root),
        "when": time.time(),
        "command": command,
        "failures": [
            _to_plain(outcome)
            for place, outcome in enumerate(report.outcomes)
            if place < FAILURES or outcome.is_offer
        ],
    }
    with contextlib.suppress(OSError):  # a home that cannot be written to
        path = _path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(plain, file)
        os.replace(fresh, path)
        for old in sorted(path.parent.glob("*.json"), key=_modified_s)[:-KEPT]:
            old.unlink(missing_ok=True)


def recall(root: str | os.PathLike[str]) -> Last | None:
    """What `remember` has kept of a project; None where that is nothing."""
    try:
        plain = json.loads(_path(root).read_text("utf-8"))
        if plain["version"] != _VERSION:
            return None
        scope = Scope(root)
        failures = tuple(_from_plain(each, scope) for each in plain["failures"])
        return Last(plain["when"], plain["command"], failures)
    except (OSError, ValueError, KeyError, TypeError):  # none, or another version's
        return None


def project_root(given: str | None) -> Path:
    """The given project, or the nearest folder from here upwards whose failures are known, or this one."""
    if given is not None:
        if not Path(given).is_dir():
            raise GemmadevError(f"--root {given}: no such folder")
        return Path(given)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if recall(folder)), here)


def _path(root: str | os.PathLike[str]) -> Path:
    name = hashlib.sha256(os.path.realpath(root).encode("utf-8", "surrogateescape")).hexdigest()
    return cache_folder() / "last" / f"{name[:32]}.json"


def _modified_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed meanwhile
        return 0.0


def _to_plain(outcome: Outcome) -> dict[str, Any]:
    nearest = nearest_of(outcome)
    return {
        "nodeid": outcome.nodeid,
        "status": outcome.status.value,
        "reason": outcome.reason,
        "stack": plain_from_stack(outcome.stack),
        "patches": [
            {
                "diff": patch.diff,
                "origin": str(patch.candidate.origin),
                "explanation": patch.candidate.explanation,
                "rank": patch.rank,
                "chosen": patch.chosen,
                "log_likelihood": patch.candidate.log_likelihood,
                "score": patch.score,
                "probability": patch.probability,
            }
            for patch in outcome.patches
        ],
        "question": None if outcome.question is None else asdict(outcome.question),
        "suspect_test": None if outcome.suspect_test is None else asdict(outcome.suspect_test),
        "advice": advice_of(outcome),
        "nearest": ""
        if nearest is None
        else "\n".join([describe_nearest(nearest), *nearest_lines(nearest)]),
    }


def _from_plain(plain: dict[str, Any], scope: Scope) -> Failure:
    return Failure(
        nodeid=plain["nodeid"],
        status=plain["status"],
        reason=plain["reason"],
        stack=stack_from_plain(plain["stack"], scope),
        patches=tuple(Patch(**patch) for patch in plain["patches"]),
        question=_question(plain.get("question")),
        suspect_test=_suspect(plain.get("suspect_test")),
        advice=tuple(plain.get("advice", ())),
        nearest=plain.get("nearest", ""),
    )


def _question(plain: dict[str, Any] | None) -> Question | None:
    if plain is None:
        return None
    answers = tuple(Answer(each["result"], tuple(each["patches"])) for each in plain["answers"])
    return Question(plain["call"], answers, plain["path"])


def _suspect(plain: dict[str, Any] | None) -> SuspectTest | None:
    return SuspectTest(**{**plain, "evidence": tuple(plain["evidence"])}) if plain else None
