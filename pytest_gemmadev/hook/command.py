"""The hook ``gemmadev-repair``: repairs Python files that do not compile.

For a sound file it does what compiling it does and nothing more: whatever looks for repairs is
imported when the first broken file appears.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pytest_gemmadev.hook.broken_files import Options

Target: TypeAlias = "tuple[int, int]"

_SUFFIXES = (".py", ".pyi", ".pyw")
_A_SHARE = 40  # files for which a fork pays
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "build", "dist"}


def main(argv: Sequence[str] | None = None) -> int:
    """1 when a file was changed or could not be repaired, 2 on misuse, 0 otherwise."""
    options = _make_parser().parse_args(argv)
    target: Target | None = options.target_version
    if target is not None and target > sys.version_info[:2]:
        running = ".".join(map(str, sys.version_info[:2]))
        print(
            f"gemmadev-repair: cannot check for Python {target[0]}.{target[1]} under {running}; "
            "run it under that Python (language_version in the pre-commit configuration)",
            file=sys.stderr,
        )
        return 2
    status = 0
    broken: list[str] = []
    for path, message in find_broken(list(_list_files(options.files)), target):
        if message:
            print(message)
            status = 1
        else:
            broken.append(path)
    if not broken and options.propose is None:
        return status
    from pytest_gemmadev.hook.broken_files import propose_nothing, repair_files
    from pytest_gemmadev.types import GemmadevError

    try:
        if not broken:
            propose_nothing(options.propose)
            return status
        repair_files(broken, _read_options(options, target))
    except GemmadevError as error:
        print(f"gemmadev-repair: {error}", file=sys.stderr)
        return 2
    return 1


# --- which do not compile ------------------------------------------------------------------------


def find_broken(paths: Sequence[str], target: Target | None = None) -> list[tuple[str, str]]:
    """The files that `check` objects to, with its messages, in their order.

    pre-commit starts the hook as one process, so that its lines come in order; a tree of files is compiled by
    as many forks as there are processors.
    """
    count = min(_processors(), len(paths) // _A_SHARE)
    if count < 2:
        return _check_serially(paths, target)
    found: dict[str, str] = {}
    forks = [(_fork(paths[n::count], target), paths[n::count]) for n in range(1, count)]
    found.update(_check_serially(paths[::count], target))
    for (pid, pipe), part in forks:
        with open(pipe, "rb") as file:
            data = file.read()
        _, status = os.waitpid(pid, 0)
        if status == 0:
            parts = data.decode("utf-8", "surrogateescape").split("\0")
            found.update(zip(parts[:-1:2], parts[1::2], strict=True))
        else:  # ended from outside: its files once more, here
            found.update(_check_serially(part, target))
    return [(path, found[path]) for path in paths if path in found]


def _processors() -> int:
    if not hasattr(os, "fork") or not hasattr(os, "sched_getaffinity"):
        return 1
    return len(os.sched_getaffinity(0))


def _check_serially(paths: Sequence[str], target: Target | None) -> list[tuple[str, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = ((path, check(path, target)) for path in paths)
        return [(path, message) for path, message in results if message is not None]


def _fork(paths: Sequence[str], target: Target | None) -> tuple[int, int]:
    """(process, pipe) of a fork that checks files, and writes paths and messages with NULs between."""
    out, into = os.pipe()
    pid = os.fork()
    if pid:
        os.close(into)
        return pid, out
    status = 1
    try:
        parts = [part for pair in _check_serially(paths, target) for part in pair]
        with open(into, "wb") as file:
            file.write("".join(f"{p}\0" for p in parts).encode("utf-8", "surrogateescape"))
        status = 0
    finally:
        os._exit(status)  # nothing of the parent's is flushed or closed twice


def check(path: str, target: Target | None = None) -> str | None:
    """None for a file that compiles, "" for one that does not, else why that cannot be known."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return f"{path}: not there any more; nothing to repair"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror}); left alone"
    try:
        if target is None:
            compile(data, path, "exec", dont_inherit=True)
            return None
        return None if _compiles_for(data, path, target) else ""
    except (SyntaxError, ValueError):  # the second is a NUL byte, in some versions
        return ""
    except (RecursionError, MemoryError):
        return f"{path}: nested too deeply for Python's compiler; left alone"


def _compiles_for(data: bytes, path: str, target: Target) -> bool:
    """Whether the file compiles under an older Python, as far as this one knows."""
    import ast

    from pytest_gemmadev.propose.syntax.fstrings import quoting_fault

    compile(data, path, "exec", dont_inherit=True)
    tree = ast.parse(data, path, feature_version=target)
    return target >= (3, 12) or quoting_fault(data.decode("utf-8", "replace"), tree) is None


# --- files ---------------------------------------------------------------------------------------


def _list_files(names: Sequence[str]) -> Iterator[str]:
    """The named files, and the Python files below the named folders; each once."""
    seen: set[str] = set()
    for name in names:
        for path in _walk(name) if os.path.isdir(name) else (name,):
            if path not in seen:
                seen.add(path)
                yield path


def _walk(folder: str) -> Iterator[str]:
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(top, name, "pyvenv.cfg"))
        )
        for name in sorted(files):
            if name.endswith(_SUFFIXES):
                yield os.path.normpath(os.path.join(top, name))


# --- options -------------------------------------------------------------------------------------


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gemmadev-repair",
        description="Repairs Python files that do not compile. Exit status 1 when a file was "
        "changed or could not be repaired, 0 when all compile.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, or folders to search")
    parser.add_argument(
        "--target-version",
        type=_parse_version,
        metavar="X.Y",
        help="the oldest Python that must take the files; default the running one",
    )
    parser.add_argument(
        "--propose",
        metavar="DIR",
        help="leave the files untouched; write patches, report.json, SUMMARY.md and report.sarif there",
    )
    parser.add_argument(
        "--model",
        default="auto",
        metavar="SPEC",
        help="chooses between repairs that parse: auto (the packaged one where it is installed), "
        "none, or as for pytest --gemmadev-model",
    )
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of the model")
    parser.add_argument(
        "--min-confidence",
        type=_parse_share,
        default=None,
        metavar="P",
        help="repair only where the first candidate is at least this likely; default 0.4",
    )
    parser.add_argument(
        "--budget",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="of a processor, for a file; default 10",
    )
    return parser


def _parse_version(text: str) -> Target:
    digits = text.lower().removeprefix("py")
    major, dot, minor = digits.partition(".")
    if not dot:
        major, minor = digits[:1], digits[1:]
    if major != "3" or not minor.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no version such as 3.10")
    return int(major), int(minor)


def _parse_share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def _read_options(options: argparse.Namespace, target: Target | None) -> Options:
    from pytest_gemmadev.hook.broken_files import MIN_CONFIDENCE, Options

    confidence = options.min_confidence
    return Options(
        target=target,
        model=options.model,
        adapter=options.adapter,
        propose=options.propose,
        min_confidence=MIN_CONFIDENCE if confidence is None else confidence,
        budget_s=options.budget,
    )
