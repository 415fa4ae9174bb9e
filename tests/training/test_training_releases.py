"""Repairs between releases, and the releases of an index."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.version import Version

from pytest_gemmadev.types import GemmadevError
from training.data.command import main
from training.data.examples import read_examples
from training.data.fetch import ends_of_series, fetch_releases, releases
from training.data.functions import sources
from training.data.releases import release_bugs

BEFORE = '''\
def clamp(value, low, high):
    """Between the bounds."""
    if value < low:
        return low
    if value > high:
        return low
    return value


def mean(values, weight):
    whole = 0
    for value in values:
        whole += value * weight
    return whole / len(values)
'''
AFTER = BEFORE.replace("high:\n        return low", "high:\n        return high")


def wheel(folder: Path, version: str, code: str, license_: str = "MIT") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"shop-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shop/cart.py", code)
        archive.writestr(
            f"shop-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: shop\nVersion: {version}\nLicense: {license_}\n\nText\n",
        )
    return path


def changed(tmp_path: Path, old: str, new: str, versions: tuple[str, str] = ("1.2.0", "1.2.3")):
    """What a change between two releases gives: (old line, new line) each."""
    for version, code in zip(versions, (old, new), strict=True):
        wheel(tmp_path, version, code)
    return list(release_bugs(tmp_path))


def test_a_correction_between_two_releases(tmp_path: Path) -> None:
    (bug,) = changed(tmp_path, BEFORE, AFTER)
    assert bug.broken == BEFORE
    assert bug.fixed == AFTER
    assert (bug.proof, bug.license, bug.path) == ("real", "MIT", "shop/cart.py")
    assert bug.origin == "shop==1.2.3:shop/cart.py:clamp"


def test_the_newer_release_is_the_sound_one_whatever_the_files_are_called(tmp_path: Path) -> None:
    (bug,) = changed(tmp_path, BEFORE, AFTER, ("1.2.9", "1.2.10"))
    assert bug.fixed == AFTER


def test_what_else_a_release_changed_is_as_in_the_new_one(tmp_path: Path) -> None:
    new = AFTER.replace("value * weight", "weight * value")
    bugs = changed(tmp_path, BEFORE, new)
    assert [bug.fixed for bug in bugs] == [new, new]
    assert {bug.broken for bug in bugs} == {
        new.replace("high:\n        return high", "high:\n        return low"),
        new.replace("weight * value", "value * weight"),
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Between the bounds."""', '"""At most high."""'),  # nothing that runs
        ("def clamp(value, low, high)", "def clamp(value: int, low, high) -> int"),
        ("    return value", "    return  value"),
        ("    return value", "    return numpy.asarray(value)"),  # a name that is not shown
        ("    return value", "    assert low < high and sorted((low, high))"),  # another line
        ("def clamp(value, low, high)", "def clamp(value, low, high=9)"),  # another signature
        (
            "    return value",
            "    return value\n\n\ndef clamp(low):\n    return low",
        ),  # twice there
    ],
)
def test_what_is_no_correction_is_left_out(tmp_path: Path, old: str, new: str) -> None:
    assert old in AFTER
    assert changed(tmp_path, AFTER, AFTER.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("raise ValueError('not in the range')", "raise ValueError('out of the range')", 0),
        ("return xrange(value)", "return range(value)", 0),
        ("return list(value)", "return sorted(value)", 1),
    ],
    ids=["message", "older Python", "neither"],
)
def test_messages_and_older_pythons_are_no_corrections(
    tmp_path: Path, old: str, new: str, count: int
) -> None:
    texts = [AFTER.replace("return value", line) for line in (old, new)]
    assert len(changed(tmp_path, texts[0], texts[1])) == count


def test_what_a_release_does_in_many_places_is_no_correction(tmp_path: Path) -> None:
    def made(word: str) -> str:
        return "\n\n".join(
            f"def f{n}(value, other):\n    first = value.{word}(other)\n    return first"
            for n in range(3)
        )

    assert changed(tmp_path / "three", made("index"), made("find")) == []
    two = [made(word).rpartition("\n\n")[0] + "\n" for word in ("index", "find")]
    assert len(changed(tmp_path / "two", *two)) == 2


def test_between_series_a_function_may_change_in_one_place(tmp_path: Path) -> None:
    new = AFTER.replace("if value < low", "if value <= low")
    assert len(changed(tmp_path / "one", BEFORE, AFTER, ("1.2.0", "1.3.0"))) == 1
    assert changed(tmp_path / "two", BEFORE, new, ("1.2.0", "1.3.0")) == []
    assert len(changed(tmp_path / "three", BEFORE, new)) == 2


def test_code_under_another_license_is_left_out(tmp_path: Path) -> None:
    for version, code in (("1.2.0", BEFORE), ("1.2.1", AFTER)):
        wheel(tmp_path, version, code, "GPL-3.0")
    told: list[int] = []
    assert list(release_bugs(tmp_path, leaves_out=told.append)) == []
    assert len(list(release_bugs(tmp_path, any_license=True, leaves_out=told.append))) == 1
    assert told == [1, 0]


