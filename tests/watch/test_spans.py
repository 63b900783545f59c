"""Spans: a server's for each request, a client's for each attempt, as a collector gets them; and what it costs nobody when it is gone."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from sidecar.caller import envelope
from sidecar.flight import span
from sidecar.model import Answer, Executed, Grade, Outbound, Refusal
from sidecar.tasks import spawn
from sidecar.watch import spans as module
from sidecar.watch.spans import Tracing
from sidecar.watch.watching import Watching
from tests.support.collector import CLIENT, SERVER, Collector
from tests.support.ports import free_port
from tests.support.world import LoopClock, Recorder, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from sidecar.model import Exchange, Flight, Outcome, RawHeaders

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
ERROR = 2  # StatusCode
FINE = Answer(200, "OK", (), (b"<ok/>",), 5, Grade("ok", Executed.YES))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        yield server


@pytest.fixture(autouse=True)
async def nothing_goes_on() -> AsyncIterator[None]:
    """After the end nobody sends any more: a thread that tries again draws from the random numbers of everybody in this process."""
    yield
    for thread in threading.enumerate():
        if thread.name in ("spans", "OtelBatchSpanRecordProcessor"):
            await asyncio.to_thread(thread.join, 2.0)
            assert not thread.is_alive(), thread.name


class Road:
    """The two lanes as far as spans see them: an envelope whose inside flies, in a task of its own, to an attempt."""

    def __init__(self, tracing: Tracing) -> None:
        self.scene = Scene()
        self.scene.world = replace(self.scene.world, watch=tracing)
        self.sent: list[RawHeaders] = []
        self.outcomes: list[Outcome] = []
        self.attempts = 1
        self.lane = span.build(self.scene.scope(), self.scene.world, self._attempt)
        self.ask = envelope.build(self.scene.scope(), self.scene.world, self._fly)

    async def _attempt(self, flight: Flight) -> Outcome:
        self.sent.append(flight.outbound.headers)
        return self.outcomes.pop(0) if self.outcomes else FINE

    async def _fly(self, exchange: Exchange) -> Outcome:
        exchange.backend = "tickets"
        flight = self.scene.flight("Reserve")
        exchange.call, exchange.flight = flight.call, flight
        flight.outbound = Outbound("POST", "/", exchange.head.raw, b"")

        async def fly() -> Outcome:
            for _ in range(self.attempts - 1):
                await self.lane(flight)
            return await self.lane(flight)

        return await spawn(fly(), "flight")

    async def request(self, *headers: tuple[str, str]) -> None:
        await self.ask(self.scene.exchange(headers=headers))

    def traceparents(self) -> list[str]:
        return [value.decode() for name, value in self.sent[-1] if name.lower() == b"traceparent"]


@asynccontextmanager
async def tracing(url: str, sample: float = 1.0, log: Recorder | None = None) -> AsyncIterator[Road]:
    """Trace for the length of a block; afterwards everything has been sent."""
    recorder = log or Recorder()
    one = Tracing(Watching(LoopClock(), recorder), url, sample)
    road = Road(one)
    road.scene.log = recorder
    yield road
    await one.close()


def attributes(one: Span) -> dict[str, Any]:
    return {
        each.key: each.value.string_value if each.value.HasField("string_value") else each.value.int_value
        for each in one.attributes
    }


async def test_a_request_and_its_attempt_are_parent_and_child(collector: Collector) -> None:
    """Across the tasks of both lanes; with what an operator asks for first."""
    async with tracing(collector.url + "/") as road:
        await road.request()
        (told,) = road.traceparents()
    (server,), (client,) = collector.of(SERVER), collector.of(CLIENT)
    assert collector.paths == ["/v1/traces"]
    assert collector.resource["service.name"] == "sidecar"
    assert (server.trace_id, server.span_id) == (client.trace_id, client.parent_span_id)
    assert server.parent_span_id == b""
    assert (server.name, client.name) == ("tickets Reserve", "tickets Reserve")
    common = {
        "sidecar.backend": "tickets",
        "sidecar.operation": "Reserve",
        "sidecar.state": "ok",
        "sidecar.executed": "yes",
    }
    assert attributes(client) == {**common, "sidecar.dialect": "soap11", "sidecar.attempt": 1}
    assert attributes(server) == {
        **common,
        "sidecar.dialect": "json",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "sidecar.request_id": "id-1",
    }
    assert told == f"00-{client.trace_id.hex()}-{client.span_id.hex()}-{told[-2:]}"
    assert int(told[-2:], 16) & 1


async def test_a_callers_trace_goes_on(collector: Collector) -> None:
    """Its parent is the caller's span, the backend's parent is ours, and tracestate is everybody's."""
    async with tracing(collector.url) as road:
        await road.request(("traceparent", SAMPLED), ("tracestate", "vendor=1"))
        (told,) = road.traceparents()
        assert (b"tracestate", b"vendor=1") in road.sent[-1]
        assert road.scene.log.named("access")[0]["traceparent"] == SAMPLED
    (server,), (client,) = collector.of(SERVER), collector.of(CLIENT)
    assert server.trace_id.hex() == client.trace_id.hex() == TRACE
    assert server.parent_span_id.hex() == PARENT
    assert told.split("-")[1:3] == [TRACE, client.span_id.hex()]


async def test_a_trace_that_we_begin_is_logged(collector: Collector) -> None:
    """So that a line leads to its spans."""
    async with tracing(collector.url) as road:
        await road.request()
    (line,) = road.scene.log.named("access")
    (server,) = collector.of(SERVER)
    assert str(line["traceparent"]).split("-")[1:3] == [server.trace_id.hex(), server.span_id.hex()]


