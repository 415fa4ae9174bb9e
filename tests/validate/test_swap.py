"""Swapping code in this process: what equals a new import is applied, anything else is refused."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_gemmadev.validate.lines import Ran
from pytest_gemmadev.validate.overlay import SourceOverlay
from pytest_gemmadev.validate.swap import Refused, Swapper

Swap = Callable[[str, str], ModuleType]


def swap(tmp_path: Path, before: str, after: str, *, run: str = "") -> dict[str, Any]:
    """Names of a module that was imported as ``before`` and then given the code of ``after``."""
    path = tmp_path / "module.py"
    overlay = SourceOverlay(str(tmp_path))
    real = overlay.own(str(path))
    assert real is not None
    code = compile(textwrap.dedent(before), str(path), "exec", dont_inherit=True)
    names: dict[str, Any] = {"__name__": "module"}
    ran = Ran()
    ran.start()
    exec(code, names)
    exec(run, names)
    ran.stop()
    overlay.modules[real] = [code]
    Swapper(overlay, ran.codes).swap(real, textwrap.dedent(after).encode())
    return names


FUNCTION = "def f(x):\n    return x + 1\n"

APPLIED = {
    "body": (FUNCTION, FUNCTION.replace("+ 1", "+ 2"), "f(1)", 3),
    "body grows": (FUNCTION, "def f(x):\n    if x:\n        x += 2\n    return x\n", "f(1)", 3),
    "reference taken before": (
        FUNCTION,
        FUNCTION.replace("+ 1", "+ 2"),
        "g(1)",
        3,
        "g = f; others = [f]",
    ),
    "unchanged": (FUNCTION, FUNCTION, "f(1)", 2),
    "method": (
        "class A:\n    def f(self):\n        return 1\n",
        "class A:\n    def f(self):\n        return 2\n",
        "A().f()",
        2,
    ),
    "bound method of an object made before": (
        "class A:\n    def f(self):\n        return 1\n",
        "class A:\n    def f(self):\n        return 2\n",
        "a.f()",
        2,
        "a = A()",
    ),
    "super": (
        "class A:\n    def f(self): return 1\n"
        "class B(A):\n    def f(self):\n        return super().f() + 1\n",
        "class A:\n    def f(self): return 1\n"
        "class B(A):\n    def f(self):\n        return super().f() + 2\n",
        "B().f()",
        3,
    ),
    "property": (
        "class A:\n    @property\n    def f(self):\n        return 1\n",
        "class A:\n    @property\n    def f(self):\n        return 2\n",
        "A().f",
        2,
    ),
    "decorated": (
        "import functools\n@functools.lru_cache\ndef f(x):\n    return x + 1\n",
        "import functools\n@functools.lru_cache\ndef f(x):\n    return x + 2\n",
        "f(1)",
        3,
    ),
    "wrapped by a closure that ran": (
        "def deco(f):\n    def wrap(x):\n        return f(x) + 1\n    return wrap\n"
        "@deco\ndef f(x):\n    return x\n",
        "def deco(f):\n    def wrap(x):\n        return f(x) + 2\n    return wrap\n"
        "@deco\ndef f(x):\n    return x\n",
        "f(1)",
        3,
    ),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
        "    def f(self):\n        return self.x\n",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
        "    def f(self):\n        return self.x + 1\n",
        "A(1).f()",
        2,
    ),
    "generator": (
        "def f():\n    yield 1\n",
        "def f():\n    yield 2\n",
        "list(f())",
        [2],
    ),
    "coroutine": (
        "async def f():\n    return 1\n",
        "async def f():\n    return 2\n",
        "run(f())",
        2,
    ),
    "nested function": (
        "def f(x):\n    def g(y):\n        return y + 1\n    return g(x)\n",
        "def f(x):\n    def g(y):\n        return y + 2\n    return g(x)\n",
        "f(1)",
        3,
    ),
    "lambda": ("f = lambda x: x + 1\n", "f = lambda x: x + 2\n", "f(1)", 3),
    "lines above move": (
        FUNCTION + "class A:\n    def g(self):\n        return 1\n",
        FUNCTION.replace("return x + 1", "x += 5\n    return x + 1")
        + "class A:\n    def g(self):\n        return 1\n",
        "f(1), A().g(), A.g.__code__.co_firstlineno",
        (7, 1, 5),
    ),
}

REFUSED = {
    "constant": ("X = 1\n" + FUNCTION, "X = 2\n" + FUNCTION, "runs while importing"),
    "default": ("def f(x=1): return x", "def f(x=2): return x", "runs while importing"),
    "keyword default": ("def f(*, x=1): return x", "def f(*, x=2): return x", "runs while"),
    "constant of another type": ("X = 1\n" + FUNCTION, "X = 1.0\n" + FUNCTION, "runs while"),
    "class attribute": (
        "class A:\n    x = 1\n    def f(self): pass\n",
        "class A:\n    x = 2\n    def f(self): pass\n",
        "runs while importing",
    ),
    "decorator": (
        "import functools\n@functools.lru_cache(1)\ndef f(x): return x\n",
        "import functools\n@functools.lru_cache(2)\ndef f(x): return x\n",
        "runs while importing",
    ),
    "new function": (FUNCTION, FUNCTION + "def g(): pass\n", "runs while importing"),
    "new import": (FUNCTION, "import os\n" + FUNCTION, "runs while importing"),
    "annotation": (FUNCTION, FUNCTION.replace("(x)", "(x: int)"), "runs while importing"),
    "called while importing": (
        FUNCTION + "X = f(1)\n",
        FUNCTION.replace("+ 1", "+ 2") + "X = f(1)\n",
        "f ran while importing",
    ),
    "generator started while importing": (
        "def f():\n    yield 1\n    yield 2\nX = f(); next(X)\n",
        "def f():\n    yield 1\n    yield 3\nX = f(); next(X)\n",
        "f ran while importing",
    ),
    "comprehension at module level": (
        "X = [(lambda: i + 1)() for i in range(3)]\n" + FUNCTION,
        "X = [(lambda: i + 2)() for i in range(3)]\n" + FUNCTION,
        "importing",
    ),
    "renamed parameter": (FUNCTION, FUNCTION.replace("x", "y"), "takes other arguments"),
    "becomes a generator": (FUNCTION, FUNCTION.replace("return", "yield"), "takes other"),
    "docstring": (
        'def f():\n    "one"\n    return 1\n',
        'def f():\n    "two"\n    return 1\n',
        "documented anew",
    ),
    "closes over more": (
        "def make(a, b):\n    def f():\n        return a\n    return f\nf = make(1, 2)\n",
        "def make(a, b):\n    def f():\n        return b\n    return f\nf = make(1, 2)\n",
        "make ran while importing",
    ),
    "function replaced by something else": (
        "def f(x):\n    return x\nf = print\ndef g(): pass\n",
        "def f(x):\n    return -x\nf = print\ndef g(): pass\n",
        "no function of f",
    ),
}


@pytest.mark.parametrize("case", APPLIED.values(), ids=APPLIED)
def test_code_of_live_functions_is_replaced(tmp_path: Path, case: tuple[Any, ...]) -> None:
    before, after, expression, expected, *run = case
    names = swap(tmp_path, before, after, run=run[0] if run else "")
    assert eval(expression, {**names, "run": asyncio.run}) == expected


@pytest.mark.parametrize(("before", "after", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_takes_a_new_import_is_refused(
    tmp_path: Path, before: str, after: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        swap(tmp_path, before, after)


def test_what_does_not_compile_raises(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError):
        swap(tmp_path, FUNCTION, "def f(:\n")


def test_files_that_were_not_imported_are_only_served(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(tmp_path))
    real = str(tmp_path.resolve() / "later.py")
    Swapper(overlay, {}).swap(real, b"X = 2\n")
    assert overlay.files == {real: b"X = 2\n"}
    assert not overlay.imported


def test_files_whose_assertions_were_rewritten_are_refused(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(tmp_path))
    overlay.rewritten.add("helpers.py")
    with pytest.raises(Refused, match="rewrote"):
        Swapper(overlay, {}).swap("helpers.py", b"")
