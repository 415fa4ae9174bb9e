"""Files that do not compile are repaired, proposed a patch for, or reported."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.hook.findings import make_report
from pytest_gemmadev.hook.stashed import would_be_rolled_back
from pytest_gemmadev.propose.syntax import SyntaxCandidate, repair_syntax
from pytest_gemmadev.propose.syntax.compiler import Target
from pytest_gemmadev.propose.syntax.encodings import redeclared
from pytest_gemmadev.report.proposal import workflow_commands
from pytest_gemmadev.report.publish import path_below_top, tell_workflow, write_proposal
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.text.edits import (
    SourceFile,
    apply_edits,
    decode_source,
    encode_source,
)
from pytest_gemmadev.types import Edit, GemmadevError, Inapplicable, Model, RepairReport

MIN_CONFIDENCE = 0.4
_GUESS_LINES = 8  # of a best guess that is shown


@dataclass(frozen=True, slots=True)
class Options:
    target: Target | None
    model: str  # ``auto``, ``none``, or a spec
    adapter: str | None
    propose: str | None  # folder for patches; None repairs in place
    min_confidence: float
    budget_s: float  # for one file


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that does not compile."""

    path: str  # as named
    before: bytes
    after: bytes  # repaired; as before where nothing is known
    line: int  # of the fault, from 1; 0 where it is in none
    message: str  # the compiler's
    explanation: str = ""  # of the repair, or why there is none
    names: tuple[str, ...] = ()  # of the kinds of edit
    edits: tuple[Edit, ...] = ()
    confidence: float = 0.0
    others: int = 0  # candidates besides
    seconds: float = 0.0

    @property
    def is_repairable(self) -> bool:
        return self.after != self.before


def repair_files(paths: Sequence[str], options: Options) -> None:
    """Repairs files, or writes patches for them, and prints a line for each."""
    chooser = _Chooser(options)
    try:
        findings = [f for path in paths if (f := _examine(path, options, chooser)) is not None]
        if options.propose is not None:
            findings = [_confirm(finding) for finding in findings]
    finally:
        chooser.close()
    written: frozenset[str] = frozenset()
    if options.propose is None:
        written = _repair_in_place(findings, options)
    report = make_report(
        findings, model=chooser.name, min_confidence=options.min_confidence, written=written
    )
    if options.propose is not None:
        _propose(Path(options.propose), report)
    for finding in findings:
        if finding.confidence < options.min_confidence or not finding.is_repairable:
            _show_left_alone(finding, chooser)
    if options.propose is None and os.environ.get("GITHUB_ACTIONS") == "true":
        print(*workflow_commands(report, prefix=path_below_top(Path.cwd(), os.environ)), sep="\n")


def propose_nothing(folder: str) -> None:
    """Writes the proposal for files that all compile, in place of an older one."""
    _propose(Path(folder), RepairReport("none", "", 0, 0.0, (), {}, ""))


def _propose(folder: Path, report: RepairReport) -> None:
    names = write_proposal(folder, report, root=Path.cwd())
    if report.outcomes:
        count = f"{len(names)} patch{'es' if len(names) != 1 else ''}"
        broken = len(report.outcomes)
        print(f"{folder}: {count} for {broken} broken file{'s' if broken != 1 else ''}")
    for name in names:
        print(f"  git apply {folder / name}")
    for line in tell_workflow(report, folder, root=Path.cwd()):
        print(line)


# --- one file ------------------------------------------------------------------------------------


def _examine(path: str, options: Options, chooser: _Chooser) -> Finding | None:
    """What is wrong with a file and how it is repaired; None where there is nothing to repair."""
    start = time.monotonic()
    try:
        before = Path(path).read_bytes()
    except OSError as error:
        print(f"{path}: cannot be read any more ({error.strerror}); left alone")
        return None
    declared = redeclared(before)
    source = decode_source(declared.data if declared else before)
    if isinstance(source, Inapplicable):
        return Finding(path, before, before, 0, source.reason)
    repair = repair_syntax(source.text, path=path, target=options.target, budget_s=options.budget_s)
    if not repair.is_sound and not _is_sure(repair.candidates, options) and chooser.model():
        repair = repair_syntax(
            source.text, path=path, target=options.target, model=chooser.model(),
            budget_s=options.budget_s,
        )  # fmt: skip
    seconds = time.monotonic() - start
    if repair.is_sound:
        if declared is None:
            return None  # somebody repaired it meanwhile
        return Finding(path, before, declared.data, declared.line, declared.message,
                       declared.note, ("encoding",), (), declared.confidence, 0, seconds)  # fmt: skip
    line, message = repair.line, repair.message
    if not repair.candidates:
        why = f"time ran out after {options.budget_s:g} s (--budget)" if repair.is_late else ""
        return Finding(path, before, before, line, message, why, seconds=seconds)
    best = repair.candidates[0]
    after = _encode_repaired(source, best)
    if isinstance(after, Inapplicable):
        return Finding(path, before, before, line, message, after.reason, seconds=seconds)
    return Finding(path, before, after, line, message, best.explanation, best.names, best.edits,
                   best.confidence, len(repair.candidates) - 1, seconds)  # fmt: skip


