"""Faults on purpose: whom they hit, that each ends by itself, and that a machine finds no order of orders in which one does not."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.model import Injected
from sidecar.policy.injection import (
    LATENCY_MAX_S,
    LONGEST_S,
    MOST,
    Fault,
    Injections,
    Kind,
    asked,
    header_of,
    worded,
)


def fault(kind: Kind = Kind.RESET, operation: str = "*", for_s: float = 60.0, **more: Any) -> Fault:
    return Fault(operation, kind, for_s, **({"latency_s": 2.0} if kind is Kind.LATENCY else {}) | more)


def always() -> float:
    return 0.0


def nobody() -> float:
    raise AssertionError("no chance was to be taken")


def ask(here: Injections, now: float = 0.0, name: str = "GetSeats", **more: Any) -> Injected | None:
    return here.ask(now, (name,), more.get("headers", ()), more.get("chance", nobody))


def test_an_injection_hits_until_its_end_and_no_longer() -> None:
    """To the last moment before it, and not at it, whether or not anybody has cleared up."""
    here = Injections()
    made = here.put(100, fault(for_s=60), "alice", "a rehearsal")
    assert made is not None
    assert (made.since, made.until, made.by, made.reason) == (100, 160, "alice", "a rehearsal")
    assert ask(here, 159.9) == Injected("f1", "reset")
    assert ask(here, 160) is None
    assert here.on(159.9, ("GetSeats",)) == [made]
    assert here.on(160, ("GetSeats",)) == []
    assert here.expired(159.9) == {}
    assert here.next_end == 160
    assert here.expired(160) == {made: 1}
    assert here.expired(160) == {}
    assert here.holding == ()
    assert here.next_end is None


@pytest.mark.parametrize("for_s", [0.0, -1.0, LONGEST_S + 0.001, math.inf, math.nan])
def test_none_is_without_an_end_or_longer_than_an_hour(for_s: float) -> None:
    """It cannot even be said."""
    with pytest.raises(ValueError, match="must end within 1h"):
        fault(for_s=for_s)


def test_an_hour_and_every_bound_belong_to_the_range() -> None:
    """What stands in a message as a bound may be asked for."""
    assert LONGEST_S == 3600
    assert fault(for_s=LONGEST_S).for_s == 3600
    assert fault(share=1.0).share == 1
    assert fault(Kind.LATENCY, latency_s=LATENCY_MAX_S).latency_s == 300
    assert fault(Kind.LATENCY, latency_s=2.0, jitter_s=2.0).jitter_s == 2
    assert [fault(Kind.ERROR, status=status).status for status in (400, 599)] == [400, 599]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"share": 0.0}, "share"),
        ({"share": 1.001}, "share"),
        ({"share": math.nan}, "share"),
        ({"kind": Kind.LATENCY, "latency_s": 0.0}, "from above 0s to 5m"),
        ({"kind": Kind.LATENCY, "latency_s": -1.0}, "from above 0s"),
        ({"kind": Kind.LATENCY, "latency_s": LATENCY_MAX_S + 0.1}, "from above 0s to 5m"),
        ({"kind": Kind.LATENCY, "latency_s": LATENCY_MAX_S - 1, "jitter_s": 1.5}, "what it gives included"),
        ({"kind": Kind.LATENCY, "latency_s": 1.0, "jitter_s": 1.1}, "more than it is"),
        ({"kind": Kind.LATENCY, "latency_s": 1.0, "jitter_s": -0.1}, "more than it is"),
        ({"kind": Kind.ERROR, "status": 399}, "from 400 to 599"),
        ({"kind": Kind.ERROR, "status": 600}, "from 400 to 599"),
    ],
)
def test_what_nobody_may_ask_for(wrong: dict[str, Any], words: str) -> None:
    """The message says what may be asked for."""
    with pytest.raises(ValueError, match=words):
        fault(**wrong)


def test_it_is_for_the_operations_of_its_pattern() -> None:
    """Any of a call's names will do: a multicall has several."""
    here = Injections()
    here.put(0, fault(operation="GetSeats*"))
    assert ask(here, name="GetSeatsEx") is not None
    assert ask(here, name="getseats") is None, "names have their case"
    assert ask(here, name="Reserve") is None
    assert here.ask(0, ("system.multicall", "Reserve", "GetSeats"), (), nobody) is not None
    assert here.on(0, ("Reserve",)) == []
    assert len(here.on(0, ("Reserve", "GetSeats"))) == 1


