"""Which tests a run collects, and in which order it runs them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from pytest_gemmadev.validate.messages import RunRequest


class Selection:
    """A pytest plugin that collects the tests a request names, and no others."""

    def __init__(self) -> None:
        self.only: frozenset[str] | None = None  # node ids; None for all
        self._files: frozenset[Path] | None = None  # test files to collect; None for all
        self._is_whole = False  # collects all files, whatever it runs
        self._order: Sequence[str] | None = None  # node ids; None for pytest's own order
        self._twice = 0  # so many first tests run once more

    def begin(self, request: RunRequest) -> None:
        """Takes what the request names, before anything is collected."""
        only = request.get("only")
        self.only = None if only is None else frozenset(only)
        self._is_whole = request.get("is_whole", False)
        if only is not None and "trace" in request:
            self._order = only  # targets first: the time for tracing may end
            self._twice = request["traced_twice"]

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        if self.only is not None and not self._is_whole:
            files = [config.rootpath / nodeid.split("::")[0] for nodeid in self.only]
            # Other node ids, a conftest's among them: collect everything.
            if all(file.is_file() and file.name != "conftest.py" for file in files):
                self._files = frozenset(files)

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        if self._files is None or collection_path in self._files or collection_path.is_dir():
            return None
        # The package of a test is collected with it.
        return None if collection_path.name in ("__init__.py", "conftest.py") else True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        yield
        if self.only is not None:
            items[:] = [item for item in items if item.nodeid in self.only]
        if self._order is not None:
            place = {nodeid: index for index, nodeid in enumerate(self._order)}
            items.sort(key=lambda item: place[item.nodeid])
            items[:] = _with_second_runs(items, self._twice)


def _with_second_runs(items: list[pytest.Item], twice: int) -> list[pytest.Item]:
    """The first items run once more, never right after themselves: pytest would not set up anew."""
    first = items[:twice]
    if len(items) < 2:
        return items
    after = max(len(first), 2)
    return [*items[:after], *first, *items[after:]]
