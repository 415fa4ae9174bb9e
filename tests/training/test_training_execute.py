"""Calls that show a break, in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from pytest_gemmadev.types import GemmadevError, Role
from training.data import inputs
from training.data.bugs import BreakOptions, Counts, broken, broken_by_many
from training.data.examples import Bug, repair_examples
from training.data.execute import Prover
from training.data.functions import Sound, functions_of, sources
from training.data.project_tests import TestedProver

CODE = '''\
import itertools
import os


def clamp(value, low=0, high=10):
    """Between the bounds.

    >>> clamp(12, high=11)
    11
    """
    if value < low:
        return low
    return min(value, high)


def doubled(items):
    for item in items:
        yield item * 2


def leave(path):
    open(path or "left", "w").write("x")
    return 1


def turn(count):
    while count:
        count -= 1
    return "done"


_numbers = itertools.count()


def unsteady(count):
    count = next(_numbers)
    return count


def gone(value):
    if isinstance(value, int):
        os._exit(3)
    return 1


class Till:
    def __init__(self):
        self.rate = 2

    def price(self, amount):
        total = amount * self.rate
        return total

    @staticmethod
    def parts(text):
        found = text.split(",")
        return found
'''


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sound]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "till.py").write_text(CODE)
    found = {s.name: s for source in sources([str(folder)]) for s in functions_of(source)}
    assert {s.source.root for s in found.values()} == {str(folder)}
    return found


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover() as prover:
        yield prover


def bug_of(sound: Sound, old: str, new: str) -> Bug:
    assert old in sound.near
    text = sound.near.replace(old, new)
    return Bug("till.py", text, sound.near, "b", "o", "own", "parsed", "x")


def test_a_wrong_value(sounds: dict[str, Sound], prover: Prover) -> None:
    bug = bug_of(sounds["clamp"], "min(value, high)", "max(value, high)")
    (proved,) = prover.prove(sounds["clamp"], [bug])
    assert proved.proof == "executed"
    assert proved.stack is not None
    assert proved.stack.error == "AssertionError"
    assert (proved.stack.facts.left, proved.stack.facts.right) == ("12", "11")
    assert [(f.path, f.role) for f in proved.stack.frames] == [("tests/test_till.py", Role.TEST)]
    assert "assert clamp(12, high=11) == 11" in proved.context["tests/test_till.py"]
    (example,) = repair_examples(proved, kinds=["line"])
    assert "got 12, expected 11\nassert clamp(12, high=11) == 11\n" in example.prompt


def test_an_exception_in_the_function(sounds: dict[str, Sound], prover: Prover) -> None:
    bug = bug_of(sounds["clamp"], "min(value, high)", "min(value, hihg)")
    (proved,) = prover.prove(sounds["clamp"], [bug])
    assert proved.stack is not None
    assert proved.stack.error == "NameError"
    _, inner = proved.stack.frames
    assert (inner.path, inner.line, inner.role) == ("till.py", 13, Role.SOURCE)
    assert {f.name: f.value for f in inner.facts if f.is_argument} == {
        "value": "12",
        "low": "0",
        "high": "11",
    }
    (example,) = repair_examples(proved, kinds=["line"])
    assert "clamp ran with value=12, low=0, high=11\nraised NameError" in example.prompt
    assert example.error == "NameError"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("doubled", "item * 2", "item * 3", id="generator"),
        pytest.param("Till.price", "amount * self.rate", "amount + self.rate", id="method"),
        pytest.param("Till.parts", 'split(",")', 'split(";")', id="static method"),
    ],
)
def test_what_can_be_called(
    sounds: dict[str, Sound], prover: Prover, name: str, old: str, new: str
) -> None:
    sound = sounds[name]
    wrong = bug_of(sound, old, new)
    same = bug_of(sound, old, f"({old})" if "split" not in old else old + "[:]")
    assert [bug.broken for bug in prover.prove(sound, [same, wrong])] == [wrong.broken]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("leave", "return 1", "return 2", id="writes a file"),
        pytest.param("turn", "count -= 1", "count += 1", id="loops for ever"),
        pytest.param("unsteady", "return count", "return -count", id="differs by itself"),
        pytest.param("gone", "return 1", "return 2", id="ends the process"),
        pytest.param("clamp", "min(value, high)", "min(value, high", id="does not compile"),
    ],
)
def test_what_proves_nothing(
    sounds: dict[str, Sound],
    tmp_path: Path,
    name: str,
    old: str,
    new: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with Prover() as prover:
        assert prover.prove(sounds[name], [bug_of(sounds[name], old, new)]) == []
        after = bug_of(sounds["clamp"], "min(value, high)", "max(value, high)")
        assert prover.prove(sounds["clamp"], [after])  # it goes on with the next function
    assert list(tmp_path.iterdir()) == []


def test_only_executed_bugs(sounds: dict[str, Sound]) -> None:
    source = sounds["clamp"].source
    counts = Counts()
    options = BreakOptions(per_function=2, execute=True, only_executed=True)
    with Prover() as prover:
        found = list(broken([source], options, counts, prove=prover.prove))
    assert {bug.proof for bug in found} == {"executed"}
    assert counts.executed == counts.bugs == len(found) > 3
    assert not any(":leave" in bug.origin for bug in found)


@pytest.mark.parametrize(
    ("documentation", "wanted"),
    [
        (">>> f(1, 'a')\n2", ["1, 'a'"]),
        ("text\n    >>> x = g(f([1], key=None))\n", ["[1], key=None"]),
        (">>> f(x)\n>>> g(1)\n>>> f(\n", []),
        ("f(1)", []),
    ],
)
def test_arguments_from_examples(documentation: str, wanted: list[str]) -> None:
    assert list(inputs.examples(documentation, "f")) == wanted


def test_arguments_fit_their_parameters() -> None:
    def function(count: int, /, text: str, *rest: list[int], deep: bool = False) -> None: ...

    for given in islice(inputs.calls(function, "function", Random(0)), 50):
        positional: list[object] = []
        named: dict[str, object] = {}
        eval(f"(lambda *a, **k: (positional.extend(a), named.update(k)))({given})", locals())
        assert isinstance(positional[0], int)
        assert isinstance(positional[1], str)
        assert set(named) <= {"deep"}


# --- a project's own tests -----------------------------------------------------------------------


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    (folder / "cart.py").write_text(
        "def total(prices):\n    found = sum(prices)\n    return found\n"
    )
    (folder / "tests" / "test_cart.py").write_text(
        "from cart import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    )
    return folder


@pytest.mark.slow
def test_bugs_proved_by_the_tests_of_a_project(tested: Path) -> None:
    (source,) = sources([str(tested)])
    (sound,) = functions_of(source)
    text = sound.source.text
    wrong, same = text.replace("sum(", "len("), text.replace("sum(prices)", "sum(list(prices))")
    bugs = [
        Bug("cart.py", t, text, n, "o", "own", "parsed", "x", whole=(t, text))
        for n, t in (("wrong", wrong), ("same", same))
    ]
    with TestedProver(tested) as prover:
        (proved,) = prover.prove(sound, bugs)
    assert proved.id == "wrong"
    (example,) = repair_examples(proved, kinds=["line"])
    assert "got 2, expected 3\nassert total([1, 2]) == 3\n" in example.prompt
    assert (tested / "cart.py").read_text() == text


@pytest.mark.slow
def test_tests_that_fail_already_prove_nothing(tested: Path) -> None:
    (tested / "cart.py").write_text("def total(prices):\n    return 0\n")
    with pytest.raises(GemmadevError, match=r"must pass before .*test_total fails"):
        TestedProver(tested)


@pytest.mark.slow
def test_several_processes_make_the_same_bugs(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"part{number}.py").write_text(CODE.replace("clamp", f"clamp{number}"))
    files = list(sources([str(tmp_path)]))
    options, one, two = BreakOptions(), Counts(), Counts()
    alone = list(broken(files, options, one))
    assert list(broken_by_many(files, options, two, jobs=2)) == alone
    assert (two.files, two.functions, two.bugs) == (one.files, one.functions, one.bugs)
    assert two.by_rewrite == one.by_rewrite
