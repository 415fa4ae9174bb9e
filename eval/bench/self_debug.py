"""``eval.run humaneval --self-debug``: each sample through the repair loop before it is scored.

The loop sees what a person who asks for the function sees: the docstring's own examples, as tests.
The tests that score the sample are not among them. A sample of a problem without examples stays as
it is. Samples run in the same sandbox as for scoring, the loop and its model with them.
"""

from __future__ import annotations

import ast
import base64
import doctest
import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from eval.bench import debug_sample
from eval.bench.sandbox import run_isolated
from eval.report.runs import Row
from pytest_gemmadev.types import GemmadevError

SOLUTION, TESTS = "solution.py", "test_examples.py"
_SPARE_S = 30.0  # for starting, the first run of the examples, and the last one
_LONGEST = 90_000  # characters of the request, which travels as an argument


def examples_of(problem: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(call, expected) of the examples that the docstring writes as at Python's prompt."""
    try:
        found = doctest.DocTestParser().get_examples(_docstring(problem))
    except ValueError:  # not laid out as doctest wants it
        return ()
    return tuple(
        (example.source.strip(), example.want.strip())
        for example in found
        if example.want.strip() and _is_expression(example.source)
    )


def tests_of(problem: Mapping[str, str]) -> str:
    """A test module of the examples; empty where there are none."""
    tests = [
        f"def test_example_{number}():\n    assert {_checked(call, want)}\n"
        for number, (call, want) in enumerate(examples_of(problem), start=1)
    ]
    if not tests:
        return ""
    return "\n\n".join((f"from {SOLUTION[:-3]} import *\n", *tests))


def debugged(problem: Mapping[str, str], row: Row, *, model: str, budget_s: float) -> Row:
    """The row with what the loop made of its completion, and the completion as it was."""
    tests = tests_of(problem)
    if not tests:
        return {**row, "debug": "no examples"}
    before = problem["prompt"] + row["completion"]
    after = _repair(before, tests, model=model, budget_s=budget_s)
    if after is None:
        return {**row, "debug": "ended from outside"}
    if after == before:
        return {**row, "debug": "unchanged"}
    changed = {"debug": "changed", "undebugged": row["completion"]}
    if after.startswith(problem["prompt"]):
        return {**row, **changed, "completion": after[len(problem["prompt"]) :]}
    # The loop changed the prompt's own lines: the whole text follows them and replaces them.
    return {**row, **changed, "completion": f"\n\n{after}"}


def _repair(text: str, tests: str, *, model: str, budget_s: float) -> str | None:
    """The text as the loop leaves it; None where it had to be ended."""
    options = ["--gemmadev-fix", f"--gemmadev-model={model}", f"--gemmadev-budget={budget_s:g}"]
    request = {
        "files": {SOLUTION: text, TESTS: tests, "pytest.ini": "[pytest]\n"},
        "answer": SOLUTION,
        "argv": ["-q", "-p", "no:cacheprovider", TESTS, *_limit(), *options],
    }
    encoded = base64.b64encode(json.dumps(request).encode()).decode()
    if len(encoded) > _LONGEST:
        return None
    root = str(Path(__file__).resolve().parents[2])
    done = run_isolated(
        [sys.executable, "-I", debug_sample.__file__, root, encoded], timeout_s=budget_s + _SPARE_S
    )
    if done.stopped or done.status < 0:
        return None
    if done.status == 4:
        raise GemmadevError(f"the loop refuses to run: {done.output.strip().splitlines()[0]}")
    try:
        return base64.b64decode(done.output.splitlines()[-1], validate=True).decode("utf-8")
    except (ValueError, IndexError):
        return None


def _limit() -> list[str]:
    """Ends an example that loops, where the plugin for that is installed."""
    return ["--timeout=5"] if find_spec("pytest_timeout") is not None else []


def _docstring(problem: Mapping[str, str]) -> str:
    """Of the function that is asked for; the prompt may define helpers before it."""
    try:
        tree = ast.parse(problem["prompt"])
    except SyntaxError:
        return ""
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name == problem["entry_point"]:
            return ast.get_docstring(node) or ""
    return ""


def _is_expression(source: str) -> bool:
    try:
        ast.parse(source.strip(), mode="eval")
    except SyntaxError:
        return False
    return True


def _checked(call: str, want: str) -> str:
    """The comparison of a call with what Python would print: by value where that can be read."""
    if _is_expression(want):
        return f"{call} == {want}" if "\n" not in want else f"{call} == ({want})"
    return f"repr({call}) == {want!r}"
