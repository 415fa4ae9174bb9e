"""From what the model wrote to what is to stand in the file. Nonsense gives nothing.

A replacement is kept only when the whole file parses with it and its syntax tree differs.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from functools import lru_cache

from pytest_gemmadev.prompting.prompt import Prompt
from pytest_gemmadev.text.edits import trim
from pytest_gemmadev.text.lines import line_starts, lines_of
from pytest_gemmadev.types import Edit

LINE_CHARS = 300
BLOCK_LINES = 12
FUNCTION_LINES = 90
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


def edits(completion: str, prompt: Prompt, text: str) -> Iterator[tuple[Edit, str]]:
    """Edits that put the model's answer into ``text``, each with its outcome's `tree_key`.

    The likelier reading comes first. Each outcome parses, and none has the syntax tree of ``text``
    or of one before it. Nothing comes where ``text`` itself does not parse.
    """
    if tree_key(text) is None:
        return
    seen = {tree_key(text)}
    newline = "\r\n" if "\r\n" in prompt.old else "\r" if "\r" in prompt.old else "\n"
    starts = line_starts(text)
    begin = starts[prompt.span.start_line - 1]
    end = begin + len(prompt.old)
    for lines in _readings(completion, prompt):
        replacement = newline.join(lines)
        if prompt.old.endswith(("\n", "\r")):
            replacement += newline
        changed = text[:begin] + replacement + text[end:]
        key = tree_key(changed)
        if key is not None and key not in seen:
            seen.add(key)
            yield Edit(prompt.span.path, *trim(begin, prompt.old, replacement)), key


@lru_cache(maxsize=256)
def tree_key(text: str) -> str | None:
    """Equal for texts that differ in formatting and comments only; None for what does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the file's affair
            return hashlib.sha256(ast.dump(ast.parse(text)).encode("utf-8", "replace")).hexdigest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _readings(completion: str, prompt: Prompt) -> Iterator[list[str]]:
    """Lines that the completion may mean: as it stands, then indented as the old ones were."""
    completion = completion.replace("\r\n", "\n").replace("\r", "\n")
    if prompt.kind == "function":
        lines = _function_lines(completion, prompt.old)
        limit = FUNCTION_LINES
    else:
        lines = _trim(completion.split("\n"))
        if not prompt.suffix:  # the lines of a diff: the first one's sign stood in the prompt
            lines = lines[:1] + [line.removeprefix("+") for line in lines[1:]]
        lines = [_without_comment(line) for line in lines]
        limit = 1 if prompt.kind == "line" else BLOCK_LINES
    if not lines or len(lines) > limit or any(len(line) > LINE_CHARS for line in lines):
        return
    if any("\0" in line or "\f" in line for line in lines):
        return
    yield lines
    indented = _reindent(lines, prompt.old)
    if indented != lines:
        yield indented


def _function_lines(completion: str, old: str) -> list[str]:
    """The function in the answer's code block, or in the answer; empty when it is another one."""
    fenced = _FENCE.search(completion)
    lines = _trim((fenced.group(1) if fenced else completion).split("\n"))
    head = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)")
    name = next((m.group(1) for line in lines_of(old) if (m := head.match(line))), None)
    starts = [i for i, line in enumerate(lines) if (m := head.match(line)) and m.group(1) == name]
    if name is None or not starts:
        return []
    first = last = starts[0]
    while first > 0 and lines[first - 1].lstrip().startswith("@"):
        first -= 1
    depth = _depth(lines[starts[0]])
    for number in range(starts[0] + 1, len(lines)):
        line = lines[number]
        if line.strip() and _depth(line) <= depth and not line.lstrip().startswith((")", "]")):
            break
        last = number if line.strip() else last
    return _reindent(lines[first : last + 1], old)


def _reindent(lines: list[str], old: str) -> list[str]:
    """``lines`` moved sideways together, so that the first starts where the old first one did."""
    wanted = old[: _depth(old)]
    have = lines[0][: _depth(lines[0])]
    return [
        wanted + line.removeprefix(have) if line.startswith(have) else line if line.strip() else ""
        for line in lines
    ]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _trim(lines: list[str]) -> list[str]:
    """Without empty lines at both ends and space at the end of lines."""
    lines = [line.rstrip() for line in lines]
    while lines and not lines[0]:
        lines = lines[1:]
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def _without_comment(line: str) -> str:
    """The line without a comment at its end; a line that is nothing else stays."""
    if "#" not in line:
        return line
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.lstrip()).readline):
            if token.type == tokenize.COMMENT and token.start[0] == 1:
                return line[: _depth(line) + token.start[1]].rstrip() or line
    except (tokenize.TokenError, SyntaxError):  # an open bracket or string: no comment seen so far
        pass
    return line
