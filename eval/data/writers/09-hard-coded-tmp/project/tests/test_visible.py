from link.beacon import PATH, beacon


def test_beacon():
    try:
        assert beacon(12) == 12
    finally:
        PATH.unlink(missing_ok=True)
