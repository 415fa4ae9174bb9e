"""The lending desk."""

from library.books import Book
from library.rules import fee, may_borrow


class Desk:
    def __init__(self, books):
        self.books = {book.title: book for book in books}
        self.debts = {}

    def loans(self, reader):
        return sum(reader in book.lent_to for book in self.books.values())

    def lend(self, title, reader):
        """True when the reader takes the book home."""
        book = self.books[title]
        if not book.available() or not may_borrow(self.loans(reader), self.debts.get(reader, 0)):
            return False
        book.lent_to.append(reader)
        return True

    def give_back(self, title, reader, days):
        """The fee for this book, which is added to what the reader owes."""
        self.books[title].lent_to.remove(reader)
        due = fee(days)
        self.debts[reader] = self.debts.get(reader, 0) + due
        return due

    def pay(self, reader, cents):
        self.debts[reader] = max(0, self.debts.get(reader, 0) - cents)
