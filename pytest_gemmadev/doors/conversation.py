"""A talk about the last failure: its commands, and questions to a model.

Commands answer from what is known of the failure, without a model. Nothing is changed but by
``/apply`` and ``/undo``.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_gemmadev.doors.answers import Answers, Options
from pytest_gemmadev.doors.apply import apply_patch
from pytest_gemmadev.doors.last_failures import Last, recall
from pytest_gemmadev.files import journal
from pytest_gemmadev.report.failure_text import Failure, Patch, Turn, facts
from pytest_gemmadev.report.question_text import choices, sentence
from pytest_gemmadev.report.wording import describe_suspect, percent
from pytest_gemmadev.types import GemmadevError

HELP = """\
/show         the failure that is talked about: error, stack, values, patches
/failure N    talk about another one
/why [N]      why patch N is believed, or why there is none
/apply [N]    write patch N to the files; N yes where it is only suggested
/undo         put back what was written last
/run [ARGS]   run pytest and look for patches, then go on with what it found
/help         this
/quit         leave; so does Ctrl-D
Anything else is a question to the model."""
SURE = "yes"  # the word with which a suggestion is written


@dataclass(slots=True)
class Conversation:
    """One talk. ``write`` takes what is shown, in pieces."""

    root: Path
    options: Options
    write: Callable[[str], object]
    last: Last | None = field(init=False)
    answers: Answers = field(init=False)
    place: int = 0  # of the failure that is talked about
    turns: list[Turn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last = recall(self.root)
        self.answers = Answers(self.root, self.options, self.write)

    def close(self) -> None:
        """Ends the model, where one was loaded."""
        self.answers.close()

    def open(self) -> None:
        """Says what the talk is about."""
        if self.last is None:
            self._line(f"no failure is known of {self.root}; /run looks for one, /help says more")
            return
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.last.when))
        count = len(self.last.failures)
        self._line(f"{self.last.command}, {when}: {count} failure{'s' * (count != 1)}")
        for number, failure in enumerate(self.last.failures, 1):
            known = f"{len(failure.patches)} plausible" if failure.patches else "no patch"
            self._line(f"{number} {failure.nodeid}: {failure.stack.error} ({known})")

    def say(self, line: str) -> bool:
        """Answers a line; False when the talk is over."""
        line = line.strip()
        if not line.startswith("/"):
            if line:
                self.turns.append(self.answers.ask(line, self.failure, self.turns))
            return True
        name, _, rest = line[1:].partition(" ")
        if name in ("quit", "exit"):
            return False
        commands: dict[str, Callable[[str], None]] = {
            "help": lambda _rest: self._line(HELP),
            "show": lambda _rest: self._show(),
            "failure": self._choose,
            "why": self._why,
            "apply": self._apply,
            "undo": lambda _rest: self._undo(),
            "run": self._run,
        }
        if name not in commands:
            raise GemmadevError(f"there is no /{name}; /help lists what there is")
        commands[name](rest.strip())
        return True

    # --- what is known ---------------------------------------------------------------------------

    @property
    def failure(self) -> Failure | None:
        """The failure that is talked about."""
        failures = self.last.failures if self.last is not None else ()
        return failures[self.place] if self.place < len(failures) else None

    def _known_failure(self) -> Failure:
        """The failure that is talked about; raises where none is known."""
        if self.failure is None:
            raise GemmadevError("no failure is known; /run looks for one")
        return self.failure

    def _show(self) -> None:
        failure = self._known_failure()
        for line in facts(failure.stack):
            self._line(line)
        self._line(f"{failure.status}: {failure.reason}")
        for number, patch in enumerate(failure.patches, 1):
            chosen = ", chosen" if patch.chosen else ""
            sure = f"{patch.confidence.value}, {percent(patch.probability)}"
            self._line(f"\npatch {number}{chosen}: {patch.explanation or patch.origin} ({sure})")
            self._line(patch.diff.rstrip("\n"))
        self._doubts(failure)
        self._help(failure)

    def _doubts(self, failure: Failure) -> None:
        """Says what tells the patches apart, and what speaks against the test."""
        if failure.question is not None:
            self._line(f"\nwhich is right? {sentence(failure.question)}")
            for shown, answer in zip(
                choices(failure.question), failure.question.answers, strict=True
            ):
                numbers = ", ".join(str(place + 1) for place in answer.patches)
                self._line(f"  {shown}: patch {numbers}")
        if failure.suspect_test is not None:
            self._line(f"\nis the test at fault? {describe_suspect(failure.suspect_test)}")
            for each in failure.suspect_test.evidence:
                self._line(f"  - {each}")

    def _help(self, failure: Failure) -> None:
        """Shows what helps where there is no patch."""
        for each in failure.advice:
            self._line(each)
        if failure.nearest:
            self._line(f"\n{failure.nearest}")

    def _choose(self, rest: str) -> None:
        failures = self.last.failures if self.last is not None else ()
        self.place = _parse_number(rest, len(failures), "failure") - 1
        self.turns.clear()
        self._show()

    def _find_patch(self, rest: str) -> tuple[int, Patch]:
        failure = self._known_failure()
        if not failure.patches:
            raise GemmadevError(f"no patch is known: {failure.reason}")
        number = _parse_number(rest or "1", len(failure.patches), "patch")
        return number, failure.patches[number - 1]

    def _why(self, rest: str) -> None:
        failure = self._known_failure()
        if not failure.patches:
            self._line(f"no patch: {failure.reason}")
            self._doubts(failure)
            self._help(failure)
            return
        number, patch = self._find_patch(rest)
        self._line(f"patch {number}: {patch.explanation or 'a change that was tried'}")
        self._line(f"proposed by {patch.origin}, candidate {patch.rank} in the order of trial")
        if patch.chosen:
            self._line(f"chosen: {failure.reason}")
        else:
            self._line("plausible too, and believed less than the chosen one")
        ratio = patch.log_likelihood
        of_model = "" if ratio is None else f", the model adds {ratio:+.1f} nats"
        sure = f"{patch.confidence.value}: {percent(patch.probability)} likely to be right"
        self._line(f"{sure} (score {patch.score:.1f}{of_model}); plausible is not correct: read it")
        self._doubts(failure)

    # --- what changes something ------------------------------------------------------------------

    def _apply(self, rest: str) -> None:
        number, *words = rest.split() or ["1"]
        count, patch = self._find_patch(number)
        if self._known_failure().is_offer and words != [SURE]:
            raise GemmadevError(
                f"patch {count} is only suggested: {self._known_failure().reason}; "
                f"/apply {count} {SURE} writes it"
            )
        changed = apply_patch(
            self.root,
            patch,
            note=f"gemmadev chat, patch {count}",
            name=f"patch {count}",
            undo="/undo",
        )
        self._line(f"changed {', '.join(changed)}; run your tests, /undo takes it back")

    def _undo(self) -> None:
        result = journal.undo(self.root)
        self._line(f"put back {', '.join(result.restored) or 'nothing'} ({result.note})")

    def _run(self, rest: str) -> None:
        with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
            command = [
                *(sys.executable, "-m", "pytest", "-q", f"--gemmadev-propose={folder}"),
                f"--gemmadev-model={self.options.model}",
                *([f"--gemmadev-adapter={self.options.adapter}"] if self.options.adapter else []),
                *shlex.split(rest),
            ]
            done = subprocess.run(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        self._line(done.stdout.rstrip("\n"))
        self.last, self.place = recall(self.root), 0
        self.turns.clear()

    def _line(self, text: str) -> None:
        self.write(f"{text}\n")


def _parse_number(text: str, count: int, what: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= count:
        there = f"there is {count}" if count == 1 else f"there are {count}"
        raise GemmadevError(f"which {what}? {there}: name one by its number")
    return int(text)
