"""Whether the user's files survive: kills, full disks, two runs, saves by others and Ctrl-C.

Each part prints how often it hurt the journal or a whole run at a random moment, in which states that
left the tree, and how often something was lost, which has to be 0. ``python benchmarks/reliability.py
PART…`` runs the parts that are named, all of them by default; a status of 1 says that one has failed.
The moments come from ``--seed``; what the machine does at them does not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_gemmadev.files import atomic, journal
from pytest_gemmadev.types import GemmadevError

OLD = {
    "a.py": b"one\r\n" * 40,
    "pkg/b.py": b"\xef\xbb\xbftwo" * 300,
    "c.py": b"",
    "d.py": b"x" * 9000,
}
NEW = {path: b"new " + path.encode() + data[::2] for path, data in OLD.items()}
MODES = {"a.py": 0o644, "pkg/b.py": 0o755, "c.py": 0o600, "d.py": 0o640}
_PAGE = 4096
_RUN_LIMIT_S = 120.0


@dataclass
class Tally:
    """What came of one part."""

    name: str
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    start_s: float = field(default_factory=time.monotonic)

    def show(self) -> bool:
        """Prints it; True where nothing was lost."""
        count = sum(self.states.values())
        seconds = time.monotonic() - self.start_s
        told = ", ".join(f"{name} {n}" for name, n in sorted(self.states.items()))
        print(f"{self.name}: {count} in {seconds:.0f} s; {told}; lost or torn: {len(self.lost)}")
        for line in self.lost[:5]:
            print(f"  {line}")
        sys.stdout.flush()
        return not self.lost


# --- a small tree --------------------------------------------------------------------------------


def plant(top: Path, contents: Mapping[str, bytes] = OLD) -> None:
    for path, data in contents.items():
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(MODES.get(path, 0o644))


def contents(top: Path) -> dict[str, bytes]:
    """Every file of the project, what the journal leaves beside them included."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and journal.FOLDER not in path.parts
    }


def modes(top: Path) -> dict[str, int]:
    return {path: (top / path).stat().st_mode & 0o777 for path in MODES}


def kept_somewhere(top: Path, data: bytes) -> bool:
    """Whether some file holds the content, the journal's own included."""
    return any(path.read_bytes() == data for path in top.rglob("*") if path.is_file())


