"""A repair report -> JSON, Markdown, patch files, and what a person reads at the end of a run.

Errors, names and diffs come from the user's code and may hold anything. Whatever is shown or
written as UTF-8 has control characters escaped and undecodable bytes replaced; only patch files
keep every byte.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_gemmadev.text.diff import files_of
from pytest_gemmadev.types import ErrorStack, Outcome, RankedPatch, RepairReport, Status, Suspicion

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1  # of the JSON format
_REPAIRED = (Status.REPAIRED, Status.PROPOSED)
_MAX_MESSAGE = 200  # characters of an error's message that a person is shown
_MAX_COMMENT = 60_000  # characters of Markdown; GitHub takes 65,536 in a comment
_SUSPICIONS = 200  # of a failure that JSON holds
_NAMES = 5  # tests of one group that are named
_WORDS = {
    Status.REPAIRED: "repaired",
    Status.PROPOSED: "patch proposed",
    Status.SUGGESTED: "suggested, not written",
    Status.UNREPAIRED: "not repaired",
    Status.FLAKY: "flaky, left alone",
    Status.SKIPPED: "skipped",
}


# --- JSON ----------------------------------------------------------------------------------------


def to_json(report: RepairReport) -> dict[str, Any]:
    """The report as ``report.json`` holds it: built-ins only, valid UTF-8, times in seconds."""
    counts = {status.value: 0 for status in Status}
    for outcome in report.outcomes:
        counts[outcome.status.value] += 1
    return {
        "version": VERSION,
        "model": report.model,
        "adapter": _decodable(report.adapter),
        "seed": report.seed,
        "seconds": round(report.seconds, 3),
        "failures": [_failure(outcome) for outcome in report.outcomes],
        "totals": {
            "failures": len(report.outcomes),
            **counts,
            "validations": sum(o.validations for o in report.outcomes),
            "refused": sum(o.refused for o in report.outcomes),
            "seconds": round(report.seconds, 3),
        },
        "confinement": report.confinement,
        "diff": _decodable(report.diff),
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    stack = outcome.stack
    error = f"{stack.error}: {stack.message}" if stack.message else stack.error
    return {
        "nodeid": _decodable(outcome.nodeid),
        "kind": stack.kind.value,
        "error": _decodable(error),
        "stack": [
            {"file": _decodable(f.path), "line": f.line, "function": f.function}
            for f in stack.frames
        ],
        "status": outcome.status.value,
        "reason": _decodable(outcome.reason),
        "patches": [_patch(patch) for patch in outcome.patches],
        "validations": outcome.validations,
        "refused": outcome.refused,
        "seconds": round(outcome.seconds, 3),
        "localizing_seconds": round(outcome.localizing_s, 3),
        "suspicions": [_suspicion(suspicion) for suspicion in outcome.suspicions[:_SUSPICIONS]],
    }


def _suspicion(suspicion: Suspicion) -> dict[str, Any]:
    span = suspicion.span
    return {
        "file": _decodable(span.path),
        "line": span.start_line,
        "end_line": span.end_line,
        "score": round(suspicion.score, 4),
        "technique": suspicion.technique,
    }


def _patch(patch: RankedPatch) -> dict[str, Any]:
    likelihood = patch.candidate.log_likelihood
    return {
        "diff": _decodable(patch.diff),
        "files": sorted({_decodable(edit.path) for edit in patch.candidate.edits}),
        "origin": patch.candidate.origin,
        "rank": patch.rank,
        "log_likelihood": likelihood if likelihood is None or math.isfinite(likelihood) else None,
        "plausible": True,  # the others are counted, not kept
        "chosen": patch.chosen,
        "score": round(patch.score, 3),
        "explanation": _decodable(patch.candidate.explanation),
    }


def _decodable(text: str) -> str:
    """The text without lone surrogates: they stand for bytes, which are shown as Latin-1."""
    return re.sub("[\udc80-\udcff]", lambda byte: chr(ord(byte[0]) - 0xDC00), text)


# --- patch files ---------------------------------------------------------------------------------


def patch_files(report: RepairReport) -> dict[str, str]:
    """Text by file name, ``0001-<slug>.patch``, of each chosen patch in the order found.

    What is only suggested is not among them: applying it has to be asked for.
    """
    chosen: dict[str, str] = {}  # the first failure by diff: two may have one repair
    for outcome in report.outcomes:
        for patch in _chosen(outcome) if outcome.status is not Status.SUGGESTED else ():
            if patch.diff:
                chosen.setdefault(patch.diff, outcome.nodeid)
    return {
        f"{number:04d}-{_slug(nodeid)}.patch": diff
        for number, (diff, nodeid) in enumerate(chosen.items(), start=1)
    }


def _slug(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    name = f"{file.rpartition('/')[2].removesuffix('.py')}-{test}".lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:60].rstrip("-") or "repair"


# --- Markdown ------------------------------------------------------------------------------------


def to_markdown(report: RepairReport) -> str:
    """A summary fit for a comment on a pull request; diffs that would not fit are left out."""
    parts = [f"### gemmadev: {_headline(report)}\n"]
    if report.outcomes:
        parts.append("| test | error | result |\n|---|---|---|\n" + _rows(report.outcomes))
    left = _MAX_COMMENT - sum(map(len, parts))
    omitted = 0
    for outcome in report.outcomes:
        for patch in _chosen(outcome):
            suggested = outcome.status is Status.SUGGESTED
            what = f"{outcome.nodeid} ({_WORDS[outcome.status]})" if suggested else outcome.nodeid
            details = _details(what, patch.diff)
            left -= len(details)
            if left < 0:
                omitted += 1
            else:
                parts.append(details)
    if omitted:
        parts.append(f"{_count(omitted, 'diff')} left out: too long for a comment.\n")
    if report.undo_hint:
        parts.append(f"Take it back with {code_span(report.undo_hint)}.\n")
    parts.append(f"Model {report.model}, seed {report.seed}.\n")
    return "\n".join(parts)


def _rows(outcomes: Sequence[Outcome]) -> str:
    rows: list[str] = []
    size = 0
    for index, o in enumerate(outcomes):
        result = f"{_WORDS[o.status]}: {_escaped(o.reason)}"
        cells = (code_span(o.nodeid), code_span(_error_line(o.stack)), result)
        row = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
        size += len(row)
        if size > _MAX_COMMENT // 2:
            return "".join((*rows, f"| and {len(outcomes) - index} more | | |\n"))
        rows.append(row)
    return "".join(rows)


def _details(nodeid: str, diff: str) -> str:
    text = _visible(diff.replace("\r\n", "\n")).rstrip("\n")
    fence = "`" * max(3, _longest_run(text) + 1)
    return (
        f"<details><summary><code>{_html(one_line(nodeid))}</code></summary>\n\n"
        f"{fence}diff\n{text}\n{fence}\n\n</details>\n"
    )


def code_span(text: str) -> str:
    """A code span, which nothing in the text can end."""
    text = one_line(text)
    fence = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]~#@])", r"\\\1", _html(one_line(text)))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


# --- terminal ------------------------------------------------------------------------------------


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
        text.append(_visible(line.label), style=line.style)
        text.append(_visible(line.text), style="" if line.label else line.style)
        indent = Text(" " * line.indent)
        folded = [text] if line.whole else text.wrap(console, max(20, console.width - line.indent))
        for part in folded:
            part.rstrip()
            console.print(indent + part if part else part, soft_wrap=True)


def _lines(report: RepairReport) -> Iterator[_Line]:
    groups = _groups(report.outcomes)
    for group in sorted(groups, key=lambda group: group[0].status not in _REPAIRED):
        yield _Line()
        yield from _group_lines(group)
    yield _Line()
    settled = all(o.status in _REPAIRED for o in report.outcomes)
    yield _Line(_headline(report), "bold green" if settled else "bold yellow")
    if report.undo_hint:
        yield _Line(f"take it back with: {report.undo_hint}")


def _groups(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Outcomes that one cause explains stand together, the one that tells most first."""
    groups: list[list[Outcome]] = []
    for outcome in outcomes:
        for group in groups:
            if _belongs(outcome, group[0]):
                group.append(outcome)
                break
        else:
            groups.append([outcome])
    return groups


