"""What a world of harm is made of: a sound module, its tests, and the faults put into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MODULE = "app/m.py"


@dataclass(frozen=True, slots=True)
class Fault:
    """One edit of the sound module that makes its tests fail."""

    name: str
    old: str  # occurs once in the module
    new: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to do harm. Paths begin with ``home``, ``proj``, ``sibling`` or ``tmp``."""

    name: str
    module: str  # text of the sound ``app/m.py``
    tests: str  # text of ``tests/test_m.py``, with ROOT, WORLD and HOME at hand
    faults: tuple[Fault, ...]
    main: str = ""  # text of a program that raises with the first fault; empty where there is none
    files: Mapping[str, str] = field(default_factory=dict)  # more of them, by path
    links: Mapping[str, str] = field(default_factory=dict)  # target by path
    databases: tuple[str, ...] = ()  # SQLite files with seven rows in the table ``t``
    writes: tuple[str, ...] = ()  # what plain pytest itself changes; all below counts too
    bystander: str = ""  # ``sleep`` or ``server``: another program that runs beside


@dataclass(frozen=True, slots=True)
class HarmCase:
    """A shape with one of its faults."""

    shape: Shape
    fault: Fault
    has_journal: bool  # an earlier repair can be undone
    is_first: bool  # of its shape's faults: the program raises

    @property
    def id(self) -> str:
        return f"{self.shape.name}/{self.fault.name}"

    @property
    def broken(self) -> str:
        """The module with the fault in it."""
        text, fault = self.shape.module, self.fault
        if text.count(fault.old) != 1:
            raise ValueError(f"{self.id}: {fault.old!r} is not once in the module")
        return text.replace(fault.old, fault.new)

    @property
    def has_program(self) -> bool:
        return bool(self.shape.main) and self.is_first


def cases_of(shapes: tuple[Shape, ...]) -> Iterator[HarmCase]:
    """Every fault of every shape, in their order; every third case has an undo journal."""
    number = 0
    for shape in shapes:
        for place, fault in enumerate(shape.faults):
            yield HarmCase(shape, fault, has_journal=number % 3 == 0, is_first=place == 0)
            number += 1
