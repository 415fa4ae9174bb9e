from billing.invoice import invoice_cents, invoice_text
from billing.meter import Meter


def test_readings_of_both_sorts():
    meter = Meter("A-9", ["100", 150])
    meter.read(175)
    assert meter.readings == [100, 150, 175]
    assert meter.used() == 25


def test_text_of_a_named_meter():
    assert invoice_text(Meter("A-9")) == "Meter A-9: 5.00"


def test_one_reading_costs_the_base_fee():
    assert invoice_cents(Meter(1, ["12"])) == 500
