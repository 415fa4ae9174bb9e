"""Compositions: of the elements of something, those that fulfil a condition, changed, summed up.

Words and code are in ``compositions.toml``.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.drills.drill import Drill, Parameter, table

_QUESTIONS = 0.12  # share of those that are answered with yes or no
_LOOPS = 0.5  # share of bodies with a loop where an expression would do
_CONDITIONS = (3, 6, 1.5)  # weights of none, one and two of them
_SENTENCES = (
    "Return {}.",
    "Return {}.",
    "Returns {}.",
    "Compute {}.",
    "Find {}.",
    "Get {}.",
    "Calculate and return {}.",
    "Write a function that returns {}.",
    "This function returns {}.",
)
_RESULTS = ("result", "result", "total", "found", "answer", "out", "res")
_VERBS = {
    "that are ": "is ",
    "with ": "has ",
    "of ": "is of ",
    "greater": "is greater",
    "less": "is less",
    "divisible": "is divisible",
    "not ": "is not ",
    "between": "is between",
    "above": "is above",
    "below": "is below",
}
"""How a clause after a noun becomes a predicate."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where elements come from."""

    kind: str  # of the parameter
    names: Sequence[str]
    over: str
    element: str
    variables: Sequence[str]
    nouns: Sequence[str]  # in the plural
    where: Sequence[str]  # ends the noun phrase


@dataclass(frozen=True, slots=True)
class Condition:
    """An adjective stands before the noun, a clause after it."""

    element: str
    code: str
    clauses: Sequence[str]
    adjective: str = ""
    parameter: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is made of an element."""

    of: Sequence[str]
    code: str
    says: Sequence[str]
    gives: str
    parameter: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What becomes of all elements: as one expression, and as a loop."""

    says: Sequence[str]
    names: Sequence[str]
    returns: str
    elements: Sequence[str]
    step: str
    end: str
    start: str = ""
    expression: str = ""
    extra: Sequence[str] = ("",)  # sentences


@dataclass(frozen=True, slots=True)
class Question:
    how: str  # all, any, none
    says: Sequence[str]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Grammar:
    sources: tuple[Source, ...]
    conditions: tuple[Condition, ...]
    changes: tuple[Change, ...]
    summaries: tuple[Summary, ...]
    questions: tuple[Question, ...]


@functools.cache
def grammar() -> Grammar:
    found = table("compositions.toml")

    def rows(name: str, kind: type[Any]) -> tuple[Any, ...]:
        return tuple(kind(**_with_parameter(row)) for row in found[name])

    return Grammar(
        rows("source", Source),
        rows("condition", Condition),
        rows("change", Change),
        rows("summary", Summary),
        rows("question", Question),
    )


def _with_parameter(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"parameter": Parameter(**row["parameter"])} if "parameter" in row else row


def compositions(random_: random.Random) -> Iterator[Drill]:
    """Drills without end, some of them alike."""
    while True:
        source = random_.choice(grammar().sources)
        make = _question if random_.random() < _QUESTIONS else _composed
        drill = make(source, _drawn_constants(random_), random_)
        if drill is not None:
            yield drill


def _drawn_constants(random_: random.Random) -> dict[str, str]:
    low = random_.randint(-3, 6)
    drawn = {
        "k": random_.randint(2, 9),
        "d": random_.randint(2, 9),
        "low": low,
        "high": low + random_.randint(3, 12),
    }
    return {name: str(value) for name, value in drawn.items()} | {
        "letter": random_.choice("aeorst")
    }


def _with_constants(text: str, constants: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: constants[found.group(1)], text)


def _named(source: Source, random_: random.Random) -> tuple[Parameter, str]:
    """(the parameter, the name of an element)."""
    parameter = Parameter(random_.choice(source.names), source.kind)
    return parameter, random_.choice([v for v in source.variables if v != parameter.name])


def _conditions(source: Source) -> list[Condition]:
    return [each for each in grammar().conditions if each.element == source.element]


def _composed(source: Source, constants: dict[str, str], random_: random.Random) -> Drill | None:
    parameter, variable = _named(source, random_)
    (count,) = random_.choices((0, 1, 2), _CONDITIONS)
    chosen = random_.sample(_conditions(source), count)
    changes = [each for each in grammar().changes if source.element in each.of]
    change = random_.choice(changes) if random_.random() < 0.4 else None
    element = change.gives if change else source.element
    summary = random_.choice([each for each in grammar().summaries if element in each.elements])
    if not chosen and not change and summary.names[0] in ("filter", "keep", "set_of"):
        return None  # all elements as they are
    tests = [each.code for each in chosen]
    if len(tests) > 1 and any(" if " in test for test in tests):
        return None
    asked = [part.parameter for part in (*chosen, change) if part and part.parameter]
    parameters = (parameter, *asked)
    if len({each.name for each in parameters}) < len(parameters):
        return None

    def code(text: str) -> str:
        named = text.replace("@", parameter.name).replace("#", variable)
        return _with_constants(named, constants)

    phrase = _phrase(source, chosen, parameter, random_)
    if change:
        phrase = random_.choice(change.says).replace("%", phrase)
    says = _sentence(random_.choice(summary.says).replace("%", phrase), summary, random_)
    body = _body(
        summary,
        variable,
        code(source.over),
        " and ".join(f"({test})" if " if " in test else test for test in map(code, tests)),
        code(change.code if change else "#"),
        random_,
    )
    return Drill(
        name=_name(summary, chosen, source, random_, is_changed=change is not None),
        parameters=parameters,
        returns=summary.returns.replace("~", "str" if element == "char" else element),
        says=_with_constants(says, constants),
        body=body,
    )


