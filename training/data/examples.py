"""Training examples: the exact prompts of a repair, with the true edit as completion.

A `Bug` is a file before and after a repair, with what happened when it ran. `repair_examples` asks
the questions that the runtime would ask at the faulty place, through the runtime's own functions,
and answers them from the sound file. What cannot be asked in that form gives no example.
"""

from __future__ import annotations

import ast
import difflib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_gemmadev.prompting.parse import LINE_CHARS
from pytest_gemmadev.prompting.prompt import (
    BLOCK_LINES,
    Prompt,
    block_prompt,
    function_prompt,
    line_prompt,
)
from pytest_gemmadev.search.rank import scoring_context
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorStack,
    GemmadevError,
    Origin,
    OriginKind,
    RepairTask,
    Span,
)

TRAINING = Origin(OriginKind.OTHER, "training")  # of edits that only carry texts to a prompt
KINDS = ("line", "block", "function", "rank", "lines")
_ANSWER_LINES = 12  # of a block, as many as the runtime reads
_KEYS = ("prompt", "completion")


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its answer. ``rejected`` is a wrong answer, where one is known."""

    prompt: str
    completion: str  # up to and with the text that ends it at repair time
    kind: str = "text"  # one of `KINDS`; ``text`` for instructions
    rejected: str = ""
    id: str = ""
    origin: str = ""  # ``package==version:module.function``
    license: str = ""  # SPDX where known
    proof: str = ""  # ``executed``, ``parsed``, ``real``; empty for what nothing was run of
    error: str = ""  # exception type of the failing run
    how: str = ""  # which rewrite broke it
    chat: bool = False  # the prompt is a user's message for a chat template


@dataclass(frozen=True, slots=True)
class Bug:
    """One file, broken and sound, and the failing run."""

    path: str  # as the prompt names it
    broken: str
    fixed: str
    id: str
    origin: str
    license: str
    proof: str
    how: str
    stack: ErrorStack | None = None  # None: it was not executed
    context: Mapping[str, str] = field(default_factory=dict)  # text of the tests in the stack
    whole: tuple[str, str] = ("", "")
    # (broken, sound) whole file, where ``broken`` and ``fixed`` leave out what no prompt shows


def repair_examples(bug: Bug, *, kinds: Iterable[str] = KINDS) -> Iterator[Example]:
    """The questions about the faulty place, each with the sound lines as its answer.

    ``lines`` asks about each of several lines, one after the other (`training.data.several`).
    """
    if "lines" in kinds:
        yield from _one_by_one(bug)
    hunk = _hunk(bug.broken, bug.fixed)
    place = _place(bug, hunk) if hunk is not None else None
    if hunk is None or place is None:
        return
    for kind in kinds:
        if kind == "lines":
            continue
        if kind == "rank":
            yield from _ranking(bug)
            continue
        prompt = _asked(kind, bug, place)
        answer = _answer(prompt, bug.fixed, *hunk) if prompt is not None else None
        if prompt is not None and answer is not None:
            rejected = _closed(kind, prompt.old.rstrip("\n").split("\n"))
            yield _example(bug, kind, prompt.text, answer, rejected, chat=prompt.chat)


def question(bug: Bug, kind: str) -> tuple[Prompt, str] | None:
    """(the prompt, the true answer) about the faulty place, where it can be asked in this form."""
    hunk = _hunk(bug.broken, bug.fixed)
    place = _place(bug, hunk) if hunk is not None else None
    prompt = _asked(kind, bug, place) if place is not None else None
    if hunk is None or prompt is None:
        return None
    answer = _answer(prompt, bug.fixed, *hunk)
    return None if answer is None else (prompt, answer)


def changed_line(bug: Bug) -> int | None:
    """The line, from 1, that alone differs, where it is a statement, or the head of one, by itself."""
    hunk = _hunk(bug.broken, bug.fixed)
    if hunk is None or hunk != (hunk[0], hunk[0], 1):
        return None
    place = _place(bug, hunk)
    return hunk[0] if place is not None and place.start_line == place.end_line else None


def _one_by_one(bug: Bug) -> Iterator[Example]:
    """One diff that repairs line after line, none added or taken out; nothing where that is no such bug."""
    old, new = bug.broken.split("\n"), bug.fixed.split("\n")
    places = [
        number for number, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]
    ]
    if len(old) != len(new) or len(places) < 2:
        return
    first, last = places[0], places[-1]
    prompt = _asked("line", bug, Span(bug.path, first + 1, first + 1))
    asked = "\n".join(old[first : last + 1])
    answers = [new[place] for place in places]
    if prompt is None or asked not in prompt.text:
        return
    if any(not line.strip() or len(line) > LINE_CHARS for line in answers):
        return
    diff = [new[first]]
    for number in range(first + 1, last + 1):
        diff += [f"-{old[number]}", f"+{new[number]}"] if number in places else [f" {old[number]}"]
    yield _example(bug, "lines", prompt.text, "\n".join(diff) + "\n", "")


def answered(completion: str) -> Iterator[tuple[str, bool]]:
    """(text, whether it is an answer) by turns: the parts of a diff that repairs several lines."""
    head, _, rest = completion.partition("\n")
    yield head + "\n", True
    between = ""
    for line in rest.splitlines(keepends=True):
        if line.startswith("+"):
            yield between + "+", False
            yield line[1:], True
            between = ""
        else:
            between += line


def _place(bug: Bug, hunk: tuple[int, int, int]) -> Span | None:
    first, last, _ = hunk
    tree = tree_of(bug.broken)
    if tree is None:
        return None
    return _statement_at(tree, bug.path, first, is_insertion=last < first)


def _example(
    bug: Bug, kind: str, prompt: str, completion: str, rejected: str, *, chat: bool = False
) -> Example:
    return Example(
        prompt=prompt,
        completion=completion,
        kind=kind,
        rejected=rejected,
        id=f"{bug.id}/{kind}",
        origin=bug.origin,
        license=bug.license,
        proof=bug.proof,
        error=bug.stack.error if bug.stack is not None else "",
        how=bug.how,
        chat=chat,
    )


def _asked(kind: str, bug: Bug, place: Span) -> Prompt | None:
    stacks = (bug.stack,) if bug.stack is not None else ()
    sources = {bug.path: bug.broken}
    task = RepairTask(stacks, (), frozenset(), sources, {}, context=bug.context)
    ask = {"line": line_prompt, "block": block_prompt, "function": function_prompt}[kind]
    return ask(task, place)


def _answer(prompt: Prompt, fixed: str, first: int, last: int, added: int) -> str | None:
    """The sound text of the prompt's lines; None where the repair lies outside of them."""
    span = prompt.span
    if first < span.start_line or last > span.end_line or first > span.end_line + 1:
        return None
    more = added - (last - first + 1)
    lines = fixed.split("\n")[span.start_line - 1 : span.end_line + more]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or not lines[0].strip() or any(len(line) > LINE_CHARS for line in lines):
        return None
    if prompt.kind == "line" and len(lines) > 1:
        return None
    if prompt.kind == "block" and (len(lines) > _ANSWER_LINES or len(lines) < 2):
        return None
    return _closed(prompt.kind, lines)