def test_metadata_may_have_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shop/cart.py", AFTER)
        text = "Name: shop\r\nVersion: 1.0\r\nLicense: MIT\r\n\r\nLicense: GPL\r\n"
        archive.writestr("shop-1.0.dist-info/METADATA", text)
    (source,) = sources([str(path)])
    assert (source.license, source.origin) == ("MIT", "shop==1.0")


@pytest.mark.slow
def test_the_last_line_counts_repairs_and_releases_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for license_ in ("MIT", "GPL-3.0"):
        (tmp_path / license_).mkdir()
        for version, code in (("1.2.0", BEFORE), ("1.2.1", AFTER)):
            wheel(tmp_path / license_, version, code, license_)
    asked = ["bugs", "--from-releases", str(tmp_path), "--kinds", "line"]
    assert main([*asked, "--output", str(tmp_path / "bugs.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "0 bugs (0 executed) and 1 that people repaired, 1 examples" in said
    assert "0 files and 1 releases left out for their license" in said


def test_an_archive_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "shop-1.2.1-py3-none-any.whl").write_bytes(b"not a wheel")
    assert len(changed(tmp_path, BEFORE, AFTER)) == 1


@pytest.mark.slow
def test_a_folder_of_packages_by_two_processes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for version, code in (("1.2.0", BEFORE), ("1.2.1", AFTER)):
            wheel(tmp_path / "all" / name, version, code)
    output = tmp_path / "bugs.jsonl"
    asked = ["bugs", "--from-releases", str(tmp_path / "all"), "--jobs", "2", "--kinds", "line"]
    assert main([*asked, "--output", str(output)]) == 0
    rows = list(read_examples(output))
    assert [(row.completion, row.rejected) for row in rows] == [
        ("        return high\n", "        return low\n")
    ] * 2


@pytest.mark.slow
def test_a_folder_without_releases_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["bugs", "--from-releases", str(tmp_path), "--output", str(tmp_path / "bugs.jsonl")]
    assert main(asked) == 1
    assert "no two archives of a package" in capsys.readouterr().err
    assert not (tmp_path / "bugs.jsonl").exists()


# --- fetching ------------------------------------------------------------------------------------


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"filename": name, "url": f"files/{name}", "size": 10, **more}


def test_releases_are_final_pure_and_small() -> None:
    rows = [
        row("shop-1.0.tar.gz"),
        row("shop-1.0-py3-none-any.whl"),
        row("shop-1.1-cp312-cp312-manylinux_2_17_x86_64.whl"),
        row("shop-1.1.tar.gz"),
        row("shop-1.2rc1.tar.gz"),
        row("shop-1.3.tar.gz", yanked="broken"),
        row("shop-1.4.tar.gz", size=1 << 30),
        row("shop-old.exe"),
    ]
    found = {str(version): file["filename"] for version, file in releases(rows).items()}
    assert found == {"1.0": "shop-1.0-py3-none-any.whl", "1.1": "shop-1.1.tar.gz"}


def test_the_ends_of_the_newest_series() -> None:
    versions = ("1.0", "1.1.0", "1.1.1", "1.1.2", "1.2.0", "1.10.0", "1.10.4")
    rows = {Version(version): row(version) for version in versions}
    assert [one["filename"] for one in ends_of_series(rows, 10)] == [
        "1.1.0",
        "1.1.2",
        "1.10.0",
        "1.10.4",
    ]
    assert [one["filename"] for one in ends_of_series(rows, 3)] == ["1.10.0", "1.10.4"]
    assert ends_of_series(rows, 1) == []


@pytest.fixture
def index() -> Callable[..., httpx.Client]:
    """A client of an index whose files hold their own names."""

    def made(digest: str | None = None, page: Any = None) -> httpx.Client:
        names = ("shop-1.0.0.tar.gz", "shop-1.0.1.tar.gz")

        def answer(request: httpx.Request) -> httpx.Response:
            name = request.url.path.rpartition("/")[2]
            if name in names:
                return httpx.Response(200, content=name.encode())
            if request.url.path != "/simple/shop/":
                return httpx.Response(404)
            files = [
                row(one, hashes={"sha256": digest or hashlib.sha256(one.encode()).hexdigest()})
                for one in names
            ]
            return httpx.Response(200, json={"files": files} if page is None else page)

        return httpx.Client(transport=httpx.MockTransport(answer))

    return made


def test_releases_are_fetched_once(index: Callable[..., httpx.Client], tmp_path: Path) -> None:
    for _ in range(2):
        assert fetch_releases(index(), "http://index/simple", "shop", tmp_path, 24) == 2
    assert (tmp_path / "shop-1.0.1.tar.gz").read_bytes() == b"shop-1.0.1.tar.gz"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "made", "reason"),
    [
        ("shop", {"digest": "0" * 64}, "not what the index tells of"),
        ("shop", {"page": ["files"]}, "not an index that speaks JSON"),
        ("other", {}, "cannot be fetched"),
    ],
)
def test_what_an_index_does_wrong_is_told(
    index: Callable[..., httpx.Client], tmp_path: Path, name: str, made: Any, reason: str
) -> None:
    with pytest.raises(GemmadevError, match=reason):
        fetch_releases(index(**made), "http://index/simple", name, tmp_path, 24)
    assert not list(tmp_path.glob("*"))
