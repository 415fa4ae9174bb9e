"""The order, the laziness and the text of what the patterns propose."""

from __future__ import annotations

import ast
from functools import cache
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_gemmadev.propose.code import precedence
from pytest_gemmadev.propose.code.precedence import level_of_code
from pytest_gemmadev.propose.patterns import PatternProposer
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Frame,
    RepairTask,
    Role,
    Span,
    Suspicion,
)

PATH = "code.py"
STACK = ErrorStack("test_code.py::test", "call", ErrorKind.ASSERTION, "AssertionError", "", ())

SEARCH = """\
def search(values, wanted):
    '''Position of a value.'''
    low = 0
    high = len(values)
    while low <= high:
        middle = (low + high) // 2
        if values[middle] == wanted:
            return middle
        if values[middle] < wanted:
            low = middle
        else:
            high = middle - 1
    return -1
"""


def task_for(code: str, scores: dict[int, float] | None = None) -> RepairTask:
    """A task with the given suspiciousness of lines; every line the same where none is given."""
    if scores is None:
        scores = dict.fromkeys(range(1, code.count("\n") + 2), 1.0)
    suspicions = tuple(Suspicion(Span(PATH, n, n), s, "given") for n, s in scores.items())
    return RepairTask((STACK,), ("t",), frozenset(), {PATH: code}, {}, suspicions=suspicions)


TASK = task_for(SEARCH)


def propose(code: str, scores: dict[int, float] | None = None) -> list[Candidate]:
    return list(PatternProposer().propose(task_for(code, scores)))


def applied(code: str, candidate: Candidate) -> str:
    for edit in reversed(candidate.edits):
        code = code[: edit.start] + edit.replacement + code[edit.end :]
    return code


# --- order ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_priors_fall_where_all_places_are_alike() -> None:
    priors = [candidate.prior for candidate in islice(PatternProposer().propose(TASK), 3000)]
    rising = [1 for earlier, later in pairwise(priors) if later > earlier + 1e-9]
    # A crowded pattern's bound is a percentile: it may be opened a little late, now and then.
    assert len(rising) < 0.03 * len(priors)
    assert priors[0] > priors[-1]


@pytest.mark.slow
def test_of_two_places_the_likelier_edits_of_both_come_first() -> None:
    code = "def f(a, b):\n    a = a < b\n    return a < b\n"
    halves = [c.edits[0].start > code.index("return") for c in propose(code, {2: 0.5, 3: 1.0})]
    assert halves[0]
    assert False in halves[1:20]


@pytest.mark.slow
def test_the_suspicious_line_comes_first() -> None:
    here = SEARCH.splitlines(keepends=True)
    start = len("".join(here[:9]))
    first = propose(SEARCH, {5: 0.01, 10: 1.0})[0]
    assert start <= first.edits[0].start < start + len(here[9])


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    class Counting(dict[str, str]):
        asked = 0

        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            Counting.asked += 1
            return super().get(key, default)

    task = task_for(SEARCH)
    sources = Counting({PATH: SEARCH})
    stream = PatternProposer().propose(
        RepairTask(task.stacks, ("t",), frozenset(), sources, {}, suspicions=task.suspicions)
    )
    assert Counting.asked == 0
    next(stream)
    assert Counting.asked > 0


def test_ends_after_so_many_candidates() -> None:
    assert len(list(PatternProposer(max_per_task=7).propose(task_for(SEARCH)))) == 7


@pytest.mark.slow
def test_a_function_of_ordinary_size_has_a_space_of_thousands() -> None:
    assert len(list(islice(PatternProposer().propose(task_for(SEARCH)), 3000))) == 3000


def test_frames_stand_in_for_missing_suspicions() -> None:
    frame = Frame(PATH, 10, "search", Role.SOURCE)
    test = Frame("test_code.py", 3, "test", Role.TEST)
    stack = ErrorStack("t", "call", ErrorKind.INDEX, "IndexError", "", (test, frame))
    task = RepairTask((stack,), ("t",), frozenset(), {PATH: SEARCH}, {})
    lines = {SEARCH[: c.edits[0].start].count("\n") + 1 for c in PatternProposer().propose(task)}
    assert lines
    assert lines <= {9, 10, 11}


@pytest.mark.slow
def test_two_edits_of_one_statement_are_tried_together() -> None:
    code = "def f(a, b):\n    return a < b and b < a + 2\n"
    fixed = "def f(a, b):\n    return a <= b and b <= a + 2\n"
    origins = [str(c.origin) for c in propose(code) if applied(code, c) == fixed]
    assert origins


# --- text ----------------------------------------------------------------------------------------

