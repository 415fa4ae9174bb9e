"""The user's files as a repair found them, and what may be written in their place."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field

import libcst

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import Overlay


@dataclass(slots=True)
class Snapshot:
    """The files as they were when first read: what is written must start from the same bytes."""

    scope: Scope
    contents: dict[str, bytes] = field(default_factory=dict)

    def editable_files(self) -> list[str]:
        return self.scope.editable_files()

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            self.contents[path] = self.scope.read(path)
        return self.contents[path]

    def diff(self, overlay: Overlay) -> str:
        """What ``overlay`` changes, as one unified diff."""
        return "".join(
            unified_diff(path, self.read(path), data) for path, data in sorted(overlay.items())
        )


def parses(path: str, data: bytes) -> bool:
    """True when libcst can read the file back to the same bytes, so that nothing of it is lost.

    It loses a form feed before code and a lone carriage return at the end, and walks trees only as
    deep as there is room for: there, that Python's own parser takes the file has to do.
    """
    if not path.endswith(".py"):
        return True
    try:
        if libcst.parse_module(data).bytes == data:
            return True
        odd = b"\f" in data or b"\r" in data.replace(b"\r\n", b"\n")
    except RecursionError:
        odd = True
    except (libcst.ParserSyntaxError, UnicodeError, ValueError):
        return False
    return odd and _compiles(data)


def _compiles(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
