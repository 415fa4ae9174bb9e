"""The hook run by pre-commit itself, in scratch git repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BROKEN, REPAIRED = b"def f(x)\n    return x\n", b"def f(x):\n    return x\n"
AMBIGUOUS = b"x = alpha beta\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
    pytest.mark.skipif(find_spec("pre_commit") is None, reason="needs pre-commit ([dev])"),
]


class Done(NamedTuple):
    status: int
    out: str


def run(
    arguments: list[str], *, cwd: Path, env: Mapping[str, str] | None = None, timeout_s: float = 600
) -> Done:
    done = subprocess.run(
        arguments, cwd=cwd, env=env and dict(env), capture_output=True, check=False,
        timeout=timeout_s,
    )  # fmt: skip
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    return Done(done.returncode, text)


def git(cwd: Path, *arguments: str) -> bytes:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"]
    return subprocess.run(
        ["git", *named, *arguments], cwd=cwd, capture_output=True, check=True
    ).stdout


class Hook(NamedTuple):
    """The hook's repository with the working tree as its only commit, and where it is installed."""

    source: Path
    revision: str
    environ: Mapping[str, str]


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Hook:
    source = tmp_path_factory.mktemp("hook")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, source / name)
    for name in ("pytest_gemmadev", "precommit_hooks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "all")
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "GITHUB_ACTIONS")}
    environ["PRE_COMMIT_HOME"] = str(tmp_path_factory.mktemp("home"))
    environ["PRE_COMMIT_COLOR"] = "never"
    return Hook(source, git(source, "rev-parse", "HEAD").decode().strip(), environ)


