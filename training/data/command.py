"""Makes and looks at training data.

python -m training.data bugs --from PATH_OR_PACKAGE… --output bugs.jsonl
python -m training.data bodies --from PATH_OR_PACKAGE… --output bodies.jsonl
python -m training.data drills --count N --output drills.jsonl
python -m training.data drills --count N --modules --output FOLDER
python -m training.data report FILE…
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.data.bodies import body_examples
from training.data.bugs import BreakOptions, Counts, Prove, broken, broken_by_many, examples
from training.data.decontaminate import Held, held_back
from training.data.drill_modules import write_modules
from training.data.examples import KINDS, Bug, Example, read_examples, write_line
from training.data.execute import Prover
from training.data.exercises import drill_examples
from training.data.functions import plain_functions, sources
from training.data.pairs import history_bugs, pair_bugs
from training.data.releases import release_bugs
from training.output import written, written_folder


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except GemmadevError as error:
        print(f"training.data: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    bugs = commands.add_parser("bugs", help="repair questions from functions broken on purpose")
    bugs.set_defaults(run=_bugs)
    add = bugs.add_argument
    add("--from", dest="sources", nargs="+", default=[], metavar="PATH_OR_PACKAGE")
    add("--from-git", nargs="+", default=[], type=Path, metavar="REPO", help="mixed in last")
    add(
        "--from-releases",
        nargs="+",
        default=[],
        type=Path,
        metavar="DIR",
        help="releases of packages",
    )
    add("--real", nargs="+", default=[], type=Path, metavar="FILE", help="pairs, mixed in last")
    add("--output", required=True, type=Path, metavar="FILE")
    add("--kinds", default="line,block,rank", help=f"of questions: {','.join(KINDS)}")
    add("--per-function", type=int, default=2, metavar="N", help="bugs of each, at most")
    add(
        "--together",
        type=int,
        default=1,
        metavar="N",
        help="lines broken at once; see --kinds lines",
    )
    add(
        "--plain",
        action="store_true",
        help="functions that compute with what they are given, alone",
    )
    add("--limit", type=int, default=0, metavar="N", help="bugs in all; 0: no limit")
    add("--seed", type=int, default=0)
    add("--any-license", action="store_true", help="take code under other licenses too")
    add("--no-execute", action="store_true", help="do not call functions to prove that they broke")
    add("--only-executed", action="store_true", help="leave out what no call or test proved")
    add("--tests", type=Path, metavar="PROJECT", help="prove by this project's own tests instead")
    add("--jobs", type=int, default=1, metavar="N", help="processes that break and call functions")
    add("--hold-back", nargs="+", default=[], metavar="PATH", help="evaluation files and folders")
    bodies = commands.add_parser("bodies", help="documented functions to be finished")
    bodies.set_defaults(run=_bodies)
    bodies.add_argument(
        "--from", dest="sources", nargs="+", required=True, metavar="PATH_OR_PACKAGE"
    )
    bodies.add_argument("--output", required=True, type=Path, metavar="FILE")
    bodies.add_argument("--any-license", action="store_true")
    bodies.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    drills = commands.add_parser("drills", help="short made up functions to be finished")
    drills.set_defaults(run=_drills)
    drills.add_argument("--count", type=int, default=8000, metavar="N")
    drills.add_argument("--output", required=True, type=Path, metavar="FILE")
    drills.add_argument("--modules", action="store_true", help="code in a folder, to be broken")
    drills.add_argument("--seed", type=int, default=0)
    drills.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    report = commands.add_parser("report", help="kinds, origins and lengths of prepared data")
    report.set_defaults(run=_report)
    report.add_argument("files", nargs="+", type=Path)
    return parser


def _bugs(arguments: argparse.Namespace) -> int:
    kinds = tuple(kind for kind in arguments.kinds.split(",") if kind)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise GemmadevError(f"--kinds {unknown[0]}: there are {', '.join(KINDS)}")
    real = (*arguments.from_git, *arguments.from_releases, *arguments.real)
    if not (arguments.sources or real):
        raise GemmadevError("nothing to read: name --from, --from-git, --from-releases or --real")
    options = BreakOptions(
        per_function=arguments.per_function,
        execute=not arguments.no_execute,
        only_executed=arguments.only_executed,
        any_license=arguments.any_license,
        kinds=kinds,
        seed=arguments.seed,
        together=arguments.together,
    )
    if arguments.jobs > 1 and arguments.tests:
        raise GemmadevError("--jobs: tests are run one at a time; leave it out")
    counts = Counts()
    held = held_back(arguments.hold_back, humaneval=True)
    with written(arguments.output) as file, contextlib.ExitStack() as stack:
        files = sources(arguments.sources)
        if arguments.plain:
            files = plain_functions(files)
        if arguments.jobs > 1:
            made = broken_by_many(files, options, counts, jobs=arguments.jobs)
        else:
            prove = _prover(arguments, stack)
            made = broken(files, options, counts, prove=prove)
        limited = itertools.islice(made, arguments.limit or None)
        bugs = without(held, itertools.chain(limited, real_bugs(arguments, counts)))
        for example in examples(bugs, options, counts):
            file.write(write_line(example))
        print(counts.line())
        print(held.line())
        if not counts.examples:
            raise GemmadevError("no example came of these sources; nothing was written")
    print(f"written to {arguments.output}")
    return 0


def _bodies(arguments: argparse.Namespace) -> int:
    held = held_back(arguments.hold_back, humaneval=True)
    count = 0
    with written(arguments.output) as file:
        files = sources(arguments.sources)
        for example in body_examples(files, any_license=arguments.any_license):
            if not held.reason(example.prompt + example.completion):
                file.write(write_line(example))
                count += 1
        print(held.line())
    print(f"{count} functions written to {arguments.output}")
    return 0


def _drills(arguments: argparse.Namespace) -> int:
    held = held_back(arguments.hold_back, humaneval=True)
    made = list(drill_examples(arguments.count, held, seed=arguments.seed))
    if arguments.modules:
        with written_folder(arguments.output) as folder:
            write_modules(made, folder, seed=arguments.seed)
    else:
        with written(arguments.output) as file:
            file.writelines(map(write_line, made))
    print(held.line())
    print(f"{len(made)} functions written to {arguments.output}")
    return 0


def _prover(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> Prove | None:
    """What shows that a function is broken; it ends with ``stack``."""
    if arguments.tests:
        from training.data.project_tests import TestedProver

        return stack.enter_context(TestedProver(arguments.tests)).prove
    if arguments.no_execute:
        return None
    return stack.enter_context(Prover(seed=arguments.seed)).prove


def real_bugs(arguments: argparse.Namespace, counts: Counts) -> Iterator[Bug]:
    """What people really repaired, in the order in which it is learnt."""
    found = itertools.chain(
        itertools.chain.from_iterable(map(history_bugs, arguments.from_git)),
        itertools.chain.from_iterable(
            release_bugs(
                folder,
                any_license=arguments.any_license,
                jobs=arguments.jobs,
                leaves_out=counts.leave_out_releases,
            )
            for folder in arguments.from_releases
        ),
        itertools.chain.from_iterable(map(pair_bugs, arguments.real)),
    )
    for bug in found:
        counts.real += 1
        yield bug


def without(held: Held, bugs: Iterator[Bug]) -> Iterator[Bug]:
    """The bugs whose sound text shares nothing with what is held back."""
    known = ("", "")
    for bug in bugs:
        if known[0] != bug.fixed:
            known = (bug.fixed, held.reason(bug.fixed))
        if not known[1]:
            yield bug


def _report(arguments: argparse.Namespace) -> int:
    for file in arguments.files:
        print(f"{file}: {summary(list(read_examples(file)))}")
    return 0


def summary(rows: Sequence[Example]) -> str:
    """Counts by kind, proof and license, and lengths in characters."""
    if not rows:
        raise GemmadevError("no examples")
    parts = [f"{len(rows)} examples"]
    for title in ("kind", "proof", "license"):
        counted = Counter(getattr(row, title) or "none" for row in rows)
        parts.append(f"{title}: " + ", ".join(f"{k} {n}" for k, n in counted.most_common(6)))
    lengths = sorted(len(row.prompt) + len(row.completion) for row in rows)
    marks = [lengths[min(len(lengths) - 1, int(len(lengths) * q))] for q in (0.5, 0.9, 0.99)]
    parts.append(f"characters: {marks[0]} in the middle, {marks[1]} at 90 %, {marks[2]} at 99 %")
    return "; ".join(parts)
