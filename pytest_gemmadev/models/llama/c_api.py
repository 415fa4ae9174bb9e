"""llama.cpp's C API through ctypes, out of the library that xllamacpp's wheel ships.

xllamacpp's own server cannot return the likelihood of a given text; the C API can, from the same
library, so that one runtime both writes and scores. The price is that structs go by value: their
layout is that of one build. Hence one version is pinned, the defaults that the library fills in are
compared field by field with those known for that version, and what was set is read back from the
context. Anything unexpected is refused before it can corrupt memory.
"""

from __future__ import annotations

import ctypes as c
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import CannotRunHere, GemmadevError

RUNTIME = "xllamacpp"
PINNED = "2026.10.11549"
INSTALL = "pip install 'pytest-gemmadev[local]'"

_Pointer = c.c_void_p
_Int = c.c_int32
_Tokens = c.POINTER(c.c_int32)


class ModelParams(c.Structure):
    _fields_ = (
        ("devices", _Pointer),
        ("tensor_buft_overrides", _Pointer),
        ("n_gpu_layers", _Int),
        ("split_mode", _Int),
        ("load_mode", _Int),
        ("lazy_mode", _Int),
        ("main_gpu", _Int),
        ("tensor_split", _Pointer),
        ("progress_callback", _Pointer),
        ("progress_callback_user_data", _Pointer),
        ("kv_overrides", _Pointer),
        ("vocab_only", c.c_bool),
        ("check_tensors", c.c_bool),
        ("use_extra_bufts", c.c_bool),
        ("no_host", c.c_bool),
        ("no_alloc", c.c_bool),
        ("load_mtp", c.c_bool),
    )


class ContextParams(c.Structure):
    _fields_ = (
        ("n_ctx", c.c_uint32),
        ("n_batch", c.c_uint32),
        ("n_ubatch", c.c_uint32),
        ("n_seq_max", c.c_uint32),
        ("n_rs_seq", c.c_uint32),
        ("n_outputs_max", c.c_uint32),
        ("n_outputs_max_per_seq", c.c_uint32),
        ("n_threads", _Int),
        ("n_threads_batch", _Int),
        ("ctx_type", _Int),
        ("rope_scaling_type", _Int),
        ("pooling_type", _Int),
        ("attention_type", _Int),
        ("flash_attn_type", _Int),
        ("rope_freq_base", c.c_float),
        ("rope_freq_scale", c.c_float),
        ("yarn_ext_factor", c.c_float),
        ("yarn_attn_factor", c.c_float),
        ("yarn_beta_fast", c.c_float),
        ("yarn_beta_slow", c.c_float),
        ("yarn_orig_ctx", c.c_uint32),
        ("defrag_thold", c.c_float),
        ("cb_eval", _Pointer),
        ("cb_eval_user_data", _Pointer),
        ("type_k", _Int),
        ("type_v", _Int),
        ("unset", _Pointer * 3),  # callbacks, all null by default and left so
        ("embeddings", c.c_bool),
        ("offload_kqv", c.c_bool),
        ("no_perf", c.c_bool),
        ("op_offload", c.c_bool),
        ("swa_full", c.c_bool),
        ("kv_unified", c.c_bool),
        ("samplers", _Pointer),
        ("n_samplers", c.c_size_t),
        ("ctx_other", _Pointer),
    )


class Batch(c.Structure):
    _fields_ = (
        ("n_tokens", _Int),
        ("token", _Tokens),
        ("embd", _Pointer),
        ("pos", _Tokens),
        ("n_seq_id", _Tokens),
        ("seq_id", c.POINTER(_Tokens)),
        ("logits", c.POINTER(c.c_int8)),
    )


class ChatMessage(c.Structure):
    _fields_ = (("role", c.c_char_p), ("content", c.c_char_p))


LogCallback = c.CFUNCTYPE(None, c.c_int, c.c_char_p, _Pointer)

