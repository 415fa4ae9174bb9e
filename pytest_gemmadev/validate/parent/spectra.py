"""Which lines which tests execute: what is traced, and what a traced run says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_gemmadev.text.lines import line_at
from pytest_gemmadev.types import Candidate, RepairTask, Spectrum
from pytest_gemmadev.validate.parent.runs import PASSING, Run
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Limits, Policy


def choose_traced(
    nearest: Sequence[str],
    passed_s: Mapping[str, float],
    limits: Limits,
    *,
    policy: Policy = DEFAULT_POLICY,
) -> list[str]:
    """The first of these tests, as many as there is time for; ``passed_s``: what each takes."""
    chosen: list[str] = []
    left_s = limits.traced_s
    for nodeid in nearest[: limits.traced_tests]:
        left_s -= passed_s.get(nodeid, 0.0)
        if left_s < 0 and len(chosen) >= policy.traced_always:
            break
        chosen.append(nodeid)
    return chosen


def read_spectra(run: Run, paths: Mapping[str, str]) -> dict[str, Spectrum]:
    """The spectrum of each test that the run traced; ``paths``: those of the project by real path."""

    def places(lines: Mapping[str, list[int]]) -> frozenset[tuple[str, int]]:
        return frozenset((paths[p], n) for p, ns in lines.items() for n in ns if p in paths)

    # What runs once in a process, whichever test comes first, belongs to all of them.
    once = frozenset(
        place
        for nodeid, again in run.lines_again.items()
        for place in places(run.lines[nodeid]) - places(again)
    )
    return {
        nodeid: Spectrum(run.outcomes.get(nodeid) in PASSING, places(lines) | once)
        for nodeid, lines in run.lines.items()
    }


def reaching_tests(
    spectra: Mapping[str, Spectrum], task: RepairTask, candidate: Candidate
) -> frozenset[str]:
    """Tests that ran the lines which a candidate changes, or the one before or after."""
    lines = {
        (edit.path, line)
        for edit in candidate.edits
        for line in _lines_around(task.sources.get(edit.path, ""), edit.start, edit.end)
    }
    return frozenset(n for n, s in spectra.items() if not lines.isdisjoint(s.lines))


def _lines_around(text: str, start: int, end: int) -> range:
    first = line_at(text, start)
    return range(first - 1, line_at(text, end) + 2)
