"""Sound functions from packages, folders and archives, each with its origin and license.

Names a source in one of these ways: a folder or a file, an installed package or module
(``json``, ``more_itertools``), ``stdlib`` for the pure part of the standard library, or a wheel or
source archive (``.whl``, ``.tar.gz``). Tests and generated files are left out.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from pytest_gemmadev.prompting.prompt import BEFORE_CHARS
from pytest_gemmadev.types import GemmadevError
from training.rewrites.texts import Function, lines_of

OWN = "own"  # the license of a project that states none: the user's code is the user's
FILE_CHARS = 60_000  # a larger file takes long to ask about and is often generated
_LINES_AFTER = 12  # of the file after a function that is kept
FUNCTION_LINES = (3, 60)  # shortest and longest
FILES_PER_ARCHIVE = 400
_SKIPPED = re.compile(
    r"(^|/)(tests?|testing|idlelib|lib2to3|site-packages|_vendor|vendor|\.[^/]+|__pycache__|build"
    r"|node_modules|venv|docs?|examples?|migrations)(/|$)"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|[^/]*_pb2|turtle|antigravity|this)\.py$"
)
# Licenses under which a copy may be trained on and passed on with a notice.
_PERMISSIVE = re.compile(
    r"\b(MIT|Apache|BSD|ISC|PSF|Python Software Foundation|Unlicense|CC0|0BSD|Zlib|MIT-0|Boost)\b",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(r"\b(A?GPL|LGPL|GNU|MPL|Mozilla|EUPL|CDDL|SSPL|proprietary)", re.IGNORECASE)

_WORK = (
    ast.For,
    ast.While,
    ast.comprehension,
    ast.BinOp,
    ast.AugAssign,
    ast.Compare,
    ast.Subscript,
)
_FEWEST_WORKS = 4
_COMMON = frozenset(dir(builtins)) | sys.stdlib_module_names
# and what code takes out of these modules by name
_COMMON |= {"deque", "defaultdict", "Counter", "OrderedDict", "reduce", "lru_cache", "sqrt", "ceil"}
_COMMON |= {"floor", "gcd", "log", "inf", "heappush", "heappop", "chain", "product", "combinations"}


@dataclass(frozen=True, slots=True)
class SourceText:
    """One file of code."""

    path: str  # as a prompt names it, relative to the project or to site-packages
    text: str
    origin: str  # ``package==version``, or the folder's name
    license: str
    module: str = ""  # importable name, empty where it cannot be imported here
    root: str = ""  # folder to import it from, where that is not on the path already


@dataclass(frozen=True, slots=True)
class Sound:
    """A function of a file, with the tree it was found in."""

    source: SourceText
    node: Function
    name: str  # qualified within the module
    owner: str = ""  # the class, empty for a function of the module
    near: str = ""
    # the file with far statements blanked: the same line numbers, the same prompt, parsed faster
    starts: tuple[int, ...] = ()  # offsets at which lines of the whole file begin


def is_permissive(license_: str) -> bool:
    """Whether a license, as metadata states it, allows copies and changes without copyleft."""
    return bool(_PERMISSIVE.search(license_)) and not _COPYLEFT.search(license_)


def is_code_path(path: str) -> bool:
    """Whether a file of this name holds code to learn from, rather than tests or configuration."""
    return path.endswith(".py") and not _SKIPPED.search(path)


def plain_functions(files: Iterable[SourceText]) -> Iterator[SourceText]:
    """Each function that `is_plain` as a file of its own, with the head of its class; none can be called."""
    for source in files:
        for sound in functions_of(source):
            if not is_plain(sound.node):
                continue
            lines = source.text.split("\n")[lines_of(sound.node)[0] - 1 : sound.node.end_lineno]
            head = [f"class {sound.owner}:"] if sound.owner else []
            yield replace(
                source,
                path=source.path.rpartition("/")[2],
                text="\n".join([*head, *lines, ""]),
                origin=f"{source.origin}:{source.path}",
                module="",
            )


def is_plain(function: Function) -> bool:
    """Whether a function computes with what it is given, in loops, conditions or sums.

    It names its own variables, builtins and modules of the standard library, and nothing else.
    """
    args = function.args
    known = {one.arg for one in (*args.posonlyargs, *args.args, *args.kwonlyargs)} - {"cls"}
    known |= {one.arg for one in (args.vararg, args.kwarg) if one is not None}
    loaded: set[str] = set()
    works = 0
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    for node in nodes:
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else known).add(node.id)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            known.add(node.name)
        elif isinstance(node, ast.alias):
            known.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Global):
            return False
        works += isinstance(node, _WORK)
    return works >= _FEWEST_WORKS and loaded <= known | {function.name} | _COMMON


def sources(names: list[str]) -> Iterator[SourceText]:
    """The files of all sources, in a fixed order. An unknown name is a `GemmadevError`."""
    for name in names:
        yield from _files_of(name)


def functions_of(source: SourceText) -> list[Sound]:
    """Functions of the module and of its classes, of a length that can be asked about."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = []
    lines = source.text.split("\n")
    starts = (0, *accumulate(len(line) + 1 for line in lines))
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (member.end_lineno or 0) - member.lineno + 1
                if FUNCTION_LINES[0] <= length <= FUNCTION_LINES[1]:
                    name = f"{owner}.{member.name}" if owner else member.name
                    siblings = [*tree.body, *(members if owner else ())]
                    near = _near(lines, member, siblings, skip=node if owner else None)
                    found.append(Sound(source, member, name, owner, near, starts))
    return found


