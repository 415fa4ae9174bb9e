"""Every fix that could mend a fault, from all families, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pytest_gemmadev.propose.syntax import (
    characters,
    conflicts,
    foreign_lines,
    indents,
    long_strings,
    misplaced,
    neighbours,
    newlines,
    older_python,
    pasted_lines,
    python2,
    quotes,
    spans,
    unfinished,
    words,
)
from pytest_gemmadev.propose.syntax.compiler import Fault, Target
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.fault_window import Window, moved
from pytest_gemmadev.propose.syntax.levels import Layout
from pytest_gemmadev.propose.syntax.mend import FAMILIES, Mended, Splicer, fault_offset, mend
from pytest_gemmadev.propose.syntax.statement import Statement, standing
from pytest_gemmadev.propose.syntax.surroundings import Surroundings
from pytest_gemmadev.propose.syntax.text_layout import (
    Rows,
    bracketed,
    indent,
    next_code,
    shifted,
    statement_at,
    statements,
)

BESIDE = 4  # lines before and behind that tell what a line looks like there
UNCHECKED = 15  # edits of quotes tried without a look at their statement
_BEFORE, _BEHIND = 0.6, 1.5  # nats: the statement before the fault, the one behind it


@dataclass(slots=True)
class Gatherer:
    """Finds fixes for the faults of drafts of one text; remembers what it worked out."""

    target: Target | None
    late: Callable[[], bool]
    _mended: dict[tuple[str, bool, int], list[Mended]] = field(default_factory=dict)
    _around: dict[int, Surroundings] = field(default_factory=dict)

    def stages(self, lines: Sequence[str], fault: Fault, window: Window) -> Iterator[list[Fix]]:
        """Fixes for one fault by the rows of ``lines``, each stage sorted by cost.

        Where an early stage holds one that mends the fault for little, the later need no look.
        """
        certain = [
            *characters.fixes(lines, fault),
            *conflicts.fixes(lines, self.target),
            *pasted_lines.fixes(lines, fault),
            *misplaced.fixes(lines, fault),
            *python2.unpacked(lines, fault.line),
            *neighbours.fixes(lines, fault),
            *([] if fault.is_late else spans.fixes(lines, fault)),
        ]
        if self.target is not None:
            certain += older_python.fixes(lines, fault)
        if certain:
            yield _sorted(certain)
        part = lines[window.first : window.last]
        here = moved(fault, -window.first, window.last)
        near: list[Fix] = []
        if "triple-quoted" in fault.message:
            near += long_strings.strings(part, here)
        elif not fault.is_late:
            near += self._statement_fixes(lines, part, here, window)
            near += long_strings.strings(part, here)
            near += foreign_lines.comments(part, here)
            near += long_strings.quoted_code(part, here)
            near += newlines.fixes(part, here, self.target)
            near += unfinished.fixes(part, here)
        near += indents.fixes(Layout(part, here))
        near += foreign_lines.outcast(part, here)
        yield _sorted([shift(fix, window.first) for fix in near])

    # --- one statement ---------------------------------------------------------------------------

    def _statement_fixes(
        self, lines: Sequence[str], part: Sequence[str], fault: Fault, window: Window
    ) -> Iterator[Fix]:
        """Edits of the statement at the fault, of the ones beside it, of those cut at a line end."""
        rows = statements(part)
        around = self._surroundings(lines, window.first + fault.line)
        for one, extra in _suspects(part, rows, fault):
            s = _broken(part, one, around, self.target)
            if s is None:
                continue
            made = list(self._made(s, one, extra, FAMILIES))
            yield from made
            if any(token.kind == "open" for token in s.tokens):
                yield from _unchecked(s, one, extra)
            if fault.error != "SyntaxError":
                yield from _levelled(part, rows, one, made)

    def _surroundings(self, lines: Sequence[str], row: int) -> Surroundings:
        place = row // 8
        if place not in self._around:
            self._around[place] = Surroundings.of(lines, row, row + 1)
        return self._around[place]

    def _made(
        self, s: Statement, rows: Rows, extra: float, families: tuple[Splicer, ...]
    ) -> Iterator[Fix]:
        key = (s.text, s.opens_block, len(families))
        if key not in self._mended:
            self._mended[key] = mend(s, families=families, late=self.late)
        for made in self._mended[key]:
            change = Change(rows.first, rows.last, tuple(made.text.split("\n")))
            yield Fix((_narrow(change, s.text),), made.cost + extra, made.name, made.note)

    # --- one mistake made all over the file ------------------------------------------------------

    def everywhere(self, lines: Sequence[str], fix: Fix) -> Fix | None:
        """The same kind of fix at every statement that does not stand; None where there is one."""
        families = _EVERYWHERE.get(fix.name)
        if families is None:
            return None
        around = self._surroundings(lines, fix.first)
        changes: list[Change] = []
        for one in statements(lines):
            if self.late():
                return None
            text = "\n".join(lines[one.first : one.last])
            if fix.name == "python2" and (new := python2.printed(text)):
                changes.append(Change(one.first, one.last, tuple(new.split("\n"))))
                continue
            s = _broken(lines, one, around, self.target)
            if s is None:
                continue
            best = next(iter(mend(s, families=families, depth=2)), None)
            if best is not None and best.name == fix.name and best.cost < 1.5:
                change = Change(one.first, one.last, tuple(best.text.split("\n")))
                changes.append(_narrow(change, s.text))
        if len(changes) < 2:
            return None
        return Fix(tuple(changes), fix.cost - 0.05, fix.name, fix.note)


_EVERYWHERE: dict[str, tuple[Splicer, ...]] = {
    "python2": (python2.splices, words.splices),
    "operator": (words.splices,),
    "keyword": (words.splices,),
    "comparison": (words.splices,),
    "colon": (words.splices,),
}


def _sorted(fixes: list[Fix]) -> list[Fix]:
    return sorted(fixes, key=lambda fix: fix.cost)


def shift(fix: Fix, rows: int) -> Fix:
    """The fix with its rows counted from the top of the file."""
    changes = tuple(Change(c.first + rows, c.last + rows, c.lines) for c in fix.changes)
    return replace(fix, changes=changes)


def _unchecked(s: Statement, rows: Rows, extra: float) -> Iterator[Fix]:
    """Edits of quotes whether the statement then stands or not: a string without an end hides
    brackets, so that nobody knows where the statement ends."""
    splices = sorted(quotes.splices(s), key=lambda splice: splice.cost)
    for splice in splices[:UNCHECKED]:
        change = Change(rows.first, rows.last, tuple(s.spliced(splice).split("\n")))
        yield Fix((_narrow(change, s.text),), splice.cost + extra + 0.3, splice.name)


def _levelled(
    part: Sequence[str], rows: Sequence[Rows], one: Rows, made: Sequence[Fix]
) -> Iterator[Fix]:
    """The fixes of a statement, indented as one of the blocks around it."""
    index = statement_at(rows, one.first)
    here = indent(part[one.first])
    before = [indent(part[r.first]) for r in rows[max(0, index - 40) : index]]
    levels = sorted(
        {w for w in before if abs(w - here) <= 8 and w != here}, key=lambda w: abs(w - here)
    )
    for fix in made[:4]:
        change = fix.changes[0]
        if change.first == one.first and change.lines:
            for level in levels[:3]:
                line = shifted(change.lines[0], level - here)
                moved = Change(change.first, change.last, (line, *change.lines[1:]))
                yield Fix((moved,), fix.cost + 0.3 + 0.1 * abs(level - here), fix.name, fix.note)


def _suspects(
    part: Sequence[str], rows: Sequence[Rows], fault: Fault
) -> Iterator[tuple[Rows, float]]:
    """Statements that may hold the cause, with what it costs to look for it there."""
    index = statement_at(rows, fault.line)
    seen: set[int] = set()
    by_layout = bracketed(part, rows, index)
    if by_layout is not None and by_layout not in rows:
        yield by_layout, 0.1
    last = statement_at(rows, fault.end_line)
    for at, extra in ((index, 0.0), (last, 0.2), (index - 1, _BEFORE), (index + 1, _BEHIND)):
        if 0 <= at < len(rows) and at not in seen:
            seen.add(at)
            yield rows[at], extra


def _broken(
    part: Sequence[str], rows: Rows, around: Surroundings, target: Target | None
) -> Statement | None:
    """The statement, if it does not stand by itself."""
    text = "\n".join(part[rows.first : rows.last])
    following = next_code(part, rows.last)
    deeper = following < len(part) and indent(part[following]) > indent(part[rows.first])
    result = standing(text, deeper, target)
    if not isinstance(result, Fault):
        return None
    row = rows.first + result.line
    beside = (*part[max(0, row - BESIDE) : row], *part[row + 1 : row + 1 + BESIDE])
    offset = fault_offset(text, result)
    return Statement(text, offset, result.message, deeper, around, target, tuple(beside))


def _narrow(change: Change, text: str) -> Change:
    """The change without the lines that stay as they are."""
    old, new = text.split("\n"), list(change.lines)
    head = 0
    while head < min(len(old), len(new)) - 1 and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head - 1 and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    kept = new[head : len(new) - tail]
    return Change(change.first + head, change.last - tail, tuple(kept))
