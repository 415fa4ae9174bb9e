import sqlite3
from contextlib import closing
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "crm.db"


def customers(limit=None):
    """Names of the customers in the order of their numbers, at most limit of them."""
    with closing(sqlite3.connect(PATH)) as base:
        rows = base.execute("SELECT name FROM customers ORDER BY id").fetchall()
    names = [row[0] for row in rows]
    return names if limit is None else names[limit:]
