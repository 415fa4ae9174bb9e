from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.propose.write import WriteProposer, likeliest_places
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, ModelInfo, Refuted, RepairTask, Span, Suspicion

SHOP = """\
def gcd(a, b):
    if b == 0:
        return a
    return gcd(a % b, b)
"""
OTHER = "RATE = 2\n"
FIXED = "    return gcd(b, a % b)"
INFO = ModelInfo(spec="scripted", name="scripted")


def task(*lines: int, seed: int = 0) -> RepairTask:
    return RepairTask(
        stacks=(),
        targets=("t",),
        regression=frozenset(),
        sources={"shop.py": SHOP, "other.py": OTHER},
        overlay={},
        suspicions=tuple(
            Suspicion(Span("shop.py", n, n), 1 / place, "frame") for place, n in enumerate(lines, 1)
        ),
        seed=seed,
    )


def proposed(model: ScriptedModel, asked: RepairTask, **options: int) -> list[Candidate]:
    return list(WriteProposer(model, **options).propose(asked))


def text_of(candidate: Candidate) -> str:
    text = apply_edits(SHOP, candidate.edits)
    assert isinstance(text, str)
    return text


def test_a_line_that_the_model_writes() -> None:
    model = ScriptedModel({"": [FIXED]})
    (candidate,) = proposed(model, task(4), blocks=0)
    assert text_of(candidate) == SHOP.replace("gcd(a % b, b)", "gcd(b, a % b)")
    assert str(candidate.origin) == "write:line"
    assert candidate.log_likelihood == -float(len(FIXED))
    assert candidate.explanation == "the model rewrote line 4"
    assert candidate.prior < 0


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([""], id="silence"),
        pytest.param([], id="no completions"),
        pytest.param(["    return gcd( a%b,b )  # the same"], id="the line there is"),
        pytest.param(["}}}{{{ nonsense"], id="nonsense"),
        pytest.param(["lorem ipsum " * 500], id="without end"),
    ],
)
def test_nothing_of_it_is_no_candidate(answers: Sequence[str]) -> None:
    model = ScriptedModel({"": answers}, default=())
    assert proposed(model, task(4)) == []
    assert model.prompts


def test_one_tree_is_proposed_once() -> None:
    model = ScriptedModel({"": [FIXED, FIXED + "  # again", "    return gcd( b,a%b )"]})
    assert len(proposed(model, task(4))) == 1


def test_the_most_suspicious_place_comes_first_and_blocks_last() -> None:
    model = ScriptedModel({"": ["    x = 1"]})
    origins = [(str(c.origin), c.explanation) for c in proposed(model, task(4, 2))]
    assert origins[0] == ("write:line", "the model rewrote line 4")
    assert ("write:block", "the model rewrote lines 2 to 4") in origins
    kinds = [origin for origin, _ in origins]
    assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize(
    ("scores", "asked"),
    [
        pytest.param({2: 0.5, 3: 0.5, 4: 0.5}, [4, 2, 3], id="of lines alike what says more"),
        pytest.param({3: 0.9, 4: 0.5, 2: 0.4}, [3, 4, 2], id="much more suspicious ones before"),
    ],
)
def test_the_line_that_the_fault_is_likeliest_in_is_asked_about_first(
    scores: dict[int, float], asked: list[int]
) -> None:
    suspicions = tuple(Suspicion(Span("shop.py", n, n), s, "ochiai") for n, s in scores.items())
    model = ScriptedModel({"": ["    x = 1", "    if a:"]})
    written = proposed(model, replace(task(), suspicions=suspicions), blocks=0)
    lines = [int(candidate.explanation.rpartition(" ")[2]) for candidate in written]
    assert list(dict.fromkeys(lines)) == asked


def test_only_what_ends_a_line_for_python_ends_one_here() -> None:
    text = 'PAGE = """\x0c\x0c"""\n' + SHOP
    suspicions = tuple(Suspicion(Span("shop.py", n, n), 0.5, "ochiai") for n in (4, 5))
    asked = replace(task(), sources={"shop.py": text}, suspicions=suspicions)
    assert [span.start_line for span in likeliest_places(asked)] == [5, 4]


def test_a_comment_makes_no_line_likelier() -> None:
    long = SHOP.replace("return a\n", "return a  # what is left of it when all of b is gone\n")
    asked = replace(task(3, 4), sources={"shop.py": long})
    asked = replace(asked, suspicions=tuple(replace(s, score=0.5) for s in asked.suspicions))
    model = ScriptedModel({"": ["    x = 1"]})
    first = proposed(model, asked, blocks=0)[0]
    assert first.explanation == "the model rewrote line 4"


def test_the_likelier_comes_first() -> None:
    model = ScriptedModel({"": ["    return gcd(a, b % a)", "    return 0"]})
    likelihoods = [c.log_likelihood or 0.0 for c in proposed(model, task(4), blocks=0)]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert len(likelihoods) == 2