def forked(action: Callable[[], object], into: int | None = None) -> int:
    """A process that does it and nothing else of ours; writes to ``into`` why it could not."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        action()
        status = 0
    except GemmadevError as error:
        if into is not None:
            os.write(into, str(error).encode())
    finally:
        os._exit(status)


def usual_s(prepare: Callable[[], object], action: Callable[[], object]) -> float:
    """Seconds that the action takes in a fork, in the middle of some."""
    taken = []
    for _ in range(7):
        prepare()
        start_s = time.perf_counter()
        os.waitpid(forked(action), 0)
        taken.append(time.perf_counter() - start_s)
    return sorted(taken)[3]


def wait_until(moment: float) -> None:
    while (left := moment - time.perf_counter()) > 0:
        if left > 0.0005:
            time.sleep(left - 0.0003)


# --- kills of commit, undo and recovery ----------------------------------------------------------


def kills(count: int, rng: random.Random, folder: Path) -> Tally:
    """SIGKILL at a random moment of commit, undo or recovery; then the tree is old or new."""
    tally = Tally("kills of commit, undo and recovery")
    top = folder / "project"
    plant(top)

    def commit() -> None:
        journal.commit(top, NEW, note="n", expected=OLD)

    def clean() -> None:
        journal.recover(top)
        if contents(top) == NEW:
            journal.undo(top)

    def changed() -> None:
        clean()
        commit()

    def kill(name: str, action: Callable[[], object]) -> None:
        start_s = time.perf_counter()
        pid = forked(action)
        wait_until(start_s + rng.random() * spans[name] * 1.05)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        was = "killed" if os.WIFSIGNALED(status) else "was done"
        torn = contents(top) not in (OLD, NEW)
        tally.states[f"{name} {was}{', torn' if torn else ''}"] += 1

    spans: dict[str, float] = {}
    turn = 0
    while (done := sum(n for state, n in tally.states.items() if "killed" in state)) < count:
        if turn % 500 == 0:  # how fast the machine is changes
            spans["commit"] = spans["recovery"] = usual_s(clean, commit)
            spans["undo"] = usual_s(changed, lambda: journal.undo(top))
        turn += 1
        if turn % 2:
            clean()
            kill("commit", commit)
        else:
            if contents(top) != NEW:
                changed()
            kill("undo", lambda: journal.undo(top))
        while (top / journal.FOLDER / "pending.json").exists() and rng.random() < 0.5:
            kill("recovery", lambda: journal.recover(top))
        journal.recover(top)
        after = contents(top)
        if after not in (OLD, NEW) or modes(top) != MODES:
            odd = sorted(p for p in after if after[p] not in (OLD.get(p), NEW.get(p)))
            tally.lost.append(f"after {done}: {odd}")
            shutil.rmtree(top)
            plant(top)
    clean()
    if contents(top) != OLD or modes(top) != MODES:
        tally.lost.append("the last undo is not exact")
    return tally


# --- saves by another program --------------------------------------------------------------------


def saves(count: int, rng: random.Random, folder: Path) -> Tally:
    """Another program saves a file at a random moment of commit, in place or by renaming."""
    tally = Tally("saves by another program during commit")
    top = folder / "project"

    def plant_anew() -> None:
        shutil.rmtree(top, ignore_errors=True)
        plant(top)

    def commit() -> None:
        journal.commit(top, NEW, note="n", expected=OLD)

    span = usual_s(plant_anew, commit)
    for number in range(count):
        plant_anew()
        path = rng.choice(sorted(OLD))
        how = "renamed" if number % 2 else "in place"
        theirs = b"saved by hand %d\n" % number * 30
        out, into = os.pipe()
        begin = time.perf_counter()
        pid = forked(commit, into)
        wait_until(begin + rng.random() * span)
        save(top / path, theirs, how)
        os.waitpid(pid, 0)
        span = 0.98 * span + 0.02 * (time.perf_counter() - begin)
        os.close(into)
        with open(out, "rb") as said:
            refused = said.read().decode()
        after = contents(top)
        rest = {p: data for p, data in after.items() if p != path}
        is_new = rest == {p: d for p, d in NEW.items() if p != path}
        is_old = rest == {p: d for p, d in OLD.items() if p != path}
        if not (is_old if refused else is_new) or not kept_somewhere(top, theirs):
            tally.lost.append(f"{number} {path} {how}: {refused}")
        elif refused:
            when = "in the moment" if "very moment" in refused else "before"
            tally.states[f"{how} {when}: withdrawn"] += after[path] == theirs
        else:
            where = "there" if after[path] == theirs else "kept in .gemmadev"
            tally.states[f"{how} after: {where}"] += 1
        if refused and after[path] != theirs:
            tally.lost.append(f"{number} {path} {how}: not where it was saved: {refused}")
    return tally


def save(path: Path, data: bytes, how: str) -> None:
    """As an editor does."""
    if how == "in place":
        path.write_bytes(data)
        return
    beside = path.with_name("editor.tmp")
    beside.write_bytes(data)
    os.replace(beside, path)


# --- a full disk ---------------------------------------------------------------------------------


@contextmanager
def small_disk(size_kib: int) -> Iterator[Path | None]:
    """A disk of that size; None where mounting is not allowed."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-disk-") as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", name]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            yield None
            return
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=False)


def full_disk(levels: int, rng: random.Random, folder: Path) -> Tally:
    """Commit and undo with every amount of free space, in steps of 4 KiB."""
    del rng, folder
    tally = Tally("full disk, commit and undo at every level of free space")
    old = {f"f{n}.py": b"%d" % n * 7000 for n in range(6)}
    new = {path: data + b"new" * 3000 for path, data in old.items()}
    with small_disk(2048) as disk:
        if disk is None:
            print("full disk: left out, mounting is not allowed here")
            return tally
        filler, top = disk / "filler", disk / "project"
        for level in range(levels):
            plant(top, old)
            _fill(filler, disk, level * _PAGE)
            tally.states[
                _tried(tally, lambda: journal.commit(top, new, note="n"), top, old, new)
            ] += 1
            filler.unlink()
            journal.recover(top)
            if contents(top) not in (old, new):
                tally.lost.append(f"level {level}: torn after recovery")
            if contents(top) == old:
                journal.commit(top, new, note="n")
            _fill(filler, disk, level * _PAGE)
            tally.states["undo: " + _tried(tally, lambda: journal.undo(top), top, new, old)] += 1
            filler.unlink()
            shutil.rmtree(top)
    return tally


def _fill(filler: Path, disk: Path, left: int) -> None:
    """Leaves that many bytes."""
    with filler.open("wb") as file:
        free = os.statvfs(disk)
        wanted = free.f_bavail * free.f_frsize - left
        with suppress(OSError):
            while wanted > 0:
                wanted -= file.write(b"\0" * min(wanted, 1 << 16))
                file.flush()


