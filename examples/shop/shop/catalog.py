"""What the shop sells."""

from dataclasses import dataclass


class UnknownProduct(LookupError):
    """A code that is not in the catalog."""


@dataclass(frozen=True)
class Product:
    code: str
    name: str
    cents: int
    category: str = "general"


class Catalog:
    def __init__(self, products=()):
        self._products = {product.code: product for product in products}

    def __len__(self):
        return len(self._products)

    def find(self, code):
        """The product of a code, in whatever case it was typed."""
        product = self._products.get(code.strip().upper())
        if product is None:
            raise UnknownProduct(code)
        return product

    def search(self, text):
        """Products whose name holds the text, in alphabetical order."""
        wanted = text.lower()
        found = [p for p in self._products.values() if wanted in p.name.lower()]
        return sorted(found, key=lambda product: product.name)


def sample_catalog():
    return Catalog(
        [
            Product("TEA-G", "Green tea", 650, "drinks"),
            Product("TEA-B", "Black tea", 550, "drinks"),
            Product("CUP", "Cup, 0.3 l", 900, "kitchen"),
            Product("POT", "Teapot", 2400, "kitchen"),
            Product("BOOK", "A history of tea", 1800, "books"),
        ]
    )
