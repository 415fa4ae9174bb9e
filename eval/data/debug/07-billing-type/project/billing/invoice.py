"""Invoices."""

from billing.meter import Meter
from billing.tariff import energy_cents

BASE_FEE_CENTS = 500


def invoice_cents(meter: Meter, discount_percent=0):
    """What is due: base fee and energy, less the discount on the energy."""
    energy = energy_cents(meter.used())
    discount = energy * discount_percent // 100
    return BASE_FEE_CENTS + energy - discount


def invoice_text(meter, discount_percent=0):
    cents = invoice_cents(meter, discount_percent)
    return "Meter " + meter.number + ": " + f"{cents / 100:.2f}"
