"""A loaded model in this process: tokens in, log-likelihoods and tokens out.

One sequence, the trunk, holds the last prefix in the KV cache. What a new prefix has in common with
it is not evaluated again, and continuations and samples branch off it without copying.

A continuation has the same log-likelihood, to the last bit, whatever was asked before and whatever
is asked along with it. That needs care, for llama.cpp picks its kernels by batch size, and with the
4-bit Gemma the choice moves log-likelihoods by 0.1 nats on average. Measured on x86-64: with flash
attention, which skips other sequences' cells, and without repacked weights, all batches of 8 to 63
tokens agree exactly. So trunk and scores are evaluated in such batches only; up to 56 tokens cost
no speed against 512.
"""

from __future__ import annotations

import ctypes as c
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from pytest_gemmadev.models.llama import c_api
from pytest_gemmadev.models.llama.idle_cpus import free_processors
from pytest_gemmadev.models.llama.sampling import Row
from pytest_gemmadev.types import GemmadevError

CONTEXT = 4096  # cells of the KV cache, shared by all sequences
BATCH = 56
SEQUENCES = 64
TRUNK = 0
PADDING = SEQUENCES - 1  # the sequence of tokens that only fill a batch
BRANCHES = SEQUENCES - 2
PREFIX = 2048  # tokens of context kept, at most
DROP = 256  # tokens dropped at a time from the start of a longer one
EXACT = 8  # tokens that a batch needs to be comparable to others
STEADY = 3  # tokens from which on the number of threads changes no bit
LOOK_S = 0.1  # how often it is looked who else computes here


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a batch."""

    token: int
    position: int
    sequences: Sequence[int]
    output: bool = False


class Late(Exception):
    """The deadline of a request has passed."""


class Engine:
    """A loaded model. Not safe for threads: it takes one request at a time."""

    def __init__(self, path: Path, *, adapter: Path | None, threads: int) -> None:
        self._lib = c_api.load_library()
        self._log = c_api.LogCallback(_log_warnings)
        self._lib.llama_log_set(self._log, None)
        self._lib.llama_backend_init()
        self._model = self._load(path)
        self._vocab = self._lib.llama_model_get_vocab(self._model)
        self._context = self._open(threads)
        self._memory = self._lib.llama_get_memory(self._context)
        if adapter is not None:
            self._adapt(adapter)
        self.vocabulary: int = self._lib.llama_vocab_n_tokens(self._vocab)
        self._threads = threads
        self._look_again = 0.0
        self._trunk: list[int] = []
        self.evaluated = 0  # tokens so far
        self.deadline = math.inf  # of the request, on the monotonic clock

    # --- opening ---------------------------------------------------------------------------------

    def _load(self, path: Path) -> int:
        params = self._lib.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = False
        model: int | None = self._lib.llama_model_load_from_file(_c_path(path), params)
        if not model:
            raise GemmadevError(f"{path}: llama.cpp cannot load this model; see its message above")
        return model

    def _open(self, threads: int) -> int:
        params = self._lib.llama_context_default_params()
        trained = self._lib.llama_model_n_ctx_train(self._model)
        params.n_ctx = min(CONTEXT, trained) if trained > 0 else CONTEXT
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = SEQUENCES
        params.n_outputs_max = max(BATCH, SEQUENCES)
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 1
        params.kv_unified = True
        context: int | None = self._lib.llama_init_from_model(self._model, params)
        if not context:
            raise GemmadevError("llama.cpp cannot make room for the context: out of memory?")
        self.cells: int = self._lib.llama_n_ctx(context)
        self.limit = min(PREFIX, self.cells // 2)  # tokens of a prefix
        seen = (
            self._lib.llama_n_ctx_seq(context),  # all of it only where the cache is unified
            self._lib.llama_n_batch(context),
            self._lib.llama_n_seq_max(context),
            self._lib.llama_n_threads(context),
        )
        if seen != (self.cells, BATCH, SEQUENCES, threads):
            raise GemmadevError(
                f"{c_api.RUNTIME} read other settings than were written: {seen}; {c_api.INSTALL}"
            )
        return context

    def _adapt(self, path: Path) -> None:
        adapter = self._lib.llama_adapter_lora_init(self._model, _c_path(path))
        if not adapter:
            raise GemmadevError(f"{path}: not an adapter for this model; see the message above")
        adapters, scales = (c.c_void_p * 1)(adapter), (c.c_float * 1)(1.0)
        if self._lib.llama_set_adapters_lora(self._context, adapters, 1, scales) != 0:
            raise GemmadevError(f"{path}: llama.cpp refuses this adapter")

    def close(self) -> None:
        self._lib.llama_free(self._context)
        self._lib.llama_model_free(self._model)

    # --- text and tokens -------------------------------------------------------------------------

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of ``text`` alone; with ``special``, names of control tokens are read as such."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 16
        ids = (c.c_int32 * room)()
        count = self._lib.llama_tokenize(self._vocab, data, len(data), ids, room, False, special)
        if count < 0:
            raise GemmadevError(f"llama.cpp cannot tokenize {len(data)} bytes of text")
        return ids[:count]

    def prefix_tokens(self, text: str) -> list[int]:
        """Token ids of a prefix, after a beginning-of-sequence token where the model wants it."""
        return self.fit([*self._beginning(), *self.tokens(text)])

    def infill_tokens(self, prefix: str, suffix: str) -> list[int]:
        """Token ids that ask an infilling model for what stands between prefix and suffix."""
        marks = [
            mark(self._vocab)
            for mark in (
                self._lib.llama_vocab_fim_pre,
                self._lib.llama_vocab_fim_suf,
                self._lib.llama_vocab_fim_mid,
            )
        ]
        after = self.tokens(suffix)[: self.limit // 4]
        before = self.tokens(prefix)[-(self.limit - len(after) - len(marks) - 1) :]
        return [*self._beginning(), marks[0], *before, marks[1], *after, marks[2]]

    def chat_tokens(self, message: str) -> list[int]:
        """Token ids of one user's message in the model's chat template, up to the answer.

        Only the template may write control tokens: the message cannot end its own turn.
        """
        template = self._lib.llama_model_chat_template(self._model, None)
        mark = "\x02message\x02"
        messages = (c_api.ChatMessage * 1)(c_api.ChatMessage(b"user", mark.encode()))
        room = 4096
        text = c.create_string_buffer(room)
        size = (
            self._lib.llama_chat_apply_template(template, messages, 1, True, text, room)
            if template
            else -1
        )
        before, found, after = text.raw[: max(size, 0)].decode("utf-8").partition(mark)
        if not found:
            raise GemmadevError("this model has no chat template that llama.cpp knows")
        head = [*self._beginning(), *self.tokens(before, special=True)]
        tail = self.tokens(after, special=True)
        return [*head, *self.tokens(message)[-(self.limit - len(head) - len(tail)) :], *tail]

    def fit(self, tokens: list[int]) -> list[int]:
        """At most ``limit`` tokens, from the beginning and the end.

        What is left out is a multiple of `DROP` tokens, so that two long prefixes of one file mostly still
        begin alike and share the cache.
        """
        excess = len(tokens) - self.limit
        if excess <= 0:
            return tokens
        kept = self._beginning()
        return [*kept, *tokens[len(kept) + -(-excess // DROP) * DROP :]]

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; empty for control tokens."""
        text = c.create_string_buffer(256)
        count = self._lib.llama_token_to_piece(self._vocab, token, text, len(text), 0, False)
        return text.raw[: max(count, 0)]

    def ends(self, token: int) -> bool:
        """Whether the token ends a generation."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    @property
    def can_infill(self) -> bool:
        lib, vocab = self._lib, self._vocab
        marks = (lib.llama_vocab_fim_pre, lib.llama_vocab_fim_suf, lib.llama_vocab_fim_mid)
        return all(mark(vocab) >= 0 for mark in marks)

    def _beginning(self) -> list[int]:
        wanted = self._lib.llama_vocab_get_add_bos(self._vocab)
        return [self._lib.llama_vocab_bos(self._vocab)] if wanted else []

    # --- the cache -------------------------------------------------------------------------------

    def branch(self, prefix: Sequence[int], count: int) -> Token:
        """The last token of ``prefix``, to be evaluated first, on sequences 1 to ``count``.

        Everything before it is in the cache afterwards, on those sequences too.
        """
        if not prefix:
            eos = self._lib.llama_vocab_eos(self._vocab)  # stands before a document, as after one
            prefix = [eos]
        body = list(prefix[:-1])
        self._hold(body)
        self.drop_branches()
        for sequence in range(1, count + 1):
            self._lib.llama_memory_seq_cp(self._memory, TRUNK, sequence, 0, len(body))
        return Token(prefix[-1], len(body), range(1, count + 1), output=True)

    def fork(self, source: int, target: int, start: int, stop: int) -> None:
        """Has sequence ``target`` share the cells of ``source`` from ``start`` to before ``stop``."""
        self._lib.llama_memory_seq_cp(self._memory, source, target, start, stop)

    def drop_branches(self) -> None:
        """Frees the cells of all sequences but the trunk."""
        for sequence in range(1, SEQUENCES):
            self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def drop(self, sequence: int) -> None:
        """Frees the cells of one sequence."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def clear(self) -> int:
        """Frees all cells, the trunk's too; their number."""
        self._lib.llama_memory_clear(self._memory, True)
        self._trunk = []
        return self.cells

    def _hold(self, tokens: list[int]) -> None:
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(self._trunk, tokens, strict=False))
        common = sum(1 for _ in pairs)
        if common == len(tokens):
            return
        self.drop_branches()
        self._lib.llama_memory_seq_rm(self._memory, TRUNK, common, -1)
        self._trunk = tokens[:common]
        trunk = (TRUNK,)
        self.evaluate([Token(t, i, trunk) for i, t in enumerate(tokens[common:], common)])
        self._trunk = tokens

    # --- evaluation ------------------------------------------------------------------------------

    def evaluate(self, tokens: Sequence[Token]) -> None:
        """Puts tokens into the cache; none of them may ask for output."""
        for _ in self.rows(tokens):
            raise ValueError("an output row that nobody reads")

    def rows(self, tokens: Sequence[Token], *, least: int = EXACT) -> Iterator[tuple[int, Row]]:
        """The index in ``tokens`` and the logits of each token that asks for output, in order.

        A row of logits is memory of the runtime: read it before you ask for the next. Parents stand before
        children. Batches of fewer than ``least`` tokens are filled up. Raises `Late` between two
        batches.
        """
        for start in range(0, len(tokens), BATCH):
            if time.monotonic() > self.deadline:
                raise Late
            batch = list(tokens[start : start + BATCH])
            filling = max(0, least - len(batch))
            padding = (PADDING,)
            batch += [Token(tokens[0].token, i, padding) for i in range(filling)]
            self._decode(batch)
            for index, token in enumerate(batch):
                if token.output:
                    logits = self._lib.llama_get_logits_ith(self._context, index)
                    if not logits:
                        raise GemmadevError("llama.cpp returned no logits")
                    yield start + index, np.ctypeslib.as_array(logits, (self.vocabulary,))
            if filling:
                self._lib.llama_memory_seq_rm(self._memory, PADDING, -1, -1)

    def _adjust_threads(self) -> None:
        """Uses only processors that no other program computes on; the results stay the same."""
        now = time.monotonic()
        if self._threads > 1 and now >= self._look_again:
            self._look_again = now + LOOK_S
            count = min(self._threads, free_processors())
            self._lib.llama_set_n_threads(self._context, count, count)

    def _decode(self, tokens: Sequence[Token]) -> None:
        count = len(tokens)
        ids = [(c.c_int32 * len(t.sequences))(*t.sequences) for t in tokens]
        pointer = c.POINTER(c.c_int32)
        batch = c_api.Batch(
            n_tokens=count,
            token=(c.c_int32 * count)(*(t.token for t in tokens)),
            pos=(c.c_int32 * count)(*(t.position for t in tokens)),
            n_seq_id=(c.c_int32 * count)(*(len(t.sequences) for t in tokens)),
            seq_id=(pointer * count)(*(c.cast(each, pointer) for each in ids)),
            logits=(c.c_int8 * count)(*(t.output for t in tokens)),
        )
        self._adjust_threads()
        result = self._lib.llama_decode(self._context, batch)
        if result != 0:
            self._lib.llama_memory_clear(self._memory, True)
            self._trunk = []
            reason = "the context is full" if result == 1 else f"error {result}"
            raise GemmadevError(f"llama.cpp could not evaluate {count} tokens: {reason}")
        self.evaluated += count


def _c_path(path: Path) -> bytes:
    return str(path).encode("utf-8", "surrogateescape")


def _log_warnings(level: int, text: bytes | None, _data: object) -> None:
    """Passes warnings (3) and errors (4) on to standard error, which the parent keeps."""
    if level in (3, 4) and text:
        sys.stderr.write(text.decode("utf-8", "replace"))
