"""Makes cases for ``eval.run syntax``: ``python -m eval.cases.syntax_cases --output DIR``.

Errors are implanted into sources that are installed here, the standard library by default. Nothing
of it is kept in the repository: the same seed on the same installation makes the same cases.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.cases.implant import BREAKERS, Breaker, Source
from eval.cases.slips import SLIPS
from pytest_gemmadev.propose.syntax.compiler import Unparsable, find_fault, quietly
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import GemmadevError, Inapplicable

SMALLEST, LARGEST = 600, 60_000  # characters of an ordinary source
LARGE = 250_000  # characters from which a source counts as large
WAYS: Mapping[str, Mapping[str, Breaker]] = {
    "keys": BREAKERS, "commits": SLIPS, "all": {**BREAKERS, **SLIPS}
}  # fmt: skip
_TRIES = 60  # sources tried for one case
_TWICE, _LARGE_SHARE = 8, 25  # every n-th case has two errors; every n-th is a large file


def main(argv: Sequence[str] | None = None) -> int:
    """Writes ``cases.jsonl``; 0 when all were made."""
    parser = argparse.ArgumentParser(prog="python -m eval.cases.syntax_cases", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=400, metavar="N", help="default 400")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--sources", type=Path, nargs="*", metavar="DIR",
                        help="default: the standard library")  # fmt: skip
    parser.add_argument("--ways", choices=sorted(WAYS), default="all",
                        help="slips on a key, half-made commits, or both (default)")  # fmt: skip
    options = parser.parse_args(argv)
    folders = options.sources or [Path(sysconfig.get_paths()["stdlib"])]
    try:
        files = list(_files(folders))
        cases = list(make(files, options.count, options.seed, WAYS[options.ways]))
    except GemmadevError as error:
        print(f"syntax_cases: {error}", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    print(f"{path}: {len(cases)} cases")
    return 0


def make(
    files: Sequence[Path], count: int, seed: int, ways: Mapping[str, Breaker]
) -> Iterator[dict[str, Any]]:
    """Cases, the ways to break in turn."""
    large = [path for path in files if path.stat().st_size > LARGE]
    usual = [path for path in files if SMALLEST < path.stat().st_size < LARGEST]
    if not usual:
        raise GemmadevError("no source of a usual size; name other --sources")
    names = list(ways)
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        name = names[number % len(names)]
        pool = large if large and number % _LARGE_SHARE == _LARGE_SHARE - 1 else usual
        twice = number % _TWICE == _TWICE - 1
        for _ in range(_TRIES):
            path = rng.choice(pool)
            case = _case(path, name, rng, twice=twice, ways=ways)
            if case is not None:
                case["id"] = f"{name}-{number:03d}-{path.stem}"
                yield case
                break


def _case(
    path: Path, name: str, rng: random.Random, *, twice: bool, ways: Mapping[str, Breaker]
) -> dict[str, Any] | None:
    source = decode_source(path.read_bytes())
    if isinstance(source, Inapplicable) or "\r" in source.text or "\f" in source.text:
        return None
    text = source.text
    try:
        with quietly():
            if find_fault(text) is not None:
                return None
            broken = ways[name](Source.of(text), rng)
            if broken is not None and twice:
                broken = ways[rng.choice(list(ways))](Source.of(broken), rng)
            if broken is None or find_fault(broken) is None:
                return None
    except (Unparsable, IndexError):
        return None
    file = f"{path.stem}.py"
    return {
        "id": "", "slice": "two" if twice else name, "buggy_files": [file],
        "project": {file: broken}, "reference": {file: text}, "hidden_tests_files": {},
        "visible_tests": [], "hidden_tests": [],
    }  # fmt: skip


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise GemmadevError(f"{folder}: no such folder; --sources takes folders of sources")
        for path in sorted(folder.rglob("*.py")):
            if not {"site-packages", "lib2to3", "__pycache__"}.intersection(
                path.relative_to(folder).parts
            ):
                yield path


if __name__ == "__main__":
    sys.exit(main())
