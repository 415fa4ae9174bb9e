"""Mounts of its own for a process: everything read-only, and private copies of some folders.

A private copy is an overlay: what is written goes to memory and is gone with the processes that
could see it. Needs Linux 5.12 and the right to make a namespace: root has it, users have it where
the system lets them make user namespaces. Run as a file it tries that and says by its exit status
whether it works.

Covers every change to files by any code, through whatever path. Does not cover what is reached
through a socket, and devices. A folder that is mounted inside a private one is read-only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import stat
import struct
import sys
from collections.abc import Iterator, Sequence
from functools import cache

_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_READ_ONLY = 1
_RECURSIVE = 0x8000
_MOUNT_SETATTR = 442  # system call, the same on all machines
_CAPSET_VERSION = 0x20080522
_NO_NEW_PRIVILEGES, _AMBIENT, _RAISE, _CLEAR = 38, 47, 2, 4  # of prctl
_NEEDED = (21, 27, 0, 1)  # rights: to mount, to make the marks of what was removed, to own, to read
_PRIVATE_FOLDER = "private"  # below the folder that stays writable
_USER = "user"  # a file there says that the namespace has a user's rights only

MOST_CHANGES = 200  # that are told of one run


def enter(folder: str) -> None:
    """Gives this process and what it starts mounts of their own; only ``folder`` can be written to.

    OSError where that cannot be had; then nothing has changed, or this process has mounts of its own
    that are as before.
    """
    uid, gid = os.geteuid(), os.getegid()
    is_user = False
    try:
        _check(_libc().unshare(_NEW_MOUNTS), "unshare")
    except PermissionError:
        is_user = True
        _check(_libc().unshare(_NEW_MOUNTS | _NEW_USERS), "unshare")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    folder = os.path.realpath(folder)
    cwd = os.getcwd()
    mount(None, "/", flags=_REC | _PRIVATE)
    private = os.path.join(folder, _PRIVATE_FOLDER)
    os.makedirs(private, exist_ok=True)
    mount(folder, folder, flags=_BIND)
    mount("tmpfs", private, kind="tmpfs", data="mode=0700")
    if is_user:
        os.close(os.open(os.path.join(private, _USER), os.O_CREAT | os.O_WRONLY, 0o600))
    _set_read_only("/", recursive=True)
    for path in (folder, private):
        _set_read_only(path, recursive=False, off=True)
    os.chdir(cwd)  # through the mounts as they are now


def leave(folder: str) -> None:
    """Takes away the mounts of a folder that `enter` left writable, so that it can be removed."""
    folder = os.path.realpath(folder)
    os.chdir("/")
    while _libc().umount2(os.fsencode(folder), _DETACH) == 0:
        pass


def private_copies(
    folder: str, paths: Sequence[str], name: str, *, filled_from: str = ""
) -> list[tuple[str, str, str]]:
    """Covers each of the folders by a private copy; (path, what is written, as it is) of each.

    ``folder`` is that of `enter`, ``name`` of the run. A folder of which there can be no copy stays
    read-only and is left out. ``filled_from`` holds a folder by number for each, with what counts
    as written already.
    """
    _check(_libc().unshare(_NEW_MOUNTS), "unshare")
    folder = os.path.realpath(folder)
    place = os.path.join(folder, _PRIVATE_FOLDER, name)
    cwd = os.getcwd()
    kept = os.open(folder, os.O_PATH)
    below = {path: _mounts_below(path, folder) for path in paths}
    made = []
    # The one that covers our own folder comes last: the others are made in there.
    for number, path in sorted(enumerate(paths), key=lambda pair: _holds(pair[1], folder)):
        filled = os.path.join(filled_from, str(number)) if filled_from else ""
        zone = _copy(path, os.path.join(place, str(number)), below[path], filled)
        if zone is not None:
            made.append(zone)
    # Some of them may have covered it.
    mount(f"/proc/self/fd/{kept}", folder, flags=_BIND | _REC)
    os.close(kept)
    with contextlib.suppress(OSError):  # shared memory and semaphores of this run alone
        mount("tmpfs", "/dev/shm", kind="tmpfs", data="mode=1777")
    os.chdir(cwd)
    return made


class Copies:
    """The private copies of a process that lets others try candidates, one after the other."""

    def __init__(self, folder: str, zones: Sequence[tuple[str, str, str]]) -> None:
        self.zones = list(zones)
        self._folder = folder
        self._paths = [path for path, _, _ in zones]
        self._before = self._state()
        self._kept = ""  # where it lies what was written until now
        self._count = 0
        if any(self._before):
            self._kept = os.path.join(folder, _PRIVATE_FOLDER, f"kept-{os.getpid()}")
            for number, (_, upper, _) in enumerate(zones):
                _duplicate(upper, os.path.join(self._kept, str(number)))

    def is_as_before(self) -> bool:
        """Whether nothing was written since this was made."""
        return self._state() == self._before

    def renew(self) -> None:
        """Makes them what they were when this was made."""
        for path in reversed(self._paths):
            _check(_libc().umount2(os.fsencode(path), _DETACH), f"umount {path}")
        self._count += 1
        name = f"{os.getpid()}-{self._count}"
        self.zones = private_copies(self._folder, self._paths, name, filled_from=self._kept)
        self._before = self._state()

    def _state(self) -> list[tuple[tuple[object, ...], ...]]:
        return [() if is_untouched(upper) else _state(upper) for _, upper, _ in self.zones]


def _copy(path: str, place: str, below: Sequence[str], filled: str) -> tuple[str, str, str] | None:
    """One private copy; what is mounted inside is mounted there again, read-only as it is."""
    upper, work, lower = (os.path.join(place, name) for name in ("upper", "work", "lower"))
    handles = []
    try:
        for made in (work, lower):
            os.makedirs(made)
        if filled:
            _duplicate(filled, upper)
        else:
            os.mkdir(upper)
        status = os.stat(path)
        os.chmod(upper, stat.S_IMODE(status.st_mode))
        with contextlib.suppress(OSError):  # a user's namespace knows this user only
            os.chown(upper, status.st_uid, status.st_gid)
        handles = [(os.open(mounted, os.O_PATH), mounted) for mounted in below]
        mount(path, lower, flags=_BIND | _REC)
        options = ",".join(
            f"{k}={_escaped(v)}"
            for k, v in (("lowerdir", lower), ("upperdir", upper), ("workdir", work))
        )
        is_user = os.path.exists(os.path.join(os.path.dirname(os.path.dirname(place)), _USER))
        mount("overlay", path, kind="overlay", data=f"{options},userxattr" if is_user else options)
        for handle, mounted in handles:
            mount(f"/proc/self/fd/{handle}", mounted, flags=_BIND | _REC)
    except OSError:
        return None
    finally:
        for handle, _ in handles:
            os.close(handle)
    return path, upper, lower


def keep_rights_over_exec() -> None:
    """Lets the program that this process becomes make mounts, where a user's namespace gives the right."""
    libc = _libc()
    header = struct.pack("Ii", _CAPSET_VERSION, 0)
    found = ctypes.create_string_buffer(24)
    if libc.capget(header, found):
        return
    low_e, low_p, _, high_e, high_p, _ = struct.unpack("6I", found.raw)
    libc.capset(header, struct.pack("6I", low_e, low_p, low_p, high_e, high_p, high_p))
    for right in _NEEDED:
        libc.prctl(_AMBIENT, _RAISE, right, 0, 0)


