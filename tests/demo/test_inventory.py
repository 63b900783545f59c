"""One seat belongs to one person: whatever is asked in whatever order, no seat is sold twice and none gets lost."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.demo.inventory import HOLD_S, PARTY_MAX, SEASON, House, Performance, Sorry

CARD = "4111111111111111"
SMALL = (
    Performance(1, "One", "2026-12-01T19:30:00+00:00", "Studio", 1, Decimal(10), 2, 4),
    Performance(2, "Two", "2026-12-02T19:30:00+00:00", "Studio", 1, Decimal(20), 1, 3),
    Performance(3, "Three", "2026-12-03T19:30:00+00:00", "Studio", 1, Decimal(30), 1, 3, on_sale=False),
)


class Watch:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _house(season: tuple[Performance, ...] = SMALL) -> tuple[House, Watch]:
    watch = Watch()
    return House(random.Random(3), watch, season), watch


class Counter(RuleBasedStateMachine):
    """People come, hold, give back, pay and dawdle in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.house, self.watch = _house()
        self.people: list[str] = []
        self.sold: dict[int, int] = {}

    @rule()
    def arrive(self) -> None:
        self.people.append(self.house.open_session())

    @precondition(lambda self: self.people)
    @rule(data=st.data(), number=st.sampled_from([1, 2, 3, 9]), wanted=st.integers(0, 6))
    def reserve(self, data: st.DataObject, number: int, wanted: int) -> None:
        who = data.draw(st.sampled_from(self.people))
        before = len(self.house.basket(who))
        try:
            got = self.house.reserve(who, number, wanted)
        except Sorry:
            assert number in (3, 9) or wanted < 1
            assert len(self.house.basket(who)) == before
        else:
            assert 0 <= got.count <= wanted
            assert len(self.house.basket(who)) == before + got.count
            assert bool(got.line) == bool(got.count)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(self.people))
        self.house.clear(who)
        assert self.house.basket(who) == []

    @precondition(lambda self: self.people)
    @rule(data=st.data(), card=st.sampled_from([CARD, "4000000000000000"]))
    def pay(self, data: st.DataObject, card: str) -> None:
        who = data.draw(st.sampled_from(self.people))
        held = list(self.house.basket(who))
        try:
            order = self.house.checkout(who, card)
        except Sorry:
            assert not held or card.endswith("0000")
            assert self.house.basket(who) == held
        else:
            assert list(order.seats) == held
            assert self.house.order(who, 0) == order

    @rule(wait_s=st.sampled_from([1.0, HOLD_S / 2, HOLD_S]))
    def dawdle(self, wait_s: float) -> None:
        self.watch.now_s += wait_s

    @invariant()
    def every_seat_is_in_exactly_one_hand(self) -> None:
        for evening in SMALL:
            chart = self.house.chart(evening.number)
            assert all(not (seat.holder and seat.order) for seat in chart)
            assert self.house.left(evening.number) == sum(seat.status == "free" for seat in chart)
        held = [seat.number for who in self.people for seat in self.house.basket(who)]
        sold = [seat.number for order in self.house.orders.values() for seat in order.seats]
        assert len(held + sold) == len(set(held + sold))

    @invariant()
    def what_is_sold_stays_sold(self) -> None:
        sold = {seat.number: order.number for order in self.house.orders.values() for seat in order.seats}
        assert self.sold.items() <= sold.items()
        self.sold = sold


TestCounter = Counter.TestCase
TestCounter.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_hold_that_ran_out_goes_to_the_next_person() -> None:
    """After the hold time the seats are on sale again, and the first holder cannot pay for them any more."""
    house, watch = _house()
    slow, quick = house.open_session(), house.open_session()
    assert house.reserve(slow, 2, 3).count == 3
    assert house.reserve(quick, 2, 1).count == 0
    watch.now_s = HOLD_S
    assert house.reserve(quick, 2, 3).count == 3
    assert house.checkout(quick, CARD).total == Decimal(60)
    with pytest.raises(Sorry, match="The cart is empty"):
        house.checkout(slow, CARD)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda house, _: house.reserve("nobody", 1, 1), "The session key is not valid"),
        (lambda house, who: house.reserve(who, 9, 1), "Performance 9 does not exist"),
        (lambda house, who: house.reserve(who, 3, 1), "Performance 3 is not on sale"),
        (lambda house, who: house.reserve(who, 1, PARTY_MAX + 1), "Between 1 and 20 seats"),
        (lambda house, who: house.checkout(who, CARD), "The cart is empty"),
        (lambda house, who: house.order(who, 50001), "Order 50001 was not found"),
        (lambda house, who: house.order(who, 0), "The session has no order"),
    ],
)
def test_refusals_say_what_was_wrong(ask: object, text: str) -> None:
    """Each refusal of the business has its own sentence."""
    house, _ = _house()
    who = house.open_session()
    with pytest.raises(Sorry, match=text):
        ask(house, who)  # type: ignore[operator] # the table holds lambdas


def test_an_order_of_somebody_else_is_not_found() -> None:
    """Orders are seen by the session that made them only."""
    house, _ = _house()
    one, other = house.open_session(), house.open_session()
    house.reserve(one, 1, 2)
    order = house.checkout(one, CARD)
    with pytest.raises(Sorry, match="was not found"):
        house.order(other, order.number)


def test_sessions_are_bounded_and_the_oldest_idle_one_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound, the oldest session without seats is forgotten; one that holds seats is not."""
    monkeypatch.setattr("sidecar.demo.inventory.SESSIONS_MAX", 2)
    house, _ = _house()
    holding, idle = house.open_session(), house.open_session()
    house.reserve(holding, 1, 1)
    newest = house.open_session()
    assert set(house.sessions) == {holding, newest}
    assert idle not in house.sessions
    house.reserve(newest, 1, 1)
    with pytest.raises(Sorry, match="Too many sessions"):
        house.open_session()


def test_the_season_has_an_evening_for_each_answer() -> None:
    """The shop's buttons rely on it: one not on sale, one sold out, one with three seats left."""
    house, _ = _house(SEASON)
    assert not house.performance(1203).on_sale
    assert house.left(1204) == 0
    assert house.left(1205) == 3
