"""Several sequences after one prefix, evaluated side by side with transformers.

The prefix is evaluated once and its cache is repeated for all sequences. They are padded on the
left, between prefix and text, and masked there, so that each step of a generation adds one column.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pytest_gemmadev.models.llama.frontier import FOLLOWED, Frontier
from pytest_gemmadev.models.llama.sampling import Row, generator, log_normalizer, pick
from pytest_gemmadev.models.llama.stops import cut_at_stop, goes_in_circles
from pytest_gemmadev.types import Completion, Sampling

SIDE_BY_SIDE = 12  # sequences generated at once


@dataclass(slots=True)
class _Prefix:
    """A prefix in the cache, but for its last token."""

    ids: list[int]
    cache: Any


class Batch:
    """A loaded model and the last prefix that it saw."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._device = model.device
        ends = model.generation_config.eos_token_id
        self.ends = set(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
        self._pad = tokenizer.pad_token_id or tokenizer.eos_token_id
        self._prefix: _Prefix | None = None

    def text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def score(self, prefix: Sequence[int], texts: Sequence[Sequence[int]]) -> list[float]:
        """Log-likelihoods in nats of token sequences after ``prefix``."""
        if not any(texts):
            return [0.0] * len(texts)
        logits, _, _ = self._start(prefix, texts)
        values = []
        for row, text in zip(logits, texts, strict=True):
            # Padding stands on the left: the row before the first token is this many from the end.
            rows = row[row.shape[0] - len(text) - 1 : -1].float()
            wanted = torch.tensor(list(text), device=self._device, dtype=torch.long)
            likely = rows.gather(1, wanted[:, None])[:, 0] - rows.logsumexp(dim=1)
            values.append(float(likely.sum()))
        return values

    def rows_along(self, prefix: Sequence[int], text: Sequence[int]) -> list[Row]:
        """Logits after the prefix and after each token of ``text``."""
        logits, _, _ = self._start(prefix, [text])
        return [np.asarray(row.float().cpu().numpy()) for row in logits[0]]

    def steps(self, prefix: Sequence[int], texts: Sequence[Sequence[int]]) -> Iterator[list[Row]]:
        """Logits after each of ``texts``, then after each token sent to the generator for it."""
        logits, cache, mask = self._start(prefix, texts)
        position = torch.tensor(
            [[len(prefix) + len(text)] for text in texts], device=self._device, dtype=torch.long
        )
        rows = logits[:, -1]
        while True:
            tokens = yield [np.asarray(row.float().cpu().numpy()) for row in rows]
            if tokens is None:
                return
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
            out = self._evaluate(
                input_ids=torch.tensor(tokens, device=self._device)[:, None],
                attention_mask=mask,
                position_ids=position,
                past_key_values=cache,
                use_cache=True,
            )
            position = position + 1
            rows = out.logits[:, -1]

    def texts(self, prefix: Sequence[int], sampling: Sampling) -> Iterator[str]:
        """The text so far of one continuation, after each of its tokens."""
        sample = _Sample([], generator(sampling.seed, 0))
        rows: Any = self.steps(prefix, [[]])
        (row,) = next(rows)
        while True:
            sample.take(self, row, sampling)
            yield sample.text
            if sample.ended:
                return
            (row,) = rows.send([sample.ids[-1]])

    def _evaluate(self, **inputs: Any) -> Any:
        with torch.inference_mode():
            return self._model(**inputs)

    def _start(self, prefix: Sequence[int], texts: Sequence[Sequence[int]]) -> tuple[Any, Any, Any]:
        """(logits from the prefix's last token on, the cache, the mask) of ``texts``."""
        cache = copy.deepcopy(self._hold(list(prefix)).cache)
        if len(texts) > 1:
            cache.batch_repeat_interleave(len(texts))
        longest = max(len(text) for text in texts)
        ids, mask, positions = [], [], []
        body = len(prefix) - 1
        for text in texts:
            padding = longest - len(text)
            ids.append([self._pad] * padding + [prefix[-1], *text])
            mask.append([1] * body + [0] * padding + [1] * (len(text) + 1))
            positions.append([body] * padding + list(range(body, body + len(text) + 1)))
        mask_tensor = torch.tensor(mask, device=self._device)
        out = self._evaluate(
            input_ids=torch.tensor(ids, device=self._device),
            attention_mask=mask_tensor,
            position_ids=torch.tensor(positions, device=self._device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=longest + 1,
        )
        return out.logits, out.past_key_values, mask_tensor

    def _hold(self, ids: list[int]) -> _Prefix:
        """The cache of a prefix without its last token; the last one is used again where it is the same."""
        from transformers import DynamicCache

        if self._prefix is None or self._prefix.ids != ids[:-1]:
            config = getattr(self._model, "config", None)
            cache = DynamicCache(config=config)
            if len(ids) > 1:
                tokens = torch.tensor([ids[:-1]], device=self._device)
                self._evaluate(
                    input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1
                )
            self._prefix = _Prefix(ids[:-1], cache)
        return self._prefix


@dataclass(slots=True)
class _Sample:
    """One completion that is being sampled."""

    ids: list[int]
    random: np.random.Generator
    nats: float = 0.0
    text: str = ""
    ended: str = ""
    drawn: int = 0

    def take(self, batch: Batch, row: Row, sampling: Sampling) -> None:
        """Adds a token, or ends the completion."""
        token = pick(row, sampling, self.random)
        self.nats += float(row[token]) - log_normalizer(row)
        self.add(batch, token, sampling)

    def add(self, batch: Batch, token: int, sampling: Sampling) -> None:
        self.drawn += 1
        if token in batch.ends:
            self.ended = "eos"
            return
        self.ids.append(token)
        self.text = batch.text(self.ids).rstrip("\ufffd")  # the rest of a character is to come
        cut = cut_at_stop(self.text, sampling.stop)
        if cut is not None:
            self.text, self.ended = cut, "stop"
        elif self.drawn >= sampling.max_tokens:
            self.ended = "length"
        elif sampling.temperature <= 0 and self.drawn % 16 == 0 and goes_in_circles(self.text):
            self.ended = "loop"

    def completion(self) -> Completion:
        return Completion(self.text, self.drawn, self.nats, self.ended or "length")


def draw(
    batch: Batch, prefix: Sequence[int], sampling: Sampling, left_s: Callable[[], float]
) -> Iterator[Completion]:
    """Samples, as many as ``sampling`` asks for or the time allows."""
    for first in range(0, sampling.samples, SIDE_BY_SIDE):
        if left_s() <= 0:
            return
        numbers = range(first, min(first + SIDE_BY_SIDE, sampling.samples))
        samples = [_Sample([], generator(sampling.seed, number)) for number in numbers]
        yield from _finish(batch, prefix, samples, sampling, left_s)


def _finish(
    batch: Batch,
    prefix: Sequence[int],
    samples: Sequence[_Sample],
    sampling: Sampling,
    left_s: Callable[[], float],
    frontier: Frontier | None = None,
) -> Iterator[Completion]:
    """The samples, once all have ended or the time is over; notes the exits from them in ``frontier``."""
    stream: Any = batch.steps(prefix, [sample.ids for sample in samples])
    rows = next(stream)
    while left_s() > 0:
        for sample, row in zip(samples, rows, strict=True):
            if not sample.ended:
                before, so_far = list(sample.ids), sample.nats
                sample.take(batch, row, sampling)
                if frontier is not None:
                    likeliest = int(row.argmax())
                    frontier.look(row, so_far, before, following=likeliest, source=0)
        if all(sample.ended for sample in samples):
            break
        rows = stream.send([(sample.ids or [prefix[-1]])[-1] for sample in samples])
    stream.close()
    for sample in samples:
        yield sample.completion()


def alternatives(
    batch: Batch,
    prefix: Sequence[int],
    sampling: Sampling,
    ids: Callable[[str], list[int]],
    left_s: Callable[[], float],
) -> list[Completion]:
    """The likeliest completions but ``sampling.unlike``, found as `llama.alternative_search` does."""
    cut = cut_at_stop(sampling.unlike, sampling.stop)
    unlike = sampling.unlike if cut is None else cut
    known = ids(unlike)
    frontier = Frontier(sampling.samples)
    nats = 0.0
    for depth, row in enumerate(batch.rows_along(prefix, known)):
        following = known[depth] if depth < len(known) else -1
        nats = frontier.look(row, nats, known[:depth], following=following, source=0)
    greedy = replace(sampling, temperature=0.0)
    best: dict[str, Completion] = {}
    left = FOLLOWED * sampling.samples
    while left > 0 and left_s() > 0:
        samples = _begin(batch, frontier, min(left, SIDE_BY_SIDE), greedy)
        if not samples:
            break
        written = [sample for sample in samples if not sample.ended]
        left -= len(written)
        found = [sample.completion() for sample in samples if sample.ended]
        if written:
            found += _finish(batch, prefix, written, greedy, left_s, frontier)
        for one in found:
            known_one = best.get(one.text)
            if known_one is None and one.text != unlike:
                frontier.end(one.log_likelihood)
            if known_one is None or one.log_likelihood > known_one.log_likelihood:
                best[one.text] = one
    best.pop(unlike, None)
    return sorted(best.values(), key=lambda one: -one.log_likelihood)[: sampling.samples]


def _begin(batch: Batch, frontier: Frontier, count: int, sampling: Sampling) -> list[_Sample]:
    """Samples that take the likeliest exits left."""
    samples: list[_Sample] = []
    while len(samples) < count and (leaves := frontier.pop()) is not None:
        before = list(leaves.tokens[:-1])
        sample = _Sample(before, generator(0, 0), leaves.nats, drawn=len(before))
        sample.add(batch, leaves.tokens[-1], sampling)
        samples.append(sample)
    return samples
