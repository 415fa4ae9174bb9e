from lines.measure import merge


def test_merge():
    assert merge({"a": [1]}, {"a": [3], "b": [2]}) == {"a": [1, 3], "b": [2]}
