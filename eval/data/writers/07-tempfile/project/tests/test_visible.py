from pack.spool import spool


def test_spool():
    assert spool(["ab", "c"]) == ("abc", 3)
