"""Hooks that other pytest plugins and conftests may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_gemmadev.types import RepairReport


def pytest_gemmadev_repair_done(config: pytest.Config, report: RepairReport) -> None:
    """Called once, on the controller, after a session's repair and before the summary.

    ``report`` says what failed and what became of it; in fix mode the tree has its final content.
    """
