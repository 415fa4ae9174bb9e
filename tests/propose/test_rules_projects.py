"""Small projects with one fault each: one of the first candidates makes them run right.

The errors are really raised, the candidates really run. Each tree is followed by its failing test.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from pytest_gemmadev.propose.rules import RuleProposer
from pytest_gemmadev.testing import apply_candidate, make_task, parse_tree, raise_error

FIRST = 5  # candidates among which the right one must be

PROJECTS = {
    "name-misspelt-loop-variable": (
        """
        --- shop/__init__.py
        --- shop/cart.py
        from shop.item import Item


        class Cart:
            def __init__(self):
                self.items = []

            def add(self, name, price, quantity=1):
                self.items.append(Item(name, price, quantity))

            def total(self):
                amount = 0
                for item in self.items:
                    amount += itme.price * item.quantity
                return amount
        --- shop/item.py
        class Item:
            def __init__(self, name, price, quantity):
                self.name = name
                self.price = price
                self.quantity = quantity
        """,
        "from shop.cart import Cart\n---\nc = Cart()\nc.add('a', 2, 3)\nassert c.total() == 6",
    ),
    "name-missing-stdlib-import": (
        """
        --- text/__init__.py
        --- text/words.py
        import re


        def words(line):
            return re.findall(r"[a-z]+", line.lower())
        --- text/count.py
        from .words import words


        def count(lines):
            found = Counter()
            for line in lines:
                found.update(words(line))
            return found.most_common(1)[0]
        """,
        "from text.count import count\n---\nassert count(['a b', 'B']) == ('b', 2)",
    ),
    "name-missing-project-import-without-circle": (
        """
        --- bank/__init__.py
        --- bank/account.py
        from bank.ledger import record


        class Account:
            def __init__(self, owner):
                self.owner = owner
                record("open", owner)
        --- bank/ledger.py
        ENTRIES = []


        def record(kind, who):
            ENTRIES.append((kind, who))


        def open_for(owner):
            return Account(owner)
        """,
        "from bank import ledger\n---\nassert ledger.open_for('x').owner == 'x'",
    ),
    "name-missing-self": (
        """
        --- stack.py
        class Stack:
            def __init__(self):
                self._data = []

            def push(self, x):
                self._data.append(x)

            def peek(self):
                return _data[-1]
        """,
        "from stack import Stack\n---\ns = Stack()\ns.push(3)\nassert s.peek() == 3",
    ),
    "name-local-never-initialised": (
        """
        --- stats.py
        def positives(values):
            for value in values:
                if value > 0:
                    count += 1
            return count
        """,
        "from stats import positives\n---\nassert positives([1, -1, 2]) == 2",
    ),
    "name-global-counter": (
        """
        --- ids.py
        last = 0


        def fresh(prefix):
            last += 1
            return f"{prefix}{last}"
        --- users.py
        from ids import fresh


        def user(name):
            return {"id": fresh("u"), "name": name}
        """,
        "from users import user\n---\nassert user('a')['id'] == 'u1'",
    ),
    "attribute-misspelt-in-init": (
        """
        --- geo/__init__.py
        from .shapes import Rectangle
        --- geo/shapes.py
        class Rectangle:
            def __init__(self, width, height):
                self.widht = width
                self.height = height

            def area(self):
                return self.width * self.height

            def scale(self, k):
                return Rectangle(self.width * k, self.height * k)
        """,
        "from geo import Rectangle\n---\nassert Rectangle(2, 3).scale(2).area() == 24",
    ),
    "attribute-never-set": (
        """
        --- queueing.py
        class Job:
            def __init__(self, name, priority):
                self.name = name

            def urgent(self):
                return self.priority > 5
        --- runner.py
        from queueing import Job


        def urgent(names):
            return [n for i, n in enumerate(names) if Job(n, i * 6).urgent()]
        """,
        "from runner import urgent\n---\nassert urgent(['a', 'b']) == ['b']",
    ),
    "attribute-method-name-wanted-by-test": (
        """
        --- inventory.py
        class Inventory:
            def __init__(self):
                self.stock = {}

            def add_itme(self, name, n):
                self.stock[name] = self.stock.get(name, 0) + n
                return self.stock[name]
        """,
        "from inventory import Inventory\n---\nassert Inventory().add_item('a', 2) == 2",
    ),
    "attribute-base-init-not-called": (
        """
        --- people.py
        class Person:
            def __init__(self, name):
                self.name = name

            def greeting(self):
                return f"I am {self.name}"
        --- staff.py
        from people import Person


        class Employee(Person):
            def __init__(self, name, role):
                self.role = role
        """,
        "from staff import Employee\n---\nassert Employee('Ada', 'x').greeting() == 'I am Ada'",
    ),
    "attribute-none-from-missing-return": (
        """
        --- repo.py
        USERS = [{"id": 1, "mail": "A@B.C"}]


        def find(user_id):
            for user in USERS:
                if user["id"] == user_id:
                    user
        --- service.py
        from repo import find


        def mail(user_id):
            return find(user_id).get("mail").lower()
        """,
        "from service import mail\n---\nassert mail(1) == 'a@b.c'",
    ),
    "attribute-append-on-set": (
        """
        --- seen.py
        class Seen:
            def __init__(self):
                self.ids = set()

            def mark(self, x):
                self.ids.append(x)
                return len(self.ids)
        """,
        "from seen import Seen\n---\ns = Seen()\ns.mark(1)\nassert s.mark(1) == 1",
    ),
    "import-misspelt-module": (
        """
        --- app/__init__.py
        --- app/utilities.py
        def clamp(x, lo, hi):
            return max(lo, min(x, hi))
        --- app/main.py
        from app.utilites import clamp


        def percent(x):
            return clamp(x, 0, 100)
        """,
        "from app.main import percent\n---\nassert percent(120) == 100",
    ),
    "import-name-moved": (
        """
        --- app/__init__.py
        --- app/maths.py
        PI = 3
        --- app/strings.py
        def slug(text):
            return text.lower().replace(" ", "-")
        --- app/page.py
        from app.maths import PI, slug


        def address(title):
            return slug(title) + str(PI)
        """,
        "from app.page import address\n---\nassert address('A B') == 'a-b3'",
    ),
    "import-circle": (
        """
        --- zoo/__init__.py
        --- zoo/animal.py
        from zoo.cage import Cage


        class Animal:
            def __init__(self, name):
                self.name = name

            def house(self):
                return Cage([self])
        --- zoo/cage.py
        from zoo.animal import Animal


        class Cage:
            def __init__(self, animals):
                self.animals = animals

            def names(self):
                return [a.name for a in self.animals if isinstance(a, Animal)]
        """,
        "from zoo.animal import Animal\n---\nassert Animal('x').house().names() == ['x']",
    ),
    "import-relative-level": (
        """
        --- core/__init__.py
        --- core/limits.py
        TOP = 10
        --- core/rules/__init__.py
        --- core/rules/check.py
        from .limits import TOP


        def fits(n):
            return n <= TOP
        """,
        "from core.rules.check import fits\n---\nassert fits(10)",
    ),
    "key-misspelt-where-read": (
        """
        --- orders.py
        def order(name, amount):
            return {"customer": name, "amount": amount, "paid": False}
        --- invoice.py
        from orders import order


        def invoice(name, amount):
            o = order(name, amount)
            return f"{o['custmer']}: {o['amount']}"
        """,
        "from invoice import invoice\n---\nassert invoice('Bo', 3) == 'Bo: 3'",
    ),
    "key-misspelt-where-written": (
        """
        --- parse.py
        def parse(line):
            name, age = line.split(",")
            return {"nmae": name.strip(), "age": int(age)}
        --- show.py
        from parse import parse


        def names(lines):
            return [parse(line)["name"] for line in lines]


        def oldest(lines):
            return max((parse(line) for line in lines), key=lambda r: r["age"])["name"]
        """,
        "from show import names, oldest\n---\n"
        "assert names(['a, 1']) + [oldest(['b, 1'])] == ['a', 'b']",
    ),
    "key-first-value": (
        """
        --- group.py
        def by_length(words):
            groups = {}
            for word in words:
                groups[len(word)].append(word)
            return groups
        """,
        "from group import by_length\n---\n"
        "assert by_length(['a', 'bb', 'c']) == {1: ['a', 'c'], 2: ['bb']}",
    ),
    "type-missing-self": (
        """
        --- convert.py
        class Converter:
            def __init__(self, rate):
                self.rate = rate

            def convert(amount):
                return amount * self.rate
        """,
        "from convert import Converter\n---\nassert Converter(2).convert(3) == 6",
    ),
    "type-argument-not-passed": (
        """
        --- tax.py
        def with_tax(price, rate):
            return price + price * rate
        --- till.py
        from tax import with_tax


        def bill(prices, rate):
            return sum(with_tax(p) for p in prices)
        """,
        "from till import bill\n---\nassert bill([1, 1], 1) == 4",
    ),
    "type-keyword-misspelt": (
        """
        --- paint.py
        def box(width, height, fill="."):
            return [fill * width for _ in range(height)]
        --- picture.py
        from paint import box


        def frame(n):
            return box(n, heigth=n, fill="#")
        """,
        "from picture import frame\n---\nassert frame(2) == ['##', '##']",
    ),
    "type-text-and-number": (
        """
        --- score.py
        def line(player, points):
            return player + ": " + points
        --- table.py
        from score import line


        def table(scores):
            return [line(p, n) for p, n in sorted(scores.items())]
        """,
        "from table import table\n---\nassert table({'a': 1}) == ['a: 1']",
    ),
    "type-none-from-sort": (
        """
        --- ranking.py
        def ranked(scores):
            ordered = scores.sort(reverse=True)
            return ordered[:2]
        """,
        "from ranking import ranked\n---\nassert ranked([1, 3, 2]) == [3, 2]",
    ),
    "type-float-index": (
        """
        --- median.py
        def median(values):
            ordered = sorted(values)
            middle = len(ordered) / 2
            return ordered[middle]
        """,
        "from median import median\n---\nassert median([3, 1, 2]) == 2",
    ),
    "index-loop-one-too-far": (
        """
        --- trend.py
        def rising(values):
            for i in range(len(values)):
                if values[i] > values[i + 1]:
                    return False
            return True
        """,
        "from trend import rising\n---\nassert rising([1, 2, 3])",
    ),
    "value-thousands-separator": (
        """
        --- ledger.py
        def amount(text):
            return float(text.strip())


        def total(rows):
            return sum(amount(r) for r in rows)
        """,
        "from ledger import total\n---\nassert total(['1,000.5 ', '2']) == 1002.5",
    ),
    "value-unpack-split": (
        """
        --- config.py
        def parse(text):
            found = {}
            for line in text.splitlines():
                key, value = line.split("=")
                found[key] = value
            return found
        """,
        "from config import parse\n---\nassert parse('a=b=c') == {'a': 'b=c'}",
    ),
    "zero-division-empty": (
        """
        --- mean.py
        class Series:
            def __init__(self, values):
                self.values = values

            def mean(self):
                return sum(self.values) / len(self.values)
        """,
        "from mean import Series\n---\nassert Series([]).mean() == 0\n"
        "assert Series([2]).mean() == 2",
    ),
    "recursion-unchanged-argument": (
        """
        --- walk.py
        def depth(n):
            if n == 0:
                return 0
            return 1 + depth(n)
        """,
        "from walk import depth\n---\nassert depth(3) == 3",
    ),
    "assertion-missing-space": (
        """
        --- report.py
        def title(name, n):
            return f"{name}:{n} items"
        --- page.py
        from report import title


        def page(name, items):
            return [title(name, len(items)), *items]
        """,
        "from page import page\n---\nassert page('A', ['x'])[0] == 'A: 1 items'",
    ),
    "assertion-generator-for-list": (
        """
        --- even.py
        def even(values):
            return filter(lambda v: v % 2 == 0, values)
        """,
        "from even import even\n---\nassert even([1, 2]) == [2]",
    ),
    "assertion-shared-default": (
        """
        --- basket.py
        class Basket:
            def __init__(self, items=[]):
                self.items = items

            def add(self, x):
                self.items.append(x)
        """,
        "from basket import Basket\n---\nBasket().add(1)\nb = Basket()\nb.add(2)\n"
        "assert b.items == [2]",
    ),
    "assertion-return-in-loop": (
        """
        --- counting.py
        def vowels(text):
            n = 0
            for letter in text:
                if letter in "aeiou":
                    n += 1
                return n
        """,
        "from counting import vowels\n---\nassert vowels('banane') == 3",
    ),
    "assertion-result-discarded": (
        """
        --- names.py
        def clean(name):
            name.strip()
            return name.title()


        def full(first, last):
            return clean(first) + " " + clean(last)
        """,
        "from names import full\n---\nassert full(' ada', 'byron ') == 'Ada Byron'",
    ),
    "timeout-loop-stands-still": (
        """
        --- steps.py
        def steps(n):
            count = 0
            i = 0
            while i < n:
                count += i
            return count
        """,
        "from steps import steps\n---\nassert steps(3) == 3",
    ),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_one_of_the_first_candidates_repairs_it(name: str, tmp_path: Path) -> None:
    tree, test = PROJECTS[name]
    files = parse_tree(tree)
    stack = raise_error(tmp_path / "before", files, test)
    assert stack is not None
    assert stack.kind.value == name.partition("-")[0] or name.startswith(("zero", "recursion"))
    candidates = list(islice(RuleProposer().propose(make_task(stack, files, test)), FIRST))
    tried = []
    for number, candidate in enumerate(candidates):
        after = raise_error(tmp_path / f"after{number}", apply_candidate(files, candidate), test)
        if after is None:
            return
        tried.append((candidate.origin, candidate.explanation, after.error, after.message))
    raise AssertionError(f"none of {tried}; the error was {stack.error}: {stack.message}")
