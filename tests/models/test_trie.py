from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.models.llama.trie import ROOT, Trie


def build(*continuations: tuple[int, ...]) -> tuple[Trie, list[int]]:
    trie = Trie()
    return trie, [trie.add(each) for each in continuations]


def test_shared_tokens_are_one_node() -> None:
    trie, ends = build((1, 2, 3), (1, 2, 4), (1, 2, 3))
    assert ends[0] == ends[2] != ends[1]
    assert trie.parent[ends[0]] == trie.parent[ends[1]]
    assert [trie.depth[end] for end in ends] == [3, 3, 3]
    assert len(trie.parent) == 5  # the root, 1, 2, and the two last tokens


@pytest.mark.parametrize(
    ("continuations", "evaluated"),
    [
        pytest.param([(1,), (2,), (3,)], 0, id="single tokens need the prefix only"),
        pytest.param([(1, 2)], 1, id="the last token needs no evaluation"),
        pytest.param([(1, 2), (1, 3), (1, 4)], 1, id="a shared first token is evaluated once"),
        pytest.param([(1, 2), (3, 4)], 2, id="nothing shared"),
        pytest.param([(1, 2, 3), (1, 2)], 2, id="one within the other"),
    ],
)
def test_what_is_evaluated(continuations: list[tuple[int, ...]], evaluated: int) -> None:
    trie, _ = build(*continuations)
    (group,) = trie.groups(sequences=8, nodes=100)
    assert len(group.nodes) == evaluated


def test_groups_hold_their_limits() -> None:
    trie, _ = build(*((first, second, 0) for first in range(5) for second in range(4)))
    groups = list(trie.groups(sequences=3, nodes=4))
    assert all(group.count <= 3 for group in groups)
    assert all(len(group.nodes) <= 4 for group in groups)
    assert {node for group in groups for node, _ in group.nodes} == {
        node for node in range(1, len(trie.parent)) if trie.children[node]
    }


def test_a_path_longer_than_the_limit_is_a_group_by_itself() -> None:
    trie, _ = build(tuple(range(10)), (50, 51))
    sizes = [len(group.nodes) for group in trie.groups(sequences=8, nodes=4)]
    assert sizes == [9, 1]


tokens = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple)


@pytest.mark.slow
@given(st.lists(tokens, min_size=1, max_size=12), st.integers(1, 4), st.integers(1, 9))
def test_every_inner_node_comes_after_its_parent_on_its_own_sequences(
    continuations: list[tuple[int, ...]], sequences: int, nodes: int
) -> None:
    trie, ends = build(*continuations)
    evaluated = set()
    for group in trie.groups(sequences=sequences, nodes=nodes):
        through: dict[int, set[int]] = {ROOT: set(range(group.count))}
        for node, own in group.nodes:
            assert set(own) <= through[trie.parent[node]]
            through[node] = set(own)
        evaluated |= set(through)
    for end, continuation in zip(ends, continuations, strict=True):
        spelled = []
        node = end
        while node != ROOT:
            spelled.append(trie.token[node])
            node = trie.parent[node]
            assert node in evaluated
        assert tuple(reversed(spelled)) == continuation
