"""Several candidates tried in one process: each gets the verdict it would get by itself."""

from __future__ import annotations

import dataclasses
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import Candidate, Plausible, RepairTask, StillFailing, TimedOut, Verdict
from pytest_gemmadev.validate.child.overlay import SourceOverlay
from pytest_gemmadev.validate.child.process_state import ProcessState
from pytest_gemmadev.validate.messages import JobPlan
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle
from pytest_gemmadev.validate.parent.worker import Worker
from pytest_gemmadev.validate.process import RunEnd
from pytest_gemmadev.validate.resources import Policy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

# What `total` leaves behind decides what it returns. Only with 0 for the fault it is right, and
# only where it runs as if it were the first.
PROJECTS = {
    "a variable assigned anew": """
        CALLS = 0

        def total(items):
            global CALLS
            CALLS += 1
            return sum(items) + CALLS - 1 - FAULT
        """,
    "a list of the module": """
        SEEN = []

        def total(items):
            SEEN.append(items)
            return sum(items) + len(SEEN) - 1 - FAULT
        """,
    "a cache": """
        import functools

        @functools.lru_cache
        def add(items):
            return sum(items) - FAULT

        def total(items):
            return add(tuple(items))
        """,
    "a default": """
        def total(items, known={}):
            key = tuple(items)
            if key not in known:
                known[key] = sum(items) - FAULT
            return known[key]
        """,
    "an attribute of a class": """
        class Till:
            open = 0

        def total(items):
            Till.open += 1
            return sum(items) + Till.open - 1 - FAULT
        """,
    "an attribute of an object": """
        class Till:
            def __init__(self):
                self.sales = []

        TILL = Till()

        def total(items):
            TILL.sales.append(1)
            return sum(items) + len(TILL.sales) - 1 - FAULT
        """,
    "an attribute of a function": """
        def total(items):
            total.calls += 1
            return sum(items) + total.calls - 1 - FAULT

        total.calls = 0
        """,
    "the environment": """
        import os

        def total(items):
            known = int(os.environ.get("CALLS", "0"))
            os.environ["CALLS"] = str(known + 1)
            return sum(items) + known - FAULT
        """,
    "the folder": """
        import os

        START = os.getcwd()

        def total(items):
            moved = os.getcwd() != START
            os.chdir("/")
            return sum(items) + moved - FAULT
        """,
    "what nothing puts back": """
        TREE = {"a": {"b": []}}

        def total(items):
            TREE["a"]["b"].append(1)
            return sum(items) + len(TREE["a"]["b"]) - 1 - FAULT
        """,
    "a thread": """
        import threading

        def total(items):
            others = threading.active_count() - 1
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            return sum(items) + others - FAULT
        """,
}
TESTS = """
    from cart import total

    def test_total():
        assert total([1, 2]) == 3
    """


def project(make_project: MakeProject, source: str, **policy: float) -> Project:
    files = {"cart.py": source.replace("FAULT", "+1"), "test_cart.py": TESTS}
    limits = dataclasses.replace(Limits(), jobs=1)
    return make_project(files, limits=limits, policy=dataclasses.replace(Policy(), **policy))  # type: ignore[arg-type]


def verdicts(made: Project, *faults: str, patient: bool = False) -> list[Verdict]:
    """What is said of other numbers in the place of the fault, all tried together."""
    edits = [made.candidate("cart.py", "+1", fault).edits for fault in faults]
    candidates = [Candidate(edit, "test", 0.0) for edit in edits]
    task = dataclasses.replace(made.task("test_cart.py::test_total"), patient=patient)
    found = dict(made.oracle.validate_many(task, candidates))
    return [found[index] for index in range(len(faults))]


@pytest.mark.slow
@pytest.mark.parametrize("source", PROJECTS.values(), ids=PROJECTS.keys())
def test_each_is_tried_as_if_it_were_the_first(make_project: MakeProject, source: str) -> None:
    made = project(make_project, source)
    found = verdicts(made, "2", "3", "(-1)", "4", "0", "5", "0 - 0")
    right = [isinstance(verdict, Plausible) for verdict in found]
    assert right == [False, False, False, False, True, False, True]
    assert made.oracle.tally == {"decided": 7}


def test_random_numbers_are_drawn_again(tmp_path: Path) -> None:
    state = ProcessState(SourceOverlay(str(tmp_path)))
    drawn = [random.random() for _ in range(3)]
    state.restore()
    assert [random.random() for _ in range(3)] == drawn


SIMPLE = "def total(items):\n    return sum(items) - +1\n"


@pytest.mark.slow
def test_failures_are_those_of_the_candidate(make_project: MakeProject) -> None:
    made = project(make_project, SIMPLE)
    found = verdicts(made, "2", "[]", "items", "7")
    assert all(isinstance(verdict, StillFailing) for verdict in found)
    errors = [v.stacks[0].error for v in found if isinstance(v, StillFailing)]
    assert errors == ["AssertionError", "TypeError", "TypeError", "AssertionError"]
    last = found[-1]
    assert isinstance(last, StillFailing)
    assert "-4" in last.stacks[0].message


@pytest.mark.slow
@pytest.mark.parametrize(
    "grave",
    ["exit(3)", "__import__('os')._exit(0)", "__import__('os').abort()", "[0] * (1 << 40)"],
    ids=["exit", "_exit", "abort", "memory"],
)
def test_one_that_ends_its_process_takes_none_with_it(
    make_project: MakeProject, grave: str
) -> None:
    made = project(make_project, SIMPLE)
    found = verdicts(made, "2", grave, "0", "3")
    kinds = [isinstance(verdict, Plausible) for verdict in found]
    assert kinds == [False, False, True, False]


