"""Supervised fine-tuning by trl's trainer, on examples that are tokenized as the runtime does.

Imports torch and its family; imported when a run begins, not before.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets, disable_progress_bars, load_from_disk
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer, pack_dataset

from pytest_gemmadev.types import GemmadevError
from training.config import Config
from training.data.corpus import Corpus
from training.learn.guard import check_gradients
from training.learn.logits import SeenWords, can_count, counted_logits
from training.learn.runfolder import CHECKPOINTS, last_checkpoint
from training.learn.runlog import Log, progress
from training.learn.speed import attend_plainly, keep_freed, on_device, widen
from training.learn.tokens import Encoded, Lengths, encode_all
from training.output import written_folder

DATA = "data"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tokenized data of a run: what is trained on, in order, and what only measures."""

    train: Any  # datasets.Dataset
    held_out: Any  # datasets.Dataset, or None


@dataclass(frozen=True, slots=True)
class Trained:
    model: Any
    log: Log
    steps: int
    seconds: float
    tokens: int


# --- data ----------------------------------------------------------------------------------------


def prepare(config: Config, corpus: Corpus, tokenizer: Any, *, folder: Path, say: Say) -> Prepared:
    """Tokenizes and packs, and keeps the result: a resumed run reads the very same data."""
    disable_progress_bars()
    lengths = Lengths()
    parts = [
        encode_all(tokenizer, rows, max_tokens=config.data.max_tokens, lengths=lengths)
        for rows in (corpus.first, corpus.last)
    ]
    for line in lengths.lines():
        say(line)
    held_out, parts[0] = _split(
        parts[0], config.train.eval_examples if config.train.eval_every else 0
    )
    if not any(parts):
        raise GemmadevError(
            f"no example fits into {config.data.max_tokens} tokens: raise data.max_tokens"
        )
    train = concatenate_datasets([_packed(_dataset(part), config) for part in parts if part])
    with written_folder(folder / DATA) as target:
        train.save_to_disk(str(target / "train"))
        if held_out:
            _dataset(held_out).save_to_disk(str(target / "held_out"))
    return prepared(folder)


def prepared(folder: Path) -> Prepared:
    """The data that `prepare` kept."""
    disable_progress_bars()
    path = folder / DATA
    if not (path / "train").is_dir():
        raise GemmadevError(f"{folder}: holds no prepared data; begin the run without --resume")
    held_out = path / "held_out"
    return Prepared(
        load_from_disk(str(path / "train")),
        load_from_disk(str(held_out)) if held_out.is_dir() else None,
    )


