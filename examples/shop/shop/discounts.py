"""Reductions, each a function of a cart that returns cents."""

BULK_FROM = 10  # pieces of one product
BULK_PERCENT = 5

COUPONS = {"WELCOME": 10, "TEATIME": 15}  # percent


def percent_of(cents, percent):
    """Rounded half up, as the till does."""
    return (cents * percent + 50) // 100


def bulk(cart):
    """A part of each line of ten pieces or more."""
    large = [line for line in cart.lines if line.quantity >= BULK_FROM]
    return sum(percent_of(line.cents, BULK_PERCENT) for line in large)


def coupon(cart, code):
    """A part of the whole cart; nothing for a coupon that does not exist."""
    percent = COUPONS.get(code.upper(), 0)
    return percent_of(cart.subtotal(), percent)


def best(cart, code=""):
    """The larger one: discounts are not added up."""
    return min(bulk(cart), coupon(cart, code))
