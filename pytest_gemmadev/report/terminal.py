"""A repair report as a person reads it at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_gemmadev.report.advice_text import (
    advice_of,
    describe_nearest,
    nearest_lines,
    nearest_of,
)
from pytest_gemmadev.report.question_text import describe_answers, sentence
from pytest_gemmadev.report.ready_test import make_test
from pytest_gemmadev.report.safe_text import clip, count, visible
from pytest_gemmadev.report.wording import (
    DONE,
    chosen_patches,
    describe_suspect,
    headline,
    message_lines,
    number_offers,
    own_frame,
    result_words,
)
from pytest_gemmadev.text.diff import files_of
from pytest_gemmadev.types import (
    Confidence,
    ErrorStack,
    Outcome,
    Question,
    RankedPatch,
    RepairReport,
    Status,
    SuspectTest,
)

if TYPE_CHECKING:
    from rich.console import Console

_NAMES = 5  # tests of one group that are named


@dataclass(frozen=True, slots=True)
class _Line:
    """What is printed on a line of its own, or folded at the width of the console."""

    text: str = ""
    style: str = ""
    indent: int = 0
    label: str = ""  # before the text, the only part in ``style``
    whole: bool = False  # never folded: code and names are copied from here


def render_terminal(report: RepairReport, console: Console) -> None:
    """Prints what failed, what became of it, why that is believed, and how to take it back."""
    from rich.text import Text

    for line in _lines(report):
        text = Text()
        text.append(visible(line.label), style=line.style)
        text.append(visible(line.text), style="" if line.label else line.style)
        indent = Text(" " * line.indent)
        folded = [text] if line.whole else text.wrap(console, max(20, console.width - line.indent))
        for part in folded:
            part.rstrip()
            console.print(indent + part if part else part, soft_wrap=True)


def _lines(report: RepairReport) -> Iterator[_Line]:
    groups = _group_by_cause(report.outcomes)
    numbers = number_offers(report.outcomes)
    for group in sorted(groups, key=lambda group: group[0].status not in DONE):
        yield _Line()
        yield from _group_lines(group, numbers.get(group[0].nodeid, 0))
    yield _Line()
    settled = all(o.status in DONE for o in report.outcomes)
    yield _Line(headline(report), "bold green" if settled else "bold yellow")
    if report.undo_hint:
        yield _Line(f"take it back with: {report.undo_hint}")


def _group_by_cause(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """The outcomes, those with one cause in one list, the one that has the patches first."""
    groups: list[list[Outcome]] = []
    for outcome in outcomes:
        for group in groups:
            if _has_same_cause(outcome, group[0]):
                group.append(outcome)
                break
        else:
            groups.append([outcome])
    return groups


def _has_same_cause(outcome: Outcome, first: Outcome) -> bool:
    if outcome.patches or outcome.status is not first.status:
        return False
    if outcome.reason == f"the same cause as {first.nodeid}":
        return True
    return outcome.reason == first.reason and outcome.stack.signature == first.stack.signature


def _group_lines(group: Sequence[Outcome], number: int) -> Iterator[_Line]:
    """The lines of failures with one cause; ``number`` is that of `gemmadev apply`, 0 for none."""
    first = group[0]
    for outcome in group[:_NAMES]:
        yield _Line(outcome.nodeid, "bold", whole=True)
    if len(group) > _NAMES:
        yield _Line(f"and {count(len(group) - _NAMES, 'other test')}", "bold")
    error, *further = message_lines(first.stack)
    yield _Line(error, "red", indent=2)
    for line in further:
        yield _Line(line, "red", indent=4, whole=True)
    place = _describe_place(first.stack)
    if place:
        yield _Line(place, "dim", indent=2, whole=True)
    repaired = first.status in DONE
    shown = repaired or first.status in (Status.SUGGESTED, Status.TEST_SUSPECT)
    label = f"{result_words(first)}: "
    yield _Line(first.reason, _style(first), indent=2, label=label)
    if first.suspect_test is not None:
        yield from _suspect_lines(first.suspect_test, number)
    if shown:
        if first.suspect_test is not None and chosen_patches(first):
            yield _Line("what makes the test pass all the same:", "dim", indent=2)
        for patch in chosen_patches(first):
            yield _Line(_explain(patch), "dim", indent=2)
            yield from _diff_lines(patch.diff)
        if first.question is not None:
            yield from _question_lines(first.question, number)
        yield from _alternative_lines(first)
    yield from _advice_lines(first)


def _advice_lines(outcome: Outcome) -> Iterator[_Line]:
    """What helps where nothing was repaired."""
    for line in advice_of(outcome):
        yield _Line(line, "", indent=4)
    nearest = nearest_of(outcome)
    if nearest is not None:
        yield _Line(describe_nearest(nearest), "bold red", indent=4)
        for line in nearest_lines(nearest):
            yield _Line(line, "dim", indent=6, whole=True)


def _style(outcome: Outcome) -> str:
    chosen = chosen_patches(outcome)
    if outcome.status not in DONE:
        return "bold magenta" if outcome.status is Status.TEST_SUSPECT else "bold yellow"
    is_sure = not chosen or chosen[0].confidence is Confidence.SURE
    return "bold green" if is_sure else "bold cyan"


def _suspect_lines(suspect: SuspectTest, number: int) -> Iterator[_Line]:
    yield _Line(describe_suspect(suspect), "bold", indent=2)
    for sentence_ in suspect.evidence:
        yield _Line(f"- {sentence_}", indent=4)
    if suspect.diff:
        yield from _diff_lines(suspect.diff)
        if number:
            command = f"gemmadev apply {number} --test"
            yield _Line(f"if the code is right, change the test: {command}", indent=2)


def _question_lines(question: Question, number: int) -> Iterator[_Line]:
    """What tells the patches apart, and what would settle it."""
    yield _Line(sentence(question), "bold", indent=2, label="which is right? ")
    if number:
        yield _Line(describe_answers(question, number), indent=2)
        return
    if make_test(question, question.answers[0].result):
        settle = "one more assertion settles it: put the right one into your tests, or let "
        yield _Line(f"{settle}--gemmadev-ask ask you", indent=2)


def _diff_lines(diff: str) -> Iterator[_Line]:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for file in files_of(diff):
        yield _Line(file.path, "bold", indent=4, whole=True)
        for hunk in file.hunks:
            for line in (hunk.header, *hunk.lines):
                shown = line.removesuffix("\n").removesuffix("\r")
                yield _Line(shown, styles.get(line[:1], ""), indent=4, whole=True)


def _alternative_lines(outcome: Outcome) -> Iterator[_Line]:
    others = [patch for patch in outcome.patches if not patch.chosen]
    if others:
        yield _Line("also plausible, not chosen:", "dim", indent=2)
    for patch in others:
        lines = [line.text for line in _diff_lines(patch.diff)]
        new = [line[1:].strip() for line in lines if line.startswith("+")]
        old = [f"without {line[1:].strip()}" for line in lines if line.startswith("-")]
        yield _Line(clip(" ".join(new or old), 100), "dim", indent=4)


def _explain(patch: RankedPatch) -> str:
    where_from = f"{patch.candidate.origin}, candidate {patch.rank}"
    why = patch.candidate.explanation
    return f"{why} ({where_from})" if why else where_from


def _describe_place(stack: ErrorStack) -> str:
    frame = own_frame(stack) or (stack.frames[-1] if stack.frames else None)
    return f"{frame.path}:{frame.line} in {frame.function}" if frame is not None else ""
