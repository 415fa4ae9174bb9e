"""What helps a person where nothing was repaired: places, what is known of the error, what to try."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pytest_gemmadev.search.differences import describe_difference
from pytest_gemmadev.types import ErrorStack, Frame, ModelInfo, Role, Suspicion

_PLACES = 3  # that are named
_NAMES = 8  # keys or attributes that are listed
_CLOSE = 3  # names that are called close
_FILES = 12  # that are searched for what a message names
_FIELDS = 3  # that a message names
_LINES = 6  # of a message of pydantic
_SHOWN = 60  # characters of a value
_REFUSED_SHARE = 0.25  # of the candidates, from which refusals are worth a word

_PYDANTIC = re.compile(r"^\d+ validation errors? for (\S+)")
_JSONSCHEMA = re.compile(r"^On instance((?:\[[^\]]+\])+):", re.MULTILINE)
_QUOTED = re.compile(r"""['"`]([A-Za-z_]\w*)['"`]""")
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$|(?:^|/)tests?/")
_INSTALLED = re.compile(r"(?:^|/)(?:site-packages|\.?v?env|\.tox|\.nox|node_modules)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a search has spent, and whether it has tried everything."""

    is_out_of_time: bool = False
    budget_s: float = 0.0  # that the user gave; 0 where that is not known
    model: ModelInfo | None = None
    tried: int = 0
    refused: int = 0  # of them, those that reached for what lies outside their run


def advise(
    stack: ErrorStack,
    suspicions: Sequence[Suspicion],
    sources: Mapping[str, str],
    *,
    effort: Effort,
) -> tuple[str, ...]:
    """Sentences for a person, the most telling first."""
    return (
        *describe_places(suspicions, sources),
        *describe_error(stack),
        *describe_fields(stack, sources, [s.span.path for s in suspicions]),
        *what_to_try(stack, effort),
    )


# --- where ---------------------------------------------------------------------------------------


def describe_places(suspicions: Sequence[Suspicion], sources: Mapping[str, str]) -> Iterator[str]:
    """The likeliest places of the fault, each in another statement or function."""
    places: list[str] = []
    seen: set[tuple[str, str, int]] = set()
    for suspicion in suspicions:
        path, line = suspicion.span.path, suspicion.span.start_line
        function = _function_at(sources[path], line) if path in sources else ""
        key = (path, function, 0 if function else line)
        if key in seen:
            continue
        seen.add(key)
        places.append(f"{path}:{line}{f' in {function}' if function else ''}")
        if len(places) == _PLACES:
            break
    if places:
        yield f"likeliest {'place' if len(places) == 1 else 'places'}: {', '.join(places)}"


def _function_at(text: str, line: int) -> str:
    """The qualified name of the function or class around a line; empty at module level."""
    try:
        body: Sequence[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    names: list[str] = []
    while True:
        around = [s for s in body if s.lineno <= line <= (s.end_lineno or s.lineno)]
        if not around:
            return ".".join(names)
        here = around[0]
        if isinstance(here, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(here.name)
        parts: list[ast.stmt] = []
        for name in ("body", "orelse", "finalbody"):
            parts += getattr(here, name, None) or []
        for inner in (*getattr(here, "handlers", ()), *getattr(here, "cases", ())):
            parts += inner.body
        body = parts


# --- what is known -------------------------------------------------------------------------------


def describe_error(stack: ErrorStack) -> Iterator[str]:
    """What the exception itself knows: names that exist, values that differ."""
    facts = stack.facts
    if facts.name and facts.alternatives:
        bare = {each.strip("'\""): each for each in facts.alternatives}
        close = get_close_matches(facts.name.strip("'\""), list(bare), _CLOSE)
        shown = [bare[name] for name in close]
        others = [each for each in facts.alternatives if each not in shown]
        of = f" of {facts.owner}" if facts.owner else ""
        if shown:
            yield f"{facts.name} is not there; the closest name{of}: {', '.join(shown)}"
        elif others:
            more = f" and {len(others) - _NAMES} more" if len(others) > _NAMES else ""
            yield f"{facts.name} is not there; what is{of}: {', '.join(others[:_NAMES])}{more}"
    if facts.left or facts.right:
        yield f"got {_clip(facts.left)}, expected {_clip(facts.right)}"
        difference = describe_difference(facts.left, facts.right)
        if difference:
            yield difference
    if stack.cause is not None:
        yield f"it was caused by {_first_line(stack.cause)}"


def describe_fields(
    stack: ErrorStack, sources: Mapping[str, str], paths: Sequence[str]
) -> Iterator[str]:
    """The fields that the message names, and where the project has them."""
    message = stack.message
    lines = message.splitlines()
    fields: list[str] = []
    head = next((m for line in lines[:1] if (m := _PYDANTIC.match(line))), None)
    if head is not None:
        found = [n for n, line in enumerate(lines[1:], 1) if line and not line[0].isspace()]
        for n in found[:_FIELDS]:
            why = lines[n + 1].strip() if n + 1 < len(lines) else ""
            fields.append(lines[n].strip().partition(".")[0])
            yield f"{head.group(1)} refuses `{lines[n].strip()}`: {_clip(why, 2 * _SHOWN)}"
    for match in _JSONSCHEMA.finditer(message):
        fields += [name.strip("'\"") for name in re.findall(r"\[([^\]]+)\]", match.group(1))]
    fields += _QUOTED.findall(message)
    searched = dict.fromkeys([*(f.path for f in reversed(stack.project_frames)), *paths])
    told = 0
    for name in dict.fromkeys(fields):
        if name == stack.facts.name.strip("'\"") or told == _FIELDS:
            continue
        places = list(_places_of(name, sources, list(searched)[:_FILES]))
        if places:
            told += 1
            yield f"the message names `{name}`, which stands at {', '.join(places[:_PLACES])}"


def _places_of(name: str, sources: Mapping[str, str], paths: Sequence[str]) -> Iterator[str]:
    word = re.compile(rf"\b{re.escape(name)}\b")
    for path in paths:
        if path in sources:
            for number, line in enumerate(sources[path].splitlines(), 1):
                if word.search(line):
                    yield f"{path}:{number}"


# --- what to try ---------------------------------------------------------------------------------


def what_to_try(stack: ErrorStack, effort: Effort) -> Iterator[str]:
    """What may help, by what ended the search."""
    frame = denied_frame(stack)
    if frame is not None:
        yield (
            f"to try: it is raised in {frame.path}, which may not be edited; "
            f"--gemmadev-allow='{frame.path}' lets it, unless --gemmadev-deny names it"
        )
    if effort.is_out_of_time and effort.budget_s:
        yield f"to try: a larger budget, --gemmadev-budget={2 * effort.budget_s:g}"
    if effort.model is None:
        yield "to try: a model, which writes what no rule knows, --gemmadev-model=gemmadev"
    elif not effort.is_out_of_time and effort.model.spec != "qwen-coder":
        yield "to try: another model, --gemmadev-model=qwen-coder"
    if effort.tried and effort.refused >= _REFUSED_SHARE * effort.tried:
        yield (
            f"{effort.refused} of {effort.tried} candidates reached for what lies outside of their "
            "run and were stopped"
        )


def denied_frame(stack: ErrorStack) -> Frame | None:
    """The frame that raised, where it lies in a file of the project that options keep from edits."""
    for frame in reversed(stack.frames):
        if frame.path.startswith(("/", "<")) or not frame.path.endswith(".py"):
            continue  # installed, or made up
        if frame.in_project or _TEST_FILE.search(frame.path) or _INSTALLED.search(frame.path):
            return None
        test = stack.nodeid.partition("::")[0]
        return None if frame.path == test and frame.role is Role.TEST else frame
    return None


def _first_line(stack: ErrorStack) -> str:
    first = next((line.strip() for line in stack.message.splitlines() if line.strip()), "")
    return _clip(f"{stack.error}: {first}" if first else stack.error, 2 * _SHOWN)


def _clip(text: str, limit: int = _SHOWN) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
