"""GemmaDev itself, in two commands: its data, and the adapter made of it.

    python -m training.recipe prepare --output runs/data --jobs 4 --real PAIRS.jsonl --hold-back EVAL.jsonl
    python -m training.recipe train --data runs/data --output runs/gemmadev --minutes 110

``prepare`` breaks functions of the standard library, proved by calls where these can be made, and of the
permissively licensed packages that are installed; what is there already is kept. ``train`` runs
supervised training, then DPO on executed candidates, within the given time: the first steps are timed,
and as many steps are planned as the rest of the time allows. Without a GPU the second one is meant for a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pytest_gemmadev.core.types import GemmadevError
from training import align, data
from training.config import Config, load_config
from training.extras import require
from training.runlog import read_log

EXECUTED, PARSED, PAIRS = "executed.jsonl", "parsed.jsonl", "pairs.jsonl"
PACKAGES = (
    "accelerate",
    "datasets",
    "fontTools",
    "fsspec",
    "huggingface_hub",
    "jinja2",
    "libcst",
    "matplotlib",
    "mpmath",
    "networkx",
    "numpy",
    "pandas",
    "parso",
    "peft",
    "pip",
    "pygments",
    "rich",
    "scipy",
    "setuptools",
    "sympy",
    "tensorboard",
    "torch",
    "transformers",
    "trl",
    "werkzeug",
)
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
"""Modules whose functions can be called with plain values: executed candidates come from these."""
_TIMED_STEPS = 3
_DPO_SHARE = 0.15  # of the time


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
    prepare.add_argument("--limit", default="0", metavar="N", help="bugs; 0: all there are")
    prepare.add_argument("--questions", default="1500", metavar="N", help="for the pairs")
    prepare.add_argument("--packages", nargs="+", default=[], help="instead of those installed")
    prepare.add_argument("--real", nargs="+", default=[], metavar="FILE", help="real pairs")
    prepare.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    train = commands.add_parser("train", help="supervised training, then DPO, then export")
    train.set_defaults(run=_train)
    train.add_argument("--data", required=True, type=Path, metavar="FOLDER")
    train.add_argument("--output", required=True, type=Path, metavar="FOLDER")
    train.add_argument("--minutes", required=True, type=float)
    train.add_argument("--base", default="packaged")
    train.add_argument("--real", nargs="+", default=[], metavar="FILE", help="learnt last")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    return parser


def _prepare(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.output
    held = ["--hold-back", *arguments.hold_back] if arguments.hold_back else []
    common = ["--per-function", arguments.per_function, "--jobs", arguments.jobs]
    common += ["--limit", arguments.limit, *held]
    packages = arguments.packages or [p for p in PACKAGES if find_spec(p)]
    called = arguments.packages or list(CALLED)
    for name, made in (
        (PAIRS, ["prefer", "--from", *called, "--limit", arguments.questions, *held]),
        (EXECUTED, ["bugs", "--from", *(arguments.packages or ["stdlib"]), *common]),
        (PARSED, ["bugs", "--from", *packages, "--no-execute", *common]),
    ):
        if (folder / name).is_file():
            print(f"{folder / name} is there already", flush=True)
            continue
        print(f"{name}: {' '.join(made)}", flush=True)
        command = align.main if name == PAIRS else data.main
        if status := command([*made, "--output", str(folder / name)]):
            return status
    return 0


def _train(arguments: argparse.Namespace) -> int:
    corpora = [arguments.data / name for name in (EXECUTED, PARSED)]
    for corpus in corpora:
        if not corpus.is_file():
            raise GemmadevError(f"{arguments.data}: holds no {corpus.name}; run prepare first")
    require("torch", "transformers", "peft", "trl", "datasets", "accelerate")
    from training.pipeline import run

    supervised = arguments.output / "sft"
    config = load_config(None, _overrides(arguments, corpora, supervised))
    with tempfile.TemporaryDirectory() as name:
        trial = _with_steps(config, _TIMED_STEPS, limit=400)
        run(trial, Path(name), resume=False, say=_indented)
        rate = _seconds_per_step(Path(name))
    steps = max(1, int(60 * arguments.minutes * (1 - _DPO_SHARE) / rate))
    print(f"{rate:.1f} s a step: {steps} steps", flush=True)
    run(_with_steps(config, steps), supervised, resume=False)
    pairs = arguments.data / PAIRS
    if not pairs.is_file():
        return 0
    # A pair is two sequences that are not packed, with the reference's pass besides.
    aligned = max(1, int(60 * arguments.minutes * _DPO_SHARE / rate))
    chosen = ["dpo", str(supervised), "--data", str(pairs), "--max-steps", str(aligned)]
    return align.main([*chosen, "--output", str(arguments.output / "dpo")])


def _overrides(arguments: argparse.Namespace, corpora: Sequence[Path], folder: Path) -> list[str]:
    first = ", ".join(f"'{file}'" for file in corpora)
    last = ", ".join(f"'{file}'" for file in arguments.real)
    return [
        f"model.base={arguments.base}",
        f"data.sources=[{first}]",
        f"data.last=[{last}]",
        f"train.seed={arguments.seed}",
        f"output.folder={folder}",
        *arguments.set,
    ]


def _with_steps(config: Config, steps: int, *, limit: int | None = None) -> Config:
    train = dataclasses.replace(config.train, max_steps=steps)
    output = dataclasses.replace(config.output, export=limit is None and config.output.export)
    few = dataclasses.replace(config.data, limit=limit, last=()) if limit else config.data
    return dataclasses.replace(config, train=train, data=few, output=output)


def _seconds_per_step(folder: Path) -> float:
    """Of the steps after the first, which warms up."""
    rows = [row for row in read_log(folder) if "elapsed_s" in row]
    if len(rows) < 2:
        raise GemmadevError(f"{folder}: no step was timed")
    elapsed = rows[-1]["elapsed_s"] - rows[0]["elapsed_s"]
    return float(elapsed / (rows[-1]["step"] - rows[0]["step"]))


def _indented(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
