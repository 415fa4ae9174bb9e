"""Syntax repair measured: ``python -m eval.run syntax --cases PATH``.

For each case the best candidate is applied and compared: does it compile, is its syntax tree the
reference's, do the hidden tests pass where there are any. Candidates that the hook would leave
alone count as they are; ``left_alone`` says how many those were.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

from eval.bench.options import model_settings
from eval.bench.repair import judge
from eval.cases.case import Case
from eval.cases.process import in_parallel
from eval.report.document import (
    write_document,
)
from eval.report.result import Score
from eval.report.runs import RunFolder, code_digest, new_run_path, open_run
from eval.report.syntax_report import Result, document, report_of, result_from_row, totals_line
from pytest_gemmadev.hook.broken_files import MIN_CONFIDENCE
from pytest_gemmadev.propose.syntax import SyntaxRepair, repair_syntax
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import GemmadevError, Inapplicable, Model

_TELL_EVERY = 50  # cases


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the benchmark ran to its end; raises GemmadevError on misuse."""
    options = _parser().parse_args(argv)
    if options.jobs < 1 or (options.jobs > 1 and options.model != "none"):
        raise GemmadevError(
            "--jobs must be 1 or more, and 1 with a model: it repairs one at a time"
        )
    cases = list(_cases(options.cases))[: options.limit]
    settings = {
        "benchmark": "syntax",
        "cases": str(options.cases.resolve()),
        **model_settings(options.model, options.adapter),
        "budget_s": options.budget,
        "tests": not options.no_tests,
        "code": code_digest(),
    }
    folder = open_run(options.output or new_run_path("syntax"), settings)
    model = load_model(options.model, adapter=options.adapter, threads=None)
    try:
        results = _run(folder, cases, model, options)
    finally:
        if model is not None:
            model.close()
    report = report_of(results, settings)
    (folder.path / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    write_document(folder.path, "Syntax repair", document(report, results))
    print(totals_line(report["totals"]))
    print(folder.path / "report.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.run syntax", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help=".jsonl file of cases")
    parser.add_argument("--model", default="none", metavar="SPEC", help="default none")
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of the model")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default eval-out/…, a new one")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N only")
    parser.add_argument("--seeds", default="1", help="accepted for likeness; nothing is drawn here")
    parser.add_argument("--budget", type=float, default=10.0, help="seconds a case; default 10")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time; default 1")
    parser.add_argument("--no-tests", action="store_true", help="run no hidden tests")
    return parser


def _cases(path: Path) -> Iterator[Case]:
    """Cases of a ``.jsonl`` file; unlike those of `eval.cases.case`, tests may be missing."""
    if not path.is_file():
        raise GemmadevError(f"{path}: no such file; --cases takes a .jsonl file here")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            yield _case(row)
        except (ValueError, KeyError, TypeError) as error:
            raise GemmadevError(f"{path}:{number}: no syntax case ({error!r})") from error


def _case(row: Mapping[str, Any]) -> Case:
    def files(key: str) -> dict[str, bytes]:
        return {path: text.encode("utf-8") for path, text in row.get(key, {}).items()}

    return Case(
        id=row["id"], slice=str(row.get("slice", "")), kinds=(), project=files("project"),
        hidden=files("hidden_tests_files"), reference=files("reference"),
        buggy_files=tuple(row["buggy_files"]),
        visible_tests=tuple(row.get("visible_tests", ())),
        hidden_tests=tuple(row.get("hidden_tests", ())), command=tuple(row.get("cmd", ())),
        deps=tuple(row.get("deps", ())),
    )  # fmt: skip


def _run(
    folder: RunFolder, cases: Sequence[Case], model: Model | None, options: argparse.Namespace
) -> list[Result]:
    """A result for each case; those that the folder holds already are not run again."""
    wanted = {case.id for case in cases}
    results = [result_from_row(row) for row in folder.rows if row["case"] in wanted]
    done = {result.case for result in results}
    left = [case for case in cases if case.id not in done]

    def work(case: Case, _stop: Event) -> Result:
        return measure(
            case,
            lambda text: repair_syntax(text, model=model, budget_s=options.budget),
            tests=not options.no_tests,
        )

    start_s = time.monotonic()
    for number, (_, result) in enumerate(in_parallel(left, work, jobs=options.jobs), start=1):
        folder.append(asdict(result))
        results.append(result)
        if number % _TELL_EVERY == 0 or number == len(left):
            to_go_s = (time.monotonic() - start_s) / number * (len(left) - number)
            print(f"[{number}/{len(left)}] repaired, {to_go_s / 60:.1f} min to go", flush=True)
    return results


def measure(case: Case, repair: Callable[[str], SyntaxRepair], *, tests: bool) -> Result:
    """What the repair does to the case's broken file."""
    path = case.buggy_files[0]
    before, wanted = case.project[path].decode("utf-8"), case.reference[path].decode("utf-8")
    start = time.perf_counter()
    made = repair(before)
    seconds = time.perf_counter() - start
    reference = unified_diff(path, case.project[path], case.reference[path])
    base = Result(case.id, case.slice, made.message, seconds=round(seconds, 4), left_alone=True,
                  used_model=made.used_model, reference=reference)  # fmt: skip
    if not made.candidates:
        return base
    texts = [apply_edits(before, candidate.edits) for candidate in made.candidates]
    trees = [_tree(text) for text in texts]
    tree = _tree(wanted)
    rank = next((i for i, one in enumerate(trees) if one is not None and one == tree), None)
    best, text = made.candidates[0], texts[0]
    after = before if isinstance(text, Inapplicable) else text
    same = rank == 0
    return Result(
        case=case.id, slice=case.slice, message=made.message, parses=trees[0] is not None,
        same_tree=same, rank=rank, correct=_correct(case, path, after, same=same) if tests else None,
        left_alone=best.confidence < MIN_CONFIDENCE,
        strays=_strays(before, after, best.lines), used_model=made.used_model,
        confidence=round(best.confidence, 3), names=best.names, seconds=round(seconds, 4),
        diff=unified_diff(path, case.project[path], after.encode("utf-8")),
        reference="" if same else reference,
    )  # fmt: skip


def _tree(text: str | Inapplicable) -> str | None:
    """The dump of a text's tree; None where it does not compile."""
    if isinstance(text, Inapplicable):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<case>", "exec", dont_inherit=True)
            return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            return None


def _correct(case: Case, path: str, after: str, *, same: bool) -> bool | None:
    if not case.hidden_tests:
        return None
    if same and not case.missing_deps():
        return True  # the reference passes: every case was checked when it was made
    score, _ = judge(case, {**case.project, path: after.encode("utf-8")})
    return None if score is Score.NOT_SCORED else score is Score.CORRECT


def _strays(before: str, after: str, lines: Sequence[int]) -> bool:
    """True where a line that was not reported is not in the result as it was."""
    kept = [line for n, line in enumerate(before.split("\n"), 1) if n not in set(lines)]
    rest = iter(after.split("\n"))
    return not all(line in rest for line in kept)


if __name__ == "__main__":
    sys.exit(main())
