"""The built-in implementation of the hooks: the packaged models, any GGUF file, and servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pytest_gemmadev.hookspecs import KnownModel, hookimpl
from pytest_gemmadev.models import packaged
from pytest_gemmadev.models.llama import c_api
from pytest_gemmadev.models.llama.gguf import read_header
from pytest_gemmadev.models.llama.llama_model import LlamaModel
from pytest_gemmadev.models.llama.peft import as_gguf
from pytest_gemmadev.models.packaged import GEMMA, PACKAGES, Package
from pytest_gemmadev.types import GemmadevError, Model, ModelInfo

ADAPTERS = Path(__file__).parent / "adapter"  # an adapter for the default model, where one ships

TRANSFORMERS = ("torch", "transformers", "bitsandbytes", "peft", "accelerate", "numpy")
HF_INSTALL = "pip install 'pytest-gemmadev[hf]'"


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server, and the class that asks it."""

    spec: str  # with placeholders
    name: str
    description: str
    package: str  # that is imported to talk to it
    adapters: str  # what to do about an adapter

    @property
    def scheme(self) -> str:
        return self.spec.partition(":")[0]

    @property
    def install(self) -> str:
        return f"pip install 'pytest-gemmadev[{self.scheme}]'"


SERVERS = {
    server.scheme: server
    for server in (
        Server(
            spec="ollama:NAME[@URL]",
            name="a model that Ollama serves",
            description="OLLAMA_HOST, or this machine, where no URL is given",
            package="ollama",
            adapters="gemmadev models export-ollama makes an Ollama model of both",
        ),
        Server(
            spec="openai:MODEL@URL",
            name="a model behind an OpenAI-compatible server",
            description="llama.cpp's, vLLM's and others; OPENAI_API_KEY is sent where it is set",
            package="httpx",
            adapters="start the server with its adapter and name the model that it then serves",
        ),
    )
}


@hookimpl
def gemmadev_load_model(
    spec: str, adapter: str | None, threads: int | None, left_s: Callable[[], float]
) -> Model | None:
    """The model that a spec of ours names: a packaged one, a file, or one behind a server."""
    scheme, colon, rest = spec.partition(":")
    for package in PACKAGES:
        if spec == package.spec:
            return _load_packaged(package, adapter, threads, left_s)
    if scheme == "gguf" and colon:
        return _load_file(spec, rest, adapter, threads, left_s)
    if scheme == "hf" and colon:
        return _load_transformers(spec, adapter, left_s)
    if scheme in SERVERS and colon:
        return _load_served(spec, adapter, left_s)
    return None


@hookimpl
def gemmadev_known_models() -> tuple[KnownModel, ...]:
    """The packaged models, and a line for each scheme."""
    runtime = find_spec(c_api.RUNTIME) is not None
    listed = [_describe_package(package, runtime=runtime) for package in PACKAGES]
    file = KnownModel(
        ModelInfo(spec="gguf:PATH", name="a GGUF file of yours"),
        "any model that llama.cpp runs, given one",
        available=runtime,
        hint="" if runtime else c_api.INSTALL,
    )
    missing = _list_missing(TRANSFORMERS)
    hub = KnownModel(
        ModelInfo(spec="hf:NAME_OR_PATH", name="a model through transformers"),
        "4-bit NF4; a name on the hub, a folder, a GGUF file, or gemmadev for the packaged one",
        available=not missing,
        hint=f"no {missing}: {HF_INSTALL}" if missing else "",
    )
    return (*listed, file, hub, *map(_describe_server, SERVERS.values()))


def _load_transformers(spec: str, adapter: str | None, left_s: Callable[[], float]) -> Model:
    if missing := _list_missing(TRANSFORMERS):
        raise GemmadevError(f"model {spec} needs {missing}: {HF_INSTALL}")
    from pytest_gemmadev.models.transformers.transformers_model import TransformersModel

    return TransformersModel(spec, adapter=adapter, left_s=left_s)


def _list_missing(packages: Sequence[str]) -> str:
    return next((package for package in packages if find_spec(package) is None), "")


