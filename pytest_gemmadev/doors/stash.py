"""What a session of repair keeps in pytest's stash, by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_gemmadev.files.interrupts import Interrupts

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

INTERRUPTS = pytest.StashKey[Interrupts]()  # what notes Ctrl-C until pytest is done
WRITTEN = pytest.StashKey[str]()  # what to say when a Ctrl-C comes after the tree was changed
SUMMARY = pytest.StashKey[Callable[["TerminalReporter"], None]]()  # shows what the repair came to
