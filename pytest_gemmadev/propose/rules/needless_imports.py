"""An import that fails and is not needed where it stands: in a circle of modules, or not at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.rules.failing_imports import broken_import, without_alias
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.types import Edit, ErrorKind


class CircularImport(Rule):
    """Modules that import each other: one of the imports moves to where it is used."""

    name = "circular_import"
    kinds = (ErrorKind.IMPORT, ErrorKind.ATTRIBUTE)
    examples = (
        Example(
            "--- cart.py\nfrom item import Item\n\n\nclass Cart:\n    x = Item\n"
            "--- item.py\nfrom cart import Cart\n\n\nclass Item:\n    def cart(self):\n"
            "        return Cart()\n",
            "import cart\n---\ncart.Cart()",
            "from cart import Cart\n\n\nclass Item:\n    def cart(self):\n",
            "\n\nclass Item:\n    def cart(self):\n        from cart import Cart\n",
        ),
        Example("from math import Cart\n\n\nx = Cart()\n", "x"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if "circular import" not in failure.message:
            return
        circle = [p for p in failure.sites if isinstance(p.statement, (ast.Import, ast.ImportFrom))]
        for rank, place in enumerate(circle[:5]):
            statement = place.statement
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and len(statement.names) == 1:
                edits = _moved_into_functions(place.module, statement)
                why = "the modules import each other; this import can wait until it is used"
                yield from fix(LIKELY - 0.3 * rank, why, *edits)


def _moved_into_functions(
    module: Module, statement: ast.Import | ast.ImportFrom
) -> list[Edit | None]:
    """The import in each function that uses its name; impossible where other code uses it too."""
    alias = statement.names[0]
    bound = alias.asname or alias.name.partition(".")[0]
    code = module.code(statement)
    users = {}
    for use in module.names(module.tree, bound):
        outer = [a for a in module.ancestors(use) if isinstance(a, FUNCTIONS)]
        in_body = outer and any(n is use for s in outer[-1].body for n in ast.walk(s))
        if not in_body:
            return [None]
        users[outer[-1]] = module.function_of(outer[-1])
    edits = [
        module.insert_before(first_statement(function), code)
        for function in users.values()
        if function is not None
    ]
    return [module.remove_statement(statement), *edits]


class UnusedImport(Rule):
    """A name that nothing defines and nothing uses: the import goes."""

    name = "unused_import"
    kinds = (ErrorKind.IMPORT,)
    examples = (
        Example(
            "from math import clamp, sqrt\n\n\ndef f(x):\n    return sqrt(x)\n",
            "f(4)",
            "clamp, ",
            "",
        ),
        Example("from math import clamp\n\n\ndef f(x):\n    return clamp(x)\n", "f(4)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        broken = broken_import(failure)
        if broken is None:
            return
        module, statement = broken.module, broken.statement
        names = [broken.alias] if broken.alias else list(statement.names)
        bound = [a.asname or a.name.partition(".")[0] for a in names if a is not None]
        if any(module.names(module.tree, name) for name in bound) or module.path.endswith(
            "__init__.py"
        ):
            return
        whole = len(names) == len(statement.names)
        if whole:
            edit = module.remove_statement(statement)
        else:
            edit = without_alias(module, statement, broken.alias) if broken.alias else None
        yield from fix(FAIR - 0.3, f"`{', '.join(bound)}` is not used", edit)


RULES: tuple[Rule, ...] = (CircularImport(), UnusedImport())