def _tried(
    tally: Tally,
    action: Callable[[], object],
    top: Path,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
) -> str:
    try:
        action()
    except GemmadevError as error:
        if contents(top) != before:
            tally.lost.append(f"not as before: {error}")
        if "No space left" not in str(error):
            tally.lost.append(f"does not say why: {error}")
        return "refused, as before"
    except OSError as error:
        tally.lost.append(f"raised {error}")
        return "raised"
    if contents(top) != after:
        tally.lost.append("done, and not as it should be")
    return "done"


# --- whole runs ----------------------------------------------------------------------------------

PROJECT = {
    "shop.py": b"def total(items, prices):\n    return sum(prices[itm] for item in items)\n",
    "cart.py": b"def double(count):\n    return cuont * 2\n",
    "test_shop.py": b"from shop import total\n\n\ndef test_total():\n"
    b"    assert total(['a', 'b'], {'a': 1, 'b': 2}) == 3\n",
    "test_cart.py": b"from cart import double\n\n\ndef test_double():\n    assert double(4) == 8\n",
}
# One that cannot be collected: pytest then formats an interruption of its own making.
BROKEN = {
    "shop.py": b"def total(items, prices):\n    return sum(prices[item] for item in items\n",
    "test_shop.py": PROJECT["test_shop.py"],
}


def start(top: Path, *options: str) -> subprocess.Popen[bytes]:
    ours = ("PYTEST_", "COV_CORE_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_gemmadev.plugin", "-q", "--gemmadev-fix",
         "--gemmadev-model=none", "--gemmadev-budget=40", *options],
        cwd=top,
        env=kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # others only take their time
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def sources(top: Path) -> dict[str, bytes]:
    return {
        path: data
        for path, data in contents(top).items()
        if "__pycache__" not in path and not path.startswith(".pytest_cache")
    }


def finished(project: Mapping[str, bytes], folder: Path) -> tuple[float, dict[str, bytes]]:
    """Seconds of a run that nobody disturbs, and what it makes of the project."""
    top = folder / "undisturbed"
    plant(top, project)
    start_s = time.perf_counter()
    start(top).communicate(timeout=_RUN_LIMIT_S)
    seconds = time.perf_counter() - start_s
    after = sources(top)
    shutil.rmtree(top)
    if after == project:
        raise SystemExit("the project is not repaired at all, so nothing can be measured")
    return seconds, after


def processes_in(top: Path) -> list[str]:
    """Processes whose working directory lies there, half a second later."""
    deadline = time.monotonic() + 8
    while True:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                place = Path(os.readlink(process / "cwd"))
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                if place.is_relative_to(top) and state != "Z":
                    line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{process.name} {line.decode(errors='replace')}")
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def runs(count: int, rng: random.Random, folder: Path) -> Tally:
    """SIGKILL of a whole run; the next command finds the tree old or new."""
    tally = Tally("kills of whole runs")
    seconds, new = finished(PROJECT, folder)
    number = 0
    while sum(n for state, n in tally.states.items() if state != "ended before") < count:
        number += 1
        top = folder / f"run{number}"
        plant(top, PROJECT)
        # Half of the moments fall to the last part of a run, in which it writes and confirms.
        share = rng.random() if number % 2 else 0.5 + rng.random() / 2
        process = start(top)
        time.sleep(share * seconds)
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        left = processes_in(top)
        if left:
            tally.lost.append(f"{number}: left behind: {left[0]}")
        recovered = journal.recover(top)
        after = sources(top)
        if after not in (PROJECT, new):
            tally.lost.append(f"{number}: torn: {sorted(after)}")
        if after == new and not ended:
            journal.undo(top)
            if sources(top) != PROJECT:
                tally.lost.append(f"{number}: undo is not exact")
        state = "ended before" if ended else "new" if after == new else "old"
        tally.states[f"{state}{', recovered' if recovered else ''}"] += 1
        seconds *= 0.95 if ended else 1.01  # how fast the machine is changes
        shutil.rmtree(top)
    return tally


def two(count: int, rng: random.Random, folder: Path) -> Tally:
    """Two runs over one tree at once."""
    tally = Tally("two runs at once")
    _seconds, new = finished(PROJECT, folder)
    for number in range(count):
        top = folder / f"two{number}"
        plant(top, PROJECT)
        first = start(top)
        time.sleep(rng.random() * 0.5)
        second = start(top)
        outputs = [p.communicate(timeout=_RUN_LIMIT_S)[0].decode() for p in (first, second)]
        after = sources(top)
        if after not in (PROJECT, new):
            tally.lost.append(f"{number}: torn: {sorted(after)}")
        if any("INTERNALERROR" in output for output in outputs):
            tally.lost.append(f"{number}: {outputs}")
        with suppress(GemmadevError):
            while sources(top) != PROJECT:
                journal.undo(top)
        if sources(top) != PROJECT:
            tally.lost.append(f"{number}: undo is not exact")
        writers = sum("gemmadev undo" in output for output in outputs)
        tally.states[f"{'new' if after == new else 'old'}, written by {writers}"] += 1
        shutil.rmtree(top)
    return tally


