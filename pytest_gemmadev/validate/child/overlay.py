"""New contents of project files, served to the import system of this process instead of what is
on disk.

Paths stay what they are: ``__file__``, tracebacks, ``inspect`` and ``linecache`` show the real
path with the new source. Bytecode beside project files is neither read nor written, so that none is
stale and none is left behind; what was compiled is kept in the oracle's own folder, by the source that
it was compiled from. Not covered: code that opens a source file itself
(``exec(open(path).read())``, ``runpy`` with a path) and Python processes that a test starts; they
see the tree as it is on disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import linecache
import marshal
import os
import pathlib
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source
from types import CodeType
from typing import Any, cast


class SourceOverlay:
    """What this process shall read instead of project files, and what it did read."""

    def __init__(self, root: str, cache: str = "") -> None:
        """``cache`` is a folder for compiled code, shared by all runs; empty for none."""
        self._cache = cache
        self._root = os.path.join(os.path.realpath(root), "")
        self._foreign = tuple(sorted(_installed_roots(self._root)))
        self._real: dict[str, str | None] = {}
        self.files: dict[str, bytes] = {}  # by real path
        self.imported: set[str] = set()  # real paths of ``files`` that were compiled from here
        self.modules: dict[str, list[CodeType]] = {}  # code of project modules by real path
        self.texts: dict[str, bytes] = {}  # what it was compiled from
        self.rewritten: set[str] = set()  # real paths whose assertions pytest rewrote

    def own(self, path: str) -> str | None:
        """The real path of a project file; None for any other."""
        if path not in self._real:
            real = os.path.realpath(path)
            ours = real.startswith(self._root) and not real.startswith(self._foreign)
            self._real[path] = real if ours else None
        return self._real[path]

    def serve(self, files: Mapping[str, bytes]) -> None:
        """Adds new contents, by absolute path."""
        for path, data in files.items():
            real = os.path.realpath(path)
            self._real[path] = self._real[real] = real
            self.files[real] = data

    def load_code(
        self, path: str, data: bytes, *, compiler: str, compile_: Callable[[], CodeType]
    ) -> CodeType:
        """The code of a file that is as on disk, from the cache or from ``compile_``.

        ``compiler`` names what compiles: code of one is not code of another.
        """
        if not self._cache:
            return compile_()
        key = hashlib.blake2b(b"\0".join((compiler.encode(), path.encode(), data)), digest_size=20)
        kept = os.path.join(self._cache, key.hexdigest())
        try:
            with open(kept, "rb") as file:
                return cast(CodeType, marshal.load(file))
        except (OSError, ValueError, EOFError, TypeError):
            code = compile_()
        fresh = f"{kept}.{os.getpid()}"
        with contextlib.suppress(OSError, ValueError):  # no room: it is compiled again
            os.makedirs(self._cache, exist_ok=True)
            with open(fresh, "wb") as file:
                marshal.dump(code, file)
            os.replace(fresh, kept)
        return code

    def install(self) -> None:
        """Patches the import system of this process, for good."""
        _patch_loader(self)
        _patch_assertion_rewriting(self)

    def show(self, path: str, data: bytes) -> None:
        """Lets tracebacks and ``inspect`` show ``data`` for a path."""
        lines = io.StringIO(decode_source(data)).readlines()
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        # An entry without a time of change survives linecache.checkcache.
        linecache.cache[path] = (len(data), None, lines, path)


def _installed_roots(root: str) -> Iterable[str]:
    """Folders inside the root that hold installed packages, such as a virtual environment."""
    paths = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()]
    paths += site.getsitepackages() if hasattr(site, "getsitepackages") else []
    for path in paths:
        real = os.path.join(os.path.realpath(path), "")
        if real.startswith(root) and real != root:
            yield real


def _patch_loader(overlay: SourceOverlay) -> None:
    plain_get_data = SourceFileLoader.get_data
    plain_get_code = SourceFileLoader.get_code

    def get_data(self: SourceFileLoader, path: str) -> bytes:
        real = overlay.own(path) if overlay.files else None
        return overlay.files[real] if real in overlay.files else plain_get_data(self, path)

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        real = overlay.own(path)
        if real is None:
            return plain_get_code(self, fullname)
        data = self.get_data(path)
        if real in overlay.files:
            overlay.imported.add(real)
            overlay.show(path, data)
            code = self.source_to_code(data, path)
        else:
            code = overlay.load_code(
                path,
                data,
                compiler=f"{type(self).__module__}.{type(self).__qualname__}",
                compile_=lambda: self.source_to_code(data, path),
            )
        overlay.modules.setdefault(real, []).append(code)
        overlay.texts[real] = data
        return code

    patched = cast(Any, SourceFileLoader)
    patched.get_data, patched.get_code = get_data, get_code


class _NewSource(type(pathlib.Path())):  # type: ignore[misc]  # Path picks its class when called
    """A path whose bytes are the overlay's."""

    data: bytes

    def read_bytes(self) -> bytes:
        return self.data


def _patch_assertion_rewriting(overlay: SourceOverlay) -> None:
    """Covers what pytest itself reads: tests, conftests and modules marked for rewriting."""
    from _pytest.assertion import rewrite

    rewriting = cast(Any, rewrite)  # private, and the same in all of pytest 8 and 9
    plain_read: Callable[..., CodeType | None] = rewriting._read_pyc
    plain_rewrite: Callable[..., tuple[object, CodeType]] = rewriting._rewrite_test

    def read_pyc(source: pathlib.Path, *args: Any, **kwargs: Any) -> CodeType | None:
        known = overlay.own(str(source)) is None
        return plain_read(source, *args, **kwargs) if known else None

    def rewrite_test(fn: pathlib.Path, config: Any) -> tuple[object, CodeType]:
        real = overlay.own(str(fn))
        if real is None:
            return plain_rewrite(fn, config)
        overlay.rewritten.add(real)
        if real not in overlay.files:
            stat = os.stat(fn)
            data = fn.read_bytes()
            return stat, overlay.load_code(
                str(fn), data, compiler="asserts", compile_=lambda: plain_rewrite(fn, config)[1]
            )
        new = _NewSource(str(fn))
        new.data = overlay.files[real]
        overlay.imported.add(real)
        overlay.show(str(fn), new.data)
        return plain_rewrite(new, config)

    rewriting._read_pyc = read_pyc
    rewriting._rewrite_test = rewrite_test
