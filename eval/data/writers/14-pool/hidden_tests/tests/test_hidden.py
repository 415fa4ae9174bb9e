from stats.pool import spread


def test_negative():
    assert spread([-3, 3]) == 6
