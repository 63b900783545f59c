"""The story of a room: a ring of events, the oldest the first to go, found by who it was; and when whoever came."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from sidecar.policy.story import Happened, Story
from sidecar.policy.visitors import Event, Why

EVENTS = st.tuples(
    st.floats(0, 2e9), st.integers(0, 3), st.integers(0, 5), st.sampled_from(list(Event)), st.sampled_from(list(Why))
)
Told = tuple[float, int, int, Event, Why]


def of(told: list[Told], lane: int, seq: int) -> list[Happened]:
    """Return what a plain list says of somebody."""
    return [Happened(at, event, why) for at, *who, event, why in told if who == [lane, seq]]


@given(st.lists(EVENTS, max_size=60), st.integers(1, 20))
def test_the_newest_are_kept_in_their_order(told: list[Told], most: int) -> None:
    """As many as there is room for, in the order in which they came, whatever the clock said then."""
    story = Story(most)
    for each in told:
        story.tell(*each)
    for lane in range(4):
        for seq in range(6):
            assert story.of(lane, seq) == of(told[-most:], lane, seq)
    assert repr(story) == f"<Story of {min(most, len(told))} events>"


@given(st.lists(st.lists(EVENTS, max_size=9), max_size=8), st.integers(1, 20))
def test_what_was_taken_is_recalled(batches: list[list[Told]], most: int) -> None:
    """What a store was given, piece by piece, makes the same story again; nothing is given twice."""
    story, again = Story(most), Story(most)
    for batch in batches:
        for each in batch:
            story.tell(*each)
        again.recall(story.take())
        assert story.take() == b""
    assert again.take() == b"", "what comes from a store need not go there"
    for lane in range(4):
        for seq in range(6):
            assert again.of(lane, seq) == story.of(lane, seq)


def test_it_is_bounded_where_no_store_takes_anything() -> None:
    """A room in memory keeps as much as any other, once."""
    story = Story(100)
    for number in range(1000):
        story.tell(float(number), 0, number, Event.CALL)
    assert len(story._at) == len(story._who) == len(story._event) == 100
    assert len(story.take()) == 100 * 14


def test_events_of_one_moment_keep_their_order() -> None:
    """A tick is one moment; the alphabet has no say in it."""
    story = Story()
    for event in (Event.HOLD, Event.REMEDY, Event.CALL, Event.CLAIM, Event.EXPIRE):
        story.tell(5.0, 1, 7, event)
    assert [each.event for each in story.of(1, 7)] == ["hold", "remedy", "call", "claim", "expire"]


def test_numbers_that_look_alike_are_told_apart() -> None:
    """The bytes of two neighbours in the ring may spell a third one."""
    story = Story()
    story.tell(1.0, 0, 0x00010000, Event.CALL)
    story.tell(2.0, 0, 0x00000001, Event.CALL)
    story.tell(3.0, 0, 0x00000100, Event.MISS)
    assert [each.at for each in story.of(0, 0x100)] == [3.0]
    assert story.of(0, 0x01000000) == []


@given(st.lists(st.integers(0, 3), max_size=50))
def test_since_when_somebody_is_there(joins: list[int]) -> None:
    """The first look at which his number had been given; before any such look nobody knows."""
    story, joined = Story(), 0
    first: dict[int, float] = {}
    assert story.since(0, 0) is None
    for second, more in enumerate(joins, start=1):
        for seq in range(joined, joined + more):
            first[seq] = float(second)
        joined += more
        story.joined(float(second), 0, joined)
    for seq in range(joined):
        assert story.since(0, seq) == first[seq]
    assert story.since(0, joined) is None
    assert story.since(1, 0) is None


def test_looks_at_which_nobody_came_are_not_kept() -> None:
    """A quiet night takes no room."""
    story = Story()
    for second in range(1000):
        story.joined(float(second), 0, 5)
    assert len(story._joined[0][0]) == 1
