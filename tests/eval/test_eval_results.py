"""Runs to records to docs/results.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.report import records, results
from eval.report.ablation import WHOLE, write_ablation
from eval.report.page import page
from eval.report.reports import write_reports
from eval.report.result import Result, Score, result_to_row
from eval.report.runs import open_run
from pytest_gemmadev.types import GemmadevError

ROOT = Path(__file__).parents[2]
CASES = ROOT / "eval" / "data" / "debug"


def run_folder(path: Path, monkeypatch: pytest.MonkeyPatch, cases: Path = CASES) -> Path:
    """A finished run of two cases with two seeds."""
    argv = ["run", "repair", "--cases", str(cases), "--model", "none", "--output", str(path)]
    monkeypatch.setattr("sys.argv", argv)
    settings = {"benchmark": "repair", "cases": str(cases), "model": "none", "adapter": "",
                "budget_s": 60.0, "code": "abc"}  # fmt: skip
    folder = open_run(path, settings)
    rows = [
        Result("a", "debug", ("name",), seed, Score.CORRECT, seconds=2.0, function_rank=1)
        for seed in (0, 1)
    ] + [Result("b", "debug", ("name",), seed, Score.OVERFITTING) for seed in (0, 1)]
    for row in rows:
        folder.append(result_to_row(row))
    write_reports(path, rows, settings)
    return path


@pytest.mark.slow
def test_a_record_names_no_place_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = tmp_path / "private" / "cases.jsonl"
    cases.parent.mkdir()
    cases.touch()
    record = records.record_of(run_folder(tmp_path / "one", monkeypatch, cases))
    assert str(tmp_path) not in json.dumps(record)
    assert record["command"] == "python -m eval.run repair --cases cases.jsonl --model none"
    assert record["seeds"] == [0, 1]
    assert record["totals"]["correct"] == 1
    inside = records.record_of(run_folder(tmp_path / "two", monkeypatch))
    assert "--cases eval/data/debug --model" in inside["command"]
    assert inside["settings"]["cases"] == "eval/data/debug"


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["humaneval", "--output=x"], "python -m eval.run humaneval"),
        (["humaneval", "--output", "x", "--seeds", "3"], "python -m eval.run humaneval --seeds 3"),
        (["humaneval", "--model", "a b"], "python -m eval.run humaneval --model 'a b'"),
        (["--model", "openai:m@http://h/v1"], "python -m eval.run --model openai:m@http://h/v1"),
        (["--cases", "/gone/eval/data/debug"], "python -m eval.run --cases eval/data/debug"),
        (["--cases", "/gone/private/cases.jsonl"], "python -m eval.run --cases cases.jsonl"),
        (["--cases", "eval/data/debug"], "python -m eval.run --cases eval/data/debug"),
    ],
)
def test_commands_are_told_without_their_output(argv: Sequence[str], command: str) -> None:
    assert records.command_of(argv) == command


@pytest.mark.slow
def test_the_page_shows_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_folder(tmp_path / "ten", monkeypatch)
    written = tmp_path / "results.md"
    arguments = ["--records", str(tmp_path / "records"), "--page", str(written)]
    assert results.main([str(folder), *arguments]) == 0
    text = written.read_text(encoding="utf-8")
    assert "| none | debug | 60 | 2 | 2 | 2 | 1 | 50% | 9% to 91% | 50% | 1.0 |" in text
    assert "| ten | " in text
    assert "python -m eval.run repair --cases eval/data/debug --model none" in text
    assert results.main(arguments) == 0  # again, from the records alone
    assert written.read_text(encoding="utf-8") == text


HUMANEVAL: dict[str, Any] = {
    "name": "he", "command": "c", "seeds": [0], "slices": {}, "places": {},
    "settings": {"benchmark": "humaneval", "model": "m", "adapter": "a.gguf", "code": "x"},
    "machine": {
        "cores": 2, "python": "3", "platform": "p", "started": "2026-01-02T00:00:00",
        "commit": "1234abc",
    },
    "totals": {
        "cases": 164, "samples": 164, "pass@1": 0.03125, "pass@1_interval": [0.01, 0.07],
        "median_s": 1.0,
    },
}  # fmt: skip
SYNTAX: dict[str, Any] = {
    **HUMANEVAL,
    "settings": {"benchmark": "syntax", "model": "none", "cases": "s.jsonl", "code": "x"},
    "slices": {"files": {}},
    "totals": {
        "cases": 4, "parses": 4, "same_tree": 3, "correct": 0, "scored": 0, "left_alone": 1,
        "median_s": None, "same_tree_interval": [0.3, 0.95],
    },
}  # fmt: skip


MANY: dict[str, Any] = {
    **SYNTAX,
    "slices": {f"s{n}": {} for n in range(13)},
    "totals": {**SYNTAX["totals"], "cases": 250, "parses": 249, "same_tree": 250},
}


@pytest.mark.parametrize(
    ("record", "row"),
    [
        (
            HUMANEVAL,
            "| he | 1234abc | m + a.gguf | base | 164 | 164 | 0.031 | 1% to 7% | - | - | - | 1.0 |",
        ),
        (HUMANEVAL, "| - | - | the GemmaDev paper, Gemma 2B QLoRA | - | 164 | - | 0.067 |"),
        (HUMANEVAL, "| he | 1234abc | 2026-01-02 | c | m | - | 0 | 2 cores | Python 3, p | - |"),
        (MANY, "| he | 1234abc | none | 13 | 250 | 99.6% | 100% |"),
        (SYNTAX, "| he | 1234abc | none | 1 | 4 | 100% | 75% | 30% to 95% | - | 1 | - |"),
    ],
)
def test_rows(record: dict[str, Any], row: str) -> None:
    assert row in page([record])
    assert row not in page([])


def test_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert results.main([str(tmp_path), "--page", str(tmp_path / "p.md")]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert not (tmp_path / "p.md").exists()


def test_the_page_of_this_repository_is_up_to_date() -> None:
    told = page(records.read_records())
    assert results.PAGE.read_text(encoding="utf-8") == told


@pytest.mark.slow
def test_an_ablation_is_a_table_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "parts"
    run_folder(folder / WHOLE, monkeypatch)
    settings = {"benchmark": "repair", "cases": str(CASES), "model": "none"}
    good = Result("a", "debug", ("name",), 0, Score.CORRECT, seconds=2.0)
    less = Result("a", "debug", ("name",), 0, Score.FAILED, seconds=9.0)
    write_ablation(folder, {WHOLE: [good], "without patterns": [less]}, settings)
    record = records.record_of(folder)
    assert (record["name"], record["settings"]["benchmark"]) == ("parts", "ablation")
    text = page([record])
    assert "## What each part is worth" in text
    assert "| none | without patterns | 1 | 0 | 0 |" in text
    assert "Where the fix lies" not in text


@pytest.mark.slow
def test_a_pair_of_runs_is_a_row_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_folder(tmp_path / "one", monkeypatch)
    second = run_folder(tmp_path / "two", monkeypatch)
    rows = second / "eval.jsonl"
    rows.write_text(rows.read_text().replace('"overfitting"', '"correct"').replace(
        '"correct": false', '"correct": true'))  # fmt: skip
    record = records.pair_of(first, second)
    assert record["name"] == "pair-one-two"
    assert (record["results"], record["cases"]) == (4, 2)
    assert record["counted"]["correct"] == {
        "both": 2, "only_first": 0, "only_second": 2, "neither": 0, "p_value": 0.5,
    }  # fmt: skip
    told = page([record])
    assert "| one | two | 2 | 4 | correct | 2 | 4 | 0 | 2 | 0.5 |" in told
    assert "| one | two | 2 | 4 | correct with every seed |" in told
    assert "| one | two | validations until plausible | 2 |" in told
    assert "The runs" not in told


@pytest.mark.slow
def test_a_pair_of_different_benchmarks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_folder(tmp_path / "one", monkeypatch)
    other = run_folder(tmp_path / "two", monkeypatch)
    settings = json.loads((other / "settings.json").read_text())
    (other / "settings.json").write_text(json.dumps({**settings, "benchmark": "syntax"}))
    (other / "eval.jsonl").write_text("")
    with pytest.raises(GemmadevError, match="one is a run of repair, two of syntax"):
        records.pair_of(first, other)
