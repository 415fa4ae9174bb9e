"""The harness around a repair, with small scripts in the tool's place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.bench.options import parse_seeds
from eval.bench.repair import Tool, diff_of, repair_case
from eval.bench.repair_run import run_cases
from eval.cases.case import Case, load_cases
from eval.cases.process import in_parallel
from eval.cases.tests import hidden_command, visible_command
from eval.report.result import Result, Score, result_from_row, result_to_row
from eval.report.runs import open_run, read_rows
from eval.report.totals import breakdown, totals_of
from eval.run import main
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import GemmadevError

PLAIN = Case(
    id="sum/one",
    slice="sum",
    kinds=("logic",),
    project={
        "calc.py": b"def add(a, b):\n    return a - b\n",
        "test_calc.py": b"from calc import add\n\ndef test_add():\n    assert add(2, 2) == 4\n",
    },
    hidden={
        "test_hidden.py": b"from calc import add\n\ndef test_add():\n    assert add(2, 3) == 5\n"
    },
    reference={"calc.py": b"def add(a, b):\n    return a + b\n"},
    buggy_files=("calc.py",),
    visible_tests=("test_calc.py",),
    hidden_tests=("test_hidden.py",),
    command=(),
)
# Runs of pytest without the plugins that are installed here start four times as fast.
QUICK = ("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", sys.executable, "-m", "pytest", "-q")
CASE = replace(PLAIN, command=QUICK)
REPORT = {
    "failures": [
        {
            "nodeid": "test_calc.py::test_add",
            "kind": "assertion",
            "error": "AssertionError",
            "status": "unrepaired",
            "reason": "no candidate was plausible",
            "validations": 7,
            "patches": [
                {"origin": "pattern:x", "rank": 3, "chosen": True, "log_likelihood": -1.5},
                {"origin": "pattern:y", "rank": 5, "chosen": False, "log_likelihood": None},
            ],
        }
    ]
}


def tool(code: str) -> Callable[[Case, int, Path], Sequence[str]]:
    """A command that runs ``code`` in the project, with ``put`` and the report's path at hand."""
    head = (
        "import json, pathlib, sys\n"
        "def put(path, text): pathlib.Path(path).write_text(text)\n"
        "def report(value): put(sys.argv[1], json.dumps(value))\n"
    )
    return lambda case, seed, report: [sys.executable, "-c", head + code, str(report), str(seed)]


REPAIRS = r"put('calc.py', 'def add(a, b):\n    return a + b\n')"
OVERFITS = r"put('calc.py', 'def add(a, b):\n    return 4\n')"
BREAKS = r"put('calc.py', 'def add(a, b):\n    return 5\n')"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "score", "reason"),
    [
        pytest.param(REPAIRS, Score.CORRECT, "", id="reference"),
        pytest.param(OVERFITS, Score.OVERFITTING, "hidden tests fail: FAILED", id="overfitting"),
        pytest.param(BREAKS, Score.FAILED, "visible tests fail afterwards", id="wrong"),
        pytest.param("pass", Score.FAILED, "nothing was changed", id="nothing"),
        pytest.param(
            REPAIRS + "; put('test_calc.py', '')", Score.FAILED, "test_calc.py", id="a test"
        ),
        pytest.param(
            REPAIRS + "; put('conftest.py', '')", Score.FAILED, "conftest.py", id="a new conftest"
        ),
        pytest.param("put('test_more.py', '')", Score.FAILED, "test_more.py", id="a new test"),
        pytest.param(
            "pathlib.Path('test_calc.py').unlink()", Score.FAILED, "test_calc.py", id="no test"
        ),
        pytest.param(
            r"put('calc.py', 'raise SystemExit(0)\n')", Score.FAILED, "visible", id="exits with 0"
        ),
        pytest.param(
            REPAIRS + "; pathlib.Path('.pytest_cache').mkdir(); put('.pytest_cache/x', '')",
            Score.CORRECT,
            "",
            id="caches do not count",
        ),
    ],
)
def test_scores(code: str, score: Score, reason: str) -> None:
    result = repair_case(CASE, 0, tool(code), timeout_s=30)
    assert result.score is score
    assert reason in result.reason
    assert bool(result.reason) is not result.correct
    assert bool(result.reference) is not result.correct


