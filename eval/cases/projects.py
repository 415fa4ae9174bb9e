"""Project-sized cases from recipes: ``python -m eval.cases.projects --output DIR``.

A recipe names a released package, by version and hash, and the lines of one function to put in
place of its own. The repository holds recipes only (``eval/data/projects.json``); the sources come
from the package index when the cases are built. `eval.cases.mine` says how recipes are found.

The tests of a case are the package's own. Where the broken lines fail several of them, some are
withheld: they lie among the hidden tests only, which are the package's whole suite.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from eval.cases import sdist
from eval.cases.case import DATA, Case, Files, write_tree
from eval.cases.process import Finished, in_parallel
from eval.cases.tests import CHECK_TIMEOUT_S, run_tests, visible_command
from pytest_gemmadev.types import GemmadevError

RECIPES = DATA / "projects.json"
SLICE = "project"


@dataclass(frozen=True, slots=True)
class Package:
    """A release that cases are made of."""

    name: str
    version: str
    sha256: str  # of its source distribution
    license: str
    keep: tuple[str, ...]  # files and folders of the archive that a case needs
    tests: tuple[str, ...]  # for pytest
    ini: Mapping[str, str]  # of pytest.ini, instead of the package's own configuration
    deps: tuple[str, ...]  # distributions that its tests need

    @property
    def key(self) -> str:
        return f"{self.name}-{self.version}"

    def files(self) -> Files:
        """What a case of this package holds, unbroken."""
        return _package_files(self)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One bug in a package."""

    id: str
    package: str  # its key
    path: str
    function: str  # qualified name
    line: int  # first of those replaced
    lines: int  # how many are replaced
    text: str  # in their place
    origin: str  # ``release 0.5.0``: as they were there; ``model qwen-coder``: as it wrote them
    failing: tuple[str, ...]  # tests that fail with it
    withheld: tuple[str, ...] = ()  # functions among them, ``path::Class::name``


@lru_cache(maxsize=4)
def _kept(archive: Path, keep: tuple[str, ...]) -> Files:
    return {
        path: data
        for path, data in sdist.read(archive).items()
        if any(path == part or path.startswith(f"{part}/") for part in keep)
    }


def _package_files(package: Package) -> Files:
    archive = sdist.fetch(package.name, package.version, sha256=package.sha256 or None)
    ini = "".join(f"{name} = {value}\n" for name, value in package.ini.items())
    return {**_kept(archive, package.keep), "pytest.ini": f"[pytest]\n{ini}".encode()}


def read_recipes(path: Path = RECIPES) -> tuple[dict[str, Package], tuple[Recipe, ...]]:
    """The packages by key, and what is broken in them."""
    data = json.loads(path.read_text(encoding="utf-8"))
    packages = [Package(**_tuples(row)) for row in data["packages"]]
    return {p.key: p for p in packages}, tuple(Recipe(**_tuples(row)) for row in data["cases"])


def write_recipes(
    packages: Iterable[Mapping[str, Any]], cases: Iterable[Mapping[str, Any]], path: Path = RECIPES
) -> None:
    """Writes the file that `read_recipes` reads, the same content to the same bytes."""
    data = {"version": 1, "packages": list(packages), "cases": list(cases)}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}


# --- building ------------------------------------------------------------------------------------


def break_text(text: str, recipe: Recipe) -> str:
    """The text of the recipe's file with the recipe's lines in place of its own."""
    lines = text.splitlines(keepends=True)
    start = recipe.line - 1
    return "".join((*lines[:start], recipe.text, *lines[start + recipe.lines :]))


def without_functions(text: str, names: Sequence[str]) -> str:
    """A test file without the functions of those names, ``Class::name`` for methods."""
    gone: set[int] = set()

    def visit(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}::")
                continue
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if f"{prefix}{node.name}" in names:
                first = min((node.lineno, *(d.lineno for d in node.decorator_list)))
                gone.update(range(first, (node.end_lineno or first) + 1))

    visit(ast.parse(text).body, "")
    kept = [line for n, line in enumerate(text.splitlines(keepends=True), 1) if n not in gone]
    return "".join(kept)


def case_of(recipe: Recipe, package: Package, files: Files) -> Case:
    """The case, from the files of the package."""
    broken = break_text(files[recipe.path].decode("utf-8"), recipe)
    changed = {recipe.path: broken.encode("utf-8")}
    for path in sorted({name.partition("::")[0] for name in recipe.withheld}):
        names = [n.partition("::")[2] for n in recipe.withheld if n.startswith(f"{path}::")]
        changed[path] = without_functions(files[path].decode("utf-8"), names).encode("utf-8")
    return Case(
        id=recipe.id,
        slice=SLICE,
        kinds=(),
        project={**files, **changed},
        hidden={path: files[path] for path in changed if path != recipe.path},
        reference={recipe.path: files[recipe.path]},
        buggy_files=(recipe.path,),
        visible_tests=package.tests,
        hidden_tests=package.tests,
        command=("python", "-m", "pytest", "-q", *package.tests),
        deps=package.deps,
    )


