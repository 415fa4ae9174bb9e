"""Series of measurements."""


def mean(values):
    """The mean, 0.0 of nothing."""
    if not values:
        return 0.0
    return sum(values) / len(values)


def moving_mean(values, width):
    """Means of each ``width`` neighbours."""
    return [mean(values[i : i + width]) for i in range(len(values) - width + 1)]


def jumps(values, limit):
    """Positions where a value differs from the one before by more than ``limit``."""
    return [i for i in range(1, len(values)) if abs(values[i] - values[i - 1]) > limit]


def peaks(values):
    """Positions of values larger than both neighbours."""
    return [
        i for i in range(1, len(values) - 1) if values[i - 1] < values[i] > values[i + 1]
    ]
