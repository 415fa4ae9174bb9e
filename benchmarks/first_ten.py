"""Prints how often a model writes the author's repair, given the place, with and without an adapter.

    python benchmarks/first_ten.py --cases CASES --adapters none runs/mine/adapter.gguf [--seeds 5]
    python benchmarks/first_ten.py --broken src/mine/core.py --limit 200 --adapters none mine.gguf

Of each case whose repair is one line, the model is asked what it is asked in a repair, at the line that the
author changed. What it answers becomes candidates as in a repair, the likelier ones first; counted are
cases in which one of the first ten, and the first one, gives the author's syntax tree. No case is run,
so the question holds no facts of an execution. ``--broken`` breaks the functions of files and packages as
training does, one bug in each: name what the adapter was not trained on.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from eval.cases import Case, load_cases
from eval.stats import mcnemar
from pytest_gemmadev.core.parse import tree_key
from pytest_gemmadev.core.types import Model, RepairTask, Suspicion
from pytest_gemmadev.propose.write import WriteProposer
from training.bugs import BreakOptions, Counts, broken
from training.examples import Bug, question
from training.functions import sources
from training.runtime import open_model

FIRST = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cases", type=Path, nargs="+", default=[])
    parser.add_argument("--broken", nargs="+", default=[], metavar="PATH_OR_PACKAGE")
    parser.add_argument("--adapters", nargs="+", default=["none"], help="the first is compared to")
    parser.add_argument("--model", default="gemmadev")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="cases; 0: all")
    arguments = parser.parse_args()
    cases = [case for path in arguments.cases for case in load_cases(path)]
    bugs = [bug for case in cases if (bug := bug_of(case)) is not None]
    options = BreakOptions(per_function=1, any_license=True)
    bugs += broken(sources(arguments.broken), options, Counts())
    tasks = [task for bug in bugs if (task := asked(bug)) is not None]
    if arguments.limit:  # spread over all of them
        tasks = tasks[:: max(1, len(tasks) // arguments.limit)][: arguments.limit]
    print(f"{len(tasks)} repairs of one line, of {len(bugs)} in one file", flush=True)
    usual: list[list[bool]] = []
    for adapter in arguments.adapters:
        model = open_model(arguments.model, adapter)
        runs = []
        try:
            for seed in range(arguments.seeds):
                runs.append([rank_of(model, task, tree, seed) for task, tree in tasks])
                print(f"{adapter}, seed {seed}: {told(runs[-1])}", flush=True)
        finally:
            model.close()
        usual.append(
            [2 * sum(map(is_early, ranks)) > len(runs) for ranks in zip(*runs, strict=True)]
        )
        if len(usual) > 1:  # in most seeds: cases are independent of one another, seeds are not
            pairs = list(zip(usual[0], usual[-1], strict=True))
            print(f"against {arguments.adapters[0]}, by case: {mcnemar(pairs)}", flush=True)
    return 0


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


def asked(bug: Bug) -> tuple[RepairTask, str] | None:
    """(the task with the true place as its only suspicion, the author's tree); None if not one line."""
    found = question(bug, "line")
    tree = tree_key(bug.fixed)
    if found is None or tree is None:
        return None
    task = RepairTask(
        stacks=(),
        targets=(),
        regression=frozenset(),
        sources={bug.path: bug.broken},
        overlay={},
        suspicions=(Suspicion(found[0].span, 1.0, "author"),),
    )
    return task, tree


def rank_of(model: Model, task: RepairTask, tree: str, seed: int) -> int:
    """The place of the author's repair among the candidates, from 1; 0 where it is none of them."""
    task = dataclasses.replace(task, seed=seed)
    proposer = WriteProposer(model, places=1, blocks=0, functions=0)
    for rank, candidate in enumerate(proposer.propose(task), 1):
        (edit,) = candidate.edits
        text = task.sources[edit.path]
        if tree_key(text[: edit.start] + edit.replacement + text[edit.end :]) == tree:
            return rank
    return 0


def is_early(rank: int) -> bool:
    return 0 < rank <= FIRST


def told(ranks: Sequence[int]) -> str:
    early = sum(map(is_early, ranks))
    return (
        f"in the first {FIRST} in {early} of {len(ranks)} ({early / max(1, len(ranks)):.1%}), "
        f"first in {sum(rank == 1 for rank in ranks)}, anywhere in {sum(map(bool, ranks))}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
