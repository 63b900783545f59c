"""After an outage renewals go a tenth faster than before it, until what had grown old is new."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sidecar.policy.recovery import HEADROOM, LONGEST_S, Pace


def _steady(pace: Pace, rate: float, until: float) -> float:
    """Ask at `rate` from 0 on; return when that ends."""
    now = 0.0
    while now < until:
        pace.asked(now)
        now += 1 / rate
    return now


def _renewals(pace: Pace, since: float, until: float) -> list[float]:
    """Renew whenever it may be, trying a thousand times a second."""
    done = []
    for tick in range(int((until - since) * 1000)):
        now = since + tick / 1000
        if pace.may(now):
            pace.asked(now)
            done.append(now)
    return done


def test_without_an_outage_nothing_is_held_back() -> None:
    """However fast it goes."""
    pace = Pace(10.0)
    assert all(pace.may(now / 1000) for now in range(100) if pace.asked(now / 1000) is None)


@pytest.mark.parametrize("rate", [2.0, 10.0, 50.0])
def test_afterwards_a_tenth_more_than_before(rate: float) -> None:
    """Counted over the last seconds before it went down, for one life of an answer."""
    pace = Pace(10.0)
    end = _steady(pace, rate, 30.0)
    for second in range(60):
        pace.down(end + second)
    back = end + 59
    done = _renewals(pace, back, back + 10)
    assert len(done) == pytest.approx(rate * HEADROOM * 10, rel=0.12, abs=2)
    assert min(later - before for before, later in pairwise(done)) >= 0.9 / (rate * HEADROOM)
    assert len(_renewals(pace, back + 10, back + 11)) == 1000, "then it is over"


def test_a_backend_that_was_hardly_asked() -> None:
    """One a second is nothing to anybody."""
    pace = Pace(3600.0)
    pace.asked(0.0)
    pace.asked(100.0)
    for second in range(200, 261):
        pace.down(float(second))
    assert len(_renewals(pace, 260.0, 270.0)) == pytest.approx(HEADROOM * 10, abs=1)


def test_a_short_outage_is_soon_forgotten() -> None:
    """Ten times as long as it lasted; never longer than five minutes."""
    pace = Pace(3600.0)
    pace.down(100.0)
    pace.down(103.0)
    pace.asked(132.9)
    assert not pace.may(132.95)
    assert pace.may(133.0)
    pace.down(500.0)
    for later in range(1000):
        pace.down(500.0 + later)
    pace.asked(1499.0 + LONGEST_S - 0.1)
    assert not pace.may(1499.0 + LONGEST_S - 0.01)
    assert pace.may(1499.0 + LONGEST_S)


def test_down_again_is_the_same_outage() -> None:
    """Where it was up for a moment only: the rate from before is still the one that counts."""
    pace = Pace(10.0)
    end = _steady(pace, 20.0, 20.0)
    pace.down(end)
    pace.asked(end + 5)
    pace.down(end + 6)
    assert len(_renewals(pace, end + 6, end + 7)) == pytest.approx(22, abs=2)
