from geo.lookup import lookup


def test_lookup():
    assert lookup("Bern") == {"lat": 46.9, "lon": 7.4}


def test_again():
    assert lookup("Bern")["lat"] == 46.9
