"""What ``gemmadev doctor`` looks at: a line for each thing that repairs need."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pytest_gemmadev import __version__
from pytest_gemmadev.types import DEFAULT_MODEL, CannotRunHere, GemmadevError, ModelInfo

_BLOCK = 1 << 22  # bytes read at once when a model is hashed
_SPACE = 2 << 30  # bytes that a packaged model takes when it is put together, and some more
_TESTED = ((3, 10), (3, 13))  # the oldest and the newest Python that the tests run on


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


def checks(spec: str = DEFAULT_MODEL) -> Iterator[Check]:
    """All checks, one after the other; ``spec`` is the model that is to be used."""
    yield check_python()
    yield check_dependencies()
    yield check_plugin()
    yield check_fork()
    yield check_confinement()
    yield check_cache()
    yield check_project(Path.cwd())
    if spec.partition(":")[0] in ("gemmadev", "qwen-coder", "gguf"):
        yield check_runtime()
    yield check_model(spec)


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
    for name in ("pytest", "pluggy", "libcst", "rich"):
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
    from pytest_gemmadev.validate.parent.launch import CAN_FORK

    if sys.platform == "darwin":
        return Check(
            State.OK, "validation", "in processes that stay, since forks are not safe here"
        )
    if CAN_FORK:
        return Check(State.OK, "validation", "in forked processes, where native threads allow it")
    slow = "this system cannot fork: every candidate patch starts a Python of its own, slowly"
    return Check(State.NOTE, "validation", slow, "give repairs a larger --gemmadev-budget")


def check_confinement() -> Check:
    """What keeps runs of candidates from doing harm."""
    from pytest_gemmadev.validate.confine.places import Level, describe_level, level_for

    subject = "confinement"
    level = level_for("auto")
    found = describe_level(level)
    if level is Level.NAMESPACE:
        copies = "project, home and temporary files as private copies"
        return Check(State.OK, subject, f"{found}; {copies}")
    if level is Level.LANDLOCK:
        found += "; no private copies, since this system makes no user namespaces"
        advice = "tests that write into the project fail while patches are tried; as root, or with "
        return Check(State.NOTE, subject, found, f"{advice}user namespaces allowed, they do not")
    found += "; what C code and other programs do is not held"
    advice = "use Linux 5.13 or newer for more, --gemmadev-confine=strict to run only there"
    return Check(State.NOTE, subject, found, advice)


def check_cache() -> Check:
    """Whether models and what chats are about can be kept."""
    from pytest_gemmadev.models.packaged import cache_folder

    folder = cache_folder()
    place = next(each for each in (folder, *folder.parents) if each.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        advice = "make it writable, or set XDG_CACHE_HOME to a folder that is"
        return Check(State.PROBLEM, "cache", f"{folder} cannot be written to", advice)
    free = shutil.disk_usage(place).free
    found = f"{folder}, {free / 1e9:,.1f} GB free"
    if free < _SPACE:
        return Check(State.NOTE, "cache", found, "models of some hundred MB may not fit")
    return Check(State.OK, "cache", found)


def check_project(here: Path) -> Check:
    """Whether an interrupted repair left something behind."""
    from pytest_gemmadev.files.journal import FOLDER

    for folder in (here, *here.parents):
        if (folder / FOLDER / "pending.json").exists():
            found = f"a repair in {folder} was interrupted"
            return Check(State.PROBLEM, "project", found, f"gemmadev undo --root {folder}")
        if (folder / FOLDER).is_dir():
            return Check(
                State.OK, "project", f"{folder} was repaired before; gemmadev undo is there"
            )
    return Check(State.OK, "project", "nothing was repaired here yet")


def check_runtime() -> Check:
    """Whether what runs GGUF models is installed, in the version that is needed."""
    from pytest_gemmadev.models.llama import c_api

    try:
        library = c_api.check_runtime()
    except CannotRunHere as error:
        return Check(State.NOTE, "model runtime", str(error), "repairs go on without a model")
    except GemmadevError as error:
        return Check(State.PROBLEM, "model runtime", str(error))
    return Check(State.OK, "model runtime", f"{c_api.RUNTIME} {c_api.PINNED} in {library.parent}")


def check_model(spec: str) -> Check:
    """Whether a model can be used, and whether its file is the one that was published."""
    from pytest_gemmadev.registry import load_model

    subject = f"model {spec}"
    try:
        model = load_model(spec, adapter=None, threads=None)
    except CannotRunHere as error:
        return Check(State.NOTE, subject, str(error), "repairs go on without a model")
    except GemmadevError as error:
        return Check(State.PROBLEM, subject, str(error))
    if model is None:
        return Check(State.OK, subject, "search alone")
    info = model.info
    model.close()
    if os.path.isfile(info.path):
        return check_model_file(subject, info)
    able = {
        "scores": info.can_score,
        "chats": info.has_chat_template,
        "fills in": info.can_infill,
    }
    can = ", ".join(what for what, is_so in able.items() if is_so)
    return Check(State.OK, subject, f"answers; {can or 'only goes on from texts'}")


def check_model_file(subject: str, info: ModelInfo) -> Check:
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
