"""The packaged model itself: token ids, likelihoods, determinism, alternatives."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from gguf_files import ADAPTER, lora, peft

from pytest_gemmadev.models.llama.llama_model import LlamaModel
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError, Sampling

pytestmark = pytest.mark.model

BOS = 2
PREFIX = "def gcd(a, b):\n    if b == 0:\n        return a\n    else:\n"
RIGHT = "        return gcd(b, a % b)\n"
WRONG = "        return gcd(a % b, b)\n"
NONSENSE = "        import antigravity\n"


def test_a_prefix_begins_with_one_bos_and_a_continuation_has_none(gemma: LlamaModel) -> None:
    ids = gemma.token_ids("def f(x):\n")
    assert ids["prefix"] == [BOS, 2063, 517, 236769, 236781, 1473, 107]
    assert ids["continuation"] == ids["prefix"][1:]
    assert gemma.token_ids("")["prefix"] == [BOS]


def test_control_tokens_in_text_are_text(gemma: LlamaModel) -> None:
    ids = gemma.token_ids("<bos><eos><end_of_turn>")["continuation"]
    assert not {0, 1, BOS, 105, 106} & set(ids)


def test_unusual_text_is_tokenized(gemma: LlamaModel) -> None:
    ids = gemma.token_ids("α\0\udcff🙂\r\n\t")["continuation"]
    assert len(ids) >= 5


def test_a_long_prefix_keeps_bos_and_its_end(gemma: LlamaModel) -> None:
    long = "".join(f"x{n} = {n}\n" for n in range(2000))
    ids = gemma.token_ids(long)
    kept = ids["prefix"]
    assert len(kept) <= 2048
    assert kept[0] == BOS
    assert kept[1:] == ids["continuation"][-(len(kept) - 1) :]
    assert (len(ids["continuation"]) - (len(kept) - 1)) % 256 == 0


def test_the_right_line_is_likelier(gemma: LlamaModel) -> None:
    right, wrong, nonsense = gemma.score(PREFIX, [RIGHT, WRONG, NONSENSE])
    assert 0 > right > wrong > nonsense


def test_scores_do_not_depend_on_company_or_history(gemma: LlamaModel) -> None:
    texts = [RIGHT, WRONG, NONSENSE, "        return 0\n", RIGHT]
    together = gemma.score(PREFIX, texts)
    alone = [gemma.score(PREFIX, [text])[0] for text in texts]
    gemma.score("class A:\n    pass\n", ["x = 1\n"])
    gemma.score(PREFIX + RIGHT + "\n\nprint(", ["gcd(3, 4))\n"])
    back = gemma.score(PREFIX, list(reversed(texts)))[::-1]
    assert together == tuple(alone) == back


def test_many_and_long_continuations(gemma: LlamaModel) -> None:
    """More leaves than sequences, more tokens than a batch, shared beginnings and none."""
    texts = [f"    return {n} + {n * n}\n" for n in range(70)] + ["    x = [" + "1, " * 120 + "]\n"]
    scores = gemma.score("def f():\n", texts)
    assert len(scores) == len(texts)
    assert all(score < 0 for score in scores)
    assert gemma.score("def f():\n", texts[40:41]) == scores[40:41]
    assert gemma.score("def f():\n", texts[70:]) == scores[70:]


def test_likelihoods_add_up(gemma: LlamaModel) -> None:
    """log p(ab) = log p(a) + log p(b | a), where tokens do not span the seam."""
    (whole,) = gemma.score(PREFIX, [RIGHT + "\n\nprint(gcd(3, 6))\n"])
    (first,) = gemma.score(PREFIX, [RIGHT.rstrip("\n")])
    (second,) = gemma.score(PREFIX + RIGHT.rstrip("\n"), ["\n\n\nprint(gcd(3, 6))\n"])
    assert whole == pytest.approx(first + second, abs=1e-3)


def test_an_empty_continuation_is_certain(gemma: LlamaModel) -> None:
    assert gemma.score(PREFIX, ["", RIGHT])[0] == 0.0
    assert gemma.score("", ["import os\n"])[0] < 0


def test_what_a_prefix_has_in_common_with_the_last_is_not_evaluated_again(
    gemma: LlamaModel,
) -> None:
    long = "".join(f"value_{n} = {n}\n" for n in range(60))
    gemma.score(long, ["x\n"])
    before = gemma.token_ids("")["evaluated"]
    gemma.score(long + "y = 1\n", ["x\n"])
    gemma.score(long[: len(long) // 2], ["x\n"])
    gemma.score(long, ["x\n"])
    assert gemma.token_ids("")["evaluated"] - before < 60
    gemma.score("something else\n" + long, ["x\n"])
    assert gemma.token_ids("")["evaluated"] - before > 400


def test_greedy_completion_stops_before_the_stop(gemma: LlamaModel) -> None:
    (one,) = gemma.complete(PREFIX, Sampling(max_tokens=24, stop=("\n",)))
    assert one.text == RIGHT.rstrip("\n")
    assert one.ended == "stop"
    assert one.log_likelihood < 0
    assert one.tokens > 5


@pytest.mark.parametrize(
    "stop", [pytest.param((), id="no stop"), pytest.param(("\n    el", "\n\n"), id="stop")]
)
def test_a_stream_is_the_completion_in_pieces(gemma: LlamaModel, stop: tuple[str, ...]) -> None:
    sampling = Sampling(max_tokens=24, stop=stop)
    (whole,) = gemma.complete(PREFIX, sampling)
    pieces = list(gemma.stream(PREFIX, sampling))
    assert "".join(pieces) == whole.text
    assert len(pieces) > 1


def test_length_ends_a_completion(gemma: LlamaModel) -> None:
    (one,) = gemma.complete(PREFIX, Sampling(max_tokens=3))
    assert (one.tokens, one.ended) == (3, "length")


def test_samples_are_reproducible_and_seeds_differ(gemma: LlamaModel) -> None:
    def draw(seed: int, samples: int = 6) -> tuple[str, ...]:
        sampling = Sampling(16, temperature=1.2, samples=samples, stop=("\n",), seed=seed)
        return tuple(each.text for each in gemma.complete("x = ", sampling))

    first = draw(1)
    assert len(set(first)) > 1
    gemma.score("something else\n", ["entirely\n"])
    assert draw(1) == first
    assert draw(2) != first


def test_more_samples_than_sequences(gemma: LlamaModel) -> None:
    sampling = Sampling(2, temperature=1.0, samples=100, seed=3)
    assert len(gemma.complete("x = ", sampling)) == 100
    assert gemma.complete("x = ", Sampling(0)) == ()
    assert gemma.complete("x = ", Sampling(4, samples=0)) == ()


def test_alternatives_leave_the_known_text(gemma: LlamaModel) -> None:
    known = WRONG.rstrip("\n")
    sampling = Sampling(40, samples=12, stop=("\n",), unlike=known)
    found = gemma.complete(PREFIX, sampling)
    texts = [each.text for each in found]
    assert known not in texts
    assert len(set(texts)) == len(texts) > 3
    assert RIGHT.rstrip("\n") in texts[:3]
    likelihoods = [each.log_likelihood for each in found]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert gemma.complete(PREFIX, sampling) == found
    scored = gemma.score(PREFIX, [texts[0] + "\n", texts[0] + "\n\n"])  # either is one token
    assert min(abs(likelihoods[0] - score) for score in scored) < 1e-6


def test_a_base_model_does_not_chat(gemma: LlamaModel) -> None:
    with pytest.raises(GemmadevError, match="no chat template"):
        gemma.complete("hello", Sampling(4, chat=True))
    assert gemma.score(PREFIX, [RIGHT])[0] < 0


def test_a_suffix_is_ignored_by_a_model_that_cannot_infill(gemma: LlamaModel) -> None:
    plain = gemma.complete(PREFIX, Sampling(12, stop=("\n",)))
    assert gemma.complete(PREFIX, Sampling(12, stop=("\n",), suffix="# end\n")) == plain


def test_a_file_that_breaks_off_within_a_tensor(gemma: LlamaModel, tmp_path: Path) -> None:
    """What the header cannot show: the runtime's own message reaches the user as one line."""
    from pytest_gemmadev.registry import load_model

    cut = tmp_path / "cut.gguf"
    with Path(gemma.info.path).open("rb") as whole:
        cut.write_bytes(whole.read(gemma.info.size_bytes - 100))
    model = load_model(f"gguf:{cut}", adapter=None, threads=1)
    assert model is not None
    with pytest.raises(GemmadevError, match="cannot load this model") as error:
        model.score("a", ["b"])
    assert "\n" not in str(error.value)
    model.close()


