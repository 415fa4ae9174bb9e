"""Drills as training examples: examples of calls added, held functions left out."""

from __future__ import annotations

import ast
import copy
import random
import re
from collections import Counter
from collections.abc import Iterator

from training.decontaminate import Held, tree_prints
from training.drills.compose import compositions
from training.drills.drill import DRAWS, Drill, type_of
from training.drills.procedures import procedures
from training.examples import Example

ALIKE = 3  # functions of one syntax tree, at most
_CALLS = 14  # tried for examples
_CHARS = 60  # of a call and of its result
_SHARE = 0.45  # compositions among the drills
_GENERICS = {"list": "List", "dict": "Dict", "tuple": "Tuple", "set": "Set"}


def drill_examples(count: int, held: Held, *, seed: int = 0) -> Iterator[Example]:
    """``count`` questions, fewer where the grammar gives no more.

    What shares a syntax tree or 24 tokens with ``held`` is left out.
    """
    random_ = random.Random(seed)
    composed, written = compositions(random_), procedures(random_)
    alike: Counter[str] = Counter()
    given = 0
    for _ in range(50 * count):
        if given >= count:
            return
        drill = next(composed if random_.random() < _SHARE else written)
        calls = shown(drill, random_)
        if not calls:
            continue
        prompt, completion = rendered(drill, calls, random_)
        prints = "".join(tree_prints(_bare(drill))) or drill.body
        if alike[prints] >= ALIKE or held.reason(prompt + completion) or held.reason(_bare(drill)):
            continue
        alike[prints] += 1
        given += 1
        yield Example(
            prompt=prompt,
            completion=completion,
            id=f"drill/{seed}/{given}",
            origin="drills",
            license="Apache-2.0",
            proof="executed",
        )


def shown(drill: Drill, random_: random.Random) -> list[tuple[str, str]]:
    """Two or three (call, result), which tell results apart; none where the function will not do."""
    names: dict[str, object] = {}
    try:
        exec(compile(_bare(drill), "<drill>", "exec", dont_inherit=True), names)
    except SyntaxError as error:
        raise AssertionError(f"{error}:\n{_bare(drill)}") from error
    found: dict[str, list[str]] = {}
    for _ in range(_CALLS):
        arguments = [DRAWS[p.kind](random_) for p in drill.parameters]
        written = ", ".join(map(repr, arguments))
        try:
            result = repr(names[drill.name](*copy.deepcopy(arguments)))  # type: ignore[operator]
        except (ArithmeticError, LookupError, ValueError, TypeError):
            continue  # not made for this argument
        if len(written) <= _CHARS and len(result) <= _CHARS:
            found.setdefault(result, []).append(f"{drill.name}({written})")
    if len(found) < 2:
        return []
    kept = random_.sample(sorted(found), min(len(found), random_.choice((2, 2, 3))))
    return [(random_.choice(found[result]), result) for result in kept]


def rendered(drill: Drill, calls: list[tuple[str, str]], random_: random.Random) -> tuple[str, str]:
    """(head and docstring, body) in one of the layouts that people use."""
    is_typed = random_.random() < 0.7
    parameters = [f"{p.name}: {type_of(p.kind)}" if is_typed else p.name for p in drill.parameters]
    arrow = f" -> {drill.returns}" if is_typed else ""
    head = f"def {drill.name}({', '.join(parameters)}){arrow}:"
    imports = ""
    if is_typed and random_.random() < 0.6:
        head, imports = _with_typing(head)
    quotes = random_.choice(('"""', '"""', '"""', "'''"))
    lines = [*_wrapped(drill.says, random_), *_calls(calls, random_)]
    opening = random_.choice((quotes, f"{quotes} ", f"{quotes}\n    "))
    text = f"{imports}{head}\n    {opening}" + "\n".join([lines[0], *(f"    {x}".rstrip() for x in lines[1:])])
    body = "".join(f"    {line}\n" for line in drill.body.split("\n"))
    return f"{text}\n    {quotes}\n", body


def _calls(calls: list[tuple[str, str]], random_: random.Random) -> list[str]:
    style = random_.choice(("doctest", "doctest", "doctest", "equal", "arrow", "for", "none"))
    if style == "none":
        return []
    space = [""] if random_.random() < 0.5 else []
    if style == "doctest":
        return space + [line for call, result in calls for line in (f">>> {call}", *([result] if result != "None" else []))]
    title = random_.choice(("Example:", "Examples:", "For example:", "Examples"))
    sign = {"equal": "==", "arrow": random_.choice(("->", "=>", "➞", "returns")), "for": "should return"}[style]
    return [*space, title, *(f"{call} {sign} {result}" for call, result in calls)]


def _wrapped(says: str, random_: random.Random) -> list[str]:
    import textwrap

    return textwrap.wrap(says, random_.choice((70, 80, 100)))


def _with_typing(head: str) -> tuple[str, str]:
    used = sorted({new for old, new in _GENERICS.items() if re.search(rf"\b{old}\[", head)})
    for old, new in _GENERICS.items():
        head = re.sub(rf"\b{old}\[", f"{new}[", head)
    return head, f"from typing import {', '.join(used)}\n\n\n" if used else ""


def _bare(drill: Drill) -> str:
    parameters = ", ".join(p.name for p in drill.parameters)
    body = "".join(f"    {line}\n" for line in drill.body.split("\n"))
    return f"def {drill.name}({parameters}):\n{body}"


def _compiles(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
