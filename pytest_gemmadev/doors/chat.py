"""``gemmadev chat``: a talk about the last failure, in a terminal or through a pipe.

What is known of the failure is told without a model; free text is a question to it. Facts and the
talk so far go before each question, bounded, so that a model of 4096 tokens follows. Nothing is
changed but by ``/apply`` and ``/undo``.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_gemmadev.doors.apply import apply_patch
from pytest_gemmadev.doors.last_failures import Last, project_root, recall
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.report.failure_text import Failure, Patch, Turn, facts, question_prompt
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import (
    GemmadevError,
    Inapplicable,
    Model,
    Role,
    Sampling,
    Status,
    Streaming,
)

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
_STOPS = ("\nQuestion:", "\n\n\n")  # of a model that goes on from the text
_NOT_TRAINED = (
    "{} was not trained to talk and answers poorly; --model qwen-coder does better "
    "(pip install 'pytest-gemmadev[qwen-coder]')"
)


@dataclass(frozen=True, slots=True)
class Options:
    model: str = "gemmadev"
    adapter: str | None = None
    answer_s: float = 120.0  # for one answer
    tokens: int = 300  # of one answer
    seed: int = 0


@dataclass(slots=True)
class Chat:
    """One talk. ``write`` takes what is told, in pieces."""

    root: Path
    options: Options
    write: Callable[[str], object]
    last: Last | None = None
    place: int = 0  # of the failure that is talked about
    turns: list[Turn] = field(default_factory=list)
    _model: Model | None = None
    _deadline: float = 0.0

    def __post_init__(self) -> None:
        self.last = recall(self.root)

    def close(self) -> None:
        if self._model is not None:
            self._model.close()

    def opening(self) -> None:
        """Tells what the talk is about."""
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
                self._ask(line)
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

    def _known(self) -> Failure:
        if self.failure is None:
            raise GemmadevError("no failure is known; /run looks for one")
        return self.failure

    def _show(self) -> None:
        failure = self._known()
        for line in facts(failure.stack):
            self._line(line)
        self._line(f"{failure.status}: {failure.reason}")
        for number, patch in enumerate(failure.patches, 1):
            chosen = ", chosen" if patch.chosen else ""
            self._line(f"\npatch {number}{chosen}: {patch.explanation or patch.origin}")
            self._line(patch.diff.rstrip("\n"))

    def _choose(self, rest: str) -> None:
        failures = self.last.failures if self.last is not None else ()
        self.place = _number(rest, len(failures), "failure") - 1
        self.turns.clear()
        self._show()

    def _patch(self, rest: str) -> tuple[int, Patch]:
        failure = self._known()
        if not failure.patches:
            raise GemmadevError(f"no patch is known: {failure.reason}")
        number = _number(rest or "1", len(failure.patches), "patch")
        return number, failure.patches[number - 1]

    def _why(self, rest: str) -> None:
        failure = self._known()
        if not failure.patches:
            self._line(f"no patch: {failure.reason}")
            return
        number, patch = self._patch(rest)
        self._line(f"patch {number}: {patch.explanation or 'a change that was tried'}")
        self._line(f"proposed by {patch.origin}, candidate {patch.rank} in the order of trial")
        if patch.chosen:
            self._line(f"chosen: {failure.reason}")
        else:
            self._line("plausible too, and believed less than the chosen one")
        ratio = patch.log_likelihood
        told = "" if ratio is None else f", of which the model adds {ratio:+.1f} nats"
        self._line(f"belief {patch.score:.1f}{told}; plausible is not correct: read it")

    # --- what changes something ------------------------------------------------------------------

    def _apply(self, rest: str) -> None:
        number, *words = rest.split() or ["1"]
        count, patch = self._patch(number)
        if self._known().status == Status.SUGGESTED.value and words != [SURE]:
            raise GemmadevError(
                f"patch {count} is only suggested: {self._known().reason}; "
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

    # --- the model -------------------------------------------------------------------------------

    def _ask(self, question: str) -> None:
        """Puts the question to the model and tells the answer as it comes."""
        self._deadline = time.monotonic() + self.options.answer_s
        model = self._loaded()
        chat = model.info.has_chat_template
        prompt = question_prompt(self.failure, self.turns, question, read=self._read, chat=chat)
        sampling = Sampling(
            max_tokens=self.options.tokens,
            stop=() if chat else _STOPS,
            seed=self.options.seed,
            chat=chat,
        )
        answer = ""
        try:
            with contextlib.closing(_pieces(model, prompt, sampling)) as pieces:
                for piece in pieces:
                    shown = piece if answer else piece.lstrip()
                    answer += shown
                    self.write(shown)
                    if self._left_s() <= 0:
                        break
        finally:
            self.write("\n")
        if self._left_s() <= 0:
            self._line(f"(cut after {self.options.answer_s:g} s)")
        self.turns.append(Turn(question, answer.strip()))

    def _loaded(self) -> Model:
        if self._model is None:
            options = self.options
            self._model = load_model(
                options.model, adapter=options.adapter, threads=None, left_s=self._left_s
            )
            if self._model is None:
                raise GemmadevError("the model is 'none': name one with --model, or use /help")
            if not self._model.info.has_chat_template:
                self._line(_NOT_TRAINED.format(self._model.info.name))
        return self._model

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()

    def _read(self, path: str) -> str | None:
        scope = Scope(self.root)
        if scope.role(f"{scope.root}/{path}") is Role.OUTSIDE:
            return None
        try:
            decoded = decode_source(scope.read(path))
        except GemmadevError:
            return None
        return None if isinstance(decoded, Inapplicable) else decoded.text

    def _line(self, text: str) -> None:
        self.write(f"{text}\n")


def _pieces(model: Model, prompt: str, sampling: Sampling) -> Generator[str, None, None]:
    """The answer as it comes, all of it at the end from a model that does not stream."""
    if isinstance(model, Streaming):
        yield from model.stream(prompt, sampling)
    else:
        yield from (completion.text for completion in model.complete(prompt, sampling))


def talk(chat: Chat, lines: Iterable[str], *, attended: bool = False) -> int:
    """The exit status of a talk: 1 when something could not be done and nobody was there to see."""
    status = 0
    try:
        for line in lines:
            try:
                if not chat.say(line):
                    break
            except GemmadevError as error:
                status = 1
                print(f"gemmadev: {error}", file=sys.stderr, flush=True)
            except KeyboardInterrupt:  # ends an answer, not the talk
                if not attended:
                    raise
    finally:
        chat.close()
    return 0 if attended else status


def typed() -> Iterator[str]:
    """The lines that a person types; Ctrl-D ends them."""
    with contextlib.suppress(ImportError):  # none on Windows
        import readline  # noqa: F401 - gives input() its history
    while True:
        try:
            yield input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()


def chat(root: str | None, options: Options, question: str) -> int:
    """Talks about the last failure of a project; the exit status."""

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    session = Chat(project_root(root), options, write)
    if question:
        return talk(session, [question])
    if not sys.stdin.isatty():
        return talk(session, sys.stdin)
    session.opening()
    return talk(session, typed(), attended=True)


def _number(text: str, count: int, what: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= count:
        there = f"there is {count}" if count == 1 else f"there are {count}"
        raise GemmadevError(f"which {what}? {there}: name one by its number")
    return int(text)
