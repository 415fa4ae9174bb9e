"""Lines that someone stopped typing in: the least that makes them whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.text_layout import (
    code_of,
    indent,
    indent_unit,
    indentation,
    is_code,
    next_code,
    statement_at,
    statements,
)

_NOTE = "an unfinished line"
_DANGLING = re.compile(
    r"\s*(?:\b(?:and|or|not|in|is|if|else|for)|[-+*/%&|^=<>!.,]|\*\*|//|==|!=|<=|>=)\s*$"
)
_HEAD = re.compile(r"^\s*(?:async\s+)?(def|class|if|elif|while|for|with|try|except|else)\b(.*)$")


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The statement at the fault and the one before, cut back or completed."""
    rows = statements(lines)
    index = statement_at(rows, fault.line)
    for at, more in ((index, 0.0), (index - 1, 0.8)):
        if at >= 0:
            for row in sorted({rows[at].first, rows[at].last - 1}):
                for made, cost in _completed(lines, row):
                    yield Fix((Change(row, row + 1, made),), cost + more, "unfinished", _NOTE)


def _completed(lines: Sequence[str], row: int) -> Iterator[tuple[tuple[str, ...], float]]:
    line = code_of(lines[row])
    pad = indentation(line)
    following = next_code(lines, row + 1)
    deeper = following < len(lines) and indent(lines[following]) > indent(line)
    body = () if deeper else (f"{pad}{' ' * indent_unit(lines)}pass",)
    if not is_code(line):
        return
    bare = line
    while (match := _DANGLING.search(bare)) and match.end() > match.start():
        shorter = bare[: match.start()]
        if shorter == bare or not shorter.strip():
            break
        bare = shorter
        yield (_closed(bare), *(body if bare.endswith(":") else ())), 2.8
        if _HEAD.match(bare):
            yield (_closed(bare).rstrip(":") + ":", *body), 2.4
        if match.group().strip() == "=":
            yield (f"{bare.rstrip()} = None",), 2.4
        if match.group().strip() in ("(", ","):
            continue
    if match := _HEAD.match(line):
        word, rest = match[1], match[2].strip()
        if word == "def":
            name = re.match(r"\w+", rest)
            head = f"{pad}def {name.group() if name else '_'}"
            if not name and not deeper:
                yield (), 2.2
            if not name or "(" not in rest:
                yield (f"{head}():", *body), 2.6
            yield (f"{_closed(line.rstrip(':,( '), '(' not in line)}:", *body), 2.6
            if name and rest[name.end() :].count("(") != rest.count(")"):
                yield (f"{head}():", *body), 3.4
        elif word == "class":
            yield (f"{_closed(line.rstrip(':,(')).rstrip(':')}:", *body), 2.6
        elif word in ("try", "else"):
            yield (f"{pad}{word}:", *body), 3.0
        elif rest:
            yield (f"{_closed(line.rstrip(':')).rstrip(':')}:", *body), 3.8
            if word == "for" and " in" not in rest:
                yield (f"{_closed(line.rstrip(':'))} in ():", *body), 3.4
        else:
            if not deeper:
                yield (), 3.2  # it says nothing yet
            yield (
                (f"{pad}{word} True:" if word in ("if", "elif", "while") else f"{pad}pass", *body),
                4.0,
            )
    if re.match(r"\s*(?:import|from|return|raise|assert|del|global|nonlocal|with)\s*$", line):
        yield (), 3.2
        yield (f"{pad}pass",), 3.6
    if re.match(r"\s*@\s*$", line):
        yield (), 2.6
    if "import" in line and line.rstrip().endswith((",", "(")):
        yield (line.rstrip(" ,("),), 1.6


def _closed(line: str, call: bool = False) -> str:
    """The line with its brackets closed."""
    from pytest_gemmadev.propose.syntax.scan import CLOSER, code_tokens, open_brackets

    tokens = code_tokens(line)
    unclosed = open_brackets(tokens).unclosed
    closing = "".join(CLOSER[tokens[i].text] for i in reversed(unclosed))
    return line.rstrip() + ("()" if call and not unclosed else closing)
