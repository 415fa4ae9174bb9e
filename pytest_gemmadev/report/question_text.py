"""A question that tells plausible patches apart, in words."""

from __future__ import annotations

from pytest_gemmadev.text.windows import distinguish
from pytest_gemmadev.types import Question

_WIDTH = 60  # characters of a result that are shown, about


def sentence(question: Question) -> str:
    """The question in one line: ```total([])`: 0 or None?``."""
    shown = choices(question)
    return f"`{question.call}`: {', '.join(shown[:-1])} or {shown[-1]}?"


def choices(question: Question) -> list[str]:
    """The results as they are shown, in the order of the answers; no two of them look the same."""
    return distinguish([answer.result for answer in question.answers], _WIDTH)


def describe_answers(question: Question, number: int) -> str:
    """How each answer of suggestion ``number`` is applied."""
    ways = [f"--answer {place} for {shown}" for place, shown in enumerate(choices(question), 1)]
    kept = "; with --test the answer is kept as a test" if question.path else ""
    return f"one answer settles it: gemmadev apply {number} {', '.join(ways)}{kept}"
