from sensors.series import mean, peaks
from sensors.station import Station


def test_rising_series_has_no_peak():
    assert peaks([1, 2, 3]) == []
    assert peaks([1]) == []
    assert peaks([2, 1]) == []


def test_peak_next_to_the_end():
    assert peaks([1, 5, 2]) == [1]


def test_mean_of_one():
    assert mean([4]) == 4
    assert mean(()) == 0


def test_no_values_at_all():
    assert Station().summary("x") == (0.0, 0, 0)
