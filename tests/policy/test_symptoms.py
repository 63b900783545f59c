"""What is noticed: a shift in what calls take, and calls that do not come back."""

from __future__ import annotations

import pytest

from sidecar.policy.baseline import Spell
from sidecar.policy.symptoms import ANCHOR, LATER, SOON, Drift, Drops, Loss, Shift

VARIANCE = 0.01


def fed(drift: Drift, taken: float, calls: float, variance: float = VARIANCE) -> tuple[int, Shift | None]:
    """Tell it of so many calls, or until it notices something; return how many it took."""
    for number in range(1, int(calls) + 1):
        if shift := drift.tell("A", taken, variance):
            return number, shift
    return int(calls), None


def fed_further(drift: Drift, calls: int) -> Drift:
    fed(drift, 0.0, calls)
    return drift


def steady(calls: float = 312) -> Drift:
    drift = Drift()
    assert fed(drift, 0.0, calls)[1] is None
    return drift


def test_a_great_shift_is_noticed_within_a_small_window() -> None:
    """Half as long again shows in 24 calls, and is not sure, for it came at once."""
    calls, shift = fed(steady(), 0.4, 1000)
    assert shift is not None
    assert (calls, shift.sure) == (SOON.calls, False)
    assert shift.longer == pytest.approx(0.4)
    assert shift.was.calls == 312 >= ANCHOR
    assert shift.now.calls == SOON.calls


def test_it_goes_both_ways() -> None:
    """Calls that take less time are a shift as well."""
    _, shift = fed(steady(), -0.4, 100)
    assert shift is not None
    assert shift.longer == pytest.approx(-0.4)


def test_a_small_shift_is_noticed_within_a_large_window_and_is_sure() -> None:
    """An eighth longer does not show in 24 calls, in 168 it does."""
    calls, shift = fed(steady(), 0.12, 1000)
    assert shift is not None
    assert (calls, shift.sure) == (168, True)
    assert shift.now.calls == 168
    assert calls >= LATER.calls


@pytest.mark.parametrize("taken", [0.2, 0.25])
def test_what_is_between_the_two_bars_takes_the_large_window(taken: float) -> None:
    """A quarter longer is no sudden shift, however even the calls are: it is seen later, and surely."""
    calls, shift = fed(steady(), taken, 1000)
    assert shift is not None
    assert (calls, shift.sure) == (168, True)


def test_the_second_window_is_compared_with_the_first() -> None:
    """24 calls are mark enough for a great shift."""
    calls, shift = fed(steady(24), 5.0, 24)
    assert shift is not None
    assert (calls, shift.was.calls, shift.sure) == (24, 24, False)


def test_fewer_than_a_small_window_are_no_mark() -> None:
    """A trial may be won with sixteen calls: until there are 24, what comes is taken into the mark, however long it takes."""
    won = Spell()
    for _ in range(23):
        won.add("A", 0.0)
    drift = Drift(won)
    assert fed(drift, 5.0, 24) == (24, None)
    assert drift.was.calls == 47
    won.add("A", 0.0)
    assert fed(Drift(won), 5.0, 24)[1] is not None


@pytest.mark.parametrize(("known", "was", "since"), [(299, 323, 0), (300, 300, 24)])
def test_a_mark_of_300_calls_stays(known: int, was: int, since: int) -> None:
    """What comes after them is only compared."""
    won = Spell()
    for _ in range(known):
        won.add("A", 0.0)
    assert repr(fed_further(Drift(won), 24)) == f"<Drift against {was} calls, {since} since>"


@pytest.mark.parametrize(("taken", "variance"), [(0.24, 100.0), (0.09, VARIANCE), (1.0, 10.0)])
def test_less_than_the_least_and_less_than_chance_are_no_shift(taken: float, variance: float) -> None:
    """A shift must matter, and must be more than what calls vary by."""
    assert fed(steady(), taken, 2 * LATER.calls, variance)[1] is None


@pytest.mark.parametrize(("taken", "noticed"), [(0.48, None), (0.52, False), (0.19, None), (0.21, True)])
def test_the_evidence_is_four_errors_soon_and_three_and_a_half_later(taken: float, noticed: bool | None) -> None:
    """With this variance four errors of a small window are a half, three and a half of a large one are a fifth."""
    variance = 0.29 if taken > 0.4 else 0.297
    _, shift = fed(steady(), taken, 24 if taken > 0.4 else 168, variance)
    assert (shift and shift.sure) == noticed


def test_a_slow_leak_does_not_carry_the_mark_along() -> None:
    """What is compared with stays as it was after 300 calls, so that many small steps add up."""
    drift, taken = steady(), 0.0
    for step in range(20):
        taken = 0.02 * step
        if fed(drift, taken, 150)[1]:
            break
    assert 0.05 < taken < 0.3


