"""Hooks through which other packages bring models and proposers.

A package names its plugin module in the entry-point group ``gemmadev`` and marks functions with
`hookimpl`. Entry points are loaded when a repair or a listing asks for them, never on a plain test
run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pluggy

from pytest_gemmadev.types import Model, ModelInfo, Proposer

PROJECT = "gemmadev"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A line of ``gemmadev models``."""

    info: ModelInfo  # without loading it; ``spec`` may hold a placeholder, ``gguf:PATH``
    description: str  # a few words
    available: bool  # everything it needs is installed
    hint: str = ""  # what to do where it is not


@hookspec(firstresult=True)
def gemmadev_load_model(
    spec: str, adapter: str | None, threads: int | None, left_s: Callable[[], float]
) -> Model | None:
    """The model that ``spec`` names, not loaded yet; None when the spec is somebody else's.

    ``adapter`` is a path, None for the one that the model ships with, if any, and empty for the
    model without one. ``left_s`` says how many seconds the budget has left: a model that waits for
    others must not wait longer. Like every argument of a hook, it may be left out by who does not
    need it. Raises `GemmadevError` when the spec is one's own and cannot be served.
    """


@hookspec
def gemmadev_known_models() -> Sequence[KnownModel]:
    """Models that this plugin can serve, installed or not."""
    raise NotImplementedError  # a specification, never called


@hookspec
def gemmadev_proposers(model: Model | None) -> Sequence[Proposer]:
    """Further sources of candidate patches; those that use ``model`` should spend it sparingly."""
    raise NotImplementedError  # a specification, never called
