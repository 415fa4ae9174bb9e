"""What the installed plugin adds to a pytest run that asks for no repair.

Runs ``pytest --collect-only`` on a small made-up suite, by turns with ``-p no:gemmadev`` and
without, each in a fresh process, and prints medians, their ratio, and the median of what one run
took more than its partner. On a busy machine that drowns in noise, so the time that importing and
registering the plugin takes is measured inside the runs too. Prints which modules the plugin
brings in, and which heavy ones are among them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HEAVY = ("libcst", "numpy", "torch", "xllamacpp", "rich.progress")

PROBE = """\
import importlib.metadata, json, sys, time
import pytest

spent = 0.0

def timed(function, is_ours):
    def wrapper(self, *args, **more):
        global spent
        start = time.perf_counter()
        try:
            return function(self, *args, **more)
        finally:
            if is_ours(self, *args):
                spent += time.perf_counter() - start
    return wrapper

entry, manager = importlib.metadata.EntryPoint, pytest.PytestPluginManager
entry.load = timed(entry.load, lambda self: self.name == "gemmadev")
manager.register = timed(manager.register, lambda self, plugin, name=None: name == "gemmadev")
status = int(pytest.main(sys.argv[2:]))
seen = {"status": status, "own_ms": 1000 * spent, "modules": sorted(sys.modules)}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(seen, file)
"""


@dataclass(frozen=True, slots=True)
class Run:
    wall_ms: float
    cpu_ms: float  # of the process, user and system
    own_ms: float  # importing and registering the plugin, timed inside
    modules: frozenset[str]  # loaded at its end


def collect(folder: Path, *options: str) -> Run:
    """One run in a fresh process."""
    result = folder / "modules.json"
    arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", *options]
    command = [sys.executable, "-c", PROBE, str(result), *arguments]
    environ = {**os.environ, "PYTEST_ADDOPTS": ""}
    silent = subprocess.DEVNULL
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environ, stdout=silent, stderr=silent, check=True)
    wall, after = time.perf_counter() - start, os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])  # of children, user and system
    seen = json.loads(result.read_text(encoding="utf-8"))
    if seen["status"] != 0:
        raise SystemExit(f"pytest ended with {seen['status']}: {' '.join(command)}")
    return Run(1000 * wall, 1000 * cpu, seen["own_ms"], frozenset(seen["modules"]))


def write_suite(folder: Path, files: int) -> None:
    for number in range(files):
        tests = "\n".join(f"def test_{i}(): assert {i} == {i}\n" for i in range(10))
        (folder / f"test_{number}.py").write_text(tests, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="pairs of runs; default 15")
    parser.add_argument("--files", type=int, default=10, help="test files of 10 tests; default 10")
    options = parser.parse_args(argv)
    without: list[Run] = []
    with_plugin: list[Run] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_suite(folder, options.files)
        bare = collect(folder, "-p", "no:gemmadev").modules  # the first runs write the bytecode
        loaded = collect(folder).modules
        for turn in range(options.runs):
            pair = [(without, ["-p", "no:gemmadev"]), (with_plugin, [])]
            for runs, more in pair if turn % 2 else reversed(pair):
                runs.append(collect(folder, *more))
    if "pytest_gemmadev.plugin" not in loaded:
        raise SystemExit("the plugin is not installed: pip install -e .")
    show("wall", [r.wall_ms for r in without], [r.wall_ms for r in with_plugin])
    show("cpu", [r.cpu_ms for r in without], [r.cpu_ms for r in with_plugin])
    own = statistics.median(r.own_ms for r in with_plugin)
    print(f"timed inside: {own:.1f} ms to import and register the plugin")
    added = loaded - bare
    print(f"modules added: {', '.join(sorted(added))}")
    print(f"heavy ones among them: {', '.join(sorted(added.intersection(HEAVY))) or 'none'}")
    return 0


def show(clock: str, without: list[float], with_plugin: list[float]) -> None:
    base, own = statistics.median(without), statistics.median(with_plugin)
    pairs = [after - before for before, after in zip(without, with_plugin, strict=True)]
    low, middle, high = statistics.quantiles(pairs, n=4)
    print(
        f"{clock:5}{base:8.1f} ms without, {own:8.1f} ms with, ratio {own / base:.3f}; "
        f"added {middle:.1f} ms (quartiles {low:.1f} to {high:.1f})"
    )


if __name__ == "__main__":
    raise SystemExit(main())
