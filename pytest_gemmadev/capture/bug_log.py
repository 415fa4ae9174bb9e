"""The log of this plugin's own bugs: the logger ``pytest_gemmadev``, which is quiet by default.

The user reads one line of each; `doors.bug_file` attaches the handler that keeps the traceback. Records do
not reach the root logger, where the project under test has handlers of its own.
"""

from __future__ import annotations

import contextlib
import logging

LOGGER = logging.getLogger("pytest_gemmadev")
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False


def log_bug(doing: str, error: BaseException) -> None:
    """Logs the traceback of ``error``, a bug of ours that came up while ``doing`` something."""
    raised = (type(error), error, error.__traceback__)
    # The project under test may have switched all logging off (`logging.disable`, `dictConfig`),
    # which `Logger.error` would heed, and may have replaced what makes records.
    with contextlib.suppress(Exception):
        LOGGER.disabled = False
        LOGGER.handle(LOGGER.makeRecord(LOGGER.name, logging.ERROR, __file__, 0, doing, (), raised))
