"""Messages arrive whole and in order, or not at all."""

from __future__ import annotations

import os
import socket

import pytest

from pytest_gemmadev.validate.wire import Channel, Forged, Reader, new_token, pack

TOKEN = b"0123456789abcdef"
BODY = {"test": "a::b", "text": "ü\n"}


def test_messages_are_put_together_from_any_pieces() -> None:
    data = pack(TOKEN, BODY) + pack(TOKEN, {"done": {}})
    for size in (1, 7, len(data)):
        reader = Reader(TOKEN, limit_bytes=None)
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert [m for piece in pieces for m in reader.feed(piece)] == [BODY, {"done": {}}]


def test_an_unfinished_message_is_none() -> None:
    assert Reader(TOKEN, limit_bytes=None).feed(pack(TOKEN, BODY)[:-1]) == []


FORGED = {
    "other token": pack(bytes(16), BODY),
    "no JSON": TOKEN + (3).to_bytes(4, "big") + b"abc",
    "no object": TOKEN + (2).to_bytes(4, "big") + b"[]",
    "too much": pack(TOKEN, {"x": "y" * 1000}),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Forged):
        Reader(TOKEN, limit_bytes=200).feed(data)


def test_tokens_differ() -> None:
    assert new_token() != new_token()


@pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no descriptors over sockets")
def test_descriptors_go_to_their_message_when_several_wait() -> None:
    ours, theirs = (Channel(end) for end in socket.socketpair())
    pipes = [os.pipe() for _ in range(2)]
    for number, pipe in enumerate(pipes):
        ours.send({"number": number}, pipe)
    for number, (_, end) in enumerate(pipes):
        message = theirs.receive(1.0)
        assert message == {"number": number}
        reading, writing = theirs.take_fds(2)
        os.write(end, b"x")
        assert os.read(reading, 1) == b"x"
        for fd in (reading, writing, *pipes[number]):
            os.close(fd)
    ours.close()
    assert theirs.receive(1.0) is None
    theirs.close()
