"""The order in which candidates are tried, and the choice among the plausible ones.

A candidate's score is a sum of natural logarithms: the prior of its kind of edit, the
suspiciousness of the place, and, where the model was asked, how much likelier the changed text is
than the old one. Everything that smells of overfitting costs: a literal copied out of the test, a
condition made constant, code deleted.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from pytest_gemmadev.core.types import (
    Candidate,
    Edit,
    ErrorKind,
    Frame,
    Model,
    RepairTask,
    Suspicion,
)

UNLOCATED = 0.05  # suspiciousness of a place that localization did not name
RULE_SHARE = 0.3  # a rule names its place itself: an import at the top, the definition misspelt
MODEL_WEIGHT = 0.35  # nats of score for a nat of the model's likelihood ratio
NATS_PER_CHARACTER = 0.5  # that code costs a small model; without it, deleting always looks likely
MODEL_LIMIT = 6.0  # nats that the model may add or take: it orders what is close, no more
PREFIX_CHARS = 1200  # of context before the edit, at least, and up to twice as many
SUFFIX_LINES = 1  # unchanged lines after the edit that the model reads as well
SUFFIX_CHARS = 160  # of them at most
_COPIED_LITERAL = 4.0
_CONSTANT_CONDITION = 2.5
_DELETION = 1.5
_REMOVAL = 2.5  # of part of an expression, with nothing in its place
_CHARACTER = 0.01  # small patches first


@dataclass(frozen=True, slots=True)
class Places:
    """Suspiciousness by line, for looking up where an edit falls."""

    by_path: Mapping[str, tuple[tuple[int, int, float], ...]]
    line_starts: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, suspicions: Sequence[Suspicion], sources: Mapping[str, str]) -> Places:
        by_path: dict[str, list[tuple[int, int, float]]] = {}
        for suspicion in suspicions:
            span = suspicion.span
            by_path.setdefault(span.path, []).append(
                (span.start_line, span.end_line, suspicion.score)
            )
        starts = {path: line_starts(sources[path]) for path in by_path if path in sources}
        return cls({path: tuple(rows) for path, rows in by_path.items()}, starts)

    def suspiciousness(self, candidate: Candidate) -> float:
        """Of the most suspicious line that the candidate touches."""
        best = UNLOCATED
        for edit in candidate.edits:
            starts = self.line_starts.get(edit.path)
            if starts is None:
                continue
            first = bisect_right(starts, edit.start)
            last = bisect_right(starts, max(edit.start, edit.end - 1))
            for start, end, score in self.by_path[edit.path]:
                if start <= last and first <= end and score > best:
                    best = score
        return best


def line_starts(text: str) -> tuple[int, ...]:
    """Offsets at which lines begin; ``\\r\\n``, ``\\n`` and ``\\r`` end one."""
    return (0, *(m.end() for m in re.finditer(r"\r\n|\n|\r", text)))


def prior_score(candidate: Candidate, task: RepairTask, places: Places) -> float:
    """The score before the model is asked. Higher is better."""
    located = log(places.suspiciousness(candidate))
    if candidate.origin.startswith("rule:"):
        located *= RULE_SHARE
    score = candidate.prior + located
    return score - overfitting_penalty(candidate, task) - _CHARACTER * _size(candidate)


def _size(candidate: Candidate) -> int:
    return min(200, sum(max(e.end - e.start, len(e.replacement)) for e in candidate.edits))


def model_scores(
    candidates: Sequence[Candidate], task: RepairTask, model: Model
) -> tuple[float, ...]:
    """How many nats likelier the text is with each candidate than without, as the model reads it.

    The changed lines and `SUFFIX_LINES` lines after them are scored after at least
    `PREFIX_CHARS` before. Texts of different length are compared at `NATS_PER_CHARACTER`, and the sum is kept
    within `MODEL_LIMIT`.
    """
    asked: dict[str, dict[str, None]] = {}
    pairs: list[tuple[str, str, str]] = []
    for candidate in candidates:
        prefix, old, new = scoring_context(candidate, task.sources)
        pairs.append((prefix, old, new))
        asked.setdefault(prefix, {}).update({old: None, new: None})
    known: dict[tuple[str, str], float] = {}
    for prefix, texts in sorted(asked.items()):  # neighbours share what was read
        values = model.score(prefix, tuple(texts))
        known.update({(prefix, t): v for t, v in zip(texts, values, strict=True)})
    return tuple(
        _bounded(
            known[prefix, new] - known[prefix, old] + NATS_PER_CHARACTER * (len(new) - len(old))
        )
        for prefix, old, new in pairs
    )


def _bounded(ratio: float) -> float:
    return max(-MODEL_LIMIT, min(MODEL_LIMIT, ratio))


def scoring_context(candidate: Candidate, sources: Mapping[str, str]) -> tuple[str, str, str]:
    """(what stands before, old text, new text), whole lines, of the first file that is edited."""
    path = candidate.edits[0].path
    edits = [e for e in candidate.edits if e.path == path]
    text = sources[path]
    starts = line_starts(text)
    first = starts[bisect_right(starts, edits[0].start) - 1]
    changed = bisect_right(starts, edits[-1].end)
    ends = [starts[n] if n < len(starts) else len(text) for n in (changed, changed + SUFFIX_LINES)]
    last = min(ends[1], ends[0] + SUFFIX_CHARS)
    new, at = "", first
    for edit in edits:
        new += text[at : edit.start] + edit.replacement
        at = edit.end
    new += text[at:last]
    # Edits near one another begin at one place, so that the model reads what they share once.
    anchor = max(0, first // PREFIX_CHARS - 1) * PREFIX_CHARS
    begin = starts[bisect_right(starts, anchor) - 1]
    return text[begin:first], text[first:last], new


# --- what smells of overfitting ------------------------------------------------------------------


def overfitting_penalty(candidate: Candidate, task: RepairTask) -> float:
    """Nats taken off for edits that make tests pass without repairing anything."""
    penalty = 0.0
    old_tokens: Counter[str] = Counter()
    new_tokens: Counter[str] = Counter()
    lines = 0
    for edit in candidate.edits:
        old, new = _changed_lines(task.sources[edit.path], edit)
        old_tokens.update(_TOKEN.findall(old))
        new_tokens.update(_TOKEN.findall(new))
        lines += new.count("\n") - old.count("\n")
        added = _literals(new) - _literals(old)
        if added:
            source = _literals(task.sources[edit.path])
            tests = frozenset().union(*(_literals(t) for t in task.context.values()))
            if any(literal in tests and literal not in source for literal in added):
                penalty += _COPIED_LITERAL
        if _CONSTANT.search(new) and not _CONSTANT.search(old):
            penalty += _CONSTANT_CONDITION
    further = new_tokens - old_tokens
    emptied = further.pop("pass", 0) > 0  # all that a block held
    if old_tokens - new_tokens and not further:
        penalty += _DELETION if lines < 0 or emptied else _REMOVAL
    return penalty


def _changed_lines(text: str, edit: Edit) -> tuple[str, str]:
    """The lines that an edit touches, before and after it: edits may begin inside a word."""
    first = text.rfind("\n", 0, edit.start) + 1
    end = text.find("\n", max(edit.start, edit.end - 1))
    last = len(text) if end < 0 else end + 1
    return text[first:last], text[first : edit.start] + edit.replacement + text[edit.end : last]


def adds_idle_arithmetic(candidate: Candidate, task: RepairTask) -> bool:
    """True for arithmetic that changes nothing, such as ``x + 0``."""
    for edit in candidate.edits:
        old, new = _changed_lines(task.sources[edit.path], edit)
        if _IDLE_ARITHMETIC.search(new) and not _IDLE_ARITHMETIC.search(old):
            return True
    return False


def copies_expected_number(candidate: Candidate, task: RepairTask) -> bool:
    """True when it writes a number that stands in the tests and nowhere in the file it changes.

    Such a patch answers the question that was asked instead of the one that was meant. A number
    one off from what stood there is let pass: it may well be the bound that was missed.
    """
    for edit in candidate.edits:
        text = task.sources[edit.path]
        added = _numbers(edit.replacement) - _numbers(text)
        if not added:
            continue
        start = text.rfind("\n", 0, edit.start) + 1
        old = [float(n) for n in (*_numbers(text[start : edit.end]), "0", "1", "2")]
        added = frozenset(n for n in added if all(abs(float(n) - o) > 1 for o in old))
        if any(added & _numbers(test) for test in task.context.values()):
            return True
    return False


def silences_check(candidate: Candidate, task: RepairTask) -> bool:
    """True when it takes out the project's own ``assert`` at which the failing test stops.

    Whatever that asserts, the test asks for it: helpers of tests are often part of a package. A file
    that is named as such and complains is not what has to change.
    """
    if not task.stacks or task.stacks[0].kind is not ErrorKind.ASSERTION:
        return False
    raised = task.stacks[0].frames[-1:]
    if not _is_source(raised, task):
        return False
    path, line = raised[0].path, raised[0].line
    if _HELPERS.search(path) and any(edit.path == path for edit in candidate.edits):
        return True
    text = task.sources[path]
    starts = line_starts(text)
    if line > len(starts) or not text[starts[line - 1] :].lstrip(" \t").startswith("assert"):
        return False
    checks = 0  # that the edits take out, at the line or around it
    for edit in candidate.edits:
        first, last = bisect_right(starts, edit.start), bisect_right(starts, edit.end)
        if edit.path == path and first <= line <= last:
            old, new = _changed_lines(text, edit)
            checks += len(_ASSERT.findall(old)) - len(_ASSERT.findall(new))
    return checks > 0


_HELPERS = re.compile(
    r"(?:^|/)_?(?:testing|test_?(?:utils?|helpers?|support)|assertions?)(?:/|\.py$)"
)
_ASSERT = re.compile(r"^[ \t]*assert\b", re.MULTILINE)
_STATEMENT_LINES = 12  # of a statement that a traceback names by its first line
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_FUNCTION_HEADS = ("def ", "async def ")
_UNBOUND = re.compile(r"local variable '(\w+)'(?: where it is not| referenced before)")


def leaves_undefined(candidate: Candidate, task: RepairTask) -> bool:
    """True when the error is a name that nothing defines, and the edits do not concern it.

    What makes such a failure vanish has only stepped around the line. A name in code that the project
    writes and runs is another matter: it stands in no file.
    """
    if not task.stacks or task.stacks[0].kind is not ErrorKind.NAME:
        return False
    match = _UNDEFINED.search(task.stacks[0].message)
    if match is None:
        return _leaves_unbound(candidate, task)
    name = re.compile(rf"\b{match[1]}\b")
    raised = task.stacks[0].frames[-1:]
    lines = task.sources[raised[0].path].splitlines() if _is_source(raised, task) else []
    if not lines or name.search("\n".join(lines[raised[0].line - 1 :][:_STATEMENT_LINES])) is None:
        return False
    for edit in candidate.edits:
        old, new = _changed_lines(task.sources[edit.path], edit)
        is_moved = name.search(new) is not None and old.split() == new.split()
        if is_moved or len(name.findall(old)) != len(name.findall(new)) or "import *" in new:
            return False
    return True


def _leaves_unbound(candidate: Candidate, task: RepairTask) -> bool:
    """The same of a local variable: binding it may hang on a condition, which may be what is wrong."""
    match = _UNBOUND.search(task.stacks[0].message)
    raised = task.stacks[0].frames[-1:]
    if match is None or not _is_source(raised, task):
        return False
    name = re.compile(rf"\b{match[1] or match[2]}\b")
    path, line = raised[0].path, raised[0].line
    lines = task.sources[path].splitlines()
    heads = _heads_around(lines, line) - _heads_of_uses(lines, name, line)
    for edit in candidate.edits:
        text = task.sources[edit.path]
        old, new = _changed_lines(text, edit)
        first = text.count("\n", 0, edit.start) + 1
        touched = set(range(first, first + max(1, old.count("\n"))))
        if edit.path != path or name.search(new) or not touched <= heads:
            return False
    return True


def _heads_around(lines: Sequence[str], line: int) -> set[int]:
    """Numbers of the lines under whose blocks ``line`` stands, up to its function's."""
    found: set[int] = set()
    depth = _depth(lines[line - 1]) if line <= len(lines) else 0
    for number in range(min(line, len(lines)) - 1, 0, -1):
        text = lines[number - 1]
        if text.strip() and _depth(text) < depth:
            if text.lstrip().startswith(_FUNCTION_HEADS):
                break
            depth = _depth(text)
            found.add(number)
    return found


