"""Half-open intervals in minutes since midnight."""


def parse(text):
    """Minutes of ``HH:MM``."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def overlaps(first, second):
    return first[0] < second[1] and second[0] < first[1]


def free(busy, start, end):
    """The gaps between ``start`` and ``end`` that no interval of ``busy`` takes."""
    gaps = []
    at = start
    for begin, finish in sorted(busy):
        if begin > at:
            gaps.append((at, begin))
        at = min(at, finish)
    if at < end:
        gaps.append((at, end))
    return gaps
