from words.count import count, count_all


def test_none():
    assert count_all([]) == 0
    assert count("") == 0
