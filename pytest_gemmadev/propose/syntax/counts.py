"""How usual a token is between two others, from counts over sound Python code.

The counts lie beside this module. ``python -m pytest_gemmadev.propose.syntax.counts FOLDER…`` makes
them anew from the sources in folders.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from math import log
from pathlib import Path

from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER, scan

DATA = Path(__file__).with_name("counts.json")
LEAST = 4  # rarer triples are left out of the file
_SMOOTH = 0.5

Counts = dict[str, dict[str, int]]
"""By ``before + " " + after``: how often each sort of token stands between, "" for nothing."""


@lru_cache(maxsize=1)
def counts() -> Counts:
    """The counts as stored."""
    data: Counts = json.loads(DATA.read_text("utf-8"))
    return data


def surprise(before: str, token: str, after: str) -> float:
    """Nats: of ``token`` between the two sorts, "" for nothing between them."""
    between = counts().get(f"{before} {after}", {})
    total = sum(between.values())
    return -log((between.get(token, 0) + _SMOOTH) / (total + 20.0))


def adjacency(before: str, after: str) -> int:
    """How often the two stood side by side in the code that was counted."""
    return counts().get(f"{before} {after}", {}).get("", 0)


def usual_between(before: str, after: str) -> Iterable[str]:
    """The sorts seen between the two, the most frequent first."""
    between = counts().get(f"{before} {after}", {})
    return sorted((t for t in between if t), key=lambda t: -between[t])


# --- counting ------------------------------------------------------------------------------------


def sorts(text: str) -> Iterator[str]:
    """The sort of each token; newlines only where they end a statement."""
    depth, last = 0, "\n"
    for token in scan(text):
        if token.kind in ("comment", "join") or (
            token.kind == "newline" and (depth or last == "\n")
        ):
            continue
        depth += (token.text in CLOSER) - (token.text in OPENER) if token.kind == "op" else 0
        last = token.sort
        yield last


def count(texts: Iterable[str]) -> Counts:
    """Counts of triples and pairs, rare ones left out."""
    triples: Counter[tuple[str, str, str]] = Counter()
    for text in texts:
        found = ["\n", *sorts(text)]
        triples.update(zip(found, found[1:], found[2:], strict=False))
        triples.update((a, "", b) for a, b in pairwise(found))
    result: Counts = {}
    for (before, token, after), number in sorted(triples.items()):
        if number >= LEAST:
            result.setdefault(f"{before} {after}", {})[token] = number
    return result


def main(folders: list[str]) -> int:
    """Writes the counts of all sources in the folders."""
    files = sorted(p for folder in folders for p in Path(folder).rglob("*.py"))
    texts = (p.read_text("utf-8", errors="replace") for p in files)
    DATA.write_text(json.dumps(count(texts), separators=(",", ":")) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
