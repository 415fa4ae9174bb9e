"""A failure in words: for a person in a terminal, and for a model before a question.

Facts come from the run that failed, not from the model. Everything is bounded, so that the prompt
fits into 4096 tokens whatever the program printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pytest_gemmadev.report.wording import describe_suspect
from pytest_gemmadev.text.lines import lines_of
from pytest_gemmadev.types import (
    Confidence,
    ErrorStack,
    Frame,
    Question,
    Role,
    Status,
    SuspectTest,
    is_offer,
)

FRAMES = 6  # of a stack, the innermost
FACTS = 6  # of a frame
VALUE_CHARS = 120
CODE_LINES = 40  # around the line of a frame
FILES = 3  # whose code is quoted
PATCH_CHARS = 1500
TURNS_CHARS = 2500  # of earlier questions and answers
MESSAGE_CHARS = 600


@dataclass(frozen=True, slots=True)
class Patch:
    """A plausible patch of a failure, as it was reported."""

    diff: str
    origin: str
    explanation: str
    rank: int
    chosen: bool
    log_likelihood: float | None = None
    score: float = 0.0
    probability: float = 0.0  # in [0, 1], that it is right

    @property
    def confidence(self) -> Confidence:
        return Confidence.of(self.probability)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of one failure."""

    nodeid: str
    status: str
    reason: str
    stack: ErrorStack
    patches: tuple[Patch, ...] = ()
    question: Question | None = None
    suspect_test: SuspectTest | None = None
    advice: tuple[str, ...] = ()  # what helps, where there is no patch
    nearest: str = ""  # the candidate that came nearest and fails: what it is, and its diff

    @property
    def is_offer(self) -> bool:
        """Whether it holds something that was not written and may be asked for."""
        return is_offer(Status(self.status), bool(self.patches), self.suspect_test)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question to the model and its answer."""

    question: str
    answer: str


def question_prompt(
    failure: Failure | None,
    turns: Sequence[Turn],
    question: str,
    *,
    read: Callable[[str], str | None],
    chat: bool,
) -> str:
    """The prompt that asks a model; without a chat template one that the model continues.

    ``read`` gives the decoded text of a project file by its path, None where there is none.
    """
    parts = ["You help a Python programmer. Be short, exact and honest about what you do not know."]
    if failure is not None:
        parts.append("\n".join(facts(failure.stack)))
        parts += list(_code(failure.stack, read))
        chosen = next((patch for patch in failure.patches if patch.chosen), None)
        if chosen is not None:
            diff = chosen.diff[:PATCH_CHARS]
            sure = f"{chosen.confidence.value} that it is right"
            parts.append(
                f"With this patch the tests pass ({failure.reason}; {sure}):\n```diff\n{diff}```"
            )
        elif failure.reason:
            parts.append("\n".join((f"No patch is known: {failure.reason}.", *failure.advice)))
        if failure.nearest:
            parts.append(failure.nearest[:PATCH_CHARS])
        if failure.suspect_test is not None:
            points = "; ".join(failure.suspect_test.evidence)
            parts.append(
                f"The test may be wrong: {describe_suspect(failure.suspect_test)}. {points}"
            )
    parts += [f"Question: {turn.question}\nAnswer: {turn.answer}" for turn in _recent(turns)]
    parts.append(f"Question: {question}{'' if chat else chr(10) + 'Answer:'}")
    return "\n\n".join(parts)


def facts(stack: ErrorStack) -> Iterator[str]:
    """Lines that tell the error, the frames it came through and the values there."""
    yield f"{stack.nodeid} failed."
    yield f"{stack.error}: {_clip(stack.message, MESSAGE_CHARS)}" if stack.message else stack.error
    known = stack.facts
    if known.left or known.right:
        yield f"got {_value(known.left)}, expected {_value(known.right)}"
    if known.name and known.alternatives:
        yield f"{known.name} is not there; there are {', '.join(known.alternatives[:10])}"
    for frame in stack.frames[-FRAMES:]:
        yield from _frame(frame)
    if stack.cause is not None:
        yield f"caused by {stack.cause.error}: {_clip(stack.cause.message, MESSAGE_CHARS)}"


def _frame(frame: Frame) -> Iterator[str]:
    where = "" if frame.role is Role.SOURCE else f" ({frame.role.value})"
    yield f"  {frame.path}:{frame.line} in {frame.function}{where}"
    for fact in frame.facts[:FACTS]:
        yield f"    {fact.name} = {_value(fact.value)}"


def _code(stack: ErrorStack, read: Callable[[str], str | None]) -> Iterator[str]:
    """A block of code for each of the innermost files of the project and of its tests."""
    shown_paths: set[str] = set()
    for frame in reversed(stack.frames):
        if frame.role is Role.OUTSIDE or frame.path in shown_paths or len(shown_paths) == FILES:
            continue
        text = read(frame.path)
        if text is None:
            continue
        shown_paths.add(frame.path)
        lines = lines_of(text)
        first = max(0, min(frame.line - 1 - CODE_LINES // 2, len(lines) - CODE_LINES))
        shown = "\n".join(lines[first : first + CODE_LINES])
        yield f"{frame.path}, from line {first + 1}:\n```python\n{shown}\n```"


def _recent(turns: Sequence[Turn]) -> list[Turn]:
    """The last turns, at most `TURNS_CHARS` characters."""
    kept: list[Turn] = []
    room = TURNS_CHARS
    for turn in reversed(turns):
        room -= len(turn.question) + len(turn.answer)
        if room < 0:
            break
        kept.insert(0, turn)
    return kept


def _value(text: str) -> str:
    return _clip(" ".join(text.split()), VALUE_CHARS)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
