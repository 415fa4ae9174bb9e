"""What is being done, as a line that changes on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


@dataclass(frozen=True, slots=True)
class Progress:
    """Shows messages, one in the place of another; shows nothing without a spinner."""

    spinner: Status | None = None

    def __call__(self, message: str) -> None:
        if self.spinner is None:
            return
        from rich.markup import escape

        self.spinner.update(f"gemmadev: {escape(message)}")

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leaves the terminal to somebody else meanwhile."""
        if self.spinner is None:
            yield
            return
        self.spinner.stop()
        try:
            yield
        finally:
            self.spinner.start()


@contextmanager
def spin(console: Console) -> Iterator[Progress]:
    """A spinner on the console, as long as this is open."""
    from rich.status import Status

    with Status("gemmadev", console=console) as spinner:
        yield Progress(spinner)
