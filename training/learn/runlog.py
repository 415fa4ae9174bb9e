"""What a run says while it goes on, and what it leaves: a log, two plots, a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.output import written

LOG = "log.jsonl"
REPORT = "report.md"
PLOTS = {
    "loss": ("loss.png", "training loss"),
    "learning_rate": ("learning_rate.png", "learning rate"),
}


@dataclass(slots=True)
class Log:
    """Rows of a run, kept in a file a line each; a resumed run goes on where its weights do."""

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def opened(cls, folder: Path, *, after_step: int) -> Log:
        """The log of the run in ``folder`` up to a step, the file cut there too."""
        kept = [row for row in read_log(folder) if row["step"] <= after_step]
        log = cls(folder, kept)
        with written(folder / LOG) as file:
            file.writelines(json.dumps(row) + "\n" for row in kept)
        return log

    def add(self, row: Mapping[str, Any]) -> None:
        self.rows.append(dict(row))
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The rows that a run has written; a line that a kill cut short is left out."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def progress(row: Mapping[str, Any], *, steps: int) -> str:
    """One line on a step: loss, rate, speed and how long it will take."""
    parts = [f"step {row['step']}/{steps}"]
    if "loss" in row:
        parts.append(f"loss {row['loss']:.4f}")
    if "eval_loss" in row:
        parts.append(f"held-out loss {row['eval_loss']:.4f}")
    if "learning_rate" in row:
        parts.append(f"lr {row['learning_rate']:.2e}")
    if row.get("tokens_per_s"):
        parts.append(f"{row['tokens_per_s']:.0f} tokens/s")
    if row.get("left_s") is not None:
        parts.append(f"{duration(row['left_s'])} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def plot(folder: Path, rows: Sequence[Mapping[str, Any]], say: Callable[[str], None]) -> list[str]:
    """Draws loss and learning rate against steps; the names of the files that were written."""
    try:
        import matplotlib as mpl
    except ImportError:
        say("no plots: matplotlib is not installed; the figures are in log.jsonl")
        return []
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = []
    for key, (name, title) in PLOTS.items():
        points = [(row["step"], row[key]) for row in rows if key in row]
        if not points:
            continue
        figure, axes = plt.subplots(figsize=(7, 4), dpi=120)
        axes.plot(*zip(*points, strict=True), color="#1f5fa8", linewidth=1.2)
        held_out = [(row["step"], row["eval_loss"]) for row in rows if "eval_loss" in row]
        if key == "loss" and held_out:
            axes.plot(*zip(*held_out, strict=True), color="#c05020", marker="o", label="held out")
            axes.legend(frameon=False)
        axes.set(xlabel="step", ylabel=title)
        axes.grid(alpha=0.25)
        figure.tight_layout()
        try:
            figure.savefig(folder / name)
        except OSError as error:
            raise GemmadevError(f"{folder / name}: cannot be written ({error.strerror})") from None
        finally:
            plt.close(figure)
        names.append(name)
    return names


def write_report(
    folder: Path, title: str, facts: Mapping[str, object], pictures: Sequence[str]
) -> None:
    """A page that says what was run and shows how it went."""
    with written(folder / REPORT) as file:
        file.write(f"# {title}\n\n")
        file.writelines(_table(facts))
        for picture in pictures:
            file.write(f"\n![{Path(picture).stem.replace('_', ' ')} against steps]({picture})\n")


def _table(facts: Mapping[str, object]) -> Iterator[str]:
    yield "| what | value |\n|---|---|\n"
    for key, value in facts.items():
        yield f"| {key} | {value} |\n"
