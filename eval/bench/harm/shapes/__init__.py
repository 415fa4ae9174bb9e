"""All shapes, in the order in which they are run."""

from __future__ import annotations

from eval.bench.harm.shape import Shape
from eval.bench.harm.shapes import beneath, contents, databases, later, names, others, trees

SHAPES: tuple[Shape, ...] = (
    *trees.SHAPES,
    *names.SHAPES,
    *contents.SHAPES,
    *databases.SHAPES,
    *others.SHAPES,
    *later.SHAPES,
    *beneath.SHAPES,
)
