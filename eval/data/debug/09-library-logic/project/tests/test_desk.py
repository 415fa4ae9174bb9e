from library.books import Book
from library.desk import Desk


def desk():
    return Desk([Book("Emma"), Book("Ulysses", copies=2), Book("Dune"), Book("Momo")])


def test_one_copy_is_lent_once():
    library = desk()
    assert library.lend("Emma", "ann")
    assert not library.lend("Emma", "bob")


def test_two_copies():
    library = desk()
    assert library.lend("Ulysses", "ann")
    assert library.lend("Ulysses", "bob")
    assert not library.lend("Ulysses", "cid")


def test_three_loans_at_most():
    library = desk()
    assert all(library.lend(title, "ann") for title in ("Emma", "Ulysses", "Dune"))
    assert not library.lend("Momo", "ann")


def test_debts_stop_lending():
    library = desk()
    library.lend("Emma", "ann")
    assert library.give_back("Emma", "ann", 30) == 50
    assert not library.lend("Emma", "ann")
    library.pay("ann", 50)
    assert library.lend("Emma", "ann")
