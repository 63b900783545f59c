"""The ages of an entry: at each boundary, just before and just after, against a table written a second time, and at random."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from sidecar.model import Level
from sidecar.policy.freshness import (
    HITS_AHEAD,
    PASSING_S,
    Decision,
    Fetch,
    Rest,
    Rule,
    Stage,
    after,
    decide,
    if_failed,
    kept_for_s,
    lifetime,
)
from sidecar.states import TABLE

# Times that binary fractions hold exactly: F 64, 0.75 F 48, W 96, G 128, error 192.
F = 64.0
RULE = Rule(ttl_s=64, swr_s=32, grace_s=64, error_s=128, soft_s=0.5, ahead=0.75, negative_s=4)
STRICT = replace(RULE, strict=True)
OK, STRAINED, DOWN = Level.OK, Level.STRAINED, Level.DOWN


def before(age_s: float) -> float:
    return math.nextafter(age_s, 0)


def past(age_s: float) -> float:
    return math.nextafter(age_s, math.inf)


def ask(
    age_s: float,
    rule: Rule = RULE,
    level: Level = OK,
    *,
    lifetime_s: float = F,
    touched: bool = False,
    negative: bool = False,
    passing: bool = False,
    hits: int = 0,
    resting: bool = False,
) -> Decision:
    return decide(age_s, lifetime_s, rule, level, touched, negative, passing, hits, resting)


FRESH = Decision(Stage.FRESH, True, Fetch.NO)
AHEAD = Decision(Stage.AHEAD, True, Fetch.BEHIND)
EXPIRED = Decision(Stage.EXPIRED, False, Fetch.ONLY)
SOFT = Decision(Stage.SOFT, False, Fetch.FIRST, "backend-slow")
SWR = Decision(Stage.REVALIDATING, True, Fetch.BEHIND, "revalidating")
SWR_DOWN = Decision(Stage.REVALIDATING, True, Fetch.NO, "backend-down")
GRACE = Decision(Stage.GRACE, True, Fetch.BEHIND, "overloaded")
GRACE_DOWN = Decision(Stage.GRACE, True, Fetch.NO, "backend-down")


@pytest.mark.parametrize(
    ("age_s", "ok", "strained", "down"),
    [
        (0.0, FRESH, FRESH, FRESH),
        (before(F), FRESH, FRESH, FRESH),
        (F, SWR, SWR, SWR_DOWN),
        (past(F), SWR, SWR, SWR_DOWN),
        (before(96), SWR, SWR, SWR_DOWN),
        (96, SOFT, GRACE, GRACE_DOWN),
        (past(96), SOFT, GRACE, GRACE_DOWN),
        (before(128), SOFT, GRACE, GRACE_DOWN),
        (128, SOFT, SOFT, SOFT),
        (past(128), SOFT, SOFT, SOFT),
        (before(192), SOFT, SOFT, SOFT),
        (192, EXPIRED, EXPIRED, EXPIRED),
        (past(192), EXPIRED, EXPIRED, EXPIRED),
    ],
)
def test_every_boundary_at_every_level(age_s: float, ok: Decision, strained: Decision, down: Decision) -> None:
    """Each window ends at its end, not after it, and grace is open only while the backend is not well."""
    assert (ask(age_s), ask(age_s, level=STRAINED), ask(age_s, level=DOWN)) == (ok, strained, down)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("hits", [0, HITS_AHEAD - 1, HITS_AHEAD, 100])
@pytest.mark.parametrize("resting", [False, True])
@pytest.mark.parametrize("age_s", [before(48), 48, past(48), before(F)])
def test_what_is_asked_for_often_is_renewed_before_it_expires(
    age_s: float, resting: bool, hits: int, level: Level
) -> None:
    """Past the part that `ahead` says, from the second hit on, by a backend that is well, and not just after a failure."""
    wanted = age_s > 48 and hits >= 2 and level is OK and not resting
    assert ask(age_s, level=level, hits=hits, resting=resting) == (AHEAD if wanted else FRESH)


def test_ahead_of_one_is_never() -> None:
    """The whole of the lifetime is never passed while an entry is fresh."""
    assert ask(before(F), replace(RULE, ahead=1.0), hits=9) == FRESH


@pytest.mark.parametrize("age_s", [0.0, 48.0, before(F), F])
def test_what_a_write_has_touched_has_just_expired(age_s: float) -> None:
    """However young it is, it counts as of age F: given at once while it is renewed."""
    assert ask(age_s, touched=True, hits=9) == SWR
    assert ask(age_s, replace(RULE, swr_s=0), touched=True) == SOFT
    assert ask(age_s, Rule(ttl_s=F), touched=True) == EXPIRED


@pytest.mark.parametrize("age_s", [before(96), 96, 128, 192])
def test_a_touch_never_makes_an_entry_younger(age_s: float) -> None:
    """Past its lifetime it is as old as it is."""
    assert ask(age_s, touched=True) == ask(age_s)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("age_s", [0.0, before(F), F, 96, 128])
def test_a_strict_rule_gives_nothing_that_was_touched(age_s: float, level: Level) -> None:
    """Not as fresh, not in grace, not in place of a failure; untouched, it is as any other."""
    assert ask(age_s, STRICT, level, touched=True, resting=True) == EXPIRED
    assert not if_failed(age_s, F, STRICT, touched=True)
    assert ask(age_s, STRICT, level) == ask(age_s, level=level)
    assert if_failed(age_s, F, STRICT, touched=False)


@pytest.mark.parametrize(("age_s", "given"), [(0.0, True), (before(4), True), (4, False), (past(4), False)])
@pytest.mark.parametrize("level", Level)
def test_a_kept_fault_has_its_own_short_life(age_s: float, given: bool, level: Level) -> None:
    """No window follows it, whatever the backend's health."""
    wanted = Decision(Stage.NEGATIVE, True, Fetch.NO) if given else EXPIRED
    assert ask(age_s, level=level, negative=True, hits=9, resting=True) == wanted


