"""A finished run as the package ships it: the adapter twice, its card, and the run's small files.

    python -m training.ship runs/gemmadev/dpo --runs runs/gemmadev/sft runs/gemmadev/dpo \\
        --adapter pytest_gemmadev/models/adapter --record docs/gemmadev

The PEFT weights are halved to 16 bits, as the GGUF file holds them. What names a place on this machine
keeps its last part only. ``--scale`` weakens the adapter, halfway back to the base for 0.5: after a short
run that keeps more of what the base could do. ``--note`` is Markdown that goes into the card, on how the
adapter was made. ``--runs`` may be given another name each, as in ``first=runs/gemmadev/sft``. Needs numpy,
not torch.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.export import GGUF
from training.output import written, written_folder

LIMIT = 16 << 20  # bytes of everything that goes into the package
NAME = "gemmadev.gguf"
PEFT = "peft"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
SMALL = ("config.toml", "counts.json", "log.jsonl", "report.md", "loss.png", "learning_rate.png")
_ALPHA, _FLOAT32 = b"adapter.lora.alpha", 6  # of GGUF's metadata
_DATA = "\n## Data\n"  # the part of a card before which the note goes
_PLACE = re.compile(r"(?<![\w:./])/(?:[\w.\-]+/)+([\w.\-]+)")


def main(argv: Sequence[str] | None = None) -> int:
    """0 when everything was written."""
    parser = argparse.ArgumentParser(
        prog="python -m training.ship",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run whose adapter ships")
    parser.add_argument("--adapter", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--scale", type=float, default=1.0, help="of what the adapter adds")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="for the runs' small files")
    parser.add_argument(
        "--runs", nargs="+", default=[], metavar="[NAME=]RUN", help="to be recorded"
    )
    parser.add_argument("--note", type=Path, metavar="FILE", help="Markdown for the card")
    arguments = parser.parse_args(argv)
    if arguments.runs and arguments.record is None:
        parser.error("--runs needs --record: where the runs' small files go")
    try:
        note = _read(arguments.note) if arguments.note else ""
        size = ship(arguments.run, arguments.adapter, scale=arguments.scale, note=note)
        print(f"{arguments.adapter}: {size / (1 << 20):.1f} MiB")
        for each in arguments.runs:
            name, _, run = each.rpartition("=")
            target = arguments.record / (name or Path(run).name)
            keep(Path(run), target)
            print(target)
    except GemmadevError as error:
        print(f"training.ship: {error}", file=sys.stderr)
        return 1
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GemmadevError(f"{file}: cannot be read ({error}); check the path") from None


def ship(run: Path, target: Path, *, scale: float = 1.0, note: str = "") -> int:
    """Bytes of the folder ``target``, which holds the run's adapter in both formats and its card.

    What the adapter adds to the base is multiplied by ``scale``. ``note`` says in the card how it was made.
    """
    adapter = run / "adapter"
    for file in (run / GGUF, adapter / WEIGHTS, adapter / CONFIG, adapter / "README.md"):
        if not file.is_file():
            raise GemmadevError(f"{file}: is not there; let the run end and export it first")
    with written_folder(target) as fresh:
        (fresh / NAME).write_bytes(scaled((run / GGUF).read_bytes(), scale))
        (fresh / PEFT).mkdir()
        (fresh / PEFT / WEIGHTS).write_bytes(halved((adapter / WEIGHTS).read_bytes()))
        config = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
        config["lora_alpha"] *= scale
        (fresh / PEFT / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        card = (adapter / "README.md").read_text(encoding="utf-8")
        if scale != 1:
            told = f"- scale: {scale:g} of what was trained, in both formats (alpha)"
            card = card.replace("- runtime check: ", f"{told}\n- runtime check, unscaled: ")
        if note:
            card = card.replace(_DATA, f"\n## How it was made\n\n{note}\n{_DATA}", 1)
        (fresh / "README.md").write_text(without_places(card), encoding="utf-8")
        size = sum(file.stat().st_size for file in fresh.rglob("*") if file.is_file())
        if size > LIMIT:
            raise GemmadevError(
                f"{run}: the adapter takes {size / (1 << 20):.1f} MiB, more than "
                f"{LIMIT >> 20}: train one of a lower rank"
            )
    return size


def keep(run: Path, target: Path) -> None:
    """Copies what a run leaves behind of small files, to read its losses and to repeat it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in SMALL:
        file = run / name
        if file.suffix == ".png" and file.is_file():
            shutil.copyfile(file, target / name)
        elif file.is_file():
            with written(target / name) as kept:
                kept.write(without_places(file.read_text(encoding="utf-8")))


def scaled(data: bytes, scale: float) -> bytes:
    """A GGUF adapter whose alpha is multiplied. Raises GemmadevError where the file states none."""
    key = struct.pack("<Q", len(_ALPHA)) + _ALPHA + struct.pack("<I", _FLOAT32)
    at = data.find(key) + len(key)
    if at < len(key) or len(data) < at + 4:
        raise GemmadevError(f"{GGUF}: states no alpha; export the run again")
    (alpha,) = struct.unpack_from("<f", data, at)
    return data[:at] + struct.pack("<f", alpha * scale) + data[at + 4 :]


def without_places(text: str) -> str:
    """The text with absolute paths cut to their last part."""
    return _PLACE.sub(r"\1", text)


def halved(data: bytes) -> bytes:
    """A safetensors file with its 32-bit floats in 16 bits. Raises GemmadevError for no such file."""
    import numpy as np

    try:
        (size,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + size])
        body = data[8 + size :]
        blocks: list[bytes] = []
        at = 0
        for name in sorted(name for name in header if name != "__metadata__"):
            tensor = header[name]
            start, stop = tensor["data_offsets"]
            block = body[start:stop]
            if tensor["dtype"] == "F32":
                with np.errstate(over="ignore"):  # told below, by its tensor's name
                    values = np.frombuffer(block, "<f4").astype("<f2")
                if not np.isfinite(values).all():
                    raise GemmadevError(f"{name}: too large for 16 bits")
                block, tensor["dtype"] = values.tobytes(), "F16"
            tensor["data_offsets"] = [at, at + len(block)]
            at += len(block)
            blocks.append(block)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise GemmadevError(f"{WEIGHTS}: is damaged ({error})") from None
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of eight
    return struct.pack("<Q", len(text)) + text + b"".join(blocks)


if __name__ == "__main__":
    sys.exit(main())