def _closed(kind: str, lines: list[str]) -> str:
    """The lines as the model has to write them, up to the stop that ends its answer."""
    if kind == "function":
        return "```python\n" + "\n".join(lines) + "\n```"
    if kind == "line":
        return lines[0] + "\n"
    return "\n+".join(lines) + "\n "


def _ranking(bug: Bug) -> Iterator[Example]:
    """The sound lines against the broken ones, after the prefix that candidates are scored after."""
    broken, fixed = bug.whole if bug.whole[0] else (bug.broken, bug.fixed)
    start, end = _difference(broken, fixed)
    replacement = fixed[start : len(fixed) - (len(broken) - end)]
    candidate = Candidate((Edit(bug.path, start, end, replacement),), TRAINING, 0.0)
    prefix, old, new = scoring_context(candidate, {bug.path: broken})
    if new.strip() and old != new:
        yield _example(bug, "rank", prefix, new, old)


# --- places --------------------------------------------------------------------------------------


def _hunk(broken: str, fixed: str) -> tuple[int, int, int] | None:
    """(first, last, lines added): lines of the broken file, from 1, that differ, as one stretch.

    ``last`` is before ``first`` where lines are missing and none is wrong. None for equal files and
    for what is too far apart to be asked about at once.
    """
    if "\r" in broken or "\r" in fixed:
        return None
    old, new = broken.split("\n"), fixed.split("\n")
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    removed, added = len(old) - head - tail, len(new) - head - tail
    if removed == added == 0 or removed > BLOCK_LINES or added > _ANSWER_LINES:
        return None
    return head + 1, head + removed, added


