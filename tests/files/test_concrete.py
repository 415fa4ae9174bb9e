"""What is written goes through libcst's tree, and has the bytes of the text edit or is refused."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_gemmadev.files.concrete import Rewrite, Route, rewrite
from pytest_gemmadev.types import Inapplicable

CODE = """\
'''A shop.'''

import os
from typing import Any, List


class Cart:
    def total(self, items):
        if items:
            return sum(itmes)
        return 0

    @property
    def size(self):
        return len(self.items)


def tax(net):  # in cents
    rate = 19
    return net * rate
"""
IMPORTS, NODES, TEXT = Route.IMPORTS, Route.NODES, Route.TEXT


def routes(before: bytes, after: bytes, path: str = "a.py") -> list[Route] | str:
    """The routes of a rewrite that gives the right bytes; else why there is none."""
    result = rewrite(path, before, after)
    if isinstance(result, Inapplicable):
        return result.reason
    assert result.data == after
    return list(result.routes)


EDITS = [
    pytest.param("itmes", "items", [NODES], id="name"),
    pytest.param("net * rate", "(net * rate) / 100", [NODES], id="expression that binds otherwise"),
    pytest.param("if items:", "if items is not None:", [NODES], id="header of a block"),
    pytest.param("    rate = 19\n", "    rate = 19\n    net = int(net)\n", [NODES], id="statement"),
    pytest.param("    rate = 19\n", "", [NODES], id="statement gone"),
    pytest.param("    rate = 19\n", "    if net:\n        rate = 19\n", [NODES], id="wrapped"),
    pytest.param("        return 0\n", "            return 0\n", [NODES], id="into the block"),
    pytest.param(
        "            return sum(itmes)\n        return 0\n",
        "            return sum(itmes)\n        else:\n            return 0\n",
        [NODES],
        id="clause",
    ),
    pytest.param("    @property\n", "", [NODES], id="decorator gone"),
    pytest.param("class Cart:", "class Cart(dict):", [NODES], id="header of a class"),
    pytest.param("\n\ndef tax", "\n\ndef no():\n    pass\n\n\ndef tax", [NODES], id="function"),
    pytest.param("  # in cents", "", [NODES], id="comment"),
    pytest.param("    return net * rate\n", "    return net * rate", [NODES], id="final newline"),
    pytest.param("rate\n", "rate\n\n\nVAT = tax(1)\n", [NODES], id="at the end"),
    pytest.param("import os\n", "import os\nimport sys\n", [NODES], id="import in order"),
    pytest.param("import Any, List\n", "import Any, List\nimport re\n", [IMPORTS], id="import"),
    pytest.param("import Any", "import Dict, Any", [IMPORTS], id="name before others"),
    pytest.param("Any, List", "Any, Dict, List", [NODES], id="name among others"),
    pytest.param("import Any, List", "import Any", [IMPORTS], id="imported name gone"),
    pytest.param("import os\n", "", [NODES], id="import gone, its blank line stays"),
    pytest.param("from typing import Any, List\n", "", [IMPORTS], id="import gone"),
    pytest.param("import os\n", "import ast\n", [NODES], id="other import"),
    pytest.param("    rate = 19\n", "    import re\n    rate = 19\n", [NODES], id="import below"),
    pytest.param("A shop.'''", "A shop.", "Python does not parse it", id="does not parse"),
    pytest.param("net):", "net)", "Python does not parse it", id="does not parse either"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "expected"), EDITS)
@pytest.mark.parametrize("style", ["LF", "CRLF", "tabs", "BOM", "latin-1"])
def test_an_edit(old: str, new: str, expected: list[Route] | str, style: str) -> None:
    before, after = CODE, CODE.replace(old, new, 1)
    assert before != after
    if style == "CRLF":
        before, after = (text.replace("\n", "\r\n") for text in (before, after))
    elif style == "tabs":
        before, after = (text.replace("    ", "\t") for text in (before, after))
    elif style == "latin-1":
        head = "# -*- coding: latin-1 -*-\nname = 'Zoë'\n"
        data = [(head + text).encode("latin-1") for text in (before, after)]
        expected = [NODES] if expected == [IMPORTS] else expected  # no import is at the top
        assert routes(*data) == expected
        return
    mark = b"\xef\xbb\xbf" if style == "BOM" else b""
    assert routes(mark + before.encode(), mark + after.encode()) == expected


def test_changes_apart_are_made_each_by_itself() -> None:
    after = CODE.replace("itmes", "items").replace("List\n", "List\nimport re\n")
    after = after.replace("net * rate", "net * rate // 100")
    assert routes(CODE.encode(), after.encode()) == [IMPORTS, NODES, NODES]


def test_changes_that_have_a_meaning_together_only_are_one() -> None:
    body = "".join(f"    call({n})\n" for n in range(8))
    before, after = f"def f():\n{body}", f"def f():\n    '''\n{body}    '''\n"
    assert routes(before.encode(), after.encode()) == [NODES]


ODD = [
    pytest.param("x = 1\n\fy = 2\n", "x = 1\n\fy = 3\n", [TEXT], id="form feed before code"),
    pytest.param("x = 1\n\fy = 2\n", "x = 3\n\fy = 2\n", [NODES], id="form feed elsewhere"),
    pytest.param("x = 1\n\f\ny = 2\n", "x = 1\n\f\ny = 3\n", [NODES], id="form feed on its line"),
    pytest.param("x = 1\ry = 2\r", "x = 1\ry = 3\r", [TEXT], id="lone carriage returns"),
    pytest.param("x = 1; y = 2\n", "x = 1; y = 3\n", [NODES], id="statements on one line"),
    pytest.param("if x: y = 2\n", "if x: y = 3\n", [NODES], id="block on one line"),
    pytest.param("if x: \\\n  y = 2\n", "if x: \\\n  y = 3\n", [NODES], id="continued line"),
    pytest.param("x = 1\n# end\n", "x = 2\n# end\n", [NODES], id="comment at the end"),
    pytest.param("", "x = 1\n", [NODES], id="from empty"),
    pytest.param("x = 1\n", "", [NODES], id="to empty"),
    pytest.param("# only this\n", "# only that\n", [NODES], id="only a comment"),
    pytest.param("x = '''a\n  b'''\n", "x = '''a\n  c'''\n", [NODES], id="string of several lines"),
    pytest.param(
        "if x:\n  a\n# c\n  b\n", "if x:\n  a\n# c\n  d\n", [NODES], id="comment far left"
    ),
    pytest.param("import a; x = 1\n", "import b; x = 1\n", [NODES], id="import with another"),
    pytest.param("x = 1\n", "x = 1\n", [], id="no change"),
    pytest.param("x = (\n", "x = ()\n", [TEXT], id="did not parse"),
    pytest.param("x = (\n", "x = (]\n", "libcst does not parse it", id="does not parse still"),
    pytest.param(
        "(a): int = 1\n",
        "(a): int = 2\n",
        "libcst's tree does not give the bytes of the edit",
        id="what libcst does not know",
    ),
    pytest.param("(a): int = 1\nb = 1\n", "(a): int = 1\nb = 2\n", [NODES], id="and elsewhere"),
]


@pytest.mark.parametrize(("before", "after", "expected"), ODD)
def test_odd_files(before: str, after: str, expected: list[Route] | str) -> None:
    assert routes(before.encode(), after.encode()) == expected


@pytest.mark.slow
def test_what_is_nested_too_deep_for_libcst_is_taken_as_python_takes_it() -> None:
    before = "x = " + "+".join(["1"] * 600) + "\n"
    assert routes(before.encode(), before.replace("1\n", "2\n").encode()) == [TEXT]


@pytest.mark.parametrize("path", ["notes.txt", "setup.cfg"])
def test_a_file_that_is_not_python_is_taken_as_it_is(path: str) -> None:
    assert routes(b"a (\n", b"b (\n", path) == [TEXT]


@pytest.mark.parametrize("path", ["script", "stub.pyi", "window.pyw"])
def test_python_has_other_names_too(path: str) -> None:
    assert routes(b"x = 1\n", b"x = 2\n", path) == [NODES]


def test_a_new_encoding_is_read_back() -> None:
    before = "# coding: utf-8\nx = 'ë'\n".encode("latin-1")
    assert routes(before, before.replace(b"utf-8", b"latin-1")) == [TEXT]


# --- files of the standard library ---------------------------------------------------------------

NAMES = ["argparse", "ast", "bdb", "calendar", "cmd", "code", "csv", "enum", "queue", "shlex"]
PLACE = st.floats(0, 1, exclude_max=True)


@cache
def module(name: str) -> tuple[str, list[tuple[int, int]], list[tuple[int, int]]]:
    """The text of a module, and the spans of its expressions and its statements."""
    path = Path(sysconfig.get_paths()["stdlib"]) / f"{name}.py"
    text = path.read_text("utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans: dict[type, list[tuple[int, int]]] = {ast.expr: [], ast.stmt: []}
    for node in ast.walk(ast.parse(text)):
        for kind, found in spans.items():
            if isinstance(node, kind):
                assert isinstance(node, (ast.expr, ast.stmt))
                end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
                found.append((starts[node.lineno - 1] + node.col_offset, end))
    return text, spans[ast.expr], spans[ast.stmt]


def changed(name: str, kind: int, one: float, other: float) -> str | None:
    """The module with a node made another one of it, taken out or put in; None if that is broken."""
    text, *spans = module(name)
    nodes = spans[kind % 2]
    start, end = nodes[int(one * len(nodes))]
    first, last = nodes[int(other * len(nodes))]
    piece = text[first:last]
    if kind < 2:
        result = text[:start] + piece + text[end:]
    elif kind == 3:  # with its line
        end = text.find("\n", end) + 1
        result = text[: text.rfind("\n", 0, start) + 1] + text[end:]
    elif kind == 5:
        indent = text[text.rfind("\n", 0, start) + 1 : start]
        result = f"{text[:start]}{piece}\n{indent}{text[start:]}"
    else:
        result = f"{text[:start]}({piece}, {text[start:end]}){text[end:]}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(result)
    except SyntaxError:
        return None
    return result


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.sampled_from(NAMES), st.integers(0, 5), PLACE, PLACE)
def test_edits_at_the_nodes_of_a_real_file(name: str, kind: int, one: float, other: float) -> None:
    before, after = module(name)[0], changed(name, kind, one, other)
    if after is None:
        return
    result = rewrite(f"{name}.py", before.encode(), after.encode())
    assert isinstance(result, Rewrite)
    assert result.data == after.encode()
    assert Route.TEXT not in result.routes