def _near(
    lines: list[str], function: Function, statements: list[ast.stmt], *, skip: ast.stmt | None
) -> str:
    """The text with what a prompt about ``function`` does not show taken out, lines left empty."""
    head = _first_line(function)
    before, from_line = 0, head
    while from_line > 1 and before <= 2 * BEFORE_CHARS:
        from_line -= 1
        before += len(lines[from_line - 1]) + 1
    to_line = (function.end_lineno or head) + _LINES_AFTER
    kept = list(lines)
    for statement in statements:
        first, last = _first_line(statement), statement.end_lineno or 0
        if statement is not skip and (last < from_line or first > to_line):
            kept[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(kept)


def _first_line(node: ast.stmt) -> int:
    return lines_of(node)[0]


def _files_of(name: str) -> Iterator[SourceText]:
    path = Path(name).expanduser()
    if name == "stdlib":
        yield from _stdlib()
    elif path.is_file() and name.endswith((".whl", ".zip", ".tar.gz", ".tgz")):
        yield from _archive(path)
    elif path.exists():
        yield from _folder(path)
    else:
        yield from _package(name)


def _stdlib() -> Iterator[SourceText]:
    root = Path(ast.__file__).parent
    version = ".".join(map(str, sys.version_info[:3]))
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root).as_posix()
        found = _read(file, relative, f"python=={version}", "PSF-2.0", _module(relative))
        if found is not None:
            yield found


def _folder(path: Path) -> Iterator[SourceText]:
    """A project of the user's own: its license is what its metadata says, else ``own``."""
    root = path if path.is_dir() else path.parent
    license_ = _project_license(root)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    for file in files:
        relative = file.relative_to(root).as_posix()
        inner = relative.removeprefix("src/")
        found = _read(file, relative, root.resolve().name, license_, _module(inner))
        if found is not None:
            start = root / "src" if inner != relative else root
            yield replace(found, root=str(start.resolve()))


