"""What can be used here: the project's plugin manager, models by spec, proposers and validators.

Imported only when a repair or a listing was asked for; third-party plugins are loaded then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from typing import TYPE_CHECKING

import pluggy

from pytest_gemmadev import hookspecs
from pytest_gemmadev.hookspecs import PROJECT, KnownModel
from pytest_gemmadev.types import (
    DEFAULT_MODEL,
    CannotRunHere,
    GemmadevError,
    Model,
    Proposer,
    Validator,
)

if TYPE_CHECKING:
    from pytest_gemmadev.propose.patterns.pattern import AnyPattern
    from pytest_gemmadev.propose.templates.template import Template

NO_MODEL = "none"
NO_ADAPTER = "none"


def plugin_manager(*, third_party: bool = True) -> pluggy.PluginManager:
    """A new manager with the built-in plugin and, by default, those of installed packages."""
    from pytest_gemmadev.models import builtin

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="builtin")
    if third_party:
        try:
            manager.load_setuptools_entrypoints(PROJECT)
            manager.check_pending()
        except Exception as error:  # a plugin's own import may raise anything
            raise GemmadevError(
                f"a plugin of the entry-point group {PROJECT!r} cannot be loaded: "
                f"{type(error).__name__}: {_first_line(error)}; uninstall or repair it"
            ) from error
    return manager


@lru_cache(maxsize=1)
def _shared_manager() -> pluggy.PluginManager:
    return plugin_manager()


def load_model(
    spec: str,
    *,
    adapter: str | None,
    threads: int | None,
    left_s: Callable[[], float] = lambda: math.inf,
    manager: pluggy.PluginManager | None = None,
) -> Model | None:
    """The model that ``spec`` names, loaded when first used; None for ``none``.

    Files are checked and servers asked here, so that a missing or damaged model stops a repair
    before it begins. ``left_s`` returns the seconds that the budget has left, which bound how long a
    server is waited for.
    The adapter ``none`` asks for the model without the one that it ships with.
    """
    chosen = "" if adapter == NO_ADAPTER else adapter or None
    if spec == NO_MODEL:
        if chosen:
            raise GemmadevError(
                f"adapter {adapter}: the model is 'none'; name a model or drop the adapter"
            )
        return None
    manager = manager or _shared_manager()
    model: Model | None = manager.hook.gemmadev_load_model(
        spec=spec, adapter=chosen, threads=threads, left_s=left_s
    )
    if model is not None:
        return model
    raise GemmadevError(f"model {spec!r} is unknown; {_list_specs(manager)}")


def model_or_none(
    spec: str,
    *,
    adapter: str | None,
    left_s: Callable[[], float],
    tell: Callable[[str], None] = lambda _message: None,
) -> Model | None:
    """As `load_model`; None, which ``tell`` hears of, where this platform cannot run the default model."""
    try:
        return load_model(spec, adapter=adapter, threads=None, left_s=left_s)
    except CannotRunHere as error:
        if spec != DEFAULT_MODEL:
            raise
        tell(f"going on without a model: {error}")
        return None


def known_models(manager: pluggy.PluginManager | None = None) -> tuple[KnownModel, ...]:
    """Every model of every plugin, the built-in ones first."""
    manager = manager or _shared_manager()
    found = manager.hook.gemmadev_known_models()
    return tuple(model for models in reversed(found) for model in models)


def proposers(
    model: Model | None,
    manager: pluggy.PluginManager | None = None,
    *,
    left_out: Set[str] = frozenset(),
) -> tuple[tuple[Proposer, ...], tuple[Proposer, ...]]:
    """(proposers of edits that cost no model time, those whose edits the model writes).

    ``left_out`` names what to do without: ``patterns``, ``writing``.
    """
    from pytest_gemmadev.propose.patterns import PatternProposer
    from pytest_gemmadev.propose.rules import RuleProposer
    from pytest_gemmadev.propose.syntax import SyntaxProposer
    from pytest_gemmadev.propose.write import WriteProposer

    manager = manager or _shared_manager()
    further = [p for some in manager.hook.gemmadev_proposers(model=model) for p in some]
    rules = [rule for some in reversed(manager.hook.gemmadev_rules()) for rule in some]
    templates = [each for some in reversed(manager.hook.gemmadev_templates()) for each in some]
    patterns = PatternProposer(further=_compile_templates(templates))
    known = () if "patterns" in left_out else (RuleProposer(further=rules), patterns)
    writers = () if model is None or "writing" in left_out else (WriteProposer(model),)
    return (SyntaxProposer(), *known, *further), writers


def validators(manager: pluggy.PluginManager | None = None) -> tuple[Validator, ...]:
    """What other packages bring that may reject a plausible patch."""
    manager = manager or _shared_manager()
    return tuple(v for some in reversed(manager.hook.gemmadev_validators()) for v in some)


def _compile_templates(templates: Sequence[Template]) -> list[AnyPattern]:
    if not templates:
        return []
    from pytest_gemmadev.propose.templates.template_pattern import TemplatePattern

    return [TemplatePattern(template) for template in templates]


def _list_specs(manager: pluggy.PluginManager) -> str:
    specs = [model.info.spec for model in known_models(manager)]
    return f"known: {', '.join([*specs, NO_MODEL])}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
