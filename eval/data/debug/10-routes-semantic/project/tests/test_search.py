import pytest

from routes.graph import Graph
from routes.search import fastest, reachable


@pytest.fixture
def graph():
    graph = Graph()
    graph.add("A", "B", 10)
    graph.add("B", "C", 10)
    graph.add("A", "C", 30)
    graph.add("C", "D", 5)
    return graph


def test_a_detour_may_be_faster(graph):
    assert fastest(graph, "A", "C") == (20, ["A", "B", "C"])


def test_longer_way(graph):
    assert fastest(graph, "A", "D") == (25, ["A", "B", "C", "D"])


def test_no_way(graph):
    assert fastest(graph, "A", "Z") is None


def test_reachable(graph):
    assert reachable(graph, "A", 20) == ["A", "B", "C"]
    assert reachable(graph, "A", 25) == ["A", "B", "C", "D"]
