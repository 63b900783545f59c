"""Passes: renewed by use up to a total, few calls at once, a bounded pace, one browser or the last two sessions; and no heap that grows."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sidecar.model import Refusal
from sidecar.policy.credentials import PassId, PlaceId
from sidecar.policy.passes import Active, Passes, PassRule

RULE = PassRule(idle_s=120.0, total_s=600.0, calls=4, rate=(10, 1.0))
ME, OTHER = PlaceId(0, 7), PlaceId(1, 3)
BIND = b"browser1"


def one(now: float = 0.0, rule: PassRule = RULE) -> tuple[Passes, Active]:
    """Return passes of which one is out."""
    passes = Passes(rule)
    return passes, passes.issue(now, ME, 1, BIND)


def used(passes: Passes, held: Active, at: float) -> Refusal | None:
    """Make one call that is over at once."""
    refused = passes.enter(at, held)
    if refused is None:
        passes.leave(at, held)
    return refused


def shown(held: Active, **changes: object) -> PassId:
    """Return what its bearer shows of a pass."""
    return PassId(*held.place, held.turn, held.wave, held.bind)._replace(**changes)


def test_a_claim_that_is_sent_twice_makes_one_pass() -> None:
    """The second one gives the same, from whichever browser, and prolongs nothing."""
    passes, held = one()
    assert passes.issue(50.0, ME, 2, b"browser2") is held
    assert (held.turn, held.bind, held.idle_at, len(passes)) == (1, BIND, 120.0, 1)
    assert list(passes) == [held]
    assert repr(passes) == "<Passes 1 out, wave 0>"


def test_use_renews_it_up_to_its_total() -> None:
    """Each call by two minutes; after ten it is over, however often it was used."""
    passes, held = one()
    for at in range(100, 600, 100):
        assert used(passes, held, float(at)) is None
        assert passes.over(float(at)) == []
    assert passes.over(599.9) == []
    assert passes.enter(600.0, held) == Refusal("pass_expired", "expired", "the pass has run out")
    assert passes.over(600.0) == [(held, "total")]
    assert len(passes) == 0
    assert passes.of_place(ME) is None


def test_without_use_it_ends_after_its_idle_time() -> None:
    """Said as such, also before it has been taken in."""
    passes, held = one()
    assert passes.over(119.9) == []
    refused = passes.enter(120.0, held)
    assert refused is not None
    assert (refused.state, refused.reason) == ("pass_expired", "idle")
    assert passes.over(120.0) == [(held, "idle")]
    assert passes.over(1e9) == []


def test_a_call_under_way_holds_it() -> None:
    """Past its idle time, not past its total; the idle time begins when the call is over."""
    passes, held = one()
    passes.enter(10.0, held)
    assert passes.over(300.0) == []
    passes.leave(400.0, held)
    assert (held.ends_at, passes.over(519.9)) == (520.0, [])
    assert passes.over(520.0) == [(held, "idle")]
    passes, held = one()
    passes.enter(10.0, held)
    assert passes.over(599.9) == []
    assert passes.over(600.0) == [(held, "total")]
    passes.leave(700.0, held)
    assert len(passes) == 0


def test_so_many_calls_at_once() -> None:
    """The fifth is told to come again; when one of them is over it is let through."""
    passes, held = one()
    for _ in range(4):
        assert passes.enter(1.0, held) is None
    refused = passes.enter(1.0, held)
    assert refused is not None
    assert (refused.state, refused.reason, refused.retry_after_s) == ("rate_limited", "pass", 1)
    assert held.calls == 4
    passes.leave(1.0, held)
    assert passes.enter(1.0, held) is None


@pytest.mark.parametrize("now", [0.0, 0.1, 1000.3, 86400.7, 1e7 + 1 / 3])
def test_so_many_calls_in_so_long(now: float) -> None:
    """Ten at once whatever the clock shows, then one each tenth of a second; a script is told when to come again."""
    passes, held = one(now)
    assert [used(passes, held, now) for _ in range(10)] == [None] * 10
    refused = used(passes, held, now)
    assert refused is not None
    assert (refused.state, refused.reason, refused.retry_after_s) == ("rate_limited", "pass", 1)
    assert used(passes, held, now + 0.1) is None
    assert used(passes, held, now + 0.1) is not None
    assert [used(passes, held, now + 5.0) for _ in range(10)] == [None] * 10


@given(st.lists(st.floats(0, 3), max_size=80), st.integers(1, 12), st.floats(0.1, 5))
def test_no_window_holds_more_than_the_rate_and_the_burst(gaps: list[float], count: int, period_s: float) -> None:
    """In t seconds at most the burst and t times the rate."""
    passes, held = one(rule=PassRule(1e6, 1e6, 1, (count, period_s)))
    let, now = [], 0.0
    for gap in gaps:
        now += gap
        if used(passes, held, now) is None:
            let.append(now)
    for first, begin in enumerate(let):
        for last in range(first, len(let)):
            assert last - first + 1 <= count + (let[last] - begin) * count / period_s + 1e-3


def test_a_refused_call_renews_nothing() -> None:
    """Nor does it count as under way."""
    passes, held = one()
    for _ in range(10):
        used(passes, held, 0.0)
    before = held.idle_at, held.calls, held.tat
    assert passes.enter(0.5 - 0.5, held) is not None
    assert (held.idle_at, held.calls, held.tat) == before


def test_what_is_shown_is_found_or_why_not() -> None:
    """Of another wave, of nobody who is in, of a pass that he had before, from another browser."""
    passes, held = one()
    assert passes.find(shown(held), BIND) is held
    assert passes.find(shown(held), b"browser2") == "other_browser"
    assert passes.find(shown(held), b"") == "other_browser"
    assert passes.find(shown(held), None) is held, "whoever speaks for others is believed"
    assert passes.find(shown(held, turn=2), BIND) == "used"
    assert passes.find(shown(held, wave=1), BIND) == "wave"
    assert passes.find(shown(held, seq=8), BIND) == "expired"
    assert passes.find(shown(held, lane=1), BIND) == "expired"
    free = passes.issue(0.0, OTHER, 2, b"")
    assert passes.find(shown(free), b"browser2") is free, "it was bound to none"


def test_it_ends_once() -> None:
    """A pass that is given back is not out; the next one of the same place is another."""
    passes, held = one()
    assert passes.end(held)
    assert not passes.end(held)
    assert passes.find(shown(held), BIND) == "expired"
    again = passes.issue(1.0, ME, 2, BIND)
    assert not passes.end(held)
    assert passes.find(shown(held), BIND) == "used"
    assert passes.find(shown(again), BIND) is again
    assert passes.over(120.5) == [], "the end of the first is not the end of the second"
    assert passes.over(121.0) == [(again, "idle")]


def test_it_lives_on_the_last_two_sessions() -> None:
    """A login changes the session once; what was before that is nobody's."""
    passes, held = one()
    for name in (b"a", b"b", b"b", b"c"):
        passes.live_on(held, name)
    assert held.sessions == (b"b", b"c")
    assert [passes.of_session(name) for name in (b"a", b"b", b"c", b"d")] == [None, held, held, None]
    passes.end(held)
    assert [passes.of_session(name) for name in (b"b", b"c")] == [None, None]


