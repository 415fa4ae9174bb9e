"""What in a text may make one run differ from another: random numbers, the clock, files, threads.

Read from the text, so it is a hint: what is called through other names is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """Why runs differ, in words that follow "it"."""

    RANDOM = "draws random numbers"
    TIME = "reads the clock"
    THREADS = "runs threads or processes side by side"
    FILES = "uses files, which other runs may have left"


_CALLS: Mapping[Cause, re.Pattern[str]] = {
    Cause.RANDOM: re.compile(
        r"\b(?:random|secrets)\.\w+\(|\b(?:uuid[14]|urandom|default_rng|randint|shuffle)\("
    ),
    Cause.TIME: re.compile(
        r"\btime\.\w+\(|\b(?:datetime|date)\.(?:now|utcnow|today)\(|\.(?:now|utcnow|today)\(\)"
        r"|\b(?:perf_counter|monotonic|time_ns|localtime|sleep)\("
    ),
    Cause.THREADS: re.compile(
        r"\bthreading\.|\bThread\(|\bmultiprocessing\.|PoolExecutor\(|\basyncio\.(?:gather|create_task)\("
    ),
    Cause.FILES: re.compile(
        r"\bopen\(|\.(?:write_text|write_bytes|read_text|read_bytes|mkdir|touch|unlink)\("
        r"|\bos\.(?:remove|rename|makedirs|listdir)\(|\b(?:sqlite3\.connect|shelve\.open)\("
    ),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A line that may make a run differ."""

    cause: Cause
    path: str
    line: int
    call: str  # as it is written: ``random.random(``

    def __str__(self) -> str:
        return f"it {self.cause.value}: `{self.call.rstrip('(')}` in {self.path}:{self.line}"


def find_sign(texts: Mapping[str, str], lines: Collection[tuple[str, int]]) -> Sign | None:
    """The first sign on the given lines of the texts, those of random numbers before others."""
    wanted = sorted(line for line in lines if line[0] in texts)
    split = {path: texts[path].splitlines() for path, _ in wanted}
    for cause, pattern in _CALLS.items():
        for path, number in wanted:
            text = split[path][number - 1] if 0 < number <= len(split[path]) else ""
            found = pattern.search(text.partition("#")[0])
            if found is not None:
                return Sign(cause, path, number, found.group())
    return None


def has_sign(texts: Iterable[str], *, chars: int) -> bool:
    """Whether one of the texts holds a sign; also where they have more than ``chars`` characters."""
    left = chars
    for text in texts:
        left -= len(text)
        if left < 0 or any(pattern.search(text) for pattern in _CALLS.values()):
            return True
    return False