def _difference(old: str, new: str) -> tuple[int, int]:
    """Start and end offset in ``old`` of what differs."""
    limit = min(len(old), len(new))
    low, high = 0, limit
    while low < high:  # comparing slices is much faster than comparing characters
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle - 1)
    start, low, high = low, 0, limit - low
    while low < high:
        middle = (low + high + 1) // 2
        same = old[len(old) - middle :] == new[len(new) - middle :]
        low, high = (middle, high) if same else (low, middle - 1)
    return start, len(old) - low


def tree_of(text: str) -> ast.Module | None:
    """The syntax tree, without a warning; None for what is no code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statement_at(tree: ast.Module, path: str, line: int, *, is_insertion: bool) -> Span | None:
    """The statement, or the head of one, at ``line``; where lines are missing, the one next to it."""
    spans = sorted({_extent(node) for node in _statements(tree)})
    around = [s for s in spans if s[0] <= line <= s[1]]
    if around and not is_insertion:
        return Span(path, *max(around))
    before = [s for s in spans if s[1] < line]
    after = [s for s in spans if s[0] >= line]
    near = before[-1:] or after[:1]
    return Span(path, *near[0]) if near else None


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Statements and handlers, however deep; expressions hold none that matter."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.match_case):
            yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, name, None)
            if isinstance(children, list):
                waiting += children


def _extent(node: ast.AST) -> tuple[int, int]:
    """First and last line of a statement; of one with a body, of its head."""
    first: int = getattr(node, "lineno", 0)
    last: int = getattr(node, "end_lineno", first) or first
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        last = max(first, min(last, body[0].lineno - 1))
    return first, last


def close_pair(broken: str, fixed: str) -> Iterator[tuple[str, str]]:
    """(broken, fixed) for each changed stretch of lines, everything else already repaired.

    A repair in several places becomes several bugs of one place each.
    """
    old, new = broken.split("\n"), fixed.split("\n")
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for tag, i1, i2, j1, j2 in codes:
        if tag != "equal":
            yield "\n".join([*new[:j1], *old[i1:i2], *new[j2:]]), fixed


# --- files ---------------------------------------------------------------------------------------


def write_line(example: Example) -> str:
    """One line of a JSON Lines file; what is empty is left out."""
    row = {k: v for k, v in asdict(example).items() if v or k in _KEYS}
    return json.dumps(row, ensure_ascii=False) + "\n"


def read_examples(path: Path) -> Iterator[Example]:
    """The examples of a JSON Lines file, lazily. A malformed row names its line."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _example_of(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None


def _example_of(line: str, where: str) -> Example:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise GemmadevError(f"{where}: not JSON ({error}); repair or remove the row") from None
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in _KEYS):
        raise GemmadevError(f"{where}: a row needs the texts 'prompt' and 'completion'")
    names = Example.__dataclass_fields__
    return Example(**{key: value for key, value in row.items() if key in names})
