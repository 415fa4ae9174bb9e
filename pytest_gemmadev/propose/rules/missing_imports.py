"""A name that only lacks its import: of the standard library, by convention, or of the project."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from pytest_gemmadev.propose.code.import_statements import add_import, import_in, reference
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.library import ALIASES, MEMBERS, library_names
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.undefined_names import Unknown, renamed, unknown_name
from pytest_gemmadev.types import ErrorKind


class MissingLibraryImport(Rule):
    """``import json``, ``from collections import defaultdict``, ``import numpy as np``."""

    name = "missing_import"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def group(xs):\n    return defaultdict(list)\n",
            "group([])",
            "def group",
            "from collections import defaultdict\n\n\ndef group",
        ),
        Example(
            '"""Doc."""\nimport os\n\n\ndef load(s):\n    return json.loads(s), os.sep\n',
            "load('1')",
            "import os\n",
            "import json\nimport os\n",
        ),
        Example(
            "from typing import List\n\n\ndef f(x: Optional[int]) -> List[int]:\n    return [x]\n",
            "f(1)",
            "import List",
            "import List, Optional",
        ),
        Example(
            "def now():\n    return datetime.now()\n",
            "now()",
            "def now",
            "from datetime import datetime\n\n\ndef now",
        ),
        Example("def f():\n    return nothing_known\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        name, module = unknown.name, unknown.module
        asked = _attributes_asked(unknown)
        homes = MEMBERS.get(name, ())
        function = unknown.function
        if function is not None and name in bound_names(function.node):
            return  # a local variable read before it is bound
        parents = [module.parents.get(use) for use in unknown.uses]
        called = any(isinstance(p, ast.Call) and p.func in unknown.uses for p in parents)
        common = 0.0 if called or asked or not name.islower() else 1.0  # `count`, `field`, `date`
        for rank, home in enumerate(homes[:3]):
            # `datetime.timedelta` asks the module, `datetime.now` the class in it
            module_meant = name in sys.stdlib_module_names and bool(asked & library_names(name))
            prior = SURE - 0.5 * rank - (1.0 if module_meant else common)
            why = f"`{name}` is in `{home}` and not imported"
            yield from fix(prior, why, add_import(module, home, name))
        if name in sys.stdlib_module_names and (asked or not homes):
            members = library_names(name)
            fits = not members or asked <= members
            prior = (SURE if asked and fits else FAIR) - (0.3 if homes and not fits else 0.0)
            yield from fix(prior, f"`{name}` is not imported", add_import(module, name))
        elif name in ALIASES:
            why = f"`{name}` is `{ALIASES[name]}` by convention"
            yield from fix(LIKELY, why, add_import(module, ALIASES[name], alias=name))


def _attributes_asked(unknown: Unknown) -> set[str]:
    """The attributes that the file reads of the name."""
    parents = unknown.module.parents
    uses = unknown.module.names(unknown.module.tree, unknown.name)
    return {p.attr for u in uses if isinstance(p := parents.get(u), ast.Attribute)}


class MissingProjectImport(Rule):
    """A name that another module of the project defines, or such a module itself."""

    name = "missing_project_import"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "--- shop/__init__.py\n--- shop/tax.py\ndef vat(x):\n    return x\n"
            "--- shop/cart.py\ndef total(x):\n    return vat(x)\n",
            "from shop.cart import total\n---\ntotal(1)",
            "def total",
            "from shop.tax import vat\n\n\ndef total",
        ),
        Example(
            "--- shop/__init__.py\n--- shop/tax.py\ndef vat(x):\n    return x\n"
            "--- shop/item.py\nA = 1\n"
            "--- shop/cart.py\nfrom .item import A\n\n\ndef total(x):\n    return vat(x) + A\n",
            "from shop.cart import total\n---\ntotal(1)",
            "from .item import A\n",
            "from .item import A\nfrom .tax import vat\n",
        ),
        Example(
            "--- tax.py\nfrom cart import total\n\n\ndef vat(x):\n    return total(x)\n"
            "--- cart.py\ndef total(x):\n    return vat(x)\n",
            "from cart import total\n---\ntotal(1)",
            "    return vat(x)",
            "    from tax import vat\n    return vat(x)",
        ),
        Example("--- tax.py\nX = 1\n--- app.py\ndef f(x):\n    return vat(x)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        project, module = failure.project, unknown.module
        homes = [(m, n) for m, n in project.definitions(unknown.name) if m is not module]
        for rank, (home, _) in enumerate(homes[:4]):
            target = reference(project, module, home)
            why = f"`{unknown.name}` is defined in `{home.name}` and not imported"
            prior = SURE - 0.05 - 0.4 * rank
            if not project.reaches(home, module):
                yield from fix(prior, why, add_import(module, target, unknown.name))
            if unknown.function is not None and project.reaches(home, module):
                yield from fix(prior - 0.2, why, import_in(unknown.function, target, unknown.name))
        for name, path in project.names.items():
            if name.rpartition(".")[2] == unknown.name and path and path != module.path:
                parent = name.rpartition(".")[0]
                if not _attributes_asked(unknown):
                    continue
                edit = (
                    add_import(module, parent, unknown.name) if parent else add_import(module, name)
                )
                yield from fix(LIKELY, f"`{unknown.name}` is a module of the project", edit)


class Qualified(Rule):
    """A member of a module that the file imports: ``math.sqrt`` for ``sqrt``."""

    name = "qualified"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "import math\n\n\ndef f(x):\n    return sqrt(x)\n",
            "f(4)",
            "sqrt(x)",
            "math.sqrt(x)",
        ),
        Example(
            "--- tax.py\ndef vat(x):\n    return x\n--- app.py\nimport tax\n\n\ndef f(x):\n"
            "    return vat(x)\n",
            "f(4)",
            "return vat",
            "return tax.vat",
        ),
        Example("import math\n\n\ndef f(x):\n    return math.pi * squared(x)\n", "f(4)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        module = unknown.module
        for statement in module.imports:
            if not isinstance(statement, ast.Import):
                continue
            for alias in statement.names:
                target = failure.project.named(alias.name)
                names = set(target.bindings) if target else library_names(alias.name)
                if unknown.name in names:
                    owner = alias.asname or alias.name
                    why = f"`{unknown.name}` is in `{alias.name}`, which is imported"
                    yield from renamed(unknown, f"{owner}.{unknown.name}", SURE, why)


RULES: tuple[Rule, ...] = (MissingLibraryImport(), MissingProjectImport(), Qualified())
