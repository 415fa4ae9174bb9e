"""Failures of every sort -> plain stacks, in real pytest runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Runs pytest with a recorder and writes down what it saw.
RUNNER = """\
import json, sys, pytest
from pytest_gemmadev.capture.hooks import Recorder

recorder = Recorder()
status = int(pytest.main(sys.argv[2:], plugins=[recorder]))
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({**recorder.plain(), "status": status, "troubles": recorder.troubles}, file)
"""


@dataclass(frozen=True)
class Run:
    """What a recorder saw in a pytest run of its own process."""

    root: Path
    plain: dict[str, Any]

    @property
    def stacks(self) -> list[dict[str, Any]]:
        stacks: list[dict[str, Any]] = self.plain["stacks"]
        return stacks

    @property
    def outcomes(self) -> dict[str, str]:
        outcomes: dict[str, str] = self.plain["outcomes"]
        return outcomes

    def stack(self, start: str = "") -> dict[str, Any]:
        """The only stack of a node id that starts so."""
        found = [s for s in self.stacks if s["nodeid"].startswith(start)]
        assert len(found) == 1, [(s["nodeid"], s["message"]) for s in self.stacks]
        return found[0]


def observe(root: Path, files: dict[str, str], *args: str) -> Run:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    result = root / "recorded.json"
    command = [sys.executable, "-c", RUNNER, str(result), "-p", "no:cacheprovider", *args]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    ended = subprocess.run(
        command, cwd=root, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.exists(), ended.stdout + ended.stderr
    plain = json.loads(result.read_text(encoding="utf-8"))
    assert plain["troubles"] == [], ended.stdout
    return Run(root, plain)


def places(stack: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(Path(f["path"]).name, f["line"], f["function"]) for f in stack["frames"]]


SHOP = """\
PRICES = {"apple": 1, "pear": 2}


class Cart:
    def __init__(self, rates):
        self.rates = rates

    def price(self, name):
        return PRICES[name]

    def rate(self, country):
        return self.rates[country]


def total(prices, discount=0):
    return sum(prices) - discont


def later():
    if not PRICES:
        late = 1
    return late
