import json
from pathlib import Path

from shop.summary import summarize

SNAPSHOTS = Path(__file__).parent / "snapshots"
ORDERS = [{"amount": 3}, {"amount": 9}, {"amount": 5}]


def check(name, value):
    path = SNAPSHOTS / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(value))
    assert json.loads(path.read_text()) == value


def test_known():
    check("known", summarize(ORDERS))


def test_new():
    check("new", summarize([{"amount": 4}])["total"])