# Every other field of the pinned build's defaults is zero.
_MODEL_DEFAULTS = {
    "n_gpu_layers": -1,
    "split_mode": 1,
    "load_mode": -1,
    "lazy_mode": 1,
    "use_extra_bufts": True,
}
_CONTEXT_DEFAULTS = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "n_outputs_max_per_seq": 1,
    "n_threads": 4,
    "n_threads_batch": 4,
    "rope_scaling_type": -1,
    "pooling_type": -1,
    "attention_type": -1,
    "flash_attn_type": -1,
    "yarn_ext_factor": -1.0,
    "yarn_attn_factor": -1.0,
    "yarn_beta_fast": -1.0,
    "yarn_beta_slow": -1.0,
    "defrag_thold": -1.0,
    "type_k": 1,
    "type_v": 1,
    "offload_kqv": True,
    "no_perf": True,
    "op_offload": True,
    "swa_full": True,
}

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_log_set": (None, (LogCallback, _Pointer)),
    "llama_backend_init": (None, ()),
    "llama_model_default_params": (ModelParams, ()),
    "llama_context_default_params": (ContextParams, ()),
    "llama_model_load_from_file": (_Pointer, (c.c_char_p, ModelParams)),
    "llama_model_free": (None, (_Pointer,)),
    "llama_model_get_vocab": (_Pointer, (_Pointer,)),
    "llama_model_n_ctx_train": (_Int, (_Pointer,)),
    "llama_model_chat_template": (c.c_char_p, (_Pointer, c.c_char_p)),
    "llama_chat_apply_template": (
        _Int,
        (c.c_char_p, c.POINTER(ChatMessage), c.c_size_t, c.c_bool, c.c_char_p, _Int),
    ),
    "llama_init_from_model": (_Pointer, (_Pointer, ContextParams)),
    "llama_free": (None, (_Pointer,)),
    "llama_n_ctx": (c.c_uint32, (_Pointer,)),
    "llama_n_ctx_seq": (c.c_uint32, (_Pointer,)),
    "llama_n_batch": (c.c_uint32, (_Pointer,)),
    "llama_n_ubatch": (c.c_uint32, (_Pointer,)),
    "llama_n_seq_max": (c.c_uint32, (_Pointer,)),
    "llama_set_n_threads": (None, (_Pointer, _Int, _Int)),
    "llama_n_threads": (_Int, (_Pointer,)),
    "llama_n_threads_batch": (_Int, (_Pointer,)),
    "llama_get_memory": (_Pointer, (_Pointer,)),
    "llama_memory_seq_rm": (c.c_bool, (_Pointer, _Int, _Int, _Int)),
    "llama_memory_seq_cp": (None, (_Pointer, _Int, _Int, _Int, _Int)),
    "llama_memory_clear": (None, (_Pointer, c.c_bool)),
    "llama_decode": (_Int, (_Pointer, Batch)),
    "llama_get_logits_ith": (c.POINTER(c.c_float), (_Pointer, _Int)),
    "llama_vocab_n_tokens": (_Int, (_Pointer,)),
    "llama_vocab_bos": (_Int, (_Pointer,)),
    "llama_vocab_eos": (_Int, (_Pointer,)),
    "llama_vocab_get_add_bos": (c.c_bool, (_Pointer,)),
    "llama_vocab_is_eog": (c.c_bool, (_Pointer, _Int)),
    "llama_vocab_fim_pre": (_Int, (_Pointer,)),
    "llama_vocab_fim_suf": (_Int, (_Pointer,)),
    "llama_vocab_fim_mid": (_Int, (_Pointer,)),
    "llama_tokenize": (_Int, (_Pointer, c.c_char_p, _Int, _Tokens, _Int, c.c_bool, c.c_bool)),
    "llama_token_to_piece": (_Int, (_Pointer, _Int, c.c_char_p, _Int, _Int, c.c_bool)),
    "llama_adapter_lora_init": (_Pointer, (_Pointer, c.c_char_p)),
    "llama_set_adapters_lora": (
        _Int,
        (_Pointer, c.POINTER(_Pointer), c.c_size_t, c.POINTER(c.c_float)),
    ),
}


def why_not_here() -> str:
    """Why no local model can run on this platform; empty where one can."""
    if sys.platform == "win32":
        return f"{RUNTIME} for Windows exports no C interface, which the local model needs"
    return ""


def check_runtime() -> Path:
    """Where the pinned library lies, not loaded yet; `GemmadevError` where it is missing."""
    reason = why_not_here()
    if reason:
        raise CannotRunHere(f"{reason}; name another one, such as ollama:NAME, or none")
    try:
        version = metadata.version(RUNTIME)
    except metadata.PackageNotFoundError:
        raise GemmadevError(f"the local model needs its runtime: {INSTALL}") from None
    if version != PINNED:
        raise GemmadevError(
            f"{RUNTIME} {version} is installed, the local model needs {PINNED}: {INSTALL}"
        )
    spec = find_spec(RUNTIME)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for folder in folders:
        for library in sorted(Path(folder).glob("xllamacpp*.so")):
            return library
    raise CannotRunHere(f"{RUNTIME} {version} has no usable library on this platform: {INSTALL}")


def load_library() -> c.CDLL:
    """The library with the signatures used here declared and its defaults checked."""
    path = check_runtime()
    try:
        library = c.CDLL(str(path))
        for name, (restype, argtypes) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = restype, argtypes
    except (OSError, AttributeError) as error:
        raise GemmadevError(f"{path.name} cannot be used: {error}; {INSTALL}") from error
    _check_defaults(library.llama_model_default_params(), _MODEL_DEFAULTS)
    _check_defaults(library.llama_context_default_params(), _CONTEXT_DEFAULTS)
    return library


def _check_defaults(params: c.Structure, expected: dict[str, Any]) -> None:
    for name, *_ in params._fields_:
        value = getattr(params, name)
        if name == "unset":
            value = next((pointer for pointer in value if pointer), None)
        if (value or 0) != expected.get(name, 0):
            raise GemmadevError(
                f"{RUNTIME} {PINNED} is not the build this version knows "
                f"({type(params).__name__}.{name} is {value!r}): {INSTALL}"
            )
