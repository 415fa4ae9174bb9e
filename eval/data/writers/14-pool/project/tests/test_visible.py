from stats.pool import spread, spreads


def test_spread():
    assert spread([5, 2]) == 3


def test_spreads():
    assert spreads([[1, 4], [2, 2, 9]]) == [3, 7]
