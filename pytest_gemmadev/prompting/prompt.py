"""What the model reads: a suspicious place, the code around it, and what happened when it ran.

The program picks the place, the model writes only what stands there. A model without instructions
goes on with what it has seen often: the prompt is the function, a sentence of facts as a commit
message would have them, and the beginning of a diff that takes the suspicious lines out. Measured
with the 4-bit Gemma on bugs of one line, the right line is e^12 times likelier after that than
after the file up to the line, and e^4 times likelier than after the line marked as wrong. Training
uses these functions too, so that both see the same prompt to the byte.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.text.lines import line_at, line_number, line_starts, lines_of
from pytest_gemmadev.types import (
    Candidate,
    ErrorStack,
    Frame,
    Inapplicable,
    Refuted,
    RepairTask,
    Role,
    Span,
)

BEFORE_CHARS = 1200  # of the file before the function
FUNCTION_CHARS = 3000  # of the function; of a longer one, what surrounds the place
AFTER_CHARS = 600  # of the file after the place, for models that infill
BLOCK_LINES = 6  # that a block's replacement may replace
FUNCTION_LINES = 60  # of a function that is rewritten as a whole
_FACTS = 4
_VALUE_CHARS = 80
_ASSERTIONS = 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question to the model about the lines of ``span``."""

    kind: str  # ``line``, ``block``, ``function``
    span: Span
    text: str  # what the model goes on from
    old: str  # the lines that the answer replaces, with their ends
    unlike: str = ""  # the answer that would change nothing
    stop: tuple[str, ...] = ()
    suffix: str = ""  # the file after the place, where the model infills
    chat: bool = False


def line_prompt(task: RepairTask, span: Span, *, infill: bool = False) -> Prompt | None:
    """The question for one line in place of the statement, or the head of one, at ``span``."""
    return _ask("line", task, span, stop=("\n",), infill=infill)


def block_prompt(task: RepairTask, span: Span, *, infill: bool = False) -> Prompt | None:
    """The question for the lines from ``span`` to the end of its block, at most `BLOCK_LINES`."""
    text = task.sources.get(span.path)
    if text is None:
        return None
    lines = _unix(text).split("\n")
    if span.start_line > len(lines):
        return None
    depth = len(_indent(lines[span.start_line - 1]))
    last = span.end_line
    for number in range(span.end_line + 1, min(len(lines), span.start_line + BLOCK_LINES - 1) + 1):
        line = lines[number - 1]
        if line.strip() and len(_indent(line)) < depth:
            break
        last = number if line.strip() else last
    stop = ("\n\n\n",) if infill else ("\n ", "\n-", "\n@@", "\n\n")
    return _ask("block", task, Span(span.path, span.start_line, last), stop=stop, infill=infill)


def function_prompt(task: RepairTask, span: Span) -> Prompt | None:
    """The question to a chat model for the whole function around ``span``; None outside of one."""
    text = task.sources.get(span.path)
    around = _function_at(text, span.start_line) if text is not None else None
    if text is None or around is None or around[1] - around[0] >= FUNCTION_LINES:
        return None
    region = Span(span.path, *around)
    function = _lines(text, *around)
    tried = "".join(
        f"This version is wrong as well:\n\n```python\n{each.text}\n```\n\n"
        f"The test with it: {each.outcome}\n\n"
        for each in task.refuted
        if each.span == region
    )
    inside = (
        s.span.start_line
        for s in task.suspicions
        if s.span.path == span.path and around[0] <= s.span.start_line <= around[1]
    )
    line = next(inside, span.start_line) if span == region else span.start_line
    suspicious = _unix(_lines(text, line, line)).strip()
    message = (
        "A test fails because of a bug in this Python function.\n\n"
        f"```python\n{_unix(function).rstrip()}\n```\n\n"
        f"{_facts(task, region)}Most suspicious is `{suspicious}`.\n\n{tried}"
        "Answer with the corrected function only, in one Python code block."
    )
    return Prompt("function", region, message, function, chat=True)


def describe_refuted(
    task: RepairTask, candidate: Candidate, stacks: Sequence[ErrorStack]
) -> Refuted | None:
    """What a function that fails says to whoever writes it again; None where nothing was seen."""
    path = candidate.edits[0].path
    text, edits = task.sources[path], [e for e in candidate.edits if e.path == path]
    around = _function_at(text, line_at(text, edits[0].start))
    changed = apply_edits(text, edits)
    if around is None or not stacks or isinstance(changed, Inapplicable):
        return None
    last = around[1] + len(line_starts(changed)) - len(line_starts(text))
    function = _unix(_lines(changed, around[0], last)).rstrip()
    return Refuted(Span(path, *around), function, _outcome(stacks[0]))


def _ask(
    kind: str, task: RepairTask, span: Span, *, stop: tuple[str, ...], infill: bool
) -> Prompt | None:
    text = task.sources.get(span.path)
    if text is None:
        return None
    starts = line_starts(text)
    if not 1 <= span.start_line <= span.end_line <= len(starts):
        return None
    old = _lines(text, span.start_line, span.end_line)
    if not old.strip():
        return None
    if infill:
        before, after = _around(text, starts, span)
        facts = "".join(f"# {line}\n" for line in what_happened(task, span))
        unlike = _unix(old).rstrip("\n")
        return Prompt(kind, span, before + facts, old, unlike, stop, suffix=after)
    asked = _diff(task, text, span)
    unlike = "\n+".join(_unix(old).rstrip("\n").split("\n"))
    return Prompt(kind, span, asked, old, unlike, stop)


