"""``gemmadev chat``: a talk about the last failure, in a terminal or through a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator

from pytest_gemmadev.doors.answers import Options
from pytest_gemmadev.doors.conversation import Conversation
from pytest_gemmadev.doors.last_failures import project_root
from pytest_gemmadev.types import GemmadevError


def talk(conversation: Conversation, lines: Iterable[str], *, attended: bool = False) -> int:
    """Says each of the lines; the exit status, 1 when a line failed and nobody was there to see it."""
    status = 0
    try:
        for line in lines:
            try:
                if not conversation.say(line):
                    break
            except GemmadevError as error:
                status = 1
                print(f"gemmadev: {error}", file=sys.stderr, flush=True)
            except KeyboardInterrupt:  # ends an answer, not the talk
                if not attended:
                    raise
    finally:
        conversation.close()
    return 0 if attended else status


def read_typed_lines() -> Iterator[str]:
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

    conversation = Conversation(project_root(root), options, write)
    if question:
        return talk(conversation, [question])
    if not sys.stdin.isatty():
        return talk(conversation, sys.stdin)
    conversation.open()
    return talk(conversation, read_typed_lines(), attended=True)