def test_a_session_has_one_pass() -> None:
    """The last one that was shown on it; when that one ends, the other takes it again with its next call, and none is left behind."""
    passes, held = one()
    other = passes.issue(0.0, OTHER, 2, b"")
    passes.live_on(held, b"s")
    passes.live_on(other, b"s")
    assert passes.of_session(b"s") is other
    passes.end(other)
    assert passes.of_session(b"s") is None
    passes.live_on(held, b"s")
    assert (passes.of_session(b"s"), held.sessions) == (held, (b"s",))
    passes.end(held)
    assert passes._by_session == {}


def test_a_session_that_another_pass_has_taken_is_left_to_it() -> None:
    """Though it is among those that are forgotten: a third one has come, or the pass has ended."""
    passes, held = one()
    other = passes.issue(0.0, OTHER, 2, b"")
    passes.live_on(held, b"a")
    passes.live_on(other, b"a")
    passes.live_on(held, b"b")
    passes.live_on(held, b"c")
    assert [passes.of_session(name) for name in (b"a", b"b", b"c")] == [other, held, held]
    passes.live_on(other, b"b")
    passes.end(held)
    assert [passes.of_session(name) for name in (b"a", b"b", b"c")] == [other, other, None]


def test_a_wave_is_called_back() -> None:
    """Nothing of it counts any more, by place, text or session; whoever is let in then is of the next wave."""
    passes, held = one()
    passes.live_on(held, b"s")
    passes.enter(1.0, held)
    assert passes.recall() == [held]
    assert (len(passes), passes.wave, passes.of_session(b"s"), passes.of_place(ME)) == (0, 1, None, None)
    assert passes.find(shown(held), BIND) == "wave"
    passes.leave(2.0, held)
    assert passes.over(1e9) == []
    again = passes.issue(3.0, ME, 2, BIND)
    assert (again.wave, passes.find(shown(again), BIND)) == (1, again)