TEXTS = {
    "plain": SEARCH,
    "crlf": SEARCH.replace("\n", "\r\n"),
    "no final newline": SEARCH.rstrip("\n"),
    "tabs": SEARCH.replace("    ", "\t"),
    "letters beyond ascii": "# ärger 🙂\n"
    + SEARCH.replace("middle", "größe").replace("a value", "🙂"),
    "comments": SEARCH.replace("middle - 1", "middle - 1  # one less (see `low`)"),
    "one-liners": "def f(a):\n    if a: a += 1; a -= 2\n    for x in a: print(x)\n    return a\n",
    "elif chain": "def f(a):\n    if a > 1:\n        return 1\n    elif a < 0:\n        return 2\n"
    "    elif not a:\n        b = 3\n    else:\n        b = 4\n    return b\n",
    "long text": "def f(a):\n    if a:\n        b = '''\n  kept\n as is'''\n        a += b\n    return a\n",
    "nested": "class A:\n    x = 1\n\n    @property\n    def f(self):\n        n = self.x\n\n"
    "        def g():\n            nonlocal n\n            n += 1\n"
    "            return n\n\n        return g()\n",
    "f-strings": "def f(a, b):\n    c = f'{a} and {b - 1:>{a}} {a!r}'\n    return f\"{c[0]} {a}\" 'x'\n",
    "script": "import sys\nn = 3\nfor i in range(n):\n"
    "    if i == 2:\n        print(n, i)\nprint(f'{n} {i}')\n",
    "async": "async def f(xs):\n    async with g(xs) as y:\n        async for x in y:\n"
    "            await h(x)\n            if x:\n                break\n    return [z async for z in y]\n",
    "match": "def f(a):\n    match a:\n        case [x, *_] if x > 1:\n            return x\n"
    "        case {'k': v}:\n            b = v + 1\n        case _:\n            b = 0\n    return b\n",
    "try": "def f(d):\n    try:\n        return d[0] + 1\n    except (KeyError, IndexError) as e:\n"
    "        raise ValueError(str(e)) from e\n    finally:\n        d.clear()\n",
    "parentheses": "def f(a, b):\n    return ((a) + (b)) * (\n        a\n        - b\n    ) - (yield)\n",
    "empty": "",
    "broken": "def f(:\n",
}


@cache
def first_candidates(code: str) -> tuple[Candidate, ...]:
    return tuple(islice(PatternProposer().propose(task_for(code)), 600))


@pytest.mark.slow
@pytest.mark.parametrize("code", TEXTS.values(), ids=TEXTS)
def test_every_candidate_compiles_and_changes_the_program(code: str) -> None:
    candidates = first_candidates(code)
    old = ast.dump(ast.parse(code)) if candidates else ""
    for candidate in candidates:
        new = applied(code, candidate)
        compile(new, PATH, "exec", dont_inherit=True)
        assert ast.dump(ast.parse(new)) != old, candidate


@pytest.mark.slow
@pytest.mark.parametrize("code", TEXTS.values(), ids=TEXTS)
def test_no_program_is_proposed_twice(code: str) -> None:
    texts = [applied(code, c) for c in first_candidates(code)]
    assert len(texts) == len(set(texts))


@pytest.mark.slow
@pytest.mark.parametrize("code", TEXTS.values(), ids=TEXTS)
def test_edits_are_sorted_and_do_not_overlap(code: str) -> None:
    for candidate in first_candidates(code):
        assert candidate.edits
        places = [(e.start, e.end) for e in candidate.edits]
        assert places == sorted(places)
        assert all(a[1] <= b[0] for a, b in pairwise(places))


@pytest.mark.slow
def test_newlines_stay_those_of_the_file() -> None:
    code = TEXTS["crlf"]
    for candidate in islice(PatternProposer().propose(task_for(code)), 900):
        assert "\n" not in applied(code, candidate).replace("\r\n", "")


def test_docstrings_and_annotations_are_left_alone() -> None:
    code = 'def f(a: int = 3) -> "int":\n    """Three of f."""\n    b: str = g(a)\n    return b\n'
    for candidate in propose(code):
        new = ast.parse(applied(code, candidate)).body[0]
        assert isinstance(new, ast.FunctionDef)
        assert ast.get_docstring(new) == "Three of f."
        assert isinstance(new.args.args[0].annotation, ast.Name)
        assert isinstance(new.returns, ast.Constant)


@pytest.mark.slow
def test_no_candidate_swallows_exceptions() -> None:
    for code in TEXTS.values():
        handlers = code.count("except")
        for candidate in first_candidates(code):
            assert applied(code, candidate).count("except") <= handlers + 1  # one may be copied out
            assert "except:" not in applied(code, candidate)


def test_a_text_over_several_lines_keeps_its_lines() -> None:
    code = TEXTS["long text"]
    moved = [applied(code, c) for c in propose(code) if "unwrap_block" in c.origin.name]
    assert any("b = '''\n  kept\n as is'''\n    a += b" in text for text in moved)


@pytest.mark.slow
def test_only_the_suspicious_unit_is_changed() -> None:
    code = SEARCH + "\n\n" + SEARCH.replace("search", "other")
    border = len(SEARCH)
    assert all(e.end <= border for c in propose(code, {5: 1.0, 10: 0.4}) for e in c.edits)


# --- precedence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("a + b", precedence.SUM),
        ("(a + b)", precedence.ATOM),
        ("(a) + b", precedence.SUM),
        ("a, b", precedence.LOOSE),
        ("(a, b)", precedence.ATOM),
        ("(a), (b)", precedence.LOOSE),
        ("not a", precedence.NOT),
        ("a if b else c", precedence.TEST),
        ("f(a + b)", precedence.ATOM),
        ("a := 1", precedence.LOOSE),
    ],
)
def test_levels_of_code(code: str, level: int) -> None:
    assert level_of_code(code) == level


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b", "1", "f(a)", "a[b]"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/%"), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(inner, st.sampled_from(["and", "or", "<", "=="]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            inner.map(lambda e: f"(not {e})"),
        ),
        max_leaves=6,
    )
)
def test_expressions_of_any_shape_are_changed_into_code_that_compiles(expression: str) -> None:
    plain = ast.unparse(ast.parse(expression))
    code = f"def f(a, b):\n    return {plain}\n"
    for candidate in islice(PatternProposer().propose(task_for(code)), 80):
        compile(applied(code, candidate), PATH, "exec", dont_inherit=True)


@pytest.mark.slow
def test_setting_a_constant_is_not_repeated() -> None:
    text = "def f(a):\n    b = 0\n    for x in a:\n        b += x\n    return b\n"
    assert not any(str(c.origin) == "pattern:wrap_in_loop" for c in propose(text, {2: 1.0}))
    assert any(str(c.origin) == "pattern:wrap_in_loop" for c in propose(text, {4: 1.0}))
