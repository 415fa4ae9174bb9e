"""A model through transformers: the packaged one, in four bits, beside the in-process GGUF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
for package in ("transformers", "bitsandbytes", "peft", "accelerate", "gguf"):
    pytest.importorskip(package)

from pytest_gemmadev.models.builtin import shipped_adapter  # noqa: E402
from pytest_gemmadev.models.llama.llama_model import LlamaModel  # noqa: E402
from pytest_gemmadev.models.transformers.batch import Batch  # noqa: E402
from pytest_gemmadev.models.transformers.transformers_model import TransformersModel  # noqa: E402
from pytest_gemmadev.types import GemmadevError, Sampling  # noqa: E402 - an extra

pytestmark = [pytest.mark.model, pytest.mark.slow]

PREFIX = "def gcd(a, b):\n    if b == 0:\n        return a\n    else:\n"
RIGHT = "        return gcd(b, a % b)\n"
WRONG = "        return gcd(a % b, b)\n"
NONSENSE = "        import antigravity\n"


@pytest.fixture(scope="module")
def model() -> Iterator[TransformersModel]:
    model = TransformersModel("hf:gemmadev")
    yield model
    model.close()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def f(x):\n", id="code"),
        pytest.param("", id="nothing"),
        pytest.param("\t\t  x = 'α🙂'\r\n\n\n    y", id="unusual"),
        pytest.param("<bos><eos><end_of_turn>", id="control tokens as text"),
        pytest.param("".join(f"x{n} = {n}\n" for n in range(2000)), id="long"),
    ],
)
def test_the_same_prompt_gives_the_same_tokens(
    model: TransformersModel, gemma: LlamaModel, text: str
) -> None:
    there = gemma.token_ids(text)
    assert model.prefix_ids(text) == there["prefix"]
    assert model.ids(text) == there["continuation"]


def test_the_right_line_is_likelier(model: TransformersModel) -> None:
    wrong, right, nonsense = model.score(PREFIX, [WRONG, RIGHT, NONSENSE])
    assert 0 > right > wrong > nonsense


def test_both_score_alike(model: TransformersModel, gemma: LlamaModel) -> None:
    """Before four bits are taken a second time: those move a model this small by several nats."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = AutoModelForCausalLM.from_pretrained(model.info.path, dtype=torch.bfloat16).eval()
    batch = Batch(whole, AutoTokenizer.from_pretrained(model.info.path))
    texts = [WRONG, RIGHT, NONSENSE]
    here = batch.score(model.prefix_ids(PREFIX), [model.ids(text) for text in texts])
    assert here == pytest.approx(gemma.score(PREFIX, texts), rel=0.1, abs=0.5)


def test_company_changes_little(model: TransformersModel) -> None:
    texts = [RIGHT, WRONG, NONSENSE, "        return 0\n"]
    together = model.score(PREFIX, texts)
    alone = [model.score(PREFIX, [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=0.5)
    assert model.score(PREFIX, ["", RIGHT])[0] == 0.0
    assert model.score(PREFIX, []) == ()


def test_a_line_is_completed(model: TransformersModel) -> None:
    sampling = Sampling(max_tokens=12, stop=("\n",))
    prompt = "for i in range(10):\n    print("
    (here,) = model.complete(prompt, sampling)
    assert "i" in here.text
    assert here.ended == "stop"
    assert here.log_likelihood < 0
    assert "".join(model.stream(prompt, sampling)) == here.text


def test_samples_follow_their_seed(model: TransformersModel) -> None:
    sampling = Sampling(max_tokens=6, temperature=0.9, samples=3, seed=5)
    first = [one.text for one in model.complete(PREFIX, sampling)]
    assert [one.text for one in model.complete(PREFIX, sampling)] == first
    assert len(set(first)) > 1
    assert [one.text for one in model.complete(PREFIX, replace(sampling, seed=6))] != first


def test_alternatives_leave_the_known_line(model: TransformersModel) -> None:
    sampling = Sampling(max_tokens=16, stop=("\n",), samples=6, unlike="        return gcd(a, b)")
    found = model.complete(PREFIX, sampling)
    assert 1 < len(found) <= 6
    assert sampling.unlike not in [one.text for one in found]
    likelihoods = [one.log_likelihood for one in found]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_the_budget_ends_it(model: TransformersModel) -> None:
    late = TransformersModel("hf:gemmadev", left_s=lambda: 0.0)
    assert late.complete(PREFIX, Sampling()) == ()
    assert late.score(PREFIX, ["ab"]) == (-1.0,)


def test_an_adapter_changes_the_likelihoods(model: TransformersModel, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model.info.path, dtype=torch.bfloat16)
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(base, config).save_pretrained(tmp_path / "adapter")
    adapted = TransformersModel("hf:gemmadev", adapter=str(tmp_path / "adapter"))
    assert adapted.info.adapter == str(tmp_path / "adapter")
    assert adapted.score(PREFIX, [RIGHT]) != model.score(PREFIX, [RIGHT])


def test_the_shipped_adapter_is_taken_as_it_ships(model: TransformersModel) -> None:
    adapted = TransformersModel("hf:gemmadev", adapter=shipped_adapter())
    assert Path(adapted.info.adapter, "adapter_config.json").is_file()
    assert adapted.score(PREFIX, [RIGHT]) != model.score(PREFIX, [RIGHT])


@pytest.mark.parametrize(
    ("spec", "adapter", "says"),
    [
        pytest.param("hf:", None, "write hf:NAME_OR_PATH", id="nothing named"),
        pytest.param("hf:/no/such/folder", None, "no such folder", id="no folder"),
        pytest.param("hf:/no/such.gguf", None, "no such file", id="no file"),
        pytest.param("hf:gemmadev", ".", "is no PEFT folder", id="no adapter"),
        pytest.param("hf:gemmadev", __file__, "is not a GGUF file", id="no adapter's file"),
    ],
)
def test_misuse_is_one_line(spec: str, adapter: str | None, says: str) -> None:
    with pytest.raises(GemmadevError, match=says) as error:
        TransformersModel(spec, adapter=adapter)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(GemmadevError, match="cannot be read"):
        TransformersModel(f"hf:{tmp_path}")
