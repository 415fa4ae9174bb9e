"""Trains the model.

    python -m training.run --qlora --base packaged --data bugs:. --max-steps 200

Every setting has a default in training/default.toml; `--config FILE` replaces some of them, and the
options below replace both. A run writes into its output folder only: config.toml, the prepared data,
checkpoints, log.jsonl, report.md with plots, and the adapter.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.config import METHODS, Config, load_config
from training.extras import require
from training.learn.runfolder import CONFIG
from training.release.export import export_run

_SHORT: tuple[tuple[str, str, str], ...] = (
    ("--base", "model.base", "packaged, a .gguf file, a folder, or a name on the hub"),
    ("--adapter", "model.adapter", "to begin with: gemmadev, or a PEFT folder; else a fresh one"),
    ("--max-steps", "train.max_steps", "steps; without, --epochs decides"),
    ("--epochs", "train.epochs", ""),
    ("--batch", "train.batch", "sequences on a device at a time"),
    ("--accumulation", "train.accumulation", "batches before the weights move"),
    ("--learning-rate", "train.learning_rate", ""),
    ("--max-tokens", "data.max_tokens", "of an example, and of a packed sequence"),
    ("--limit", "data.limit", "examples of each source"),
    ("--seed", "train.seed", ""),
    ("--save-every", "train.save_every", "steps between checkpoints"),
    ("--fit", "train.fit", "16GB: choose batch and accumulation for this much memory"),
    ("--track", "train.track", "tensorboard or trackio"),
    ("--output", "output.folder", "folder of the run"),
)
_LISTS: tuple[tuple[str, str, str], ...] = (
    (
        "--data",
        "data.sources",
        "bugs:PATH_OR_PACKAGE, git:REPO, alpaca-18k, xlcost, evol-80k, FILE.jsonl",
    ),
    ("--last", "data.last", "the same, learnt after everything else"),
    ("--kinds", "data.kinds", "of questions: line block function rank"),
    ("--hold-back", "data.decontaminate", "evaluation files and folders"),
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        config, folder = configured(arguments)
        require("torch", "transformers", "peft", "trl", "datasets", "accelerate")
        if config.train.track:
            require(config.train.track)
        for name in ("bitsandbytes", "trl", "accelerate", "datasets", "transformers"):
            logging.getLogger(name).setLevel(logging.ERROR)  # some speak when imported
        # Imported late: --help and bad settings need no torch.
        from training.learn.pipeline import run

        run(config, folder, resume=arguments.resume, say=_say)
        if _is_first_process():
            export_run(folder, say=_say)
    except GemmadevError as error:
        print(f"training.run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "training.run: interrupted; --resume goes on from the last checkpoint", file=sys.stderr
        )
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    method = parser.add_mutually_exclusive_group()
    for name, meaning in zip(
        METHODS, ("adapter on a 4-bit base", "adapter on a 16-bit base", "all weights"), strict=True
    ):
        method.add_argument(
            f"--{name}", dest="method", action="store_const", const=name, help=meaning
        )
    for option, name, meaning in _SHORT:
        parser.add_argument(option, dest=name, metavar="VALUE", help=meaning or name)
    for option, name, meaning in _LISTS:
        parser.add_argument(option, dest=name, nargs="+", metavar="NAME", help=meaning)
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any other setting"
    )
    parser.add_argument("--resume", action="store_true", help="go on where a run was interrupted")
    parser.add_argument("--no-export", action="store_true", help="no GGUF adapter at the end")
    parser.add_argument("--merge", action="store_true", help="write the merged model too")
    return parser


def configured(arguments: argparse.Namespace) -> tuple[Config, Path]:
    """The settings of a run and its folder; those of an interrupted one come from the folder."""
    overrides = list(_overrides(arguments))
    source = arguments.config
    if arguments.resume:
        folder = load_config(source, overrides).output.folder
        source = Path(folder).expanduser() / CONFIG
        if not source.is_file():
            raise GemmadevError(f"--resume: {source.parent} holds no run; name it with --output")
    config = load_config(source, overrides)
    return config, Path(config.output.folder).expanduser()


def _overrides(arguments: argparse.Namespace) -> Iterator[str]:
    values = vars(arguments)
    if arguments.method:
        yield f'model.method="{arguments.method}"'
    for _, name, _ in _SHORT:
        if values[name] is not None:
            yield f"{name}={values[name]}"
    for _, name, _ in _LISTS:
        if values[name] is not None:
            quoted = ", ".join(f"'{value}'" for value in values[name])
            yield f"{name}=[{quoted}]"
    if arguments.no_export:
        yield "output.export=false"
    if arguments.merge:
        yield "output.merge=true"
    yield from arguments.set


def _is_first_process() -> bool:
    """True for the one of several processes that speaks, and writes what all have trained."""
    return os.environ.get("RANK", "0") == "0"


def _say(line: str) -> None:
    if _is_first_process():
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
