"""Prints how early the model is asked about the line that its author changed, against suspicion alone.

Each case's visible tests run once, and its lines are ordered twice: by their suspicion, and as the model
is asked about them, where lines that say more go before others about as suspicious. No model is needed.

    python benchmarks/places.py --cases CASES.jsonl [--every N]
    python benchmarks/places.py --cases eval-out/projects
"""

from __future__ import annotations

import argparse
import difflib
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scipy.stats import binomtest

from eval.bench.lines import bug_of
from eval.cases.case import Case, load_cases, select, write_tree
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.snapshot import Snapshot
from pytest_gemmadev.files.sources import Sources
from pytest_gemmadev.propose.write import likeliest_places
from pytest_gemmadev.search.localize import localize
from pytest_gemmadev.types import RepairTask, Span
from pytest_gemmadev.validate.parent.oracle import PytestOracle

WITHIN = (1, 3, 5, 10)
NOWHERE = 10**6  # the rank of a place that is not suspected


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True, help="folder, case or .jsonl file")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th case only")
    options = parser.parse_args()
    cases = select(load_cases(options.cases), every=options.every)
    pairs = [pair for pair in map(ranks, cases) if pair is not None]
    if not pairs:
        print("no case in which one file differs and a visible test fails")
        return 1
    by_suspicion, as_asked = zip(*pairs, strict=True)
    print(f"{len(pairs)} cases    by suspicion    as asked")
    for limit in WITHIN:
        counts = (sum(rank <= limit for rank in ranked) for ranked in (by_suspicion, as_asked))
        print("among the first {:2}    {:5}    {:5}".format(limit, *counts))
    medians = (statistics.median(ranked) for ranked in (by_suspicion, as_asked))
    print("median rank    {:g}    {:g}".format(*medians))
    earlier = sum(asked < suspected for suspected, asked in pairs)
    later = sum(asked > suspected for suspected, asked in pairs)
    p_value = binomtest(earlier, earlier + later).pvalue if earlier + later else 1.0
    print(f"asked earlier in {earlier}, later in {later}; exact sign test p = {p_value:.2g}")
    return 0


def ranks(case: Case) -> tuple[int, int] | None:
    """The ranks of the place that the author changed, from 1: by suspicion, and as asked."""
    bug = bug_of(case)
    if bug is None:
        return None
    first, last = changed_lines(bug.broken, bug.fixed)
    with tempfile.TemporaryDirectory(prefix="gemmadev-places-") as name:
        root = Path(name).resolve()
        write_tree(root, case.project)
        scope = Scope(root)
        oracle = PytestOracle(
            root, invocation_dir=root, args=case.visible_tests, scope=scope, cwd_on_path=True
        )
        try:
            seen = oracle.observe({})
            stacks = [stack for stack in seen.stacks if stack.nodeid in seen.failing]
            if not stacks:
                return None
            stacks = [stack for stack in stacks if stack.signature == stacks[0].signature]
            targets = tuple(stack.nodeid for stack in stacks)
            task = RepairTask(
                stacks=tuple(stacks),
                targets=targets,
                regression=seen.passing - set(targets),
                sources=Sources(Snapshot(scope), {}),
                overlay={},
            )
            suspicions = localize(task.stacks, oracle.learn_spectrum(task), task.sources)
            asked = likeliest_places(replace(task, suspicions=suspicions))
        finally:
            oracle.close()
    spans = [suspicion.span for suspicion in suspicions]
    return rank(spans, bug.path, first, last), rank(asked, bug.path, first, last)


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """The first and the last line of ``before`` that differ, from 1."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    parts = [part for part in matcher.get_opcodes() if part[0] != "equal"]
    return parts[0][1] + 1, max(parts[-1][2], parts[0][1] + 1)


def rank(spans: Sequence[Span], path: str, first: int, last: int) -> int:
    """The place of the first span that meets the lines, from 1; `NOWHERE` without one."""
    for number, span in enumerate(spans, 1):
        if span.path == path and span.start_line <= last and span.end_line >= first:
            return number
    return NOWHERE


if __name__ == "__main__":
    raise SystemExit(main())
