"""The examples of packages that extend this one, as if they were installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLES = Path(__file__).parents[2] / "examples"


def install_example(name: str, folder: Path) -> dict[str, str]:
    """An environment with the example on its path, and in ``folder`` what an installer writes of it."""
    project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text("utf-8"))["project"]
    package, version = project["name"], project["version"]
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    points = "".join(f"{k} = {v}\n" for k, v in project["entry-points"]["gemmadev"].items())
    (info / "entry_points.txt").write_text(f"[gemmadev]\n{points}")
    path = [str(folder), str(EXAMPLES / name), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def run(root: Path, environ: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a module of Python in ``root``."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
