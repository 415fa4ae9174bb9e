"""The files of a project: by path, by the name they are imported under, by what their text mentions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

from pytest_gemmadev.propose.code.module import Module, parse_module
from pytest_gemmadev.types import RepairTask

MAX_MODULES = 400  # files looked into for one task

_SOURCE_FOLDERS = ("src", "lib", "python")
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)


class ProjectFiles:
    """The files of one task, parsed when first asked for."""

    def __init__(self, task: RepairTask) -> None:
        self.task = task
        self._modules: dict[str, Module | None] = {}

    def module(self, path: str) -> Module | None:
        """The parsed file, of the sources or of the tests; None where it does not parse."""
        if path not in self._modules:
            text = self.task.sources.get(path, self.task.context.get(path))
            found = None if text is None else parse_module(path, self._dotted(path), text)
            self._modules[path] = found
        return self._modules[path]

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Paths of the files that may be edited, those in the stacks first."""
        near = [f.path for s in self.task.stacks for f in s.frames if f.path in self.task.sources]
        return tuple(dict.fromkeys([*near, *self.task.sources]))[:MAX_MODULES]

    def modules(self, word: str = "") -> Iterator[Module]:
        """The editable files that parse; with ``word``, those that mention it."""
        mentions = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") if word else None
        for path in self.paths:
            if mentions is None or mentions.search(self.task.sources[path]):
                module = self.module(path)
                if module is not None:
                    yield module

    def quoting(self, value: str) -> Iterator[Module]:
        """The editable files in which a string of that value may stand."""
        for path in self.paths:
            text = self.task.sources[path]
            if f"'{value}'" in text or f'"{value}"' in text:
                module = self.module(path)
                if module is not None:
                    yield module

    def defining(self, name: str) -> Iterator[Module]:
        """The editable files with a function or class of that name."""
        for path in self.paths:
            if name in _defined_names(self.task.sources[path]):
                module = self.module(path)
                if module is not None:
                    yield module

    @property
    def tests(self) -> Iterator[Module]:
        """The test files in the stacks: never edited."""
        return (m for path in self.task.context if (m := self.module(path)) is not None)

    @cached_property
    def _prefix(self) -> str:
        """The folder that holds the top-level modules, with a slash; empty for the root."""
        imported = _IMPORTED.findall("\n".join(self.task.context.values()))
        roots = {name.partition(".")[0] for name in imported}
        for path in self.paths:
            parts = path.split("/")
            if len(parts) > 1 and parts[0] in _SOURCE_FOLDERS and parts[0] not in roots:
                top = "/".join(parts[:1])
                if f"{top}/__init__.py" not in self.task.sources:
                    return f"{top}/"
        return ""

    def _dotted(self, path: str) -> str:
        stem = path.removeprefix(self._prefix).removesuffix(".py")
        return stem.removesuffix("/__init__").replace("/", ".")

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Path of each module by its dotted name; folders count as packages with no path."""
        found: dict[str, str] = {}
        for path in self.paths:
            name = self._dotted(path)
            found[name] = path
            while "." in name:
                name = name.rpartition(".")[0]
                found.setdefault(name, "")
        return found

    def named(self, name: str) -> Module | None:
        """The module of that dotted name, or one that the name ends: ``src.shop`` for ``shop``."""
        path = self.names.get(name)
        if path is None:
            tails = [p for n, p in self.names.items() if name.endswith(f".{n}") and "." in n]
            path = tails[0] if tails else None
        return self.module(path) if path else None

    def mentions(self, name: str) -> int:
        """How often the project and the tests in the stacks mention a name."""
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        texts = [self.task.sources[path] for path in self.paths] + [*self.task.context.values()]
        return sum(len(word.findall(text)) for text in texts)


@lru_cache(maxsize=2048)
def _defined_names(text: str) -> frozenset[str]:
    """Names after ``def`` and ``class``: what is worth parsing a file for."""
    return frozenset(_DEFINED.findall(text))
