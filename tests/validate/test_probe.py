"""What code gives for arguments that no test passes, and that asking leaves no trace."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from projects import MakeProject

from pytest_gemmadev.types import Expression
from pytest_gemmadev.validate.child.variation import vary

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

TEST = """
    import shop

    def test_it():
        assert [shop.{call}] == "?"
    """


def given(
    make_project: MakeProject, source: str, call: str, *others: tuple[str, str]
) -> list[dict[str, str] | None]:
    """What the code gives around one call, and what it gives with one text for another."""
    project = make_project({"shop.py": source, "test_shop.py": TEST.format(call=call)})
    task = project.task("test_shop.py::test_it")
    code = (project.root / "shop.py").read_text()
    assert all(old in code for old, _ in others)
    overlays = [{}, *({"shop.py": code.replace(old, new).encode()} for old, new in others)]
    found = project.oracle.behaviours(task, overlays)
    return [None if each is None else dict(each) for each in found]


@pytest.mark.slow
def test_the_calls_of_a_test_and_what_is_near_them(make_project: MakeProject) -> None:
    source = """
        def mean(values, default=0):
            return sum(values) / len(values) if values else default
        """
    code, other, same = given(
        make_project,
        source,
        "mean([1, 2, 6], default=7)",
        ("else default", "else 0"),
        ("sum(values) / len(values)", "sum(values) * (1 / len(values))"),
    )
    assert code is not None
    assert code["mean([1, 2, 6], 7)"] == "3.0"
    assert code["mean([], 7)"] == "7"
    assert len(code) > 10
    assert other is not None
    assert {c for c in code if code[c] != other[c]} == {"mean([], 7)"}
    assert same is not None
    assert same.keys() == code.keys()


@pytest.mark.slow
def test_what_is_told(make_project: MakeProject) -> None:
    source = """
        class Cart:
            def __init__(self):
                self.items = [1]

            def add(self, n):
                self.items.append(n)
                return self.items

        def pairs(n):
            yield from zip(range(n), range(n))

        def head(xs):
            return xs[0]

        def put(xs):
            xs.append(1)

        def show(x):
            print(x)
            return object()

        """
    calls = "Cart().add(5), list(shop.pairs(2)), shop.head([1]), shop.put([2]), shop.show(1)"
    (found,) = given(make_project, source, calls)
    assert found is not None
    told = {
        "<Cart>.add(5)": "[1, 5]",
        "<Cart>.add(6)": "[1, 6]",
        "pairs(1)": "iterator over [(0, 0)]",
        "head([])": "raises IndexError",
        "put([2])": "None, and its arguments become (([2, 1],), {})",
        "show(1)": "<object object>",
    }
    assert told.items() <= found.items()


TRACES = {
    "deletes": ("os.remove(at)", "str(kept)"),
    "deletes_folder": ("shutil.rmtree(at.parent)", "kept"),
    "opens": ("open(at, 'w').close()", "str(kept)"),
    "writes": ("at.write_text('x')", "kept"),
    "creates": ("os.close(os.open(at, os.O_CREAT | os.O_WRONLY))", "str(kept) + 'x'"),
    "makes_folder": ("os.mkdir(at)", "str(kept) + 'x'"),
    "starts": ("subprocess.run([sys.executable, '-c', '1'])", "''"),
    "asks_shell": ("os.system('true')", "''"),
    "connects": ("socket.create_connection(('127.0.0.1', 9), 1)", "''"),
    "signals": ("os.kill(os.getppid(), 0)", "''"),
    "exits": ("sys.exit(n)", "''"),
    "hangs": ("while True: pass", "''"),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
def test_what_would_leave_a_trace_is_stopped(make_project: MakeProject, part: int) -> None:
    names = sorted(TRACES)[part::2]
    source = "import os, shutil, socket, subprocess, sys\nSEEN = set()\n"
    tests = "import shop\n\n"
    for name in [*names, "is_fine"]:
        does, at = TRACES.get(name, ("pass", "''"))
        # What the test itself calls does nothing, so that only what comes after it could.
        source += f"def {name}(n, at):\n    if {name!r} in SEEN:\n        {does}\n    SEEN.add({name!r})\n"
        tests += f"def test_{name}(tmp_path):\n    kept = tmp_path / 'kept'\n"
        tests += f"    kept.write_text('')\n    assert shop.{name}(1, {at}) == '?'\n\n"
    project = make_project({"shop.py": source, "test_shop.py": tests})
    (found,) = project.oracle.behaviours(project.task(), [{}])
    assert found is not None
    assert {call.partition("(")[0] for call in found} == {"is_fine"}
    assert len(found) > 3


@pytest.mark.parametrize(
    "value",
    [True, 3, 2.5, "text", b"text", [1, [2]], (1, "a"), {"a": 1, "b": [2]}, {1, 2}, frozenset({3})],
    ids=repr,
)
def test_variations_are_of_the_same_type_and_differ(value: Any) -> None:
    kept = repr(value)
    found = [vary(value, random.Random(seed)) for seed in range(50)]
    assert {type(each) for each in found} == {type(value)}
    assert sum(each != value for each in found) > 25
    assert repr(value) == kept
    assert found == [vary(value, random.Random(seed)) for seed in range(50)]


@pytest.mark.parametrize("value", [None, "", [], {}, object])
def test_what_cannot_be_varied_stays(value: Any) -> None:
    assert vary(value, random.Random(0)) is value or vary(value, random.Random(0)) == value


EVALUATED = {
    "double(3)": "6",
    "double([1])": "[1, 1]",
    "double()": "raises TypeError",
    "[double(n) for n in range(3)]": "[0, 2, 4]",
    "deep.double(LIMIT)": None,  # no such name: what it raises is told
    "double(": None,
    "x = 3": None,
    "os.mkdir(os.environ['TMPDIR'] + '/made')": None,
    "sys.exit(1)": None,
    "forever()": None,
    "(DOUBLED := double(4))": "8",
    "DOUBLED": "raises NameError",
    "double('a' * 5000)": None,
}


@pytest.mark.slow
def test_expressions_are_evaluated_among_the_names_of_a_module(make_project: MakeProject) -> None:
    source = """
        import os, sys

        def double(x):
            return x * 2

        def forever():
            while True: pass
        """
    project = make_project(
        {
            "shop/__init__.py": "",
            "shop/deep.py": source,
            "shop/other.py": "",
            "test_shop.py": "from shop.deep import double\n\ndef test_it():\n    assert double(1) == 3\n",
        }
    )
    task = project.task("test_shop.py::test_it")
    code = (project.root / "shop/deep.py").read_text()
    asked = [Expression("shop/deep.py", text) for text in EVALUATED]
    other = Expression("shop/other.py", "1")
    changed = {"shop/deep.py": code.replace("x * 2", "x * 3").encode()}
    plain, new = project.oracle.evaluate(task, [{}, changed], [*asked, other])
    assert plain is not None
    told = {text: value for text, value in EVALUATED.items() if value is not None}
    told["deep.double(LIMIT)"] = "raises NameError"
    assert {each.text: value for each, value in plain.items()} == told
    assert new is not None
    assert new[Expression("shop/deep.py", "double(3)")] == "9"


@pytest.mark.slow
def test_an_expression_needs_a_module_that_was_imported(make_project: MakeProject) -> None:
    project = make_project(
        {"shop.py": "x = 1\n", "late.py": "x = 1\n", "test_shop.py": "import shop\nabsent\n"}
    )
    known, unknown = Expression("shop.py", "x"), Expression("late.py", "x")
    assert project.oracle.evaluate(project.task(), [{}], [unknown, known]) == [{known: "1"}]
    assert project.oracle.evaluate(project.task(), [{}, {}], []) == [{}, {}]
