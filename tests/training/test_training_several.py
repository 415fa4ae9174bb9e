"""Several lines of a function broken at once, and the one diff that asks about each."""

from __future__ import annotations

import ast
import random
from dataclasses import replace

import pytest

from pytest_gemmadev.prompting.prompt import line_prompt
from pytest_gemmadev.types import RepairTask, Span
from training.data.bugs import BreakOptions, Counts, broken
from training.data.examples import Bug, answered, changed_line, repair_examples
from training.data.execute import Prover
from training.data.functions import SourceText, functions_of, is_plain, plain_functions, sources
from training.data.several import half_told, together

COUNT = """\
def count(words, least=1):
    found = {}
    for word in words:
        number = found.get(word, 0)

        found[word] = number + 1
    return sorted(w for w, n in found.items() if n >= least)
"""


def bug(*changes: tuple[str, str]) -> Bug:
    text = COUNT
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return Bug("count.py", text, COUNT, f"id{changes}", "here:count", "MIT", "parsed", "name")


PLUS = ("number + 1", "number - 1")
ZERO = ("word, 0", "word, 1")
LEAST = ("n >= least", "n > least")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ((PLUS,), 6),
        ((PLUS, LEAST), None),
        ((("    found = {}\n", ""),), None),
        ((("found = {}", "found = {}\n    seen = 0"),), None),
    ],
)
def test_what_changes_one_line_alone(
    changes: tuple[tuple[str, str], ...], line: int | None
) -> None:
    assert changed_line(bug(*changes)) == line


def test_bugs_of_different_lines_are_broken_together() -> None:
    single = [bug(PLUS), bug(ZERO), bug(("number + 1", "number + 2")), bug(LEAST)]
    for seed in range(9):
        found = list(together(single, most=3, random_=random.Random(seed)))
        assert len(found) == 1  # of two at one line one is left over
        lines = zip(found[0].broken.split("\n"), COUNT.split("\n"), strict=True)
        assert sum(one != other for one, other in lines) == 3
        assert found[0].fixed == COUNT
        assert (found[0].how, found[0].proof) == ("several", "parsed")
    pairs = list(
        together([*single, bug(("(word, 0)", "(word)"))], most=2, random_=random.Random(1))
    )
    assert len(pairs) == 2
    assert len({pair.id for pair in pairs}) == 2


def test_one_bug_is_not_several_and_what_does_not_parse_is_none() -> None:
    assert not list(together([bug(PLUS)], most=4, random_=random.Random(0)))
    head = bug(("for word in words:", "for word in words[::"))
    assert not list(together([head, bug(PLUS)], most=4, random_=random.Random(0)))


def test_the_diff_repairs_each_line_and_asks_as_a_repair_does() -> None:
    several = bug(PLUS, ZERO, LEAST)
    (found,) = repair_examples(several, kinds=("lines",))
    prompt = line_prompt(
        RepairTask((), (), frozenset(), {"count.py": several.broken}, {}), Span("count.py", 4, 4)
    )
    assert prompt is not None
    assert found.prompt == prompt.text
    assert found.completion == (
        "        number = found.get(word, 0)\n"
        " \n"
        "-        found[word] = number - 1\n"
        "+        found[word] = number + 1\n"
        "-    return sorted(w for w, n in found.items() if n > least)\n"
        "+    return sorted(w for w, n in found.items() if n >= least)\n"
    )
    parts = list(answered(found.completion))
    assert "".join(text for text, _ in parts) == found.completion
    assert [text for text, is_answer in parts if is_answer] == [
        "        number = found.get(word, 0)\n",
        "        found[word] = number + 1\n",
        "    return sorted(w for w, n in found.items() if n >= least)\n",
    ]
    assert all(text.endswith("+") for text, is_answer in parts if not is_answer)


