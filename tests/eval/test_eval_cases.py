"""Cases from disk, and the ten of this repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.cases.case import Case, load_cases, read_tree, select, write_tree
from eval.cases.tests import hidden_command, run_tests, visible_command
from pytest_gemmadev.types import GemmadevError

DEBUG = load_cases(Path(__file__).parents[2] / "eval" / "data" / "debug")
KINDS = {
    "syntax",
    "indentation",
    "import",
    "name",
    "attribute",
    "key",
    "type",
    "runtime",
    "logic",
    "semantic",
}

ROW = {
    "id": "x/1",
    "slice": "x",
    "buggy_files": ["a.py"],
    "visible_tests": ["test_a.py"],
    "hidden_tests": ["test_hidden.py"],
    "project": {"a.py": "A = 2\n", "test_a.py": "", "sub/b.py": ""},
    "hidden_tests_files": {"test_hidden.py": ""},
    "reference": {"a.py": "A = 1\n"},
}


def lines(folder: Path, *rows: object) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def passing(case: Case, argv: list[str], files: dict[str, bytes]) -> bool:
    done = run_tests(files, argv)
    assert done.status in (0, 1, 2), done.output  # 2: a module that cannot be imported
    return done.status == 0


def test_there_are_ten_cases_of_every_kind() -> None:
    assert len(DEBUG) == 10
    assert {kind for case in DEBUG for kind in case.kinds} >= KINDS


def test_six_cases_have_three_modules_or_more() -> None:
    modules = [
        [path for path in case.project if path.endswith(".py") and not case.protects(path)]
        for case in DEBUG
    ]
    filled = [
        [path for path in paths if case.project[path].strip()]
        for case, paths in zip(DEBUG, modules, strict=True)
    ]
    assert sum(len(paths) >= 3 for paths in filled) >= 6


@pytest.mark.parametrize("case", DEBUG, ids=[case.id for case in DEBUG])
def test_the_reference_differs_in_the_buggy_files_only(case: Case) -> None:
    assert sorted(case.reference) == sorted(case.buggy_files)
    assert all(case.project[path] != text for path, text in case.reference.items())
    assert not any(case.protects(path) for path in case.buggy_files)
    assert not set(case.hidden) & set(case.project), "a hidden test replaces a visible one"


@pytest.mark.slow
@pytest.mark.parametrize("case", DEBUG, ids=[case.id for case in DEBUG])
def test_the_tests_tell_the_bug_from_the_reference(case: Case) -> None:
    fixed = dict(case.fixed)
    assert not passing(case, visible_command(case), dict(case.project))
    everything = [*hidden_command(case), *case.visible_tests]
    assert passing(case, everything, {**fixed, **case.hidden})


def test_a_line_and_a_folder_give_the_same_case(tmp_path: Path) -> None:
    (from_line,) = load_cases(lines(tmp_path, ROW))
    folder = tmp_path / "cases" / "one"
    for key, name in (
        ("project", "project"),
        ("hidden_tests_files", "hidden_tests"),
        ("reference", "reference"),
    ):
        texts = ROW[key]
        assert isinstance(texts, dict)
        write_tree(folder / name, {path: text.encode() for path, text in texts.items()})
    meta = {key: value for key, value in ROW.items() if not isinstance(value, dict)}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    assert load_cases(folder) == load_cases(tmp_path / "cases") == (from_line,)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param([], "needs an object", id="not an object"),
        pytest.param({**ROW, "id": 3}, "text 'id'", id="id"),
        pytest.param({**ROW, "project": {}}, "no project files", id="empty project"),
        pytest.param({**ROW, "project": {"a.py": None}}, "paths to texts", id="no text"),
        pytest.param({**ROW, "project": {"../a.py": ""}}, "leaves the project", id="outside"),
        pytest.param({**ROW, "visible_tests": []}, "missing or empty", id="no tests"),
        pytest.param({**ROW, "cmd": "pytest"}, "list of texts", id="command as a text"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(GemmadevError, match=message) as error:
        load_cases(lines(tmp_path, ROW, row))
    assert "cases.jsonl:2" in str(error.value)


def test_no_cases(tmp_path: Path) -> None:
    with pytest.raises(GemmadevError, match="no such file"):
        load_cases(tmp_path / "nowhere")
    with pytest.raises(GemmadevError, match="holds no case"):
        load_cases(tmp_path)


def test_an_id_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(GemmadevError, match="two cases"):
        load_cases(lines(tmp_path, ROW, ROW))


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        pytest.param({}, [0, 1, 2, 3, 4, 5], id="all"),
        pytest.param({"limit": 2}, [0, 1], id="limit"),
        pytest.param({"every": 3}, [0, 3], id="every third"),
        pytest.param({"slice_name": "odd"}, [1, 3, 5], id="slice"),
        pytest.param({"slice_name": "odd", "every": 2, "limit": 1}, [1], id="together"),
        pytest.param({"only": "c4"}, [4], id="by id"),
        pytest.param({"slice_name": "none"}, [], id="no such slice"),
    ],
)
def test_select(tmp_path: Path, choice: dict[str, object], numbers: list[int]) -> None:
    rows = [{**ROW, "id": f"c{n}", "slice": "odd" if n % 2 else "even"} for n in range(6)]
    cases = load_cases(lines(tmp_path, *rows))
    chosen = select(cases, **choice)  # type: ignore[arg-type]  # a table of keywords
    assert [case.id for case in chosen] == [f"c{n}" for n in numbers]


@pytest.mark.parametrize(
    ("path", "protected"),
    [
        ("test_a.py", True),
        ("checks/anything.py", True),
        ("checks2/anything.py", False),
        ("sub/test_b.py", True),
        ("sub/b_test.py", True),
        ("sub/conftest.py", True),
        ("pyproject.toml", True),
        ("a.py", False),
        ("testing.py", False),
        ("data.json", False),
    ],
)
def test_what_a_repair_must_leave_alone(tmp_path: Path, path: str, protected: bool) -> None:
    row = {**ROW, "visible_tests": ["test_a.py", "checks/", "tests/test_c.py::test_one"]}
    (case,) = load_cases(lines(tmp_path, row))
    assert case.protects(path) is protected


def test_caches_are_not_part_of_a_tree(tmp_path: Path) -> None:
    files = {"a.py": b"\xff\r\n", "sub/b.txt": b""}
    left = {"__pycache__/a.pyc": b"x", "sub/.pytest_cache/v": b"x", ".gemmadev/j": b"x"}
    write_tree(tmp_path, {**files, **left})
    assert read_tree(tmp_path) == files


def test_missing_distributions(tmp_path: Path) -> None:
    (case,) = load_cases(lines(tmp_path, {**ROW, "deps": ["pytest", "no-such-distribution"]}))
    assert case.missing_deps() == ("no-such-distribution",)
