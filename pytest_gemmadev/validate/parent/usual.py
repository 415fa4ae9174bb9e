"""What a project's unchanged code reaches for: candidates may do that too, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pytest_gemmadev.validate.confine.places import ANYTHING, OPENED, STARTED

EFFECTS = frozenset({"removed", "changed"})  # in private copies, by whatever code
_TOLD = frozenset({OPENED, STARTED})  # of runs with nothing changed, which nothing refuses
_MOST = 2_000  # paths that are handed to runs one by one; more are told by their folders
_NUMBERS = re.compile(r"\d+")


class Reaching(Protocol):
    """A run that is over."""

    @property
    def reached(self) -> tuple[tuple[str, str], ...]: ...


@dataclass(slots=True)
class Usual:
    """Learned from runs with nothing changed, shared by the oracles of one repair."""

    allowed: set[str] = field(default_factory=set)  # paths that it changes in private copies
    calls: set[tuple[str, str]] = field(default_factory=set)  # (path, call) that it is refused
    commands: set[str] = field(default_factory=set)  # that it starts
    before: Mapping[str, bytes | None] = field(default_factory=dict)
    # contents, before the user's own run, of what that has written; None for what was not there
    number: int = 0  # changes with ``allowed`` and ``commands``

    def plain(self, *, trusted: bool = False) -> dict[str, list[str]]:
        """What a run is told of it; one with nothing changed is ``trusted``, and learned from."""
        if trusted:
            return {"allowed": [ANYTHING], "commands": [ANYTHING]}
        return {"allowed": sorted(self.allowed), "commands": sorted(self.commands)}

    def learn_written(self, paths: Iterable[str]) -> None:
        """Takes what the unchanged code has changed."""
        before = len(self.allowed)
        self.allowed.update(paths)
        if len(self.allowed) > _MOST:
            self.allowed = {os.path.dirname(path) for path in self.allowed}
        self.number += len(self.allowed) != before

    def learn(self, run: Reaching) -> None:
        """Takes what a run with nothing changed reached for."""
        self.learn_written(p for p, call in run.reached if call in EFFECTS or call == OPENED)
        self.commands.update(key for key, call in run.reached if call == STARTED)
        known = (*EFFECTS, *_TOLD)
        self.calls.update((_alike(path), call) for path, call in run.reached if call not in known)

    def described(self) -> str:
        """The first thing that the unchanged code is refused; empty where there is none."""
        return next((f"{call} of {path}" for path, call in sorted(self.calls)), "")

    def beyond(self, run: Reaching) -> tuple[str, str] | None:
        """The first (path, call) of a run that the unchanged code does not reach for."""
        for path, call in run.reached:
            if call in _TOLD:
                continue
            is_effect = call in EFFECTS
            known = self._is_allowed(path) if is_effect else (_alike(path), call) in self.calls
            if not known:
                return path, call
        return None

    def _is_allowed(self, path: str) -> bool:
        while path not in self.allowed:
            above = os.path.dirname(path)
            if above == path:
                return False
            path = above
        return True


def _alike(path: str) -> str:
    """The path without its numbers: those of processes and runs differ from run to run."""
    return _NUMBERS.sub("0", path)
