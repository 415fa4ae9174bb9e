"""Each verdict, on the fast way and on the slow one, and what they must not be fooled by."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Plausible,
    Regressed,
    StillFailing,
    TestOutcome,
)

CART = """
    RATE = 2

    def total(items):
        return sum(items) - 1

    def count(items):
        return len(items)

    def area(w, h=1):
        return w * h

    def parse(text):
        return int(text)
"""
TESTS = """
    import pytest
    from shop.cart import area, count, parse, total

    def test_total():
        assert total([1, 2]) == 3

    def test_count():
        assert count([1]) == 1

    @pytest.mark.parametrize("w", [1, 2])
    def test_area(w):
        assert area(w) == w

    @pytest.mark.xfail(strict=False)
    def test_known():
        assert total([]) == 1

    @pytest.mark.skip
    def test_skipped():
        raise AssertionError
"""


@pytest.fixture(scope="module")
def shop(make_project: MakeProject) -> Project:
    return make_project(
        {
            "shop/__init__.py": "",
            "shop/cart.py": CART,
            "shop/unused.py": "X = 1\ndef f():\n    return X\n",
            "tests/test_cart.py": TESTS,
            "tests/test_more.py": "from shop.cart import count\ndef test_none():\n"
            "    assert count([]) == 0\n",
        }
    )


@pytest.mark.slow
def test_observation_tells_what_ran_and_why_it_failed(shop: Project) -> None:
    seen = shop.seen
    assert seen.failing == ("tests/test_cart.py::test_total",)
    assert seen.outcomes["tests/test_cart.py::test_known"] is TestOutcome.XFAILED
    assert seen.outcomes["tests/test_cart.py::test_skipped"] is TestOutcome.SKIPPED
    assert len(seen.collected) == 7
    assert seen.aborted == ""
    (stack,) = seen.stacks
    assert (stack.error, stack.frames[-1].path) == ("AssertionError", "tests/test_cart.py")
    assert seen.durations["tests/test_cart.py::test_count"] > 0


@pytest.mark.slow
def test_observation_over_an_overlay(shop: Project) -> None:
    fixed = (shop.root / "shop/cart.py").read_bytes().replace(b" - 1", b"")
    seen = shop.oracle.observe({"shop/cart.py": fixed})
    assert seen.failing == ()
    assert "tests/test_cart.py::test_total" in seen.passing
    assert b" - 1" in (shop.root / "shop/cart.py").read_bytes()


# The second replacement makes the module differ beyond a function, so that it is imported anew.
WAYS = {"swapped": "RATE = 2", "imported": "RATE = 3"}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return lambda text: text.replace("RATE = 2", request.param)


def try_text(project: Project, old: str, new: str, way: Callable[[str], str]) -> object:
    text = (project.root / "shop/cart.py").read_text()
    changed = way(text.replace(old, new))
    return project.try_out("shop/cart.py", text, changed)


@pytest.mark.slow
def test_plausible(shop: Project, way: Callable[[str], str]) -> None:
    decided = shop.oracle.tally["decided"]
    verdict = try_text(shop, " - 1", "", way)
    assert isinstance(verdict, Plausible)
    assert verdict.tests == 6  # all but the skipped
    swapped = way("RATE = 2") == "RATE = 2"
    assert shop.oracle.tally["decided"] == decided + swapped


@pytest.mark.slow
def test_still_failing_with_the_new_stack(shop: Project, way: Callable[[str], str]) -> None:
    verdict = try_text(shop, "sum(items) - 1", "sum(items) / 0", way)
    assert isinstance(verdict, StillFailing)
    assert (verdict.passed, verdict.total) == (0, 1)
    (stack,) = verdict.stacks
    assert stack.error == "ZeroDivisionError"
    assert (stack.frames[-1].path, stack.frames[-1].line) == ("shop/cart.py", 5)


@pytest.mark.slow
def test_regressed(shop: Project, way: Callable[[str], str]) -> None:
    both = "return sum(items)\n\ndef count(items):\n    return 1"
    old = "return sum(items) - 1\n\ndef count(items):\n    return len(items)"
    verdict = try_text(shop, old, both, way)
    assert isinstance(verdict, Regressed)
    assert verdict.nodeids == ("tests/test_more.py::test_none",)


@pytest.mark.slow
def test_a_test_that_vanishes_is_a_regression(shop: Project) -> None:
    old = "return sum(items) - 1\n\ndef count(items):\n    return len(items)"
    verdict = shop.try_out("shop/cart.py", old, "return sum(items)\n")
    # `from shop.cart import count` fails now, and the target's module with it.
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].error == "ImportError"


@pytest.mark.slow
def test_node_ids_that_differ_in_each_run_are_not_missed(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f():\n    return 1\ndef g(x):\n    return x\n",
            "test_lib.py": "import time\nimport pytest\nfrom lib import f, g\n"
            "def test_f():\n    assert f() == 2\n"
            "@pytest.mark.parametrize('x', [time.time_ns(), 1])\n"
            "def test_g(x):\n    assert g(x) == x\n",
        }
    )
    assert len(project.seen.passing & project.seen.collected) == 2
    verdict = project.try_out("lib.py", "return 1", "return 2")
    assert isinstance(verdict, Plausible)
    assert verdict.tests == 2
    text = (project.root / "lib.py").read_text()
    new = text.replace("return 1", "return 2").replace("return x", "return 0")
    assert isinstance(project.try_out("lib.py", text, new), Regressed)


@pytest.mark.slow
def test_nothing_changed_runs_the_targets_again(shop: Project) -> None:
    verdict = shop.oracle.validate(shop.task(), Candidate((), "unchanged", 0.0))
    assert isinstance(verdict, StillFailing)
    passing = shop.task("tests/test_more.py::test_none")
    assert isinstance(shop.oracle.validate(passing, Candidate((), "unchanged", 0.0)), Plausible)


def test_several_targets_count(shop: Project) -> None:
    targets = ("tests/test_cart.py::test_total", "tests/test_cart.py::test_count")
    task = shop.task(*targets)
    candidate = shop.candidate("shop/cart.py", "sum(items) - 1", "sum(items) - 2")
    verdict = shop.oracle.validate(task, candidate)
    assert isinstance(verdict, StillFailing)
    assert (verdict.passed, verdict.total) == (1, 2)


INAPPLICABLE = {
    "does not compile": ("shop/cart.py", "return sum(items) - 1", "return sum(items) -"),
    "a test file": ("tests/test_cart.py", "== 3", "== 2"),
    "configuration": ("pytest.ini", "[pytest]", "[pytest]\naddopts = -k nothing"),
    "not imported": ("shop/unused.py", "X = 1", "X = 2"),
}


@pytest.mark.parametrize(("path", "old", "new"), INAPPLICABLE.values(), ids=INAPPLICABLE)
def test_inapplicable(shop: Project, path: str, old: str, new: str) -> None:
    # The target passes: what is told apart is the candidate, not the test.
    verdict = shop.try_out(path, old, new, "tests/test_more.py::test_none")
    assert isinstance(verdict, Inapplicable)


def test_inapplicable_on_a_fixed_tree_when_no_test_imports_the_file(shop: Project) -> None:
    verdict = shop.try_out(
        "shop/unused.py", "return X", "return 2", "tests/test_more.py::test_none"
    )
    assert isinstance(verdict, Inapplicable)
    assert "not imported" in verdict.reason


@pytest.mark.slow
def test_skipping_the_target_is_not_passing(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f():\n    return 1\n",
            "test_lib.py": "from lib import f\ndef test_f():\n    assert f() == 2\n",
        }
    )
    for how in ("skip", "xfail"):
        verdict = project.try_out(
            "lib.py", "return 1", f"import pytest; pytest.{how}('no')", "test_lib.py::test_f"
        )
        assert isinstance(verdict, StillFailing)


@pytest.mark.slow
def test_passing_by_expected_failure_is_a_regression(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f():\n    return 1\ndef g():\n    return 1\n",
            "test_lib.py": "from lib import f, g\ndef test_f():\n    assert f() == 2\n"
            "def test_g():\n    assert g() == 1\n",
        }
    )
    text = (project.root / "lib.py").read_text()
    new = "def f():\n    return 2\ndef g():\n    import pytest; pytest.xfail('no')\n"
    assert isinstance(project.try_out("lib.py", text, new), Regressed)


@pytest.mark.slow
def test_collection_errors_are_targets_too(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f()\n    return 1\n",
            "other.py": "def g():\n    return 1\n",
            "test_lib.py": "from lib import f\ndef test_f():\n    assert f() == 1\n",
            "test_other.py": "from other import g\ndef test_g():\n    assert g() == 1\n",
        }
    )
    assert project.seen.failing == ("test_lib.py",)
    assert "test_other.py::test_g" in project.seen.passing
    assert isinstance(project.try_out("lib.py", "def f()", "def f():"), Plausible)
    verdict = project.try_out("lib.py", "def f()", "def f(x):", "test_lib.py")
    assert isinstance(verdict, Plausible)  # it is collected; that its test fails is the next error
    verdict = project.try_out("lib.py", "def f()", "def g():")
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].error == "ImportError"


@pytest.mark.slow
def test_the_second_of_two_syntax_errors_shows(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f()\n    return 1\ndef g(:\n    return 2\n",
            "test_lib.py": "from lib import f\ndef test_f():\n    assert f() == 1\n",
        }
    )
    verdict = project.try_out("lib.py", "def f()", "def f():")
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].frames[-1].line == 3


@pytest.mark.slow
def test_conftest_that_cannot_be_imported(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "import nothing_of_that_name\ndef f():\n    return 1\n",
            "conftest.py": "import lib\n",
            "test_lib.py": "from lib import f\ndef test_f():\n    assert f() == 1\n",
        }
    )
    assert project.seen.failing == ("conftest.py",)
    assert isinstance(project.try_out("lib.py", "import nothing_of_that_name", "X = 1"), Plausible)
    verdict = project.try_out("lib.py", "import nothing_of_that_name", "X = Y")
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].error == "NameError"


def test_spectrum_of_targets_and_of_passing_tests(shop: Project) -> None:
    spectra = shop.oracle.spectrum(shop.task())
    total = spectra["tests/test_cart.py::test_total"]
    assert not total.passed
    assert total.lines == {("shop/cart.py", 5)}
    count = spectra["tests/test_more.py::test_none"]
    assert count.passed
    assert count.lines == {("shop/cart.py", 8)}
    assert all("::" in nodeid for nodeid in spectra)


@pytest.mark.slow
def test_only_a_call_that_says_so_learns_which_tests_reach_what(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": "def f():\n    return 1\n",
            "test_lib.py": "from lib import f\n\ndef test_f():\n    assert f() == 2\n",
        }
    )
    task = project.task()
    seen = project.oracle.spectrum(task)
    assert not project.oracle._screener.reach
    assert project.oracle.learn_spectrum(task) == seen
    assert project.oracle._screener.reach == seen


@pytest.mark.slow
def test_verdicts_of_many_candidates_carry_their_places(shop: Project) -> None:
    candidates = [shop.candidate("shop/cart.py", " - 1", f" - {n}") for n in (3, 2, 0, 4)]
    verdicts = dict(shop.oracle.validate_many(shop.task(), candidates))
    kinds = [type(verdicts[place]).__name__ for place in range(4)]
    assert kinds == ["StillFailing", "StillFailing", "Plausible", "StillFailing"]


@pytest.mark.slow
def test_where_nothing_can_fork(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_gemmadev.validate.parent.launch.CAN_FORK", False)
    project = make_project(
        {
            "lib.py": "import time\ndef f():\n    return 1\ndef g():\n    return 1\n",
            "test_lib.py": "from lib import f, g\ndef test_f():\n    assert f() == 2\n"
            "def test_g():\n    assert g() == 1\n",
        }
    )
    text = (project.root / "lib.py").read_text()
    verdicts = [
        project.try_out("lib.py", "return 1", new)
        for new in ("return 2", "return 3", "return g", "time.sleep(100)", "import os; os._exit(0)")
    ]
    verdicts.append(project.try_out("lib.py", text, text.replace("1", "2")))
    assert [type(v).__name__ for v in verdicts] == [
        *("Plausible", "StillFailing", "StillFailing", "TimedOut", "StillFailing", "Regressed")
    ]