def _belongs(outcome: Outcome, first: Outcome) -> bool:
    if outcome.patches or outcome.status is not first.status:
        return False
    if outcome.reason == f"the same cause as {first.nodeid}":
        return True
    return outcome.reason == first.reason and outcome.stack.signature == first.stack.signature


def _group_lines(group: Sequence[Outcome]) -> Iterator[_Line]:
    first = group[0]
    for outcome in group[:_NAMES]:
        yield _Line(outcome.nodeid, "bold", whole=True)
    if len(group) > _NAMES:
        yield _Line(f"and {_count(len(group) - _NAMES, 'other test')}", "bold")
    yield _Line(_error_line(first.stack), "red", indent=2)
    place = _place(first.stack)
    if place:
        yield _Line(place, "dim", indent=2, whole=True)
    repaired = first.status in _REPAIRED
    shown = repaired or first.status is Status.SUGGESTED
    label = f"{_WORDS[first.status]}: "
    yield _Line(first.reason, "bold green" if repaired else "bold yellow", indent=2, label=label)
    if shown:
        for patch in _chosen(first):
            yield _Line(_why(patch), "dim", indent=2)
            yield from _diff_lines(patch.diff)
        yield from _other_lines(first)


def _diff_lines(diff: str) -> Iterator[_Line]:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for file in files_of(diff):
        yield _Line(file.path, "bold", indent=4, whole=True)
        for hunk in file.hunks:
            for line in (hunk.header, *hunk.lines):
                shown = line.removesuffix("\n").removesuffix("\r")
                yield _Line(shown, styles.get(line[:1], ""), indent=4, whole=True)


