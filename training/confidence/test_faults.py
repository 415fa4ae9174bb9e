"""Fits the weights by which a test is suspected (`search.test_faults.weights.BEFORE`).

Sound functions of packages are called; what they give becomes a test of a few assertions. Then either
one expectation is made wrong, as people slip, or the function is broken, so that an assertion fails.

    python -m training.confidence.test_faults --from stdlib --from PACKAGE --rows ROWS.jsonl

prints the weights, how many of either kind are right above each limit, on a fifth of the functions that
the fit has not seen. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_gemmadev.search.claims.claim import claims_of
from pytest_gemmadev.search.test_faults.contradictions import examine, meets
from pytest_gemmadev.search.test_faults.expectations import read_statements
from pytest_gemmadev.search.test_faults.subjects import Subject, Subjects
from pytest_gemmadev.search.test_faults.weights import read_features
from pytest_gemmadev.types import Expression
from training.data import trial
from training.data.bugs import BreakOptions, Counts, broken
from training.data.execute import Prover
from training.data.functions import Sound, functions_of, sources
from training.rewrites.texts import lines_of

Row = tuple[str, dict[str, float], bool]  # (function, features, whether the test is at fault)

_ASSERTIONS = (2, 2, 3, 3, 4, 5, 6)  # of a test file
_ROWS = 3  # of either kind from one function
_PRIOR = 0.1  # share of failures whose test is at fault; chosen


class _Observer(Prover):
    """Asks a process for what functions give, sound and broken."""

    def observe(
        self, sound: Sound, versions: Sequence[str], expressions: Sequence[str]
    ) -> dict[str, Any] | None:
        """As `answer` gives it; None where nothing can be called."""
        request = self._request(sound, [])
        asked = {**request, "versions": list(versions), "expressions": list(expressions)}
        found = self._ask(sound.source.module, asked)
        return found[0] if found else None

    def _start(self) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        return subprocess.Popen(
            [sys.executable, "-m", "training.confidence.test_faults", "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,
        )


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the sound function and each version give, by the call; and for documented expressions."""
    one = trial.Trial({**request, "bugs": []})
    calls = {call: repr(value) for call, value in one.inputs()}
    asked = [*calls, *request["expressions"]]
    versions = []
    for text in request["versions"]:
        try:
            with one._replaced(one._compiled(text)):
                versions.append(_values(one, asked))
        except (Exception, trial.Late, trial.Refused):
            continue
    return {"calls": list(calls), "sound": _values(one, asked), "versions": versions}


def _values(one: trial.Trial, calls: Sequence[str]) -> dict[str, str]:
    found = {}
    for call in calls:
        value = one._value(call)
        if isinstance(value, trial.Late | trial.Refused):
            continue
        try:
            found[call] = f"raises {type(value).__name__}" if _is_error(value) else repr(value)
        except Exception:  # a __repr__ may raise anything
            continue
    return found


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException)


# --- rows ----------------------------------------------------------------------------------------


def rows_of(names: Sequence[str], *, seed: int, functions: int) -> Iterator[Row]:
    """Rows of both kinds from the functions of some sources."""
    left = functions
    observer = _Observer(seed=seed)
    with observer:
        for source in sources(list(names)):
            options = BreakOptions(per_function=4, any_license=True, seed=seed)
            bugs = list(broken([source], options, Counts()))
            claims = {
                (c.function.owner, c.function.name): c for c in claims_of("m.py", source.text)
            }
            for sound in functions_of(source):
                if left <= 0:
                    return
                key = (sound.owner, sound.node.name)
                texts = [
                    _part(b.broken, sound) for b in bugs if b.origin.endswith(f":{sound.name}")
                ]
                expressions = (
                    [e.expression.text for e in claims[key].examples] if key in claims else []
                )
                seen = observer.observe(sound, texts, expressions)
                if seen is None or len(seen["calls"]) < 3:
                    continue
                left -= 1
                random_ = random.Random(zlib.crc32(f"{seed}:{source.module}:{sound.name}".encode()))
                name = f"{source.module}:{sound.name}"
                for features, is_fault in _rows(sound, source.text, seen, random_):
                    yield name, features, is_fault


def _part(text: str, sound: Sound) -> str:
    """The function's lines in a text that differs from the sound one in this function only."""
    first, last = lines_of(sound.node)[0], sound.node.end_lineno or 0
    longer = text.count("\n") - sound.near.count("\n")
    return "\n".join(text.split("\n")[first - 1 : last + longer]) + "\n"


def _rows(
    sound: Sound, text: str, seen: Mapping[str, Any], random_: random.Random
) -> Iterator[tuple[dict[str, float], bool]]:
    given: dict[str, str] = seen["sound"]
    for _ in range(_ROWS):
        calls = _choose(seen["calls"], random_)
        place = random_.randrange(len(calls))
        wrong = slip(ast.literal_eval(given[calls[place]]), random_)
        if wrong is None:
            continue
        expected = [given[call] for call in calls]
        expected[place] = wrong
        yield from (
            (f, True) for f in _features(sound, text, calls, expected=expected, values=given)
        )
    for values in seen["versions"][:_ROWS]:
        calls = _choose(seen["calls"], random_)
        changed = [c for c in seen["calls"] if values.get(c, given[c]) != given[c]]
        if changed and not set(changed) & set(calls):
            calls[0] = random_.choice(changed)
        expected = [given[call] for call in calls]
        yield from (
            (f, False) for f in _features(sound, text, calls, expected=expected, values=values)
        )


