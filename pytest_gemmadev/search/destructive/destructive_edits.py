"""Destructive edits: what newly reaches a destructive call, changes what it is given, takes out its guard.

Each destructive call of a file has a description: what it is given with all that flows into it, and
the conditions that it stands under. An edit is destructive when the new text holds a description that
the old one does not. Functions of the project that hold such a call are destructive calls themselves,
by the arguments that flow on, two calls deep. An edit that takes such a call out harms nothing, and is
treated alike: where the error is in the call, that would pass for a repair of it.

What this does not see: code that stopped with an error before such a call, and now goes on to it;
what flows through containers, callbacks, the environment or more functions than one; files that are
read at run time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_gemmadev.search.destructive.bindings import Binding
from pytest_gemmadev.search.destructive.flows import (
    Module,
    Site,
    Wrapper,
    describe_node,
    may_destroy,
)
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.search.rank import lines_before_and_after
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, Edit, Inapplicable, RepairTask

_WORDS = re.compile(r"\w+")
_LINES = re.compile(
    r"\b(?:open|execute\w*|ZipFile|TarFile|rename|replace)\([^()\n]*$", re.MULTILINE
)
_SURE = re.compile(
    r"\b(?:rmtree|unlink|rmdir|removedirs|subprocess|write_text|write_bytes|extractall|unpack_archive"
    r"|os\.(?:remove|rename|replace|truncate|chmod|chown|kill|system|popen|exec|spawn|posix_spawn)"
    r"|shutil\.\w+|from (?:os|shutil|subprocess) import|drop_\w+|create_subprocess_\w+"
    r"|executescript|delete\()|open\([^\n]*[\"'][rbt]?[wax+]|\.execute(?:many)?\("
)  # in a file that may hold a destructive function


@dataclass(slots=True)
class _File:
    """A source text as it was, and what of it concerns destructive calls."""

    text: str
    module: Module | None  # None where it does not parse
    starts: list[int] = field(default_factory=list)  # of its chunks
    names: frozenset[str] = frozenset()  # of the module that its destructive calls depend on
    words: frozenset[str] = frozenset()  # with which a line may make or change such a call
    concerned: frozenset[int] = frozenset()  # chunks that hold one or bind such a name
    latent: frozenset[int] = frozenset()  # chunks where another line may say what a call does


@dataclass(slots=True)
class Hazards:
    """Tells which candidates are destructive; what it knows of the project is kept for the next."""

    wrappers: dict[str, Wrapper] | None = None
    outside: dict[str, set[str]] = field(default_factory=dict)
    # names of other modules that flow into destructive calls, by the module's last name
    files: dict[str, _File] = field(default_factory=dict)  # by path, as last seen
    indexed_chars: int = (
        DEFAULT.indexed_chars
    )  # of the sources that are searched for such functions

    def of(self, candidate: Candidate, task: RepairTask) -> str:
        """What a candidate does to a destructive call, in a few words; empty for most candidates."""
        if self.wrappers is None:
            self._index(task.sources)
        for path in dict.fromkeys(edit.path for edit in candidate.edits):
            if path not in task.sources:
                continue
            file = self._file(path, task.sources[path])
            edits = [edit for edit in candidate.edits if edit.path == path]
            reason = self._reason(path, file, edits)
            if reason:
                return reason
        return ""

    # --- what there is ---------------------------------------------------------------------------

    def _index(self, sources: Mapping[str, str]) -> None:
        """Finds the functions of the project that destroy something, and what flows into them."""
        wrappers: dict[str, Wrapper] = {}
        left = self.indexed_chars
        texts = []
        for path in sources:
            text = sources[path]
            left -= len(text)
            if left < 0:
                break
            if _SURE.search(text):
                texts.append(text)
        modules = [module for text in texts if (module := Module.of(text, {})) is not None]
        for depth in range(2):
            known = dict(wrappers)
            for module in modules:
                found = module.knowing(known).own_wrappers()
                if depth:  # what only calls such a function destroys by what it is given
                    found = {name: each for name, each in found.items() if each.flows}
                wrappers |= {n: w for n, w in found.items() if n not in known}
        for module in modules:
            for site in module.knowing(wrappers).all_sites():
                self._note_outside(site, module)
        self.wrappers = wrappers  # whole, for searches side by side

    def _note_outside(self, site: Site, module: Module) -> None:
        attributes = {name[1:] for name in site.names if name.startswith(".")}
        for name in site.names:
            target = module.names.aliases.get(name, "")
            above, _, last = target.rpartition(".")
            if above:
                self.outside.setdefault(above.rpartition(".")[2], set()).add(last)
            if target:
                self.outside.setdefault(last, set()).update(attributes)

    def _file(self, path: str, text: str) -> _File:
        known = self.files.get(path)
        if known is not None and (known.text is text or known.text == text):
            return known
        file = self.files[path] = self._read(path, text)
        return file

    def _read(self, path: str, text: str) -> _File:
        assert self.wrappers is not None
        fed = self.outside.get(_stem(path), set())
        words = set(self.wrappers)
        if not fed and not may_destroy(text) and words.isdisjoint(_WORDS.findall(text)):
            return _File(text, None, words=frozenset(words))
        module = Module.of(text, self.wrappers)
        if module is None:
            return _File(text, None, words=frozenset(words), latent=frozenset((0,)))
        sites = list(module.all_sites())
        names = {name for site in sites for name in site.names}
        names |= fed | {f".{name}" for name in fed}
        words |= {n for n, target in module.names.aliases.items() if may_destroy(target)}
        concerned = {
            index
            for index, chunk in enumerate(module.chunks)
            if module.sites(index) or not names.isdisjoint(chunk.binds)
        }
        latent = {i for i, chunk in enumerate(module.chunks) if _LINES.search(chunk.text)}
        words |= {name.lstrip(".") for name in names}
        return _File(
            text,
            module,
            [chunk.start for chunk in module.chunks],
            frozenset(names),
            frozenset(words),
            frozenset(concerned),
            frozenset(latent),
        )

    # --- what an edit does to it -----------------------------------------------------------------

    def _reason(self, path: str, file: _File, edits: list[Edit]) -> str:
        touched = {max(0, bisect_right(file.starts, e.start) - 1) for e in edits}
        if file.starts:
            touched |= {
                max(0, bisect_right(file.starts, max(e.start, e.end - 1)) - 1) for e in edits
            }
        if touched.isdisjoint(file.concerned) and touched.isdisjoint(file.latent):
            lines = [lines_before_and_after(file.text, edit)[1] for edit in edits]
            new = "\n".join(lines)
            if not may_destroy(new) and file.words.isdisjoint(_WORDS.findall(new)):
                return ""
        text = apply_edits(file.text, edits)
        if isinstance(text, Inapplicable):
            return ""
        if file.module is None:
            return self._describe_broken(file, text, edits)
        changed = self._changed_chunks(file, touched, text)
        if changed is None:
            return ""  # does not parse, so it will not be tried
        old, new_module, pairs = file.module, *changed
        compared = [*pairs, *self._dependents(file, new_module, pairs)]
        before = [site for index, _ in compared if index is not None for site in old.sites(index)]
        after = [s for _, index in compared if index is not None for s in new_module.sites(index)]
        return difference(before, after) or self._describe_inflow(path, old, new_module)

    def _changed_chunks(
        self, file: _File, touched: set[int], text: str
    ) -> tuple[Module, list[tuple[int | None, int | None]]] | None:
        """The new module, and which of its chunks stand for which of the old ones that changed."""
        module = file.module
        if module is None:
            return None
        if len(touched) == 1:
            (index,) = touched
            chunk = module.chunks[index]
            end = chunk.start + len(chunk.text) + len(text) - len(file.text)
            new = module.with_chunk(index, text[chunk.start : end])
            if new is not None:
                return new, [(index, index)]
        whole = Module.of(text, module.wrappers)
        if whole is None:
            return None
        old = [(index, None) for index in range(len(module.chunks))]
        return whole, [*old, *((None, index) for index in range(len(whole.chunks)))]

    def _dependents(
        self, file: _File, new: Module, pairs: list[tuple[int | None, int | None]]
    ) -> list[tuple[int | None, int | None]]:
        """Chunks that have not changed, with calls that depend on what the changed one binds."""
        if len(pairs) != 1 or file.module is None or pairs[0][0] is None:
            return []
        index, old = pairs[0][0], file.module
        before, after = old.chunks[index], new.chunks[index]
        if before.names.imported != after.names.imported:
            return [(i, i) for i in range(len(new.chunks)) if i != index]
        changed = {
            name
            for name in file.names & (before.binds.keys() | after.binds.keys())
            if _describe_bindings(before.binds.get(name, ()))
            != _describe_bindings(after.binds.get(name, ()))
        }
        return [
            (other, other)
            for other in sorted(file.concerned if changed else ())
            if other != index and any(changed & site.names for site in old.sites(other))
        ]

    def _describe_inflow(self, path: str, old: Module, new: Module) -> str:
        """What the edit changes of names that flow into destructive calls of other modules."""
        for name in sorted(self.outside.get(_stem(path), ())):
            for key in (name, f".{name}"):
                if _describe_bindings(old.bindings(key)) != _describe_bindings(new.bindings(key)):
                    return f"changes `{name}`, which a destructive call is given"
        return ""

    def _describe_broken(self, file: _File, text: str, edits: list[Edit]) -> str:
        """The same of a file that did not parse: calls in the chunks that the edits touch."""
        assert self.wrappers is not None
        module = Module.of(text, self.wrappers)
        if module is None:
            return ""
        starts = [chunk.start for chunk in module.chunks]
        shift = 0
        for edit in sorted(edits):
            first, last = edit.start + shift, edit.start + shift + len(edit.replacement)
            shift += len(edit.replacement) - (edit.end - edit.start)
            begin, end = (max(0, bisect_right(starts, at) - 1) for at in (first, last))
            for index in range(begin, end + 1):
                reason = difference([], module.sites(index))
                if reason:
                    return reason
        return ""


def destructive_reason(candidate: Candidate, task: RepairTask) -> str:
    """What a candidate does to a destructive call; empty where nothing. `Hazards` keeps more."""
    return Hazards().of(candidate, task)


def difference(before: list[Site] | tuple[Site, ...], after: list[Site] | tuple[Site, ...]) -> str:
    """What the first of the calls does that was not there before, or not so; or which is gone."""
    known = Counter(before)
    for site in after:
        if known[site] > 0:
            known[site] -= 1
            continue
        same = [old for old in before if old.callee == site.callee]
        name = f"`{site.callee}`"
        if not same or len(same) < sum(new.callee == site.callee for new in after):
            return f"newly reaches {name}"
        if any(old.given == site.given for old in same):
            return f"changes when {name} is reached"
        return f"changes what {name} is given"
    gone = next((site for site in before if known[site] > 0), None)
    return f"takes out `{gone.callee}`" if gone is not None else ""


def _describe_bindings(bindings: Iterable[Binding]) -> list[str]:
    return [describe_node(binding.node) for binding in bindings]


def _stem(path: str) -> str:
    name = path.rpartition("/")[2].removesuffix(".py")
    return path.split("/")[-2] if name == "__init__" and "/" in path else name