def test_a_kept_fault_that_was_touched_is_over() -> None:
    """After a write nobody knows that it is still sold out, strict or not."""
    assert ask(0.0, negative=True, touched=True) == EXPIRED


@pytest.mark.parametrize(
    ("age_s", "marked"), [(0.0, True), (before(PASSING_S), True), (PASSING_S, False), (past(PASSING_S), False)]
)
@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("touched", [False, True])
def test_a_mark_of_passing_lasts_two_minutes(age_s: float, marked: bool, level: Level, touched: bool) -> None:
    """It is never given, and whatever else is true of it changes nothing."""
    wanted = Decision(Stage.PASS, False, Fetch.ONLY) if marked else EXPIRED
    assert ask(age_s, level=level, passing=True, touched=touched, negative=True, hits=9, resting=True) == wanted


@pytest.mark.parametrize("age_s", [F, before(96), 96, before(128), 128, before(192)])
@pytest.mark.parametrize("level", Level)
def test_nobody_tries_while_a_key_rests(age_s: float, level: Level) -> None:
    """Whatever can be given is given at once; only what cannot be given asks the backend all the same."""
    found = ask(age_s, level=level, resting=True)
    assert (found.give, found.fetch) == (True, Fetch.NO)
    assert found.reason == ("overloaded" if level is STRAINED else "backend-down")
    assert ask(192, level=level, resting=True) == EXPIRED


@pytest.mark.parametrize(
    ("age_s", "rule", "given"),
    [
        (0.0, RULE, True),
        (F, RULE, True),
        (before(192), RULE, True),
        (192, RULE, False),
        (past(192), RULE, False),
        (before(128), replace(RULE, error_s=0), True),  # within grace
        (128, replace(RULE, error_s=0), False),
        (before(192), replace(RULE, grace_s=0), True),
        (192, replace(RULE, grace_s=0), False),
        (before(F), Rule(ttl_s=F), True),
        (F, Rule(ttl_s=F), False),
        (F, Rule(ttl_s=F, swr_s=32), False),  # that window is for renewing, not for failing
    ],
)
def test_what_is_given_in_place_of_a_failure(age_s: float, rule: Rule, given: bool) -> None:
    """Within error_s or grace_s of its lifetime; a touch makes it just expired."""
    assert if_failed(age_s, F, rule, touched=False) is given
    assert if_failed(age_s, F, rule, touched=True) is (given and max(age_s, F) < F + max(rule.error_s, rule.grace_s))


