"""Prints tokens/s of `training.run` against a bare trl loop with the same settings and data.

    python benchmarks/training_speed.py --base packaged --steps 3 --rounds 2

Both train the same 4-bit base with the same adapter on the same sequences, in turns, in one process;
the first step of each round is left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from training.config import Config, load_config
from training.data.corpus import Corpus, load_corpus
from training.learn.base import find_base, load_model, load_tokenizer
from training.learn.guard import keep_gradients
from training.learn.pipeline import quiet
from training.learn.sft import Prepared, prepare, settings_of, train


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--data", nargs="+", default=["bugs:textwrap", "bugs:heapq"])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=512, help="of a sequence")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _config(arguments, folder)
        corpus = load_corpus(config.data, seed=0)
        rates = _measured(config, corpus, folder, rounds=arguments.rounds)
    ours, bare = (statistics.median(rates[key]) for key in ("training.run", "bare trl"))
    print(f"training.run {ours:.1f} tokens/s, bare trl {bare:.1f}: ratio {ours / bare:.2f}")
    return 0


def _config(arguments: argparse.Namespace, folder: Path) -> Config:
    sources = ", ".join(f"'{name}'" for name in arguments.data)
    return load_config(
        None,
        [
            f"model.base={arguments.base}",
            f"data.sources=[{sources}]",
            f"data.max_tokens={arguments.tokens}",
            "data.execute=false",
            f"train.max_steps={arguments.steps + 1}",
            "train.batch=1",
            "train.accumulation=1",
            f"train.threads={arguments.threads}",
            f"output.folder={folder}",
        ],
    )


def _measured(
    config: Config, corpus: Corpus, folder: Path, *, rounds: int
) -> dict[str, list[float]]:
    base = find_base(config.model)
    tokenizer = load_tokenizer(base)
    data = prepare(config, corpus, tokenizer, folder=folder, say=print)
    model = load_model(base, "qlora", config.adapter, seed=0)
    rates: dict[str, list[float]] = {"training.run": [], "bare trl": []}
    for round_ in range(rounds):
        for name in sorted(rates, reverse=bool(round_ % 2)):
            run = _ours if name == "training.run" else _bare
            rate = run(config, model, tokenizer, data, folder / f"{name}{round_}")
            rates[name].append(rate)
            print(f"{name}: {rate:.1f} tokens/s", flush=True)
    return rates


def _ours(config: Config, model: Any, tokenizer: Any, data: Prepared, folder: Path) -> float:
    done = train(config, model, tokenizer, data, folder=_made(folder), resume=False, say=_silent)
    first, last = done.log.rows[0], done.log.rows[-1]
    return float((last["tokens"] - first["tokens"]) / (last["elapsed_s"] - first["elapsed_s"]))


def _silent(_line: str) -> None:
    """Prints no line of a run."""


def _bare(config: Config, model: Any, tokenizer: Any, data: Prepared, folder: Path) -> float:
    """trl's trainer as it comes, with a clock."""
    from transformers import TrainerCallback
    from trl import SFTTrainer

    marks: list[tuple[float, int]] = []

    class Clock(TrainerCallback):  # type: ignore[misc] # transformers ships no types
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            marks.append((time.monotonic(), int(state.num_input_tokens_seen)))

    keep_gradients(model)
    trainer = SFTTrainer(
        model=model,
        args=settings_of(dataclasses.replace(config), _made(folder), evaluates=False),
        train_dataset=data.train,
        processing_class=tokenizer,
        callbacks=[Clock()],
    )
    trainer.train()
    (began, before), (ended, after) = marks[0], marks[-1]
    return (after - before) / (ended - began)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