@pytest.mark.slow
def test_one_that_hangs_takes_none_with_it(make_project: MakeProject) -> None:
    made = project(make_project, SIMPLE)
    found = verdicts(made, "2", "sum(iter(int, 1))", "0", "3")
    assert isinstance(found[1], TimedOut)
    assert [isinstance(verdict, Plausible) for verdict in found] == [False, False, True, False]


@pytest.mark.slow
def test_fixtures_are_set_up_anew(make_project: MakeProject) -> None:
    tests = """
        import pytest
        from cart import total

        @pytest.fixture(scope="module")
        def summed():
            return total([1, 2])

        def test_total(summed):
            assert summed == 3
        """
    files = {"cart.py": SIMPLE, "test_cart.py": tests}
    made = make_project(files, limits=dataclasses.replace(Limits(), jobs=1))
    found = verdicts(made, "2", "3", "0", "4")
    assert [isinstance(verdict, Plausible) for verdict in found] == [False, False, True, False]


RUNS_WHILE_IMPORTING = f"{SIMPLE}LAST = total([1, 2])\n"


@pytest.mark.slow
def test_what_ran_while_importing_is_tried_all_the_same(make_project: MakeProject) -> None:
    made = project(make_project, RUNS_WHILE_IMPORTING)
    found = verdicts(made, "2", "0", "3")
    assert [isinstance(verdict, Plausible) for verdict in found] == [False, True, False]
    assert [getattr(verdict, "hasty", False) for verdict in found] == [True, False, True]
    assert made.oracle.tally["decided"] == 3


@pytest.mark.slow
def test_a_module_that_is_imported_anew_is_tried_by_itself(make_project: MakeProject) -> None:
    made = project(make_project, RUNS_WHILE_IMPORTING)
    found = verdicts(made, "2", "0", "3", patient=True)
    assert [isinstance(verdict, Plausible) for verdict in found] == [False, True, False]
    assert not any(getattr(verdict, "hasty", False) for verdict in found)
    assert made.oracle.tally["decided"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("patient", [False, True])
def test_only_a_new_import_tells_what_an_import_leaves_behind(
    make_project: MakeProject, patient: bool
) -> None:
    tests = (
        "from cart import LAST, total\n\ndef test_total():\n    assert LAST == total([3]) == 3\n"
    )
    files = {"cart.py": RUNS_WHILE_IMPORTING, "test_cart.py": tests}
    made = make_project(files, limits=dataclasses.replace(Limits(), jobs=1))
    (found,) = verdicts(made, "0", patient=patient)
    assert isinstance(found, Plausible if patient else StillFailing)
    assert getattr(found, "hasty", False) is not patient


@pytest.mark.slow
def test_those_that_hang_cost_the_others_nothing(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(make_project, SIMPLE, quick_s=60.0)  # on a busy machine too
    ended: list[str] = []
    run = Worker.run

    def counted(worker: Worker, job: JobPlan) -> RunEnd | None:
        found = run(worker, job)
        ended.append("" if found is None else found.how)
        return found

    monkeypatch.setattr(Worker, "run", counted)
    hangs = "sum(iter(int, 1))"
    found = verdicts(made, "2", "3", hangs, "4", hangs, "5", "0")
    assert [isinstance(verdict, TimedOut) for verdict in found] == [
        *(False, False, True, False, True, False, False)
    ]
    assert isinstance(found[-1], Plausible)
    assert ended.count("timeout") == 3  # the first of them twice, to be sure of those before it


@pytest.mark.slow
def test_a_patient_task_gives_a_candidate_more_time(make_project: MakeProject) -> None:
    made = project(make_project, SIMPLE, floor_s=10.0, first_ratio=0.0)
    slow = "[__import__('time').sleep(0.5), 0][1]"
    (edits,) = (made.candidate("cart.py", "+1", slow).edits,)
    task = made.task("test_cart.py::test_total")
    hasty = made.oracle.validate(task, Candidate(edits, "test", 0.0))
    assert isinstance(hasty, TimedOut)
    assert hasty.hasty
    patient = dataclasses.replace(task, patient=True)
    assert isinstance(made.oracle.validate(patient, Candidate(edits, "test", 0.0)), Plausible)


@pytest.mark.slow
def test_who_has_seen_enough_waits_for_no_further_import(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(make_project, "RATE = +1\n\n\ndef total(items):\n    return sum(items) - RATE\n")
    decided: list[object] = []
    decide = PytestOracle._decide

    def counted(oracle: PytestOracle, task: RepairTask, screened: Any) -> Verdict:
        decided.append(screened)
        return decide(oracle, task, screened)

    monkeypatch.setattr(PytestOracle, "_decide", counted)
    edits = [made.candidate("cart.py", "+1", str(n)).edits for n in range(2, 8)]
    candidates = [Candidate(edit, "test", 0.0) for edit in edits]
    stream = made.oracle.validate_many(made.task("test_cart.py::test_total"), candidates)
    place, verdict = next(stream)
    stream.close()
    assert place == 0
    assert isinstance(verdict, StillFailing)
    assert len(decided) <= 2  # the one that was seen, and one that had begun
