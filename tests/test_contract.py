"""The names that users type and programs read: each is there, none is another.

What the names do is tested where it is done; this holds the table in one place.
"""

from __future__ import annotations

import argparse
import re
from importlib import metadata
from pathlib import Path

import pytest

from eval import run as eval_run
from eval.bench import syntax as eval_syntax
from pytest_gemmadev.doors import cli
from pytest_gemmadev.hook import command
from pytest_gemmadev.registry import NO_MODEL, known_models
from pytest_gemmadev.types import ErrorKind, Status
from training import run as training_run

ROOT = Path(__file__).parents[1]
BENCHMARK = {"--output", "--model", "--adapter", "--limit", "--seeds", "--budget"}


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The options that the parser takes, without those of its commands."""
    return {option for action in parser._actions for option in action.option_strings}


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(commands.choices)


@pytest.mark.parametrize(
    ("option", "ini"),
    [
        pytest.param("--gemmadev-fix", None, id="fix"),
        pytest.param("--gemmadev-propose", None, id="propose"),
        pytest.param("--gemmadev-model", "gemmadev_model", id="model"),
        pytest.param("--gemmadev-adapter", "gemmadev_adapter", id="adapter"),
        pytest.param("--gemmadev-budget", "gemmadev_budget", id="budget"),
        pytest.param("--gemmadev-allow", "gemmadev_allow", id="allow"),
        pytest.param("--gemmadev-deny", "gemmadev_deny", id="deny"),
        pytest.param("--gemmadev-seed", "gemmadev_seed", id="seed"),
        pytest.param("--gemmadev-jobs", "gemmadev_jobs", id="jobs"),
        pytest.param("--gemmadev-report", None, id="report"),
        pytest.param("--gemmadev-confine", "gemmadev_confine", id="confine"),
        pytest.param("--gemmadev-start", "gemmadev_start", id="start"),
        pytest.param("--gemmadev-accept", "gemmadev_accept", id="accept"),
        pytest.param("--gemmadev-ask", "gemmadev_ask", id="ask"),
    ],
)
def test_an_option_of_pytest_has_its_ini_twin(
    option: str, ini: str | None, pytestconfig: pytest.Config
) -> None:
    parser = pytestconfig._parser
    (group,) = (g for g in parser._groups if g.name == "gemmadev")
    assert option in {name for each in group.options for name in each.names()}
    twin = option.removeprefix("--").replace("-", "_")
    assert (twin in parser._inidict) is (ini is not None)
    assert ini in (twin, None)


def test_kinds_and_statuses_of_the_report() -> None:
    early = {"syntax", "indentation", "import"}
    late = {"name", "attribute", "key", "index", "type", "value", "assertion", "timeout", "other"}
    assert {kind.value for kind in ErrorKind} == early | late
    done = {"repaired", "proposed", "suggested", "test_suspect"}
    assert {s.value for s in Status} == done | {"unrepaired", "flaky", "skipped"}


def test_specs_of_models() -> None:
    specs = {re.split("[:@]", model.info.spec)[0] for model in known_models()}
    assert {"gemmadev", "gguf", "qwen-coder", "hf", "ollama", "openai"} <= specs
    assert NO_MODEL == "none"


def test_extras() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^([\w-]+) = \[", table, re.MULTILINE))
    assert {"local", "qwen-coder", "hf", "training", "dev"} <= extras


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        pytest.param("pytest11", "gemmadev", "pytest_gemmadev.plugin", id="plugin"),
        pytest.param("console_scripts", "gemmadev", "pytest_gemmadev.doors.cli:main", id="command"),
        pytest.param(
            "console_scripts", "gemmadev-repair", "precommit_hooks.gemmadev_repair:main", id="hook"
        ),
    ],
)
def test_entry_points(group: str, name: str, value: str) -> None:
    found = metadata.distribution("pytest-gemmadev").entry_points.select(group=group, name=name)
    assert [entry.value for entry in found] == [value]


def test_the_hook_is_named_for_pre_commit() -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^- id: (.+)$", text, re.MULTILINE) == ["gemmadev-repair"]
    assert "  entry: gemmadev-repair\n" in text
    assert command.main([]) == 0


def test_commands() -> None:
    assert {"fix", "undo", "apply", "chat", "models", "doctor"} <= set(
        commands_of(cli.build_parser())
    )


def test_options_of_training() -> None:
    assert {"--qlora", "--lora", "--full", "--help"} <= options_of(training_run._parser())


@pytest.mark.parametrize(
    ("parser", "options"),
    [
        pytest.param(
            commands_of(eval_run._parser())["repair"], BENCHMARK | {"--cases"}, id="repair"
        ),
        pytest.param(
            commands_of(eval_run._parser())["faulty-tests"],
            BENCHMARK | {"--cases"},
            id="faulty tests",
        ),
        pytest.param(
            commands_of(eval_run._parser())["calibration"],
            BENCHMARK | {"--cases", "--runs"},
            id="calibration",
        ),
        pytest.param(commands_of(eval_run._parser())["humaneval"], BENCHMARK, id="humaneval"),
        pytest.param(eval_syntax._parser(), BENCHMARK | {"--cases"}, id="syntax"),
    ],
)
def test_options_of_benchmarks(parser: argparse.ArgumentParser, options: set[str]) -> None:
    assert options <= options_of(parser)
