"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pytest_gemmadev.types import GemmadevError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def written(path: Path) -> Iterator[IO[str]]:
    """A text file to write to, which takes the name ``path`` when everything went well."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with refusals(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", encoding="utf-8") as file:
                yield file
            os.replace(fresh, path)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


@contextlib.contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` when everything went well."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with refusals(path):
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            yield fresh
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            if path.exists():
                os.replace(path, old)
            os.replace(fresh, path)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turns what a disk refuses into one line."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise GemmadevError(
                f"{path}: the disk is full; make room, or write elsewhere with --output"
            ) from None
        raise GemmadevError(f"{path}: cannot be written ({error.strerror or error})") from None