def test_an_adapter_changes_what_the_model_thinks(gemma: LlamaModel, tmp_path: Path) -> None:
    from pytest_gemmadev.registry import load_model

    (plain,) = gemma.score(PREFIX, [RIGHT])
    scores = {}
    for value in (0.0, 0.05):
        path = tmp_path / f"{value}.gguf"
        path.write_bytes(
            lora("gemma3", "blk.3.ffn_up.weight", inputs=640, outputs=2048, value=value)
        )
        model = load_model("gemmadev", adapter=str(path), threads=None)
        assert model is not None
        assert model.info.adapter == str(path)
        (scores[value],) = model.score(PREFIX, [RIGHT])
        model.close()
    assert scores[0.0] == pytest.approx(plain, abs=1e-3)
    assert abs(scores[0.05] - plain) > 0.01


def test_a_peft_folder_is_the_adapter_that_it_would_be_as_gguf(
    tmp_path: Path,
) -> None:
    name = "base_model.model.model.layers.3.mlp.up_proj"
    shapes = {f"{name}.lora_A.weight": (1, 640), f"{name}.lora_B.weight": (2048, 1)}
    folder = peft(tmp_path / "folder", shapes, 0.05)
    path = tmp_path / "adapter.gguf"
    path.write_bytes(lora("gemma3", "blk.3.ffn_up.weight", inputs=640, outputs=2048, value=0.05))
    scores = []
    for adapter in (folder, path):
        model = load_model("gemmadev", adapter=str(adapter), threads=None)
        scores.append(model.score(PREFIX, [RIGHT]))
        model.close()
    assert scores[0] == scores[1]


