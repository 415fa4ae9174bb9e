from stats.pool import spreads


def test_spreads():
    assert spreads([[1, 4], [2, 2, 9]]) == [3, 7]
