"""Continuations of one prefix as a tree of tokens, so that what they share is evaluated once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

ROOT = 0


@dataclass(slots=True)
class Trie:
    """Nodes by number; node 0 stands for the prefix.

    Only nodes with children need evaluating: their next-token distribution gives the likelihood of each
    child.
    """

    parent: list[int] = field(default_factory=lambda: [-1])
    token: list[int] = field(default_factory=lambda: [-1])
    depth: list[int] = field(default_factory=lambda: [0])
    children: list[dict[int, int]] = field(default_factory=lambda: [{}])

    def add(self, tokens: Sequence[int]) -> int:
        """The node at which ``tokens`` ends."""
        node = ROOT
        for token in tokens:
            following = self.children[node].get(token)
            if following is None:
                following = len(self.parent)
                self.children[node][token] = following
                self.parent.append(node)
                self.token.append(token)
                self.depth.append(self.depth[node] + 1)
                self.children.append({})
            node = following
        return node

    def groups(self, *, sequences: int, nodes: int) -> Iterator[Group]:
        """The nodes to evaluate, in groups.

        A group has at most ``sequences`` sequences, and at most ``nodes`` nodes unless one path alone has
        more.
        """
        paths: list[list[int]] = []
        members: dict[int, None] = {}
        for path in self._inner_paths():
            fresh = [node for node in path if node not in members]
            if paths and (len(paths) == sequences or len(members) + len(fresh) > nodes):
                yield Group.of(paths)
                paths, members, fresh = [], {}, path
            paths.append(path)
            members.update(dict.fromkeys(fresh))
        yield Group.of(paths)

    def _inner_paths(self) -> Iterator[list[int]]:
        """Paths from below the root to each node whose children have none, neighbours together."""
        stack: list[tuple[int, list[int]]] = [(ROOT, [])]
        while stack:
            node, path = stack.pop()
            inner = [n for n in self.children[node].values() if self.children[n]]
            if not inner:
                yield path
            stack.extend((n, [*path, n]) for n in reversed(inner))


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes to evaluate together, parents first, each with the sequences that run through it."""

    count: int  # sequences, numbered from 0
    nodes: tuple[tuple[int, tuple[int, ...]], ...]

    @classmethod
    def of(cls, paths: Sequence[Sequence[int]]) -> Group:
        through: dict[int, list[int]] = {}
        for sequence, path in enumerate(paths):
            for node in path:
                through.setdefault(node, []).append(sequence)
        return cls(len(paths), tuple((node, tuple(seqs)) for node, seqs in through.items()))
