"""Documented functions to finish: which ones count, and how they are asked about."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from training.data import command as data
from training.data.bodies import body_examples
from training.data.examples import read_examples
from training.data.functions import SourceText

HEAD = """import math
from itertools import islice as part
from .here import helper

LIMIT = 3

"""
SOUND = '''def spread(values, count):
    """Returns the first roots of some values.

    >>> spread([4, 9], 1)
    [2.0]
    """
    roots = (math.sqrt(value) for value in values)
    return list(part(roots, count))
'''
DOCUMENTATION = SOUND[SOUND.index('"""') : SOUND.rindex('"""') + 3]


def asked(code: str, license_: str = "MIT") -> list[tuple[str, str]]:
    source = SourceText("pack/a.py", code, "pack==1", license_)
    return [(row.prompt, row.completion) for row in body_examples([source])]


def test_the_question_is_the_head_and_the_answer_the_body() -> None:
    ((prompt, answer),) = asked(HEAD + SOUND)
    assert prompt.startswith("import math\nfrom itertools import islice as part\n\n\ndef spread(")
    assert prompt.endswith('    [2.0]\n    """\n')
    assert answer.startswith("    roots = ")
    assert answer.endswith("return list(part(roots, count))\n")
    scope: dict[str, object] = {}
    exec(compile(ast.parse(prompt + answer), "code", "exec"), scope)
    assert eval("spread([4, 9], 1)", scope) == [2.0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("math.sqrt(value)", "helper(value)"), id="a name from the package"),
        pytest.param(("count))", "LIMIT))"), id="a name of the module"),
        pytest.param(("def spread", "@part\ndef spread"), id="a decorator"),
        pytest.param(("def spread", "async def spread"), id="asynchronous"),
        pytest.param((DOCUMENTATION, '"""Roots."""'), id="hardly documented"),
        pytest.param(("    roots = (math.sqrt(value) for value in values)\n", ""), id="one line"),
    ],
)
def test_a_function_that_does_not_stand_alone_is_left_out(change: tuple[str, str]) -> None:
    code = SOUND.replace(*change)
    assert code != SOUND
    assert asked(HEAD + code) == []


def test_methods_and_licenses_that_are_not_permissive_are_left_out() -> None:
    method = "class Some:\n" + "".join(f"    {line}\n" for line in SOUND.splitlines())
    assert asked(HEAD + method) == []
    assert asked(HEAD + SOUND, "GPL-3.0") == []


@pytest.mark.slow
def test_the_command_writes_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HEAD + SOUND)
    target = tmp_path / "bodies.jsonl"
    assert data.main(["bodies", "--from", str(tmp_path / "a.py"), "--output", str(target)]) == 0
    (row,) = read_examples(target)
    assert row.kind == "text"
    assert row.license == "own"
