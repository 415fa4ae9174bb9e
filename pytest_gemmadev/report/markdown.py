"""A repair report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_gemmadev.report.advice_text import (
    advice_of,
    describe_nearest,
    nearest_lines,
    nearest_of,
)
from pytest_gemmadev.report.safe_text import count, one_line, visible
from pytest_gemmadev.report.wording import WORDS, chosen_patches, headline, show_error
from pytest_gemmadev.types import Outcome, RepairReport, Status

_MAX_COMMENT = 60_000  # characters; GitHub takes 65,536 in a comment


def to_markdown(report: RepairReport) -> str:
    """A summary fit for a comment on a pull request; diffs that would not fit are left out."""
    parts = [f"### gemmadev: {headline(report)}\n"]
    if report.outcomes:
        parts.append("| test | error | result |\n|---|---|---|\n" + _rows(report.outcomes))
    left = _MAX_COMMENT - sum(map(len, parts))
    omitted = 0
    for outcome in report.outcomes:
        for patch in chosen_patches(outcome):
            suggested = outcome.status is Status.SUGGESTED
            what = f"{outcome.nodeid} ({WORDS[outcome.status]})" if suggested else outcome.nodeid
            details = _details(what, patch.diff)
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
        result = f"{WORDS[o.status]}: {_escape(o.reason)}"
        cells = (code_span(o.nodeid), code_span(show_error(o.stack)), result)
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
        size += len(row)
        if size > _MAX_COMMENT // 2:
            return "".join((*rows, f"| and {len(outcomes) - index} more | | |\n"))
        rows.append(row)
    return "".join(rows)


def _help(outcome: Outcome) -> str:
    """What helps where nothing was repaired; empty where there is nothing."""
    lines = [f"- {_escape(sentence)}" for sentence in advice_of(outcome)]
    nearest = nearest_of(outcome)
    if nearest is not None:
        lines += [f"\n{_escape(describe_nearest(nearest))}\n", _fenced(nearest_lines(nearest))]
    if not lines:
        return ""
    name = f"<code>{_escape_html(one_line(outcome.nodeid))}</code>"
    body = "\n".join(lines)
    return f"<details><summary>{name}: not repaired</summary>\n\n{body}\n\n</details>\n"


def _fenced(lines: Sequence[str]) -> str:
    text = visible("\n".join(lines))
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}diff\n{text}\n{fence}"


def _details(nodeid: str, diff: str) -> str:
    text = diff.replace("\r\n", "\n").rstrip("\n")
    return (
        f"<details><summary><code>{_escape_html(one_line(nodeid))}</code></summary>\n\n"
        f"{_fenced([text])}\n\n</details>\n"
    )


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
