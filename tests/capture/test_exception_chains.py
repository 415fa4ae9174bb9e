"""What exceptions hang together with, and those that raise when they are read, as plain stacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_gemmadev.capture.hooks import capture_stack


def raised(make: Callable[[], object]) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def explicit() -> None:
    try:
        int("x")
    except ValueError as error:
        raise RuntimeError("outer") from error


def implicit() -> None:
    try:
        int("x")
    except ValueError:
        raise RuntimeError("outer")  # noqa: B904  # that is the point


def suppressed() -> None:
    try:
        int("x")
    except ValueError:
        raise RuntimeError("outer") from None


@pytest.mark.parametrize(
    ("make", "cause"),
    [(explicit, "ValueError"), (implicit, "ValueError"), (suppressed, None)],
    ids=["cause", "context", "suppressed"],
)
def test_causes_are_kept(make: Callable[[], None], cause: str | None) -> None:
    stack = capture_stack(raised(make), "id", "call")
    assert stack["error"] == "RuntimeError"
    assert (stack["cause"] and stack["cause"]["error"]) == cause


def test_a_cyclic_chain_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    stack = capture_stack(one, "id", "call")
    assert stack["cause"]["message"] == "two"
    assert stack["cause"]["cause"] is None


class Group(Exception):
    """Shaped like the built-in of Python 3.11 and its backport."""

    def __init__(self, *exceptions: BaseException) -> None:
        super().__init__("several")
        self.members = exceptions

    @property
    def exceptions(self) -> tuple[BaseException, ...]:
        return self.members

    def derive(self) -> None: ...


def test_members_of_a_group_are_stacks() -> None:
    nested = Group(raised(lambda: int("x")), Group(KeyError("k")))
    stack = capture_stack(nested, "id", "call")
    assert [member["error"] for member in stack["group"]] == ["ValueError", "Group"]
    assert stack["group"][1]["group"][0]["kind"] == "key"
    assert capture_stack(ValueError(), "id", "call")["group"] == []


class Odd(Exception):
    def __str__(self) -> str:
        raise SystemExit


class OddAttribute(AttributeError):
    @property
    def name(self) -> str:  # type: ignore[override]
        raise RuntimeError


@pytest.mark.parametrize("error", [Odd(), OddAttribute("x")], ids=["str", "attribute"])
def test_exceptions_that_raise_when_read(error: Exception) -> None:
    stack = capture_stack(error, "id", "call")
    assert stack["error"] == type(error).__name__
    assert stack["facts"]["name"] == ""
