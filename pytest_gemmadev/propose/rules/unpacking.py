"""Another number of values than of variables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Loop, Place
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import ErrorKind


class UnpackedItems(Rule):
    """Two loop variables over something that gives one: ``items()``, ``enumerate``, ``zip``."""

    name = "unpacked_items"
    kinds = (ErrorKind.TYPE, ErrorKind.VALUE)
    examples = (
        Example(
            "def f(d):\n    return [k + v for k, v in d]\n",
            "f({'abc': 'b'})",
            "in d",
            "in d.items()",
        ),
        Example(
            "def f(xs):\n    out = []\n    for i, x in xs:\n        out.append(i)\n"
            "    return out\n",
            "f([1])",
            "in xs",
            "in enumerate(xs)",
        ),
        Example(
            "def f(xs, ys):\n    return [x + y for x, y in (xs, ys)]\n",
            "f([1, 2, 3], [3, 4, 5])",
            "in (xs, ys)",
            "in zip(xs, ys)",
        ),
        Example("def f(x):\n    a, b = x\n    return a\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not re.search("unpack", failure.message):
            return
        module = place.module
        for node in place.loops:
            if not isinstance(node.target, ast.Tuple):
                continue
            code, count = module.code(node.iter), len(node.target.elts)
            kind = place.type_of(node.iter)
            plain = isinstance(node.iter, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
            if (
                count == 2
                and plain
                and kind in ("", "dict", "defaultdict", "Counter", "OrderedDict")
            ):
                prior = SURE if kind else LIKELY - 0.2
                why = f"`{code}` gives keys; `items` gives pairs"
                yield from fix(prior, why, module.wrap(node.iter, "", ".items()"))
            if count == 2 and kind != "dict":
                index = getattr(node.target.elts[0], "id", "") in (
                    "i",
                    "j",
                    "idx",
                    "index",
                    "n",
                    "k",
                )
                why = "`enumerate` gives the index"
                prior = SURE if index else LIKELY - 0.3
                yield from fix(prior, why, module.wrap(node.iter, "enumerate("))
            if isinstance(node.iter, (ast.Tuple, ast.List)) and len(node.iter.elts) == count:
                inner = ", ".join(module.code(e) for e in node.iter.elts)
                why = "`zip` pairs the elements"
                yield from fix(SURE - 0.05, why, module.replace(node.iter, f"zip({inner})"))
            yield from _regrouped(module, node)


def _regrouped(module: Module, node: Loop) -> Iterator[Fix]:
    """``for i, (a, b) in enumerate(zip(…))`` for ``for i, a, b in …``."""
    target = node.target
    called = dotted(node.iter.func) if isinstance(node.iter, ast.Call) else ""
    if isinstance(target, ast.Tuple) and len(target.elts) == 3 and called in ("enumerate", "zip"):
        first, *rest = [module.code(e) for e in target.elts]
        if called == "enumerate":
            edit = module.replace(target, f"{first}, ({', '.join(rest)})")
            yield from fix(SURE, "`enumerate` gives an index and one element", edit)


class UnpackedCount(Rule):
    """Another number of values than of variables: one more ignored, one less asked for."""

    name = "unpacked_count"
    kinds = (ErrorKind.VALUE, ErrorKind.TYPE)
    examples = (
        Example(
            "def pair():\n    return 1, 2, 3\n\n\ndef f():\n    a, b = pair()\n    return a + b\n",
            "f()",
            "a, b =",
            "a, b, _ =",
        ),
        Example(
            "def f(line):\n    key, value = line.split('=')\n    return key\n",
            "f('a=b=c')",
            "split('=')",
            "split('=', 1)",
        ),
        Example("def f(x):\n    a, b = x\n    return a\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        match = re.search(
            r"(?:too many|not enough) values to unpack"
            r" \(expected (?:at least )?(\d+)(?:, got (\d+))?",
            failure.message,
        )
        if place is None or match is None:
            return
        module = place.module
        too_many = failure.message.startswith("too many")
        assigned = [(n.targets[0], n.value) for n in place.nodes(ast.Assign)]
        for target, value in (*assigned, *((n.target, n.iter) for n in place.loops)):
            if not isinstance(target, ast.Tuple):
                continue
            span = module.span(target.elts[-1])
            if too_many:
                why = "there are more values than variables"
                yield from _split_once(place, value, len(target.elts) - 1, why)
                for rest, prior in (("_", FAIR + 0.2), ("*_", FAIR - 0.2)):
                    edit = module.edit(span[1], span[1], f", {rest}") if span else None
                    yield from fix(prior, why, edit)
            elif len(target.elts) > int(match[2] or 1):
                kept = target.elts[: int(match[2] or 1)]
                used = {
                    n.id
                    for n in ast.walk(module.tree)
                    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
                }
                dropped = [e for e in target.elts if e not in kept]
                if not any(getattr(e, "id", "") in used for e in dropped) and len(kept) > 1:
                    code = ", ".join(module.code(e) for e in kept)
                    why = "there are fewer values than variables"
                    yield from fix(LIKELY, why, module.replace(target, code))
            yield from self._in_callee(failure, place, target, value, too_many=too_many)

    def _in_callee(
        self, failure: Failure, place: Place, target: ast.Tuple, value: ast.expr, *, too_many: bool
    ) -> Iterator[Fix]:
        """The values that the called function returns, one more or one less."""
        if not isinstance(value, ast.Call):
            return
        for function in failure.project.callees(place.module, value, place.frame):
            for statement in function.returns:
                returned = statement.value
                why = f"`{function.name}` returns another number of values"
                if isinstance(returned, ast.Tuple) and too_many:
                    spans = [function.module.span(e) for e in returned.elts]
                    if len(spans) == len(target.elts) + 1 and spans[-1] and spans[-2]:
                        edit = function.module.edit(spans[-2][1], spans[-1][1], "")
                        yield from fix(FAIR, why, edit)
                elif returned is not None and not too_many:
                    own = {getattr(e, "id", "") for e in target.elts}
                    have = {dotted(n) for n in ast.walk(returned)}
                    mine = {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)}
                    further = sorted((own & mine) - have - {""})
                    if len(further) == 1:
                        added = function.module.wrap(returned, "", f", {further[0]}")
                        yield from fix(LIKELY, why, added)


def _split_once(place: Place, value: ast.expr, times: int, why: str) -> Iterator[Fix]:
    """``split(sep, 1)`` for ``split(sep)``."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return
    if value.func.attr in ("split", "rsplit") and len(value.args) == 1:
        span = place.module.span(value.args[0])
        edit = place.module.edit(span[1], span[1], f", {times}") if span else None
        yield from fix(SURE - 0.1, why, edit)


RULES: tuple[Rule, ...] = (
    UnpackedItems(),
    UnpackedCount(),
)