"""


ERRORS: dict[str, tuple[str, dict[str, str]]] = {
    "name": (
        "shop.total([1])",
        {"kind": "name", "error": "NameError", "name": "discont", "alternative": "discount"},
    ),
    "unbound-local": (
        "shop.later()",
        {"kind": "name", "error": "UnboundLocalError", "name": "late"},
    ),
    "attribute": (
        "shop.Cart({}).prise('x')",
        {
            "kind": "attribute",
            "error": "AttributeError",
            "name": "prise",
            "owner": "shop.Cart",
            "alternative": "price",
        },
    ),
    "instance-attribute": (
        "shop.Cart({}).rats",
        {"kind": "attribute", "name": "rats", "owner": "shop.Cart", "alternative": "rates"},
    ),
    "class-attribute": (
        "shop.Cart.prise",
        {"kind": "attribute", "name": "prise", "owner": "shop.Cart", "alternative": "price"},
    ),
    "module-attribute": (
        "shop.PRICE",
        {"kind": "attribute", "name": "PRICE", "owner": "shop", "alternative": "PRICES"},
    ),
    "attribute-by-hand": (
        "raise AttributeError('by hand')",
        {"kind": "attribute", "name": "", "owner": ""},
    ),
    "import-name": (
        "from shop import Crt",
        {"kind": "import", "name": "Crt", "owner": "shop", "alternative": "Cart"},
    ),
    "import-submodule": (
        "import pack.crt",
        {
            "kind": "import",
            "error": "ModuleNotFoundError",
            "name": "pack.crt",
            "owner": "pack",
            "alternative": "cart",
        },
    ),
    "import-top-level": (
        "import shp",
        {"kind": "import", "name": "shp", "owner": "", "alternative": "shop"},
    ),
    "key-of-global": (
        "shop.Cart({}).price('plum')",
        {"kind": "key", "name": "'plum'", "owner": "PRICES", "alternative": "'apple'"},
    ),
    "key-of-attribute": (
        "shop.Cart({'DE': 19}).rate('FR')",
        {"kind": "key", "name": "'FR'", "owner": "self.rates", "alternative": "'DE'"},
    ),
    "unexpected-argument": (
        "shop.total(discont=1)",
        {"kind": "type", "name": "total", "alternative": "discount"},
    ),
    "missing-argument": (
        "shop.Cart({}).price()",
        {"kind": "type", "name": "Cart.price", "alternative": "name"},
    ),
    "type-of-operand": ("1 + 'x'", {"kind": "type", "name": ""}),
    "index": ("[][1]", {"kind": "index", "error": "IndexError"}),
    "value": ("int('x')", {"kind": "value", "error": "ValueError"}),
    "subclass-of-value": ("b'\\xff'.decode()", {"kind": "value"}),
    "other": ("1 / 0", {"kind": "other", "error": "ZeroDivisionError"}),
    "timeout": ("raise TimeoutError", {"kind": "timeout"}),
    "exit": ("raise SystemExit(3)", {"kind": "other", "error": "SystemExit"}),
    "pytest-fail": ("pytest.fail('no')", {"kind": "assertion", "error": "Failed", "message": "no"}),
    "syntax-of-a-string": ("exec('a b')", {"kind": "syntax", "error": "SyntaxError"}),
}

ASSERTIONS = {
    "equal": ("assert 1 + 1 == 3", "2", "3"),
    "in": ("assert 'x' in ['a']", "'x'", "['a']"),
    "not-equal": ("assert [1] != [1]", "[1]", "[1]"),
    "with-message": ("assert len([1]) > 5, 'a message'", "1", "5"),
    "no-comparison": ("assert not [1]", "", ""),
    "by-hand": ("raise AssertionError('x')", "", ""),
    "of-another-assertion": ("swallow(); assert not 3", "", ""),
}

UNITTEST_ASSERTIONS = {
    "equal": ("self.assertEqual(1 + 1, 3)", "2", "3"),
    "in": ("self.assertIn('x', {'a': 1})", "'x'", "{'a': 1}"),
    "true": ("self.assertTrue([])", "[]", "True"),
    "none": ("self.assertIsNone(4, 'why')", "4", "None"),
    "fail": ("self.fail('x')", "", ""),
}

SWALLOW = """\
def swallow():
    try:
        assert 1 == 2
    except AssertionError:
        pass


