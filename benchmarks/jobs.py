"""How much sooner independent failures are repaired at the same time: ``--gemmadev-jobs``.

Makes a project of modules with a fault each and a test each that waits, as tests do that start
programs or talk to services, and repairs a copy of it with one job and with several, in turns.
Prints the median seconds, the ratio to one job, and whether the same patches came out. With
``--serve`` all jobs share one model behind llama.cpp's server on loopback; without, no model.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULE = '''\
"""Part {n} of a small shop."""


def price_{n}(amount, each, discount=0):
    total = amount * each
    if discount >= 0:
        total += total * discount // 100
    return total


def cheapest_{n}(prices):
    best = prices[0]
    for price in prices:
        if price > best:
            best = price
    return best
'''
TEST = """\
import time

from part_{n} import cheapest_{n}, price_{n}


def test_price():
    time.sleep({wait})
    assert price_{n}(2, 50) == 100
    assert price_{n}(2, 50, 10) == 90


def test_cheapest():
    time.sleep({wait})
    assert cheapest_{n}([{n} + 3, {n} + 1, {n} + 2]) == {n} + 1
"""


def write_project(folder: Path, parts: int, wait_s: float) -> None:
    """Modules with two faults each, of which a test each tells."""
    folder.mkdir()
    for n in range(parts):
        (folder / f"part_{n}.py").write_text(MODULE.format(n=n), encoding="utf-8")
        (folder / f"test_{n}.py").write_text(TEST.format(n=n, wait=wait_s), encoding="utf-8")


def repair(
    folder: Path, jobs: int, model: str, budget_s: float
) -> tuple[float, dict[str, Any], dict[str, str]]:
    """(seconds, the report's totals, the files afterwards) of one repair."""
    report = folder.with_suffix(".json")
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--gemmadev-fix"),
        *(f"--gemmadev-jobs={jobs}", f"--gemmadev-model={model}"),
        *(f"--gemmadev-budget={budget_s}", f"--gemmadev-report={report}"),
    ]
    environ = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if not report.is_file():
        raise SystemExit(f"the repair failed:\n{done.stdout}\n{done.stderr}")
    totals: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["totals"]
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("part_*.py")}
    return seconds, totals, files


@contextmanager
def served(slots: int) -> Iterator[str]:
    """The spec of the packaged model behind llama.cpp's server with ``slots`` at a time."""
    import xllamacpp

    from pytest_gemmadev.models.packaged import GEMMA, join

    path = join(GEMMA)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.port = port
    params.n_parallel, params.n_ctx = slots, 4096 * slots
    params.n_gpu_layers = 0
    params.verbosity = 0  # only what it answers, over no figure of ours
    server = xllamacpp.Server(params)
    try:
        yield f"openai:{path.stem}@{server.listening_address}"
    finally:
        del server


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4], help="default 1 2 4")
    parser.add_argument("--runs", type=int, default=3, help="of each; default 3")
    parser.add_argument("--parts", type=int, default=4, help="modules with faults; default 4")
    parser.add_argument("--wait", type=float, default=0.3, help="seconds of a test; default 0.3")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds; default 300")
    parser.add_argument("--serve", action="store_true", help="share one model server")
    options = parser.parse_args(argv)
    if options.serve:
        with served(max(options.jobs)) as spec:
            measure(options, spec)
    else:
        measure(options, "none")
    return 0


def measure(options: argparse.Namespace, model: str) -> None:
    times: dict[int, list[float]] = {jobs: [] for jobs in options.jobs}
    outcome: dict[int, tuple[str, dict[str, str]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(options.runs):
            for jobs in options.jobs if turn % 2 == 0 else reversed(options.jobs):
                folder = Path(name) / f"run-{turn}-{jobs}"
                write_project(folder, options.parts, options.wait)
                seconds, totals, files = repair(folder, jobs, model, options.budget)
                times[jobs].append(seconds)
                told = f"{totals['repaired']} of {totals['failures']} repaired"
                outcome[jobs] = (f"{told}, {totals['validations']} validations", files)
    first = options.jobs[0]
    for jobs in options.jobs:
        median = statistics.median(times[jobs])
        same = "same patches" if outcome[jobs][1] == outcome[first][1] else "OTHER patches"
        print(
            f"{jobs} jobs: {median:6.1f} s ({min(times[jobs]):.1f} to {max(times[jobs]):.1f}), "
            f"{statistics.median(times[first]) / median:.2f} times as fast; "
            f"{outcome[jobs][0]}, {same}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
