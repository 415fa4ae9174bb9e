"""What one run says of a candidate, for every verdict that a judge can give."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_gemmadev.capture.shapes import PlainStack, bare_stack
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import (
    Inapplicable,
    Plausible,
    Refused,
    Regressed,
    RepairTask,
    StillFailing,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.parent.judge import Judge
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.runs import Run

TARGET, OTHER, XFAIL = "test_a.py::test_target", "test_a.py::test_other", "test_a.py::test_xfail"
TASK = RepairTask((), (TARGET,), frozenset({OTHER, XFAIL, "test_a.py"}), {}, {})
WANTED = [TARGET, OTHER, XFAIL, "test_a.py"]
GREEN = {TARGET: "passed", OTHER: "passed", XFAIL: "xfailed", "test_a.py": "passed"}


def judge(root: Path, run: Run, *, changed: tuple[str, ...] = ("lib.py",)) -> Verdict:
    """The verdict on a candidate that changes ``lib.py``, which the run has imported."""
    run.imported = frozenset({str((root / "lib.py").resolve())})
    known = KnownEffects(allowed={"/cache"})
    known.learn([("/var/7/log", "os.remove")])
    found = Judge(root, Scope(root), known, frozenset({OTHER})).judge(
        TASK, run, wanted=WANTED, changed=changed
    )
    assert isinstance(found, Inapplicable) or found.seconds == run.seconds
    return found


VERDICTS: dict[str, tuple[Run, Verdict]] = {
    "everything passes": (Run(GREEN), Plausible(3)),
    "an expected failure that passes is no loss": (
        Run({**GREEN, XFAIL: "xpassed"}),
        Plausible(3),
    ),
    "a test that passed plainly only fails as expected": (
        Run({**GREEN, OTHER: "xfailed"}),
        Regressed((OTHER,)),
    ),
    "the target fails": (Run({**GREEN, TARGET: "failed"}), StillFailing(0, 1)),
    "the target is skipped": (Run({**GREEN, TARGET: "skipped"}), StillFailing(0, 1)),
    "the target passes only where failing is expected": (
        Run({**GREEN, TARGET: "xpassed"}),
        StillFailing(0, 1),
    ),
    "the target vanished": (Run({OTHER: "passed"}), StillFailing(0, 1)),
    "the target hangs": (
        Run({TARGET: "failed"}, over_limit=True, aborted="no end after 1.0 s"),
        TimedOut("no end after 1.0 s"),
    ),
    "another test fails": (Run({**GREEN, OTHER: "failed"}), Regressed((OTHER,))),
    "another test hangs": (
        Run({**GREEN, OTHER: "failed"}, over_limit=True, aborted="no end after 1.0 s"),
        TimedOut("no end after 1.0 s"),
    ),
    "those behind the first that fails had no turn": (
        Run({TARGET: "passed", OTHER: "failed"}),
        Regressed((OTHER,)),
    ),
    "others vanished": (Run({TARGET: "passed", OTHER: "passed"}), Regressed(("test_a.py", XFAIL))),
    "it breaks off after the last test": (Run(GREEN, aborted="ended by SIGSEGV"), Regressed(())),
}


@pytest.mark.parametrize(("run", "expected"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(tmp_path: Path, run: Run, expected: Verdict) -> None:
    assert judge(tmp_path, run) == expected


REACHED: dict[str, tuple[tuple[str, str], bool]] = {
    "a file that the unchanged code leaves alone": (("/home/notes.txt", "changed"), False),
    "a file that it changes as well": (("/cache/entry", "changed"), True),
    "a call that it is refused as well": (("/var/7/log", "os.remove"), True),
    "the same call with another number": (("/var/8/log", "os.remove"), True),
    "another call": (("/var/7/log", "os.rename"), False),
    "what is only learned from": (("/home/notes.txt", "opened"), True),
}


@pytest.mark.parametrize(("reached", "is_known"), REACHED.values(), ids=REACHED)
def test_what_it_reaches_for(tmp_path: Path, reached: tuple[str, str], is_known: bool) -> None:
    expected = Plausible(3) if is_known else Refused(*reached)
    assert judge(tmp_path, Run(GREEN, reached=(reached,))) == expected


def test_nothing_is_refused_to_the_unchanged_code(tmp_path: Path) -> None:
    run = Run(GREEN, reached=(("/home/notes.txt", "changed"),))
    assert judge(tmp_path, run, changed=()) == Plausible(3)


def test_a_file_that_was_not_imported_decides_nothing(tmp_path: Path) -> None:
    found = judge(tmp_path, Run(GREEN), changed=("lib.py", "unused.py"))
    assert found == Inapplicable("unused.py was not imported by the tests that ran")


STACKS = {
    "of the target": ([TARGET, OTHER], [TARGET]),
    "of its module's collector, where it vanished": (["test_a.py"], ["test_a.py"]),
    "none": ([], []),
}


@pytest.mark.parametrize(("there", "expected"), STACKS.values(), ids=STACKS)
def test_stacks_of_a_failing_target(tmp_path: Path, there: list[str], expected: list[str]) -> None:
    stacks: list[PlainStack] = [bare_stack(nodeid, "E", "") for nodeid in there]
    found = judge(tmp_path, Run({TARGET: "failed"}, stacks=stacks))
    assert isinstance(found, StillFailing)
    assert [stack.nodeid for stack in found.stacks] == expected


def test_how_much_time_it_took_is_kept(tmp_path: Path) -> None:
    assert judge(tmp_path, Run(GREEN, seconds=1.5)) == Plausible(3, 1.5)
