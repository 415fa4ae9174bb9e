"""Whether a process can be given mounts of its own. Run as a file: ``namespace_probe.py FOLDER``.

The folder is an empty one to work in. The exit status is 0 where it works from one end to the other;
else the reason is printed.
"""

from __future__ import annotations

import contextlib
import os
import sys


def main(folder: str) -> None:
    """Raises where it does not work."""
    _import_package_from_here()
    from pytest_gemmadev.validate.confine import namespace, private_copies

    inner = os.path.join(folder, "inner")
    os.makedirs(os.path.join(inner, "tree"))
    namespace.enter(inner)
    place = os.path.join(folder, "probe")
    with contextlib.suppress(OSError):
        os.mkdir(place)
        raise RuntimeError("the tree can be written to")
    zones = private_copies.make_copies(inner, [os.path.join(inner, "tree"), folder], "probe")
    if len(zones) < 2:
        raise RuntimeError("no private copies")
    os.mkdir(place)


def _import_package_from_here() -> None:
    """Lets this package be imported in an interpreter that knows the standard library only."""
    folder = os.path.abspath(__file__)
    while os.path.basename(folder) != "pytest_gemmadev":
        folder = os.path.dirname(folder)
    sys.path.append(os.path.dirname(folder))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as problem:
        sys.exit(f"{type(problem).__name__}: {problem}")
