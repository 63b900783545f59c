"""Accounts and their places: the last first, each once, whatever came before."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.accounts import MOST, Accounts

ALICE, BOB = b"alice---", b"bob-----"


def test_an_account_has_its_places_the_last_one_first() -> None:
    """Whoever is not known has none."""
    accounts = Accounts()
    for place in (5, 1, 9):
        accounts.put(ALICE, place)
    accounts.put(BOB, 1)
    assert list(accounts.places(ALICE)) == [9, 1, 5]
    assert list(accounts.places(BOB)) == [1]
    assert list(accounts.places(b"nobody--")) == []
    assert [accounts.last(each) for each in (ALICE, BOB, b"nobody--")] == [9, 1, 0]
    assert (len(accounts), repr(accounts)) == (2, "<Accounts 2, 2 places before them>")


def test_one_that_goes_back_to_a_place_has_it_once() -> None:
    """As it does who settles his place by signing in: what he had is not lost, and nobody goes round in a ring."""
    accounts = Accounts()
    for place in (1, 2, 1, 1):
        accounts.put(ALICE, place)
    assert list(accounts.places(ALICE)) == [1, 2]


def test_many_are_bounded() -> None:
    """For whom a screen is enough."""
    accounts = Accounts()
    for place in range(1, 100):
        accounts.put(ALICE, place)
    assert list(accounts.places(ALICE)) == list(range(99, 99 - MOST, -1))


@given(
    st.lists(
        st.tuples(st.sampled_from([ALICE, BOB]), st.integers(1, 2**32 - 1)), unique_by=lambda each: each[1], max_size=30
    )
)
def test_a_store_brings_back_what_was(taken: list[tuple[bytes, int]]) -> None:
    """Taken a few at a time, in the order in which they came; nothing is taken twice."""
    before, after = Accounts(), Accounts()
    for number, (account, place) in enumerate(taken):
        before.put(account, place)
        if number % 3 == 0:
            for each in before.take():
                after.recall(*each)
    for each in before.take():
        after.recall(*each)
    assert before.take() == after.take() == []
    for account in (ALICE, BOB):
        expected = [place for who, place in reversed(taken) if who == account][:MOST]
        assert list(before.places(account)) == list(after.places(account)) == expected


@pytest.mark.unmeasured
def test_a_hundred_thousand_with_four_places_each() -> None:
    """Nobody is given a place of somebody else."""
    chance, accounts = Random(7), Accounts()
    keys = [chance.randbytes(8) for _ in range(100_000)]
    for turn in range(4):
        for number, key in enumerate(keys):
            accounts.recall(key, 1 + turn * 100_000 + number)
    for number in range(0, 100_000, 97):
        assert list(accounts.places(keys[number])) == [1 + turn * 100_000 + number for turn in (3, 2, 1, 0)]
