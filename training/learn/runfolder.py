"""The folder of a run: its settings, what its data was, its checkpoints and its adapter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from training.config import Config, to_toml
from training.data.corpus import Corpus
from training.data.examples import Example
from training.extras import check_space
from training.output import refusals, written

CONFIG = "config.toml"
COUNTS = "counts.json"
CHECKPOINTS = "checkpoints"
ADAPTER = "adapter"  # the adapter's folder, with the two files that PEFT knows:
PEFT_CONFIG, PEFT_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_STATE = "trainer_state.json"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; its state is written last."""
    whole = []
    for path in (folder / CHECKPOINTS).glob("checkpoint-*"):
        try:
            json.loads((path / _STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        whole.append(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def keep_config(config: Config, folder: Path) -> None:
    """Writes the settings beside what they lead to; the folder is made, and must have room."""
    check_space(folder, 64 << 20)
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with written(folder / CONFIG) as file:
        file.write(to_toml(config))


def counted(rows: Iterable[Example]) -> tuple[Counter[str], Counter[str]]:
    """(examples by proof and kind, examples by license)."""
    kinds: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for row in rows:
        kinds[f"{row.proof or 'instruction'}, {row.kind}"] += 1
        licenses[row.license or "unknown"] += 1
    return kinds, licenses


def keep_counts(corpus: Corpus, folder: Path) -> None:
    """Writes what the model card says of the data."""
    data, licenses = counted((*corpus.first, *corpus.last))
    with written(folder / COUNTS) as file:
        json.dump({"data": data, "licenses": licenses}, file, indent=1)
