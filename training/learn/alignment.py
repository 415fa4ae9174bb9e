"""What every alignment does around its trainer: the adapter of a run loaded, trained, written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import disable_progress_bars

from training.config import Config
from training.data.corpus import Corpus
from training.data.examples import Example
from training.learn.base import Base, find_base, load_model, load_tokenizer
from training.learn.pipeline import finish, quiet
from training.learn.runfolder import CHECKPOINTS, keep_config, keep_counts
from training.learn.runlog import Log
from training.learn.sft import Progress, keep_precision, remove_talk, trained_by
from training.learn.speed import keep_freed, on_device, widen
from training.output import refusals

Say = Callable[[str], None]
Build = Callable[[Any, Path, Progress], Any]
"""A trainer of: a model, the folder for what is kept meanwhile, its callback."""


def open_base(config: Config) -> tuple[Base, Any]:
    """The base and its tokenizer, with no word of the libraries that read them."""
    quiet()
    disable_progress_bars()
    base = find_base(config.model)
    return base, load_tokenizer(base)


def align(
    config: Config, run: Path, base: Base, rows: Sequence[Example], build: Build, *, say: Say
) -> Path:
    """The folder with the adapter of ``run`` aligned; ``rows`` are counted for its report.

    Raises GemmadevError where something is missing or does not fit.
    """
    folder = Path(config.output.folder).expanduser()
    model = load_model(
        base, config.model.method, config.adapter, seed=config.train.seed, trained=run / "adapter"
    )
    keep_config(config, folder)
    keep_counts(Corpus(tuple(rows), ()), folder)
    progress = Progress(Log.opened(folder, after_step=0), say)
    keep_freed()
    widen(model, fit=config.train.fit)
    with refusals(folder):
        trainer = build(model, folder, progress)
        keep_precision(trainer.model)
        remove_talk(trainer)
        trainer.train()
    finish(trained_by(trainer, progress), load_tokenizer(base), base, config, folder, say=say)
    return folder


def trainer_settings(config: Config, folder: Path) -> dict[str, Any]:
    """What every trainer of an alignment is told, beside what is its own."""
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "max_steps": config.align.max_steps,
        "learning_rate": config.align.learning_rate,
        "lr_scheduler_type": config.train.schedule,
        "warmup_steps": config.train.warmup,
        "max_grad_norm": config.train.max_grad_norm,
        "optim": "adamw_torch",
        **on_device(),
        "seed": config.train.seed,
        "logging_steps": config.train.log_every,
        "logging_first_step": True,
        "save_strategy": "no",
        "include_num_input_tokens_seen": "all",
        "report_to": [config.train.track] if config.train.track else [],
        "disable_tqdm": True,
    }
