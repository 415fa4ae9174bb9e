"""How true the probabilities of patches are: expected calibration error, Brier score, reliability.

A chosen patch is a forecast that the repair is right, and the hidden tests tell whether it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.report.document import Block, Figure, Heading, Table, Text, facts_of
from eval.report.plots import reliability_plot
from eval.report.result import Result, Score
from eval.report.stats import wilson
from pytest_gemmadev.types import Confidence

BINS = 10
NAMES = (Confidence.SURE, Confidence.LIKELY, Confidence.GUESS)  # the surest first
DEFAULT = Confidence.LIKELY  # what ``--gemmadev-accept`` is in a run of ``repair``
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class JudgedPatch:
    """A chosen patch and what became of it: one line of eval.jsonl."""

    case: str
    seed: int
    probability: float  # in [0, 1]
    confidence: str  # ``sure``, ``likely``, ``guess``
    right: bool
    origin: str
    rank: int
    written: bool

    @property
    def is_held_back(self) -> bool:
        """Whether it was sure enough to be written, and was not for another reason."""
        return not self.written and self.is_at_least(DEFAULT)

    def is_at_least(self, level: Confidence) -> bool:
        return Confidence(self.confidence).is_at_least(level)


def judged_patches(results: Sequence[Result]) -> list[JudgedPatch]:
    """The chosen patches of scored runs that have a probability.

    All of a run are right or none, as its code is judged as a whole: with what is only suggested
    written too. A patch for sound code, which a false test called for, is wrong.
    """
    return [
        JudgedPatch(
            case=result.case,
            seed=result.seed,
            probability=float(patch["probability"]),
            confidence=str(
                patch.get("confidence") or Confidence.of(float(patch["probability"])).value
            ),
            right=not result.faulty_test and (result.correct or result.suggested_correct),
            origin=str(patch.get("origin") or ""),
            rank=int(patch.get("rank") or 0),
            written=bool(patch.get("written")),
        )
        for result in _scored(results)
        for patch in result.patches
        if patch.get("probability") is not None
    ]


def without_probability(results: Sequence[Result]) -> int:
    """How many chosen patches of scored runs have none: runs of before there was one."""
    return sum(
        patch.get("probability") is None for result in _scored(results) for patch in result.patches
    )


def _scored(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.score is not Score.NOT_SCORED]


# --- the numbers ---------------------------------------------------------------------------------


def totals_of(patches: Sequence[JudgedPatch]) -> dict[str, Any]:
    """Of all patches; None where there are none to count. Rounded to four places."""
    return {
        "n": len(patches),
        "cases": len({patch.case for patch in patches}),
        "right": _right(patches),
        "held_back": sum(patch.is_held_back for patch in patches),
        "calibration_error": _rounded(calibration_error(patches)),
        "calibration_error_interval": calibration_error_interval(patches),
        "brier": _rounded(brier_score(patches)),
        "reliability": reliability(patches),
        "confidence": {name.value: _of_name(patches, name) for name in NAMES},
        "accept": {level.value: accepted_at(patches, level) for level in NAMES},
    }


def calibration_error(patches: Sequence[JudgedPatch]) -> float | None:
    """Mean distance of the mean probability from the share right, over bins by their patches."""
    if not patches:
        return None
    gaps = (sum(p.probability - p.right for p in some) for some in _binned(patches).values())
    return sum(map(abs, gaps)) / len(patches)


def calibration_error_interval(
    patches: Sequence[JudgedPatch], *, seed: int = 0
) -> list[float] | None:
    """95 % percentile interval, bootstrapped over cases: patches of one case are not independent."""
    if not patches:
        return None
    import numpy as np

    cases = {name: row for row, name in enumerate(sorted({p.case for p in patches}))}
    counts = np.zeros(len(cases))
    gaps = np.zeros((len(cases), BINS))  # of each case, by bin: probabilities less those right
    for patch in patches:
        counts[cases[patch.case]] += 1
        gaps[cases[patch.case], _bin(patch)] += patch.probability - patch.right
    share = np.full(len(cases), 1 / len(cases))
    drawn = np.random.default_rng(seed).multinomial(len(cases), share, _RESAMPLES)
    errors = np.abs(drawn @ gaps).sum(axis=1) / (drawn @ counts)
    low, high = np.percentile(errors, [2.5, 97.5])
    return [round(float(low), 4), round(float(high), 4)]


def brier_score(patches: Sequence[JudgedPatch]) -> float | None:
    """Mean squared distance of the probability from what came: 0 is best, always 0.5 gives 0.25."""
    if not patches:
        return None
    return sum((p.probability - p.right) ** 2 for p in patches) / len(patches)


def reliability(patches: Sequence[JudgedPatch]) -> list[dict[str, Any]]:
    """A row for each of the ten bins [0, 0.1) … [0.9, 1]."""
    bins = _binned(patches)
    rows = []
    for number in range(BINS):
        some = bins.get(number, [])
        mean = sum(p.probability for p in some) / len(some) if some else None
        rows.append(
            {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "n": len(some),
                "probability": _rounded(mean),
                **_share(_right(some), len(some)),
            }
        )
    return rows


def accepted_at(patches: Sequence[JudgedPatch], level: Confidence) -> dict[str, Any]:
    """What would be written with ``--gemmadev-accept`` at this level, and what it would cost.

    ``wrong`` is of what is written, ``kept`` the right ones of all right ones.
    """
    written = [p for p in patches if p.is_at_least(level) and not p.is_held_back]
    right, possible = _right(written), _right(patches)
    return {
        "written": len(written),
        "wrong": _share(len(written) - right, len(written), "count"),
        "kept": _share(right, possible, "count"),
    }


def _of_name(patches: Sequence[JudgedPatch], name: Confidence) -> dict[str, Any]:
    some = [patch for patch in patches if patch.confidence == name.value]
    return {"n": len(some), **_share(_right(some), len(some))}


def _binned(patches: Sequence[JudgedPatch]) -> Mapping[int, list[JudgedPatch]]:
    bins: dict[int, list[JudgedPatch]] = defaultdict(list)
    for patch in patches:
        bins[_bin(patch)].append(patch)
    return bins


def _bin(patch: JudgedPatch) -> int:
    return min(BINS - 1, int(patch.probability * BINS))


def _right(patches: Sequence[JudgedPatch]) -> int:
    return sum(patch.right for patch in patches)


def _share(hits: int, total: int, name: str = "right") -> dict[str, Any]:
    """The count under its name, its share (None of nothing), and Wilson's 95 % interval."""
    return {
        name: hits,
        "share": _rounded(hits / total) if total else None,
        "interval": [round(bound, 4) for bound in wilson(hits, total)],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


# --- what is shown -------------------------------------------------------------------------------


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    if not totals["n"]:
        return "no chosen patch has a probability"
    low, high = totals["calibration_error_interval"]
    names = ", ".join(
        f"{name} {counts['right']}/{counts['n']}" for name, counts in totals["confidence"].items()
    )
    return (
        f"{totals['n']} patches of {totals['cases']} cases: calibration error "
        f"{totals['calibration_error']:.3f} ({low:.3f} to {high:.3f}), Brier score "
        f"{totals['brier']:.3f}; right of what is called {names}"
    )


def document(report: Mapping[str, Any]) -> list[Block]:
    """Totals, the diagram, and the tables behind it."""
    totals = report["totals"]
    filled = [row for row in totals["reliability"] if row["n"]]
    points = [(row["probability"], row["share"], *row["interval"], row["n"]) for row in filled]
    caption = "The share that is right by probability, with 95 % intervals and how many patches"
    blocks: list[Block] = [
        Text(totals_line(totals)),
        Figure("reliability", reliability_plot(points), caption),
        Heading("By name"),
        Table(
            ("called", "patches", "right", "share", "interval"),
            tuple(
                (name, str(row["n"]), *_cells(row, "right"))
                for name, row in totals["confidence"].items()
            ),
        ),
        Heading("By what is accepted"),
        Table(
            ("--gemmadev-accept", "written", "wrong of it", "share", "interval",
             "right ones kept", "share", "interval"),
            tuple(
                (level, str(row["written"]), *_cells(row["wrong"], "count"),
                 *_cells(row["kept"], "count"))
                for level, row in totals["accept"].items()
            ),
        ),
        Heading("By probability"),
        Table(
            ("probability", "patches", "mean", "right", "share", "interval"),
            tuple(
                (f"{row['from']:.1f} to {row['to']:.1f}", str(row["n"]),
                 f"{row['probability']:.3f}", *_cells(row, "right"))
                for row in filled
            ),
        ),
    ]  # fmt: skip
    if totals["held_back"]:
        blocks.append(
            Text(
                "Sure enough to be written and held back for another reason, so written at no "
                f"level: {totals['held_back']}."
            )
        )
    settings = {**report["settings"], "runs": ", ".join(report["settings"]["runs"])}
    return [*blocks, Heading("Settings"), facts_of(settings)]


def _cells(row: Mapping[str, Any], count: str) -> tuple[str, str, str]:
    if row["share"] is None:
        return str(row[count]), "-", "-"
    low, high = row["interval"]
    return str(row[count]), f"{row['share']:.0%}", f"{low:.0%} to {high:.0%}"
