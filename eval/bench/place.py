"""Where a repair looked for the fault, against where the author's fix lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from eval.cases.case import Case, Files
from pytest_gemmadev.search.localize import suspicious_functions
from pytest_gemmadev.types import Span, Suspicion


@dataclass(frozen=True, slots=True)
class Ranks:
    """Places in a list of suspicions, from 1; None where it is not among them."""

    function: int | None = None  # of the first suspicious function that the fix changes
    line: int | None = None  # of the first suspicious statement that the fix changes


def ranks_of(case: Case, suspicions: Sequence[Mapping[str, Any]]) -> Ranks:
    """The ranks of what the case's reference changes, in the ``suspicions`` of a report."""
    found = [
        Suspicion(Span(row["file"], row["line"], row["end_line"]), row["score"], row["technique"])
        for row in suspicions
    ]
    true = changed_lines(case.project, case.reference)
    sources = _texts(case.project, {s.span.path for s in found} | set(true))
    functions = suspicious_functions(found, sources)
    right = set(
        suspicious_functions(
            [
                Suspicion(Span(path, line, line), 1.0, "fix")
                for path in true
                for line in sorted(true[path])
            ],
            sources,
        )
    )
    return Ranks(
        function=_first(name in right for name in functions),
        line=_first(
            any(s.span.start_line <= line <= s.span.end_line for line in true.get(s.span.path, ()))
            for s in found
        ),
    )


def changed_lines(before: Files, fixed: Files) -> dict[str, set[int]]:
    """Lines of each file that the fix replaces; where it only inserts, the lines on both sides."""
    changed: dict[str, set[int]] = {}
    for path in sorted(fixed):
        old, new = (files.get(path, b"").splitlines() for files in (before, fixed))
        for tag, start, end, _, _ in SequenceMatcher(None, old, new, False).get_opcodes():
            if tag != "equal":
                around = (start, start + 1) if tag == "insert" else range(start + 1, end + 1)
                changed.setdefault(path, set()).update(n for n in around if 1 <= n <= len(old))
    return changed


def _first(hits: Iterable[bool]) -> int | None:
    return next((rank for rank, hit in enumerate(hits, start=1) if hit), None)


def _texts(files: Files, paths: set[str]) -> dict[str, str]:
    return {path: files[path].decode("utf-8", "replace") for path in paths if path in files}