def _confirm(finding: Finding) -> Finding:
    """The finding as it can be written, which `files.commit` sees to for files in place."""
    from pytest_gemmadev.files.concrete import rewrite  # libcst takes its time to import

    if not finding.is_repairable:
        return finding
    rewritten = rewrite(finding.path, finding.before, finding.after)
    if isinstance(rewritten, Inapplicable):
        return replace(finding, after=finding.before, explanation=rewritten.reason)
    return replace(finding, after=rewritten.data)


def _is_sure(candidates: Sequence[SyntaxCandidate], options: Options) -> bool:
    return bool(candidates) and candidates[0].confidence >= options.min_confidence


def _encode_repaired(source: SourceFile, candidate: SyntaxCandidate) -> bytes | Inapplicable:
    """The bytes after the repair, once it is known that they decode to the repaired text."""
    text = apply_edits(source.text, candidate.edits)
    if isinstance(text, Inapplicable):
        return text
    try:
        data = encode_source(SourceFile(text, source.encoding, source.bom))
    except UnicodeEncodeError:
        return Inapplicable(f"the repair does not fit its encoding {source.encoding}")
    again = decode_source(data)
    if isinstance(again, Inapplicable) or again.text != text:
        return Inapplicable("the repair would change how the file is decoded")
    return data


# --- in place ------------------------------------------------------------------------------------


def _repair_in_place(findings: Sequence[Finding], options: Options) -> frozenset[str]:
    """The paths of the files that were changed."""
    root = os.getcwd()
    written: set[str] = set()
    for finding in findings:
        if finding.confidence < options.min_confidence or not finding.is_repairable:
            continue
        if would_be_rolled_back(finding.path, finding.after):
            obstacle = (
                f"{finding.explanation} ({finding.message}) would meet unstaged changes of the same "
                "lines, and pre-commit would roll it back: stage or stash them, then commit again"
            )
        else:
            obstacle = _write(root, finding)
        where = f"{finding.path}:{finding.line}" if finding.line else finding.path
        if obstacle:
            print(f"{where}: not repaired: {obstacle}")
        else:
            print(f"{where}: repaired: {finding.explanation} ({finding.message})")
            written.add(finding.path)
    return frozenset(written)


def _write(root: str, finding: Finding) -> str:
    """Writes the repaired file; an empty string, or why the file was left alone."""
    from pytest_gemmadev.files.commit import Change, write

    real = os.path.realpath(finding.path)
    if os.path.islink(finding.path) and not real.startswith(os.path.realpath(root) + os.sep):
        return "it is a link to a file outside this folder"
    top = root if real.startswith(os.path.realpath(root) + os.sep) else os.path.dirname(real)
    try:
        if Path(real).read_bytes() != finding.before:
            return "it was changed meanwhile"  # the usual case, before a folder is made for it
        relative = os.path.relpath(real, os.path.realpath(top))
        relative = relative.replace(os.sep, "/")
        before, after = {relative: finding.before}, {relative: finding.after}
        return write(Change(Path(top), after, before, "gemmadev-repair"))
    except FileNotFoundError:
        return "it was deleted meanwhile"
    except OSError as error:
        return f"{error.strerror}"


# --- what a person reads -------------------------------------------------------------------------


def _show_left_alone(finding: Finding, chooser: _Chooser) -> None:
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    if not finding.is_repairable:
        why = f"; {finding.explanation}" if finding.explanation else ""
        print(f"{where}: not repaired: {finding.message}{why}")
        return
    print(
        f"{where}: not repaired: {finding.message}; left alone, for the best guess is no more than "
        f"{finding.confidence:.0%} sure: {finding.explanation}"
    )
    diff = unified_diff(finding.path, finding.before, finding.after).split("\n")
    changed = [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    for line in changed[:_GUESS_LINES]:
        print(f"    {line.rstrip()}".encode("utf-8", "replace").decode("utf-8"))
    if chooser.hint:
        print(f"    {chooser.hint}")


# --- the model -----------------------------------------------------------------------------------


class _Chooser:
    """The model, started when the first file needs it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._model: Model | None = None
        self._asked = False
        self.hint = ""

    @property
    def name(self) -> str:
        """The spec of the model, ``none`` where none was loaded."""
        return self._model.info.spec if self._model is not None else "none"

    def model(self) -> Model | None:
        """The model, loaded at the first call; None where there is none."""
        if not self._asked:
            self._asked = True
            self._model = self._load()
        return self._model

    def _load(self) -> Model | None:
        from pytest_gemmadev.registry import load_model

        spec = "gemmadev" if self._options.model == "auto" else self._options.model
        try:
            return load_model(spec, adapter=self._options.adapter, threads=None)
        except GemmadevError:
            if self._options.model != "auto":
                raise
            self.hint = (
                'the model might choose: additional_dependencies: ["pytest-gemmadev[local]"]'
            )
            return None

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
