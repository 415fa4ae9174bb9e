"""What all forms of a report say of a failure in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_gemmadev.report.safe_text import clip, count, one_line
from pytest_gemmadev.text.windows import distinguish
from pytest_gemmadev.types import (
    Confidence,
    ErrorStack,
    Frame,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Status,
    SuspectTest,
)

_MAX_MESSAGE = 200  # characters of a line of an error's message that a person is shown
_MAX_LINES = 6  # of a message
_MAX_JOINED = 400  # characters of such lines in one
_MAX_VALUE = 80  # of an expected value, about
DONE = (Status.REPAIRED, Status.PROPOSED)  # statuses of a failure that has its patch
WORDS = {
    Status.REPAIRED: "repaired",
    Status.PROPOSED: "patch proposed",
    Status.SUGGESTED: "suggested, not written",
    Status.TEST_SUSPECT: "the test is the suspect, nothing written",
    Status.UNREPAIRED: "not repaired",
    Status.FLAKY: "flaky, left alone",
    Status.SKIPPED: "skipped",
}
_SURE_WORDS = {  # of a failure with a patch; statuses that are not here say nothing of how sure it is
    Status.REPAIRED: {
        Confidence.SURE: "repaired, sure",
        Confidence.LIKELY: "repaired, likely right, read it",
        Confidence.GUESS: "written, but only a guess",
    },
    Status.PROPOSED: {
        Confidence.SURE: "patch proposed, sure",
        Confidence.LIKELY: "patch proposed, likely right, read it",
        Confidence.GUESS: "patch proposed, but only a guess",
    },
    Status.SUGGESTED: {
        Confidence.SURE: "suggested, not written",
        Confidence.LIKELY: "suggested as likely right, not written",
        Confidence.GUESS: "only a guess, not written",
    },
}


def result_words(outcome: Outcome) -> str:
    """What became of a failure, and where that is a patch, how sure it is: ``repaired, sure (98 %)``."""
    chosen = chosen_patches(outcome)
    if not chosen or outcome.status not in _SURE_WORDS:
        return WORDS[outcome.status]
    words = _SURE_WORDS[outcome.status][chosen[0].confidence]
    return f"{words} ({percent(chosen[0].probability)})"


def percent(probability: float) -> str:
    """A probability in [0, 1] as a person reads it; none is certain."""
    if probability > 0.99:
        return "over 99 %"
    return f"{probability:.0%}".replace("%", " %") if probability >= 0.01 else "under 1 %"


def number_offers(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """By node id, the numbers by which `gemmadev apply` knows what was not written."""
    offers = (outcome.nodeid for outcome in outcomes if outcome.is_offer)
    return {nodeid: number for number, nodeid in enumerate(offers, 1)}


def describe_suspect(suspect: SuspectTest) -> str:
    """Which expectation is the suspect, in one line."""
    place = f"{suspect.file}:{suspect.line}"
    expected, got = distinguish([suspect.expected, suspect.got], _MAX_VALUE)
    sure = f", {percent(suspect.probability)} sure" if suspect.probability else ""
    return f"{place} expects {one_line(expected)}, the code gives {one_line(got)}{sure}"


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
    done += "".join(
        f", {number} {words}"
        for confidence, words in (
            (Confidence.LIKELY, "of them likely"),
            (Confidence.GUESS, "a guess"),
        )
        if (number := sum(_is_written(o, confidence) for o in report.outcomes))
    )
    done += f", {suggested} suggested" if suggested else ""
    suspects = sum(o.status is Status.TEST_SUSPECT for o in report.outcomes)
    done += f", {count(suspects, 'test')} suspected" if suspects else ""
    return f"{done} in {report.seconds:.1f} s"


def _is_written(outcome: Outcome, confidence: Confidence) -> bool:
    chosen = chosen_patches(outcome)
    return outcome.status in DONE and bool(chosen) and chosen[0].confidence is confidence


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
    """(path, line) that a failure is shown at: where the user's own code failed, else its file.

    A test that is the suspect is shown at its expectation.
    """
    suspect = outcome.suspect_test
    if outcome.status is Status.TEST_SUSPECT and suspect is not None:
        return suspect.file, max(1, suspect.line)
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
