import multiprocessing


def spread(numbers):
    """Largest less smallest."""
    return max(numbers) - min(numbers)


def spreads(rows):
    """The spread of each row, in two processes."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(spread, rows)
