"""A repair report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.report.advice_text import (
    advice_of,
    describe_nearest,
    nearest_lines,
    nearest_of,
)
from pytest_gemmadev.report.question_text import choices, describe_answers, sentence
from pytest_gemmadev.report.ready_test import make_test
from pytest_gemmadev.report.safe_text import count, one_line, visible
from pytest_gemmadev.report.wording import (
    DONE,
    chosen_patches,
    describe_suspect,
    headline,
    number_offers,
    result_words,
    show_error,
)
from pytest_gemmadev.types import Outcome, Question, RepairReport

_MAX_COMMENT = 60_000  # characters; GitHub takes 65,536 in a comment


def to_markdown(report: RepairReport) -> str:
    """A summary fit for a comment on a pull request; diffs that would not fit are left out."""
    parts = [f"### gemmadev: {headline(report)}\n"]
    if report.outcomes:
        parts.append("| test | error | result |\n|---|---|---|\n" + _rows(report.outcomes))
    left = _MAX_COMMENT - sum(map(len, parts))
    omitted = 0
    numbers = number_offers(report.outcomes)
    for outcome in report.outcomes:
        for details in _describe(outcome, numbers.get(outcome.nodeid, 0)):
            left -= len(details)
            if left < 0:
                omitted += 1
            else:
                parts.append(details)
        help_ = _help(outcome)
        if help_ and len(help_) <= left:
            left -= len(help_)
            parts.append(help_)
    if omitted:
        parts.append(f"{count(omitted, 'diff')} left out: too long for a comment.\n")
    if report.undo_hint:
        parts.append(f"Take it back with {code_span(report.undo_hint)}.\n")
    parts.append(f"Model {report.model}, seed {report.seed}.\n")
    return "\n".join(parts)


def _rows(outcomes: Sequence[Outcome]) -> str:
    rows: list[str] = []
    size = 0
    for index, o in enumerate(outcomes):
        result = f"{result_words(o)}: {_escape(o.reason)}"
        cells = (code_span(o.nodeid), code_span(show_error(o.stack)), result)
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
        size += len(row)
        if size > _MAX_COMMENT // 2:
            return "".join((*rows, f"| and {len(outcomes) - index} more | | |\n"))
        rows.append(row)
    return "".join(rows)


def _describe(outcome: Outcome, number: int) -> Iterator[str]:
    """Parts of the summary that fold away, one for each thing that a failure has come to.

    ``number`` is that of `gemmadev apply`; 0 where there is nothing to apply.
    """
    written = outcome.status in DONE
    for patch in chosen_patches(outcome):
        what = outcome.nodeid if written else f"{outcome.nodeid} ({result_words(outcome)})"
        below = "" if outcome.question is None else _describe_question(outcome.question, number)
        yield _details(what, _fenced(patch.diff, "diff") + below)
    suspect = outcome.suspect_test
    if suspect is not None:
        points = "".join(f"- {_escape(each)}\n" for each in suspect.evidence)
        diff = f"\n{_fenced(suspect.diff, 'diff')}" if suspect.diff else ""
        command = code_span(f"gemmadev apply {number} --test")
        how = f"\n{command} changes the test.\n" if suspect.diff and number else ""
        about = f"{_escape(describe_suspect(suspect))}\n\n{points}{diff}{how}"
        yield _details(f"{outcome.nodeid} (is the test at fault?)", about)


def _describe_question(question: Question, number: int) -> str:
    """The question, how it is answered, and for each answer the test that would hold it."""
    parts = [f"\nWhich is right? {code_span(sentence(question))}\n"]
    parts += [f"\n{_escape(describe_answers(question, number))}\n"] if number else []
    for answer, shown in zip(question.answers, choices(question), strict=True):
        test = make_test(question, answer.result)
        parts += [f"\nIf it is {code_span(shown)}:\n\n{_fenced(test, 'python')}"] if test else []
    return "".join(parts)


def _help(outcome: Outcome) -> str:
    """What helps where nothing was repaired; empty where there is nothing."""
    lines = [f"- {_escape(each)}" for each in advice_of(outcome)]
    nearest = nearest_of(outcome)
    if nearest is not None:
        diff = "\n".join(nearest_lines(nearest))
        lines += [f"\n{_escape(describe_nearest(nearest))}\n", _fenced(diff, "diff").rstrip("\n")]
    if not lines:
        return ""
    name = f"<code>{_escape_html(one_line(outcome.nodeid))}</code>"
    body = "\n".join(lines)
    return f"<details><summary>{name}: not repaired</summary>\n\n{body}\n\n</details>\n"


def _details(title: str, body: str) -> str:
    return (
        f"<details><summary><code>{_escape_html(one_line(title))}</code></summary>\n\n"
        f"{body}\n</details>\n"
    )


def _fenced(text: str, language: str) -> str:
    text = visible(text.replace("\r\n", "\n")).rstrip("\n")
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def code_span(text: str) -> str:
    """The string as a code span that nothing in it can end."""
    text = one_line(text)
    fence = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]~#@])", r"\\\1", _escape_html(one_line(text)))


def _escape_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
