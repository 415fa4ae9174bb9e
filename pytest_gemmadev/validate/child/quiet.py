"""What a child run does differently from the user's: everything that stops early, reports, or
writes.

The user's arguments, ``addopts`` and ini file stay as they are, so that the same tests are
collected with the same settings. Options of other plugins are switched off where they exist under
a known name.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

_OFF: dict[str, Any] = {
    "gemmadev_mode": "off",
    # stops early or picks tests
    "maxfail": 0,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "stepwise_reset": False,
    "continue_on_collection_errors": True,  # one broken module hides no other
    # asks a person
    "usepdb": False,
    "trace": False,
    # other processes (xdist)
    "numprocesses": None,
    "maxprocesses": None,
    "dist": "no",
    "distload": False,
    "tx": [],
    "px": [],
    "looponfail": False,
    # reports
    "xmlpath": None,
    "htmlpath": None,
    "json_report": False,
    "json_report_file": None,
    "report_log": None,
    "log_file": os.devnull,
    "pastebin": None,
    "durations": None,
    "cacheshow": None,
    "cacheclear": False,
    "debug": None,
    # coverage would write its data file, and trace what is traced already
    "cov_source": [],
    "no_cov": True,
    # random order
    "randomly_reorganize": False,
    "random_order": False,
    "random_order_bucket": "none",
}


class Quiet:
    """A pytest plugin, handed to ``pytest.main``, that makes its run leave no trace."""

    def __init__(self) -> None:
        self.basetemp: str | None = None
        self.captures = True  # as the user's run does; known once options were parsed
        self.capture: str | None = None  # how this one does, where that differs

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config
    ) -> Generator[None, object, object]:
        known = early_config.known_args_namespace
        self.captures = getattr(known, "capture", "fd") != "no"
        if self.capture is not None:
            known.capture = self.capture
        # Read before options are final: by pytest-cov, and where a conftest cannot be loaded.
        for name in ("cov_source", "no_cov", "gemmadev_mode"):
            if hasattr(known, name):
                setattr(known, name, _OFF[name])
        return (yield)

    # Last, so that what others do with the options after parsing finds them changed.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_cmdline_parse(self) -> Generator[None, pytest.Config, pytest.Config]:
        config = yield
        for name, value in _OFF.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        config.option.basetemp = self.basetemp
        return config

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        # Nobody reads the long form of a failure, and its source lines cost 15 ms each; stacks are
        # taken from the exceptions.
        nodes: Any = pytest.Item
        nodes._repr_failure_py = _name_of_error

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        cache = getattr(config, "cache", None)
        if cache is not None:
            cache.set = lambda key, value: None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        # Nobody reads the summaries, and hypothesis imports itself to write its own: 0.6 s a run.
        hooks: Any = session.config.hook
        hooks.pytest_terminal_summary = _no_summaries
        return (yield)


def _name_of_error(
    _node: object, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
) -> str:
    return excinfo.typename


def _no_summaries(**_arguments: object) -> list[object]:
    return []
