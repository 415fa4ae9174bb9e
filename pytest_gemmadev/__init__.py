"""The failing test that repairs itself, on your own machine.

pytest imports this package on every run, so it holds nothing but the version; the names of the
Python interface are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_gemmadev.api import repair, undo
    from pytest_gemmadev.report.json_report import to_json
    from pytest_gemmadev.report.markdown import to_markdown
    from pytest_gemmadev.report.patch_files import patch_files
    from pytest_gemmadev.types import GemmadevError, Outcome, RepairReport, Status

__version__ = "0.1.0"
__all__ = [
    "GemmadevError",
    "Outcome",
    "RepairReport",
    "Status",
    "__version__",
    "patch_files",
    "repair",
    "to_json",
    "to_markdown",
    "undo",
]

_PLACES = {
    "api": ("repair", "undo"),
    "report.json_report": ("to_json",),
    "report.markdown": ("to_markdown",),
    "report.patch_files": ("patch_files",),
    "types": ("GemmadevError", "Outcome", "RepairReport", "Status"),
}


def __getattr__(name: str) -> Any:
    for place, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{place}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
