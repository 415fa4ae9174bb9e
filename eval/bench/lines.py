"""How high a model puts the author's repair of one line, given the place: ``python -m eval.run lines``.

Two ranks for each case, both without running a test. *Written*: among the lines that the model writes at
the place, asked as in a repair; without the facts of a failing run, or with those that the visible tests
give (``--facts``). *Ordered*: among the likeliest
candidates of the fix patterns at the place, by their prior alone and with the model's likelihood. Nothing
is drawn, so that seeds make no difference.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from eval.bench.options import model_settings
from eval.cases.case import Case, load_cases, select, write_tree
from eval.report.document import write_document
from eval.report.lines_report import Result, document, report_of, totals_line, totals_of
from eval.report.runs import RunFolder, code_digest, new_run_path, open_run
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.prompting.parse import tree_key
from pytest_gemmadev.propose.patterns import PatternProposer
from pytest_gemmadev.propose.write import WriteProposer
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.search.limits import DEFAULT as LIMITS
from pytest_gemmadev.search.rank import Places, model_scores, prior_score
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import (
    Candidate,
    GemmadevError,
    Inapplicable,
    Model,
    RepairTask,
    Suspicion,
)
from pytest_gemmadev.validate.parent.oracle import PytestOracle
from training.data.bugs import BreakOptions, Counts, broken
from training.data.examples import Bug, question, repair_examples, write_line
from training.data.functions import sources
from training.data.project_tests import proved
from training.output import written

CANDIDATES = 60  # of the patterns that the model orders
_NOTHING = "no repair of one line: name cases with --cases, code with --broken"
_Row = TypeVar("_Row")
_SEED = -1  # of breaks; those of a run are drawn with its own, and would be asked about again


@dataclass(frozen=True, slots=True)
class Asked:
    """A repair of one line: the true place as the only suspicion, and the author's tree."""

    name: str
    slice: str
    task: RepairTask
    tree: str


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the benchmark ran to its end; raises GemmadevError on misuse."""
    options = _parser().parse_args(argv)
    if options.questions:
        return _write_questions(options)
    asked = _spread(list(_asked(options)), options.limit)
    if not asked:
        raise GemmadevError(_NOTHING)
    settings = {
        "benchmark": "lines",
        "cases": str(options.cases.resolve()) if options.cases else " ".join(options.broken),
        "facts": options.facts,
        "order": not options.no_order,
        **model_settings(options.model, options.adapter),
        "code": code_digest(),
    }
    folder = open_run(options.output or new_run_path("lines"), settings)
    model = load_model(options.model, adapter=options.adapter, threads=None)
    if model is None:
        raise GemmadevError("--model none writes nothing: name a model")
    try:
        results = _run(folder, asked, model, order=not options.no_order)
    finally:
        model.close()
    report = report_of(results, settings)
    (folder.path / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    write_document(folder.path, "The author's line", document(report))
    for name, totals in report["slices"].items():
        print(f"{name}: {totals_line(totals)}")
    print(folder.path / "report.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.run lines", description=__doc__)
    parser.add_argument("--cases", type=Path, help="folder, case or .jsonl file")
    parser.add_argument(
        "--broken",
        nargs="+",
        default=[],
        metavar="PATH_OR_PACKAGE",
        help="break the functions of these instead, one bug in each, as training does",
    )
    parser.add_argument(
        "--facts",
        action="store_true",
        help="run the visible tests first; the questions tell how they failed",
    )
    parser.add_argument(
        "--no-order", action="store_true", help="only what the model writes, three times as fast"
    )
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE",
        help="write them with the author's answers, for training.learn.likelihood, and ask nothing",
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th case only")
    parser.add_argument("--model", default="gemmadev", metavar="SPEC", help="default gemmadev")
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of it, or none")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default eval-out/…, a new one")
    parser.add_argument("--limit", type=int, metavar="N", help="so many, spread over all")
    parser.add_argument("--seeds", default="1", help="accepted for likeness; nothing is drawn here")
    return parser


def _write_questions(options: argparse.Namespace) -> int:
    """The questions as held-out examples; returns 0."""
    with written(options.questions) as file:
        found = (row for _, bug in _bugs(options) for row in repair_examples(bug, kinds=("line",)))
        rows = _spread(list(found), options.limit)
        if not rows:
            raise GemmadevError(_NOTHING)
        file.writelines(map(write_line, rows))
    print(f"{len(rows)} questions written to {options.questions}")
    return 0


def _spread(rows: list[_Row], limit: int | None) -> list[_Row]:
    """At most so many, from all parts of the list."""
    return rows[:: max(1, len(rows) // limit)][:limit] if limit else rows


def _asked(options: argparse.Namespace) -> Iterator[Asked]:
    for slice_name, bug in _bugs(options):
        found = asked_of(bug, slice_name)
        if found is not None:
            yield found


def _bugs(options: argparse.Namespace) -> Iterator[tuple[str, Bug]]:
    """(slice, bug) of the cases and of the code that is broken for it."""
    cases = select(load_cases(options.cases), every=options.every) if options.cases else ()
    for case in cases:
        bug = bug_of(case)
        if bug is not None:
            yield case.slice, with_facts(case, bug) if options.facts else bug
    wanted = BreakOptions(per_function=1, any_license=True, seed=_SEED)
    for bug in broken(sources(options.broken), wanted, Counts()):
        yield "broken", bug


def bug_of(case: Case) -> Bug | None:
    """The case's file, broken and sound; None where it is several or no text."""
    changed = [path for path, text in case.reference.items() if case.project.get(path) != text]
    if len(changed) != 1:
        return None
    path = changed[0]
    try:
        before, after = (files.get(path, b"").decode() for files in (case.project, case.fixed))
    except UnicodeDecodeError:
        return None
    return Bug(path, before, after, case.id, case.id, "", "real", "author")


