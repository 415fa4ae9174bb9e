"""Which files the modules of a project were imported from, in the process that asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from pytest_gemmadev.capture.exceptions import is_installed

_SOURCE_FOLDERS = ("", "src", "lib")  # below the root: where packages usually lie


def project_origins(root: str) -> dict[str, str]:
    """Real paths of imported modules by name: those below ``root``, and those named like one there.

    The latter are another copy of the project, such as an installed one. Not covered: names that
    the project has in other folders than its root, ``src`` and ``lib``, where none of it is imported.
    """
    base = os.path.join(os.path.realpath(root), "")
    own = _own_names(base)
    folders: dict[str, str] = {}  # real ones, by how a module names them: resolving links is slow
    found: dict[str, str] = {}
    for name, path in imported_files():
        folder, file = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        real = os.path.join(folders[folder], file)
        is_own = real.startswith(base) and not is_installed(real)
        if is_own or name.partition(".")[0] in own:
            found[name] = real
    return found


def imported_files() -> Iterator[tuple[str, str]]:
    """Names of imported modules outside of the standard library, and their files as they name them."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in sys.stdlib_module_names or name == "__main__":
            continue
        try:
            # Not getattr: some modules import more when they are asked for a name.
            path = object.__getattribute__(module, "__dict__").get("__file__")
        except (AttributeError, TypeError):
            continue
        if isinstance(path, str) and os.path.isabs(path):
            yield name, path


def _own_names(base: str) -> set[str]:
    """Names under which a file or folder of the project can be imported."""
    names: set[str] = set()
    for folder in _SOURCE_FOLDERS:
        try:
            entries = os.listdir(os.path.join(base, folder))
        except OSError:
            continue
        names.update(entry.removesuffix(".py") for entry in entries)
    return {name for name in names if name.isidentifier()}
