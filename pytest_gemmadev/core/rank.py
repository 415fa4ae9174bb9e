"""The order in which candidates are tried, and the choice among the plausible ones.

A candidate's score is a sum of natural logarithms: the prior of its kind of edit, the
suspiciousness of the place, and, where the model was asked, how much likelier the changed text is
than the old one. Everything that smells of overfitting costs: a literal copied out of the test, a
condition made constant, code deleted.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from pytest_gemmadev.text.lines import line_around, line_number, line_numbers, line_starts
from pytest_gemmadev.types import Candidate, Edit, Model, RepairTask, Suspicion

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
            lines = line_numbers(starts, edit.start, edit.end)
            for start, end, score in self.by_path[edit.path]:
                if start < lines.stop and lines.start <= end and score > best:
                    best = score
        return best


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
    first = starts[line_number(starts, edits[0].start) - 1]
    changed = line_number(starts, edits[-1].end)
    ends = [starts[n] if n < len(starts) else len(text) for n in (changed, changed + SUFFIX_LINES)]
    last = min(ends[1], ends[0] + SUFFIX_CHARS)
    new, at = "", first
    for edit in edits:
        new += text[at : edit.start] + edit.replacement
        at = edit.end
    new += text[at:last]
    # Edits near one another begin at one place, so that the model reads what they share once.
    anchor = max(0, first // PREFIX_CHARS - 1) * PREFIX_CHARS
    begin = starts[line_number(starts, anchor) - 1]
    return text[begin:first], text[first:last], new


# --- what smells of overfitting ------------------------------------------------------------------


def overfitting_penalty(candidate: Candidate, task: RepairTask) -> float:
    """Nats taken off for edits that make tests pass without repairing anything."""
    penalty = 0.0
    old_tokens: Counter[str] = Counter()
    new_tokens: Counter[str] = Counter()
    lines = 0
    for edit in candidate.edits:
        old, new = changed_lines(task.sources[edit.path], edit)
        old_tokens.update(_TOKEN.findall(old))
        new_tokens.update(_TOKEN.findall(new))
        lines += new.count("\n") - old.count("\n")
        added = literals(new) - literals(old)
        if added:
            source = literals(task.sources[edit.path])
            tests = frozenset().union(*(literals(t) for t in task.context.values()))
            if any(literal in tests and literal not in source for literal in added):
                penalty += _COPIED_LITERAL
        if _CONSTANT.search(new) and not _CONSTANT.search(old):
            penalty += _CONSTANT_CONDITION
    further = new_tokens - old_tokens
    emptied = further.pop("pass", 0) > 0  # all that a block held
    if old_tokens - new_tokens and not further:
        penalty += _DELETION if lines < 0 or emptied else _REMOVAL
    return penalty


def changed_lines(text: str, edit: Edit) -> tuple[str, str]:
    """The lines that an edit touches, before and after it: edits may begin inside a word."""
    first, last = line_around(text, edit.start, max(edit.start, edit.end - 1))
    return text[first:last], text[first : edit.start] + edit.replacement + text[edit.end : last]


_TRIVIAL = frozenset({"0", "1", "2", "''", '""', "0.0", "1.0"})
_TOKEN = re.compile(r"\w+|[<>=!+\-*/%&|^@:]=|\*\*=?|//=?|<<=?|>>=?|->|[^\w\s]")
_CONSTANT = re.compile(r"\b(if|elif|while|and|or|return)\s+(True|False)\b")
_LITERAL = re.compile(
    r"""\b\d[\d_.]*(?:e[+-]?\d+)?\b | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" """, re.VERBOSE
)


@lru_cache(maxsize=4096)
def literals(text: str) -> frozenset[str]:
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
