"""Shortest ways."""

import heapq


def fastest(graph, start, end):
    """(minutes, places on the way), or None where no way leads there."""
    queue = [(0, start, [start])]
    done = set()
    while queue:
        minutes, place, way = heapq.heappop(queue)
        if place == end:
            return minutes, way
        if place in done:
            continue
        done.add(place)
        for neighbour, further in graph.neighbours(place):
            if neighbour not in done:
                heapq.heappush(queue, (minutes + 1, neighbour, way + [neighbour]))
    return None


def reachable(graph, start, limit):
    """Places within so many minutes, in alphabetical order."""
    best = {start: 0}
    pending = [start]
    while pending:
        place = pending.pop()
        for neighbour, further in graph.neighbours(place):
            minutes = best[place] + further
            if minutes <= limit and minutes < best.get(neighbour, limit + 1):
                best[neighbour] = minutes
                pending.append(neighbour)
    return sorted(best)
