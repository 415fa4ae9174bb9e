"""What becomes of a value: returned by the function elsewhere, assigned, assigned together."""

from __future__ import annotations

import ast

from pytest_gemmadev.propose.code.unit import Unit


def returned_values(unit: Unit, node: ast.AST) -> list[str]:
    """What the function around ``node`` returns elsewhere, constants first, and the usual defaults."""
    function = unit.function(node)
    found: dict[str, bool] = {}
    for statement in unit.of_type(ast.Return):
        assert isinstance(statement, ast.Return)
        if statement.value is not None and unit.function(statement) is function:
            code = unit.code(statement.value)
            if "\n" not in code and len(code) <= 60:
                found[code] = isinstance(statement.value, (ast.Constant, ast.List, ast.UnaryOp))
    own = sorted(found, key=lambda code: not found[code])
    usual = _defaults_like(own)
    return list(dict.fromkeys((*own, *usual)))


def _defaults_like(codes: list[str]) -> tuple[str, ...]:
    joined = " ".join(codes)
    if "True" in joined or "False" in joined:
        return ("False", "True")
    if any(code.startswith("[") or "list(" in code or "sorted(" in code for code in codes):
        return ("[]", "None")
    if any(code.startswith(("'", '"')) or ".join(" in code for code in codes):
        return ("''", "None")
    return ("0", "None", "[]", "-1", "1", "''", "False", "True")
