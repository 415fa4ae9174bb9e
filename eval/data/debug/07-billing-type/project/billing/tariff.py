"""Prices by consumption."""

TIERS = [(100, 30), (400, 25), (None, 20)]  # up to units, cents a unit


def energy_cents(units):
    """Price of the units, each tier at its own rate."""
    total = 0
    start = 0
    for limit, cents in TIERS:
        end = units if limit is None else min(units, limit)
        if end > start:
            total += (end - start) * cents
            start = end
    return total
