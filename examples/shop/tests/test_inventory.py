import pytest

from shop.inventory import Inventory, OutOfStock


@pytest.fixture
def inventory():
    return Inventory({"TEA-G": 5, "POT": 3, "CUP": 2})


def test_reserve(inventory, cart):
    inventory.reserve(cart)
    assert inventory.on_hand("TEA-G") == 3
    assert inventory.on_hand("POT") == 2


def test_all_or_nothing(inventory, cart):
    cart.add("POT", 5)
    with pytest.raises(OutOfStock, match="POT: 3 left"):
        inventory.reserve(cart)
    assert inventory.on_hand("TEA-G") == 5


def test_put_back(inventory, cart):
    inventory.reserve(cart)
    inventory.put_back(cart)
    assert inventory.on_hand("TEA-G") == 5


def test_low(inventory):
    assert inventory.low() == ["CUP"]
    assert inventory.low(4) == ["CUP", "POT"]