"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run in which every test fails, each in its own file."""
    files = {"shop.py": SHOP, "pack/__init__.py": "", "pack/cart.py": ""}
    for name, (body, _) in ERRORS.items():
        files[f"test_error_{name}.py"] = (
            f"import pytest\nimport shop\n\n\ndef test_it():\n    {body}\n"
        )
    for name, (body, *_) in ASSERTIONS.items():
        files[f"test_assertion_{name}.py"] = f"{SWALLOW}def test_it():\n    {body}\n"
    for name, (body, *_) in UNITTEST_ASSERTIONS.items():
        files[f"test_unittest_{name}.py"] = (
            "import unittest\n\nclass TestIt(unittest.TestCase):\n"
            f"    def test_it(self):\n        {body}\n"
        )
    files["test_outside.py"] = "import json\n\ndef test_it():\n    json.loads('{')\n"
    files["test_endless.py"] = (
        "def down(n):\n    return down(n + 1)\n\ndef test_it():\n    down(0)\n"
    )
    files["test_timeout.py"] = """\
        import pytest

        @pytest.mark.timeout(0.05, method="signal")
        def test_it():
            while True:
                pass
        """
    files["test_async.py"] = """\
        import asyncio
        import pytest

        async def price(name):
            await asyncio.sleep(0)
            return {}[name]

        @pytest.mark.asyncio
        async def test_it():
            await price("pear")
        """
    plugins = ["-p", "pytest_timeout", "-p", "pytest_asyncio.plugin"]
    options = ["-o", "asyncio_default_fixture_loop_scope=function", "--tb=no"]
    return observe(tmp_path_factory.mktemp("failures"), files, *plugins, *options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_each_error_tells_its_facts(failures: Run, name: str) -> None:
    expected = dict(ERRORS[name][1])
    stack = failures.stack(f"test_error_{name}.py::test_it")
    seen = {**stack, **stack["facts"]}
    alternative = expected.pop("alternative", None)
    assert {key: seen[key] for key in expected} == expected
    assert stack["phase"] == "call"
    assert places(stack)[0] == (f"test_error_{name}.py", 6, "test_it")
    if alternative is not None:
        assert alternative in stack["facts"]["alternatives"]
        assert stack["facts"]["name"] not in stack["facts"]["alternatives"]


@pytest.mark.slow
def test_frames_lead_from_the_test_to_the_break_with_facts(failures: Run) -> None:
    stack = failures.stack("test_error_key-of-attribute.py")
    assert places(stack)[1:] == [("shop.py", 12, "Cart.rate")]
    assert stack["frames"][1]["path"] == str(failures.root / "shop.py")
    assert stack["frames"][1]["facts"] == [
        {
            "name": "self",
            "value": "Cart(rates={'DE': 19})",
            "type": "shop.Cart",
            "is_argument": True,
        },
        {"name": "country", "value": "'FR'", "type": "str", "is_argument": True},
    ]


@pytest.mark.slow
def test_frames_outside_the_project_carry_no_facts(failures: Run) -> None:
    stack = failures.stack("test_outside.py")
    assert stack["frames"][0]["function"] == "test_it"
    assert len(stack["frames"]) > 1
    assert all(not frame["facts"] for frame in stack["frames"][1:])


def test_endless_recursion_keeps_both_ends(failures: Run) -> None:
    stack = failures.stack("test_endless.py")
    assert stack["error"] == "RecursionError"
    assert len(stack["frames"]) <= 40
    assert places(stack)[0] == ("test_endless.py", 5, "test_it")
    assert places(stack)[-1] == ("test_endless.py", 2, "down")


@pytest.mark.parametrize("name", ASSERTIONS)
def test_assertions_tell_both_sides(failures: Run, name: str) -> None:
    stack = failures.stack(f"test_assertion_{name}.py")
    assert stack["kind"] == "assertion"
    assert (stack["facts"]["left"], stack["facts"]["right"]) == ASSERTIONS[name][1:]


@pytest.mark.parametrize("name", UNITTEST_ASSERTIONS)
def test_unittest_assertions_tell_both_sides(failures: Run, name: str) -> None:
    stack = failures.stack(f"test_unittest_{name}.py::TestIt::test_it")
    assert stack["kind"] == "assertion"
    assert places(stack)[0] == (f"test_unittest_{name}.py", 5, "TestIt.test_it")
    assert (stack["facts"]["left"], stack["facts"]["right"]) == UNITTEST_ASSERTIONS[name][1:]


def test_a_timeout_of_pytest_timeout(failures: Run) -> None:
    stack = failures.stack("test_timeout.py")
    assert stack["kind"] == "timeout"
    assert places(stack)[0][0] == "test_timeout.py"


def test_an_async_test(failures: Run) -> None:
    stack = failures.stack("test_async.py")
    assert stack["kind"] == "key"
    assert places(stack) == [("test_async.py", 10, "test_it"), ("test_async.py", 6, "price")]


# --- outcomes ------------------------------------------------------------------------------------

OUTCOMES = """\
import pytest

def test_passes(): pass
def test_fails(): assert 0
def test_skips(): pytest.skip("x")
@pytest.mark.skip
def test_is_skipped(): assert 0
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_must_fail(): pass
@pytest.fixture
def broken(): raise ValueError("setup")
def test_setup(broken): pass
@pytest.fixture
def leaking():
    yield
    raise ValueError("teardown")
def test_teardown(leaking): pass
@pytest.mark.parametrize("x", [1, "é"])
def test_each(x): pass
def test_no_fixture(nowhere): pass
"""


@pytest.mark.slow
def test_outcomes_of_all_sorts(tmp_path: Path) -> None:
    run = observe(tmp_path, {"test_it.py": OUTCOMES})
    outcomes = {n.partition("::")[2]: outcome for n, outcome in run.outcomes.items() if "::" in n}
    assert outcomes == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_skips": "skipped",
        "test_is_skipped": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "xpassed",
        "test_must_fail": "failed",
        "test_setup": "failed",
        "test_teardown": "failed",
        "test_each[1]": "passed",
        r"test_each[\xe9]": "passed",
        "test_no_fixture": "failed",
    }
    assert run.outcomes["test_it.py"] == "passed"
    assert run.plain["collected"] == [f"test_it.py::{name}" for name in outcomes]
    assert run.plain["durations"].keys() == set(run.plain["collected"])
    assert run.plain["test_files"] == [str(tmp_path / "test_it.py")]
    stacks = {stack["nodeid"].partition("::")[2]: stack for stack in run.stacks}
    assert {name: stack["phase"] for name, stack in stacks.items()} == {
        "test_fails": "call",
        "test_must_fail": "call",
        "test_setup": "setup",
        "test_teardown": "teardown",
        "test_no_fixture": "setup",
    }
    assert places(stacks["test_must_fail"]) == [("test_it.py", 12, "test_must_fail")]
    assert stacks["test_no_fixture"]["message"] == "fixture 'nowhere' not found"


