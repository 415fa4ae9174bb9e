from ledger.balance import balances
from ledger.entries import read


def test_accounts_add_up_over_many_lines():
    lines = ["2024-01-01 cash 1.10"] * 3 + ["2024-01-02 cash -0.30", "2024-01-03 card 4"]
    assert balances(lines) == {"cash": 300, "card": 400}


def test_entries_keep_their_order():
    entries = read(["2024-01-02 b 1", "", "# x", "2024-01-01 a 2"])
    assert [e.account for e in entries] == ["b", "a"]
    assert entries[1].amount == 200
