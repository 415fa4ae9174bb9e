"""Path objects given where the code was written for text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.missing_attributes import missing_attribute, owner_type
from pytest_gemmadev.propose.rules.rule import SURE, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.types import ErrorKind

_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
_TEXT = frozenset(name for name in dir(str) if not name.startswith("_"))


class PathForText(Rule):
    """A text method on a path: the parameter made text when it comes in, or the object there."""

    name = "path_for_text"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "def depth(path):\n    return len(path.split('/'))\n",
            "import pathlib\nfrom app import depth\n---\ndepth(pathlib.Path('a/b'))",
            "    return len",
            "    path = str(path)\n    return len",
        ),
        Example(
            "import os\n\n\ndef depth(path):\n    return len(path.split('/'))\n",
            "import pathlib\nfrom app import depth\n---\ndepth(pathlib.Path('a/b'))",
            "    return len",
            "    path = os.fspath(path)\n    return len",
        ),
        Example(
            "def depth(paths):\n    return len(paths[0].split('/'))\n",
            "import pathlib\nfrom app import depth\n---\ndepth([pathlib.Path('a/b')])",
            "paths[0].split",
            "str(paths[0]).split",
        ),
        Example(
            "def depth(path):\n    return path.deep\n",
            "import pathlib\nfrom app import depth\n---\ndepth(pathlib.Path('a/b'))",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        missing = missing_attribute(failure)
        if missing is None or missing.name not in _TEXT or owner_type(failure) not in _PATHS:
            return
        code, module = missing.module.code(missing.base), missing.module
        why = f"`{code}` is a path, `{missing.name}` is for text"
        convert = "os.fspath(" if "os" in module.bindings else "str("
        function = missing.place.function
        if (
            isinstance(missing.base, ast.Name)
            and function is not None
            and code in function.parameters
        ):
            line = f"{code} = {convert}{code})"
            yield from fix(SURE, why, module.insert_before(first_statement(function), line))
        yield from fix(SURE - 0.3, why, module.wrap(missing.base, "str("))


RULES: tuple[Rule, ...] = (PathForText(),)
