from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_gemmadev.files import atomic, exchange, journal
from pytest_gemmadev.types import GemmadevError

OLD = {"a.py": b"one\r\n", "pkg/b.py": b"\xef\xbb\xbftwo", "c.py": b""}
NEW = {"a.py": b"ONE\r\n", "pkg/b.py": b"\xef\xbb\xbfTWO\n", "c.py": b"new"}
MODES = {"a.py": 0o644, "pkg/b.py": 0o755, "c.py": 0o600}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three files; it stands beside one that must never change."""
    # What a process has written outlives its death; only a power cut asks for more.
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    top = tmp_path / "project"
    for path, data in OLD.items():
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(MODES[path])
    (top / "untouched.py").write_bytes(b"mine\n")
    return top


def tree(root: Path) -> dict[str, bytes]:
    """Everything but the journal's own folder, links not followed."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and journal.FOLDER not in path.parts
    }


def modes(root: Path) -> dict[str, int]:
    return {path: stat.S_IMODE((root / path).stat().st_mode) for path in MODES}


BEFORE = {**OLD, "untouched.py": b"mine\n"}
AFTER = {**NEW, "untouched.py": b"mine\n"}


# --- commit and undo -----------------------------------------------------------------------------


def test_a_commit_changes_the_files_and_undo_puts_them_back_to_the_byte(root: Path) -> None:
    entry = journal.commit(root, NEW, note="a test")
    assert tree(root) == AFTER
    assert modes(root) == MODES
    result = journal.undo(root)
    assert (result.entry, result.note, result.interrupted) == (entry, "a test", False)
    assert result.restored == ("a.py", "c.py", "pkg/b.py")
    assert tree(root) == BEFORE
    assert modes(root) == MODES


def test_each_undo_goes_one_change_further_back(root: Path) -> None:
    states = [tree(root)]
    for n in range(3):
        journal.commit(root, {"a.py": b"%d" % n}, note=f"change {n}")
        states.append(tree(root))
    for n in (2, 1, 0):
        assert journal.undo(root).note == f"change {n}"
        assert tree(root) == states[n]
    with pytest.raises(GemmadevError, match="nothing to undo"):
        journal.undo(root)


def test_a_change_after_an_undo_is_undone_first(root: Path) -> None:
    journal.commit(root, {"a.py": b"1"}, note="first")
    journal.commit(root, {"a.py": b"2"}, note="second")
    journal.undo(root)
    journal.commit(root, {"c.py": b"3"}, note="third")
    assert [journal.undo(root).note, journal.undo(root).note] == ["third", "first"]
    assert tree(root) == BEFORE


def test_without_a_journal_there_is_nothing_to_undo_and_none_is_made(root: Path) -> None:
    with pytest.raises(GemmadevError, match=r"nothing to undo in .*project"):
        journal.undo(root)
    assert journal.recover(root) is None
    assert not (root / ".gemmadev").exists()


def test_only_the_last_entries_are_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    for n in range(5):
        journal.commit(root, {"a.py": b"%d" % n}, note=str(n))
    assert [journal.undo(root).note for _ in range(3)] == ["4", "3", "2"]
    with pytest.raises(GemmadevError, match="nothing to undo"):
        journal.undo(root)
    assert (root / "a.py").read_bytes() == b"1"


def test_git_does_not_see_the_journal(root: Path) -> None:
    journal.commit(root, NEW, note="")
    assert (root / ".gemmadev/.gitignore").read_text() == "*\n"


def test_the_mode_from_before_comes_back(root: Path) -> None:
    journal.commit(root, {"a.py": b"x"}, note="")
    (root / "a.py").chmod(0o700)
    journal.undo(root)
    assert modes(root) == MODES


def test_a_file_that_was_put_back_by_hand_is_no_obstacle(root: Path) -> None:
    journal.commit(root, NEW, note="")
    (root / "a.py").write_bytes(OLD["a.py"])
    assert journal.undo(root).restored == ("c.py", "pkg/b.py")
    assert tree(root) == BEFORE


def test_a_file_that_is_not_as_expected_is_left_as_it_is(root: Path) -> None:
    with pytest.raises(GemmadevError, match=r"^a\.py was changed by somebody else meanwhile"):
        journal.commit(root, NEW, note="n", expected={**OLD, min(OLD): b"another"})
    assert tree(root) == BEFORE
    journal.commit(root, NEW, note="n", expected=OLD)
    assert tree(root) == AFTER


