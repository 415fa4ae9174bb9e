"""Which edits are destructive_edits, and which are not: each shape with one that is and one that is not."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pytest_gemmadev.search.destructive import destructive_edits
from pytest_gemmadev.search.destructive.destructive_edits import Hazards, destructive_reason
from pytest_gemmadev.types import Candidate, Edit, RepairTask

RMTREE = """\
import shutil
from pathlib import Path

HOME = Path.home()
CACHE = HOME / "cache"
LIMIT = 3


def clean(work, keep=".git"):
    total = 0
    cache = work / "cache"
    if not work.is_dir():
        return 0
    for name in ("a", "b"):
        if name == keep:
            continue
        total += 1
        shutil.rmtree(cache / name)
    return total + LIMIT


def count(items):
    return len(items) + 1
"""
CONSTANT = """\
import shutil
from pathlib import Path

HOME = Path.home()
CACHE = HOME / "cache"
LIMIT = 3


def clean():
    shutil.rmtree(CACH)
    return LIMIT
"""
SAFE = """\
import shutil


def is_safe(path, root):
    return str(path).startswith(str(root))


def label(path):
    return path.name


def clean(path, root):
    if is_safe(path, root):
        shutil.rmtree(path)
    return label(path)
"""
OBJECT = """\
class Store:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def clear(self):
        self.count += 2
        for path in self.folder.iterdir():
            path.unlink()
"""
EXPORT = """\
def export(source, target):
    with open(target) as stream:
        text = stream.read()
    with open(target, "w") as stream:
        stream.write(text.upper())
    return len(text)
"""
TABLE = """\
import sqlite3


def reset(live, scratch, table):
    db = sqlite3.connect(scratch)
    db.execute(f"DELETE FROM {table}")
    left = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db = sqlite3.connect(scratch)
    rows = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return left, rows
"""
MANY = """\
import os
import shutil as sh
import subprocess
from os import remove as wipe


def one(path, other, dry, names, text):
    {body}
    return len(names)
