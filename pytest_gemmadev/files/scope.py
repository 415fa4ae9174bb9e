"""Which files may be edited, and which only read.

By default the project's own sources below the root may be edited: every regular ``*.py`` file but
tests, configuration, hidden folders, virtual environments, installed packages and build output.

- ``allow`` replaces that default: only files that match one of the globs may be edited, generated
  and hidden ones too where a glob names them. Tests, conftests, configuration and installed
  packages stay out of reach whatever it says.
- ``deny`` always wins.

Globs are relative to the root with forward slashes: ``*`` and ``?`` stop at a slash, ``**`` does
not, a glob without a slash matches in every folder, and one that names a folder means all that is
in it.

Links are followed and a file is known by its real place: what lies outside the root once every
link is resolved is `Role.OUTSIDE`. Guards against accidents, not against a process that swaps
links meanwhile.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pytest_gemmadev.types import GemmadevError, Role

_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_TEST_FOLDERS = {"test", "tests"}
_CONFIGURATION = {"setup.py", "noxfile.py"}
_DOC_FOLDERS = {"doc", "docs"}  # their conf.py configures the documentation
_FOREIGN_FOLDERS = {
    "site-packages",
    "dist-packages",
    "node_modules",
    "__pycache__",
    "__pypackages__",
    ".git",
    ".hg",
    ".gemmadev",
}
_BUILD_FOLDERS = {"build", "dist"}  # unless it is a package of that name


class _Kind(Enum):
    SOURCES = "sources"
    TESTS = "tests"
    GENERATED = "generated"  # hidden folders and build output: sources only where allow names them
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class _Folder:
    kind: _Kind
    generated: str = ""  # the outermost generated folder it lies in


@dataclass(frozen=True, slots=True)
class _Glob:
    pattern: re.Pattern[str]
    literal: str  # what comes before the first wildcard

    def names(self, folder: str) -> bool:
        return self.literal == folder or self.literal.startswith(f"{folder}/")


class Scope:
    """The files of one project and what may be done with each."""

    __slots__ = ("_allow", "_deny", "_folders", "_roles", "_tests", "root")

    def __init__(
        self,
        root: str | os.PathLike[str],
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        *,
        tests: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        """``tests`` are further files that hold tests, whatever their names."""
        self.root = os.path.realpath(root)
        self._allow = tuple(_glob(text, self.root) for text in allow)
        self._deny = tuple(_glob(text, self.root) for text in deny)
        self._tests = {os.path.realpath(os.path.join(self.root, test)) for test in tests}
        self._folders: dict[str, _Folder] = {"": _Folder(_Kind.SOURCES)}  # by relative path
        self._roles: dict[str, Role] = {}  # by the path asked for: resolving links is slow

    def role(self, path: str | os.PathLike[str], /) -> Role:
        """What may be done with a file, given by its absolute path."""
        key = os.fspath(path)
        if key not in self._roles:
            self._roles[key] = self._role(key)
        return self._roles[key]

    def relative(self, path: str | os.PathLike[str], /) -> str:
        """The real place relative to the root, with forward slashes; absolute outside the root."""
        real = os.path.realpath(os.path.join(self.root, path))
        below = self._below_root(real)
        return real if below is None else below

    def editable_files(self) -> list[str]:
        """Relative paths of all files that may be edited, sorted."""
        found: list[str] = []
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                entries = list(os.scandir(os.path.join(self.root, folder)))
            except OSError:  # no permission, or gone meanwhile: nothing there can be edited
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if self._may_hold_sources(path):
                        pending.append(path)
                # a link inside the root leads to a file that is listed by its real name
                elif (
                    entry.name.endswith(".py")
                    and entry.is_file(follow_symlinks=False)
                    and self._role_below(path) is Role.SOURCE
                ):
                    found.append(path)
        return sorted(found)

    def read(self, path: str) -> bytes:
        """The bytes of a project file, given relative to the root; `GemmadevError` without one."""
        full = os.path.join(self.root, path)
        if self.role(full) is Role.OUTSIDE:
            raise GemmadevError(f"{path} is not a file of the project in {self.root}")
        if not os.path.isfile(full):  # a named pipe would block for ever
            raise GemmadevError(f"{path} cannot be read: it is not a regular file")
        try:
            return Path(full).read_bytes()
        except OSError as error:
            raise GemmadevError(f"{path} cannot be read: {error.strerror}") from error

    def _role(self, path: str) -> Role:
        below = self._below_root(os.path.realpath(os.path.join(self.root, path)))
        return Role.OUTSIDE if not below else self._role_below(below)

    def _role_below(self, path: str) -> Role:
        """The role of a file by its real place, relative to the root."""
        folder, _, name = path.rpartition("/")
        place = self._folder(folder)
        if place.kind is _Kind.FOREIGN:
            return Role.OUTSIDE
        if place.kind is _Kind.GENERATED and not self._named(place):
            return Role.OUTSIDE
        if place.kind is _Kind.TESTS or not _is_source(folder, name) or self._holds_tests(path):
            return Role.TEST
        if self._allow and not any(glob.pattern.fullmatch(path) for glob in self._allow):
            return Role.TEST
        if any(glob.pattern.fullmatch(path) for glob in self._deny):
            return Role.TEST
        return Role.SOURCE

    def _holds_tests(self, path: str) -> bool:
        return bool(self._tests) and os.path.join(self.root, *path.split("/")) in self._tests

    def _named(self, place: _Folder) -> bool:
        return any(glob.names(place.generated) for glob in self._allow)

    def _may_hold_sources(self, folder: str) -> bool:
        place = self._folder(folder)
        return place.kind is _Kind.SOURCES or (place.kind is _Kind.GENERATED and self._named(place))

    def _folder(self, path: str) -> _Folder:
        if path not in self._folders:
            parent, _, name = path.rpartition("/")
            self._folders[path] = self._classify(path, name, self._folder(parent))
        return self._folders[path]

    def _classify(self, path: str, name: str, parent: _Folder) -> _Folder:
        full = os.path.join(self.root, *path.split("/"))
        if parent.kind is _Kind.FOREIGN or name in _FOREIGN_FOLDERS or _is_environment(full):
            return _Folder(_Kind.FOREIGN)
        if parent.kind is _Kind.TESTS or name in _TEST_FOLDERS:
            return _Folder(_Kind.TESTS)
        if parent.kind is _Kind.GENERATED:
            return parent
        package = os.path.join(full, "__init__.py")
        if name.startswith(".") or (name in _BUILD_FOLDERS and not os.path.exists(package)):
            return _Folder(_Kind.GENERATED, path)
        return parent

    def _below_root(self, real: str) -> str | None:
        """A resolved path relative to the root, the root itself empty; None outside."""
        if real == self.root:
            return ""
        prefix = self.root.rstrip(os.sep) + os.sep
        return real[len(prefix) :].replace(os.sep, "/") if real.startswith(prefix) else None


def _is_source(folder: str, name: str) -> bool:
    configures_docs = name == "conf.py" and not _DOC_FOLDERS.isdisjoint(folder.split("/"))
    return (
        name.endswith(".py")
        and not _TEST_FILE.fullmatch(name)
        and name not in _CONFIGURATION
        and not configures_docs
    )


def _is_environment(folder: str) -> bool:
    """True for the top of a virtual or conda environment."""
    return os.path.exists(os.path.join(folder, "pyvenv.cfg")) or os.path.exists(
        os.path.join(folder, "conda-meta")
    )


def _glob(text: str, root: str) -> _Glob:
    """A glob as the user wrote it; absolute ones below the root count from there."""
    glob = text.replace(os.sep, "/")
    prefix = root.replace(os.sep, "/").rstrip("/") + "/"
    anchored = glob.startswith(prefix)
    glob = glob.removeprefix(prefix).removeprefix("./")
    anchored = anchored or "/" in glob.rstrip("/")
    glob = glob.strip("/")
    literal = re.split(r"[*?\[]", glob, maxsplit=1)[0].rstrip("/")
    pattern = _translated(glob)
    start = "" if anchored or text.startswith("./") else "(?:.*/)?"
    return _Glob(re.compile(f"(?s:{start}{pattern}(?:/.*)?)"), literal)


def _translated(glob: str) -> str:
    """The glob as a regular expression: ``*`` and ``?`` stop at a slash, ``**`` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(part, re.escape(part)) for part in parts)
