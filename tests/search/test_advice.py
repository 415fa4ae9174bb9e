"""What a person is told where nothing was repaired."""

from __future__ import annotations

from dataclasses import replace

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.advice import (
    Effort,
    advise,
    denied_frame,
    describe_error,
    describe_fields,
    describe_places,
    what_to_try,
)
from pytest_gemmadev.search.closest import describe_closest, failing_candidate, nearer
from pytest_gemmadev.search.differences import describe_difference
from pytest_gemmadev.search.found import Applied, Step
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorFacts,
    ErrorKind,
    ErrorStack,
    Frame,
    ModelInfo,
    Regressed,
    RepairTask,
    Role,
    Span,
    StillFailing,
    Suspicion,
)

SOURCE = """\
LIMIT = 3

class Cart:
    def total(self, age):
        if age:
            return age["prise"]
        return 0

def twice(n):
    return n + 3
"""
SOURCES = {"cart.py": SOURCE}


def stack(
    message: str = "",
    facts: ErrorFacts | None = None,
    *,
    error: str = "ValueError",
    frames: tuple[Frame, ...] = (Frame("cart.py", 6, "total", Role.SOURCE),),
) -> ErrorStack:
    known = ErrorFacts() if facts is None else facts
    return ErrorStack("tests/test_a.py::a", "call", ErrorKind.VALUE, error, message, frames, known)


def suspicions(*lines: int) -> list[Suspicion]:
    return [Suspicion(Span("cart.py", n, n), 1 / n, "frame") for n in lines]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([10], ["likeliest place: cart.py:10 in twice"], id="one"),
        pytest.param(
            [6, 5, 7, 10, 1, 3],
            ["likeliest places: cart.py:6 in Cart.total, cart.py:10 in twice, cart.py:1"],
            id="each function once",
        ),
    ],
)
def test_the_likeliest_places_have_names(lines: list[int], expected: list[str]) -> None:
    assert list(describe_places(suspicions(*lines), SOURCES)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(ErrorFacts(), [], id="nothing"),
        pytest.param(
            ErrorFacts(name="'prise'", alternatives=("'count'", "'price'", "'id'")),
            ["'prise' is not there; the closest name: 'price'"],
            id="a close key",
        ),
        pytest.param(
            ErrorFacts(name="'x'", alternatives=tuple(f"'key{n}'" for n in range(10))),
            [
                "'x' is not there; what is: 'key0', 'key1', 'key2', 'key3', 'key4', 'key5', 'key6', "
                "'key7' and 2 more"
            ],
            id="no close key",
        ),
        pytest.param(
            ErrorFacts(name="totl", owner="Cart", alternatives=("total", "add")),
            ["totl is not there; the closest name of Cart: total"],
            id="an attribute",
        ),
        pytest.param(
            ErrorFacts(left="[1, 2, 3]", right="[1, 5, 3]"),
            ["got [1, 2, 3], expected [1, 5, 3]", "they differ at [1]: got 2, expected 5"],
            id="values",
        ),
    ],
)
def test_what_the_exception_knows_is_told(facts: ErrorFacts, expected: list[str]) -> None:
    assert list(describe_error(stack(facts=facts))) == expected


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        ("1", "2", ""),
        ("'ab'", "'ac'", ""),
        ("None", "[]", "got None, expected a list"),
        ("[1, 2]", "[1, 2, 3]", "they differ in length: got 2 items, expected 3"),
        ("[[1], [2]]", "[[1], [3]]", "they differ at [1][0]: got 2, expected 3"),
        ("{'a': 1, 'b': 2}", "{'a': 1, 'b': 3}", "they differ at ['b']: got 2, expected 3"),
        ("{'a': 1}", "{'b': 1}", "they differ at ['b']: got nothing, expected 1"),
        ("{1, 2}", "{2, 3}", "got 1 too and 3 is missing"),
        (
            repr("x" * 60 + "left"),
            repr("x" * 60 + "right"),
            "they differ at character 60: got '...xxxxxxxxxxxxleft', expected '...xxxxxxxxxxxxright'",
        ),
        (
            "<Cart of a long name and 3 things>",
            "<Cart of a long name and 4 things>",
            "they differ at character 25: got '...ng name and 3 things>', expected "
            "'...ng name and 4 things>'",
        ),
    ],
)
def test_where_values_first_differ(left: str, right: str, says: str) -> None:
    assert describe_difference(left, right) == says


PYDANTIC = """\
1 validation error for User
age
  Input should be a valid integer [type=int_parsing, input_value='x', input_type=str]
    For further information visit https://errors.pydantic.dev"""
