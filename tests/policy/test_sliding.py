"""The sliding window: what was counted is there for its span, less a tenth at most, and gone after it, however time jumps."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from sidecar.policy.sliding import BUCKETS, Counts, Window

JUMPS = st.sampled_from([0.0, 0.4, 1.0, 3.0, 9.9, 10.0, 11.0, 40_000.0])
STEPS = st.lists(st.tuples(JUMPS, st.booleans(), st.booleans()), max_size=40)


def model(noted: list[tuple[float, bool, bool]], now: float, span_s: float) -> Counts:
    """What a window should say: the calls whose tenth of the span is one of the last ten."""
    width_s = span_s / BUCKETS
    here = int(now / width_s)
    alive = [(failed, slow) for at, failed, slow in noted if int(at / width_s) > here - BUCKETS]
    return Counts(len(alive), sum(failed for failed, _ in alive), sum(slow for _, slow in alive))


@hypothesis.given(steps=STEPS, started=st.sampled_from([0.0, 0.3, 7.0, 1e6]))
def test_it_counts_what_is_not_over(steps: list[tuple[float, bool, bool]], started: float) -> None:
    """At any moment, after any jumps, the sums are those of a list that is gone through."""
    window, now, noted = Window(10.0), started, []
    for jump_s, failed, slow in steps:
        now += jump_s
        window.note(now, failed=failed, slow=slow)
        noted.append((now, failed, slow))
        assert window.counts(now) == model(noted, now, 10.0)
    assert window.counts(now + 10.0) == Counts()


@hypothesis.given(steps=STEPS, own=st.sets(st.integers(0, 39)))
def test_a_part_is_taken_out_where_it_was_counted(steps: list[tuple[float, bool, bool]], own: set[int]) -> None:
    """Without one operation's calls the others' are left, now and as they run out."""
    whole, part, now, others = Window(10.0), Window(10.0), 5.0, []
    for number, (jump_s, failed, slow) in enumerate(steps):
        now += jump_s
        whole.note(now, failed=failed, slow=slow)
        if number in own:
            part.note(now, failed=failed, slow=slow)
        else:
            others.append((now, failed, slow))
    whole.take_off(now, part)
    for later_s in (0.0, 2.0, 5.0, 9.0):
        assert whole.counts(now + later_s) == model(others, now + later_s, 10.0)


def test_no_more_is_taken_off_than_is_there() -> None:
    """A window that began anew owes nothing to an older one."""
    whole, part = Window(10.0), Window(10.0)
    part.note(1.0, failed=True, slow=True)
    whole.note(4.0, failed=True)
    part.note(4.0)
    part.note(4.0)
    whole.take_off(4.0, part)
    assert whole.counts(4.0) == Counts(0, 1, 0)


@pytest.mark.parametrize(("whole_at", "part_at"), [(12.0, 2.0), (2.0, 12.0)])
def test_what_is_over_is_not_taken_off_what_is_new(whole_at: float, part_at: float) -> None:
    """Ten seconds lie between the two, though both stand in the same tenth."""
    whole, part = Window(10.0), Window(10.0)
    whole.note(whole_at)
    whole.note(whole_at)
    part.note(part_at)
    whole.take_off(12.0, part)
    assert whole.counts(12.0) == Counts(2 if whole_at > part_at else 0)


def test_another_span_keeps_what_it_reaches() -> None:
    """A longer window forgets later, a shorter one at once what it does not reach; nothing is counted twice."""
    window = Window(10.0)
    for at in (12.0, 15.5, 19.0):
        window.note(at, failed=at > 13, slow=at > 16)
    longer = window.rescaled(19.5, 100.0)
    assert longer.counts(19.5) == Counts(3, 2, 1)
    assert longer.counts(105.0) == Counts(3, 2, 1)
    assert longer.counts(110.0) == Counts()
    shorter = window.rescaled(19.5, 4.0)
    assert shorter.counts(19.5) == Counts(1, 1, 1)
    assert window.rescaled(22.5, 100.0).counts(22.5) == Counts(2, 2, 1), "what is over by then is left behind"
    window = Window(10.0)
    for at in (12.0, 15.5, 19.0):
        window.note(at, failed=at > 13, slow=at > 16)
    assert window.rescaled(21.9, 100.0).counts(21.9) == Counts(3, 2, 1), "the oldest tenth is not"
    assert window.rescaled(19.5, 5.0).counts(19.5) == Counts(2, 2, 1)
    assert window.rescaled(19.5, 10.0).counts(19.5) == window.counts(19.5) == Counts(3, 2, 1)


@pytest.mark.parametrize("span_s", [1.0, 30.0])
def test_it_says_what_it_has_seen(span_s: float) -> None:
    """In one line."""
    window = Window(span_s)
    window.note(0.0, failed=True)
    window.note(0.0, slow=True)
    assert repr(window) == f"<Window {span_s:g} s: 2 calls, 1 failed, 1 slow>"


def test_what_is_exactly_a_span_old_does_not_come_round_as_new() -> None:
    """In a shorter window the tenth that is just over would lie where the newest is counted."""
    window = Window(20.0)
    window.note(10.5, failed=True)
    window.note(20.5)
    assert window.rescaled(20.5, 10.0).counts(20.5) == Counts(1, 0, 0)
