"""A small shop: a catalog, carts, prices with discounts and tax, stock, orders."""
