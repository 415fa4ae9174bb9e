"""Imports point one way: core.types, core, its parts, the registry, the doors."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_gemmadev"

# What runs inside the user's pytest, before and without any repair.
WATCHING = {"_facts", "_exceptions", "_stack", "_capture", "_settings", "newhooks"}
PARTS = {"propose", "validate", "models"}


class Import(NamedTuple):
    file: str  # relative to the package
    line: int
    module: str  # absolute
    lazy: bool  # inside a function


def imports_of(path: Path) -> Iterator[Import]:
    """Every import that can run; those for type checkers only are left out."""
    file = path.relative_to(PACKAGE).as_posix()

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (Import(file, child.lineno, name.name, lazy) for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}:{child.lineno}: relative import"
                module = child.module or ""
                if module == "pytest_gemmadev" or module.startswith("pytest_gemmadev."):
                    yield from submodules(child, module, lazy)
                else:
                    yield Import(file, child.lineno, module, lazy)
            else:
                function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
                yield from walk(child, lazy or function)

    def submodules(node: ast.ImportFrom, module: str, lazy: bool) -> Iterator[Import]:
        folder = PACKAGE.joinpath(*module.split(".")[1:])
        for name in node.names:
            below = (folder / name.name).is_dir() or (folder / f"{name.name}.py").exists()
            full = f"{module}.{name.name}" if below else module
            yield Import(file, node.lineno, full, lazy)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False)


def layer(module: str) -> int:
    """The place of a module of the package in the order; lower ones may not import higher ones.

    What is in no group is a door: the plugin, its session, the commands.
    """
    parts = module.split(".")[1:]
    if not parts or parts == ["core"] or parts == ["core", "types"]:
        return 0
    order = [{"core"}, WATCHING, {"hookspecs"}, PARTS, {"registry"}]
    return next((n for n, names in enumerate(order, 1) if parts[0] in names), len(order) + 1)


def module_name(file: str) -> str:
    return ".".join(
        ["pytest_gemmadev", *file.removesuffix(".py").removesuffix("/__init__").split("/")]
    )


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
IMPORTS = [found for path in sorted(PACKAGE.rglob("*.py")) for found in imports_of(path)]
OWN = [found for found in IMPORTS if found.module.split(".")[0] == "pytest_gemmadev"]
FOREIGN = [
    found
    for found in IMPORTS
    if found.module.split(".")[0] not in {"pytest_gemmadev", *sys.stdlib_module_names}
]


def shown(found: list[Import]) -> list[str]:
    return [f"{i.file}:{i.line} imports {i.module}" for i in found]


def test_the_package_is_read() -> None:
    assert len(FILES) > 10
    assert any(i.module == "pytest_gemmadev.core.types" for i in OWN)
    assert any(i.module == "pytest" for i in FOREIGN)


def test_imports_point_one_way() -> None:
    wrong = [i for i in OWN if layer(i.module) > layer(module_name(i.file))]
    assert shown(wrong) == []


def test_core_types_imports_nothing_of_the_project() -> None:
    assert shown([i for i in OWN if i.file == "core/types.py"]) == []


def test_parts_do_not_know_each_other() -> None:
    wrong = [
        i
        for i in OWN
        if (here := i.file.split("/")[0]) in PARTS
        and (there := i.module.split(".")[1]) in PARTS
        and here != there
    ]
    assert shown(wrong) == []


def test_what_watches_runs_does_not_know_the_core() -> None:
    wrong = [
        i
        for i in OWN
        if i.file.removesuffix(".py") in WATCHING and i.module.split(".")[1] not in WATCHING
    ]
    assert shown(wrong) == []


def test_the_plugin_itself_imports_the_rest_only_when_asked() -> None:
    wrong = [
        i
        for i in OWN
        if i.file == "plugin.py" and not i.lazy and i.module != "pytest_gemmadev.newhooks"
    ]
    assert shown(wrong) == []


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        pytest.param("core/", {"rich"}, id="core"),
        pytest.param(
            ("_facts.py", "_exceptions.py", "_stack.py", "newhooks.py"), set(), id="stack"
        ),
        pytest.param(("_capture.py", "_settings.py"), {"pytest", "_pytest"}, id="capture"),
        pytest.param(("plugin.py", "_conftests.py"), {"pytest", "_pytest"}, id="plugin"),
        pytest.param("validate/", {"pytest", "_pytest", "pluggy"}, id="validate"),
        pytest.param("propose/", {"libcst", "parso"}, id="propose"),
    ],
)
def test_foreign_packages_stay_where_they_belong(
    files: str | tuple[str, ...], allowed: set[str]
) -> None:
    found = [i for i in FOREIGN if i.file.startswith(files)]
    assert shown([i for i in found if i.module.split(".")[0] not in allowed]) == []


def test_rich_is_imported_where_something_is_drawn_only() -> None:
    found = [i for i in FOREIGN if i.module.split(".")[0] == "rich"]
    assert shown([i for i in found if not i.lazy and i.file.startswith(("core/", "_"))]) == []
