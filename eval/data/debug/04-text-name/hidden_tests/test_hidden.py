from textstat.rank import histogram, top


def test_ties_and_limit():
    assert top("c b a c b a d", limit=2) == [("a", 2), ("b", 2)]


def test_empty():
    assert top("") == []
    assert histogram("") == ""


def test_everything_stopped():
    assert top("a a", stopwords=("a",)) == []
