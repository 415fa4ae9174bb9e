"""The picture in docs/architecture.md is true: what it names is there, and every part is named."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PLACES = ("pytest_gemmadev", "eval", "training", "benchmarks", "examples", "dev")


def named() -> set[str]:
    """Files and folders in backticks, as the page writes them."""
    return set(re.findall(r"`([a-z_]+(?:/[a-z_]*)*(?:\.py|/))`", PAGE))


def test_what_the_page_names_is_there() -> None:
    paths = {
        f"/{path.relative_to(ROOT).as_posix()}{'/' if path.is_dir() else ''}"
        for place in PLACES
        for path in (ROOT / place, *(ROOT / place).rglob("*"))
    }
    paths |= {"/tests/", "/tests/test_imports.py"}
    assert len(named()) > 50
    assert [
        name for name in sorted(named()) if not any(p.endswith(f"/{name}") for p in paths)
    ] == []


def test_every_part_of_the_package_is_named() -> None:
    package = ROOT / "pytest_gemmadev"
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert {folder for folder in folders if folder not in PAGE} == set()
