"""``gemmadev models``: which models can be used here, and one of them for Ollama."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.hookspecs import KnownModel
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError, ModelInfo

CONTEXT = 4096  # tokens, as `models.servers.ollama` asks for
_PLAIN = "{{ .Prompt }}"
# Of a coder that was trained to fill in, with ChatML for talk: Ollama infills only where a template
# places the suffix.
_CODER = """\
{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>
{{- else }}{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}<|im_start|>user
{{ .Prompt }}<|im_end|>
<|im_start|>assistant
{{ end }}"""


def describe_model(model: KnownModel) -> Iterator[str]:
    """Lines about a model, for a person."""
    info = model.info
    yield info.spec
    yield f"    {info.name}: {model.description}"
    size = f"{info.size_bytes / 1e6:,.0f} MB" if info.size_bytes else ""
    facts = [fact for fact in (size, info.license) if fact]
    if facts:
        yield f"    {', '.join(facts)}"
    if info.sha256:
        yield f"    sha256 {info.sha256}"
    for what, path in (("", info.path), ("adapter ", info.adapter)):
        if path:
            yield f"    {what}{path}"
    if not model.available:
        yield f"    not usable here: {model.hint}"
    elif info.size_bytes and not info.path:
        yield "    usable; put together when first used"
    else:
        yield "    usable"


# --- Ollama --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """A folder that ``ollama create`` takes."""

    modelfile: Path
    name: str  # for Ollama

    @property
    def command(self) -> str:
        return f"ollama create {self.name} -f {self.modelfile}"


def export_ollama(
    spec: str, adapter: str | None, folder: Path, *, name: str = "", copy: bool = False
) -> Exported:
    """Writes a Modelfile for a local model and its adapter; where it lies.

    It names the files where they lie, or with ``copy`` copies beside it, to be carried elsewhere. Raises
    `GemmadevError` for a model that is not a file here, and where there is a Modelfile already.
    """
    info = _find_local_model(spec, adapter)
    folder.mkdir(parents=True, exist_ok=True)
    modelfile = folder / "Modelfile"
    if modelfile.exists():
        raise GemmadevError(f"{modelfile} is there already; name another folder with --output")
    paths = {what: path for what, path in (("FROM", info.path), ("ADAPTER", info.adapter)) if path}
    for what, path in paths.items():
        if copy:
            shutil.copyfile(path, folder / Path(path).name)
            paths[what] = f"./{Path(path).name}"
    modelfile.write_text(write_modelfile(info, paths), encoding="utf-8")
    default = re.sub(r"[^a-z0-9.-]+", "-", spec.rpartition("/")[2].lower()).strip("-.")
    return Exported(modelfile, name or default.removesuffix(".gguf") or "gemmadev")


def _find_local_model(spec: str, adapter: str | None) -> ModelInfo:
    model = load_model(spec, adapter=adapter, threads=None)
    if model is None:
        raise GemmadevError("the model is 'none': name one with --model")
    info = model.info
    model.close()
    if not info.path.endswith(".gguf"):
        raise GemmadevError(
            f"model {spec} is not a GGUF file on this machine; "
            "export gemmadev, qwen-coder or gguf:PATH"
        )
    return info


def write_modelfile(info: ModelInfo, paths: dict[str, str]) -> str:
    """The contents of a Modelfile. Its template matters for chats only: repairs go past it."""
    lines = [f"{what} {path}" for what, path in paths.items()]
    if not info.has_chat_template:
        lines.append(f'TEMPLATE "{_PLAIN}"')
    elif info.can_infill:
        lines.append(f'TEMPLATE """{_CODER}"""')
    lines += [
        f"PARAMETER num_ctx {min(CONTEXT, info.context_tokens or CONTEXT)}",
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",  # code repeats itself
    ]
    if info.license:
        lines.append(f'LICENSE """{info.license}"""')
    return "\n".join(lines) + "\n"
