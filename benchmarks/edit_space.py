"""Prints how much of a set of known repairs the edit space holds, and how early.

A repair is *reachable* when one candidate gives the bytecode of the reference. Suspicion is uniform over
the functions that differ, so ranks say what the patterns' own order is worth, without localization.
Tests are not run.

    python benchmarks/edit_space.py --cases CASES.jsonl     lines in the layout of a repair case
    python benchmarks/edit_space.py --pairs PAIRS.jsonl     lines with `buggy` and `fixed`
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import statistics
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

from pytest_gemmadev.propose.code.fingerprints import Fingerprint, essence
from pytest_gemmadev.propose.code.module import parse_module
from pytest_gemmadev.propose.code.part import find_root
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.pattern_proposer import PatternProposer
from pytest_gemmadev.propose.patterns.priors import PRIORS
from pytest_gemmadev.types import Candidate, ErrorKind, ErrorStack, RepairTask, Span, Suspicion

SLACK = 8  # characters by which equal code may differ in length: parentheses, quotes
STACK = ErrorStack("test", "call", ErrorKind.ASSERTION, "AssertionError", "", ())


@dataclass(frozen=True, slots=True)
class Repair:
    """One known repair of one file."""

    id: str
    group: str
    path: str
    buggy: str
    fixed: str


@dataclass(frozen=True, slots=True)
class Result:
    repair: Repair
    rank: int | None  # of the first candidate that equals the reference, from 1
    origin: str
    space: int  # candidates in all, or up to the first that is right
    seconds: float
    first_50_s: float  # until 50 candidates had come
    edits: int  # places in which the reference differs


def read_repairs(cases: Path | None, pairs: Path | None) -> Iterator[Repair]:
    """The repairs of a file of cases or of pairs; those of several files are left out."""
    for path in (cases, pairs):
        for line in path.read_text(encoding="utf-8").splitlines() if path else ():
            row = json.loads(line)
            if "buggy" in row:
                yield Repair(row["id"], "pairs", "code.py", row["buggy"], row["fixed"])
            elif len(row["reference"]) == 1:
                ((name, fixed),) = row["reference"].items()
                group = row.get("slice", "cases")
                yield Repair(row["id"], group, name, row["project"][name], fixed)


def compiled(text: str) -> Fingerprint | None:
    """The bytecode of a file, without docstrings; None where it does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return essence(compile(text, "code", "exec", dont_inherit=True, optimize=2))
    except (SyntaxError, ValueError):
        return None


def changed_lines(buggy: str, fixed: str) -> list[tuple[int, int]]:
    """Lines, from 1, of each place in ``buggy`` that differs; comments and layout do not count."""
    old, new = (ast.unparse(ast.parse(text)).splitlines() for text in (buggy, fixed))
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(i1, i2) for tag, i1, i2, _, _ in codes if tag != "equal"]


def task_of(repair: Repair) -> RepairTask:
    """A task with equal suspicion on each line of what differs: functions, or module-level code."""
    old, new = ast.parse(repair.buggy), ast.parse(repair.fixed)
    known = {ast.dump(node) for node in _pieces(new)}
    different = [node for node in _pieces(old) if ast.dump(node) not in known]
    if not different:
        different = list(_pieces(old))
    suspicions = [
        Suspicion(Span(repair.path, node.lineno, node.end_lineno or node.lineno), 1.0, "all")
        for node in different
    ]
    sources = {repair.path: repair.buggy}
    return RepairTask((STACK,), ("test",), frozenset(), sources, {}, suspicions=tuple(suspicions))


