"""What holds for all candidates: byte-exact, bounded, ordered, only where edits are allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_gemmadev.propose.rules import RuleProposer
from pytest_gemmadev.propose.rules.rule_proposer import LIMIT, holds_up
from pytest_gemmadev.testing import TEST_PATH, apply_candidate, make_task, parse_tree, raise_error
from pytest_gemmadev.types import Candidate, Edit, ErrorKind, ErrorStack, RepairTask


def proposed(root: Path, tree: str, test: str) -> tuple[RepairTask, list[Candidate]]:
    files = parse_tree(tree)
    stack = raise_error(root, files, test)
    assert stack is not None
    task = make_task(stack, files, test)
    return task, list(RuleProposer().propose(task))


MISSPELT = "def total(items):\n    return sum(itmes)\n"


def test_candidates_come_best_first_and_differ(tmp_path: Path) -> None:
    _, found = proposed(tmp_path, MISSPELT, "total([1])")
    assert str(found[0].origin) == "rule:misspelt_name"
    assert found[0].edits == (Edit("app.py", 35, 37, "em"),)
    priors = [candidate.prior for candidate in found]
    assert priors == sorted(priors, reverse=True)
    assert max(priors) < 0
    assert len({candidate.edits for candidate in found}) == len(found)


def test_carriage_returns_stay(tmp_path: Path) -> None:
    files = {"app.py": "import os\r\n\r\ndef load(s):\r\n    return json.loads(s), os.sep\r\n"}
    stack = raise_error(tmp_path, files, "load('1')")
    assert stack is not None
    first = next(RuleProposer().propose(make_task(stack, files, "load('1')")))
    assert apply_candidate(files, first)["app.py"] == "import json\r\n" + files["app.py"]


def test_offsets_count_letters_not_bytes(tmp_path: Path) -> None:
    tree = "def größe(wörter):\n    é = '€€'; return é + str(len(wöter))\n"
    task, found = proposed(tmp_path, tree, "größe('x')")
    assert apply_candidate(task.sources, found[0])["app.py"] == tree.replace("wöter", "wörter")


@pytest.mark.parametrize(
    ("old", "new"),
    [("{usr}", "{user}"), ("{usr!r:>5}", "{user!r:>5}"), ("{len(usr) + 1}", "{len(user) + 1}")],
)
def test_names_in_f_strings(old: str, new: str, tmp_path: Path) -> None:
    tree = f"def show(user):\n    return f'é {{user}} ' f\"and {old}!\"\n"
    task, found = proposed(tmp_path, tree, "show('x')")
    assert apply_candidate(task.sources, found[0])["app.py"] == tree.replace(old, new)


def test_tests_are_never_edited(tmp_path: Path) -> None:
    _, found = proposed(tmp_path, "def total(items):\n    return 1\n", "totl([1])")
    assert all(edit.path != TEST_PATH for candidate in found for edit in candidate.edits)


@pytest.mark.parametrize("kind", [ErrorKind.SYNTAX, ErrorKind.INDENTATION])
def test_syntax_is_left_to_others(kind: ErrorKind, tmp_path: Path) -> None:
    task, _ = proposed(tmp_path, MISSPELT, "total([1])")
    broken = replace(task, stacks=tuple(replace(s, kind=kind) for s in task.stacks))
    assert list(RuleProposer().propose(broken)) == []


def test_a_file_that_does_not_parse_is_passed_over(tmp_path: Path) -> None:
    task, found = proposed(tmp_path, MISSPELT, "total([1])")
    more = replace(task, sources={**task.sources, "broken.py": "def itmes(:\n"})
    assert [c.edits for c in RuleProposer().propose(more)] == [c.edits for c in found]


def test_the_cause_of_an_error_counts_too(tmp_path: Path) -> None:
    tree = """
    def price(row):
        try:
            return row['pirce']
        except KeyError as error:
            raise RuntimeError('no price') from error
    """
    task, found = proposed(tmp_path, tree, "price({'price': 1})")
    assert task.stacks[0].error == "RuntimeError"
    assert "row['price']" in apply_candidate(task.sources, found[0])["app.py"]


def test_the_number_of_candidates_is_bounded(tmp_path: Path) -> None:
    names = "\n".join(f"total_{a}{b} = 1" for a in "abcdefghij" for b in "abcdefghij")
    tree = f"{names}\n\n\ndef f():\n    return total_\n"
    _, found = proposed(tmp_path, tree, "f()")
    assert 0 < len(found) <= LIMIT
    task, _ = proposed(tmp_path / "again", tree, "f()")
    assert len(list(RuleProposer(limit=2).propose(task))) == 2


def test_an_error_without_frames_gives_nothing() -> None:
    for kind in ErrorKind:
        stack = ErrorStack("t.py::t", "call", kind, "Error", "'x' object is not callable", ())
        task = RepairTask((stack,), ("t.py::t",), frozenset(), {"a.py": "x = 1\n"}, {})
        assert list(RuleProposer().propose(task)) == []


def test_a_line_past_the_end_gives_nothing(tmp_path: Path) -> None:
    task, _ = proposed(tmp_path, MISSPELT, "total([1])")
    stack = task.stacks[0]
    frames = tuple(replace(f, line=f.line + 1000) for f in stack.frames)
    moved = replace(task, stacks=(replace(stack, frames=frames),))
    assert list(RuleProposer().propose(moved)) == []


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [("x + 1", "x + 2", True), ("x + 1", "x + ", False), ("return", "await", False)],
)
def test_what_does_not_compile_is_dropped(old: str, new: str, fits: bool) -> None:
    text = "import os\n\n\ndef f(x):\n    return x + 1\n"
    edit = Edit("a.py", text.index(old), text.index(old) + len(old), new)
    assert holds_up(text, Candidate((edit,), "rule:test", -1.0), "a.py") is fits
