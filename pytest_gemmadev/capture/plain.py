"""Plain built-ins (`capture.shapes`) <-> the vocabulary (`types`).

Plain stacks carry absolute paths and no roles (`capture.stack.capture_stack` writes them where pytest
runs); a `Scope` makes paths relative and says which file may be edited. Reading accepts relative
paths too, so that what `plain_from_stack` writes can be read again.
"""

from __future__ import annotations

import os
from typing import Protocol

from pytest_gemmadev.capture.shapes import (
    PlainErrorFacts,
    PlainFrame,
    PlainObservation,
    PlainStack,
)
from pytest_gemmadev.types import (
    ErrorFacts,
    ErrorKind,
    ErrorStack,
    Fact,
    Frame,
    Observation,
    Role,
    TestOutcome,
)


class Classifier(Protocol):
    """Says whose file it is; `files.scope.Scope` is one."""

    @property
    def root(self) -> str: ...

    def role(self, path: str, /) -> Role: ...

    def relative(self, path: str, /) -> str: ...


def stack_from_plain(plain: PlainStack, scope: Classifier) -> ErrorStack:
    """The error stack, its frames classified by ``scope``."""
    cause = plain["cause"]
    return ErrorStack(
        nodeid=plain["nodeid"],
        phase=plain["phase"],
        kind=ErrorKind(plain["kind"]),
        error=plain["error"],
        message=plain["message"],
        frames=tuple(_frame(frame, scope) for frame in plain["frames"]),
        facts=_error_facts(plain["facts"]),
        cause=None if cause is None else stack_from_plain(cause, scope),
        group=tuple(stack_from_plain(member, scope) for member in plain["group"]),
    )


def plain_from_stack(stack: ErrorStack) -> PlainStack:
    """The stack as built-ins that JSON can hold; paths stay as they are."""
    return {
        "nodeid": stack.nodeid,
        "phase": stack.phase,
        "kind": stack.kind.value,
        "error": stack.error,
        "message": stack.message,
        "frames": [_plain_frame(frame) for frame in stack.frames],
        "facts": {
            "name": stack.facts.name,
            "owner": stack.facts.owner,
            "alternatives": list(stack.facts.alternatives),
            "left": stack.facts.left,
            "right": stack.facts.right,
        },
        "cause": None if stack.cause is None else plain_from_stack(stack.cause),
        "group": [plain_from_stack(member) for member in stack.group],
    }


def observation_from_plain(plain: PlainObservation, scope: Classifier) -> Observation:
    """What a run recorded, its stacks classified by ``scope``."""
    return Observation(
        outcomes={nodeid: TestOutcome(value) for nodeid, value in plain["outcomes"].items()},
        collected=frozenset(plain["collected"]),
        stacks=tuple(stack_from_plain(stack, scope) for stack in plain["stacks"]),
        durations=dict(plain.get("durations", {})),
        aborted=plain.get("aborted", ""),
        origins=dict(plain.get("origins", {})),
    )


def _frame(plain: PlainFrame, scope: Classifier) -> Frame:
    path = os.path.join(scope.root, plain["path"])
    return Frame(
        path=scope.relative(path),
        line=plain["line"],
        function=plain["function"],
        role=scope.role(path),
        facts=tuple(
            Fact(f["name"], f["value"], f["type"], f["is_argument"]) for f in plain["facts"]
        ),
    )


def _plain_frame(frame: Frame) -> PlainFrame:
    return {
        "path": frame.path,
        "line": frame.line,
        "function": frame.function,
        "facts": [
            {"name": f.name, "value": f.value, "type": f.type, "is_argument": f.is_argument}
            for f in frame.facts
        ],
    }


def _error_facts(plain: PlainErrorFacts) -> ErrorFacts:
    return ErrorFacts(
        name=plain["name"],
        owner=plain["owner"],
        alternatives=tuple(plain["alternatives"]),
        left=plain["left"],
        right=plain["right"],
    )