def test_a_commit_that_changes_nothing_is_an_entry_like_any_other(root: Path) -> None:
    journal.commit(root, NEW, note="first")
    journal.commit(root, NEW, note="the same again")
    result = journal.undo(root)
    assert (result.note, result.restored) == ("the same again", ())
    assert tree(root) == AFTER


# --- undo after other changes --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [pytest.param(b"by hand\n", id="edited"), pytest.param(None, id="deleted")]
)
def test_a_file_changed_since_is_named_and_nothing_is_put_back(
    root: Path, content: bytes | None
) -> None:
    journal.commit(root, NEW, note="")
    file = root / "pkg/b.py"
    file.unlink() if content is None else file.write_bytes(content)
    changed = tree(root)
    with pytest.raises(GemmadevError, match=r"^pkg/b.py: changed since.*--force"):
        journal.undo(root)
    assert tree(root) == changed

    result = journal.undo(root, force=True)
    assert tree(root) == BEFORE
    assert result.restored == ("a.py", "c.py", "pkg/b.py")
    assert [(root / path).read_bytes() for path in result.rescued] == [content][: bool(content)]


def test_a_folder_that_is_gone_is_made_again_by_force(root: Path) -> None:
    journal.commit(root, NEW, note="")
    (root / "pkg/b.py").unlink()
    (root / "pkg").rmdir()
    journal.undo(root, force=True)
    assert tree(root) == BEFORE


# --- refusals ------------------------------------------------------------------------------------


def _read_only_file(root: Path) -> None:
    (root / "pkg/b.py").chmod(0o444)


def _read_only_folder(root: Path) -> None:
    (root / "pkg").chmod(0o555)


def _missing(root: Path) -> None:
    (root / "pkg/b.py").unlink()


def _folder_instead(root: Path) -> None:
    (root / "pkg/b.py").unlink()
    (root / "pkg/b.py").mkdir()


def _link_out(root: Path) -> None:
    outside = root.parent / "outside.py"
    outside.write_bytes(b"not yours")
    (root / "pkg/b.py").unlink()
    (root / "pkg/b.py").symlink_to(outside)


def _same_file_twice(root: Path) -> None:
    (root / "pkg/b.py").unlink()
    (root / "pkg/b.py").symlink_to(root / "a.py")


def _linked_journal(root: Path) -> None:
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (root / ".gemmadev").symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_read_only_file, "pkg/b.py: it is read-only", id="read-only file"),
        pytest.param(_read_only_folder, "pkg/b.py: its folder is read-only", id="read-only folder"),
        pytest.param(_missing, "pkg/b.py is not a file", id="missing"),
        pytest.param(_folder_instead, "pkg/b.py is not a file", id="folder"),
        pytest.param(_link_out, "pkg/b.py lies outside", id="link that leaves"),
        pytest.param(_same_file_twice, "are the same file", id="two names of one file"),
        pytest.param(_linked_journal, ".gemmadev is a link", id="the journal is a link"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_changed(
    root: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(root)
    before = tree(root)
    with pytest.raises(GemmadevError, match=message):
        journal.commit(root, NEW, note="")
    (root / "pkg").chmod(0o755)
    assert tree(root) == before
    assert list(root.parent.glob("elsewhere/*")) == []


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", ".git/config", "."])
def test_a_path_that_is_no_project_file_is_refused(root: Path, path: str) -> None:
    (root.parent / "outside.py").write_bytes(b"not yours")
    (root / ".git").mkdir()
    (root / ".git/config").write_bytes(b"")
    with pytest.raises(GemmadevError, match="nothing was changed"):
        journal.commit(root, {path: b"x"}, note="")
    assert (root.parent / "outside.py").read_bytes() == b"not yours"
    assert (root / ".git/config").read_bytes() == b""


def test_undo_refuses_a_file_that_became_read_only(root: Path) -> None:
    journal.commit(root, NEW, note="")
    (root / "a.py").chmod(0o444)
    with pytest.raises(GemmadevError, match=r"^a\.py: it is read-only"):
        journal.undo(root)
    assert tree(root) == AFTER


def test_a_link_within_the_root_stays_a_link(root: Path) -> None:
    (root / "link.py").symlink_to("pkg/b.py")
    journal.commit(root, {"link.py": b"through"}, note="")
    assert (root / "link.py").is_symlink()
    assert (root / "pkg/b.py").read_bytes() == b"through"
    assert journal.undo(root).restored == ("pkg/b.py",)
    assert (root / "link.py").is_symlink()
    assert (root / "pkg/b.py").read_bytes() == OLD["pkg/b.py"]


def test_a_failure_in_the_middle_puts_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = exchange.swap

    def fail_once(fresh: Path, target: Path) -> None:
        if target.name == "c.py" and target.read_bytes() == OLD["c.py"]:
            raise OSError(28, "No space left on device", str(target))
        swap(fresh, target)

    monkeypatch.setattr(exchange, "swap", fail_once)
    with pytest.raises(GemmadevError, match=r"c.py: No space left on device; nothing was changed"):
        journal.commit(root, NEW, note="")
    assert tree(root) == BEFORE
    with pytest.raises(GemmadevError, match="nothing to undo"):
        journal.undo(root)


def test_an_interrupt_in_the_middle_puts_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = exchange.swap

    def interrupt(fresh: Path, target: Path) -> None:
        swap(fresh, target)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(exchange, "swap", interrupt)
    with pytest.raises(KeyboardInterrupt):
        journal.commit(root, NEW, note="")
    assert tree(root) == BEFORE
    assert journal.recover(root) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version": 1}', id="fields missing"),
        pytest.param(b'{"version": 99}', id="of another version"),
        pytest.param(b"[]", id="no entry"),
    ],
)
def test_a_damaged_entry_is_named_and_nothing_is_changed(root: Path, content: bytes) -> None:
    (root / ".gemmadev").mkdir()
    (root / ".gemmadev/pending.json").write_bytes(content)
    for action in (
        lambda: journal.recover(root),
        lambda: journal.undo(root),
        lambda: journal.commit(root, NEW, note=""),
    ):
        with pytest.raises(GemmadevError, match=r"pending.json cannot be read"):
            action()
    assert tree(root) == BEFORE


