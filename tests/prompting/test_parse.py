from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.prompting.parse import edits, tree_key
from pytest_gemmadev.prompting.prompt import Prompt, block_prompt, function_prompt, line_prompt
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import RepairTask, Span

SOURCE = """\
def total(prices):
    result = 0
    for price in prices:
        result += price
        count = 1  # kept
    return result
"""


def asked(kind: str, line: int, source: str = SOURCE, *, infill: bool = False) -> Prompt:
    task = RepairTask((), (), frozenset(), {"m.py": source}, {})
    span = Span("m.py", line, line)
    prompt = {
        "line": lambda: line_prompt(task, span, infill=infill),
        "block": lambda: block_prompt(task, span, infill=infill),
        "function": lambda: function_prompt(task, span),
    }[kind]()
    assert prompt is not None
    return prompt


def results(completion: str, prompt: Prompt, source: str = SOURCE) -> list[str]:
    texts = []
    for edit, key in edits(completion, prompt, source):
        text = apply_edits(source, [edit])
        assert isinstance(text, str)
        assert tree_key(text) == key
        texts.append(text)
    return texts


def changed(line: int, *new: str, source: str = SOURCE) -> str:
    lines = source.splitlines(keepends=True)
    lines[line - 1 : line] = new
    return "".join(lines)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param("        result -= price", "        result -= price\n", id="as it stands"),
        pytest.param("result -= price", "        result -= price\n", id="indented as the old line"),
        pytest.param(
            "            result -= price", "        result -= price\n", id="too deep: moved back"
        ),
        pytest.param(
            "        result -= price  # fixed", "        result -= price\n", id="comment dropped"
        ),
        pytest.param(
            "        result = '#' + price", "        result = '#' + price\n", id="no comment"
        ),
        pytest.param(
            "\n        result -= price\n\n", "        result -= price\n", id="blank lines"
        ),
    ],
)
def test_a_line(completion: str, expected: str) -> None:
    assert results(completion, asked("line", 4))[0] == changed(4, expected)


def test_an_indentation_of_its_own_comes_before_the_old_one() -> None:
    both = results("    count = 2", asked("line", 5))
    assert both == [changed(5, "    count = 2\n"), changed(5, "        count = 2\n")]


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param("", id="nothing"),
        pytest.param("  \n\t\n", id="blank"),
        pytest.param("        result += price", id="the same"),
        pytest.param("        result  +=  price  # other words", id="the same tree"),
        pytest.param("        result +== price", id="does not parse"),
        pytest.param("        if result:", id="a header without a body"),
        pytest.param("Sure! Here is the corrected line:", id="prose"),
        pytest.param("        a = 1\n        b = 2", id="more than a line"),
        pytest.param("        x = " + "1 + " * 200 + "1", id="too long"),
        pytest.param("        x = '\0'", id="a NUL"),
        pytest.param("        return '''", id="an open string"),
        pytest.param("        x = (((((" * 20, id="brackets without end"),
    ],
)
def test_nonsense_gives_nothing(completion: str) -> None:
    assert results(completion, asked("line", 4)) == []


def test_a_head_of_a_block_is_one_line_of_it() -> None:
    (text,) = results("    for price in sorted(prices):", asked("line", 3))
    assert text == changed(3, "    for price in sorted(prices):\n")


def test_a_block_loses_the_signs_of_the_diff() -> None:
    (text, *_) = results("        if price:\n+            result += price", asked("block", 4))
    lines = SOURCE.splitlines(keepends=True)
    assert text == "".join(
        [*lines[:3], "        if price:\n", "            result += price\n", *lines[5:]]
    )


def test_an_infilled_block_keeps_its_plus_signs() -> None:
    (text, *_) = results("        result = (1\n+ price)", asked("block", 4, infill=True))
    assert "(1\n+ price)\n" in text


def test_a_block_is_bounded() -> None:
    assert results("        x = 1\n" + "+        y = 2\n" * 12, asked("block", 4)) == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("```python\ndef total(prices):\n    return sum(prices)\n```", id="fenced"),
        pytest.param(
            "Here:\n```\ndef total(prices):\n    return sum(prices)\n\nprint(total([]))\n```\nDone",
            id="more in the fence",
        ),
        pytest.param("def total(prices):\n    return sum(prices)\n", id="bare"),
        pytest.param("```python\ndef total(prices):\n    return sum(prices)", id="cut off"),
        pytest.param("    def total(prices):\n        return sum(prices)\n", id="indented"),
    ],
)
def test_a_function(answer: str) -> None:
    (text,) = results(answer, asked("function", 3))
    assert text == "def total(prices):\n    return sum(prices)\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("I cannot help with that.", id="refusal"),
        pytest.param("```python\ndef other(prices):\n    return 1\n```", id="another function"),
        pytest.param("```python\ndef total(prices:\n```", id="broken"),
        pytest.param(SOURCE, id="unchanged"),
    ],
)
def test_no_function(answer: str) -> None:
    assert results(answer, asked("function", 3)) == []


def test_a_method_is_indented_as_it_was() -> None:
    source = "class A:\n    @staticmethod\n    def f(x):\n        return x\n\n    y = 1\n"
    answer = "@staticmethod\ndef f(x):\n    if x:\n        return 1\n    return x\n"
    (text,) = results(answer, asked("function", 4, source), source)
    assert text == (
        "class A:\n    @staticmethod\n    def f(x):\n        if x:\n            return 1\n"
        "        return x\n\n    y = 1\n"
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_are_the_files(newline: str) -> None:
    source = SOURCE.replace("\n", newline)
    (text, *_) = results(
        "        if price:\n+            result += price", asked("block", 4, source), source
    )
    assert text.replace(newline, "\n").count("\n") == 6
    assert newline == "\n" or "\n" not in text.replace("\r\n", "")


def test_a_last_line_without_an_end_stays_without() -> None:
    source = SOURCE.rstrip("\n")
    (text,) = results("    return count", asked("line", 6, source), source)
    assert text == source.replace("return result", "return count")


def test_an_edit_touches_only_what_differs() -> None:
    ((edit, _),) = edits("        result -= price", asked("line", 4), SOURCE)
    assert (SOURCE[edit.start : edit.end], edit.replacement) == ("+", "-")


def test_a_file_that_does_not_parse_is_left_alone() -> None:
    source = SOURCE + "def broken(:\n"
    assert results("        result -= price", asked("line", 4, source), source) == []


def test_tree_key() -> None:
    assert tree_key("x = 1 # a\n") == tree_key("x=1")
    assert tree_key("x = 1") != tree_key("x = 2")
    assert tree_key("x = = 1") is None
    assert tree_key("x = '\0'") is None
    assert tree_key("(" * 5000) is None


@pytest.mark.slow
@given(st.text(st.sampled_from("ab =+-():\n \t#'\"[]\0\r\\ifelsreturn01"), max_size=60))
def test_whatever_comes_the_rest_of_the_file_stays(completion: str) -> None:
    for kind in ("line", "block"):
        prompt = asked(kind, 4)
        begin = SOURCE.index(prompt.old)
        for text in results(completion, prompt):
            assert text.startswith(SOURCE[:begin])
            assert text.endswith(SOURCE[begin + len(prompt.old) :])
            assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(SOURCE))
