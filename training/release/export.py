"""What leaves a run: the PEFT folder, a GGUF adapter, a model card, the merged model.

    python -m training.release.export runs/gemmadev --merge
    python -m training.release.export runs/gemmadev --unfinished

The GGUF adapter is checked by loading it in the runtime and comparing log-probabilities of tokens
with those of transformers. They differ by what 4-bit weights and 8-bit activations of the runtime
cost: `TOLERANCE` nats a token on average.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.config import load_config
from training.extras import check_space, require
from training.learn.base import Base, architecture_of, find_base, public_name
from training.learn.runfolder import ADAPTER, CONFIG, last_checkpoint
from training.learn.runlog import LOG, read_log
from training.learn.runtime import adapter_as_gguf, continuation_scores
from training.learn.tokens import ids, prefix_ids
from training.output import refusals, written, written_folder
from training.release.card import Card, render

TOLERANCE = 0.15  # nats a token, mean of the absolute differences
GGUF = "adapter.gguf"
MERGED = "merged"
_PREFIX = "def add(a, b):\n    total = a + b\n"
_CONTINUATIONS = (
    "    return total\n",
    "    return a - b\n",
    "    if total > 10:\n        raise ValueError(total)\n",
    "    print('the sum is', total)\n",
    "    for value in range(total):\n        yield value\n",
)
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.release.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("--merge", action="store_true", help="write the merged model too")
    parser.add_argument(
        "--unfinished", action="store_true", help="the last checkpoint, of a run that goes on"
    )
    arguments = parser.parse_args(argv)
    try:
        require("torch", "transformers", "peft")
        folder = arguments.run.expanduser()
        if arguments.unfinished:
            folder = unfinished(folder)
        if not (folder / ADAPTER / "adapter_config.json").is_file():
            raise GemmadevError(f"{folder}: holds no adapter; let the run end first")
        base = find_base(load_config(folder / CONFIG).model)
        export(folder / ADAPTER, base, folder, merge=arguments.merge, say=print)
    except GemmadevError as error:
        print(f"training.release.export: {error}", file=sys.stderr)
        return 1
    return 0


def unfinished(run: Path) -> Path:
    """A folder in ``run`` with what it would have left, had it ended at its last whole checkpoint."""
    checkpoint = last_checkpoint(run)
    if checkpoint is None or not (checkpoint / "adapter_config.json").is_file():
        raise GemmadevError(f"{run}: holds no checkpoint of an adapter; wait for the first one")
    step = int(checkpoint.name.rpartition("-")[2])
    target = run / f"step-{step}"
    base = find_base(load_config(run / CONFIG).model)
    settings = json.loads((checkpoint / "adapter_config.json").read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = public_name(base)  # not this machine's folder
    with written_folder(target) as fresh:
        (fresh / ADAPTER).mkdir()
        shutil.copy(checkpoint / "adapter_model.safetensors", fresh / ADAPTER)
        for name in (CONFIG, "counts.json"):
            shutil.copy(run / name, fresh)
        with written(fresh / ADAPTER / "adapter_config.json") as file:
            json.dump(settings, file, indent=2)
        with written(fresh / LOG) as file:
            file.writelines(f"{json.dumps(r)}\n" for r in read_log(run) if r["step"] <= step)
    return target


def export_run(folder: Path, *, say: Say) -> None:
    """Exports the adapter of a run that has just ended, where its settings ask for that."""
    config = load_config(folder / CONFIG)
    if config.output.export and config.model.method != "full":
        base = find_base(config.model)
        export(folder / ADAPTER, base, folder, merge=config.output.merge, say=say)


def export(adapter: Path, base: Base, folder: Path, *, merge: bool, say: Say) -> Path:
    """The GGUF adapter in ``folder``, checked; the card beside the PEFT adapter."""
    target = folder / GGUF
    data = adapter_as_gguf(adapter, architecture_of(base))
    fresh = target.with_name(f".{target.name}")
    with refusals(target):
        fresh.write_bytes(data)
        os.replace(fresh, target)
    say(f"{target}: {target.stat().st_size / (1 << 20):.1f} MiB")
    checked = ""
    if base.gguf:
        checked = check(target, adapter, base)
        say(checked)
    write_card(adapter, folder, base, checked)
    if merge:
        merged = merged_model(adapter, base, folder / MERGED)
        say(f"{merged}: the merged model")
    return target


def check(gguf: Path, adapter: Path, base: Base) -> str:
    """A sentence on how the runtime and transformers agree; raises where they do not."""
    seen = continuation_scores(base.gguf, str(gguf), _PREFIX, _CONTINUATIONS)
    wanted, counts, plain = _reference(adapter, base)
    apart = [abs(a - b) / n for a, b, n in zip(seen, wanted, counts, strict=True)]
    moved = [abs(a - b) / n for a, b, n in zip(plain, wanted, counts, strict=True)]
    mean = sum(apart) / len(apart)
    told = (
        f"runtime and transformers differ by {mean:.3f} nats a token on average "
        f"(tolerance {TOLERANCE}); the adapter moves them by {sum(moved) / len(moved):.3f}"
    )
    if mean > TOLERANCE:
        raise GemmadevError(f"{gguf}: {told}; the adapter was not converted faithfully")
    return told


def _reference(adapter: Path, base: Base) -> tuple[list[float], list[int], list[float]]:
    """(log-likelihoods with the adapter, tokens, log-likelihoods without) by transformers."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.source)
    model: Any = AutoModelForCausalLM.from_pretrained(base.source, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapter)).eval()
    prefix = prefix_ids(tokenizer, _PREFIX)
    texts = [ids(tokenizer, text) for text in _CONTINUATIONS]

    def scores() -> list[float]:
        return [_log_likelihood(model, prefix, text) for text in texts]

    with torch.no_grad():
        wanted = scores()
        with model.disable_adapter():
            return wanted, [len(text) for text in texts], scores()


def _log_likelihood(model: Any, prefix: list[int], text: list[int]) -> float:
    import torch

    tokens = torch.tensor([[*prefix, *text]])
    rows = model(input_ids=tokens).logits[0, len(prefix) - 1 : -1].float().log_softmax(-1)
    return float(rows.gather(1, tokens[0, len(prefix) :, None]).sum())


def write_card(adapter: Path, folder: Path, base: Base, checked: str) -> None:
    """README.md in the adapter's folder, from what the run kept."""
    config = load_config(folder / CONFIG)
    rows = [row for row in read_log(folder) if "loss" in row]
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    card = Card(
        base=public_name(base),
        method=config.model.method,
        begins=_name_of(config.model.adapter),
        steps=rows[-1]["step"],
        losses=(rows[0]["loss"], rows[-1]["loss"]),
        seed=config.train.seed,
        data=counts["data"],
        licenses=counts["licenses"],
        check=checked,
        settings=(folder / CONFIG).read_text(encoding="utf-8"),
    )
    with written(adapter / "README.md") as file:
        file.write(render(card))


def _name_of(adapter: str) -> str:
    """What a card calls the adapter that a run began with: the run that made it, where it is a folder."""
    path = Path(adapter)
    return path.parent.name if path.parent.name else adapter


def merged_model(adapter: Path, base: Base, target: Path) -> Path:
    """The folder with the base and the adapter in one, in 16 bits."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(base.source, dtype=torch.float32)
    check_space(target, 2 * sum(p.numel() for p in model.parameters()))
    model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    with written_folder(target) as fresh:
        model.to(torch.bfloat16).save_pretrained(str(fresh))
        AutoTokenizer.from_pretrained(base.source).save_pretrained(str(fresh))
    return target


if __name__ == "__main__":
    sys.exit(main())
