import pytest

from ledger.money import show, to_cents


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("0.005", 1), ("-3", -300), ("1,200.10", 120010)]
)
def test_to_cents(text, cents):
    assert to_cents(text) == cents


@pytest.mark.parametrize("cents, text", [(5, "0.05"), (-5, "-0.05"), (123456, "1234.56")])
def test_show(cents, text):
    assert show(cents) == text
