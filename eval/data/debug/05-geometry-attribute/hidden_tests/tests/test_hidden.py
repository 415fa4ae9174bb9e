from geometry.point import Point
from geometry.polygon import Polygon
from geometry.summary import describe


def test_clockwise_has_the_same_area():
    assert Polygon((0, 2), (2, 2), (2, 0), (0, 0)).area() == 4


def test_describe_of_a_line():
    assert describe(Polygon((0, 0), (3, 4))) == "2 corners, area 0, perimeter 10"


def test_points_compare_by_value():
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) - Point(1, 1) == Point(0, 1)
