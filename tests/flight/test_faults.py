"""Faults on purpose, at the stage: to everything outside it they look like the backend's own, and every response says that they hold."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.xmlrpc.adapter import XmlRpcAdapter
from sidecar import pipeline
from sidecar.caller import envelope
from sidecar.flight import faults, grade, queue, span
from sidecar.model import (
    Answer,
    Call,
    Dialect,
    Exchange,
    Executed,
    Failed,
    Grade,
    Injected,
    Level,
    Outbound,
    Progress,
    Protocol,
    Refusal,
)
from sidecar.plan import DebugPlan, Plan
from sidecar.policy.headers import to_backend, to_caller
from sidecar.policy.injection import Fault, Kind
from sidecar.tasks import spawn
from tests.support.world import OK, OK_BODY, RESET, Pieces, Scene, tickets

if TYPE_CHECKING:
    from sidecar.model import Flight, Outcome, Received, Reply
    from sidecar.ports import Adapter

pytestmark = pytest.mark.virtual


def inject(scene: Scene, kind: Kind, operation: str = "*", **more: Any) -> str:
    made = scene.injections.put("tickets", Fault(operation, kind, 600.0, **more), "alice", "a rehearsal")
    assert made is not None
    return made.id


class Inner:
    """What stands inside the stage: counts its calls, and takes no time."""

    def __init__(self, result: Received | Failed = OK) -> None:
        self.result, self.calls = result, 0

    async def __call__(self, flight: Flight) -> Received | Failed:
        self.calls += 1
        return self.result


async def run(
    scene: Scene, flight: Flight | None = None, result: Received | Failed = OK
) -> tuple[Received | Failed, Flight, Inner]:
    flight = flight or scene.flight("GetSeats")
    inner = Inner(result)
    stage = faults.build(scene.scope(flight.call.operation), scene.world, inner)
    came = await stage(flight)
    scene.injections.close()
    return came, flight, inner


async def test_where_nothing_holds_the_attempt_is_handed_through() -> None:
    """Its very awaitable: there is nothing between."""
    scene = Scene()
    handed = asyncio.get_running_loop().create_future()
    stage = faults.build(scene.scope(), scene.world, lambda _: handed)
    assert stage(scene.flight()) is handed


async def test_who_is_not_meant_meets_the_backend() -> None:
    """Another operation, another backend, a share that was not drawn: nothing is told."""
    scene = Scene()
    inject(scene, Kind.RESET, "Reserve")
    inject(scene, Kind.RESET, share=0.5)  # chance says 1.0 here
    scene.injections.put("seats", Fault("*", Kind.RESET, 600.0))
    flight = scene.flight("GetSeats")
    flight.injected = "f9"  # of the attempt before
    came, _, inner = await run(scene, flight)
    assert (came, inner.calls, flight.injected) == (OK, 1, "")
    assert scene.log.named("fault_injected") == []


async def test_a_call_of_several_is_meant_by_any_of_its_names() -> None:
    """Its own, and those that it carries."""
    scene = Scene()
    inject(scene, Kind.RESET, "GetSeats")
    flight = scene.flight("system.multicall")
    flight.call = Call("tickets", "", "system.multicall", Dialect.XMLRPC, ("Reserve", "GetSeats"))
    assert isinstance((await run(scene, flight))[0], Failed)
    scene.injections.clear("tickets")
    inject(scene, Kind.RESET, "system.*")
    flight = scene.flight("system.multicall")
    flight.call = Call("tickets", "", "system.multicall", Dialect.XMLRPC, ("Reserve", "GetSeats"))
    assert isinstance((await run(scene, flight))[0], Failed)


async def test_a_header_of_the_request_may_be_asked_for() -> None:
    """As it goes to the backend: what a shared flight does not carry, nobody is hit by."""
    scene = Scene()
    inject(scene, Kind.RESET, header=("x-chaos", "yes*"))
    meant = scene.flight("GetSeats")
    meant.outbound = Outbound("POST", "/", ((b"X-Chaos", b"yes"),), b"")
    assert isinstance((await run(scene, meant))[0], Failed)
    assert await run(scene, scene.flight("GetSeats")) != RESET


async def test_every_hit_is_a_line_of_the_log() -> None:
    """By which injection, of what kind, whose call."""
    scene = Scene()
    name = inject(scene, Kind.RESET)
    _, flight, _ = await run(scene)
    assert flight.injected == name
    assert scene.log.named("fault_injected") == [
        {"backend": "tickets", "operation": "GetSeats", "client": "ada", "id": "f1", "kind": "reset"}
    ]


async def test_latency_comes_before_the_attempt() -> None:
    """Nothing of the call has left meanwhile, so a caller who goes takes it with him."""
    scene, inner = Scene(), Inner()
    inject(scene, Kind.LATENCY, latency_s=2.0)
    stage = faults.build(scene.scope("GetSeats"), scene.world, inner)
    flight, began = scene.flight("GetSeats"), scene.clock.now()
    running = spawn(stage(flight), "attempt")
    await asyncio.sleep(1.9)
    assert (inner.calls, flight.sent) == (0, False)
    assert await running is OK
    assert scene.clock.now() - began == pytest.approx(2.0)
    assert inner.calls == 1
    assert flight.track.ghost is None
    scene.injections.close()


async def test_latency_beyond_the_bound_of_an_attempt_is_a_hang() -> None:
    """The backend has it, nobody answers in time, and a ghost keeps the slot for the rest."""
    scene = Scene()
    inject(scene, Kind.LATENCY, latency_s=10.0)
    began = scene.clock.now()
    came, flight, inner = await run(scene)
    assert isinstance(came, Failed)
    assert (came.state, came.reason, came.sent) == ("outcome_unknown", "timeout", True)
    assert "injected" in came.detail
    assert scene.clock.now() - began == pytest.approx(10.0)
    assert (inner.calls, flight.sent) == (0, True)
    assert flight.track.ghost is not None
    flight.track.ghost.close()


@pytest.mark.parametrize(("latency_s", "held_s"), [(13.0, 3.0), (100.0, 30.0)])
async def test_the_ghost_of_a_hang_ends_with_its_latency(latency_s: float, held_s: float) -> None:
    """Or with the ghost's own time, where that is shorter; then the slot is free."""
    scene = Scene(tickets(ghost_s=30.0))
    inject(scene, Kind.LATENCY, latency_s=latency_s)
    scope = scene.scope("GetSeats")
    inner = grade.build(scope, scene.world, faults.build(scope, scene.world, Inner()))
    outcome = await queue.build(scope, scene.world, inner)(scene.flight("GetSeats"))
    assert isinstance(outcome, Refusal)
    assert outcome.state == "outcome_unknown"
    assert scene.view == "0+1 of 2, 0 queued"
    await asyncio.sleep(held_s - 0.1)
    assert scene.view == "0+1 of 2, 0 queued"
    await asyncio.sleep(0.2)
    assert scene.view == "0+0 of 2, 0 queued"
    assert [line["state"] for line in scene.log.named("late_outcome")] == ["outcome_unknown"]
    scene.injections.close()


