"""The model that is trained: from the packaged Gemma, a GGUF file, a folder or the hub.

A GGUF file is dequantized once into a folder that transformers reads. Imports torch and its family
when called, not before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.config import AdapterSettings, ModelSettings
from training.extras import check_space, require
from training.learn.memory import shape_of
from training.learn.runtime import dequantized_folder, packaged_adapter, packaged_model
from training.output import refusals

LARGE = 1_000_000_000  # parameters from which full training on a CPU is refused


@dataclass(frozen=True, slots=True)
class Base:
    """A folder or hub name that transformers loads, and where it came from."""

    source: str  # what `from_pretrained` takes
    name: str  # as the user named it
    gguf: str = ""  # the file the runtime would load, where there is one
    revision: str = ""


def find_base(settings: ModelSettings) -> Base:
    """Where the base lies, made readable for transformers where it is a GGUF file."""
    name = settings.base
    if name == "packaged":
        return _of_gguf(packaged_model(), name)
    path = Path(name).expanduser()
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise GemmadevError(f"base {name}: is a file, but not in GGUF format")
        return _of_gguf(path.absolute(), name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise GemmadevError(f"base {name}: the folder holds no config.json; name a model's")
        return Base(str(path), name)
    if name.endswith(".gguf") or name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise GemmadevError(f"base {name}: no such file or folder; check the path")
    return Base(name, name, revision=settings.revision)


def _of_gguf(path: Path, name: str) -> Base:
    """The base with its weights in 16 bits, made once and kept in the cache."""
    require("torch", "transformers", "gguf")
    check_space(Path.home(), 8 * path.stat().st_size)
    try:
        with refusals(path):
            return Base(dequantized_folder(path), name, str(path))
    except GemmadevError:
        raise
    except Exception as error:  # a damaged file makes the reader raise nearly anything
        reason = str(error).strip().split("\n")[0]
        raise GemmadevError(f"base {path}: cannot be read ({reason[:160]})") from None


def load_config_of(base: Base) -> Any:
    """The transformers configuration; refuses what is not a Gemma."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base.source, revision=base.revision or None)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GemmadevError(f"base {base.name}: cannot be loaded ({reason[:160]})") from None
    if not str(getattr(config, "model_type", "")).startswith("gemma"):
        raise GemmadevError(
            f"base {base.name}: is a {config.model_type}, not a Gemma; GemmaDev trains Gemma models"
        )
    return config


def architecture_of(base: Base) -> str:
    """The model's kind as GGUF names it: ``gemma3`` for a ``gemma3_text`` of transformers."""
    return str(load_config_of(base).model_type).removesuffix("_text")


def check_device(method: str, config: Any) -> None:
    """Refuses what cannot work on this machine, before anything is loaded."""
    import torch

    if method == "qlora":
        require("bitsandbytes")
    shape = shape_of(config)
    size = shape.linear + shape.embedded
    if method == "full" and size > LARGE and not torch.cuda.is_available():
        raise GemmadevError(
            f"--full on {size / 1e9:.1f} B parameters needs a GPU and there is none; "
            "use --qlora, or a smaller base"
        )


def load_tokenizer(base: Base) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(base.source, revision=base.revision or None)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GemmadevError(f"base {base.name}: no tokenizer ({reason[:160]})") from None


def load_model(
    base: Base, method: str, adapter: AdapterSettings, *, seed: int, trained: Path | None = None
) -> Any:
    """The model, quantized as ``method`` asks, with a fresh adapter or the one in ``trained``."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, set_seed

    from training.learn.guard import keep_gradients

    set_seed(seed)  # the adapter's first weights are drawn
    options: dict[str, Any] = {"dtype": torch.bfloat16 if method != "full" else torch.float32}
    if method == "qlora":
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=adapter.double_quantization,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base.source,
            revision=base.revision or None,
            attn_implementation="sdpa",
            device_map=_device_map() if method == "qlora" else None,
            **options,
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GemmadevError(f"base {base.name}: cannot be loaded ({reason[:200]})") from None
    if method == "full":
        return model
    if method == "qlora":
        keep_gradients(model)
    if trained is not None:
        return PeftModel.from_pretrained(model, str(trained), is_trainable=True)
    return _with_adapter(model, adapter)


def start_of(model: ModelSettings) -> Path | None:
    """The folder of the adapter that training begins with; None where it begins with a fresh one."""
    if not model.adapter:
        return None
    if model.method == "full":
        raise GemmadevError("model.adapter: --full trains no adapter; use --lora or --qlora")
    return adapter_folder(model.adapter)


def adapter_folder(name: str) -> Path:
    """The PEFT folder of ``gemmadev``, which ships, or of that name. Raises where there is none."""
    folder = packaged_adapter() if name == "gemmadev" else Path(name).expanduser()
    if not (folder / "adapter_config.json").is_file():
        raise GemmadevError(f"model.adapter: {folder} holds no PEFT adapter; name its folder")
    return folder


def _device_map() -> dict[str, Any]:
    """All of the model on the process's own device: quantization has to know it when loading."""
    import torch

    if not torch.cuda.is_available():
        return {"": "cpu"}
    return {"": int(os.environ.get("LOCAL_RANK", "0"))}


def _with_adapter(model: Any, adapter: AdapterSettings) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = adapter.targets
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=targets if targets == "all-linear" else targets.split(","),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def public_name(base: Base) -> str:
    """Of the base, without a path of this machine."""
    return (
        Path(base.gguf).name
        if base.gguf
        else Path(base.name).name
        if Path(base.name).exists()
        else base.name
    )
