"""Small known procedures with drawn names and constants, each in one or more idioms.

They are in ``procedures.toml``.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.drills.drill import Drill, Parameter, table


@dataclass(frozen=True, slots=True)
class Procedure:
    names: Sequence[str]
    parameters: Sequence[Mapping[str, Any]]  # as, names, kind
    returns: str
    says: Sequence[str]
    bodies: Sequence[str]
    vary: Sequence[Mapping[str, str]] = ({},)


@functools.cache
def all_procedures() -> tuple[Procedure, ...]:
    return tuple(Procedure(**row) for row in table("procedures.toml")["procedure"])


def procedures(random_: random.Random) -> Iterator[Drill]:
    """Drills without end; the same procedure comes again with other names and constants."""
    waiting: list[Procedure] = []
    while True:
        if not waiting:
            waiting = random_.sample(all_procedures(), len(all_procedures()))
        procedure = waiting.pop()
        yield drawn(procedure, random_.choice(procedure.vary), random_)


def drawn(procedure: Procedure, vary: Mapping[str, str], random_: random.Random) -> Drill:
    """The procedure with one of its variations, and names and constants that are drawn."""
    constants = random_.sample(range(2, 10), 3)
    parts = dict(vary) | {str(i): str(value) for i, value in enumerate(constants, 1)}
    parameters: list[Parameter] = []
    for each in procedure.parameters:
        taken = {parameter.name for parameter in parameters}
        free = [name for name in each["names"] if name not in taken]
        parameters.append(Parameter(random_.choice(free), each["kind"]))
        parts[each["as"]] = parameters[-1].name
    name = re.sub(r"\W+", "_", _filled(random_.choice(procedure.names), parts))
    parts["self"] = name
    body = _filled(random_.choice(procedure.bodies), parts)
    quote = random_.choice(("", "", "`"))
    quoted = {each["as"]: f"{quote}{parts[each['as']]}{quote}" for each in procedure.parameters}
    return Drill(
        name=name,
        parameters=tuple(parameters),
        returns=procedure.returns,
        says=_filled(random_.choice(procedure.says), parts | quoted),
        body=body.strip("\n"),
    )


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """With ``$name`` replaced, twice: parts hold parameters themselves."""
    longest = sorted(parts, key=len, reverse=True)
    pattern = re.compile("|".join(rf"\${re.escape(part)}" for part in longest))
    for _ in range(2):
        text = pattern.sub(lambda found: parts[found.group()[1:]], text)
    return text
