from routes.delivery import round_trip
from routes.graph import Graph


def test_round_trip():
    graph = Graph()
    graph.add("depot", "inn", 10)
    graph.add("inn", "mill", 5)
    assert round_trip(graph, "depot", ["inn", "mill"]) == 30


def test_stop_that_cannot_be_reached():
    graph = Graph()
    graph.add("depot", "inn", 10)
    assert round_trip(graph, "depot", ["inn", "isle"]) is None


def test_no_stops():
    assert round_trip(Graph(), "depot", []) == 0