@pytest.mark.slow
def test_a_green_run_has_no_stacks(tmp_path: Path) -> None:
    plain = observe(tmp_path, {"tests/test_it.py": "def test_it(): pass\n"}).plain
    assert plain["outcomes"] == {
        "tests": "passed",
        "tests/test_it.py": "passed",
        "tests/test_it.py::test_it": "passed",
    }
    assert (plain["stacks"], plain["aborted"], plain["status"]) == ([], "", 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "options", "aborted"),
    [
        pytest.param("assert 0", ["-x"], "", id="first-failure"),
        pytest.param("raise KeyboardInterrupt", [], "interrupted", id="ctrl-c"),
        pytest.param("pytest.exit('enough')", [], "pytest.exit: enough", id="pytest-exit"),
    ],
)
def test_only_a_run_cut_short_is_aborted(
    tmp_path: Path, statement: str, options: list[str], aborted: str
) -> None:
    text = f"import pytest\n\ndef test_a():\n    {statement}\n\ndef test_b(): pass\n"
    run = observe(tmp_path, {"test_it.py": text}, *options)
    assert run.plain["aborted"] == aborted
    assert run.plain["collected"] == ["test_it.py::test_a", "test_it.py::test_b"]
    assert "test_it.py::test_b" not in run.outcomes


@pytest.mark.slow
def test_subtests_fail_their_test_with_their_own_stacks(tmp_path: Path) -> None:
    pytest.importorskip("_pytest.subtests")
    text = """\
        def test_it(subtests):
            for i in (1, 2, 3):
                with subtests.test(i=i):
                    assert i == 2
        """
    run = observe(tmp_path, {"test_it.py": text})
    assert run.outcomes["test_it.py::test_it"] == "failed"
    assert [stack["facts"]["left"] for stack in run.stacks] == ["1", "3"]


# --- collection ----------------------------------------------------------------------------------

BROKEN_MODULES = {
    "syntax": ("def f(:\n", 1),
    "indentation": ("if 1:\npass\n", 2),
    "import": ("import nowhere\n", 1),
    "name": ("x = y\n", 1),
    "key": ("\nx = {}['a']\n", 2),
}