def _load_served(spec: str, adapter: str | None, left_s: Callable[[], float]) -> Model:
    server = SERVERS[spec.partition(":")[0]]
    if adapter:
        raise GemmadevError(f"adapter {adapter}: model {spec} cannot take one; {server.adapters}")
    if find_spec(server.package) is None:
        raise GemmadevError(f"model {spec} needs {server.package}: {server.install}")
    from pytest_gemmadev.models.servers.http import Patience

    patience = Patience(left_s)
    if server.scheme == "ollama":
        from pytest_gemmadev.models.servers.ollama import OllamaModel

        return OllamaModel(spec, patience)
    from pytest_gemmadev.models.servers.openai import OpenAIModel

    return OpenAIModel(spec, patience)


def _describe_server(server: Server) -> KnownModel:
    available = find_spec(server.package) is not None
    info = ModelInfo(spec=server.spec, name=server.name)
    hint = "" if available else server.install
    return KnownModel(info, server.description, available=available, hint=hint)


def _load_packaged(
    package: Package, adapter: str | None, threads: int | None, left_s: Callable[[], float]
) -> Model:
    if c_api.why_not_here():
        c_api.check_runtime()
    if packaged.part_paths(package) is None and not packaged.joined_path(package).is_file():
        raise GemmadevError(f"model {package.spec} is not installed: {package.install}")
    c_api.check_runtime()
    shipped = shipped_adapter() if package is GEMMA and adapter is None else ""
    chosen = adapter or shipped
    path = packaged.join(package)
    info = _package_info(package, str(path), _adapter_path(chosen, path))
    return _start(info, threads, left_s)


def _load_file(
    spec: str,
    name: str,
    adapter: str | None,
    threads: int | None,
    left_s: Callable[[], float],
) -> Model:
    if not name:
        raise GemmadevError(f"model {spec!r}: no path given; write gguf:PATH")
    path = Path(name).expanduser().absolute()
    header = read_header(path, what=f"model gguf:{name}")
    if header.is_adapter:
        raise GemmadevError(
            f"model {spec}: is an adapter, not a model; name it with --gemmadev-adapter"
        )
    c_api.check_runtime()
    info = ModelInfo(
        spec=spec,
        name=header.text("general.name") or path.stem,
        path=str(path),
        adapter=_adapter_path(adapter or "", path),
        license=header.text("general.license"),
        size_bytes=path.stat().st_size,
        context_tokens=header.context_tokens,
        has_chat_template=bool(header.text("tokenizer.chat_template")),
        # Infilling is trained, not declared: of general models only the coders' tokens mean
        # something.
        can_infill="coder" in header.text("general.name").lower(),
    )
    return _start(info, threads, left_s)


def _start(info: ModelInfo, threads: int | None, left_s: Callable[[], float]) -> Model:
    """The model, which begins to load: it does so while the failing tests are run again."""
    model = LlamaModel(info, threads=threads, left_s=left_s)
    model.prepare()
    return model


def shipped_adapter() -> str:
    """The path of the GGUF adapter for the default model that the package ships; empty for none."""
    found = sorted(ADAPTERS.glob("*.gguf"))
    return str(found[0]) if found else ""


def _adapter_path(adapter: str, base: Path) -> str:
    """The absolute path of an adapter in GGUF, once it is known to be one; empty for none."""
    if not adapter:
        return ""
    path = Path(adapter).expanduser().absolute()
    if path.is_dir():
        architecture = read_header(base, what=f"model {base}").text("general.architecture")
        cache = packaged.cache_folder()
        return str(as_gguf(path, architecture, cache, what=f"adapter {adapter}"))
    if not read_header(path, what=f"adapter {adapter}").is_adapter:
        raise GemmadevError(f"adapter {adapter}: is a GGUF file, but not a LoRA adapter")
    return str(path)


def _package_info(package: Package, path: str, adapter: str) -> ModelInfo:
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


def _describe_package(package: Package, *, runtime: bool) -> KnownModel:
    joined = packaged.joined_path(package)
    installed = packaged.part_paths(package) is not None or joined.is_file()
    available = installed and runtime
    default = ", the default" if package is GEMMA else ""
    adapter = shipped_adapter() if package is GEMMA else ""
    return KnownModel(
        _package_info(package, str(joined) if joined.is_file() else "", adapter),
        f"packaged, 4-bit{default}",
        available=available,
        hint="" if available else package.install,
    )
