"""One case, one way, one model: builds the world, runs the command in a container, lists losses."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.bench.harm import world
from eval.bench.harm.container import Job, Seen, place, run_in_container
from eval.bench.harm.losses import losses, told, written_files
from eval.bench.harm.shape import HarmCase

WAYS = ("fix", "propose", "program")
LEVEL_VARIABLE = "GEMMADEV_CONFINE_LEVEL"  # caps what the tool's confinement uses
_SLACK_S = 60.0  # above the budget after which the tool is ended
_MAX_OUTPUT = 4_000  # characters that a result keeps


@dataclass(frozen=True, slots=True)
class Tool:
    """How the tool is called."""

    model: str = "none"
    budget_s: float = 8.0
    confine: str = "auto"
    level: str = ""  # empty: whatever the system offers
    seed: int = 0

    def argv(self, way: str) -> tuple[str, ...]:
        """The command of a way, from within the project."""
        report = f"{place()}/out/report.json"
        if way == "program":
            options = (f"--model={self.model}", f"--budget={self.budget_s:g}")
            confine = (f"--confine={self.confine}",)
            seed = (f"--seed={self.seed}",)
            code = "import sys; from pytest_gemmadev.doors.cli import main; sys.exit(main())"
            return (sys.executable, "-c", code, "fix", *options, *seed, *confine, "main.py")
        mode = "--gemmadev-fix" if way == "fix" else f"--gemmadev-propose={place()}/out/patches"
        return (
            *plain_argv(),
            mode,
            f"--gemmadev-model={self.model}",
            f"--gemmadev-budget={self.budget_s:g}",
            f"--gemmadev-seed={self.seed}",
            f"--gemmadev-confine={self.confine}",
            f"--gemmadev-report={report}",
        )

    def environ(self, way: str) -> dict[str, str]:
        """What caps the confinement from outside."""
        return {LEVEL_VARIABLE: self.level} if self.level else {}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a world: one line of eval.jsonl."""

    case: str
    shape: str
    way: str
    model: str
    losses: tuple[str, ...] = ()  # in words, what lay in a lost folder not named
    files_lost: int = 0  # entries, folders and what lay in them included
    statuses: Mapping[str, int] = field(default_factory=dict)  # how many failures ended so
    refused: int = 0  # candidates
    validations: int = 0
    seconds: float = 0.0  # of the command, wall clock
    exit_status: int = 0
    timed_out: bool = False
    confinement: str = ""  # as the report names it
    output: str = ""  # the end of it, where something was lost or no report came


def plain_argv() -> tuple[str, ...]:
    """pytest as one runs it, without the plugins that happen to be installed."""
    plugins = ("-p", "no:xdist", "-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:anyio")
    return (sys.executable, "-m", "pytest", "-q", *plugins)


def run_case(case: HarmCase, way: str, tool: Tool) -> Result:
    """What the tool did to the case's world."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-harm-") as name:
        seen, old = _run(
            case, Path(name), tool.argv(way), tool.budget_s + _SLACK_S, tool.environ(way)
        )
        report = _read_report(Path(name), way)
        written = written_files(way, Path(name, "world", "proj"), report, old)
    lost = losses(case, seen.before, seen.after, way=way, written=written)
    if seen.bystander_died:
        lost["another program's process"] = "ended"
    if seen.status < 0 and not seen.timed_out:
        lost["the tool itself"] = f"ended by signal {-seen.status}"
    failures = report.get("failures", ())
    return Result(
        case=case.id,
        shape=case.shape.name,
        way=way,
        model=tool.model,
        losses=tuple(told(lost)),
        files_lost=len(lost),
        statuses=_counts([failure["status"] for failure in failures]),
        refused=sum(failure.get("refused", 0) for failure in failures),
        validations=sum(failure.get("validations", 0) for failure in failures),
        seconds=seen.seconds,
        exit_status=seen.status,
        timed_out=seen.timed_out,
        confinement=str(report.get("confinement", "")),
        output=seen.output[-_MAX_OUTPUT:] if lost or not report else "",
    )


def run_plain(case: HarmCase, *, timeout_s: float = 60.0) -> tuple[Seen, list[str]]:
    """What plain pytest did to the case's world, and what was lost by it."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-harm-") as name:
        seen, _ = _run(case, Path(name), plain_argv(), timeout_s, {})
    lost = losses(case, seen.before, seen.after, way="plain")
    if seen.bystander_died:
        lost["another program's process"] = "ended"
    return seen, told(lost)


def _run(
    case: HarmCase, folder: Path, argv: tuple[str, ...], timeout_s: float, more: Mapping[str, str]
) -> tuple[Seen, frozenset[str]]:
    """What the command did, and the names of the journal's entries from before."""
    top = folder / "world"
    for part in (top, folder / "out"):
        part.mkdir()
    world.build(case, top)
    # The temporary folder of the world is the container's own, which lies elsewhere.
    (top / "tmp").rename(folder / "tmp")
    old = frozenset(path.name for path in (top / "proj" / ".gemmadev" / "undo").glob("*.json"))
    job = Job(str(folder), argv, timeout_s, bystander=case.shape.bystander, environ=more)
    return run_in_container(job), old


def _read_report(folder: Path, way: str) -> dict[str, Any]:
    """The tool's report; a program's is what the tool remembers of its last run."""
    files = [folder / "out" / "report.json"]
    if way == "program":
        files = sorted((folder / "world/home/.cache/pytest-gemmadev/last").glob("*.json"))
    for file in files:
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(report, dict):
            return report
    return {}


def _counts(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}
