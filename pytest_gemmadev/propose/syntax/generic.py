"""Edits of one or two tokens near a fault: inserted, left out, exchanged, swapped, split, joined."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pytest_gemmadev.propose.syntax.counts import surprise, usual_between
from pytest_gemmadev.propose.syntax.scan import CLOSER, KEYWORDS, OPENER, Token
from pytest_gemmadev.propose.syntax.statement import Splice, Statement

REACH = 5  # tokens to either side of the fault
CHOICES = 20  # tokens tried at a place
PER_TOKEN = 0.35  # nats for each token between edit and fault
_RARE = 0.55  # nats of cost for a nat of surprise
_INSERT, _DELETE, _REPLACE, _SWAP = 1.6, 2.0, 2.6, 3.2
_CLASSES = frozenset("n0s\n")
_NEARLY_DEF = frozenset(
    ["def", "de", "df", "ef", "deff", "edf", "fed", "dfe", "d", "f", "e", "fun", "func", "function"]
)
_TIGHT = frozenset(".([{)]},:")
_VALUE = frozenset({"name", "number", "string"})


def splices(s: Statement) -> Iterator[Splice]:
    """Every edit of few tokens near the fault, in no order."""
    near = {at + step for at in s.places for step in range(-REACH, REACH + 1)}
    for gap in sorted(i for i in near if 0 <= i <= len(s.tokens)):
        yield from _insertions(s, gap)
    for index in sorted(i for i in near if 0 <= i < len(s.tokens)):
        yield from _deletions(s, index)
        yield from _replacements(s, index)
        yield from _swaps(s, index)
        yield from _joins(s, index)
    for index, token in enumerate(s.tokens):
        if index < 2 or abs(index - s.at) <= REACH or s.brackets.stray:
            yield from _splits(s, index, token)


def inserted(s: Statement, gap: int, token: str, cost: float, name: str) -> Splice:
    """``token`` before the token at index ``gap``, with the spaces that are usual there."""
    at = s.tokens[gap - 1].end if gap else s.tokens[0].start
    following = s.tokens[gap].start if gap < len(s.tokens) else at
    if token in "([{" and gap < len(s.tokens):
        at = following
        return Splice(at, at, token, cost, name)
    touching = at == following
    if token == "." and "\n" not in s.text[at:following]:
        return Splice(at, following, token, cost, name)
    text = token
    if token not in _TIGHT:
        before = "" if gap == 0 else " "
        text = f"{before}{token}{' ' if touching and gap < len(s.tokens) else ''}"
        if gap == 0:
            text = f"{token} "
    elif token == "," and touching and gap < len(s.tokens) and s.tokens[gap].text not in ")]}":
        text = ", "
    return Splice(at, at, text, cost, name)


def insertion_cost(s: Statement, gap: int, token: str) -> float:
    """Nats: how unusual the token is between its neighbours, less what the file's habits give."""
    before, after = s.sort(gap - 1), s.sort(gap)
    texts = [s.tokens[i].text if 0 <= i < len(s.tokens) else "\n" for i in (gap - 1, gap)]
    return _RARE * surprise(before, token, after) - s.around.discount(texts[0], token, texts[1])


def _insertions(s: Statement, gap: int) -> Iterator[Splice]:
    usual = (t for t in usual_between(s.sort(gap - 1), s.sort(gap)) if t not in _CLASSES)
    place = s.tokens[gap - 1].end if gap else 0
    far = PER_TOKEN * s.distance(place, place)
    hinted = "forgot a comma" in s.message
    for token in islice(usual, CHOICES):
        cost = _INSERT + far + insertion_cost(s, gap, token) + _spacing(s, gap, token)
        is_hint = token in ",:" and _is_hint(s, gap)
        cost -= 0.7 * (hinted and token == "," and not is_hint)
        cost -= 1.4 * (token == ":" and is_hint)
        yield inserted(s, gap, token, cost, _NAMES.get(token, "operator"))


def _is_hint(s: Statement, gap: int) -> bool:
    """True between a parameter and what looks like its type, where others have theirs."""
    if s.word not in ("def", "async") or not 1 < gap < len(s.tokens) - 1:
        return False
    before, after = s.tokens[gap - 1], s.tokens[gap]
    is_type = after.text in _TYPES or after.text.lstrip("_")[:1].isupper()
    return before.kind == "name" and is_type and s.tokens[gap - 2].text in ("(", ",", "*", "**")


