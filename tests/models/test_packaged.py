from __future__ import annotations

import hashlib
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_gemmadev.models import packaged
from pytest_gemmadev.models.packaged import GEMMA, PACKAGES, Package, join, part_paths
from pytest_gemmadev.types import GemmadevError

DATA = bytes(range(256)) * 40


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A model in three parts that lie on the import path, and an empty cache folder."""
    names = []
    for number in range(3):
        name = f"gemmadev_test_part{number}"
        part = tmp_path / "site" / name / "data" / "part.bin"
        part.parent.mkdir(parents=True)
        # Importing a part must never happen: it would raise.
        (tmp_path / "site" / name / "__init__.py").write_text("raise RuntimeError\n")
        part.write_bytes(DATA[number * 4000 : (number + 1) * 4000])
        names.append((name, "data/part.bin"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return replace(
        GEMMA,
        spec="test",
        file="test.gguf",
        sha256=hashlib.sha256(DATA).hexdigest(),
        size=len(DATA),
        parts=tuple(names),
    )


def cached(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache" / "pytest-gemmadev").iterdir()}


def test_parts_are_joined_once(package: Package, tmp_path: Path) -> None:
    path = join(package)
    assert path.read_bytes() == DATA
    assert path.parent == tmp_path / "cache" / "pytest-gemmadev"
    assert cached(tmp_path) == {"test.gguf", "test.checked.json", "test.lock"}
    before = path.stat()
    assert join(package) == path
    assert path.stat() == before
    assert "gemmadev_test_part0" not in sys.modules


def test_a_known_file_is_not_read_again(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    join(package)

    def unexpected(*_args: object) -> bool:
        raise AssertionError("hashed again")

    monkeypatch.setattr(packaged, "_is_whole", unexpected)
    assert join(package).read_bytes() == DATA


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda p: p.write_bytes(DATA[:-1]), id="truncated"),
        pytest.param(lambda p: p.write_bytes(b"x" * len(DATA)), id="other bytes, same size"),
        pytest.param(lambda p: p.unlink(), id="gone"),
        pytest.param(lambda p: os.utime(p, ns=(1, 1)), id="touched"),
    ],
)
def test_a_damaged_joined_file_is_joined_again(package: Package, damage) -> None:  # type: ignore[no-untyped-def]
    damage(join(package))
    assert join(package).read_bytes() == DATA


def test_a_joined_file_without_a_stamp_is_checked_and_kept(package: Package) -> None:
    path = join(package)
    inode = path.stat().st_ino
    path.with_suffix(".checked.json").unlink()
    shutil.rmtree(part_paths(package)[0].parent)  # type: ignore[index]
    with pytest.raises(GemmadevError, match="not installed"):
        join(package)
    assert path.stat().st_ino == inode


def test_damaged_parts_are_refused(package: Package, tmp_path: Path) -> None:
    part_paths(package)[1].write_bytes(b"short")  # type: ignore[index]
    with pytest.raises(GemmadevError, match=r"damaged.*install them again") as error:
        join(package)
    assert "\n" not in str(error.value)
    assert cached(tmp_path) == {"test.lock"}


def test_a_missing_part_says_how_to_install(package: Package) -> None:
    part_paths(package)[2].unlink()  # type: ignore[index]
    assert part_paths(package) is None
    with pytest.raises(GemmadevError, match=r"pip install 'pytest-gemmadev\[local\]'"):
        join(package)


def test_a_full_disk_is_one_clear_line(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1 << 20))
    with pytest.raises(GemmadevError, match=r"the disk is full.*XDG_CACHE_HOME"):
        join(package)
    assert cached(tmp_path) == {"test.lock"}


def test_a_cache_folder_that_is_a_file(package: Package, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(GemmadevError, match="cannot be put into"):
        join(package)


def test_several_at_once_join_once(package: Package, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: join(package), range(8)))
    assert {path.read_bytes() for path in paths} == {DATA}
    assert cached(tmp_path) == {"test.gguf", "test.checked.json", "test.lock"}


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert packaged.cache_folder() == tmp_path / ".cache" / "pytest-gemmadev"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.spec)
def test_the_shipped_packages_name_their_license_and_all_parts(package: Package) -> None:
    assert package.license
    assert len(package.sha256) == 64
    assert len(set(package.parts)) == len(package.parts) in (4, 22)
