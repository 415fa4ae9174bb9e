"""The rank of the fixed place among a tool's suspicions."""

from __future__ import annotations

from typing import Any

import pytest

from eval.bench.place import Ranks, changed_lines, ranks_of
from eval.cases.case import Case

FIXED = "def f(x):\n    y = x + 1\n    return y\n\n\ndef g(x):\n    return x\n"


def case(broken: str) -> Case:
    return Case(
        "c", "s", (), {"m.py": broken.encode()}, {}, {"m.py": FIXED.encode()}, ("m.py",), (), (), ()
    )


def suspicion(line: int, end: int | None = None, file: str = "m.py") -> dict[str, Any]:
    return {
        "file": file, "line": line, "end_line": end or line, "score": 0.5, "technique": "frame",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "lines"),
    [
        pytest.param(FIXED, {}, id="nothing changed"),
        pytest.param(FIXED.replace("x + 1", "x - 1"), {"m.py": {2}}, id="a line replaced"),
        pytest.param(FIXED.replace("    y = x + 1\n", ""), {"m.py": {1, 2}}, id="one is missing"),
        pytest.param(
            FIXED.replace("return y", "y += 1\n    return y"), {"m.py": {3}}, id="one too many"
        ),
    ],
)
def test_changed_lines(broken: str, lines: dict[str, set[int]]) -> None:
    assert changed_lines({"m.py": broken.encode()}, {"m.py": FIXED.encode()}) == lines


def test_a_line_missing_at_the_end_has_one_side() -> None:
    broken = FIXED.replace("    return x\n", "")
    assert changed_lines({"m.py": broken.encode()}, {"m.py": FIXED.encode()}) == {"m.py": {6}}


@pytest.mark.parametrize(
    ("suspicions", "ranks"),
    [
        pytest.param([], Ranks(), id="nothing was suspected"),
        pytest.param([suspicion(2)], Ranks(1, 1), id="at once"),
        pytest.param([suspicion(7), suspicion(3), suspicion(2)], Ranks(2, 3), id="later"),
        pytest.param([suspicion(7), suspicion(3)], Ranks(2, None), id="the function only"),
        pytest.param([suspicion(7), suspicion(4)], Ranks(), id="elsewhere"),
        pytest.param([suspicion(2, file="n.py")], Ranks(), id="in another file"),
        pytest.param([suspicion(1, 3)], Ranks(1, 1), id="within a longer statement"),
    ],
)
def test_ranks(suspicions: list[dict[str, Any]], ranks: Ranks) -> None:
    assert ranks_of(case(FIXED.replace("x + 1", "x - 1")), suspicions) == ranks


def test_a_fix_at_module_level_is_in_no_function() -> None:
    broken = case(f"LIMIT = 1\n{FIXED}")
    assert ranks_of(broken, [suspicion(3), suspicion(1)]) == Ranks(2, 2)
