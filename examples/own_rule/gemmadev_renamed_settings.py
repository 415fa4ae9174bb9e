"""A rule for pytest-gemmadev from another package: settings that were renamed.

A library of settings raises ``KeyError("setting 'timeout' is now 'timeout_s'")`` for a name of before.
No built-in rule reads that message; this one does, and writes the new name in place of the old one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.api import ErrorKind, Example, Failure, Fix, Rule, fix, hookimpl

_RENAMED = re.compile(r"setting '(?P<old>\w+)' is now '(?P<new>\w+)'")

# What the examples run against, in place of the real library.
_SETTINGS = """\
--- settings.py
NEW_NAMES = {"timeout": "timeout_s"}


def setting(name):
    if name in NEW_NAMES:
        raise KeyError(f"setting '{name}' is now '{NEW_NAMES[name]}'")
    return {"timeout_s": 30}[name]
--- app.py
from settings import setting


"""


class RenamedSetting(Rule):
    """The new name of a setting, where the old one is asked for."""

    name = "renamed_setting"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            _SETTINGS + "def wait():\n    return setting('timeout') * 2\n",
            "assert wait() == 60",
            old="setting('timeout')",
            new="setting('timeout_s')",
        ),
        Example(  # the name is not written where it is asked for: nothing is sure enough
            _SETTINGS + "def wait(name):\n    return setting(name) * 2\n",
            "assert wait('timeout') == 60",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        """One fix for each place on the stack that spells the old name out."""
        renamed = _RENAMED.search(failure.message)
        if renamed is None:
            return
        old, new = renamed["old"], renamed["new"]
        for place in failure.sites:  # what may be edited, the innermost first
            for node in place.nodes(ast.Constant):
                if node.value == old:
                    edit = place.module.replace_string(node, new)
                    yield from fix(-0.1, f"the setting `{old}` is now `{new}`", edit)


@hookimpl
def gemmadev_rules() -> Sequence[Rule]:
    """The rules that this package brings."""
    return (RenamedSetting(),)
