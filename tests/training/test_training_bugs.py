"""Functions broken on purpose, and the questions about them."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_gemmadev.prompting.parse import edits, tree_key
from pytest_gemmadev.prompting.prompt import block_prompt, line_prompt
from pytest_gemmadev.search.rank import scoring_context
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, Edit, RepairTask, Span
from training.data.bugs import BreakOptions, Counts, broken, examples
from training.data.examples import Bug, close_pair, repair_examples
from training.data.functions import SourceText, functions_of, is_permissive
from training.rewrites.breaking import WEIGHTS, rewrites_of
from training.rewrites.texts import Text

MEAN = '''\
"""Numbers."""

LIMIT = 3


def mean(values, start=0):
    """Their mean."""
    total = start
    for value in values:
        total += value
    if not values or len(values) > LIMIT:
        return None
    return total / len(values)


class Box:
    def first(self, items):
        head = items[0]
        self.seen.append(head)
        return head.strip()
'''


def variants(code: str, rewrite: str) -> set[str]:
    """The whole text after each change of one rewrite."""
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    changes = rewrites_of(function, Text(code)).get(rewrite, [])
    return {code[:start] + new + code[end:] for start, end, new in changes}


@pytest.mark.parametrize(
    ("rewrite", "statement", "wanted"),
    [
        ("operator", "return a < b", "return a <= b"),
        ("and_or", "return a and b", "return a or b"),
        ("negation", "return not a", "return a"),
        ("constant", "return a[1:]", "return a[2:]"),
        ("name", "return a + b", "return b + b"),
        ("attribute", "return a.strip()", "return a.lstrip()"),
        ("call", "return f(a, b)", "return f(b, a)"),
        ("subscript", "return a[b]", "return a[b - 1]"),
        ("loop", "return [x for x in a if x]", "return [x for x in a ]"),
        ("assignment", "a += b", "a = b"),
        ("returned", "return a, b", "return b, a"),
        ("conditional", "return 1 if a else 2", "return 2 if a else 1"),
        ("exception", "raise ValueError(a)", "return ValueError(a)"),
        ("text_form", "return f'{a}'", "return '{a}'"),
        ("term", "return a - b", "return a"),
        ("term", "return a - b", "return b - a"),
        ("surplus", "return len(a)", "return len(a) - 1"),
        ("surplus", "return a - b", "return (a - b) // 2"),
        ("clause", "return 1 if a > b else a < 2", "return 1 if a > b and a < 2 else a < 2"),
        ("borrowed", "return a[0] + b[1]", "return b[1] + b[1]"),
        ("invented", "return len(a)", "return self.len(a)"),
        ("foreign", "return len(a)", "return a.length"),
        ("foreign", "a.append(b)", "a.push(b)"),
        ("foreign", "return None", "return null"),
        ("dropped", "a = 1; b = 2", None),
        ("jump", "pass", None),
    ],
)
def test_a_rewrite_offers_a_slip(rewrite: str, statement: str, wanted: str | None) -> None:
    found = variants(f"def f(a, b):\n    {statement}\n", rewrite)
    if wanted is None:
        assert all(len(v.split("\n")) < 4 for v in found)
    else:
        assert f"def f(a, b):\n    {wanted}\n" in found


def test_columns_count_bytes_and_text_counts_characters() -> None:
    assert "def f(é, b):\n    return 'ü', b + é\n" in variants(
        "def f(é, b):\n    return 'ü', b - é\n", "operator"
    )


@pytest.mark.slow
def test_every_rewrite_has_a_weight_and_offers_something_somewhere() -> None:
    code = ast.unparse(
        ast.parse(
            Path(textwrap.__file__).read_text("utf-8") + Path(ast.__file__).read_text("utf-8")
        )
    )
    text = Text(code)
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            found |= rewrites_of(node, text).keys()
    assert found <= WEIGHTS.keys()
    assert len(found) >= len(WEIGHTS) - 3


def bugs_of(text: str, **options: object) -> Iterator[Bug]:
    source = SourceText("pkg/numbers.py", text, "pkg==1", "MIT")
    chosen = BreakOptions(per_function=8, **options)  # type: ignore[arg-type]
    return broken([source], chosen, Counts())


def test_bugs_parse_differ_and_keep_their_origin() -> None:
    found = list(bugs_of(MEAN))
    assert {bug.origin for bug in found} == {
        "pkg==1:pkg/numbers.py:mean",
        "pkg==1:pkg/numbers.py:Box.first",
    }
    for bug in found:
        assert bug.license == "MIT"
        assert bug.proof == "parsed"
        assert bug.whole[1] == MEAN
        assert tree_key(bug.whole[0]) not in (None, tree_key(MEAN))
    assert len({bug.whole[0] for bug in found}) == len(found)


def test_the_same_seed_gives_the_same_bugs() -> None:
    one, same, other = (list(bugs_of(MEAN, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("license_", "allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause", True),
        ("Apache-2.0", True),
        ("GPL-3.0-or-later", False),
        ("MIT OR GPL-2.0", False),
        ("unknown", False),
        ("Proprietary", False),
        ("OBSDIAN", False),
    ],
)
def test_permissive_licenses_only(license_: str, allowed: bool) -> None:
    source = SourceText("a.py", MEAN, "pkg==1", license_)
    assert is_permissive(license_) is allowed
    assert bool(list(broken([source], BreakOptions(), Counts()))) is allowed
    assert list(broken([source], BreakOptions(any_license=True), Counts()))


def test_far_statements_are_blanked_and_lines_stay() -> None:
    text = MEAN + "\n\ndef far():\n" + "    x = 1\n" * 50 + "    return x\n"
    text = text.replace("class Box", "\n" * 20 + "class Box")
    first = functions_of(SourceText("a.py", text, "", ""))[0]
    assert first.name == "mean"
    assert first.near.count("\n") == text.count("\n")
    assert "def far" not in first.near
    assert "LIMIT = 3" in first.near


# --- questions -----------------------------------------------------------------------------------

BROKEN = MEAN.replace("total += value", "total = value")
BUG = Bug("pkg/numbers.py", BROKEN, MEAN, "b1", "pkg==1:mean", "MIT", "parsed", "assignment")
TASK = RepairTask((), (), frozenset(), {BUG.path: BROKEN}, {})
LINE = BROKEN.split("\n").index("        total = value") + 1


def test_the_line_question_is_the_runtimes() -> None:
    (example,) = repair_examples(BUG, kinds=["line"])
    asked = line_prompt(TASK, Span(BUG.path, LINE, LINE))
    assert asked is not None
    assert example.prompt == asked.text
    assert example.completion == "        total += value\n"
    assert example.rejected == "        total = value\n"


def test_the_block_question_is_the_runtimes() -> None:
    two = BROKEN.replace("    return total / len(values)", "    return total")
    fixed = two.replace("    return total\n", "    share = total / len(values)\n    return share\n")
    bug = Bug(BUG.path, two, fixed, "b", "", "MIT", "parsed", "")
    (example,) = repair_examples(bug, kinds=["block"])
    number = two.split("\n").index("    return total") + 1
    task = RepairTask((), (), frozenset(), {BUG.path: two}, {})
    asked = block_prompt(task, Span(BUG.path, number, number))
    assert asked is not None
    assert example.prompt == asked.text
    assert example.completion == "    share = total / len(values)\n+    return share\n "


def test_the_ranking_pair_is_what_candidates_are_scored_by() -> None:
    (example,) = repair_examples(BUG, kinds=["rank"])
    start = BROKEN.index("total = value") + len("total ")
    candidate = Candidate((Edit(BUG.path, start, start, "+"),), "x", 0.0)
    prefix, old, new = scoring_context(candidate, {BUG.path: BROKEN})
    assert (example.prompt, example.rejected, example.completion) == (prefix, old, new)


@pytest.mark.parametrize("kind", ["line", "block", "function"])
def test_the_answer_read_as_the_runtime_reads_it_repairs_the_file(kind: str) -> None:
    checked = 0
    for bug in bugs_of(MEAN):
        for example in repair_examples(bug, kinds=[kind]):
            task = RepairTask((), (), frozenset(), {bug.path: bug.broken}, {})
            asked = next(p for p in _prompts(kind, task) if p.text == example.prompt)
            answer = example.completion
            for stop in asked.stop:
                answer = answer.partition(stop)[0]
            results = [
                apply_edits(bug.broken, [edit]) for edit, _ in edits(answer, asked, bug.broken)
            ]
            assert tree_key(bug.fixed) in map(tree_key, results), example
            checked += 1
    assert checked >= 3


def _prompts(kind: str, task: RepairTask) -> Iterator[object]:
    from pytest_gemmadev.prompting import prompt

    (path,) = task.sources
    for first in range(1, task.sources[path].count("\n") + 1):
        for last in range(first, first + 3):
            asked = getattr(prompt, f"{kind}_prompt")(task, Span(path, first, last))
            if asked is not None:
                yield asked


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(MEAN, MEAN, id="equal"),
        pytest.param(MEAN, MEAN.replace("\n", "\r\n"), id="newlines"),
        pytest.param("def f(:\n", "def f():\n    pass\n", id="syntax"),
        pytest.param(MEAN, "x = 1\n" * 40, id="another file"),
    ],
)
def test_what_cannot_be_asked_gives_no_example(before: str, after: str) -> None:
    bug = Bug("a.py", before, after, "x", "", "", "", "")
    assert list(repair_examples(bug, kinds=["line", "block", "function"])) == []


def test_a_repair_in_two_places_becomes_two_bugs() -> None:
    before = MEAN.replace("LIMIT = 3", "LIMIT = 4").replace("items[0]", "items[1]")
    found = list(close_pair(before, MEAN))
    assert [a != MEAN for a, _ in found] == [True, True]
    assert found[0][0].count("items[0]") == 1
    assert found[1][0].count("LIMIT = 3") == 1
    assert list(close_pair(MEAN, MEAN)) == []


def test_all_questions_are_counted() -> None:
    counts = Counts()
    options = BreakOptions(per_function=2)
    source = SourceText("a.py", MEAN, "pkg==1", "MIT")
    found = list(examples(broken([source], options, counts), options, counts))
    assert counts.examples == len(found) > 3
    assert counts.functions == 2
    assert "2 functions" in counts.line()
