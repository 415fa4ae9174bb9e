"""Mounts of its own for a process: everything read-only but one folder, `private_copies` in there.

Needs Linux 5.12 and the right to make a namespace: root has it, users have it where the system lets
them make user namespaces. `namespace_probe` tries whether it works.

Covers every change to files by any code, through whatever path. Does not cover what is reached
through a socket, and devices. A folder that is mounted inside a private one is read-only.
"""

from __future__ import annotations

import os

from pytest_gemmadev.validate.confine.mounts import (
    BIND,
    NEW_MOUNTS,
    NEW_USERS,
    PRIVATE,
    RECURSIVE,
    mount,
    set_read_only,
    unmount,
    unshare,
)

_PRIVATE_FOLDER = "private"  # below the folder that stays writable
_USER = "user"  # a file there says that the namespace has a user's rights only


def enter(folder: str) -> None:
    """Gives this process and what it starts mounts of their own; only ``folder`` can be written to.

    OSError where that cannot be had; then nothing has changed, or this process has mounts of its own
    that are as before.
    """
    is_user = _unshare_mounts()
    folder = os.path.realpath(folder)
    cwd = os.getcwd()
    mount(None, "/", flags=RECURSIVE | PRIVATE)
    private = private_folder(folder)
    os.makedirs(private, exist_ok=True)
    mount(folder, folder, flags=BIND)
    mount("tmpfs", private, kind="tmpfs", data="mode=0700")
    if is_user:
        os.close(os.open(os.path.join(private, _USER), os.O_CREAT | os.O_WRONLY, 0o600))
    set_read_only("/", recursive=True)
    for path in (folder, private):
        set_read_only(path, recursive=False, off=True)
    os.chdir(cwd)  # through the mounts as they are now


def leave(folder: str) -> None:
    """Takes away the mounts of a folder that `enter` left writable, so that it can be removed."""
    folder = os.path.realpath(folder)
    os.chdir("/")
    while True:
        try:
            unmount(folder)
        except OSError:  # there is none left
            return


def private_folder(folder: str) -> str:
    """Where private copies lie, for the folder of `enter`."""
    return os.path.join(os.path.realpath(folder), _PRIVATE_FOLDER)


def is_users(folder: str) -> bool:
    """Whether the namespace of `enter` was made with a user's rights, not root's."""
    return os.path.exists(os.path.join(private_folder(folder), _USER))


def _unshare_mounts() -> bool:
    """Gives this process mounts of its own; whether that took a namespace of users as well."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(NEW_MOUNTS)
        return False
    except PermissionError:
        unshare(NEW_MOUNTS | NEW_USERS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return True
