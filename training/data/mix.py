"""What a short run learns of a large corpus: so many tokens, shared out by kind, spread over packages.

A run on a CPU sees some thousands of questions, a hundredth of what there is. Short ones teach as much as
long ones and cost less, and those that an execution proved read as they do at repair time.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from training.data.examples import Example, read_examples, repair_examples
from training.data.pairs import pair_bugs

SHARES: Mapping[tuple[str, str], float] = {
    ("lines", "executed"): 0.10,
    ("lines", "drill"): 0.04,
    ("lines", "parsed"): 0.35,
    ("line", "executed"): 0.06,
    ("line", "drill"): 0.02,
    ("line", "parsed"): 0.02,
    ("block", "executed"): 0.01,
    ("block", "drill"): 0.01,
    ("rank", "executed"): 0.02,
    ("rank", "drill"): 0.01,
    ("text", ""): 0.01,  # bodies of documented functions
    ("text", "drill"): 0.28,
    ("line", "real"): 0.07,
    ("block", "real"): 0.01,
}
"""Of the tokens, by kind of question and proof; ``drill`` stands for what was made of drills."""
CHARS_PER_TOKEN = 3.0  # of code, about; what is too long after all is left out later
_KEPT = 1500  # examples of a kind that a file, mostly of one package, may give
_KEPT_WHOLE = 10_000  # of what is not of one package


def mixed(
    files: Iterable[Path], real: Iterable[Path], *, tokens: int, longest: int, seed: int
) -> tuple[list[Example], list[Example]]:
    """(what is learnt first, the real bugs that are learnt last), ``tokens`` in all, about.

    None is longer than ``longest`` tokens, about. Among the real bugs stand as many functions to be
    written as before: what is not asked for any more is soon forgotten.
    """
    random_ = random.Random(seed)
    pools: dict[tuple[str, str], list[list[Example]]] = defaultdict(list)
    sources: list[Iterable[Example]] = [read_examples(file) for file in files]
    sources += [_real(file) for file in real]
    for rows in sources:
        for key, kept in _sampled(rows, longest, random_).items():
            pools[key].append(kept)
    held = {
        key: sum(_size(row) for rows in pools[key] for row in rows)
        for key in SHARES
        if key in pools
    }
    first: list[Example] = []
    last: list[Example] = []
    for key, room in _rooms(held, tokens).items():
        for row in _in_turns(pools[key]):
            room -= _size(row)
            if room < 0:
                break
            (last if row.proof == "real" else first).append(row)
    if first and last:
        texts = [row for row in first if row.kind == "text"]
        share = sum(map(_size, last)) / (sum(map(_size, first)) + sum(map(_size, last)))
        last += texts[: int(share * len(texts))]
        moved = {id(row) for row in last}
        first = [row for row in first if id(row) not in moved]
    return first, last


def _rooms(held: Mapping[tuple[str, str], float], tokens: float) -> dict[tuple[str, str], float]:
    """Tokens of each kind, by their shares; what a kind has too little for goes to the others.

    ``held`` are the tokens that there are of each; a kind that is taken whole has infinite room.
    """
    rooms: dict[tuple[str, str], float] = {}
    left = dict(held)
    while left:
        whole = sum(SHARES[key] for key in left)
        rooms |= {key: tokens * SHARES[key] / whole for key in left}
        short = [key for key in left if held[key] <= rooms[key]]
        if not short:
            break
        for key in short:
            tokens -= left.pop(key)
            rooms[key] = math.inf
    return {key: rooms[key] for key in held}


def _real(file: Path) -> Iterator[Example]:
    for bug in pair_bugs(file):
        yield from repair_examples(bug, kinds=("line", "block"))


def _sampled(
    rows: Iterable[Example], longest: int, random_: random.Random
) -> dict[tuple[str, str], list[Example]]:
    """Some rows of each kind that are short enough, each as likely as any other, in random order."""
    kept: dict[tuple[str, str], list[Example]] = defaultdict(list)
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        key = _key(row)
        if key not in SHARES or _size(row) > longest:
            continue
        seen[key] += 1
        whole = key[0] == "lines" or key[1] not in ("executed", "parsed")
        limit = _KEPT_WHOLE if whole else _KEPT
        if len(kept[key]) < limit:
            kept[key].append(row)
        elif (place := random_.randrange(seen[key])) < limit:
            kept[key][place] = row
    for some in kept.values():
        random_.shuffle(some)
    return dict(kept)


def _key(row: Example) -> tuple[str, str]:
    """The kind and the proof, as `SHARES` has them."""
    is_drill = row.origin.partition(":")[0] == "drills"
    return row.kind, "drill" if is_drill else row.proof


def _in_turns(pools: Sequence[Sequence[Example]]) -> Iterator[Example]:
    """One of each pool after the other: a large package does not crowd out the small ones."""
    for rows in zip_longest(*pools):
        yield from (row for row in rows if row is not None)


def _size(row: Example) -> float:
    """Tokens, about."""
    return (len(row.prompt) + len(row.completion)) / CHARS_PER_TOKEN
