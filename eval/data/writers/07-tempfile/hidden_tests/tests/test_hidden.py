from pack.spool import spool


def test_none():
    assert spool([]) == ("", 0)


def test_many():
    assert spool(["x"] * 9) == ("x" * 9, 9)
