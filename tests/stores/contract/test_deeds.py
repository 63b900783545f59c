"""`ports.Deeds`, whoever keeps them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sidecar.ports import DeedState
from sidecar.stores.deeds import OUTCOME_BYTES
from tests.stores.entries import deed_of


async def test_a_free_key_is_claimed(deeds_of) -> None:
    """Whoever claims it gets his own deed back, and it can be asked for by its id."""
    deeds, deed = deeds_of(), deed_of()
    assert await deeds.find(deed.id) is None
    assert await deeds.claim(deed) is deed
    assert await deeds.find(deed.id) == deed


async def test_the_second_is_told_of_the_first(deeds_of) -> None:
    """However often he comes, and whatever he calls."""
    deeds, first = deeds_of(), deed_of()
    await deeds.claim(first)
    for number in (1, 2):
        assert await deeds.claim(deed_of(number=number, fingerprint=b"another call")) == first
    assert await deeds.find("a-1") is None


async def test_of_many_at_the_same_moment_exactly_one_wins(deeds_of) -> None:
    """All others are told of that one."""
    deeds = deeds_of()
    told = await asyncio.gather(*(deeds.claim(deed_of(number=number)) for number in range(20)))
    assert len({deed.id for deed in told}) == 1


async def test_an_outcome_replaces_the_running_deed(deeds_of) -> None:
    """Under its key and its id; settling again changes nothing."""
    deeds, deed = deeds_of(), deed_of()
    await deeds.claim(deed)
    done = replace(deed, state=DeedState.DONE, outcome=b"receipt")
    for _ in range(2):
        await deeds.settle(done)
    assert await deeds.find(deed.id) == done
    assert await deeds.claim(deed_of(number=1)) == done


async def test_nothing_settles_or_releases_anothers_deed(deeds_of) -> None:
    """Nor one that is not there."""
    deeds, first, second = deeds_of(), deed_of(), deed_of(number=1)
    for _ in range(2):
        await deeds.settle(replace(second, state=DeedState.DONE))
        await deeds.release(second)
        assert await deeds.find(second.id) is None
        assert await deeds.claim(first) == first


async def test_what_did_not_happen_frees_its_key(deeds_of) -> None:
    """The next one may try; releasing again harms nobody."""
    deeds, first, second = deeds_of(), deed_of(), deed_of(number=1)
    await deeds.claim(first)
    await deeds.release(first)
    assert await deeds.find(first.id) is None
    assert await deeds.claim(second) is second
    await deeds.release(first)
    assert await deeds.find(second.id) == second


async def test_over_at_its_moment(deeds_of, clock) -> None:
    """Not before; then its key is free and its id unknown."""
    deeds, done = deeds_of(), replace(deed_of(), state=DeedState.DONE)
    await deeds.claim(deed_of())
    await deeds.settle(done)
    clock.seconds += 3599
    assert await deeds.claim(deed_of(number=1)) == done
    clock.seconds += 1
    assert await deeds.find(done.id) is None
    next_one = deed_of(number=2, until=clock.wall() + 60)
    assert await deeds.claim(next_one) is next_one
    assert await deeds.find(next_one.id) == next_one


async def test_what_still_runs_is_never_over(deeds_of, clock) -> None:
    """However short a time was said: a second purchase is not made, and whoever asks within that time of its end is told of it."""
    deeds, deed = deeds_of(), deed_of(until=clock.wall() + 5)
    await deeds.claim(deed)
    clock.seconds += 500
    for number in range(1, 100):
        assert await deeds.claim(deed_of(number=number, until=clock.wall() + 5)) == deed
    await deeds.settle(replace(deed, state=DeedState.DONE, outcome=b"receipt"))
    clock.seconds += 4
    told = await deeds.claim(deed_of(number=1))
    assert (told.id, told.state, told.outcome) == (deed.id, DeedState.DONE, b"receipt")
    clock.seconds += 1
    assert await deeds.find(deed.id) is None


@pytest.mark.parametrize(
    ("said_s", "took_s", "kept_s"),
    [(30, 1, 30), (30, 29, 30), (30, 500, 30), (3600, 1, 3599), (3600, 3590, 60), (3600, 5000, 60)],
)
async def test_how_long_an_outcome_lives(deeds_of, clock, said_s: int, took_s: int, kept_s: int) -> None:
    """As was said at its beginning; what ended late, as long again and a minute at most. Another word at its end changes nothing."""
    deeds = deeds_of()
    await deeds.claim(deed_of(until=clock.wall() + said_s))
    clock.seconds += took_s
    done = deed_of(state=DeedState.DONE, until=clock.wall() + 90_000)
    await deeds.settle(done)
    clock.seconds += kept_s - 1
    await deeds.settle(done)
    assert await deeds.find("a-0") is not None
    clock.seconds += 1
    assert await deeds.find("a-0") is None


@pytest.mark.parametrize("ahead_s", [86_400, -86_400])
@pytest.mark.parametrize("before", [True, False])
async def test_a_clock_that_is_set_makes_no_second_purchase(deeds_of, clock, ahead_s: float, before: bool) -> None:
    """By a day, while the call runs or after it: what came of it is told for as long as it would have been."""
    deeds, deed = deeds_of(), deed_of()
    await deeds.claim(deed)
    clock.ahead += ahead_s if before else 0
    await deeds.settle(replace(deed, state=DeedState.DONE))
    clock.ahead += 0 if before else ahead_s
    clock.seconds += 3599
    assert (await deeds.claim(deed_of(number=1, until=clock.wall() + 60))).id == deed.id
    clock.seconds += 1
    assert await deeds.find(deed.id) is None


async def test_without_room_none_is_taken(deeds_of, clock) -> None:
    """The living are not forgotten for it, and are told of as before."""
    deeds = deeds_of(most=2)
    first, second = deed_of("a"), deed_of("b")
    assert (await deeds.claim(first), await deeds.claim(second)) == (first, second)
    assert await deeds.claim(deed_of("c")) is None
    assert (await deeds.claim(deed_of("a", 1)), await deeds.find("b-0")) == (first, second)
    await deeds.release(second)
    assert await deeds.claim(deed_of("c")) is not None


async def test_those_that_are_over_go_first(deeds_of, clock) -> None:
    """A minute after their end at the latest, and so does the room of their outcomes."""
    deeds = deeds_of(most=200, outcomes_bytes=1000)
    for number in range(100):
        await deeds.claim(deed_of(str(number), until=clock.wall() + 30, state=DeedState.LOST))
    keeps = deed_of("keeps", state=DeedState.DONE)
    await deeds.claim(keeps)
    full = deed_of("full", until=clock.wall() + 30)
    await deeds.claim(full)
    await deeds.settle(replace(full, state=DeedState.DONE, outcome=b"x" * 1000))
    assert await deeds.claim(deed_of("c")) is None
    clock.seconds += 30 + 60
    for number in range(100, 298):
        assert await deeds.claim(deed_of(str(number))) is not None, number
    assert await deeds.find("keeps-0") == keeps


async def test_outcomes_have_their_own_room(deeds_of) -> None:
    """Claims leave an eighth of it to what runs; what is past all of it is done, and has no outcome."""
    deeds, names = deeds_of(outcomes_bytes=1000), "abcd"
    for name in names:
        await deeds.claim(deed_of(name))
    for name, size_bytes in zip(names, (874, 100, 27, 26), strict=True):
        await deeds.settle(deed_of(name, state=DeedState.DONE, outcome=b"x" * size_bytes))
    found = [await deeds.find(f"{name}-0") for name in names]
    assert [(deed.state, len(deed.outcome)) for deed in found] == [
        (DeedState.DONE, size_bytes) for size_bytes in (874, 100, 0, 26)
    ]
    assert await deeds.claim(deed_of("e")) is None
    await deeds.settle(deed_of("b", state=DeedState.DONE))
    await deeds.settle(deed_of("d", state=DeedState.DONE))
    assert await deeds.claim(deed_of("e")) is not None


async def test_one_outcome_takes_no_more_than_its_part(deeds_of) -> None:
    """A caller of large replies does not keep everybody from buying: his call is done, and nobody can say how."""
    deeds, deed = deeds_of(outcomes_bytes=8 * OUTCOME_BYTES), deed_of()
    await deeds.claim(deed)
    for size_bytes, kept_bytes in ((OUTCOME_BYTES, OUTCOME_BYTES), (OUTCOME_BYTES + 1, 0)):
        await deeds.settle(replace(deed, state=DeedState.DONE, outcome=b"x" * size_bytes))
        found = await deeds.claim(deed_of(number=1))
        assert (found.id, found.state, len(found.outcome)) == (deed.id, DeedState.DONE, kept_bytes)


async def test_a_full_table_is_said_once(deeds_of, log) -> None:
    """With its numbers; again only when half of it had been free."""
    deeds, names = deeds_of(most=4, outcomes_bytes=1000), "abcd"
    for name in names:
        await deeds.claim(deed_of(name))
    assert log.named("deeds_full") == []
    for name in "efe":
        assert await deeds.claim(deed_of(name)) is None
    await deeds.release(deed_of("a"))
    await deeds.claim(deed_of("a"))
    assert await deeds.claim(deed_of("e")) is None
    (facts,) = log.named("deeds_full")
    assert facts == {"deeds": 4, "most": 4, "outcomes_bytes": 0, "most_bytes": 1000}
    for name in "abc":
        await deeds.release(deed_of(name))
    for name in "abce":
        await deeds.claim(deed_of(name))
    assert len(log.named("deeds_full")) == 2
