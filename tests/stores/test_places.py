"""Signed places of every backend: what counts once stays used, whatever is reloaded meanwhile."""

from __future__ import annotations

from sidecar.model import Bearer, Place
from sidecar.stores.places import SignedPlaces
from tests.support.world import KEYS, WALL_S, Recorder, tickets

ADA = Bearer("tickets", "browse", "ada", b"Reserve 2")


class HandClock:
    """Both clocks, in the hands of the test."""

    def __init__(self) -> None:
        self.at, self.wall_s = 100.0, WALL_S

    def now(self) -> float:
        """Return monotonic seconds."""
        return self.at

    def wall(self) -> float:
        """Return the time of day."""
        return self.wall_s


def places_of(clock: HandClock, log: Recorder | None = None) -> SignedPlaces:
    places = SignedPlaces(clock, log or Recorder(), KEYS)
    places.bound([tickets()], KEYS)
    return places


def given(places: SignedPlaces) -> str:
    issued = places.give(ADA, Place(7.0, 98.0), 60.0)
    assert issued is not None
    return issued[0]


def test_a_place_is_good_once_and_worth_its_age() -> None:
    """In its own process with its tag, whatever is reloaded while it is out."""
    log, clock = Recorder(), HandClock()
    places = places_of(clock, log)
    token = given(places)
    places.bound([tickets()], KEYS)
    assert places.take(ADA, token, 5.0) == Place(7.0, 98.0)
    assert places.take(ADA, token, 5.0) is None
    assert log.named("place_refused")[-1]["why"] == "used"
    assert repr(places) == "<SignedPlaces tickets: <Places 0 of 10000 out, held by 0 clients>>"


def test_a_place_from_before_the_start_is_used_up_for_good() -> None:
    """A reload forgets nothing of it, though no place of this process is out."""
    clock, log = HandClock(), Recorder()
    token = given(places_of(clock))
    after = places_of(clock, log)
    assert after.take(ADA, token, 5.0) == Place(None, 98.0)
    after.bound([tickets()], KEYS)
    assert after.take(ADA, token, 5.0) is None
    assert log.named("place_refused")[-1]["why"] == "used"


def test_a_place_of_no_backend_is_none() -> None:
    """Neither given nor taken, where a reload has taken the backend away; nor given where nobody stood."""
    places = places_of(HandClock())
    token = given(places)
    assert places.give(ADA, Place(None, 98.0), 60.0) is None
    places.bound([], KEYS)
    assert places.take(ADA, token, 5.0) is None
    assert places.give(ADA, Place(7.0, 98.0), 60.0) is None