# Notes in the project's folder when pytest begins to format what ended the collection.
_MARKS = """
import pathlib
import _pytest._code.code as code

def _marked(function):
    def marked(*args, **kwargs):
        pathlib.Path("formatting").touch()
        return function(*args, **kwargs)
    return marked

code.ExceptionInfo.getrepr = _marked(code.ExceptionInfo.getrepr)
"""


def ctrl_c(count: int, rng: random.Random, folder: Path) -> Tally:
    """Ctrl-C at a random moment of a whole run: nothing is written any more, no process is left."""
    tally = Tally("Ctrl-C of whole runs")
    known = {}
    for name, project in (("failing", PROJECT), ("broken", BROKEN)):
        known[name] = (project, *finished(project, folder))
    for number in range(count):
        name = "failing" if number % 4 == 3 else "broken"
        project, seconds, new = known[name]
        top = folder / f"ctrl{number}"
        plant(top, project)
        (top / "conftest.py").write_text(_MARKS)
        # A second one right after in a third of the runs.
        again_s = rng.random() * 0.3 if number % 3 == 0 else None
        process = start(top)
        where = _wait_for_moment(process, top, rng, number, seconds)
        ended = process.poll() is not None
        _interrupt(process)
        if again_s is not None:
            time.sleep(again_s)
            _interrupt(process)
        try:
            output = process.communicate(timeout=30)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            tally.lost.append(f"{number}: goes on after 30 s")
            os.killpg(process.pid, signal.SIGKILL)
            output = process.communicate()[0].decode(errors="replace")
        left = processes_in(top)
        if left:
            tally.lost.append(f"{number}: left behind: {left[0]}")
        (top / "conftest.py").unlink()
        (top / "formatting").unlink(missing_ok=True)
        after = sources(top)
        told = "gemmadev undo" in output  # it was written and confirmed before, and says so
        if after not in (project, new) or (after == new and not (ended or told)):
            status = process.returncode
            tally.lost.append(f"{number}: {where}: {status}: written after all: {output[-800:]}")
        if "INTERNALERROR" in output:
            tally.lost.append(f"{number}: {output[-800:]}")
        state = "new" if after == new else "old"
        tally.states[f"{where}: {state}, status {process.returncode}"] += 1
        if process.returncode not in (0, 2, -signal.SIGINT):
            print(f"{number}: {where}: status {process.returncode}: {output[-2500:]}", flush=True)
        shutil.rmtree(top)
    return tally


def _wait_for_moment(
    process: subprocess.Popen[bytes], top: Path, rng: random.Random, number: int, seconds: float
) -> str:
    """Waits; half of the moments lie where pytest formats what ended the collection, if it does."""
    if number % 2:
        time.sleep(rng.random() * seconds)
        return "anywhere"
    deadline = time.monotonic() + seconds * 3
    while not (top / "formatting").exists() and process.poll() is None:
        if time.monotonic() > deadline:
            break
        time.sleep(0.0005)
    time.sleep(rng.random() ** 2 * 0.05)
    return "formatting"


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it


# --- the command ---------------------------------------------------------------------------------

PARTS: dict[str, tuple[Callable[[int, random.Random, Path], Tally], int]] = {
    "kills": (kills, 10_000),
    "saves": (saves, 1_000),
    "full-disk": (full_disk, 175),
    "two": (two, 20),
    "ctrl-c": (ctrl_c, 200),
    "runs": (runs, 300),
}


def main(argv: list[str] | None = None) -> int:
    """1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, help="of each part; default as in docs/reliability.md")
    parser.add_argument("--folder", type=Path, help="where the trees lie; default the temp folder")
    parser.add_argument(
        "--no-exchange", action="store_true", help="as where the system cannot exchange two names"
    )
    parser.add_argument("--no-sync", action="store_true", help="as fast as it goes")
    options = parser.parse_args(argv)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.no_exchange:
        atomic._exchange = lambda: None  # type: ignore[assignment]
    if options.no_sync:
        os.fsync = lambda _handle: None  # type: ignore[assignment]
    sound = True
    for name in options.parts or PARTS:
        part, count = PARTS[name]
        with tempfile.TemporaryDirectory(prefix="gemmadev-", dir=options.folder) as folder:
            rng = random.Random(f"{options.seed} {name}")
            tally = part(options.count or count, rng, Path(os.path.realpath(folder)))
            sound &= tally.show()
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
