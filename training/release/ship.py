"""A finished run as the package ships it: the adapter in GGUF, and its card.

    python -m training.release.ship runs/gemmadev/sft --adapter pytest_gemmadev/models/adapter

Paths of this machine in the card are cut to their last part. ``--scale`` weakens the adapter, halfway back
to the base for 0.5: after a short run that keeps more of what the base could do. ``--note`` is a file of
Markdown that goes into the card, on how the adapter was made.
"""

from __future__ import annotations

import argparse
import re
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.learn.runfolder import ADAPTER
from training.output import written_folder
from training.release.export import GGUF

LIMIT = 16 << 20  # bytes of everything that goes into the package
NAME = "gemmadev.gguf"
_ALPHA, _FLOAT32 = b"adapter.lora.alpha", 6  # of GGUF's metadata
_DATA = "\n## Data\n"  # the part of a card before which the note goes
_PLACE = re.compile(r"(?<![\w:./])/(?:[\w.\-]+/)+([\w.\-]+)")


def main(argv: Sequence[str] | None = None) -> int:
    """0 when everything was written."""
    parser = argparse.ArgumentParser(
        prog="python -m training.release.ship",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of the run whose adapter ships")
    parser.add_argument("--adapter", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--scale", type=float, default=1.0, help="of what the adapter adds")
    parser.add_argument("--note", type=Path, metavar="FILE", help="Markdown for the card")
    arguments = parser.parse_args(argv)
    try:
        note = _read(arguments.note) if arguments.note else ""
        size = ship(arguments.run, arguments.adapter, scale=arguments.scale, note=note)
        print(f"{arguments.adapter}: {size / (1 << 20):.1f} MiB")
    except GemmadevError as error:
        print(f"training.release.ship: {error}", file=sys.stderr)
        return 1
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GemmadevError(f"{file}: cannot be read ({error}); check the path") from None


def ship(run: Path, target: Path, *, scale: float = 1.0, note: str = "") -> int:
    """Bytes of the folder ``target``, which holds the run's adapter and its card.

    What the adapter adds to the base is multiplied by ``scale``. ``note`` says in the card how it was made.
    """
    card_file = run / ADAPTER / "README.md"
    for file in (run / GGUF, card_file):
        if not file.is_file():
            raise GemmadevError(f"{file}: is not there; let the run end and export it first")
    with written_folder(target) as fresh:
        (fresh / NAME).write_bytes(scaled((run / GGUF).read_bytes(), scale))
        card = card_file.read_text(encoding="utf-8")
        if scale != 1:
            told = f"- scale: {scale:g} of what was trained (alpha)"
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


if __name__ == "__main__":
    sys.exit(main())
