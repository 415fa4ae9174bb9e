"""Indentation that opens, closes or continues no block."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_gemmadev.propose.syntax.clauses import ANCHORS, clause_fixes, try_fixes
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.levels import Layout, ancestors, blanks_before, likely_ends
from pytest_gemmadev.propose.syntax.tabs import tab_fixes
from pytest_gemmadev.propose.syntax.text_layout import (
    CLAUSES,
    block_end,
    first_word,
    indent,
    indentation,
    is_code,
    next_code,
)


def fixes(layout: Layout) -> Iterator[Fix]:
    """Moves of lines to the left or right that could mend the fault."""
    fault = layout.fault
    if not layout.rows:
        return
    if fault.error == "TabError" or "inconsistent use of tabs" in fault.message:
        yield from tab_fixes(layout)
    elif "expected an indented block" in fault.message:
        yield from _missing_block(layout)
    elif "unexpected indent" in fault.message:
        yield from _unexpected(layout)
    elif "unindent" in fault.message:
        yield from _between_levels(layout)
    elif fault.is_late:
        yield from _outside(layout)
    elif "expected 'except' or 'finally'" in fault.message:
        yield from try_fixes(layout)
    if layout.word(layout.index) in CLAUSES and not fault.is_late:
        yield from clause_fixes(layout)


def _missing_block(layout: Layout) -> Iterator[Fix]:
    """A header with nothing indented behind it."""
    index = layout.index
    header = index - 1
    if layout.rows[index].first < layout.fault.line or not layout.is_header(max(0, header)):
        header = index if layout.is_header(index) else header  # the header ends the text
    if header < 0:
        return
    width = layout.width(header)
    row = layout.rows[header].last
    yield _pass_behind(layout, header, row)
    yield _without_header(layout, header)
    if index == header or index >= len(layout.rows):
        return
    yield from _indented(layout, header, index)
    if width and layout.width(index) <= width and header > 0:
        # The header itself may be too deep, or a line between was lost.
        yield from _header_out(layout, header)


def _indented(layout: Layout, header: int, index: int) -> Iterator[Fix]:
    """The statements from ``index`` on moved into the block of the header."""
    lines, rows = layout.lines, layout.rows
    here, first = layout.width(index), rows[index].first
    parent = layout.width(header)
    word, word_of_header = layout.word(index), layout.word(header)
    if word in CLAUSES and here == parent:
        return
    target = layout.body_width(header) if here <= parent else here
    unit_target = parent + layout.unit
    beyond = 3.0 if word in ("def", "class", "@") and layout.word(header) not in (
        "class", "if", "else", "try", "def") else 0.0  # fmt: skip
    if word in ("def", "class", "@") and blanks_before(layout, first) > 1:
        beyond += 1.5  # a new section begins
    following = index + 1
    while following < len(rows) and layout.width(following) > max(target, here):
        following += 1
    if following < len(rows) and layout.width(following) == target > here:
        # Only the first statement of the block slipped, or of that only its first line.
        inner = index + 1 < following and layout.width(index + 1) > target
        last = rows[index].last if inner or following == index + 1 else rows[following - 1].last
        yield Fix((layout.move(first, last, target - here),), 0.5, "indent")
    for end, cost in likely_ends(layout, index, here, word_of_header):
        cost += 0.8 + 0.01 * min(50, end - first) + beyond
        yield Fix((layout.move(first, end, unit_target - here),), cost, "indent")
        if target != unit_target:
            yield Fix((layout.move(first, end, target - here),), cost, "indent")
    if here == parent and (end := _clauses_end(layout, block_end(lines, first, parent), parent)):
        yield Fix((layout.move(first, end, layout.unit),), 1.2, "indent")
    if is_code(lines[first]) and here < parent:
        end = block_end(lines, first, 0)
        yield Fix((layout.move(first, end, unit_target - here),), 2.5, "indent")


def _clauses_end(layout: Layout, row: int, width: int) -> int:
    """The row behind the clauses that follow a step to the left of a header, which slipped with its
    block; 0 where there are none."""
    end = 0
    at = next_code(layout.lines, row)
    while at < len(layout.lines) and indent(layout.lines[at]) == width - layout.unit:
        if first_word(layout.lines[at]) not in CLAUSES:
            break
        end = block_end(layout.lines, at + 1, width)
        at = next_code(layout.lines, end)
    return end


def _pass_behind(layout: Layout, header: int, row: int) -> Fix:
    width = layout.width(header)
    pad = indentation(layout.lines[layout.rows[header].first])
    step = "\t" if "\t" in pad else " " * layout.unit
    comments = 0
    while row + comments < len(layout.lines):
        line = layout.lines[row + comments]
        if not line.strip().startswith("#") or indent(line) <= width:
            break
        comments += 1
    row += comments
    word = layout.word(header)
    cost = 3.0 - 1.2 * bool(comments) - 0.8 * (word in ("class", "def", "except"))
    last = layout.index == header or layout.width(layout.index) < width
    clause = layout.word(layout.index) in CLAUSES and layout.width(layout.index) == width
    cost -= 1.0 * (last or clause)
    return Fix((Change(row, row, (f"{pad}{step}pass",)),), cost, "pass", "an empty block")


def _without_header(layout: Layout, header: int) -> Fix:
    rows = layout.rows[header]
    return Fix((Change(rows.first, rows.last, ()),), 5.5, "header", "a header without a block")


def _header_out(layout: Layout, header: int) -> Iterator[Fix]:
    rows = layout.rows[header]
    target = layout.width(layout.index) - layout.unit
    if 0 <= target < layout.width(header):
        change = layout.move(rows.first, rows.last, target - layout.width(header))
        word = layout.word(header)
        fitting = word in CLAUSES and any(
            layout.width(at) == target and layout.word(at) in ANCHORS[word]
            for at in range(max(0, header - 40), header)
        )
        yield Fix((change,), 1.0 if fitting else 3.0, "indent")


def _unexpected(layout: Layout) -> Iterator[Fix]:
    """A line deeper than the one before, which opens no block."""
    index = layout.index
    here, first = layout.width(index), layout.rows[index].first
    before = layout.width(index - 1) if index else 0
    levels = sorted({layout.width(at) for at in ancestors(layout, index - 1)} | {before})
    run = block_end(layout.lines, first, here)
    behind = next_code(layout.lines, run)
    after = indent(layout.lines[behind]) if behind < len(layout.lines) else 0
    for level in levels if index else [0]:
        cost = 0.8 + 0.6 * (level != before) - 0.2 * (level == after)
        for end, more in likely_ends(layout, index, here)[:6]:
            size = 0.02 * min(50, end - first)
            yield Fix((layout.move(first, end, level - here),), cost + more + size, "indent")
    single = layout.rows[index].last
    yield Fix((layout.move(first, single, before - here),), 1.3, "indent")
    # The lines before may have slipped to the left instead.
    for at in range(index - 1, max(-1, index - 8), -1):
        if layout.width(at) != before:
            break
        outer = layout.width(at - 1) if at else 0
        start, end = layout.rows[at].first, layout.rows[index - 1].last
        count = index - at
        back = 0.6 if at and outer == here else 1.8
        yield Fix((layout.move(start, end, here - before),), back + 0.3 * count, "indent")
    yield from _continued(layout, index)


def _continued(layout: Layout, index: int) -> Iterator[Fix]:
    """A line that begins with an operator goes on with the one before."""
    if not index:
        return
    line = layout.lines[layout.rows[index].first].lstrip()
    row = layout.rows[index - 1].last - 1
    before = layout.lines[row]
    if (
        line.startswith(
            ("+", "-", "*", "/", "and ", "or ", "if ", "else ", ".", "%", "|", "&", "in ", "==")
        )
        and "#" not in before
    ):
        yield Fix((Change(row, row + 1, (f"{before.rstrip()} \\",)),), 1.5, "continuation")


def _between_levels(layout: Layout) -> Iterator[Fix]:
    """A line indented to a column between those of the blocks around it."""
    index = layout.index
    here, first = layout.width(index), layout.rows[index].first
    levels = {layout.width(at) for at in ancestors(layout, index - 1)}
    if index and layout.is_header(index - 1):
        levels.add(layout.width(index - 1) + layout.unit)
    levels.add(0)
    run = block_end(layout.lines, first, here)
    before = layout.width(index - 1) if index else 0
    after = layout.width(index + 1) if index + 1 < len(layout.rows) else 0
    single = layout.rows[index].last
    fits = after in levels and after != here  # what follows stands where it should
    for level in levels:
        columns = level - here
        cost = 0.5 + 0.3 * abs(columns)
        # Rather beside its neighbours, most of all where both are.
        if layout.is_header(index):
            cost += -0.8 if after - level == layout.unit else 1.5 * (level >= after > 0)
        elif fits:
            cost -= 0.6 * (level == after) + 0.6 * (level == before)
        yield Fix((layout.move(first, single, columns),), cost + 0.3 * (not fits), "indent")
        more = 0.02 * (run - first) + 1.2 * fits
        yield Fix((layout.move(first, run, columns),), cost + more, "indent")
        for end, further in likely_ends(layout, index, here)[:5]:
            if end not in (run, single):
                yield Fix((layout.move(first, end, columns),), cost + more + further, "indent")
    # Or the header of the block that ends here slipped to the left.
    header = next((at for at in range(index - 1, -1, -1) if layout.width(at) < here), -1)
    slipped = header >= 0 and layout.width(header) == here - layout.unit
    if slipped and layout.is_header(header):
        rows = layout.rows[header]
        yield Fix((layout.move(rows.first, rows.last, layout.unit),), 0.6, "indent")
    # Or the lines before it are the ones that slipped.
    for at in range(index - 1, max(-1, index - 10), -1):
        wide = layout.width(at)
        if wide <= here:
            break
        if at == 0 or layout.is_header(at - 1):
            start, end = layout.rows[at].first, layout.rows[index - 1].last
            cost = 1.0 + 0.35 * abs(here - wide)
            yield Fix((layout.move(start, end, here - wide),), cost, "indent")
            break


def _outside(layout: Layout) -> Iterator[Fix]:
    """A ``return``, ``yield``, ``break`` or ``continue`` outside what it belongs to."""
    message = layout.fault.message
    index = layout.index
    if "outside function" in message or "outside async" in message:
        anchors: tuple[str, ...] = ("def", "async")
    elif "loop" in message:
        anchors = ("for", "while", "async")
    else:
        return
    chain = list(ancestors(layout, index))
    for anchor in range(index - 1, max(-1, index - 200), -1):
        if layout.word(anchor) not in anchors or anchor in chain:
            continue
        body = layout.body_width(anchor)
        if layout.width(anchor) > layout.width(index):
            continue
        yield from _into(layout, anchor, index, body)
        return


def _into(layout: Layout, anchor: int, index: int, body: int) -> Iterator[Fix]:
    """The statement at ``index`` and what belongs to it moved into a block further up."""
    chain = [at for at in ancestors(layout, index) if at > anchor]
    for depth, top in enumerate(chain):
        here, first = layout.width(top), layout.rows[top].first
        if here >= body:
            continue
        apart = 1.5 * (blanks_before(layout, first) > 1)  # a new section begins
        for end, more in likely_ends(layout, top, here)[:8]:
            cost = 0.9 + apart + more + 0.4 * depth + 0.02 * min(50, end - first)
            yield Fix((layout.move(first, end, body - here),), cost, "indent")
        start = top
        for at in range(top - 1, anchor, -1):  # what slipped out of the block with it
            if layout.width(at) < here:
                break
            if layout.width(at) == here:
                start = at
                first = layout.rows[start].first
                end = likely_ends(layout, top, here)[0][0]
                cost = 1.3 + 0.05 * (top - at) + 0.3 * depth
                yield Fix((layout.move(first, end, body - here),), cost, "indent")
