"""Source distributions from the package index: fetched by pip, checked by hash, read as files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from eval.cases.case import Files
from pytest_gemmadev.models.packaged import cache_folder
from pytest_gemmadev.types import GemmadevError


def fetch(name: str, version: str, *, sha256: str | None = None) -> Path:
    """The archive of a release, downloaded once. Raises GemmadevError where the hash is another.

    Without a hash whatever the index serves is taken: for finding recipes, not for building cases.
    """
    folder = cache_folder() / "sdists"
    wanted = f"{_normal(name)}-{version}.tar.gz"
    folder.mkdir(parents=True, exist_ok=True)
    held = [path for path in folder.iterdir() if _normal(path.name) == _normal(wanted)]
    path = held[0] if held else _download(name, version, folder)
    found = digest(path)
    if sha256 is not None and found != sha256:
        raise GemmadevError(f"{path}: has the hash {found}, not {sha256}; remove it and try again")
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(archive: Path) -> Files:
    """Every regular file of the archive, by its path below the one folder at the top."""
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is None or path.is_absolute() or ".." in path.parts:
                continue
            files[PurePosixPath(*path.parts[1:]).as_posix()] = stream.read()
    return files


def _download(name: str, version: str, folder: Path) -> Path:
    """Has pip fetch the release; pip reads its metadata, which may take its build system."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as scratch:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, f"{name}=={version}"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        archives = list(Path(scratch).glob("*.tar.gz"))
        if done.returncode or len(archives) != 1:
            said = done.stderr.strip().splitlines()[-1:] or ["no .tar.gz came"]
            raise GemmadevError(f"{name} {version}: pip cannot fetch its sources: {said[0]}")
        data = archives[0].read_bytes()
        (folder / archives[0].name).write_bytes(data)
        return folder / archives[0].name


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
