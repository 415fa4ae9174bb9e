"""What a drill is, and the arguments that it is shown with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import parse_toml

# fmt: off
WORDS = (
    "apple", "stone", "river", "Green", "kite", "level", "noon", "Paris", "tiger", "moon",
    "radar", "glass", "seven", "Anna", "bread", "Cloud", "table", "otter", "wow", "Zebra", "ice",
    "under", "eagle", "music", "pepper", "Orange", "hat", "sun", "queue", "civic", "banana",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Parameter:
    """``kind`` says what is drawn for it: a type, or one of the narrower kinds of `DRAWS`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drill:
    """A function, said and written."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    says: str  # the docstring, without examples
    body: str  # statements, not indented


def _numbers(random_: random.Random) -> list[int]:
    low = random_.choice((-9, 0, 1, -20))
    return [random_.randint(low, 20) for _ in range(random_.choice((0, 1, 3, 4, 5, 6, 7)))]


def _sorted(random_: random.Random) -> list[int]:
    return sorted(_numbers(random_))


def _floats(random_: random.Random) -> list[float]:
    return [random_.randint(-20, 90) / 10 for _ in range(random_.choice((1, 2, 3, 4, 5)))]


def _word(random_: random.Random) -> str:
    return random_.choice((*WORDS, "", "a", "Hello", "abcabc", "aabbb", "Python3", "x1y22"))


def _text(random_: random.Random) -> str:
    words = [random_.choice(WORDS) for _ in range(random_.choice((1, 2, 3, 4, 5)))]
    if random_.random() < 0.2:
        words.insert(random_.randrange(len(words) + 1), str(random_.randint(0, 99)))
    return " ".join(words) + random_.choice(("", "", "", "!", "."))


def _words(random_: random.Random) -> list[str]:
    return [random_.choice(WORDS) for _ in range(random_.choice((0, 1, 3, 4, 5)))]


def _matrix(random_: random.Random) -> list[list[int]]:
    width = random_.choice((1, 2, 3, 4))
    return [
        [random_.randint(-5, 9) for _ in range(width)] for _ in range(random_.choice((1, 2, 3)))
    ]


def _square(random_: random.Random) -> list[list[int]]:
    width = random_.choice((1, 2, 3))
    return [[random_.randint(-5, 9) for _ in range(width)] for _ in range(width)]


def _dictionary(random_: random.Random) -> dict[str, int]:
    keys = random_.sample(WORDS, random_.choice((0, 1, 2, 3, 4)))
    return {key: random_.randint(-5, 20) for key in keys}


def _pairs(random_: random.Random) -> list[tuple[str, int]]:
    return [
        (random_.choice(WORDS[:8]), random_.randint(0, 9))
        for _ in range(random_.choice((1, 2, 3, 4)))
    ]


def _mixed(random_: random.Random) -> list[object]:
    pool: tuple[object, ...] = (1, 7, -3, "a", "seven", 2.5, None, [], True, "7", 12)
    return [random_.choice(pool) for _ in range(random_.choice((2, 3, 4, 5)))]


DRAWS: Mapping[str, Callable[[random.Random], object]] = {
    "list[int]": _numbers,
    "list[int] sorted": _sorted,
    "list[int] filled": lambda r: _numbers(r) or [r.randint(-9, 9)],
    "list[float]": _floats,
    "list[str]": _words,
    "list[str] filled": lambda r: _words(r) or [r.choice(WORDS)],
    "list[list[int]]": _matrix,
    "list[list[int]] square": _square,
    "list[tuple[str, int]]": _pairs,
    "list": _mixed,
    "dict[str, int]": _dictionary,
    "dict[str, int] filled": lambda r: _dictionary(r) or {r.choice(WORDS): 3},
    "str": _word,
    "str filled": lambda r: _word(r) or "b",
    "str text": _text,
    "str bits": lambda r: "".join(r.choice("01") for _ in range(r.choice((1, 3, 4, 6)))),
    "str letter": lambda r: r.choice("aeionrst"),
    "str part": lambda r: r.choice(("a", "e", "an", "st", "o", "er", "P", "x")),
    "str numbers": lambda r: " ".join(str(r.randint(0, 40)) for _ in range(r.choice((1, 2, 3, 4)))),
    "str commas": lambda r: ",".join(r.choice(WORDS) for _ in range(r.choice((1, 2, 3)))),
    "str clock": lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}",
    "int": lambda r: r.randint(-12, 60),
    "int natural": lambda r: r.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20)),
    "int positive": lambda r: r.choice((1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 16, 24, 30)),
    "int long": lambda r: r.choice((0, 7, 10, 42, 121, 305, 1234, 9009, 55512, 80641)),
    "int count": lambda r: r.choice((1, 2, 3, 4)),
    "float": lambda r: r.randint(-30, 90) / 10,
    "float positive": lambda r: r.randint(1, 90) / 10,
    "bool": lambda r: r.random() < 0.5,
}
"""Kinds of parameters; the type is what stands before the first space that is no part of it."""


def type_of(kind: str) -> str:
    """``list[int]`` of ``list[int] sorted``."""
    return kind if kind.endswith("]") else kind.rpartition(" ")[0] if " " in kind else kind


def table(name: str) -> dict[str, Any]:
    """What is in a TOML file of this folder."""
    file = Path(__file__).with_name(name)
    return parse_toml(file.read_text(encoding="utf-8"), str(file))