def test_edits_stay_within_the_lines_asked_about() -> None:
    model = ScriptedModel({"": ["        return 1", "    return 2", "import os", "return 3"]})
    for candidate in proposed(model, task(3, 2, 4), places=3, blocks=0):
        (edit,) = candidate.edits
        assert edit.path == "shop.py"
        line = int(candidate.explanation.rpartition(" ")[2])
        begin = sum(map(len, SHOP.splitlines(keepends=True)[: line - 1]))
        end = begin + len(SHOP.splitlines(keepends=True)[line - 1])
        assert begin <= edit.start <= edit.end <= end


def test_places_and_calls_are_bounded() -> None:
    model = ScriptedModel({"": [""]})
    proposed(model, task(1, 2, 3, 4), places=2, blocks=1, further=0)
    assert len(model.prompts) == 3
    assert all(0 < sampling.max_tokens <= 200 for sampling in model.samplings)


def test_less_suspicious_lines_come_after_the_blocks() -> None:
    model = ScriptedModel({"": ["    x = 1", "    if a:"]})
    written = proposed(model, task(4, 2, 3), places=1, blocks=1, further=1)
    assert [c.explanation for c in written] == [
        "the model rewrote line 4",
        "the model rewrote line 2",
    ]
    assert len(model.prompts) == 3


def test_it_is_lazy() -> None:
    model = ScriptedModel({"": [FIXED]})
    next(WriteProposer(model).propose(task(4, 2, 3)))
    assert len(model.prompts) == 1


def test_the_seed_is_the_tasks() -> None:
    def seeds(seed: int) -> list[int]:
        model = ScriptedModel()
        proposed(model, task(4, 2, seed=seed))
        return [sampling.seed for sampling in model.samplings]

    assert seeds(1) == seeds(1)
    assert seeds(1) != seeds(2)
    assert len(set(seeds(1))) == len(seeds(1))


def test_the_line_there_is_is_what_alternatives_are_to_differ_from() -> None:
    model = ScriptedModel()
    proposed(model, task(4), blocks=0)
    assert model.samplings[0].unlike == "    return gcd(a % b, b)"


@pytest.mark.parametrize(
    ("far", "first"),
    [("    total = [0, a, b]", "near"), ("    pass", "far")],
    ids=["about as likely", "much likelier"],
)
def test_of_lines_about_as_likely_the_one_that_changes_less_comes_first(
    far: str, first: str
) -> None:
    near = (
        "    return gcd(a % b, a)"  # the script makes longer lines less likely, a nat a character
    )
    found = proposed(ScriptedModel({"": [far, near]}), task(4), blocks=0)
    names = ["near" if "a % b, a" in text_of(candidate) else "far" for candidate in found]
    assert names[0] == first
    assert len(names) == 2
    assert found[0].prior > found[1].prior


def test_only_a_chat_model_is_asked_for_functions() -> None:
    answer = "```python\ndef gcd(a, b):\n    return a if b == 0 else gcd(b, a % b)\n```"
    model = ScriptedModel({"Answer with the corrected function": [answer]})
    assert proposed(model, task(4)) == []
    chatting = ScriptedModel(
        {"Answer with the corrected function": [answer]},
        info=replace(INFO, has_chat_template=True),
    )
    first = proposed(chatting, task(4))[0]
    assert str(first.origin) == "write:function"
    assert "return a if b == 0 else gcd(b, a % b)" in text_of(first)
    assert chatting.samplings[0].chat


def test_a_model_that_infills_gets_the_suffix() -> None:
    model = ScriptedModel(info=replace(INFO, can_infill=True))
    proposed(model, task(2), blocks=0)
    assert model.samplings[0].suffix.startswith("        return a\n")
    plain = ScriptedModel()
    proposed(plain, task(2), blocks=0)
    assert plain.samplings[0].suffix == ""


def test_files_that_do_not_parse_or_are_not_there_are_passed_over() -> None:
    model = ScriptedModel({"": [FIXED]})
    broken = replace(task(4), sources={"shop.py": SHOP + "def f(:\n"})
    assert proposed(model, broken) == []
    absent = replace(task(4), sources={})
    assert proposed(model, absent) == []
    assert model.prompts == []


def test_a_function_that_failed_is_written_again_and_nothing_else_is() -> None:
    wrong = Refuted(Span("shop.py", 1, 4), "def gcd(a, b):\n    return a", "got 1, expected 2")
    model = ScriptedModel(
        {"got 1, expected 2": [f"```python\n{SHOP.replace('a % b, b', 'b, a % b')}```"]},
        info=replace(INFO, has_chat_template=True),
    )
    (candidate,) = proposed(model, replace(task(4, 2), refuted=(wrong,)))
    assert str(candidate.origin) == "write:function"
    assert "gcd(b, a % b)" in text_of(candidate)
    assert [sampling.temperature for sampling in model.samplings] == [0.6, 0.9]
