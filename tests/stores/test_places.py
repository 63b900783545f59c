"""Signed places of every backend: what counts once stays used, whatever is reloaded meanwhile."""

from __future__ import annotations

import pytest

from sidecar.model import Bearer, Place
from sidecar.policy.tokens import Key, Keys
from sidecar.stores.places import SignedPlaces
from tests.support.world import KEYS, WALL_S, Recorder, tickets

NEWER = Key("newer", bytes(range(32, 64)))
ADA = Bearer("tickets", "browse", "ada", b"Reserve 2")


class HandClock:
    """Both clocks, in the hands of the test."""

    def __init__(self, at: float = 100.0) -> None:
        self.at, self.wall_s = at, WALL_S

    def passes(self, seconds: float) -> None:
        """Let both go on."""
        self.at += seconds
        self.wall_s += seconds

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


def places_of_keys(keys: Keys) -> SignedPlaces:
    places = SignedPlaces(HandClock(), Recorder(), keys)
    places.bound([tickets()], keys)
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


@pytest.mark.parametrize(("passed_s", "since"), [(0.0, 98.0), (2.0, 98.0), (3.0, 98.0), (4.0, 99.0), (50.0, 145.0)])
def test_an_age_is_carried_by_the_time_of_day(passed_s: float, since: float) -> None:
    """Who had waited two seconds is as old as the wall clock says when he is back, and never older than the line lets anybody be."""
    clock = HandClock()
    places = places_of(clock)
    token = given(places)
    clock.passes(passed_s)
    assert places.take(ADA, token, 5.0) == Place(7.0, since)


def test_a_clock_that_is_set_back_makes_nobody_younger_than_now() -> None:
    """His age is nothing then; he does not stand in the future."""
    clock = HandClock()
    places = places_of(clock)
    token = given(places)
    clock.wall_s -= 3600.0
    assert places.take(ADA, token, 5.0) == Place(7.0, 100.0)


def test_in_another_process_it_is_worth_its_age_only() -> None:
    """Whose monotonic clock began elsewhere: the tag is of a line that is gone, the age is not."""
    token = given(places_of(HandClock()))
    clock = HandClock(at=5_000.0)
    clock.wall_s += 2.0
    assert places_of(clock).take(ADA, token, 5.0) == Place(None, 4_996.0)


def test_an_older_key_still_verifies() -> None:
    """After a change of keys what is out counts as before, and what is given from then on is signed with the new one."""
    places = places_of(HandClock())
    token = given(places)
    places.bound([tickets()], Keys(NEWER, KEYS.current))
    assert places.take(ADA, token, 5.0) == Place(7.0, 98.0)
    newer = given(places)
    assert places_of_keys(Keys(NEWER)).take(ADA, newer, 5.0) == Place(None, 98.0)


def test_a_key_that_is_gone_takes_its_places_along() -> None:
    """Where a reload has other keys and not that one, nobody comes in with it, and the log says why; it counts again once it is back."""
    log = Recorder()
    places = places_of(HandClock(), log)
    token = given(places)
    places.bound([tickets()], Keys(NEWER))
    assert places.take(ADA, token, 5.0) is None
    assert log.named("place_refused")[-1]["why"] == "unknown_key"
    places.bound([tickets()], Keys(NEWER, KEYS.current))
    assert places.take(ADA, token, 5.0) == Place(7.0, 98.0)


def test_a_backend_that_is_gone_takes_no_other_ones_places_along() -> None:
    """Each has its own; one that comes back has another line."""
    places = places_of(HandClock())
    places.bound([tickets(), tickets(name="other")], KEYS)
    token = given(places)
    places.bound([tickets()], KEYS)
    assert places.take(ADA._replace(backend="other"), token, 5.0) is None
    assert places.take(ADA, token, 5.0) == Place(7.0, 98.0)


def test_nobody_holds_more_than_his_part_of_the_line() -> None:
    """One at least, however short the line; as many as a reload lets him from then on."""
    places = places_of(HandClock())
    given(places)
    assert places.give(ADA, Place(8.0, 98.0), 60.0) is None
    places.bound([tickets(queue_size=30)], KEYS)
    given(places)
    given(places)
    assert places.give(ADA, Place(8.0, 98.0), 60.0) is None
