"""For tests of rules, templates, proposers and models, of this package and of others.

`check_rule` holds a rule to its own examples: each is a small project that is written to a folder and
really run, so that the rule meets the error that Python raises. `check_template` holds a template to
its examples, which are code alone. The functions below them are the steps of that, for other tests.
`ScriptedModel` answers from a script, without weights and at once.
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
from typing import Any

import pytest

from pytest_gemmadev.capture.exceptions import Comparison
from pytest_gemmadev.capture.hooks import capture_stack
from pytest_gemmadev.capture.plain import stack_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.propose.patterns import PatternProposer
from pytest_gemmadev.propose.rules import RuleProposer
from pytest_gemmadev.propose.rules.rule import Example, Rule
from pytest_gemmadev.propose.templates.template import Template
from pytest_gemmadev.propose.templates.template_pattern import TemplatePattern
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Inapplicable,
    Proposer,
    RepairTask,
    Span,
    Suspicion,
)

__all__ = [
    "TEST_PATH",
    "Example",
    "ScriptedModel",
    "apply_candidate",
    "check_rule",
    "check_template",
    "make_task",
    "parse_tree",
    "propose_everywhere",
    "raise_error",
]

TEST_PATH = "tests/test_app.py"
MAX_STEPS = 200_000  # lines a test may execute before it counts as hanging


def check_rule(rule: Rule, example: Example, folder: Path) -> None:
    """Asserts that the rule does with an example what the example says.

    ``folder`` is an empty one, pytest's ``tmp_path``.
    """
    files = parse_tree(example.tree)
    stack = raise_error(folder, files, example.test)
    assert stack is not None, "the example's test passes"
    assert stack.kind in rule.kinds, f"{rule.name} is not for this error: {stack}"
    candidates = RuleProposer((rule,)).propose(make_task(stack, files, example.test))
    results = [apply_candidate(files, candidate) for candidate in candidates]
    if not example.old:
        assert results == [], "the rule changes what it must leave alone"
        return
    whole = "".join(files.values())
    assert whole.count(example.old) == 1, f"{example.old!r} must occur once"
    wanted = {path: text.replace(example.old, example.new) for path, text in files.items()}
    assert wanted in results, results


def check_template(template: Template) -> None:
    """Asserts that a template does with its examples, and with what it must leave alone, what they say."""
    proposer = PatternProposer(patterns=(TemplatePattern(template),))
    for code, wanted in template.examples:
        results = propose_everywhere(proposer, code)
        trees = {ast.dump(ast.parse(result)) for result in results}
        assert ast.dump(ast.parse(wanted)) in trees, f"{template.name} makes of {code!r}: {results}"
    for code in template.untouched:
        results = propose_everywhere(proposer, code)
        assert results == [], (
            f"{template.name} must leave {code!r} alone, and makes of it: {results}"
        )


def propose_everywhere(proposer: Proposer, code: str) -> list[str]:
    """The code with each candidate of a proposer, in their order, where every line is suspicious.

    For proposers that go by the place alone: the error says nothing but that a test has failed.
    """
    path = "code.py"
    stack = ErrorStack("test_code.py::test", "call", ErrorKind.ASSERTION, "AssertionError", "", ())
    lines = range(1, code.count("\n") + 2)
    task = RepairTask(
        stacks=(stack,),
        targets=(stack.nodeid,),
        regression=frozenset(),
        sources={path: code},
        overlay={},
        suspicions=tuple(Suspicion(Span(path, n, n), 1.0, "all") for n in lines),
    )
    return [apply_candidate({path: code}, each)[path] for each in proposer.propose(task)]


# --- the steps -----------------------------------------------------------------------------------


def parse_tree(tree: str) -> dict[str, str]:
    """Contents by path of a tree: files under lines ``--- path``, ``app.py`` without one."""
    files: dict[str, list[str]] = {}
    path = "app.py"
    for line in textwrap.dedent(tree).strip("\n").splitlines(keepends=True):
        if line.startswith("--- "):
            path = line[4:].strip()
            files[path] = []
        else:
            files.setdefault(path, []).append(line)
    return {path: _end_line("".join(lines)) for path, lines in files.items()}


def _end_line(text: str) -> str:
    """The text with a newline at its end, unless it is empty."""
    return text if not text or text.endswith("\n") else text + "\n"


def _write_test(files: Mapping[str, str], test: str) -> str:
    """A test module: imports what the files define, then one test function."""
    test = textwrap.dedent(test).strip("\n")
    header, _, body = test.rpartition("---\n")
    if not header and "app.py" in files:
        header = "from app import *\n"
    return f"{header}\n\ndef test_it():\n{textwrap.indent(_end_line(body), '    ')}"


class _Hangs(TimeoutError):
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


def raise_error(folder: Path, files: Mapping[str, str], test: str) -> ErrorStack | None:
    """Runs ``test`` on a project of ``files`` that it writes to a folder; the error, or None.

    The test is what a test function holds, with imports and a line ``---`` before it; without imports
    the names of ``app`` are in reach. It runs in this process, so it must be harmless.
    """
    texts = {**files, TEST_PATH: _write_test(files, test)}
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    linecache.clearcache()
    file = folder / TEST_PATH
    with _imported_from(folder, texts):
        try:
            _execute(file, folder)
        except (Exception, pytest.fail.Exception) as error:
            return _stack(error, folder)
    return None


def _execute(file: Path, root: Path) -> None:
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        if not frame.f_code.co_filename.startswith(str(root)):
            return None
        steps += 1
        if steps > MAX_STEPS:
            raise _Hangs(f"more than {MAX_STEPS} lines")
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
    plain = capture_stack(error, f"{TEST_PATH}::test_it", "call", comparison=comparison)
    return stack_from_plain(plain, scope)


def _comparison(frame: FrameType, line: int) -> Comparison | None:
    """Both sides of ``assert left == right``, as pytest's rewriting sees them."""
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


def make_task(stack: ErrorStack, files: Mapping[str, str], test: str) -> RepairTask:
    """The task that a repair makes of an error that `raise_error` returned."""
    return RepairTask(
        stacks=(stack,),
        targets=(stack.nodeid,),
        regression=frozenset(),
        sources=dict(files),
        overlay={},
        context={TEST_PATH: _write_test(files, test)},
    )


def apply_candidate(files: Mapping[str, str], candidate: Candidate) -> dict[str, str]:
    """The files after the edits of a candidate."""
    texts = dict(files)
    for path in {e.path for e in candidate.edits}:
        text = apply_edits(texts[path], [e for e in candidate.edits if e.path == path])
        assert not isinstance(text, Inapplicable), (candidate, text)
        texts[path] = text
    return texts
