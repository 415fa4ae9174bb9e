"""Small projects that really run: written to a folder, imported, and their errors captured.

Test support. A tree is text with files under lines ``--- path``; `run` gives the error stack of a
piece of test code, or None where it passes.
"""

from __future__ import annotations

import ast
import linecache
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from pytest_gemmadev.capture.exceptions import Comparison
from pytest_gemmadev.capture.hooks import stack_to_plain
from pytest_gemmadev.capture.plain import stack_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, ErrorStack, Inapplicable, RepairTask

TEST_PATH = "tests/test_app.py"
MAX_STEPS = 200_000  # lines a test may execute before it counts as hanging


def parse_tree(tree: str) -> dict[str, str]:
    """Text by path of a tree: files under lines ``--- path``, ``app.py`` without one."""
    files: dict[str, list[str]] = {}
    path = "app.py"
    for line in textwrap.dedent(tree).strip("\n").splitlines(keepends=True):
        if line.startswith("--- "):
            path = line[4:].strip()
            files[path] = []
        else:
            files.setdefault(path, []).append(line)
    return {path: ensured("".join(lines)) for path, lines in files.items()}


def ensured(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def test_text(files: Mapping[str, str], test: str) -> str:
    """A test module: imports what the files define, then one test function."""
    test = textwrap.dedent(test).strip("\n")
    header, _, body = test.rpartition("---\n")
    if not header and "app.py" in files:
        header = "from app import *\n"
    return f"{header}\n\ndef test_it():\n{textwrap.indent(ensured(body), '    ')}"


test_text.__test__ = False  # type: ignore[attr-defined]


class Hangs(TimeoutError):
    """The code ran too many lines."""


@contextmanager
def _imported_from(root: Path, files: Mapping[str, str]) -> Iterator[None]:
    roots = [str(root), *([str(root / "src")] if any(p.startswith("src/") for p in files) else [])]
    before = set(sys.modules)
    sys.path[:0] = roots
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        del sys.path[: len(roots)]
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            paths = [origin, *getattr(sys.modules[name], "__path__", ())]
            if any(str(p).startswith(str(root)) for p in paths):
                del sys.modules[name]
        sys.path_importer_cache.clear()


def run(root: Path, files: Mapping[str, str], test: str) -> ErrorStack | None:
    """The error that ``test`` ends with on a project of ``files``, or None."""
    texts = {**files, TEST_PATH: test_text(files, test)}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    linecache.clearcache()
    file = root / TEST_PATH
    with _imported_from(root, texts):
        try:
            _execute(file, root)
        except (Exception, pytest.fail.Exception) as error:
            return _stack(error, root)
    return None


def _execute(file: Path, root: Path) -> None:
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        nonlocal steps
        if not frame.f_code.co_filename.startswith(str(root)):
            return None
        steps += 1
        if steps > MAX_STEPS:
            raise Hangs(f"more than {MAX_STEPS} lines")
        return trace

    before = sys.gettrace()
    namespace = {"__name__": "test_app", "__file__": str(file)}
    sys.settrace(trace)
    try:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
        namespace["test_it"]()  # type: ignore[operator]
    finally:
        sys.settrace(before)


def _stack(error: BaseException, root: Path) -> ErrorStack:
    tb = error.__traceback__
    while tb is not None and not tb.tb_frame.f_code.co_filename.startswith(str(root)):
        tb = tb.tb_next
    error = error.with_traceback(tb)
    comparison = None
    last = tb
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if isinstance(error, AssertionError) and last is not None:
        comparison = _comparison(last.tb_frame, last.tb_lineno or 0)
    scope = Scope(root)
    plain = stack_to_plain(error, f"{TEST_PATH}::test_it", "call", comparison=comparison)
    return stack_from_plain(plain, scope)


def _comparison(frame: FrameType, line: int) -> Comparison | None:
    """What pytest's rewriting would have told: both sides of ``assert left == right``."""
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    match tree.body:
        case [ast.Assert(test=ast.Compare(left=left, comparators=[right]))]:
            values = [
                eval(ast.unparse(side), frame.f_globals, dict(frame.f_locals))
                for side in (left, right)
            ]
            return Comparison(id(frame), frame.f_code, *values)
    return None


def task_of(stack: ErrorStack, files: Mapping[str, str], test: str) -> RepairTask:
    """The task that the loop would make of the error."""
    return RepairTask(
        stacks=(stack,),
        targets=(stack.nodeid,),
        regression=frozenset(),
        sources=dict(files),
        overlay={},
        context={TEST_PATH: test_text(files, test)},
    )


def patched(files: Mapping[str, str], candidate: Candidate) -> dict[str, str]:
    """The files with the candidate's edits made."""
    texts = dict(files)
    for path in {e.path for e in candidate.edits}:
        text = apply_edits(texts[path], [e for e in candidate.edits if e.path == path])
        assert not isinstance(text, Inapplicable), (candidate, text)
        texts[path] = text
    return texts