async def test_who_decided_against_a_trace_is_obeyed(collector: Collector) -> None:
    """Nothing is recorded, and what he sent goes on untouched."""
    async with tracing(collector.url) as road:
        await road.request(("traceparent", UNSAMPLED))
        assert road.traceparents() == [UNSAMPLED]
        assert road.scene.log.named("access")[0]["traceparent"] == UNSAMPLED
    assert collector.spans == []


async def test_a_part_is_sampled_and_the_rest_is_told_so(collector: Collector) -> None:
    """Our decision is the backend's, too: it should not begin traces of its own."""
    async with tracing(collector.url, sample=0.0) as road:
        await road.request()
        (told,) = road.traceparents()
        await road.request(("traceparent", SAMPLED))
    assert not int(told[-2:], 16) & 1
    assert len(collector.of(SERVER)) == 1, "the caller had decided"


@pytest.mark.parametrize("odd", [("traceparent", "4111-1111"), ("Traceparent", "00-" + "0" * 32 + f"-{PARENT}-01")])
async def test_an_odd_trace_is_replaced(collector: Collector, odd: tuple[str, str]) -> None:
    """With its state, which belongs to it (section 4.3 of the recommendation)."""
    async with tracing(collector.url) as road:
        await road.request(odd, ("tracestate", "vendor=1"), ("X-Other", "stays"))
        (told,) = road.traceparents()
    (client,) = collector.of(CLIENT)
    assert client.span_id.hex() in told
    names = [name.lower() for name, _ in road.sent[-1]]
    assert (names.count(b"tracestate"), names.count(b"x-other")) == (0, 1)


async def test_two_parents_are_none(collector: Collector) -> None:
    """Nobody has two."""
    async with tracing(collector.url) as road:
        await road.request(("traceparent", SAMPLED), ("traceparent", SAMPLED))
        assert len(road.traceparents()) == 1
    (server,) = collector.of(SERVER)
    assert server.trace_id.hex() != TRACE


async def test_each_attempt_has_its_own_span(collector: Collector) -> None:
    """And the backend sees the one of the attempt that it got; what failed is an error."""
    async with tracing(collector.url) as road:
        road.attempts = 2
        road.outcomes = [Refusal("outcome_unknown", "reset", executed=Executed.NO), FINE]
        await road.request()
        second = road.traceparents()
    failed, fine = sorted(collector.of(CLIENT), key=lambda each: attributes(each)["sidecar.attempt"])
    assert (attributes(failed)["sidecar.state"], attributes(failed)["sidecar.reason"]) == ("outcome_unknown", "reset")
    assert (failed.status.code, fine.status.code) == (ERROR, 0)
    assert [one.split("-")[2] for one in second] == [fine.span_id.hex()]


async def test_a_refusal_is_an_error_of_its_request(collector: Collector) -> None:
    """Where we could not serve; a request that was wrong is none."""
    async with tracing(collector.url) as road:
        road.outcomes = [Refusal("backend_unreachable", "refused", executed=Executed.NO), Refusal("malformed", "xml")]
        await road.request()
        await road.request()
    codes = {attributes(each)["sidecar.state"]: each.status.code for each in collector.of(SERVER)}
    assert codes == {"backend_unreachable": ERROR, "malformed": 0}


async def test_a_caller_who_leaves_ends_his_span(collector: Collector) -> None:
    """Without a state, because none left; the next request is not its child."""
    async with tracing(collector.url) as road:
        task = spawn(road.request(), "leaves")
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await road.request()
        assert not trace.get_current_span().get_span_context().is_valid, (
            "what comes next on a connection is no part of it"
        )
    left = [each for each in collector.of(SERVER) if "sidecar.state" not in attributes(each)]
    assert len(left) == 1
    assert len({each.trace_id for each in collector.of(SERVER)}) == 2


async def test_numbers_go_on_as_without_spans(collector: Collector) -> None:
    """Log, metrics and window are told as ever."""
    async with tracing(collector.url) as road:
        await road.request()
        watching = road.scene.world.watch._watching  # type: ignore[attr-defined]  # a Tracing's
        assert dict(watching.tally.account("tickets").requests) == {("json", "ok"): 1}
        assert dict(watching.tally.account("tickets").attempts) == {"ok": 1}


async def test_a_collector_that_is_gone_is_told_of_once() -> None:
    """Calls go on; the log says where to look, once a minute, and the SDK's own words go nowhere else."""
    log = Recorder()
    async with tracing(f"http://127.0.0.1:{free_port()}", log=log) as road:
        await road.request()
        for _ in range(2):
            await asyncio.to_thread(road.scene.world.watch._provider.force_flush)  # type: ignore[attr-defined]  # as above
        await asyncio.sleep(0.05)
    (told,) = log.named("spans_not_sent")
    assert "trace.endpoint" in str(told["remedy"])
    assert told["why"]
    listening = [type(each) for each in logging.getLogger("opentelemetry").handlers]
    assert module._Complaints not in listening, "nobody listens after the end"
    assert logging.NullHandler in listening, "and nobody else is told instead"


async def test_the_end_does_not_wait_for_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs when we go has a moment; what he has not taken goes with us."""
    monkeypatch.setattr(module, "_CLOSE_S", 0.1)
    hanging = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    async with tracing(f"http://127.0.0.1:{port}") as road:
        await road.request()
        began = loop.time()
    assert loop.time() - began < 2
    hanging.set()
    server.close()
    await server.wait_closed()
