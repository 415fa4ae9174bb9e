from web.app import answer


def test_square():
    assert answer("/square/5") == (200, {"square": 25})
