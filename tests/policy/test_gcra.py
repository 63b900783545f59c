"""The bound of a rate: never over it in any window, exact about when the next call may go, whatever the table forgets."""

from __future__ import annotations

import math
from itertools import pairwise, product

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.policy.gcra import MOST, Gcra

TICK_S = 1e-6


def asked(bucket: Gcra, now: float, key: str = "ada", cost: int = 1) -> bool:
    """Take where it conforms, as a policing rule does."""
    conforms = bucket.due(now, key, cost) <= now
    if conforms:
        bucket.take(now, key, cost)
    return conforms


def worst_excess(taken: list[tuple[int, int]], limit: int, period_us: int, burst: int) -> int:
    """Return by how much (in calls * period) the worst window of `taken` (microseconds, cost) goes over burst + limit * t / period."""
    worst = -burst * period_us
    for first, (start, _) in enumerate(taken):
        total = 0
        for at, cost in taken[first:]:
            total += cost
            worst = max(worst, (total - burst) * period_us - limit * (at - start))
    return worst


def test_a_burst_then_one_at_a_time() -> None:
    """Three at once, and after that one every half second."""
    bucket = Gcra(2, 1.0, 3)
    assert [asked(bucket, 10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.due(10.0, "ada") == 10.5
    assert not asked(bucket, 10.5 - TICK_S)
    assert asked(bucket, 10.5)
    assert not asked(bucket, 10.5)
    assert repr(bucket) == "<Gcra 2 in 1 s, 3 at once, 1 of 10000 keys>"


def test_a_night_gives_one_burst_and_no_more() -> None:
    """Hours of silence are worth a full burst."""
    bucket = Gcra(2, 1.0, 3)
    assert [asked(bucket, 0.0) for _ in range(3)] == [True] * 3
    assert [asked(bucket, 50_000.0) for _ in range(4)] == [True, True, True, False]


def test_keys_do_not_pay_for_each_other() -> None:
    """What one has used is there for the next."""
    bucket = Gcra(1, 1.0, 1)
    assert [asked(bucket, 0.0, key) for key in ("ada", "ada", "bob")] == [True, False, True]


def test_a_cost_is_so_many_calls_at_once() -> None:
    """Three of four, then the fourth; two more want two periods, and what is more than the burst never comes."""
    bucket = Gcra(1, 1.0, 4)
    assert asked(bucket, 0.0, cost=3)
    assert not asked(bucket, 0.0, cost=2)
    assert bucket.due(0.0, "ada", 2) == 1.0
    assert asked(bucket, 0.0, cost=1)
    assert bucket.due(0.0, "ada", 2) == 2.0
    assert bucket.due(100.0, "ada", 4) == 100.0
    assert bucket.due(100.0, "ada", 5) == math.inf


def test_who_does_not_conform_may_be_put_on_the_list() -> None:
    """Taken before their time, calls are due one after another, each after those who were there before."""
    bucket = Gcra(1, 2.0, 1)
    dues = []
    for _ in range(4):
        dues.append(bucket.due(5.0, "ada"))
        bucket.take(5.0, "ada")
    assert dues == [5.0, 7.0, 9.0, 11.0]
    assert bucket.left(5.0, "ada") == (0, 8.0)


def test_what_is_left() -> None:
    """As many as would conform now, and when it is one more."""
    bucket = Gcra(4, 2.0, 3)
    assert bucket.left(1.0, "ada") == (3, 0.5)
    bucket.take(1.0, "ada")
    assert bucket.left(1.0, "ada") == (2, 0.5)
    assert bucket.left(1.25, "ada") == (2, 0.25)
    assert bucket.left(1.5, "ada") == (3, 0.5)
    bucket.take(1.5, "ada", 3)
    assert bucket.left(1.5, "ada") == (0, 0.5)


@pytest.mark.parametrize(("limit", "period_s", "burst"), [(0, 1.0, 1), (1, 0.0, 1), (1, 4e-7, 1), (1, 1.0, 0)])
def test_a_bound_that_lets_nothing_go_is_refused(limit: int, period_s: float, burst: int) -> None:
    """Or what takes no time at all."""
    with pytest.raises(ValueError, match="lets nothing go"):
        Gcra(limit, period_s, burst)


def test_the_smallest_bound() -> None:
    """One in a microsecond is a bound, too."""
    bucket = Gcra(1, TICK_S, 1)
    assert [asked(bucket, at * TICK_S) for at in (0, 0, 1, 1, 2)] == [True, False, True, False, True]


def test_a_third_of_a_second_is_not_rounded() -> None:
    """Three a second are 180 in a minute, not one more or less, though a third is no number of microseconds."""
    bucket = Gcra(3, 1.0, 1)
    for _ in range(180):
        bucket.take(0.0, "ada")
    assert bucket.due(0.0, "ada") == 60.0


@given(
    st.integers(1, 7),
    st.integers(1, 9),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=40),
)
def test_no_window_goes_over_its_bound(limit: int, period_us: int, burst: int, steps: list[tuple[int, int]]) -> None:
    """In each window of t there are at most burst + limit * t / period calls, whatever they cost and whenever they come."""
    bucket = Gcra(limit, period_us * TICK_S, burst)
    at, taken = 0, []
    for step, cost in steps:
        at += step
        if asked(bucket, at * TICK_S, cost=cost):
            taken.append((at, cost))
    assert worst_excess(taken, limit, period_us, burst) <= 0


@given(
    st.floats(0, 1e9),
    st.integers(1, 1000),
    st.floats(1e-3, 1e5),
    st.integers(1, 50),
    st.lists(st.floats(0, 100), max_size=20),
)
def test_the_moment_that_is_named_is_the_first(
    start: float, limit: int, period_s: float, burst: int, steps: list[float]
) -> None:
    """At `due` the call conforms, and two microseconds (the float's own rounding is one) before it does not."""
    bucket, now = Gcra(limit, period_s, burst), start
    for step in steps:
        now += step
        while bucket.due(now, "ada") <= now:
            bucket.take(now, "ada")
        due = bucket.due(now, "ada")
        assert due > now
        assert bucket.due(due, "ada") == due
        if due - 2 * TICK_S > now:
            assert bucket.due(due - 2 * TICK_S, "ada") > due - 2 * TICK_S


@pytest.mark.parametrize(
    ("limit", "period", "burst"),
    [(limit, period, burst) for limit in (1, 2, 3) for period in (1, 2, 3) for burst in (1, 2)],
)
def test_every_course_of_a_small_domain_is_as_the_definition_has_it(limit: int, period: int, burst: int) -> None:
    """Each course of five calls at distances of 0 to 3 microseconds: let go exactly where no window that ends with it would go over."""
    for steps in product(range(4), repeat=5):
        bucket, at = Gcra(limit, period * TICK_S, burst), 0
        taken: list[tuple[int, int]] = []
        for step in steps:
            at += step
            fits = worst_excess([*taken, (at, 1)], limit, period, burst) <= 0
            assert asked(bucket, at * TICK_S) is fits, (steps, at)
            if fits:
                taken.append((at, 1))


def test_a_key_whose_time_has_passed_is_forgotten() -> None:
    """A table that was full is as small again as its newcomers make it; who still owes something stays."""
    bucket = Gcra(1, 1.0, 2, most=4)
    for key in "abcd":
        bucket.take(0.0, key)
    bucket.take(0.5, "a", 1)
    assert len(bucket) == 4
    bucket.take(1.0, "new")
    assert len(bucket) == 2
    assert bucket.left(1.0, "a") == (1, 1.0)
    assert bucket.left(1.0, "b") == (2, 1.0)
    assert bucket.left(1.0, "new") == (1, 1.0)


def test_who_finds_no_room_shares_one_bound_with_the_others() -> None:
    """Ten thousand names are no way around a rate: the newcomers together get what one of them would, and nobody in the table loses."""
    bucket = Gcra(1, 1.0, 2, most=3)
    for key in "abc":
        bucket.take(0.0, key, 2)
    assert [asked(bucket, 0.0, f"new{number}") for number in range(5)] == [True, True, False, False, False]
    assert len(bucket) == 3
    assert bucket.due(0.0, "new9") == 1.0
    assert bucket.due(0.0, "a") == 1.0
    assert bucket.left(0.0, "a") == (0, 1.0)


def test_who_comes_into_the_table_brings_along_what_the_others_owe() -> None:
    """His calls from before are among theirs, and nobody knows which."""
    bucket = Gcra(1, 1.0, 2, most=1)
    bucket.take(0.0, "a")
    bucket.take(0.5, "late", 2)
    assert bucket.due(1.0, "late") == 1.5
    bucket.take(1.0, "late")
    assert len(bucket) == 1
    assert bucket.due(1.0, "late") == 2.5
    assert bucket.due(1.0, "a") == 1.5, "known no more, he is one of the others"


def test_no_single_newcomer_sweeps_the_whole_table() -> None:
    """Four at a time go, among a hundred whose time has passed."""
    bucket = Gcra(1, 1.0, 1, most=100)
    for number in range(100):
        bucket.take(0.0, f"old{number}")
    bucket.take(9.0, "a")
    assert len(bucket) == 97
    bucket.take(9.0, "b")
    assert len(bucket) == 94


def test_the_table_is_bounded_by_default() -> None:
    """At ten thousand keys, and no more come in while all of them owe something."""
    bucket = Gcra(1, 1000.0, 1)
    for number in range(MOST + 10):
        bucket.take(0.0, str(number))
    assert len(bucket) == MOST


def test_another_bound_keeps_what_was_used() -> None:
    """A reload is no way to a fresh burst; the moments that were named stay where the new bound does not make them sooner."""
    bucket = Gcra(1, 1.0, 2, most=2)
    bucket.take(0.0, "ada", 2)
    bucket.take(0.0, "bob", 1)
    bucket.take(0.0, "eve", 2)
    bucket.bound(0.0, 2, 1.0, 5)
    assert bucket.left(0.0, "ada") == (1, 0.5)
    assert bucket.left(0.0, "bob") == (3, 0.5)
    assert bucket.left(0.0, "eve") == (1, 0.5)
    assert repr(bucket) == "<Gcra 2 in 1 s, 5 at once, 2 of 2 keys>"


def test_what_was_used_is_kept_to_the_third_of_a_microsecond() -> None:
    """From two in a second to three in ten: the moments stay, rounded up to what the new bound can say."""
    bucket = Gcra(2, 1.0, 4, most=1)
    bucket.take(1.0, "ada", 3)
    bucket.take(1.0, "one of the others", 1)
    bucket.bound(1.0, 3, 10.0, 4)
    assert bucket._tats["ada"] == 7_500_000
    assert bucket._others == 4_500_000
    bucket.bound(1.0, 2, 1.0, 4)
    assert (bucket._tats["ada"], bucket._others) == (5_000_000, 3_000_000)
    bucket.bound(1.0, 7, 10.0, 4)
    bucket.bound(1.0, 2, 10.0, 4)
    assert (bucket._tats["ada"], bucket._others) == (5_000_000, 3_000_000)
    bucket.take(1.0, "ada", 1)
    bucket._tats["ada"] += 1
    bucket.bound(1.0, 3, 10.0, 4)
    assert bucket._tats["ada"] == 22_500_002


def test_nobody_owes_more_than_a_burst_of_the_new_bound() -> None:
    """Who was held to one an hour and may make a hundred a second from now on waits 10 ms, not the rest of the hour."""
    bucket = Gcra(1, 3600.0, 1, most=1)
    bucket.take(5.0, "ada")
    bucket.take(5.0, "one of the others")
    bucket.bound(6.0, 100, 1.0, 3)
    for key in ("ada", "bob"):
        assert bucket.due(6.0, key) == 6.01
        assert bucket.left(6.0, key) == (0, 0.01)


def test_the_table_forgets_in_order_after_another_bound_too() -> None:
    """The heap is made anew with the table: who is due first goes first."""
    bucket = Gcra(1, 1.0, 9, most=3)
    for key, cost in (("a", 9), ("b", 1), ("c", 2)):
        bucket.take(0.0, key, cost)
    bucket.bound(0.0, 1, 1.0, 5)
    bucket.take(2.0, "new")
    assert len(bucket) == 2
    assert bucket.due(2.0, "a", 5) == 5.0
    bucket.take(5.0, "newer")
    assert len(bucket) == 1
    assert bucket.left(5.0, "a") == (5, 1.0)


class Table(RuleBasedStateMachine):
    """A small table, many keys, beside a list of everything that each was let go: no key is over its bound, forgotten or not."""

    @initialize(limit=st.integers(1, 3), period_us=st.integers(1, 5), burst=st.integers(1, 3), most=st.integers(1, 3))
    def begin(self, limit: int, period_us: int, burst: int, most: int) -> None:
        self.limit, self.period_us, self.burst, self.most = limit, period_us, burst, most
        self.bucket = Gcra(limit, period_us * TICK_S, burst, most)
        self.at = 0
        self.taken: dict[str, list[tuple[int, int]]] = {}

    @rule(key=st.sampled_from("abcdef"), cost=st.integers(1, 3))
    def call(self, key: str, cost: int) -> None:
        due = self.bucket.due(self.at * TICK_S, key, cost)
        if cost > self.burst:
            assert due == math.inf
        elif asked(self.bucket, self.at * TICK_S, key, cost):
            self.taken.setdefault(key, []).append((self.at, cost))
            assert self.bucket.left(self.at * TICK_S, key)[0] <= self.burst - cost
        else:
            assert round(due / TICK_S) > self.at

    @rule(step=st.integers(0, 30))
    def pass_time(self, step: int) -> None:
        self.at += step

    @rule()
    def sleep_over_night(self) -> None:
        self.at += 40_000_000_000

    @invariant()
    def nobody_is_over_his_bound(self) -> None:
        for taken in getattr(self, "taken", {}).values():
            assert worst_excess(taken, self.limit, self.period_us, self.burst) <= 0

    @invariant()
    def the_table_is_bounded(self) -> None:
        if hasattr(self, "bucket"):
            assert len(self.bucket) <= self.most
            assert len(self.bucket._heap) == len(self.bucket)


TestTable = Table.TestCase


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 3), st.lists(st.integers(0, 8), max_size=30))
def test_who_waits_for_his_moment_keeps_the_order_and_the_bound(
    limit: int, period_us: int, burst: int, steps: list[int]
) -> None:
    """Calls that are put on the list start in the order in which they came, and keep the bound to a microsecond, the clock's own grain."""
    bucket, at = Gcra(limit, period_us * TICK_S, burst), 0
    starts = []
    for step in steps:
        at += step
        starts.append(round(bucket.due(at * TICK_S, "ada") / TICK_S))
        bucket.take(at * TICK_S, "ada")
    assert all(before <= after for before, after in pairwise(starts))
    assert worst_excess([(start, 1) for start in starts], limit, period_us, burst) < limit
