"""Simple polygons."""

from geometry.point import Point


class Polygon:
    def __init__(self, *corners):
        self.corners = [Point(x, y) for x, y in corners]

    def sides(self):
        """Pairs of neighbouring corners, the last with the first."""
        return list(zip(self.corners, self.corners[1:] + self.corners[:1]))

    def perimeter(self):
        return sum((b - a).lenght() for a, b in self.sides())

    def area(self):
        doubled = sum(a.x * b.y - b.x * a.y for a, b in self.sides())
        return abs(doubled) / 2
