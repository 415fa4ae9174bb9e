"""What a program must not lose: output, effects, loops, and what comes behind the error."""

from __future__ import annotations

import contextlib
import io
import sys
from types import FrameType
from typing import Any, NamedTuple

import pytest

from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, Edit, ErrorKind, ErrorStack, Frame, Origin, Role
from pytest_gemmadev.validate.program.kept_behaviour import Runs, find_loss
from pytest_gemmadev.validate.program.kept_output import WrittenLines

PATH = "prog.py"


class Traced(NamedTuple):
    lines: frozenset[tuple[str, int]]
    stack: ErrorStack | None


def run(source: str) -> Traced:
    """Really runs a program, and records its lines and its error."""
    lines: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != PATH:
            return None
        if event == "line":
            lines.add((PATH, frame.f_lineno))
        return trace

    stack = None
    with contextlib.redirect_stdout(io.StringIO()):
        sys.settrace(trace)
        try:
            exec(compile(source, PATH, "exec"), {"__name__": "__main__"})
        except SystemExit:
            pass
        except Exception as error:
            frames = []
            entry = error.__traceback__
            while entry is not None:
                code = entry.tb_frame.f_code
                if code.co_filename == PATH:
                    frames.append(Frame(PATH, entry.tb_lineno, code.co_name, Role.SOURCE))
                entry = entry.tb_next
            name = type(error).__name__
            stack = ErrorStack("", "run", ErrorKind.OTHER, name, str(error), tuple(frames))
        finally:
            sys.settrace(None)
    return Traced(frozenset(lines), stack)


def loss(source: str, old: str, new: str, origin: str) -> str:
    at = source.index(old)
    candidate = Candidate((Edit(PATH, at, at + len(old), new),), Origin.parse(origin), 0.0)
    changed = apply_edits(source, candidate.edits)
    assert isinstance(changed, str)
    before, after = run(source), run(changed)
    assert before.stack is not None
    return find_loss(
        candidate,
        {PATH: source},
        Runs(before.lines, after.lines),
        before=before.stack,
        ends=after.stack is None,
    )


SHOP = """\
ORDERS = [{"name": "pear", "price": 3}, {"nme": "fig", "price": 2}]

def show(orders):
    for order in orders:
        print(order["name"])
        print(order["price"])

def main():
    print("orders")
    show(ORDERS)
    print("done")

main()
"""
DATA = """\
def load():
    return {"rows": [1, 2]}

def main():
    rows = load()["row"]
    for row in rows:
        print(row)
    print("end")

main()
"""
HANDLED = """\
def note(error):
    print("failed", error)

def work(n):
    return n / zero

try:
    print("start")
    print(work(1))
except NameError as error:
    note(error)
    raise
finally:
    print("finally")
"""
COUNT = """\
def mean(values):
    if len(value) == 0:
        return 0
    result = sum(values)
    return result / len(values)

print(mean([]))
"""
SHORT = "print('a')\nx = missing\nprint('b')\n"


@pytest.mark.parametrize(
    ("source", "old", "new", "origin", "says"),
    [
        pytest.param(SHOP, 'order["name"]', 'order.get("name")', "pattern:x", "", id="kept"),
        pytest.param(
            SHOP,
            "for order in orders:",
            "for order in []:",
            "pattern:x",
            "the loop at prog.py:4 runs no more",
            id="an emptied loop",
        ),
        pytest.param(
            SHOP,
            "def show(orders):\n",
            "def show(orders):\n    return\n",
            "pattern:x",
            "the loop at prog.py:4 runs no more",
            id="a function that returns at once",
        ),
        pytest.param(
            SHOP,
            '    print("orders")\n    show(ORDERS)\n',
            '    print("orders")\n    return\n    show(ORDERS)\n',
            "pattern:x",
            "the loop at prog.py:4 runs no more",
            id="past the call",
        ),
        pytest.param(
            SHOP,
            'print(order["name"])',
            "raise SystemExit(0)",
            "pattern:x",
            "it ends the program instead",
            id="an exit",
        ),
        pytest.param(DATA, '"row"', '"rows"', "rule:x", "", id="the right key"),
        pytest.param(
            DATA,
            '["row"]',
            '.get("row", [])',
            "rule:x",
            "the loop at prog.py:6 has nothing to run over",
            id="an empty stand-in",
        ),
        pytest.param(
            DATA,
            '    rows = load()["row"]\n',
            "    return\n    rows = []\n",
            "pattern:x",
            "`for row in rows:` (prog.py:6), behind the error, is never reached",
            id="the rest is left out",
        ),
        pytest.param(HANDLED, "/ zero", "/ 1", "rule:x", "", id="handlers do not count"),
        pytest.param(
            COUNT, "len(value)", "len(values)", "rule:x", "", id="an early return that is right"
        ),
        pytest.param(SHORT, "missing", "1", "pattern:x", "", id="a value"),
        pytest.param(
            SHORT,
            "x = missing",
            "import sys; sys.exit()",
            "rule:x",
            "it ends the program instead",
            id="an exit from a rule",
        ),
    ],
)
def test_what_is_lost(source: str, old: str, new: str, origin: str, says: str) -> None:
    assert loss(source, old, new, origin) == says


@pytest.mark.parametrize(
    ("first", "second", "new", "lost"),
    [
        pytest.param(b"a\nb\n", b"a\nb\n", b"a\nb\nc\n", "", id="more"),
        pytest.param(b"a\nb", b"a\nb", b"a\nbc", "", id="the last line goes on"),
        pytest.param(b"a\nb\n", b"a\nb\n", b"a\n", "'b'", id="less"),
        pytest.param(b"a\nb\n", b"a\nb\n", b"a\nc\n", "'b'", id="another line"),
        pytest.param(b"took 1.5 s\n", b"took 1.6e-5 s\n", b"took 9 s\n", "", id="a time"),
        pytest.param(
            b"took 1.5 s\n", b"took 1.6 s\n", b"took None s\n", "'took 1.5 s'", id="no time"
        ),
        pytest.param(b"<f at 0x7f1a>\n", b"<f at 0x7f2b>\n", b"<f at 0x11>\n", "", id="an address"),
        pytest.param(b"{a, b}\nx\n", b"{b, a}\nx\n", b"{c}\nx\n", "", id="an order"),
        pytest.param(b"{a, b}\nx\n", b"{b, a}\nx\n", b"{c}\n", "'x'", id="behind it"),
    ],
)
def test_what_is_no_longer_printed(first: bytes, second: bytes, new: bytes, lost: str) -> None:
    assert WrittenLines.of(first, second).find_lost(new) == lost
