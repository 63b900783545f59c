"""The ledger of held bytes: never more than its limit, never more for one backend than its share, nothing left behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.buffers import EVERYBODY, Buffers


def test_limit_and_share() -> None:
    """One backend gets its share, all together get the limit, and what does not fit books nothing."""
    memory = Buffers(100, 0.5)
    one, other, third = memory.account("a"), memory.account("b"), memory.account("a")
    assert one.take(30)
    assert third.take(20)
    assert not one.take(1), "the share of a is used up"
    assert other.take(50)
    assert not memory.account(EVERYBODY).take(1), "the whole is used up"
    assert (memory.held_bytes, memory.held_for("a"), memory.held_for("b"), memory.peak_bytes) == (100, 50, 50, 100)
    one.close()
    one.close()
    assert memory.held_for("a") == 20
    assert memory.account(EVERYBODY).take(30), "who belongs to no backend has no share"


def test_give() -> None:
    """Giving back in part is bounded by what is held."""
    memory = Buffers(100, 1.0)
    account = memory.account("a")
    account.take(10)
    account.give(4)
    assert memory.held_bytes == 6
    account.give(99)
    assert (memory.held_bytes, memory.held_for("a"), account.size_bytes) == (0, 0, 0)
    account.give(1)
    assert memory.held_bytes == 0


def test_nothing_costs_nothing() -> None:
    """Zero bytes are always taken, even where nothing fits."""
    memory = Buffers(0, 1.0)
    assert memory.account("a").take(0)
    assert not memory.account("a").take(1)


def test_shared_account() -> None:
    """An account with two holders is freed by the last; then it takes nothing any more."""
    memory = Buffers(100, 1.0)
    caller = memory.account("a")
    flight = caller.share()
    caller.take(10)
    caller.close()
    assert memory.held_bytes == 10
    assert flight.take(5), "the flight goes on"
    flight.close()
    assert memory.held_bytes == 0
    assert not caller.take(1)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_holder_who_closes_twice_counts_once(late: int) -> None:
    """Whoever of three closes again and again gives back only his own hold: nothing is free before the last has closed."""
    memory = Buffers(100, 1.0)
    first = memory.account("a")
    second = first.share()
    holders = [first, second, second.share()]
    assert first.take(10)
    last = holders.pop(late)
    for holder in holders:
        holder.close()
        holder.close()
    assert memory.held_bytes == 10
    assert last.take(5), "the last one goes on"
    last.give(1)
    assert memory.held_bytes == 14
    last.close()
    last.close()
    assert memory.held_bytes == 0
    assert not last.take(1)


def test_resize_clamps() -> None:
    """A smaller limit breaks nobody who holds something, and lets nobody in until it is met."""
    memory = Buffers(100, 0.5)
    account = memory.account("a")
    account.take(50)
    memory.resize(40, 0.5)
    assert memory.held_bytes == 50
    assert not memory.account("b").take(1)
    account.give(40)
    assert memory.account("b").take(20)


def test_repr() -> None:
    """Both say what a person wants to know."""
    memory = Buffers(100, 0.5)
    account = memory.account("a")
    account.take(7)
    assert repr(memory) == "<Buffers 7 of 100 bytes, 1 backends>"
    assert repr(account) == "<Booking 7 bytes for a>"
    other = account.share()
    account.close()
    assert repr(other) == "<Share of <Booking 7 bytes for a>>"
    other.close()
    assert repr(other) == "<Share of <Booking 0 bytes for a, closed>, closed>"
    assert repr(account) == "<Booking 0 bytes for a, closed>"
    assert repr(memory.account(EVERYBODY)) == "<Booking 0 bytes for everybody>"


@given(
    st.lists(st.tuples(st.sampled_from(["take", "give", "close"]), st.integers(0, 3), st.integers(0, 80)), max_size=60)
)
def test_sums(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is taken and given, the sums are those of the accounts, and no bound is passed."""
    memory = Buffers(100, 0.6)
    names = ["a", "a", "b", EVERYBODY]
    accounts = [memory.account(name) for name in names]
    for verb, who, size in steps:
        if verb == "take":
            accounts[who].take(size)
        elif verb == "give":
            accounts[who].give(size)
        else:
            accounts[who].close()
        assert memory.held_bytes == sum(account.size_bytes for account in accounts) <= 100
        assert memory.held_for("a") == accounts[0].size_bytes + accounts[1].size_bytes <= 60
        assert memory.held_for("b") == accounts[2].size_bytes <= 60
    for account in accounts:
        account.close()
    assert (memory.held_bytes, memory.held_for("a"), memory.held_for("b")) == (0, 0, 0)
