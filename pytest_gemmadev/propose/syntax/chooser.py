"""The model's part: it chooses between repairs that parse, and writes a line where none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_gemmadev.core.types import Model, Sampling
from pytest_gemmadev.propose.syntax.check import Fault, Target, compiled, late_fault
from pytest_gemmadev.propose.syntax.draft import NEW, Change, Draft, Fix
from pytest_gemmadev.propose.syntax.layout import indentation, split_lines
from pytest_gemmadev.propose.syntax.search import Solution

WEIGHT = 0.35  # nats of cost for a nat of the model's likelihood
NEAR = 2.5  # nats: repairs dearer than the best by more are not asked about
ASKED = 6  # repairs the model compares, at most
BEFORE, BEHIND = 40, 2  # lines that the model reads before and behind what differs
_WRITTEN = 9.0  # nats: what the model wrote is a last resort
_SAMPLES = 4


def chosen(solutions: Sequence[Solution], model: Model) -> list[Solution]:
    """The solutions with the model's likelihood in their costs, best first."""
    near = [s for s in solutions if s.draft.cost <= solutions[0].draft.cost + NEAR][:ASKED]
    if len(near) < 2 or not model.info.can_score:
        return list(solutions)
    first = min(_changed(s.draft)[0] for s in near)
    prefix = "".join(f"{line}\n" for line in near[0].draft.lines[max(0, first - BEFORE) : first])
    texts = [_continuation(s.draft, first) for s in near]
    scores = model.score(prefix, texts)
    top = max(scores)
    weighed = [
        Solution(replace(s.draft, cost=s.draft.cost + WEIGHT * min(30.0, top - score)))
        for s, score in zip(near, scores, strict=True)
    ]
    rest = [s for s in solutions if s not in near]
    return sorted([*weighed, *rest], key=lambda s: s.draft.cost)


def _changed(draft: Draft) -> tuple[int, int]:
    """The first and the last row that differ from the file."""
    rows = [row for row, origin in enumerate(draft.origin) if origin == NEW]
    gaps = [
        row
        for row in range(1, len(draft.origin))
        if NEW not in draft.origin[row - 1 : row + 1]
        and draft.origin[row] != draft.origin[row - 1] + 1
    ]
    rows = sorted(rows + gaps) or [0]
    return rows[0], rows[-1]


def _continuation(draft: Draft, first: int) -> str:
    last = min(_changed(draft)[1], first + BEFORE)
    return "\n".join(draft.lines[first : last + 1 + BEHIND]) + "\n"


def written(
    text: str, fault: Fault, target: Target | None, model: Model, *, seed: int = 0
) -> list[Solution]:
    """Solutions in which the model wrote the line of the fault anew; often none."""
    draft = Draft.of(split_lines(text))
    row = min(fault.line, len(draft.lines) - 1)
    pad = indentation(draft.lines[row])
    prompt = "".join(f"{line}\n" for line in draft.lines[max(0, row - BEFORE) : row]) + pad
    sampling = Sampling(max_tokens=48, temperature=0.7, samples=_SAMPLES, stop=("\n",), seed=seed)
    found: list[Solution] = []
    for completion in model.complete(prompt, sampling):
        fix = Fix((Change(row, row + 1, (pad + completion.text.rstrip(),)),), _WRITTEN, "written",
                  "a line that the model wrote")  # fmt: skip
        further = draft.fixed(fix)
        tree = compiled("\n".join(further.lines), target)
        if not isinstance(tree, Fault) and late_fault("\n".join(further.lines)) is None:
            found.append(Solution(further))
    return found
