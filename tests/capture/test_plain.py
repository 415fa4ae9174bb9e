"""Plain built-ins <-> error stacks and observations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_gemmadev.capture.plain import (
    observation_from_plain,
    plain_from_observation,
    plain_from_stack,
    stack_from_plain,
)
from pytest_gemmadev.capture.stack import capture_stack
from pytest_gemmadev.files.scope import Scope
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

OUTSIDE = "/usr/lib/python3/json/decoder.py"


def stack(message: str, **fields: object) -> ErrorStack:
    values: dict[str, object] = {
        "nodeid": "tests/test_it.py::test_it[é]",
        "phase": "call",
        "kind": ErrorKind.KEY,
        "error": "KeyError",
        "message": message,
        "frames": (
            Frame("tests/test_it.py", 3, "test_it", Role.TEST),
            Frame(OUTSIDE, 7, "decode", Role.OUTSIDE),
            Frame("shop/größe.py", 1, "f", Role.SOURCE, (Fact("x", "'1'", "str", True),)),
        ),
    }
    return ErrorStack(**{**values, **fields})  # type: ignore[arg-type]


STACKS = {
    "plain": stack("'x'"),
    "facts": stack("'x'", facts=ErrorFacts("'x'", "rates", ("'a'", "'b'"), "1", "2")),
    "cause": stack("outer", cause=stack("inner", cause=stack("innermost"))),
    "group": stack("several", group=(stack("one"), stack("two", group=(stack("three"),)))),
    "no-frames": stack("'x'", frames=()),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_survives_the_round_trip_through_json(name: str, tmp_path: Path) -> None:
    plain = json.loads(json.dumps(plain_from_stack(STACKS[name])))
    assert stack_from_plain(plain, Scope(tmp_path)) == STACKS[name]


def test_an_observation_survives_the_round_trip_through_json(tmp_path: Path) -> None:
    observation = Observation(
        outcomes={"a.py": TestOutcome.PASSED, "a.py::t": TestOutcome.XFAILED},
        collected=frozenset({"a.py::t", "a.py::u"}),
        stacks=tuple(STACKS.values()),
        durations={"a.py::t": 0.5},
        aborted="timeout",
    )
    plain = json.loads(json.dumps(plain_from_observation(observation)))
    assert observation_from_plain(plain, Scope(tmp_path)) == observation


def test_every_outcome_has_a_plain_name(tmp_path: Path) -> None:
    outcomes = {outcome.value: outcome for outcome in TestOutcome}
    plain = {"outcomes": {name: name for name in outcomes}, "collected": [], "stacks": []}
    assert observation_from_plain(plain, Scope(tmp_path)).outcomes == outcomes


def test_a_live_exception_becomes_a_classified_stack(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    source = tmp_path / "shop" / "cart.py"
    code = compile("def price(name):\n    return {'a': 1}[name]\n", str(source), "exec")
    namespace: dict[str, object] = {}
    exec(code, namespace)
    with pytest.raises(KeyError) as caught:
        namespace["price"]("plum")  # type: ignore[operator]
    found = stack_from_plain(capture_stack(caught, "id", "call"), Scope(tmp_path))
    assert found.kind is ErrorKind.KEY
    assert [(f.path, f.line, f.function) for f in found.project_frames] == [
        ("shop/cart.py", 2, "price")
    ]
    assert found.project_frames[0].facts == (Fact("name", "'plum'", "str", True),)
    assert found.frames[0].role is Role.OUTSIDE
    assert found.signature == ("KeyError", "'plum'", ("shop/cart.py", 2))
