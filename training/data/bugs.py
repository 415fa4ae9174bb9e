"""Repair data: sound functions broken, the break proved, and the prompts that a repair would see.

    python -m training.data bugs --from PATH_OR_PACKAGE… --output bugs.jsonl

A break is *parsed* when the file still parses and the function compiles to other bytecode, and
*executed* when a call of the sound function and of the broken one was seen to differ; then error,
stack and values are in the prompt as they are at repair time. Every row keeps license and origin.
"""

from __future__ import annotations

import ast
import functools
import itertools
import multiprocessing
import random
import time
import types
import warnings
import zlib
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from training.data.examples import Bug, Example, repair_examples
from training.data.functions import OWN, Sound, SourceText, functions_of, is_permissive
from training.data.several import half_told, together
from training.rewrites.breaking import WEIGHTS, rewrites_of
from training.rewrites.texts import Change, Text

_TRIES = 6  # draws for each bug wanted
_MADE_UP = ("invented", "foreign")  # names that are no slip of the fingers
_FILES_AT_ONCE = 12  # that a process gets


@dataclass(frozen=True, slots=True)
class BreakOptions:
    """How many bugs of each function, and how they are proved."""

    per_function: int = 2
    execute: bool = False
    only_executed: bool = False  # leave out what no execution proved
    any_license: bool = False  # the user's own code needs none
    kinds: tuple[str, ...] = ("line", "block", "rank")
    seed: int = 0
    together: int = 1  # lines of a function broken at once, at most


