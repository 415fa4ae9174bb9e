"""Which function of the project an expectation is about, and how to evaluate it there."""

from __future__ import annotations

import ast
import builtins
import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_gemmadev.search.claims.documented import Function, functions_of
from pytest_gemmadev.search.claims.plain_values import normal_call
from pytest_gemmadev.search.test_faults.expectations import Stated
from pytest_gemmadev.search.test_faults.inlining import free_names
from pytest_gemmadev.types import Expression

_ROOTS = ("", "src/", "lib/", "python/")
_REEXPORTS = 3  # modules followed from the one that a test imports from


@dataclass(frozen=True, slots=True)
class Subject:
    """An expectation, and the function that its expression calls."""

    stated: Stated
    function: Function
    expression: Expression
    call: str  # of the function, the same string however it is written
    is_whole: bool  # the expression is the call and no more


class Subjects:
    """Finds the functions of a project that one test file calls."""

    def __init__(self, test_path: str, test_text: str, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._folder = posixpath.dirname(test_path)
        self._names: dict[str, tuple[str, str]] = {}  # (module, name in it) by name in the test
        self._modules: dict[str, str] = {}  # module by the name it has in the test
        self._known: dict[tuple[str, str], tuple[str, str] | None] = {}
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            self._read_imports(ast.parse(test_text))

    def find(self, stated: Stated) -> Subject | None:
        """The subject of an expectation; None where it is not clear, or not of the project."""
        try:
            node = ast.parse(stated.expression, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        node = _Shortener(self._modules, self._names).visit(node)
        origins = {name: self._origin(name) for name in free_names(node)}
        own = {name: origin for name, origin in origins.items() if origin is not None}
        if not own or any(n not in own and not hasattr(builtins, n) for n in origins):
            return None
        paths = {path for path, _ in own.values()}
        if len(paths) != 1 or any(n != original for n, (_, original) in own.items()):
            return None  # an alias, or names of several modules
        (path,) = paths
        call = next((c for c in _calls(node) if _root(c) in own), None)
        function = None if call is None else self._function(path, call)
        if call is None or function is None:
            return None
        return Subject(
            stated,
            function,
            Expression(path, ast.unparse(node)),
            normal_call(call, function.parameters),
            node is call,
        )

    def _read_imports(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                for name in node.names:
                    self._names[name.asname or name.name] = (node.module, name.name)
            elif isinstance(node, ast.Import):
                for name in node.names:
                    self._modules[name.asname or name.name] = name.name

    def _origin(self, name: str) -> tuple[str, str] | None:
        """(path, name there) of what a name of the test stands for; None for what is elsewhere."""
        if name not in self._names:
            return None
        module, original = self._names[name]
        if (module, original) not in self._known:
            path = self._module_path(module)
            origin = None if path is None else self._definition(path, original, _REEXPORTS)
            self._known[(module, original)] = origin
        return self._known[(module, original)]

    def _definition(self, path: str, name: str, left: int) -> tuple[str, str] | None:
        """Where a module has a name from."""
        try:
            tree = ast.parse(self._sources[path])
        except (SyntaxError, ValueError, RecursionError, MemoryError, KeyError):
            return None
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                return path, name
        for node in tree.body:
            if left and isinstance(node, ast.ImportFrom):
                for each in node.names:
                    if (each.asname or each.name) == name:
                        further = self._imported_path(path, node)
                        if further is None:
                            return None
                        return self._definition(further, each.name, left - 1)
        return None

    def _imported_path(self, path: str, node: ast.ImportFrom) -> str | None:
        if node.level == 0:
            return self._module_path(node.module or "")
        folder = path
        for _ in range(node.level):
            folder = posixpath.dirname(folder)
        parts = [folder, *(node.module or "").split(".")]
        return self._file("/".join(part for part in parts if part))

    def _module_path(self, module: str) -> str | None:
        stem = module.replace(".", "/")
        roots = [*_ROOTS, self._folder + "/" if self._folder else ""]
        return next((path for root in roots if (path := self._file(root + stem))), None)

    def _file(self, stem: str) -> str | None:
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if path in self._sources:
                return path
        return None

    def _function(self, path: str, call: ast.Call) -> Function | None:
        """The function or method that a call is of; None where several have its name."""
        is_method = isinstance(call.func, ast.Attribute)
        name = call.func.attr if isinstance(call.func, ast.Attribute) else _root(call)
        functions = functions_of(path, self._sources[path])
        found = [f for f in functions if f.name == name and bool(f.owner) == is_method]
        return found[0] if len(found) == 1 else None


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls, the outermost first."""
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def _root(call: ast.Call) -> str:
    """The name that a call begins with: ``Cart`` of ``Cart().total(1)``."""
    node: ast.expr = call.func
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


class _Shortener(ast.NodeTransformer):
    """Writes ``module.name`` as ``name``, which is then known as if it had been imported."""

    def __init__(self, modules: Mapping[str, str], names: dict[str, tuple[str, str]]) -> None:
        self._modules, self._names = modules, names

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        module = self._modules.get(ast.unparse(node.value))
        if module is not None and node.attr not in self._names:
            self._names[node.attr] = (module, node.attr)
        if module is not None and self._names[node.attr] == (module, node.attr):
            return ast.Name(node.attr, ast.Load())
        self.generic_visit(node)
        return node
