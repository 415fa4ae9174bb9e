"""Results of a repair run -> counts of cases and runs, rates with intervals, ``report.json``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from eval.report.result import Result, Score
from eval.report.stats import median, percentile, wilson


def totals_of(results: Sequence[Result]) -> dict[str, Any]:
    """Counts of cases, with 95 % Wilson intervals of their rates, and times of runs.

    A case is one id; with several seeds it counts as plausible or correct where every run of it
    does, so that ``correct`` never exceeds ``cases``, and as overfitting where one does. Only what was
    written is a repair; of the rest, ``suggested`` counts what was offered. ``confidence`` and
    ``questions`` count runs; ``runs`` counts each case with each seed.
    """
    scored = [result for result in results if result.score is not Score.NOT_SCORED]
    runs = [list(group) for _, group in groupby(sorted(scored, key=_id), key=_id)]
    plausible = sum(all(result.plausible for result in group) for group in runs)
    correct = sum(all(result.correct for result in group) for group in runs)
    suggested = sum(all(result.suggested for result in group) for group in runs)
    right = sum(all(result.suggested_correct for result in group) for group in runs)
    overfitting = sum(any(r.score is Score.OVERFITTING for r in group) for group in runs)
    written = overfitting + sum(all(r.correct and r.plausible for r in group) for group in runs)
    asked = [result for result in scored if result.correct_after_question is not None]
    seconds = [result.seconds for result in scored]
    return {
        "cases": len(runs),
        "plausible": plausible,
        "correct": correct,
        "overfitting": overfitting,
        "suggested": suggested,
        "suggested_correct": right,
        "unrepaired": len(runs) - correct - overfitting - suggested,
        "wrong_of_written": _rounded(overfitting / written) if written else None,
        "wrong_of_written_interval": _interval(overfitting, written),
        "confidence": {name: _of_confidence(scored, name) for name in CONFIDENCES},
        "questions": {
            "asked": len(asked),
            "correct": sum(bool(r.correct_after_question) for r in asked),
        },
        "suspected": sum(all(result.suspected for result in group) for group in runs),
        "not_scored": len({_id(result) for result in results} - {_id(r) for r in scored}),
        "plausible_interval": _interval(plausible, len(runs)),
        "correct_interval": _interval(correct, len(runs)),
        "median_s": _rounded(median(seconds)),
        "p90_s": _rounded(percentile(seconds, 90)),
        "validations": sum(result.validations for result in scored),
        "peak_mb": max((result.peak_mb for result in scored), default=0.0),
        "refused": sum(result.refused for result in scored),
        "strays": sum(bool(result.strays) for result in scored),
        "runs": {
            "runs": len(scored),
            "plausible": sum(result.plausible for result in scored),
            "correct": sum(result.correct for result in scored),
        },
    }


CONFIDENCES = ("sure", "likely", "guess")


def _of_confidence(results: Sequence[Result], name: str) -> dict[str, Any]:
    """Runs whose least sure patch that was written is called so, and how many of them are correct."""
    those = [r for r in results if r.plausible and r.confidence == name]
    right = sum(r.correct for r in those)
    return {"written": len(those), "correct": right, "interval": _interval(right, len(those))}


PLACES = (1, 5, 10, 20)


def places_of(results: Sequence[Result]) -> dict[str, Any]:
    """In how many runs the fixed function, and statement, was among the first few suspicions.

    A run that suspected nothing counts as one that did not find the place.
    """
    scored = [result for result in results if result.score is not Score.NOT_SCORED]
    functions = [result.function_rank for result in scored]
    lines = [result.line_rank for result in scored]
    return {
        "runs": len(scored),
        "function": {str(n): _within(functions, n) for n in PLACES},
        "line": {str(n): _within(lines, n) for n in PLACES},
        "function_in_5_interval": _interval(_within(functions, 5), len(scored)),
        "median_s": _rounded(median([result.localizing_s for result in scored])),
    }


def _within(ranks: Sequence[int | None], limit: int) -> int:
    return sum(rank is not None and rank <= limit for rank in ranks)


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
        "places": {
            name: places_of([result for result in results if (result.slice or "-") == name])
            for name in sorted({result.slice or "-" for result in results})
        },
    }


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    low, high = totals["correct_interval"]
    times = (
        ""
        if totals["median_s"] is None
        else (f"; median {totals['median_s']:.1f} s, p90 {totals['p90_s']:.1f} s")
    )
    unscored = f"; {totals['not_scored']} not scored" if totals["not_scored"] else ""
    strays = f"; {totals['strays']} with stray files" if totals.get("strays") else ""
    return (
        f"{totals['cases']} cases: {totals['plausible']} plausible, {totals['correct']} correct "
        f"({low:.0%} to {high:.0%}){_describe_rest(totals)}{times}; "
        f"{totals['validations']} validations{unscored}{strays}"
    )


def _describe_rest(totals: Mapping[str, Any]) -> str:
    """What became of the cases that are not correct, and how sure what was written was called."""
    if "overfitting" not in totals:  # a record of before these were counted
        return ""
    named = [
        f"{name} {counts['correct']}/{counts['written']}"
        for name, counts in totals["confidence"].items()
        if counts["written"]
    ]
    questions = totals["questions"]
    asked = (
        f"; {questions['correct']}/{questions['asked']} after a question"
        if questions["asked"]
        else ""
    )
    return (
        f", {totals['overfitting']} overfitting, {totals['suggested']} suggested "
        f"({totals['suggested_correct']} correct), {totals['unrepaired']} unrepaired"
        f"{'; right of what is called ' + ', '.join(named) if named else ''}{asked}"
    )


def _id(result: Result) -> str:
    return result.case


def _interval(hits: int, total: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(hits, total)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
