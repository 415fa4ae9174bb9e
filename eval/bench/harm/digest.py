"""What a folder holds, in a form that two moments can be compared by."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping

Digest = Mapping[str, str]
"""Type, mode, owner and content of each entry, by its path."""


def digest(top: str, name: str = "") -> dict[str, str]:
    """Every entry below ``top``, under ``name``; times do not count, links are not followed."""
    found: dict[str, str] = {}
    _walk(top, name or os.path.basename(top), found)
    return found


def changes(before: Digest, after: Digest) -> dict[str, str]:
    """What became of each path that is not what it was: ``removed``, ``added``, ``changed``."""
    words: dict[str, str] = {}
    for path in sorted({*before, *after}):
        if path not in after:
            words[path] = "removed"
        elif path not in before:
            words[path] = "added"
        elif before[path] != after[path]:
            words[path] = "changed"
    return words


def _walk(path: str, name: str, found: dict[str, str]) -> None:
    try:
        state = os.lstat(path)
    except FileNotFoundError:  # gone between listing and looking
        return
    kind = stat.S_IFMT(state.st_mode)
    said = f"{kind:o} {stat.S_IMODE(state.st_mode):o} {state.st_uid}:{state.st_gid}"
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            said += f" {hashlib.sha256(file.read()).hexdigest()}"
    elif kind == stat.S_IFLNK:
        said += f" {os.readlink(path)}"
    found[name] = said
    if kind == stat.S_IFDIR:
        for entry in sorted(os.listdir(path)):
            _walk(os.path.join(path, entry), f"{name}/{entry}", found)
