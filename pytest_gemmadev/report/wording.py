"""What all forms of a report say of a failure in the same words."""

from __future__ import annotations

from pytest_gemmadev.report.safe_text import clip, count, one_line
from pytest_gemmadev.types import ErrorStack, Outcome, RankedPatch, RepairReport, Status

_MAX_MESSAGE = 200  # characters of an error's message that a person is shown
DONE = (Status.REPAIRED, Status.PROPOSED)  # statuses of a failure that has its patch
WORDS = {
    Status.REPAIRED: "repaired",
    Status.PROPOSED: "patch proposed",
    Status.SUGGESTED: "suggested, not written",
    Status.TEST_SUSPECT: "the test is suspected, nothing written",
    Status.UNREPAIRED: "not repaired",
    Status.FLAKY: "flaky, left alone",
    Status.SKIPPED: "skipped",
}


def chosen_patches(outcome: Outcome) -> list[RankedPatch]:
    """The patches of a failure that were chosen: one, or none."""
    return [patch for patch in outcome.patches if patch.chosen]


def headline(report: RepairReport) -> str:
    """How many failures were repaired, in how many seconds."""
    total = len(report.outcomes)
    if not total:
        return "nothing failed"
    good = sum(o.status in DONE for o in report.outcomes)
    failures = f"{good} of {count(total, 'failure')}"
    proposing = any(o.status is Status.PROPOSED for o in report.outcomes)
    done = f"a patch proposed for {failures}" if proposing else f"{failures} repaired"
    suggested = sum(o.status is Status.SUGGESTED for o in report.outcomes)
    done += f", {suggested} suggested" if suggested else ""
    return f"{done} in {report.seconds:.1f} s"


def error_line(stack: ErrorStack) -> str:
    """The error's type and the first line of its message, as they came."""
    first = next((line for line in stack.message.splitlines() if line.strip()), "")
    return clip(f"{stack.error}: {first.strip()}" if first else stack.error, _MAX_MESSAGE)


def locate(outcome: Outcome) -> tuple[str, int]:
    """(path, line) that a failure is shown at: where the project's own code failed, else its test."""
    frames = outcome.stack.project_frames
    if frames:
        return frames[-1].path, max(1, frames[-1].line)
    file = outcome.nodeid.partition("::")[0]
    return file, max((f.line for f in outcome.stack.frames if f.path == file), default=1)


def show_error(stack: ErrorStack) -> str:
    """The error in one line that is fit to be shown."""
    return one_line(error_line(stack))
