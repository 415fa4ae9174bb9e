"""The model alone at the true place: ranks of what it writes, and of what it orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench import lines
from eval.bench.lines import Asked, asked_of, bug_of, measure, with_facts
from eval.cases.case import Case
from eval.report.compare import compare, of_lines
from eval.report.lines_report import report_of, totals_line
from eval.report.runs import RunFolder
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.types import GemmadevError
from training.data.bugs import BreakOptions, Counts, broken
from training.data.examples import Bug, read_examples
from training.data.functions import sources

BROKEN = "def area(width, height):\n    return width + height\n"
FIXED = "def area(width, height):\n    return width * height\n"


def asked(broken: str = BROKEN, fixed: str = FIXED) -> Asked | None:
    return asked_of(Bug("area.py", broken, fixed, "area", "area", "", "real", "author"), "mine")


def test_the_rank_of_the_line_is_told() -> None:
    question = asked()
    assert question is not None
    model = ScriptedModel(default=("    return width", "    return width * height"))
    found = measure(question, model)
    assert found.written == 2
    assert 0 < found.by_prior <= found.candidates


def test_what_the_model_never_writes_has_no_rank() -> None:
    question = asked()
    assert question is not None
    assert measure(question, ScriptedModel(default=("    return 0",))).written == 0


def test_the_model_moves_what_it_finds_likely_up() -> None:
    question = asked()
    assert question is not None

    def likes(wanted: str) -> lines.Result:
        return measure(question, ScriptedModel(scores=lambda _p, text: 50.0 * (wanted in text)))

    right, wrong = likes("width * height"), likes("height + width")
    assert right.by_model < right.by_prior == wrong.by_prior < wrong.by_model


@pytest.mark.parametrize(
    "fixed",
    [
        pytest.param(BROKEN.replace("    return", "    x = 1\n    return"), id="another line"),
        pytest.param(BROKEN, id="nothing"),
    ],
)
def test_what_is_not_one_line_is_not_asked(fixed: str) -> None:
    assert asked(fixed=fixed) is None


def test_the_model_need_not_order() -> None:
    question = asked()
    assert question is not None
    model = ScriptedModel(default=("    return width * height",))
    found = measure(question, model, order=False)
    assert (found.written, found.by_model, found.candidates) == (1, 0, 0)
    assert not model.scored
    assert measure(question, model).by_model > 0


@pytest.mark.slow
def test_facts_are_those_of_the_visible_test_that_fails(tmp_path: Path) -> None:
    test = "from area import area\n\n\ndef test_area():\n    assert area(3, 4) == 12\n"
    case = Case(
        id="area",
        slice="mine",
        kinds=(),
        project={"area.py": BROKEN.encode(), "test_area.py": test.encode()},
        hidden={},
        reference={"area.py": FIXED.encode()},
        buggy_files=("area.py",),
        visible_tests=("test_area.py",),
        hidden_tests=(),
        command=(),
    )
    bug = bug_of(case)
    assert bug is not None
    told = with_facts(case, bug)
    assert told.stack is not None
    assert told.stack.error == "AssertionError"
    assert list(told.context) == ["test_area.py"]
    plain, informed = asked_of(bug, "mine"), asked_of(told, "mine")
    assert plain is not None
    assert informed is not None

    def prompts(question: Asked) -> list[str]:
        model = ScriptedModel(default=("    return 0",))
        measure(question, model)
        return model.prompts

    assert "got 7, expected 12" in prompts(informed)[0]
    assert "got 7" not in prompts(plain)[0]


def result(case: str, written: int) -> lines.Result:
    return lines.Result(case, "mine", written, 3, 1, 9, 0.5)


def test_totals_and_comparison() -> None:
    results = [result("a", 1), result("b", 10), result("c", 11), result("d", 0)]
    report = report_of(results, {})
    assert report["totals"]["first_ten"] == 2
    assert report["slices"]["mine"]["first"] == 1
    assert "first 10 in 2 (50.0%, 15% to 85%), first in 1" in totals_line(report["totals"])
    rows = [{"case": r.case, "written": r.written, "by_model": r.by_model} for r in results]
    better = [{**row, "written": 1, "by_model": 1 + n} for n, row in enumerate(rows)]
    better[3]["by_model"] = 0  # not among them
    told = compare(of_lines(rows), of_lines(better))
    assert "in the first ten: 2 and 4; only the first 0, only the second 2" in told
    assert "  d: not written -> rank 1" in told
    assert "rank of what patterns have: median 1 and 2 of 3 cases; Wilcoxon p = 0.5" in told


def test_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked()
    assert question is not None
    folder = RunFolder(tmp_path, {})
    first = lines._run(folder, [question], ScriptedModel(default=("    return width * height",)))
    again = lines._run(folder, [question], ScriptedModel(default=("    return 0",)))
    assert first == again
    assert first[0].written == 1


def test_other_bugs_are_asked_about_than_training_learns(tmp_path: Path) -> None:
    code = "".join(
        f"def f{n}(low, high):\n    if low + {n} < high and low != high:\n"
        f"        return low * high - {n}\n    return low\n\n\n"
        for n in range(12)
    )
    (tmp_path / "code.py").write_text(code)
    found = sources([str(tmp_path)])
    learnt = {bug.broken for bug in broken(found, BreakOptions(per_function=1), Counts())}
    options = lines._parser().parse_args(["--broken", str(tmp_path)])
    asked_about = {question.task.sources["code.py"] for question in lines._asked(options)}
    assert len(learnt) == 12
    assert len(asked_about) > 6
    assert len(asked_about & learnt) < len(asked_about) / 2


def test_the_questions_are_written_with_the_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code").mkdir()
    code = "def area(width, height):\n    found = width * height\n    return found\n"
    (tmp_path / "code" / "area.py").write_text(code)
    file = tmp_path / "questions.jsonl"
    assert lines.main(["--broken", str(tmp_path / "code"), "--questions", str(file)]) == 0
    (row,) = read_examples(file)
    assert row.kind == "line"
    assert row.completion in code.splitlines(keepends=True)
    assert "1 questions written" in capsys.readouterr().out
    file.unlink()
    (tmp_path / "nothing.py").write_text("")
    with pytest.raises(GemmadevError, match="no repair of one line"):
        lines.main(["--broken", str(tmp_path / "nothing.py"), "--questions", str(file)])
    assert not file.exists()


def test_a_limit_is_spread_over_the_questions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code").mkdir()
    for n in range(9):
        code = f"def area{n}(width, height):\n    found = width * height\n    return found\n"
        (tmp_path / "code" / f"area{n}.py").write_text(code)
    asked = ["--broken", str(tmp_path / "code")]
    file, few = tmp_path / "questions.jsonl", tmp_path / "few.jsonl"
    assert lines.main([*asked, "--questions", str(file)]) == 0
    assert lines.main([*asked, "--questions", str(few), "--limit", "3"]) == 0
    assert "3 questions written" in capsys.readouterr().out
    all_, some = list(read_examples(file)), list(read_examples(few))
    assert len(all_) > 4
    assert some == all_[:: len(all_) // 3][:3]


def test_nothing_to_ask_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(GemmadevError, match="no repair of one line"):
        lines.main(["--broken", str(tmp_path / "empty.py"), "--model", "none"])
