from sensors.series import jumps, mean, moving_mean, peaks


def test_mean():
    assert mean([1, 2, 6]) == 3
    assert mean([]) == 0.0


def test_moving_mean():
    assert moving_mean([1, 3, 5, 7], 2) == [2, 4, 6]
    assert moving_mean([1], 2) == []


def test_jumps():
    assert jumps([0, 5, 50, 51], 10) == [2]


def test_peaks():
    assert peaks([0, 3, 1, 4, 2, 9]) == [1, 3]