async def test_a_reset_is_a_call_that_was_sent_and_got_no_answer() -> None:
    """Though nothing of it ever reaches the backend."""
    scene = Scene()
    inject(scene, Kind.RESET)
    came, flight, inner = await run(scene, scene.flight("Reserve"))
    assert isinstance(came, Failed)
    assert (came.state, came.reason, came.sent, came.stale) == ("outcome_unknown", "reset", True, False)
    assert flight.track.progress is Progress.BODY
    assert inner.calls == 0


@pytest.mark.parametrize(("status", "phrase"), [(503, "Service Unavailable"), (404, "Not Found"), (599, "Error")])
async def test_a_status_comes_with_a_web_servers_page(status: int, phrase: str) -> None:
    """Also where nobody knows what the number means."""
    scene = Scene()
    inject(scene, Kind.ERROR, status=status)
    came, flight, inner = await run(scene)
    assert not isinstance(came, Failed)
    assert (came.status, came.phrase, came.size_bytes) == (status, phrase, len(came.body[0]))
    assert came.body[0].startswith(f"<html><head><title>{status} {phrase}<".encode())
    assert flight.track.progress is Progress.REPLY
    assert inner.calls == 0


def real(dialect: Dialect) -> Adapter:
    if dialect is Dialect.XMLRPC:
        return XmlRpcAdapter()
    return SoapAdapter(lambda: None)


