"""What a program that runs has lost with a patch: hiding an error looks like repairing it.

No test says what the program is for. What it printed before the error, the statements that had an
effect and the loops that ran say something of it: a repair keeps them, and goes on behind the place of
the error. Output is compared by `ProgramOracle`; here it is lines. Handlers and ``finally`` do not
count, since they ran because of the error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_gemmadev.text.diff import line_changes
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.text.lines import lines_of
from pytest_gemmadev.types import Candidate, ErrorStack, Frame, Inapplicable, OriginKind

Lines = Collection[tuple[str, int]]

_NAMING = (OriginKind.RULE, OriginKind.SYNTAX, OriginKind.UNCHANGED)
_ENDS = re.compile(r"\b(?:exit|_exit|quit|SystemExit|KeyboardInterrupt)\b")
_LEAVES = re.compile(r"\b(?:return|break|continue|pass|yield|raise|if|while|else|not)\b")
_EMPTY = re.compile(
    r"(?:,|\bor|\belse|=|\breturn|\bin|\()\s*"
    r"(?:\[\]|\{\}|\(\)|\"\"|''|(?:list|dict|set|tuple|str|iter)\(\))"
)
_AT_THE_END = ("__exit__", "__aexit__", "__del__")
_SHOWN = 60  # characters of a statement that is named
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Runs:
    """The lines of the project that ran without a candidate and with it."""

    before: Lines
    after: Lines


@dataclass(frozen=True, slots=True)
class _Texts:
    """One file without a candidate and with it."""

    path: str
    old: str
    new: str

    def moved(self) -> Mapping[int, int]:
        """New numbers of lines that stay as they are, by their old ones."""
        old, new = lines_of(self.old), lines_of(self.new)
        numbers: dict[int, int] = {}
        at = shift = 0
        for change in line_changes(old, new):
            numbers.update((n + 1, n + 1 + shift) for n in range(at, change.start))
            at, shift = change.end, change.new_end - change.end
        numbers.update((n + 1, n + 1 + shift) for n in range(at, len(old)))
        return numbers


def find_loss(
    candidate: Candidate,
    sources: Mapping[str, str],
    runs: Runs,
    *,
    before: ErrorStack | None,
    ends: bool,
) -> str:
    """What a candidate loses, as the end of a sentence that begins with "it runs, but"; empty for nothing.

    ``before`` is the error without the candidate; ``ends`` says that there is none with it.
    """
    if ends and _adds(candidate, sources, _ENDS):
        return "it ends the program instead"
    paths = {path for path, _ in runs.before} | {edit.path for edit in candidate.edits}
    texts = {path: _texts(path, candidate, sources) for path in sorted(paths) if path in sources}
    trees = {path: _parse(each.old) for path, each in texts.items()}
    handling = frozenset().union(*(_called_in_handlers(tree) for tree in trees.values()))
    for each in texts.values():
        lost = _lost_effect(each, runs, trees[each.path], handling=handling)
        if lost:
            return lost
    if not ends:
        return ""
    for each in texts.values():
        lost = _empty_loop(each, candidate, sources, runs=runs)
        if lost:
            return lost
    is_named = candidate.origin.kind in _NAMING and not _adds(candidate, sources, _LEAVES)
    for frame in before.project_frames if before is not None and not is_named else ():
        if frame.path in texts:
            lost = _unreached(texts[frame.path], frame, runs)
            if lost:
                return lost
    return ""


def _texts(path: str, candidate: Candidate, sources: Mapping[str, str]) -> _Texts:
    old = sources[path]
    new = apply_edits(old, [edit for edit in candidate.edits if edit.path == path])
    return _Texts(path, old, old if isinstance(new, Inapplicable) else new)


def _adds(candidate: Candidate, sources: Mapping[str, str], pattern: re.Pattern[str]) -> bool:
    return any(
        len(pattern.findall(edit.replacement))
        > len(pattern.findall(sources[edit.path][edit.start : edit.end]))
        for edit in candidate.edits
    )


# --- what ran before -----------------------------------------------------------------------------


def _lost_effect(texts: _Texts, runs: Runs, tree: ast.Module, *, handling: Collection[str]) -> str:
    """The first statement with an effect, or loop, that ran before and does not run any more."""
    moved = texts.moved()
    ran = {line for path, line in runs.before if path == texts.path}
    runs_now = {line for path, line in runs.after if path == texts.path}
    if not ran:
        return ""
    found = sorted(_effects(tree, handling), key=lambda pair: (pair[0].lineno, pair[1] is None))
    for statement, loop in found:
        lines = ran.intersection(_own_lines(statement))
        if not lines or not all(line in moved for line in lines):
            continue
        if runs_now.isdisjoint(moved[line] for line in lines):
            if loop is not None:
                return f"the loop at {texts.path}:{loop.lineno} runs no more"
            return f"{_name(statement, texts)} runs no more"
    return ""


def _effects(
    tree: ast.Module, handling: Collection[str]
) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Statements that are there for their effect, and the first of each loop with the loop.

    Left out is what may have run because of the error: ``handling`` names functions that handlers call.
    """
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        for name, value in ast.iter_fields(node):
            if name in ("handlers", "finalbody"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST):
                    continue
                if isinstance(child, _Function) and child.name in (*_AT_THE_END, *handling):
                    continue
                pending.append(child)
                if isinstance(child, ast.Expr) and _has_call(child):
                    yield child, None
        if isinstance(node, _LOOPS) and node.body[0].lineno > node.lineno:
            yield node.body[0], node


