"""Which files may be edited, and which only read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import GemmadevError, Role

TREE = (
    "app.py",
    "shop/__init__.py",
    "shop/cart.py",
    "shop/contest.py",
    "shop/price list/größe.py",
    "shop/test_inline.py",
    "shop/cart_test.py",
    "shop/data.json",
    "shop/build/__init__.py",
    "shop/build/wheel.py",
    "shop/_private/rates.py",
    "tests/helpers.py",
    "tests/conftest.py",
    "src/pkg/test/fixtures.py",
    "conftest.py",
    "setup.py",
    "noxfile.py",
    "docs/conf.py",
    "docs/example.py",
    "conf.py",
    "build/lib/shop/cart.py",
    "dist/shop.py",
    ".tools/gen.py",
    ".tools/env/pyvenv.cfg",
    ".tools/env/lib/mod.py",
    ".git/hooks/hook.py",
    ".gemmadev/journal.py",
    "venv/pyvenv.cfg",
    "venv/lib/python3/site-packages/dep.py",
    "venv/bin/activate_this.py",
    "vendor/site-packages/dep.py",
    "web/node_modules/gyp/gyp.py",
    "shop/__pycache__/cart.py",
)

SOURCES = [
    "app.py",
    "conf.py",
    "docs/example.py",
    "shop/__init__.py",
    "shop/_private/rates.py",
    "shop/build/__init__.py",
    "shop/build/wheel.py",
    "shop/cart.py",
    "shop/contest.py",
    "shop/price list/größe.py",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mein Läden" / "tests"  # the name of the root itself says nothing
    for name in TREE:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    return root


def test_by_default_the_projects_own_sources(root: Path) -> None:
    assert Scope(root).editable_files() == SOURCES


def test_listing_and_roles_agree(root: Path) -> None:
    for options in ({}, {"allow": ["build/**", "shop"]}, {"deny": ["shop/**"]}):
        scope = Scope(root, **options)
        roles = {name for name in TREE if scope.role(root / name) is Role.SOURCE}
        assert roles == set(scope.editable_files())


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("shop/cart.py", Role.SOURCE),
        ("shop/not_there_yet.py", Role.SOURCE),
        ("shop/cart_test.py", Role.TEST),
        ("tests/helpers.py", Role.TEST),
        ("src/pkg/test/fixtures.py", Role.TEST),
        ("conftest.py", Role.TEST),
        ("setup.py", Role.TEST),
        ("docs/conf.py", Role.TEST),
        ("shop/data.json", Role.TEST),
        ("pyproject.toml", Role.TEST),
        ("build/lib/shop/cart.py", Role.OUTSIDE),
        (".tools/gen.py", Role.OUTSIDE),
        (".gemmadev/journal.py", Role.OUTSIDE),
        ("venv/bin/activate_this.py", Role.OUTSIDE),
        ("vendor/site-packages/dep.py", Role.OUTSIDE),
        ("web/node_modules/gyp/gyp.py", Role.OUTSIDE),
        ("../elsewhere.py", Role.OUTSIDE),
        ("..", Role.OUTSIDE),
        (".", Role.OUTSIDE),
        ("shop/../../tests2/x.py", Role.OUTSIDE),
    ],
)
def test_roles(root: Path, path: str, role: Role) -> None:
    assert Scope(root).role(os.path.join(root, path)) is role


def test_a_file_that_holds_tests_is_a_test_whatever_its_name(root: Path) -> None:
    scope = Scope(root, allow=["shop/**"], tests=[root / "shop" / "cart.py"])
    assert scope.role(root / "shop" / "cart.py") is Role.TEST
    assert scope.role(root / "shop" / "contest.py") is Role.SOURCE


@pytest.mark.parametrize(
    ("allow", "deny", "files"),
    [
        pytest.param(["shop/cart.py"], [], ["shop/cart.py"], id="one-file"),
        pytest.param(
            ["c*.py"], [], ["conf.py", "shop/cart.py", "shop/contest.py"], id="any-folder"
        ),
        pytest.param(["./c*.py"], [], ["conf.py"], id="root-only"),
        pytest.param(["shop/*.py"], ["*/contest.py"], [SOURCES[3], "shop/cart.py"], id="star"),
        pytest.param(["**/rates.py"], [], ["shop/_private/rates.py"], id="two-stars"),
        pytest.param(["shop/build"], [], SOURCES[5:7], id="folder"),
        pytest.param(["shop/build/"], [], SOURCES[5:7], id="folder-with-slash"),
        pytest.param(["gr??e.py"], [], ["shop/price list/größe.py"], id="question-marks"),
        pytest.param(["build/**"], [], ["build/lib/shop/cart.py"], id="build-output-by-name"),
        pytest.param([".tools"], [], [".tools/gen.py"], id="hidden-by-name"),
        pytest.param(["**"], [], SOURCES, id="everything-is-not-hidden-things"),
        pytest.param(["tests/**", "conftest.py", "setup.py"], [], [], id="never-tests"),
        pytest.param(["venv/**", ".git/**", "*/site-packages/*"], [], [], id="never-installed"),
        pytest.param(["shop/data.json"], [], [], id="never-other-files"),
        pytest.param(["shop/cart.py"], ["shop"], [], id="deny-wins"),
        pytest.param([], ["shop", "docs/**", "conf.py"], ["app.py"], id="deny-alone"),
        pytest.param(["shop[x]/*.py"], [], [], id="brackets-are-characters"),
        pytest.param(["Shop/cart.py"], [], [], id="case-matters"),
    ],
)
def test_globs(root: Path, allow: Iterable[str], deny: Iterable[str], files: list[str]) -> None:
    assert Scope(root, allow=allow, deny=deny).editable_files() == files


def test_an_absolute_glob_counts_from_the_root(root: Path) -> None:
    real = os.path.realpath(root)
    assert Scope(root, allow=[f"{real}/c*.py"]).editable_files() == ["conf.py"]
    assert Scope(root, allow=["/etc/*.py"]).editable_files() == []


def test_relative_paths_use_forward_slashes_and_outside_ones_stay_absolute(root: Path) -> None:
    scope = Scope(root)
    assert scope.relative(root / "shop" / "cart.py") == "shop/cart.py"
    assert scope.relative("shop/cart.py") == "shop/cart.py"
    assert scope.relative(root.parent / "x.py") == os.path.realpath(root.parent / "x.py")
    assert scope.relative(str(root) + "2/x.py") == os.path.realpath(str(root) + "2/x.py")


def test_links_are_known_by_where_they_lead(root: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "secret.py").write_text("x = 1\n", encoding="utf-8")
    (root / "leaves.py").symlink_to(away / "secret.py")
    (root / "linked").symlink_to(away, target_is_directory=True)
    (root / "alias.py").symlink_to(root / "shop" / "cart.py")
    (root / "innocent.py").symlink_to(root / "tests" / "helpers.py")
    (root / "loop").symlink_to(root, target_is_directory=True)
    scope = Scope(root)
    assert scope.editable_files() == SOURCES
    assert scope.role(root / "leaves.py") is Role.OUTSIDE
    assert scope.role(root / "linked" / "secret.py") is Role.OUTSIDE
    assert scope.role(root / "alias.py") is Role.SOURCE
    assert scope.relative(root / "alias.py") == "shop/cart.py"
    assert scope.role(root / "innocent.py") is Role.TEST
    assert scope.relative(root / "loop" / "app.py") == "app.py"
    for path in ("leaves.py", "linked/secret.py"):
        with pytest.raises(GemmadevError, match="not a file of the project"):
            scope.read(path)


def test_a_root_behind_a_link_is_the_same_root(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    for scope in (Scope(root), Scope(link)):
        assert scope.role(link / "app.py") is Role.SOURCE
        assert scope.relative(root / "app.py") == scope.relative(link / "app.py") == "app.py"


def test_read_gives_the_bytes_as_they_are(root: Path) -> None:
    (root / "app.py").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    scope = Scope(root)
    assert scope.read("app.py") == b"\xef\xbb\xbfx = 1\r\n"
    assert scope.read("tests/helpers.py") == b"x = 1\n"


def test_what_cannot_be_read_is_one_line(root: Path) -> None:
    scope = Scope(root)
    with pytest.raises(GemmadevError, match=r"^gone\.py cannot be read: "):
        scope.read("gone.py")
    os.mkfifo(root / "pipe.py")
    with pytest.raises(GemmadevError, match=r"^pipe\.py cannot be read: it is not a regular file$"):
        scope.read("pipe.py")
    assert "pipe.py" not in scope.editable_files()


def test_an_unreadable_folder_is_passed_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("shop"):
            raise PermissionError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert Scope(root).editable_files() == SOURCES[:3]
