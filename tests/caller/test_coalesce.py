"""Where caller and flight meet: what is sent, how long a caller waits, and what he is told when his time is over."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.caller import coalesce
from sidecar.model import (
    Answer,
    Call,
    Dialect,
    Exchange,
    Executed,
    Flight,
    Grade,
    Outcome,
    Progress,
    Refusal,
    Standing,
)
from tests.support.world import Scene, tickets

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))


def ready(scene: Scene, operation: str = "Reserve", **changes: object) -> Exchange:
    """Return an exchange as decode leaves it."""
    exchange = scene.exchange(operation.encode(), **changes)  # type: ignore[arg-type]  # keyword by keyword as Scene takes them
    exchange.backend, exchange.client = "tickets", "ada"
    exchange.body, exchange.body_at = operation.encode(), scene.clock.now()
    exchange.account = scene.memory.account("tickets")
    exchange.call = Call("tickets", "", operation, Dialect.SOAP11, (operation,), client="ada")
    return exchange


async def flown(scene: Scene, exchange: Exchange, took_s: float = 0.0, progress: Progress = Progress.BODY) -> Outcome:
    async def lane(flight: Flight) -> Outcome:
        flight.track.progress, flight.queue_s, flight.backend_s = progress, 0.25, 0.5
        await asyncio.sleep(took_s)
        return FINE

    assert exchange.call is not None
    return await coalesce.build(scene.scope(exchange.call.operation), scene.world, lane)(exchange)


async def test_what_the_flight_brought_is_the_answer() -> None:
    """With the two durations that the caller is told."""
    scene = Scene()
    exchange = ready(scene)
    assert await flown(scene, exchange) is FINE
    assert (exchange.queue_s, exchange.backend_s) == (0.25, 0.5)
    assert exchange.flight is not None


async def test_the_callers_own_bytes_are_sent() -> None:
    """Method, path of the endpoint, its query and rest, end-to-end lines as they came, the body untouched."""
    scene = Scene()
    lines = (
        ("Host", "us"),
        ("X-A", "1"),
        ("x-a", "2"),
        ("Connection", "X-Hop"),
        ("X-Hop", "3"),
        ("SOAPAction", '"theirs"'),
    )
    exchange = ready(scene, target="/tickets/GetSeats?b=2&a=%20", headers=lines)
    exchange.rest = "/GetSeats"
    await flown(scene, exchange)
    assert exchange.flight is not None
    sent = exchange.flight.outbound
    assert (sent.method, sent.target, sent.body) == ("POST", "/Tickets.asmx/GetSeats?b=2&a=%20", b"Reserve")
    assert sent.headers == ((b"X-A", b"1"), (b"x-a", b"2"), (b"SOAPAction", b'"theirs"'))


@pytest.mark.parametrize("believed", [True, False])
async def test_a_strangers_word_on_earlier_hops_is_not_sent(believed: bool) -> None:
    """The backend would believe it of us."""
    scene = Scene()
    exchange = ready(scene, headers=(("X-Forwarded-For", "198.51.100.1"), ("X-A", "1")))
    exchange.standing = Standing("ada", believed=believed)
    await flown(scene, exchange)
    assert exchange.flight is not None
    sent = [name for name, _ in exchange.flight.outbound.headers]
    assert sent == ([b"X-Forwarded-For", b"X-A"] if believed else [b"X-A"])


@pytest.mark.parametrize(("own", "rank"), [(None, "browse"), ("staff", "staff")])
async def test_a_callers_own_class_outranks_the_operations(own: str | None, rank: str) -> None:
    """In the line and among those who wait for the flight."""
    scene = Scene()
    exchange = ready(scene)
    exchange.standing = Standing("ada", client_class=own)
    await flown(scene, exchange)
    assert exchange.flight is not None
    assert exchange.flight.seat.client_class == rank
    assert exchange.flight.owner is not None
    assert exchange.flight.owner.client_class == rank


@pytest.mark.parametrize(
    ("url", "rest", "target"),
    [
        ("http://h", "", "/"),
        ("http://h/", "/Op", "/Op"),
        ("http://h/a.asmx", "", "/a.asmx"),
        ("http://h/a/", "/Op", "/a/Op"),
    ],
)
async def test_the_endpoints_path_is_the_base(url: str, rest: str, target: str) -> None:
    """One slash between them."""
    scene = Scene(tickets(endpoints=(("", url),)))
    exchange = ready(scene)
    exchange.rest = rest
    await flown(scene, exchange)
    assert exchange.flight is not None
    assert exchange.flight.outbound.target == target


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ('"urn:other"', b'"urn:right"'),
        ('"urn:right"', b'"urn:right"'),
        ("urn:right", b"urn:right"),
        ('""', b'"urn:right"'),
    ],
)
async def test_one_canonical_action_is_sent_where_it_is_known(given: str, sent: bytes) -> None:
    """What says the same keeps its spelling; a second line of it is dropped; where none came none is added."""
    scene = Scene()
    exchange = ready(scene, headers=(("SOAPAction", given), ("soapaction", '"second"'), ("X", "1")))
    assert exchange.call is not None
    exchange.call = exchange.call._replace(action="urn:right")
    await flown(scene, exchange)
    assert exchange.flight is not None
    assert exchange.flight.outbound.headers == ((b"SOAPAction", sent), (b"X", b"1"))


async def test_other_dialects_keep_their_lines() -> None:
    """SOAP 1.2 names its action elsewhere."""
    scene = Scene()
    exchange = ready(scene, headers=(("SOAPAction", '"x"'),))
    assert exchange.call is not None
    exchange.call = exchange.call._replace(action="urn:right", dialect=Dialect.SOAP12)
    await flown(scene, exchange)
    assert exchange.flight is not None
    assert exchange.flight.outbound.headers == ((b"SOAPAction", b'"x"'),)


@pytest.mark.parametrize(
    ("header", "waits_s"),
    [(None, 60.0), ("2", 2.0), ("2.5s", 2.5), (" 1500ms ", 1.5), ("600", 60.0), ("0", 0.0)],
)
async def test_how_long_a_caller_waits(header: str | None, waits_s: float) -> None:
    """The operation's timeout from the last byte of the request; Sidecar-Timeout only shortens it."""
    scene = Scene()
    exchange = ready(scene, headers=() if header is None else (("Sidecar-Timeout", header),))
    began = scene.clock.now()
    outcome = await flown(scene, exchange, took_s=1000.0)
    assert isinstance(outcome, Refusal)
    assert scene.clock.now() - began == pytest.approx(waits_s)
    assert exchange.flight is not None
    assert exchange.flight.seat.until == pytest.approx(began + waits_s)
    await asyncio.sleep(1000)


