import pytest

from shop.catalog import UnknownProduct


def test_find_ignores_case_and_spaces(catalog):
    assert catalog.find(" tea-g ").name == "Green tea"


def test_unknown_product(catalog):
    with pytest.raises(UnknownProduct):
        catalog.find("HAT")


def test_search(catalog):
    assert [p.code for p in catalog.search("tea")] == ["BOOK", "TEA-B", "TEA-G", "POT"]
    assert catalog.search("hat") == []


def test_size(catalog):
    assert len(catalog) == 5
