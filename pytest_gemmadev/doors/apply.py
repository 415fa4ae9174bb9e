"""``gemmadev apply``: writes what the last run suggested and did not write itself.

That is a patch, the patch of the answer to a question, with the answer as a new test where that is wanted,
or a changed expectation of a test that is the suspect. A test is changed or made here and nowhere else.

A patch applies only to the files that it was made for, and goes through the journal, so that
``gemmadev undo`` takes it back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pytest_gemmadev.doors.ask import ask_person
from pytest_gemmadev.doors.last_failures import project_root, recall
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.report.failure_text import Failure, Patch
from pytest_gemmadev.report.question_text import choices, sentence
from pytest_gemmadev.report.ready_test import imported_modules, make_test, name_file
from pytest_gemmadev.report.wording import describe_suspect, percent
from pytest_gemmadev.text.diff import apply_unified, is_applied
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import NEITHER, Answer, GemmadevError, Inapplicable, Question, Role

_MOST_NAMES = 100  # tried for a new file


@dataclass(frozen=True, slots=True)
class Writing:
    """What is to be written."""

    diff: str  # of files that are there
    made: Mapping[str, str] = field(default_factory=dict)  # texts of new files by path
    tests: Collection[str] = ()  # files of tests that the diff may change


def apply_patch(
    root: Path, patch: Patch | Writing, *, note: str, name: str, undo: str
) -> Sequence[str]:
    """Writes a patch; the files that it changed. Raises `GemmadevError` where they are not what they were.

    ``note`` goes into the journal; ``name`` and ``undo`` are how the error speaks of the patch and of
    what takes it back.
    """
    writing = patch if isinstance(patch, Writing) else Writing(patch.diff)
    scope = Scope(root)
    contents: dict[str, bytes | None] = {}

    def read(path: str) -> bytes:
        data = contents[path] = scope.read(path)
        return data

    overlay = apply_unified(writing.diff, read)
    if isinstance(overlay, Inapplicable):
        if is_applied(writing.diff, read):
            raise GemmadevError(f"{name} is in the files already; {undo} takes it out")
        raise GemmadevError(f"{name}: {overlay.reason}; look for repairs again")
    for path in overlay:
        role = scope.role(f"{scope.root}/{path}")
        if role is Role.OUTSIDE:
            raise GemmadevError(f"{name}: {path} is not in the project")
        if role is Role.TEST and path not in writing.tests:
            raise GemmadevError(
                f"{name}: {path} is a test or configuration, which it may not change"
            )
    contents = {path: contents[path] for path in overlay} | dict.fromkeys(writing.made)
    new = {path: text.encode() for path, text in writing.made.items()}
    refused = write(Change(root, {**overlay, **new}, contents, note))
    if refused:
        raise GemmadevError(refused)
    return sorted({*overlay, *new})


def list_suggestions(failures: Sequence[Failure]) -> list[Failure]:
    """The failures of a run with something to apply, in the order of their numbers."""
    return [failure for failure in failures if failure.is_offer]


def apply(arguments: argparse.Namespace) -> int:
    """Runs the command; the exit status, 1 where it only lists the suggestions."""
    root = project_root(arguments.root)
    last = recall(root)
    if last is None:
        raise GemmadevError(f"no run that looked for repairs is known of {root.absolute()}")
    found = list_suggestions(last.failures)
    if not found:
        raise GemmadevError(f"{last.command} has suggested nothing that it did not write")
    if arguments.number is None and len(found) > 1:
        for number, failure in enumerate(found, 1):
            print("\n".join(_describe(number, failure)))
        print("name one by its number", file=sys.stderr)
        return 1
    number = arguments.number if arguments.number is not None else 1
    if not 1 <= number <= len(found):
        there = "there is 1" if len(found) == 1 else f"there are {len(found)}"
        raise GemmadevError(f"no suggestion {number}: {there}")
    writing = _plan(root, found[number - 1], number, arguments.answer, test=arguments.test)
    note = f"gemmadev apply {number}{' --test' if arguments.test else ''}"
    for path in apply_patch(
        root, writing, note=note, name=f"suggestion {number}", undo="gemmadev undo"
    ):
        print(f"{'made' if path in writing.made else 'changed'} {root.absolute() / path}")
    print("run your tests; gemmadev undo takes it back")
    return 0


def _describe(number: int, failure: Failure) -> list[str]:
    """The lines that list a suggestion."""
    chosen = _chosen(failure)
    lines = []
    if chosen is not None:
        sure = f"{chosen.confidence.value}, {percent(chosen.probability)}"
        about = f"{chosen.explanation or chosen.origin} ({sure})"
        lines = [f"{number} {failure.nodeid}: {about}", f"  {failure.reason}"]
    if failure.question is not None:
        lines.append(f"  which is right? {sentence(failure.question)}; --answer K says")
    suspect = failure.suspect_test
    if suspect is not None and suspect.diff:
        lines = lines or [f"{number} {failure.nodeid}: is the test at fault?"]
        lines.append(f"  {describe_suspect(suspect)}; --test changes the test")
    return lines


def _chosen(failure: Failure) -> Patch | None:
    first = failure.patches[0] if failure.patches else None
    return next((patch for patch in failure.patches if patch.chosen), first)


# --- what is to be written -----------------------------------------------------------------------


def _plan(root: Path, failure: Failure, number: int, answer: int | None, *, test: bool) -> Writing:
    """What a suggestion comes to with these options; raises where it comes to nothing."""
    suspect = failure.suspect_test
    if test and answer is None and suspect is not None and suspect.diff:
        return Writing(suspect.diff, tests=(suspect.file,))
    chosen = _chosen(failure)
    if chosen is None:
        command = f"gemmadev apply {number} --test"
        raise GemmadevError(f"suggestion {number} is a change of a test: {command} writes it")
    question = failure.question
    if question is None:
        if answer is not None:
            raise GemmadevError(f"suggestion {number} has no question to answer")
        if test:
            raise GemmadevError(f"suggestion {number} has no change of a test to apply")
        return Writing(chosen.diff)
    said = _answer(question, number, answer, needed=test)
    if said is None:
        return Writing(chosen.diff)
    made = dict([_make_test(root, failure, question, said)]) if test else {}
    return Writing(failure.patches[said.patches[0]].diff, made)


def _answer(question: Question, number: int, place: int | None, *, needed: bool) -> Answer | None:
    """The answer that is given by its place, from 1, or on the terminal; None where it may be left out."""
    count = len(question.answers)
    if place is not None:
        if not 1 <= place <= count:
            raise GemmadevError(f"--answer {place}: there are {count}: {_list_answers(question)}")
        return question.answers[place - 1]
    if sys.stdin is not None and sys.stdin.isatty():
        result = ask_person(question, sys.stdin.readline, print)
        if result is None or result == NEITHER:
            raise GemmadevError("nothing was written, for no patch has that answer")
        return next(each for each in question.answers if each.result == result)
    if needed:
        raise GemmadevError(
            f"suggestion {number}: {sentence(question)} Say which is right: {_list_answers(question)}"
        )
    return None


def _list_answers(question: Question) -> str:
    return ", ".join(f"--answer {n} for {shown}" for n, shown in enumerate(choices(question), 1))


def _make_test(root: Path, failure: Failure, question: Question, answer: Answer) -> tuple[str, str]:
    """(path, text) of a new file beside the failing test that holds the answer."""
    beside = PurePosixPath(failure.nodeid.partition("::")[0])
    decoded = decode_source(Scope(root).read(str(beside)))
    source = "" if isinstance(decoded, Inapplicable) else decoded.text
    text = make_test(question, answer.result, imported_modules(source))
    if not text:
        raise GemmadevError(f"{question.call} cannot be written as a test; leave --test out")
    stem = name_file(question).removesuffix(".py")
    if beside.name.endswith("_test.py") and not beside.name.startswith("test_"):
        stem = f"{stem.removeprefix('test_')}_test"
    names = (f"{stem}{f'_{n}' if n > 1 else ''}.py" for n in range(1, _MOST_NAMES))
    paths = (str(beside.with_name(name)) for name in names)
    free = next((path for path in paths if not (root / path).exists()), None)
    if free is None:
        raise GemmadevError(f"{beside.parent}: {stem}.py and all others of that name are there")
    return free, text
