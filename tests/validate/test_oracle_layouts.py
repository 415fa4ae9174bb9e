"""Projects of many shapes: candidates reach their tests, and the tree stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import Inapplicable, Plausible, StillFailing

pytestmark = pytest.mark.slow

WRONG = "def f():\n    return 1\n"
CHECK = "    assert f() == 2\n"
FROM_LIB = "from lib import f\ndef test_f():\n" + CHECK


def both_ways(project: Project, path: str, *targets: str) -> list[str]:
    """Names of the verdicts on a right and a wrong candidate, swapped in and imported anew."""
    text = (project.root / path).read_text(encoding="utf-8")
    before = {p: p.read_bytes() for p in project.root.rglob("*") if p.is_file()}
    verdicts = [
        project.try_out(path, text, text.replace("return 1", f"return {value}") + more, *targets)
        for more in ("", "\nMORE = 1\n")
        for value in (2, 3)
    ]
    assert {p: p.read_bytes() for p in project.root.rglob("*") if p.is_file()} == before
    return [type(verdict).__name__ for verdict in verdicts]


EXPECTED = ["Plausible", "StillFailing"] * 2

LAYOUTS: dict[str, tuple[dict[str, str], str]] = {
    "src": (
        {
            "pytest.ini": "[pytest]\npythonpath = src\n",
            "src/shop/__init__.py": "from .cart import f\n",
            "src/shop/cart.py": WRONG,
            "tests/test_cart.py": "from shop import f\ndef test_f():\n" + CHECK,
        },
        "src/shop/cart.py",
    ),
    "namespace package": (
        {
            "space/inner/cart.py": WRONG,
            "tests/test_cart.py": "from space.inner.cart import f\ndef test_f():\n" + CHECK,
        },
        "space/inner/cart.py",
    ),
    "the package itself": (
        {
            "shop/__init__.py": WRONG,
            "test_shop.py": "import shop\ndef test_f():\n    assert shop.f() == 2\n",
        },
        "shop/__init__.py",
    ),
    "importlib mode": (
        {
            "pytest.ini": "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n",
            "lib.py": WRONG,
            "tests/a/test_x.py": FROM_LIB,
            "tests/b/test_x.py": "def test_other(): pass\n",
        },
        "lib.py",
    ),
    "conftest imports it": (
        {
            "lib.py": WRONG,
            "conftest.py": "import pytest\nfrom lib import f\n@pytest.fixture\ndef two():\n"
            "    return f()\n",
            "test_lib.py": "def test_f(two):\n    assert two == 2\n",
        },
        "lib.py",
    ),
    "session fixture": (
        {
            "lib.py": WRONG,
            "conftest.py": "import pytest\nfrom lib import f\n@pytest.fixture(scope='session')\n"
            "def two(tmp_path_factory):\n    yield f()\n    tmp_path_factory.mktemp('x')\n",
            "test_lib.py": "def test_f(two):\n    assert two == 2\ndef test_g(two):\n    pass\n",
        },
        "lib.py",
    ),
    "imported by the test itself, late": (
        {"lib.py": WRONG, "test_lib.py": "def test_f():\n    from lib import f\n" + CHECK},
        "lib.py",
    ),
    "parametrized": (
        {
            "lib.py": WRONG,
            "test_lib.py": "import pytest\nfrom lib import f\n"
            "@pytest.mark.parametrize('x', [2, 'a::b/c', 'ü'])\n"
            "def test_f(x):\n    assert f() == 2\n",
        },
        "lib.py",
    ),
    "unittest": (
        {
            "lib.py": WRONG,
            "test_lib.py": "import unittest\nfrom lib import f\nclass T(unittest.TestCase):\n"
            "    @classmethod\n    def setUpClass(cls): cls.value = f()\n"
            "    def test_f(self): self.assertEqual(self.value, 2)\n",
        },
        "lib.py",
    ),
    "async": (
        {
            "lib.py": "async def f():\n    return 1\n",
            "test_lib.py": "import pytest\nfrom lib import f\n@pytest.mark.asyncio\n"
            "async def test_f():\n    assert await f() == 2\n",
        },
        "lib.py",
    ),
    "doctest": (
        {
            "pytest.ini": "[pytest]\npythonpath = .\naddopts = --doctest-modules\n",
            "lib.py": 'def f():\n    """\n    >>> f()\n    2\n    """\n    return 1\n',
        },
        "lib.py",
    ),
    "spaces and letters": (
        {
            "eine Mappe/läden/__init__.py": "",
            "eine Mappe/läden/korb.py": WRONG,
            "pytest.ini": "[pytest]\npythonpath = 'eine Mappe'\n",
            "eine Mappe/tests/test_ü.py": "from läden.korb import f\ndef test_f():\n" + CHECK,
        },
        "eine Mappe/läden/korb.py",
    ),
    "plugin of the project itself": (
        {
            "pytest.ini": "[pytest]\npythonpath = .\naddopts = -p plug\n",
            "plug.py": "def f():\n    return 1\ndef pytest_report_header():\n    return 'x'\n",
            "test_plug.py": "from plug import f\ndef test_f():\n" + CHECK,
        },
        "plug.py",
    ),
    "assertions of the module are rewritten": (
        {
            "conftest.py": "import pytest\npytest.register_assert_rewrite('lib')\n",
            "lib.py": WRONG,
            "test_lib.py": FROM_LIB,
        },
        "lib.py",
    ),
    "output is captured": (
        {
            "lib.py": "def f():\n    print('x')\n    return 1\n",
            "test_lib.py": "from lib import f\ndef test_f(capsys):\n    assert f() == 2\n"
            "    assert capsys.readouterr().out == 'x\\n'\n"
            "def test_g(capfd):\n    f()\n    assert capfd.readouterr().out == 'x\\n'\n",
        },
        "lib.py",
    ),
}


DECIDED_WARM = {  # of four candidates; two of them differ in what runs while importing
    "imported by the test itself, late": 4,
    "plugin of the project itself": 0,
    "assertions of the module are rewritten": 0,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(make_project: MakeProject, name: str) -> None:
    files, path = LAYOUTS[name]
    project = make_project(files)
    assert project.seen.failing
    assert project.seen.aborted == ""
    assert both_ways(project, path) == EXPECTED
    assert project.oracle.tally["decided"] == DECIDED_WARM.get(name, 2), project.oracle.tally


def test_tests_below_the_folder_pytest_is_called_in(make_project: MakeProject) -> None:
    files = {"sub/lib.py": WRONG, "sub/tests/test_lib.py": FROM_LIB}
    files["pytest.ini"] = "[pytest]\npythonpath = sub\n"
    project = make_project(files, invocation_dir="sub", args=["tests"])
    assert both_ways(project, "sub/lib.py") == EXPECTED


def test_the_file_shown_is_the_real_one_with_the_new_text(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": WRONG,
            "test_lib.py": "import inspect, lib, linecache\ndef test_f():\n"
            "    assert inspect.getsource(lib.f) == 'def f():\\n    return 2\\n'\n"
            "    linecache.checkcache()\n"
            "    assert linecache.getline(lib.__file__, 2) == '    return 2\\n'\n"
            "    assert lib.__file__.endswith('lib.py')\n",
        }
    )
    assert both_ways(project, "lib.py") == EXPECTED


def test_threads_started_while_collecting(make_project: MakeProject) -> None:
    """A fork would lose the thread: candidates are tried in place."""
    project = make_project(
        {
            "lib.py": "import queue, threading\nasked, told = queue.Queue(), queue.Queue()\n"
            "def f():\n    asked.put(1)\n    return told.get(timeout=5)\n"
            "def answer():\n    while True:\n        asked.get()\n        told.put(value())\n"
            "def value():\n    return 1\n"
            "threading.Thread(target=answer, daemon=True).start()\n",
            "test_lib.py": FROM_LIB,
        }
    )
    assert both_ways(project, "lib.py") == EXPECTED
    assert not project.oracle._pools[0].forks


def test_code_that_only_a_subprocess_imports_is_not_judged(make_project: MakeProject) -> None:
    project = make_project(
        {
            "lib.py": WRONG,
            "test_lib.py": "import subprocess, sys\ndef test_f():\n"
            "    code = 'import lib; assert lib.f() == 2'\n"
            "    assert subprocess.run([sys.executable, '-c', code]).returncode == 0\n"
            "def test_g(): pass\n",
        }
    )
    assert isinstance(project.try_out("lib.py", "return 1", "return 2"), StillFailing)
    passing = project.try_out("lib.py", "return 1", "return 2", "test_lib.py::test_g")
    assert isinstance(passing, Inapplicable)


def test_stale_bytecode_is_not_read(make_project: MakeProject) -> None:
    """An edit of the same size within the same second leaves bytecode that looks fresh."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    project = make_project({"lib.py": WRONG, "test_lib.py": FROM_LIB}, environ=environ)
    path = project.root / "lib.py"
    path.write_text(WRONG.replace("1", "2"))
    _import_lib(project.root, environ)  # leaves bytecode that returns 2
    stamp = path.stat()
    path.write_text(WRONG)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert _import_lib(project.root, environ) == 2  # the trap is there
    assert project.oracle.observe({}).failing
    assert isinstance(project.try_out("lib.py", "return 1", "return 3"), StillFailing)
    assert isinstance(project.try_out("lib.py", "return 1", "return 2\nX = 1"), Plausible)
    assert len(list(project.root.rglob("*.pyc"))) == 1  # none but the one of the trap


def _import_lib(root: Path, environ: dict[str, str]) -> int:
    code = "import lib, sys; sys.exit(lib.f())"
    return subprocess.run([sys.executable, "-c", code], cwd=root, env=environ).returncode


def test_an_installed_package_that_imports_the_project(
    make_project: MakeProject, tmp_path: Path
) -> None:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "__init__.py").write_text("from addon.inner import g\n")
    (tmp_path / "addon" / "inner.py").write_text("import lib\ndef g():\n    return lib.f()\n")
    files = {
        "lib.py": WRONG,
        "test_lib.py": "import addon\nfrom lib import f\ndef test_f():\n" + CHECK
        + "    assert addon.g() == 2\n",
    }  # fmt: skip
    path = os.pathsep.join((str(tmp_path), "."))
    project = make_project(files, environ={**os.environ, "PYTHONPATH": path})
    assert "addon.inner" in project.oracle._launcher.preload
    assert both_ways(project, "lib.py") == EXPECTED