def test_what_a_prompt_does_not_show_or_changes_the_length_is_not_asked() -> None:
    assert not list(repair_examples(bug(PLUS), kinds=("lines",)))
    longer = bug(PLUS, ("    return", "    found.pop(None, 0)\n    return"))
    assert not list(repair_examples(longer, kinds=("lines",)))
    filler = "".join(f"    x{number} = {number} * len(words)\n" for number in range(200))
    text = COUNT.replace("    return", filler + "    return")
    far = replace(bug(), fixed=text, broken=text.replace(*ZERO).replace(*LEAST))
    assert not list(repair_examples(far, kinds=("lines",)))


def test_functions_are_broken_at_several_lines() -> None:
    source = SourceText("count.py", COUNT, "here", "MIT")
    options = BreakOptions(per_function=3, together=3, kinds=("lines",))
    counts = Counts()
    found = list(broken([source], options, counts))
    assert 1 <= len(found) == counts.bugs <= 3
    for each in found:
        lines = zip(each.broken.split("\n"), COUNT.split("\n"), strict=True)
        assert 2 <= sum(one != other for one, other in lines) <= 3
        assert list(repair_examples(each, kinds=options.kinds))
    assert found == list(broken([source], options, Counts()))


@pytest.mark.slow
def test_what_is_broken_together_is_proved_together() -> None:
    (source,) = sources(["textwrap"])
    options = BreakOptions(per_function=2, together=3, execute=True, only_executed=True)
    with Prover() as prover:
        found = list(broken([source], options, Counts(), prove=prover.prove))
    assert found
    assert {each.proof for each in found} == {"executed"}
    told = [each for each in found if each.stack is not None]
    assert all(each.context for each in told)


def test_every_second_bug_tells_nothing_of_its_run() -> None:
    told = replace(bug(PLUS), context={"test_count.py": "assert count([])"})
    found = half_told([told] * 200, random.Random(3))
    silent = [each for each in found if not each.context]
    assert 70 < len(silent) < 130


# --- plain functions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "plain"),
    [
        (COUNT, True),
        ("def f(a):\n    return [b * 2 for b in a if b > 1][0]\n", True),
        (
            "def f(a):\n    while a > 0:\n        a -= math.sqrt(a) + deque([a])[0]\n    return a\n",
            True,
        ),
        ("def f(a):\n    import zoneinfo as z\n    return z.x[a + 1] < a - 1\n", True),
        ("def f(a):\n    def g(b):\n        return b + 1\n    return g(a) + a - 1 > a[0]\n", True),
        ("def f(a):\n    return f(a - 1) + f(a - 2) if a > 1 else 1\n", True),
        ("def f(a):\n    return a.b(a)\n", False),  # computes nothing
        ("def f(a):\n    return LIMIT * a + a[0] - 1 > a\n", False),
        ("def f(a):\n    yield a + a[0] - 1 > a\n", False),
        ("async def f(a):\n    return await a + a[0] - 1 > a\n", False),
    ],
)
def test_plain_functions_name_what_they_are_given(code: str, plain: bool) -> None:
    (node,) = ast.parse(code).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    assert is_plain(node) is plain


def test_plain_functions_stand_alone_under_the_head_of_their_class() -> None:
    method = "".join(
        f"    {line}\n" for line in COUNT.replace("(words", "(self, words").splitlines()
    )
    text = (
        f"import os\n\nROOT = 1\n\n\nclass Words(Base):\n    name = ROOT\n\n{method}\n\n"
        f"@cached\n{COUNT}\n\ndef g():\n    return ROOT\n"
    )
    source = SourceText("pkg/words.py", text, "pkg==1", "MIT", "pkg.words", "/where")
    found = list(plain_functions([source]))
    assert [each.text for each in found] == [
        f"class Words:\n{method}",
        f"@cached\n{COUNT}",
    ]
    assert {(each.path, each.origin, each.module) for each in found} == {
        ("words.py", "pkg==1:pkg/words.py", "")
    }
    assert [sound.name for each in found for sound in functions_of(each)] == [
        "Words.count",
        "count",
    ]
