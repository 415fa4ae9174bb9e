"""Models behind servers, against a stand-in that speaks the published interfaces."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

pytest.importorskip("httpx")
pytest.importorskip("ollama")

from standin import (
    A_LIST,
    BROKEN,
    CUT,
    HTML,
    JSON,
    LONG_WAIT,
    NOT_JSON,
    OTHER,
    Answer,
    Standin,
    serving,
)

from pytest_gemmadev.models.servers.http import Patience
from pytest_gemmadev.models.servers.ollama import OllamaModel
from pytest_gemmadev.models.servers.openai import OpenAIModel
from pytest_gemmadev.types import GemmadevError, Sampling

PROMPT = "def add(a, b):\n    return"
LINE = Sampling(max_tokens=8, stop=("\n",))
KINDS = ["openai", "ollama"]


def connect(
    kind: str, standin: Standin, patience: Patience | None = None, name: str = "toy"
) -> OpenAIModel | OllamaModel:
    patience = patience or Patience(request_s=5.0)
    if kind == "ollama":
        return OllamaModel(f"ollama:{name}@{standin.url}", patience)
    return OpenAIModel(f"openai:{name}@{standin.url}", patience)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "standin",
    [
        pytest.param(Standin(), id="like llama.cpp"),
        pytest.param(Standin(legacy=True, echo=True), id="like vLLM"),
        pytest.param(Standin(top=-1), id="no log-probabilities"),
    ],
)
def test_a_prompt_is_gone_on_with(kind: str, standin: Standin) -> None:
    with serving(replace(standin, asked=[])) as server:
        model = connect(kind, server)
        (found,) = model.complete(PROMPT, LINE)
        assert (found.text, found.ended) == (" b", "stop")
        assert found.log_likelihood < 0
        path, body = server.asked[-1]
        assert body["prompt"] == PROMPT  # raw, whatever the template
        assert path in ("/v1/completions", "/api/generate")
        assert body.get("raw", True)
        three = model.complete(PROMPT, replace(LINE, samples=3))
        assert [one.text for one in three] == [" b"] * 3
        drawn = model.complete(PROMPT, replace(LINE, samples=2, temperature=0.8, seed=7))
        assert len(drawn) == 2
        seeds = [body.get("seed", body.get("options", {}).get("seed")) for _, body in server.asked]
        assert seeds[-2:] == [7, 8]
        assert model.complete(PROMPT, replace(LINE, samples=0)) == ()


@pytest.mark.parametrize(
    ("kind", "standin"),
    [
        pytest.param("openai", Standin(), id="openai, next token"),
        pytest.param("openai", Standin(top=5), id="openai, fewer next tokens"),
        pytest.param("openai", Standin(legacy=True, echo=True), id="openai, whole prompt"),
        pytest.param("ollama", Standin(), id="ollama, next token"),
    ],
)
def test_a_few_texts_are_scored_to_their_end(kind: str, standin: Standin) -> None:
    with serving(replace(standin, asked=[])) as server:
        model = connect(kind, server)
        assert model.info.can_score
        a, b, longer, odd = model.score(PROMPT, [" a\n", " b\n", " a + b\n", " odd\n"])
    assert b > a > odd
    assert b == pytest.approx(-0.4 - 0.1)
    assert longer == pytest.approx(-1.4 - 0.3 - 0.2 - 0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_log_probabilities_scores_nothing(kind: str) -> None:
    with serving(Standin(top=-1)) as server:
        model = connect(kind, server)
        assert not model.info.can_score
        before = len(server.asked)
        assert model.score(PROMPT, ["ab", "abcd"]) == (-1.0, -2.0)
        assert len(server.asked) == before


@pytest.mark.parametrize("kind", KINDS)
def test_alternatives_to_a_known_line(kind: str) -> None:
    with serving(Standin()) as server:
        model = connect(kind, server)
        found = model.complete(PROMPT, replace(LINE, unlike=" b\n", samples=4, temperature=0.8))
    assert [one.text for one in found[:2]] == [" a + b", " x"]
    assert " b" not in [one.text for one in found]
    assert found[0].log_likelihood == pytest.approx(-1.4 - 0.3 - 0.2)


def test_a_server_for_chats_only_is_asked_to_go_on() -> None:
    with serving(Standin(raw=False)) as server:
        model = connect("openai", server)
        assert model.info.has_chat_template
        assert not model.info.can_score
        (found,) = model.complete(PROMPT, LINE)
        path, body = server.asked[-1]
    assert path == "/v1/chat/completions"
    assert body["messages"][0]["content"].endswith(PROMPT)
    assert found.text == " b"


@pytest.mark.parametrize(
    ("template", "chats"),
    [
        pytest.param("{{ .Prompt }}", False, id="text"),
        pytest.param("{{.Prompt}}", False, id="text, close"),
        pytest.param("<start>{{ .Prompt }}<end>", True, id="chat"),
    ],
)
def test_ollama_says_what_a_model_can(template: str, chats: bool) -> None:
    with serving(Standin(template=template, insert=chats)) as server:
        model = connect("ollama", server)
        assert model.info.has_chat_template is chats
        assert model.info.can_infill is chats
        model.complete(PROMPT, replace(LINE, suffix="\nprint(1)\n", unlike=" b", samples=2))
        body = server.asked[-1][1]
        assert ("suffix" in body) is chats
        assert body["raw"] is not chats


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
def test_an_answer_is_streamed(kind: str, chat: bool) -> None:
    with serving(Standin()) as server:
        model = connect(kind, server)
        assert "".join(model.stream(PROMPT, replace(LINE, chat=chat))) == " b"
        assert server.asked[-1][1]["stream"] is True


def test_the_key_goes_where_it_is_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with serving(Standin()) as server:
        connect("openai", server)
        assert {h.get("authorization") or h.get("Authorization") for h in server.headers} == {
            "Bearer secret"
        }
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(Standin()) as server:
        connect("openai", server)
        assert not any("uthorization" in name for h in server.headers for name in h)


def test_a_long_prompt_keeps_its_end() -> None:
    with serving(Standin()) as server:
        model = connect("ollama", server)
        model.complete("x = 1\n" * 4000 + PROMPT, LINE)
        prompt = server.asked[-1][1]["prompt"]
    assert prompt.endswith(PROMPT)
    assert prompt.startswith("x = 1\n")
    assert len(prompt) <= 4096 * 3


# --- servers in trouble --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(HTML, "answers with a web page .status 200.", id="a web page"),
        pytest.param(CUT, "ended the connection in the middle of an answer", id="cut"),
        pytest.param(NOT_JSON, "something else than JSON|not Ollama's", id="no JSON"),
        pytest.param(A_LIST, "something else than JSON|not Ollama's", id="other JSON"),
        pytest.param(BROKEN, "refuses, status 500: .*out of", id="error"),
        pytest.param(OTHER, "answers with another model, llama", id="another model"),
        pytest.param(LONG_WAIT, "takes no more requests .*asks to wait 3600 s", id="busy"),
    ],
)
@pytest.mark.parametrize("when", ["at first", "later"])
def test_trouble_is_told_in_one_line(kind: str, answer: Answer, says: str, when: str) -> None:
    with serving(Standin()) as server:
        if when == "at first":
            generates = ("/v1/completions", "/api/generate")
            server.trouble = lambda path, _: answer if path in generates else None
            with pytest.raises(GemmadevError, match=says) as error:
                connect(kind, server)
        else:
            model = connect(kind, server)
            server.trouble = lambda _path, _number: answer
            with pytest.raises(GemmadevError, match=says) as error:
                model.complete(PROMPT, LINE)
            with pytest.raises(GemmadevError, match=says):
                model.score(PROMPT, [" a", " b"])
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"model {kind}:toy@http")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_down(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        standin = Standin(url=f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(GemmadevError, match=r"no server answers at http.*start it"):
        connect(kind, standin)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_not_served(kind: str) -> None:
    says = {
        "openai": "serves another model: toy",
        "ollama": "does not have it, but toy; ollama pull",
    }
    with serving(Standin()) as server, pytest.raises(GemmadevError, match=says[kind]):
        connect(kind, server, name="gemma")


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        pytest.param("toy", "/models/toy.gguf", id="a path"),
        pytest.param("toy", "toy-2026-01-31", id="a date"),
        pytest.param("org/toy", "toy", id="an owner"),
    ],
)
def test_names_of_one_model(asked: str, served: str) -> None:
    with serving(Standin(model=served)) as server:
        model = connect("openai", server, name=asked)
        assert model.complete(PROMPT, LINE)[0].text == " b"
        assert server.asked[-1][1]["model"] == served


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_as_it_asks(kind: str, status: int) -> None:
    pauses: list[float] = []
    with serving(Standin()) as server:
        server.trouble = lambda _path, number: (
            (status, {**JSON, "Retry-After": "7"}, b"{}") if number == 0 else None
        )
        model = connect(kind, server, Patience(request_s=5.0, sleep=pauses.append))
        assert pauses == [7.0]
        busy = len(server.asked)
        server.trouble = lambda _path, number: (status, JSON, b"{}") if number < busy + 3 else None
        assert model.complete(PROMPT, LINE)[0].text == " b"
    assert pauses == [7.0, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_busy_server_is_not_waited_for_beyond_the_budget(kind: str) -> None:
    pauses: list[float] = []
    patience = Patience(left_s=lambda: 5.0, sleep=pauses.append)
    with serving(Standin()) as server:
        server.trouble = lambda _path, _number: (429, {**JSON, "Retry-After": "6"}, b"{}")
        with pytest.raises(GemmadevError, match=r"asks to wait 6 s; the budget has 5 s left"):
            connect(kind, server, patience)
    assert pauses == []


def hanging(release: threading.Event) -> Callable[[str, int], Answer | None]:
    def trouble(_path: str, _number: int) -> None:
        release.wait(30)

    return trouble


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_server_is_left(kind: str) -> None:
    release = threading.Event()
    with serving(Standin()) as server:
        model = connect(kind, server, Patience(request_s=0.2))
        server.trouble = hanging(release)
        with pytest.raises(GemmadevError, match=r"no answer within 0\.2 s"):
            model.complete(PROMPT, LINE)
        release.set()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_the_budget_is_no_error(kind: str) -> None:
    release = threading.Event()
    end = [math.inf]
    with serving(Standin()) as server:
        model = connect(kind, server, Patience(left_s=lambda: end[0] - time.monotonic()))
        server.trouble = hanging(release)
        end[0] = time.monotonic() + 0.2
        assert model.complete(PROMPT, replace(LINE, samples=3)) == ()
        asked = len(server.asked)
        assert model.score(PROMPT, ["ab"]) == (-1.0,)
        assert len(server.asked) == asked  # nothing is sent any more
        release.set()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_cut(kind: str) -> None:
    rows = {
        "openai": b'data: {"model": "toy", "choices": [{"text": " b"}]}\n\n',
        "ollama": b'{"model": "toy", "response": " b", "done": false}\n',
    }
    with serving(Standin()) as server:
        model = connect(kind, server)
        headers = {"Content-Type": "text/event-stream"}
        server.trouble = lambda _path, _number: (200, headers, rows[kind])
        pieces = model.stream(PROMPT, LINE)
        assert next(pieces) == " b"
        with pytest.raises(GemmadevError, match="cut the stream of its answer short"):
            next(pieces)
