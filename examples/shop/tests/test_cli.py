import pytest

from shop.cli import main, parse_item


@pytest.mark.parametrize("text, item", [("POT", ("POT", 1)), ("TEA-G:12", ("TEA-G", 12))])
def test_parse_item(text, item):
    assert parse_item(text) == item


def test_receipt(capsys):
    main(["TEA-G:2", "POT", "BOOK", "--coupon", "welcome"])
    assert capsys.readouterr().out.splitlines() == [
        "2 x Green tea                13.00",
        "1 x Teapot                   24.00",
        "1 x A history of tea         18.00",
        "subtotal                     55.00",
        "discount                     -5.50",
        "shipping                      4.90",
        "total                        54.40",
    ]
