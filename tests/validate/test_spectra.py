"""Which tests are traced, what a traced run says, and which tests reach a candidate."""

from __future__ import annotations

import pytest

from pytest_gemmadev.types import Candidate, Edit, RepairTask, Spectrum
from pytest_gemmadev.validate.parent.runs import Run
from pytest_gemmadev.validate.parent.spectra import choose_traced, reaching_tests, read_spectra
from pytest_gemmadev.validate.resources import Limits, Policy

LIMITS = Limits(traced_tests=3, traced_s=1.0)

TRACED: dict[str, tuple[dict[str, float], int, list[str]]] = {
    "all that there is time for": ({"a": 0.5, "b": 0.5}, 0, ["a", "b", "c"]),
    "up to the one that takes too long": ({"a": 0.5, "b": 0.6}, 0, ["a"]),
    "some however long they take": ({"a": 9.0, "b": 9.0}, 2, ["a", "b"]),
    "none, where the first takes too long": ({"a": 9.0}, 0, []),
}


@pytest.mark.parametrize(("passed_s", "always", "expected"), TRACED.values(), ids=TRACED)
def test_tests_to_trace(passed_s: dict[str, float], always: int, expected: list[str]) -> None:
    policy = Policy(traced_always=always)
    assert choose_traced(["a", "b", "c", "d"], passed_s, LIMITS, policy=policy) == expected


PATHS = {"/p/cart.py": "cart.py", "/p/till.py": "till.py"}

SPECTRA: dict[str, tuple[Run, dict[str, Spectrum]]] = {
    "a test that passes": (
        Run({"a": "passed"}, lines={"a": {"/p/cart.py": [1, 2]}}),
        {"a": Spectrum(True, frozenset({("cart.py", 1), ("cart.py", 2)}))},
    ),
    "a test that fails": (
        Run({"a": "failed"}, lines={"a": {"/p/cart.py": [1]}}),
        {"a": Spectrum(False, frozenset({("cart.py", 1)}))},
    ),
    "a file of others is left out": (
        Run({"a": "passed"}, lines={"a": {"/usr/json.py": [1], "/p/till.py": [3]}}),
        {"a": Spectrum(True, frozenset({("till.py", 3)}))},
    ),
    "what ran only the first time belongs to all": (
        Run(
            {"a": "failed", "b": "passed"},
            lines={"a": {"/p/cart.py": [1, 2]}, "b": {"/p/cart.py": [3]}},
            lines_again={"a": {"/p/cart.py": [2]}},
        ),
        {
            "a": Spectrum(False, frozenset({("cart.py", 1), ("cart.py", 2)})),
            "b": Spectrum(True, frozenset({("cart.py", 1), ("cart.py", 3)})),
        },
    ),
    "what runs again each time does not": (
        Run(
            {"a": "failed", "b": "passed"},
            lines={"a": {"/p/cart.py": [1]}, "b": {"/p/cart.py": [3]}},
            lines_again={"a": {"/p/cart.py": [1]}},
        ),
        {
            "a": Spectrum(False, frozenset({("cart.py", 1)})),
            "b": Spectrum(True, frozenset({("cart.py", 3)})),
        },
    ),
    "nothing was traced": (Run({"a": "passed"}), {}),
}


@pytest.mark.parametrize(("run", "expected"), SPECTRA.values(), ids=SPECTRA)
def test_spectra_of_a_run(run: Run, expected: dict[str, Spectrum]) -> None:
    assert read_spectra(run, PATHS) == expected


SOURCE = "one\ntwo\nthree\nfour\nfive\nsix\n"
TASK = RepairTask((), ("a",), frozenset(), {"cart.py": SOURCE}, {})

REACHING: dict[str, tuple[str, int, bool]] = {
    "the line itself": ("cart.py", 3, True),
    "the line before": ("cart.py", 2, True),
    "the line after": ("cart.py", 4, True),
    "a line further on": ("cart.py", 5, False),
    "a line further back": ("cart.py", 1, False),
    "the same line of another file": ("till.py", 3, False),
}


@pytest.mark.parametrize(("path", "line", "reaches"), REACHING.values(), ids=REACHING)
def test_tests_that_reach_a_candidate(path: str, line: int, reaches: bool) -> None:
    start = SOURCE.index("three")
    candidate = Candidate((Edit("cart.py", start, start + 5, "3"),), "test", 0.0)
    spectra = {"a": Spectrum(False, frozenset({(path, line)}))}
    assert reaching_tests(spectra, TASK, candidate) == (frozenset({"a"}) if reaches else set())
