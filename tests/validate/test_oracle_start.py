"""How the processes of candidates begin: forked where that is safe, in one that stays elsewhere."""

from __future__ import annotations

import pytest
from projects import MakeProject

from pytest_gemmadev.types import Plausible, Regressed, StillFailing, TimedOut

pytestmark = pytest.mark.slow

PLAIN = """
    HISTORY = []

    def f():
        HISTORY.append(1)
        return len(HISTORY)

    def g():
        return 1
"""
# A thread that the threading module does not know, as native libraries start them.
NATIVE = f"""
    import _thread, time
    _thread.start_new_thread(time.sleep, (1000,))
    {PLAIN}
"""
TESTS = """
    from lib import f, g

    def test_f():
        assert f() == 7

    def test_g():
        assert g() == 1
"""


@pytest.mark.parametrize(
    ("source", "start"),
    [
        pytest.param(PLAIN, "fork", id="forks when told"),
        pytest.param(PLAIN, "spawn", id="spawns when told"),
        pytest.param(PLAIN, "auto", id="forks by itself"),
        pytest.param(NATIVE, "auto", id="does not fork native threads"),
    ],
)
def test_candidates_are_decided_however_they_begin(
    make_project: MakeProject, source: str, start: str
) -> None:
    project = make_project({"lib.py": source, "test_lib.py": TESTS}, start=start)
    task = project.task()
    bodies = ["1", "0", "3", "len(HISTORY) + 2", "7", "8 if HISTORY.clear() else 9"]
    candidates = [
        project.candidate("lib.py", "return len(HISTORY)", f"return {body}") for body in bodies
    ]
    found = dict(project.oracle.validate_many(task, candidates))
    for place, body in enumerate(bodies):
        wanted = Plausible if body == "7" else StillFailing
        assert isinstance(found[place], wanted), (body, found[place])
    assert project.oracle.tally["decided"] >= len(bodies)
    broken = project.candidate("lib.py", "return 1", "return 2")
    assert isinstance(project.oracle.validate(task, broken), StillFailing)
    assert isinstance(
        project.try_out("lib.py", "return len(HISTORY)", "g.__code__ = f.__code__; return 7"),
        Regressed,
    )
    forks = project.oracle._pools[0].forks  # the last worker said so
    assert forks is (start == "fork" or (start == "auto" and source is PLAIN))


def test_what_hangs_is_ended_in_place(make_project: MakeProject) -> None:
    project = make_project({"lib.py": NATIVE, "test_lib.py": TESTS})
    verdict = project.try_out("lib.py", "return len(HISTORY)", "while True: pass")
    assert isinstance(verdict, TimedOut)
    verdict = project.try_out("lib.py", "return len(HISTORY)", "return 7")
    assert isinstance(verdict, Plausible)
