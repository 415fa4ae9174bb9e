"""Candidates that the model writes: a line, a block or a function in place of a suspicious one.

The most suspicious lines first, of lines about as suspicious those that say more; then blocks, and
then, while there is time, less suspicious lines. What comes out parses, differs from the code there
is, and changes nothing outside the lines that were asked about.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from math import log

from pytest_gemmadev.prompting.parse import edits, tree_key
from pytest_gemmadev.prompting.prompt import Prompt, block_prompt, function_prompt, line_prompt
from pytest_gemmadev.text.lines import split_lines
from pytest_gemmadev.types import (
    Candidate,
    Completion,
    Model,
    Origin,
    OriginKind,
    RepairTask,
    Sampling,
    Span,
    Suspicion,
)

# Natural-log probability that what the model writes there is the repair, before its likelihood.
_PRIORS = {"line": log(0.012), "block": log(0.006), "function": log(0.006)}
_LIKELIHOOD = 0.15  # nats of prior for a nat of the model's: it is poorly calibrated
_FLOOR = -30.0  # nats from which on unlikely is unlikely enough
_CHANGED = 0.5  # nats that a changed token costs: repairs change less than the model writes
_MOST_CHANGED = 8  # tokens; what changes more is another line, however long
LOOKED_AT = 40  # suspicions among which lines to ask about are chosen
_SIZE = 0.35  # power of a statement's tokens that its suspicion is multiplied by, see `likeliest_places`
_COMMENT = re.compile(r"#.*")
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(slots=True)
class WriteProposer:
    """Implements `types.Proposer`."""

    model: Model
    places: int = 10  # lines asked about
    blocks: int = 4  # of these, how many with what follows them
    further: int = 14  # lines asked about after all that
    functions: int = 2  # how many with the function around them, of models that chat
    line_samples: int = 16
    block_samples: int = 6
    line_tokens: int = 64
    block_tokens: int = 160
    function_tokens: int = 640
    name: str = "write"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        """Candidates at the most suspicious places, lazily: each place costs one call or two.

        Where functions were written and refuted, those functions again and nothing else.
        """
        seen: set[tuple[str, str]] = set()
        if task.refuted:
            for span in dict.fromkeys(each.span for each in task.refuted):
                prompt = function_prompt(task, span)
                if prompt is not None:
                    yield from self._written(task, prompt, seen)
            return
        infill = self.model.info.can_infill
        if self.model.info.has_chat_template:
            asked: dict[Span, Prompt] = {}
            for suspicion in _usable(task)[: self.places]:
                prompt = function_prompt(task, suspicion.span)
                if prompt is not None:
                    asked.setdefault(prompt.span, prompt)
            for prompt in list(asked.values())[: self.functions]:
                yield from self._written(task, prompt, seen)
        likeliest = likeliest_places(task)
        first, then = likeliest[: self.places], likeliest[self.places :][: self.further]
        questions = chain(
            (line_prompt(task, span, infill=infill) for span in first),
            (block_prompt(task, span, infill=infill) for span in first[: self.blocks]),
            (line_prompt(task, span, infill=infill) for span in then),
        )
        for question in questions:
            if question is not None:
                yield from self._written(task, question, seen)

    def _written(
        self, task: RepairTask, prompt: Prompt, seen: set[tuple[str, str]]
    ) -> Iterator[Candidate]:
        path = prompt.span.path
        text = task.sources[path]
        completions = self._completions(task, prompt)
        if prompt.kind != "function":  # functions are asked for one after the other
            completions = iter(sorted(completions, key=lambda one: -_nats(one, prompt)))
        for completion in completions:
            for edit, key in edits(completion.text, prompt, text):
                if (path, key) in seen:
                    continue
                seen.add((path, key))
                yield Candidate(
                    edits=(edit,),
                    origin=Origin(OriginKind.WRITE, prompt.kind),
                    prior=_PRIORS[prompt.kind]
                    + _LIKELIHOOD * max(_FLOOR, _nats(completion, prompt)),
                    explanation=f"the model rewrote {_place(prompt.span)}",
                    log_likelihood=completion.log_likelihood,
                )

    def _completions(self, task: RepairTask, prompt: Prompt) -> Iterator[Completion]:
        """What the model answers: alternatives to lines, samples of functions."""
        seed = task.seed ^ zlib.crc32(f"{prompt.kind}:{prompt.span}".encode())
        if prompt.kind == "function":
            # Told what is wrong with its likeliest answer, the model still gives it again.
            temperatures = (0.6, 0.9) if task.refuted else (0.0, 0.6, 0.9)
            for round_, temperature in enumerate(temperatures):
                sampling = Sampling(
                    max_tokens=self.function_tokens,
                    temperature=temperature,
                    samples=2 if temperature else 1,
                    seed=seed + round_,
                    chat=True,
                )
                yield from self.model.complete(prompt.text, sampling)
            return
        is_line = prompt.kind == "line"
        sampling = Sampling(
            max_tokens=self.line_tokens if is_line else self.block_tokens,
            temperature=0.8,
            samples=self.line_samples if is_line else self.block_samples,
            stop=prompt.stop,
            seed=seed,
            suffix=prompt.suffix,
            unlike=prompt.unlike,
        )
        yield from self.model.complete(prompt.text, sampling)


def _usable(task: RepairTask) -> list[Suspicion]:
    """At most `LOOKED_AT` suspicions at different places of files that parse, the strongest first."""
    usable: dict[Span, Suspicion] = {}
    for suspicion in task.suspicions:
        text = task.sources.get(suspicion.span.path)
        if text is not None and tree_key(text) is not None:
            usable.setdefault(suspicion.span, suspicion)
        if len(usable) == LOOKED_AT:
            break
    return list(usable.values())


def likeliest_places(task: RepairTask) -> list[Span]:
    """Places to ask about, at most `LOOKED_AT`, by how likely the fault is there.

    Tests often leave all lines of a function alike. A line that says more can be wrong in more ways:
    patterns have more candidates there, and so more tries, but the model is asked once for each line.
    """
    suspicions = _usable(task)
    lines = {
        path: split_lines(task.sources[path])
        for path in {suspicion.span.path for suspicion in suspicions}
    }

    def likelihood(suspicion: Suspicion) -> float:
        span = suspicion.span
        text = "\n".join(lines[span.path][span.start_line - 1 : span.end_line])
        size = len(_TOKEN.findall(_COMMENT.sub("", text)))
        return float(suspicion.score * (1 + size) ** _SIZE)

    return [suspicion.span for suspicion in sorted(suspicions, key=likelihood, reverse=True)]


def _nats(completion: Completion, prompt: Prompt) -> float:
    """How likely the answer is, less what it costs to change so much."""
    if not prompt.unlike:
        return completion.log_likelihood
    return completion.log_likelihood - _CHANGED * _changed(prompt.unlike, completion.text)


def _changed(old: str, new: str) -> int:
    """How many tokens of the one or the other text the two do not share, up to `_MOST_CHANGED`."""
    pair = SequenceMatcher(None, _TOKEN.findall(old), _TOKEN.findall(new), autojunk=False)
    parts = (part for part in pair.get_opcodes() if part[0] != "equal")
    return min(_MOST_CHANGED, sum(max(b - a, d - c) for _, a, b, c, d in parts))


def _place(span: Span) -> str:
    if span.start_line == span.end_line:
        return f"line {span.start_line}"
    return f"lines {span.start_line} to {span.end_line}"
