"""The project's own plugin: the packaged models and any GGUF file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pytest_gemmadev.core.types import GemmadevError, Model, ModelInfo
from pytest_gemmadev.hookspecs import KnownModel, hookimpl
from pytest_gemmadev.models import _capi, packaged
from pytest_gemmadev.models._gguf import read_header
from pytest_gemmadev.models.llama import LlamaModel
from pytest_gemmadev.models.packaged import GEMMA, PACKAGES, Package

ADAPTERS = Path(__file__).parent / "adapter"  # an adapter for the default model, where one ships


@hookimpl
def gemmadev_load_model(spec: str, adapter: str | None, threads: int | None) -> Model | None:
    """The model of a packaged spec or of ``gguf:PATH``."""
    scheme, colon, rest = spec.partition(":")
    for package in PACKAGES:
        if spec == package.spec:
            return _packaged(package, adapter, threads)
    if scheme == "gguf" and colon:
        return _file(spec, rest, adapter, threads)
    return None


@hookimpl
def gemmadev_known_models() -> tuple[KnownModel, ...]:
    """The packaged models, and the scheme for files."""
    runtime = find_spec(_capi.RUNTIME) is not None
    listed = [_listed(package, runtime=runtime) for package in PACKAGES]
    file = KnownModel(
        ModelInfo(spec="gguf:PATH", name="a GGUF file of yours"),
        "any model that llama.cpp runs, given one",
        available=runtime,
        hint="" if runtime else _capi.INSTALL,
    )
    return (*listed, file)


def _packaged(package: Package, adapter: str | None, threads: int | None) -> Model:
    if packaged.part_paths(package) is None and not packaged.joined_path(package).is_file():
        raise GemmadevError(f"model {package.spec} is not installed: {package.install}")
    _capi.check_runtime()
    chosen = adapter or (_shipped_adapter() if package is GEMMA else "")
    info = _info(package, str(packaged.join(package)), _adapter_path(chosen))
    return LlamaModel(info, threads=threads)


def _file(spec: str, name: str, adapter: str | None, threads: int | None) -> Model:
    if not name:
        raise GemmadevError(f"model {spec!r}: no path given; write gguf:PATH")
    path = Path(name).expanduser().absolute()
    header = read_header(path, what=f"model gguf:{name}")
    if header.is_adapter:
        raise GemmadevError(
            f"model {spec}: is an adapter, not a model; name it with --gemmadev-adapter"
        )
    _capi.check_runtime()
    info = ModelInfo(
        spec=spec,
        name=header.text("general.name") or path.stem,
        path=str(path),
        adapter=_adapter_path(adapter or ""),
        license=header.text("general.license"),
        size_bytes=path.stat().st_size,
        context_tokens=header.context_tokens,
        has_chat_template=bool(header.text("tokenizer.chat_template")),
        # Infilling is trained, not declared: of general models only the coders' tokens mean
        # something.
        can_infill="coder" in header.text("general.name").lower(),
    )
    return LlamaModel(info, threads=threads)


def _shipped_adapter() -> str:
    found = sorted(ADAPTERS.glob("*.gguf"))
    return str(found[0]) if found else ""


def _adapter_path(adapter: str) -> str:
    """The adapter's absolute path once it is known to be one; empty for none."""
    if not adapter:
        return ""
    path = Path(adapter).expanduser().absolute()
    if path.is_dir():
        raise GemmadevError(
            f"adapter {adapter}: is a folder; convert it to GGUF, this version loads no other"
        )
    if not read_header(path, what=f"adapter {adapter}").is_adapter:
        raise GemmadevError(f"adapter {adapter}: is a GGUF file, but not a LoRA adapter")
    return str(path)


def _info(package: Package, path: str, adapter: str) -> ModelInfo:
    return ModelInfo(
        spec=package.spec,
        name=package.name,
        path=path,
        adapter=adapter,
        sha256=package.sha256,
        license=package.license,
        size_bytes=package.size,
        context_tokens=package.context_tokens,
        has_chat_template=package.has_chat_template,
        can_infill=package.can_infill,
    )


def _listed(package: Package, *, runtime: bool) -> KnownModel:
    joined = packaged.joined_path(package)
    installed = packaged.part_paths(package) is not None or joined.is_file()
    available = installed and runtime
    default = ", the default" if package is GEMMA else ""
    return KnownModel(
        _info(package, str(joined) if joined.is_file() else "", ""),
        f"packaged, 4-bit{default}",
        available=available,
        hint="" if available else package.install,
    )