@pytest.fixture(scope="module", params=["prepend", "importlib"])
def collection_errors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """One run in which tests import packages that import broken modules."""
    files = {
        "test_fine.py": "def test_it(): pass\n",
        "test_skipped.py": "import pytest\npytest.skip('x', allow_module_level=True)\n",
        "test_broken.py": "\ndef test_it(:\n    pass\n",
        "above/__init__.py": "oops\n",
        "above/test_below.py": "def test_it(): pass\n",
        "deep/er/conftest.py": "import name_pack\n",
        "deep/er/test_deep.py": "def test_it(): pass\n",
    }
    for kind, (source, _) in BROKEN_MODULES.items():
        files[f"{kind}_pack/__init__.py"] = f"from {kind}_pack import cart\n"
        files[f"{kind}_pack/cart.py"] = source
        files[f"test_{kind}.py"] = f"import {kind}_pack\n\ndef test_it(): pass\n"
    files["pytest.ini"] = "[pytest]\npythonpath = .\n"
    folder = tmp_path_factory.mktemp("collection")
    return observe(folder, files, f"--import-mode={request.param}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROKEN_MODULES)
def test_errors_while_importing_are_the_modules_own(collection_errors: Run, kind: str) -> None:
    stack = collection_errors.stack(f"test_{kind}.py")
    assert (stack["nodeid"], stack["phase"], stack["kind"]) == (f"test_{kind}.py", "collect", kind)
    assert places(stack) == [
        (f"test_{kind}.py", 1, "<module>"),
        ("__init__.py", 1, "<module>"),
        ("cart.py", BROKEN_MODULES[kind][1], "<module>"),
    ]
    assert collection_errors.outcomes[f"test_{kind}.py"] == "error"


@pytest.mark.slow
def test_what_did_collect_is_told_apart(collection_errors: Run) -> None:
    assert collection_errors.plain["collected"] == ["test_fine.py::test_it"]
    assert collection_errors.outcomes["test_fine.py"] == "passed"
    assert collection_errors.outcomes["test_skipped.py"] == "skipped"


@pytest.mark.slow
def test_a_syntax_error_tells_message_and_offset(collection_errors: Run) -> None:
    stack = collection_errors.stack("test_syntax.py")
    with pytest.raises(SyntaxError) as caught:
        compile(BROKEN_MODULES["syntax"][0], "cart.py", "exec")
    assert stack["message"] == caught.value.msg
    offsets = {fact["name"]: fact["value"] for fact in stack["frames"][-1]["facts"]}
    assert offsets["offset"] == str(caught.value.offset)


def test_a_syntax_error_in_the_test_itself(collection_errors: Run) -> None:
    assert places(collection_errors.stack("test_broken.py")) == [("test_broken.py", 2, "<module>")]


def test_a_broken_package_above_the_tests(collection_errors: Run) -> None:
    stack = collection_errors.stack("above")
    assert (stack["kind"], places(stack)[-1]) == ("name", ("__init__.py", 1, "<module>"))
    assert collection_errors.outcomes[stack["nodeid"]] == "error"


def test_a_broken_conftest_deep_down(collection_errors: Run) -> None:
    stack = collection_errors.stack("deep/er")
    assert places(stack)[0] == ("conftest.py", 1, "<module>")
    assert places(stack)[-1] == ("cart.py", 1, "<module>")


@pytest.mark.slow
def test_a_broken_initial_conftest(tmp_path: Path) -> None:
    run = observe(tmp_path, {"shop.py": "x = y\n", "conftest.py": "import shop\n"})
    stack = run.stack("conftest.py")
    assert (stack["phase"], stack["kind"]) == ("collect", "name")
    assert places(stack) == [("conftest.py", 1, "<module>"), ("shop.py", 1, "<module>")]
    assert run.outcomes == {"conftest.py": "error"}
    assert run.plain["status"] == int(pytest.ExitCode.USAGE_ERROR)


# --- doctests ------------------------------------------------------------------------------------

DOCTESTS = '''\
def double(x):
    """Twice x.

    >>> double(1)
    3
    """
    return x * 2


def half(x):
    """
    >>> one = 1
    >>> half(one)
    0
    """
    return x / nothing
'''


@pytest.mark.slow
def test_doctests_point_to_the_example(tmp_path: Path) -> None:
    files = {"shop.py": DOCTESTS, "test_guide.txt": ">>> 1\n2\n>>> 3\n4\n"}
    run = observe(tmp_path, files, "--doctest-modules", "--doctest-continue-on-failure")
    double = run.stack("shop.py::shop.double")
    assert double["kind"] == "assertion"
    assert (double["facts"]["left"], double["facts"]["right"]) == ("2", "3")
    assert places(double) == [("shop.py", 4, "shop.double")]
    half = run.stack("shop.py::shop.half")
    assert half["kind"] == "name"
    assert [place[:2] for place in places(half)] == [("shop.py", 13), ("shop.py", 16)]
    guide = run.stack("test_guide.txt")
    assert guide["facts"]["right"] == "2"
    assert [member["facts"]["right"] for member in guide["group"]] == ["4"]
    assert places(guide)[0][:2] == ("test_guide.txt", 1)
    assert run.plain["test_files"] == []
