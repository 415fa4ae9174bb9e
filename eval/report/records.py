"""What is kept of a run: its figures, its command, and what they depend on.

A run's folder is too large to keep, and names places on somebody's machine; its record, under
``eval/data/results/``, does neither.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.report.ablation import ABLATION, WHOLE
from eval.report.compare import comparisons, differences, read_verdicts
from eval.report.runs import read_rows
from pytest_gemmadev.types import GemmadevError

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "eval" / "data" / "results"
PAIR = "pair"
_KEPT = (
    "benchmark", "model", "adapter", "model_name", "model_sha256", "budget_s", "chat", "samples",
    "max_tokens", "temperature", "self_debug_s", "isolation", "tests", "facts", "order", "without", "code",
)  # fmt: skip

Record = Mapping[str, Any]
"""One run: ``name``, ``settings``, ``machine``, ``command``, ``seeds``, ``totals``, ``slices``,
``places``; an ablation has a ``table`` as well."""


def record_of(folder: Path) -> dict[str, Any]:
    """What is kept of a finished run. Raises GemmadevError where the folder holds none."""
    if (folder / ABLATION).exists():
        return _ablation_of(folder)
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GemmadevError(f"{folder}: holds no finished run ({error})") from error
    machine = {key: value for key, value in settings["machine"].items() if key != "argv"}
    return {
        "name": folder.resolve().name,
        "settings": {key: settings[key] for key in _KEPT if key in settings}
        | {key: _place(settings[key]) for key in ("cases", "adapter") if settings.get(key)},
        "machine": machine,
        "command": command_of(settings["machine"]["argv"]),
        "seeds": sorted({int(row.get("seed", 0)) for row in read_rows(folder)}),
        "totals": report["totals"],
        "slices": report.get("slices", {}),
        "places": report.get("places", {}),
    }


def pair_of(first: Path, second: Path) -> dict[str, Any]:
    """What is kept of two runs on the same cases: what either had alone, and what differs."""
    names = [folder.resolve().name for folder in (first, second)]
    benchmarks, verdicts = zip(*map(read_verdicts, (first, second)), strict=True)
    if benchmarks[0] != benchmarks[1]:
        raise GemmadevError(
            f"{names[0]} is a run of {benchmarks[0]}, {names[1]} of {benchmarks[1]}"
        )
    common, counted = comparisons(*verdicts)
    return {
        "name": f"pair-{names[0]}-{names[1]}",
        "settings": {"benchmark": PAIR},
        "runs": names,
        "results": len(common),
        "cases": len({case for case, _ in common}),
        "counted": {name: asdict(comparison) for name, comparison in counted.items()},
        "measured": {name: asdict(each) for name, each in differences(*verdicts).items()},
    }


def _ablation_of(folder: Path) -> dict[str, Any]:
    """What is kept of an ablation: the settings of its whole runs, and its table."""
    table = json.loads((folder / ABLATION).read_text(encoding="utf-8"))["table"]
    whole = record_of(folder / WHOLE)
    settings = {**whole["settings"], "benchmark": "ablation"}
    return {**whole, "name": folder.resolve().name, "settings": settings, "table": table}


def command_of(argv: Sequence[str]) -> str:
    """The command as somebody else can type it: no places outside the repository, no output."""
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--output":
            next(rest, None)
        elif not word.startswith("--output="):
            words.append(_place(word))
    return shlex.join(["python", "-m", "eval.run", *words])


def _place(word: str) -> str:
    """A path relative to the repository, another checkout's too; of any other its last part."""
    path = Path(word)
    if not path.is_absolute() and ("/" not in word or not path.exists()):
        return word
    parts = path.resolve().parts[1:]
    within = (ROOT.joinpath(*parts[n:]) for n in range(len(parts)))
    found = next((place for place in within if place.exists()), None)
    return found.relative_to(ROOT).as_posix() if found else path.name


def read_records(folder: Path = RECORDS) -> tuple[Record, ...]:
    """The stored runs, by name."""
    return tuple(
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    )


def write_record(record: Record, folder: Path = RECORDS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
