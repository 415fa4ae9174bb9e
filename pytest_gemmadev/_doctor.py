"""What ``gemmadev doctor`` looks at: a line for each thing that repairs need."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pytest_gemmadev import __version__
from pytest_gemmadev.core.types import GemmadevError, ModelInfo

_BLOCK = 1 << 22  # bytes read at once when a model is hashed
DEFAULT_MODEL = "gemmadev"
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


def checks() -> Iterator[Check]:
    yield check_python()
    yield check_dependencies()
    yield check_plugin()
    yield check_fork()
    yield check_runtime()
    yield check_model(DEFAULT_MODEL)


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
