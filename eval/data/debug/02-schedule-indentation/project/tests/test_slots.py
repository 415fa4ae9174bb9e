from schedule.slots import free, overlaps, parse


def test_parse():
    assert parse("10:15") == 615


def test_touching_is_no_overlap():
    assert not overlaps((0, 10), (10, 20))
    assert overlaps((0, 11), (10, 20))


def test_gaps_around_one_meeting():
    assert free([(20, 30)], 0, 60) == [(0, 20), (30, 60)]
