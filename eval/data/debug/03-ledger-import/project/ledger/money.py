"""Amounts in cents."""

from decimal import ROUND_HALF_UP, Decimal


def to_cents(text):
    """Cents of an amount such as ``12.50``."""
    amount = Decimal(text.replace(",", ""))
    return int((amount * 100).quantize(Decimal("1"), rounding=ROUND_HALF_UP))


def show(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
