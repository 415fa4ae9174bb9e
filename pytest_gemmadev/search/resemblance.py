"""Which functions a failing test is about, by the words that it shares with their names.

People name a test after what it tests, and call it there. Of functions that the spectrum cannot tell
apart, the one that is named is the likelier place (as in retrieval-based localization: Zhou, Zhang and
Lo, 2012). A word counts by how few of the functions in question have it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import log

from pytest_gemmadev.search.limits import DEFAULT, Limits

_ENDINGS = ("ization", "izing", "ized", "ation", "ated", "ize", "ing", "ies", "ed", "es", "er", "s")
_COMMON = frozenset({"test", "tests", "self", "the", "and", "not", "get", "set", "init", "case"})


def resemblance(
    tests: Collection[str],
    context: Mapping[str, str],
    functions: Iterable[str],
    *,
    limits: Limits = DEFAULT,
) -> dict[str, float]:
    """Factors of at least 1 by qualified name of the function.

    ``tests`` are node ids, ``context`` the texts of their files by path.
    """
    said = {word for nodeid in tests for word in words(_name(nodeid), limits=limits)}
    called = {name for nodeid in tests for name in _identifiers(nodeid, context)}
    own = {qualified: words(qualified.rpartition(".")[2], limits=limits) for qualified in functions}
    holders = Counter(word for found in own.values() for word in found)
    rarity = {word: log((len(own) + 1) / (count + 0.5)) for word, count in holders.items()}
    return {
        qualified: 1.0
        + limits.named_by_test * _overlap(found, said, rarity, limits=limits)
        + limits.called_by_test * (_call_name(qualified) in called)
        for qualified, found in own.items()
    }


def words(name: str, *, limits: Limits = DEFAULT) -> frozenset[str]:
    """The stems of the words in an identifier, common ones left out."""
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", name)
    found = {word.lower() for word in re.findall(r"[A-Za-z]{2,}", parted)}
    return frozenset(_stem(word, limits.word_letters) for word in found - _COMMON)


def _stem(word: str, least: int) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least - 1:
            return word[: -len(ending)]
    return word


def _overlap(
    own: Collection[str], said: Collection[str], rarity: Mapping[str, float], *, limits: Limits
) -> float:
    """The share of a function's words that the test says, rare words counting more."""
    total = sum(rarity[word] for word in own)
    return sum(rarity[w] * _likeness(w, said, limits) for w in own) / total if total > 0 else 0.0


def _likeness(word: str, said: Collection[str], limits: Limits) -> float:
    if word in said:
        return 1.0
    long = len(word) >= limits.word_letters
    begins = any(
        other.startswith(word) or (len(other) >= limits.word_letters and word.startswith(other))
        for other in said
    )
    return limits.word_prefix if long and begins else 0.0


def _name(nodeid: str) -> str:
    """The name of the test function."""
    return re.sub(r"\[.*", "", nodeid.partition("::")[2]).rpartition("::")[2]


def _call_name(qualified: str) -> str:
    """What a call writes: the class for its constructor."""
    owner, _, name = qualified.rpartition(".")
    return owner.rpartition(".")[2] if name == "__init__" and owner else name


def _identifiers(nodeid: str, context: Mapping[str, str]) -> set[str]:
    """Names and attributes that the test's own code mentions."""
    text, name = context.get(nodeid.partition("::")[0], ""), _name(nodeid)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found: set[str] = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name == name:
            for node in ast.walk(function):
                if isinstance(node, ast.Name):
                    found.add(node.id)
                elif isinstance(node, ast.Attribute):
                    found.add(node.attr)
    return found
