from textstat.rank import histogram, top
from textstat.words import counts, words

TEXT = "The cat saw the dog, and the dog saw a bird."


def test_words():
    assert words("Don't stop!") == ["don't", "stop"]


def test_counts():
    assert counts(TEXT)["the"] == 3


def test_top():
    assert top(TEXT) == [("the", 3), ("dog", 2), ("saw", 2)]


def test_stopwords():
    assert top(TEXT, limit=1, stopwords={"the"}) == [("dog", 2)]


def test_histogram():
    assert histogram("b a b", width=4) == "b ####\na ##"