def _other_lines(outcome: Outcome) -> Iterator[_Line]:
    others = [patch for patch in outcome.patches if not patch.chosen]
    if others:
        yield _Line("also plausible, not chosen:", "dim", indent=2)
    for patch in others:
        lines = [line.text for line in _diff_lines(patch.diff)]
        new = [line[1:].strip() for line in lines if line.startswith("+")]
        old = [f"without {line[1:].strip()}" for line in lines if line.startswith("-")]
        yield _Line(_clip(" ".join(new or old), 100), "dim", indent=4)


def _why(patch: RankedPatch) -> str:
    where_from = f"{patch.candidate.origin}, candidate {patch.rank}"
    told = patch.candidate.explanation
    return f"{told} ({where_from})" if told else where_from


def place_of(outcome: Outcome) -> tuple[str, int]:
    """(path, line) that a failure is shown at: where the project's own code failed, else its test."""
    frames = outcome.stack.project_frames
    if frames:
        return frames[-1].path, max(1, frames[-1].line)
    file = outcome.nodeid.partition("::")[0]
    return file, max((f.line for f in outcome.stack.frames if f.path == file), default=1)


def shown_error(stack: ErrorStack) -> str:
    """The error in one line."""
    return one_line(_error_line(stack))


def _place(stack: ErrorStack) -> str:
    frames = stack.project_frames or stack.frames
    return f"{frames[-1].path}:{frames[-1].line} in {frames[-1].function}" if frames else ""


# --- shared --------------------------------------------------------------------------------------


def _chosen(outcome: Outcome) -> list[RankedPatch]:
    return [patch for patch in outcome.patches if patch.chosen]


def _headline(report: RepairReport) -> str:
    total = len(report.outcomes)
    if not total:
        return "nothing failed"
    good = sum(o.status in _REPAIRED for o in report.outcomes)
    failures = f"{good} of {_count(total, 'failure')}"
    proposing = any(o.status is Status.PROPOSED for o in report.outcomes)
    done = f"a patch proposed for {failures}" if proposing else f"{failures} repaired"
    suggested = sum(o.status is Status.SUGGESTED for o in report.outcomes)
    done += f", {suggested} suggested" if suggested else ""
    return f"{done} in {report.seconds:.1f} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _error_line(stack: ErrorStack) -> str:
    first = next((line for line in stack.message.splitlines() if line.strip()), "")
    return _clip(f"{stack.error}: {first.strip()}" if first else stack.error, _MAX_MESSAGE)


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return " ".join(_visible(text).split())


def _visible(text: str) -> str:
    """The text with nothing in it that moves a cursor or starts a colour."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", _as_escape, _decodable(text))


def _as_escape(match: re.Match[str]) -> str:
    return f"\\x{ord(match.group()):02x}"
