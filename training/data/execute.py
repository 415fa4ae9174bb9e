"""Proofs that a break is one: the calls that tell it, run in a limited process a file.

Functions that cannot be imported or called with plain values stay unproved, which is no error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_gemmadev.capture.plain import stack_from_plain
from pytest_gemmadev.types import Role
from training.data.examples import Bug
from training.data.functions import Sound
from training.data.trial import ROOT
from training.rewrites.texts import lines_of

REQUEST_S = 10.0  # all versions of one function
# What reaches out of the process is refused there as well; these need not be tried.
_LEFT_OUT = (
    "os",
    "shutil",
    "subprocess",
    "socket",
    "signal",
    "multiprocessing",
    "threading",
    "asyncio",
    "ctypes",
    "tkinter",
    "webbrowser",
    "pdb",
    "code",
    "faulthandler",
    "runpy",
    "training",
)


class Scope:
    """Tells the pretended project's files apart; implements `capture.plain.Classifier`."""

    root = ROOT

    def role(self, path: str, /) -> Role:
        relative = self.relative(path)
        if relative == path:
            return Role.OUTSIDE
        return Role.TEST if relative.startswith("tests/") else Role.SOURCE

    def relative(self, path: str, /) -> str:
        return path.removeprefix(f"{ROOT}/")


class Prover:
    """Runs broken functions; a context manager that ends what it started."""

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._child: subprocess.Popen[str] | None = None
        self._module = ""
        self._deaths = 0
        self._folder = tempfile.TemporaryDirectory(prefix="gemmadev-trial-")

    def __enter__(self) -> Prover:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._folder.cleanup()

    def prove(self, sound: Sound, bugs: Sequence[Bug]) -> list[Bug]:
        """The bugs that a call showed, with its error stack and the test that makes it."""
        if not bugs or not _is_callable(sound):
            return []
        versions = [_function(bug.broken, sound) for bug in bugs]
        answer = self._ask(sound.source.module, self._request(sound, versions))
        return [_proved(bug, found) for bug, found in zip(bugs, answer, strict=False) if found]

    def judge(self, sound: Sound, bug: Bug, texts: Sequence[str]) -> list[str]:
        """What becomes of each of ``texts``, the file with a candidate in it instead of the bug.

        ``correct``, ``overfitting``, ``failing``; empty where nothing could be called.
        """
        if not texts or not _is_callable(sound):
            return [""] * len(texts)
        versions = [_function(text, sound) for text in (bug.broken, *texts)]
        request = {**self._request(sound, versions), "judge": True}
        answer = self._ask(sound.source.module, request)[: len(texts)]
        told = [str(found["verdict"]) if found else "" for found in answer]
        return told + [""] * (len(texts) - len(told))

    def _request(self, sound: Sound, versions: list[str]) -> dict[str, Any]:
        module = sound.source.module
        return {
            "module": module,
            "folders": [sound.source.root] if sound.source.root else [],
            "path": sound.source.path,
            "name": sound.name,
            "first": lines_of(sound.node)[0],
            "seed": zlib.crc32(f"{self._seed}:{module}:{sound.name}".encode()),
            "bugs": versions,
        }

    def _ask(self, module: str, request: dict[str, Any]) -> list[dict[str, Any] | None]:
        if module != self._module:
            self._end()
            self._module, self._deaths = module, 0
        if self._deaths >= 2:
            return []
        try:
            child = self._child = self._child or self._start()
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(child.stdout, selectors.EVENT_READ)
                line = child.stdout.readline() if selector.select(REQUEST_S) else ""
            answer: list[dict[str, Any] | None] = json.loads(line)
        except (OSError, ValueError):  # it died, or was too slow
            self._deaths += 1
            self._end()
            return []
        return answer

    def _start(self) -> subprocess.Popen[str]:
        here = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
        environment = os.environ | {
            "PYTHONPATH": path,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "training.data.trial"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            cwd=self._folder.name,
            env=environment,
            start_new_session=True,
        )

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was not sent is not wanted any more
                        pipe.close()
            child.wait()


def _is_callable(sound: Sound) -> bool:
    module = sound.source.module
    return bool(module) and module.partition(".")[0] not in _LEFT_OUT and "super(" not in sound.near


def _function(text: str, sound: Sound) -> str:
    """The function's lines in ``text``, which differs from the sound file in this function only."""
    first, last = lines_of(sound.node)[0], sound.node.end_lineno or 0
    longer = text.count("\n") - sound.near.count("\n")
    return "\n".join(text.split("\n")[first - 1 : last + longer]) + "\n"


def _proved(bug: Bug, found: dict[str, Any]) -> Bug:
    stack = stack_from_plain(found["stack"], Scope())
    return dataclasses.replace(
        bug, stack=stack, context={found["path"]: found["test"]}, proof="executed"
    )
