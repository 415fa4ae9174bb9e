"""Preferences from candidates that were run, and from patches that people kept or undid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_gemmadev.models.scripted import ScriptedModel
from training.align import main
from training.data.bugs import BreakOptions
from training.data.examples import Bug, read_examples
from training.data.execute import Prover
from training.data.functions import functions_of, sources
from training.data.preferences import Question, Tally, judged, preferences, questions, recorded

CODE = '''\
def clamp(value, low=0, high=10):
    """Between the bounds.

    >>> clamp(12, high=11)
    11
    >>> clamp(-3)
    0
    >>> clamp(5)
    5
    """
    return max(low, min(value, high))
'''
TRUE = "    return max(low, min(value, high))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "bounds.py").write_text(CODE)
    return folder


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    with Prover() as prover:
        yield prover


@pytest.fixture(scope="module")
def asked(folder: Path, prover: Prover) -> Question:
    from training.data.examples import question

    (source,) = sources([str(folder)])
    (sound,) = functions_of(source)
    wrong = sound.near.replace("min(value, high)", "max(value, high)")
    bug = Bug("bounds.py", wrong, sound.near, "b", "o:bounds.py:clamp", "own", "parsed", "x")
    (proved,) = prover.prove(sound, [bug])
    found = question(proved, "line")
    assert found is not None
    return Question(proved, sound, *found)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (TRUE, "correct"),
        ("    return min(high, max(value, low))", "correct"),
        ("    return min(value, high)", "overfitting"),  # right for the call that showed the bug
        ("    return max(low, min(value, low))", "failing"),
        ("    return 11", "overfitting"),
        ("    return value.real.real", "failing"),
    ],
)
def test_verdicts(asked: Question, prover: Prover, answer: str, verdict: str) -> None:
    assert prover.judge(asked.sound, asked.bug, [asked.apply(answer)]) == [verdict]


def test_what_does_not_fit_is_no_candidate(asked: Question) -> None:
    assert asked.apply("    return (") == ""
    assert asked.apply(asked.prompt.old.rstrip()) == ""  # nothing changed


def test_candidates_are_mutated_and_written(asked: Question, prover: Prover) -> None:
    model = ScriptedModel(default=("    return min(value, high)\n", TRUE + "\n"))
    found = judged(asked, prover, model)
    assert {"correct", "overfitting", "failing"} == {j.verdict for j in found}
    assert found[0].verdict == "failing"  # the bug itself
    assert len({j.text for j in found}) == len(found) <= 12
    assert "correct" not in {j.verdict for j in judged(asked, prover, None)[:1]}


def test_pairs_as_written_and_as_ranked(asked: Question, prover: Prover) -> None:
    tally = Tally()
    model = ScriptedModel(default=("    return min(value, high)\n",))
    pairs = list(preferences([asked], prover, tally, model=model))
    assert tally.pairs == len(pairs) > 2
    line, rank = pairs[:2]
    assert (line.kind, rank.kind) == ("line", "rank")
    assert line.prompt == asked.prompt.text
    assert line.completion == TRUE + "\n"
    assert {pair.how for pair in pairs[:2]} == {"overfitting"}  # comes first: it teaches most
    assert line.rejected == "    return min(value, high)\n"
    assert rank.completion.startswith(TRUE)
    assert rank.rejected.startswith("    return min(value, high)")
    assert all(pair.completion != pair.rejected for pair in pairs)


def test_the_lines_as_they_are_make_no_pair(asked: Question, prover: Prover) -> None:
    pairs = list(preferences([asked], prover, Tally()))
    assert pairs
    assert asked.prompt.old not in {pair.rejected for pair in pairs if pair.kind == "line"}


def test_every_other_question_tells_nothing_of_the_run(asked: Question, prover: Prover) -> None:
    model = ScriptedModel(default=("    return min(value, high)\n", "    return max(low, 1)\n"))
    pairs = list(preferences([asked, asked], prover, Tally(), model=model))
    prompts = [pair.prompt for pair in pairs if pair.kind == "line"]
    assert len(prompts) == 6
    assert set(prompts[:3]) == {asked.prompt.text}
    assert len(set(prompts[3:])) == 1
    assert "expected" in prompts[0]
    assert "expected" not in prompts[3]
    assert prompts[3].endswith(prompts[0].rpartition("diff --git")[2])


def test_as_many_pairs_of_a_question_as_are_asked_for(asked: Question, prover: Prover) -> None:
    counts = [
        sum(pair.kind == "line" for pair in preferences([asked], prover, Tally(), most=most))
        for most in (1, 2, 99)
    ]
    assert counts[:2] == [1, 2]
    assert counts[2] > 3


def test_questions_come_from_executed_bugs(folder: Path, prover: Prover) -> None:
    options = BreakOptions(execute=True, only_executed=True)
    found = list(questions(sources([str(folder)]), options, prover))
    assert found
    assert all(q.bug.proof == "executed" and q.sound.name == "clamp" for q in found)
    assert all(q.apply(q.answer.rstrip("\n")) == q.bug.fixed for q in found)


@pytest.mark.slow
def test_the_command_writes_pairs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "prefs.jsonl"
    assert main(["prefer", "--from", str(folder), "--output", str(output)]) == 0
    rows = list(read_examples(output))
    assert rows
    assert all(row.rejected and row.proof == "executed" for row in rows)
    assert "candidates:" in capsys.readouterr().out


@pytest.mark.slow
def test_a_limit_draws_from_all_sources(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "limits.py").write_text(CODE)
    output = tmp_path / "prefs.jsonl"
    drawn = set()
    for seed in range(6):
        asked = ["--from", str(folder), str(other), "--limit", "1", "--seed", str(seed)]
        assert main(["prefer", *asked, "--output", str(output)]) == 0
        drawn |= {row.origin.partition(":")[2] for row in read_examples(output)}
        output.unlink()
    assert drawn == {"bounds.py:clamp", "limits.py:clamp"}


# --- what people kept ----------------------------------------------------------------------------


def test_kept_and_undone_patches(tmp_path: Path) -> None:
    wrong = CODE.replace("min(value", "max(value")
    other = CODE.replace("high)", "low)")
    rows = [
        {"entry": "1", "files": {"bounds.py": [wrong, CODE]}},
        {"entry": "2", "files": {"bounds.py": [CODE, other]}},
        {"entry": "2", "undone": True},
    ]
    file = tmp_path / "record.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {(row.how, row.kind): row for row in recorded(file)}
    assert found.keys() == {
        ("kept", "line"),
        ("kept", "rank"),
        ("undone", "line"),
        ("undone", "rank"),
    }
    assert found["kept", "line"].completion == TRUE + "\n"
    assert found["kept", "line"].rejected == TRUE.replace("min(v", "max(v") + "\n"
    assert found["undone", "line"].completion == TRUE + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prefer", "--output", "OUT"], "nothing to compare"),
        (["prefer", "--record", "BAD", "--output", "OUT"], "bad.jsonl:1: not a record of repairs"),
        (["prefer", "--record", "EMPTY", "--output", "OUT"], "no pair came of these sources"),
        (["dpo", "NONE", "--data", "EMPTY", "--output", "OUT"], "holds no adapter"),
        (["grpo", "NONE", "--output", "OUT"], "holds no adapter"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jsonl").write_text("[1]\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    names = {
        "OUT": str(tmp_path / "out"),
        "BAD": str(tmp_path / "bad.jsonl"),
        "EMPTY": str(tmp_path / "empty.jsonl"),
        "NONE": str(tmp_path / "none"),
    }
    assert main([names.get(argument, argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
