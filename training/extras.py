"""What has to be installed, and room on the disk: checked before anything begins."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from pytest_gemmadev.types import GemmadevError

INSTALL = "pip install 'pytest-gemmadev[training]'"


def require(*modules: str) -> None:
    """Raises `GemmadevError` naming the first module that is not installed."""
    for module in modules:
        if find_spec(module) is None:
            raise GemmadevError(f"training needs {module}, which is not installed: {INSTALL}")


def check_space(folder: Path, size: int) -> None:
    """Raises `GemmadevError` where fewer than ``size`` bytes are free."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise GemmadevError(
            f"{folder}: the disk is full, {free >> 20} MB are free and {size >> 20} MB needed"
        )
