"""An import that fails: a misspelt module or name, or one that moved."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.import_statements import add_import, reference, relative
from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.project import Project
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.library import MEMBERS, RENAMED_MODULES, library_names
from pytest_gemmadev.propose.rules.members import rename_global
from pytest_gemmadev.propose.rules.rule import (
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import Edit, ErrorKind

_FROM = re.compile(r"from\s+(\.*\s*[\w.]*)")
_NAME = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_MODULE = re.compile(r"No module named '([\w.]+)'")

_SHOP = "--- shop/__init__.py\n--- shop/tax.py\ndef vat(x):\n    return x\n\n\nRATE = 2\n"


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """The import that fails, in a file of the project."""

    place: Place
    statement: ast.Import | ast.ImportFrom
    module_name: str  # dotted, the module that is asked
    name: str  # what it lacks; empty where the module itself is not found

    @property
    def module(self) -> Module:
        return self.place.module

    @property
    def alias(self) -> ast.alias | None:
        return next((a for a in self.statement.names if a.name == self.name), None)


def broken_import(failure: Failure) -> Broken | None:
    """What an `ImportError` complains about; None where a test or a library imports."""
    place = failure.site
    if place is None or not isinstance(place.statement, (ast.Import, ast.ImportFrom)):
        return None
    module, name = asked(failure)
    return Broken(place, place.statement, module, name) if module or name else None


def asked(failure: Failure) -> tuple[str, str]:
    """(module, name that it lacks), the name empty where the module is not found."""
    match = _NAME.search(failure.message)
    if match is not None:
        return match[2], match[1]
    match = _MODULE.search(failure.message)
    if match is not None:
        return match[1], ""
    if failure.stack.error == "ModuleNotFoundError":
        return failure.facts.name, ""
    return failure.facts.owner, failure.facts.name


def module_span(broken: Broken) -> tuple[int, int] | None:
    """Where the statement names its module, dots included; of ``import a``, the failing alias."""
    module, statement = broken.module, broken.statement
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            span = module.span(alias)
            if alias.name == broken.module_name or alias.name.startswith(f"{broken.module_name}."):
                return (span[0], span[0] + len(alias.name)) if span else None
        return None
    span = module.span(statement)
    match = _FROM.match(module.text, span[0]) if span else None
    return match.span(1) if match else None


class MisspeltModule(Rule):
    """A module whose name looks like one of the project or of the standard library."""

    name = "misspelt_module"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(_SHOP + "--- app.py\nfrom shop.tex import vat\n", "vat(1)", "shop.tex", "shop.tax"),
        Example("import jsom\n\n\nX = 1\n", "X", "import jsom", "import json"),
        Example(_SHOP + "--- app.py\nfrom shop.inventory import vat\n", "vat(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        broken = broken_import(failure)
        if broken is None or broken.name:
            return
        span = module_span(broken)
        if span is None:
            return
        module, wrong = broken.module, broken.module_name
        written = module.text[slice(*span)]
        parent, _, last = wrong.rpartition(".")
        names = set(failure.facts.alternatives)
        names |= {
            n.rpartition(".")[2] for n in failure.project.names if n.rpartition(".")[0] == parent
        }
        if not parent:
            names |= {n for n in sys.stdlib_module_names if not n.startswith("_")}
        renamed = RENAMED_MODULES.get(wrong)
        if renamed is not None:
            edits = _renamed_module(broken, span, renamed)
            yield from fix(SURE, f"`{wrong}` is `{renamed}` in Python 3", *edits)
        for name, likeness in closest(last, names, floor=0.55):
            if name == module.name.rpartition(".")[2] and not parent:
                continue  # a module does not import itself
            local = name in failure.project.names or f"{parent}.{name}" in failure.project.names
            at = _component(written, last)
            if at is None:
                continue
            start = span[0] + at
            edits = [module.edit(start, start + len(last), name)]
            edits += _uses(module, broken.statement, wrong, name, last)
            prior = alike_prior(likeness) - (0.0 if local else 0.2)
            yield from fix(prior, f"there is no module `{wrong}`, but `{name}`", *edits)


def _component(written: str, name: str) -> int | None:
    match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", written)
    return match.start() if match else None


def _uses(
    module: Module, statement: ast.Import | ast.ImportFrom, wrong: str, name: str, last: str
) -> list[Edit]:
    """The misspelt name where the code uses the module that ``import`` binds."""
    if isinstance(statement, ast.ImportFrom) or "." in wrong:
        return []
    if any(a.name == wrong and a.asname for a in statement.names):
        return []
    edits = [module.replace(use, name) for use in module.names(module.tree, last)]
    return [edit for edit in edits if edit is not None]


def _renamed_module(broken: Broken, span: tuple[int, int], new: str) -> list[Edit | None]:
    alias = broken.statement.names[0]
    keeps = isinstance(broken.statement, ast.ImportFrom) or alias.asname
    old = broken.module.text[slice(*span)]
    return [broken.module.edit(*span, new if keeps else f"{new} as {old}")]


class WrongPackage(Rule):
    """A module that lies elsewhere in the project: another package, another number of dots."""

    name = "wrong_package"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(
            _SHOP + "--- shop/cart.py\nfrom tax import vat\n",
            "from shop.cart import vat\n---\nvat(1)",
            "from tax",
            "from shop.tax",
        ),
        Example(
            _SHOP + "--- shop/deep/__init__.py\n--- shop/deep/cart.py\nfrom .tax import vat\n",
            "from shop.deep.cart import vat\n---\nvat(1)",
            "from .tax",
            "from ..tax",
        ),
        Example("import inventory\n\nX = 1\n", "X"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        broken = broken_import(failure)
        place = failure.site
        if place is None or not isinstance(place.statement, (ast.Import, ast.ImportFrom)):
            return
        if broken is not None and broken.name:
            return
        statement, module = place.statement, place.module
        written = (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
        wrong = broken.module_name if broken else written
        span = module_span(broken or Broken(place, statement, written, ""))
        last = (written or wrong).rpartition(".")[2]
        for name in failure.project.names:
            if name.rpartition(".")[2] != last or name in (wrong, module.name) or span is None:
                continue
            why = f"`{last}` is `{name}` in the project"
            if isinstance(statement, ast.Import):
                parent = name.rpartition(".")[0]
                code = f"from {parent} import {last}" if parent else f"import {last}"
                prior = SURE - 0.2 if len(statement.names) == 1 else WEAK
                yield from fix(prior, why, module.replace(statement, code))
                continue
            near = relative(module, name)
            dots = bool(statement.level)
            yield from fix(SURE if not dots else LIKELY, why, module.edit(*span, name))
            if near != name:
                yield from fix(SURE if dots else LIKELY, why, module.edit(*span, near))


class MisspeltImport(Rule):
    """A name that the module has under a similar spelling."""

    name = "misspelt_import"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(
            _SHOP + "--- app.py\nfrom shop.tax import vta\n\n\ndef f(x):\n    return vat(x)\n",
            "f(1)",
            "vta",
            "vat",
        ),
        Example(
            "from math import sqroot\n\n\ndef f(x):\n    return sqroot(x)\n",
            "f(4)",
            "import sqroot\n\n\ndef f(x):\n    return sqroot(x)",
            "import sqrt\n\n\ndef f(x):\n    return sqrt(x)",
        ),
        Example("from math import clamp\n\n\ndef f(x):\n    return clamp(x)\n", "f(4)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        broken = broken_import(failure)
        alias = broken.alias if broken else None
        if broken is None or alias is None or not broken.name:
            return
        names = set(failure.facts.alternatives) | library_names(broken.module_name)
        target = failure.project.named(broken.module_name)
        if target is not None:
            names |= set(target.bindings)
        module = broken.module
        span = module.span(alias)
        for name, likeness in closest(broken.name, names, floor=0.55):
            if name.startswith("_") and not broken.name.startswith("_"):
                continue
            edits: list[Edit | None] = []
            if span is not None:
                edits.append(module.edit(span[0], span[0] + len(alias.name), name))
            if alias.asname is None:
                edits += [module.replace(u, name) for u in module.names(module.tree, broken.name)]
            why = f"`{broken.module_name}` has no `{broken.name}`, but `{name}`"
            used = name not in module.bindings and bool(module.names(module.tree, name))
            yield from fix(SURE / 2 if used else alike_prior(likeness), why, *edits)


class MisspeltExport(Rule):
    """What a module defines under a misspelt name, renamed there."""

    name = "misspelt_export"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example("def vta(x):\n    return x\n", "from app import vat\n---\nvat(1)", "vta", "vat"),
        Example("def add(x):\n    return x\n", "from app import vat\n---\nvat(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        owner, name = asked(failure)
        target = failure.project.named(owner) if owner and name else None
        if target is None:
            return
        in_test = failure.site is None
        for other, likeness in closest(name, target.bindings, floor=0.6, limit=4):
            why = f"`{target.name}` defines `{other}`, `{name}` is asked for"
            prior = alike_prior(likeness) - (0.1 if in_test else 1.2)
            yield from fix(prior, why, *rename_global(target, other, name))


class MovedName(Rule):
    """A name that another module has: of the project, or of the standard library."""

    name = "moved_name"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(
            _SHOP + "--- shop/cart.py\nX = 1\n--- app.py\nfrom shop.cart import X, vat\n",
            "vat(X)",
            "from shop.cart import X, vat",
            "from shop.cart import X\nfrom shop.tax import vat",
        ),
        Example(
            "from collections import Mapping\n\n\ndef f(x):\n    return isinstance(x, Mapping)\n",
            "f(4)",
            "collections",
            "collections.abc",
        ),
        Example("from math import clamp\n\n\ndef f(x):\n    return clamp(x)\n", "f(4)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        broken = broken_import(failure)
        if broken is None or not isinstance(broken.statement, ast.ImportFrom):
            return
        for alias in broken.statement.names if not broken.name else filter(None, [broken.alias]):
            for rank, target in enumerate(_homes(failure.project, broken, alias.name)[:3]):
                why = f"`{alias.name}` is in `{target}`"
                yield from fix(SURE - 0.05 - 0.4 * rank, why, *_redirected(broken, alias, target))


def _homes(project: Project, broken: Broken, name: str) -> list[str]:
    """Modules that have the name, as the file would refer to them."""
    homes = [m for m, _ in project.definitions(name) if m is not broken.module]
    homes = [m for m in homes if m.name != broken.module_name]
    found = [reference(project, broken.module, home) for home in homes]
    return found + [m for m in MEMBERS.get(name, ()) if m != broken.module_name]


def _redirected(broken: Broken, alias: ast.alias, target: str) -> list[Edit | None]:
    """The name imported from ``target``; the statement keeps the other names."""
    module, statement = broken.module, broken.statement
    if len(statement.names) == 1:
        span = module_span(broken)
        return [module.edit(*span, target) if span else None]
    removed = without_alias(module, statement, alias)
    added = add_import(module, target, alias.name, alias.asname or "")
    if added is not None and removed is not None and removed.start <= added.start <= removed.end:
        code = added.replacement
        return [module.edit(removed.start, max(removed.end, added.end), removed.replacement + code)]
    return [removed, added]


def without_alias(
    module: Module, statement: ast.Import | ast.ImportFrom, alias: ast.alias
) -> Edit | None:
    """The statement without one of its several names."""
    spans = [module.span(a) for a in statement.names]
    at = statement.names.index(alias)
    here = spans[at]
    if here is None:
        return None
    if at + 1 < len(spans):
        following = spans[at + 1]
        return module.edit(here[0], following[0], "") if following else None
    before = spans[at - 1]
    return module.edit(before[1], here[1], "") if before else None


class NotExported(Rule):
    """A package whose ``__init__`` does not pass on what one of its modules defines."""

    name = "not_exported"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(
            '--- shop/__init__.py\n"""The shop."""\n--- shop/tax.py\ndef vat(x):\n    return x\n',
            "from shop import vat\n---\nvat(1)",
            '"""The shop."""\n',
            '"""The shop."""\n\nfrom .tax import vat\n',
        ),
        Example(
            '--- shop/__init__.py\n"""The shop."""\n--- shop/tax.py\nA = 1\n',
            "from shop import vat\n---\nvat(1)",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        owner, name = asked(failure)
        package = failure.project.named(owner) if owner and name else None
        if package is None or not package.path.endswith("__init__.py"):
            return
        for home, _ in failure.project.definitions(name):
            if home.name.startswith(f"{package.name}."):
                target = f".{home.name.removeprefix(package.name).lstrip('.')}"
                why = f"`{name}` is in `{home.name}`, and the package does not pass it on"
                prior = SURE - (0.1 if failure.site is None else 0.6)
                yield from fix(prior, why, add_import(package, target, name))


RULES: tuple[Rule, ...] = (
    MisspeltModule(),
    WrongPackage(),
    MisspeltImport(),
    MisspeltExport(),
    MovedName(),
    NotExported(),
)
