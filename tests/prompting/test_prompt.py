from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_gemmadev.prompting.prompt import (
    BEFORE_CHARS,
    FUNCTION_CHARS,
    Prompt,
    block_prompt,
    describe_refuted,
    function_prompt,
    line_prompt,
    what_happened,
)
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorFacts,
    ErrorKind,
    ErrorStack,
    Fact,
    Frame,
    RepairTask,
    Role,
    Span,
    Suspicion,
)

SOURCE = """\
import math


def gcd(a, b):
    if b == 0:
        return a
    else:
        return gcd(a % b, b)


LIMIT = 3
"""
TEST = """\
from shop import gcd


def test_gcd():
    assert gcd(4, 0) == 4
    assert gcd(12, 18) == 6
"""
STACK = ErrorStack(
    nodeid="test_shop.py::test_gcd",
    phase="call",
    kind=ErrorKind.ASSERTION,
    error="AssertionError",
    message="assert 4 == 6",
    frames=(
        Frame("test_shop.py", 6, "test_gcd", Role.TEST),
        Frame(
            "shop.py",
            8,
            "gcd",
            Role.SOURCE,
            (Fact("a", "12", "int", is_argument=True), Fact("b", "18", "int", is_argument=True)),
        ),
    ),
    facts=ErrorFacts(left="4", right="6"),
)
LINE = Span("shop.py", 8, 8)


def task(source: str = SOURCE, stack: ErrorStack = STACK) -> RepairTask:
    return RepairTask(
        stacks=(stack,),
        targets=(stack.nodeid,),
        regression=frozenset(),
        sources={"shop.py": source},
        overlay={},
        context={"test_shop.py": TEST},
    )


def asked(prompt: Prompt | None) -> Prompt:
    assert prompt is not None
    return prompt


def test_a_line_is_asked_as_the_rest_of_a_diff() -> None:
    prompt = asked(line_prompt(task(), LINE))
    assert prompt.text == (
        SOURCE[: SOURCE.index("\n\n\nLIMIT")]
        + """


Fix a bug

gcd ran with a=12, b=18
got 4, expected 6
assert gcd(4, 0) == 4
assert gcd(12, 18) == 6

diff --git a/shop.py b/shop.py
@@ -4,5 +4,5 @@
 def gcd(a, b):
     if b == 0:
         return a
     else:
-        return gcd(a % b, b)
+"""
    )
    assert prompt.old == "        return gcd(a % b, b)\n"
    assert prompt.unlike == "        return gcd(a % b, b)"
    assert prompt.stop == ("\n",)
    assert (prompt.kind, prompt.span, prompt.suffix, prompt.chat) == ("line", LINE, "", False)


def test_questions_about_neighbouring_lines_begin_alike() -> None:
    lines = [f"value_{n} = {n}" for n in range(400)]
    long = replace(task(), sources={"shop.py": "\n".join(lines) + "\n"})
    texts = [
        asked(line_prompt(long, Span("shop.py", n, n), infill=True)).text for n in (300, 301, 305)
    ]
    begins = {text.split("\n", 1)[0] for text in texts}
    assert len(begins) == 1
    assert all(FUNCTION_CHARS / 2 - 20 <= len(text) < FUNCTION_CHARS + 400 for text in texts)


def test_a_model_that_infills_sees_both_sides() -> None:
    prompt = asked(line_prompt(task(), LINE, infill=True))
    assert prompt.text.endswith(
        "    else:\n# gcd ran with a=12, b=18\n"
        + "".join(f"# {fact}\n" for fact in what_happened(task(), Span("shop.py", 8, 8))[1:])
    )
    assert prompt.suffix == "\n\nLIMIT = 3\n"


def test_a_block_goes_to_the_end_of_its_block() -> None:
    prompt = asked(block_prompt(task(), Span("shop.py", 5, 5)))
    assert prompt.span == Span("shop.py", 5, 8)
    assert prompt.unlike.split("\n+")[0] == "    if b == 0:"
    assert prompt.text.endswith("-        return gcd(a % b, b)\n+")
    inner = asked(block_prompt(task(), Span("shop.py", 6, 6)))
    assert inner.span == Span("shop.py", 6, 6)


def test_a_block_is_bounded() -> None:
    source = "def f():\n" + "".join(f"    x{n} = {n}\n" for n in range(40))
    prompt = asked(block_prompt(task(source), Span("shop.py", 3, 3)))
    assert prompt.span == Span("shop.py", 3, 8)


