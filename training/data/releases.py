"""Repairs between releases of a package: what its developers changed in a function, a line or two.

A folder holds archives of one package, wheels or source archives, as `training.data.fetch` leaves them. Of
two in a row, a function counts that is in both under the same name, with the same arguments, and differs in
at most `PLACES` places within a series (2.1.0 and 2.1.6), in one place from one series to the next. Many
such changes are no corrections; these are left out as far as they can be told: what changes nothing that
runs (annotations, docstrings, the words of a message), what brings a name that the function does not show,
what replaces most of a line, what leaves an older Python behind, and what a release does in many places.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import difflib
import keyword
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from packaging.version import InvalidVersion, Version

from pytest_gemmadev.types import GemmadevError
from training.data.examples import Bug, close_pair, tree_of
from training.data.fetch import series_of
from training.data.functions import OWN, Sound, SourceText, functions_of, is_permissive, sources
from training.rewrites.texts import lines_of

PLACES = 2  # of a function, that a release may change
ALIKE = 3  # changes of the same form between two releases, from which on they are no corrections
LEAST_LIKE = 0.5  # of a line, by tokens, the old to the new
_LINES = 3  # of a place, old or new
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_KNOWN = frozenset(
    [*dir(builtins), *keyword.kwlist]
    + [name for kind in (str, bytes, list, dict, set, tuple, int, float) for name in dir(kind)]
)
_LEGACY = re.compile(
    r"\b(six|moves|xrange|unicode|basestring|long|unichr|izip|imap|ifilter|iteritems|itervalues|iterkeys"
    r"|has_key|raw_input|cmp|reduce|IOError|EnvironmentError|im_func|func_name|OrderedDict|super)\b"
)  # what is replaced when a package leaves an older Python behind


@dataclass(frozen=True, slots=True)
class _Change:
    """One place of one function, before and after."""

    new: Sound
    broken: str  # the new function with the old lines at this place
    lines: tuple[tuple[str, ...], tuple[str, ...]]  # old, new


def release_bugs(
    folder: Path,
    *,
    any_license: bool = False,
    jobs: int = 1,
    leaves_out: Callable[[int], None] = lambda _: None,
) -> Iterator[Bug]:
    """Repairs between the releases in ``folder``, or in its folders, a package each.

    ``leaves_out`` is told of releases that are left out for their license, so many at a time.

    Raises:
        GemmadevError: There are no two archives of a package to compare.
    """
    packages = [group for group in map(_archives, [folder, *_folders(folder)]) if len(group) > 1]
    if not packages:
        raise GemmadevError(
            f"{folder}: no two archives of a package; fetch some with training.data.fetch"
        )
    mine = partial(_package_bugs, any_license=any_license)
    with contextlib.ExitStack() as stack:
        run = map if jobs < 2 else stack.enter_context(ProcessPoolExecutor(jobs)).map
        for found, left_out in run(mine, packages):
            leaves_out(left_out)
            yield from found


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _archives(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(_ARCHIVES))


def _package_bugs(archives: Sequence[Path], *, any_license: bool) -> tuple[list[Bug], int]:
    """(what the releases of one package corrected, the oldest first, each change once; releases left out)."""
    read = [found for found in map(_read, archives) if found is not None]
    read.sort(key=lambda found: found[0])
    seen: set[tuple[str, ...]] = set()
    bugs: list[Bug] = []
    left_out = 0
    for (before, old), (version, new) in pairwise(read):
        if not any_license and not all(map(_is_free, new.values())):
            left_out += 1
            continue
        places = PLACES if series_of(before) == series_of(version) else 1
        for number, change in enumerate(_corrections(old, new, places)):
            key = (change.new.name, *change.lines[0], "", *change.lines[1])
            if key not in seen:
                seen.add(key)
                bugs.append(_bug(change, f"{version}#{number}"))
    return bugs, left_out


def _is_free(source: SourceText) -> bool:
    return source.license == OWN or is_permissive(source.license)


def _read(archive: Path) -> tuple[Version, dict[str, SourceText]] | None:
    """(the release, its files by path); None for what cannot be read, of which there are others."""
    try:
        files = {source.path: source for source in sources([str(archive)])}
        origin = next(iter(files.values())).origin
        return Version(origin.rpartition("==")[2]), files
    except (GemmadevError, InvalidVersion, StopIteration):
        return None


def _corrections(
    old: dict[str, SourceText], new: dict[str, SourceText], places: int
) -> list[_Change]:
    """The changes between two releases that may be corrections."""
    changes = []
    for path in sorted(old.keys() & new.keys()):
        if old[path].text != new[path].text:
            changes += list(_changes(old[path], new[path], places))
    forms = [_form(change) for change in changes]
    often = Counter(forms)
    return [
        change
        for change, form in zip(changes, forms, strict=True)
        if often[form] < ALIKE and _is_askable(change)
    ]


def _changes(old: SourceText, new: SourceText, places: int) -> Iterator[_Change]:
    """Each changed place of the functions that both files have, where these are few."""
    before, after = _by_name(old), _by_name(new)
    changed: dict[str, list[tuple[str, str]]] = {}
    for name in before.keys() & after.keys():
        (arguments, text), (others, fixed) = before[name], after[name]
        if text != fixed and arguments == others and _meaning(text) != _meaning(fixed):
            found = [
                (broken, fixed)
                for broken, _ in close_pair(text, fixed)
                if (meaning := _meaning(broken)) is not None and meaning != _meaning(fixed)
            ]
            if len(found) <= places:
                changed[name] = found
    if not changed:
        return
    for sound in functions_of(new):
        for broken, fixed in changed.get(sound.name, ()):
            yield _Change(sound, broken, _differing(broken, fixed))


def _by_name(source: SourceText) -> dict[str, tuple[str, str]]:
    """(arguments, text) of the functions of a file whose names stand for one only."""
    tree = tree_of(source.text)
    if tree is None:
        return {}
    lines = source.text.split("\n")
    found: dict[str, tuple[str, str]] = {}
    often: Counter[str] = Counter()
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                first, last = lines_of(member)
                arguments = ast.dump(_Bare().visit(member.args))
                found[owner + member.name] = arguments, "\n".join(lines[first - 1 : last])
                often[owner + member.name] += 1
    return {name: one for name, one in found.items() if often[name] == 1}


def _meaning(text: str) -> str | None:
    """What of a function runs: its tree without annotations, docstrings and texts.

    None where it is no code.
    """
    tree = tree_of(textwrap.dedent(text))
    return None if tree is None else ast.dump(_Bare().visit(tree))


class _Bare(ast.NodeTransformer):
    """Takes out what changes nothing that runs, and what a text says."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        is_words = isinstance(node.value, str) and " " in node.value
        return ast.Constant("") if is_words else node

    def visit_JoinedStr(self, _: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def _differing(broken: str, fixed: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of the one place in which two texts differ."""
    old, new = broken.split("\n"), fixed.split("\n")
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = next((i for i in range(limit - head) if old[-1 - i] != new[-1 - i]), limit - head)
    return tuple(old[head : len(old) - tail]), tuple(new[head : len(new) - tail])


def _form(change: _Change) -> tuple[str, ...]:
    """What was replaced by what, names that only this code has aside."""
    old, new = (_tokens("\n".join(lines)) for lines in change.lines)
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    form: list[str] = []
    for tag, i1, i2, j1, j2 in codes:
        if tag != "equal":
            form += [*map(_general, old[i1:i2]), ">", *map(_general, new[j1:j2]), ";"]
    return tuple(form)


def _general(token: str) -> str:
    return token if token in _KNOWN or not token.isidentifier() else "name"


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _is_askable(change: _Change) -> bool:
    """Whether the new lines could be written by somebody who sees the old ones and what is around."""
    old, new = change.lines
    if not 0 < len(new) <= _LINES or len(old) > _LINES:
        return False
    before, after = "\n".join(old), "\n".join(new)
    if any(line.lstrip().startswith(("def ", "async def ", "@")) for line in (*old, *new)):
        return False
    if ("f'" in after or 'f"' in after) != ("f'" in before or 'f"' in before):
        return False  # another way to write a text
    if _tokens(before) == _tokens(after) or _LEGACY.search(before):
        return False
    words = [_tokens(_STRING.sub("", text)) for text in (before, after)]
    if words[0] == words[1] and " " in "".join(_STRING.findall(after)):
        return False  # another message
    if old:
        like = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
        if like.ratio() < LEAST_LIKE:
            return False
    shown = {*_tokens(change.broken), *_KNOWN}
    return all(token in shown for token in words[1] if token.isidentifier())


def _shown(change: _Change) -> str:
    """The text around the place, with the old lines at it."""
    first, last = lines_of(change.new.node)
    lines = change.new.near.split("\n")
    return "\n".join([*lines[: first - 1], change.broken, *lines[last:]])


def _bug(change: _Change, number: str) -> Bug:
    source = change.new.source
    return Bug(
        path=source.path,
        broken=_shown(change),
        fixed=change.new.near,
        id=f"{source.origin.partition('==')[0]}@{number}",
        origin=f"{source.origin}:{source.path}:{change.new.name}",
        license=source.license,
        proof="real",
        how="release",
    )
