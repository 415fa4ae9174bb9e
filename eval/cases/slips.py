"""Syntax errors as people commit them: half a change, a merge gone wrong, another language's habits.

Where `eval.cases.implant` slips on a key, these slip on a line or several; the sound text is the repair.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

from eval.cases.implant import Breaker, Source, lines_changed
from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER, scan
from pytest_gemmadev.propose.syntax.text_layout import indent, indentation, is_code

# --- by patterns ---------------------------------------------------------------------------------


def _sub(
    pattern: str, made: str | Callable[[re.Match[str]], str], *, every: bool = False
) -> Breaker:
    """One match of the pattern written anew, or every one; none inside strings and comments."""
    compiled = re.compile(pattern, re.MULTILINE)

    def broken(source: Source, rng: random.Random) -> str | None:
        free = _outside(source)
        found = [m for m in compiled.finditer(source.text) if free(m.start())]
        if not found:
            return None
        text = source.text
        for match in reversed(found if every else [rng.choice(found)]):
            new = made(match) if callable(made) else match.expand(made)
            text = text[: match.start()] + new + text[match.end() :]
        return text

    return broken


def _outside(source: Source) -> Callable[[int], bool]:
    """Tells of an offset whether it lies neither in a string nor in a comment."""
    inside = bytearray(len(source.text) + 1)
    for token in scan(source.text):
        if token.kind in ("string", "comment"):
            inside[token.start + 1 : token.end - 1] = b"\1" * (token.end - token.start - 2)
    return lambda offset: not inside[offset]


def _all_of(*ways: Breaker) -> Breaker:
    """Several ways, one after the other; those that find no place are left out."""

    def broken(source: Source, rng: random.Random) -> str | None:
        text: str | None = None
        for way in ways:
            text = way(source, rng) or text
            source = source if text is None else Source.of(text)
        return text

    return broken


# --- brackets over several lines -----------------------------------------------------------------


def _pairs(source: Source) -> list[tuple[int, int]]:
    """(opening, closing) indices of brackets that span lines."""
    stack: list[int] = []
    found = []
    for index, token in enumerate(source.tokens):
        if token.kind == "op" and token.text in CLOSER:
            stack.append(index)
        elif token.kind == "op" and token.text in OPENER and stack:
            start = stack.pop()
            if "\n" in source.text[source.tokens[start].start : token.start]:
                found.append((start, index))
    return found


def _spanning(change: Callable[[Source, int, int, random.Random], str | None]) -> Breaker:
    def broken(source: Source, rng: random.Random) -> str | None:
        pairs = _pairs(source)
        rng.shuffle(pairs)
        return next((t for p in pairs[:40] if (t := change(source, *p, rng)) is not None), None)

    return broken


def _closer_lost(source: Source, start: int, end: int, _: random.Random) -> str | None:
    """The closing bracket, with its line where it stands alone."""
    token = source.tokens[end]
    line = source.text.rfind("\n", 0, token.start)
    behind = source.line_end(token.end)
    if source.text[line:behind].strip() in (token.text, f"{token.text},"):
        return source.text[:line] + source.text[behind:]
    return source.replaced(token, "")


def _closer_twice(source: Source, start: int, end: int, _: random.Random) -> str | None:
    token = source.tokens[end]
    line = source.text.rfind("\n", 0, token.start)
    behind = source.line_end(token.end)
    if source.text[line:behind].strip() != token.text:
        return source.replaced(token, token.text * 2)
    return source.text[:behind] + source.text[line:behind] + source.text[behind:]


def _comma_lost(source: Source, start: int, end: int, rng: random.Random) -> str | None:
    """The comma at the end of an inner line; of several such lines in a long list."""
    commas = [t for t in source.tokens[start:end] if t.text == "," and source.text[t.end] in "\n"]
    commas = commas[:-1]
    if not commas:
        return None
    gone = rng.sample(commas, min(len(commas), rng.choice((1, 1, 1, 2))))
    text = source.text
    for token in sorted(gone, key=lambda t: -t.start):
        text = text[: token.start] + text[token.end :]
    return text


def _line_twice(source: Source, start: int, end: int, rng: random.Random) -> str | None:
    """The first line of something that spans several, once more before it."""
    line = source.text.rfind("\n", 0, source.tokens[start].start) + 1
    behind = source.line_end(line)
    return source.text[: behind + 1] + source.text[line:]


# --- lines ---------------------------------------------------------------------------------------

_CONDITION = re.compile(r"\s*(?:if|elif|while|for|with|def|class|async def)\b.{40,}:\s*$")


def _long_header(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    if not _CONDITION.match(lines[row]):
        return None
    lines[row] = lines[row].rstrip()[:-1]
    return lines


def _header_twice(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    if not re.match(
        r"\s*(?:if|elif|else|for|while|with|def|class|try|except)\b.*:\s*$", lines[row]
    ):
        return None
    lines.insert(row, lines[row])
    return lines


def _pass_lost(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    if not re.match(r"\s+(?:pass|\.\.\.)\s*$", lines[row]) or not lines[row - 1].endswith(":"):
        return None
    del lines[row]
    return lines


def _typed(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A line that someone began and left."""
    begun = ("self.", "x = ", "print(", "if ", "for item in ", "return self.", "import ",
             "result = self.get(", "def ", "assert ", "foo(bar, ", "raise ValueError(", "@",
             "elif ", "d['", "from . import")  # fmt: skip
    if not is_code(lines[row - 1]) or re.search(r"[\\,(\[{]$", lines[row - 1]):
        return None
    lines.insert(row, indentation(lines[row]) + rng.choice(begun))
    return lines


