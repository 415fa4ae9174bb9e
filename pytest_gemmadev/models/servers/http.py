"""The transport of every model behind an HTTP server: bounded waiting, and errors that say what to do.

A server may be down, slow, busy, cut its answer, or be no API at all. Each of these ends in one
line for the user, after no more time than the budget has left. The rules are in the transport, so they
hold for every client.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import count
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from pytest_gemmadev.types import GemmadevError

CONNECT_S = 5.0
REQUEST_S = 120.0  # for one answer, where the budget allows as much
MAX_WAIT_S = 120.0  # that a busy server may ask for where there is no budget
ANSWER_BYTES = 64 << 20
_BUSY = (429, 503)  # too many requests; not ready, as while llama.cpp's server loads its model
_PAUSE_S = 0.5  # before a busy server is asked again that names no time; doubles each time
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OutOfBudget(Exception):
    """The budget ended before a server answered. It is not an error: there is just no answer."""


@contextmanager
def within_budget() -> Iterator[None]:
    """Ends the block early, without an error, when the budget ends."""
    try:
        yield
    except OutOfBudget:
        return


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for."""

    left_s: Callable[[], float] = lambda: math.inf  # of the budget
    request_s: float = REQUEST_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class PatientTransport(httpx.BaseTransport):
    """Sends requests under a `Patience`; raises `GemmadevError` or `OutOfBudget` only."""

    def __init__(self, what: str, url: str, patience: Patience) -> None:
        """``what`` and ``url`` are for messages: the model's spec, where the server listens."""
        self._what = what
        self._url = url
        self._patience = patience
        self._request_s = patience.request_s
        # Reading the certificates takes longer than many an answer from this machine.
        self._inner = httpx.HTTPTransport(proxy=_proxy(url), verify=url.startswith("https:"))

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Inside, waits for half of the budget at most: a server that hangs at once is no help later."""
        self._request_s = min(self._patience.request_s, self._patience.left_s() / 2)
        try:
            yield
        finally:
            self._request_s = self._patience.request_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, tried again while the server is busy; reading its body is bounded too."""
        for attempt in count():
            deadline = self._deadline()
            response = self._send(request, deadline)
            if response.status_code not in _BUSY:
                break
            response.close()
            self._wait(response, attempt)
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/html"):
            response.close()
            raise GemmadevError(
                f"{self._what}: {self._url} answers with a web page (status "
                f"{response.status_code}), not with JSON: is this the address of the API?"
            )
        assert isinstance(response.stream, httpx.SyncByteStream)
        waits = request.extensions["timeout"]
        waits["read"] = max(0.01, deadline - self._patience.clock())
        body = _Body(response.stream, self, deadline)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=body,
            extensions=response.extensions,
        )

    def _deadline(self) -> float:
        left = self._patience.left_s()
        if left <= 0:
            raise OutOfBudget
        return self._patience.clock() + min(left, self._request_s)

    def _send(self, request: httpx.Request, deadline: float) -> httpx.Response:
        left = max(0.01, deadline - self._patience.clock())
        request.extensions["timeout"] = {
            "connect": min(CONNECT_S, left),
            "read": left,
            "write": left,
            "pool": left,
        }
        try:
            return self._inner.handle_request(request)
        except httpx.HTTPError as error:
            raise self.explain_error(error) from None

    def _wait(self, response: httpx.Response, attempt: int) -> None:
        """Waits as long as a busy server asks, where the budget has as much."""
        asked = _retry_after(response)
        pause = _PAUSE_S * 2**attempt if asked is None else asked
        left = self._patience.left_s()
        if pause < min(left, MAX_WAIT_S):
            self._patience.sleep(pause)
            return
        busy = "takes no more requests" if response.status_code == 429 else "is not ready"
        wish = "" if asked is None else f" and asks to wait {asked:.0f} s"
        limit = f"; the budget has {left:.0f} s left" if left < MAX_WAIT_S else ""
        raise GemmadevError(
            f"{self._what}: the server {busy} (status {response.status_code}){wish}{limit}"
        )

    def explain_error(self, error: httpx.HTTPError) -> Exception:
        """What to raise for an error of the connection."""
        if self._patience.left_s() <= 0:
            return OutOfBudget()
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return GemmadevError(
                f"{self._what}: no server answers at {self._url}; start it, or name another one"
            )
        if isinstance(error, httpx.TimeoutException):
            return self.explain_delay()
        return GemmadevError(
            f"{self._what}: {self._url} ended the connection in the middle of an answer "
            f"({_first_line(error)}); its own log may say why"
        )

    def explain_delay(self) -> Exception:
        """What to raise when the deadline has passed."""
        if self._patience.left_s() <= 0:
            return OutOfBudget()
        return GemmadevError(
            f"{self._what}: no answer within {self._request_s:.3g} s from {self._url}; "
            "a smaller model or a free machine answers sooner"
        )

    def is_over(self, deadline: float) -> bool:
        return self._patience.clock() >= deadline

    def explain_size(self) -> Exception:
        return GemmadevError(f"{self._what}: an answer of more than {ANSWER_BYTES >> 20} MB")

    def close(self) -> None:
        self._inner.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer, as long as time and size are within their limits."""

    def __init__(
        self, stream: httpx.SyncByteStream, transport: PatientTransport, deadline: float
    ) -> None:
        self._stream = stream
        self._transport = transport
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        try:
            for chunk in self._stream:
                size += len(chunk)
                if size > ANSWER_BYTES:
                    raise self._transport.explain_size()
                if self._transport.is_over(self._deadline):
                    raise self._transport.explain_delay()
                yield chunk
        except httpx.HTTPError as error:
            raise self._transport.explain_error(error) from None

    def close(self) -> None:
        self._stream.close()


def split_spec(spec: str) -> tuple[str, str]:
    """(model, URL) of ``scheme:MODEL@URL``; the URL is empty where none is named."""
    rest = spec.partition(":")[2]
    at = max(rest.rfind("@http://"), rest.rfind("@https://"))
    model, url = (rest, "") if at < 0 else (rest[:at], rest[at + 1 :].rstrip("/"))
    if not model:
        raise GemmadevError(f"model {spec!r}: no model named before the '@'")
    if url:
        try:
            parts = urlsplit(url)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named:
            raise GemmadevError(f"model {spec!r}: {url!r} is not an address of a server")
    return model, url


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for ``url``; never for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, None where it does not say."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
