"""Releases of packages, fetched from an index: what `training.data.releases` reads.

    python -m training.data.fetch PACKAGE… --index URL --output DIR

A folder a package. Of each series of releases (2.1.0 to 2.1.6) the first and the last final one are taken,
the newest series first: what changes within a series is corrected rather than new. Wheels rather than
source archives, for they hold no tests. What is there already is kept. Nothing is installed or run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pytest_gemmadev.types import GemmadevError
from training.extras import require
from training.output import refusals

if TYPE_CHECKING:
    import httpx

ARCHIVE_BYTES = 3 << 20  # a larger one is mostly data
_JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691
_TIMEOUT_S = 60.0
_AT_ONCE = 8


def main(argv: Sequence[str] | None = None) -> int:
    """0 when at least one release was fetched or was there; raises nothing."""
    parser = argparse.ArgumentParser(prog="python -m training.data.fetch", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("packages", nargs="+", metavar="PACKAGE")
    parser.add_argument(
        "--index", required=True, metavar="URL", help="simple index that speaks JSON"
    )
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    parser.add_argument("--count", type=int, default=24, metavar="N", help="releases of a package")
    arguments = parser.parse_args(argv)
    try:
        return _fetch(arguments)
    except GemmadevError as error:
        print(f"training.data.fetch: {error}", file=sys.stderr)
        return 1


def _fetch(arguments: argparse.Namespace) -> int:
    require("httpx")
    import httpx

    total = 0
    with (
        httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):

        def one(name: str) -> int:
            return fetch_releases(
                client, arguments.index, name, arguments.output / name, arguments.count
            )

        results = pool.map(_told(one), arguments.packages)
        for name, result in zip(arguments.packages, results, strict=True):
            print(f"{name}: {result}", flush=True)
            total += result if isinstance(result, int) else 0
    if not total:
        raise GemmadevError("no release was fetched; check --index and the names")
    print(f"{total} releases are in {arguments.output}")
    return 0


def _told(one: Any) -> Any:
    """A package that fails is told of, and the others go on."""

    def tell(name: str) -> int | str:
        try:
            return int(one(name))
        except GemmadevError as error:
            return str(error)

    return tell


def fetch_releases(client: httpx.Client, index: str, name: str, folder: Path, count: int) -> int:
    """How many releases of a package are in ``folder`` afterwards.

    Raises:
        GemmadevError: The index cannot be read, or a file does not have the digest it tells.
    """
    page = _got(client, f"{index.rstrip('/')}/{name}/", accept=_JSON)
    try:
        files = page.json()["files"]
    except (ValueError, KeyError, TypeError):
        raise GemmadevError(f"{page.url}: not an index that speaks JSON (PEP 691)") from None
    chosen = ends_of_series(releases(files), count)
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in chosen:
            path = folder / Path(str(file["filename"])).name
            if path.exists():
                continue
            content = _got(client, str(page.url.join(str(file["url"])))).content
            wanted = file.get("hashes", {}).get("sha256")
            if wanted and hashlib.sha256(content).hexdigest() != wanted:
                raise GemmadevError(f"{path.name}: not what the index tells of; try again")
            fresh = path.with_name(f".{path.name}.{os.getpid()}")
            fresh.write_bytes(content)
            os.replace(fresh, path)
    return len(chosen)


def releases(files: Iterable[Mapping[str, Any]]) -> dict[Version, Mapping[str, Any]]:
    """One file of each final release that is pure Python and small enough."""
    found: dict[Version, tuple[int, Mapping[str, Any]]] = {}
    for file in files:
        name, size = str(file.get("filename", "")), file.get("size") or 0
        version, worth = _release(name)
        if version is None or version.is_prerelease or file.get("yanked") or size > ARCHIVE_BYTES:
            continue
        if version not in found or found[version][0] < worth:
            found[version] = (worth, file)
    return {version: file for version, (_, file) in found.items()}


def ends_of_series(
    rows: Mapping[Version, Mapping[str, Any]], count: int
) -> list[Mapping[str, Any]]:
    """The first and the last release of each series that has two, ``count`` at most, the newest."""
    series: dict[tuple[int, ...], list[Version]] = {}
    for version in sorted(rows):
        series.setdefault(series_of(version), []).append(version)
    ends = [end for one in series.values() if len(one) > 1 for end in (one[0], one[-1])]
    return [rows[version] for version in ends[max(0, len(ends) - count // 2 * 2) :]]


def series_of(version: Version) -> tuple[int, int, int]:
    """What the releases of a series have in common."""
    return version.epoch, version.major, version.minor


def _release(name: str) -> tuple[Version | None, int]:
    """The version that a file's name tells, and whether the file is a wheel."""
    try:
        if name.endswith("-none-any.whl"):
            return parse_wheel_filename(name)[1], 1
        if name.endswith((".tar.gz", ".zip")):
            return parse_sdist_filename(name)[1], 0
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        pass
    return None, 0


def _got(client: httpx.Client, url: str, *, accept: str = "*/*") -> httpx.Response:
    import httpx

    try:
        answer = client.get(url, headers={"Accept": accept})
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GemmadevError(f"{url}: cannot be fetched ({error or type(error).__name__})") from None
    return answer


if __name__ == "__main__":
    sys.exit(main())
