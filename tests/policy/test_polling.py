"""Polling: within the bounds that browsers and presence set, drawn apart, never all at the opening, and as much as the formula says."""

from __future__ import annotations

from math import inf
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy import polling
from sidecar.policy.polling import FAR_RATE, LEAST_S, MOST_S, PART, SPREAD
from sidecar.policy.presence import WINDOWS

SECONDS = st.floats(0, 1e5)
CROWD = st.integers(0, 2_000_000)
CHANCE = st.floats(0, 1)


@given(st.none() | SECONDS, CROWD, CHANCE)
def test_who_waits_asks_within_the_clamp(eta_s: float | None, crowd: int, chance: float) -> None:
    """A fifth of what he still waits, three seconds at least, two minutes at most or what a great crowd takes, 15 % to both sides."""
    asks_s = polling.waiting_s(eta_s, crowd, chance)
    plain_s = asks_s / polling.spread(chance)
    assert LEAST_S - 1e-9 <= plain_s <= max(MOST_S, crowd / FAR_RATE) + 1e-9
    if eta_s is None:
        assert plain_s == pytest.approx(polling.most_s(crowd))
    elif LEAST_S < PART * eta_s < MOST_S:
        assert plain_s == pytest.approx(PART * eta_s)


def test_the_spread_is_even() -> None:
    """From 15 % sooner to 15 % later, on average neither."""
    assert polling.spread(0.0) == pytest.approx(1.0 - SPREAD)
    assert polling.spread(1.0) == pytest.approx(1.0 + SPREAD)
    assert polling.spread(0.5) == pytest.approx(1.0)


@given(SECONDS, SECONDS, CROWD, CHANCE)
def test_nobody_is_asked_to_stay_away_so_long_that_he_counts_as_gone(
    to_draw_s: float, between_s: float, crowd: int, chance: float
) -> None:
    """Three windows of presence are whole whenever somebody was heard of; no interval is longer than that."""
    held_s = (WINDOWS - 1) * polling.most_s(crowd)
    assert 1.0 <= polling.lobby_s(to_draw_s, to_draw_s + between_s, crowd, chance) <= held_s
    assert polling.drawn_s(between_s, to_draw_s, crowd, chance) <= held_s


def last_poll(rng: Random, begun_s: float, draw_s: float, opens_s: float, crowd: int) -> tuple[float, int]:
    """Return when somebody asks for the first time after the draw who does as he is told, and how often he has asked before."""
    now, asked = begun_s, 0
    while now < draw_s:
        now += polling.lobby_s(draw_s - now, opens_s - now, crowd, rng.random())
        asked += 1
    return now, asked


@pytest.mark.parametrize(
    ("lobby_s", "draw_s", "crowd"),
    [(1800.0, 60.0, 20_000), (600.0, 60.0, 200_000), (300.0, 100.0, 100), (3600.0, 20.0, 1)],
)
def test_the_first_poll_after_the_draw_is_spread_evenly_until_the_opening(
    lobby_s: float, draw_s: float, crowd: int
) -> None:
    """Whenever somebody has come: no tenth of the time between has less than 8 % of them or more than 12 %, and none is late."""
    rng, tenths, people = Random(7), [0] * 10, 6000
    for _ in range(people):
        began_s = rng.uniform(0.0, lobby_s - draw_s - 2.0)
        at, _ = last_poll(rng, began_s, lobby_s - draw_s, lobby_s, crowd)
        tenths[min(9, int((at - (lobby_s - draw_s)) / draw_s * 10))] += 1
        assert at <= lobby_s
    assert all(0.08 < count / people < 0.12 for count in tenths), tenths


def test_the_lobby_asks_seldom() -> None:
    """Half an hour of it is 16 polls of two minutes each, and three more to come before the draw."""
    rng = Random(8)
    asked = [last_poll(rng, 0.0, 1740.0, 1800.0, 20_000)[1] for _ in range(500)]
    assert max(asked) <= 20
    assert sum(asked) / len(asked) < 18


def test_a_draw_at_the_opening_is_no_stampede() -> None:
    """Where there is no time between, a crowd of 100 000 takes its twenty seconds."""
    rng = Random(9)
    times = sorted(last_poll(rng, rng.uniform(0.0, 500.0), 600.0, 600.0, 100_000)[0] for _ in range(4000))
    assert times[-1] - times[0] > 19.0
    assert max(sum(at <= each < at + 1.0 for each in times) for at in times[::50]) < 4000 * 0.07  # a twentieth a second


def test_who_knows_his_rank_comes_when_the_room_moves() -> None:
    """After the opening, as if he had begun to wait there; before it once in a while, if it is far."""
    assert polling.drawn_s(50.0, 600.0, 100, 0.5) == pytest.approx(50.0 + 120.0)
    assert polling.drawn_s(900.0, 600.0, 100, 0.5) == pytest.approx(120.0)


def integral(crowd: int, rate: float) -> float:
    """Return polls a second by adding up everybody."""
    return sum(1.0 / polling.waiting_s(ahead / rate if rate else inf, crowd, 0.5) for ahead in range(crowd))


@pytest.mark.parametrize("crowd", [1, 10, 1000, 20_000])
@pytest.mark.parametrize("rate", [0.05, 1.0, 50.0, 5000.0])
def test_the_formula_bounds_the_sum(crowd: int, rate: float) -> None:
    """Of all who wait, and it is no idle bound where there are many: within two times."""
    summed, bound = integral(crowd, rate), polling.bound(crowd, rate)
    assert summed <= bound * 1.001 + 1.0 / LEAST_S  # a sum and its integral differ by the first of it
    if PART * crowd > rate * LEAST_S:
        assert bound < 2.0 * summed + 1.0


def test_the_formula_where_nothing_moves() -> None:
    """Everybody asks as seldom as he may; nobody asks nothing."""
    assert polling.bound(0, 50.0) == 0.0
    assert polling.bound(1200, 0.0) == pytest.approx(10.0)
    assert polling.bound(1_000_000, 50.0) < 3700.0