@dataclass(slots=True)
class Counts:
    """What was seen and made, for the line at the end."""

    files: int = 0
    functions: int = 0
    bugs: int = 0
    executed: int = 0
    examples: int = 0
    real: int = 0  # that people made and repaired
    licensed_out: int = 0  # files under a license that is not permissive
    releases_out: int = 0  # and releases
    by_rewrite: Counter[str] = field(default_factory=Counter)
    by_license: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, bug: Bug) -> None:
        self.bugs += 1
        self.executed += bug.proof == "executed"
        self.by_rewrite[bug.how] += 1
        self.by_license[bug.license] += 1

    def merge(self, other: Counts) -> None:
        """Adds what another process has counted."""
        for name in ("files", "functions", "bugs", "executed", "licensed_out"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_rewrite += other.by_rewrite
        self.by_license += other.by_license

    def line(self) -> str:
        rate = self.functions / self.seconds if self.seconds else 0.0
        real = f" and {self.real} that people repaired" if self.real else ""
        releases = f" and {self.releases_out} releases" if self.releases_out else ""
        return (
            f"{self.files} files, {self.functions} functions ({rate:.0f}/s), {self.bugs} bugs "
            f"({self.executed} executed){real}, {self.examples} examples; "
            f"{self.licensed_out} files{releases} left out for their license"
        )

    def leave_out_releases(self, count: int) -> None:
        self.releases_out += count


Prove = Callable[[Sound, list[Bug]], list[Bug]]
"""The bugs that an execution proved, with stack and context filled in."""


def broken(
    files: Iterable[SourceText],
    options: BreakOptions,
    counts: Counts,
    *,
    prove: Prove | None = None,
) -> Iterator[Bug]:
    """Bugs from the functions of ``files``, lazily; the same seed gives the same ones."""
    started = time.monotonic()
    for source in files:
        if not (options.any_license or source.license == OWN or is_permissive(source.license)):
            counts.licensed_out += 1
            continue
        counts.files += 1
        for sound in functions_of(source):
            counts.functions += 1
            text = Text(sound.near)
            random_ = random.Random(
                zlib.crc32(f"{options.seed}:{source.origin}:{sound.name}".encode())
            )
            wanted = options.per_function * options.together * (3 if options.execute else 1)
            found = list(_breaks(sound, text, random_, wanted))
            proves = prove if options.execute else None
            if proves is not None:
                found = _proved_first(found, proves(sound, found), only=options.only_executed)
            if options.together > 1:
                found = list(together(found, most=options.together, random_=random_))
                if proves is not None:
                    proved = half_told(proves(sound, found), random_)
                    found = _proved_first(found, proved, only=options.only_executed)
            for bug in found[: options.per_function]:
                counts.add(bug)
                yield bug
            counts.seconds = time.monotonic() - started


def broken_by_many(
    files: Iterable[SourceText], options: BreakOptions, counts: Counts, *, jobs: int
) -> Iterator[Bug]:
    """As `broken`, by several processes; the same bugs in the same order."""
    started = time.monotonic()
    work = functools.partial(_broken_part, options)
    # Fresh processes: forking one that has threads, as pyarrow's, may hang. And no `multiprocessing.Pool`:
    # ended before its last result, as by a limit, it may wait for itself.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    chunks = _chunks(files, _FILES_AT_ONCE)
    try:
        waiting = deque(pool.submit(work, some) for some in itertools.islice(chunks, 2 * jobs))
        while waiting:
            bugs, part = waiting.popleft().result()
            waiting += [pool.submit(work, some) for some in itertools.islice(chunks, 1)]
            counts.merge(part)
            counts.seconds = time.monotonic() - started
            yield from bugs
    finally:
        pool.shutdown(cancel_futures=True)


def _broken_part(options: BreakOptions, files: list[SourceText]) -> tuple[list[Bug], Counts]:
    from training.data.execute import Prover

    counts = Counts()
    with Prover(seed=options.seed) as prover:
        return list(broken(files, options, counts, prove=prover.prove)), counts


def _chunks(files: Iterable[SourceText], size: int) -> Iterator[list[SourceText]]:
    rest = iter(files)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _proved_first(found: list[Bug], proved: list[Bug], *, only: bool) -> list[Bug]:
    """The bugs by what they teach: wrong values, other errors, misspelt names, unproved ones."""
    ids = {bug.id for bug in proved}
    rest = [] if only else [bug for bug in found if bug.id not in ids]

    def teaches(bug: Bug) -> int:
        error = bug.stack.error if bug.stack else ""
        if error == "NameError":
            return 1 if bug.how in _MADE_UP else 2
        return 0 if error == "AssertionError" else 1

    return [*sorted(proved, key=teaches), *rest]


def examples(bugs: Iterable[Bug], options: BreakOptions, counts: Counts) -> Iterator[Example]:
    """The questions of all bugs."""
    for bug in bugs:
        for example in repair_examples(bug, kinds=options.kinds):
            counts.examples += 1
            yield example


def _breaks(sound: Sound, text: Text, random_: random.Random, wanted: int) -> Iterator[Bug]:
    """Different bugs of one function, each of which compiles to something else."""
    known = {_essence(sound, text.text, 0)}
    found = 0
    for how, (start, end, new) in _drawn(sound, text, random_, wanted):
        longer = new.count("\n") - text.text.count("\n", start, end)
        near = text.text[:start] + new + text.text[end:]
        essence = _essence(sound, near, longer)
        if essence is None or essence in known:
            continue
        known.add(essence)
        found += 1
        origin = f"{sound.source.origin}:{sound.source.path}:{sound.name}"
        yield Bug(
            path=sound.source.path,
            broken=near,
            fixed=sound.near,
            whole=_whole(sound, text, (start, end, new)),
            id=f"{origin}#{zlib.crc32(f'{start}:{end}:{new}'.encode()):08x}",
            origin=origin,
            license=sound.source.license,
            proof="parsed",
            how=how,
        )
        if found >= wanted:
            return


def _whole(sound: Sound, near: Text, change: Change) -> tuple[str, str]:
    """The whole file, broken and sound: a place has the same line and column in both."""
    start, end, new = change
    first, last = bisect_right(near.starts, start) - 1, bisect_right(near.starts, end) - 1
    whole = sound.source.text
    starts = sound.starts
    begin = starts[first] + start - near.starts[first]
    until = starts[last] + end - near.starts[last]
    return whole[:begin] + new + whole[until:], whole


def _drawn(
    sound: Sound, text: Text, random_: random.Random, wanted: int
) -> Iterator[tuple[str, Change]]:
    """Changes in a random order, a rewrite drawn first and then one of its changes."""
    offers = rewrites_of(sound.node, text)
    for _ in range(wanted * _TRIES):
        if not offers:
            return
        names = list(offers)
        name = random_.choices(names, weights=[WEIGHTS[n] for n in names])[0]
        changes = offers[name]
        yield name, changes.pop(random_.randrange(len(changes)))
        if not changes:
            del offers[name]


def _essence(sound: Sound, text: str, longer: int) -> tuple[object, ...] | None:
    """The function's bytecode; None where it does not compile."""
    node = sound.node
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.split("\n")[first - 1 : (node.end_lineno or first) + longer]
    code = "\n".join(["if 1:", *lines] if node.col_offset else lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            body = tree.body[0].body if node.col_offset else tree.body  # type: ignore[attr-defined]
            if len(body) != 1 or not isinstance(body[0], type(node)):
                return None  # what was to stay inside has left the function
            return _bytecode(compile(tree, "code", "exec", dont_inherit=True, optimize=2))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _bytecode(code: types.CodeType) -> tuple[object, ...]:
    constants = tuple(
        _bytecode(c) if isinstance(c, types.CodeType) else (type(c).__name__, repr(c))
        for c in code.co_consts
    )
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)
