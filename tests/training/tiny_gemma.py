"""A small Gemma with random weights, made on the spot as a GGUF file that llama.cpp runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LAYERS, HIDDEN, INNER, HEADS, HEAD = 2, 64, 128, 2, 32
SPACE = "▁"


def vocabulary() -> list[tuple[str, float, int]]:
    """(token, score, type) of a tokenizer that reads any text, a character or some spaces a token."""
    control, byte, normal = 3, 6, 1
    found = [(t, -1000.0, control) for t in ("<pad>", "<eos>", "<bos>", "<unk>")]
    found += [(f"<0x{n:02X}>", -1000.0, byte) for n in range(256)]
    words = [SPACE, *(chr(n) for n in range(33, 127)), "\n"]
    words += [SPACE * 2, SPACE * 4, SPACE * 8]
    return found + [(word, -float(n), normal) for n, word in enumerate(words)]


def write(path: Path, *, seed: int = 0) -> Path:
    import numpy as np
    from gguf import GGUFWriter

    writer: Any = GGUFWriter(str(path), "gemma3")
    writer.add_name("Tiny Gemma")
    writer.add_license("gemma")
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_sliding_window(512)
    tokens = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([t for t, _, _ in tokens])
    writer.add_token_scores([s for _, s, _ in tokens])
    writer.add_token_types([k for _, _, k in tokens])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    random = np.random.default_rng(seed)

    def add(name: str, *shape: int, scale: float = 0.08) -> None:
        is_norm = len(shape) == 1
        values = np.ones(shape) if is_norm else random.normal(0.0, scale, shape)
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))

    add("token_embd", len(tokens), HIDDEN, scale=0.1)
    add("output_norm", HIDDEN)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            add(block + name, HIDDEN)
        for name in ("attn_q_norm", "attn_k_norm"):
            add(block + name, HEAD)
        add(block + "attn_q", HEADS * HEAD, HIDDEN)
        add(block + "attn_k", HEAD, HIDDEN)
        add(block + "attn_v", HEAD, HIDDEN)
        add(block + "attn_output", HIDDEN, HEADS * HEAD)
        add(block + "ffn_gate", INNER, HIDDEN)
        add(block + "ffn_up", INNER, HIDDEN)
        add(block + "ffn_down", HIDDEN, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
