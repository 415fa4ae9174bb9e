"""Figures of a report as SVG texts, the same for the same numbers; empty without matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

GOOD, MEH, BAD, GREY = "#1a7f37", "#d29922", "#cf222e", "#57606a"
_WIDTH = 6.4  # inches
_SETTINGS: Any = {"svg.hashsalt": "gemmadev", "font.size": 10, "svg.fonttype": "none"}


def outcomes_plot(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """A bar for each group of cases: correct, plausible and wrong, not plausible."""
    names = list(groups)[::-1]
    shares: dict[str, list[int]] = {"correct": [], "plausible but wrong": [], "not repaired": []}
    for name in names:
        totals = groups[name]
        shares["correct"].append(totals["correct"])
        shares["plausible but wrong"].append(totals["plausible"] - totals["correct"])
        shares["not repaired"].append(totals["cases"] - totals["plausible"])
    return _bars(names, shares, (GOOD, MEH, BAD), "cases")


def counts_plot(counts: Mapping[str, int], label: str) -> str:
    """A bar for each count."""
    names = list(counts)[::-1]
    return _bars(names, {label: [counts[name] for name in names]}, (GREY,), label)


def time_plot(runs: Mapping[str, tuple[Sequence[float], int]]) -> str:
    """The share of cases repaired correctly within so many seconds: (their seconds, of how many)."""
    axes, finish = _figure(3.4)
    if axes is None:
        return ""
    drawn = 0
    for name, (seconds, total) in runs.items():
        ordered = sorted(seconds)
        if ordered and total:
            shares = [100 * n / total for n in range(1, len(ordered) + 1)]
            axes.step([ordered[0], *ordered], [0, *shares], where="post", label=name)
            drawn += 1
    if not drawn:
        return ""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="seconds", ylabel="% correct", ylim=(0, 100))
    axes.grid(alpha=0.3)
    if len(runs) > 1:
        axes.legend(frameon=False, fontsize=9)
    return finish()


def rates_plot(rates: Mapping[str, tuple[float, float, float]], label: str) -> str:
    """A point with its interval for each rate: (rate, low, high), from 0 to 1."""
    axes, finish = _figure(0.9 + 0.4 * len(rates))
    if axes is None or not rates:
        return ""
    names = list(rates)[::-1]
    for place, name in enumerate(names):
        rate, low, high = (100 * value for value in rates[name])
        axes.plot([low, high], [place, place], color=GREY, linewidth=2)
        axes.plot([rate], [place], "o", color=GOOD)
        axes.annotate(f"{rate:.0f}", (rate, place), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=label, xlim=(0, 100), ylim=(-0.6, len(names) - 0.3))
    axes.grid(axis="x", alpha=0.3)
    return finish()


def reliability_plot(points: Sequence[tuple[float, float, float, float, int]]) -> str:
    """The share right over the probability: (probability, share, low, high, of how many), 0 to 1."""
    axes, finish = _figure(4.8)
    if axes is None or not points:
        return ""
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="as told")
    for number, point in enumerate(points):
        told, share, low, high = (100 * value for value in point[:4])
        axes.plot([told, told], [low, high], color=GREY, linewidth=2)
        axes.plot([told], [share], "o", color=GOOD, label="" if number else "share right")
        place = {"textcoords": "offset points", "va": "center", "fontsize": 9}
        axes.annotate(f"{point[4]}", (told, share), (6, -9), **place)
    axes.set(xlabel="% probability", ylabel="% right", xlim=(0, 106), ylim=(-5, 104))
    axes.set_xticks(range(0, 101, 10))
    axes.set_yticks(range(0, 101, 10))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return finish()


def _bars(
    names: Sequence[str], shares: Mapping[str, Sequence[int]], colours: Sequence[str], label: str
) -> str:
    axes, finish = _figure(0.9 + 0.4 * len(names))
    if axes is None or not names:
        return ""
    left = [0] * len(names)
    for (share, counts), colour in zip(shares.items(), colours, strict=True):
        bars = axes.barh(list(names), counts, left=left, color=colour, label=share)
        axes.bar_label(bars, [str(n) if n else "" for n in counts], label_type="center", color="w")
        left = [before + count for before, count in zip(left, counts, strict=True)]
    axes.set_xlabel(label)
    if len(shares) > 1:
        axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    return finish()


def _figure(height: float) -> tuple[Any, Callable[[], str]]:
    """Axes, and what turns them into SVG; None without matplotlib, which reports can do without."""
    if find_spec("matplotlib") is None:
        return None, str
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)

    def finish() -> str:
        text = io.StringIO()
        with mpl.rc_context(_SETTINGS):
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    return axes, finish
