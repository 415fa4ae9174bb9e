"""How much likelier a model finds what the code gives than what the test expects."""

from __future__ import annotations

from pytest_gemmadev.search.claims.plain_values import exception_name
from pytest_gemmadev.search.test_faults.expectations import Means
from pytest_gemmadev.search.test_faults.subjects import Subject
from pytest_gemmadev.types import Model

_CHARACTERS = 2000  # of a function's head that the model reads


def nats_for_code(model: Model | None, subject: Subject, *, got: str, text: str) -> float:
    """The log-ratio of the two values as the output of the call in a doctest of the function.

    The model reads the signature and the docstring, which are in ``text``, the function's file, and
    not the body. 0 where there is no model that scores, or the values cannot be written as output.
    """
    if model is None or not model.info.can_score or not subject.is_whole:
        return 0.0
    if subject.stated.means is not Means.EQUAL or exception_name(got):
        return 0.0
    prefix = f"{_head(subject, text)}\n    >>> {subject.expression.text}\n    "
    ours, theirs = model.score(prefix, (f"{got}\n", f"{subject.stated.expected}\n"))
    return ours - theirs


def _head(subject: Subject, text: str) -> str:
    """The signature and the open docstring of the function."""
    function = subject.function
    lines = text.splitlines()[function.line - 1 : function.end_line]
    signature = next((n for n, line in enumerate(lines) if line.rstrip().endswith(":")), 0)
    head = "\n".join(lines[: signature + 1])
    words = "\n".join(f"    {line.strip()}" for line in function.docstring.strip().splitlines())
    return f'{head}\n    """{words.strip()}'[:_CHARACTERS]
