"""Reading entries from lines of text."""

from collections import namedtuple

from ledger.money import to_cents

Entry = namedtuple("Entry", "date account amount")


def read(lines):
    """Entries of lines such as ``2024-01-31 rent -950.00``; blank lines and comments are skipped."""
    entries = []
    for line in lines:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        date, account, amount = line.split()
        entries.append(Entry(date, account, to_cents(amount)))
    return entries
