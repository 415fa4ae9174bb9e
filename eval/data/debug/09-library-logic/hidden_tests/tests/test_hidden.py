from library.books import Book
from library.desk import Desk
from library.rules import fee


def test_fee_meets_its_limit():
    assert fee(68) == 1000
    assert fee(67) == 975
    assert fee(69) == 1000


def test_no_copies_at_all():
    assert not Book("Rare", copies=0).available()


def test_given_back_is_available_again():
    library = Desk([Book("Emma")])
    assert library.lend("Emma", "ann")
    assert library.give_back("Emma", "ann", 3) == 0
    assert library.lend("Emma", "bob")
