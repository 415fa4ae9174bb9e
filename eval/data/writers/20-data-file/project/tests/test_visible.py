from lines.measure import record


def test_record():
    record({"a.py": [1, 2]})
    assert record({"a.py": [3]})["a.py"] == [1, 2, 3]


def test_again():
    assert record({"b.py": [5]})["b.py"] == [5]