def _pieces(tree: ast.Module) -> Iterator[ast.stmt]:
    functions = []
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        functions += [n for n in members if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    script = [n for n in tree.body if not isinstance(n, (ast.ClassDef, ast.FunctionDef))]
    yield from functions
    yield from script


def measure(repair: Repair, limit: int, *, exhaust: bool) -> Result:
    task = task_of(repair)
    goal = compiled(repair.fixed)
    delta = _length(ast.unparse(ast.parse(repair.fixed))) - _length(
        ast.unparse(ast.parse(repair.buggy))
    )
    start = time.perf_counter()
    first_50_s, rank, origin, count = 0.0, None, "", 0
    for candidate in PatternProposer(max_per_task=limit).propose(task):
        count += 1
        if count == 50:
            first_50_s = time.perf_counter() - start
        if rank is None and _is(candidate, repair, goal, delta):
            rank, origin = count, str(candidate.origin)
            if not exhaust:
                break
    seconds = time.perf_counter() - start
    places = len(changed_lines(repair.buggy, repair.fixed))
    return Result(repair, rank, origin, count, seconds, first_50_s, places)


def _is(candidate: Candidate, repair: Repair, goal: Fingerprint | None, delta: int) -> bool:
    grown = sum(
        _length(e.replacement) - _length(repair.buggy[e.start : e.end]) for e in candidate.edits
    )
    if abs(grown - delta) > SLACK:
        return False
    text = repair.buggy
    for edit in reversed(candidate.edits):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    return compiled(text) == goal


def _length(text: str) -> int:
    return len("".join(text.split()))


# --- calibration ---------------------------------------------------------------------------------


def opportunities(repair: Repair) -> Counter[str]:
    """At how many nodes of the suspicious code each pattern has a change to offer."""
    source = parse_module(repair.path, "", repair.buggy)
    found: Counter[str] = Counter()
    if source is None:
        return found
    proposer = PatternProposer()
    seen: set[ast.AST] = set()
    for suspicion in task_of(repair).suspicions:
        for line in range(suspicion.span.start_line, suspicion.span.end_line + 1):
            root, cls = find_root(source, line)
            if root not in seen:
                seen.add(root)
                unit = Unit(source, root, cls)
                for node in (n for n in unit.nodes if unit.editable(n)):
                    for pattern in proposer.for_node(node):
                        if next(iter(pattern.edits(node, unit)), None) is not None:
                            found[pattern.name] += 1
    return found


def print_calibration(results: Sequence[Result], strength: float) -> None:
    """Prints a table of probabilities: hits by chances, drawn towards what was believed before.

    The mean of a Gamma-Poisson model whose prior weighs as much as ``strength`` hits, so that patterns
    with few chances keep their place.
    """
    hits = Counter(r.origin.removeprefix("pattern:") for r in results if r.rank is not None)
    chances: Counter[str] = Counter()
    for result in results:
        chances.update(opportunities(result.repair))
    believed = {name: exp(prior) for name, prior in PRIORS.items()}
    expected = sum(believed[name] * chances[name] for name in PRIORS)
    scale = sum(hits[name] for name in PRIORS) / max(1e-9, expected)
    for name in PRIORS:
        before = believed[name] * scale
        probability = (hits[name] + strength) / (chances[name] + strength / before)
        print(f'    "{name}": {probability:.2g},  # {hits[name]} of {chances[name]}')


# --- report --------------------------------------------------------------------------------------


def print_report(results: Sequence[Result]) -> None:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[result.repair.group].append(result)
    for name, rows in groups.items():
        ranks = sorted(r.rank for r in rows if r.rank is not None)
        single = [r for r in rows if r.edits <= 1]
        reached = sum(r.rank is not None for r in single)
        print(f"{name}: {len(ranks)} of {len(rows)} reachable ({len(ranks) / len(rows):.1%})")
        print(f"  of those that differ in one place: {reached} of {len(single)}")
        if ranks:
            quarter, half, most = (ranks[int(q * (len(ranks) - 1))] for q in (0.25, 0.5, 0.9))
            print(f"  rank: quartile {quarter}, median {half}, 90th percentile {most}")
            for top in (10, 50, 100, 500, 1000):
                print(f"  within the first {top}: {sum(r <= top for r in ranks)}")
        spaces = [r.space for r in rows if r.rank is None] or [0]
        print(f"  space where nothing was found: median {statistics.median(spaces):.0f}")
        total = sum(r.space for r in rows)
        print(f"  {total / sum(r.seconds for r in rows):.0f} candidates/s", end=", ")
        print(f"first 50: median {1000 * statistics.median(r.first_50_s for r in rows):.0f} ms")
    origins = Counter(r.origin for r in results if r.rank is not None)
    for origin, number in origins.most_common():
        print(f"  {number:5d} {origin}")


def print_unreached(results: Sequence[Result]) -> None:
    for result in results:
        if result.rank is None:
            print(f"--- {result.repair.id} ({result.edits} places)")
            old, new = (
                ast.unparse(ast.parse(text)).splitlines()
                for text in (result.repair.buggy, result.repair.fixed)
            )
            for line in difflib.unified_diff(old, new, lineterm="", n=0):
                if not line.startswith(("---", "+++", "@@")):
                    print(f"    {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=Path, help="JSON lines in the layout of a repair case")
    parser.add_argument("--pairs", type=Path, help="JSON lines with `buggy` and `fixed`")
    parser.add_argument("--every", type=int, default=1, help="take every n-th repair")
    parser.add_argument("--start", type=int, default=0, help="skip so many repairs")
    parser.add_argument("--limit", type=int, default=20_000, help="candidates of one repair")
    parser.add_argument("--exhaust", action="store_true", help="count the whole space of each")
    parser.add_argument("--calibrate", action="store_true", help="print a new table of priors")
    parser.add_argument("--unreached", action="store_true", help="print what was not reached")
    args = parser.parse_args()
    results = []
    for index, repair in enumerate(read_repairs(args.cases, args.pairs)):
        if index < args.start or (index - args.start) % args.every:
            continue
        if compiled(repair.buggy) is not None and compiled(repair.fixed) is not None:
            results.append(measure(repair, args.limit, exhaust=args.exhaust))
    if not results:
        parser.error("no repairs: give --cases or --pairs")
    if args.unreached:
        print_unreached(results)
    if args.calibrate:
        print_calibration(results, strength=2.0)
    print_report(results)


if __name__ == "__main__":
    main()
