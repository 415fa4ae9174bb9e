"""Group-relative policy optimization: the model answers, the answers are run, tests are the reward."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, disable_progress_bars
from trl import GRPOConfig, GRPOTrainer

from training.base import find_base, load_model, load_tokenizer
from training.config import Config
from training.corpus import Corpus
from training.examples import repair_examples
from training.execute import Prover
from training.output import refusals
from training.pipeline import finish, keep_counts, quiet
from training.preferences import Question
from training.run import keep_config
from training.runlog import Log
from training.sft import Progress, aligner_settings, keep_precision, remove_talk, trained_by
from training.speed import keep_freed, widen

REWARDS = {"correct": 1.0, "overfitting": 0.3, "failing": 0.0, "": -0.2}
"""By what became of an answer; the last one did not fit into the file, or changed nothing."""
Say = Callable[[str], None]


def run_grpo(
    config: Config, run: Path, asked: Sequence[Question], prover: Prover, *, say: Say
) -> Path:
    """The folder with the aligned adapter."""
    quiet()
    disable_progress_bars()
    folder = Path(config.output.folder).expanduser()
    base = find_base(config.model)
    tokenizer = load_tokenizer(base)
    tokenizer.eos_token = "\n"  # an answer is one line: its end ends it
    model = load_model(
        base, config.model.method, config.adapter, seed=config.train.seed, trained=run / "adapter"
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    keep_config(config, folder)
    rows = [row for each in asked for row in repair_examples(each.bug, kinds=["line"])]
    keep_counts(Corpus(tuple(rows), ()), folder)
    order = random.Random(config.train.seed).sample(range(len(asked)), len(asked))
    data = Dataset.from_list([{"prompt": asked[i].prompt.text, "number": i} for i in order])

    def reward(completions: list[str], number: list[int], **_: object) -> list[float]:
        return [reward_of(asked[n], c, prover) for n, c in zip(number, completions, strict=True)]

    progress = Progress(Log.opened(folder, after_step=0), say)
    keep_freed()
    widen(model, fit=config.train.fit)
    with refusals(folder):
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=_arguments(config, folder),
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[progress],
        )
        keep_precision(trainer.model)
        remove_talk(trainer)
        say(f"grpo: {len(data)} questions, {config.align.samples} answers to each")
        trainer.train()
    finish(trained_by(trainer, progress), load_tokenizer(base), base, config, folder, say=say)
    return folder


def reward_of(asked: Question, completion: str, prover: Prover) -> float:
    """What an answer is worth: see `REWARDS`."""
    text = asked.apply(completion.split("\n")[0])
    verdict = prover.judge(asked.sound, asked.bug, [text])[0] if text else ""
    return REWARDS[verdict]


def _arguments(config: Config, folder: Path) -> Any:
    align = config.align
    together = align.samples * max(1, align.batch // align.samples)
    return GRPOConfig(
        **aligner_settings(config, folder),
        per_device_train_batch_size=together,
        gradient_accumulation_steps=align.accumulation,
        num_generations=align.samples,
        max_completion_length=align.answer_tokens,
        temperature=align.temperature,
        beta=align.beta,
        gradient_checkpointing=config.train.checkpointing,
    )
