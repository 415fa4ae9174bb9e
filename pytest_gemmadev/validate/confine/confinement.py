"""Confines the processes of one oracle or program: the first of them, each run, each candidate.

The first process gets mounts of its own, in which nothing but the oracle's folder can be written to.
Each run gets private copies there, so that it finds the project as it is, whatever runs before it have
written; and before code of a candidate runs, the right to change anything else is given up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from pytest_gemmadev.validate.confine import audit_hook, landlock, namespace
from pytest_gemmadev.validate.confine.places import (
    SHARED_MEMORY,
    Level,
    Places,
    Zone,
    confines,
    inside,
)

SHARED = ("compiled", "hypothesis")  # below the oracle's folder: what its runs share


class Confinement:
    """What confines this process and those that it forks."""

    def __init__(
        self,
        level: str,
        folder: str,
        private: Sequence[str],
        outside: int = -1,
        filled: str = "",
    ) -> None:
        """``folder`` is the oracle's own, ``private`` are those that runs get private copies of.

        ``outside`` is a descriptor of what that folder lies in, kept from before `enter`; ``filled``
        is what private copies begin with, as of `namespace.private_copies`.
        """
        self.level = Level(level)
        self.folder = os.path.realpath(folder)
        self.private = tuple(private)
        self.copies: namespace.Copies | None = None
        self._zones: list[tuple[str, str, str]] = []
        self._places = Places(self.level, ())
        self._guard: audit_hook.Guard | None = None
        self._outside = outside
        self._filled = filled
        self._rules: int | None = None  # of Landlock
        self._is_users = False  # the namespace was made with a user's rights

    def enter(self) -> None:
        """Confines the first process, which runs no code of a candidate but starts what does."""
        if self.level is Level.NAMESPACE:
            self._outside = os.open(os.path.dirname(self.folder), os.O_PATH | os.O_CLOEXEC)
            namespace.enter(self.folder)
        elif self.level is Level.LANDLOCK:
            landlock.restrict([self.folder, SHARED_MEMORY])

    def prepare_exec(self) -> dict[str, int]:
        """Keeps what further runs need while this process becomes another program.

        That needs the arguments which come back, beside those that this was made of.
        """
        if self.level is not Level.NAMESPACE:
            return {}
        if namespace.is_users(self.folder):
            namespace.keep_rights_over_exec()
        os.set_inheritable(self._outside, True)
        return {"outside": self._outside}

    def remove_folder(self) -> None:
        """Removes the oracle's folder, for an oracle that was ended and could not."""
        if self.level is Level.NAMESPACE:
            # This process sees its parent read-only; what was opened before does not.
            namespace.leave(self.folder)
            os.fchdir(self._outside)
            shutil.rmtree(os.path.basename(self.folder), ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def begin(
        self,
        scratch: str,
        allowed: Sequence[str],
        commands: Sequence[str],
        refused: Callable[[str, str], None],
    ) -> None:
        """Confines one run, before any project code is imported; `seal` has to follow.

        ``refused`` is told path and call of what is refused.
        """
        scratch = os.path.realpath(scratch)
        if self._outside >= 0:
            os.close(self._outside)
        if self.level is Level.NAMESPACE:
            name = os.path.basename(scratch)
            self._zones = namespace.private_copies(
                self.folder, self.private, name, filled_from=self._filled
            )
            self._is_users = namespace.is_users(self.folder)
        free = [scratch, *(os.path.join(self.folder, name) for name in SHARED)]
        if self.level is Level.NAMESPACE:
            free.append(SHARED_MEMORY)
        zones = sorted((Zone(*zone) for zone in self._zones), key=lambda zone: -len(zone.path))
        self._places = Places(
            self.level, tuple(free), tuple(zones), frozenset(allowed), frozenset(commands)
        )
        self._guard = audit_hook.install(self._places, refused)

    def has_copy_of(self, path: str) -> bool:
        """Whether a folder lies in a private copy."""
        return inside(os.path.realpath(path), [zone.path for zone in self._places.zones])

    def seal(self) -> None:
        """Gives up for good what this process has no need of: code of a candidate may run."""
        if self._rules is None:
            self._make_rules()
        if self._rules is not None:
            landlock.restrict_to(self._rules)
            os.close(self._rules)
        if self.level is Level.NAMESPACE and (self._is_users or self._rules is None):
            namespace.drop_rights(all_of_them=self._is_users)

    def _make_rules(self) -> None:
        """Makes the rules once that each process which is forked from here will keep to."""
        if self._rules is not None:
            os.close(self._rules)
        self._rules = None
        if confines(self.level) and landlock.version():
            writable = [*self._places.free, *(path for path, _, _ in self._zones), SHARED_MEMORY]
            self._rules = landlock.make_rules(writable)

    # --- a process that lets others try candidates ------------------------------------------------

    def keep(self) -> None:
        """Notes what the private copies hold now: each candidate finds them so."""
        if self._zones:
            self.copies = namespace.Copies(self.folder, self._zones)
        self._make_rules()

    @property
    def is_written_to(self) -> bool:
        """Whether anything was written to the private copies since `keep`."""
        return self.copies is not None and not self.copies.is_as_before()

    def seen_changes(self) -> list[tuple[str, str]]:
        """What has been changed in the private copies, which stay as they are."""
        zones = [] if self.copies is None else self.copies.zones
        return [
            change
            for path, upper, lower in zones
            for change in namespace.changes(upper, lower, path)
        ]

    def changes(self) -> list[tuple[str, str]]:
        """What has been changed in the private copies by whoever ran last; they are renewed then."""
        if self.copies is None or self.copies.is_as_before():
            return []
        found = [
            change
            for path, upper, lower in self.copies.zones
            for change in namespace.changes(upper, lower, path)
        ]
        self.copies.renew()
        self._zones = self.copies.zones
        self._make_rules()
        zones = sorted((Zone(*zone) for zone in self._zones), key=lambda zone: -len(zone.path))
        self._places = Places(
            self.level, self._places.free, tuple(zones), self._places.allowed, self._places.commands
        )
        self._tell_guard()
        return found

    def allow(self, allowed: Sequence[str], commands: Sequence[str]) -> None:
        """Goes on with other paths that the unchanged code changes."""
        places = self._places
        self._places = Places(
            self.level, places.free, places.zones, frozenset(allowed), frozenset(commands)
        )
        self._tell_guard()

    def _tell_guard(self) -> None:
        if self._guard is not None:
            self._guard.places = self._places


def changes_of_run(confine: dict[str, Any], folder: str, scratch: str) -> list[tuple[str, str]]:
    """What a run that is over has changed in its private copies, whose memory is given back.

    ``confine`` holds arguments of its `Confinement`.
    """
    if confine["level"] != Level.NAMESPACE.value:
        return []
    name = os.path.basename(os.path.realpath(scratch))
    filled = confine.get("filled", "")
    found = []
    for number, (path, upper) in enumerate(
        namespace.upper_folders(folder, confine["private"], name)
    ):
        if not namespace.is_untouched(upper):
            began = os.path.join(filled, str(number)) if filled else ""
            found += namespace.changes(upper, path, path, began)
    namespace.forget(folder, name)
    return found
