from words.count import count_all


def test_all():
    assert count_all(["a b", "c"]) == 3
