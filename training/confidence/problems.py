"""A sound function made into a problem of repair: broken, with few visible tests and many further calls."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.confidence.closures import Program
from training.confidence.in_process import Case, value_of
from training.data import inputs
from training.data.functions import SourceText, functions_of
from training.data.trial import _literal as literal_of
from training.rewrites.breaking import WEIGHTS, rewrites_of
from training.rewrites.texts import Text

_TRIES = 400  # calls drawn in search of those with a result
_MOST = 90  # calls that are kept
_ALIKE = 6  # of them with one result
_LEAST = 14  # without which nothing is learned
_CHARS = 160  # of a call, and of its result
_MIX = (("one", 0.5), ("two", 0.2), ("three", 0.05), ("block", 0.25))  # how it is broken
_VISIBLE = ((1, 0.1), (2, 0.25), (3, 0.3), (4, 0.2), (6, 0.15))  # assertions


@dataclass(frozen=True, slots=True)
class Problem:
    """What a search is given, and what its patches are judged by."""

    id: str
    program: Program
    broken: str  # text of the module
    how: str  # the rewrites
    cases: tuple[Case, ...]  # visible; at least one fails
    hidden: tuple[tuple[str, str], ...]  # (call, literal of its result)


def problems_of(
    program: Program, names: Mapping[str, Any], *, seed: int, most: int
) -> Iterator[Problem]:
    """At most ``most`` problems of one function. ``names`` are those of its sound module."""
    random_ = random.Random(zlib.crc32(f"{seed}:{program.id}".encode()))
    known = _known_calls(program, names, random_)
    if len(known) < _LEAST:
        return
    source = SourceText(f"{program.module}.py", program.text, program.origin, "", program.module)
    sound = next((s for s in functions_of(source) if s.name == program.function), None)
    if sound is None:
        return
    text = Text(program.text)
    made = 0
    for number in range(most * 4):
        if made >= most:
            return
        broken, how = _break(sound.node, text, random_)
        if broken is None:
            continue
        visible = _choose_visible(program, broken, known, random_)
        if visible is None:
            continue
        taken = {call for case in visible for call, _ in case.asserted}
        hidden = tuple(pair for pair in known if pair[0] not in taken)
        made += 1
        yield Problem(f"{program.id}#{seed}.{number}", program, broken, how, visible, hidden)


def _known_calls(
    program: Program, names: Mapping[str, Any], random_: random.Random
) -> list[tuple[str, str]]:
    """Calls of the sound function with their results, as different as they are found."""
    function = names[program.function]
    found: dict[str, str] = {}
    alike: dict[str, int] = {}
    drawn = inputs.calls(function, program.function, random_)
    varied = _varied(program, random_, found)
    for given in itertools.islice(_interleave(drawn, varied), _TRIES):
        call = f"{program.function}({given})"
        if call in found or len(call) > _CHARS:
            continue
        results = [_result(call, names) for _ in range(2)]
        text = results[0]
        if text is None or text != results[1] or len(text) > _CHARS or alike.get(text, 0) >= _ALIKE:
            continue
        alike[text] = alike.get(text, 0) + 1
        found[call] = text
        if len(found) >= _MOST:
            break
    pairs = list(found.items())
    return pairs if len(alike) > 1 else []


def _interleave(one: Iterator[str], other: Iterator[str]) -> Iterator[str]:
    for each in one:
        yield each
        yield from itertools.islice(other, 1)


def _varied(program: Program, random_: random.Random, found: Mapping[str, str]) -> Iterator[str]:
    """Arguments near those of calls that have a result."""
    import ast

    from pytest_gemmadev.validate.child.variation import can_vary, vary

    while True:
        if not found:
            yield ""
            continue
        call = random_.choice(list(found))
        node = ast.parse(call, mode="eval").body
        assert isinstance(node, ast.Call)
        try:
            values = [ast.literal_eval(argument) for argument in node.args]
        except (ValueError, TypeError, SyntaxError):
            yield ""
            continue
        places = [n for n, value in enumerate(values) if can_vary(value)]
        if not places:
            yield ""
            continue
        place = random_.choice(places)
        values[place] = vary(values[place], random_)
        words = [repr(v) for v in values] + [ast.unparse(k) for k in node.keywords]
        yield ", ".join(words)


def _result(call: str, names: Mapping[str, Any]) -> str | None:
    text = value_of(call, names)
    if text is None or text.startswith("raises "):
        return None
    import ast

    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, TypeError):
        return None
    return text if literal_of(value) == text and value == value else None


def _break(node: Any, text: Text, random_: random.Random) -> tuple[str | None, str]:
    """(the module with the function broken, how); None where it came to nothing."""
    way = random_.choices([w for w, _ in _MIX], weights=[p for _, p in _MIX])[0]
    offers = rewrites_of(node, text)
    if not offers:
        return None, ""
    wanted = {"one": 1, "block": 1, "two": 2, "three": 3}[way]
    names = [
        n
        for n in offers
        if way != "block" or n in ("dropped", "surplus", "clause", "jump", "shifted")
    ]
    changes: list[tuple[int, int, str]] = []
    how = []
    for _ in range(wanted * 4):
        if not names or len(changes) == wanted:
            break
        name = random_.choices(names, weights=[WEIGHTS[n] for n in names])[0]
        change = random_.choice(offers[name])
        if all(change[1] < s or e < change[0] for s, e, _ in changes):
            changes.append(change)
            how.append(name)
    if len(changes) < wanted:
        return None, ""
    broken = text.text
    for start, end, new in sorted(changes, reverse=True):
        broken = broken[:start] + new + broken[end:]
    try:
        compile(broken, "broken", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None, ""
    return broken, "+".join(how)


def _choose_visible(
    program: Program, broken: str, known: Sequence[tuple[str, str]], random_: random.Random
) -> tuple[Case, ...] | None:
    """A few assertions, one of which the broken function fails: those of the docstring, or drawn ones."""
    names = load(broken, program)
    if names is None:
        return None
    wrong = [pair for pair in known if value_of(pair[0], names) != pair[1]]
    right = [pair for pair in known if pair not in wrong]
    if not wrong:
        return None
    wanted = random_.choices([n for n, _ in _VISIBLE], weights=[w for _, w in _VISIBLE])[0]
    # People test the ordinary: short calls come first.
    failing = random_.choices(wrong, k=1)
    ordinary = sorted(right + wrong, key=lambda pair: len(pair[0]) * random_.uniform(0.5, 2))
    others = [pair for pair in ordinary if pair not in failing][: wanted - 1]
    chosen = [*failing, *others]
    random_.shuffle(chosen)
    if random_.random() < 0.5:
        return (Case(f"test_{program.function}", tuple(chosen)),)
    return tuple(Case(f"test_{program.function}_{n}", (pair,)) for n, pair in enumerate(chosen, 1))


def load(text: str, program: Program) -> dict[str, Any] | None:
    """The names of a module; None where it cannot be imported or lacks its function."""
    import warnings

    from training.confidence.in_process import bounded
    from training.data.trial import ROOT, Late, Refused

    names: dict[str, Any] = {"__name__": program.module}
    try:
        with bounded(0.6), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(text, f"{ROOT}/{program.module}.py", "exec", dont_inherit=True), names)
    except (Exception, Late, Refused, SystemExit):
        return None
    return names if program.function in names else None