def _heads_of_uses(lines: Sequence[str], name: re.Pattern[str], line: int) -> set[int]:
    """Numbers of the lines under whose blocks the name stands before ``line``, in its function."""
    found: set[int] = set()
    for number in range(min(line, len(lines)) - 1, 0, -1):
        if lines[number - 1].lstrip().startswith(_FUNCTION_HEADS):
            break
        if name.search(lines[number - 1]):
            found |= {number, *_heads_around(lines, number)}
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_source(frames: Sequence[Frame], task: RepairTask) -> bool:
    return bool(frames) and frames[0].in_project and frames[0].path in task.sources


@lru_cache(maxsize=1024)
def _numbers(text: str) -> frozenset[str]:
    """Decimal numbers in ``text``, the commonest left out."""
    return frozenset(x for x in _literals(text) if re.fullmatch(r"\d+(\.\d*)?", x))


_TRIVIAL = frozenset({"0", "1", "2", "''", '""', "0.0", "1.0"})
_TOKEN = re.compile(r"\w+|[<>=!+\-*/%&|^@:]=|\*\*=?|//=?|<<=?|>>=?|->|[^\w\s]")
_CONSTANT = re.compile(r"\b(if|elif|while|and|or|return)\s+(True|False)\b")
_IDLE_ARITHMETIC = re.compile(
    r"[+\-]=?\s*0\b(?![.\w])|(?:\*\*?|//?)=?\s*1\b(?![.\w])"
    r"|\+\s*(\w+)\s*-\s*\1\b|-\s*(\w+)\s*\+\s*\2\b"
)
_LITERAL = re.compile(
    r"""\b\d[\d_.]*(?:e[+-]?\d+)?\b | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" """, re.VERBOSE
)


@lru_cache(maxsize=4096)
def _literals(text: str) -> frozenset[str]:
    """Numbers and strings in ``text`` as written, quotes normalized, the commonest left out."""
    found = set()
    for raw in _LITERAL.findall(text):
        if raw in _TRIVIAL:
            continue
        try:
            found.add(repr(ast.literal_eval(raw)))
        except (ValueError, SyntaxError):
            found.add(raw)
    return frozenset(found)
