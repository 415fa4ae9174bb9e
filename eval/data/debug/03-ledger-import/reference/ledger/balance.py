"""Sums by account."""

from collections import defaultdict

from ledger.entries import read
from ledger.money import show


def balances(lines):
    totals = defaultdict(int)
    for entry in read(lines):
        totals[entry.account] += entry.amount
    return dict(totals)


def statement(lines):
    """Lines of account and balance, and the total last."""
    totals = balances(lines)
    rows = [f"{name} {show(totals[name])}" for name in sorted(totals)]
    rows.append(f"total {show(sum(totals.values()))}")
    return rows
