"""Prints what it costs to take one repair of a file of 1,000 lines through libcst's tree.

The file is the beginning of the standard library's ``typing``. Each kind of edit is made by turns with one
``libcst.parse_module`` of the same file, and five times with one fresh ``python -m pytest`` of one test. The
first repair in a process pays for imports besides; that is told apart.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import subprocess
import sys
import tempfile
import time
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path

import libcst

from pytest_gemmadev.files.concrete import Rewrite, rewrite

LINES = 1000
WANTED_MS = 50.0
FRESH = 5  # runs of pytest

EDITS = {
    "expression": ("if type(arg) is tuple:", "if isinstance(arg, tuple):"),
    "statement": (
        "    invalid_generic_forms = (Generic, Protocol)\n",
        "    invalid_generic_forms = (Generic, Protocol)\n    arg = arg or None\n",
    ),
    "import": ("import operator\n", "import operator\nimport os\n"),
    "import by codemod": ("from abc import ", "from abc import ABC, "),
}


def source() -> str:
    """The first top-level statements of ``typing``, 1,000 lines or a few more."""
    text = Path(typing.__file__).read_text("utf-8")
    ends = [statement.end_lineno or 0 for statement in ast.parse(text).body]
    return "".join(text.splitlines(keepends=True)[: next(end for end in ends if end >= LINES)])


def edited(text: str, old: str, new: str) -> bytes:
    if old not in text:
        raise SystemExit(f"this Python's typing has no {old!r}")
    return text.replace(old, new, 1).encode()


def routes(before: bytes, after: bytes) -> list[str]:
    result = rewrite("typing.py", before, after)
    if not isinstance(result, Rewrite):
        raise SystemExit(result.reason)
    return [route.value for route in result.routes]


def milliseconds(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=21, help="turns; default 21")
    options = parser.parse_args()
    text = source()
    before = text.encode()
    edits = {name: partial(routes, before, edited(text, *edit)) for name, edit in EDITS.items()}
    first = {name: milliseconds(edit) for name, edit in edits.items()}
    taken: dict[str, list[float]] = {name: [] for name in (*EDITS, "parse", "pytest")}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_one.py").write_text("def test_one():\n    pass\n")
        fresh = partial(
            subprocess.run, [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True
        )
        for turn in range(options.n):
            for name, edit in edits.items():
                taken[name].append(milliseconds(edit))
            taken["parse"].append(milliseconds(partial(libcst.parse_module, before)))
            if turn < FRESH:
                taken["pytest"].append(milliseconds(fresh))
    ms = {name: statistics.median(times) for name, times in taken.items()}
    print(f"{len(text.splitlines())} lines; medians of {options.n} turns, {FRESH} of pytest")
    print(f"libcst.parse_module {ms['parse']:.1f} ms, python -m pytest {ms['pytest']:.0f} ms")
    for name, edit in edits.items():
        print(
            f"{name:18}{ms[name]:6.1f} ms  {ms[name] / ms['parse']:.2f} x parse_module  "
            f"{ms[name] / ms['pytest']:.3f} x pytest  first {first[name]:4.0f} ms  ({edit()[0]})"
        )
    worst = max(ms[name] for name in EDITS)
    print(f"at most {worst:.1f} ms, wanted less than {WANTED_MS:.0f} ms")
    return 0 if worst < WANTED_MS else 1


if __name__ == "__main__":
    sys.exit(main())
