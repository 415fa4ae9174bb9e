from geo.lookup import lookup


def test_rome():
    assert lookup("Rome") == {"lat": 41.9, "lon": 12.5}
