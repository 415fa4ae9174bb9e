"""A training run from settings to adapter. Imports torch; imported when a run begins."""

from __future__ import annotations

import importlib.metadata
import platform
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from accelerate import PartialState

from pytest_gemmadev.types import GemmadevError
from training.config import Config
from training.data.corpus import load_corpus
from training.extras import check_space
from training.learn.base import (
    Base,
    check_device,
    find_base,
    load_config_of,
    load_model,
    load_tokenizer,
    public_name,
    start_of,
)
from training.learn.memory import fitted, peak_bytes
from training.learn.runfolder import ADAPTER, keep_config, keep_counts
from training.learn.runlog import plot, write_report
from training.learn.sft import Trained, prepare, prepared, train
from training.output import refusals, written_folder

MODEL = "model"
_LIBRARIES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate")
Say = Callable[[str], None]


def run(config: Config, folder: Path, *, resume: bool, say: Say = print) -> Path:
    """The folder that holds the result; everything in it can be made again from config.toml."""
    quiet()
    base = find_base(config.model)
    model_config = load_config_of(base)
    check_device(config.model.method, model_config)
    if not resume:
        config = fitted(config, model_config)
    tokenizer = load_tokenizer(base)
    state = PartialState()
    with state.main_process_first():
        if state.is_main_process and not resume:
            corpus = load_corpus(config.data, seed=config.train.seed, say=say)
            keep_config(config, folder)
            with refusals(folder):
                keep_counts(corpus, folder)
                prepare(config, corpus, tokenizer, folder=folder, say=say)
        data = prepared(folder)
    say(_plan(config, len(data.train)))
    if config.model.method == "qlora" and base.gguf:
        say(
            "the base is quantized already: --lora trains beside it as it runs, NF4 rounds it again"
        )
    model = load_model(
        base,
        config.model.method,
        config.adapter,
        seed=config.train.seed,
        trained=start_of(config.model),
    )
    check_space(folder, 6 * _trained_bytes(model))
    try:
        with refusals(folder):
            trained = train(config, model, tokenizer, data, folder=folder, resume=resume, say=say)
    except RuntimeError as error:
        raise _explained(error, config) from error
    if state.is_main_process:
        finish(trained, tokenizer, base, config, folder, say=say)
    return folder


def finish(
    trained: Trained, tokenizer: Any, base: Base, config: Config, folder: Path, *, say: Say
) -> None:
    """Writes weights, report and plots."""
    save(trained.model, tokenizer, base, config, folder)
    _report(config, base, trained, folder, say)


def save(model: Any, tokenizer: Any, base: Base, config: Config, folder: Path) -> Path:
    """The folder with the adapter, or with the whole model after full training."""
    target = folder / (MODEL if config.model.method == "full" else ADAPTER)
    if config.model.method != "full":
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path = public_name(base)
    with written_folder(target) as fresh:
        if config.model.method == "full":
            model.save_pretrained(str(fresh))
        else:  # embeddings are not trained; looking whether they were asks the hub
            model.save_pretrained(
                str(fresh), save_embedding_layers=False, selected_adapters=["default"]
            )
        tokenizer.save_pretrained(str(fresh))
        (fresh / "README.md").unlink(
            missing_ok=True
        )  # a template of peft's; export writes the card
    return target


def _plan(config: Config, rows: int) -> str:
    train = config.train
    return (
        f"{config.model.method}: {rows} sequences of up to {config.data.max_tokens} tokens, batch "
        f"{train.batch} times {train.accumulation}"
        f"{', gradient checkpointing' if train.checkpointing else ''}"
    )


def _report(config: Config, base: Base, trained: Trained, folder: Path, say: Say) -> None:
    losses = [row["loss"] for row in trained.log.rows if "loss" in row]
    if not losses:
        raise GemmadevError("no step was taken: the checkpoint is at the last step already")
    speed = trained.tokens / trained.seconds if trained.seconds else 0.0
    facts: dict[str, object] = {
        "base": public_name(base),
        "method": config.model.method,
        "data": ", ".join((*config.data.sources, *config.data.last)),
        "steps": trained.steps,
        "tokens": trained.tokens,
        "first and last loss": f"{losses[0]:.4f}, {losses[-1]:.4f}",
        "tokens/s": f"{speed:.0f}",
        "peak memory": f"{peak_bytes() / 1e9:.2f} GB",
        "seed": config.train.seed,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{n} {_version(n)}" for n in _LIBRARIES),
    }
    pictures = plot(folder, trained.log.rows, say)
    write_report(folder, "Training run", facts, pictures)
    say(
        f"loss {losses[0]:.4f} -> {losses[-1]:.4f} in {trained.steps} steps, {speed:.0f} tokens/s, "
        f"peak memory {facts['peak memory']}; report in {folder / 'report.md'}"
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "-"


def _trained_bytes(model: Any) -> int:
    return sum(4 * p.numel() for p in model.parameters() if p.requires_grad)


def _explained(error: RuntimeError, config: Config) -> Exception:
    """One line for want of memory or of disk; anything else is a bug and stays as it is."""
    told = str(error).lower()
    if "out of memory" in told or "can't allocate" in told:
        return GemmadevError(
            f"out of memory with batch {config.train.batch}: use --fit 16GB, --batch 1 or "
            "--set train.checkpointing=true"
        )
    if "no space left" in told or "file write failed" in told:
        return GemmadevError("the disk is full; make room and go on with --resume")
    return error


def quiet() -> None:
    """Leaves out what the libraries say of themselves."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*padding-free.*|.*packing.*")
