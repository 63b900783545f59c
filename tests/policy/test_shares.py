"""Shares of a limit, as slots."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from sidecar.policy.queue import QueueRule
from sidecar.policy.shares import AWAKE_S, Shares
from sidecar.policy.tiers import Tier


def shares(limit: int, *tiers: Tier, **rule: object) -> Shares:
    made = Shares()
    made.bound(QueueRule(100, 5.0, **rule))
    made.resize(limit, tiers)
    return made


def tier(name: str, reserve: float, in_flight: int = 0) -> Tier:
    made = Tier(name)
    made.reserve, made.in_flight = reserve, in_flight
    return made


def test_shares_are_rounded_down_and_are_one_slot_at_least() -> None:
    """Half of five is two, a tenth of five one; a line's tenth of a hundred is ten."""
    here = shares(5, client_share=0.5, bulkheads={"Report*": 0.1})
    assert (here.client_cap, here.cap_of("Report*"), here.cap_of("other"), here.client_most) == (2, 1, None, 10)
    assert shares(1, per_client=0.001).client_most == 1
    assert repr(here) == "<Shares of 5: 2 a client, Report* 0/1>"


def test_a_bulkhead_closes_when_it_is_full_and_opens_when_one_ends() -> None:
    """What no rule names is counted by nobody, and is always open."""
    here = shares(8, bulkheads={"Report*": 0.25})
    here.take("Report*")
    assert here.open("Report*")
    here.take("Report*")
    assert not here.open("Report*")
    assert here.held_by("Report*") == 2
    here.give("Report*")
    assert here.open("Report*")
    for _ in range(9):
        here.take("other")
        here.take("")
    assert (here.open("other"), here.open(""), here.held_by("")) == (True, True, 0)
    here.give("other")
    assert here.held_by("other") == 8


def test_another_limit_closes_and_opens() -> None:
    """A cut limit closes a bulkhead that holds more than its share now; nobody is sent away for it."""
    here = shares(8, bulkheads={"Report*": 0.25})
    here.take("Report*")
    here.take("Report*")
    here.take("Report*")
    assert here.resize(4, ()) is True
    assert here.resize(4, ()) is False
    here.give("Report*")
    assert not here.open("Report*"), "two are held, one is its share"
    here.give("Report*")
    assert not here.open("Report*")
    here.give("Report*")
    assert here.open("Report*")
    here.take("Report*")
    assert here.resize(12, ()) is True
    assert here.open("Report*")


def test_a_reserve_is_kept_while_its_class_lives() -> None:
    """Others take what is left beside it; it is lent out once its class has asked for nothing for a while, and not while it waits."""
    vital, other = tier("vital", 0.25), tier("other", 0.0)
    here = shares(8, vital, other)
    assert (vital.reserved, other.reserved) == (2, 0)
    assert repr(here) == "<Shares of 8: 4 a client, 2 kept for vital>"
    assert here.may(other, 1), "nobody has asked for it yet"
    here.asked(100.0, vital)
    here.asked(100.0, other)
    assert not other.awake
    assert [here.may(other, free) for free in (1, 2, 3)] == [False, False, True]
    assert [here.may(vital, free) for free in (0, 1)] == [False, True]
    vital.in_flight = 1
    assert [here.may(other, free) for free in (1, 2)] == [False, True]
    vital.in_flight = 2
    assert [here.may(other, free) for free in (0, 1)] == [False, True]
    assert [here.may(vital, free) for free in (0, 1)] == [False, True]
    vital.in_flight = 0
    here.doze(100.0 + AWAKE_S)
    assert not here.may(other, 2)
    vital.order[object()] = None
    here.doze(100.1 + AWAKE_S)
    assert vital.awake
    vital.order.clear()
    here.doze(100.1 + AWAKE_S)
    assert here.may(other, 1)


def test_who_is_named_first_gets_his_reserve_first() -> None:
    """Reserves that are more than there is leave one slot to everybody, and are at least a slot each while there are any."""
    first, second, third = tier("first", 0.5), tier("second", 0.9), tier("third", 0.1)
    here = shares(4, first, second, third)
    assert (first.reserved, second.reserved, third.reserved) == (2, 1, 0)
    here.resize(1, (first, second, third))
    assert (first.reserved, second.reserved, third.reserved) == (0, 0, 0)
    here.resize(30, (third, first, second))
    assert (third.reserved, first.reserved, second.reserved) == (3, 15, 11)
    small = tier("small", 0.01)
    here.resize(5, (small,))
    assert small.reserved == 1


def test_two_reserves_do_not_lock_each_other_out() -> None:
    """With one slot free and both below their reserve, either may take it."""
    one, two = tier("one", 0.25), tier("two", 0.25)
    here = shares(4, one, two)
    here.asked(0.0, one)
    here.asked(0.0, two)
    assert here.may(one, 1)
    assert here.may(two, 1)


@given(st.integers(1, 40), st.lists(st.floats(0, 1), max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_an_idle_backend_is_open_to_everybody(limit: int, reserves: list[float], awake: list[bool]) -> None:
    """Whatever is kept, with nothing in flight every class may start a call: nobody waits for an event that never comes."""
    tiers = [tier(str(number), reserve) for number, reserve in enumerate(reserves)]
    here = shares(limit, *tiers)
    for each, lives in zip(tiers, awake, strict=False):
        if lives:
            here.asked(0.0, each)
    assert all(here.may(each, limit) for each in [*tiers, tier("new", 0.0)])
    assert sum(each.reserved for each in tiers) <= limit - 1
