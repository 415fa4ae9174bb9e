"""What CPython makes of a text: its syntax tree, or the first fault with message and place."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pytest_gemmadev.propose.syntax.fstrings import quoting_fault

Target = tuple[int, int]
"""A Python version, ``(3, 12)``."""

_TOKENIZER = (
    "unterminated",
    "never closed",
    "unmatched",
    "does not match",
    "EOF in multi",
    "non-printable",
    "invalid character",
    "line continuation",
    "literal",
    "leading zeros",
    "inconsistent use of tabs",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first error that the compiler reports. Lines and columns count from 0."""

    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    error: str = "SyntaxError"  # or ``IndentationError``, ``TabError``
    is_late: bool = False  # found after parsing: ``'return' outside function``

    @property
    def is_lexical(self) -> bool:
        """True when the tokenizer found it; CPython reports those before faults further up."""
        return any(mark in self.message for mark in _TOKENIZER)

    @property
    def is_of_target(self) -> bool:
        """True where only an older Python objects."""
        return "only supported in Python" in self.message or "need Python" in self.message

    @property
    def text(self) -> str:
        """As a person reads it: ``line 3: invalid syntax``."""
        return f"line {self.line + 1}: {self.message}"


class Unparsable(Exception):
    """The parser gave up for a reason that no edit can mend: nesting, memory."""


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps the compiler's warnings about the text from the user, and from becoming errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def compiled(text: str, target: Target | None = None) -> ast.Module | Fault:
    """The syntax tree, or the first fault. Raises `Unparsable`. Call it `quietly`."""
    version = target if target is not None and target < sys.version_info[:2] else None
    try:
        tree = ast.parse(text, "<file>", feature_version=version)
    except SyntaxError as error:
        return _fault(error, is_late=False)
    except (ValueError, UnicodeError) as error:  # NUL characters, lone surrogates
        return Fault(str(error), 0, 0, 0, 0)
    except (MemoryError, RecursionError) as error:
        raise Unparsable("it is nested too deeply for Python's parser") from error
    if version is not None and version < (3, 12) and (quoting := quoting_fault(text, tree)):
        line, column, message = quoting
        return Fault(message, line, column, line, column + 1)
    return tree


def find_fault(text: str, target: Target | None = None) -> Fault | None:
    """The first fault of a whole file, compiled to the end; None where it compiles.

    Call it `quietly`. Where nothing older is asked for, a sound text is never made into Python
    objects, which takes twice as long as compiling it.
    """
    late = late_fault(text)
    if late is None and (target is None or target >= sys.version_info[:2]):
        return None
    tree = compiled(text, target)
    return tree if isinstance(tree, Fault) else late


def late_fault(text: str) -> Fault | None:
    """What the compiler objects to in a text that parses: a ``return`` outside a function, …"""
    try:
        compile(text, "<file>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return _fault(error, is_late=True)
    except ValueError as error:
        return Fault(str(error), 0, 0, 0, 0, is_late=True)
    except (MemoryError, RecursionError) as error:
        raise Unparsable("it is nested too deeply for Python's compiler") from error
    return None


def _fault(error: SyntaxError, *, is_late: bool) -> Fault:
    line = max(0, (error.lineno or 1) - 1)
    column = max(0, (error.offset or 1) - 1)
    end_line = max(line, (error.end_lineno or 0) - 1)
    end_column = (error.end_offset or 0) - 1
    if end_column < 0 or (end_line == line and end_column < column):
        end_column = column
    return Fault(
        error.msg or "invalid syntax", line, column, end_line, end_column, type(error).__name__,
        is_late,
    )  # fmt: skip
