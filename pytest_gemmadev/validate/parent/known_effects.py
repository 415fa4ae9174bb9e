"""What a project's unchanged code reaches for: candidates may do that too, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_gemmadev.validate.confine.places import ANYTHING, OPENED, STARTED
from pytest_gemmadev.validate.messages import Permissions
from pytest_gemmadev.validate.resources import DEFAULT_POLICY

EFFECTS = frozenset({"removed", "changed"})  # in private copies, by whatever code
_REPORTED = frozenset({OPENED, STARTED})  # by runs of the unchanged code, which are refused nothing
_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class KnownEffects:
    """Learned from runs of the unchanged code, shared by the oracles of one repair."""

    allowed: set[str] = field(default_factory=set)  # paths that it changes in private copies
    calls: set[tuple[str, str]] = field(default_factory=set)  # (path, call) that it is refused
    commands: set[str] = field(default_factory=set)  # that it starts
    before: Mapping[str, bytes | None] = field(default_factory=dict)
    # contents, before the user's own run, of what that has written; None for what was not there
    number: int = 0  # changes with ``allowed`` and ``commands``

    def permissions(self, *, trusted: bool = False) -> Permissions:
        """What a run may reach for; a ``trusted`` one, of the unchanged code, for anything."""
        if trusted:
            return {"allowed": [ANYTHING], "commands": [ANYTHING]}
        return {"allowed": sorted(self.allowed), "commands": sorted(self.commands)}

    def learn_changes(self, paths: Iterable[str]) -> None:
        """Takes paths that the unchanged code has changed."""
        before = len(self.allowed)
        self.allowed.update(paths)
        if len(self.allowed) > DEFAULT_POLICY.listed_paths:
            self.allowed = {os.path.dirname(path) for path in self.allowed}
        self.number += len(self.allowed) != before

    def learn(self, reached: Iterable[tuple[str, str]]) -> None:
        """Takes each (path, call) that a run of the unchanged code reached for."""
        reached = list(reached)
        self.learn_changes(p for p, call in reached if call in EFFECTS or call == OPENED)
        self.commands.update(key for key, call in reached if call == STARTED)
        known = (*EFFECTS, *_REPORTED)
        self.calls.update(
            (_without_numbers(path), call) for path, call in reached if call not in known
        )

    def describe(self) -> str:
        """The first thing that the unchanged code is refused; empty where there is none."""
        return next((f"{call} of {path}" for path, call in sorted(self.calls)), "")

    def first_unknown(self, reached: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """The first (path, call) of a run that the unchanged code does not reach for."""
        for path, call in reached:
            if call in _REPORTED:
                continue
            is_effect = call in EFFECTS
            is_call_known = (_without_numbers(path), call) in self.calls
            if not (self._is_allowed(path) if is_effect else is_call_known):
                return path, call
        return None

    def _is_allowed(self, path: str) -> bool:
        while path not in self.allowed:
            above = os.path.dirname(path)
            if above == path:
                return False
            path = above
        return True


def _without_numbers(path: str) -> str:
    """The path with 0 for each number: those of processes and runs differ from run to run."""
    return _NUMBERS.sub("0", path)
