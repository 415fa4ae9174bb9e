"""What a short run takes of a large corpus."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.data.examples import Example, write_line
from training.data.mix import CHARS_PER_TOKEN, SHARES, mixed


def written(path: Path, rows: list[Example]) -> Path:
    path.write_text("".join(map(write_line, rows)))
    return path


def rows(name: str, count: int, *, kind: str = "line", proof: str = "executed") -> list[Example]:
    return [
        Example(f"{name} {number:04}" + "x" * 280, "y" * 10, kind=kind, proof=proof, id=name)
        for number in range(count)
    ]


def tokens(examples: list[Example]) -> float:
    return sum(len(e.prompt) + len(e.completion) for e in examples) / CHARS_PER_TOKEN


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    row = {"id": "p", "license": "MIT", "buggy": "x = 1\nprint(x)\n", "fixed": "x = 2\nprint(x)\n"}
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def test_it_takes_as_many_tokens_as_wanted_in_shares(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", rows("a", 300) + rows("a", 300, proof="parsed"))
    first, last = mixed([one], [], tokens=20_000, longest=200, seed=0)
    assert 0.95 * 20_000 < tokens(first) <= 20_000
    executed = [row for row in first if row.proof == "executed"]
    assert tokens(executed) / tokens(first) == pytest.approx(
        SHARES["line", "executed"] / (SHARES["line", "executed"] + SHARES["line", "parsed"]),
        abs=0.02,
    )
    assert last == []


def test_a_large_package_does_not_crowd_out_a_small_one(tmp_path: Path) -> None:
    large = written(tmp_path / "large.jsonl", rows("large", 390))
    small = written(tmp_path / "small.jsonl", rows("small", 20))
    first, _ = mixed([large, small], [], tokens=5000, longest=200, seed=0)
    assert sum(row.id == "small" for row in first) == 20


def test_what_a_kind_has_too_little_for_goes_to_the_others(tmp_path: Path) -> None:
    many = rows("a", 300) + rows("b", 300, proof="parsed") + rows("few", 5, kind="lines")
    first, _ = mixed(
        [written(tmp_path / "one.jsonl", many)], [], tokens=20_000, longest=200, seed=0
    )
    assert sum(row.id == "few" for row in first) == 5
    assert 0.95 * 20_000 < tokens(first) <= 20_000
    executed, parsed = (tokens([row for row in first if row.id == name]) for name in "ab")
    wanted = SHARES["line", "executed"] / SHARES["line", "parsed"]
    assert executed / parsed == pytest.approx(wanted, rel=0.1)


def test_what_is_too_long_is_left_out(tmp_path: Path) -> None:
    long_one = Example("x" * 700, "y", kind="line", proof="executed")
    file = written(tmp_path / "one.jsonl", [long_one, *rows("a", 3)])
    first, _ = mixed([file], [], tokens=100_000, longest=200, seed=0)
    assert len(first) == 3


def test_real_bugs_come_last(tmp_path: Path, pairs: Path) -> None:
    file = written(tmp_path / "one.jsonl", rows("a", 3))
    first, last = mixed([file], [pairs], tokens=100_000, longest=200, seed=0)
    assert {row.proof for row in first} == {"executed"}
    assert last[0].completion == "x = 2\n"
    assert {row.proof for row in last} == {"real"}


def test_functions_to_be_written_stand_among_the_real_bugs(tmp_path: Path, pairs: Path) -> None:
    texts = [replace(row, kind="text", origin="drills") for row in rows("t", 40)]
    many = pairs.read_text() * 200
    pairs.write_text(many)
    files = [written(tmp_path / "a.jsonl", rows("a", 40)), written(tmp_path / "t.jsonl", texts)]
    first, last = mixed(files, [pairs], tokens=8000, longest=200, seed=0)
    moved = [row for row in last if row.kind == "text"]
    stayed = [row for row in first if row.kind == "text"]
    assert moved
    assert stayed
    assert len({row.prompt for row in (*moved, *stayed)}) == len(moved) + len(stayed)
    share = tokens(last) / tokens([*first, *last])
    assert len(moved) / (len(moved) + len(stayed)) == pytest.approx(share, abs=0.2)


def test_a_seed_decides(tmp_path: Path) -> None:
    file = written(tmp_path / "one.jsonl", rows("a", 300))
    one, again, other = (
        mixed([file], [], tokens=3000, longest=200, seed=seed)[0] for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_what_is_made_of_drills_has_shares_of_its_own(tmp_path: Path) -> None:
    made = [replace(row, origin="drills:sums.py:sums") for row in rows("d", 300)]
    finished = [replace(row, kind="text", origin="drills") for row in rows("t", 300)]
    files = [
        written(tmp_path / "packages.jsonl", rows("a", 300)),
        written(tmp_path / "drills.jsonl", made),
        written(tmp_path / "texts.jsonl", finished),
    ]
    first, _ = mixed(files, [], tokens=20_000, longest=200, seed=0)
    for kind, proof, name in (
        ("line", "executed", "a"),
        ("line", "drill", "d"),
        ("text", "drill", "t"),
    ):
        wanted = SHARES[kind, proof] / (
            SHARES["line", "executed"] + SHARES["line", "drill"] + SHARES["text", "drill"]
        )
        taken = tokens([row for row in first if row.id == name]) / tokens(first)
        assert taken == pytest.approx(wanted, abs=0.02)
