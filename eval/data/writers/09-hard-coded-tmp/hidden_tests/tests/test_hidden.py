from link.beacon import PATH, beacon


def test_other():
    assert beacon(-3) == -3
    PATH.unlink()
