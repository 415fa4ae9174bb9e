"""Sound functions broken on purpose: rewrites as people get them wrong, wider than what patterns repair.

Each rewrite offers replacements of text at the nodes of its type; whether one changes anything is
the caller's to prove. Names, attributes and texts are taken from the function itself, so that what
comes out looks like a slip and not like noise.
"""

from __future__ import annotations

from training.rewrites import expressions, statements, terms
from training.rewrites.texts import Change, Function, Names, Rewrite, Text, inside

REWRITES: tuple[tuple[Rewrite, float], ...] = (
    (expressions.operator, 3.0),
    (expressions.and_or, 1.5),
    (expressions.negation, 1.0),
    (expressions.constant, 2.0),
    (expressions.name, 3.0),
    (expressions.attribute, 1.5),
    (expressions.call, 2.0),
    (expressions.subscript, 2.0),
    (expressions.loop, 1.5),
    (expressions.assignment, 2.0),
    (expressions.returned, 1.5),
    (expressions.conditional, 0.5),
    (expressions.exception, 0.5),
    (expressions.text_form, 0.5),
    (expressions.default, 0.5),
    (terms.term, 2.5),
    (terms.surplus, 2.0),
    (terms.clause, 1.0),
    (terms.borrowed, 2.0),
    (terms.invented, 1.5),
    (terms.foreign, 0.8),
    (statements.dropped, 2.5),
    (statements.swapped, 1.0),
    (statements.shifted, 1.5),
    (statements.jump, 1.0),
)
"""With how often each is drawn, where it applies."""


def rewrites_of(function: Function, text: Text) -> dict[str, list[Change]]:
    """All changes inside ``function`` by the name of the rewrite; empty ones are left out."""
    names = Names.of(function)
    found: dict[str, list[Change]] = {}
    nodes = list(inside(function))
    for rewrite, _ in REWRITES:
        changes = [change for node in nodes for change in rewrite(node, text, names)]
        changes = [c for c in dict.fromkeys(changes) if text.text[c[0] : c[1]] != c[2]]
        if changes:
            found[rewrite.__name__] = changes
    return found


WEIGHTS = {rewrite.__name__: weight for rewrite, weight in REWRITES}
