"""How likely adapters make the true answers of held-out questions: which one to keep, or which blend.

    python -m training.learn.likelihood held-out.jsonl --adapter gemmadev runs/new/sft --share 0.3 0.5 0.7

The first adapter, and each other one, is asked all questions; with ``--share`` also the blends of the two,
``--share`` of the first (`training.release.blend`). Printed are nats an answer (less is better; of a
question about several lines all of them, without what stands between), how many answers are the likeliest
word for word, and the difference from the first with a 95 % interval over questions. A few hundred questions
tell more than whether a line is among the first ten, and take a minute or two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_gemmadev.types import GemmadevError
from training.config import load_config
from training.data.examples import read_examples
from training.extras import require
from training.learn.runfolder import PEFT_CONFIG, PEFT_WEIGHTS
from training.learn.tokens import IGNORED, Encoded, encode

if TYPE_CHECKING:
    import torch

CAP = 10.0  # nats from which on an answer is not found anyway
_LONGEST = 1024  # tokens of a question with its answer


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Nats of each answer, and whether it is the likeliest word for word."""

    nats: tuple[float, ...]
    first: tuple[bool, ...]

    @property
    def mean(self) -> float:
        """Nats an answer, `CAP` at most of each."""
        return sum(min(one, CAP) for one in self.nats) / len(self.nats)

    def against(self, other: Likelihood) -> tuple[float, float, float]:
        """(mean difference from ``other``, lower and upper end of its 95 % interval)."""
        from scipy.stats import ttest_rel

        pairs = [[min(one, CAP) for one in each.nats] for each in (self, other)]
        if pairs[0] == pairs[1]:
            return 0.0, 0.0, 0.0
        low, high = ttest_rel(*pairs).confidence_interval(0.95)
        return self.mean - other.mean, float(low), float(high)


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m training.learn.likelihood", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="of held-out examples")
    parser.add_argument(
        "--adapter", nargs="+", default=["gemmadev"], help="gemmadev, PEFT folders, or runs"
    )
    parser.add_argument(
        "--share", nargs="+", type=float, default=[], help="of the first in blends with the second"
    )
    parser.add_argument("--kind", default="line", help="of the questions asked")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="of a file; 0: all")
    parser.add_argument("--base", default="packaged")
    arguments = parser.parse_args(argv)
    try:
        return _measure(arguments)
    except GemmadevError as error:
        print(f"training.learn.likelihood: {error}", file=sys.stderr)
        return 1


def _measure(arguments: argparse.Namespace) -> int:
    require("torch", "transformers", "peft", "scipy")
    from training.learn.base import adapter_folder, find_base, load_model, load_tokenizer

    if arguments.share and len(arguments.adapter) < 2:
        raise GemmadevError("--share: a blend needs a second --adapter")
    folders = [adapter_folder(_inner(name)) for name in arguments.adapter]
    settings = load_config(None, [f"model.base={arguments.base}", "model.method=lora"])
    base = find_base(settings.model)
    tokenizer = load_tokenizer(base)
    sets = {
        file: _questions(file, tokenizer, kind=arguments.kind, limit=arguments.limit)
        for file in arguments.files
    }
    model = load_model(base, "lora", settings.adapter, seed=0, trained=folders[0]).float().eval()
    first: dict[Path, Likelihood] = {}
    for name, weights in _variants(arguments.adapter, folders, arguments.share):
        take(model, weights)
        for file, rows in sets.items():
            found = likelihood(model, rows)
            compared = found.against(first.setdefault(file, found))
            print(f"{name}, {file.name}: {_told(found, compared)}", flush=True)
    return 0


def _inner(name: str) -> str:
    """The PEFT folder of a run, or the name itself."""
    inner = Path(name).expanduser() / "adapter"
    return str(inner) if (inner / PEFT_CONFIG).is_file() else name


def _questions(file: Path, tokenizer: Any, *, kind: str, limit: int) -> list[Encoded]:
    """Questions of a kind that are short enough, spread over the file."""
    found = [encode(tokenizer, row) for row in read_examples(file) if row.kind == kind]
    fit = [row for row in found if len(row.prompt) + len(row.completion) <= _LONGEST]
    if not fit:
        raise GemmadevError(f"{file}: holds no {kind} of at most {_LONGEST} tokens")
    step = max(1, len(fit) // limit) if limit else 1
    return list(islice(fit[::step], limit or None))


def _variants(
    names: Sequence[str], folders: Sequence[Path], shares: Sequence[float]
) -> Iterator[tuple[str, Mapping[str, torch.Tensor]]]:
    """(what it is, weights): the adapters, then the blends of the first two."""
    from safetensors.torch import load_file

    read = [load_file(str(folder / PEFT_WEIGHTS)) for folder in folders]
    yield from zip(names, read, strict=True)
    for share in shares:
        one, other = read[:2]
        if one.keys() != other.keys():
            raise GemmadevError(f"{folders[1]}: is of another shape than {folders[0]}")
        yield (
            f"{share:g} of {names[0]} with {names[1]}",
            {name: share * one[name].float() + (1 - share) * other[name].float() for name in one},
        )


def take(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Puts an adapter's weights in the place of those of ``model``, which has one of the same shape."""
    import torch
    from peft import set_peft_model_state_dict

    with torch.no_grad():
        refused = set_peft_model_state_dict(model, dict(weights))
    if refused is not None and refused.unexpected_keys:
        raise GemmadevError("the adapters are of different shapes: compare those of one kin")


def likelihood(model: Any, rows: Sequence[Encoded]) -> Likelihood:
    """What ``model`` gives the answers of ``rows``; those to one question count together."""
    import torch

    from training.learn.logits import counted_logits

    nats, first = [], []
    with torch.inference_mode():
        for row in rows:
            ids, labels = (torch.tensor([values]) for values in row.row().values())
            counted = labels[:, 1:] != IGNORED
            wanted = labels[:, 1:][counted]
            logits = counted_logits(model, {"input_ids": ids}, counted)
            nats.append(float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")))
            first.append(bool((logits.argmax(-1) == wanted).all()))
    return Likelihood(tuple(nats), tuple(first))


def _told(found: Likelihood, compared: tuple[float, float, float]) -> str:
    difference, low, high = compared
    return (
        f"{found.mean:.3f} nats an answer ({difference:+.3f}, 95 % {low:+.3f} to {high:+.3f}), "
        f"{sum(found.first)} of {len(found.first)} first"
    )


if __name__ == "__main__":
    sys.exit(main())
