from geometry.polygon import Polygon
from geometry.summary import describe, largest

SQUARE = Polygon((0, 0), (2, 0), (2, 2), (0, 2))
TRIANGLE = Polygon((0, 0), (3, 0), (0, 4))


def test_area():
    assert SQUARE.area() == 4
    assert TRIANGLE.area() == 6


def test_perimeter():
    assert SQUARE.perimeter() == 8
    assert TRIANGLE.perimeter() == 12


def test_describe():
    assert describe(TRIANGLE) == "3 corners, area 6, perimeter 12"


def test_largest():
    assert largest([SQUARE, TRIANGLE]) is TRIANGLE
    assert largest([]) is None
