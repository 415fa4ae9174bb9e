from ring.shared import through


def test_long():
    assert through(b"x" * 5000) == b"x" * 5000