def test_an_entry_cannot_name_a_file_outside(root: Path) -> None:
    (root.parent / "outside.py").write_bytes(NEW["a.py"])
    journal.commit(root, {"a.py": NEW["a.py"]}, note="")
    entry = root / ".gemmadev/undo/000001.json"
    plain = json.loads(entry.read_text())
    plain["files"][0]["path"] = "../outside.py"
    entry.rename(root / ".gemmadev/pending.json").write_text(json.dumps(plain))
    with pytest.raises(GemmadevError, match="outside"):
        journal.recover(root)
    assert (root.parent / "outside.py").read_bytes() == NEW["a.py"]


# --- killed at any moment ------------------------------------------------------------------------

TOUCHING = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.utime", "os.chown"}


def killed(root: Path, action: Callable[[], object], step: int) -> bool:
    """Runs ``action`` in a child that is killed at its ``step``-th system call on a file.

    False when the action ended before.
    """
    pid = os.fork()
    if pid == 0:
        calls = itertools.count(1)

        def kill(event: str, arguments: tuple[object, ...]) -> None:
            if event in TOUCHING and next(calls) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(kill)
            action()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
def test_a_commit_killed_at_any_step_leaves_the_old_tree_or_the_new_one(root: Path) -> None:
    seen = []
    for step in itertools.count(1):
        if not killed(root, lambda: journal.commit(root, NEW, note="x"), step):
            break
        torn = tree(root) not in (BEFORE, AFTER)
        recovered = journal.recover(root)
        assert tree(root) in (BEFORE, AFTER)
        assert modes(root) == MODES
        assert journal.recover(root) is None
        seen.append((torn, recovered is not None and bool(recovered.restored), tree(root) == AFTER))
        if tree(root) == AFTER:
            assert journal.undo(root).note == "x"
        assert tree(root) == BEFORE
    assert tree(root) == AFTER
    # The walk went through a torn tree, through recovery, and past the point of no return.
    assert [any(column) for column in zip(*seen, strict=True)] == [True, True, True]


@pytest.mark.slow
def test_an_undo_killed_at_any_step_is_finished_or_did_not_begin(root: Path) -> None:
    journal.commit(root, {"a.py": b"earlier"}, note="earlier")
    earlier = tree(root)
    seen = []
    for step in itertools.count(1):
        if tree(root) == earlier:
            journal.commit(root, NEW, note="x")
        if not killed(root, lambda: journal.undo(root), step):
            break
        torn = tree(root) not in (earlier, AFTER)
        recovered = journal.recover(root)
        assert tree(root) in (earlier, AFTER)
        assert modes(root) == MODES
        assert journal.recover(root) is None
        seen.append((torn, recovered is not None, tree(root) == AFTER))
    assert tree(root) == earlier
    assert [any(column) for column in zip(*seen, strict=True)] == [True, True, True]
    assert journal.undo(root).note == "earlier"
    assert tree(root) == BEFORE


