"""Rounds of a delivery van."""

from routes.search import fastest


def round_trip(graph, depot, stops):
    """Minutes of the drive from the depot over all stops in their order and back."""
    total = 0
    at = depot
    for stop in [*stops, depot]:
        found = fastest(graph, at, stop)
        if found is None:
            return None
        total += found[0]
        at = depot
    return total
