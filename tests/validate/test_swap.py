"""Swapping code in this process: what equals a new import is applied, anything else is refused."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_gemmadev.validate.child.chunk import changed_chunk, outline
from pytest_gemmadev.validate.child.overlay import SourceOverlay
from pytest_gemmadev.validate.child.swap import NeedsImport, Swapper
from pytest_gemmadev.validate.child.tracing import CodeRecorder

Swap = Callable[[str, str], ModuleType]


def swap(
    tmp_path: Path, before: str, after: str, *, run: str = "", whole: bool = True
) -> dict[str, Any]:
    """Names of a module that was imported as ``before`` and then given the code of ``after``."""
    path = tmp_path / "module.py"
    overlay = SourceOverlay(str(tmp_path))
    real = overlay.own(str(path))
    assert real is not None
    code = compile(textwrap.dedent(before), str(path), "exec", dont_inherit=True)
    names: dict[str, Any] = {"__name__": "module"}
    ran = CodeRecorder()
    ran.start()
    exec(code, names)
    exec(run, names)
    ran.stop()
    overlay.modules[real] = [code]
    overlay.texts[real] = textwrap.dedent(before).encode()
    swapper = Swapper(overlay, ran.codes)
    if not whole:
        swapper.prepare(real)
    swapper.swap(real, textwrap.dedent(after).encode())
    return names


WHOLE = pytest.mark.parametrize("whole", [True, False], ids=["module", "chunk"])


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


@pytest.mark.slow
@WHOLE
@pytest.mark.parametrize("case", APPLIED.values(), ids=APPLIED)
def test_code_of_live_functions_is_replaced(
    tmp_path: Path, case: tuple[Any, ...], whole: bool
) -> None:
    before, after, expression, expected, *run = case
    names = swap(tmp_path, before, after, run=run[0] if run else "", whole=whole)
    assert eval(expression, {**names, "run": asyncio.run}) == expected


@pytest.mark.slow
@WHOLE
@pytest.mark.parametrize(("before", "after", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_takes_a_new_import_is_refused(
    tmp_path: Path, before: str, after: str, reason: str, whole: bool
) -> None:
    with pytest.raises(NeedsImport, match=reason):
        swap(tmp_path, before, after, whole=whole)


@WHOLE
def test_what_does_not_compile_raises(tmp_path: Path, whole: bool) -> None:
    with pytest.raises(SyntaxError):
        swap(tmp_path, FUNCTION, "def f(:\n", whole=whole)


MODULE = """\
from __future__ import annotations
import os


@staticmethod
def first(x):
    return x + 1
def second(x):
    \'\'\'Two
    lines.\'\'\'
    return [x for x in range(x)]

class Third(Exception):
    limit = 3

    def method(self):
        def inner():
            return self.limit
        return inner()


LAST = 1
def fourth(): return 4
"""

EDITS = {
    "first line of the body": ("x + 1", "x + 2"),
    "inserted behind the last line": ("x + 1\n", "x + 1\n    return 3\n"),
    "inserted lines": ("    return x + 1", "    if x:\n        x = 2\n    return x + 1"),
    "removed lines": ("    '''Two\n    lines.'''\n", ""),
    "one line function": ("return 4", "return 5"),
    "in a nested function": ("return self.limit", "return self.limit + 1"),
    "method added": (
        "        return inner()\n",
        "        return inner()\n    def more(self): pass\n",
    ),
    "class attribute": ("limit = 3", "limit = 4"),
    "decorator added to the next": ("x + 1\n", "x + 1\n@print\n"),
    "statement between": ("x + 1\n", "x + 1\nX = 1\n"),
    "opens a text that a later one closes": ("return x + 1", "return '''"),
    "module level": ("LAST = 1", "LAST = 2"),
    "swallows the next function": ("x + 1\ndef second(x):\n", "x + 1\n"),
    "continued by a backslash": ("x + 1", "x + 1 \\"),
    "comment": ("x + 1", "x + 1  # one"),
    "two functions": ("x + 1\ndef second(x):", "x + 2\ndef second(y):"),
}


def outcome(tmp_path: Path, after: str, *, whole: bool) -> object:
    """All code of the module's functions afterwards, or why there is none."""
    try:
        names = swap(tmp_path, MODULE, after, whole=whole)
    except SyntaxError:
        return SyntaxError
    except NeedsImport:
        return NeedsImport
    functions = [names[n] for n in ("first", "second", "fourth")] + [names["Third"].method]
    found = [getattr(f, "__func__", f).__code__ for f in functions]
    return [(code, code.co_linetable, code.co_consts) for code in found]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_a_chunk_by_itself_comes_to_what_the_module_comes_to(
    tmp_path: Path, old: str, new: str
) -> None:
    after = MODULE.replace(old, new)
    assert after != MODULE
    assert outcome(tmp_path, after, whole=False) == outcome(tmp_path, after, whole=True)


def test_a_loose_swap_reaches_what_ran_while_importing(tmp_path: Path) -> None:
    before = "def f(x):\n    return x + 1\nX = f(1)\n"
    path = tmp_path / "module.py"
    overlay = SourceOverlay(str(tmp_path))
    real = overlay.own(str(path))
    assert real is not None
    code = compile(before, str(path), "exec", dont_inherit=True)
    names: dict[str, Any] = {}
    ran = CodeRecorder()
    ran.start()
    exec(code, names)
    ran.stop()
    overlay.modules[real], overlay.texts[real] = [code], before.encode()
    swapper = Swapper(overlay, ran.codes)
    after = before.replace("+ 1", "+ 2").encode()
    with pytest.raises(NeedsImport, match="f ran while importing"):
        swapper.swap(real, after)
    swapper.swap(real, after, loosely=True)
    assert (names["f"](1), names["X"], swapper.is_loose) == (3, 2, True)
    swapper.restore()
    assert (names["f"](1), swapper.is_loose) == (2, False)
    with pytest.raises(NeedsImport, match="module"):
        swapper.swap(real, before.replace("f(1)", "f(2)").encode(), loosely=True)


def test_files_that_were_not_imported_are_only_served(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(tmp_path))
    real = str(tmp_path.resolve() / "later.py")
    Swapper(overlay, {}).swap(real, b"X = 2\n")
    assert overlay.files == {real: b"X = 2\n"}
    assert not overlay.imported


def test_files_whose_assertions_were_rewritten_are_refused(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(tmp_path))
    overlay.rewritten.add("helpers.py")
    with pytest.raises(NeedsImport, match="rewrote"):
        Swapper(overlay, {}).swap("helpers.py", b"")


CHUNKS = {
    "first line of the body": 0,
    "inserted behind the last line": 1,
    "removed lines": -2,
    "method added": 1,
    "one line function": 0,
    "module level": None,
    "two functions": None,
    "opens a text that a later one closes": None,
}


@pytest.mark.parametrize(("name", "shift"), CHUNKS.items(), ids=CHUNKS)
def test_chunk_or_none(name: str, shift: int | None) -> None:
    module = compile(MODULE, "module.py", "exec", dont_inherit=True)
    after = MODULE.replace(*EDITS[name])
    chunk = changed_chunk(outline(MODULE.encode()), after.encode(), module)
    assert (None if chunk is None else chunk.shift) == shift
