"""Functions of a module as far as they state something of themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_LOOKED_AT = 3  # first statements of a body among which a docstring is found


@dataclass(frozen=True, slots=True)
class Function:
    """A function or a method of a class at module level."""

    path: str
    name: str
    owner: str  # its class; empty for none
    line: int
    end_line: int
    parameters: tuple[str, ...]  # without ``self`` and ``cls``
    docstring: str
    defaults: tuple[tuple[str, str], ...]  # of parameters, as written
    annotations: tuple[tuple[str, ast.expr], ...] = field(compare=False)  # of parameters
    returns: ast.expr | None = field(compare=False)  # the annotation
    is_lazy: bool  # a generator or a coroutine: a call gives no value yet
    is_callable: bool  # by its name, or on an object that its class makes of nothing
    is_decorated: bool

    @property
    def prefix(self) -> str:
        """What stands before the name in a call."""
        return f"{self.owner}()." if self.owner else ""


@lru_cache(maxsize=64)
def functions_of(path: str, text: str) -> tuple[Function, ...]:
    """The functions of a file, none where it does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(_read(path, node, owner) for node, owner in _defined(tree))


def _defined(
    tree: ast.Module,
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, ast.ClassDef | None]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, None
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield each, node


def _read(
    path: str, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: ast.ClassDef | None
) -> Function:
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    is_static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    if owner is not None and not is_static:
        names = names[1:]
    return Function(
        path=path,
        name=node.name,
        owner="" if owner is None else owner.name,
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        parameters=(*names, *(a.arg for a in arguments.kwonlyargs)),
        defaults=_defaults(arguments),
        annotations=tuple(
            (a.arg, a.annotation)
            for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            if a.annotation is not None
        ),
        docstring=_docstring(node.body),
        returns=node.returns,
        is_lazy=isinstance(node, ast.AsyncFunctionDef) or _yields(node),
        is_callable=owner is None or not (owner.bases or owner.keywords or _has_init(owner)),
        is_decorated=bool(node.decorator_list) and not is_static,
    )


def _defaults(arguments: ast.arguments) -> tuple[tuple[str, str], ...]:
    plain = [*arguments.posonlyargs, *arguments.args]
    last = plain[len(plain) - len(arguments.defaults) :]
    pairs = [*zip(last, arguments.defaults, strict=True)]
    given = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    pairs += [(name, node) for name, node in given if node is not None]
    return tuple((name.arg, ast.unparse(node)) for name, node in pairs)


def _docstring(body: Sequence[ast.stmt]) -> str:
    for statement in body[:_LOOKED_AT]:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            value = statement.value.value
            return value if isinstance(value, str) else ""
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            return ""
    return ""


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    left: list[ast.AST] = list(node.body)
    while left:
        each = left.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            left.extend(ast.iter_child_nodes(each))
    return False


def _has_init(owner: ast.ClassDef) -> bool:
    return any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in owner.body)
