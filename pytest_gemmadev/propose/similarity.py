"""How alike two names are, for finding what a misspelt one was meant to be.

`similarity`: an edit distance (optimal string alignment: insert, delete, substitute, transpose) whose
costs know what slips when people type: neighbouring keys, doubled letters, case, underscores. On top
of it words: the same words in another order, abbreviations, words that are taken for one another.
`letter_similarity` is cheaper and knows nothing of all that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

MAX_LENGTH = 60  # characters compared of each name

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_VOWELS = frozenset("aeiou")

# words that programmers take for one another
_SYNONYMS = (
    ("add", "append", "push", "insert", "put", "enqueue", "extend"),
    ("remove", "delete", "discard", "pop", "drop", "del", "erase", "dequeue"),
    ("size", "length", "len", "count", "number", "num", "total"),
    ("get", "fetch", "find", "load", "read", "lookup"),
    ("set", "put", "update", "assign", "store", "save", "write"),
    ("make", "create", "build", "new", "init"),
    ("name", "title", "label"),
    ("price", "cost", "amount", "value"),
    ("quantity", "qty", "amount", "count", "number"),
    ("id", "key", "identifier", "code", "uid"),
    ("is", "has", "can", "check"),
    ("max", "maximum", "highest", "largest", "upper", "limit"),
    ("min", "minimum", "lowest", "smallest", "lower"),
    ("avg", "average", "mean"),
    ("start", "begin", "first", "from", "open"),
    ("end", "stop", "last", "finish", "close"),
    ("items", "elements", "entries", "values", "data", "list", "rows", "records"),
    ("index", "idx", "position", "pos", "i"),
    ("message", "text", "msg", "body", "content"),
    ("user", "customer", "client", "owner", "account"),
    ("run", "execute", "start", "process", "handle"),
    ("show", "display", "print", "render", "format"),
    ("result", "output", "res", "ret", "answer"),
    ("config", "settings", "options", "conf", "cfg"),
    ("error", "exception", "err", "exc"),
    ("contains", "includes", "has"),
    ("clear", "reset", "empty", "flush"),
    ("children", "nodes", "kids"),
    ("next", "following", "successor"),
    ("prev", "previous", "last"),
)


def _neighbours() -> frozenset[tuple[str, str]]:
    """Pairs of keys next to each other on a QWERTY keyboard, both ways round."""
    found: set[tuple[str, str]] = set()
    for number, row in enumerate(_ROWS):
        below = _ROWS[number + 1] if number + 1 < len(_ROWS) else ""
        for at, key in enumerate(row):
            for other in (
                row[at + 1 : at + 2],
                below[at : at + 1],
                below[at - 1 : at] if at else "",
            ):
                if other:
                    found |= {(key, other), (other, key)}
    return frozenset(found)


_NEAR = _neighbours()


def closest(
    name: str, names: Iterable[str], *, floor: float = 0.5, limit: int = 5
) -> list[tuple[str, float]]:
    """The names most like ``name``, itself left out, best first, with how alike they are."""
    rated = [(other, similarity(name, other)) for other in {*names} - {name}]
    rated = [pair for pair in rated if pair[1] >= floor]
    rated.sort(key=lambda pair: (-pair[1], pair[0]))
    return rated[:limit]


@lru_cache(maxsize=20_000)
def similarity(left: str, right: str) -> float:
    """How alike two names are, in [0, 1]; 1 for equal ones, from 0.5 on a slip is plausible."""
    left, right = left[:MAX_LENGTH], right[:MAX_LENGTH]
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    plain_left, plain_right = _plain(left), _plain(right)
    if plain_left == plain_right and plain_left:
        return 0.97
    if _is_plural(plain_left, plain_right) or _is_plural(plain_right, plain_left):
        return 0.92
    return max(_spelling(left.lower(), right.lower()), _wording(left, right))


@lru_cache(maxsize=50_000)
def letter_similarity(left: str, right: str) -> float:
    """How alike two names are, in [0, 1]: the share of letter pairs they have in common (Dice)."""
    one, two = _letter_pairs(left), _letter_pairs(right)
    return 2 * len(one & two) / (len(one) + len(two))


@lru_cache(maxsize=10_000)
def _letter_pairs(name: str) -> frozenset[str]:
    padded = f"^{name.lower()}$"
    return frozenset(padded[i : i + 2] for i in range(len(padded) - 1))


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _is_plural(many: str, one: str) -> bool:
    if len(one) < 2:
        return False
    return many in (f"{one}s", f"{one}es") or (one.endswith("y") and many == f"{one[:-1]}ies")


# --- spelling ------------------------------------------------------------------------------------


def _spelling(left: str, right: str) -> float:
    """1 less the weighted edit distance for each character of the longer name."""
    longest = max(len(left), len(right))
    if abs(len(left) - len(right)) > longest // 2 + 1:
        return 0.0
    cost = _distance(left, right)
    if left[0] != right[0] and set(left[:2]) != set(right[:2]):
        cost += 0.2  # the first letter is rarely the wrong one
    numbers = [re.findall(r"\d+", name) for name in (left, right)]
    if numbers[0] != numbers[1] and all(numbers):
        cost += 1.0  # item1 and item2 differ on purpose
    return max(0.0, 1.0 - cost / longest)


def _distance(left: str, right: str) -> float:
    before: list[float] = []
    row = [0.0]
    for at, letter in enumerate(right):
        row.append(row[-1] + _missing(letter, right[at - 1] if at else ""))
    for i, a in enumerate(left):
        previous = left[i - 1] if i else ""
        current = [row[0] + _missing(a, previous)]
        for j, b in enumerate(right):
            earlier = right[j - 1] if j else ""
            best = min(
                row[j] + _substituted(a, b),
                row[j + 1] + _missing(a, previous),
                current[j] + _missing(b, earlier),
            )
            if i and j and a == earlier and b == previous and a != b:
                best = min(best, before[j - 1] + 0.7)
            current.append(best)
        before, row = row, current
    return row[-1]


def _missing(letter: str, previous: str) -> float:
    if letter == "_":
        return 0.3
    return 0.5 if letter == previous else 0.9


def _substituted(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return 0.75 if (a, b) in _NEAR else 1.0


# --- words ---------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: ``maxSize`` and ``max_size`` both give max, size."""
    return tuple(word.lower() for word in _WORD.findall(name))


