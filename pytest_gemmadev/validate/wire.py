"""Messages as bytes: a token, a length, JSON. `messages` says what they hold.

The token is drawn for each run or job. A test that writes into whatever descriptor it finds
cannot produce a message by accident; a program that reads its own memory for the token can, which
is why the last word is always with a fresh run that the accepted patch did not prepare.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

TOKEN_BYTES = 16
_HEAD_BYTES = TOKEN_BYTES + 4
_CHUNK_BYTES = 1 << 16
_MAX_FDS = 4

Sent = TypeVar("Sent", bound=Mapping[str, object])
Received = TypeVar("Received", bound=Mapping[str, object])


class Forged(Exception):
    """What arrived is not a message of the other side, or more than it may send."""


def new_token() -> bytes:
    """Random bytes that mark the messages of one run."""
    return secrets.token_bytes(TOKEN_BYTES)


def pack(token: bytes, message: Mapping[str, object]) -> bytes:
    """A message as bytes."""
    body = json.dumps(message).encode()
    return token + len(body).to_bytes(4, "big") + body


class Reader:
    """Puts messages together from the bytes that arrive."""

    def __init__(self, token: bytes, *, limit_bytes: int | None) -> None:
        self._token = token
        self._left = limit_bytes  # None: as much as it likes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """The messages that ``data`` completes. `Forged` over the limit or on a wrong token."""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise Forged("more output than allowed")
        self._buffer += data
        messages = []
        while len(self._buffer) >= _HEAD_BYTES:
            if self._buffer[:TOKEN_BYTES] != self._token:
                raise Forged("a message of an unknown sender")
            end = _HEAD_BYTES + int.from_bytes(self._buffer[TOKEN_BYTES:_HEAD_BYTES], "big")
            if len(self._buffer) < end:
                break
            try:
                message = json.loads(self._buffer[_HEAD_BYTES:end])
            except ValueError:
                raise Forged("a message that does not read") from None
            if not isinstance(message, dict):
                raise Forged("a message that does not read")
            messages.append(message)
            del self._buffer[:end]
        return messages


def write(fd: int, data: bytes) -> None:
    """Writes everything to a descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def read(fd: int) -> bytes:
    """Some bytes; none at the end."""
    return os.read(fd, _CHUNK_BYTES)


class Channel(Generic[Sent, Received]):
    """One end of a socket between processes that both belong to the oracle."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._reader = Reader(bytes(TOKEN_BYTES), limit_bytes=None)
        self._ready: list[Received] = []
        self._fds: list[int] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, message: Sent, fds: Sequence[int] = ()) -> None:
        """Sends a message, with descriptors for the other process. OSError when that is gone."""
        data = pack(bytes(TOKEN_BYTES), message)
        if fds:
            # Descriptors travel with the first byte; the rest follows in order.
            socket.send_fds(self.sock, [data[:1]], list(fds))
            data = data[1:]
        self.sock.sendall(data)

    def receive(self, timeout_s: float | None = None) -> Received | None:
        """The next message; None when the other side is gone. Raises TimeoutError."""
        self.sock.settimeout(timeout_s)
        while not self._ready:
            try:
                data, fds, _, _ = socket.recv_fds(self.sock, _CHUNK_BYTES, _MAX_FDS)
            except ConnectionError:
                return None
            self._fds += fds
            if not data:
                return None
            self._ready += self._reader.feed(data)
        return self._ready.pop(0)

    def take_fds(self, count: int) -> list[int]:
        """The next descriptors that came; those of later messages may be there already."""
        taken, self._fds = self._fds[:count], self._fds[count:]
        return taken

    def close(self) -> None:
        self.sock.close()