def test_an_adapter_for_another_model_is_one_clear_line(tmp_path: Path) -> None:
    from pytest_gemmadev.registry import load_model

    path = tmp_path / "other.gguf"
    path.write_bytes(ADAPTER)
    model = load_model("gemmadev", adapter=str(path), threads=None)
    assert model is not None
    with pytest.raises(GemmadevError, match="not an adapter for this model") as error:
        model.score("a", ["b"])
    assert "\n" not in str(error.value)
    model.close()


# --- several prompts at once ---------------------------------------------------------------------

PROMPTS = [f"def times_{n}(x):\n    return" for n in range(2, 20)] + [PREFIX, ""]


def test_prompts_side_by_side_are_continued_each_by_itself(gemma: LlamaModel) -> None:
    sampling = Sampling(max_tokens=8, stop=("\n",))
    together = gemma.complete_many(PROMPTS, sampling)
    assert [len(found) for found in together] == [1] * len(PROMPTS)
    alone = [gemma.complete(prompt, sampling) for prompt in PROMPTS]
    same = sum(a[0].text == b[0].text for a, b in zip(together, alone, strict=True))
    assert same >= 0.8 * len(PROMPTS)  # the last bits differ, so a close call may
    gemma.score(PREFIX, [RIGHT])
    assert gemma.complete_many(PROMPTS, sampling) == together


def test_samples_of_several_prompts_are_drawn_apart(gemma: LlamaModel) -> None:
    sampling = Sampling(max_tokens=8, temperature=1.0, samples=3, seed=5)
    first, second = gemma.complete_many([PREFIX, "import"], sampling)
    assert len({c.text for c in first}) > 1
    assert len(first) == len(second) == 3
    assert first != second


def test_no_prompts_no_completions(gemma: LlamaModel) -> None:
    assert gemma.complete_many([], Sampling()) == ()
    assert gemma.complete_many(["a", "b"], Sampling(samples=0)) == ((), ())


def test_scores_are_the_same_after_many_prompts(gemma: LlamaModel) -> None:
    before = gemma.score(PREFIX, [RIGHT, WRONG])
    gemma.complete_many(PROMPTS[:3], Sampling(max_tokens=4))
    assert gemma.score(PREFIX, [RIGHT, WRONG]) == before


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=2000, temperature=1.0, samples=4),
        Sampling(max_tokens=600, temperature=0.8, samples=24, unlike="    return 1\n"),
    ],
    ids=["samples", "alternatives"],
)
def test_a_budget_that_ends_ends_the_writing(sampling: Sampling) -> None:
    end = time.monotonic() + 3600
    model = load_model(
        "gemmadev", adapter=None, threads=None, left_s=lambda: end - time.monotonic()
    )
    try:
        (before,) = model.score(PREFIX, [RIGHT])
        end = time.monotonic() + 0.5
        assert model.complete("import os\n" * 300, sampling) == ()
        assert model.score(PREFIX, [RIGHT]) == (before,)  # the cache is sound
    finally:
        model.close()
