"""Imports point one way, in every package of the project, and never in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
CASES = {"debug", "writers"}  # folders of eval/data that hold cases, some broken on purpose
PACKAGES = ("pytest_gemmadev", "precommit_hooks", "eval", "training", "benchmarks")

# The parts of pytest_gemmadev. What stands in a line may import what stands in the lines above it, and
# its own line only inside one part.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"types"}),
    frozenset({"text"}),
    frozenset({"files"}),
    frozenset({"capture", "prompting", "report"}),
    frozenset({"search"}),
    frozenset({"hookspecs"}),
    frozenset({"propose", "validate", "models"}),
    frozenset({"registry"}),
    frozenset({"doors", "hook"}),
    frozenset({"api"}),
    frozenset({"newhooks", "testing"}),
    frozenset({"plugin", "__main__"}),
)
PARTS = frozenset().union(*LAYERS)

# The same for the parts of eval and training, with what they share and, last, their commands.
ORDERS: Mapping[str, tuple[frozenset[str], ...]] = {
    "eval": (frozenset({"cases"}), frozenset({"report"}), frozenset({"bench"}), frozenset({"run"})),
    "training": (
        frozenset({"config", "extras", "output"}),
        frozenset({"rewrites", "drills"}),
        frozenset({"data"}),
        frozenset({"confidence"}),
        frozenset({"learn"}),
        frozenset({"release"}),
        frozenset({"align", "run"}),
        frozenset({"recipe"}),
    ),
}

# What runs inside the user's pytest, before and without any repair: it knows nothing else of ours.
WATCHING = {"bug_log", "shapes", "values", "exceptions", "error_facts", "stack", "hooks"}


class Import(NamedTuple):
    file: str  # relative to the root
    line: int
    module: str  # absolute
    lazy: bool  # inside a function


def sources() -> list[Path]:
    """Every module of the project; the cases of benchmarks are data."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if not CASES & set(path.relative_to(ROOT).parts[1:3]))


def imports_of(path: Path) -> Iterator[Import]:
    """Every import that can run; those for type checkers only are left out."""
    file = path.relative_to(ROOT).as_posix()

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (Import(file, child.lineno, name.name, lazy) for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}:{child.lineno}: relative import"
                yield from targets(child, lazy)
            else:
                function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
                yield from walk(child, lazy or function)

    def targets(node: ast.ImportFrom, lazy: bool) -> Iterator[Import]:
        """The package or module itself, or the modules that are taken out of the package."""
        module = node.module or ""
        for name in node.names:
            full = f"{module}.{name.name}"
            yield Import(file, node.lineno, full if is_module(full) else module, lazy)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def module_name(file: str) -> str:
    return ".".join(file.removesuffix(".py").removesuffix("/__init__").split("/"))


FILES = sources()
IMPORTS = [found for path in FILES for found in imports_of(path)]
OWN = [i for i in IMPORTS if i.module.split(".")[0] in PACKAGES]
IN_PLUGIN = [i for i in OWN if i.file.startswith("pytest_gemmadev/")]
FOREIGN = [
    i for i in IMPORTS if i.module.split(".")[0] not in {*PACKAGES, *sys.stdlib_module_names}
]


def part(module: str) -> str:
    """The part of the package that a module belongs to; empty for the package itself."""
    return [*module.split("."), ""][1]


def layer(name: str) -> int:
    return next((n for n, names in enumerate(LAYERS) if name in names), -1)


def shown(found: list[Import]) -> list[str]:
    return [f"{i.file}:{i.line} imports {i.module}" for i in found]


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach one another (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        path.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in path:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = path[path.index(name) :]
            del path[path.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found


def test_every_package_is_read() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(PACKAGES)
    assert any(i.module == "pytest_gemmadev.types" for i in OWN)
    assert any(i.module == "pytest" for i in FOREIGN)


def test_every_part_has_its_layer() -> None:
    folder = ROOT / "pytest_gemmadev"
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    names |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert names <= PARTS


def test_imports_point_one_way() -> None:
    wrong = [
        i
        for i in IN_PLUGIN
        if (there := part(i.module)) != (here := part(module_name(i.file)))
        and here  # the package itself fetches its interface when it is asked for
        and there
        and layer(there) >= layer(here)
    ]
    assert shown(wrong) == []


@pytest.mark.parametrize("package", ORDERS)
def test_parts_of_eval_and_training_point_one_way(package: str) -> None:
    places = {name: place for place, names in enumerate(ORDERS[package]) for name in names}
    own = [i for i in OWN if i.module.startswith(f"{package}.")]
    wrong = [
        i
        for i in own
        if i.file.startswith(f"{package}/")
        and (there := part(i.module)) != (here := part(module_name(i.file)))
        and places[there] >= places[here]
    ]
    assert shown(wrong) == []


def test_the_plugin_does_not_know_its_benchmarks_or_its_training() -> None:
    assert shown([i for i in IN_PLUGIN if i.module.split(".")[0] in ("eval", "training")]) == []


def test_nothing_imports_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for i in OWN:
        here = module_name(i.file)
        if i.module != here and not here.startswith(f"{i.module}."):  # its own package is no circle
            graph.setdefault(here, set()).add(i.module)
    assert circles(graph) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_no_module_has_the_name_of_another() -> None:
    names: dict[tuple[str, str], list[str]] = {}
    for path in FILES:
        file = path.relative_to(ROOT).as_posix()
        if path.name != "__init__.py":
            names.setdefault((file.split("/")[0], path.name), []).append(file)
    assert [files for files in names.values() if len(files) > 1] == []


def test_what_watches_runs_knows_nothing_else() -> None:
    wrong = [
        i
        for i in IN_PLUGIN
        if (parts := module_name(i.file).split("."))[1] == "capture"
        and parts[-1] in WATCHING
        and i.module.split(".")[1:2] + i.module.split(".")[2:3]
        not in [["capture", name] for name in WATCHING]
    ]
    assert shown(wrong) == []


def test_the_plugin_itself_imports_the_rest_only_when_asked() -> None:
    wrong = [
        i
        for i in IN_PLUGIN
        if i.file == "pytest_gemmadev/plugin.py"
        and not i.lazy
        and i.module != "pytest_gemmadev.newhooks"
    ]
    assert shown(wrong) == []


@pytest.mark.parametrize(
    ("places", "allowed"),
    [
        pytest.param(("types.py", "text/", "search/", "prompting/"), set(), id="core"),
        pytest.param(("files/",), {"libcst"}, id="files"),
        pytest.param(("report/",), {"rich"}, id="report"),
        pytest.param(("newhooks.py",), set(), id="newhooks"),
        pytest.param(("capture/",), {"pytest", "_pytest"}, id="capture"),
        pytest.param(("plugin.py",), {"pytest", "_pytest"}, id="plugin"),
        pytest.param(("validate/",), {"pytest", "_pytest", "pluggy"}, id="validate"),
        pytest.param(("propose/",), {"libcst"}, id="propose"),
    ],
)
def test_foreign_packages_stay_where_they_belong(
    places: tuple[str, ...], allowed: set[str]
) -> None:
    files = tuple(f"pytest_gemmadev/{place}" for place in places)
    found = [i for i in FOREIGN if i.file.startswith(files)]
    assert shown([i for i in found if i.module.split(".")[0] not in allowed]) == []


def test_rich_is_imported_where_something_is_drawn_only() -> None:
    found = [i for i in FOREIGN if i.module.split(".")[0] == "rich"]
    assert shown([i for i in found if not i.lazy and i.file.startswith("pytest_gemmadev/")]) == []