@pytest.fixture
def scratch(hook: Hook, tmp_path: Path) -> Path:
    """A repository with one commit whose configuration names the hook."""
    config = (
        f"repos:\n- repo: {hook.source}\n  rev: {hook.revision}\n"
        "  hooks:\n  - id: gemmadev-repair\n    args: [--model=none]\n"
    )
    git(tmp_path, "init", "-q")
    (tmp_path / ".pre-commit-config.yaml").write_text(config)
    (tmp_path / "a.py").write_bytes(b"x = 1\n\n\ny = 2\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def stage(folder: Path, files: Mapping[str, bytes]) -> bytes:
    """What the index holds, after the files were written and added."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    git(folder, "add", "-A")
    return index(folder)


def index(folder: Path) -> bytes:
    return git(folder, "ls-files", "--stage")


def pre_commit(hook: Hook, folder: Path, *arguments: str) -> Done:
    return run([sys.executable, "-m", "pre_commit", *arguments], cwd=folder, env=hook.environ)


def test_try_repo(hook: Hook, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    stage(tmp_path, {"a.py": BROKEN, "sound.py": b"x = 1\n"})
    done = pre_commit(hook, tmp_path, "try-repo", str(hook.source), "--all-files")
    assert done.status == 1, done.out
    assert "a.py:1: repaired: colon (line 1)" in done.out
    assert (tmp_path / "a.py").read_bytes() == REPAIRED


def test_staged(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {"b.py": BROKEN})
    first = pre_commit(hook, scratch, "run")
    assert first.status == 1, first.out
    assert "files were modified by this hook" in first.out
    assert "b.py:1: repaired" in first.out
    assert (scratch / "b.py").read_bytes() == REPAIRED
    assert index(scratch) == before
    assert git(scratch, "show", ":b.py") == BROKEN
    git(scratch, "add", "b.py")
    assert pre_commit(hook, scratch, "run").status == 0
    assert git(scratch, "status", "--porcelain") == b"A  b.py\n"


def test_partly_staged_keeps_the_unstaged_rest(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {"a.py": b"def f(x)\n    return x\n\n\ny = 2\n"})
    (scratch / "a.py").write_bytes(b"def f(x)\n    return x\n\n\ny = 'not staged'\n")
    done = pre_commit(hook, scratch, "run")
    assert done.status == 1, done.out
    assert "a.py:1: repaired: " in done.out
    assert (scratch / "a.py").read_bytes() == b"def f(x):\n    return x\n\n\ny = 'not staged'\n"
    assert index(scratch) == before


def test_an_unstaged_change_of_the_same_line_wins(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {"a.py": b"def f(x)\n    return x\n", "c.py": BROKEN, "d.py": BROKEN})
    mine = b"def f(x, y=1):  # still thinking\n    return x\n"
    (scratch / "a.py").write_bytes(mine)
    (scratch / "d.py").unlink()
    done = pre_commit(hook, scratch, "run")
    assert done.status == 1, done.out
    assert "a.py:1: repaired" not in done.out
    assert (
        "a.py:1: not repaired: colon (line 1) (expected ':') would meet unstaged changes of"
        in done.out
    )
    assert "pre-commit would roll it back: stage or stash them, then commit again" in done.out
    assert "d.py:1: not repaired: " in done.out
    assert "Rolling back" not in done.out
    assert (scratch / "a.py").read_bytes() == mine
    assert not (scratch / "d.py").exists()
    assert "c.py:1: repaired: " in done.out
    assert (scratch / "c.py").read_bytes() == REPAIRED  # not taken back with the rest
    assert index(scratch) == before


def test_what_is_not_staged_is_not_touched(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {"b.py": b"z = 3\n"})
    (scratch / "a.py").write_bytes(BROKEN)
    (scratch / "new.py").write_bytes(BROKEN)
    done = pre_commit(hook, scratch, "run")
    assert done.status == 0, done.out
    assert (scratch / "a.py").read_bytes() == BROKEN
    assert (scratch / "new.py").read_bytes() == BROKEN
    assert index(scratch) == before


CRLF, BOM = BROKEN.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf"
LATIN = b"# -*- coding: latin-1 -*-\ns = '\xe9'\n"
ODD = {
    "crlf.py": (CRLF, REPAIRED.replace(b"\n", b"\r\n"), "repaired"),
    "bom.py": (BOM + BROKEN, BOM + REPAIRED, "repaired"),
    "latin.py": (LATIN + BROKEN, LATIN + REPAIRED, "repaired"),
    "empty.py": (b"", b"", ""),
    "nul.py": (b"x = 1\0\n", b"x = 1\0\n", "NUL"),
    "unsure.py": (AMBIGUOUS, AMBIGUOUS, "best guess"),
    "two words.py": (BROKEN, REPAIRED, "repaired"),
    "é.py": (BROKEN, REPAIRED, "repaired"),
}


def test_odd_files_at_once(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {name: data for name, (data, _, _) in ODD.items()})
    done = pre_commit(hook, scratch, "run")
    assert done.status == 1, done.out
    held = {name: (scratch / name).read_bytes() for name in ODD}
    assert held == {name: after for name, (_, after, _) in ODD.items()}
    for name, (_, _, said) in ODD.items():
        told = [line for line in done.out.splitlines() if line.startswith(f"{name}:")]
        assert bool(told) == bool(said)
        assert not told or said in told[0]
    assert index(scratch) == before


def test_a_large_file(hook: Hook, scratch: Path) -> None:
    body = b"".join(b"TABLE_%d = [%d, (1, 'x')]\n" % (n, n) for n in range(160_000))
    assert len(body) > 5_000_000
    stage(scratch, {"large.py": body + BROKEN, "sound.py": body})
    done = pre_commit(hook, scratch, "run")
    assert done.status == 1, done.out
    assert "large.py:160001: repaired" in done.out
    assert (scratch / "large.py").read_bytes() == body + REPAIRED
    assert (scratch / "sound.py").read_bytes() == body


def test_links_are_not_followed_out_of_the_repository(
    hook: Hook, scratch: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "a.py"
    outside.write_bytes(BROKEN)
    (scratch / "link.py").symlink_to(outside)
    (scratch / "dangling.py").symlink_to("nowhere.py")
    git(scratch, "add", "-A")
    done = pre_commit(hook, scratch, "run")
    assert done.status == 0, done.out  # pre-commit gives links to no hook for Python files
    assert outside.read_bytes() == BROKEN
    assert (scratch / "link.py").is_symlink()


def test_a_file_deleted_but_still_staged(hook: Hook, scratch: Path) -> None:
    before = stage(scratch, {"b.py": b"z = 3\n", "c.py": BROKEN})
    (scratch / "b.py").unlink()
    done = pre_commit(hook, scratch, "run")
    assert done.status == 1, done.out
    assert not (scratch / "b.py").exists()  # pre-commit put it back for the hook only
    assert (scratch / "c.py").read_bytes() == REPAIRED
    assert index(scratch) == before


def test_the_hook_stops_a_commit(hook: Hook, scratch: Path) -> None:
    pre_commit(hook, scratch, "install")
    stage(scratch, {"b.py": BROKEN})
    head = git(scratch, "rev-parse", "HEAD")
    named = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    refused = run([*named, "commit", "-m", "broken"], cwd=scratch, env=hook.environ)
    assert refused.status == 1, refused.out
    assert git(scratch, "rev-parse", "HEAD") == head
    git(scratch, "add", "b.py")
    taken = run([*named, "commit", "-m", "repaired"], cwd=scratch, env=hook.environ)
    assert taken.status == 0, taken.out
    assert git(scratch, "show", "HEAD:b.py") == REPAIRED


def test_two_processes_at_once(tmp_path: Path) -> None:
    names = [f"m{n}.py" for n in range(30)]
    for name in names:
        (tmp_path / name).write_bytes(BROKEN)
    command = [sys.executable, "-m", "precommit_hooks.gemmadev_repair", "--model=none", *names]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert {process.returncode for process in both} <= {0, 1}
    assert {(tmp_path / name).read_bytes() for name in names} == {REPAIRED}
    repaired = [line for out in said for line in out.splitlines() if ": repaired: " in line]
    assert len(repaired) == len(names)  # each once, by one of the two
    assert sorted(os.listdir(tmp_path)) == sorted([".gemmadev", *names])