def test_a_function_is_a_message() -> None:
    prompt = asked(function_prompt(task(), LINE))
    assert prompt.chat
    assert prompt.span == Span("shop.py", 4, 8)
    assert prompt.old in SOURCE
    assert "got 4, expected 6" in prompt.text
    assert "`return gcd(a % b, b)`" in prompt.text


def test_a_function_that_failed_is_shown_to_whoever_writes_it_again() -> None:
    start = SOURCE.index("a % b, b")
    wrong = Candidate((Edit("shop.py", start, start + 8, "a, b"),), "write:function", 0.0)
    stack = replace(STACK, facts=ErrorFacts(left="9", right="6"))
    told = describe_refuted(task(), wrong, (stack,))
    assert told is not None
    assert told.span == Span("shop.py", 4, 8)
    assert told.text.endswith("    return gcd(a, b)")
    again = replace(task(), refuted=(told,), suspicions=(Suspicion(LINE, 1.0, "frame"),))
    prompt = asked(function_prompt(again, told.span))
    assert f"```python\n{told.text}\n```\n\nThe test with it: got 9, expected 6" in prompt.text
    assert "Most suspicious is `return gcd(a % b, b)`" in prompt.text
    elsewhere = replace(told, span=Span("shop.py", 1, 2))
    assert (
        "wrong as well"
        not in asked(function_prompt(replace(again, refuted=(elsewhere,)), LINE)).text
    )
    assert describe_refuted(task(), wrong, ()) is None


@pytest.mark.parametrize(
    ("span", "source"),
    [
        pytest.param(Span("absent.py", 1, 1), SOURCE, id="a file that is not there"),
        pytest.param(Span("shop.py", 99, 99), SOURCE, id="after the end"),
        pytest.param(Span("shop.py", 2, 2), SOURCE, id="an empty line"),
        pytest.param(Span("shop.py", 1, 1), "", id="an empty file"),
    ],
)
def test_places_that_cannot_be_asked_about(span: Span, source: str) -> None:
    assert line_prompt(task(source), span) is None
    assert function_prompt(task(source), span) is None


def test_module_level_lines_have_no_function() -> None:
    span = Span("shop.py", 11, 11)
    prompt = asked(line_prompt(task(), span))
    assert prompt.text.endswith("@@ -11,1 +11,1 @@\n-LIMIT = 3\n+")
    assert function_prompt(task(), span) is None


def test_windows_line_ends_do_not_reach_the_model() -> None:
    prompt = asked(line_prompt(task(SOURCE.replace("\n", "\r\n")), LINE))
    plain = asked(line_prompt(task(), LINE))
    assert (prompt.text, prompt.unlike) == (plain.text, plain.unlike)
    assert prompt.old == "        return gcd(a % b, b)\r\n"


@pytest.mark.slow
def test_a_long_function_and_file_are_bounded() -> None:
    body = "".join(f"    total += values[{n}] * {n}\n" for n in range(2000))
    source = "".join(f"import module_{n}\n" for n in range(500)) + "def f(values):\n" + body
    prompt = asked(line_prompt(task(source), Span("shop.py", 1500, 1500)))
    assert len(prompt.text) < BEFORE_CHARS + 2 * FUNCTION_CHARS
    assert prompt.text.endswith(prompt.unlike + "\n+")


def test_neighbouring_lines_share_most_of_their_prompts() -> None:
    one, other = (asked(line_prompt(task(), Span("shop.py", n, n))).text for n in (5, 6))
    shared = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    assert shared > len(one) * 0.8


def test_facts_of_an_error_that_is_no_assertion() -> None:
    stack = replace(
        STACK, error="IndexError", message="list index\nout of range", facts=ErrorFacts()
    )
    facts = what_happened(task(stack=stack), Span("shop.py", 4, 8))
    assert facts[:2] == ["gcd ran with a=12, b=18", "raised IndexError: list index out of range"]


def test_facts_are_bounded_single_lines() -> None:
    long = Fact("a", "x" * 5000 + "\ny", "str", is_argument=True)
    frames = (STACK.frames[0], replace(STACK.frames[1], facts=(long,) * 50))
    stack = replace(STACK, frames=frames, facts=ErrorFacts(left="z\n" * 900, right="6"))
    facts = what_happened(task(stack=stack), Span("shop.py", 4, 8))
    assert all(len(fact) < 500 and "\n" not in fact for fact in facts)


def test_without_a_stack_there_are_no_facts() -> None:
    bare = replace(task(), stacks=(), context={})
    assert what_happened(bare, LINE) == []
    assert "\n\n\nFix a bug\n\ndiff --git" in asked(line_prompt(bare, LINE)).text