def _wording(left: str, right: str) -> float:
    """How alike two names are as words: reordered, added, abbreviated, or of the same meaning."""
    ours, theirs = words(left), words(right)
    if not ours or not theirs:
        return 0.0
    if len(ours) > 6 or len(theirs) > 6:
        return 0.0
    if len(ours) > 1 and sorted(ours) == sorted(theirs):
        return 0.9
    if len(ours) == len(theirs):
        pairs = [_same_word(a, b) for a, b in zip(ours, theirs, strict=True)]
        aligned = sum(pairs) / len(pairs) if min(pairs) > 0.0 else 0.0
    else:
        aligned = 0.0
    shared = sum(max(_same_word(a, b) for b in theirs) for a in ours)
    shared += sum(max(_same_word(a, b) for b in ours) for a in theirs)
    overlap = shared / (len(ours) + len(theirs))
    return max(aligned, 0.85 * overlap if max(len(ours), len(theirs)) > 1 else 0.0)


@lru_cache(maxsize=20_000)
def _same_word(a: str, b: str) -> float:
    if a == b:
        return 1.0
    if _is_plural(a, b) or _is_plural(b, a):
        return 0.92
    short, long = sorted((a, b), key=len)
    if _abbreviates(short, long):
        return 0.75
    if any(a in group and b in group for group in _SYNONYMS):
        return 0.6
    spelled = _spelling(a, b)
    return spelled if spelled >= 0.65 else 0.0


def _abbreviates(short: str, long: str) -> bool:
    """True for ``desc`` and description, ``cnt`` and count, ``idx`` and index."""
    if len(short) < 2 or len(long) < len(short) + 2 or short[0] != long[0]:
        return False
    if len(short) >= 3 and long.startswith(short):
        return True
    rest = iter(long)
    in_order = all(letter in rest for letter in short)
    return len(short) >= 3 and in_order and not set(short[1:]) & _VOWELS
