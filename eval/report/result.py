"""What became of one case with one seed: a score, and one line of eval.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Score(str, Enum):
    CORRECT = "correct"
    OVERFITTING = "overfitting"  # plausible, and a hidden test fails; or sound code was changed
    FAILED = "failed"  # not plausible
    NOT_SCORED = "not scored"  # could not be run here; says nothing about the tool


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case with one seed: one line of eval.jsonl."""

    case: str
    slice: str
    kinds: tuple[str, ...]  # of error: the author's, else what the tool met first
    seed: int
    score: Score
    reason: str = ""  # why not correct
    seconds: float = 0.0  # of the tool's command, wall clock
    validations: int = 0
    peak_mb: float = 0.0
    exit_status: int = 0  # of the tool's command
    diff: str = ""
    reference: str = ""  # the author's diff; kept where the result is not correct
    patches: tuple[Mapping[str, Any], ...] = ()  # the chosen ones: origin, rank, log_likelihood
    others: int = 0  # plausible patches not chosen
    failures: tuple[Mapping[str, Any], ...] = ()  # as the tool saw them
    function_rank: int | None = None  # of the fixed function among those suspected, from 1
    line_rank: int | None = None  # of the fixed statement among those suspected, from 1
    localizing_s: float = 0.0
    suggested: bool = False  # not a repair: something was found and not written
    suggested_correct: bool = False  # with it written, the hidden tests pass
    refused: int = 0  # candidates that reached for what is not theirs
    confinement: str = ""  # as the tool named it
    strays: tuple[str, ...] = ()  # files but sources that no plain run would have left so
    faulty_test: bool = False  # the code was sound: correct is to write nothing
    suspected: bool = False  # the tool says that a test may be at fault
    question: Mapping[str, Any] | None = None  # that tells the plausible patches apart
    correct_after_question: bool | None = None  # whether one answer's first patch is; None unasked

    @property
    def plausible(self) -> bool:
        return self.score is Score.OVERFITTING or (self.correct and not self.faulty_test)

    @property
    def confidence(self) -> str:
        """The name of the least sure patch that was written; empty where there is none."""
        names = [
            str(patch.get("confidence") or "") for patch in self.patches if patch.get("written")
        ]
        return next((name for name in ("guess", "likely", "sure") if name in names), "")

    @property
    def correct(self) -> bool:
        return self.score is Score.CORRECT


def result_to_row(result: Result) -> dict[str, Any]:
    verdicts = {"plausible": result.plausible, "correct": result.correct}
    return {**asdict(result), "score": result.score.value, **verdicts}


def result_from_row(row: Mapping[str, Any]) -> Result:
    known = {key: value for key, value in row.items() if key not in ("plausible", "correct")}
    known |= {"score": Score(row["score"])}
    known |= {key: tuple(row[key]) for key in ("kinds", "patches", "failures")}
    known |= {"strays": tuple(row.get("strays", ()))}
    return Result(**known)
