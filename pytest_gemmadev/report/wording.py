"""What all forms of a report say of a failure in the same words."""

from __future__ import annotations

from pytest_gemmadev.report.safe_text import clip, count, one_line
from pytest_gemmadev.types import (
    ErrorStack,
    Frame,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Status,
)

_MAX_MESSAGE = 200  # characters of a line of an error's message that a person is shown
_MAX_LINES = 6  # of a message
_MAX_JOINED = 400  # characters of such lines in one
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


def message_lines(stack: ErrorStack) -> list[str]:
    """The error's type and message, a line each, the first of them; blank ones are left out."""
    lines = [line.rstrip() for line in stack.message.splitlines() if line.strip()]
    shown = [clip(line, _MAX_MESSAGE) for line in lines[1:_MAX_LINES]]
    if len(lines) > _MAX_LINES:
        shown.append(f"... ({count(len(lines) - _MAX_LINES, 'more line')})")
    return [error_line(stack), *shown]


def own_frame(stack: ErrorStack) -> Frame | None:
    """The innermost frame of the user's own code: the project's, else the test's, never a library's."""
    frames = stack.project_frames or tuple(f for f in stack.frames if f.role is Role.TEST)
    return frames[-1] if frames else None


def locate(outcome: Outcome) -> tuple[str, int]:
    """(path, line) that a failure is shown at: where the user's own code failed, else its file."""
    frame = own_frame(outcome.stack)
    if frame is not None:
        return frame.path, max(1, frame.line)
    return outcome.nodeid.partition("::")[0], 1


def show_first_line(stack: ErrorStack) -> str:
    """The error's type and the first line of its message, fit to be shown."""
    return one_line(error_line(stack))


def show_error(stack: ErrorStack) -> str:
    """The error in one line that is fit to be shown, with the first lines of its message joined."""
    return clip(one_line(" ".join(message_lines(stack))), _MAX_JOINED)
