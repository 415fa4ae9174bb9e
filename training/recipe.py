"""GemmaDev itself, in two commands: its data, and the adapter made of it.

    python -m training.recipe prepare --output runs/data --jobs 4 --hold-back EVAL.jsonl
    python -m training.recipe train --data runs/data --output runs/gemmadev --minutes 110

``prepare`` breaks functions of the standard library and of small packages, proved by calls where these
can be made, of drills, and of the large, permissively licensed packages that are installed, one line at a
time and several at once; each gives a file, and files that are there already are kept: the same command
goes on where it was ended. ``train`` runs supervised training, then DPO on executed candidates, within
the given time: a few steps are timed, and as much of the corpus is taken as the rest of the time allows,
real bugs last. Without a GPU the second one is meant for a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from pytest_gemmadev.types import GemmadevError
from training import align
from training.config import Config, load_config
from training.data import command as data
from training.data.examples import Example, read_examples, write_line
from training.data.mix import mixed
from training.extras import require
from training.learn.runlog import read_log
from training.release.export import export_run

EXECUTED, PARSED = "executed", "parsed"
BODIES, DRILLS, PAIRS = "bodies.jsonl", "drills.jsonl", "pairs.jsonl"
SEVERAL = "several.jsonl"  # lines of a function, broken at once
MODULES = "drills"  # a project of drills, to be broken
PACKAGES = (
    "accelerate",
    "datasets",
    "django",
    "fontTools",
    "fsspec",
    "huggingface_hub",
    "libcst",
    "matplotlib",
    "mpmath",
    "networkx",
    "nltk",
    "numpy",
    "pandas",
    "parso",
    "peft",
    "pip",
    "pygments",
    "rich",
    "scipy",
    "setuptools",
    "sklearn",
    "sphinx",
    "sqlalchemy",
    "statsmodels",
    "sympy",
    "tensorboard",
    "torch",
    "tornado",
    "transformers",
    "trl",
    "twisted",
    "werkzeug",
)
"""Large packages, none of which the project's own evaluation takes cases from."""
SMALL = (
    "stdlib",
    "algorithms",
    "pygorithm",
    "more_itertools",
    "toolz",
    "funcy",
    "textdistance",
    "inflection",
    "humanize",
    "webcolors",
    "natsort",
    "w3lib",
    "strsimpy",
    "geographiclib",
    "semver",
    "isodate",
    "titlecase",
    "wcwidth",
    "parse",
    "pydash",
    "string_utils",
    "python_algorithms",
    "stringcase",
    "primefac",
    "sympy.ntheory",
    "sympy.polys.galoistools",
    "mpmath.libmp",
    "networkx.algorithms",
)
"""What has many functions that can be called with plain values."""
CALLED = (
    "textwrap",
    "statistics",
    "heapq",
    "bisect",
    "calendar",
    "colorsys",
    "fnmatch",
    "string",
    "shlex",
    "posixpath",
    "ntpath",
    "difflib",
    "html",
    "json",
    "ipaddress",
    "fractions",
)
"""Modules whose functions can be called with plain values: executed candidates come from these and drills."""
Command: TypeAlias = Callable[[list[str]], int]
TOGETHER = 4  # lines of a function broken at once
_TIMED_STEPS = 6
_DPO_SHARE = 0.12  # of the time
_DPO_COST = 2.5  # supervised steps; a pair is two sequences, and the reference reads them as well


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except GemmadevError as error:
        print(f"training.recipe: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.recipe", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    prepare = commands.add_parser("prepare", help="the corpus and the preference pairs")
    prepare.set_defaults(run=_prepare)
    prepare.add_argument("--output", required=True, type=Path, metavar="FOLDER")
    prepare.add_argument("--jobs", default="2", metavar="N")
    prepare.add_argument("--per-function", default="3", metavar="N")
    prepare.add_argument("--limit", default="0", metavar="N", help="bugs of a package; 0: all")
    prepare.add_argument("--questions", default="1500", metavar="N", help="for the pairs")
    prepare.add_argument(
        "--drills", default="8000", metavar="N", help="short functions, made up"
    )  # and half as many to break
    prepare.add_argument("--packages", nargs="+", default=[], help="instead of those installed")
    prepare.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    train = commands.add_parser("train", help="supervised training, then DPO, then export")
    train.set_defaults(run=_train)
    train.add_argument("--data", required=True, type=Path, metavar="FOLDER")
    train.add_argument("--output", required=True, type=Path, metavar="FOLDER")
    train.add_argument("--minutes", required=True, type=float)
    train.add_argument("--base", default="packaged")
    train.add_argument("--adapter", default="", help="to begin with: gemmadev, or a PEFT folder")
    train.add_argument("--real", nargs="+", default=[], metavar="FILE", help="learnt last")
    train.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    return parser


def _prepare(arguments: argparse.Namespace) -> int:
    for target, command, made in _parts(arguments):
        if target.exists():
            print(f"{target} is there already", flush=True)
            continue
        print(f"{target.relative_to(arguments.output)}: {' '.join(made)}", flush=True)
        status = command([*made, "--output", str(target)])
        if status and target.name != SEVERAL:  # which not every source has
            return status
    corpora = [arguments.output / name for name in (EXECUTED, PARSED)]
    print(
        f"{sum(_bugs_in(file) for folder in corpora for file in _files(folder))} bugs", flush=True
    )
    return 0


def _parts(arguments: argparse.Namespace) -> Iterator[tuple[Path, Command, list[str]]]:
    """Each file of the corpus with the command that makes it."""
    folder: Path = arguments.output
    held = ["--hold-back", *arguments.hold_back] if arguments.hold_back else []
    all_ = ["--per-function", arguments.per_function, "--jobs", arguments.jobs, *held]
    broken = [*all_, "--limit", arguments.limit]
    called = arguments.packages or list(CALLED)
    executed = arguments.packages or [name for name in SMALL if _is_there(name)]
    parsed = arguments.packages or [name for name in PACKAGES if _is_there(name)]
    for name in executed:
        yield folder / EXECUTED / _file_of(name), data.main, ["bugs", "--from", name, *broken]
    bodies = dict.fromkeys([*executed, *parsed])
    yield folder / BODIES, data.main, ["bodies", "--from", *bodies, *held]
    yield folder / DRILLS, data.main, ["drills", "--count", arguments.drills, *held]
    half = str((int(arguments.drills) + 1) // 2)
    modules = ["drills", "--modules", "--count", half, "--seed", "1", *held]
    yield folder / MODULES, data.main, modules
    asked = ["prefer", "--from", *called, str(folder / MODULES), *held]
    yield folder / PAIRS, align.main, [*asked, "--limit", arguments.questions]
    made = ["bugs", "--from", str(folder / MODULES), "--only-executed", *all_]
    yield folder / EXECUTED / _file_of(MODULES), data.main, made
    several = ["bugs", "--together", str(TOGETHER), "--kinds", "lines", *all_]
    made = ["--only-executed", "--from", *_without_stdlib(executed), str(folder / MODULES)]
    yield folder / EXECUTED / SEVERAL, data.main, [*several, *made]
    made = ["--no-execute", "--plain", "--from", *dict.fromkeys([*executed, *parsed])]
    yield folder / PARSED / SEVERAL, data.main, [*several, *made]
    for name in parsed:
        made = ["bugs", "--from", name, "--no-execute", *broken]
        yield folder / PARSED / _file_of(name), data.main, made


def _without_stdlib(names: Iterable[str]) -> Iterator[str]:
    """The sources, in place of the standard library what of it is quickly called."""
    for name in names:
        yield from CALLED if name == "stdlib" else (name,)


def _is_there(name: str) -> bool:
    return name == "stdlib" or find_spec(name.partition(".")[0]) is not None


def _file_of(name: str) -> str:
    """A file's name for a source, which may be a path."""
    return f"{Path(name).name or 'here'}.jsonl"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.jsonl"))


def _bugs_in(file: Path) -> int:
    """How many bugs the questions in ``file``, which stand together, are about."""
    return sum(
        1 for _ in itertools.groupby(row.id.rpartition("/")[0] for row in read_examples(file))
    )


def _train(arguments: argparse.Namespace) -> int:
    corpora = [file for name in (EXECUTED, PARSED) for file in _files(arguments.data / name)]
    if not corpora:
        raise GemmadevError(f"{arguments.data}: holds no corpus; run prepare first")
    finished = (arguments.data / name for name in (BODIES, DRILLS))
    corpora += [file for file in finished if file.is_file()]
    require("torch", "transformers", "peft", "trl", "datasets", "accelerate")
    from training.learn.pipeline import run

    supervised = arguments.output / "sft"
    real = [Path(file) for file in arguments.real]
    config = _config(arguments, (), (), folder=supervised)
    longest = config.data.max_tokens
    with tempfile.TemporaryDirectory() as name:
        # What it will read, shuffled: long questions take longer than their tokens tell.
        enough = _TIMED_STEPS * config.train.batch * config.train.accumulation * longest
        first, last = mixed(corpora, real, tokens=enough, longest=longest, seed=arguments.seed)
        rows = [*first, *last]
        random.Random(arguments.seed).shuffle(rows)
        timed = _written(Path(name) / "timed.jsonl", rows)
        train = dataclasses.replace(config.train, max_steps=_TIMED_STEPS)
        data_ = dataclasses.replace(config.data, sources=(str(timed),))
        output = dataclasses.replace(config.output, export=False)
        trial = dataclasses.replace(config, train=train, data=data_, output=output)
        run(trial, Path(name), resume=False, say=_indented)
        rate, step_tokens = _rate(Path(name))
    pairs = arguments.data / PAIRS
    share = _DPO_SHARE if pairs.is_file() else 0.0
    steps = max(1, int(60 * arguments.minutes * (1 - share) / rate))
    print(f"{rate:.1f} s a step: {steps} steps of {step_tokens:.0f} tokens", flush=True)
    chosen = mixed(
        corpora, real, tokens=int(steps * step_tokens), longest=longest, seed=arguments.seed
    )
    mix = arguments.output / "mix"
    mix.mkdir(parents=True, exist_ok=True)
    kept = [
        [_written(mix / f"{part}.jsonl", rows)] if rows else []
        for part, rows in zip(("first", "last"), chosen, strict=True)
    ]
    run(_config(arguments, *kept, folder=supervised), supervised, resume=False)
    export_run(supervised, say=print)
    if not share:
        return 0
    aligned = max(1, int(60 * arguments.minutes * _DPO_SHARE / (rate * _DPO_COST)))
    asked = ["dpo", str(supervised), "--data", str(pairs), "--max-steps", str(aligned)]
    return align.main([*asked, "--output", str(arguments.output / "dpo")])


def _written(file: Path, rows: Iterable[Example]) -> Path:
    file.write_text("".join(map(write_line, rows)), encoding="utf-8")
    return file


def _config(
    arguments: argparse.Namespace, first: Sequence[Path], last: Sequence[Path], *, folder: Path
) -> Config:
    """The settings of the run: those of the command line before the defaults of a short run."""
    names = [", ".join(f"'{file}'" for file in files) for files in (first, last)]
    held = ", ".join(f"'{path}'" for path in arguments.hold_back)
    return load_config(
        None,
        [
            f"model.base={arguments.base}",
            f"model.adapter={arguments.adapter}",
            f"data.sources=[{names[0]}]",
            f"data.last=[{names[1]}]",
            f"data.decontaminate=[{held}]",
            # The packaged base is in the runtime's own 4 bits. NF4 on top rounds a second time, and an
            # adapter trained beside that learns to make up for it: 0.35 nats a token at the first step.
            "model.method=lora",
            # Short sequences one at a time: on a CPU attention over several, and dropout, take a third.
            "data.max_tokens=512",
            "train.batch=1",
            "train.accumulation=8",
            "train.learning_rate=2e-4",
            "adapter.dropout=0.0",
            f"train.seed={arguments.seed}",
            f"output.folder={folder}",
            *arguments.set,
        ],
    )


def _rate(folder: Path) -> tuple[float, float]:
    """(seconds, tokens) a step, of the steps after the first, which warms up."""
    rows = [row for row in read_log(folder) if "elapsed_s" in row]
    if len(rows) < 2:
        raise GemmadevError(f"{folder}: no step was timed")
    steps, elapsed, tokens = (
        rows[-1][key] - rows[0][key] for key in ("step", "elapsed_s", "tokens")
    )
    return float(elapsed / steps), float(tokens / steps)


def _indented(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
