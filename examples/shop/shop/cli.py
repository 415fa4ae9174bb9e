"""``python -m shop.cli TEA-G:2 POT --coupon WELCOME`` prints a receipt."""

import argparse

from shop.cart import Cart
from shop.catalog import sample_catalog
from shop.pricing import format_cents, price

WIDTH = 34


def parse_item(text):
    """``TEA-G:2`` -> ("TEA-G", 2)."""
    code, _, quantity = text.partition(":")
    return code, int(quantity or 1)


def receipt(cart, coupon=""):
    amounts = price(cart, coupon)
    rows = [(f"{line.quantity} x {line.product.name}", line.cents) for line in cart.lines]
    rows.append(("subtotal", amounts.subtotal))
    if amounts.discount:
        rows.append(("discount", -amounts.discount))
    rows.append(("shipping", amounts.shipping))
    rows.append(("total", amounts.total))
    return "\n".join(f"{label:<{WIDTH - 9}}{_signed(cents):>9}" for label, cents in rows)


def _signed(cents):
    return f"-{format_cents(-cents)}" if cents < 0 else format_cents(cents)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="shop")
    parser.add_argument("items", nargs="+", metavar="CODE[:QUANTITY]")
    parser.add_argument("--coupon", default="")
    options = parser.parse_args(argv)
    cart = Cart(sample_catalog())
    for item in options.items:
        cart.add(*parse_item(item))
    print(receipt(cart, options.coupon))


if __name__ == "__main__":
    main()
