"""A model for pytest-gemmadev from another package: counts of token pairs.

``--gemmadev-model=bigram:FOLDER`` reads the Python files below a folder and finds likely what is
written as it is written there. It ranks candidates, and writes nothing. What a package needs is all
here: an object with ``info``, ``complete``, ``score`` and ``close``, two hooks, and an entry point
in ``pyproject.toml``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.api import Completion, GemmadevError, KnownModel, ModelInfo, Sampling, hookimpl

_TOKEN = re.compile(r"\w+|[^\w\s]")
_FILES = 2000


class BigramModel:
    """Implements `pytest_gemmadev.api.Model`."""

    def __init__(self, spec: str, folder: Path) -> None:
        self.info = ModelInfo(spec=spec, name=f"pairs of tokens in {folder}", can_score=True)
        self._folder = folder
        self._pairs: Counter[tuple[str, str]] | None = None
        self._firsts: Counter[str] = Counter()

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Nothing: what a model cannot write, rules and patterns have to find."""
        return ()

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihoods in nats, with one added to each count."""
        if self._pairs is None:  # at first use: a model that is only listed costs nothing
            self._pairs = self._counted()
        last = (_TOKEN.findall(prefix) or [""])[-1]
        return tuple(self._nats([last, *_TOKEN.findall(text)]) for text in continuations)

    def close(self) -> None:
        self._pairs = None

    def _nats(self, tokens: list[str]) -> float:
        assert self._pairs is not None
        kinds = len(self._firsts) + 1
        return sum(
            math.log((self._pairs[a, b] + 1) / (self._firsts[a] + kinds))
            for a, b in zip(tokens, tokens[1:], strict=False)
        )

    def _counted(self) -> Counter[tuple[str, str]]:
        pairs: Counter[tuple[str, str]] = Counter()
        for path in sorted(self._folder.rglob("*.py"))[:_FILES]:
            tokens = _TOKEN.findall(path.read_text("utf-8", "replace"))
            pairs.update(zip(tokens, tokens[1:], strict=False))
            self._firsts.update(tokens)
        return pairs


@hookimpl
def gemmadev_load_model(spec: str) -> BigramModel | None:
    """The model for a spec of ours; None leaves the others to other packages.

    The hook offers ``adapter``, ``threads`` and ``left_s`` too; name those that you need.
    """
    scheme, _, name = spec.partition(":")
    if scheme != "bigram":
        return None
    folder = Path(name or ".").expanduser().absolute()
    if not folder.is_dir():
        raise GemmadevError(f"model {spec}: no such folder")
    return BigramModel(spec, folder)


@hookimpl
def gemmadev_known_models() -> tuple[KnownModel, ...]:
    """The line for ``gemmadev models``."""
    info = ModelInfo(spec="bigram:FOLDER", name="pairs of tokens")
    return (KnownModel(info, "ranks by how a folder's files are written", available=True),)
