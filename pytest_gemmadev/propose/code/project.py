"""The project as one: where a name is defined, what a class has, what a call and an import reach."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted, own_nodes
from pytest_gemmadev.propose.code.project_files import ProjectFiles
from pytest_gemmadev.types import Frame, RepairTask

MAX_DEPTH = 6  # of inheritance, of names imported on


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the project."""

    module: Module
    node: ast.ClassDef

    @property
    def name(self) -> str:
        return self.node.name


Defined: TypeAlias = tuple[Module, ast.AST]


class Project(ProjectFiles):
    """What the files of one task define together."""

    def __init__(self, task: RepairTask) -> None:
        super().__init__(task)
        self._members: dict[ast.ClassDef, dict[str, list[Defined]]] = {}

    # --- names -----------------------------------------------------------------------------------

    def definitions(self, name: str) -> list[Defined]:
        """Where a name is defined at module level, imports left out."""
        found: list[Defined] = []
        for module in self.modules(name):
            nodes = [n for n in module.bindings.get(name, ()) if not _is_import(n)]
            if nodes:
                found.append((module, nodes[0]))
        return found

    def imported_module(self, module: Module, statement: ast.ImportFrom) -> str:
        """The dotted name of the module that a ``from`` import reads."""
        if not statement.level:
            return statement.module or ""
        base = module.package.split(".") if module.package else []
        base = base[: len(base) - (statement.level - 1)]
        return ".".join([*base, *([statement.module] if statement.module else [])])

    def resolve(self, module: Module, name: str, depth: int = 0) -> Defined | None:
        """Where a module-level name of ``module`` comes from, followed through imports."""
        if depth > MAX_DEPTH:
            return None
        for node in module.bindings.get(name, ()):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                return module, node
            if isinstance(node, ast.Import):
                continue
            target = self.imported_module(module, node)
            for alias in node.names:
                if (alias.asname or alias.name) != name:
                    continue
                submodule = self.named(f"{target}.{alias.name}")
                source = self.named(target)
                found = self.resolve(source, alias.name, depth + 1) if source else None
                if found is None and submodule is not None:
                    return submodule, submodule.tree
                return found
        for statement in module.imports:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                source = self.named(self.imported_module(module, statement))
                found = self.resolve(source, name, depth + 1) if source else None
                if found is not None:
                    return found
        return None

    def module_called(self, module: Module, name: str) -> str:
        """The dotted name of the module that a variable stands for; empty where it is no module."""
        for node in module.bindings.get(name, ()):
            for alias in getattr(node, "names", ()):
                if isinstance(node, ast.Import):
                    if alias.asname == name:
                        return str(alias.name)
                    if alias.asname is None and alias.name.partition(".")[0] == name:
                        return name
                elif isinstance(node, ast.ImportFrom) and (alias.asname or alias.name) == name:
                    full = f"{self.imported_module(module, node)}.{alias.name}"
                    if full in self.names:
                        return full
        return ""

    # --- classes ---------------------------------------------------------------------------------

    def class_named(self, name: str) -> Class | None:
        """The class of a qualified name, ``shop.cart.Cart``; the module may be left out."""
        where, _, bare = name.rpartition(".")
        found = [Class(m, m.classes[bare]) for m in self.defining(bare) if bare in m.classes]
        found.sort(
            key=lambda c: (
                not (where and (c.module.name == where or where.startswith(c.module.name)))
            )
        )
        return found[0] if found else None

    def class_of(self, module: Module, node: ast.ClassDef) -> Class:
        return Class(module, node)

    def bases(self, cls: Class, depth: int = 0) -> list[Class]:
        """The class and its bases in the project, nearest first."""
        found = [cls]
        for base in cls.node.bases:
            name = dotted(base).rpartition(".")[2]
            target = self.resolve(cls.module, name) if name else None
            if target is None and name:
                other = self.class_named(name)
                target = (other.module, other.node) if other else None
            if target is None or target[1] is cls.node or depth == MAX_DEPTH:
                continue
            if isinstance(target[1], ast.ClassDef):
                found += self.bases(Class(target[0], target[1]), depth + 1)
        return list({c.node: c for c in found}.values())

    def members(self, cls: Class) -> dict[str, list[Defined]]:
        """Attributes of a class, its own and those its methods set, with the nodes that do."""
        known = self._members.get(cls.node)
        if known is not None:
            return known
        found: dict[str, list[Defined]] = {}
        for one in self.bases(cls):
            for name, nodes in bound_names(one.node).items():
                found.setdefault(name, []).extend((one.module, n) for n in nodes)
            for node in self.stores(one):
                found.setdefault(node.attr, []).append((one.module, node))
        self._members[cls.node] = found
        return found

    def stores(self, cls: Class) -> list[ast.Attribute]:
        """``self.x`` wherever a method of the class itself sets it; ``+=`` needs it set before."""
        return [
            n
            for n in self.self_attributes(cls)
            if isinstance(n.ctx, ast.Store)
            and not isinstance(cls.module.parents.get(n), ast.AugAssign)
        ]

    def self_attributes(self, cls: Class) -> list[ast.Attribute]:
        """``self.x`` wherever a method of the class itself reads or sets it, in source order."""
        found: list[ast.Attribute] = []
        for method in cls.node.body:
            if isinstance(method, FUNCTIONS):
                receiver = {a.arg for a in (method.args.posonlyargs + method.args.args)[:1]}
                for node in ast.walk(method):
                    if isinstance(node, ast.Attribute) and dotted(node.value) in receiver:
                        found.append(node)
        found.sort(key=lambda n: (n.lineno, n.col_offset))
        return found

    def method(self, cls: Class, name: str) -> Function | None:
        """The method of that name, of the class or the nearest base that has it."""
        for one in self.bases(cls):
            for function in one.module.functions:
                if function.cls is one.node and function.name == name:
                    return function
        return None

    # --- calls -----------------------------------------------------------------------------------

    def functions(self, qualname: str) -> list[Function]:
        """Functions that the interpreter would name so, or, for a bare name, of that name."""
        name = qualname.rpartition(".")[2]
        word = qualname.split(".")[-2] if name.startswith("__") and "." in qualname else name
        found = [f for m in self.defining(word) for f in m.functions if f.qualname == qualname]
        if not found:
            found = [f for m in self.defining(name) for f in m.functions if f.name == name]
        return found

    def callees(self, module: Module, call: ast.Call, frame: Frame | None = None) -> list[Function]:
        """Functions of the project that a call may reach; a class stands for its ``__init__``."""
        func = call.func
        if isinstance(func, ast.Name):
            return self._called(self._local(module, func) or self.resolve(module, func.id))
        if not isinstance(func, ast.Attribute):
            return []
        cls = self.type_of(module, func.value, frame)
        if cls is not None:
            method = self.method(cls, func.attr)
            return [method] if method else []
        base = dotted(func.value)
        imported = self.module_called(module, base) or base
        target = self.named(imported) if base else None
        if target is not None:
            return self._called(self.resolve(target, func.attr))
        if func.attr in _METHODS_OF_BUILTINS:
            return []  # more likely theirs than the project's
        return [f for f in self.functions(func.attr) if f.cls is not None][:3]

    def _local(self, module: Module, name: ast.Name) -> Defined | None:
        """A function or class defined in a function around ``name``."""
        for scope in module.ancestors(name):
            if isinstance(scope, FUNCTIONS):
                for node in own_nodes(scope):
                    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name == name.id:
                        return module, node
        return None

    def _called(self, target: Defined | None) -> list[Function]:
        if target is None:
            return []
        module, node = target
        if isinstance(node, ast.ClassDef):
            found = self.method(Class(module, node), "__init__")
            return [found] if found else []
        return [f for f in module.functions if f.node is node]

    def type_of(self, module: Module, node: ast.expr, frame: Frame | None = None) -> Class | None:
        """The project's class of an expression, as far as the frame and the code tell."""
        if isinstance(node, ast.Call):
            target = self.resolve(module, node.func.id) if isinstance(node.func, ast.Name) else None
            if target and isinstance(target[1], ast.ClassDef):
                return Class(target[0], target[1])
            return None
        if not isinstance(node, ast.Name):
            return None
        for fact in frame.facts if frame else ():
            if fact.name == node.id:
                return self.class_named(fact.type) if "." in fact.type else None
        function = module.function_of(node)
        while function is not None:
            if function.receiver == node.id and function.cls is not None:
                return Class(module, function.cls)
            outer = module.enclosing(function.node, FUNCTIONS)
            function = module.function_of(outer) if outer else None
        found = self.resolve(module, node.id)
        return Class(found[0], found[1]) if found and isinstance(found[1], ast.ClassDef) else None

    # --- imports ---------------------------------------------------------------------------------

    def imports_of(self, module: Module) -> set[str]:
        """Dotted names of the project's modules that a module imports when it is imported."""
        found: set[str] = set()
        for statement in module.imports:
            if module.enclosing(statement, FUNCTIONS) is not None:
                continue
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            else:
                target = self.imported_module(module, statement)
                names = [target, *(f"{target}.{alias.name}" for alias in statement.names)]
            found.update(name for name in names if name in self.names)
        return found

    def reaches(self, start: Module, goal: Module) -> bool:
        """True when importing ``start`` imports ``goal``, directly or through others."""
        pending, seen = [start.name], {start.name}
        while pending:
            name = pending.pop()
            if name == goal.name:
                return True
            path = self.names.get(name)
            module = self.module(path) if path else None
            if module is not None:
                pending += self.imports_of(module) - seen
                seen |= self.imports_of(module)
        return False


_METHODS_OF_BUILTINS = frozenset(
    name for kind in (str, bytes, list, dict, set, tuple, int) for name in dir(kind)
)


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))
