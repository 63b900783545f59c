"""The table of visitors, walked whole: what is in it happens to somebody in a real lane, what is not changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.policy.lane import Lane
from sidecar.policy.presence import WINDOWS
from sidecar.policy.visitors import CODE_OF, IN_LINE, OVER, TABLE, WHYS, WORD_OF, Code, Event, Why, Word, after, diagram

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = bytes(32)
PAIRS = [(word, event) for word in Word for event in Event]


def lobby() -> Lane:
    """Return a lane with one visitor, number 0, before the draw."""
    lane = Lane("main", 0)
    lane.join()
    lane.poll(0)
    return lane


def waiting() -> Lane:
    """Return one after the draw, with who was there carried over."""
    lane = lobby()
    lane.seal(SEED)
    lane.carry(10)
    return lane


def silent(lane: Lane) -> None:
    """Let so much time go by that whoever has not polled is not there any more."""
    for _ in range(WINDOWS):
        lane.presence.rotate()
        while lane.presence.step(1):
            pass


def parked() -> Lane:
    """Return one whose visitor has not been heard of."""
    lane = waiting()
    silent(lane)
    return lane


def called() -> Lane:
    """Return one whose visitor is called until 150."""
    lane = waiting()
    assert lane.call(0.0, 1, 150.0) == [0]
    return lane


def then(begin: Callable[[], Lane], *events: Event) -> Callable[[], Lane]:
    """Return how to make a lane in which these have happened."""

    def made() -> Lane:
        lane = begin()
        for event in events:
            assert lane.happen(0, event, Why.OPERATOR) is not None
        return lane

    return made


MADE: dict[Word, Callable[[], Lane]] = {
    Word.LOBBY: lobby,
    Word.WAITING: waiting,
    Word.PARKED: parked,
    Word.CALLED: called,
    Word.ADMITTED: then(called, Event.CLAIM),
    Word.NEEDS_ACTION: then(waiting, Event.HOLD),
    Word.EXPIRED: then(called, Event.CLAIM, Event.EXPIRE),
    Word.FORFEITED: then(called, Event.FORFEIT),
    Word.LEFT: then(waiting, Event.LEAVE),
    Word.RELEASED: then(called, Event.CLAIM, Event.RELEASE),
}


def drive(lane: Lane, event: Event) -> None:
    """Let an event come about as it does in a room."""
    match event:
        case Event.DRAW:
            lane.seal(SEED)
            lane.carry(10)
        case Event.SILENCE:
            silent(lane)
        case Event.POLL:
            lane.poll(0)
        case Event.CALL:
            lane.call(0.0, 1, 150.0)
        case Event.MISS:
            lane.missed_calls(150.0)
        case _:
            lane.happen(0, event, Why.OPERATOR)


def facts(lane: Lane) -> tuple[object, ...]:
    """Return all that is known of the visitor."""
    presence = lane.presence
    at = lane.position(0)
    bits = presence.is_present(at), presence.is_out(at), presence.count, lane.called.get(0), lane.drawn
    return lane.word(0), lane.why(0), lane.missed(0), lane.words(0, 1), bits


@pytest.mark.parametrize("word", list(Word))
def test_every_word_is_somebody(word: Word) -> None:
    """A lane can be brought to have somebody who is it."""
    assert MADE[word]().word(0) is word


@pytest.mark.parametrize(("pair", "result"), TABLE.items(), ids=str)
def test_every_transition_is_reached(pair: tuple[Word, Event], result: Word) -> None:
    """By what a room does to a lane, not by asking the table."""
    word, event = pair
    lane = MADE[word]()
    drive(lane, event)
    assert lane.word(0) is result


@pytest.mark.parametrize(("word", "event"), [pair for pair in TABLE if pair[1] is not Event.DRAW])
def test_a_lane_moves_people_as_the_table_says(word: Word, event: Event) -> None:
    """When it is told of one event by name."""
    lane = MADE[word]()
    assert lane.happen(0, event, Why.OPERATOR) is TABLE[word, event]
    assert lane.word(0) is TABLE[word, event]


@pytest.mark.parametrize(("word", "event"), [pair for pair in PAIRS if pair not in TABLE or pair[1] is Event.DRAW])
def test_what_is_not_in_the_table_changes_nothing(word: Word, event: Event) -> None:
    """Neither the word nor anything else that is known of him; and nobody is drawn alone."""
    lane = MADE[word]()
    before = facts(lane)
    lane.take_dirty()
    assert lane.happen(0, event, Why.OPERATOR) is None
    assert facts(lane) == before
    assert lane.take_dirty() == []


def test_the_second_miss_forfeits() -> None:
    """The first one parks."""
    lane = called()
    lane.missed_calls(150.0)
    assert (lane.word(0), lane.missed(0)) == (Word.PARKED, 1)
    lane.poll(0)
    assert lane.call(200.0, 1, 350.0) == [0]
    assert lane.missed(0) == 1
    lane.missed_calls(350.0)
    assert (lane.word(0), lane.why(0)) == (Word.FORFEITED, Why.MISSED)


@pytest.mark.parametrize("why", list(Why))
def test_a_reason_is_no_missed_call(why: Why) -> None:
    """Whoever goes on after a remedy, for whatever reason, has missed nothing by it."""
    lane = MADE[Word.NEEDS_ACTION]()
    assert lane.happen(0, Event.REMEDY, why) is Word.WAITING
    assert (lane.missed(0), lane.why(0)) == (0, Why.NONE)


def test_who_is_held_and_heard_of_waits_at_once_when_it_is_settled() -> None:
    """His page asks on while he signs in somewhere else."""
    lane = MADE[Word.NEEDS_ACTION]()
    silent(lane)
    assert lane.eligible == 0
    lane.poll(0)
    assert lane.eligible == 0, "who is held is nobody's turn"
    assert lane.happen(0, Event.REMEDY) is Word.WAITING
    assert lane.eligible == 1


def test_every_word_and_reason_fits_a_byte() -> None:
    """Three bits say what he is, five say why: also of words that come."""
    assert max(Code) < 1 << 3
    assert len(WHYS) <= 1 << 5
    for word in OVER | {Word.NEEDS_ACTION}:
        for number, why in enumerate(WHYS):
            kept = number << 3 | CODE_OF[word]
            assert kept < 256
            assert (WORD_OF[Code(kept & 7)], WHYS[kept >> 3]) == (word, why)
    assert WHYS[0] is Why.NONE
    assert CODE_OF.keys() == set(Word)
    assert {CODE_OF[word] for word in IN_LINE} == {Code.IN_LINE}


def test_ends_are_ends() -> None:
    """From there nothing leads on; and from everything else something leads to one."""
    assert {then_ for (word, _), then_ in TABLE.items() if word in OVER} == OVER
    assert all(after(word, Event.POLL) is word for word in OVER)
    reached = set(OVER)
    for _ in Word:
        reached |= {word for (word, _), then_ in TABLE.items() if then_ in reached}
    assert reached == set(Word)


def test_every_event_and_word_is_in_the_table() -> None:
    """A name that nothing leads to would be a promise."""
    assert {event for _, event in TABLE} == set(Event)
    assert {*TABLE.values(), Word.LOBBY} == set(Word)


def test_the_diagram_is_the_table() -> None:
    """Each edge once and by its name, begins and ends with it, and nothing besides."""
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    edges = [f"    {word} --> {result}: {event}" for (word, event), result in TABLE.items() if word is not result]
    begins = ["    [*] --> lobby: join before the draw", "    [*] --> waiting: join after it"]
    ends = [f"    {word} --> [*]" for word in OVER]
    assert sorted(lines[1:]) == sorted(begins + edges + ends)
