from ring.shared import through


def test_through():
    assert through(b"abc") == b"abc"
