"""What people keep of the patches, and what they undo, for `training.align`; off unless turned on.

It is on in a project that holds ``.gemmadev/record.jsonl``, which nobody but the user makes. Nothing
leaves the machine. An entry is a line when it is written and one more when it is undone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "record.jsonl"


def keep(folder: Path, entry: str, files: Mapping[str, tuple[bytes, bytes]]) -> None:
    """Records a change by the old and new contents of its files; binary ones are left out."""
    pairs = {}
    for path, contents in files.items():
        with contextlib.suppress(UnicodeDecodeError):
            pairs[path] = [data.decode("utf-8") for data in contents]
    _append(folder, {"entry": entry, "files": pairs})


def undone(folder: Path, entry: str) -> None:
    """Records that a change was taken back."""
    _append(folder, {"entry": entry, "undone": True})


def _append(folder: Path, row: Mapping[str, Any]) -> None:
    file = folder / FILE
    if not file.is_file():
        return
    with contextlib.suppress(OSError), file.open("a", encoding="utf-8") as lines:
        # A repair must not fail for want of its record.
        lines.write(json.dumps(row, ensure_ascii=False) + "\n")
