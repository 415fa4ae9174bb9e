"""Project-sized cases: archives, recipes, what becomes of them, and how recipes are found."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from eval.cases import mine, projects, sdist
from eval.cases.case import Files, load_cases
from eval.cases.projects import (
    Package,
    Recipe,
    break_text,
    case_of,
    read_recipes,
    without_functions,
)
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.types import GemmadevError

SOURCE = '''def add(a, b):
    """The sum."""
    return a + b


class Box:
    def double(self, x):
        y = x
        y *= 2
        return y
'''
TESTS = """import pytest

from calc import Box, add


def test_add():
    assert add(1, 2) == 3


@pytest.mark.parametrize("n", [1, 2])
def test_more(n):
    assert add(n, n) == 2 * n


def test_box():
    assert Box().double(2) == 4
"""
FILES = {
    "calc/__init__.py": SOURCE.encode(),
    "tests/test_calc.py": TESTS.encode(),
    "docs/index.txt": b"no need of it",
    "setup.cfg": b"[tool:pytest]\naddopts = --no-such-option\n",
}


def archive(path: Path, files: Mapping[str, bytes], top: str = "calc-1.0") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo(f"{top}/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A release that lies in the cache already: nothing is downloaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "pytest-gemmadev" / "sdists"
    folder.mkdir(parents=True)
    made = archive(folder / "calc_made-1.0.tar.gz", FILES)
    keep, tests = ("calc", "tests"), ("tests",)
    return Package("calc.made", "1.0", sdist.digest(made), "MIT", keep, tests, {}, ())


RECIPE = Recipe(
    id="calc/add",
    package="calc.made-1.0",
    path="calc/__init__.py",
    function="add",
    line=3,
    lines=1,
    text="    return a - b\n",
    origin="release 0.9",
    failing=("tests/test_calc.py::test_add", "tests/test_calc.py::test_more[1]"),
    withheld=("tests/test_calc.py::test_more",),
)


# --- archives ------------------------------------------------------------------------------------


def test_an_archive_becomes_files(tmp_path: Path) -> None:
    made = archive(tmp_path / "a.tar.gz", {**FILES, "../../escaped": b"x"})
    assert dict(sdist.read(made)) == FILES


def test_a_held_archive_is_checked(package: Package) -> None:
    held = sdist.fetch("calc-made", "1.0", sha256=package.sha256)
    assert sdist.digest(held) == package.sha256
    with pytest.raises(GemmadevError, match=f"has the hash {package.sha256}, not 00"):
        sdist.fetch("calc-made", "1.0", sha256="00")


# --- building ------------------------------------------------------------------------------------


def test_lines_are_replaced_and_no_others() -> None:
    assert break_text(SOURCE, RECIPE) == SOURCE.replace("a + b", "a - b")
    longer = replace(RECIPE, line=8, lines=2, text="        y = 2\n")
    assert break_text(SOURCE, longer).endswith("x):\n        y = 2\n        return y\n")
    inserted = replace(RECIPE, lines=0, text="    b = 0\n")
    assert break_text(SOURCE, inserted).count("\n") == SOURCE.count("\n") + 1


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        pytest.param(["test_add"], "def test_add():\n    assert add(1, 2) == 3\n", id="function"),
        pytest.param(
            ["test_more"],
            '@pytest.mark.parametrize("n", [1, 2])\ndef test_more(n):\n    assert add(n, n) == 2 * n\n',
            id="with its decorators",
        ),
        pytest.param(["test_none"], "", id="none of that name"),
        pytest.param(["Box::test_add"], "", id="a method of that name"),
    ],
)
def test_functions_are_cut_out(names: list[str], gone: str) -> None:
    assert without_functions(TESTS, names) == TESTS.replace(gone, "")


def test_methods_are_cut_out() -> None:
    text = "class T:\n    def a(self):\n        pass\n\n    async def b(self):\n        pass\n"
    assert without_functions(text, ["T::b"]) == text[: text.index("    async")]
    assert without_functions(text, ["b"]) == text


def test_a_case_holds_what_the_package_needs(package: Package) -> None:
    files = package.files()
    assert set(files) == {"calc/__init__.py", "tests/test_calc.py", "pytest.ini"}
    case = case_of(RECIPE, package, files)
    assert b"a - b" in case.project["calc/__init__.py"]
    assert b"a + b" in case.fixed["calc/__init__.py"]
    assert b"test_more" not in case.project["tests/test_calc.py"]
    assert b"test_add" in case.project["tests/test_calc.py"]
    assert case.hidden == {"tests/test_calc.py": TESTS.encode()}


def recipes_file(folder: Path, package: Package, *recipes: Recipe) -> Path:
    rows = [asdict(package)], [asdict(recipe) for recipe in recipes]
    projects.write_recipes(*rows, path=folder / "recipes.json")
    return folder / "recipes.json"


def test_cases_are_written_as_they_are_read(package: Package, tmp_path: Path) -> None:
    recipes = recipes_file(tmp_path, package, RECIPE)
    assert read_recipes(recipes) == ({package.key: package}, (RECIPE,))
    arguments = ["--recipes", str(recipes), "--output", str(tmp_path / "out")]
    assert projects.main(arguments) == 0
    (case,) = load_cases(tmp_path / "out")
    assert case == case_of(RECIPE, package, package.files())
    meta = json.loads((tmp_path / "out" / "add" / "meta.json").read_text(encoding="utf-8"))
    assert meta["fail_to_pass"] == list(RECIPE.failing)
    assert meta["license"] == "MIT"


def test_misuse_is_one_line(
    package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = str(recipes_file(tmp_path, replace(package, sha256="00"), RECIPE))
    assert projects.main(["--recipes", recipes, "--only", "nothing"]) == 2
    assert projects.main(["--recipes", recipes, "--output", str(tmp_path / "o")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "no recipe has 'nothing'" in first
    assert "not 00" in second


@pytest.mark.slow
def test_cases_are_checked(
    package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harmless = replace(RECIPE, id="calc/same", text="    return b + a\n")
    other = replace(RECIPE, id="calc/other", failing=("tests/test_calc.py::test_box",))
    recipes = recipes_file(tmp_path, package, RECIPE, harmless, other)
    arguments = ["--recipes", str(recipes), "--output", str(tmp_path / "out")]
    assert projects.main([*arguments, "--check"]) == 1
    told = capsys.readouterr().out
    assert "calc/add: sound" in told
    assert "calc/same: its tests end with 0 on the broken code" in told
    assert "tests/test_calc.py::test_add failed" in told.partition("calc/other")[2]


@pytest.mark.slow
def test_a_package_whose_own_tests_fail_is_told(package: Package) -> None:
    assert projects.check_package(package) == ""
    broken = replace(package, tests=("tests", "tests/none.py"))
    assert "its own tests end with 4" in projects.check_package(broken)


# --- the recipes of this repository --------------------------------------------------------------

PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BSD-3-Clause OR Apache-2.0"}


def test_the_recipes_are_complete() -> None:
    packages, recipes = read_recipes()
    assert len(recipes) >= 40
    assert len({recipe.package for recipe in recipes}) >= 10
    assert len({recipe.id.rpartition("/")[2] for recipe in recipes}) == len(recipes)
    for package in packages.values():
        assert len(package.sha256) == 64
        assert package.license in PERMISSIVE
    for recipe in recipes:
        assert recipe.package in packages
        assert recipe.origin.partition(" ")[0] in ("release", "model")
        functions = {nodeid.partition("[")[0] for nodeid in recipe.failing}
        assert functions - set(recipe.withheld), recipe.id
        assert set(recipe.withheld) <= functions


# --- how recipes are found -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "changes"),
    [
        pytest.param(SOURCE, [], id="the same"),
        pytest.param(SOURCE.replace("a + b", "b"), [("add", 3, 1, "    return b\n")], id="a line"),
        pytest.param(
            SOURCE.replace("        y *= 2\n", ""), [("Box.double", 9, 1, "")], id="one less"
        ),
        pytest.param(SOURCE.replace("a, b", "a, b=0"), [], id="another signature"),
        pytest.param(SOURCE.replace("def add", "def sub"), [], id="another function"),
        pytest.param(SOURCE.replace("    return a + b\n", "    a += b\n" * 20), [], id="too much"),
    ],
)
def test_changes_are_taken_back(old: str, changes: list[tuple[str, int, int, str]]) -> None:
    found = [(f.name, line, lines, text) for f, line, lines, text in mine.taken_back(SOURCE, old)]
    assert found == changes


def test_a_model_rewrites_lines_in_place() -> None:
    found = list(
        mine.rewritten(SOURCE, ScriptedModel(default=["        y = 7\n" * 3]), random.Random(0))
    )
    assert found
    for function, line, lines, text in found:
        assert function.first < line <= line + lines - 1 <= function.last
        assert text == "        y = 7\n" * lines


def test_what_does_not_compile_is_no_rewriting() -> None:
    model = ScriptedModel(default=["        ((("])
    assert list(mine.rewritten(SOURCE, model, random.Random(0))) == []
    assert model.prompts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "failing"),
    [
        pytest.param("    return a - b\n", 3, id="proven"),
        pytest.param("    return b + a\n", 0, id="no test fails"),
        pytest.param("    return a + b  # so\n", 0, id="the same code"),
        pytest.param("    return a +\n", 0, id="not code"),
    ],
)
def test_the_tests_prove_a_bug(package: Package, text: str, failing: int) -> None:
    files: Files = package.files()
    function = mine.functions(SOURCE)["add"]
    change = (function, 3, 1, text)
    found = mine.proven(package, files, "calc/__init__.py", change, "model made")
    assert (len(found.failing) if found else 0) == failing
    if found:
        assert found.withheld == ("tests/test_calc.py::test_more",)
        assert (found.id, found.line, found.function) == ("calc.made/__init__-add", 3, "add")
