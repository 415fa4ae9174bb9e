"""Alignment by whole lists: the right answer before every wrong one that was tried, at once.

A question's answers are compared by their likelihoods, as a repair compares what the model writes. The
loss is the probability of a wrong one among them (a softmax over the list): the risk, as in minimum
risk training. Its logarithm would let questions whose right answer is hopeless outweigh all others.
Pairs with the same prompt and right answer make a list. No reference model is needed: ``align.sft``
weighs the right answer's own loss, in nats a token, which keeps it likely to be written.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from transformers import Trainer as PlainTrainer
from transformers import TrainingArguments

from pytest_gemmadev.types import GemmadevError
from training.aligned import align, open_base, trainer_settings
from training.config import Config
from training.counted import list_likelihoods
from training.examples import Example
from training.sft import Progress
from training.speed import attend_plainly
from training.tokens import ids, prefix_ids

Say = Callable[[str], None]
LONGEST = 12  # answers of a list


class Listed(NamedTuple):
    """A question, its right answer first."""

    prompt: str
    answers: tuple[str, ...]


def lists(rows: Iterable[Example]) -> list[Listed]:
    """Of pairs, one list of each question and right answer; without repeats, in their order."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        found.setdefault((row.prompt, row.completion), {})[row.rejected] = None
    return [
        Listed(prompt, (right, *[wrong for wrong in others if wrong != right][: LONGEST - 1]))
        for (prompt, right), others in found.items()
    ]


class Trainer(PlainTrainer):
    """A list at a time."""

    sft = 0.0
    through = 0

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        lengths = inputs["lengths"]
        likely = list_likelihoods(
            model, inputs["input_ids"], inputs["answers"], lengths, through=self.through
        )
        missed = 1 - torch.softmax(likely, dim=0)[0]
        return missed - self.sft * likely[0] / lengths[0]


def one_list(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """A batch: the prompt (1, tokens), the answers (answers, tokens; padded) and their lengths."""
    (row,) = rows
    answers = [torch.tensor(answer) for answer in row["answers"]]
    return {
        "input_ids": torch.tensor([row["prompt"]]),
        "answers": torch.nn.utils.rnn.pad_sequence(answers, batch_first=True),
        "lengths": torch.tensor([len(answer) for answer in answers]),
    }


def run_listwise(config: Config, run: Path, rows: Sequence[Example], *, say: Say) -> Path:
    """The folder with the aligned adapter."""
    base, tokenizer = open_base(config)
    data = _encoded(lists(rows), tokenizer, config)

    def build(model: Any, folder: Path, progress: Progress) -> Trainer:
        say(f"listwise: {len(data)} questions, {sum(map(len, data['answers']))} answers")
        trainer = Trainer(
            model=model,
            args=_arguments(config, folder),
            train_dataset=data,
            data_collator=one_list,
            callbacks=[progress],
        )
        trainer.model_accepts_loss_kwargs = False  # its loss is the mean of the lists of a step
        trainer.sft, trainer.through = config.align.sft, config.train.through
        attend_plainly(trainer.model, config.data.max_tokens)
        return trainer

    return align(config, run, base, rows, build, say=say)


def _encoded(found: Sequence[Listed], tokenizer: Any, config: Config) -> Any:
    rows = []
    for each in random.Random(config.train.seed).sample(found, len(found)):
        prompt = prefix_ids(tokenizer, each.prompt)
        answers = [ids(tokenizer, answer) for answer in each.answers]
        if len(prompt) + max(map(len, answers)) <= config.data.max_tokens:
            rows.append({"prompt": prompt, "answers": answers})
    if not rows:
        raise GemmadevError(f"no list fits into {config.data.max_tokens} tokens")
    return Dataset.from_list(rows)


def _arguments(config: Config, folder: Path) -> Any:
    align = config.align
    return TrainingArguments(
        **trainer_settings(config, folder),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=align.batch * align.accumulation,
        remove_unused_columns=False,
    )
