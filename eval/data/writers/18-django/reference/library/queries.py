from library.models import Book


def titles(year):
    """Titles of the books since a year, in their order."""
    books = Book.objects.filter(year__gte=year).order_by("title")
    return [book.title for book in books]
