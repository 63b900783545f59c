"""Who was let go with a place, and whether he comes back."""

from __future__ import annotations

import pytest

from sidecar.model import Place, Seat
from sidecar.policy.away import Away
from sidecar.policy.eta import Told
from sidecar.policy.tiers import Client, Flow, Tier, Waiting


def gone(tier: Tier, name: str, tag: float, cost_s: float = 2.0) -> Waiting:
    seat = Seat("t", name, "Op", "browse", 1e9)
    return Waiting(seat, 9.0, 9.0, 1.0, Flow(Client(name), tier), (tag, 1.0, int(tag * 10)), cost_s, 9.0)


def test_who_is_expected_is_counted_until_he_is_back() -> None:
    """By where he stands and by when he is due, the fewer of either; once he has come he is counted no more, and the share rises."""
    away, tier = Away(), Tier("browse")
    assert not away
    away.let_go(gone(tier, "a", 1.0), None, 10.0, 20.0, 9)
    away.let_go(gone(tier, "b", 2.0, 3.0), None, 5.0, 20.0, 9)
    assert (len(away), bool(away)) == (2, True)
    assert away.before(tier, (9.0, 0.0, 0), 99.0) == (2, 5.0)
    assert away.before(tier, (9.0, 0.0, 0), 7.0) == (1, 3.0)
    assert away.before(tier, (1.5, 0.0, 0), 99.0) == (1, 2.0)
    assert away.before(tier, (1.5, 0.0, 0), 1.0) == (0, 0.0)
    away.back(tier, "a", Place(1.0, 0.0))
    away.back(tier, "a", Place(1.0, 0.0))
    away.back(tier, "b", Place(3.0, 0.0))
    away.back(tier, "b", Place(None, 0.0))
    assert len(away) == 1
    assert away.before(tier, (9.0, 0.0, 0), 99.0) == (1, 3.0)
    assert away.returning == pytest.approx(0.525)
    assert repr(away) == "<Away 1, of whom 52% come back>"


def test_who_comes_back_is_told_of_the_same_wait() -> None:
    """What he was told when he went is remembered as long as he is expected."""
    away, tier, told = Away(), Tier("browse"), Told()
    away.let_go(gone(tier, "a", 1.0), told, 10.0, 20.0, 9)
    assert away.back(tier, "b", Place(1.0, 0.0)) is None
    assert away.back(tier, "a", Place(None, 0.0)) is None
    assert away.back(tier, "a", Place(1.0, 0.0)) is told
    assert away.back(tier, "a", Place(1.0, 0.0)) is None


def test_who_is_overdue_is_not_expected_any_more() -> None:
    """From that moment on nobody reckons with him, and with others less."""
    away, tier = Away(), Tier("browse")
    away.let_go(gone(tier, "a", 1.0), None, 1.0, 20.0, 9)
    away.let_go(gone(tier, "b", 2.0), None, 1.0, 30.0, 9)
    away.lapse(19.9)
    assert (len(away), away.returning) == (2, 0.5)
    away.lapse(20.0)
    assert (len(away), away.returning) == (1, pytest.approx(0.475))
    away.lapse(1e6)
    assert (len(away), len(tier.away), len(tier.due)) == (0, 0, 0)
    away.lapse(2e6)


def test_the_table_is_bounded() -> None:
    """The first is forgotten for one too many, one who is in it already is not counted twice, and where there is no room nobody is."""
    away, tier = Away(), Tier("browse")
    for tag in (1.0, 2.0, 2.0, 3.0):
        away.let_go(gone(tier, "a", tag), None, tag, 20.0, 2)
    assert (len(away), len(tier.away), len(tier.due)) == (2, 2, 2)
    assert away.before(tier, (2.5, 0.0, 0), 99.0) == (1, 2.0), "the one at 2, not the one at 1"
    none = Away()
    none.let_go(gone(tier, "a", 9.0), None, 9.0, 20.0, 0)
    assert len(none) == 0


def test_whoever_is_expected_late_keeps_nobody_else_expected() -> None:
    """A report that is to be back in ten minutes went first; those who were to be back in seconds, and are not, count no more."""
    away, tier = Away(), Tier("browse")
    away.let_go(gone(tier, "report", 1.0), None, 600.0, 605.0, 500)
    for number in range(200):
        away.let_go(gone(tier, f"c{number}", 2.0 + number), None, 5.0, 10.0, 500)
    away.lapse(10.0)
    assert len(away) == 1
    assert away.returning < 0.01
    for number in range(500):
        away.let_go(gone(tier, f"d{number}", 300.0 + number), None, 5.0, 1e6, 500)
        away.back(tier, f"d{number}", Place(300.0 + number, 0.0))
    assert len(away._ends) < 100, "and those who are back leave nothing behind"