def _choose(calls: Sequence[str], random_: random.Random) -> list[str]:
    """Calls for a test; documented ones, which come first, are what people test most."""
    count = min(random_.choice(_ASSERTIONS), len(calls))
    return random_.sample(calls[: max(count, 6)], count)


def _features(
    sound: Sound,
    text: str,
    calls: Sequence[str],
    *,
    expected: Sequence[str],
    values: Mapping[str, str],
) -> list[dict[str, float]]:
    """The features of the first assertion that fails; none where none does."""
    subject = sound.owner or sound.node.name
    lines = [f"from m import {subject}", ""]
    for number, (call, value) in enumerate(zip(calls, expected, strict=True)):
        sign = "is" if value in ("True", "False", "None") else "=="
        lines += [f"def test_{number}():", f"    assert {call} {sign} {value}"]
    tests = "\n".join(lines) + "\n"
    found = Subjects("test_m.py", tests, {"m.py": text})
    subjects = [s for each in read_statements(tests) if (s := found.find(each)) is not None]
    known = {Expression("m.py", call): value for call, value in values.items()}
    failing = [s for s in subjects if _fails(s, known)]
    if not failing:
        return []
    evidence = examine(failing[:1], subjects, {"m.py": text}, evaluate=lambda _asked: known)
    return [read_features(each) for each in evidence]


def _fails(subject: Subject, values: Mapping[Expression, str]) -> bool:
    got = values.get(subject.expression)
    return got is not None and meets(subject.stated, got) is False


def slip(value: object, random_: random.Random) -> str | None:
    """A wrong expectation as people write it; None for a value that has none."""
    if isinstance(value, bool):
        return repr(not value)
    wrong: Any
    if isinstance(value, int):
        wrong = random_.choice((value + 1, value - 1, -value, value * 2, value + 10, value + 3))
    elif isinstance(value, float):
        wrong = random_.choice((value + 1, round(value, 1), value * 2, -value, value + 0.5))
    elif isinstance(value, str):
        wrong = random_.choice(
            (value[:-1], value.swapcase(), value + "s", value[::-1], " " + value)
        )
    elif isinstance(value, list | tuple):
        inner = list(value)
        wrong = random_.choice((inner[:-1], inner[::-1], inner[1:], [*inner, 0], []))
        if inner and random_.random() < 0.5:
            changed = slip(inner[-1], random_)
            wrong = wrong if changed is None else [*inner[:-1], ast.literal_eval(changed)]
        wrong = type(value)(wrong)
    elif isinstance(value, dict) and value:
        wrong = dict(list(value.items())[:-1])
    elif value is None:
        wrong = random_.choice((0, "", [], False))
    else:
        return None
    return None if wrong == value else repr(wrong)


# --- the fit -------------------------------------------------------------------------------------


def fit(rows: Sequence[Row]) -> None:
    # Not needed to use the weights.
    from sklearn.linear_model import LogisticRegression

    names = sorted({name for _, features, _ in rows for name in features} - {"model"})
    held = [zlib.crc32(name.encode()) % 5 == 0 for name, _, _ in rows]
    table = [[features[n] for n in names] for _, features, _ in rows]
    learned = [i for i, is_held in enumerate(held) if not is_held]
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000)
    model.fit([table[i] for i in learned], [rows[i][2] for i in learned])
    prior = float(model.intercept_[0]) + math.log(_PRIOR / (1 - _PRIOR))
    print(
        f"{len(rows)} rows, {sum(r[2] for r in rows)} with the test at fault; PRIOR = {prior:.2f}"
    )
    for name, weight in zip(names, model.coef_[0], strict=True):
        share = [sum(bool(r[1][name]) for r in rows if r[2] is kind) for kind in (True, False)]
        print(
            f'    "{name}": {weight:.2f},  # {share[0]} of the tests at fault, {share[1]} of the bugs'
        )
    for limit in (0.97, 0.9, 0.8, 0.4):
        counts = {True: [0, 0], False: [0, 0]}
        for i in (i for i, is_held in enumerate(held) if is_held):
            nats = prior + sum(w * x for w, x in zip(model.coef_[0], table[i], strict=True))
            counts[rows[i][2]][0] += 1 / (1 + math.exp(-nats)) >= limit
            counts[rows[i][2]][1] += 1
        print(
            f"from {limit}: {counts[True]} of the tests at fault, {counts[False]} of the bugs, held out"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="names", action="append", default=[])
    parser.add_argument("--functions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", default="", help="a file that rows are added to and read from")
    parser.add_argument("--child", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        return _serve()
    if arguments.names:
        with open(arguments.rows, "a", encoding="utf-8") as file:
            found = rows_of(arguments.names, seed=arguments.seed, functions=arguments.functions)
            for row in found:
                print(json.dumps(row), file=file, flush=True)
    with open(arguments.rows, encoding="utf-8") as file:
        rows = [(name, features, fault) for name, features, fault in map(json.loads, file)]
    fit(rows)
    return 0


def _serve() -> int:
    """Answers a request a line; what functions print goes nowhere."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    trial.limit()
    trial.forbid()
    for line in requests:
        request = json.loads(line)
        sys.path[:0] = [f for f in request["folders"] if f not in sys.path]
        try:
            found = [answer(request)]
        except (Exception, trial.Late, trial.Refused):
            found = []
        answers.write(json.dumps(found) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
