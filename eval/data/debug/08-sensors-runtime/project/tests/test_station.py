from sensors.station import Station


def test_summary():
    station = Station()
    for value in (10, 30, 10, 12):
        station.add("roof", value)
    assert station.summary("roof") == (15.5, 1, 2)
    assert station.summary("cellar") == (0.0, 0, 0)


def test_coldest():
    station = Station()
    station.add("roof", 10)
    station.add("cellar", 8)
    assert station.coldest() == "cellar"
