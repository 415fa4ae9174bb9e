"""Direct preference optimization by trl's trainer, from the adapter of a finished run."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl.trainer.utils import use_adapter

from pytest_gemmadev.types import GemmadevError
from training.config import Config
from training.data.examples import Example
from training.learn.alignment import align, open_base, trainer_settings
from training.learn.logits import can_count, counted_logits
from training.learn.sft import Progress
from training.learn.tokens import ids, prefix_ids

Say = Callable[[str], None]
_SFT = "sft"  # trl's name of the right answer's own loss
REFERENCE = "ref"  # the adapter as it was, under the name that trl gives its copy


class Trainer(DPOTrainer):  # type: ignore[misc] # trl ships no types
    """trl's trainer on data that is tokenized already, as the runtime does it.

    On a CPU it projects only the answers' positions onto the vocabulary.
    """

    def _prepare_dataset(self, dataset: Any, *args: Any) -> Any:
        return dataset

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
        now, lengths = _log_likelihoods(model, inputs)
        with torch.no_grad(), use_adapter(model, adapter_name=REFERENCE):
            before, _ = _log_likelihoods(model, inputs)
        chosen, rejected = (now - before).chunk(2)
        loss = -torch.nn.functional.logsigmoid(self.beta * (chosen - rejected)).mean()
        right, _ = now.chunk(2)
        tokens, _ = lengths.chunk(2)
        return loss - self.sft * right.sum() / tokens.sum()

    @property
    def sft(self) -> float:
        """The weight of the right answers' loss, in nats a token."""
        return float(dict(zip(self.loss_types, self.loss_weights, strict=True)).get(_SFT, 0.0))


def _log_likelihoods(model: Any, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each answer, in nats, and its tokens; the chosen ones come before the rejected ones."""
    counted = inputs["completion_mask"][:, 1:] != 0
    logits = counted_logits(model, inputs, counted)
    wanted = inputs["input_ids"][:, 1:][counted]
    likely = -torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    rows = counted.nonzero()[:, 0]
    sums = torch.zeros(counted.shape[0], device=likely.device).index_add(0, rows, likely)
    return sums, counted.sum(dim=1)


def run_dpo(config: Config, run: Path, rows: Sequence[Example], *, say: Say) -> Path:
    """The folder with the aligned adapter."""
    base, tokenizer = open_base(config)
    data = _pairs(rows, tokenizer, config)

    def build(model: Any, folder: Path, progress: Progress) -> Trainer:
        say(f"dpo: {len(data)} pairs")
        return Trainer(
            model=model,
            args=_arguments(config, folder),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[progress],
        )

    return align(config, run, base, rows, build, say=say)


def _pairs(rows: Sequence[Example], tokenizer: Any, config: Config) -> Any:
    found = []
    for row in random.Random(config.train.seed).sample(list(rows), len(rows)):
        pair = {
            "prompt_ids": prefix_ids(tokenizer, row.prompt),
            "chosen_ids": ids(tokenizer, row.completion),
            "rejected_ids": ids(tokenizer, row.rejected),
        }
        longest = max(len(pair["chosen_ids"]), len(pair["rejected_ids"]))
        if len(pair["prompt_ids"]) + longest <= config.data.max_tokens:
            found.append(pair)
    if not found:
        raise GemmadevError(f"no pair fits into {config.data.max_tokens} tokens")
    return Dataset.from_list(found)


def _arguments(config: Config, folder: Path) -> Any:
    align = config.align
    return DPOConfig(
        **trainer_settings(config, folder),
        per_device_train_batch_size=align.batch,
        gradient_accumulation_steps=align.accumulation,
        beta=align.beta,
        loss_type=["sigmoid", _SFT] if align.sft else ["sigmoid"],
        loss_weights=[1.0, align.sft] if align.sft else [1.0],
        max_length=config.data.max_tokens,
        gradient_checkpointing=config.train.checkpointing,
    )
