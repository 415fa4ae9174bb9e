import pytest

from billing.invoice import invoice_cents, invoice_text
from billing.meter import Meter
from billing.tariff import energy_cents


@pytest.mark.parametrize(
    ("units", "cents"), [(0, 0), (100, 3000), (150, 3000 + 1250), (500, 3000 + 7500 + 2000)]
)
def test_tiers(units, cents):
    assert energy_cents(units) == cents


def test_invoice_from_a_file_of_readings():
    meter = Meter(7, "1000 1100".split())
    assert invoice_cents(meter) == 3500
    assert invoice_cents(meter, discount_percent=10) == 3200


def test_invoice_text():
    meter = Meter(7)
    meter.read(10)
    meter.read(30)
    assert invoice_text(meter) == "Meter 7: 11.00"


def test_backwards():
    meter = Meter(1, [5])
    with pytest.raises(ValueError):
        meter.read(4)
