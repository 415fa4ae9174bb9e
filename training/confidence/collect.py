"""Broken functions, repaired: the facts of every plausible patch and whether it is right, a line a problem.

python -m training.confidence.collect --from stdlib networkx … --drills 400 --output rows.jsonl --hours 1
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import random
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from training.confidence.closures import Program, programs_of
from training.data.decontaminate import Held
from training.data.drill_modules import write_modules
from training.data.exercises import drill_examples
from training.data.functions import SourceText, is_permissive, sources

PROGRAM_S = 90.0  # for all problems of one program


def packages(names: list[str], *, seed: int) -> Iterator[Program]:
    """Functions that stand alone, of permissively licensed sources, in a random order."""
    found = [
        program
        for source in sources(names)
        if is_permissive(source.license)
        for program in programs_of(source)
    ]
    random.Random(seed).shuffle(found)
    yield from found


def drills(count: int, *, seed: int) -> Iterator[Program]:
    """Drills of this project as programs."""
    with tempfile.TemporaryDirectory() as name:
        write_modules(drill_examples(count, Held(), seed=seed), Path(name), seed=seed)
        files = sorted(Path(name).glob("*.py"))
        texts = [(file.stem, file.read_text(encoding="utf-8")) for file in files]
    for stem, text in texts:
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                source = SourceText(f"{stem}.py", text, "drills", "Apache-2.0", stem)
                for program in programs_of(source):
                    if program.function == node.name:
                        yield Program(
                            program.id,
                            f"drills/{node.name}",
                            stem,
                            program.text,
                            node.name,
                            "drill",
                        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.confidence.collect", description=__doc__
    )
    parser.add_argument("--from", dest="names", nargs="*", default=[], metavar="SOURCE")
    parser.add_argument("--drills", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--each", type=int, default=1, help="problems of a function")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    streams: list[Iterable[Program]] = []
    if options.names:
        streams.append(packages(options.names, seed=options.seed))
    if options.drills:
        streams.append(drills(options.drills, seed=options.seed))
    mixed = itertools.chain.from_iterable(
        (each for each in group if each is not None) for group in itertools.zip_longest(*streams)
    )
    collect(mixed, options)
    return 0


def collect(programs: Iterable[Program], options: argparse.Namespace) -> None:
    """Appends the rows to the output until the time is over or nothing is left."""
    done = set()
    if options.output.exists():
        done = {json.loads(line)["id"].partition("#")[0] for line in options.output.open()}
    end_s = time.monotonic() + options.hours * 3600
    work: Queue[Program] = Queue(maxsize=8)
    lock = threading.Lock()
    counts = {"programs": 0, "problems": 0, "patches": 0}
    finished = threading.Event()

    def run() -> None:
        child = Child()
        while time.monotonic() < end_s:
            try:
                program = work.get(timeout=0.2)
            except Empty:
                if finished.is_set():
                    break
                continue
            rows = child.ask(
                {"program": asdict(program), "seed": options.seed, "most": options.each}
            )
            with lock:
                counts["programs"] += 1
                counts["problems"] += len(rows)
                counts["patches"] += sum(len(row["found"]) for row in rows)
                with options.output.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in rows)
                if counts["programs"] % 50 == 0:
                    print(counts, flush=True)
        child.end()

    threads = [threading.Thread(target=run) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for program in programs:
        if program.id in done:
            continue
        while time.monotonic() < end_s:
            try:
                work.put(program, timeout=0.2)
                break
            except Exception:
                continue
        if time.monotonic() >= end_s:
            break
    finished.set()
    for thread in threads:
        thread.join()
    print(counts, flush=True)


class Child:
    """A worker process, started anew where it died or took too long."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, object]) -> list[dict[str, Any]]:
        try:
            child = self._process = self._process or self._start()
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(child.stdout, selectors.EVENT_READ)
                line = child.stdout.readline() if selector.select(PROGRAM_S) else ""
            rows: list[dict[str, Any]] = json.loads(line)
        except (OSError, ValueError):
            self.end()
            return []
        return rows

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "training.confidence.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("SHOW_ERRORS") else None,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )

    def end(self) -> None:
        child, self._process = self._process, None
        if child is not None:
            child.kill()
            child.wait()


if __name__ == "__main__":
    sys.exit(main())
