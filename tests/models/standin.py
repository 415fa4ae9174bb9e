"""A server on loopback that speaks the published HTTP interfaces over a model of a few rules.

It stands in for llama.cpp's server, vLLM and Ollama: same paths, same fields, same layouts; what a
server lacks, or how it fails, is a setting.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, str], bytes]
JSON = {"Content-Type": "application/json"}

# Answers of servers in trouble.
HTML: Answer = (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>It works!</html>")
CUT: Answer = (200, {**JSON, "Content-Length": "999", "X-Close": "1"}, b'{"model": "toy", ')
NOT_JSON: Answer = (200, JSON, b"hello")
A_LIST: Answer = (200, JSON, b"[1]")
BROKEN: Answer = (500, JSON, b'{"error": {"message": "out of\\nmemory"}}')
OTHER: Answer = (200, JSON, b'{"model": "llama", "response": "x", "done": true, "choices": [{}]}')
LONG_WAIT: Answer = (429, {**JSON, "Retry-After": "3600"}, b"{}")

NEXT = {
    "return": {" b": -0.4, " a": -1.4, " x": -3.0},
    " a": {" +": -0.3, "\n": -1.5},
    " +": {" b": -0.2, " a": -2.2},
    " b": {"\n": -0.1, " +": -3.0},
}
ELSE = {"\n": -0.7, " pass": -0.7}


def tokens(text: str) -> list[str]:
    return re.findall(r"[^\S\n]*\w+|[^\S\n]*[^\w\s]|\s", text)


def likeliest(text: str) -> Mapping[str, float]:
    """Log-probabilities of the next tokens."""
    last = (tokens(text) or [""])[-1]
    return NEXT.get(last.strip() if last.strip() == "return" else last, ELSE)


def generate(prompt: str, limit: int, stops: Sequence[str]) -> tuple[list[str], str]:
    """(tokens, why it ended), greedily."""
    made: list[str] = []
    while len(made) < limit:
        now = likeliest(prompt + "".join(made))
        made.append(max(now, key=lambda token: now[token]))
        if any(stop in "".join(made) for stop in stops):
            return made[:-1], "stop"
    return made, "length"


@dataclass
class Standin:
    """What the server is like. ``asked`` collects (path, body) of every request."""

    model: str = "toy"
    raw: bool = True  # has /v1/completions
    echo: bool = False
    top: int = 20  # of the next token, at most; 0 refuses, -1 ignores the question
    legacy: bool = False  # layout of log-probabilities
    chat: bool = True
    insert: bool = False  # Ollama: can infill
    template: str = "{{ .Prompt }}"  # Ollama
    trouble: Callable[[str, int], Answer | None] = lambda _path, _number: None
    # (path, how many requests came before): an answer in place of the real one
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        wrong = self.trouble(path, len(self.asked) - 1)
        if wrong is not None:
            return wrong
        routes: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/v1/models": lambda _: _json({"object": "list", "data": [{"id": self.model}]}),
            "/api/show": self._show,
            "/api/tags": lambda _: _json({"models": [{"model": self.model}]}),
            "/api/generate": self._generate,
        }
        if self.raw:
            routes["/v1/completions"] = self._complete
        if self.chat:
            routes["/v1/chat/completions"] = self._chat
        if path not in routes:
            return _json({"error": {"message": "File Not Found"}}, 404)
        return routes[path](body)

    # --- OpenAI's --------------------------------------------------------------------------------

    def _complete(self, body: dict[str, Any]) -> Answer:
        wanted = body.get("logprobs", 0)
        if (body.get("echo") and not self.echo) or (self.top >= 0 and wanted > self.top):
            return _json({"error": {"message": "not supported", "code": 400}}, 400)
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        choices = []
        for index, prompt in enumerate(prompts):
            made, why = generate(prompt, body["max_tokens"], body.get("stop", ()))
            shown = [*tokens(prompt), *made] if body.get("echo") else made
            start = "" if body.get("echo") else prompt
            given = (
                self._logprobs(start, shown, wanted, legacy=self.legacy)
                if wanted and self.top >= 0
                else None
            )
            choices.append(
                {"index": index, "text": "".join(shown), "logprobs": given, "finish_reason": why}
            )
        if body.get("stream"):
            return _events([{"model": self.model, "choices": [c]} for c in choices])
        return _json({"object": "text_completion", "model": self.model, "choices": choices})

    def _logprobs(
        self, start: str, shown: Sequence[str], top: int, *, legacy: bool
    ) -> dict[str, Any]:
        rows = []
        for index, token in enumerate(shown):
            known = likeliest(start + "".join(shown[:index]))
            best = sorted(known.items(), key=lambda pair: -pair[1])[:top]
            rows.append((token, known.get(token, -9.0), dict(best)))
        if legacy:
            return {
                "tokens": [row[0] for row in rows],
                "token_logprobs": [
                    None if not i and not start else r[1] for i, r in enumerate(rows)
                ],
                "top_logprobs": [row[2] for row in rows],
            }
        return {
            "content": [
                {
                    "token": token,
                    "logprob": nats,
                    "top_logprobs": [{"token": t, "logprob": v} for t, v in best.items()],
                }
                for token, nats, best in rows
            ]
        }

    def _chat(self, body: dict[str, Any]) -> Answer:
        made, why = generate(
            body["messages"][-1]["content"], body["max_tokens"], body.get("stop", ())
        )
        if body.get("stream"):
            return _events(
                [{"model": self.model, "choices": [{"delta": {"content": t}}]} for t in made]
            )
        message = {"role": "assistant", "content": "".join(made)}
        choice = {"index": 0, "message": message, "finish_reason": why}
        return _json({"object": "chat.completion", "model": self.model, "choices": [choice]})

    # --- Ollama's --------------------------------------------------------------------------------

    def _show(self, body: dict[str, Any]) -> Answer:
        if body["model"].partition(":")[0] != self.model:
            return _json({"error": f"model '{body['model']}' not found"}, 404)
        able = ["completion", "insert"] if self.insert else ["completion"]
        info = {"toy.context_length": 2048}
        return _json({"template": self.template, "capabilities": able, "model_info": info})

    def _generate(self, body: dict[str, Any]) -> Answer:
        options = body.get("options", {})
        made, why = generate(body["prompt"], options.get("num_predict", 8), options.get("stop", ()))
        row: dict[str, Any] = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        if body.get("stream"):
            parts = [{**row, "response": token, "done": False} for token in made]
            parts.append({**row, "response": "", "done": True, "done_reason": why})
            return 200, JSON, b"".join(json.dumps(part).encode() + b"\n" for part in parts)
        row |= {
            "response": "".join(made),
            "done": True,
            "done_reason": why,
            "eval_count": len(made),
        }
        if body.get("logprobs") and self.top > 0:
            top = min(self.top, body.get("top_logprobs") or 0)
            row["logprobs"] = self._logprobs(body["prompt"], made, top, legacy=False)["content"]
        return _json(row)


def _json(value: object, status: int = 200) -> Answer:
    return status, JSON, json.dumps(value).encode()


def _events(rows: Sequence[object]) -> Answer:
    lines = [*(json.dumps(row) for row in rows), "[DONE]"]
    body = "".join(f"data: {line}\n\n" for line in lines).encode()
    return 200, {"Content-Type": "text/event-stream"}, body


@contextmanager
def serving(standin: Standin) -> Iterator[Standin]:
    """The server, listening while inside; its address is in ``standin.url``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body would wait for one another

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._reply(json.loads(data))

        def _reply(self, body: dict[str, Any]) -> None:
            standin.asked.append((self.path, body))
            standin.headers.append(dict(self.headers))
            status, headers, data = standin.answer(self.path, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            if "X-Close" in headers:
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    standin.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