@pytest.mark.parametrize(
    ("headers", "hits"),
    [
        (((b"X-Chaos", b"yes, please"),), True),
        (((b"x-chaos", b"yes"),), True),
        (((b"X-Chaos", b"no"), (b"X-CHAOS", b"yes")), True),
        (((b"X-Chaos", b"no"),), False),
        (((b"X-Other", b"yes"),), False),
        ((), False),
    ],
)
def test_a_header_narrows_it(headers: tuple[tuple[bytes, bytes], ...], hits: bool) -> None:
    """Its name whatever its case, its value by the pattern; any of several lines will do. Whoever asks what holds is told all the same."""
    here = Injections()
    here.put(0, fault(header=("x-chaos", "yes*")))
    assert (ask(here, headers=headers) is not None) is hits
    assert len(here.on(0, ("GetSeats",))) == 1


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("X-Chaos=yes*", ("x-chaos", "yes*")),
        (" X-Chaos = a=b ", ("x-chaos", "a=b")),
        ("", None),
        ("X-Chaos", None),
        ("X-Chaos=", None),
        ("=yes", None),
        ("X Chaos=yes", None),
        ("Chäos=yes", None),
    ],
)
def test_a_header_as_it_is_written(text: str, header: tuple[str, str] | None) -> None:
    """A name and a pattern, or nothing."""
    assert header_of(text) == header


def test_a_share_is_a_matter_of_chance() -> None:
    """It hits below its share and not at it, and one that hits everybody asks nobody."""
    here = Injections()
    here.put(0, fault(share=0.25))
    assert ask(here, chance=lambda: 0.2499) is not None
    assert ask(here, chance=lambda: 0.25) is None
    here.clear()
    here.put(0, fault(share=1.0))
    assert ask(here, chance=nobody) is not None


@pytest.mark.parametrize(("drawn", "delay_s"), [(0.0, 1.5), (0.5, 2.0), (0.75, 2.25)])
def test_a_latency_gives_or_takes(drawn: float, delay_s: float) -> None:
    """Evenly around what was asked for."""
    here = Injections()
    here.put(0, fault(Kind.LATENCY, latency_s=2.0, jitter_s=0.5))
    hit = ask(here, chance=lambda: drawn)
    assert hit is not None
    assert hit.delay_s == pytest.approx(delay_s)


def test_a_latency_alone_draws_nothing() -> None:
    """It is what it is; and only latency is late."""
    here = Injections()
    here.put(0, fault(Kind.LATENCY, latency_s=2.0))
    hit = ask(here, chance=nobody)
    assert hit is not None
    assert hit.delay_s == 2.0


def test_the_first_that_hits_decides() -> None:
    """In the order in which they were asked for; who is not hit by one may be hit by the next."""
    here = Injections()
    first, second = here.put(0, fault(share=0.5)), here.put(0, fault(Kind.TRUNCATE))
    draws = iter([0.7, 0.2])
    hits = [ask(here, chance=lambda: next(draws)) for _ in range(2)]
    assert [hit and (hit.id, hit.kind) for hit in hits] == [("f2", "truncate"), ("f1", "reset")]
    assert first is not None
    assert second is not None
    assert [here.hits(each.id) for each in (first, second)] == [1, 1]
    assert here.hits("f9") == 0