def _split(rows: list[Encoded], count: int) -> tuple[list[Encoded], list[Encoded]]:
    count = min(count, len(rows) // 10)
    return rows[:count], rows[count:]


def _dataset(rows: Sequence[Encoded]) -> Any:
    return Dataset.from_list([row.row() for row in rows])


def _packed(dataset: Any, config: Config) -> Any:
    """Several examples in a row where that is wanted; the rows shuffled, for packing sorts them."""
    if not config.train.packing:
        return dataset.shuffle(seed=config.train.seed) if config.train.through else dataset
    packed = pack_dataset(dataset, config.data.max_tokens, strategy="bfd")
    return packed.shuffle(seed=config.train.seed)


# --- training ------------------------------------------------------------------------------------


class Trainer(SFTTrainer):  # type: ignore[misc] # trl ships no types
    """trl's trainer, which on a CPU projects only positions that count onto the vocabulary.

    ``through`` and ``longest_answer`` are those of the settings.
    """

    through = 0
    longest_answer = 0
    seen: SeenWords | None = None  # what the softmax is over, in place of the whole vocabulary

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        processes = self.accelerator.num_processes
        if return_outputs or not can_count(model, inputs, processes=processes):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        counted = labels != -100
        through = self.through if model.training and len(counted) == 1 else 0
        seen = self.seen if model.training else None
        head, wanted = None, labels[counted]
        if seen is not None:
            head, wanted = seen.head, seen.places(wanted)
        logits = counted_logits(model, inputs, counted, through=through, head=head)
        total = torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")
        if self.longest_answer and model.training and len(counted) == 1:
            most = self.longest_answer * answers_in(counted)
            total = total * (most / counted.sum().clamp(min=most))
        count = counted.sum() if num_items_in_batch is None else num_items_in_batch
        return total / torch.as_tensor(count).clamp(min=1)


def answers_in(counted: torch.Tensor) -> int:
    """How many stretches of positions count, of a single row."""
    row = counted[0].int()
    return int(row[0]) + int((row.diff() == 1).sum())


class Progress(TrainerCallback):  # type: ignore[misc] # transformers ships no types
    """Tells each logged step and keeps it."""

    def __init__(self, log: Log, say: Say) -> None:
        self.log = log
        self._say = say
        self._at = (0, 0.0)  # tokens and time at the last line
        self.began = 0.0
        self._first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        self._first = state.global_step
        self._at = (int(state.num_input_tokens_seen), self.began)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if not state.is_world_process_zero or not {"loss", "eval_loss"} & set(logs):
            return
        now, tokens = time.monotonic(), int(state.num_input_tokens_seen)
        row = {"step": state.global_step}
        row |= {
            k: logs[k] for k in ("loss", "learning_rate", "grad_norm", "eval_loss") if k in logs
        }
        if "loss" in row:
            row |= {"tokens": tokens, "tokens_per_s": (tokens - self._at[0]) / (now - self._at[1])}
            done = state.global_step - self._first
            row["elapsed_s"] = now - self.began
            row["left_s"] = (
                (now - self.began) / max(1, done) * (state.max_steps - state.global_step)
            )
            self._at = (tokens, now)
        self.log.add(row)
        self._say(progress(row, steps=state.max_steps))


def train(
    config: Config,
    model: Any,
    tokenizer: Any,
    data: Prepared,
    *,
    folder: Path,
    resume: bool,
    say: Say,
) -> Trained:
    """Trains ``model`` in place; with ``resume``, from the last whole checkpoint in ``folder``."""
    checkpoint = last_checkpoint(folder) if resume else None
    if not resume:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    after = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    log = Log.opened(folder, after_step=after)
    telling = Progress(log, say)
    keep_freed()
    widen(model, fit=config.train.fit)
    trainer = Trainer(
        model=model,
        args=settings_of(config, folder, evaluates=data.held_out is not None),
        train_dataset=data.train,
        eval_dataset=data.held_out,
        processing_class=tokenizer,
        callbacks=[telling],
    )
    trainer.through = config.train.through
    trainer.longest_answer = config.train.longest_answer
    if (
        config.train.seen_words
        and trainer.accelerator.num_processes == 1
        and not torch.cuda.is_available()
    ):
        trainer.seen = SeenWords.of(trainer.model, data.train["input_ids"])
    keep_precision(trainer.model)
    attend_plainly(trainer.model, config.train.batch * config.data.max_tokens)
    remove_talk(trainer)
    if resume:
        say(f"goes on after step {after}" if after else "no checkpoint yet: begins anew")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if config.model.method == "qlora":
        check_gradients(trainer.model)
    return trained_by(trainer, telling)


def trained_by(trainer: Any, telling: Progress) -> Trained:
    """What a trainer of trl leaves."""
    state = trainer.state
    return Trained(
        trainer.accelerator.unwrap_model(trainer.model),
        telling.log,
        state.global_step,
        time.monotonic() - telling.began,
        int(state.num_input_tokens_seen),
    )


def remove_talk(trainer: Any) -> None:
    """Takes out what prints beside `Progress`."""
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)


def keep_precision(model: Any) -> None:
    """Trained weights in 32 bits: trl turns a quantized model's to 16, where small steps vanish."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def settings_of(config: Config, folder: Path, *, evaluates: bool) -> Any:
    """What trl is told of a run."""
    train = config.train
    if train.threads:
        torch.set_num_threads(train.threads)
    return SFTConfig(
        output_dir=str(folder / CHECKPOINTS),
        max_steps=train.max_steps,
        num_train_epochs=train.epochs,
        per_device_train_batch_size=train.batch,
        per_device_eval_batch_size=train.batch,
        gradient_accumulation_steps=train.accumulation,
        learning_rate=train.learning_rate,
        lr_scheduler_type=train.schedule,
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        optim="adamw_torch",
        **on_device(),
        seed=train.seed,
        data_seed=train.seed,
        train_sampling_strategy="sequential",
        max_length=config.data.max_tokens,
        packing=train.packing,
        eval_packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        gradient_checkpointing=train.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="steps" if evaluates else "no",
        eval_steps=train.eval_every or None,
        prediction_loss_only=True,
        logging_steps=train.log_every,
        logging_first_step=True,
        save_steps=train.save_every,
        save_total_limit=2,
        include_num_input_tokens_seen="all",
        report_to=[train.track] if train.track else [],
        disable_tqdm=True,
    )
