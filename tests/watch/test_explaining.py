"""What Sidecar-Explain says: one structured field, bounded and ASCII whatever callers chose, with the numbers of the log and no value."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.answers import Entry
from sidecar.model import (
    Call,
    Dialect,
    Exchange,
    Executed,
    Flight,
    Grade,
    Level,
    Outbound,
    Peer,
    Refusal,
    Seat,
    SlotsView,
    Waiter,
)
from sidecar.policy.breaking import Forced, State, View
from sidecar.policy.sliding import Counts
from sidecar.watch.explaining import LONGEST, Explaining
from tests.support.world import Body, head

if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 8941: a dictionary of one member with parameters (sections 3.1.2, 3.2 and 3.3).
_TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
_VALUE = rf'(?:{_TOKEN}|-?[0-9]{{1,12}}(?:\.[0-9]{{1,3}})?|"(?:[ !#-\[\]-~]|\\["\\])*")'
_FIELD = re.compile(rf"[a-z][a-z0-9_]*={_VALUE}(?:;[a-z][a-z0-9_]*(?:={_VALUE})?)*")
CLOSED = View(State.CLOSED, None, None, Counts(12, 3, 1), 0, 1, 0, 0, 1)


class House:
    """A clock, slots and a gauge that stand still."""

    def now(self) -> float:
        return 10.25

    def view(self, backend: str) -> SlotsView:
        return SlotsView(8, 5, 1, 40)

    def level(self, backend: str) -> Level:
        return Level.STRAINED


class Breakers:
    """Breakers that stand as the test says."""

    def __init__(self, views: Mapping[str | None, View]) -> None:
        self._views = views

    def view(self, backend: str) -> Mapping[str | None, View]:
        return self._views


def asked(operation: str | None = "GetSeats", backend: str = "tickets") -> Exchange:
    exchange = Exchange(head(), Body(b""), Peer("192.0.2.1", tls=False), 10.0)
    exchange.backend, exchange.queue_s, exchange.backend_s = backend, 0.0123, 0.1
    if operation is not None:
        exchange.call = Call(backend, "", operation, Dialect.SOAP11)
    return exchange


def flown(exchange: Exchange) -> Flight:
    assert exchange.call is not None
    flight = Flight(exchange.call, Outbound("POST", "/", (), b""), True, Seat("tickets", "", "", "", 0.0), Any, 0.0)  # type: ignore[arg-type]  # no bytes are booked
    flight.attempts = 2
    exchange.flight, exchange.waiter = flight, Waiter("ada", "checkout", 20.0)
    return flight


def said(
    exchange: Exchange,
    state: str = "ok",
    reason: str | None = None,
    refusal: Refusal | None = None,
    breakers: Mapping[str | None, View] = MappingProxyType({None: CLOSED}),
) -> str:
    house: Any = House()
    explaining = Explaining(house, house, Breakers(breakers), house)
    value = explaining.of(exchange, state, reason, Executed.NO, refusal).decode("ascii")
    assert _FIELD.fullmatch(value)
    assert len(value) <= LONGEST
    return value


def test_an_answer_whole() -> None:
    """What came of it, from where, how far it came and how long that took, and how the backend stands."""
    exchange = asked()
    flown(exchange)
    assert said(exchange) == (
        "state=ok;executed=no;from=flight;backend=tickets;operation=GetSeats;class=checkout;attempts=2;queue_ms=12.3;backend_ms=100;"
        "total_ms=250;limit=8;in_flight=5;ghosts=1;queued=40;pressure=strained;"
        "breaker=closed;breaker_calls=12;breaker_failures=3;breaker_slow=1"
    )


def test_a_refusal_of_the_line_has_its_numbers() -> None:
    """As they were when it refused, under the names that the log has; the backend's slots are not said twice."""
    numbers = (("limit", 8), ("in_flight", 8), ("ghosts", 0), ("queued", 500), ("size", 500))
    value = said(asked(), "overloaded", "queue_full", Refusal("overloaded", "queue_full", numbers=numbers))
    assert value.startswith(
        "state=overloaded;reason=queue_full;executed=no;mechanism=queue;limit=8;in_flight=8;ghosts=0;queued=500;size=500;backend=tickets;"
    )
    assert value.count("limit=") == 1
    assert "from=" not in value


