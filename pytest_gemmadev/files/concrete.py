"""Rewrites a file through libcst's concrete syntax tree: what is written is what the tree gives.

Patches are made and validated as text. Here the statements that a patch covers are parsed as they
are and as they become, the nodes that differ are replaced, and imports are added and removed by
libcst's codemod visitors where those put them at the same place. The bytes must be those of the text
edit, or nothing is written.

Only the smallest statements that cover a change are parsed, since libcst takes 0.1 ms for a line.
What lies outside of them is copied.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath

import libcst

from pytest_gemmadev.files.import_edits import count_top_lines, rewrite_imports
from pytest_gemmadev.files.regions import find_regions
from pytest_gemmadev.files.replaced_nodes import replace_nodes
from pytest_gemmadev.text.diff import LineChange, line_changes
from pytest_gemmadev.text.edits import decode_source, encode_source
from pytest_gemmadev.text.lines import lines_with_ends
from pytest_gemmadev.types import Inapplicable

APART = 3  # unchanged lines between changes that are rewritten each by itself

_SUFFIXES = ("", ".py", ".pyi", ".pyw")  # a script may have none
_LOSSY = re.compile(r"\f|\r(?!\n)")  # libcst keeps neither before code


class Route(str, Enum):
    """How a change came into the file."""

    IMPORTS = "imports"  # by libcst's codemod visitors
    NODES = "nodes"  # by nodes replaced in the concrete tree
    TEXT = "text"  # by the text edit, which a parser has read


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The new bytes of a file, and the routes of its changes in their order."""

    data: bytes
    routes: tuple[Route, ...]


def rewrite(path: str, before: bytes, after: bytes) -> Rewrite | Inapplicable:
    """The bytes of ``after`` as the tree of ``before`` gives them, or why it does not.

    The text edit stands by itself where no tree can hold the file. Where ``before`` does not parse,
    libcst has to read ``after`` back to the same bytes. Where a statement is nested too deep for
    libcst, or libcst would lose a form feed or a lone carriage return of it, it is enough that
    Python parses the file. Files that are not Python are taken as they are.
    """
    if PurePosixPath(path).suffix not in _SUFFIXES:
        return Rewrite(after, (Route.TEXT,))
    old, new = decode_source(before), decode_source(after)
    if isinstance(new, Inapplicable):
        return new
    old_tree = None if isinstance(old, Inapplicable) else _parse(old.text)
    if isinstance(old, Inapplicable) or old_tree is None:
        return _confirm(after, new.text)
    file = _File(old_tree, lines_with_ends(old.text), lines_with_ends(new.text))
    pieces = file.rewrite()
    routes = () if pieces is None else tuple(piece.route for piece in pieces)
    if (pieces is None or Route.TEXT in routes) and _parse(new.text) is None:
        return Inapplicable("Python does not parse it")
    if pieces is not None:
        data = encode_source(replace(new, text=file.join(pieces)))
        if data == after:
            return Rewrite(data, routes)
    return Inapplicable("libcst's tree does not give the bytes of the edit")


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about literals and escapes: not ours to report
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _confirm(after: bytes, text: str) -> Rewrite | Inapplicable:
    """The text edit of a file that did not parse, once libcst has read it back."""
    try:
        exact = libcst.parse_module(after).bytes == after
        loses = bool(_LOSSY.search(text))
    except RecursionError:
        exact, loses = False, True
    except (libcst.ParserSyntaxError, UnicodeError, ValueError):
        return Inapplicable("libcst does not parse it")
    if exact or (loses and _parse(text) is not None):
        return Rewrite(after, (Route.TEXT,))
    return Inapplicable("libcst does not read it back to the same bytes")


@dataclass(frozen=True, slots=True)
class _Piece:
    """What takes the place of the old lines from ``start`` to ``end``."""

    start: int
    end: int  # not included
    text: str
    route: Route


@dataclass(frozen=True, slots=True)
class _File:
    """One file before and after, in lines with their ends."""

    tree: ast.Module  # of the old lines
    old: Sequence[str]
    new: Sequence[str]

    def rewrite(self) -> list[_Piece] | None:
        """What takes the place of which lines; None where the tree does not give the new lines."""
        changes = self._changes()
        imports = self._rewrite_imports(changes)
        if imports is not None:
            others = [change for change in changes if change.end > imports.end]
            pieces = self._replace_each(others, first=imports.end)
            if pieces is not None:
                return [imports, *pieces]
        pieces = self._replace_each(changes)
        if pieces is None:  # one change has a meaning with the others only
            pieces = self._replace_each([_span(changes[0], changes[-1])])
        return pieces

    def join(self, pieces: Sequence[_Piece]) -> str:
        """The old text with the pieces in their places."""
        parts: list[str] = []
        at = 0
        for piece in pieces:
            parts += [*self.old[at : piece.start], piece.text]
            at = piece.end
        return "".join([*parts, *self.old[at:]])

    def _changes(self) -> list[LineChange]:
        """Where the lines differ; those with little between them are one change."""
        joined: list[LineChange] = []
        for change in line_changes(self.old, self.new):
            if joined and change.start - joined[-1].end <= APART:
                joined[-1] = _span(joined[-1], change)
            else:
                joined.append(change)
        return joined

    def _rewrite_imports(self, changes: Sequence[LineChange]) -> _Piece | None:
        """The top of the file where the codemod visitors make just its changes; else None."""
        end = count_top_lines(self.tree, len(self.old))
        inside = [change for change in changes if change.end <= end]
        if not inside:
            return None
        before = "".join(self.old[:end])
        after = "".join(self.new[: inside[-1].new_end + end - inside[-1].end])
        if rewrite_imports(before, after, goes_on=end < len(self.old)) != after:
            return None
        return _Piece(0, end, after, Route.IMPORTS)

    def _replace_each(
        self, changes: Sequence[LineChange], *, first: int = 0
    ) -> list[_Piece] | None:
        """A piece for each change, from a line on; None where there is none for one of them."""
        pieces: list[_Piece] = []
        for place, change in enumerate(changes):
            last = changes[place + 1].start if place + 1 < len(changes) else len(self.old)
            piece = self._replace(change, first, last)
            if piece is None:
                return None
            pieces.append(piece)
            first = piece.end
        return pieces

    def _replace(self, change: LineChange, first: int, last: int) -> _Piece | None:
        """The change made to the smallest statements that cover it, between two lines."""
        for region in find_regions(self.tree, self.old, change):
            if region.start < first or region.end > last:
                continue
            above = self.old[region.start : change.start]
            below = self.old[change.end : region.end]
            before = "".join(self.old[region.start : region.end])
            after = "".join([*above, *self.new[change.new_start : change.new_end], *below])
            try:
                text = replace_nodes(before, after, is_nested=region.is_nested)
            except RecursionError:
                return _Piece(region.start, region.end, after, Route.TEXT)
            if text == after:
                return _Piece(region.start, region.end, text, Route.NODES)
            if text is not None and _LOSSY.search(before + after):
                return _Piece(region.start, region.end, after, Route.TEXT)
        return None


def _span(first: LineChange, last: LineChange) -> LineChange:
    """One change from the first to the last, with all that stands between them."""
    return LineChange(first.start, last.end, first.new_start, last.new_end)