def with_facts(case: Case, bug: Bug) -> Bug:
    """The bug with the stack of the first visible test that fails; as it is where none does."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-facts-") as name:
        root = Path(name).resolve()
        write_tree(root, case.project)
        oracle = PytestOracle(
            root, invocation_dir=root, args=case.visible_tests, scope=Scope(root), cwd_on_path=True
        )
        try:
            seen = oracle.observe({})
        finally:
            oracle.close()
        stack = next((s for s in seen.stacks if s.nodeid in seen.failing), None)
        return bug if stack is None else proved(bug, stack, root)


def asked_of(bug: Bug, slice_name: str) -> Asked | None:
    """The question about the place that differs; None where that is not one line."""
    found = question(bug, "line")
    tree = tree_key(bug.fixed)
    if found is None or tree is None:
        return None
    task = RepairTask(
        stacks=() if bug.stack is None else (bug.stack,),
        targets=(),
        regression=frozenset(),
        sources={bug.path: bug.broken},
        overlay={},
        suspicions=(Suspicion(found[0].span, 1.0, "author"),),
        context=bug.context,
    )
    return Asked(bug.id, slice_name, task, tree)


def _run(
    folder: RunFolder, asked: Sequence[Asked], model: Model, *, order: bool = True
) -> list[Result]:
    """A result for each; those that the folder holds already are not asked again."""
    wanted = {each.name for each in asked}
    results = [Result(**row) for row in folder.rows if row["case"] in wanted]
    done = {result.case for result in results}
    for number, each in enumerate(asked, 1):
        if each.name in done:
            continue
        results.append(measure(each, model, order=order))
        folder.append(asdict(results[-1]))
        if number % 20 == 0 or number == len(asked):
            print(f"[{number}/{len(asked)}] {totals_line(totals_of(results))}", flush=True)
    return results


def measure(asked: Asked, model: Model, *, order: bool = True) -> Result:
    """The ranks of one repair; without ``order`` the model orders no candidates of the patterns."""
    start_s = time.monotonic()
    writer = WriteProposer(model, places=1, blocks=0, functions=0)
    written = _rank(writer.propose(asked.task), asked)
    limit = CANDIDATES if order else 0
    known = list(islice(PatternProposer().propose(asked.task), limit))
    places = Places.of(asked.task.suspicions, asked.task.sources)
    priors = [prior_score(candidate, asked.task, places) for candidate in known]
    ratios = model_scores(known, asked.task, model) if known else ()
    scores = [p + LIMITS.model_weight * r for p, r in zip(priors, ratios, strict=True)]
    return Result(
        case=asked.name,
        slice=asked.slice,
        written=written,
        by_prior=_rank(_ordered(known, priors), asked),
        by_model=_rank(_ordered(known, scores), asked),
        candidates=len(known),
        seconds=round(time.monotonic() - start_s, 3),
    )


def _ordered(candidates: Sequence[Candidate], scores: Sequence[float]) -> Iterator[Candidate]:
    for index in sorted(range(len(candidates)), key=lambda i: -scores[i]):
        yield candidates[index]


def _rank(candidates: Iterator[Candidate], asked: Asked) -> int:
    for rank, candidate in enumerate(candidates, 1):
        path = candidate.edits[0].path
        text = apply_edits(asked.task.sources[path], candidate.edits)
        if not isinstance(text, Inapplicable) and tree_key(text) == asked.tree:
            return rank
    return 0


if __name__ == "__main__":
    sys.exit(main())
