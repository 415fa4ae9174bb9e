"""Prints how many candidates a second the oracle validates, against fresh ``python -m pytest``.

Both run the same trivial project: one module, one test file, one failing test. Every candidate
leaves the target failing, as nearly all do in a search.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import Candidate, Edit, RepairTask
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle

WANTED_RATIO = 40.0

FILES = {
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "cart.py": "def total(items):\n    return sum(items) - 1\n",
    "test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    "\n\ndef test_type():\n    assert isinstance(total([]), int)\n",
}
WAYS = {
    "body of a function": "def total(items):\n    return sum(items) - {n}\n",
    "module level": "N = {n}\ndef total(items):\n    return sum(items) - N\n",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="candidates swapped in; default 300")
    parser.add_argument("--fresh", type=int, default=10, help="fresh processes; default 10")
    parser.add_argument("--jobs", type=int, default=Limits().jobs, help="validations at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, text in FILES.items():
            (root / name).write_text(text)
        fresh = _fresh_rate(root, options.fresh)
        print(f"{'fresh python -m pytest':36} {fresh:8.1f} /s")
        ratio = 0.0
        for way, text in WAYS.items():
            count = options.n if way == "body of a function" else max(1, options.n // 10)
            for jobs in sorted({1, options.jobs}):
                rate = _oracle_rate(root, text, count, jobs)
                ratio = max(ratio, rate / fresh)
                name = f"{way}, {jobs} at a time"
                print(f"{name:36} {rate:8.1f} /s  {rate / fresh:6.1f} x")
    print(f"best {ratio:.0f} x, wanted {WANTED_RATIO:.0f} x")
    return 0 if ratio >= WANTED_RATIO else 1


def _fresh_rate(root: Path, count: int) -> float:
    def run() -> object:
        command = [sys.executable, "-m", "pytest", "-q"]
        return subprocess.run(
            command, cwd=root, capture_output=True, check=False, env=dict(os.environ)
        )

    run()  # compiles what is compiled once
    return count / _seconds(lambda: [run() for _ in range(count)])


def _oracle_rate(root: Path, text: str, count: int, jobs: int) -> float:
    scope = Scope(root)
    with PytestOracle(
        root, invocation_dir=root, args=["-q"], scope=scope, limits=Limits(jobs=jobs)
    ) as oracle:
        seen = oracle.observe({})
        old = FILES["cart.py"]
        task = RepairTask(
            seen.stacks, seen.failing, seen.passing - {*seen.failing}, {"cart.py": old}, {}
        )
        candidates = [
            Candidate((Edit("cart.py", 0, len(old), text.format(n=n)),), "benchmark", 0.0)
            for n in range(2, count + 2)
        ]
        list(oracle.validate_many(task, candidates[: 2 * jobs]))  # starts the workers
        return count / _seconds(lambda: list(oracle.validate_many(task, candidates)))


def _seconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
