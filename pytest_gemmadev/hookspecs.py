"""Hooks through which other packages bring models, rules, proposers and validators.

A package names its plugin module in the entry-point group ``gemmadev`` and marks functions with
`hookimpl`. Entry points are loaded when a repair or a listing asks for them, never on a plain test
run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pluggy

from pytest_gemmadev.types import Model, ModelInfo, Proposer, Validator

if TYPE_CHECKING:
    from pytest_gemmadev.propose.rules.rule import Rule
    from pytest_gemmadev.propose.templates.template import Template

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
    """The model that ``spec`` names, not loaded yet; None when the spec is another package's.

    ``adapter`` is a path, None for the one that the model ships with, if any, and empty for the
    model without one. ``threads`` is how many it may use, None for as many as it likes. ``left_s``
    returns how many seconds the budget has left: a model that waits for a server must not wait longer.
    An implementation names the arguments that it needs, as in every hook. It raises `GemmadevError`
    when the spec is its own and cannot be served.
    """


@hookspec
def gemmadev_known_models() -> Sequence[KnownModel]:
    """The lines of ``gemmadev models`` for this package, whether all that they need is installed or not."""
    raise NotImplementedError  # a specification, never called


@hookspec
def gemmadev_rules() -> Sequence[Rule]:
    """Rules beside the built-in ones: each offers fixes for errors of the kinds that it names."""
    raise NotImplementedError  # a specification, never called


@hookspec
def gemmadev_templates() -> Sequence[Template]:
    """Templates beside the built-in ones: each says as data which code of one shape becomes which.

    A template of another package says itself how often its edit is the repair (``per_thousand``).
    """
    raise NotImplementedError  # a specification, never called


@hookspec
def gemmadev_proposers(model: Model | None) -> Sequence[Proposer]:
    """Further sources of candidate patches, for what no rule can say.

    Those that use ``model`` should ask it seldom: asking costs more than a test run.
    """
    raise NotImplementedError  # a specification, never called


@hookspec
def gemmadev_validators() -> Sequence[Validator]:
    """What may reject a patch that passes the tests, for a reason that no test states.

    A validator is called as ``validator(task, candidate)`` and returns the reason in a few words, which
    the report quotes, or None. A rejected patch is neither written nor listed. An error in a validator
    ends the repair.
    """
    raise NotImplementedError  # a specification, never called
