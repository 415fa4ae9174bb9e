"""Repairs that may destroy something, from the command to the files: suggested, written when asked.

What the projects here remove are files of the test's own folder, and nothing that any candidate could
reach in their place is worth anything.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from whole_runs import contents, run, undo, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CLEAR = """\
import os


def clear(folder):
    marked = folder / "a.tmp"
    os.remove(markd)
    return folder.name


def label(name):
    return name.uper()
"""
TESTS = """\
from app import clear, label


def test_clear(tmp_path):
    (tmp_path / "a.tmp").write_text("")
    assert clear(tmp_path) == tmp_path.name
    assert not (tmp_path / "a.tmp").exists()


def test_label():
    assert label("a") == "A"
"""
FILES = {"app.py": CLEAR, "test_app.py": TESTS, "pytest.ini": ""}
FIXED = CLEAR.replace("markd", "marked")
WHY = "%): it changes what `os.remove` is given"
ASKED = "written only when asked for: gemmadev apply 1"


def gemmadev(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_gemmadev.doors.cli", *arguments],
        cwd=folder,
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_fix_writes_the_rest_and_apply_the_suggestion(tmp_path: Path) -> None:
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    write(root, FILES)
    report = tmp_path / "report.json"
    done = run(
        root, "--gemmadev-fix", "--gemmadev-model=none", f"--gemmadev-report={report}",
        "--gemmadev-budget=60", XDG_CACHE_HOME=cache,
    )  # fmt: skip
    assert done.status == 1, done.output
    assert WHY in one_line(done.output)
    assert ASKED in one_line(done.output)
    assert "+    os.remove(marked)" in done.output
    assert "1 of 2 failures repaired, 1 suggested" in done.output
    written = CLEAR.replace("uper", "upper")
    assert (root / "app.py").read_text() == written
    data = json.loads(report.read_text())
    by_test = {f["nodeid"].partition("::")[2]: f for f in data["failures"]}
    assert {name: f["status"] for name, f in by_test.items()} == {
        "test_clear": "suggested", "test_label": "repaired"
    }  # fmt: skip
    assert [patch["chosen"] for patch in by_test["test_clear"]["patches"]] == [True]
    assert (data["totals"]["suggested"], data["totals"]["repaired"]) == (1, 1)
    asked = gemmadev(root, "apply", XDG_CACHE_HOME=cache)
    assert asked.returncode == 0, asked.stderr
    assert (root / "app.py").read_text() == written.replace("markd", "marked")
    assert run(root, "-q").status == 0
    assert undo(root).status == 0
    assert (root / "app.py").read_text() == written


def test_propose_writes_no_patch_of_it(tmp_path: Path) -> None:
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    write(root, FILES)
    done = run(
        root, "--gemmadev-propose=../out", "--gemmadev-model=none", "--gemmadev-budget=60",
        XDG_CACHE_HOME=cache, GITHUB_ACTIONS="true",
    )  # fmt: skip
    assert done.status == 1, done.output
    assert {path: (root / path).read_text() for path in FILES} == FILES
    out = tmp_path / "out"
    assert [path.name for path in out.glob("*.patch")] == ["0001-test-app-test-label.patch"]
    data = json.loads((out / "report.json").read_text())
    suggested = next(f for f in data["failures"] if f["status"] == "suggested")
    assert "file" not in suggested["patches"][0]
    assert "-    os.remove(markd)" in suggested["patches"][0]["diff"]
    assert len(data["together"]) == 1
    summary = (out / "SUMMARY.md").read_text()
    assert ASKED in summary
    assert re.search(r"test_clear \([a-z ,]*not written \(", summary)
    results = json.loads((out / "report.sarif").read_text())["runs"][0]["results"]
    assert [len(r.get("fixes", ())) for r in results] == [
        0 if "test_clear" in r["message"]["text"] else 1 for r in results
    ]
    assert any(ASKED in r["message"]["text"] for r in results)
    marks = [line for line in done.output.splitlines() if line.startswith("::error ")]
    assert any("suggested: it changes what `os.remove` is given" in mark for mark in marks)
    assert gemmadev(root, "apply", XDG_CACHE_HOME=cache).returncode == 0
    assert (root / "app.py").read_text() == FIXED


def test_a_program(tmp_path: Path) -> None:
    root, cache = tmp_path / "project", str(tmp_path / "cache")
    main = "from pathlib import Path\nfrom app import clear\nprint(clear(Path('work')))\n"
    write(root, {"app.py": CLEAR, "main.py": main, "work/a.tmp": "", "pyproject.toml": ""})
    before = contents(root)
    more = {"XDG_CACHE_HOME": cache, "COLUMNS": "200"}
    done = gemmadev(root, "fix", "--model=none", "--budget=60", "main.py", **more)
    assert done.returncode == 1, done.stderr
    assert WHY in done.stderr
    assert ASKED in done.stderr
    assert contents(root) == before
    assert gemmadev(root, "apply", **more).returncode == 0
    assert (root / "app.py").read_text() == FIXED
    assert (root / "work/a.tmp").exists()
