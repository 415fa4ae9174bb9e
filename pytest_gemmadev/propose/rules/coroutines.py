"""Coroutines that are not awaited, and values that are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import ErrorKind


class MissingAwait(Rule):
    """A coroutine that is never awaited."""

    name = "missing_await"
    kinds = (ErrorKind.TYPE, ErrorKind.ATTRIBUTE, ErrorKind.ASSERTION)
    examples = (
        Example(
            "import asyncio\n\n\nasync def price():\n    return 1\n\n\n"
            "async def total():\n    return price() + 1\n\n\n"
            "def run():\n    return asyncio.run(total())\n",
            "run()",
            "return price()",
            "return await price()",
        ),
        Example("def total(x):\n    return x() + 1\n", "total(dict)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        shown = (
            f"{failure.message} {failure.facts.owner} {failure.facts.left} {failure.facts.right}"
        )
        if "coroutine" not in shown:
            return
        functions = [(p.module, p.function) for p in failure.sites if p.function is not None]
        functions += [(f.module, f) for f in failure.suspects]
        for module, function in dict.fromkeys(functions):
            if function is None or not isinstance(function.node, ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function.node):
                if not isinstance(call, ast.Call) or isinstance(
                    module.parents.get(call), ast.Await
                ):
                    continue
                reached = failure.project.callees(module, call)
                if any(isinstance(f.node, ast.AsyncFunctionDef) for f in reached):
                    yield from self._awaited(module, call)

    def _awaited(self, module: Module, call: ast.Call) -> Iterator[Fix]:
        code = module.code(call)
        parent = module.parents.get(call)
        if isinstance(parent, ast.Call) and dotted(parent.func).rpartition(".")[2] in (
            "gather",
            "create_task",
            "wait_for",
            "run",
            "ensure_future",
            "shield",
        ):
            return
        tight = isinstance(parent, (ast.Attribute, ast.Subscript, ast.Call)) and (
            getattr(parent, "value", getattr(parent, "func", None)) is call
        )
        new = f"(await {code})" if tight else f"await {code}"
        yield from fix(SURE, f"`{code}` is a coroutine", module.replace(call, new))


RULES: tuple[Rule, ...] = (MissingAwait(),)