def test_one_or_all_are_cleared() -> None:
    """By id, or without one; what ends is returned once, with its count, which is then forgotten."""
    here = Injections()
    made = [here.put(0, fault()) for _ in range(3)]
    assert [each and each.id for each in made] == ["f1", "f2", "f3"]
    ask(here)
    assert here.clear("f9") == {}
    assert here.clear("f1") == {made[0]: 1}
    assert here.hits("f1") == 0
    assert here.holding == (made[1], made[2])
    assert here.clear() == {made[1]: 0, made[2]: 0}
    assert here.clear() == {}


def test_there_are_only_so_many() -> None:
    """One more is not taken until another has ended."""
    here = Injections(most=2)
    here.put(0, fault())
    here.put(0, fault())
    assert here.put(0, fault()) is None
    here.clear("f1")
    assert here.put(0, fault()) is not None
    assert MOST == 20


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (fault(), "reset on *"),
        (fault(Kind.TRUNCATE, "Get*", share=0.1), "truncate on Get*, 10% of them"),
        (fault(Kind.LATENCY, latency_s=2.0), "latency 2s on *"),
        (fault(Kind.LATENCY, latency_s=2.0, jitter_s=0.5), "latency 2s~500ms on *"),
        (fault(Kind.ERROR, header=("x-chaos", "y*")), "error fault on *, where x-chaos is y*"),
        (fault(Kind.ERROR, status=503), "error 503 on *"),
    ],
)
def test_it_says_what_it_is(asked: Fault, text: str) -> None:
    """In the words in which it is asked for."""
    assert asked.text == text


def test_what_holds_can_be_read() -> None:
    """And how often it has hit."""
    here = Injections()
    assert repr(here) == "<Injections none>"
    here.put(0, fault())
    here.put(0, fault(Kind.ERROR))
    ask(here)
    assert repr(here) == "<Injections f1 reset on *, 1 hit; f2 error fault on *, 0 hit>"


@pytest.mark.parametrize(
    ("kind", "value", "means"),
    [
        (Kind.LATENCY, "2s", (2.0, 0.0, 0)),
        (Kind.LATENCY, "2s~500ms", (2.0, 0.5, 0)),
        (Kind.ERROR, "", (0.0, 0.0, 0)),
        (Kind.ERROR, "fault", (0.0, 0.0, 0)),
        (Kind.ERROR, "503", (0.0, 0.0, 503)),
        (Kind.RESET, "", (0.0, 0.0, 0)),
        (Kind.TRUNCATE, "", (0.0, 0.0, 0)),
    ],
)
def test_a_value_as_it_is_written(kind: Kind, value: str, means: tuple[float, float, int]) -> None:
    """The same words on the command line, in an order and on the screen."""
    assert worded(kind, value) == means


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Kind.LATENCY, "", "duration as in 2s"),
        (Kind.LATENCY, "2", "duration as in 2s"),
        (Kind.LATENCY, "2s~soon", "as in 2s~500ms"),
        (Kind.ERROR, "teapot", "status as in 503, or the word fault"),
        (Kind.ERROR, "5030", "status as in 503"),
        (Kind.ERROR, "٥٠٣", "status as in 503"),
        (Kind.RESET, "2s", "reset takes no value"),
        (Kind.TRUNCATE, "half", "truncate takes no value"),
    ],
)
def test_a_value_that_says_nothing(kind: Kind, value: str, words: str) -> None:
    """The message says what may be written."""
    with pytest.raises(ValueError, match=words):
        worded(kind, value)