def test_one_from_before_a_restart_goes_on() -> None:
    """With its times and sessions."""
    passes = Passes(RULE)
    held = Active(ME, 5, 0, BIND, 0.0, 50.0, 100.0, sessions=(b"s",))
    passes.adopt(held)
    assert passes.of_session(b"s") is held
    assert passes.over(49.0) == []
    assert passes.over(50.0) == [(held, "idle")]
    assert passes._by_session == {}


def test_other_bounds_hold_from_the_next_use_on() -> None:
    """Shorter ones, too: it is taken in when it says that it ends."""
    passes, held = one()
    passes.bound(PassRule(idle_s=10.0, total_s=600.0, calls=1, rate=(1, 1.0)))
    assert passes.over(50.0) == [], "it has not been used since"
    passes.enter(50.0, held)
    assert passes.enter(50.0, held) is not None
    passes.leave(52.0, held)
    assert passes.over(61.9) == []
    assert passes.over(62.0) == [(held, "idle")]


def test_uses_leave_nothing_behind() -> None:
    """A thousand calls with one pass are one end of it; ten thousand passes that were given back are not ten thousand."""
    passes, held = one(rule=PassRule(120.0, 6000.0, 4, (1000, 1.0)))
    for number in range(5000):
        assert used(passes, held, number * 1.0) is None
        passes.over(number * 1.0)
    assert len(passes._ends) == 1
    for number in range(10_000):
        passes.end(passes.issue(5000.0, PlaceId(0, 100 + number), 1, b""))
    assert len(passes._ends) < 100
    assert passes.over(5119.0) == [(held, "idle")]


def test_a_tick_takes_in_no_more_than_it_is_told() -> None:
    """The rest comes with the next ones."""
    passes = Passes(RULE)
    for number in range(500):
        passes.issue(0.0, PlaceId(0, number), 1, b"")
    assert [len(passes.over(130.0)) for _ in range(4)] == [200, 200, 100, 0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["issue", "enter", "enter", "leave", "end", "over", "live_on", "wait", "bound"]),
        st.integers(0, 4),
        st.floats(0, 90),
    ),
    max_size=120,
)


@settings(max_examples=60)
@given(STEPS)
def test_against_a_model(steps: list[tuple[str, int, float]]) -> None:
    """Whatever is done in whatever order: a pass is out until it is given back or its time is over, and is then taken in at once; ends and
    sessions that are kept are no more than a few for each.
    """
    passes, out, now, turn = Passes(RULE), dict[int, Active](), 0.0, 0
    for deed, which, wait_s in steps:
        held = out.get(which)
        match deed:
            case "issue":
                turn += 1
                made = passes.issue(now, PlaceId(0, which), turn, b"")
                assert held is None or made is held
                out[which] = made
            case "enter" if held is not None and now < held.ends_at:
                if passes.enter(now, held) is None:
                    assert held.calls <= passes.rule.calls
                    assert held.idle_at == now + passes.rule.idle_s
            case "leave" if held is not None and held.calls:
                passes.leave(now, held)
            case "end" if held is not None:
                assert passes.end(held)
                del out[which]
            case "live_on" if held is not None:
                passes.live_on(held, b"%d" % (wait_s // 20))
            case "wait":
                now += wait_s
            case "bound":
                passes.bound(PassRule(60.0 + wait_s, 500.0, 1 + which, (5, 1.0)))
            case "over":
                gone = {held.place.seq: why for held, why in passes.over(now)}
                assert gone == {
                    seq: "idle" if held.total_at > now else "total" for seq, held in out.items() if held.ends_at <= now
                }
                out = {seq: held for seq, held in out.items() if seq not in gone}
        assert {each.place.seq: each for each in passes} == out
        assert len(passes._ends) <= 2 * len(out) + 70
        assert len(passes._by_session) <= 2 * len(out)
