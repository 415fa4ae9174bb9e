import os

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()


@pytest.fixture(scope="session", autouse=True)
def database():
    from django.test.utils import get_runner, setup_databases, teardown_databases

    old = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(old, verbosity=0)


def test_titles():
    from library.models import Book
    from library.queries import titles

    Book.objects.all().delete()
    for title, year in (("B", 2001), ("A", 2002), ("C", 1990)):
        Book.objects.create(title=title, year=year)
    assert titles(2000) == ["A", "B"]
