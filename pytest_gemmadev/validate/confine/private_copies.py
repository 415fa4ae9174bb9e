"""Private copies of folders, each an overlay: what is written goes to memory, and is gone with the
processes that could see it.

Needs the namespace of `namespace.enter`, and the right to mount in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence

from pytest_gemmadev.validate.confine.copy_changes import (
    Zone,
    duplicate,
    fingerprint,
    is_untouched,
)
from pytest_gemmadev.validate.confine.mounts import (
    BIND,
    NEW_MOUNTS,
    RECURSIVE,
    mount,
    mounts_below,
    unmount,
    unshare,
)
from pytest_gemmadev.validate.confine.namespace import is_users, private_folder


def make_copies(
    folder: str, paths: Sequence[str], name: str, *, filled_from: str = ""
) -> list[Zone]:
    """Covers each of the folders by a private copy, and says where these lie.

    ``folder`` is that of `namespace.enter`, ``name`` of the run. A folder of which there can be no
    copy stays read-only and is left out. ``filled_from`` holds a folder by number for each, with
    what counts as written already.
    """
    unshare(NEW_MOUNTS)
    folder = os.path.realpath(folder)
    place = os.path.join(private_folder(folder), name)
    cwd = os.getcwd()
    kept = os.open(folder, os.O_PATH)
    below = {path: mounts_below(path, folder) for path in paths}
    zones = []
    # The one that covers our own folder comes last: the others are made in there.
    for number, path in sorted(enumerate(paths), key=lambda pair: _holds(pair[1], folder)):
        filled = os.path.join(filled_from, str(number)) if filled_from else ""
        options = "userxattr" if is_users(folder) else ""
        try:
            zone = _make_zone(path, os.path.join(place, str(number)), filled)
            _cover(zone, below[path], options)
        except OSError:
            continue
        zones.append(zone)
    # Some of them may have covered it.
    mount(f"/proc/self/fd/{kept}", folder, flags=BIND | RECURSIVE)
    os.close(kept)
    with contextlib.suppress(OSError):  # shared memory and semaphores of this run alone
        mount("tmpfs", "/dev/shm", kind="tmpfs", data="mode=1777")
    os.chdir(cwd)
    return zones


def copies_from_outside(folder: str, paths: Sequence[str], name: str) -> list[Zone]:
    """The copies that `make_copies` makes with these arguments, for who sees the folders themselves."""
    place = os.path.join(private_folder(folder), name)
    return [Zone(path, os.path.join(place, str(n), "upper"), path) for n, path in enumerate(paths)]


def forget_copies(folder: str, name: str) -> None:
    """Gives back the memory of copies that nobody sees any more."""
    shutil.rmtree(os.path.join(private_folder(folder), name), ignore_errors=True)


class Copies:
    """The private copies of a process that lets others try candidates, one after the other."""

    def __init__(self, folder: str, zones: Sequence[Zone]) -> None:
        self.zones = list(zones)
        self._folder = folder
        self._paths = [zone.path for zone in zones]
        self._before = self._fingerprints()
        self._kept = ""  # a folder with what was written until now; empty for nothing
        self._count = 0
        if any(self._before):
            self._kept = os.path.join(private_folder(folder), f"kept-{os.getpid()}")
            for number, zone in enumerate(zones):
                duplicate(zone.upper, os.path.join(self._kept, str(number)))

    def is_as_before(self) -> bool:
        """Whether nothing was written since this was made."""
        return self._fingerprints() == self._before

    def renew(self) -> None:
        """Makes them what they were when this was made."""
        for path in reversed(self._paths):
            unmount(path)
        self._count += 1
        name = f"{os.getpid()}-{self._count}"
        self.zones = make_copies(self._folder, self._paths, name, filled_from=self._kept)
        self._before = self._fingerprints()

    def _fingerprints(self) -> list[tuple[tuple[object, ...], ...]]:
        uppers = [zone.upper for zone in self.zones]
        return [() if is_untouched(upper) else fingerprint(upper) for upper in uppers]


def _make_zone(path: str, place: str, filled: str) -> Zone:
    """Makes the folders of one private copy, with the rights of the folder that it covers."""
    upper, work, lower = (os.path.join(place, name) for name in ("upper", "work", "lower"))
    for made in (work, lower):
        os.makedirs(made)
    if filled:
        duplicate(filled, upper)
    else:
        os.mkdir(upper)
    status = os.stat(path)
    os.chmod(upper, stat.S_IMODE(status.st_mode))
    with contextlib.suppress(OSError):  # a user's namespace knows this user only
        os.chown(upper, status.st_uid, status.st_gid)
    return Zone(path, upper, lower)


def _cover(zone: Zone, below: Sequence[str], options: str) -> None:
    """Mounts a private copy; what was mounted inside is mounted there again, read-only as it is."""
    handles: list[tuple[int, str]] = []
    try:
        handles = [(os.open(mounted, os.O_PATH), mounted) for mounted in below]
        mount(zone.path, zone.lower, flags=BIND | RECURSIVE)
        work = os.path.join(os.path.dirname(zone.upper), "work")
        places = (("lowerdir", zone.lower), ("upperdir", zone.upper), ("workdir", work))
        words = [*(f"{key}={_escape(value)}" for key, value in places), *filter(None, [options])]
        mount("overlay", zone.path, kind="overlay", data=",".join(words))
        for handle, mounted in handles:
            mount(f"/proc/self/fd/{handle}", mounted, flags=BIND | RECURSIVE)
    finally:
        for handle, _ in handles:
            os.close(handle)


def _holds(path: str, folder: str) -> bool:
    return folder == path or folder.startswith(f"{path}/")


def _escape(path: str) -> str:
    """A path as overlayfs reads it from its options."""
    for special in ("\\", ":", ","):
        path = path.replace(special, f"\\{special}")
    return path
