"""Which modules this process has from other files than the user's own run had."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pytest_gemmadev.capture.origins import imported_files
from pytest_gemmadev.validate.messages import Moved


def moved_modules(origins: Mapping[str, str]) -> list[Moved]:
    """The modules of ``origins`` (real paths by name) that are imported here from another file."""
    if not origins:
        return []
    return [
        (name, origins[name], real)
        for name, path in imported_files()
        if name in origins and path != origins[name]
        if (real := os.path.realpath(path)) != origins[name]
    ]