_TYPES = frozenset(
    [
        "int",
        "str",
        "bool",
        "float",
        "bytes",
        "list",
        "dict",
        "tuple",
        "set",
        "object",
        "type",
        "None",
    ]
)


def _in_brackets(s: Statement, gap: int) -> bool:
    depth = 0
    for token in s.tokens[:gap]:
        if token.kind == "op":
            depth += (token.text in CLOSER) - (token.text in OPENER)
    return depth > 0


def _spacing(s: Statement, gap: int, token: str) -> float:
    """Nats: how ill the space that is there fits a token that was lost."""
    if not 0 < gap < len(s.tokens):
        return 0.0
    space = s.text[s.tokens[gap - 1].end : s.tokens[gap].start]
    if "\n" in space:
        return 0.0 if token in ",)]}" else 0.5
    if token == ".":
        if space:
            return 1.6
        before = s.tokens[gap - 1]
        return -1.8 if before.text in (")", "]") or before.kind == "string" else -0.3
    if token in "([{)]}":
        return 0.8 if space else 0.0
    if token == "=" and _in_brackets(s, gap):
        return -0.6 if len(space) > 1 else 0.9 if space else 0.0  # of a keyword argument
    if token in ",:":
        return (0.6, -0.3, 0.8)[min(2, len(space))]
    return (0.9, 0.3, -1.0)[min(2, len(space))]


_NAMES = {
    ":": "colon", ",": "comma", ".": "dot",
    **dict.fromkeys("()[]{}", "bracket"),
    **dict.fromkeys(KEYWORDS, "keyword"),
}  # fmt: skip


def _deletions(s: Statement, index: int) -> Iterator[Splice]:
    for count in (1, 2):
        if index + count > len(s.tokens):
            return
        gone = s.tokens[index : index + count]
        cost = _DELETE + PER_TOKEN * s.distance(gone[0].start, gone[-1].end)
        cost += _RARE * surprise(s.sort(index - 1), "", s.sort(index + count))
        twice = count == 1 and bool(index) and s.tokens[index - 1].text == gone[0].text
        if twice and s.text[s.tokens[index - 1].end : gone[0].start] == "  ":
            twice = False  # something stood between them
        if twice:
            cost -= (
                0.7 if gone[0].text in (")", "]", "}") else 0.0 if gone[0].text in CLOSER else 1.5
            )
        else:
            cost += sum(2.0 for t in gone if t.kind in _VALUE) + 1.5 * (count - 1)
        end = s.tokens[index + count].start if index + count < len(s.tokens) else gone[-1].end
        tight = index and s.tokens[index - 1].end == gone[0].start
        if tight or "\n" in s.text[gone[-1].end : end]:
            end = gone[-1].end
        yield Splice(gone[0].start, end, _space(s, index, end), cost, "stray")


def _space(s: Statement, index: int, end: int) -> str:
    """A space where leaving out the token at ``index`` would join its neighbours."""
    before = s.text[s.tokens[index].start - 1 : s.tokens[index].start] if index else ""
    after = s.text[end : end + 1]
    return " " if before.isidentifier() and after.isidentifier() else ""


def _replacements(s: Statement, index: int) -> Iterator[Splice]:
    old = s.tokens[index]
    before, after = s.sort(index - 1), s.sort(index + 1)
    if old.kind in ("number", "string", "open"):
        return
    base = _REPLACE + PER_TOKEN * s.distance(old.start, old.end)
    base += 2.5 if old.kind == "name" and old.text not in KEYWORDS else 0.0
    unclosed = index in s.brackets.unclosed
    for token in islice(usual_between(before, after), CHOICES):
        if token in _CLASSES or token == old.sort:
            continue
        cost = base + _RARE * surprise(before, token, after)
        cost += 2.0 * (unclosed and token not in CLOSER)  # rather it was to be closed
        if _alike(old.text, token):
            cost -= 1.5
        name = _NAMES.get(token, "operator")
        pad = " " if token in KEYWORDS and old.kind == "op" else ""
        left = pad if s.text[old.start - 1 : old.start].isidentifier() else ""
        right = pad if s.text[old.end : old.end + 1].isidentifier() else ""
        yield Splice(old.start, old.end, f"{left}{token}{right}", cost, name)


