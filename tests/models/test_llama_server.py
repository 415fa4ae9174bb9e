"""The packaged model in a process of its own, behind llama.cpp's server, behind Ollama's interface.

The same model answers, so it has to answer the same.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("httpx")

sys.path.insert(0, str(Path(__file__).parent))

from front import OllamaFront
from standin import serving

from pytest_gemmadev.models.llama.llama_model import LlamaModel
from pytest_gemmadev.models.servers.http import Patience
from pytest_gemmadev.models.servers.openai import OpenAIModel
from pytest_gemmadev.types import Model, Sampling

pytestmark = [pytest.mark.model, pytest.mark.slow]

PREFIX = "def gcd(a, b):\n    if b == 0:\n        return a\n    else:\n"
TEXTS = ["        return gcd(b, a % b)\n", "        return gcd(a % b, b)\n", "        import os\n"]


@pytest.fixture(scope="module")
def url(gemma: LlamaModel) -> Iterator[str]:
    """Of xllamacpp's server on loopback."""
    runtime = pytest.importorskip("xllamacpp")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    params = runtime.CommonParams()
    params.model.path = gemma.info.path
    params.port = port
    params.n_ctx, params.n_parallel = 4096, 1
    params.n_gpu_layers = 0
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = runtime.Server(params)
    yield server.listening_address
    del server


@pytest.fixture
def served(url: str, gemma: LlamaModel) -> Iterator[OpenAIModel]:
    name = gemma.info.path.rpartition("/")[2].removesuffix(".gguf")
    model = OpenAIModel(f"openai:{name}@{url}", Patience())
    yield model
    model.close()


@pytest.fixture(scope="module")
def front(url: str) -> Iterator[OllamaFront]:
    with serving(OllamaFront(model="gemma", behind=url)) as server:
        yield server


@pytest.fixture
def ollama(front: OllamaFront) -> Iterator[Model]:
    pytest.importorskip("ollama")
    from pytest_gemmadev.models.servers.ollama import OllamaModel

    model = OllamaModel(f"ollama:gemma@{front.url}", Patience())
    yield model
    model.close()


TEXTS_TO_READ = [
    pytest.param("def f(x):\n", id="code"),
    pytest.param("", id="nothing"),
    pytest.param("\t\t  x = 'α🙂'\r\n\n\n", id="unusual"),
    pytest.param("Fix a bug\n\ngcd ran with a=4, b=2\ndiff --git a/m.py b/m.py\n+", id="repair"),
]


def tokenized(url: str, text: str) -> list[int]:
    """Token ids of a prompt, as the server reads it."""
    body = json.dumps({"content": text, "add_special": True}).encode()
    request = Request(f"{url}/tokenize", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        ids: list[int] = json.load(answer)["tokens"]
    return ids


@pytest.mark.parametrize("text", TEXTS_TO_READ)
def test_ollama_gets_the_prompt_as_it_is(
    url: str, front: OllamaFront, ollama: Model, gemma: LlamaModel, text: str
) -> None:
    ollama.complete(text, Sampling(max_tokens=1))
    path, body = front.asked[-1]
    assert (path, body["raw"]) == ("/api/generate", True)
    assert tokenized(url, body["prompt"]) == gemma.token_ids(text)["prefix"]


def test_ollama_answers_as_the_model_does(ollama: Model, gemma: LlamaModel) -> None:
    sampling = Sampling(max_tokens=12, stop=("\n",))
    (here,) = gemma.complete(PREFIX + "        return ", sampling)
    (there,) = ollama.complete(PREFIX + "        return ", sampling)
    assert there.text == here.text
    scores, mine = ollama.score(PREFIX, TEXTS), gemma.score(PREFIX, TEXTS)
    order = sorted(range(len(TEXTS)), key=lambda i: scores[i])
    assert order == sorted(range(len(TEXTS)), key=lambda i: mine[i])


@pytest.mark.parametrize("text", TEXTS_TO_READ)
def test_the_same_prompt_gives_the_same_tokens(url: str, gemma: LlamaModel, text: str) -> None:
    there = tokenized(url, text)
    assert there == gemma.token_ids(text)["prefix"]
    assert there[0] == 2  # the beginning of a sequence, once
    assert there.count(2) == 1


def test_the_server_turns_out_what_it_can(served: OpenAIModel) -> None:
    info = served.info
    assert (info.can_score, info.has_chat_template, info.can_infill) == (True, False, False)
    assert info.context_tokens == 4096


def test_both_go_on_alike(served: OpenAIModel, gemma: LlamaModel) -> None:
    sampling = Sampling(max_tokens=12, stop=("\n",))
    (here,) = gemma.complete(PREFIX + "        return ", sampling)
    (there,) = served.complete(PREFIX + "        return ", sampling)
    assert there.text == here.text
    assert there.log_likelihood == pytest.approx(here.log_likelihood, abs=1.5)  # other kernels


def test_both_order_texts_alike(served: OpenAIModel, gemma: LlamaModel) -> None:
    here = gemma.score(PREFIX, TEXTS)
    there = served.score(PREFIX, TEXTS)
    assert sorted(TEXTS, key=lambda t: here[TEXTS.index(t)]) == sorted(
        TEXTS, key=lambda t: there[TEXTS.index(t)]
    )


def test_alternatives_leave_the_known_line(served: OpenAIModel) -> None:
    sampling = Sampling(max_tokens=16, stop=("\n",), samples=4, unlike="        return gcd(a, b)")
    found = served.complete(PREFIX, sampling)
    assert 0 < len(found) <= 4
    assert sampling.unlike not in [one.text for one in found]
    likelihoods = [one.log_likelihood for one in found]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_what_is_streamed_is_what_is_completed(served: OpenAIModel) -> None:
    sampling = Sampling(max_tokens=10)
    assert "".join(served.stream(PREFIX, sampling)) == served.complete(PREFIX, sampling)[0].text
    assert "".join(served.stream(PREFIX, replace(sampling, max_tokens=1)))
