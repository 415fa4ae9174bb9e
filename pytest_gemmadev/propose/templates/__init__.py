r"""Edits said as data: code of one shape becomes code of another, with a guard, a prior and examples.

A template in five lines, to be put into one of the modules ``*_templates``::

    Template(
        "repeated_rows",
        Rewrite("[$x] * $n", "[$x for _ in range($n)]", "x not constant or name"),
        examples=(("a = [[0]] * 3\n", "a = [[0] for _ in range(3)]\n"),),
        untouched=("a = [0] * 3\n",),
        per_thousand=3.2,
    )

``examples`` and ``untouched`` are its tests: `tests/propose/test_all_patterns.py` runs them all. The
name is what reports call it by, ``pattern:repeated_rows``. ``per_thousand`` says how likely it is; ours
have that figure in `patterns/priors.py`, where a calibration replaces it.

**Holes.** ``$x`` holds one expression, or one statement where it stands alone on a line; ``$$$xs`` any
number of them: arguments, elements, statements. One that occurs twice must hold equal code twice. Two
``$$$`` around something find it at each place of a list: ``$f($$$a, $x, $$$b)`` matches once for each
argument. ``$_`` holds anything and tells nothing. Names have holes too: ``$x.$method()``, ``f($k=$v)``.
Between two operands a hole is an operator, and the guard says which: ``"$a $op $b"`` where ``op is <
or <=``, or a family: ``op is arithmetic operator`` (``bitwise``, ``binary``, ``comparison``,
``boolean``). ``for $x in $xs`` without a colon is the header of loops and of comprehensions.

**Shapes.** Both sides are expressions or both are statements, one below the other. Statements must
stand on their own lines and are written at the indentation of their place; what a template puts before
or after ``$s`` is inserted there. A lone ``$x`` needs a guard that says what it may be.

**Guard.** Clauses with semicolons between: ``x is name or call; not in condition; v holds number``.
Without a hole a clause speaks of the node itself. `node_predicates` has all names: of kinds of nodes,
and of what one may ask of a node's place. A misspelt name is told with those near it.

**After.** One text, or several with weights in nats: ``{"$x + 1": 0.0, "$x - 1": -0.5}``; with
``(weight, guard)`` only where that guard holds. What the holes hold is written byte for byte as it
stands in the file, in parentheses only where it needs them; so is what stands on both sides. With
``in_place=True`` only what differs is edited, and comments between stay.

**Ingredients.** Code that is not in the before side: ``{"v": variables("number", best=5)}`` tries each
of the five best numeric variables in scope for ``$v``. `ingredients` has values, conditions, other
expressions of the function and more; any function that yields (code, weight) for a match will do.

**Errors.** An `ErrorTemplate` is for errors whose message tells of it: ``message`` is a regular
expression, a named group of which fills the hole of that name; the weight of a rewrite is its prior,
and its ``why`` is shown with the code in place of the holes.

How it works: `holes` reads the two sides, `matcher` compiles the first to functions, `rewriting` finds
the places and asks `where`, `printer`, `block_printer` and `difference` write the second, and
`template_pattern` and `template_rule` offer the edits to the search as every other pattern and rule
does. What is wrong with a template is said by a `TemplateError` when it is loaded.
"""

from pytest_gemmadev.propose.templates.template import (
    ErrorTemplate,
    Rewrite,
    Template,
    TemplateError,
)

__all__ = ["ErrorTemplate", "Rewrite", "Template", "TemplateError"]
