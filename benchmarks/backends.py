"""The ten debugging cases through each backend, all of them over the same packaged model.

In its own process (``gguf:``), behind llama.cpp's server on loopback (``openai:``), behind Ollama's
interface in front of that server (``ollama:``, a stand-in: `tests/models/front.py`), and through
transformers in four bits on the CPU (``hf:``, with the interpreter of an environment that has [hf]).
Each backend is a run of ``python -m eval.run debug-cases``; prints what became of the cases.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests" / "models")]

from jobs import served  # noqa: E402 - beside this file

from pytest_gemmadev.models.packaged import GEMMA, join  # noqa: E402

BACKENDS = ("none", "gguf", "openai", "ollama", "hf")


@contextmanager
def specs(wanted: list[str]) -> Iterator[dict[str, str]]:
    """The spec of the packaged model for each backend; the servers run while inside."""
    from front import OllamaFront  # type: ignore[import-not-found]  # on sys.path above
    from standin import serving  # type: ignore[import-not-found]  # as well

    here = {"none": "none", "gguf": f"gguf:{join(GEMMA)}", "hf": "hf:gemmadev"}
    if not {"openai", "ollama"} & set(wanted):
        yield here
        return
    with served(1) as openai:
        url = openai.partition("@")[2]
        with serving(OllamaFront(model="gemma", behind=url)) as front:
            yield {**here, "openai": openai, "ollama": f"ollama:gemma@{front.url}"}


def run(python: str, spec: str, folder: Path, more: list[str]) -> dict[str, Any]:
    """The totals of one run."""
    options = [f"--model={spec}", f"--output={folder}", *more]
    command = [python, "-m", "eval.run", "debug-cases", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    report = folder / "report.json"
    if done.returncode or not report.is_file():
        return {"trouble": (done.stderr.strip().splitlines() or ["no report"])[-1]}
    totals: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["totals"]
    return totals


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--output", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--hf-python", default=sys.executable, help="one that has [hf]")
    parser.add_argument("--budget", default="60", help="seconds a case; default 60")
    parser.add_argument("--every", default="1", help="every n-th case only")
    parser.add_argument("--only", help="cases whose id contains this only")
    options = parser.parse_args(argv)
    more = [f"--budget={options.budget}", f"--every={options.every}"]
    more += [f"--only={options.only}"] if options.only else []
    with specs(options.backends) as spec:
        for backend in options.backends:
            python = options.hf_python if backend == "hf" else sys.executable
            totals = run(python, spec[backend], options.output.absolute() / backend, more)
            if "trouble" in totals:
                print(f"{backend:7} {totals['trouble']}", flush=True)
                continue
            print(
                f"{backend:7} {totals['cases']} cases, {totals['plausible']} plausible, "
                f"{totals['correct']} correct, median {totals['median_s']:.1f} s",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
