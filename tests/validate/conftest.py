"""Oracles on small projects, ended with the module that asked for them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.validate.confine.places import Level
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Policy

_LIMITS = Limits()


@pytest.fixture(scope="module")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeProject]:
    """Writes files (a ``pytest.ini`` among them), runs their tests once."""
    oracles: list[PytestOracle] = []

    def make(
        files: Mapping[str, str],
        *,
        args: Sequence[str] = (),
        limits: Limits = _LIMITS,
        invocation_dir: str = ".",
        environ: Mapping[str, str] | None = None,
        start: str = "auto",
        level: Level | None = None,
        policy: Policy = DEFAULT_POLICY,
    ) -> Project:
        root = tmp_path_factory.mktemp("project")
        for name, text in {"pytest.ini": "[pytest]\npythonpath = .\n", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        oracle = PytestOracle(
            root,
            invocation_dir=root / invocation_dir,
            args=args,
            scope=Scope(root),
            limits=limits,
            policy=policy,
            environ=environ,
            cwd_on_path=False,
            start=start,
            level=level,
        )
        oracles.append(oracle)
        return Project(root, oracle, oracle.observe({}))

    yield make
    for oracle in oracles:
        oracle.close()