def _called_in_handlers(tree: ast.Module) -> set[str]:
    """Names of what handlers and ``finally`` call."""
    parts: list[ast.AST] = []
    for node in ast.walk(tree):
        parts += [node] if isinstance(node, ast.ExceptHandler) else []
        parts += getattr(node, "finalbody", None) or []
    calls = [n.func for part in parts for n in ast.walk(part) if isinstance(n, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return names | {call.attr for call in calls if isinstance(call, ast.Attribute)}


# --- what should come after ----------------------------------------------------------------------


def _empty_loop(
    texts: _Texts, candidate: Candidate, sources: Mapping[str, str], *, runs: Runs
) -> str:
    """A loop that is reached for the first time and runs zero times, over an empty stand-in."""
    if not _adds(candidate, sources, _EMPTY):
        return ""
    back = {new: old for old, new in texts.moved().items()}
    for node in ast.walk(_parse(texts.new)):
        if not isinstance(node, _LOOPS) or node.body[0].lineno <= node.lineno:
            continue
        first = node.body[0].lineno
        old = back.get(first)
        if old is not None and (texts.path, old) in runs.before:
            continue
        is_reached = (texts.path, node.lineno) in runs.after
        if is_reached and not any((texts.path, n) in runs.after for n in _own_lines(node.body[0])):
            return f"the loop at {texts.path}:{node.lineno} has nothing to run over"
    return ""


def _unreached(texts: _Texts, frame: Frame, runs: Runs) -> str:
    """What follows the place of the error, where it is never reached though something has an effect."""
    moved = texts.moved()
    rest = _following(_parse(texts.old).body, frame.line)
    if not rest or not any(_has_effect(statement) for statement in rest):
        return ""
    lines = [line for line in _own_lines(rest[0]) if line in moved]
    if not lines or any((texts.path, moved[line]) in runs.after for line in lines):
        return ""
    return f"{_name(rest[0], texts)}, behind the error, is never reached"


def _following(body: Sequence[ast.stmt], line: int) -> Sequence[ast.stmt]:
    """The statements that run in the same block when the simple one at a line is done."""
    for place, statement in enumerate(body):
        if not statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            continue
        blocks = [getattr(statement, name, None) or [] for name in ("body", "orelse", "finalbody")]
        blocks += [each.body for each in getattr(statement, "handlers", ())]
        blocks += [each.body for each in getattr(statement, "cases", ())]
        for block in blocks:
            if block and block[0].lineno <= line <= (block[-1].end_lineno or block[-1].lineno):
                return _following(block, line)
        is_simple = not any(blocks)
        leaves = isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue)
        return body[place + 1 :] if is_simple and not leaves else ()
    return ()


# --- statements ----------------------------------------------------------------------------------


def _parse(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _own_lines(statement: ast.stmt) -> range:
    """The lines of a simple statement, of any other those of its head."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return range(statement.lineno, max(statement.lineno + 1, body[0].lineno))
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _has_call(statement: ast.Expr) -> bool:
    return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(statement))


def _has_effect(statement: ast.stmt) -> bool:
    """Whether something in it is called for its effect; definitions are not run."""
    if isinstance(statement, _Function | ast.ClassDef):
        return False
    return any(isinstance(n, ast.Expr) and _has_call(n) for n in ast.walk(statement))


def _name(statement: ast.stmt, texts: _Texts) -> str:
    line = lines_of(texts.old)[statement.lineno - 1].strip()
    shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
    return f"`{shown}` ({texts.path}:{statement.lineno})"
