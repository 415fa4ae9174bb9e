"""Bounded rendering of values, hostile ones too."""

from __future__ import annotations

import collections
import dataclasses
import enum
import sys
import time
from typing import Any, NamedTuple

import pytest

from pytest_gemmadev.capture.values import (
    MAX_FACTS,
    MAX_TEXT,
    bounded_repr,
    clip,
    frame_facts,
    type_name,
)


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Order:
    items: list[str]
    total: int


class Cart:
    def __init__(self) -> None:
        self.items = ["pear"]


class Slotted:
    __slots__ = ("price", "unset")

    def __init__(self) -> None:
        self.price = 3


class Money(dict):  # type: ignore[type-arg]  # what users write
    pass


def cyclic() -> list[Any]:
    values: list[Any] = [1]
    values.append(values)
    return values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "None", id="none"),
        pytest.param(-1.5, "-1.5", id="float"),
        pytest.param("naïve 'x'", "\"naïve 'x'\"", id="str"),
        pytest.param(b"\x00", r"b'\x00'", id="bytes"),
        pytest.param([1, (2,), ()], "[1, (2,), ()]", id="nested"),
        pytest.param({"a": {1}}, "{'a': {1}}", id="mapping"),
        pytest.param({"b", "a"}, "{'a', 'b'}", id="set-in-order"),
        pytest.param(set(), "set()", id="empty-set"),
        pytest.param(frozenset({1}), "frozenset({1})", id="frozenset"),
        pytest.param(collections.deque([1]), "deque([1])", id="deque"),
        pytest.param(Money(a=1), "Money({'a': 1})", id="dict-subclass"),
        pytest.param(Point(1, 2), "Point(x=1, y=2)", id="namedtuple"),
        pytest.param(Order(["pear"], 2), "Order(items=['pear'], total=2)", id="dataclass"),
        pytest.param(Cart(), "Cart(items=['pear'])", id="default-repr-shows-state"),
        pytest.param(Slotted(), "Slotted(price=3)", id="slots"),
        pytest.param(Colour.RED, "<Colour.RED: 1>", id="own-repr"),
        pytest.param(ValueError("x", 1), "ValueError('x', 1)", id="exception"),
        pytest.param(int, "<class int>", id="class"),
        pytest.param(len, "<function len>", id="function"),
        pytest.param(sys, "<module sys>", id="module"),
        pytest.param(cyclic(), "[1, …]", id="cyclic"),
        pytest.param(1 << 100_000, "<int of 100001 bits>", id="huge-int"),
        pytest.param("\ud800", r"'\ud800'", id="lone-surrogate"),
    ],
)
def test_values_read_as_one_expects(value: object, text: str) -> None:
    assert bounded_repr(value) == text


class Raising:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Leaving:
    def __repr__(self) -> str:
        raise SystemExit(3)


class Recursing:
    def __repr__(self) -> str:
        return repr(self)


class Lying:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


class Endless:
    def __repr__(self) -> str:
        return "x" * 10_000_000


class Surrogate:
    def __repr__(self) -> str:
        return "\udcff"


class Trap:
    """Every access to it is an accident."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was looked up")

    def __repr__(self) -> str:
        return "Trap!"


class TrappedDict(dict):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        raise AssertionError("iterated")

    def items(self) -> Any:
        raise AssertionError("iterated")


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(f"{name} was looked up")


class Strange(metaclass=Meta):
    pass


@pytest.mark.parametrize(
    ("value", "start"),
    [
        pytest.param(Raising(), "<", id="raises"),
        pytest.param(Leaving(), "<", id="exits"),
        pytest.param(Recursing(), "<", id="recurses"),
        pytest.param(Lying(), "<", id="returns-no-string"),
        pytest.param(Endless(), "xxx", id="huge-repr"),
        pytest.param(Surrogate(), r"\udcff", id="surrogate-repr"),
        pytest.param(Trap(), "Trap!", id="attribute-access-raises"),
        pytest.param(TrappedDict(a=1), "TrappedDict({'a': 1})", id="iteration-raises"),
        pytest.param(Strange(), "Strange(", id="metaclass-raises"),
        pytest.param([Raising()] * 3, "[<", id="inside-a-list"),
        pytest.param(list(range(10**6)), "[0, 1, 2", id="huge-list"),
        pytest.param(dict.fromkeys(range(10**5)), "{0: None", id="huge-dict"),
        pytest.param("y" * 10**7, "'yyy", id="huge-str"),
        pytest.param([[[[[[[1] * 50] * 50] * 50] * 50] * 50] * 50], "[[[[", id="deep"),
    ],
)
def test_hostile_values_stay_short_and_encodable(value: object, start: str) -> None:
    text = bounded_repr(value)
    assert text.startswith(start)
    assert len(text) <= MAX_TEXT
    assert text.encode("utf-8").decode("utf-8") == text


def test_no_repr_is_called_past_the_deadline() -> None:
    past = time.monotonic() - 1
    assert bounded_repr(Colour.RED, deadline=past) == f"<{__name__}.Colour>"
    assert bounded_repr([1], deadline=past) == "[1]"


def test_equal_objects_at_other_addresses_read_the_same() -> None:
    assert bounded_repr([object(), Cart(), lambda: 0]) == bounded_repr(
        [object(), Cart(), lambda: 0]
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [(1, "int"), (Cart(), f"{__name__}.Cart"), (Strange(), f"{__name__}.Strange")],
    ids=["builtin", "class", "metaclass"],
)
def test_type_names_are_qualified(value: object, name: str) -> None:
    assert type_name(value) == name


@pytest.mark.parametrize(
    ("text", "clipped"), [("abc", "abc"), ("abcd", "ab…")], ids=["fits", "too-long"]
)
def test_clip_marks_what_it_cuts(text: str, clipped: str) -> None:
    assert clip(text, 3) == clipped


def facts_here(second: int, first: str, *rest: int) -> list[dict[str, Any]]:
    alocal = second + 1
    del first
    return frame_facts(sys._getframe(), time.monotonic() + 1) if alocal else []


def test_arguments_come_before_locals_and_deleted_names_are_gone() -> None:
    facts = facts_here(1, "x", 7)
    assert [(f["name"], f["value"], f["is_argument"]) for f in facts] == [
        ("second", "1", True),
        ("rest", "(7,)", True),
        ("alocal", "2", False),
    ]


def test_module_frames_show_data_only() -> None:
    source = "import sys\ndef f(): pass\nclass C: pass\nrate = 2\nframe = sys._getframe()\n"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    facts = frame_facts(namespace["frame"], time.monotonic() + 1)
    assert [f["name"] for f in facts if f["name"] != "frame"] == ["rate"]


def test_facts_of_one_frame_are_bounded() -> None:
    names = "\n".join(f"v{i} = {i}" for i in range(MAX_FACTS + 20))
    namespace: dict[str, Any] = {}
    exec(f"import sys\n{names}\nframe = sys._getframe()", namespace)
    assert len(frame_facts(namespace["frame"], time.monotonic() + 1)) == MAX_FACTS