@pytest.mark.slow
def test_what_the_report_says_is_kept() -> None:
    code = f"{REPAIRS}; report({REPORT!r})".replace("null", "None")
    result = repair_case(CASE, 3, tool(code), timeout_s=30)
    assert (result.seed, result.validations, result.others) == (3, 7, 1)
    assert [patch["origin"] for patch in result.patches] == ["pattern:x"]
    assert result.failures[0]["status"] == "unrepaired"
    assert result.diff == diff_of(CASE.project, CASE.fixed)
    assert "+    return a + b" in result.diff
    assert result_from_row(json.loads(json.dumps(result_to_row(result)))) == result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "new", "suggested", "correct"),
    [
        pytest.param("suggested", "a + b", True, True, id="correct"),
        pytest.param("suggested", "4", True, False, id="overfitting"),
        pytest.param("unrepaired", "a + b", False, False, id="no suggestion"),
    ],
)
def test_a_suggestion_is_no_repair(status: str, new: str, suggested: bool, correct: bool) -> None:
    text = CASE.project["calc.py"]
    diff = unified_diff("calc.py", text, text.replace(b"a - b", new.encode()))
    shown = {"origin": "rule:x", "rank": 1, "log_likelihood": None, "diff": diff, "chosen": True}
    report = {"failures": [{**REPORT["failures"][0], "status": status, "patches": [shown]}]}
    result = repair_case(CASE, 0, tool(f"report({report!r}); sys.exit(1)"), timeout_s=30)
    assert result.score is Score.FAILED
    assert (result.suggested, result.suggested_correct) == (suggested, correct)
    totals = totals_of([result])
    assert (totals["suggested"], totals["suggested_correct"]) == (suggested, correct)
    assert totals["plausible"] == 0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(f"report({REPORT!r}); sys.exit(1)", "no candidate was plausible", id="own"),
        pytest.param(f"report({REPORT!r})", "though the tool ended with 0", id="claims success"),
        pytest.param("print('gemmadev: out of luck'); sys.exit(1)", "out of luck", id="no report"),
    ],
)
def test_the_reason_is_the_most_telling_one(code: str, reason: str) -> None:
    assert reason in repair_case(CASE, 0, tool(code), timeout_s=30).reason


def test_a_tool_that_does_not_end() -> None:
    result = repair_case(CASE, 0, tool("import time; time.sleep(60)"), timeout_s=0.5)
    assert result.score is Score.FAILED
    assert "timed out" in result.reason


def test_a_tool_that_refuses_stops_the_run() -> None:
    with pytest.raises(GemmadevError, match="sum/one: the tool refuses to run: no such model"):
        repair_case(CASE, 0, tool("print('no such model'); sys.exit(4)"), timeout_s=30)


def test_a_case_that_cannot_run_here_is_not_scored() -> None:
    case = replace(CASE, deps=("no-such-distribution",))
    result = repair_case(case, 0, tool("raise AssertionError"), timeout_s=30)
    assert result.score is Score.NOT_SCORED
    assert "no-such-distribution" in result.reason


@pytest.mark.slow
def test_pytest_options_of_this_run_do_not_reach_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert repair_case(CASE, 0, tool(REPAIRS), timeout_s=30).correct


def test_commands() -> None:
    case = replace(PLAIN, command=("python", "-m", "pytest", "-q", "test_calc.py", "--timeout=5"))
    assert visible_command(PLAIN) == [sys.executable, "-m", "pytest", "-q", "test_calc.py"]
    assert hidden_command(case) == [
        *(sys.executable, "-m", "pytest", "-q", "--timeout=5"),
        "test_hidden.py",
    ]
    argv = Tool("none", None, 20.0).command(case, 4, Path("/r.json"))
    assert argv[: len(visible_command(case))] == visible_command(case)
    assert argv[len(visible_command(case)) :] == [
        "--gemmadev-fix",
        "--gemmadev-model=none",
        "--gemmadev-budget=20",
        "--gemmadev-seed=4",
        "--gemmadev-report=/r.json",
    ]
    assert "--gemmadev-adapter=/a" in Tool("none", "/a", 1).command(case, 0, Path("/r"))


# --- a whole run ---------------------------------------------------------------------------------


def run(folder: Path, code: str, seeds: Sequence[int] = (0,), jobs: int = 1) -> list[Result]:
    cases = [replace(CASE, id=name) for name in ("one", "two")]
    run_folder = open_run(folder, {"model": "none"})
    return run_cases(
        run_folder, cases, seeds, tool(code), timeout_s=30, jobs=jobs, tell=lambda _line: None
    )


