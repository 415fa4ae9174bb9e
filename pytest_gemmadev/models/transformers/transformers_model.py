"""A model through transformers: 4-bit NF4 by bitsandbytes, a PEFT adapter, CUDA or the CPU.

A model may be a name on the hub, a folder, a GGUF file, or ``gemmadev`` for the packaged one. A
GGUF file is dequantized once into the cache folder and quantized anew when loaded, so that all of
these end in the same kind of weights. Sampling follows the rules of the in-process GGUF model, so
that a seed means the same kind of draw everywhere.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from pytest_gemmadev.models import packaged
from pytest_gemmadev.models.llama.peft_folder import as_peft
from pytest_gemmadev.models.transformers.batch import Batch, alternatives, draw
from pytest_gemmadev.models.transformers.dequantize import dequantize
from pytest_gemmadev.search.limits import DEFAULT as LIMITS
from pytest_gemmadev.types import Completion, GemmadevError, ModelInfo, Sampling

PREFIX = 2048  # tokens of context kept, at most
DROP = 256  # tokens dropped at a time from the start of a longer one
CONTINUATION = 512  # tokens of a continuation that are scored
SCORED = 8  # continuations evaluated side by side: each position is a row of logits


class TransformersModel:
    """Implements `types.Model`. Reads the tokenizer when created, the weights when used."""

    def __init__(
        self, spec: str, *, adapter: str | None = None, left_s: Callable[[], float] | None = None
    ) -> None:
        self._what = f"model {spec}"
        self._left_s = left_s or (lambda: math.inf)
        name = spec.partition(":")[2]
        if not name:
            raise GemmadevError(f"{self._what}: nothing named; write hf:NAME_OR_PATH")
        self._adapter = _adapter_folder(adapter)
        self._source = self._find_folder(name)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        with self._explain_errors("cannot be read"):
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(self._source)
        self._batch: Batch | None = None
        self.info = ModelInfo(
            spec=spec,
            name=name,
            path=self._source if os.path.isdir(self._source) else "",
            adapter=self._adapter,
            context_tokens=PREFIX,
            has_chat_template=bool(self._tokenizer.chat_template),
        )

    # --- types.Model ------------------------------------------------------------------------

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Continuations of ``prompt``; cut short where the budget ends."""
        if sampling.max_tokens < 1 or sampling.samples < 1 or self._left_s() <= 0:
            return ()
        batch = self._ready_batch()
        start = self.chat_ids(prompt) if sampling.chat else self.prefix_ids(prompt)
        with self._explain_errors("failed"):
            if sampling.unlike:
                return tuple(alternatives(batch, start, sampling, self.ids, self._left_s))
            if sampling.temperature <= 0:
                (only,) = draw(batch, start, replace(sampling, samples=1), self._left_s)
                return (only,) * sampling.samples
            return tuple(draw(batch, start, sampling, self._left_s))

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihood in nats of each continuation after ``prefix``, in their order.

        A text that the budget leaves no time for counts by its length alone.
        """
        start = self.prefix_ids(prefix)
        ids = [self.ids(text)[:CONTINUATION] for text in continuations]
        values = [-LIMITS.nats_per_character * len(text) for text in continuations]
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # little padding
        for first in range(0, len(ids), SCORED):
            if self._left_s() <= 0:
                break
            some = by_length[first : first + SCORED]
            with self._explain_errors("failed"):
                scored = self._ready_batch().score(start, [ids[i] for i in some])
            for i, value in zip(some, scored, strict=True):
                values[i] = value
        return tuple(values)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """The continuation of ``prompt`` piece by piece; ends early where the budget does."""
        start = self.chat_ids(prompt) if sampling.chat else self.prefix_ids(prompt)
        told = 0
        with self._explain_errors("failed"):
            for text in self._ready_batch().texts(start, sampling):
                yield text[told:]
                told = len(text)
                if self._left_s() <= 0:
                    return

    def close(self) -> None:
        """Frees the weights."""
        self._batch = None

    # --- text and tokens -------------------------------------------------------------------------

    def ids(self, text: str) -> list[int]:
        """Token ids of ``text`` alone; control tokens written out in it are text."""
        ids: list[int] = self._tokenizer.encode(
            text, add_special_tokens=False, split_special_tokens=True
        )
        return ids

    def prefix_ids(self, text: str) -> list[int]:
        """Token ids of a prefix, after a beginning-of-sequence token where the model wants it."""
        start = self._beginning()
        ids = [*start, *self.ids(text)] or [self._tokenizer.eos_token_id]
        excess = len(ids) - PREFIX
        return ids if excess <= 0 else [*start, *ids[len(start) + -(-excess // DROP) * DROP :]]

    def chat_ids(self, message: str) -> list[int]:
        """Token ids of one user's message in the model's chat template, up to the answer."""
        if not self._tokenizer.chat_template:
            raise GemmadevError(f"{self._what}: has no chat template")
        ids: list[int] = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": message}], add_generation_prompt=True, return_dict=False
        )
        return ids[-PREFIX:]

    def _beginning(self) -> list[int]:
        """Token ids that the tokenizer puts before a text."""
        with_mark = self._tokenizer.encode("a")
        return with_mark[:1] if with_mark[:1] == [self._tokenizer.bos_token_id] else []

    # --- loading ---------------------------------------------------------------------------------

    def _find_folder(self, name: str) -> str:
        """A folder or a name on the hub; a GGUF file's dequantized copy."""
        if name == packaged.GEMMA.spec:
            return self._dequantize(packaged.join(packaged.GEMMA))
        path = Path(name).expanduser()
        if path.suffix == ".gguf":
            if not path.is_file():
                raise GemmadevError(f"{self._what}: no such file")
            return self._dequantize(path.absolute())
        if path.is_dir():
            return str(path.absolute())
        if name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise GemmadevError(f"{self._what}: no such folder")
        return name

    def _dequantize(self, file: Path) -> str:
        """The folder with the model of a GGUF file, which it writes the first time."""
        with self._explain_errors("cannot be dequantized"):
            return str(dequantize(file))

    def _ready_batch(self) -> Batch:
        if self._batch is None:
            with self._explain_errors("cannot be loaded"):
                self._batch = Batch(self._load(), self._tokenizer)
        return self._batch

    def _load(self) -> Any:
        """The model in four bits, with its adapter."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        config = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            self._source, quantization_config=config, dtype=torch.bfloat16, device_map=device
        )
        if self._adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, self._adapter)
        return model.eval()

    @contextmanager
    def _explain_errors(self, happened: str) -> Iterator[None]:
        """Turns what the libraries raise into one line; they raise nearly anything."""
        try:
            yield
        except GemmadevError:
            raise
        except Exception as error:
            told = (str(error).strip().splitlines() or [""])[0][:200]
            hint = "; a smaller model may fit" if "out of memory" in told.lower() else ""
            raise GemmadevError(
                f"{self._what}: {happened}: {type(error).__name__}: {told}{hint}"
            ) from error


def _adapter_folder(adapter: str | None) -> str:
    """The absolute path of a PEFT folder with the adapter, made of a GGUF file; empty for none."""
    if not adapter:
        return ""
    path = Path(adapter).expanduser().absolute()
    if path.is_file():
        return str(as_peft(path, packaged.cache_folder(), what=f"adapter {adapter}"))
    if not (path / "adapter_config.json").is_file():
        raise GemmadevError(
            f"adapter {adapter}: is no PEFT folder (no adapter_config.json in it), nor a GGUF file"
        )
    return str(path)
