"""Alignment after supervised training: preferences, DPO, GRPO.

    python -m training.align prefer --from PACKAGE… --output prefs.jsonl
    python -m training.align dpo RUN --data prefs.jsonl --output runs/aligned
    python -m training.align grpo RUN --from PACKAGE… --output runs/aligned

RUN is the folder of a run of training.run; the new folder is laid out like it.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.config import Config, load_config
from training.data.bugs import BreakOptions
from training.data.decontaminate import held_back
from training.data.examples import Example, read_examples, write_line
from training.data.execute import Prover
from training.data.functions import SourceText, sources
from training.data.preferences import PAIRS, Question, Tally, preferences, questions, recorded
from training.extras import require
from training.output import written
from training.release.export import export_run


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run_command(arguments))
    except GemmadevError as error:
        print(f"training.align: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.align", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    prefer = commands.add_parser("prefer", help="pairs of a better and a worse answer")
    prefer.set_defaults(run_command=_prefer)
    prefer.add_argument("--output", required=True, type=Path, metavar="FILE")
    prefer.add_argument("--model", default="", metavar="SPEC", help="writes candidates too")
    prefer.add_argument("--adapter", default="", metavar="GGUF", help="of that model")
    prefer.add_argument(
        "--record", nargs="+", default=[], type=Path, metavar="FILE", help="patches people kept"
    )
    prefer.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N", help="of each question, at most"
    )
    dpo = commands.add_parser("dpo", help="direct preference optimization")
    dpo.set_defaults(run_command=_dpo)
    dpo.add_argument("--data", nargs="+", required=True, type=Path, metavar="FILE")
    grpo = commands.add_parser("grpo", help="policy optimization with tests as the reward")
    grpo.set_defaults(run_command=_grpo)
    for each in (prefer, grpo):
        each.add_argument(
            "--from", dest="sources", nargs="+", default=[], metavar="PATH_OR_PACKAGE"
        )
        each.add_argument("--limit", type=int, default=0, metavar="N", help="questions; 0: all")
        each.add_argument("--seed", type=int, default=0)
        each.add_argument("--any-license", action="store_true")
        each.add_argument("--hold-back", nargs="+", default=[], metavar="PATH")
    for each in (dpo, grpo):
        each.add_argument("run", type=Path, help="folder of a training run")
        each.add_argument("--output", required=True, type=Path, metavar="FOLDER")
        each.add_argument("--max-steps", type=int, metavar="N")
        each.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
        each.add_argument("--no-export", action="store_true")
    return parser


def _prefer(arguments: argparse.Namespace) -> int:
    if not (arguments.sources or arguments.record):
        raise GemmadevError("nothing to compare: name --from or --record")
    model = None
    if arguments.model:
        from training.learn.runtime import open_model

        model = open_model(arguments.model, arguments.adapter)
    tally = Tally()
    with Prover(seed=arguments.seed) as prover, written(arguments.output) as file:
        asked = _asked(arguments, prover)
        rows = preferences(asked, prover, tally, model=model, most=arguments.pairs)
        kept = itertools.chain.from_iterable(map(recorded, arguments.record))
        count = 0
        for row in itertools.chain(rows, kept):
            file.write(write_line(row))
            count += 1
        print(tally.line())
        if not count:
            raise GemmadevError("no pair came of these sources; nothing was written")
    print(f"{count} pairs written to {arguments.output}")
    return 0


def _asked(arguments: argparse.Namespace, prover: Prover) -> itertools.islice[Question]:
    """Questions on executed bugs, without what is held back."""
    held = held_back(arguments.hold_back, humaneval=True)
    options = BreakOptions(
        execute=True,
        only_executed=True,
        any_license=arguments.any_license,
        seed=arguments.seed,
    )
    files: Iterable[SourceText] = sources(arguments.sources)
    if arguments.limit:  # of all sources, not of the first
        drawn = list(files)
        random.Random(arguments.seed).shuffle(drawn)
        files = drawn
    made = questions(files, options, prover)
    allowed = (each for each in made if not held.reason(each.bug.fixed))
    return itertools.islice(allowed, arguments.limit or None)


def _settings(arguments: argparse.Namespace) -> Config:
    """Those of the run that is aligned, with the new output folder."""
    source = arguments.run.expanduser() / "config.toml"
    if not (arguments.run.expanduser() / "adapter" / "adapter_config.json").is_file():
        raise GemmadevError(f"{arguments.run}: holds no adapter; name the folder of a finished run")
    if arguments.output.exists() and any(arguments.output.iterdir()):
        raise GemmadevError(f"{arguments.output}: is not empty; name a new folder")
    steps = arguments.max_steps
    overrides = [f"align.max_steps={steps}"] if steps is not None else []
    if arguments.no_export:
        overrides.append("output.export=false")
    overrides.append(f"output.folder={arguments.output}")
    overrides.append(f"model.adapter={arguments.run.expanduser() / 'adapter'}")
    return load_config(source, [*overrides, *arguments.set])


def _quiet() -> None:
    require("torch", "transformers", "peft", "trl", "datasets", "accelerate")
    for name in ("bitsandbytes", "trl", "accelerate", "datasets", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)  # some speak when imported


def _dpo(arguments: argparse.Namespace) -> int:
    config = _settings(arguments)
    rows = _preferred(arguments.data)
    _quiet()
    from training.learn.dpo import run_dpo

    folder = run_dpo(config, arguments.run.expanduser(), rows, say=print)
    export_run(folder, say=print)
    return 0


def _preferred(files: Sequence[Path]) -> list[Example]:
    rows = [row for file in files for row in read_examples(file) if row.rejected]
    if not rows:
        raise GemmadevError(f"{files[0]}: holds no pairs; rows need 'rejected'")
    return rows


def _grpo(arguments: argparse.Namespace) -> int:
    config = _settings(arguments)
    _quiet()
    from training.learn.grpo import run_grpo

    with Prover(seed=arguments.seed) as prover:
        asked = list(_asked(arguments, prover))
        if not asked:
            raise GemmadevError("no executed bug came of these sources; nothing to learn from")
        folder = run_grpo(config, arguments.run.expanduser(), asked, prover, say=print)
    export_run(folder, say=print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
