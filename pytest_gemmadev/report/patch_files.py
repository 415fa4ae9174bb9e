"""The patch files of a repair report."""

from __future__ import annotations

import re

from pytest_gemmadev.report.wording import DONE, chosen_patches
from pytest_gemmadev.types import RepairReport


def patch_files(report: RepairReport) -> dict[str, str]:
    """Text by file name, ``0001-<slug>.patch``, of each chosen patch in the order found.

    What is only suggested is not among them: applying it has to be asked for.
    """
    chosen: dict[str, str] = {}  # the first failure by diff: two may have one repair
    for outcome in report.outcomes:
        for patch in chosen_patches(outcome) if outcome.status in DONE else ():
            if patch.diff:
                chosen.setdefault(patch.diff, outcome.nodeid)
    return {
        f"{number:04d}-{_slug(nodeid)}.patch": diff
        for number, (diff, nodeid) in enumerate(chosen.items(), start=1)
    }


def _slug(nodeid: str) -> str:
    file, _, test = nodeid.partition("::")
    name = f"{file.rpartition('/')[2].removesuffix('.py')}-{test}".lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:60].rstrip("-") or "repair"
