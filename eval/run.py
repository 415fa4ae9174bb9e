"""Benchmarks from the command line: ``python -m eval.run BENCHMARK`` and ``--compare DIR DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from eval.bench import calibration_run, faulty_tests, human_eval_run, repair_run
from eval.bench.options import add_model_options
from eval.cases.case import DEBUG_CASES
from eval.report.compare import compare, read_verdicts
from pytest_gemmadev.types import GemmadevError

_MODULES = {
    "syntax": "eval.bench.syntax",
    "lines": "eval.bench.lines",
    "harm": "eval.bench.harm.command",
}
"""Benchmarks with a command line of their own."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 when the benchmark ran to its end, whatever the scores; 2 on misuse."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["--compare"]:
            arguments[0] = "compare"
        if arguments and arguments[0] in _MODULES:
            return int(import_module(_MODULES[arguments[0]]).main(arguments[1:]))
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except GemmadevError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval: interrupted; the same command continues", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.run", description="Measures repair, syntax repair and the model."
    )
    commands = parser.add_subparsers(required=True, metavar="BENCHMARK")
    repair = commands.add_parser("repair", help="repair whole cases, judge by hidden tests")
    repair.add_argument("--cases", type=Path, required=True, help="folder, case or .jsonl file")
    faulty = commands.add_parser("faulty-tests", help="sound code with a false test: changed?")
    faulty.add_argument("--cases", type=Path, required=True, help="folder, case or .jsonl file")
    debug = commands.add_parser("debug-cases", help="the ten cases of this repository")
    debug.set_defaults(cases=DEBUG_CASES)
    for command in (repair, debug, faulty):
        add_model_options(command)
        repair_run.add_options(command)
        command.set_defaults(run=faulty_tests.run if command is faulty else repair_run.run)
    calibration = commands.add_parser("calibration", help="how true the probabilities are")
    add_model_options(calibration)
    calibration_run.add_options(calibration)
    calibration.set_defaults(run=calibration_run.run)
    humaneval = commands.add_parser("humaneval", help="164 problems, pass@k")
    add_model_options(humaneval)
    human_eval_run.add_options(humaneval)
    humaneval.set_defaults(run=human_eval_run.run)
    versus = commands.add_parser("compare", help="two runs on the same cases, exact McNemar")
    versus.add_argument("folders", nargs=2, type=Path, metavar="DIR")
    versus.set_defaults(run=_compare)
    commands.add_parser("syntax", help="syntax repair; its own --help says more")
    commands.add_parser("lines", help="the model alone, given the place; its own --help says more")
    commands.add_parser("harm", help="what candidates destroy; its own --help says more")
    return parser


def _compare(options: argparse.Namespace) -> int:
    (first, before), (second, after) = map(read_verdicts, options.folders)
    if first != second:
        raise GemmadevError(f"the runs are of two benchmarks, {first} and {second}")
    print(compare(before, after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