def _project_license(root: Path) -> str:
    for file in ("pyproject.toml", "setup.cfg"):
        try:
            text = (root / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        match = re.search(r"^license\s*=\s*[\"'{]?\s*(?:text\s*=\s*\")?([^\"'}\n]+)", text, re.M)
        if match:
            return match.group(1).strip()
    return OWN


def _package(name: str) -> Iterator[SourceText]:
    """An installed package, by its import name or by its distribution's."""
    modules, found = [name], None
    try:
        found = distribution(name)
        top = found.read_text("top_level.txt")
        files = {str(f).split("/")[0].removesuffix(".py") for f in found.files or () if _is_py(f)}
        modules = top.split() if top else sorted(m for m in files if m.isidentifier())
    except PackageNotFoundError:
        names = packages_distributions().get(name.partition(".")[0], [])
        found = distribution(names[0]) if names else None
    if found is None and name.partition(".")[0] in sys.stdlib_module_names:
        version = ".".join(map(str, sys.version_info[:3]))
        origin, license_ = f"python=={version}", "PSF-2.0"
    elif found is not None:
        origin, license_ = f"{found.name}=={found.version}", license_of(found)
    else:
        raise GemmadevError(f"no file, folder or installed package is named {name!r}")
    for module in modules:
        yield from _module_files(module, origin, license_)


def _is_py(file: object) -> bool:
    return str(file).endswith(".py")


def _module_files(module: str, origin: str, license_: str) -> Iterator[SourceText]:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    file = Path(spec.origin)
    is_package = file.name == "__init__.py"
    root = file.parents[module.count(".") + (1 if is_package else 0)]
    for path in sorted(file.parent.rglob("*.py")) if is_package else [file]:
        relative = path.relative_to(root).as_posix()
        found = _read(path, relative, origin, license_, _module(relative))
        if found is not None:
            yield found


def license_of(found: Distribution) -> str:
    """The license that a distribution's metadata states; ``unknown`` where it states none."""
    return _license(
        _first(found, "License-Expression"),
        _first(found, "License"),
        [c for c in found.metadata.get_all("Classifier") or [] if c.startswith("License")],
    )


def _first(found: Distribution, key: str) -> str:
    return next(iter(found.metadata.get_all(key) or []), "")


def _license(expression: str, text: str, classifiers: list[str]) -> str:
    named = [c.rpartition("::")[2].strip() for c in classifiers]
    first_line = text.strip().split("\n")[0][:80]
    return expression or " AND ".join(named) or first_line or "unknown"


def _archive(path: Path) -> Iterator[SourceText]:
    """The files of a wheel or of a source archive, read in memory."""
    try:
        members = list(_members(path))
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise GemmadevError(f"{path}: not a readable archive ({error}); fetch it again") from None
    metadata = [
        t for n, t in members if n.endswith((".dist-info/METADATA", "/PKG-INFO", "PKG-INFO"))
    ]
    head = metadata[0].replace("\r\n", "\n").partition("\n\n")[0] if metadata else ""
    fields: dict[str, list[str]] = {}
    for line in head.splitlines():
        key, colon, value = line.partition(": ")
        if colon:
            fields.setdefault(key, []).append(value.strip())

    def one(key: str) -> str:
        return fields.get(key, [""])[0]

    classifiers = [c for c in fields.get("Classifier", []) if c.startswith("License")]
    license_ = _license(one("License-Expression"), one("License"), classifiers)
    origin = f"{one('Name') or path.stem}=={one('Version') or '?'}"
    for name, text in members:
        relative = name if path.suffix in (".whl", ".zip") else name.partition("/")[2]
        relative = relative.removeprefix("src/")
        if name.endswith(".py") and not _SKIPPED.search(relative) and _is_fit(text):
            yield SourceText(relative, text, origin, license_)


def _members(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of the archive's code and metadata."""

    def wanted(name: str, size: int) -> bool:
        is_code = name.endswith(".py") and size <= 2 * FILE_CHARS
        return is_code or name.endswith(("METADATA", "PKG-INFO"))

    count = 0
    if path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if wanted(info.filename, info.file_size) and count < FILES_PER_ARCHIVE:
                    count += 1
                    yield info.filename, archive.read(info).decode("utf-8", "replace")
    else:
        with tarfile.open(path) as tar:
            for member in tar:
                if wanted(member.name, member.size) and count < FILES_PER_ARCHIVE:
                    file = tar.extractfile(member)
                    if file is not None:
                        count += 1
                        yield member.name, file.read().decode("utf-8", "replace")


def _read(file: Path, relative: str, origin: str, license_: str, module: str) -> SourceText | None:
    if _SKIPPED.search(relative):
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return SourceText(relative, text, origin, license_, module) if _is_fit(text) else None


def _is_fit(text: str) -> bool:
    return 0 < len(text) <= FILE_CHARS and "def " in text and "\r" not in text and "\0" not in text


def _module(relative: str) -> str:
    return relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