def _around(text: str, starts: Sequence[int], span: Span) -> tuple[str, str]:
    """(what stands before the lines, what stands after them), both bounded.

    Places near one another begin at one line, so that the model reads what they share once.
    """
    begin = starts[span.start_line - 1]
    end = starts[span.end_line] if span.end_line < len(starts) else len(text)
    half = FUNCTION_CHARS // 2
    from_line = starts[bisect_left(starts, max(0, begin // half - 1) * half)]
    return _unix(text[from_line:begin]), _unix(text[end : end + AFTER_CHARS])


def _diff(task: RepairTask, text: str, span: Span) -> str:
    """The function, the facts, and a diff up to the first line that it adds."""
    starts = line_starts(text)
    first, last = _region(text, starts, span)
    head = starts[first - 1]
    begin = starts[bisect_left(starts, max(0, head - BEFORE_CHARS))]
    region = _lines(text, first, last)
    context = "".join(f" {line}\n" for line in _split(_lines(text, first, span.start_line - 1)))
    removed = "".join(f"-{line}\n" for line in _split(_lines(text, span.start_line, span.end_line)))
    count = last - first + 1
    return (
        f"{_unix(text[begin:head])}{_unix(region).rstrip()}\n\n\n"
        f"Fix a bug\n\n{_facts(task, Span(span.path, first, last))}"
        f"diff --git a/{span.path} b/{span.path}\n"
        f"@@ -{first},{count} +{first},{count} @@\n{context}{removed}+"
    )


def _region(text: str, starts: Sequence[int], span: Span) -> tuple[int, int]:
    """First and last line of the function around the place, or of the part of it that fits."""
    first, last = _function_at(text, span.start_line) or (span.start_line, span.end_line)
    half = FUNCTION_CHARS // 2
    begin, end = starts[span.start_line - 1], starts[min(span.end_line, len(starts) - 1)]
    nearest = bisect_left(starts, max(0, begin - half)) + 1
    furthest = line_number(starts, end + half) - 1
    return max(first, min(nearest, span.start_line)), min(last, max(furthest, span.end_line))


# --- what was executed ---------------------------------------------------------------------------


def _facts(task: RepairTask, around: Span) -> str:
    """The facts as lines of text and an empty line; empty where there are none."""
    lines = what_happened(task, around)
    return "\n".join([*lines, "", ""]) if lines else ""


def what_happened(task: RepairTask, around: Span) -> list[str]:
    """Facts for the model, a line each: the call, the error or the values that differ, the test.

    Everything comes from the failing run; values are cut, newlines in them escaped.
    """
    if not task.stacks:
        return []
    stack = task.stacks[0]
    facts = []
    frame = _frame_within(stack, around)
    if frame is not None:
        values = [f for f in frame.facts if f.is_argument] or list(frame.facts)
        shown = ", ".join(
            f"{fact.name}={_short(fact.value)}" for fact in values[:_FACTS] if fact.value
        )
        if shown:
            facts.append(f"{frame.function.rpartition('.')[2]} ran with {shown}")
    if stack.facts.left or stack.facts.right or stack.error != "AssertionError":
        facts.append(_outcome(stack))
    facts.extend(_assertions(task, stack))
    return facts


def _outcome(stack: ErrorStack) -> str:
    """What a test got and expected, or what was raised."""
    if stack.facts.left or stack.facts.right:
        return f"got {_short(stack.facts.left)}, expected {_short(stack.facts.right)}"
    return f"raised {stack.error}: {_short(stack.message)}"


def _frame_within(stack: ErrorStack, around: Span) -> Frame | None:
    for frame in reversed(stack.frames):
        if frame.path == around.path and around.start_line <= frame.line <= around.end_line:
            return frame
    return None


def _assertions(task: RepairTask, stack: ErrorStack) -> list[str]:
    """The failing line of the test and the assertions before it, the nearest last."""
    frame = next((f for f in stack.frames if f.role is Role.TEST), None)
    text = task.context.get(frame.path) if frame is not None else None
    if frame is None or text is None:
        return []
    lines = lines_of(text)
    around = _function_at(text, frame.line)
    first = around[0] if around is not None else frame.line
    found = [
        lines[number - 1].strip()
        for number in range(first, min(frame.line, len(lines)) + 1)
        if lines[number - 1].strip().startswith("assert ") or number == frame.line
    ]
    return [_short(line, 2 * _VALUE_CHARS) for line in found[-_ASSERTIONS:]]


def _short(value: str, limit: int = _VALUE_CHARS) -> str:
    value = " ".join(value.split())
    return value if len(value) <= limit else value[: limit - 1] + "…"


# --- places in the text --------------------------------------------------------------------------


def _function_at(text: str, line: int) -> tuple[int, int] | None:
    """First and last line of the innermost function around ``line``, decorators included."""
    best = None
    for first, last in _functions(text):
        if first <= line <= last and (best is None or first >= best[0]):
            best = (first, last)
    return best


@lru_cache(maxsize=64)
def _functions(text: str) -> tuple[tuple[int, int], ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file, told to whoever compiles it
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found = []
    waiting: list[ast.AST] = [tree]
    while waiting:  # statements only: expressions hold no functions, and are most of a tree
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append((first, node.end_lineno or 0))
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, name, None)
            if isinstance(children, list):
                waiting += children
    return tuple(found)


def _lines(text: str, first: int, last: int) -> str:
    """Lines ``first`` to ``last`` with their ends; empty where ``last`` is before ``first``."""
    if last < first:
        return ""
    starts = line_starts(text)
    return text[starts[first - 1] : starts[last] if last < len(starts) else len(text)]


def _split(lines: str) -> list[str]:
    return _unix(lines).removesuffix("\n").split("\n") if lines else []


def _indent(line: str) -> str:
    match = re.match(r"[ \t]*", line)
    return match.group() if match else ""


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
