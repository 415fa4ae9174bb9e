"""Decides whether the tests of a failing set are likelier wrong than the code.

Before a search only what settles it counts: a documented example or another test that says the
opposite, and the code that keeps all it states. After it, what the search has found counts as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_gemmadev.search.claims.plain_values import same_result
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import SearchResult
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.test_faults.contradictions import Evidence, Values, examine
from pytest_gemmadev.search.test_faults.expectation_diff import write_diff
from pytest_gemmadev.search.test_faults.expectations import Stated, read_statements
from pytest_gemmadev.search.test_faults.likelihood import nats_for_code
from pytest_gemmadev.search.test_faults.search_evidence import describe_search, read_search
from pytest_gemmadev.search.test_faults.sentences import describe
from pytest_gemmadev.search.test_faults.subjects import Subjects
from pytest_gemmadev.search.test_faults.weights import (
    AFTER,
    BEFORE,
    PRIOR,
    nats,
    probability,
    read_features,
)
from pytest_gemmadev.types import (
    ErrorStack,
    Expression,
    Frame,
    GemmadevError,
    Probing,
    RepairTask,
    Role,
    SuspectTest,
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The failing expectations of a task, and what speaks against each."""

    evidence: Mapping[str, Evidence]  # by node id; all of the failing set
    nats: Mapping[str, float]  # log-odds that the test is at fault, before a search
    suspects: Mapping[str, SuspectTest]
    is_alone: bool = False  # no patch was found, or none that a person would write

    def is_enough(self, limits: Limits) -> bool:
        """Whether nothing is to be written, now that the search has ended."""
        return self.probability >= (limits.suspected_alone if self.is_alone else limits.suspected)

    @property
    def probability(self) -> float:
        """That all of them are at fault."""
        return min(suspect.probability for suspect in self.suspects.values())

    @property
    def reason(self) -> str:
        """One sentence on the first of them."""
        first = next(iter(self.suspects.values()))
        likely = "is likelier" if first.probability >= 0.5 else "may be"
        why = f": {first.evidence[0]}" if first.evidence else ""
        return f"the test {likely} wrong, at line {first.line}{why}"


def assess_before(context: SearchContext, task: RepairTask) -> Doubt | None:
    """The doubt about a failing set; None where what a test expects, or what it gets, is not clear."""
    if not isinstance(context.oracle, Probing):
        return None
    evidence: dict[str, tuple[str, Evidence]] = {}
    for path, stacks in _by_file(task.stacks).items():
        if path not in task.context:
            return None
        found = _examine_file(context, task, path, stacks=stacks)
        evidence |= {nodeid: (path, each) for nodeid, each in found.items()}
    if not set(task.targets) <= evidence.keys():
        return None
    odds: dict[str, float] = {}
    suspects: dict[str, SuspectTest] = {}
    for nodeid, (path, each) in evidence.items():
        text = task.sources[each.subject.function.path]
        said = nats_for_code(context.model, each.subject, got=each.got, text=text)
        odds[nodeid] = nats(read_features(each, said), BEFORE, PRIOR)
        suspects[nodeid] = SuspectTest(
            file=path,
            line=each.subject.stated.line,
            expected=each.subject.stated.expected,
            got=each.got,
            evidence=describe(each, said),
            diff=write_diff(path, each.subject, each.got, read=context.files.read),
            probability=probability(odds[nodeid]),
        )
    return Doubt({n: each for n, (_, each) in evidence.items()}, odds, suspects)


def assess_after(
    context: SearchContext, task: RepairTask, doubt: Doubt | None, *, result: SearchResult
) -> Doubt | None:
    """The doubt once a search has ended; None where there was none before."""
    if doubt is None:
        return None
    features = read_search(context, task, result, evidence=doubt.evidence)
    said = describe_search(features)
    odds = {nodeid: n + nats(features, AFTER, 0.0) for nodeid, n in doubt.nats.items()}
    suspects = {
        nodeid: replace(
            suspect,
            evidence=(*suspect.evidence, *said),
            probability=probability(odds[nodeid]),
        )
        for nodeid, suspect in doubt.suspects.items()
    }
    is_alone = not result.found or bool(features["special"])
    return Doubt(doubt.evidence, odds, suspects, is_alone)


def _by_file(stacks: Sequence[ErrorStack]) -> dict[str, list[ErrorStack]]:
    found: dict[str, list[ErrorStack]] = {}
    for stack in stacks:
        frame = _test_frame(stack)
        found.setdefault("" if frame is None else frame.path, []).append(stack)
    return found


def _test_frame(stack: ErrorStack) -> Frame | None:
    return next((f for f in reversed(stack.frames) if f.role is Role.TEST), None)


def _examine_file(
    context: SearchContext, task: RepairTask, path: str, *, stacks: Sequence[ErrorStack]
) -> dict[str, Evidence]:
    """Evidence by node id for those failing tests of one file whose expectation is clear."""
    text, oracle = task.context[path], context.oracle
    subjects = Subjects(path, text, task.sources)
    failing = {
        stack.nodeid: [s for each in _asserted(stack, text) if (s := subjects.find(each))]
        for stack in stacks
    }
    flat = [subject for each in failing.values() for subject in each]
    if not flat or not isinstance(oracle, Probing):
        return {}
    read = read_statements(text)[: context.limits.expectations]
    others = [s for each in read if (s := subjects.find(each)) is not None]

    def evaluate(expressions: Sequence[Expression]) -> Values | None:
        return oracle.evaluate(task, [task.overlay], expressions)[0]

    readme = _read_readme(context)
    known = examine(flat, others, task.sources, readme=readme, evaluate=evaluate)
    by_node = {nodeid: [e for e in known if e.subject in own] for nodeid, own in failing.items()}
    # None where it fails for a reason that was not read; several where it is not clear which.
    return {nodeid: own[0] for nodeid, own in by_node.items() if len(own) == 1}


def _read_readme(context: SearchContext) -> str:
    """The text of the project's README; empty where there is none."""
    for path in ("README.md", "README.rst", "README.txt", "README"):
        with contextlib.suppress(GemmadevError):
            return context.files.read(path).decode("utf-8", "replace").replace("\r\n", "\n")
    return ""


def _asserted(stack: ErrorStack, text: str) -> list[Stated]:
    """The expectations on the line that a test has failed at; empty where another function failed."""
    frame = _test_frame(stack)
    if frame is None or stack.phase != "call":
        return []
    name = stack.nodeid.rpartition("::")[2].partition("[")[0]
    if frame.function.rpartition(".")[2] != name:
        return []
    facts = {fact.name: fact.value for fact in frame.facts}
    return [
        stated
        for stated in read_statements(text, facts)
        if stated.test == name
        and stated.line <= frame.line <= stated.end_line
        and all(same_result(v, facts.get(n, "")) is not False for n, v in stated.parameters)
    ]
