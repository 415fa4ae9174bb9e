"""Drills as the modules of a project: short functions that can be called, and so broken with proof."""

from __future__ import annotations

import itertools
import random
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from training.data.examples import Example
from training.data.exercises import LICENSE

_TOGETHER = (1, 1, 2, 3, 4)  # functions in a module
_IMPORT = "from typing import "
_METADATA = f'[project]\nname = "drills"\nlicense = "{LICENSE}"\n'


def write_modules(drills: Iterable[Example], folder: Path, *, seed: int = 0) -> int:
    """Writes the functions into modules that are named after their first one; how many those are.

    Each goes into a module that has no function of its name yet.
    """
    (folder / "pyproject.toml").write_text(_METADATA, encoding="utf-8")
    taken: set[str] = set()
    for named in _grouped(drills, random.Random(seed)):
        name = _free(next(iter(named)), taken)
        taken.add(name)
        text = _module(list(named.values()))
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return len(taken)


def _free(name: str, taken: Container[str]) -> str:
    """The name, with a number where it is taken; ``sums2`` may be a function's name, too."""
    numbered = (name + str(number) for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _grouped(drills: Iterable[Example], random_: random.Random) -> Iterator[dict[str, str]]:
    """Some functions' texts by their names, at a time."""
    named: dict[str, str] = {}
    wanted = random_.choice(_TOGETHER)
    for drill in drills:
        text = drill.prompt + drill.completion
        name = text[text.index("def ") :].removeprefix("def ").partition("(")[0]
        if len(named) >= wanted or name in named:
            yield named
            named, wanted = {}, random_.choice(_TOGETHER)
        named[name] = text
    if named:
        yield named


def _module(texts: list[str]) -> str:
    """The functions below one import of what all of them need."""
    needed: set[str] = set()
    functions = []
    for text in texts:
        head, begins, rest = text.partition("def ")
        needed.update(head.strip().removeprefix(_IMPORT).split(", ") if head else ())
        functions.append(begins + rest)
    head = f"{_IMPORT}{', '.join(sorted(needed))}\n\n\n" if needed else ""
    return head + "\n\n".join(functions)