def cut_short(root: Path) -> int:
    """The step at which a commit was killed with the first of three files replaced."""
    for step in itertools.count(1):
        assert killed(root, lambda: journal.commit(root, NEW, note="x"), step)
        if (root / "a.py").read_bytes() == NEW["a.py"]:
            return step
        journal.recover(root)
    raise AssertionError


@pytest.mark.slow
def test_a_recovery_killed_at_any_step_is_taken_up_again(root: Path) -> None:
    journal.commit(root, {"a.py": b"earlier"}, note="the journal's folder is there")
    journal.undo(root)
    at = cut_short(root)
    torn = tree(root)
    kills = 0
    while killed(root, lambda: journal.recover(root), kills + 1):
        kills += 1
        journal.recover(root)
        assert tree(root) == BEFORE
        assert modes(root) == MODES
        assert killed(root, lambda: journal.commit(root, NEW, note="x"), at)
        assert tree(root) == torn
    assert tree(root) == BEFORE
    assert kills > 5


@pytest.mark.slow
def test_undo_after_a_kill_puts_back_the_interrupted_change_and_no_more(root: Path) -> None:
    journal.commit(root, {"a.py": b"earlier"}, note="earlier")
    earlier = tree(root)
    cut_short(root)
    assert tree(root) not in (earlier, AFTER)
    result = journal.undo(root)
    assert (result.note, result.interrupted) == ("x", True)
    assert tree(root) == earlier


@pytest.mark.slow
def test_what_was_edited_between_a_kill_and_the_recovery_is_kept(root: Path) -> None:
    cut_short(root)
    (root / "a.py").write_bytes(b"by hand")
    result = journal.recover(root)
    assert result is not None
    assert tree(root) == {**BEFORE, "a.py": b"by hand"}
    assert [(root / path).read_bytes() for path in result.rescued] == [OLD["a.py"]]