def test_it_begins_with_what_is_known() -> None:
    """The calls of a trial that was won are the mark at once; they are copied, not shared."""
    won = Spell()
    for _ in range(30):
        won.add("A", 0.0)
    drift = Drift(won)
    assert repr(drift) == "<Drift against 30 calls, 0 since>"
    assert fed(drift, 0.5, 100)[0] == SOON.calls
    assert won.calls == 30


def test_nothing_is_noticed_before_there_is_a_mark() -> None:
    """The first 24 calls are compared with nothing; those of other operations never are."""
    drift = Drift()
    fed(drift, 5.0, SOON.calls)
    assert repr(fed_further(steady(), 30)) == "<Drift against 312 calls, 30 since>"
    assert repr(drift) == "<Drift against 24 calls, 0 since>"
    for _ in range(100):
        assert drift.tell("B", 9.0, VARIANCE) is None


def dropping(drops: Drops, now: float, seconds: float, most: int = 100) -> tuple[int, Loss]:
    """Drop until there is an order; return how many it took."""
    for number in range(1, most + 1):
        if (loss := drops.dropped(now, seconds)) is not Loss.NONE:
            return number, loss
    return most, Loss.NONE


def serving(drops: Drops, now: float, calls: int) -> Drops:
    for _ in range(calls):
        drops.served(now)
    return drops


def test_three_drops_and_nothing_else_are_a_silence() -> None:
    """Where nobody ever answered, the third timeout says that nobody is there."""
    drops = Drops()
    assert dropping(drops, 10.0, 8.0) == (3, Loss.ALL)
    assert dropping(drops, 20.0, 8.0) == (3, Loss.ALL), "an order begins the count anew"


@pytest.mark.parametrize(
    ("past_s", "seconds", "loss"),
    [
        (0.9, 0.002, Loss.MANY),
        (1.0, 0.002, Loss.MANY),
        (1.1, 0.002, Loss.ALL),
        (3.9, 8.0, Loss.MANY),
        (4.0, 8.0, Loss.MANY),
        (4.1, 8.0, Loss.ALL),
    ],
)
def test_a_silence_is_a_second_and_half_as_long_as_the_drops_took(past_s: float, seconds: float, loss: Loss) -> None:
    """What timed out began while others came back, so half its time is enough; an answer a moment before a refusal is a sign of life."""
    assert dropping(serving(Drops(), 100.0, 10), 100.0 + past_s, seconds) == (3, loss)


def test_a_few_among_many_are_none() -> None:
    """Of fifty good calls, a sixth drop makes more than a tenth; three are not enough there."""
    drops = serving(Drops(), 100.0, 1000)
    assert repr(drops) == "<Drops: 0.0 beside 50.0 calls>"
    assert dropping(drops, 100.0, 2.0) == (6, Loss.MANY)


def test_drops_make_good_calls_forgotten_as_well() -> None:
    """After forty good calls the third drop is a tenth: the oldest good ones weigh less by then."""
    assert dropping(serving(Drops(), 100.0, 40), 100.0, 2.0) == (3, Loss.MANY)


def test_orders_are_half_a_second_apart() -> None:
    """Refusals come in hundreds: the next order waits until the backend can have felt the last."""
    drops = serving(Drops(), 100.0, 20)
    assert dropping(drops, 100.0, 0.002)[1] is Loss.MANY
    assert dropping(drops, 100.4, 0.002)[1] is Loss.NONE
    assert drops.dropped(100.5, 0.002) is Loss.NONE
    assert drops.dropped(100.6, 0.002) is Loss.MANY


def test_one_in_a_hundred_never_is_an_order() -> None:
    """A backend that loses one call in a hundred, evenly, is left alone."""
    drops = Drops()
    for number in range(5000):
        if number % 100 == 99:
            assert drops.dropped(number * 0.01, 8.0) is Loss.NONE
        else:
            drops.served(number * 0.01)


def test_it_is_unwell_while_drops_are_fresh() -> None:
    """Two drops among fifty calls say that more at once would be reckless; good calls make them forgotten."""
    drops = serving(Drops(), 0.0, 1000)
    assert not drops.unwell
    drops.dropped(0.0, 1.0)
    assert not drops.unwell
    drops.dropped(0.0, 1.0)
    assert drops.unwell
    serving(drops, 1.0, 40)
    assert not drops.unwell
    assert not Drops().unwell


@pytest.mark.parametrize(("good", "unwell"), [(53, True), (54, False)])
def test_three_in_a_hundred_are_unwell(good: int, unwell: bool) -> None:
    """The lost ones are among the hundred: one beside 32.2 of the latest is more than three, beside 32.5 it is not."""
    drops = serving(Drops(), 0.0, good)
    drops.dropped(0.0, 1.0)
    assert drops.unwell is unwell
