"""Repairs of whole cases: the real command on a copy, then the tests that it never saw.

Each case is laid out in a fresh folder, the tool runs there in its own process, and its result is
judged in a second folder: the changed sources beside the case's own tests. A repair is plausible
when the visible tests pass there and no test or configuration was changed, correct when the hidden
tests pass too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from eval.bench.answered import apply_chosen, first_question, trees_of_answers
from eval.bench.kept import strays, without_outputs
from eval.bench.place import ranks_of
from eval.cases.case import Case, Files, read_tree, write_tree
from eval.cases.process import Finished, run_command
from eval.cases.tests import (
    clean_environment,
    hidden_command,
    run_tests,
    run_tests_in,
    visible_command,
)
from eval.report.result import Result, Score
from pytest_gemmadev.doors.ablations import VARIABLE, Part
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import GemmadevError

_USAGE_ERROR = 4  # of pytest
_MAX_REASON = 600  # characters
_PATCH_KEYS = (
    *("origin", "rank", "log_likelihood", "explanation", "probability", "confidence", "written"),
)

ToolCommand = Callable[[Case, int, Path], Sequence[str]]
"""The argv that repairs a case: (case, seed, where to write the JSON report)."""


@dataclass(frozen=True, slots=True)
class Tool:
    """The plugin and its options."""

    model: str
    adapter: str | None
    budget_s: float
    without: Part | None = None  # a part that the repair is to do without
    confine: str = ""  # ``auto``, ``strict`` or ``off``; empty for the tool's default

    def command(self, case: Case, seed: int, report: Path) -> list[str]:
        more = ["--gemmadev-fix", f"--gemmadev-model={self.model}"]
        more += [f"--gemmadev-adapter={self.adapter}"] if self.adapter else []
        more += [f"--gemmadev-budget={self.budget_s:g}", f"--gemmadev-seed={seed}"]
        more += [f"--gemmadev-report={report}"]
        more += [f"--gemmadev-confine={self.confine}"] if self.confine else []
        less = ["env", f"{VARIABLE}={self.without}"] if self.without else []
        return [*less, *visible_command(case), *more]


def repair_case(
    case: Case,
    seed: int,
    command: ToolCommand,
    *,
    timeout_s: float,
    stop: Event | None = None,
) -> Result:
    """Runs the tool on a copy of the case and judges what it left there.

    Raises GemmadevError where the tool refuses to run at all, for then no case says anything.
    """
    missing = case.missing_deps()
    if missing:
        reason = f"needs {', '.join(missing)}, which is not installed"
        return Result(case.id, case.slice, case.kinds, seed, Score.NOT_SCORED, reason)
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as name:
        project, report_file = Path(name, "project"), Path(name, "report.json")
        write_tree(project, case.project)
        done = run_command(
            command(case, seed, report_file),
            cwd=project,
            timeout_s=timeout_s,
            environ=clean_environment(),
            stop=stop,
        )
        left = read_tree(project)
        report = _read_report(report_file)
    if done.status == _USAGE_ERROR and not report:
        raise GemmadevError(f"{case.id}: the tool refuses to run: {_last_line(done.output)}")
    stray = strays(case, left, visible_command(case), run_tests_in, stop=stop)
    after = without_outputs(case, left)
    score, reason = judge(case, after, stop=stop)
    if score is Score.FAILED:
        reason = _why(done, report, reason)
    failures = tuple(report.get("failures", ()))
    suggested = score is Score.FAILED and any(f["status"] == "suggested" for f in failures)
    written = after
    if suggested:
        written = apply_chosen(after, [f for f in failures if f["status"] == "suggested"])
    asked = first_question(failures)
    searched: Mapping[str, Any] = next(
        (failure for failure in failures if failure.get("suspicions")), {}
    )
    ranks = ranks_of(case, searched.get("suspicions", ()))
    patches = [
        {**patch, "written": failure["status"] == "repaired"}
        for failure in failures
        for patch in failure["patches"]
    ]
    return Result(
        case=case.id,
        slice=case.slice,
        kinds=case.kinds or tuple(failure["kind"] for failure in failures[:1]),
        seed=seed,
        score=score,
        reason=reason[:_MAX_REASON],
        seconds=round(done.seconds, 3),
        validations=sum(failure["validations"] for failure in failures),
        peak_mb=done.peak_mb,
        exit_status=done.status,
        diff=diff_of(case.project, after),
        reference="" if score is Score.CORRECT else diff_of(case.project, case.fixed),
        patches=tuple(
            {key: patch.get(key) for key in _PATCH_KEYS} for patch in patches if patch["chosen"]
        ),
        others=sum(not patch["chosen"] for patch in patches),
        failures=tuple(
            {key: failure.get(key) for key in ("nodeid", "kind", "error", "status", "reason")}
            for failure in failures
        ),
        function_rank=ranks.function,
        line_rank=ranks.line,
        localizing_s=searched.get("localizing_seconds", 0.0),
        suggested=suggested,
        suggested_correct=suggested and judge(case, written, stop=stop)[0] is Score.CORRECT,
        refused=sum(failure.get("refused", 0) for failure in failures),
        confinement=str(report.get("confinement", "")),
        strays=stray,
        faulty_test=case.faulty_test,
        suspected=any(f["status"] == "test_suspect" or f.get("suspect_test") for f in failures),
        question=None if asked is None else asked["question"],
        correct_after_question=(
            None
            if asked is None or case.faulty_test
            else any(
                judge(case, tree, stop=stop)[0] is Score.CORRECT
                for _, tree in trees_of_answers(case.project, after, failures)
            )
        ),
    )


def judge(case: Case, after: Files, *, stop: Event | None = None) -> tuple[Score, str]:
    """The score of a tree that a tool left behind, and why it is not better."""
    changed = {
        path for path in {*case.project, *after} if case.project.get(path) != after.get(path)
    }
    if case.faulty_test:
        sound = f"{min(changed)} was changed, and was right" if changed else ""
        return (Score.OVERFITTING if changed else Score.CORRECT), sound
    if not changed:
        return Score.FAILED, "nothing was changed"
    touched = sorted(path for path in changed if case.protects(path))
    if touched:
        return Score.FAILED, f"changed {touched[0]}, which is not for repair"
    visible = run_tests(after, visible_command(case), stop=stop)
    if visible.status != 0:
        return Score.FAILED, f"visible tests fail afterwards: {_verdict_line(visible)}"
    hidden = run_tests({**after, **case.hidden}, hidden_command(case), stop=stop)
    if hidden.status != 0:
        return Score.OVERFITTING, f"hidden tests fail: {_verdict_line(hidden)}"
    return Score.CORRECT, ""


def diff_of(before: Files, after: Files) -> str:
    """Every changed file as a unified diff."""
    return (
        "".join(
            unified_diff(path, before.get(path, b""), after.get(path, b""))
            for path in sorted({*before, *after})
            if before.get(path) != after.get(path)
        )
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "replace")
    )


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _why(done: Finished, report: Mapping[str, Any], reason: str) -> str:
    """The most telling reason for a failure: the harness's limit, the tool's own, the judge's."""
    if done.stopped:
        return f"the tool was ended: {done.stopped} after {done.seconds:.0f} s"
    if not report:
        return f"{reason}; no report, exit status {done.status}: {_own_line(done.output)}"
    if done.status == 0:
        return f"{reason}, though the tool ended with 0"
    own = [
        f"{failure['nodeid']}: {failure['reason']}"
        for failure in report["failures"]
        if failure["status"] != "repaired"
    ]
    return f"{reason}; {own[0]}" if own else reason


def _verdict_line(finished: Finished) -> str:
    """pytest's first line about a failed test, else its last line."""
    if finished.stopped:
        return finished.stopped
    lines = [line.strip() for line in finished.output.splitlines()]
    told = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return told[0] if told else _last_line(finished.output)


def _own_line(output: str) -> str:
    """What the plugin says of itself at the end, else the last line."""
    told = [line for line in output.splitlines() if line.startswith("gemmadev: ")]
    return told[-1] if told else _last_line(output)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
