"""Group-relative policy optimization: the model answers, the answers are run, tests are the reward."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from training.config import Config
from training.data.examples import repair_examples
from training.data.execute import Prover
from training.data.preferences import Question
from training.learn.alignment import align, open_base, trainer_settings
from training.learn.sft import Progress

REWARDS = {"correct": 1.0, "overfitting": 0.3, "failing": 0.0, "": -0.2}
"""By what became of an answer; the last one did not fit into the file, or changed nothing."""
Say = Callable[[str], None]


def run_grpo(
    config: Config, run: Path, asked: Sequence[Question], prover: Prover, *, say: Say
) -> Path:
    """The folder with the aligned adapter."""
    base, tokenizer = open_base(config)
    tokenizer.eos_token = "\n"  # an answer is one line: its end ends it
    order = random.Random(config.train.seed).sample(range(len(asked)), len(asked))
    data = Dataset.from_list([{"prompt": asked[i].prompt.text, "number": i} for i in order])

    def reward(completions: list[str], number: list[int], **_: object) -> list[float]:
        return [reward_of(asked[n], c, prover) for n, c in zip(number, completions, strict=True)]

    def build(model: Any, folder: Path, progress: Progress) -> GRPOTrainer:
        say(f"grpo: {len(data)} questions, {config.align.samples} answers to each")
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        return GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=_arguments(config, folder),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[progress],
        )

    rows = [row for each in asked for row in repair_examples(each.bug, kinds=["line"])]
    return align(config, run, base, rows, build, say=say)


def reward_of(asked: Question, completion: str, prover: Prover) -> float:
    """What an answer is worth: see `REWARDS`."""
    text = asked.apply(completion.split("\n")[0])
    verdict = prover.judge(asked.sound, asked.bug, [text])[0] if text else ""
    return REWARDS[verdict]


def _arguments(config: Config, folder: Path) -> Any:
    align = config.align
    together = align.samples * max(1, align.batch // align.samples)
    return GRPOConfig(
        **trainer_settings(config, folder),
        per_device_train_batch_size=together,
        gradient_accumulation_steps=align.accumulation,
        num_generations=align.samples,
        max_completion_length=align.answer_tokens,
        temperature=align.temperature,
        beta=align.beta,
        gradient_checkpointing=config.train.checkpointing,
    )
