"""The options of a run that repairs: the command line over the ini file, checked before it starts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_gemmadev.types import DEFAULT_MODEL, Confidence

DEFAULT_BUDGET_S = 300.0
MAX_JOBS = 64
CONFINE = ("auto", "strict", "off")  # the first is the default
START = ("auto", "fork", "spawn")
ACCEPT = ("likely", "sure", "guess")

# Under these options no test runs, or none to its end.
_CONFLICTS = {
    "usepdb": "--pdb",
    "trace": "--trace",
    "collectonly": "--collect-only",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one run that repairs."""

    root: Path
    fix: bool  # in place; otherwise propose
    propose_dir: Path | None
    model: str
    adapter: str | None
    budget_s: float
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    seed: int
    report: Path | None
    jobs: int = 1  # failures that are repaired at the same time
    confine: str = "auto"  # or ``strict``, ``off``
    start: str = "auto"  # or ``fork``, ``spawn``
    accept: Confidence = Confidence.LIKELY  # what is less sure is not written
    ask: bool = False  # on the terminal, which result is right


_SETTINGS = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config, options: Any = None) -> Settings:
    """The settings; raises a UsageError of one line that names the option that is wrong.

    ``options`` is for the time when ``config.option`` is not filled yet. They are read once.
    """
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = _read(config, config.option if options is None else options)
    return config.stash[_SETTINGS]


def _read(config: pytest.Config, options: Any) -> Settings:
    for dest, option in _CONFLICTS.items():
        if getattr(options, dest, False):
            raise pytest.UsageError(f"gemmadev cannot repair under {option}: drop one of the two")
    mode, _, folder = str(options.gemmadev_mode).partition(":")
    if mode == "both":
        raise pytest.UsageError(_describe_conflict(config))
    return Settings(
        root=config.rootpath,
        fix=mode == "fix",
        propose_dir=_read_folder(config, folder) if mode == "propose" else None,
        model=_read_value(config, options, "model")[0] or DEFAULT_MODEL,
        adapter=_read_adapter(config, options),
        budget_s=_parse_budget(*_read_value(config, options, "budget")),
        allow=_read_globs(config, options, "allow"),
        deny=_read_globs(config, options, "deny"),
        seed=_parse_seed(*_read_value(config, options, "seed")),
        report=_read_report(config, options),
        jobs=_parse_jobs(*_read_value(config, options, "jobs")),
        confine=_parse_choice(*_read_value(config, options, "confine"), CONFINE),
        start=_parse_choice(*_read_value(config, options, "start"), START),
        accept=Confidence(_parse_choice(*_read_value(config, options, "accept"), ACCEPT)),
        ask=_read_ask(config, options),
    )


def _describe_conflict(config: pytest.Config) -> str:
    """Says which two options ask for different things, and where they come from."""
    given = [str(arg).partition("=")[0] for arg in config.invocation_params.args]
    named = [
        option if option in given else f"{option} (in addopts)"
        for option in ("--gemmadev-fix", "--gemmadev-propose")
    ]
    return (
        f"{' and '.join(named)}: one changes the tree, the other leaves it untouched; drop one of "
        "the two" + ("; -o addopts= leaves out all addopts" if "addopts" in "".join(named) else "")
    )


def _read_value(config: pytest.Config, options: Any, name: str) -> tuple[str, str]:
    """The string given for an option, and where: on the command line, else in the ini file."""
    given = getattr(options, f"gemmadev_{name}")
    if given is not None:
        return str(given).strip(), f"--gemmadev-{name}"
    where = f" in {config.inipath}" if config.inipath is not None else ""
    return str(config.getini(f"gemmadev_{name}")).strip(), f"gemmadev_{name}{where}"


def _read_ask(config: pytest.Config, options: Any) -> bool:
    try:
        return bool(options.gemmadev_ask or config.getini("gemmadev_ask"))
    except (ValueError, pytest.UsageError) as error:  # which does not say of what
        raise pytest.UsageError(f"gemmadev_ask: {error}") from None


def _read_folder(config: pytest.Config, text: str) -> Path:
    if not text:
        raise pytest.UsageError("--gemmadev-propose: name a directory to write patches to")
    folder = config.invocation_params.dir / text
    taken = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None)
    if taken is not None:
        raise pytest.UsageError(f"--gemmadev-propose: {taken} is not a directory")
    return folder


def _read_report(config: pytest.Config, options: Any) -> Path | None:
    text = options.gemmadev_report
    if text is None:
        return None
    path = config.invocation_params.dir / str(text)
    if not text or path.is_dir():
        raise pytest.UsageError(f"--gemmadev-report: {path} is a directory, name a file")
    if path.is_file() and not _is_report(path):  # a device or a pipe holds nothing to lose
        raise pytest.UsageError(
            f"--gemmadev-report: {path} exists and is no report: name another file, or remove it"
        )
    return path


def _is_report(path: Path) -> bool:
    """Whether a file may be replaced by a report: it is an earlier report, or empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise pytest.UsageError(f"--gemmadev-report: {path}: {error.strerror}") from None
    if data[:15].lower() == b"<!doctype html>":
        return b"gemmadev" in data
    if not data:
        return path.suffix not in (".py", ".pyi")  # an empty module is no empty file
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= {"version", "failures"}


def _read_adapter(config: pytest.Config, options: Any) -> str | None:
    """The adapter's path, or ``none``; a relative one counts from where it was written."""
    text, _where = _read_value(config, options, "adapter")
    if not text or text == "none":
        return text or None
    base = config.invocation_params.dir
    if options.gemmadev_adapter is None and config.inipath is not None:
        base = config.inipath.parent
    return str(base / Path(text).expanduser())


def _parse_budget(text: str, where: str) -> float:
    try:
        seconds = float(text) if text else DEFAULT_BUDGET_S
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise pytest.UsageError(f"{where}: {text!r} is not a number of seconds, 0 or more")
    return seconds


def _parse_seed(text: str, where: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        raise pytest.UsageError(f"{where}: {text!r} is not a whole number") from None


def _parse_jobs(text: str, where: str) -> int:
    try:
        jobs = int(text or "1")
    except ValueError:
        jobs = 0
    if not 1 <= jobs <= MAX_JOBS:
        raise pytest.UsageError(f"{where}: {text!r} is not a number from 1 to {MAX_JOBS}")
    return jobs


def _parse_choice(text: str, where: str, choices: Sequence[str]) -> str:
    chosen = text or choices[0]
    if chosen not in choices:
        raise pytest.UsageError(f"{where}: {text!r} is not one of {', '.join(choices)}")
    return chosen


def _read_globs(config: pytest.Config, options: Any, name: str) -> tuple[str, ...]:
    """Globs of the ini file and of the command line, together."""
    dest = f"gemmadev_{name}"
    globs = (*config.getini(dest), *(getattr(options, dest) or ()))
    if any(not glob.strip() for glob in globs):
        raise pytest.UsageError(f"--gemmadev-{name}: an empty glob matches nothing")
    return globs
