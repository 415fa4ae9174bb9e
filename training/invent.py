"""Bugs that a model writes: a line of a sound function as the model would rather have it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pytest_gemmadev.prompting.prompt import BEFORE_CHARS
from pytest_gemmadev.types import Model, Sampling
from training.functions import Sound
from training.texts import Change, Text, lines_of

LINES = 2  # of a function that are asked about
SAMPLES = 4  # alternatives to each
_TOKENS = 48


class Inventor:
    """Asks a model for likely lines other than the one that stands there."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def changes(self, sound: Sound, random_: random.Random) -> Iterator[Change]:
        """Replacements of whole lines inside the function; most are wrong, some only different."""
        text = Text(sound.near)
        first, last = lines_of(sound.node)[0], sound.node.end_lineno or 0
        inner = [n for n in range(first + 1, last + 1) if _is_code(text.lines[n - 1])]
        for number in sorted(random_.sample(inner, min(LINES, len(inner)))):
            start, line = text.starts[number - 1], text.lines[number - 1]
            prefix = text.text[max(0, start - 2 * BEFORE_CHARS) : start]
            sampling = Sampling(
                max_tokens=_TOKENS,
                temperature=0.8,
                samples=SAMPLES,
                stop=("\n",),
                seed=random_.randrange(1 << 30),
                unlike=line,
            )
            for completion in self._model.complete(prefix, sampling):
                if completion.ended != "length" and completion.text.strip():
                    yield start, start + len(line), completion.text.rstrip()


def _is_code(line: str) -> bool:
    return len(line.strip()) > 3 and not line.lstrip().startswith(("#", '"', "'", "@", "def "))
