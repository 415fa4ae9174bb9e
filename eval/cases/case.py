"""Repair cases from disk: folders, or one line each of a ``.jsonl`` file.

A folder holds ``project/``, ``hidden_tests/``, ``reference/`` and ``meta.json``; a line holds the
same as texts. Both become a `Case`, whose files are bytes by relative path. Links, modes and empty
folders are not kept.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_gemmadev.types import GemmadevError

Files = Mapping[str, bytes]
"""Contents by path relative to the project, forward slashes."""

DATA = Path(__file__).parents[1] / "data"
DEBUG_CASES = DATA / "debug"

_LEFTOVERS = {"__pycache__", ".pytest_cache", ".gemmadev", ".hypothesis", ".git"}
_PROTECTED = (
    "test_*.py",
    "*_test.py",
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A buggy project, the tests that show it, and what is held back from the tool."""

    id: str
    slice: str
    kinds: tuple[str, ...]  # of error, as the case's author named them; may be empty
    project: Files  # visible tests included
    hidden: Files  # copied over the project after the repair
    reference: Files  # the fixed files
    buggy_files: tuple[str, ...]
    visible_tests: tuple[str, ...]  # for pytest
    hidden_tests: tuple[str, ...]
    command: tuple[str, ...]  # runs the visible tests; empty for plain pytest
    deps: tuple[str, ...] = ()  # distributions that it needs
    writes: tuple[str, ...] = ()  # files and folders of the project that its tests write
    faulty_test: bool = False  # the code is sound: the right answer is to write nothing

    @property
    def fixed(self) -> Files:
        """The project as its author fixed it."""
        return {**self.project, **self.reference}

    def protects(self, path: str) -> bool:
        """True for tests, conftests and configuration: what a repair must leave alone."""
        pure = PurePosixPath(path)
        if any(fnmatchcase(pure.name, pattern) for pattern in _PROTECTED):
            return True
        return any(_lies_in(path, test.partition("::")[0]) for test in self.visible_tests)

    def is_output(self, path: str) -> bool:
        """True for what the tests write."""
        return any(_lies_in(path, place) for place in self.writes)

    def missing_deps(self) -> tuple[str, ...]:
        """Distributions that the case needs and that are not installed."""
        return tuple(name for name in self.deps if not _installed(name))


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a ``.jsonl`` file, of one case folder, or of a folder of them, in their order.

    Raises GemmadevError with the place where a case is malformed or where there is none.
    """
    if path.is_file():
        cases = tuple(_lines_of(path))
    elif path.is_dir():
        cases = tuple(_case_of_folder(folder) for folder in _case_folders(path))
    else:
        raise GemmadevError(f"{path}: no such file or folder; --cases takes either")
    if not cases:
        raise GemmadevError(f"{path}: holds no case; a case is a folder with a meta.json")
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise GemmadevError(f"{path}: two cases have the id {case.id!r}")
        seen.add(case.id)
    return cases


def select(
    cases: Iterable[Case],
    *,
    slice_name: str | None = None,
    only: str | None = None,
    every: int = 1,
    limit: int | None = None,
) -> tuple[Case, ...]:
    """Those of a slice whose id contains ``only``, every n-th of them, at most ``limit``."""
    kept = [
        case
        for case in cases
        if (slice_name is None or case.slice == slice_name) and (only is None or only in case.id)
    ]
    return tuple(kept[::every][:limit])


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but what tools leave behind (caches, the undo journal)."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _LEFTOVERS.intersection(path.relative_to(folder).parts)
    }


def write_tree(folder: Path, files: Files) -> None:
    """Writes the files below a folder, over what is there."""
    for relative, data in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _case_folders(path: Path) -> Iterator[Path]:
    if (path / "meta.json").is_file():
        yield path
        return
    for below in sorted(path.iterdir()):
        if below.is_dir() and below.name not in _LEFTOVERS:
            yield from _case_folders(below)


def _case_of_folder(folder: Path) -> Case:
    where = str(folder / "meta.json")
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise GemmadevError(f"{where}: not JSON: {error}") from error
    return _case(
        where,
        meta,
        project=read_tree(folder / "project"),
        hidden=read_tree(folder / "hidden_tests"),
        reference=read_tree(folder / "reference"),
    )


def _lines_of(path: Path) -> Iterator[Case]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise GemmadevError(f"{where}: not JSON: {error}") from error
            if not isinstance(row, dict):
                raise GemmadevError(f"{where}: needs an object")
            yield _case(
                where,
                row,
                project=_texts(where, row, "project"),
                hidden=_texts(where, row, "hidden_tests_files"),
                reference=_texts(where, row, "reference"),
            )


def _texts(where: str, row: Mapping[str, Any], key: str) -> dict[str, bytes]:
    texts = row.get(key)
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise GemmadevError(f"{where}: {key!r} must map paths to texts")
    return {path: text.encode("utf-8") for path, text in texts.items()}


def _case(where: str, meta: Any, *, project: Files, hidden: Files, reference: Files) -> Case:
    if not isinstance(meta, dict) or not isinstance(meta.get("id"), str):
        raise GemmadevError(f"{where}: needs an object with a text 'id'")
    if not project:
        raise GemmadevError(f"{where}: case {meta['id']!r} has no project files")
    for path in (*project, *hidden, *reference):
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise GemmadevError(f"{where}: the path {path!r} leaves the project")
    return Case(
        id=meta["id"],
        slice=str(meta.get("slice", "")),
        kinds=_strings(where, meta, "kinds"),
        project=project,
        hidden=hidden,
        reference=reference,
        buggy_files=_strings(where, meta, "buggy_files", needed=True),
        visible_tests=_strings(where, meta, "visible_tests", needed=True),
        hidden_tests=_strings(where, meta, "hidden_tests", needed=True),
        command=_strings(where, meta, "cmd"),
        deps=_strings(where, meta, "deps"),
        writes=_strings(where, meta, "writes"),
        faulty_test=meta.get("faulty_test") is True,
    )


def _strings(
    where: str, meta: Mapping[str, Any], key: str, *, needed: bool = False
) -> tuple[str, ...]:
    value = meta.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise GemmadevError(f"{where}: {key!r} must be a list of texts")
    if needed and not value:
        raise GemmadevError(f"{where}: {key!r} is missing or empty")
    return tuple(value)


def _lies_in(path: str, place: str) -> bool:
    place = place.rstrip("/")
    return path == place or path.startswith(f"{place}/")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
