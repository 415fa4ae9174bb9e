"""What ``gemmadev-repair`` takes for sound files, beside pre-commit-hooks' ``check-ast``.

Copies sources of the standard library into a scratch folder, 1,000 by default, and runs both hooks
on them by turns, each in a fresh process as pre-commit starts it: with all files as arguments.
Prints medians, their ratio, and the quartiles of the ratios of pairs. pre-commit splits the files
of ``check-ast`` over the processors, and gives ``gemmadev-repair``, which asks for one process, all
of them: ``--pre-commit`` runs both that way, through pre-commit's own splitting.
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = (sys.executable, "-m", "precommit_hooks.gemmadev_repair", "--model=none")
THEIRS = (sys.executable, "-m", "pre_commit_hooks.check_ast")

# pre-commit's own call of a hook, without the rest of its command.
THROUGH = """\
import sys
from pre_commit.xargs import xargs
from pre_commit.lang_base import target_concurrency
jobs = 1 if sys.argv[1] == "serial" else target_concurrency()
end = sys.argv.index("--files")
status, out = xargs(tuple(sys.argv[2:end]), sys.argv[end + 1:], target_concurrency=jobs)
sys.stdout.buffer.write(out)
sys.exit(status)
"""


def sound_files(folder: Path, count: int) -> list[str]:
    """Names of copies in a folder, of files that compile."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    names: list[str] = []
    for path in sorted(stdlib.rglob("*.py")):
        if len(names) == count:
            break
        if {"site-packages", "lib2to3"}.intersection(path.parts) or not _is_sound(path):
            continue
        name = f"m{len(names):04d}_{path.name}"
        shutil.copyfile(path, folder / name)
        names.append(name)
    return names


def _is_sound(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = path.read_bytes()
            compile(data, str(path), "exec", dont_inherit=True)
            ast.parse(data)
        except (SyntaxError, ValueError, RecursionError):
            return False
    return True


def seconds(command: Sequence[str], names: Sequence[str], folder: Path) -> tuple[float, float]:
    """(wall, processor) seconds of a hook that finds nothing wrong."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([*command, *names], cwd=folder, env=environ, capture_output=True,
                          check=False)  # fmt: skip
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode != 0 or done.stdout:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}: {done.stdout[-500:]!r}"
                         f"{done.stderr[-500:]!r}")  # fmt: skip
    return wall, sum(after[2:4]) - sum(before[2:4])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=1000, help="default 1000")
    parser.add_argument("--runs", type=int, default=7, help="pairs of runs; default 7")
    parser.add_argument("--pre-commit", action="store_true", help="split as pre-commit does")
    options = parser.parse_args(argv)
    ours: tuple[str, ...] = OURS
    theirs: tuple[str, ...] = THEIRS
    if options.pre_commit:
        ours = (sys.executable, "-c", THROUGH, "serial", *OURS, "--files")
        theirs = (sys.executable, "-c", THROUGH, "parallel", *THEIRS, "--files")
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = sound_files(folder, options.files)
        size = sum((folder / one).stat().st_size for one in names)
        seconds(ours, names, folder), seconds(theirs, names, folder)  # files and bytecode read once
        for turn in range(options.runs):
            if turn % 2:
                second, first = seconds(theirs, names, folder), seconds(ours, names, folder)
            else:
                first, second = seconds(ours, names, folder), seconds(theirs, names, folder)
            pairs.append((first, second))
    version = importlib.metadata.version("pre-commit-hooks")
    print(f"{len(names)} files, {size / 1e6:.1f} MB; pre-commit-hooks {version}; "
          f"{len(os.sched_getaffinity(0))} processors")  # fmt: skip
    for clock, at in (("wall", 0), ("cpu", 1)):
        show(clock, [pair[0][at] for pair in pairs], [pair[1][at] for pair in pairs])
    return 0


def show(clock: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    one, other = statistics.median(ours), statistics.median(theirs)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    print(
        f"{clock:5}gemmadev-repair {one:.2f} s, check-ast {other:.2f} s, ratio {one / other:.2f} "
        f"(quartiles {low:.2f} to {high:.2f})"
    )


if __name__ == "__main__":
    raise SystemExit(main())
