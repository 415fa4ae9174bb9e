"""Accepted programs of a file of pairs, and scripts as functions."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from training.data import main
from training.examples import read_examples
from training.functions import sources
from training.programs import as_function

SCRIPT = """\
import sys
from collections import deque

def neighbours(at):
    return at - 1, at + 1

N = int(input())
found = deque()  # what is left

for n in range(N):
	if n % 3 == 0:
		found.append(n)

@staticmethod
def last():
    return 1

print(len(found), last())
"""
FUNCTION = """\
import sys
from collections import deque

def neighbours(at):
    return at - 1, at + 1
@staticmethod
def last():
    return 1


def main():
    N = int(input())
    found = deque()  # what is left

    for n in range(N):
        if n % 3 == 0:
            found.append(n)

    print(len(found), last())
"""


def test_statements_move_into_a_function_and_definitions_stay_before_it() -> None:
    made = as_function(SCRIPT)
    assert made is not None
    assert [line for line in made.split("\n") if line] == [
        line for line in FUNCTION.split("\n") if line
    ]


def test_what_is_moved_says_the_same() -> None:
    made = as_function(SCRIPT)
    assert made is not None
    before, after = ast.parse(SCRIPT.expandtabs(4)), ast.parse(made)
    function = after.body.pop()
    assert isinstance(function, ast.FunctionDef)
    kept = [
        n for n in before.body if not isinstance(n, ast.Import | ast.ImportFrom | ast.FunctionDef)
    ]
    assert [ast.dump(n) for n in function.body] == [ast.dump(n) for n in kept]
    assert len(after.body) + len(function.body) == len(before.body)


@pytest.mark.parametrize(
    "script",
    [
        "x = (\n",  # is no Python
        "import sys\n",  # nothing to move
        "from math import *\nprint(pi)\n",  # only a module may
        "x = 1\ndef f():\n    global x\n    x = 2\nf()\nprint(x)\n",
        'text = """a\nb"""\nprint(text)\n',  # the indentation would go into the text
        "x = 1; y = 2\nprint(x)\n",
        "print(1)\nreturn 2\n",
    ],
)
def test_what_would_say_something_else_is_left(script: str) -> None:
    assert as_function(script) is None


def pairs(path: Path) -> Path:
    function = "def mean(values):\n    total = sum(values)\n    return total / len(values)\n"
    fixed = [SCRIPT, SCRIPT, function, "x = (\n", "import sys\n"]
    rows = [
        {"id": f"set/{n}", "license": "MIT", "buggy": "x = 1\n", "fixed": text}
        for n, text in enumerate(fixed)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_of_pairs_gives_its_accepted_programs_once(tmp_path: Path) -> None:
    found = list(sources([str(pairs(tmp_path / "pairs.jsonl"))]))
    assert [(s.path, s.origin, s.license) for s in found] == [
        ("main.py", "programs:set/0", "MIT"),
        ("main.py", "programs:set/2", "MIT"),
    ]


def test_accepted_programs_are_broken(tmp_path: Path) -> None:
    output = tmp_path / "bugs.jsonl"
    file = pairs(tmp_path / "pairs.jsonl")
    assert main(["bugs", "--from", str(file), "--no-execute", "--output", str(output)]) == 0
    rows = list(read_examples(output))
    assert {row.origin.rpartition(":")[2] for row in rows} >= {"neighbours", "mean"}
    assert {row.proof for row in rows} == {"parsed"}
    assert all(row.completion != row.rejected for row in rows)
