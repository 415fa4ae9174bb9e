"""What a run of a program says about a candidate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.sources import Sources
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    Inapplicable,
    Plausible,
    Regressed,
    RepairTask,
    StillFailing,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.program.program_oracle import ProgramOracle
from pytest_gemmadev.validate.program.program_process import Program
from pytest_gemmadev.validate.resources import ProgramLimits

SOURCE = """\
import sys
print("start")

def price(items):
    return items["b"]

print(price({"a": 1}))
print(missing)
"""


class Case:
    def __init__(self, root: Path, source: str, run_s: float = 30.0) -> None:
        (root / "prog.py").write_text(source)
        (root / "test_prog.py").write_text("")
        self.source = source
        self.scope = Scope(root)
        program = Program("prog.py", (), False, str(root.resolve()), str(root.resolve()))
        self.oracle = ProgramOracle(program, self.scope, program_limits=ProgramLimits(run_s=run_s))

    def task(self) -> RepairTask:
        seen = self.oracle.observe({})
        targets = tuple(dict.fromkeys(stack.nodeid for stack in seen.stacks))
        sources = Sources(self.scope, {})
        return RepairTask(seen.stacks, targets, seen.passing - set(targets), sources, {})

    def verdict(self, old: str, new: str, origin: str = "rule:x") -> Verdict:
        at = self.source.index(old)
        edits = (Edit("prog.py", at, at + len(old), new),) if old != new else ()
        return self.oracle.validate(self.task(), Candidate(edits, origin, 0.0))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    case = Case(tmp_path, SOURCE)
    yield case
    case.oracle.close()


@pytest.mark.slow
def test_an_error_is_three_failures(case: Case) -> None:
    task = case.task()
    assert task.targets == ("prog.py: KeyError in price", "prog.py", "prog.py exits with 0")
    assert {stack.signature for stack in task.stacks} == {task.stacks[0].signature}
    assert task.stacks[0].facts.alternatives == ("'a'",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "origin", "passed"),
    [
        pytest.param("'", "'", "unchanged", 0, id="unchanged"),
        pytest.param('items["b"]', 'items["a"]', "rule:x", 1, id="on to the next error"),
        pytest.param('items["b"]', 'items["a"]', "pattern:x", 0, id="by a guess, that is nothing"),
        pytest.param('items["b"]', 'items["c"]', "rule:x", 1, id="another error at that place"),
        pytest.param('print(price({"a": 1}))', "sys.exit(2)", "rule:x", -1, id="an exit"),
        pytest.param(
            'print(price({"a": 1}))\nprint(missing)', "None", "pattern:x", 3, id="it runs"
        ),
        pytest.param('print("start")', 'print("start", None.x)', "rule:x", -1, id="earlier"),
        pytest.param("import sys", "import sys\nprint()", "rule:x", -1, id="other output"),
        pytest.param('"start")', '"start", end="!")', "rule:x", -1, id="another line's end"),
        pytest.param("import sys", "import sys\n\n", "rule:x", 0, id="the same error, moved"),
    ],
)
def test_what_a_run_says(case: Case, old: str, new: str, origin: str, passed: int) -> None:
    source = case.source
    case.source = source if old != "'" else source + "'"
    verdict = case.verdict(old, new, origin)
    if passed < 0:
        assert isinstance(verdict, Regressed)
    elif passed == 3:
        assert isinstance(verdict, Plausible)
    else:
        assert isinstance(verdict, StillFailing)
        assert (verdict.passed, verdict.total) == (passed, 3)
        assert len(verdict.stacks) == 3 - passed


@pytest.mark.slow
def test_what_may_not_be_edited(case: Case) -> None:
    candidate = Candidate((Edit("test_prog.py", 0, 0, "x = 1\n"),), "rule:x", 0.0)
    assert isinstance(case.oracle.validate(case.task(), candidate), Inapplicable)


@pytest.mark.slow
def test_a_run_without_end(tmp_path: Path) -> None:
    case = Case(tmp_path, "missing\n", run_s=3.0)
    assert isinstance(case.verdict("missing", "while True: pass"), TimedOut)
    case.oracle.close()


@pytest.mark.slow
def test_an_error_that_was_gone_must_not_come_back(tmp_path: Path) -> None:
    case = Case(tmp_path, "def price(items):\n    return items['b']\n\nprice({'a': 1})\nmissing\n")
    fixed = {"prog.py": case.source.replace("'b'", "'a'").encode()}
    before, after = case.oracle.observe({}), case.oracle.observe(fixed)
    assert after.passing == {before.stacks[0].nodeid}
    assert after.stacks[0].nodeid == "prog.py: NameError in <module>"
    assert before.collected < after.collected
    sources = Sources(case.scope, fixed)
    task = RepairTask(after.stacks, (after.stacks[0].nodeid,), after.passing, sources, fixed)
    back = sources["prog.py"].index("'a'")
    candidate = Candidate((Edit("prog.py", back, back + 3, "'b'"),), "rule:x", 0.0)
    verdict = case.oracle.validate(task, candidate)
    assert isinstance(verdict, Regressed)
    assert verdict.nodeids == ("prog.py: KeyError in price",)
    case.oracle.close()


@pytest.mark.slow
def test_what_differs_from_run_to_run_does_not_count(tmp_path: Path) -> None:
    case = Case(tmp_path, "import time\nprint(time.time_ns())\nprint('same')\nmissing\n")
    assert isinstance(case.verdict("missing", "int"), Plausible)
    assert isinstance(case.verdict("'same'", "'other'"), Regressed)
    case.oracle.close()