def test_a_real_process_killed_in_a_commit_is_recovered_by_another(root: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pytest_gemmadev.files import exchange, journal\n"
        "swap = exchange.swap\n"
        "def stop(fresh, target):\n"
        "    swap(fresh, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "exchange.swap = stop\n"
        "journal.commit(sys.argv[1], {'a.py': b'x', 'c.py': b'y'}, note='killed')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(root)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert (root / "a.py").read_bytes() == b"x"
    result = journal.recover(root)
    assert result is not None
    assert (result.note, result.restored, result.interrupted) == ("killed", ("a.py",), True)
    assert tree(root) == BEFORE


def test_contents_reach_the_disk_before_the_names_do(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[int] = set()
    renamed: list[str] = []
    rename, swap = os.replace, exchange.swap

    def check(source: Path, target: Path) -> None:
        assert source.stat().st_ino in flushed or target.suffix == ".kept"
        renamed.append(target.name)
        rename(source, target)

    def check_swap(fresh: Path, target: Path) -> None:
        assert fresh.stat().st_ino in flushed
        renamed.append(target.name)
        swap(fresh, target)

    monkeypatch.setattr(os, "fsync", lambda handle: flushed.add(os.fstat(handle).st_ino))
    monkeypatch.setattr(os, "replace", check)
    monkeypatch.setattr(exchange, "swap", check_swap)
    journal.commit(root, NEW, note="")
    fresh = [f".gemmadev-000001-{n}.tmp" for n in range(3)]
    kept = [f"000001-{n}.kept" for n in range(3)]
    assert renamed == ["pending.json", *fresh, "a.py", "c.py", "b.py", *kept, "000001.json"]
    assert {(root / place).stat().st_ino for place in (".", "pkg", ".gemmadev")} <= flushed


# --- at the same time ----------------------------------------------------------------------------


def test_commits_at_the_same_time_do_not_interleave(root: Path) -> None:
    def write(name: bytes) -> None:
        for _ in range(5):
            journal.commit(root, {"a.py": name, "pkg/b.py": name, "c.py": name}, note="")

    threads = [threading.Thread(target=write, args=(name,)) for name in (b"x", b"y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(10):
        assert len({(root / path).read_bytes() for path in OLD}) == 1
        journal.undo(root)
    assert tree(root) == BEFORE


def test_a_lock_that_is_held_is_not_waited_for_without_end(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LOCK_TIMEOUT_S", 0.05)
    (root / ".gemmadev").mkdir()
    with open(root / ".gemmadev/lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(GemmadevError, match="another gemmadev is writing"):
            journal.commit(root, NEW, note="")
    assert tree(root) == BEFORE
    journal.commit(root, NEW, note="")
    assert tree(root) == AFTER


# --- bytecode ------------------------------------------------------------------------------------


def test_python_never_runs_bytecode_of_what_was_there_before(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_bytes(b"value = 0\n")
    os.utime(module, (4_000_000_000, 4_000_000_000))  # a clock that is ahead changes nothing
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def imported() -> str:
        command = [sys.executable, "-S", "-c", "import module; print(module.value)"]
        ran = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    assert imported() == "0"
    journal.commit(tmp_path, {"module.py": b"value = 1\n"}, note="")
    assert imported() == "1"
    journal.commit(tmp_path, {"module.py": b"value = 2\n"}, note="")
    assert imported() == "2"
    journal.undo(tmp_path)
    assert imported() == "1"
    journal.undo(tmp_path)
    assert imported() == "0"
    assert list(tmp_path.glob("__pycache__/module*.pyc"))


# --- saved by another program meanwhile ----------------------------------------------------------

THEIRS = b"newer, by hand\n"


def save(path: Path, how: str) -> None:
    if how == "in place":
        path.write_bytes(THEIRS)
        return
    beside = path.with_name("editor.tmp")
    beside.write_bytes(THEIRS)
    os.replace(beside, path)


both_ways = pytest.mark.parametrize("how", ["in place", "renamed"])


@pytest.fixture(params=["exchange", "in several steps"])
def swapping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the system's exchange of two names, and as where there is none."""
    if request.param != "exchange":
        monkeypatch.setattr(atomic, "_exchange", lambda: None)
    return str(request.param)


@both_ways
@pytest.mark.parametrize("name", ["a.py", "c.py"])
def test_a_save_between_the_look_and_the_exchange_stays(
    root: Path, swapping: str, monkeypatch: pytest.MonkeyPatch, how: str, name: str
) -> None:
    swap = exchange.swap
    saved: list[Path] = []

    def save_first(fresh: Path, target: Path) -> None:
        if target.name == name and not saved:
            saved.append(target)
            save(target, how)
        swap(fresh, target)

    monkeypatch.setattr(exchange, "swap", save_first)
    with pytest.raises(GemmadevError, match=f"{name} was saved by somebody else in the very"):
        journal.commit(root, NEW, note="", expected=OLD)
    assert tree(root) == {**BEFORE, name: THEIRS}
    assert journal.recover(root) is None
    assert not (root / ".gemmadev/rescued").exists()


@both_ways
def test_a_save_after_the_exchange_stays_and_nothing_else_is_torn(
    root: Path, swapping: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    swap = exchange.swap

    def save_after(fresh: Path, target: Path) -> None:
        swap(fresh, target)
        if target.name == "a.py":
            save(target, how)

    monkeypatch.setattr(exchange, "swap", save_after)
    journal.commit(root, NEW, note="")
    assert tree(root) == {**AFTER, "a.py": THEIRS}


def test_what_is_written_late_into_a_file_that_was_open_withdraws_the_change(
    root: Path, swapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = exchange.swap
    with open(root / "a.py", "r+b") as handle:

        def write_late(fresh: Path, target: Path) -> None:
            swap(fresh, target)
            if target.name == "c.py" and not handle.tell():
                handle.write(THEIRS)
                handle.flush()

        monkeypatch.setattr(exchange, "swap", write_late)
        with pytest.raises(GemmadevError, match=r"a.py was saved by somebody else"):
            journal.commit(root, NEW, note="")
    assert tree(root) == {**BEFORE, "a.py": THEIRS}


def test_what_is_written_later_still_is_kept_and_undo_says_where(root: Path) -> None:
    with open(root / "a.py", "r+b") as handle:
        entry = journal.commit(root, NEW, note="")
        assert journal.saved_into(root, entry) == []
        handle.write(THEIRS)
    assert journal.saved_into(root, entry) == ["a.py"]
    result = journal.undo(root, entry=entry)
    assert tree(root) == BEFORE
    assert [(root / path).read_bytes() for path in result.rescued] == [THEIRS]


@both_ways
def test_a_save_in_the_moment_of_an_undo_stays(
    root: Path, swapping: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    journal.commit(root, NEW, note="")
    swap = exchange.swap
    saved: list[Path] = []

    def save_first(fresh: Path, target: Path) -> None:
        if target.name == "c.py" and not saved:
            saved.append(target)
            save(target, how)
        swap(fresh, target)

    monkeypatch.setattr(exchange, "swap", save_first)
    result = journal.undo(root)
    assert tree(root) == {**BEFORE, "c.py": THEIRS}
    assert result.restored == ("a.py", "pkg/b.py")
    assert [(root / path).read_bytes() for path in result.rescued] == [OLD["c.py"]]


@both_ways
def test_a_kill_after_a_save_in_the_very_moment_loses_neither(
    root: Path, swapping: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    swap = exchange.swap

    def save_and_die(fresh: Path, target: Path) -> None:
        if target.name == "c.py":
            save(target, how)
            swap(fresh, target)
            os.kill(os.getpid(), signal.SIGKILL)
        swap(fresh, target)

    monkeypatch.setattr(exchange, "swap", save_and_die)
    pid = os.fork()
    if pid == 0:
        try:
            journal.commit(root, NEW, note="")
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    monkeypatch.undo()
    assert (root / "c.py").read_bytes() == NEW["c.py"]
    journal.recover(root)
    assert tree(root) == {**BEFORE, "c.py": THEIRS}


def test_what_was_rescued_is_never_replaced(root: Path) -> None:
    held = []
    for n in range(3):
        journal.commit(root, NEW, note="")
        (root / "a.py").write_bytes(b"by hand %d" % n)
        held += journal.undo(root, force=True).rescued
    assert [(root / path).read_bytes() for path in held] == [b"by hand %d" % n for n in range(3)]
    assert tree(root) == BEFORE


def test_undo_brings_back_the_file_itself_and_its_other_names(root: Path) -> None:
    os.link(root / "a.py", root / "hard.py")
    journal.commit(root, NEW, note="")
    assert (root / "hard.py").read_bytes() == OLD["a.py"]
    journal.undo(root)
    assert (root / "hard.py").samefile(root / "a.py")


def test_an_undo_of_a_change_whose_files_were_not_kept_writes_them_anew(root: Path) -> None:
    journal.commit(root, NEW, note="")
    for path in (root / ".gemmadev/undo").glob("*.kept"):
        path.unlink()
    assert journal.undo(root).restored == ("a.py", "c.py", "pkg/b.py")
    assert (tree(root), modes(root)) == (BEFORE, MODES)


def test_only_the_entry_that_is_meant_is_undone(root: Path) -> None:
    first = journal.commit(root, {"a.py": b"1"}, note="")
    second = journal.commit(root, {"c.py": b"2"}, note="")
    with pytest.raises(GemmadevError, match="something else was written since"):
        journal.undo(root, entry=first)
    assert (root / "a.py").read_bytes() == b"1"
    journal.undo(root, entry=second)
    journal.undo(root, entry=first)
    assert tree(root) == BEFORE


def test_what_is_forgotten_leaves_nothing_but_what_was_saved_into_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT", 1)
    with open(root / "a.py", "r+b") as handle:
        journal.commit(root, {"a.py": b"1", "c.py": b"1"}, note="")
        handle.write(THEIRS)
    journal.commit(root, {"a.py": b"2"}, note="")
    names = sorted(path.name for path in (root / ".gemmadev/undo").iterdir())
    assert names == ["000002-0.kept", "000002.json"]
    assert (root / ".gemmadev/rescued/000001/a.py").read_bytes() == THEIRS


# --- interrupted ---------------------------------------------------------------------------------


def test_an_interrupt_that_nobody_heard_keeps_a_commit_from_writing(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        journal.commit(root, NEW, note="", interrupted=lambda: True)
    assert tree(root) == BEFORE
    journal.commit(root, NEW, note="", interrupted=lambda: False)
    assert tree(root) == AFTER


def test_interrupts_while_everything_is_put_back_wait_for_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = exchange.swap

    def interrupt(fresh: Path, target: Path) -> None:
        swap(fresh, target)
        signal.raise_signal(signal.SIGINT)  # at each exchange, those of putting back included

    monkeypatch.setattr(exchange, "swap", interrupt)
    with pytest.raises(KeyboardInterrupt):
        journal.commit(root, NEW, note="")
    assert tree(root) == BEFORE
    assert not (root / ".gemmadev/pending.json").exists()