def write_case(folder: Path, case: Case, recipe: Recipe, package: Package) -> None:
    """Lays the case out as `eval.cases.case.load_cases` reads it; ``meta.json`` comes last."""
    write_tree(folder / "project", case.project)
    write_tree(folder / "hidden_tests", case.hidden)
    write_tree(folder / "reference", case.reference)
    meta = {
        "id": case.id,
        "slice": case.slice,
        "origin": recipe.origin,
        "function": recipe.function,
        "package": package.key,
        "license": package.license,
        "buggy_files": case.buggy_files,
        "visible_tests": case.visible_tests,
        "hidden_tests": case.hidden_tests,
        "cmd": case.command,
        "deps": case.deps,
        "fail_to_pass": recipe.failing,
    }
    write_tree(folder, {"meta.json": (json.dumps(meta, indent=2) + "\n").encode()})


# --- checking ------------------------------------------------------------------------------------


def failing_tests(
    files: Files,
    argv: Sequence[str],
    *,
    timeout_s: float = CHECK_TIMEOUT_S,
    stop: Event | None = None,
) -> tuple[Finished, tuple[str, ...]]:
    """How pytest ended on the files, and the ids of what failed, sorted."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as cache:
        # The summary in the output says it too, but an id may hold what separates its fields.
        options = ["--tb=no", "-o", f"cache_dir={cache}"]
        done = run_tests(files, [*argv, *options], timeout_s=timeout_s, stop=stop)
        told = Path(cache, "v", "cache", "lastfailed")
        failed = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    return done, tuple(sorted(failed))


def check_package(package: Package, stop: Event | None = None) -> str:
    """Why the package cannot be used, empty where it can: all its tests pass here."""
    argv = [sys.executable, "-m", "pytest", "-q", *package.tests]
    done, failed = failing_tests(package.files(), argv, stop=stop)
    return (
        "" if done.status == 0 else f"its own tests end with {done.status}: {_ended(done, failed)}"
    )


def check(recipe: Recipe, package: Package, stop: Event | None = None) -> str:
    """Why the case is not sound, empty where it is: what the recipe names fails, and only that."""
    case = case_of(recipe, package, package.files())
    done, failed = failing_tests(case.project, visible_command(case), stop=stop)
    named = {n for n in recipe.failing if n.partition("[")[0] not in recipe.withheld}
    if done.status == 1 and set(failed) == named:
        return ""
    return f"its tests end with {done.status} on the broken code: {_ended(done, failed)}"


def _ended(done: Finished, failed: Sequence[str]) -> str:
    last = (done.output.strip().splitlines() or ["no output"])[-1]
    return f"{done.stopped or last}; {', '.join(failed[:3]) or 'none'} failed"


# --- the command ---------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every case was built, and was sound where that was to be checked."""
    options = _parser().parse_args(argv)
    try:
        packages, recipes = read_recipes(options.recipes)
        recipes = tuple(r for r in recipes if options.only in r.id)[:: options.every]
        if not recipes:
            raise GemmadevError(f"no recipe has {options.only!r} in its id")
        if options.install:
            _install({dep for r in recipes for dep in packages[r.package].deps})
        for recipe in sorted(recipes, key=lambda r: r.package):
            package = packages[recipe.package]
            folder = options.output / PurePosixPath(recipe.id).name
            if not (folder / "meta.json").exists():
                write_case(folder, case_of(recipe, package, package.files()), recipe, package)
        print(f"{len(recipes)} cases in {options.output}")
        return _check_all(recipes, packages, options.jobs) if options.check else 0
    except GemmadevError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.cases.projects", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("eval-out/projects"), metavar="DIR")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose id contains this")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th case only")
    parser.add_argument(
        "--install", action="store_true", help="install what the packages' tests need, here"
    )
    parser.add_argument("--check", action="store_true", help="run each case's tests, both ways")
    parser.add_argument("--jobs", type=int, default=1, help="cases checked at a time; default 1")
    return parser


def _install(deps: set[str]) -> None:
    if not deps:
        return
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *sorted(deps)], check=False
    )
    if done.returncode:
        raise GemmadevError("pip could not install what the cases need; see its message above")


def _check_all(recipes: Sequence[Recipe], packages: Mapping[str, Package], jobs: int) -> int:
    used = [packages[key] for key in sorted({recipe.package for recipe in recipes})]
    unsound = 0
    for package, why in in_parallel(used, check_package, jobs=jobs):
        unsound += bool(why)
        print(f"{package.key}: {why or 'its tests pass'}", flush=True)

    def work(recipe: Recipe, stop: Event) -> str:
        return check(recipe, packages[recipe.package], stop)

    for number, (recipe, why) in enumerate(in_parallel(recipes, work, jobs=jobs), start=1):
        unsound += bool(why)
        print(f"[{number}/{len(recipes)}] {recipe.id}: {why or 'sound'}", flush=True)
    return 1 if unsound else 0


if __name__ == "__main__":
    sys.exit(main())