@pytest.mark.parametrize(
    ("dialect", "protocol", "status"),
    [
        (Dialect.SOAP11, Protocol.SOAP, 500),
        (Dialect.SOAP12, Protocol.SOAP, 500),
        (Dialect.ASMX, Protocol.SOAP, 500),
        (Dialect.XMLRPC, Protocol.XMLRPC, 200),
        (Dialect.JSON, Protocol.SOAP, 500),
        (Dialect.JSON, Protocol.XMLRPC, 200),
    ],
)
async def test_a_fault_is_read_as_the_backends_own(dialect: Dialect, protocol: Protocol, status: int) -> None:
    """In the words of the one who asked, by the adapter that reads real ones; what it says of effect is a fault's."""
    scene = Scene(tickets(protocol=protocol))
    inject(scene, Kind.ERROR)
    flight = scene.flight("Reserve")
    flight.call = Call("tickets", "", "Reserve", dialect, ("Reserve",), client="ada")
    came, _, _ = await run(scene, flight)
    assert not isinstance(came, Failed)
    assert came.status == status
    reads = real(Dialect.XMLRPC if protocol is Protocol.XMLRPC else dialect)
    found = reads.grade(flight.call, came.status, came.headers, came.body, safe=False)
    assert (found.state, found.executed) == ("backend_fault", Executed.UNKNOWN)
    assert found.text == (None if dialect is Dialect.ASMX else "injected fault")
    assert b"injected fault" in came.body[0]


async def test_a_reply_ends_half_way() -> None:
    """The backend has done what it was asked to; half of what it says is passed on, in whatever pieces it came."""
    scene = Scene()
    inject(scene, Kind.TRUNCATE)
    whole = OK._replace(body=(b"<a>12", b"345", b"67</a>"), size_bytes=14)
    came, _, inner = await run(scene, result=whole)
    assert not isinstance(came, Failed)
    assert (came.body, came.size_bytes, inner.calls) == ((b"<a>12", b"34"), 7, 1)
    assert came.headers == OK.headers


async def test_half_of_nothing_is_nothing() -> None:
    """An empty reply stays one, a failure stays what it is."""
    scene = Scene()
    inject(scene, Kind.TRUNCATE)
    assert (await run(scene, result=OK._replace(body=(b"x",), size_bytes=1)))[0] == OK._replace(body=(), size_bytes=0)
    assert (await run(scene, result=RESET))[0] is RESET


async def test_half_a_reply_is_a_bad_one() -> None:
    """To those who read real ones."""
    scene = Scene()
    inject(scene, Kind.TRUNCATE)
    message = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetSeatsResponse/></s:Body></s:Envelope>'
    came, flight, _ = await run(scene, result=OK._replace(body=(message,), size_bytes=len(message)))
    assert not isinstance(came, Failed)
    found = real(Dialect.SOAP11).grade(flight.call, 200, came.headers, came.body, safe=True)
    assert (found.state, found.reason) == ("backend_bad_reply", "truncated")


