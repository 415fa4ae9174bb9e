"""Drills as training examples: calls added, layouts drawn, held functions left out."""

from __future__ import annotations

import copy
import dataclasses
import random
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from training.data.decontaminate import Held, tree_prints
from training.data.examples import Example
from training.drills.compose import compositions
from training.drills.drill import DRAWS, Drill, type_of
from training.drills.procedures import procedures

ALIKE = 3  # functions of one syntax tree, at most
COMPOSED = 0.45  # share of compositions; the others are procedures
TRIES = 50  # drills drawn for each that is wanted
LICENSE = "Apache-2.0"  # this project's: nothing of them is anybody else's
_CALLS = 14  # tried for examples
_CHARS = 60  # of a call and of its result
_GENERICS = {"list": "List", "dict": "Dict", "tuple": "Tuple", "set": "Set"}
_EMPTY, _TOLD = (
    0.12,
    0.15,
)  # shares of drills with a case for what is empty, and with an introduction
_SETTLED = re.compile(r"empty|none|return -?\d|no such|fewer|nothing")
_VALUES: tuple[object, ...] = (0, -1, "", [], {}, False)
_IF_EMPTY = (
    "If {name} is empty, return {value}.",
    "Return {value} if {name} is empty.",
    "For an empty {name} the result is {value}.",
)
_GIVEN = {
    "list[int]": "a list of integers",
    "list[float]": "a list of numbers",
    "list[str]": "a list of strings",
    "list[list[int]]": "a table of integers, as a list of rows",
    "str": "a string",
    "dict[str, int]": "a dictionary from strings to integers",
}
_INTRODUCED = (
    "You are given {given} {name}.",
    "{name} is {given}.",
    "The function takes {given} `{name}`.",
    "Let {name} be {given}.",
)
_TITLES = ("Example:", "Examples:", "For example:", "Examples")
_SIGNS = ("==", "->", "=>", "➞", "returns", "should return")


def drill_examples(count: int, held: Held, *, seed: int = 0) -> Iterator[Example]:
    """``count`` questions, fewer where the grammar gives no more.

    What shares a syntax tree or 24 tokens with ``held`` is left out.
    """
    random_ = random.Random(seed)
    composed, written = compositions(random_), procedures(random_)
    alike: Counter[str] = Counter()
    given = 0
    for _ in range(TRIES * count):
        if given >= count:
            return
        drill = dressed(next(composed if random_.random() < COMPOSED else written), random_)
        calls = shown(drill, random_)
        if not calls:
            continue
        prompt, completion = rendered(drill, calls, random_)
        tree = "".join(tree_prints(_bare(drill))) or drill.body
        if alike[tree] >= ALIKE or held.reason(prompt + completion):
            continue
        alike[tree] += 1
        given += 1
        yield Example(
            prompt=prompt,
            completion=completion,
            id=f"drill/{seed}/{given}",
            origin="drills",
            license=LICENSE,
            proof="executed",
        )


def dressed(drill: Drill, random_: random.Random) -> Drill:
    """With a sentence on what is given, or a case of its own for what is empty, or neither."""
    first = drill.parameters[0]
    given = _GIVEN.get(type_of(first.kind))
    told = drill.says.lower()
    if given is None:
        return drill
    if random_.random() < _EMPTY and not _SETTLED.search(told):
        values = [
            value for value in _VALUES if type(value).__name__ == drill.returns.partition("[")[0]
        ]
        value = random_.choice([None, *values])
        says = random_.choice(_IF_EMPTY).format(name=first.name, value=repr(value))
        body = f"if not {first.name}:\n    return {value!r}\n{drill.body}"
        return dataclasses.replace(drill, says=f"{drill.says} {says}", body=body)
    if random_.random() < _TOLD and not told.startswith("given"):
        says = random_.choice(_INTRODUCED).format(name=first.name, given=given)
        return dataclasses.replace(drill, says=f"{says} {drill.says}")
    return drill


def shown(drill: Drill, random_: random.Random) -> list[tuple[str, str]]:
    """Two or three (call, result) with different results; none where too few were found."""
    names: dict[str, object] = {}
    exec(compile(_bare(drill), "<drill>", "exec", dont_inherit=True), names)
    function = names[drill.name]
    assert callable(function)
    found: dict[str, list[str]] = {}
    for _ in range(_CALLS):
        arguments = [DRAWS[parameter.kind](random_) for parameter in drill.parameters]
        written = ", ".join(map(repr, arguments))
        try:
            result = _written(function(*copy.deepcopy(arguments)))
        except (ArithmeticError, LookupError, ValueError, TypeError):
            continue  # not made for this argument
        if len(written) <= _CHARS and len(result) <= _CHARS:
            found.setdefault(result, []).append(f"{drill.name}({written})")
    if len(found) < 2:
        return []
    kept = random_.sample(sorted(found), min(len(found), random_.choice((2, 2, 3))))
    return [(random_.choice(found[result]), result) for result in kept]


def _written(value: object) -> str:
    """Its `repr`, the same in every process: elements of a set in order."""
    if isinstance(value, set) and value:
        return "{" + ", ".join(map(repr, sorted(value))) + "}"
    return repr(value)


def rendered(
    drill: Drill, calls: Sequence[tuple[str, str]], random_: random.Random
) -> tuple[str, str]:
    """(head and docstring, body) in one of the layouts that people use."""
    is_typed = random_.random() < 0.7
    parameters = [f"{p.name}: {type_of(p.kind)}" if is_typed else p.name for p in drill.parameters]
    arrow = f" -> {drill.returns}" if is_typed else ""
    head = f"def {drill.name}({', '.join(parameters)}){arrow}:"
    imports = ""
    if is_typed and random_.random() < 0.6:
        head, imports = _with_typing(head)
    quotes = random_.choice(('"""', '"""', '"""', "'''"))
    lines = textwrap.wrap(drill.says, random_.choice((70, 80, 100)))
    lines += _calls(calls, random_)
    opening = random_.choice((quotes, f"{quotes} ", f"{quotes}\n    "))
    documentation = "\n".join([lines[0], *(f"    {line}".rstrip() for line in lines[1:])])
    body = "".join(f"    {line}".rstrip() + "\n" for line in drill.body.split("\n"))
    return f"{imports}{head}\n    {opening}{documentation}\n    {quotes}\n", body


def _calls(calls: Sequence[tuple[str, str]], random_: random.Random) -> list[str]:
    """The lines of a docstring that show ``calls``."""
    style = random_.choice(("doctest", "doctest", "title", "title", "none"))
    if style == "none":
        return []
    lines = [""] if random_.random() < 0.5 else []
    if style == "doctest":
        for call, result in calls:
            lines += [f">>> {call}", *([result] if result != "None" else [])]
        return lines
    sign = random_.choice(_SIGNS)
    return [*lines, random_.choice(_TITLES), *(f"{call} {sign} {result}" for call, result in calls)]


def _with_typing(head: str) -> tuple[str, str]:
    """(the head with ``List`` for ``list``, the import that it needs)."""
    used = sorted({new for old, new in _GENERICS.items() if re.search(rf"\b{old}\[", head)})
    for old, new in _GENERICS.items():
        head = re.sub(rf"\b{old}\[", f"{new}[", head)
    return head, f"from typing import {', '.join(used)}\n\n\n" if used else ""


def _bare(drill: Drill) -> str:
    parameters = ", ".join(parameter.name for parameter in drill.parameters)
    body = "".join(f"    {line}".rstrip() + "\n" for line in drill.body.split("\n"))
    return f"def {drill.name}({parameters}):\n{body}"
