"""Roads between places."""


class Graph:
    def __init__(self):
        self.roads = {}

    def add(self, start, end, minutes):
        """A road that can be driven both ways."""
        self.roads.setdefault(start, {})[end] = minutes
        self.roads.setdefault(end, {})[start] = minutes

    def neighbours(self, place):
        return self.roads.get(place, {}).items()