@pytest.mark.slow
def test_a_run_continues_where_it_was_ended(tmp_path: Path) -> None:
    assert [r.score for r in run(tmp_path, REPAIRS)] == [Score.CORRECT] * 2
    log = tmp_path / "eval.jsonl"
    first, second = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first + second[:40])  # killed in the middle of a line
    again = {r.case: r.score for r in run(tmp_path, OVERFITS)}
    kept, run_again = json.loads(first)["case"], json.loads(second)["case"]
    assert again == {kept: Score.CORRECT, run_again: Score.OVERFITTING}
    assert len(read_rows(tmp_path)) == 2
    run(tmp_path, "raise AssertionError")  # nothing is left to run
    assert len(read_rows(tmp_path)) == 2


@pytest.mark.slow
def test_more_seeds_are_added(tmp_path: Path) -> None:
    run(tmp_path, REPAIRS)
    results = run(tmp_path, REPAIRS, seeds=(0, 1), jobs=2)
    assert sorted((r.case, r.seed) for r in results) == [
        ("one", 0),
        ("one", 1),
        ("two", 0),
        ("two", 1),
    ]


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    open_run(tmp_path, {"model": "none", "code": "a"})
    with pytest.raises(GemmadevError, match="holds a run with code 'a', not 'b'"):
        open_run(tmp_path, {"model": "none", "code": "b"})


def test_an_error_ends_what_runs(tmp_path: Path) -> None:
    stopped = []

    def work(item: int, stop):  # type: ignore[no-untyped-def]
        if item == 0:
            raise GemmadevError("no")
        stopped.append(stop.wait(20))

    with pytest.raises(GemmadevError):
        list(in_parallel([0, 1, 2, 3], work, jobs=2))
    assert all(stopped)
    assert len(stopped) < 3


@pytest.mark.parametrize(
    ("text", "seeds"), [("1", (0,)), ("3", (0, 1, 2)), ("5,7", (5, 7)), ("4,", None)]
)
def test_seeds(text: str, seeds: tuple[int, ...] | None) -> None:
    if seeds is None:
        with pytest.raises(GemmadevError, match="--seeds"):
            parse_seeds(text)
    else:
        assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "x", "1,1", ""])
def test_no_seeds(text: str) -> None:
    with pytest.raises(GemmadevError, match="--seeds"):
        parse_seeds(text)


# --- figures -------------------------------------------------------------------------------------


def result(case: str, seed: int, score: Score, **more: object) -> Result:
    return Result(case, "s", ("name", "logic"), seed, score, **more)  # type: ignore[arg-type]


def test_a_case_counts_where_every_seed_does() -> None:
    results = [
        result("a", 0, Score.CORRECT, seconds=1.0, validations=2),
        result("b", 0, Score.OVERFITTING, seconds=2.0),
        result("a", 1, Score.CORRECT, seconds=3.0, validations=3),
        result("b", 1, Score.FAILED, seconds=4.0),
        result("c", 0, Score.NOT_SCORED),
    ]
    totals = totals_of(results)
    assert (totals["cases"], totals["plausible"], totals["correct"]) == (2, 1, 1)
    assert totals["not_scored"] == 1
    assert totals["runs"] == {"runs": 4, "plausible": 3, "correct": 2}
    assert (totals["median_s"], totals["validations"]) == (2.5, 5)
    assert totals["p90_s"] == pytest.approx(3.7)
    kinds = breakdown(results, lambda r: r.kinds)
    assert kinds["name"] == kinds["logic"] == totals


def test_nothing_was_run() -> None:
    totals = totals_of([])
    assert (totals["cases"], totals["correct"], totals["median_s"]) == (0, 0, None)
    assert totals["correct_interval"] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["repair", "--cases", "/nowhere"], "no such file"),
        (["repair", "--cases", "DEBUG", "--only", "nothing"], "no case is left"),
        (["repair", "--cases", "DEBUG", "--model", "gguf:/no.gguf"], "/no.gguf"),
        (["repair", "--cases", "DEBUG", "--jobs", "0"], "--jobs must be 1"),
    ],
)
def test_misuse_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(Path(__file__).parents[2] / "eval" / "data" / "debug")
    assert main([folder if part == "DEBUG" else part for part in arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.slow
def test_the_plugin_repairs_a_case(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "eval" / "data" / "debug" / "04-text-name"
    arguments = ["repair", "--cases", str(folder), "--model", "none", "--budget", "30"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["totals"]["correct"] == 1
    assert (tmp_path / "report.html").is_file()
    (row,) = read_rows(tmp_path)
    assert row["case"] == load_cases(folder)[0].id
    assert row["validations"] >= 1
    assert (row["function_rank"], row["line_rank"]) == (1, 1)
    assert report["places"]["debug"]["function"] == {"1": 1, "5": 1, "10": 1, "20": 1}
