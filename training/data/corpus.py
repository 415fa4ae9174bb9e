"""All examples of a run, in the order in which they are learnt.

A source is ``bugs:PATH_OR_PACKAGE`` (functions of it are broken now), ``bodies:PATH_OR_PACKAGE`` (its
documented functions are to be finished), one of the instruction sets, by name or as ``xlcost=FILE``,
or a ``.jsonl`` file of finished examples or of real pairs. Sources are mixed; what is named ``last``
comes after everything else.
"""

from __future__ import annotations

import itertools
import json
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.config import DataSettings
from training.data.bodies import body_examples
from training.data.bugs import BreakOptions, Counts, broken
from training.data.decontaminate import Held, held_back
from training.data.examples import Bug, Example, read_examples, repair_examples
from training.data.execute import Prover
from training.data.functions import sources
from training.data.instructions import SETS, Cleaning, instructions
from training.data.pairs import history_bugs, is_pair, pair_bugs

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples in two parts; each part is shuffled, the second one stays second."""

    first: tuple[Example, ...]
    last: tuple[Example, ...]

    def __len__(self) -> int:
        return len(self.first) + len(self.last)


def load_corpus(settings: DataSettings, *, seed: int, say: Say = print) -> Corpus:
    """The examples of ``settings``, without duplicates and without what is held back."""
    if not settings.sources and not settings.last:
        raise GemmadevError("no data: name some with --data, such as --data bugs:.")
    held = held_back(settings.decontaminate, humaneval=settings.humaneval)
    seen: set[int] = set()
    parts = []
    for names in (settings.sources, settings.last):
        rows: list[Example] = []
        for name in names:
            found = _examples_of(name, settings, seed, say)
            rows += _clean(_sampled(found, settings.limit, seed), held, seen)
        random.Random(seed).shuffle(rows)
        parts.append(tuple(rows))
    corpus = Corpus(*parts)
    say(held.line())
    if not corpus:
        raise GemmadevError(
            f"no examples in {', '.join((*settings.sources, *settings.last))}: the set is empty"
        )
    return corpus


def _sampled(rows: Iterator[Example], limit: int, seed: int) -> Iterable[Example]:
    """``limit`` of the rows, each as likely as any other; all of them for 0."""
    if not limit:
        return rows
    kept = list(itertools.islice(rows, limit))
    draw = random.Random(seed)
    for number, row in enumerate(rows, limit):
        place = draw.randrange(number + 1)
        if place < limit:
            kept[place] = row
    return kept


def _clean(rows: Iterable[Example], held: Held, seen: set[int]) -> Iterator[Example]:
    for row in rows:
        key = zlib.crc32(f"{row.prompt}\0{row.completion}".encode("utf-8", "replace"))
        if key not in seen and not held.reason(row.prompt + row.completion):
            seen.add(key)
            yield row


def _examples_of(name: str, settings: DataSettings, seed: int, say: Say) -> Iterator[Example]:
    scheme, colon, rest = name.partition(":")
    instruction_set, _, path = name.partition("=")
    if scheme == "bugs" and colon:
        yield from _bugs(rest, settings, seed, say)
    elif scheme == "bodies" and colon:
        yield from body_examples(sources([rest]))
    elif scheme == "git" and colon:
        yield from _questions(history_bugs(Path(rest)), settings)
    elif instruction_set in SETS:
        cleaning = Cleaning()
        yield from instructions(instruction_set, cleaning, path=path)
        say(f"{name}: {cleaning.line()}")
    elif name.endswith(".jsonl"):
        file = Path(name).expanduser()
        if _holds_pairs(file):
            yield from _questions(pair_bugs(file), settings)
        else:
            yield from (row for row in read_examples(file) if _is_wanted(row, settings))
    else:
        known = f"bugs:PATH, bodies:PATH, git:PATH, FILE.jsonl, {', '.join(SETS)}"
        raise GemmadevError(f"data set {name!r} is unknown; there are {known}")


def _bugs(rest: str, settings: DataSettings, seed: int, say: Say) -> Iterator[Example]:
    """Broken functions of a path or package; a file that was made of some is read."""
    if rest.endswith(".jsonl"):
        yield from (row for row in read_examples(Path(rest)) if _is_wanted(row, settings))
        return
    counts = Counts()
    options = BreakOptions(execute=settings.execute, kinds=settings.kinds, seed=seed)
    with Prover(seed=seed) as prover:
        made = broken(sources([rest]), options, counts, prove=prover.prove)
        for example in _questions(made, settings):
            counts.examples += 1
            yield example
    say(f"bugs:{rest}: {counts.line()}")


def _questions(bugs: Iterable[Bug], settings: DataSettings) -> Iterator[Example]:
    for bug in bugs:
        yield from repair_examples(bug, kinds=settings.kinds)


def _is_wanted(row: Example, settings: DataSettings) -> bool:
    return row.kind == "text" or row.kind in settings.kinds


def _holds_pairs(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8") as lines:
            return is_pair(json.loads(next(filter(str.strip, lines), "{}")))
    except ValueError:
        return False  # the reader says where
    except OSError as error:
        raise GemmadevError(
            f"{file}: cannot be read ({error.strerror or error}); check the path"
        ) from None
