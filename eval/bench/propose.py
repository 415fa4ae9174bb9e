"""Whether proposed patches do what they say: ``python -m eval.bench.propose --cases PATH``.

For each case ``pytest --gemmadev-propose`` runs in a copy of the project. Every patch that it
writes must pass ``git apply --check`` at the rootdir; then those that go together are applied, and
the case's visible tests must pass, and its hidden ones where it has any. Prints a line for each
case; exit status 0 when no patch failed to apply and no tree with patches failed its visible tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.bench.repair import judge
from eval.cases.case import DEBUG_CASES, Case, load_cases
from eval.cases.tests import visible_command
from eval.report.result import Score
from pytest_gemmadev.types import GemmadevError


@dataclass(frozen=True, slots=True)
class Result:
    case: str
    patches: int
    applies: bool  # each by itself, and those together one after another
    left_alone: bool  # the tree was as before when they were written
    plausible: bool | None  # None where nothing was proposed
    correct: bool | None

    @property
    def is_sound(self) -> bool:
        return self.applies and self.left_alone and self.plausible is not False


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.bench.propose", description=__doc__)
    parser.add_argument(
        "--cases", type=Path, default=DEBUG_CASES, help="default: the ten of eval/data"
    )
    parser.add_argument("--model", default="gemmadev", metavar="SPEC")
    parser.add_argument("--budget", type=float, default=300.0, metavar="SECONDS")
    options = parser.parse_args(argv)
    try:
        cases = load_cases(options.cases)
    except GemmadevError as error:
        print(f"propose: {error}", file=sys.stderr)
        return 2
    results = []
    for case in cases:
        result = proposed(case, options.model, options.budget)
        print(result, flush=True)
        results.append(result)
    patched = [result for result in results if result.patches]
    print(
        f"{len(results)} cases, {len(patched)} with patches ({sum(r.patches for r in results)}): "
        f"{sum(r.applies for r in patched)} apply, {sum(bool(r.plausible) for r in patched)} green "
        f"once applied, {sum(bool(r.correct) for r in patched)} correct by hidden tests"
    )
    return 0 if all(result.is_sound for result in results) else 1


def proposed(case: Case, model: str, budget_s: float) -> Result:
    """What became of one case."""
    with tempfile.TemporaryDirectory() as name:
        root, out = Path(name) / "project", Path(name) / "out"
        _write(root, case.project)
        command = [*visible_command(case), f"--gemmadev-propose={out}",
                   f"--gemmadev-model={model}", f"--gemmadev-budget={budget_s:g}"]  # fmt: skip
        subprocess.run(
            command, cwd=root, capture_output=True, check=False, timeout=2 * budget_s + 60
        )
        if not (out / "report.json").is_file():
            return Result(case.id, 0, False, False, None, None)
        report = json.loads((out / "report.json").read_text("utf-8"))
        patches = sorted(out.glob("*.patch"))
        left_alone = all((root / p).read_bytes() == data for p, data in case.project.items())
        checked = [_apply(root, patch, "--check") for patch in patches]
        applied = [_apply(root, out / name) for name in report["together"]]
        applies = all((*checked, *applied))
        if not patches:
            return Result(case.id, 0, True, left_alone, None, None)
        after = {path: (root / path).read_bytes() for path in case.project}
    score, _ = judge(case, after)
    plausible = score in (Score.CORRECT, Score.OVERFITTING)
    return Result(case.id, len(patches), applies, left_alone, plausible, score is Score.CORRECT)


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def _apply(root: Path, patch: Path, *options: str) -> bool:
    command = ["git", "apply", *options, str(patch)]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
