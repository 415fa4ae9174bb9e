"""Python 2 in a file for Python 3: statements and literals that have one translation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault, compiled
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER, Token, code_tokens
from pytest_gemmadev.propose.syntax.statement import Splice, Statement
from pytest_gemmadev.propose.syntax.text_layout import (
    indent,
    indentation,
    inside_strings,
    next_code,
)

_PRINT = re.compile(r"^(\s*)(?:(.*:)\s*)?print\b(?!\s*=)\s*(.*)$", re.DOTALL)
_EXCEPT = re.compile(r"^(\s*except\s+)(\(.*?\)|[\w.]+)\s*,\s*([\w.]+)(\s*:)")
_EXCEPT_GROUP = re.compile(
    r"^(\s*except\s+(?:\([\w., ]*\)|[\w.]+))\s*,\s*\(\s*(\w+(?:\s*,\s*\w+)*\s*,?)\s*\)\s*:(\s*(?:#.*)?)$"
)
_RAISE = re.compile(r"^(\s*(?:.*:\s*)?raise\s+)([\w.]+(?:\(.*\))?)\s*,\s*(.+?)$", re.DOTALL)
_EXEC = re.compile(r"^(\s*)exec\s+(.+?)(?:\s+in\s+(.+?))?$", re.DOTALL)
_BACKTICKS = re.compile(r"`([^`\n]+)`")
_STRING = re.compile(r"(?i)^ur(?=['\"])")
_COST = 0.1
_CAUGHT = ("error", "exc", "caught", "caught_error")  # names that an ``except`` may bind


def splices(s: Statement) -> Iterator[Splice]:
    """Edits that turn Python 2 into Python 3."""
    end = s.code_end
    code = s.text[:end]
    yield from _print(code, end)
    if match := _EXCEPT.match(code):
        text = f"{match[1]}{match[2]} as {match[3]}{match[4]}"
        yield Splice(0, match.end(), text, _COST, "python2")
    if match := _RAISE.match(code):
        value = match[3]
        head, _, trace = value.rpartition(",")
        if head and re.fullmatch(r"\s*\w+\s*", trace):
            text = f"{match[1]}{match[2]}({head.strip()}).with_traceback({trace.strip()})"
            yield Splice(0, end, text, _COST, "python2")
        yield Splice(0, end, f"{match[1]}{match[2]}({value})", _COST + 0.1, "python2")
    if match := _EXEC.match(code):
        scope = f", {match[3]}" if match[3] else ""
        yield Splice(0, end, f"{match[1]}exec({match[2]}{scope})", _COST, "python2")
    for match in _BACKTICKS.finditer(code):
        yield Splice(match.start(), match.end(), f"repr({match[1]})", _COST, "python2")
    yield from _literals(s)
    yield from _parameters(code)


def printed(text: str) -> str:
    """A ``print`` statement that is an expression too, as the call it was; else empty.

    ``print`` alone, ``print >>stream, x`` and ``print (x) % y`` parse, and print nothing.
    """
    tokens = code_tokens(text)
    end = tokens[-1].end if tokens else 0
    code = text[:end]
    if re.fullmatch(r"(?:[^\n]*:)?\s*print", code):
        return f"{code}(){text[end:]}"
    if not re.match(r"\s*print\s*(?:>>|\()", code) or _calls(code):
        return ""
    made = next((splice.replacement for splice in _print(code, end)), "")
    return made and made + text[end:]


def _calls(code: str) -> bool:
    """True for a statement that is nothing but a call, or does not parse."""
    tree = compiled(code.strip())
    if isinstance(tree, Fault) or not tree.body:
        return True
    first = tree.body[0]
    return not isinstance(first, ast.Expr) or isinstance(first.value, ast.Call)


def unpacked(lines: Sequence[str], row: int) -> Iterator[Fix]:
    """``def f(a, (b, c)):`` and ``except E, (b, c):``, unpacked below the header; all of the file."""
    if row >= len(lines) or _one_name(lines[row]) is None:
        return
    strings = inside_strings(lines)
    words = set(re.findall(r"\w+", "\n".join(lines)))
    free = next((name for name in _CAUGHT if name not in words), _CAUGHT[-1])
    changes = tuple(
        Change(at, at + 1, made)
        for at, line in enumerate(lines)
        if "(" in line and at not in strings and (made := _with_body(lines, at, free)) is not None
    )
    if changes:
        yield Fix(changes, 0.2, "python2", "values that are unpacked in a header")


def _with_body(lines: Sequence[str], row: int, caught: str) -> tuple[str, ...] | None:
    made = _one_name(lines[row], caught)
    following = next_code(lines, row + 1)
    if made is None or following == len(lines) or indent(lines[following]) <= indent(lines[row]):
        return None
    header, *below = made
    pad = indentation(lines[following])
    return (header, *(f"{pad}{line}" for line in below))


def _one_name(header: str, caught: str = _CAUGHT[0]) -> tuple[str, ...] | None:
    """The header with one name for each group, and the lines that unpack them."""
    if match := _EXCEPT_GROUP.match(header):
        return f"{match[1]} as {caught}:{match[3]}", f"{match[2]} = {caught}.args"
    if not re.match(r"^\s*def\s+\w+\s*\(.*\)\s*:\s*$", header):
        return None
    below: list[str] = []
    for group in re.findall(r"(?<=[(,\s])\(\s*\w+(?:\s*,\s*\w+)*\s*,?\s*\)", header):
        name = "_".join(re.findall(r"\w+", group))
        header = header.replace(group, name, 1)
        below.append(f"{group} = {name}")
    return (header, *below) if below else None


def _print(code: str, end: int) -> Iterator[Splice]:
    match = _PRINT.match(code)
    if match is None:
        return
    head = f"{match[1]}{match[2]} " if match[2] else match[1]
    rest = match[3].strip()
    if not rest:
        return
    named: list[str] = []
    if rest.startswith(">>"):
        stream, rest = _first_value(rest[2:])
        named = [f"file={stream}"]
    if rest.endswith(","):
        rest = rest[:-1].rstrip()
        named.insert(0, "end=' '")
    values = ", ".join(([rest] if rest else []) + named)
    yield Splice(0, end, f"{head}print({values})", _COST, "python2")


def _first_value(text: str) -> tuple[str, str]:
    """What stands before the first comma outside brackets, and what behind it."""
    depth = 0
    for token in code_tokens(text):
        depth += (token.text in CLOSER) - (token.text in OPENER)
        if token.text == "," and not depth:
            return text[: token.start].strip(), text[token.end :].strip()
    return text.strip(), ""


def _literals(s: Statement) -> Iterator[Splice]:
    for index, token in enumerate(s.tokens):
        following = s.tokens[index + 1] if index + 1 < len(s.tokens) else None
        touches = following is not None and following.start == token.end
        if token.kind == "number":
            if re.fullmatch(r"0\d+", token.text):
                octal = set(token.text) <= set("01234567")
                digits = token.text.lstrip("0") or "0"
                if octal:
                    yield Splice(token.start, token.end, f"0o{digits}", 0.4, "python2")
                yield Splice(token.start, token.end, digits, 1.0, "number")
            if touches and following is not None and following.text in ("L", "l"):
                yield Splice(token.start, following.end, token.text, _COST, "python2")
            elif touches and following is not None and following.kind == "name":
                yield Splice(token.start, token.end, "", 1.0, "number")
                yield Splice(following.start, following.end, "", 1.4, "number")
                yield Splice(token.end, token.end, " ", 1.4, "number")
                yield Splice(token.start, token.start, "_", 2.2, "number")
                yield Splice(token.end, token.end, " * ", 2.4, "number")
        elif token.text.lower() == "ur" and touches and _is_string(following):
            yield Splice(token.start, token.start + 1, "", _COST, "python2")


def _is_string(token: Token | None) -> bool:
    return token is not None and token.kind in ("string", "open")


def _parameters(code: str) -> Iterator[Splice]:
    """``lambda (a, b): …`` and ``def f(a, (b, c)):`` unpacked by hand."""
    match = re.search(r"\blambda\s*\(\s*([\w\s,]+?)\s*\)\s*:\s*", code)
    if match is None:
        return
    names = [n.strip() for n in match[1].split(",") if n.strip()]
    end = len(code)
    depth = 0
    for at in range(match.end(), len(code)):
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0 or (depth == 0 and code[at] == ","):
            end = at
            break
    body = code[match.end() : end]
    for index, name in enumerate(names):
        body = re.sub(rf"(?<![\w.]){re.escape(name)}\b", f"pair[{index}]", body)
    yield Splice(match.start(), end, f"lambda pair: {body}", 0.6, "python2")
