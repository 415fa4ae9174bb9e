"""What the environment lacks, and what only looks so."""

from __future__ import annotations

import time

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.environment import find_missing
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.types import Confidence, ErrorFacts, ErrorKind, ErrorStack, Frame, Role, Status

SOURCES = {"shop/cart.py": "import subprocess\nDATA = '/srv/prices.csv'\nTOOL = 'convertx'\n"}
CONTEXT = {"tests/test_cart.py": "LOCALE = 'de_DE.UTF-8'\n"}
CHILD = Frame("/usr/lib/python3/subprocess.py", 1, "Popen._execute_child", Role.OUTSIDE)


NO_FACTS = ErrorFacts()


def failure(
    error: str,
    message: str,
    *frames: Frame,
    facts: ErrorFacts = NO_FACTS,
    cause: ErrorStack | None = None,
) -> ErrorStack:
    inner = Frame("shop/cart.py", 1, "load", Role.SOURCE)
    return ErrorStack(
        "t::a", "call", ErrorKind.OTHER, error, message, (inner, *frames), facts, cause
    )


def module(name: str, *alternatives: str) -> ErrorStack:
    facts = ErrorFacts(name=name, alternatives=alternatives)
    return failure("ModuleNotFoundError", f"No module named '{name}'", facts=facts)


def imported(name: str, owner: str, *alternatives: str) -> ErrorStack:
    facts = ErrorFacts(name=name, owner=owner, alternatives=alternatives)
    return failure("ImportError", f"cannot import name '{name}' from '{owner}'", facts=facts)


REFUSED = failure("ConnectionRefusedError", "[Errno 111] Connection refused")
NO_FILE = "[Errno 2] No such file or directory: "

CERTAIN = {
    "a package of another name": (module("yaml"), "package `yaml` is not installed: pip install pyyaml"),
    "a package": (module("numpy"), "package `numpy` is not installed: pip install numpy"),
    "an unknown module": (module("warehouse", "zipfile"), "module `warehouse` is neither in the"),
    "a removed name": (imported("Markup", "jinja2", "Macro"), "the installed `jinja2` has no `Markup`"),
    "a service": (REFUSED, "a service does not answer ([Errno 111] Connection refused)"),
    "a service behind another error": (
        failure("StoreError", "no answer", cause=REFUSED), "a service does not answer",
    ),
    "a command": (
        failure("FileNotFoundError", f"{NO_FILE}'convertx'", CHILD), "command `convertx` is not installed",
    ),
    "a file elsewhere": (
        failure("FileNotFoundError", f"{NO_FILE}'/srv/prices.csv'"), "file `/srv/prices.csv` is not there",
    ),
    "permissions": (
        failure("PermissionError", "[Errno 13] Permission denied: '/srv/prices.csv'"),
        "this user may not use `/srv/prices.csv`",
    ),
    "a locale": (failure("Error", "unsupported locale setting"), "a locale `de_DE.UTF-8` is not installed"),
    "a time zone": (
        failure("ZoneInfoNotFoundError", "'No time zone found with key Europe/Berlin'"),
        "no data of the time zone `Europe/Berlin` is installed: pip install tzdata",
    ),
}  # fmt: skip

UNCERTAIN = {
    "an attribute of a package": failure(
        "AttributeError", "module 'numpy' has no attribute 'int'",
        facts=ErrorFacts(name="int", owner="numpy"),
    ),
    "a file that the project may have to write": failure("FileNotFoundError", f"{NO_FILE}'out/a.csv'"),
    "a temporary file": failure("FileNotFoundError", f"{NO_FILE}'/tmp/prices.csv'"),
    "a file whose path is built": failure("FileNotFoundError", f"{NO_FILE}'/srv/prices/1.csv'"),
    "a command that is built": failure("FileNotFoundError", f"{NO_FILE}'magick7'", CHILD),
    "a rare time zone": failure("ZoneInfoNotFoundError", "'No time zone found with key Europe/Berln'"),
}  # fmt: skip

CODE = {
    "a misspelt module of the project": module("cartt"),
    "a module of the project": module("shop.carts"),
    "a misspelt one of the standard library": module("mathh", "math"),
    "a misspelt package": module("nunpy"),
    "a misspelt one that is installed": module("pytestt", "pytest"),
    "a module of Python 2": module("urllib2", "urllib"),
    "a submodule": module("yamlx.loader"),
    "a misspelt name of a package": imported("Templat", "jinja2", "Template"),
    "a name of the project": imported("total", "shop.cart", "subtotals"),
    "a name of the standard library": imported("ceiling", "math"),
    "an attribute of an object": failure(
        "AttributeError", "'Cart' object has no attribute 'rows'",
        facts=ErrorFacts(name="rows", owner="cart"),
    ),
    "a misspelt command": failure("FileNotFoundError", f"{NO_FILE}'pyhton'", CHILD),
    "an assertion about a connection": failure(
        "AssertionError", "assert 'Connection refused' == ''"
    ),
    "a key": failure("KeyError", "'yaml'"),
}  # fmt: skip


@pytest.mark.parametrize(("stack", "words"), CERTAIN.values(), ids=CERTAIN)
def test_what_is_missing_is_said(stack: ErrorStack, words: str) -> None:
    missing = find_missing(stack, SOURCES, CONTEXT)
    assert missing is not None
    assert missing.is_certain
    assert words in missing.what


@pytest.mark.parametrize("stack", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_may_be_the_codes_fault_is_not_certain(stack: ErrorStack) -> None:
    missing = find_missing(stack, SOURCES, CONTEXT)
    assert missing is not None
    assert not missing.is_certain


@pytest.mark.parametrize("stack", CODE.values(), ids=CODE)
def test_a_fault_of_the_code_is_none_of_the_environment(stack: ErrorStack) -> None:
    assert find_missing(stack, SOURCES, CONTEXT) is None


def test_a_project_that_serves_may_have_to_answer_itself() -> None:
    missing = find_missing(REFUSED, {"serve.py": "socket.bind(('', 80))\n"}, {})
    assert missing is not None
    assert not missing.is_certain


LOADS = "def load(n):\n    import yaml_\n    return n\n"


def repaired(name: str) -> tuple[Status, str, int]:
    """Of a failure that the code explains to nobody: what became of it, and how much was tried."""
    project = InMemory({"lib.py": LOADS.replace("yaml_", "qwertzuiop")}, {"t::a": "load(1) == 1"})
    right = ("import qwertzuiop", "pass", -1.0)
    context = SearchContext(
        oracle=project,
        proposers=[Substitutions((right,), name=name)],
        writers=[],
        files=project,
        model=None,
        clock=time.monotonic,
        accept=Confidence.GUESS,
    )
    (outcome,), _ = repair(context, project.observe({}), Meter(Budget(60), time.monotonic))
    return outcome.status, outcome.reason, outcome.validations


def test_nothing_is_searched_where_a_package_is_missing() -> None:
    status, reason, validations = repaired("patterns")
    assert status is Status.SKIPPED
    assert reason.startswith("the module `qwertzuiop` is neither in the project nor installed")
    assert validations == 0


def test_what_a_rule_repairs_is_repaired_all_the_same() -> None:
    status, _reason, validations = repaired("rules")
    assert status is Status.REPAIRED
    assert validations == 1