def drop_rights(*, all_of_them: bool) -> None:
    """Gives up the right to change mounts for good, or all that a user's namespace has given."""
    libc = _libc()
    libc.prctl(_AMBIENT, _CLEAR, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = struct.pack("Ii", _CAPSET_VERSION, 0)
    found = ctypes.create_string_buffer(24)
    if libc.capget(header, found):
        return
    keep = 0 if all_of_them else ~(1 << _NEEDED[0]) & 0xFFFFFFFF
    high = 0 if all_of_them else 0xFFFFFFFF
    words = struct.unpack("6I", found.raw)
    kept = [word & (keep if index < 3 else high) for index, word in enumerate(words)]
    libc.capset(header, struct.pack("6I", *kept))


def is_users(folder: str) -> bool:
    """Whether the namespace of `enter` was made with a user's rights, not root's."""
    return os.path.exists(os.path.join(os.path.realpath(folder), _PRIVATE_FOLDER, _USER))


# --- what was written ----------------------------------------------------------------------------


def upper_folders(folder: str, paths: Sequence[str], name: str) -> list[tuple[str, str]]:
    """(path, what is written) of the copies that `private_copies` makes with these arguments."""
    place = os.path.join(os.path.realpath(folder), _PRIVATE_FOLDER, name)
    return [(path, os.path.join(place, str(n), "upper")) for n, path in enumerate(paths)]


def forget(folder: str, name: str) -> None:
    """Gives back the memory of copies that nobody sees any more."""
    place = os.path.join(os.path.realpath(folder), _PRIVATE_FOLDER, name)
    shutil.rmtree(place, ignore_errors=True)


def is_untouched(upper: str) -> bool:
    """Whether nothing was written to a private copy."""
    try:
        return not os.listdir(upper)
    except OSError:
        return True


def changes(upper: str, lower: str, path: str, filled: str = "") -> list[tuple[str, str]]:
    """(path, ``removed`` or ``changed``) of what was there before and is not, or is another now.

    ``filled`` is what the copy began with.
    """
    found: list[tuple[str, str]] = []
    for shown, how in _changes(upper, lower, path):
        began = os.path.join(filled, os.path.relpath(shown, path)) if filled else ""
        if began and os.path.isfile(began):
            now = os.path.join(upper, os.path.relpath(shown, path))
            if os.path.isfile(now) and _same(now, os.lstat(now), began, os.lstat(began)):
                continue
        found.append((shown, how))
        if len(found) == MOST_CHANGES:
            break
    return found


def created(upper: str, lower: str) -> Iterator[str]:
    """Files and links, relative to the copy, that were not there before."""
    for folder, folders, files in os.walk(upper):
        inner = os.path.relpath(folder, upper)
        for name in sorted((*files, *(n for n in folders if os.path.islink(f"{folder}/{n}")))):
            path = os.path.normpath(os.path.join(inner, name))
            status = os.lstat(os.path.join(upper, path))
            kinds = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
            if kinds and not os.path.lexists(os.path.join(lower, path)):
                yield path


def _changes(upper: str, lower: str, path: str) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(upper), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        below, shown = os.path.join(lower, entry.name), os.path.join(path, entry.name)
        try:
            before = os.lstat(below)
        except OSError:
            continue  # it is new
        now = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(now.st_mode) and now.st_rdev == 0:
            yield shown, "removed"
        elif stat.S_ISDIR(now.st_mode) and stat.S_ISDIR(before.st_mode):
            if _is_opaque(entry.path):
                yield shown, "removed"
            elif _rights(now) != _rights(before):
                yield shown, "changed"
            yield from _changes(entry.path, below, shown)
        elif _rights(now) != _rights(before) or not _same(entry.path, now, below, before):
            yield shown, "changed"


def _rights(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def _same(one: str, status: os.stat_result, other: str, before: os.stat_result) -> bool:
    """Whether two files or links of one kind hold the same: opening may copy what nobody changes."""
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(one) == os.readlink(other)
    if not stat.S_ISREG(status.st_mode):
        return True
    if status.st_size != before.st_size:
        return False
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            while block := first.read(1 << 20):
                if block != second.read(1 << 20):
                    return False
    except OSError:
        return False
    return True


def _state(upper: str) -> tuple[tuple[object, ...], ...]:
    """What tells a tree of written files from what it was before."""
    found: list[tuple[object, ...]] = []
    for folder, folders, files in os.walk(upper):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                s = os.lstat(path)
                found.append((path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns))
    return tuple(sorted(found, key=str))


def _duplicate(source: str, target: str) -> None:
    """Copies what was written, with the marks of what was removed."""
    os.makedirs(target)
    for entry in os.scandir(source):
        status, copy = entry.stat(follow_symlinks=False), os.path.join(target, entry.name)
        if stat.S_ISDIR(status.st_mode):
            _duplicate(entry.path, copy)
            os.chmod(copy, stat.S_IMODE(status.st_mode))
            for prefix in ("trusted", "user"):
                with contextlib.suppress(OSError):
                    name = f"{prefix}.overlay.opaque"
                    os.setxattr(copy, name, os.getxattr(entry.path, name))
        elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            shutil.copy2(entry.path, copy, follow_symlinks=False)
        else:
            with contextlib.suppress(OSError):
                os.mknod(copy, status.st_mode, status.st_rdev)


def _is_opaque(path: str) -> bool:
    for prefix in ("trusted", "user"):
        with contextlib.suppress(OSError):
            if os.getxattr(path, f"{prefix}.overlay.opaque") == b"y":
                return True
    return False


# --- system calls --------------------------------------------------------------------------------


def mount(
    source: str | None, target: str, *, kind: str | None = None, flags: int = 0, data: str = ""
) -> None:
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    done = _libc().mount(*arguments, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _check(done, f"mount {target}")


def _set_read_only(path: str, *, recursive: bool, off: bool = False) -> None:
    words = (0, _READ_ONLY) if off else (_READ_ONLY, 0)
    attributes = struct.pack("4Q", *words, 0, 0)
    at_cwd = ctypes.c_int(-100)
    flags = ctypes.c_uint(_RECURSIVE if recursive else 0)
    done = _libc().syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        at_cwd,
        os.fsencode(path),
        flags,
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _check(done, f"mount_setattr {path}")


def _holds(path: str, folder: str) -> bool:
    return folder == path or folder.startswith(f"{path}/")


def _mounts_below(path: str, folder: str) -> list[str]:
    """What is mounted inside of a folder, outermost first, without our own."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            place = line.split(" ")[4].encode("utf-8", "surrogateescape")
            place = place.decode("unicode_escape").encode("latin-1") if b"\\" in place else place
            mounted = os.fsdecode(place)
            own = mounted == folder or mounted.startswith(f"{folder}/")
            if mounted.startswith(f"{path}/") and not own and mounted not in found:
                found.append(mounted)
    return sorted(found)


def _escaped(path: str) -> str:
    """A path as overlayfs reads it from its options."""
    for special in ("\\", ":", ","):
        path = path.replace(special, f"\\{special}")
    return path


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def _probe(folder: str) -> None:
    """Raises where it does not work from one end to the other."""
    inner = os.path.join(folder, "inner")
    os.makedirs(os.path.join(inner, "tree"))
    enter(inner)
    place = os.path.join(folder, "probe")
    with contextlib.suppress(OSError):
        os.mkdir(place)
        raise RuntimeError("the tree can be written to")
    zones = private_copies(inner, [os.path.join(inner, "tree"), folder], "probe")
    if len(zones) < 2:
        raise RuntimeError("no private copies")
    os.mkdir(place)


if __name__ == "__main__":
    try:
        _probe(sys.argv[1])
    except Exception as problem:
        sys.exit(f"{type(problem).__name__}: {problem}")
