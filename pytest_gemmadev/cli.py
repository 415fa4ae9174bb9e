"""The command ``gemmadev``: what it can do outside of a test run.

Exit status: 0 done, 1 not done or a problem found, 2 wrong usage. Imports of other parts stand in
the commands that need them, so that ``gemmadev undo`` starts quickly and works without a model.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_gemmadev import __version__
from pytest_gemmadev.core.types import GemmadevError, ModelInfo

if TYPE_CHECKING:
    from pytest_gemmadev.core.journal import UndoResult
    from pytest_gemmadev.hookspecs import KnownModel

_BLOCK = 1 << 22  # bytes read at once when a model is hashed
_DEFAULT_MODEL = "gemmadev"
_TESTED = ((3, 10), (3, 13))  # the oldest and the newest Python that the tests run on


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status of the command line."""
    parser = argparse.ArgumentParser(
        prog="gemmadev", description="Repairs Python programs with a local model and their tests."
    )
    parser.add_argument("--version", action="version", version=f"gemmadev {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_undo, _add_models, _add_doctor):
        add(commands)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except GemmadevError as error:
        print(f"gemmadev: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("gemmadev: interrupted", file=sys.stderr)
    return 1


# --- undo ----------------------------------------------------------------------------------------


def _add_undo(commands: Any) -> None:
    about = "put back what the last repair changed, byte for byte; needs no git"
    parser = commands.add_parser("undo", help=about, description=_sentence(about))
    parser.add_argument(
        "--force",
        action="store_true",
        help="put files back that were changed since; a copy of what they held is kept",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        type=Path,
        help="the project; by default the nearest folder from here upwards that was repaired",
    )
    parser.set_defaults(run=_undo)


def _undo(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.core import journal

    root = _root(arguments.root)
    result = journal.undo(root, force=arguments.force)
    for line in _undone(result, root):
        print(line)
    return 0


def _root(given: Path | None) -> Path:
    """The project whose repair is meant."""
    from pytest_gemmadev.core.journal import FOLDER

    if given is not None:
        if not given.is_dir():
            raise GemmadevError(f"--root {given}: no such folder")
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise GemmadevError(f"nothing to undo: no project was repaired in {here} or above it")


def _undone(result: UndoResult, root: Path) -> Iterator[str]:
    # Whole paths: the project that was found may be another than the one that was meant.
    for path in result.restored:
        yield f"put back {root.absolute() / path}"
    for copy in result.rescued:
        yield f"kept a copy in {root.absolute() / copy}"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(result.when))
    what = "interrupted repair" if result.interrupted else "repair"
    yield f"undone: the {what} of {when} ({result.note})"


# --- models --------------------------------------------------------------------------------------


def _add_models(commands: Any) -> None:
    about = "list the models that can be used here, and what is missing for the others"
    parser = commands.add_parser("models", help=about, description=_sentence(about))
    parser.set_defaults(run=_models)


def _models(_arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.registry import NO_MODEL, known_models

    for model in known_models():
        print("\n".join(_described(model)))
    print(f"{NO_MODEL}\n    repair by search alone")
    return 0


def _described(model: KnownModel) -> Iterator[str]:
    info = model.info
    yield info.spec
    yield f"    {info.name}: {model.description}"
    size = f"{info.size_bytes / 1e6:,.0f} MB" if info.size_bytes else ""
    facts = [fact for fact in (size, info.license) if fact]
    if facts:
        yield f"    {', '.join(facts)}"
    if info.sha256:
        yield f"    sha256 {info.sha256}"
    for what, path in (("", info.path), ("adapter ", info.adapter)):
        if path:
            yield f"    {what}{path}"
    if not model.available:
        yield f"    not usable here: {model.hint}"
    elif info.size_bytes and not info.path:
        yield "    usable; put together when first used"
    else:
        yield "    usable"


# --- doctor --------------------------------------------------------------------------------------


class State(str, Enum):
    OK = "ok"
    NOTE = "note"  # worth knowing, hinders nothing
    PROBLEM = "PROBLEM"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``gemmadev doctor``."""

    state: State
    subject: str
    found: str
    advice: str = ""  # what to do, where ``found`` does not say it


def _add_doctor(commands: Any) -> None:
    about = "check the installation and say what to do about each problem"
    parser = commands.add_parser("doctor", help=about, description=_sentence(about))
    parser.set_defaults(run=_doctor)


def _doctor(_arguments: argparse.Namespace) -> int:
    problems = 0
    for check in _checks():
        problems += check.state is State.PROBLEM
        print(f"{check.state.value:<8} {check.subject}: {check.found}", flush=True)
        if check.advice:
            print(f"{'':<8} -> {check.advice}", flush=True)
    print(f"{problems or 'no'} {'problem' if problems == 1 else 'problems'} found")
    return 1 if problems else 0


def _checks() -> Iterator[Check]:
    yield check_python()
    yield check_dependencies()
    yield check_plugin()
    yield check_fork()
    yield check_runtime()
    yield check_model(_DEFAULT_MODEL)


def check_python() -> Check:
    """Whether this Python is one that the tests run on."""
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    oldest, newest = (".".join(map(str, version)) for version in _TESTED)
    if sys.version_info[:2] < _TESTED[0]:
        return Check(State.PROBLEM, "Python", found, f"use Python {oldest} or newer")
    if sys.version_info[:2] > _TESTED[1]:
        advice = f"should anything go wrong, try Python {newest}: newer ones are not tested"
        return Check(State.NOTE, "Python", found, advice)
    return Check(State.OK, "Python", found)


def check_dependencies() -> Check:
    """Whether the packages of the base install are there."""
    from importlib import metadata

    missing = []
    versions = []
    for name in ("pytest", "pluggy", "libcst", "parso", "rich"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = f"pip install {' '.join(missing)}"
        return Check(State.PROBLEM, "packages", f"missing: {', '.join(missing)}", advice)
    return Check(State.OK, "packages", ", ".join(versions))


def check_plugin() -> Check:
    """Whether pytest finds the plugin by itself."""
    from importlib import metadata

    subject = "pytest plugin"
    found = [entry.value for entry in metadata.entry_points(group="pytest11", name="gemmadev")]
    if not found:
        return Check(State.PROBLEM, subject, "not registered", "pip install pytest-gemmadev")
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        off = "PYTEST_DISABLE_PLUGIN_AUTOLOAD keeps pytest from loading it"
        return Check(State.NOTE, subject, off, "unset it, or run pytest with -p gemmadev")
    return Check(State.OK, subject, f"{found[0]}, version {__version__}")


def check_fork() -> Check:
    """Whether candidate patches can be validated in forked processes."""
    from pytest_gemmadev.validate.launch import CAN_FORK

    if CAN_FORK:
        return Check(State.OK, "validation", "in forked processes")
    slow = "this system cannot fork: every candidate patch starts a Python of its own, slowly"
    return Check(State.NOTE, "validation", slow, "give repairs a larger --gemmadev-budget")


def check_runtime() -> Check:
    """Whether what runs GGUF models is installed, in the version that is needed."""
    from pytest_gemmadev.models import _capi

    try:
        library = _capi.check_runtime()
    except GemmadevError as error:
        return Check(State.PROBLEM, "model runtime", str(error))
    return Check(State.OK, "model runtime", f"{_capi.RUNTIME} {_capi.PINNED} in {library.parent}")


def check_model(spec: str) -> Check:
    """Whether a model can be used and its file is the one that was published."""
    from pytest_gemmadev.registry import load_model

    subject = f"model {spec}"
    try:
        model = load_model(spec, adapter=None, threads=None)
    except GemmadevError as error:
        return Check(State.PROBLEM, subject, str(error))
    if model is None:
        return Check(State.OK, subject, "search alone")
    info = model.info
    model.close()
    return check_hash(subject, info)


def check_hash(subject: str, info: ModelInfo) -> Check:
    """Whether a model's file has the hash it should have; reads all of it."""
    digest = hashlib.sha256()
    try:
        with open(info.path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        found = f"{info.path} cannot be read: {error.strerror}"
        return Check(State.PROBLEM, subject, found, "remove it, it is made again when needed")
    if info.sha256 and digest.hexdigest() != info.sha256:
        found = f"{info.path} is damaged, its sha256 is {digest.hexdigest()}"
        return Check(State.PROBLEM, subject, found, "remove it, it is made again when needed")
    return Check(State.OK, subject, f"{info.path}, sha256 {digest.hexdigest()}")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())