@pytest.mark.parametrize(
    ("refusal", "has"),
    [
        (
            Refusal("overloaded", "connections", numbers=(("in_flight", 5000), ("limit", 5000))),
            "connections_limit=5000",
        ),
        (
            Refusal("rate_limited", "client", numbers=(("limit", 2), ("period_s", 0.5))),
            "rate_limit=2;rate_period_s=0.5",
        ),
        (Refusal("too_large", limit_bytes=4096), "mechanism=size;size_limit=4096"),
        (Refusal("not_found", "path"), "mechanism=route;backend="),
    ],
)
def test_other_numbers_bear_the_name_of_their_part(refusal: Refusal, has: str) -> None:
    """A limit of connections is none of calls: beside it stand the backend's own."""
    value = said(asked(), refusal.state, refusal.reason, refusal)
    assert has in value
    assert ";limit=8;in_flight=5;" in value


@pytest.mark.parametrize(
    ("state", "flies", "kept", "source"),
    [
        ("cached", False, True, "cache"),
        ("stale", True, True, "cache"),
        ("backend_fault", False, True, "cache"),
        ("backend_fault", True, True, "flight"),
        ("fallback", True, False, "fallback"),
        ("replayed", False, False, "key"),
        ("partial", True, False, "flight"),
        ("ok", False, False, "sidecar"),
    ],
)
def test_from_where(state: str, flies: bool, kept: bool, source: str) -> None:
    """A stale answer after a flight that failed is the kept one's; a fault may be a kept one, too."""
    exchange = asked()
    if flies:
        flown(exchange)
    if kept:
        exchange.kept = Entry(
            b"k", "tickets", "", "GetSeats", Dialect.SOAP11, 0.0, 200, (), b"", Grade(state, Executed.NO)
        )
    assert f";from={source};" in said(exchange, state)


def test_a_breaker_that_is_open_or_held() -> None:
    """The backend's and the operation's own; another operation's is not his business."""
    cut = CLOSED._replace(state=State.CUT_OFF, left_s=4.5)
    held = CLOSED._replace(forced=Forced.CUT_OFF, left_s=60.0)
    value = said(asked(), breakers={None: cut, "GetSeats": held, "Reserve": cut})
    assert "breaker=cut_off;breaker_left_ms=4500;breaker_calls=12" in value
    assert "operation_breaker=closed;operation_breaker_forced=forced_cut_off;operation_breaker_left_ms=60000" in value
    assert value.count("cut_off;") == 2
    assert "breaker" not in said(asked(), breakers={})


def test_what_is_left_of_his_rates() -> None:
    """As `RateLimit` says it."""
    exchange = asked()
    exchange.rate_limit = (
        (b"RateLimit-Policy", b'"client";q=1;w=10'),
        (b"RateLimit", b'"client";r=0;t=10, "account Get*";r=3;t=1'),
    )
    assert said(exchange).endswith(';rates="client r=0 t=10, account Get* r=3 t=1"')


def test_what_went_wrong_on_purpose() -> None:
    """And that it followed somebody else's flight."""
    exchange = asked()
    flown(exchange).injected = "f1"
    exchange.joined = True
    assert ";from=flight;joined;backend=" in said(exchange)
    assert ";attempts=2;injected=f1;" in said(exchange)


def test_of_nothing_found_there_is_nothing_of_a_backend() -> None:
    """Nobody is asked about it."""
    assert said(asked(None, ""), "not_found", "path", Refusal("not_found", "path")) == (
        "state=not_found;reason=path;executed=no;mechanism=route;queue_ms=12.3;backend_ms=100;total_ms=250"
    )


def test_what_does_not_fit_is_left_out_whole() -> None:
    """What comes last is what an operator asks last."""
    exchange = asked()
    exchange.rate_limit = ((b"RateLimit", b"x" * LONGEST),)
    assert said(exchange) == said(asked())


@given(st.text(max_size=400), st.text(max_size=2000).map(lambda text: text.encode()))
def test_whatever_callers_choose(operation: str, told: bytes) -> None:
    """It stays one field, ASCII, and within its bound; what does not fit is left out whole."""
    exchange = asked(operation)
    exchange.rate_limit = ((b"RateLimit", told),)
    value = said(exchange)
    assert ";breaker_slow=1" in value
