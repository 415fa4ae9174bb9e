"""Subscripts and slices: bounds, step, direction, a missing or extra index."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import FLAG, MAPPING, NUMBER
from pytest_gemmadev.propose.code.precedence import ATOM, FACTOR, SUM
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.wraps import is_value


class SliceBounds(Pattern[ast.Subscript]):
    """Other bounds of a slice: one dropped, added, moved by one, turned round, made an index."""

    name = "slice_bounds"
    nodes = (ast.Subscript,)
    examples = (
        ("def f(xs, i):\n    return xs[i:]\n", "def f(xs, i):\n    return xs[:i]\n"),
        ("def f(xs):\n    return xs[1:]\n", "def f(xs):\n    return xs[1:-1]\n"),
        ("def f(xs):\n    return xs[::-1]\n", "def f(xs):\n    return xs[:]\n"),
        ("def f(xs, i):\n    return xs[:i]\n", "def f(xs, i):\n    return xs[i]\n"),
        ("def f(xs, i):\n    return xs[i:]\n", "def f(xs, i):\n    return xs[i + 1:]\n"),
    )
    untouched = ("def f(xs, i):\n    return xs[i]\n",)

    def edits(self, node: ast.Subscript, unit: Unit) -> Iterator[Change]:
        part = node.slice
        if not isinstance(part, ast.Slice):
            return
        lower, upper, step = (
            unit.code(p) if p else "" for p in (part.lower, part.upper, part.step)
        )
        first = unit.operand(part.lower, SUM) if part.lower else "0"
        last = unit.operand(part.upper, SUM) if part.upper else "-1"
        options: dict[str, float] = {}
        if lower and upper:
            options |= {f"{lower}:": 0.5, f":{upper}": 0.5, f"{upper}:{lower}": 0.0}
            options |= {f"{first} + 1:{last} + 1": 0.0, f"{first} - 1:{last} - 1": 0.0}
            options |= {
                f"{lower}:{first} + {unit.operand(part.upper, SUM + 1) if part.upper else ''}": 0.0
            }
        elif lower:
            options |= {f":{lower}": 1.0, f"{lower}:-1": 0.5, lower: 0.5, f"{first} + 1:": 1.0}
            options |= (
                {f"{first} - 1:": 0.5, f"-{unit.operand(part.lower, FACTOR)}:": 0.0}
                if part.lower
                else {}
            )
        elif upper:
            options |= {f"{upper}:": 1.0, f"1:{upper}": 0.0, upper: 0.5, f"{last} + 1": -1.0}
            options |= {f":{last} + 1": 1.0, f":{last} - 1": 0.5}
            options |= {f":-{unit.operand(part.upper, FACTOR)}": 0.0} if part.upper else {}
        else:
            options |= {"1:": 0.0, ":-1": 0.0, "0": 0.0, "-1": 0.0, "::2": -0.5, "1::2": -0.5}
        bounds = f"{lower}:{upper}"
        if step:
            options |= {bounds: 0.5, f"{bounds}:2": -0.5, f"{bounds}:-1": 0.0, f"{bounds}:1": -1.0}
        else:
            options |= {f"{bounds}:-1": 0.0, f"{bounds}:2": -0.5, ":": -0.5, "::-1": 0.0}
        for variable, weight in unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:4]:
            if not upper:
                options.setdefault(f"{lower}:{variable.name}", weight)
                options.setdefault(f"{lower}:{variable.name} + 1", weight - 0.5)
            if not lower:
                options.setdefault(f"{variable.name}:{upper}", weight)
        start = unit.span(part)[0]
        if not lower:  # a slice without a lower bound begins at its colon
            start = unit.text.index("[", unit.span(node.value)[1]) + 1
        for code, weight in options.items():
            yield Change(((start, unit.span(node)[1] - 1, code),), weight)
        if isinstance(node.ctx, ast.Load):
            yield replace(node, unit.code(node.value), unit, 0.5)


class AddIndex(Pattern[ast.expr]):
    """An index put behind a value: ``xs[i]`` for ``xs``, by indices that the code uses."""

    name = "add_index"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
    examples = (
        (
            "def f(xs, i):\n    return xs[i] + max(xs)\n",
            "def f(xs, i):\n    return xs[i] + max(xs[i])\n",
        ),
        ("def f(xs):\n    return g(xs)\n", "def f(xs):\n    return g(xs[0])\n"),
    )
    untouched = ("def f():\n    x = 1\n    return x + 1\n",)

    def bias(self, node: ast.expr, unit: Unit) -> float:
        known = unit.variables.kinds(node) or self._subscripted(node, unit)
        return 0.0 if known else -1.5

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        kinds = unit.variables.kinds(node)
        holds_items = is_value(node, unit) and not (kinds and kinds <= {NUMBER, FLAG})
        if not holds_items and not self._is_row(node, unit):
            return
        code = unit.operand(node, ATOM)
        options: dict[str, float] = {} if kinds == {MAPPING} else {"0": 0.5, "-1": 0.5, "1": 0.0}
        for other in unit.of_type(ast.Subscript):
            assert isinstance(other, ast.Subscript)
            if not isinstance(other.slice, ast.Slice) and unit.editable(other):
                own = unit.code(other.value) == unit.code(node)
                options.setdefault(unit.code(other.slice), 0.5 if own else -0.3)
        for variable, weight in unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:4]:
            options.setdefault(variable.name, weight)
        for part in ("1:", ":-1", "::-1", "-1:", ":2"):
            options.setdefault(part, -1.0)
        for part, weight in list(options.items())[:24]:
            yield replace(node, f"{code}[{part}]", unit, weight)

    def _is_row(self, node: ast.expr, unit: Unit) -> bool:
        """True for the row of a table that is assigned to or indexed further."""
        parent = unit.parent(node)
        return isinstance(parent, ast.Subscript) and parent.value is node

    def _subscripted(self, node: ast.expr, unit: Unit) -> bool:
        code = unit.code(node)
        return any(
            isinstance(s, ast.Subscript) and unit.code(s.value) == code
            for s in unit.of_type(ast.Subscript)
            if unit.editable(s)
        )


class ElementForVariable(Pattern[ast.Name]):
    """``xs[i]`` for a variable, in a loop that counts ``i`` over the places of ``xs``."""

    name = "element_for_variable"
    nodes = (ast.Name,)
    examples = (
        (
            "def f(xs, n):\n    for i in range(len(xs)):\n        if n < xs[-i]:\n            return i\n",
            "def f(xs, n):\n    for i in range(len(xs)):\n        if xs[i] < xs[-i]:\n            return i\n",
        ),
    )
    untouched = (
        "def f(xs, n):\n    for i in range(n):\n        print(xs)\n",
        "def f(xs):\n    for i in range(len(xs)):\n        xs[i] = i\n",
    )

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        is_part = isinstance(parent, ast.Subscript) or (
            isinstance(parent, ast.Call) and parent.func is node
        )
        if is_part or not isinstance(node.ctx, ast.Load) or not is_value(node, unit):
            return
        for element, index in self._elements(node, unit):
            if node.id != index and not element.startswith(f"{node.id}["):
                yield replace(node, element, unit)

    def _elements(self, node: ast.Name, unit: Unit) -> Iterator[tuple[str, str]]:
        """(element, index) for each sequence that a loop around counts the places of."""
        child: ast.AST = node
        for loop in unit.ancestors(node):
            if isinstance(loop, ast.For) and child in loop.body:
                counts = [n for n in ast.walk(loop.target) if isinstance(n, ast.Name)][:1]
                for call in ast.walk(loop.iter):
                    match call:
                        case ast.Call(
                            func=ast.Name(id="len" | "enumerate"), args=[ast.Name(id=xs)]
                        ):
                            yield from ((f"{xs}[{i.id}]", i.id) for i in counts)
            child = loop


PATTERNS = (SliceBounds(), AddIndex(), ElementForVariable())
