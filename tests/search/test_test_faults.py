"""Whether the test is at fault: what its expectations are, who contradicts them, what is said of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, SearchResult, Statistics, Step
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.search.test_faults.assess import Doubt, assess_after, assess_before
from pytest_gemmadev.search.test_faults.expectations import Means, read_statements
from pytest_gemmadev.search.test_faults.slips import slip_between
from pytest_gemmadev.search.test_faults.subjects import Subjects
from pytest_gemmadev.text.diff import apply_unified
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Expression,
    Fact,
    Frame,
    GemmadevError,
    Overlay,
    Plausible,
    RepairTask,
    Role,
)

# --- reading expectations ------------------------------------------------------------------------

STATED = {
    "equal": ("assert f(1) == 2", [("f(1)", "2")]),
    "turned round": ("assert 2 == f(1)", [("f(1)", "2")]),
    "is": ("assert f(1) is None", [("f(1)", "None")]),
    "approximately": ("assert f(1) == pytest.approx(0.5)", [("f(1)", "0.5")]),
    "true": ("assert f(1)", [("f(1)", "True")]),
    "not": ("assert not f(1)", [("f(1)", "False")]),
    "both": ("assert f(1) == 2 and f(2) == 3", [("f(1)", "2"), ("f(2)", "3")]),
    "unittest": ("self.assertEqual(f(1), 2)", [("f(1)", "2")]),
    "unittest false": ("self.assertFalse(f(1))", [("f(1)", "False")]),
    "unittest raises": ("self.assertRaises(ValueError, f, 1)", [("f(1)", "raises ValueError")]),
    "raises": ("with pytest.raises(errors.Bad):\n        f(1)", [("f(1)", "raises Bad")]),
    "variables": ("got = f(1)\n    want = [2]\n    assert got == want", [("f(1)", "[2]")]),
    "constant": ("assert f(SIZE) == 2", [("f(7)", "2")]),
    "converted": ("assert tuple(f(1)) == tuple([1, 2])", [("tuple(f(1))", "(1, 2)")]),
    "message": ("assert f(1) == 2, str(f(1))", [("f(1)", "2")]),
    "changed variable": ("xs = [1]\n    xs.append(2)\n    assert f(xs) == 2", [("f(xs)", "2")]),
    "unequal": ("assert f(1) != 2", []),
    "no literal": ("assert f(1) == g(2)", []),
    "member": ("assert 1 in f(1)", []),
}


@pytest.mark.parametrize(("body", "found"), STATED.values(), ids=STATED)
def test_expectations_are_read(body: str, found: Sequence[tuple[str, str]]) -> None:
    text = f"SIZE = 7\n\ndef test_it(self):\n    {body}\n\ndef helper():\n    assert f(9) == 9\n"
    assert [(s.expression, s.expected) for s in read_statements(text)] == found


def test_each_case_of_a_test_is_read() -> None:
    text = textwrap.dedent(
        """
        class TestIt:
            @pytest.mark.parametrize("x, want", [(1, 2), pytest.param(3, [4], id="x")])
            def test_it(self, x, want):
                assert f(x) == want

        @pytest.mark.parametrize("x", CASES)
        def test_other(x):
            assert f(x) == 1
        """
    )
    found = read_statements(text)
    assert [(s.expression, s.expected) for s in found] == [("f(1)", "2"), ("f(3)", "[4]")]
    assert found[1].parameters == (("x", "3"), ("want", "[4]"))
    assert read_statements("def test_x(:") == []


def test_values_that_were_seen_stand_in_for_names() -> None:
    text = "def test_it(size):\n    assert f(size) == 2\n"
    (found,) = read_statements(text, {"size": "3", "f": "<function>"})
    assert (found.expression, found.means) == ("f(3)", Means.EQUAL)


SOURCES = {
    "shop/__init__.py": "from .cart import total, Cart\nfrom shop import cart as c\n",
    "shop/cart.py": "def total(xs): ...\n\nclass Cart:\n    def add(self, x): ...\n",
    "src/tool.py": "def run(x): ...\ndef same(x): ...\n",
}
IMPORTED = {
    "defined there": ("from shop.cart import total", "total([1])", "shop/cart.py", "total(xs=[1])"),
    "passed on": ("from shop import total", "total([1])", "shop/cart.py", "total(xs=[1])"),
    "module": ("import tool", "tool.run(x=2)", "src/tool.py", "run(x=2)"),
    "named module": ("import shop.cart as s", "s.total(())", "shop/cart.py", "total(xs=())"),
    "method": ("from shop import Cart", "Cart().add(1)", "shop/cart.py", "add(x=1)"),
    "wrapped": ("import tool", "sorted(tool.run(2))", "src/tool.py", "run(x=2)"),
    "elsewhere": ("from os.path import join", "join('a')", "", ""),
    "local name": ("import tool", "tool.run(y)", "", ""),
    "alias": ("from tool import run as go", "go(1)", "", ""),
    "no function": ("import tool", "tool.absent(1)", "", ""),
    "several modules": ("from tool import run\nfrom shop import total", "run(total(1))", "", ""),
}


@pytest.mark.parametrize(("head", "call", "path", "normal"), IMPORTED.values(), ids=IMPORTED)
def test_the_function_is_found(head: str, call: str, path: str, normal: str) -> None:
    text = f"{head}\n\ndef test_it():\n    assert {call} == 1\n"
    (stated,) = read_statements(text)
    found = Subjects("tests/test_it.py", text, SOURCES).find(stated)
    assert ("", "") if found is None else (found.expression.path, found.call) == (path, normal)
    assert (found is None) == (path == "")


SLIPS = [
    ("3", "4", "off by one"),
    ("-3", "3", "the sign differs"),
    ("13", "19", "one digit differs"),
    ("2.35", "2.346", "rounded otherwise"),
    ("True", "False", "the opposite"),
    ("'Ab'", "'ab'", "the case differs"),
    ("'a b'", "'a  b'", "white space differs"),
    ("'abc'", "'abd'", "one character differs"),
    ("[1, 2]", "[1, 3]", "one item differs"),
    ("[1, 2, 3]", "[1, 3, 2]", "two items are swapped"),
    ("(1, 2)", "(1, 2, 3)", "one item less"),
    ("{'a': 1, 'b': 2}", "{'a': 1}", "one entry differs"),
    ("3", "77", ""),
    ("'abc'", "'xyz'", ""),
    ("[1]", "[]", ""),
    ("3", "raises ValueError", ""),
    ("None", "0", ""),
]


@pytest.mark.parametrize(("expected", "got", "slip"), SLIPS)
def test_small_differences_have_a_name(expected: str, got: str, slip: str) -> None:
    assert slip_between(expected, got) == slip


# --- judging -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Project:
    """Files and an oracle that evaluates among the names of one module."""

    files: dict[str, str]
    asked: list[Sequence[Expression]] = field(default_factory=list)

    def editable_files(self) -> list[str]:
        return [path for path in self.files if not path.startswith("test_")]

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise GemmadevError(path)
        return self.files[path].encode()

    def behaviours(self, task: RepairTask, overlays: Sequence[Overlay]) -> list[None]:
        return [None] * len(overlays)

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[dict[Expression, str]]:
        self.asked.append(expressions)
        found = []
        for overlay in overlays:
            names: dict[str, object] = {}
            text = overlay["m.py"].decode() if "m.py" in overlay else self.files["m.py"]
            exec(text, names)
            given = {}
            for each in expressions:
                try:
                    given[each] = repr(eval(each.text, dict(names)))
                except Exception as error:
                    given[each] = f"raises {type(error).__name__}"
            found.append(given)
        return found


def judge(
    source: str,
    tests: str,
    *,
    line: int,
    name: str = "test_it",
    model: ScriptedModel | None = None,
    readme: str = "",
) -> tuple[SearchContext, RepairTask, Doubt | None]:
    """The doubt about the test that fails on a line of the tests, the line of the import being 1."""
    text = "from m import f\n" + textwrap.dedent(tests)
    project = Project({"m.py": textwrap.dedent(source), "test_m.py": text, "README.md": readme})
    frame = Frame("test_m.py", line, name.partition("[")[0], Role.TEST, (Fact("x", "2", "int"),))
    stack = ErrorStack(
        f"test_m.py::{name}", "call", ErrorKind.ASSERTION, "AssertionError", "", (frame,)
    )
    context = SearchContext(
        oracle=project,  # type: ignore[arg-type]  # it only evaluates
        proposers=[],
        writers=[],
        files=project,
        model=model,
        clock=lambda: 0.0,
    )
    sources = {"m.py": project.files["m.py"]}
    task = RepairTask(
        (stack,), (stack.nodeid,), frozenset(), sources, {}, context={"test_m.py": text}
    )
    return context, task, assess_before(context, task)


DOCUMENTED = '''
def f(x, high=3):
    """Double x, to no more than high.

    >>> f(1)
    2
    >>> f(0)
    0
    """
    return min(2 * x, high)
'''
PLAIN = "def f(x, high=3):\n    return min(2 * x, high)\n"


def test_a_documented_example_settles_it() -> None:
    tests = """
        def test_it():
            assert f(1) == 3

        def test_other():
            assert f(5) == 3
        """
    _, _, doubt = judge(DOCUMENTED, tests, line=4)
    assert doubt is not None
    assert doubt.probability >= DEFAULT.suspected_early
    (suspect,) = doubt.suspects.values()
    assert (suspect.file, suspect.line, suspect.expected, suspect.got) == ("test_m.py", 4, "3", "2")
    assert suspect.evidence[0] == "the docstring of f says: f(1) gives 2"
    assert "-    assert f(1) == 3" in suspect.diff
    assert "+    assert f(1) == 2" in suspect.diff
    assert suspect.evidence[0] in doubt.reason


@pytest.mark.parametrize(
    ("readme", "sign"),
    [("Then `f(1)` returns 2.", 1), ("    >>> f(1)\n    3\n", -1), ("g(1) -> 2, f(2) -> 3", 0)],
)
def test_the_readme_counts(readme: str, sign: int) -> None:
    tests = "\ndef test_it():\n    assert f(1) == 3\n"
    plain, other = (judge(PLAIN, tests, line=4, readme=text)[2] for text in ("", readme))
    assert plain is not None
    assert other is not None
    gained = other.probability - plain.probability
    assert (gained > 0.3) - (gained < -0.05) == sign


@pytest.mark.parametrize(
    ("source", "tests", "least", "most"),
    [
        pytest.param(DOCUMENTED, "assert f(5) == 4", 0.9, 1.0, id="breaks a stated bound"),
        pytest.param(
            PLAIN, "assert f(5) == 4\n    assert f(5) == 3", 0.9, 1.0, id="another assertion"
        ),
        pytest.param(
            DOCUMENTED.replace("2 * x", "3 * x"),
            "assert f(1) == 2",
            0.0,
            0.01,
            id="bug, documented",
        ),
        pytest.param(
            DOCUMENTED.replace(", high)", ", 9)"), "assert f(5) == 3", 0.0, 0.02, id="bug, bound"
        ),
        pytest.param(PLAIN, "assert f(5) == 4\n    assert f(5) == 4", 0.0, 0.05, id="said twice"),
        pytest.param(PLAIN, "assert f(5) == 9", 0.0, 0.2, id="nothing known"),
        pytest.param(
            PLAIN, "assert f(5) == 4\n    assert f(6) == 4", 0.0, 0.1, id="others fail too"
        ),
        pytest.param(PLAIN, "assert f(None) == 4", 0.0, 0.05, id="raises"),
    ],
)
def test_what_speaks_for_either(source: str, tests: str, least: float, most: float) -> None:
    _, _, doubt = judge(source, f"\ndef test_it():\n    {tests}\n", line=4)
    assert doubt is not None
    assert least <= doubt.probability <= most


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param("assert f(1) != 2", id="not read"),
        pytest.param("assert f(1) == 2", id="holds"),
        pytest.param("assert f(1) == 2 and f(2) == 3 and f(0) == 9 and f(0) == 8", id="several"),
        pytest.param("assert undefined(1) == 2", id="unknown function"),
    ],
)
def test_what_is_not_clear_is_left_alone(tests: str) -> None:
    assert judge(DOCUMENTED, f"\ndef test_it():\n    {tests}\n", line=4)[2] is None


def test_a_case_is_told_by_the_values_that_were_seen() -> None:
    tests = """
        import pytest

        @pytest.mark.parametrize("x, want", [(1, 3), (2, 4), (0, 0)])
        def test_it(x, want):
            assert f(x) == want
        """
    _, _, doubt = judge(DOCUMENTED, tests, line=7, name="test_it[2-4]")
    assert doubt is not None
    (suspect,) = doubt.suspects.values()
    assert (suspect.expected, suspect.got) == ("4", "3")
    assert "(2, 3), (0, 0)" in suspect.diff


TRUTHS = [
    ("assert f(0)", "assert not f(0)"),
    ("assert not f(1)", "assert f(1)"),
    ('assert f("a") == "b"', 'assert f("a") == "aa"'),
    ("assert f('é') == 'ü'", "assert f('é') == 'éé'"),
]


@pytest.mark.parametrize(("old", "new"), TRUTHS)
def test_the_expectation_is_changed_in_the_test(old: str, new: str) -> None:
    source = "def f(x):\n    return 2 * x\n"
    context, _, doubt = judge(source, f"\ndef test_it():\n    {old}\n", line=4)
    assert doubt is not None
    (suspect,) = doubt.suspects.values()
    changed = apply_unified(suspect.diff, context.files.read)
    assert changed == {"test_m.py": f"from m import f\n\ndef test_it():\n    {new}\n".encode()}


def test_no_change_of_the_test_is_offered_for_an_exception() -> None:
    _, _, doubt = judge(
        "def f(x):\n    return [][x]\n", "\ndef test_it():\n    assert f(1) == 2\n", line=4
    )
    assert doubt is not None
    assert [s.diff for s in doubt.suspects.values()] == [""]


def test_a_model_is_asked_for_both_values() -> None:
    tests = "\ndef test_it():\n    assert f(5) == 9\n"
    prefers = ScriptedModel([], scores={"3\n": -1.0, "9\n": -5.0})
    without, with_model = (judge(PLAIN, tests, line=4, model=m)[2] for m in (None, prefers))
    assert without is not None
    assert with_model is not None
    assert with_model.probability > without.probability


# --- after a search ------------------------------------------------------------------------------


def found(text: str, *, rank: int = 1, origin: str = "pattern:x") -> Found:
    step = Step(Candidate((), origin, -1.0), -1.0, rank)  # type: ignore[arg-type]
    return Found((step,), {"m.py": text}, Plausible(1), ("test_m.py::test_it",))


@pytest.mark.parametrize(
    ("result", "sign"),
    [
        pytest.param(SearchResult([found(PLAIN + "# 9\nQ = 'q'\n", rank=400)]), 1, id="late"),
        pytest.param(SearchResult([found(PLAIN.replace("2", "77"))]), 1, id="special"),
        pytest.param(SearchResult([found(PLAIN.replace("2", "3"))]), 1, id="constants"),
        pytest.param(SearchResult([], Statistics(validations=900)), 1, id="none"),
        pytest.param(SearchResult([], Statistics(validations=900), True), 1, id="none in time"),
        pytest.param(SearchResult([], Statistics(validations=9)), 0, id="little was tried"),
        pytest.param(SearchResult([found(PLAIN.replace("min", "max"))]), 0, id="ordinary"),
        pytest.param(SearchResult([found("x", origin="rule:y")]), -1, id="rule"),
    ],
)
def test_what_the_search_says(result: SearchResult, sign: int) -> None:
    context, task, doubt = judge(PLAIN, "\ndef test_it():\n    assert f(5) == 77\n", line=4)
    assert doubt is not None
    after = assess_after(context, task, doubt, result=result)
    assert after is not None
    gained = after.probability - doubt.probability
    assert (gained > 1e-9) - (gained < -1e-9) == sign
    assert assess_after(context, task, None, result=result) is None


def test_patches_that_break_what_is_stated_speak_against_the_test() -> None:
    context, task, doubt = judge(DOCUMENTED, "\ndef test_it():\n    assert f(4) == 8\n", line=4)
    assert doubt is not None
    breaking = found(DOCUMENTED.replace("2 * x", "x + x + x"))
    keeping = found(DOCUMENTED.replace("2 * x", "x + x"))
    one, other, both = (
        assess_after(context, task, doubt, result=SearchResult(some))
        for some in ([breaking], [keeping], [breaking, keeping])
    )
    assert one is not None
    assert other is not None
    assert both is not None
    assert one.probability > other.probability == both.probability