async def test_the_time_that_decoding_took_counts() -> None:
    """A caller whose body came three seconds ago has one of his four left."""
    scene = Scene()
    exchange = ready(scene, "GetSeats")
    await asyncio.sleep(3)
    began = scene.clock.now()
    assert isinstance(await flown(scene, exchange, took_s=1000.0), Refusal)
    assert scene.clock.now() - began == pytest.approx(1.0)
    await asyncio.sleep(1000)


@pytest.mark.parametrize("header", ["soon", "", "-1", "1h", "1e3", "1" * 7, "nan"])
async def test_a_timeout_that_is_none_is_refused(header: str) -> None:
    """Before anything is sent; guessing would make somebody wait."""
    scene = Scene()
    exchange = ready(scene, headers=(("Sidecar-Timeout", header),))
    outcome = await flown(scene, exchange)
    assert isinstance(outcome, Refusal)
    assert outcome.state == "malformed"
    assert exchange.flight is None


@pytest.mark.parametrize("progress", list(Progress))
@pytest.mark.parametrize("safe", [True, False])
async def test_what_a_caller_is_told_whose_time_is_over(progress: Progress, safe: bool) -> None:
    """How far the call had come; unknown only where a byte of the body may have left and it may change something."""
    flight = Scene().flight(safe=safe)
    flight.track.progress = progress
    refusal = coalesce.out_of_time(flight, 4.0)
    expected = {
        Progress.QUEUED: ("overloaded", "deadline", None),
        Progress.CONNECTING: ("backend_unreachable", "connect_timeout", Executed.NO),
        Progress.HEAD: ("backend_unreachable", "connect_timeout", Executed.NO),
    }.get(progress, ("outcome_unknown", "timeout", Executed.NO if safe else Executed.UNKNOWN))
    assert (refusal.state, refusal.reason, refusal.executed) == expected
    assert refusal.numbers == (("waited_ms", 4000),)


@pytest.mark.parametrize(
    ("progress", "safe", "told"),
    [
        (None, False, ("draining", None)),
        (Progress.QUEUED, False, ("draining", None)),
        (Progress.HEAD, False, ("draining", None)),
        (Progress.BODY, False, ("outcome_unknown", Executed.UNKNOWN)),
        (Progress.REPLY, False, ("outcome_unknown", Executed.UNKNOWN)),
        (Progress.REPLY, True, ("outcome_unknown", Executed.NO)),
    ],
)
async def test_what_a_caller_is_told_when_we_must_go(
    progress: Progress | None, safe: bool, told: tuple[str, Executed | None]
) -> None:
    """Draining says that nothing happened, so it is said only where that is certain."""
    scene = Scene()
    exchange = scene.exchange()
    if progress is not None:
        exchange.flight = scene.flight(safe=safe)
        exchange.flight.track.progress = progress
    refusal = coalesce.farewell(exchange)
    assert (refusal.state, refusal.executed) == told


async def test_it_says_how_long_a_caller_waits() -> None:
    """For explain."""
    assert coalesce.describe(Scene().scope("GetSeats")) == "private flights; a caller waits at most 4 s"
