"""A GGUF file's weights in a folder that transformers reads, made once and kept in the cache."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

from pytest_gemmadev.models import packaged


def dequantize(file: Path) -> Path:
    """The folder with the weights in 16 bits, which it writes the first time.

    Raises what the libraries raise for a file that they cannot read.
    """
    state = file.stat()
    key = f"{file.stem}-{state.st_size:x}-{state.st_mtime_ns:x}"
    folder = packaged.cache_folder() / "hf" / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        source: dict[str, Any] = {"gguf_file": file.name}
        tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, **source)
        config = transformers.GgufConfig(dequantize=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            file.parent, **source, quantization_config=config, dtype=torch.bfloat16
        )
        fresh = Path(name) / key
        tokenizer.save_pretrained(fresh)
        model.save_pretrained(fresh)
        if not folder.is_dir():  # another process may have been faster
            os.replace(fresh, folder)
    return folder