async def test_a_reply_on_its_way_breaks_off() -> None:
    """After what is here; its connection is closed by who reads it."""
    scene, pieces = Scene(), Pieces(b"more")
    inject(scene, Kind.TRUNCATE)
    came, _, _ = await run(scene, result=pieces.received())
    assert not isinstance(came, Failed)
    assert came.body == (OK_BODY,)
    assert came.stream is not None
    with pytest.raises(ConnectionResetError, match="injected"):
        await came.stream.next()
    came.stream.close()
    assert pieces.closed == 1


async def test_it_counts_as_the_backends_doing() -> None:
    """Its time is the attempt's, and its failure strains the backend."""
    scene = Scene()
    inject(scene, Kind.ERROR, "GetSeats", status=503)
    inject(scene, Kind.LATENCY, "Reserve", latency_s=1.5)
    for operation, took_s, level in (("Reserve", 1.5, Level.OK), ("GetSeats", 0.0, Level.STRAINED)):
        scope = scene.scope(operation)
        inner = grade.build(scope, scene.world, faults.build(scope, scene.world, Inner()))
        flight = scene.flight(operation)
        await span.build(scope, scene.world, inner)(flight)
        assert flight.backend_s == pytest.approx(took_s)
        assert scene.pressure.level("tickets") is level
    scene.injections.close()


DEBUGGED = Plan(debug=DebugPlan("0123456789abcdef"))
OWN = Injected("request", "error", status=503)


async def test_what_a_flight_brings_itself_comes_first() -> None:
    """Each attempt meets it, and no rule's count moves; its line says that a request wanted it."""
    scene = Scene(plan=DEBUGGED)
    name = inject(scene, Kind.RESET)
    flight = scene.flight("GetSeats")
    flight.fault = OWN
    for _ in range(2):
        came, _, inner = await run(scene, flight)
        assert not isinstance(came, Failed)
        assert (came.status, inner.calls, flight.injected) == (503, 0, "request")
    assert scene.injections.at("tickets").hits(name) == 0
    assert [(line["id"], line["kind"]) for line in scene.log.named("fault_injected")] == [("request", "error")] * 2


async def test_who_brings_none_is_handed_through() -> None:
    """Where requests may, as where they may not; a rule that holds is met by everybody."""
    scene = Scene(plan=DEBUGGED)
    handed = asyncio.get_running_loop().create_future()
    stage = faults.build(scene.scope(), scene.world, lambda _: handed)
    assert stage(scene.flight()) is handed
    inject(scene, Kind.RESET)
    assert isinstance((await run(scene))[0], Failed)


async def test_where_nobody_may_it_is_not_looked_at() -> None:
    """A flight cannot bring one there; the stage costs what it did."""
    scene = Scene()
    flight = scene.flight()
    flight.fault = OWN
    assert (await run(scene, flight))[0] is OK


async def test_an_injection_that_ends_is_met_by_nobody_behind_it() -> None:
    """To the moment, and without anybody's help."""
    scene = Scene()
    inject(scene, Kind.RESET)
    await asyncio.sleep(599.9)
    assert isinstance((await run(scene))[0], Failed)
    await asyncio.sleep(0.2)
    assert (await run(scene))[0] is OK


async def test_documents_are_no_operation() -> None:
    """They are fetched as they are: no pattern means them."""
    scene = Scene()
    assert faults.applies(scene.scope("GetSeats"))
    document = replace(scene.backend.operation("GetSeats"), pattern=faults.DOCUMENT)
    assert not faults.applies(replace(scene.scope(), operation=document))


async def test_it_says_what_the_settings_inject() -> None:
    """For explain; what orders inject is on the status."""
    assert faults.describe(Scene().scope()) == (
        "none from the settings; orders may add some, 20 in all, each for 60 min at most"
    )
    asked = (Fault("Get*", Kind.RESET, 60.0, share=0.1), Fault("*", Kind.LATENCY, 60.0, latency_s=2.0))
    said = faults.describe(Scene(tickets(inject=asked)).scope())
    assert said.startswith("reset on Get*, 10% of them; latency 2s on * from the settings")
    assert faults.describe(Scene(plan=DEBUGGED).scope()).endswith(
        "; a request with the token of debug may ask for its own"
    )


