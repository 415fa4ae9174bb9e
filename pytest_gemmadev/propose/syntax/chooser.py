"""The model's part: it chooses between repairs that parse, and writes a line where none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_gemmadev.propose.syntax.compiler import Fault, Target, compiled, late_fault
from pytest_gemmadev.propose.syntax.draft import Change, Draft, Fix
from pytest_gemmadev.propose.syntax.repair_search import Solution
from pytest_gemmadev.propose.syntax.text_layout import indentation
from pytest_gemmadev.text.lines import split_lines
from pytest_gemmadev.types import Model, Sampling

WEIGHT = 0.35  # nats of cost for a nat of the model's likelihood
NEAR = 2.5  # nats: repairs dearer than the best by more are not asked about
ASKED = 5  # repairs the model compares, at most
BEFORE, BEHIND = 24, 1  # lines that the model reads before and behind what differs
LONGEST = 10  # lines of a repair that it reads; on two cores each costs some 30 ms
_CHARACTERS = 1200  # of the lines before
_WRITTEN = 9.0  # nats: what the model wrote is a last resort
_SAMPLES = 4


def chosen(solutions: Sequence[Solution], model: Model) -> list[Solution]:
    """The solutions with the model's likelihood in their costs, best first."""
    near = [s for s in solutions if s.draft.cost <= solutions[0].draft.cost + NEAR][:ASKED]
    if len(near) < 2 or not model.info.can_score:
        return list(solutions)
    texts = [s.draft.lines for s in near]
    first, behind = _common(texts)
    prefix = "".join(f"{line}\n" for line in texts[0][max(0, first - BEFORE) : first])
    scores = model.score(prefix[-_CHARACTERS:], [_differing(t, first, behind) for t in texts])
    top = max(scores)
    weighed = [
        Solution(replace(s.draft, cost=s.draft.cost + WEIGHT * min(30.0, top - score)))
        for s, score in zip(near, scores, strict=True)
    ]
    rest = [s for s in solutions if s not in near]
    return sorted([*weighed, *rest], key=lambda s: s.draft.cost)


def _common(texts: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How many lines all the texts begin with, and how many all end with behind those."""
    shortest = min(map(len, texts))
    first = 0
    while first < shortest - 1 and len({text[first] for text in texts}) == 1:
        first += 1
    behind = 0
    while behind < shortest - first - 1 and len({text[-1 - behind] for text in texts}) == 1:
        behind += 1
    return first, behind


def _differing(text: Sequence[str], first: int, behind: int) -> str:
    """The lines in which a text differs from the others, and a little of what follows."""
    last = min(len(text) - behind + BEHIND, first + LONGEST)
    return "".join(f"{line}\n" for line in text[first:last])


def written(
    text: str, fault: Fault, target: Target | None, model: Model, *, seed: int = 0
) -> list[Solution]:
    """Solutions in which the model wrote the line of the fault anew; often none."""
    draft = Draft.of(split_lines(text))
    row = min(fault.line, len(draft.lines) - 1)
    pad = indentation(draft.lines[row])
    before = "".join(f"{line}\n" for line in draft.lines[max(0, row - BEFORE) : row])
    prompt = before[-_CHARACTERS:] + pad
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
