"""Rules of lending."""

LOAN_DAYS = 28
FEE_PER_DAY = 25
MAX_FEE = 1000
MAX_LOANS = 3


def fee(days_kept):
    """Cents due for a book kept for so many days."""
    late = days_kept - LOAN_DAYS
    if late <= 0:
        return 0
    return max(late * FEE_PER_DAY, MAX_FEE)


def may_borrow(loans, debt):
    """True when neither too many books are lent nor money is due."""
    return loans < MAX_LOANS and debt == 0