# What every response says


async def replied(scene: Scene, outcome: Outcome, operation: str | None = "GetSeats", injected: str = "") -> Reply:
    async def inner(exchange: Exchange) -> Outcome:
        exchange.backend = "tickets"
        if operation is not None:
            exchange.call = Call("tickets", "", operation, Dialect.SOAP11, (operation,))
            exchange.flight = scene.flight(operation)
            exchange.flight.injected = injected
        return outcome

    reply = await envelope.build(scene.scope(), scene.world, inner)(scene.exchange())
    scene.injections.close()
    return reply


def named(reply: Reply) -> str | None:
    return next((value.decode() for name, value in reply.headers if name == b"Sidecar-Fault"), None)


FINE = Answer(200, "OK", (), (OK_BODY,), len(OK_BODY), Grade("ok", Executed.YES))
HELD = 'injected;kind=reset;id=f1;until="2026-12-01T09:10:00.000Z"'


@pytest.mark.parametrize(
    "outcome", [FINE, Refusal("overloaded", "queue_full"), FINE._replace(block=b"Age: 1\r\nX-Request-Id: %b\r\n")]
)
async def test_every_response_of_the_operation_names_what_holds(outcome: Outcome) -> None:
    """An answer, a refusal, one that was kept and is sent as it was written: with the kind, the id and the end."""
    scene = Scene()
    inject(scene, Kind.RESET)
    reply = await replied(scene, outcome)
    assert named(reply) == HELD
    assert not reply.block or reply.block.endswith(f"\r\nSidecar-Fault: {HELD}\r\n".encode())


async def test_whose_own_call_was_hit_is_told_so() -> None:
    """By a flag on the injection that it met, and on no other."""
    scene = Scene()
    inject(scene, Kind.RESET)
    inject(scene, Kind.TRUNCATE, "Get*")
    said = str(named(await replied(scene, FINE, injected="f2")))
    assert said == f'{HELD}, injected;kind=truncate;id=f2;until="2026-12-01T09:10:00.000Z";hit'


@pytest.mark.parametrize("operation", ["Reserve", None])
async def test_other_responses_name_nothing(operation: str | None) -> None:
    """Of another operation, or of a request that nobody could read the operation of."""
    scene = Scene()
    inject(scene, Kind.RESET, "GetSeats")
    assert named(await replied(scene, FINE, operation)) is None


async def test_a_backend_cannot_say_it() -> None:
    """What the backend calls by that name stays here, and what a caller does never reaches the backend."""
    assert to_caller(((b"Sidecar-Fault", b"injected"), (b"X-Own", b"1"))) == [(b"X-Own", b"1")]
    assert to_caller(((b"sidecar-explain", b"state=ok"), (b"X-Own", b"1"))) == [(b"X-Own", b"1")]
    assert to_backend(((b"Sidecar-Fault", b"latency=2s"), (b"X-Own", b"1"))) == [(b"X-Own", b"1")]


async def test_the_whole_lane_meets_it() -> None:
    """Folded as it runs: the answer of the backend comes, late, through every stage; its log line and its header say so."""
    scene = Scene()
    scene.upstream.auto = lambda _: OK
    inject(scene, Kind.LATENCY, latency_s=2.0)
    began = scene.clock.now()
    reply = await pipeline.build(scene.plan, scene.world)(scene.exchange(b"GetSeats 2"))
    assert (reply.status, reply.body) == (200, (OK_BODY,))
    assert str(named(reply)).endswith(";hit")
    assert scene.clock.now() - began == pytest.approx(2.0)
    assert [line["kind"] for line in scene.log.named("fault_injected")] == ["latency"]
    scene.injections.close()