_GROUPS = tuple(
    map(frozenset, ("([{", ")]}", ":;,.", ["=", "==", ":=", "-", "+"], ["<", "<=", ","]))
)


def _alike(old: str, new: str) -> bool:
    """True where one key or another was missed: the same sort of bracket, neighbours on a keyboard."""
    return any(old in group and new in group for group in _GROUPS)


def _swaps(s: Statement, index: int) -> Iterator[Splice]:
    if index + 1 >= len(s.tokens):
        return
    one, two = s.tokens[index], s.tokens[index + 1]
    if one.text == two.text:
        return
    cost = _SWAP + PER_TOKEN * s.distance(one.start, two.end)
    cost += 0.3 * surprise(s.sort(index - 1), two.sort, one.sort)
    cost += 0.3 * surprise(two.sort, one.sort, s.sort(index + 2))
    between = s.text[one.end : two.start]
    left = s.text[one.start - 1 : one.start]
    pad = " " if left.isidentifier() and two.text[0].isidentifier() else ""
    right = s.text[two.end : two.end + 1]
    tail = " " if right.isidentifier() and one.text[-1].isidentifier() else ""
    swapped = f"{pad}{two.text}{between}{one.text}{tail}"
    yield Splice(one.start, two.end, swapped, cost, "swap")


def _splits(s: Statement, index: int, token: Token) -> Iterator[Splice]:
    """``importos``, ``defname``: a keyword run into its neighbour; ``lenitems)``: a lost bracket."""
    if token.kind != "name" or token.text in KEYWORDS:
        return
    far = 0.1 * min(8, s.distance(token.start, token.end))
    known = 1.0 if s.around.knows(token.text) else 0.0
    for word in KEYWORDS:
        for rest, parts in (
            (token.text.removeprefix(word), f"{word} {token.text[len(word) :]}"),
            (token.text.removesuffix(word), f"{token.text[: -len(word)]} {word}"),
        ):
            if len(rest) in (0, len(token.text)) or not rest.isidentifier():
                continue
            defines = word in ("def", "class") and index == 0
            cost = 0.5 + far + known + (0.0 if s.around.knows(rest) or defines else 2.0)
            yield Splice(token.start, token.end, parts, cost, "space")
    if index == 0 and s.opens_block and not s.around.knows(token.text):
        for name in s.around.names:  # what stood before a function's name became part of it
            before = token.text.removesuffix(name)
            if len(name) > 2 and len(before) < len(token.text):
                cost = 0.9 if before in _NEARLY_DEF or "def" in before[1:] else 2.6
                yield Splice(token.start, token.end, f"def {name}", cost, "keyword")
    if not s.brackets.stray:
        return
    opener = OPENER[s.tokens[s.brackets.stray[0]].text]
    for at in range(2, len(token.text)):
        left, right = token.text[:at], token.text[at:]
        if not s.around.knows(right) or (len(right) == 1 and not s.around.knows(left)):
            continue
        cost = 0.3 if s.around.knows(left) else 1.1 if at > 3 else 3.0
        yield Splice(token.start + at, token.start + at, opener, cost + far + known, "bracket")


def _joins(s: Statement, index: int) -> Iterator[Splice]:
    """``= =``, ``retu rn``, ``my name``: one token that a space cut in two."""
    if index + 1 >= len(s.tokens):
        return
    one, two = s.tokens[index], s.tokens[index + 1]
    if one.end == two.start or "\n" in s.text[one.end : two.start]:
        return
    far = PER_TOKEN * s.distance(one.start, two.end)
    whole = one.text + two.text
    if whole in (
        "==",
        "!=",
        "<=",
        ">=",
        "//",
        "**",
        "->",
        ":=",
        "+=",
        "-=",
        "*=",
        "/=",
        "<<",
        ">>",
    ):
        yield Splice(one.start, two.end, whole, 0.8 + far, "space")
    elif one.kind == "name" and two.kind in ("name", "number"):
        known = whole in KEYWORDS or s.around.knows(whole)
        yield Splice(one.start, two.end, whole, (1.0 if known else 4.0) + far, "space")
