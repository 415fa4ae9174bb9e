"""A conftest that cannot be imported: repaired before the session, then loaded again.

pytest gives up with exit status 4 when an initial conftest raises; no session starts and no
report is made. What the conftest imports may be a project source with a bug, so the failure is
handed to the repair, and where that changed the tree, the loading goes on in the same process.
Conftests that did load before stay as they are, with the modules they hold: if such a module is
the repaired one, they keep its old self until the next run.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable

import pytest
from _pytest.config import ConftestImportFailure  # not public; initial conftests raise it

from pytest_gemmadev.capture.bug_log import log_bug
from pytest_gemmadev.capture.exceptions import is_installed, steps
from pytest_gemmadev.capture.hooks import Recorder, cause_of, describe_error
from pytest_gemmadev.doors import session
from pytest_gemmadev.doors.bug_file import start_bug_file
from pytest_gemmadev.doors.settings import settings_of
from pytest_gemmadev.types import GemmadevError

MAX_REPAIRS = 10  # a conftest can break on one import after the other


def repair_and_load(
    failure: ConftestImportFailure,
    config: pytest.Config,
    *,
    parser: pytest.Parser,
    args: list[str],
    known_modules: set[str],
) -> None:
    """Repairs and loads again until all conftests are loaded; raises the last failure where it cannot.

    ``known_modules`` are the names in ``sys.modules`` before the first conftest was loaded.
    """
    settings_of(config, config.known_args_namespace)
    for _ in range(MAX_REPAIRS):
        if not _repair(config, failure):
            break
        ran = {step.tb_frame.f_code.co_filename for step in steps(cause_of(failure).__traceback__)}
        ran |= _forget_modules(config.pluginmanager, known_modules)
        _remove_bytecode(path for path in ran if not is_installed(path))
        again = _load(config, parser, args)
        if again is None:
            return
        failure = again
    raise failure


def _repair(config: pytest.Config, failure: ConftestImportFailure) -> bool:
    """True when the tree has changed, so that the conftests are worth loading again."""
    bug_file = start_bug_file(config)
    recorder = Recorder()
    recorder.record_conftest(failure, config)
    try:
        return bool(session.repair_conftest(config, recorder.plain()))
    except GemmadevError as error:
        raise pytest.UsageError(f"gemmadev: {error}") from error
    except Exception as error:  # a bug of the plugin must not hide what is wrong with the conftest
        log_bug("repair failed", error)
        sys.stderr.write(f"gemmadev: repair failed: {describe_error(error)}\n")
        if bug_file is not None and bug_file.is_written:
            sys.stderr.write(f"{bug_file.line}\n")
        return False


def _load(
    config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> ConftestImportFailure | None:
    """Loads the conftests and calls the hooks after that; the failure, None where all are loaded.

    The hooks before the loading have been called, and their wrappers closed: a second call would start
    pytest's capturing twice, for one.
    """
    manager = config.pluginmanager
    hook = manager.hook.pytest_load_initial_conftests
    called = []
    for implementation in reversed(hook.get_hookimpls()):  # in the order in which they are called
        if implementation.plugin is config:
            break
        called.append(implementation.plugin)
    try:
        manager.subset_hook_caller(hook.name, called)(early_config=config, parser=parser, args=args)
    except ConftestImportFailure as failure:
        return failure
    return None


def _forget_modules(manager: pytest.PytestPluginManager, known: set[str]) -> set[str]:
    """Has modules of the project imported anew when they are next needed; their files."""
    files = set()
    for name in set(sys.modules) - known:
        module = sys.modules[name]
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or is_installed(path) or manager.is_registered(module):
            continue
        del sys.modules[name]
        files.add(path)
    importlib.invalidate_caches()
    return files


def _remove_bytecode(files: Iterable[str]) -> None:
    """Removes what a file that was repaired within a second to the same size would be loaded from."""
    for path in files:
        with contextlib.suppress(OSError, NotImplementedError):  # there may be none
            os.unlink(importlib.util.cache_from_source(path))
