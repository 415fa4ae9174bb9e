"""Confines the processes of one oracle or program: the first of them, each run, each candidate.

The first process gets mounts of its own, in which nothing but the oracle's folder can be written to.
Each run gets private copies there, so that it finds the project as it is, whatever runs before it have
written; and before code of a candidate runs, the right to change anything else is given up. What each
level does not cover is said in `namespace`, `landlock` and `audit_hook`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_gemmadev.validate.confine import audit_hook, capabilities, landlock, namespace
from pytest_gemmadev.validate.confine.copy_changes import Zone, changes, is_untouched
from pytest_gemmadev.validate.confine.places import (
    SHARED_MEMORY,
    Level,
    Places,
    confines,
    is_inside,
)
from pytest_gemmadev.validate.confine.private_copies import (
    Copies,
    copies_from_outside,
    forget_copies,
    make_copies,
)
from pytest_gemmadev.validate.messages import ConfinementSetup, Permissions

SHARED = ("compiled", "hypothesis")  # below the oracle's folder: what its runs share


class Confinement:
    """What confines this process and those that it forks."""

    def __init__(
        self,
        level: str,
        folder: str,
        private: Sequence[str],
        *,
        filled: str = "",
        outside: int = -1,
    ) -> None:
        """``folder`` is the oracle's own, ``private`` are those that runs get private copies of.

        ``filled`` is what private copies begin with, as of `private_copies.make_copies`; ``outside``
        a descriptor of what that folder lies in, kept from before `enter`.
        """
        self.level = Level(level)
        self.folder = os.path.realpath(folder)
        self.private = tuple(private)
        self._copies: Copies | None = None  # made by `keep_copies`
        self._zones: list[Zone] = []  # its private copies, in the order in which they were made
        self._places = Places(self.level, ())
        self._guard: audit_hook.Guard | None = None
        self._outside = outside
        self._filled = filled
        self._rules: int | None = None  # a descriptor of Landlock's
        self._is_users = False  # the namespace was made with a user's rights

    def enter(self) -> None:
        """Confines the first process, which runs no code of a candidate but starts what does."""
        if self.level is Level.NAMESPACE:
            self._outside = os.open(os.path.dirname(self.folder), os.O_PATH | os.O_CLOEXEC)
            namespace.enter(self.folder)
        elif self.level is Level.LANDLOCK:
            landlock.restrict([self.folder, SHARED_MEMORY])

    def prepare_exec(self) -> int:
        """Keeps what further runs need while this process becomes another program.

        Returns ``outside`` for the `Confinement` there, whose other arguments are as before.
        """
        if self.level is Level.NAMESPACE:
            if namespace.is_users(self.folder):
                capabilities.keep_rights_over_exec()
            os.set_inheritable(self._outside, True)
        return self._outside

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
        self, scratch: str, permissions: Permissions, report: Callable[[str, str], None]
    ) -> None:
        """Confines one run, before any project code is imported; `seal` has to follow.

        ``report`` is called with path and call of what is refused.
        """
        scratch = os.path.realpath(scratch)
        if self._outside >= 0:
            os.close(self._outside)
        free = [scratch, *(os.path.join(self.folder, name) for name in SHARED)]
        if self.level is Level.NAMESPACE:
            name = os.path.basename(scratch)
            self._zones = make_copies(self.folder, self.private, name, filled_from=self._filled)
            self._is_users = namespace.is_users(self.folder)
            free.append(SHARED_MEMORY)
        self._places = Places(
            self.level,
            tuple(free),
            _innermost_first(self._zones),
            frozenset(permissions["allowed"]),
            frozenset(permissions["commands"]),
        )
        self._guard = audit_hook.install(self._places, report)

    def has_copy_of(self, path: str) -> bool:
        """Whether a folder lies in a private copy."""
        return is_inside(os.path.realpath(path), [zone.path for zone in self._places.zones])

    def permit(self, permissions: Permissions) -> None:
        """Goes on with other paths and commands that the unchanged code reaches for."""
        self._set_places(
            replace(
                self._places,
                allowed=frozenset(permissions["allowed"]),
                commands=frozenset(permissions["commands"]),
            )
        )

    def seal(self) -> None:
        """Gives up for good what this process has no need of: code of a candidate may run."""
        if self._rules is None:
            self._make_rules()
        if self._rules is not None:
            landlock.restrict_to(self._rules)
            os.close(self._rules)
        if self.level is Level.NAMESPACE and (self._is_users or self._rules is None):
            capabilities.drop_rights(all_of_them=self._is_users)

    def _make_rules(self) -> None:
        """Makes the rules once that each process which is forked from here will keep to."""
        if self._rules is not None:
            os.close(self._rules)
        self._rules = None
        if confines(self.level) and landlock.version():
            copies = [zone.path for zone in self._zones]
            self._rules = landlock.make_rules([*self._places.free, *copies, SHARED_MEMORY])

    def _set_places(self, places: Places) -> None:
        self._places = places
        if self._guard is not None:
            self._guard.places = places

    # --- a process that lets others try candidates ------------------------------------------------

    def keep_copies(self) -> None:
        """Keeps what the private copies hold now: each candidate finds them so."""
        if self._zones:
            self._copies = Copies(self.folder, self._zones)
        self._make_rules()

    @property
    def is_written_to(self) -> bool:
        """Whether anything was written to the private copies since `keep_copies`."""
        return self._copies is not None and not self._copies.is_as_before()

    def changes(self) -> list[tuple[str, str]]:
        """(path, how) of what has been changed in the private copies."""
        zones = [] if self._copies is None else self._copies.zones
        return [change for zone in zones for change in changes(zone)]

    def take_changes(self) -> list[tuple[str, str]]:
        """The same, of whoever ran last; the private copies are as kept from then on."""
        if self._copies is None or self._copies.is_as_before():
            return []
        found = self.changes()
        self._copies.renew()
        self._zones = self._copies.zones
        self._make_rules()
        self._set_places(replace(self._places, zones=_innermost_first(self._zones)))
        return found


def _innermost_first(zones: Sequence[Zone]) -> tuple[Zone, ...]:
    return tuple(sorted(zones, key=lambda zone: -len(zone.path)))


def changes_of_run(setup: ConfinementSetup, scratch: str) -> list[tuple[str, str]]:
    """What a run that is over has changed in its private copies, whose memory is given back."""
    if setup["level"] != Level.NAMESPACE.value:
        return []
    folder, filled = setup["folder"], setup["filled"]
    name = os.path.basename(os.path.realpath(scratch))
    found = []
    for number, zone in enumerate(copies_from_outside(folder, setup["private"], name)):
        if not is_untouched(zone.upper):
            found += changes(zone, os.path.join(filled, str(number)) if filled else "")
    forget_copies(folder, name)
    return found
