"""Figures in words."""

from geometry.polygon import Polygon


def describe(polygon: Polygon) -> str:
    count = len(polygon.corners)
    return f"{count} corners, area {polygon.area():g}, perimeter {polygon.perimeter():g}"


def largest(polygons):
    """The polygon with the largest area, or None."""
    return max(polygons, key=Polygon.area, default=None)
