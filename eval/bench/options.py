"""What benchmarks have in common on the command line: model, adapter, seeds, output."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError, ModelInfo


def model_settings(spec: str, adapter: str | None) -> dict[str, Any]:
    """What a run records of its model. Raises GemmadevError where it cannot be used."""
    model = load_model(spec, adapter=adapter, threads=None)
    if model is None:
        return {"model": spec, "adapter": ""}
    try:
        info: ModelInfo = model.info
    finally:
        model.close()
    return {
        "model": spec,
        "adapter": info.adapter,
        "model_name": info.name,
        "model_sha256": info.sha256,
    }


def parse_seeds(text: str) -> tuple[int, ...]:
    """``3`` is seeds 0, 1, 2; ``5,7`` is those two."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise GemmadevError(f"--seeds {text!r}: give how many, or a list as 5,7") from None
    seeds = numbers if "," in text else tuple(range(numbers[0]))
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise GemmadevError(f"--seeds {text!r}: gives no seed, a negative one, or one twice")
    return seeds


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark has."""
    parser.add_argument("--model", default="gemmadev", metavar="SPEC", help="default gemmadev")
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of the model")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default eval-out/…, a new one")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N only")
    parser.add_argument("--seeds", default="1", help="how many (3), or which (0,4,9); default 1")


def say(line: str) -> None:
    """Prints a line of progress at once, also where the output is a file."""
    print(line, flush=True)
