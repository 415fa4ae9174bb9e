"""The shapes of plain stacks: built-ins only, as they cross processes and JSON.

They mirror `types.ErrorStack` and what it consists of, with absolute paths and without roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired


class PlainFact(TypedDict):
    """One value seen at a frame, as `types.Fact`."""

    name: str
    value: str
    type: str
    is_argument: bool


class PlainFrame(TypedDict):
    """One frame, as `types.Frame`."""

    path: str
    line: int
    function: str
    facts: list[PlainFact]


class PlainErrorFacts(TypedDict):
    """What the exception itself knows, as `types.ErrorFacts`."""

    name: str
    owner: str
    alternatives: list[str]
    left: str
    right: str


class PlainStack(TypedDict):
    """One failure, as `types.ErrorStack`."""

    nodeid: str
    phase: str
    kind: str  # a value of `types.ErrorKind`
    error: str
    message: str
    frames: list[PlainFrame]
    facts: PlainErrorFacts
    cause: PlainStack | None
    group: list[PlainStack]


class PlainObservation(TypedDict):
    """One run of the tests, as `types.Observation`."""

    outcomes: dict[str, str]  # by node id, values of `types.TestOutcome`
    collected: list[str]  # node ids of tests
    stacks: list[PlainStack]
    durations: NotRequired[dict[str, float]]  # seconds by node id
    aborted: NotRequired[str]  # why the run did not end by itself
    test_files: NotRequired[list[str]]
    # absolute paths of the files that hold collected tests, doctests not counted
    origins: NotRequired[dict[str, str]]  # as of `origins.project_origins`


def empty_facts() -> PlainErrorFacts:
    """The facts of an exception that knows nothing."""
    return {"name": "", "owner": "", "alternatives": [], "left": "", "right": ""}


def bare_stack(
    nodeid: str, error: str, message: str, *, phase: str = "call", kind: str = "other"
) -> PlainStack:
    """The stack of a failure that no exception made: it has no frames."""
    return {
        "nodeid": nodeid,
        "phase": phase,
        "kind": kind,
        "error": error,
        "message": message,
        "frames": [],
        "facts": empty_facts(),
        "cause": None,
        "group": [],
    }
