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

from pytest_gemmadev.search.limits import DEFAULT, Limits
from pytest_gemmadev.text.lines import line_around, line_number, line_numbers, line_starts
from pytest_gemmadev.types import Candidate, Edit, Model, OriginKind, RepairTask, Suspicion


@dataclass(frozen=True, slots=True)
class Places:
    """Suspiciousness by line, for looking up where an edit falls."""

    by_path: Mapping[str, tuple[tuple[int, int, float], ...]]
    line_starts: Mapping[str, tuple[int, ...]]
    unlocated: float = DEFAULT.unlocated  # suspiciousness of all other lines

    @classmethod
    def of(
        cls,
        suspicions: Sequence[Suspicion],
        sources: Mapping[str, str],
        *,
        limits: Limits = DEFAULT,
    ) -> Places:
        """The lines of the suspicions; of a file that is not in ``sources``, none."""
        by_path: dict[str, list[tuple[int, int, float]]] = {}
        for suspicion in suspicions:
            span = suspicion.span
            by_path.setdefault(span.path, []).append(
                (span.start_line, span.end_line, suspicion.score)
            )
        starts = {path: line_starts(sources[path]) for path in by_path if path in sources}
        return cls({path: tuple(rows) for path, rows in by_path.items()}, starts, limits.unlocated)

    def suspiciousness(self, candidate: Candidate) -> float:
        """Of the most suspicious line that the candidate touches."""
        best = self.unlocated
        for edit in candidate.edits:
            starts = self.line_starts.get(edit.path)
            if starts is None:
                continue
            lines = line_numbers(starts, edit.start, edit.end)
            for start, end, score in self.by_path[edit.path]:
                if start < lines.stop and lines.start <= end and score > best:
                    best = score
        return best


def prior_score(
    candidate: Candidate, task: RepairTask, places: Places, *, limits: Limits = DEFAULT
) -> float:
    """The score before the model is asked, in nats. Higher is better."""
    located = log(places.suspiciousness(candidate))
    if candidate.origin.kind is OriginKind.RULE:
        located *= limits.rule_location
    score = candidate.prior + located
    size = sum(max(e.end - e.start, len(e.replacement)) for e in candidate.edits)
    small = limits.per_character * min(limits.size_chars, size)
    return score - overfitting_penalty(candidate, task, limits=limits) - small


def model_scores(
    candidates: Sequence[Candidate],
    task: RepairTask,
    model: Model,
    *,
    limits: Limits = DEFAULT,
) -> tuple[float, ...]:
    """How many nats likelier the text is with each candidate than without, as the model reads it.

    The changed lines and ``limits.suffix_lines`` lines after them are scored after at least
    ``limits.prefix_chars`` before. Texts of different length are compared at
    ``limits.nats_per_character``, and the sum is kept within ``limits.model_nats``.
    """
    asked: dict[str, dict[str, None]] = {}
    pairs: list[tuple[str, str, str]] = []
    for candidate in candidates:
        prefix, old, new = scoring_context(candidate, task.sources, limits=limits)
        pairs.append((prefix, old, new))
        asked.setdefault(prefix, {}).update({old: None, new: None})
    known: dict[tuple[str, str], float] = {}
    for prefix, texts in sorted(asked.items()):  # neighbours share what was read
        values = model.score(prefix, tuple(texts))
        known.update({(prefix, t): v for t, v in zip(texts, values, strict=True)})
    most, each = limits.model_nats, limits.nats_per_character
    ratios = (
        known[prefix, new] - known[prefix, old] + each * (len(new) - len(old))
        for prefix, old, new in pairs
    )
    return tuple(max(-most, min(most, ratio)) for ratio in ratios)


def likelihood_gain(
    candidate: Candidate,
    task: RepairTask,
    model: Model,
    *,
    per_character: float,
    limits: Limits = DEFAULT,
) -> float:
    """Nats by which the model finds the text likelier with the candidate, ``per_character`` made up for."""
    prefix, old, new = scoring_context(candidate, task.sources, limits=limits)
    before, after = model.score(prefix, (old, new))
    return after - before + per_character * (len(new) - len(old))


def scoring_context(
    candidate: Candidate, sources: Mapping[str, str], *, limits: Limits = DEFAULT
) -> tuple[str, str, str]:
    """(what stands before, old text, new text), whole lines, of the first file that is edited."""
    path = candidate.edits[0].path
    edits = [e for e in candidate.edits if e.path == path]
    text = sources[path]
    starts = line_starts(text)
    first = starts[line_number(starts, edits[0].start) - 1]
    changed = line_number(starts, edits[-1].end)
    ends = [
        starts[n] if n < len(starts) else len(text)
        for n in (changed, changed + limits.suffix_lines)
    ]
    last = min(ends[1], ends[0] + limits.suffix_chars)
    new, at = "", first
    for edit in edits:
        new += text[at : edit.start] + edit.replacement
        at = edit.end
    new += text[at:last]
    # Edits near one another begin at one place, so that the model reads what they share once.
    anchor = max(0, first // limits.prefix_chars - 1) * limits.prefix_chars
    begin = starts[line_number(starts, anchor) - 1]
    return text[begin:first], text[first:last], new


# --- what smells of overfitting ------------------------------------------------------------------


def overfitting_penalty(
    candidate: Candidate, task: RepairTask, *, limits: Limits = DEFAULT
) -> float:
    """Nats taken off for edits that make tests pass without repairing anything."""
    nats = {
        "copied_literal": limits.copied_literal,
        "constant_condition": limits.constant_condition,
        "deletion": limits.deletion,
        "removal": limits.removal,
    }
    return sum(nats[sign] for sign in overfitting_signs(candidate, task))


def overfitting_signs(candidate: Candidate, task: RepairTask) -> list[str]:
    """What smells of overfitting, by name: one for each edit that has it.

    ``copied_literal``: a literal of the tests that the source did not have; ``constant_condition``;
    ``deletion`` of lines, ``removal`` of part of an expression, with nothing in their place.
    """
    signs: list[str] = []
    old_tokens: Counter[str] = Counter()
    new_tokens: Counter[str] = Counter()
    lines = 0
    for edit in candidate.edits:
        old, new = lines_before_and_after(task.sources[edit.path], edit)
        old_tokens.update(_TOKEN.findall(old))
        new_tokens.update(_TOKEN.findall(new))
        lines += new.count("\n") - old.count("\n")
        added = literals(new) - literals(old)
        if added:
            source = literals(task.sources[edit.path])
            tests = frozenset().union(*(literals(t) for t in task.context.values()))
            if any(literal in tests and literal not in source for literal in added):
                signs.append("copied_literal")
        if _CONSTANT.search(new) and not _CONSTANT.search(old):
            signs.append("constant_condition")
    further = new_tokens - old_tokens
    emptied = further.pop("pass", 0) > 0  # all that a block held
    if old_tokens - new_tokens and not further:
        signs.append("deletion" if lines < 0 or emptied else "removal")
    return signs


def tokens_changed(candidate: Candidate, task: RepairTask) -> tuple[Counter[str], Counter[str]]:
    """(tokens taken out, tokens put in), counted over the lines that the edits touch."""
    old_tokens: Counter[str] = Counter()
    new_tokens: Counter[str] = Counter()
    for edit in candidate.edits:
        old, new = lines_before_and_after(task.sources[edit.path], edit)
        old_tokens.update(_TOKEN.findall(old))
        new_tokens.update(_TOKEN.findall(new))
    return old_tokens - new_tokens, new_tokens - old_tokens


def lines_before_and_after(text: str, edit: Edit) -> tuple[str, str]:
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
