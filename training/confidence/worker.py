"""A process that repairs problems and tells the facts of every plausible patch; `collect` starts and ends it.

Reads a program a line from standard input, answers a line with the rows of its problems.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pytest_gemmadev.files.sources import Sources
from pytest_gemmadev.registry import proposers
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.confidence.facts import facts_of
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.evidence import count_assertions
from pytest_gemmadev.search.failing_sets import top_of_stack
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.rank import scoring_context
from pytest_gemmadev.search.search import search
from pytest_gemmadev.types import Observation, RepairTask, Spectrum
from training.confidence.closures import Program
from training.confidence.in_process import InProcessOracle, value_of
from training.confidence.problems import Problem, load, problems_of
from training.data.trial import forbid, limit

BUDGET_S = 2.5
KEPT = 32  # plausible patches of a problem, the first found
# Goes on long after the first plausible patch: what a shorter search would have found is a part of it.
LIMITS = Limits(
    more=450,
    more_while_others_fail=450,
    more_while_related_fail=450,
    more_s=2.0,
    more_s_while_related_fail=2.0,
    examined=0,
)
# Most problems are searched less far: there are more of them then.
SHORT = replace(LIMITS, more=150, more_while_others_fail=150, more_while_related_fail=150)


def main() -> int:
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for number in (0, 1):
            os.dup2(nothing.fileno(), number)
    proposers(None)  # imports what it needs before opening files is watched
    limit()
    forbid()
    for line in requests:
        request = json.loads(line)
        program = Program(**request["program"])
        rows = []
        names = load(program.text, program)
        if names is not None:
            for problem in problems_of(program, names, seed=request["seed"], most=request["most"]):
                row = repair(problem)
                if row is not None:
                    rows.append(row)
        answers.write(json.dumps(rows) + "\n")
        answers.flush()
    return 0


def repair(problem: Problem) -> dict[str, Any] | None:
    """One row: the facts of the plausible patches, what they give for calls, and which are right."""
    program = problem.program
    oracle = InProcessOracle(program.module, program.function, problem.broken, problem.cases)
    try:
        seen = oracle.observe({})
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return None
    if not seen.stacks:
        return None
    spectra = oracle.spectrum(RepairTask((), (), frozenset(), {}, {}))
    task = _task(oracle, seen, spectra)
    first, _ = proposers(None)
    context = SearchContext(
        oracle=oracle,
        proposers=first,
        writers=(),
        files=oracle.files,
        model=None,
        clock=time.process_time,
        limits=LIMITS if zlib.crc32(problem.id.encode()) % 3 == 0 else SHORT,
    )
    start_s = time.monotonic()
    result = search(context, task, Meter(Budget(BUDGET_S), time.process_time))
    task = replace(task, spectra=spectra)
    found = sorted(result.found, key=lambda f: f.steps[-1].rank)[:KEPT]
    overlays = [{oracle.path: f.sources[oracle.path].encode()} for f in found]
    original, *behaviours = oracle.behaviours(task, [{}, *overlays])
    return {
        "id": problem.id,
        "origin": program.origin,
        "family": program.family,
        "how": problem.how,
        "function": program.function,
        "broken": problem.broken,
        "tests": oracle.test_file,
        "asserted": [list(pair) for case in problem.cases for pair in case.asserted],
        "head": _head(problem.broken, program.function),
        "task": {
            "error": task.stacks[0].kind.value,
            "targets": len(task.targets),
            "tried": result.statistics.validations,
            "assertions": sum(len(case.asserted) for case in problem.cases),
        },
        "hidden": len(problem.hidden),
        "seconds": round(time.monotonic() - start_s, 2),
        "out_of_budget": result.is_out_of_budget,
        "original": original,
        "found": [
            _found_row(each, behaviour, context, task, problem=problem)
            for each, behaviour in zip(found, behaviours, strict=True)
        ],
    }


def _task(
    oracle: InProcessOracle, seen: Observation, spectra: Mapping[str, Spectrum]
) -> RepairTask:
    """As the loop makes it."""
    failing = top_of_stack(
        seen.stacks, {n: len(s.lines) for n, s in spectra.items() if not s.passed}
    )
    targets = frozenset(failing.targets)
    several = len({s.signature for s in seen.stacks}) > 1
    return RepairTask(
        stacks=failing.stacks,
        targets=failing.targets,
        regression=seen.passing - targets,
        sources=Sources(oracle.files, {}),
        overlay={},
        others=tuple(n for n in seen.failing if n not in targets),
        also_failing=tuple(
            s for n, s in spectra.items() if several and n not in targets and not s.passed
        ),
        context={oracle.test_path: oracle.test_file},
    )


def _found_row(
    found: Found,
    behaviour: Mapping[str, str] | None,
    context: SearchContext,
    task: RepairTask,
    *,
    problem: Problem,
) -> dict[str, Any]:
    candidate = found.steps[0].candidate
    against = context.evidence_against(task, candidate) if len(found.steps) == 1 else 0.0
    edits = [edit for step in found.steps for edit in step.candidate.edits]
    scoring = None
    if len(found.steps) == 1:
        scoring = list(scoring_context(candidate, task.sources))
    facts = facts_of(found, task)
    text = next(iter(found.sources.values()))
    wrong = count_wrong(text, problem)
    return {
        **asdict(
            replace(
                facts,
                against=against,
                assertions=count_assertions(task, edits)
                if len(found.steps) == 1
                else facts.assertions,
            )
        ),
        "reach": len(found.targets) + found.others,
        "text": text,
        "scoring": scoring,
        "behaviour": behaviour,
        "wrong": wrong,
    }


def count_wrong(text: str, problem: Problem) -> int:
    """How many of the hidden calls give something else with a patch; all where it does not load."""
    names = load(text, problem.program)
    if names is None:
        return len(problem.hidden)
    return sum(value_of(call, names) != result for call, result in problem.hidden)


def _head(text: str, function: str) -> str:
    """The signature and the docstring of the function, as they stand in the text."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            last = (first.end_lineno or first.lineno) if documented else first.lineno - 1
            return "\n".join(lines[node.lineno - 1 : last])
    return ""


if __name__ == "__main__":
    sys.exit(main())