def _phrase(
    source: Source, chosen: Sequence[Condition], parameter: Parameter, random_: random.Random
) -> str:
    """``the even numbers in `values` that are below 7``."""
    before, after = [], []
    for condition in chosen:
        if condition.adjective and random_.random() < 0.6:
            before.append(condition.adjective)
        else:
            after.append(random_.choice(condition.clauses))
    quoted = random_.choice(("{}", "{}", "`{}`", "'{}'")).format(parameter.name)
    where = random_.choice(source.where).replace("@", quoted)
    phrase = " ".join(["the", *before, random_.choice(source.nouns)]) + where
    return f"{phrase} {' and '.join(after)}" if after else phrase


def _sentence(what: str, summary: Summary, random_: random.Random) -> str:
    patterns = ("Return {}.", "Tell {}.", "Find out {}.") if what.startswith("how") else _SENTENCES
    return f"{random_.choice(patterns).replace('{}', what)} {random_.choice(summary.extra)}".strip()


def _body(
    summary: Summary, variable: str, over: str, test: str, value: str, random_: random.Random
) -> str:
    if summary.expression and random_.random() >= _LOOPS:
        return _expression(summary.expression, variable, over, test, value)
    lines = [*summary.start.split("\n")] if summary.start else []
    lines.append(f"for {variable} in {over}:")
    indent = "    "
    if test:
        lines.append(f"{indent}if {test}:")
        indent *= 2
    if summary.step.count("#") > 1 and value != variable:
        lines.append(f"{indent}value = {value}")
        value = "value"
    lines += [indent + line for line in summary.step.replace("#", value).split("\n")]
    lines += summary.end.split("\n")
    body = "\n".join(lines)
    name = random_.choice(_RESULTS)
    if re.search(rf"\b{name}\b", body):
        return body
    return re.sub(r"\bresult\b", name, body)


def _expression(pattern: str, variable: str, over: str, test: str, value: str) -> str:
    if value == variable and not test and not pattern.startswith("next"):  # all elements
        if pattern.startswith("sum(1"):
            return f"return len({over})" if over.isidentifier() else f"return len(list({over}))"
        if "[&]" in pattern:
            return f"return {pattern.replace('[&]', f'list({over})')}"
        return (
            f"return {pattern.replace('(&),', f'({over},').replace('((', '(').replace('&', over)}"
        )
    generator = f"{value} for {variable} in {over}{f' if {test}' if test else ''}"
    if pattern.startswith("sum(1"):
        return f"return sum(1{generator.removeprefix(value)})"
    return f"return {pattern.replace('&', generator)}"


def _name(
    summary: Summary,
    chosen: Sequence[Condition],
    source: Source,
    random_: random.Random,
    *,
    is_changed: bool,
) -> str:
    words = [each.adjective for each in chosen if each.adjective]
    if is_changed and random_.random() < 0.7:
        words.append(random_.choice(("changed", "mapped", "transformed", "new")))
    noun = random_.choice(source.nouns).split()[-1]
    return re.sub(r"\W+", "_", "_".join([random_.choice(summary.names), *words, noun]))


def _question(source: Source, constants: dict[str, str], random_: random.Random) -> Drill | None:
    parameter, variable = _named(source, random_)
    condition = random_.choice(_conditions(source))
    clause = random_.choice(condition.clauses)
    verb = next((verb for verb in _VERBS if clause.startswith(verb)), None)
    if verb is None or " if " in condition.code:
        return None
    if condition.parameter and condition.parameter.name == parameter.name:
        return None
    told = clause.replace(verb, _VERBS[verb], 1)
    question = random_.choice(grammar().questions)
    says = random_.choice(question.says)
    if says.startswith(("Check whether all", "Return True if all")):
        told = re.sub("^is ", "are ", re.sub("^has ", "have ", told))
    says = says.replace("%", _phrase(source, [], parameter, random_)).replace("*", told)
    test = condition.code.replace("@", parameter.name).replace("#", variable)
    over = source.over.replace("@", parameter.name)
    if random_.random() >= _LOOPS:
        called = {"all": "all", "any": "any", "none": "not any"}[question.how]
        body = f"return {called}({test} for {variable} in {over})"
    else:
        tested = f"not ({test})" if question.how == "all" else test
        found = question.how == "any"
        body = f"for {variable} in {over}:\n    if {tested}:\n        return {found}\nreturn {not found}"
    noun = random_.choice(source.nouns).split()[-1]
    return Drill(
        name=f"{random_.choice(question.names)}_{noun}",
        parameters=(parameter, *([condition.parameter] if condition.parameter else [])),
        returns="bool",
        says=_with_constants(says, constants),
        body=_with_constants(body, constants),
    )
