"""An adapter between two: of a run, and of the one that it began with or another of its kin.

    python -m training.release.blend runs/mine --with gemmadev --share 0.5 --output runs/between

Weight for weight, ``--share`` of the other. A run that goes on from an adapter learns something new and
forgets some of the old; between the two there may be one that is better than either, which has to be
measured. It means nothing for adapters that began apart. The new folder is laid out like the run's, and
its GGUF adapter is checked as any other.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.config import load_config
from training.extras import require
from training.learn.runfolder import ADAPTER, CONFIG, PEFT_CONFIG, PEFT_WEIGHTS
from training.output import written_folder
from training.release.export import export

_KEPT = ("config.toml", "counts.json", "log.jsonl", "report.md", "loss.png", "learning_rate.png")
_SAME = ("r", "lora_alpha", "use_rslora")  # of adapters whose weights mean the same


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the folder was written."""
    parser = argparse.ArgumentParser(
        prog="python -m training.release.blend",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument(
        "--with", dest="other", default="gemmadev", help="gemmadev, or a PEFT folder"
    )
    parser.add_argument("--share", type=float, default=0.5, help="of the other, between 0 and 1")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args(argv)
    try:
        require("torch", "transformers", "peft")
        from training.learn.base import adapter_folder, find_base

        blend(arguments.run, adapter_folder(arguments.other), arguments.share, arguments.output)
        base = find_base(load_config(arguments.output / CONFIG).model)
        export(arguments.output / ADAPTER, base, arguments.output, merge=False, say=print)
    except GemmadevError as error:
        print(f"training.release.blend: {error}", file=sys.stderr)
        return 1
    return 0


def blend(run: Path, other: Path, share: float, target: Path) -> None:
    """Writes ``target``: the small files of ``run``, and ``1 - share`` of its adapter with the other.

    Raises GemmadevError where the two cannot be blended.
    """
    from safetensors.torch import load_file, save_file

    if not 0 <= share <= 1:
        raise GemmadevError(f"--share {share:g}: is a part of 1")
    own = run / ADAPTER
    for folder in (own, other):
        if not (folder / PEFT_WEIGHTS).is_file():
            raise GemmadevError(f"{folder}: holds no PEFT adapter; let the run end first")
    settings = [json.loads((f / PEFT_CONFIG).read_text(encoding="utf-8")) for f in (own, other)]
    parts = [load_file(str(folder / PEFT_WEIGHTS)) for folder in (own, other)]
    shapes = [{name: tuple(value.shape) for name, value in part.items()} for part in parts]
    if shapes[0] != shapes[1] or any(settings[0].get(k) != settings[1].get(k) for k in _SAME):
        raise GemmadevError(f"{other}: is of another shape than {own}; blend adapters of one kin")
    made = {
        name: ((1 - share) * value.float() + share * parts[1][name].float()).contiguous()
        for name, value in parts[0].items()
    }
    with written_folder(target) as fresh:
        shutil.copytree(own, fresh / ADAPTER)
        save_file(made, str(fresh / ADAPTER / PEFT_WEIGHTS), metadata={"format": "pt"})
        for name in _KEPT:
            if (run / name).is_file():
                shutil.copy(run / name, fresh)


if __name__ == "__main__":
    sys.exit(main())
