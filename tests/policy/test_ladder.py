"""Rungs in order, beside a plain sorted list."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.ladder import BLOCK, Key, Ladder


def plain(rungs: dict[Key, float], key: Key) -> tuple[int, float]:
    lower = [cost for each, cost in rungs.items() if each < key]
    return len(lower), pytest.approx(sum(lower))


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60))
def test_it_sums_as_a_sorted_list_does(steps: list[tuple[int, bool]]) -> None:
    """Whatever comes and goes, count and work before any key are what a walk over all rungs finds."""
    ladder, rungs = Ladder(), dict[Key, float]()
    for number, (tag, comes) in enumerate(steps):
        if comes or not rungs:
            key = (float(tag), 0.0, number)
            rungs[key] = 1.0 + tag
            ladder.add(key, 1.0 + tag)
        else:
            gone = sorted(rungs)[tag % len(rungs)]
            del rungs[gone]
            ladder.remove(gone)
        for at in (-1.0, tag - 0.5, tag, 30.0):
            assert ladder.before((at, 0.0, number)) == plain(rungs, (at, 0.0, number))
        assert (len(ladder), ladder.total_s) == (len(rungs), pytest.approx(sum(rungs.values())))


def test_blocks_split_and_vanish() -> None:
    """Many more rungs than fit into one block, added and taken in any order, leave nothing behind."""
    rng = random.Random(1)
    keys = [(float(rng.randrange(50)), 0.0, number) for number in range(8 * BLOCK)]
    ladder, rungs = Ladder(), dict[Key, float]()
    for key in keys:
        rungs[key] = 1.0 + key[2]
        ladder.add(key, rungs[key])
    assert max(map(len, ladder._blocks)) <= 2 * BLOCK < len(ladder)
    for at in keys[::97]:
        assert ladder.before(at) == plain(rungs, at)
    assert ladder.before((99.0, 0.0, 0)) == (len(keys), pytest.approx(ladder.total_s))
    rng.shuffle(keys)
    for key in keys[:-1]:
        ladder.remove(key)
        del rungs[key]
    assert repr(ladder) == f"<Ladder 1 rungs, {rungs[keys[-1]]:g} s>"
    ladder.remove(keys[-1])
    assert (len(ladder), ladder.total_s, ladder.before(keys[0])) == (0, 0, (0, 0))


def test_a_full_block_splits_in_half() -> None:
    """One more than twice the size of a block makes two."""
    ladder = Ladder()
    for number in range(2 * BLOCK):
        ladder.add((0.0, 0.0, number), 1.0)
    assert list(map(len, ladder._blocks)) == [2 * BLOCK]
    ladder.add((0.0, 0.0, 2 * BLOCK), 1.0)
    assert list(map(len, ladder._blocks)) == [BLOCK, BLOCK + 1]
