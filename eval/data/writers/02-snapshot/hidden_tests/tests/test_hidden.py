from shop.summary import summarize


def test_largest():
    found = summarize([{"amount": 1}, {"amount": 2}])
    assert found == {"count": 2, "total": 3, "largest": 2}