def _editor(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """Keys meant for the editor, alone on a line or at its end."""
    if rng.random() < 0.5:
        lines.insert(row, rng.choice((":wq", ":w", "git status", "`", "python manage.py runserver",
                                      "a;", "<<<<<<<", "=======", "+", "```", "EOF", "^X^C",
                                      "@@ -10,7 +10,7 @@")))  # fmt: skip
        return lines
    lines[row] = rng.choice(("{}`", "{}\\ ", "{} s", "{}]", "{};;", "{} ~", "{}jj j")).format(
        lines[row]
    )
    return lines


def _first_letter(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A key too many at the beginning of a line that begins with a keyword."""
    match = re.match(r"(\s*)(import|from|def|class|return|if|for|while)\b", lines[row])
    if match is None:
        return None
    lines[row] = (
        f"{match[1]}{rng.choice(('i', 'a', 's', ':', 'x', '/', '.'))}{lines[row][match.end(1) :]}"
    )
    return lines


def _comment_wrapped(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A comment broken by the editor, its second line without the mark."""
    rows = [i for i, line in enumerate(lines) if re.match(r"\s*# (?:\w+ ){5,}", line)]
    if not rows:
        return None
    at = rng.choice(rows)
    cut = lines[at].rfind(" ", 0, len(lines[at]) - 8)
    lines[at : at + 1] = [lines[at][:cut], indentation(lines[at]) + lines[at][cut + 1 :]]
    return lines


def _string_wrapped(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    match = re.match(r"""[^'"#]*(['"])[^'"\\]{16,}\1[^'"#]*$""", lines[row])
    if match is None:
        return None
    cut = lines[row].rfind(" ", match.start(1) + 8, lines[row].rfind(match[1]))
    if cut < 0:
        return None
    lines[row : row + 1] = [lines[row][:cut], lines[row][cut + 1 :]]
    return lines


def _tabbed(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """Lines pasted from a file that is indented with tabs."""
    last = row
    while last < min(len(lines), row + 4) and is_code(lines[last]):
        if indent(lines[last]) % 4 or not indent(lines[last]):
            return None
        last += 1
    for at in range(row, last):
        lines[at] = "\t" * (indent(lines[at]) // 4) + lines[at].lstrip()
    return lines


def _partly_moved(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """Some lines of a block moved by a step or less when the rest was not."""
    width = indent(lines[row])
    last = row + 1
    while last < min(len(lines), row + 5) and is_code(lines[last]) and indent(lines[last]) >= width:
        last += 1
    columns = rng.choice((-4, 4, 4, 2, 1, -1, -2))
    if width + columns < 0 or last - row < 2:
        return None
    for at in range(row, last):
        lines[at] = " " * (indent(lines[at]) + columns) + lines[at].lstrip()
    return lines


def _marker_left(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    lines.insert(row, rng.choice(("<<<<<<< HEAD", "=======", ">>>>>>> origin/main",
                                  "||||||| merged common ancestors")))  # fmt: skip
    return lines


def _conflict_around(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A conflict in which the other side lacks the lines, or is the same but for spaces."""
    last = row + 1
    while last < min(len(lines), row + rng.randrange(2, 12)) and lines[last].strip():
        last += 1
    ours = lines[row:last]
    theirs = [] if rng.random() < 0.5 else [line.rstrip() + " " for line in ours]
    sides = [ours, theirs] if rng.random() < 0.5 else [theirs, ours]
    base = ["||||||| 1a2b3c4", *theirs] if theirs == [] and rng.random() < 0.3 else []
    lines[row:last] = ["<<<<<<< HEAD", *sides[0], *base, "=======", *sides[1], ">>>>>>> topic"]
    return lines


def _diff_marks(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A piece of a diff pasted as it was."""
    old = re.sub(r"\w+(?=\W*$)", "old", lines[row])
    lines[row : row + 1] = [f"-{old}", f"+{lines[row]}"]
    return lines


def _await_plain(source: Source, rng: random.Random) -> str | None:
    hits = list(re.finditer(r"^[ \t]*async (?=def\b)", source.text, re.MULTILINE))
    if not hits:
        return None
    match = rng.choice(hits)
    return source.text[: match.end() - 6] + source.text[match.end() :]


def _doc_open(source: Source, rng: random.Random) -> str | None:
    """A docstring of several lines without its end, or its beginning."""
    long_ = [t for t in source.tokens if t.kind == "string" and t.text.count("\n") > 1]
    if not long_:
        return None
    token = rng.choice(long_)
    at = re.match(r"[A-Za-z]*", token.text).end()  # type: ignore[union-attr]
    made = token.text[:-3] if rng.random() < 0.6 else token.text[:at] + token.text[at + 3 :]
    return source.replaced(token, made)


def _quoted_inside(match: re.Match[str]) -> str:
    """The same quotes inside an f-string's braces as around it."""
    other = "'" if match[2] == '"' else '"'
    return match[0].replace(other, match[2])


_NESTED = r"""\bf((["'])[^"'\n]*\{[^"'{}\n]*)["'][^"'{}\n]*["'][^"'{}\n]*\}[^"'\n]*["']"""

SLIPS: Mapping[str, Breaker] = {
    "span-closer": _spanning(_closer_lost),
    "span-closer-twice": _spanning(_closer_twice),
    "span-comma": _spanning(_comma_lost),
    "span-first-line-twice": _spanning(_line_twice),
    "header-long": lines_changed(_long_header),
    "header-twice": lines_changed(_header_twice),
    "pass-lost": lines_changed(_pass_lost),
    "typed": lines_changed(_typed),
    "editor": lines_changed(_editor),
    "first-letter": lines_changed(_first_letter),
    "comment-wrapped": lines_changed(_comment_wrapped),
    "string-wrapped": lines_changed(_string_wrapped),
    "tabbed": lines_changed(_tabbed),
    "partly-moved": lines_changed(_partly_moved),
    "marker-left": lines_changed(_marker_left),
    "conflict-around": lines_changed(_conflict_around),
    "diff-marks": lines_changed(_diff_marks),
    "await-plain": _await_plain,
    "doc-open": _doc_open,
    "doc-open-2": _doc_open,
    "two-closers": _sub(r"\)\)(?=\n|,\n|:\n)", ")"),
    "else-if": _sub(r"^([ \t]*)elif\b", r"\1else if"),
    "else-condition": _sub(r"^([ \t]*)elif\b", r"\1else"),
    "python2": _all_of(
        _sub(r"^([ \t]*)print\(([^\n=]+)\)$", r"\1print \2", every=True),
        _sub(r"^([ \t]*except .*?) as (\w+):", r"\1, \2:", every=True),
        _sub(r"^([ \t]*)raise (\w+)\(([^()\n]+)\)$", r"\1raise \2, \3", every=True),
        _sub(r"(?<=[ (,])0o(?=[0-7])", "0", every=True),
        _sub(r" != ", " <> ", every=True),
    ),
    "f-quotes": _sub(_NESTED, _quoted_inside),
    "f-brace": _sub(r"""(\bf(["'])[^"'{}\n]*\{[\w.]+)\}""", r"\1"),
    "walrus-space": _sub(r" := ", " : = "),
    "arrow": _sub(r"\) -> ", lambda m: ") - > "),
    "arrow-fat": _sub(r"\) -> ", ") => "),
    "hint-closer": _sub(r"(:\s*\w+\[[\w., ]+)\](?=[,)= ])", r"\1"),
    "hint-colon": _sub(r"(?<=[(,])(\s*[a-z]\w+): (?=(?:int|str|bool|float|bytes)\b)", r"\1 "),
    "case-colon": _sub(r"^([ \t]*case .*):$", r"\1"),
    "case-default": _sub(r"^([ \t]*)case _:$", r"\1default:"),
    "lambda-colon": _sub(r"\blambda (\w+): ", r"lambda \1 "),
    "comprehension-in": _sub(r"(\bfor \w+) in ", r"\1 "),
    "comprehension-for": _sub(r"(?<=[\w)\]]) for (?=\w+ in [^:\n]+[\])])", " "),
    "decorator-at": _sub(r"^([ \t]*)@(\w+)$", r"\1\2"),
    "decorator-paren": _sub(r"^([ \t]*@[\w.]+\([^()\n]*)\)$", r"\1"),
    "key-equals": _sub(r"""^([ \t]+["'][\w -]+["']): (?=.*,$)""", r"\1 = "),
    "key-lost-colon": _sub(r"""^([ \t]+["'][\w -]+["']): (?=.*,$)""", r"\1 "),
    "key-quote": _sub(r"""^([ \t]+)["']([\w-]+["']): (?=.*,$)""", r"\1\2: "),
    "hyphen": _sub(r"^([ \t]*)([a-z]+)_([a-z]+) = ", r"\1\2-\3 = "),
    "import-comma": _sub(r"^([ \t]*from [\w.]+ import \w+), (?=\w+)", r"\1 "),
    "import-trailing": _sub(r"^([ \t]*from [\w.]+ import \w+)$", r"\1,"),
    "import-joined": _sub(r"^(import \w+)\n(?=import \w)", r"\1 "),
    "return-colon": _sub(r"^([ \t]*(?:return|raise|x) [\w.()]+)$", r"\1:"),
    "statement-semicolon": _sub(r"^([ \t]*(?:if|for|while|def) .*):$", r"\1:;"),
    "braces": _sub(r"^([ \t]*(?:if|for|while|def) .*):$", r"\1 {"),
    "increment": _sub(r"^([ \t]*\w+) \+= 1$", r"\1++"),
    "not-bang": _sub(r"\bnot (?=[a-z_.]+[:)\]])", "!"),
    "backslash-space": _sub(r" \\\n", r" \\ \n"),
    "backslash-lost": _sub(r" \\\n", "\n"),
    "path": _sub(r"""= (['"])[a-z]+/([a-z]+)/?""", r"= \1C:\\Users\\\2"),
    "octal": _sub(r"(?<=[ (,=])0o(?=[0-7]{3})", "0"),
    "nbsp-indent": _sub(r"^    (?=\w)", "\u00a0\u00a0\u00a0\u00a0"),
    "zero-width": _sub(r"(?<=[ (,])(?=[a-z]+\()", "\u200b"),
    "smart-quotes": _sub(r'"([\w ,.]*)"(?!")', "\u201c\\1\u201d", every=True),
}  # fmt: skip
