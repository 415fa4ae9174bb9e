"""Every fix that could mend a fault, from all families, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pytest_gemmadev.propose.syntax import (
    blocks,
    brackets,
    characters,
    conflicts,
    indents,
    python2,
    quotes,
    unfinished,
    words,
)
from pytest_gemmadev.propose.syntax.check import Fault, Target
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.layout import (
    Rows,
    indent,
    next_code,
    statement_at,
    statements,
)
from pytest_gemmadev.propose.syntax.mend import FAMILIES, Splicer, fault_offset, mend
from pytest_gemmadev.propose.syntax.statement import Statement, standing
from pytest_gemmadev.propose.syntax.surroundings import Surroundings
from pytest_gemmadev.propose.syntax.window import Window

TRUNCATED = 25  # lines at which a statement with an open bracket may end
_BALANCING: tuple[Splicer, ...] = (brackets.splices, quotes.splices)
_BEFORE, _BEHIND = 0.6, 1.5  # nats: the statement before the fault, the one behind it


def fixes(
    lines: Sequence[str],
    fault: Fault,
    window: Window,
    *,
    target: Target | None,
    late: Callable[[], bool],
) -> list[Fix]:
    """Fixes for one fault, sorted by cost; rows are those of ``lines``."""
    found = [*characters.fixes(lines, fault), *conflicts.fixes(lines)]
    part = lines[window.first : window.last]
    here = _within(fault, window)
    near: list[Fix] = []
    if not fault.is_late:
        near += statement_fixes(lines, part, here, window, target=target, late=late)
        near += blocks.strings(part, here)
        near += blocks.comments(part, here)
        near += blocks.quoted_code(part, here)
        near += unfinished.fixes(part, here)
    near += indents.fixes(indents.Layout(part, here))
    near += blocks.outcast(part, here)
    found += [shift(fix, window.first) for fix in near]
    return sorted(found, key=lambda fix: fix.cost)


def _within(fault: Fault, window: Window) -> Fault:
    from pytest_gemmadev.propose.syntax.window import moved

    return moved(fault, -window.first, window.last)


def shift(fix: Fix, rows: int) -> Fix:
    """The fix with its rows counted from the top of the file."""
    changes = tuple(Change(c.first + rows, c.last + rows, c.lines) for c in fix.changes)
    return Fix(changes, fix.cost, fix.name, fix.note)


# --- one statement -------------------------------------------------------------------------------


def statement_fixes(
    lines: Sequence[str],
    part: Sequence[str],
    fault: Fault,
    window: Window,
    *,
    target: Target | None,
    late: Callable[[], bool],
) -> list[Fix]:
    """Edits of the statement at the fault, the ones beside it, and those cut off at a line end."""
    rows = statements(part)
    around = Surroundings.of(
        lines, window.first + fault.line, window.first + max(fault.line, fault.end_line) + 1
    )
    found: list[Fix] = []
    for one, extra in _suspects(rows, fault):
        s = _broken(part, one, around, target)
        if s is None:
            continue
        found += _made(s, one, extra, late=late)
        if s.brackets[0]:
            for last in range(one.first + 1, min(one.last, one.first + TRUNCATED)):
                cut = Rows(one.first, last)
                shorter = _broken(part, cut, around, target)
                if shorter is not None and shorter.brackets[0]:
                    found += _made(shorter, cut, extra, families=_BALANCING, late=late)
    return found


def _suspects(rows: Sequence[Rows], fault: Fault) -> Iterator[tuple[Rows, float]]:
    index = statement_at(rows, fault.line)
    seen: set[int] = set()
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
    return Statement(text, fault_offset(text, result), result.message, deeper, around, target)


def _made(
    s: Statement,
    rows: Rows,
    extra: float,
    *,
    families: tuple[Splicer, ...] = FAMILIES,
    late: Callable[[], bool],
) -> Iterator[Fix]:
    for made in mend(s, families=families, late=late):
        change = Change(rows.first, rows.last, tuple(made.text.split("\n")))
        yield Fix((_narrow(change, s.text),), made.cost + extra, made.name, made.note)


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


# --- one mistake made all over the file ----------------------------------------------------------

_EVERYWHERE: dict[str, tuple[Splicer, ...]] = {
    "python2": (python2.splices, words.splices),
    "operator": (words.splices,),
    "keyword": (words.splices,),
    "comparison": (words.splices,),
    "colon": (words.splices,),
}


def everywhere(
    lines: Sequence[str], fix: Fix, *, target: Target | None, late: Callable[[], bool]
) -> Fix | None:
    """The same kind of fix at every statement that does not stand; None where there is but one."""
    families = _EVERYWHERE.get(fix.name)
    if families is None:
        return None
    around = Surroundings.of(lines, fix.first, fix.last)
    changes: list[Change] = []
    for one in statements(lines):
        if late():
            return None
        s = _broken(lines, one, around, target)
        if s is None:
            continue
        best = next(iter(mend(s, families=families, depth=2)), None)
        if best is not None and best.name == fix.name and best.cost < 1.5:
            change = Change(one.first, one.last, tuple(best.text.split("\n")))
            changes.append(_narrow(change, s.text))
    if len(changes) < 2:
        return None
    cost = fix.cost + 0.05
    return Fix(tuple(changes), cost, fix.name, fix.note)
