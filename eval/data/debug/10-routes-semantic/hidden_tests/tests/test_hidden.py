from routes.delivery import round_trip
from routes.graph import Graph
from routes.search import fastest


def line(*minutes):
    graph = Graph()
    for index, length in enumerate(minutes):
        graph.add(str(index), str(index + 1), length)
    return graph


def test_minutes_add_up():
    assert fastest(line(1, 2, 3, 4), "0", "4") == (10, ["0", "1", "2", "3", "4"])


def test_shortcut():
    graph = line(5, 5, 5)
    graph.add("0", "3", 14)
    assert fastest(graph, "0", "3") == (14, ["0", "3"])
    assert fastest(graph, "0", "2") == (10, ["0", "1", "2"])


def test_there_and_back():
    assert round_trip(line(7), "0", ["1"]) == 14
    assert round_trip(line(1, 1), "0", ["2", "1"]) == 4
