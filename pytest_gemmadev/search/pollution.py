"""Which tests have to run before another one for it to fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def find_polluters(
    before: Sequence[str], fails_after: Callable[[Sequence[str]], bool], *, most: int
) -> tuple[str, ...]:
    """The tests of ``before`` after which a test fails; empty where it does not, or after more than
    ``most`` that cannot be told apart.

    ``fails_after`` runs some of them, in their order, and then the test. Halves the tests while one
    half is enough: that takes about twice the logarithm of their number in runs. Several that only
    together make it fail are found where they lie in one half.
    """
    some = list(before)
    if not some or not fails_after(some):
        return ()
    while len(some) > 1:
        half = len(some) // 2
        # The nearest are the likeliest.
        if fails_after(some[half:]):
            some = some[half:]
        elif fails_after(some[:half]):
            some = some[:half]
        else:
            break
    return tuple(some) if len(some) <= most else ()