@given(st.floats(0.001, LATENCY_MAX_S), st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_no_latency_is_below_nothing_or_above_what_was_said(latency_s: float, part: float, drawn: float) -> None:
    """Whatever is drawn, it lies within what gives or takes."""
    jitter_s = min(latency_s * part, LATENCY_MAX_S - latency_s)
    here = Injections()
    here.put(0, fault(Kind.LATENCY, latency_s=latency_s, jitter_s=jitter_s))
    hit = ask(here, chance=lambda: drawn)
    assert hit is not None
    assert max(0.0, latency_s - jitter_s) - 1e-9 <= hit.delay_s <= min(latency_s + jitter_s, LATENCY_MAX_S) + 1e-9


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("latency=2s", Injected("request", "latency", 2.0)),
        (" latency=2s~500ms ", Injected("request", "latency", 2.5)),
        ("latency=5m", Injected("request", "latency", LATENCY_MAX_S)),
        ("error=503", Injected("request", "error", status=503)),
        ("error=fault", Injected("request", "error")),
        ("error", Injected("request", "error")),
        ("reset", Injected("request", "reset")),
        ("truncate", Injected("request", "truncate")),
    ],
)
def test_what_a_request_asks_for(text: str, means: Injected) -> None:
    """As orders and settings spell it; the chance is drawn once, for all of its attempts."""
    assert asked(text, lambda: 1.0) == means


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "one of latency=2s, error=503, error=fault, reset and truncate"),
        ("Reset", "one of latency"),
        ("reset, truncate", "one of latency"),
        ("latency", "a duration as in 2s"),
        ("latency=2", "a duration as in 2s"),
        ("latency=301s", "from above 0s to 5m"),
        ("latency=4m~2m", "what it gives included"),
        ("latency=1s~2s", "more than it is"),
        ("error=teapot", "a status as in 503, or the word fault"),
        ("error=200", "from 400 to 599"),
        ("reset=now", "reset takes no value"),
    ],
)
def test_what_a_request_cannot_ask_for(text: str, words: str) -> None:
    """The bounds are everybody's, and the message never repeats what was sent."""
    with pytest.raises(ValueError, match=words) as raised:
        asked(text, nobody)
    assert "teapot" not in str(raised.value)


class Machine(RuleBasedStateMachine):
    """Whatever is put, cleared and waited for, nothing hits past its end, nothing lasts an hour, and the bound holds."""

    def __init__(self) -> None:
        super().__init__()
        self.here, self.now = Injections(most=3), 0.0
        self.model: dict[str, tuple[str, float]] = {}  # operation and end by id

    @rule(operation=st.sampled_from(["a", "b", "*"]), for_s=st.floats(0.001, LONGEST_S))
    def put(self, operation: str, for_s: float) -> None:
        made = self.here.put(self.now, fault(operation=operation, for_s=for_s))
        assert (made is None) == (len(self.model) >= 3)
        if made is not None:
            assert made.id not in self.model
            self.model[made.id] = (operation, self.now + for_s)

    @rule(number=st.integers(1, 20))
    def clear(self, number: int) -> None:
        ended = [each.id for each in self.here.clear(f"f{number}")]
        assert ended == ([f"f{number}"] if f"f{number}" in self.model else [])
        self.model.pop(f"f{number}", None)

    @rule()
    def clear_all(self) -> None:
        assert [each.id for each in self.here.clear()] == list(self.model)
        self.model.clear()

    @rule(wait_s=st.sampled_from([0.5, 60.0, 1800.0, 40_000.0]))
    def wait(self, wait_s: float) -> None:
        self.now += wait_s

    @rule()
    def tidy(self) -> None:
        over = {name for name, (_, until) in self.model.items() if until <= self.now}
        assert {each.id for each in self.here.expired(self.now)} == over
        for each in over:
            del self.model[each]

    @rule(name=st.sampled_from(["a", "b", "c"]))
    def ask(self, name: str) -> None:
        hit = self.here.ask(self.now, (name,), (), nobody)
        meant = [
            each for each, (operation, until) in self.model.items() if operation in (name, "*") and until > self.now
        ]
        assert (hit.id if hit else None) == (meant[0] if meant else None)
        assert [each.id for each in self.here.on(self.now, (name,))] == meant

    @invariant()
    def bounded(self) -> None:
        assert [each.id for each in self.here.holding] == list(self.model)
        assert all(each.until - each.since <= LONGEST_S + 1e-6 for each in self.here.holding)
        assert self.here.next_end == min((until for _, until in self.model.values()), default=None)


TestMachine = Machine.TestCase
