"""The settings of a training run: one TOML file, typed, where the command line has the last word."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pytest_gemmadev.types import GemmadevError

DEFAULTS = Path(__file__).with_name("default.toml")
METHODS = ("qlora", "lora", "full")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    base: str
    method: str
    revision: str
    adapter: str


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    rank: int
    alpha: int
    dropout: float
    targets: str
    double_quantization: bool


@dataclass(frozen=True, slots=True)
class DataSettings:
    sources: tuple[str, ...]
    last: tuple[str, ...]
    kinds: tuple[str, ...]
    max_tokens: int
    limit: int
    decontaminate: tuple[str, ...]
    humaneval: bool
    execute: bool


@dataclass(frozen=True, slots=True)
class TrainSettings:
    seed: int
    max_steps: int
    epochs: float
    batch: int
    accumulation: int
    learning_rate: float
    schedule: str
    warmup: float
    weight_decay: float
    max_grad_norm: float
    packing: bool
    through: int
    longest_answer: int
    seen_words: bool
    checkpointing: bool
    save_every: int
    log_every: int
    eval_every: int
    eval_examples: int
    fit: str
    threads: int
    track: str


@dataclass(frozen=True, slots=True)
class AlignSettings:
    beta: float
    sft: float
    learning_rate: float
    max_steps: int
    batch: int
    accumulation: int
    samples: int
    temperature: float
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class OutputSettings:
    folder: str
    export: bool
    merge: bool


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one run. Their meaning stands in ``default.toml``."""

    model: ModelSettings
    adapter: AdapterSettings
    data: DataSettings
    train: TrainSettings
    align: AlignSettings
    output: OutputSettings


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """The defaults, what ``path`` replaces of them, what ``overrides`` (``a.b=value``) replace.

    Raises `GemmadevError` for a key that does not exist and for a value of the wrong type.
    """
    tables = _read(DEFAULTS)
    if path is not None:
        for section, table in _read(path).items():
            if not isinstance(table, dict):
                raise GemmadevError(f"{path}: {section} stands outside of any section")
            for key, value in table.items():
                _put(tables, section, key, value, str(path))
    for override in overrides:
        name, equals, text = override.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot):
            raise GemmadevError(f"--set {override}: write section.key=value")
        _put(tables, section, key, _value(text.strip()), f"--set {name}")
    return _checked(_typed(Config, tables, "settings"))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None
    return parse_toml(text, str(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text."""
    # pytest brings tomli where the library has no tomllib
    reader = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        tables: dict[str, Any] = reader.loads(text)
    except ValueError as error:
        raise GemmadevError(f"{where}: not TOML ({error}); correct it") from None
    return tables


def _value(text: str) -> Any:
    """A value as TOML reads it; what TOML does not read is text."""
    try:
        return parse_toml(f"value = {text}", "")["value"]
    except GemmadevError:
        return text


def _put(tables: dict[str, Any], section: str, key: str, value: Any, where: str) -> None:
    if section not in tables or key not in tables[section]:
        known = ", ".join(tables.get(section, tables))
        raise GemmadevError(f"{where}: there is no setting {section}.{key}; there are {known}")
    tables[section][key] = value


def _typed(kind: Any, tables: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass ``kind``, its fields checked against their types."""
    hints = get_type_hints(kind)
    values = {
        name: _converted(tables[name], hint, f"{where.removeprefix('settings')}.{name}".lstrip("."))
        for name, hint in hints.items()
        if name in tables
    }
    return kind(**values)


def _converted(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _typed(hint, value, where)
    if get_origin(hint) is tuple:
        if isinstance(value, str):
            value = [part for part in value.split(",") if part]
        inner = get_args(hint)[0]
        if not isinstance(value, list):
            raise GemmadevError(f"{where}: {value!r} is no list")
        return tuple(_converted(each, inner, where) for each in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise GemmadevError(f"{where}: {value!r} is no {_word(hint)}")
    return value


def _word(hint: Any) -> str:
    words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return words.get(hint, str(hint))


def _checked(config: Config) -> Config:
    positive = {
        "adapter.rank": config.adapter.rank,
        "data.max_tokens": config.data.max_tokens,
        "train.batch": config.train.batch,
        "train.accumulation": config.train.accumulation,
        "train.learning_rate": config.train.learning_rate,
        "train.save_every": config.train.save_every,
        "train.log_every": config.train.log_every,
        "align.max_steps": config.align.max_steps,
        "align.batch": config.align.batch,
        "align.accumulation": config.align.accumulation,
        "align.answer_tokens": config.align.answer_tokens,
    }
    for name, value in positive.items():
        if value <= 0:
            raise GemmadevError(f"{name}: {value} is not positive")
    if config.model.method not in METHODS:
        raise GemmadevError(
            f"model.method: {config.model.method!r} is none of {', '.join(METHODS)}"
        )
    for name, value in (
        ("train.through", config.train.through),
        ("train.longest_answer", config.train.longest_answer),
    ):
        if value < 0:
            raise GemmadevError(f"{name}: {value} is negative")
        if value and (config.train.packing or config.train.batch > 1):
            raise GemmadevError(f"{name}: needs train.packing=false and train.batch=1")
    if config.train.max_steps == 0 or config.train.epochs <= 0:
        raise GemmadevError("train.max_steps, train.epochs: nothing to do")
    return config


def to_toml(config: Config) -> str:
    """The settings as `load_config` reads them again."""
    parts = ["# The settings of this run; `--config` with this file repeats it.\n"]
    for section in ("model", "adapter", "data", "train", "align", "output"):
        parts.append(f"\n[{section}]\n")
        table = dataclasses.asdict(getattr(config, section))
        parts += [f"{key} = {_toml(value)}\n" for key, value in table.items()]
    return "".join(parts)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