JSONSCHEMA = """\
'x' is not of type 'integer'

Failed validating 'type' in schema['properties']['age']:
    {'type': 'integer'}

On instance['age']:
    'x'"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("no", [], id="nothing"),
        pytest.param("'nowhere' is odd", [], id="a word that the code does not have"),
        pytest.param(
            PYDANTIC,
            [
                "User refuses `age`: Input should be a valid integer [type=int_parsing, "
                "input_value='x', input_type=str]",
                "the message names `age`, which stands at cart.py:4, cart.py:5, cart.py:6",
            ],
            id="pydantic",
        ),
        pytest.param(
            JSONSCHEMA,
            ["the message names `age`, which stands at cart.py:4, cart.py:5, cart.py:6"],
            id="jsonschema",
        ),
        pytest.param(
            "{'age': ['Not a number.']}",
            ["the message names `age`, which stands at cart.py:4, cart.py:5, cart.py:6"],
            id="a mapping",
        ),
    ],
)
def test_the_field_that_a_message_names_is_found(message: str, expected: list[str]) -> None:
    assert list(describe_fields(stack(message), SOURCES, ["cart.py"])) == expected


TEST = Frame("tests/test_a.py", 3, "a", Role.TEST)
LIBRARY = Frame("/lib/site-packages/lib.py", 3, "f", Role.OUTSIDE)
DENIED = Frame("shop/rates.py", 3, "rate", Role.TEST)
GENERATED = Frame("build/lib/shop.py", 3, "rate", Role.OUTSIDE)


@pytest.mark.parametrize(
    ("frames", "denied"),
    [
        pytest.param((TEST,), None, id="the test"),
        pytest.param((TEST, DENIED), DENIED, id="denied"),
        pytest.param((TEST, DENIED, LIBRARY), DENIED, id="denied, inside a library"),
        pytest.param((TEST, GENERATED), GENERATED, id="generated"),
        pytest.param((TEST, DENIED, Frame("a.py", 1, "f", Role.SOURCE)), None, id="project"),
        pytest.param((TEST, replace(TEST, path="tests/helpers.py")), None, id="a helper"),
        pytest.param((TEST, replace(LIBRARY, path=".venv/lib/lib.py")), None, id="installed"),
    ],
)
def test_a_file_that_may_not_be_edited_is_named(
    frames: tuple[Frame, ...], denied: Frame | None
) -> None:
    assert denied_frame(stack(frames=frames)) == denied


MODEL = ModelInfo("gemmadev", "Gemma")


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        pytest.param(Effort(), ["--gemmadev-model=gemmadev"], id="no model"),
        pytest.param(Effort(model=MODEL), ["--gemmadev-model=qwen-coder"], id="another model"),
        pytest.param(Effort(model=ModelInfo("qwen-coder", "Qwen")), [], id="nothing left"),
        pytest.param(
            Effort(model=MODEL, is_out_of_time=True, budget_s=60.0),
            ["--gemmadev-budget=120"],
            id="time",
        ),
        pytest.param(
            Effort(model=ModelInfo("qwen-coder", "Qwen"), tried=8, refused=4),
            ["4 of 8 candidates reached for"],
            id="refused",
        ),
    ],
)
def test_what_to_try_follows_from_what_ended_the_search(
    effort: Effort, expected: list[str]
) -> None:
    said = list(what_to_try(stack(), effort))
    assert len(said) == len(expected)
    assert all(words in sentence for words, sentence in zip(expected, said, strict=True))


def test_places_come_first_and_what_to_try_last() -> None:
    facts = ErrorFacts(name="'prise'", alternatives=("'price'",))
    said = advise(stack(facts=facts), suspicions(6), SOURCES, effort=Effort())
    assert [sentence.split(":")[0] for sentence in said] == [
        "likeliest place",
        "'prise' is not there; the closest name",
        "to try",
    ]


# --- the nearest candidate -----------------------------------------------------------------------


def applied(new: str, score: float = 0.0) -> Applied:
    at = SOURCE.index("n + 3")
    candidate = Candidate((Edit("cart.py", at, at + 5, new),), "test:x", 0.0)
    return Applied(Step(candidate, score, 1), {"cart.py": SOURCE.replace("n + 3", new)})


def failing(passed: int, message: str = "no") -> StillFailing:
    return StillFailing(passed, 3, (stack(message),))


def test_the_nearest_candidate_passes_most_targets_or_moves_the_error_furthest() -> None:
    one = describe_closest((applied("n"),), failing(1), targets=3)
    two = describe_closest((applied("n * 2"),), failing(2, "first\nsecond"), targets=3)
    further = describe_closest((applied("n"), applied("n - 1")), failing(1), targets=3)
    all_of_them = describe_closest((applied("2"),), Regressed(("t::b",)), targets=3)
    assert nearer(None, one) is one
    assert nearer(one, two) is two
    assert nearer(two, one) is two
    assert nearer(one, further) is further
    assert nearer(two, all_of_them) is all_of_them
    assert two.error == "ValueError: first"
    assert all_of_them.error == "t::b passes without it, and not with it"
    lossy = Regressed((), reason="it runs, but no longer prints 'a'")
    assert describe_closest((), lossy, targets=1).error == "it runs, but no longer prints 'a'"


def test_the_nearest_candidate_is_shown_with_its_diff() -> None:
    project = InMemory(dict(SOURCES), {})
    task = RepairTask((), (), frozenset(), SOURCES, {})
    closest = describe_closest((applied("n * 2"),), failing(2), targets=3)
    shown = failing_candidate(closest, task, project.read)
    assert shown is not None
    assert "-    return n + 3\n+    return n * 2\n" in shown.diff
    assert (shown.passed, shown.total, shown.error) == (2, 3, "ValueError: no")
