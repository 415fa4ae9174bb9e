"""Real repairs: files of wrong and accepted programs, and the history of a git repository.

A file of pairs has a JSON object a line with ``buggy`` and ``fixed``, ``id`` and ``license``. Of a
repository, those commits count that touch one function of one file, by a few lines.
"""

from __future__ import annotations

import ast
import difflib
import json
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.data.examples import Bug, close_pair
from training.data.functions import FILE_CHARS, OWN, is_code_path

COMMITS = 5000  # looked at, newest first
CHANGED_LINES = 12  # of a commit, added and removed together
_PLACES = 3  # that a repair of a pair may touch
_GIT_S = 120.0
_REST = ""  # name of what lies outside of functions


def pair_bugs(path: Path) -> Iterator[Bug]:
    """The bugs of a file of pairs, one for each changed stretch of lines."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield from _bugs_of(_pair(line, f"{path}:{number}"), f"{path.name}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None


def is_pair(row: object) -> bool:
    """Whether a row of a file is a pair rather than a finished example."""
    return isinstance(row, dict) and all(isinstance(row.get(k), str) for k in ("buggy", "fixed"))


def _pair(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise GemmadevError(f"{where}: not JSON ({error}); repair or remove the row") from None
    if not is_pair(row):
        raise GemmadevError(f"{where}: a row needs the texts 'buggy' and 'fixed'")
    return dict(row)


def _bugs_of(row: dict[str, Any], number: str) -> Iterator[Bug]:
    broken, fixed = (row[key].replace("\r\n", "\n") for key in ("buggy", "fixed"))
    name = str(row.get("id") or number)
    places = list(close_pair(broken, fixed))
    if len(places) > _PLACES or len(broken) > FILE_CHARS:
        return
    for place, (before, after) in enumerate(places):
        yield Bug(
            path=str(row.get("path") or "main.py"),
            broken=before,
            fixed=after,
            id=f"{name}#{place}",
            origin=str(row.get("origin") or name),
            license=str(row.get("license") or "unknown"),
            proof="real",
            how="pair",
        )


# --- git -----------------------------------------------------------------------------------------


def history_bugs(repository: Path) -> Iterator[Bug]:
    """Repairs in the history of a repository, the oldest first."""
    log = _git(
        repository,
        "log",
        "--no-merges",
        "--diff-filter=M",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        f"--max-count={COMMITS}",
        "--format=commit %H",
        "--",
        "*.py",
    )
    name = repository.resolve().name
    for commit, changes in reversed(list(_commits(log))):
        code = [change for change in changes if is_code_path(change[2])]
        if len(code) != 1:
            continue
        old, new, path = code[0]
        before, after = (_git(repository, "cat-file", "blob", blob) for blob in (old, new))
        if not _touches_one_function(before, after):
            continue
        for place, (broken, fixed) in enumerate(close_pair(before, after)):
            yield Bug(
                path=path,
                broken=broken,
                fixed=fixed,
                id=f"{name}@{commit[:12]}#{place}",
                origin=f"{name}@{commit[:12]}:{path}",
                license=OWN,
                proof="real",
                how="commit",
            )


def _commits(log: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """(commit, [(old blob, new blob, path)]) as ``git log --raw`` tells them."""
    commit = ""
    changes: list[tuple[str, str, str]] = []
    for line in log.split("\n"):
        if line.startswith("commit "):
            if changes:
                yield commit, changes
            commit, changes = line[7:], []
        elif line.startswith(":"):
            meta, _, path = line.partition("\t")
            fields = meta.split()
            if len(fields) == 5:
                changes.append((fields[2], fields[3], path))
    if changes:
        yield commit, changes


def _touches_one_function(before: str, after: str) -> bool:
    """Whether exactly one function differs, and nothing outside of functions does."""
    if "\r" in before or "\r" in after or max(len(before), len(after)) > FILE_CHARS:
        return False
    changed = sum(max(old.count("\n"), new.count("\n")) for old, new in _stretches(before, after))
    old, new = _functions(before), _functions(after)
    if old is None or new is None or old.keys() != new.keys() or old[_REST] != new[_REST]:
        return False
    return 0 < changed <= CHANGED_LINES and sum(old[name] != new[name] for name in old) == 1


def _stretches(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = before.splitlines(True), after.splitlines(True)
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if tag != "equal":
            yield "".join(old[i1:i2]), "".join(new[j1:j2])


def _functions(text: str) -> dict[str, str] | None:
    """The dump of each function by its place in the tree, and of the rest; None for broken code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[str, str] = {}

    def take(body: list[ast.stmt], owner: str) -> None:
        for index, node in enumerate(body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{owner}{node.name}#{index}"] = ast.dump(node)
                body[index] = ast.Pass()
            elif isinstance(node, ast.ClassDef):
                take(node.body, f"{owner}{node.name}.")

    take(tree.body, "")
    found[_REST] = ast.dump(tree)
    return found


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            timeout=_GIT_S,
            check=True,
        )
    except FileNotFoundError:
        raise GemmadevError("--from-git needs git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise GemmadevError(f"{repository}: git took longer than {_GIT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.decode("utf-8", "replace").strip().split("\n") or [""])[0]
        raise GemmadevError(f"{repository}: not a repository that git reads ({reason})") from None
    return done.stdout.decode("utf-8", "replace")