"""


def reason(old: str, new: str, others: Mapping[str, str] | None = None, path: str = "m.py") -> str:
    """Of the smallest edit that makes one text the other."""
    first = next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    end = 0
    while end < min(len(old), len(new)) - first and old[-1 - end] == new[-1 - end]:
        end += 1
    edit = Edit(path, first, len(old) - end, new[first : len(new) - end])
    task = RepairTask((), (), frozenset(), {path: old, **(others or {})}, {})
    return destructive_reason(Candidate((edit,), "test", 0.0), task)


@pytest.mark.parametrize(
    ("old", "find", "put", "expected"),
    [
        pytest.param(CONSTANT, "CACH)", "CACHE)", "what `shutil.rmtree` is given", id="a name"),
        pytest.param(CONSTANT, "CACH)", "HOME)", "what `shutil.rmtree` is given", id="another"),
        pytest.param(CONSTANT, "LIMIT = 3", "LIMIT = 4", "", id="another constant"),
        pytest.param(RMTREE, '"cache"\n    if', '"cach"\n    if', "is given", id="assigned before"),
        pytest.param(RMTREE, '("a", "b")', '("a", "b", "")', "is given", id="what a loop goes over"),
        pytest.param(RMTREE, '".git"', '""', "when `shutil.rmtree` is reached", id="a default"),
        pytest.param(RMTREE, "not work.", "work.", "is reached", id="an early return"),
        pytest.param(RMTREE, "name == keep", "name != keep", "is reached", id="a skipped turn"),
        pytest.param(RMTREE, "continue", "pass", "is reached", id="no more skipped"),
        pytest.param(RMTREE, "total += 1", "total += 2", "", id="beside it"),
        pytest.param(RMTREE, "return 0", "return 1", "", id="what an early return gives"),
        pytest.param(RMTREE, "+ LIMIT", "- LIMIT", "", id="after it"),
        pytest.param(RMTREE, "len(items) + 1", "len(items)", "", id="another function"),
        pytest.param(RMTREE, "        shutil.rmtree(cache / name)\n", "",
                     "takes out `shutil.rmtree`", id="taken out"),
        pytest.param(
            RMTREE, "return len(items)", "shutil.rmtree(items)\n    return len(items)",
            "newly reaches `shutil.rmtree`", id="a new call",
        ),
        pytest.param(
            RMTREE, "shutil.rmtree(cache / name)\n", "pass\n    shutil.rmtree(cache / name)\n",
            "is reached", id="moved out of a loop",
        ),
        pytest.param(SAFE, "startswith", "endswith", "is reached", id="a guard's function"),
        pytest.param(SAFE, "path.name", "path.stem", "", id="a function beside it"),
        pytest.param(SAFE, "(path, root):\n        sh", "(root, path):\n        sh", "is reached",
                     id="what a guard is given"),
        pytest.param(OBJECT, "self.folder = folder", "self.folder = folder.parent", "is given",
                     id="an attribute"),
        pytest.param(OBJECT, "+= 2", "+= 1", "", id="another attribute"),
        pytest.param(EXPORT, "open(target)", "open(source)", "", id="a file that is read"),
        pytest.param(EXPORT, 'open(target, "w")', 'open(source, "w")', "`open` is given",
                     id="a file that is written"),
        pytest.param(EXPORT, "open(target)", 'open(target, "w")', "newly reaches `open`",
                     id="read before, written now"),
        pytest.param(EXPORT, "text.upper()", "text.lower()", "", id="what is written into it"),
        pytest.param(TABLE, "connect(scratch)\n    rows", "connect(live)\n    rows", "",
                     id="a database that is read"),
        pytest.param(TABLE, "connect(scratch)\n    db.", "connect(live)\n    db.",
                     "`.execute` is given", id="a database that is emptied"),
        pytest.param(TABLE, "SELECT count(*) FROM {table}\").fetchone()[0]\n    db",
                     "DELETE FROM {table}\").fetchone()[0]\n    db", "`.execute`",
                     id="a statement that deletes"),
        pytest.param("import os\n\n\ndef f(p):\n    os.remov(p)\n", "remov(", "remove(",
                     "newly reaches `os.remove`", id="a misspelt call"),
        pytest.param("def f(p):\n    shutil.rmtree(p)\n", "def f", "import shutil\n\n\ndef f",
                     "is given", id="a missing import"),
        pytest.param("def f(p):\n    return json.loads(p)\n", "def f", "import json\n\n\ndef f",
                     "", id="a missing import of something else"),
        pytest.param("import shutil\n\ndef f(p)\n    shutil.rmtree(p)\n", "(p)\n", "(p):\n",
                     "newly reaches", id="syntax around it"),
        pytest.param("import shutil\n\ndef f(p):\n    shutil.rmtree(p)\n\ndef g(p)\n    return 1\n",
                     "g(p)", "g(p):", "", id="syntax elsewhere"),
    ],
)  # fmt: skip
def test_edits(old: str, find: str, put: str, expected: str) -> None:
    assert find in old
    told = reason(old, old.replace(find, put, 1))
    assert expected in told
    assert bool(told) is bool(expected)


CALLS = [
    pytest.param("os.remove(path)", "os.remove(other)", id="os"),
    pytest.param("os.path.exists(path)", None, id="os.path"),
    pytest.param("wipe(path)", "wipe(other)", id="imported under another name"),
    pytest.param("names.remove(path)", None, id="remove of a list"),
    pytest.param("sh.move(path, 'x')", "sh.move(other, 'x')", id="a module's other name"),
    pytest.param("names.move(path)", None, id="move of something"),
    pytest.param("os.replace(path, 'x')", "os.replace(other, 'x')", id="os.replace"),
    pytest.param("path.replace(text)", "other.replace(text)", id="replace of a path"),
    pytest.param("path.replace(text, 'x')", None, id="replace of a string"),
    pytest.param("path.replace(hour=2)", None, id="replace of a time"),
    pytest.param("path.rename(text)", "other.rename(text)", id="rename of a path"),
    pytest.param("names.rename(columns={path: 'x'})", None, id="rename of columns"),
    pytest.param("path.unlink()", "other.unlink()", id="unlink"),
    pytest.param("names.clear()", None, id="clear of a list"),
    pytest.param("path.write_text(text)", "other.write_text(text)", id="write_text"),
    pytest.param("path.read_text()", None, id="read_text"),
    pytest.param("path.open('w')", "other.open('w')", id="open of a path"),
    pytest.param("path.open()", None, id="open of a path to read"),
    pytest.param("open(path, mode='rb+')", "open(other, mode='rb+')", id="open to change"),
    pytest.param("open(path, 'rb')", None, id="open to read"),
    pytest.param("os.open(path, os.O_RDWR)", "os.open(other, os.O_RDWR)", id="os.open"),
    pytest.param("os.open(path, os.O_RDONLY)", None, id="os.open to read"),
    pytest.param("subprocess.run(['rm', path])", "subprocess.run(['rm', other])", id="subprocess"),
    pytest.param("names.run(path)", None, id="run of something"),
    pytest.param("os.execv(path, names)", "os.execv(other, names)", id="exec"),
    pytest.param("names.execute(path)", None, id="execute of something"),
    pytest.param(
        "text.execute('DELETE FROM t WHERE p = ?', (path,))",
        "text.execute('DELETE FROM t WHERE p = ?', (other,))",
        id="a statement",
    ),
    pytest.param("text.execute('SELECT 1', (path,))", None, id="a question"),
    pytest.param("names.delete(path)", None, id="delete of something"),
    pytest.param(
        "text.objects.filter(p=path).delete()", "text.objects.filter(p=other).delete()",
        id="delete of rows",
    ),
    pytest.param("names.drop(path)", None, id="drop of something"),
    pytest.param("os.kill(path, 9)", "os.kill(other, 9)", id="kill"),
    pytest.param("names.update(path)", None, id="update"),
    pytest.param("dry or os.remove(path)", "not dry or os.remove(path)", id="behind or"),
    pytest.param(
        "[os.remove(n) for n in names if n in text]",
        "[os.remove(n) for n in names if n not in text]",
        id="in a comprehension",
    ),
    pytest.param(
        "assert not dry\n    os.remove(path)", "assert dry\n    os.remove(path)", id="assert"
    ),
    pytest.param(
        "check(path)\n    os.remove(path)", "os.remove(path)", id="a check that raises"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "changed"), CALLS)
def test_calls(call: str, changed: str | None) -> None:
    old = MANY.replace("{body}", call)
    new = MANY.replace("{body}", changed or call.replace("path", "other"))
    assert old != new or changed is None
    assert bool(reason(old, new)) is (changed is not None)


CLEAN = "import shutil\n\n\ndef clean(folder, note):\n    print(note)\n    shutil.rmtree(folder)\n"


@pytest.mark.parametrize(
    ("old", "find", "put", "expected"),
    [
        pytest.param("from app.clean import clean\n\n\ndef f(a, b):\n    clean(a, 'x')\n    return b\n",
                     "clean(a", "clean(b", "what `clean` is given", id="its argument"),
        pytest.param("from app.clean import clean\n\n\ndef f(a, b):\n    clean(a, 'x')\n    return b\n",
                     "'x'", "'y'", "", id="an argument that does not flow on"),
        pytest.param("from app.clean import clean\n\n\ndef f(a, b):\n    clean(a, 'x')\n    return b\n",
                     "return b", "return a", "", id="beside it"),
        pytest.param("from app.clean import clean\n\n\ndef f(a, b):\n    return b\n",
                     "return b", "return clean(b, b)", "newly reaches `clean`", id="a new call"),
        pytest.param("def f(clean, b):\n    return clean(b)\n",
                     "clean(b)", "clean(b, b)", "", id="a parameter of that name"),
    ],
)  # fmt: skip
def test_functions_of_the_project(old: str, find: str, put: str, expected: str) -> None:
    told = reason(old, old.replace(find, put, 1), {"app/clean.py": CLEAN})
    assert expected in told
    assert bool(told) is bool(expected)


@pytest.mark.parametrize(
    ("find", "put", "is_one"),
    [
        pytest.param('"cache"', '"home"', True, id="a constant that flows into a call"),
        pytest.param("LIMIT = 3", "LIMIT = 4", False, id="another"),
    ],
)
def test_constants_of_another_module(find: str, put: str, is_one: bool) -> None:
    old = 'CACHE = "cache"\nLIMIT = 3\n'
    user = "import shutil\nfrom config import CACHE\n\n\ndef clean():\n    shutil.rmtree(CACHE)\n"
    told = reason(old, old.replace(find, put), {"clean.py": user}, "config.py")
    assert bool(told) is is_one


def test_whole_functions_that_are_written_anew() -> None:
    start = RMTREE.index("def clean")
    end = RMTREE.index("\n\n\ndef count")
    task = RepairTask((), (), frozenset(), {"m.py": RMTREE}, {})
    same = RMTREE[start:end].replace("total += 1", "total = total + 1")
    for text, is_one in ((same, False), (same.replace("cache / name", "work"), True)):
        candidate = Candidate((Edit("m.py", start, end, text),), "write:function", 0.0)
        assert bool(destructive_reason(candidate, task)) is is_one


def test_several_edits_are_seen_together() -> None:
    task = RepairTask((), (), frozenset(), {"a.py": CONSTANT, "b.py": RMTREE}, {})
    harmless = Edit("b.py", RMTREE.index("+ 1"), RMTREE.index("+ 1") + 3, "+ 2")
    at = CONSTANT.index("CACH)")
    other = Edit("a.py", at, at + 4, "HOME")
    assert not Hazards().of(Candidate((harmless,), "test", 0.0), task)
    assert Hazards().of(Candidate((other, harmless), "test", 0.0), task)


def test_a_text_without_such_a_call_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def f(a, b):\n    return a + b\n"
    task = RepairTask((), (), frozenset(), {"m.py": text}, {})
    hazards = Hazards()
    candidate = Candidate((Edit("m.py", 24, 25, "b"),), "test", 0.0)
    assert hazards.of(candidate, task) == ""
    read: list[str] = []
    monkeypatch.setattr(destructive_edits, "apply_edits", lambda text, _edits: read.append(text))
    assert hazards.of(candidate, task) == ""
    assert json.dumps(read) == "[]"
