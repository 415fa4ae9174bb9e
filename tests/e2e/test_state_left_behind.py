"""What the user's tests leave behind in the process that repairs: the repair goes on regardless."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

import pytest
from whole_runs import run, write

pytestmark = pytest.mark.slow

FIX = ("--gemmadev-fix", "--gemmadev-accept=guess", "--gemmadev-model=none")
BROKEN = {
    "shop.py": "def double(x):\n    return x + 2\n",
    "test_shop.py": "from shop import double\n\n\ndef test_double():\n"
    "    assert double(3) == 6\n    assert double(5) == 10\n",
}

# One run each: what stands together does not hide what the rest does.
LEFT_BEHIND = {
    "nothing to import with": """
sys.path.clear()
sys.meta_path.clear()
sys.path_hooks.clear()
sys.path_importer_cache.clear()
""",
    "stubs": """
sys.modules['json'] = None
sys.modules['dataclasses'] = types.ModuleType('dataclasses')
for name in ('ast', 'difflib', 'hashlib', 'libcst', 'rich', 'shutil', 'socket', 'tempfile'):
    sys.modules[name] = object()
""",
    "functions of the standard library": """
builtins.open = None
os.fork = os.replace = None
subprocess.Popen = subprocess.run = None
threading.Thread.start = None
time.time = lambda: 'noon'
time.monotonic = lambda: 0.0
tempfile.tempdir = '/nowhere'
""",
    "the interpreter": """
sys.executable = ''
sys.argv[:] = []
sys.setrecursionlimit(120)
sys.stdout = sys.stderr = None
socket.setdefaulttimeout(0.0)
""",
    "the process": """
os.environ.clear()
folder = tempfile.mkdtemp()
os.chdir(folder)
os.rmdir(folder)
os.umask(0o777)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
signal.setitimer(signal.ITIMER_REAL, 0.9)
resource.setrlimit(resource.RLIMIT_NOFILE, (14, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
""",
}
IMPORTS = "import builtins, os, resource, signal, socket, subprocess, sys, tempfile, threading, time, types"


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits of POSIX")
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_a_test_that_leaves_the_process_changed_keeps_nothing_from_repair(
    tmp_path: Path, name: str
) -> None:
    body = indent(LEFT_BEHIND[name], "    ")
    write(tmp_path, BROKEN | {"test_before.py": f"{IMPORTS}\n\ndef test_it():\n{body}"})
    ran = run(tmp_path, *FIX, "test_before.py", "test_shop.py")
    assert "repair failed" not in ran.output
    assert "after the repair: 2 passed" in ran.output.splitlines(), ran.output
    assert ran.status == 0, ran.output
    assert "x + 2" not in (tmp_path / "shop.py").read_text()


def test_what_the_users_hooks_find_is_as_the_tests_left_it(tmp_path: Path) -> None:
    files = {
        "conftest.py": (
            "import os, time\n\n\ndef pytest_terminal_summary(terminalreporter):\n"
            "    terminalreporter.write_line(f'left: {os.environ[\"LEFT\"]} {time.time()}')\n"
        ),
        "test_before.py": (
            "import os, time\n\n\ndef test_it():\n    os.environ['LEFT'] = 'here'\n"
            "    time.time = lambda: 12.5\n"
        ),
    }
    write(tmp_path, BROKEN | files)
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert "left: here 12.5" in ran.output.splitlines()
