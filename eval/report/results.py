"""``docs/results.md`` from stored runs: ``python -m eval.report.results [RUN…] [--pair RUN RUN]``.

What is kept of a run is a record under ``eval/data/results/``. The page is written from the records alone, so
anybody can write it again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.report.page import page
from eval.report.records import RECORDS, ROOT, pair_of, read_records, record_of, write_record
from pytest_gemmadev.types import GemmadevError

PAGE = ROOT / "docs" / "results.md"


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the page was written."""
    parser = argparse.ArgumentParser(prog="python -m eval.report.results", description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs to keep a record of")
    parser.add_argument(
        "--pair", nargs=2, action="append", default=[], type=Path, metavar="RUN",
        help="two runs on the same cases: what either has alone",
    )  # fmt: skip
    parser.add_argument("--records", type=Path, default=RECORDS, help=argparse.SUPPRESS)
    parser.add_argument("--page", type=Path, default=PAGE, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        for folder in options.runs:
            print(write_record(record_of(folder), options.records))
        for first, second in options.pair:
            print(write_record(pair_of(first, second), options.records))
    except GemmadevError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    options.page.write_text(page(read_records(options.records)), encoding="utf-8")
    print(options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
