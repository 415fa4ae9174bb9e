import pytest

from library.rules import fee, may_borrow


@pytest.mark.parametrize(("days", "cents"), [(1, 0), (28, 0), (29, 25), (60, 800), (400, 1000)])
def test_fee(days, cents):
    assert fee(days) == cents


def test_may_borrow():
    assert may_borrow(2, 0)
    assert not may_borrow(3, 0)
    assert not may_borrow(0, 1)