def test_every_reason_is_one_that_clients_know() -> None:
    """The closed list of the state `stale`, for each way to come to it."""
    known = set(TABLE["stale"].reasons)
    ages = [0.0, F, 96, 128, 192]
    found = {ask(a, level=level, resting=r).reason for a in ages for level in Level for r in (False, True)} - {None}
    assert found == known
    assert {after(state) for state in TABLE} <= known
    assert after("outcome_unknown") == "backend-slow"
    assert after("overloaded") == "overloaded"
    assert after("backend_unreachable") == after("backend_fault") == "backend-down"


def oracle(
    age: float,
    f: float,
    rule: Rule,
    level: Level,
    touched: bool,
    negative: bool,
    passing: bool,
    hits: int,
    resting: bool,
) -> tuple[Stage, bool, Fetch]:
    """The table, row by row: the first whose condition holds."""
    born = age
    if touched:
        age = max(age, f)
    lost = touched and rule.strict
    plain = not negative and not passing
    w, g = f + rule.swr_s, f + rule.grace_s
    x = max(f + rule.swr_s, f + rule.error_s, f + rule.grace_s)
    quiet = resting or level is DOWN
    rows = [
        (passing and born < 120, Stage.PASS, False, Fetch.ONLY),
        (passing, Stage.EXPIRED, False, Fetch.ONLY),
        (negative and touched, Stage.EXPIRED, False, Fetch.ONLY),
        (negative and age < rule.negative_s, Stage.NEGATIVE, True, Fetch.NO),
        (plain and lost, Stage.EXPIRED, False, Fetch.ONLY),
        (
            plain and age < f and age > f * rule.ahead and hits > 1 and level is OK and not resting,
            Stage.AHEAD,
            True,
            Fetch.BEHIND,
        ),
        (plain and age < f, Stage.FRESH, True, Fetch.NO),
        (plain and age < w, Stage.REVALIDATING, True, Fetch.NO if quiet else Fetch.BEHIND),
        (plain and age < g and level is not OK, Stage.GRACE, True, Fetch.NO if quiet else Fetch.BEHIND),
        (plain and age < x and resting, Stage.SOFT, True, Fetch.NO),
        (plain and age < x, Stage.SOFT, False, Fetch.FIRST),
        (True, Stage.EXPIRED, False, Fetch.ONLY),
    ]
    return next((stage, give, fetch) for holds, stage, give, fetch in rows if holds)


seconds = st.floats(0, 512, allow_nan=False)
rules = st.builds(
    Rule,
    ttl_s=seconds,
    swr_s=seconds | st.just(0.0),
    grace_s=seconds | st.just(0.0),
    error_s=seconds | st.just(0.0),
    soft_s=st.none() | seconds,
    jitter=st.floats(0, 1),
    ahead=st.floats(0, 1),
    strict=st.booleans(),
    negative_s=st.floats(0, 5),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[float, float, Rule]:
    """An age anywhere, or at a boundary of the rule that it is asked by, or next to one."""
    rule, f = draw(rules), draw(seconds)
    edges = [f, f * rule.ahead, f + rule.swr_s, f + rule.grace_s, f + rule.error_s, rule.negative_s, 120.0]
    edge = draw(st.sampled_from(edges))
    return draw(seconds | st.sampled_from([edge, before(edge), past(edge)])), f, rule


flags = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3), st.booleans())


@given(cases(), st.sampled_from(Level), flags)
@example((120.0, 60.0, RULE), OK, (True, True, True, 0, False))
def test_it_is_the_table(
    case: tuple[float, float, Rule], level: Level, flags: tuple[bool, bool, bool, int, bool]
) -> None:
    """Whatever the rule, the age and the rest, the row that the table has."""
    found = decide(*case, level, *flags)
    assert found[:3] == oracle(*case, level, *flags)


@given(cases(), st.sampled_from(Level), flags)
def test_what_holds_of_every_decision(
    case: tuple[float, float, Rule], level: Level, flags: tuple[bool, bool, bool, int, bool]
) -> None:
    """Something is always done, a reason stands exactly with what may be given late, and what waits could be given after a failure."""
    age_s, lifetime_s, rule = case
    touched, negative, passing, _, _ = flags
    found = decide(*case, level, *flags)
    assert found.give or found.fetch in (Fetch.FIRST, Fetch.ONLY)
    late = found.stage in (Stage.REVALIDATING, Stage.GRACE, Stage.SOFT)
    assert (found.reason is not None) is late
    if found.fetch is Fetch.FIRST:
        assert if_failed(age_s, lifetime_s, rule, touched)
    if late:
        assert age_s < kept_for_s(rule, lifetime_s) or touched
        assert not negative
        assert not passing


@given(cases(), flags)
def test_a_worse_backend_is_never_asked_more(
    case: tuple[float, float, Rule], flags: tuple[bool, bool, bool, int, bool]
) -> None:
    """From ok to strained to down, an entry is asked about at most as hard, and never withheld where it was given."""
    order = [Fetch.NO, Fetch.BEHIND, Fetch.FIRST, Fetch.ONLY]
    ok, strained, down = (decide(*case, level, *flags) for level in Level)
    assert order.index(ok.fetch) >= order.index(strained.fetch) >= order.index(down.fetch)
    assert ok.give <= strained.give <= down.give


@given(seconds, st.floats(0, 1), st.binary(min_size=16, max_size=16))
def test_a_lifetime_strays_by_its_jitter_at_most(ttl_s: float, jitter: float, key: bytes) -> None:
    """Around the ttl, the same for the same key."""
    found = lifetime(ttl_s, jitter, key)
    assert ttl_s * (1 - jitter) - 1e-9 <= found <= ttl_s * (1 + jitter) + 1e-9
    assert found == lifetime(ttl_s, jitter, key)


def test_the_ends_of_the_jitter_are_reached() -> None:
    """By the smallest and the largest digest; without jitter it is the ttl."""
    assert lifetime(100, 0.25, bytes(16)) == 75
    assert lifetime(100, 0.25, b"\xff" * 16) == 125
    assert lifetime(100, 0.0, b"\xff" * 16) == 100


def test_lifetimes_are_spread() -> None:
    """A thousand digests fill each tenth of the range, so that what was kept at once does not expire at once."""
    found = [
        lifetime(100, 0.5, hashlib.blake2b(bytes([n % 256, n // 256]), digest_size=16).digest()) for n in range(1000)
    ]
    tenths = {int((each - 50) // 10) for each in found}
    assert tenths == set(range(10))


def test_an_entry_is_kept_to_the_end_of_its_longest_window() -> None:
    """Whichever that is."""
    assert kept_for_s(RULE, F) == 192
    assert kept_for_s(replace(RULE, error_s=1), F) == 128
    assert kept_for_s(Rule(swr_s=7), F) == 71
    assert kept_for_s(Rule(), F) == 64


def test_each_failure_makes_a_key_rest_twice_as_long_up_to_half_a_minute() -> None:
    """With the largest chance the whole of it, until, not including, its end."""
    rest = Rest()
    assert not rest.resting(0.0)
    for seconds_ in (0.5, 1, 2, 4, 8, 16, 30, 30, 30):
        rest.failed(100.0, 1.0)
        assert rest.until == 100.0 + seconds_
        assert rest.resting(before(rest.until))
        assert not rest.resting(rest.until)


def test_chance_at_most_halves_a_rest() -> None:
    """So that keys that failed together do not come back together."""
    rest = Rest()
    rest.failed(10.0, 0.0)
    assert rest.until == 10.25
    rest.failed(10.0, 0.5)
    assert rest.until == 10.75


def test_a_success_ends_the_rest() -> None:
    """And the next failure is the first again."""
    rest = Rest()
    rest.failed(0.0, 1.0)
    rest.failed(0.0, 1.0)
    rest.done()
    assert not rest.resting(0.0)
    rest.failed(0.0, 1.0)
    assert rest.until == 0.5
