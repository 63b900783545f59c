"""The composition root: what it puts together answers, and when it stops nothing of it is left."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import app as module
from sidecar.app import App
from sidecar.listener import ListenError
from sidecar.model import Notice, Protocol, Seat
from sidecar.plan import (
    BackendPlan,
    CorsPlan,
    DebugPlan,
    DrainPlan,
    LimitsPlan,
    ListenPlan,
    OperationPlan,
    Plan,
    TracePlan,
)
from sidecar.policy import pauses
from sidecar.policy.injection import Fault, Kind
from sidecar.policy.pauses import EVERYTHING, Sign, Target, What
from sidecar.states import ROWS
from sidecar.tasks import alive
from tests.adapters.soap.library import operation, wsdl
from tests.support import envelopes as env
from tests.support.backend import Backend, Gate, answer
from tests.support.client import Client, ask
from tests.support.collector import CLIENT, SERVER, Collector
from tests.support.process import socket_inodes
from tests.support.replies import http
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.visit import Visit

SHOP = "https://shop.example"
PING = env.soap11("Ping").raw("/soap")
CALL = env.xmlrpc("Ping").raw("/rpc")


async def stage(visit: Visit) -> None:
    """Answer both protocols, and the WSDL."""
    entry = await visit.head()
    if entry.method == "GET":
        await answer(http(wsdl(operation("Ping"), target=env.NS)), executes=None)(visit)
    elif entry.target == "/rpc":
        await answer(http(env.xmlrpc_reply("Ping"), content_type="text/xml"))(visit)
    else:
        await answer(http(env.soap11_reply("Ping")))(visit)


def plan(url: str, attempt_s: float = 20.0, **changes: Any) -> Plan:
    """Return a plan with a SOAP and an XML-RPC backend at `url`, which ends quickly."""
    lines = (OperationPlan(timeout_s=30.0, attempt_first_byte_s=attempt_s, attempt_total_s=attempt_s),)
    common = {"limit": 2, "ghost_s": 60.0, "operations": lines}
    whole = Plan(
        listen=ListenPlan(port=0),
        cors=CorsPlan(frozenset({SHOP})),
        drain=DrainPlan(0.0, 0.2),
        limits=LimitsPlan(connections=100, header_bytes=4096),
        backends=(
            BackendPlan("soap", Protocol.SOAP, "/soap", (("", f"{url}/soap"),), **common),
            BackendPlan("rpc", Protocol.XMLRPC, "/rpc", (("", f"{url}/rpc"),), **common),
        ),
    )
    return replace(whole, **changes)


@asynccontextmanager
async def running(plan: Plan, **how: Any) -> AsyncIterator[App]:
    """Run an app for the length of a block."""
    app = App(plan, log=Recorder())
    await app.start()
    try:
        yield app
    finally:
        await app.stop(**how)


def recorded(app: App) -> Recorder:
    assert isinstance(app.log, Recorder)
    assert app.log.bugs == []
    return app.log


def sockets() -> int:
    """Return how many descriptors of this process are sockets."""
    return len(socket_inodes(os.getpid()))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what nobody tells of; five seconds are for a busy machine."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within 5 s; tasks: {asyncio.all_tasks()}")


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fail where a block leaves a task, a socket or a timer that would keep something alive."""
    tasks, open_before = asyncio.all_tasks(), sockets()
    yield
    # The loop closes transports in a turn of its own, and the backend sees its ends a moment later.
    await until(lambda: sockets() <= open_before and not asyncio.all_tasks() - tasks)
    assert alive() == frozenset()


async def indexed(app: App) -> None:
    await until(lambda: bool(recorded(app).named("indexed")))


# What it puts together


async def test_it_serves_both_protocols_its_own_resources_and_documents(
    backend: Callable[..., Awaitable[Backend]],
) -> None:
    """One road for all, from the bytes of a caller to the bytes of a backend."""
    here = await backend(stage)
    async with running(plan(here.url)) as app:
        (url,) = app.urls
        await indexed(app)
        assert (await ask(url, PING)).state == "ok"
        assert (await ask(url, CALL)).state == "ok"
        found = await ask(url, b"GET /soap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n")
        assert f'location="{url}/soap"'.encode() in found.body
        well = await ask(url, b"GET /.sidecar/healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (well.status, well.json()["state"]) == (200, "ok")
        ready = await ask(url, b"GET /.sidecar/readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (ready.status, ready.json()["ready"]) == (200, True)
        states = await ask(url, b"GET /.sidecar/states HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [row["state"] for row in states.json()["states"]] == [row.name for row in ROWS]
    assert len(recorded(app).named("access")) == 6
    assert [name for name, _ in recorded(app).events if name in ("started", "draining", "stopped")] == [
        "started", "draining", "stopped",
    ]  # fmt: skip


async def test_every_request_has_an_id_of_its_own(backend: Callable[..., Awaitable[Backend]]) -> None:
    """And a client's own where it gives one."""
    here = await backend(stage)
    async with running(plan(here.url)) as app:
        ids = [(await ask(app.urls[0], CALL)).header("X-Request-Id") for _ in range(3)]
        given = env.xmlrpc("Ping").raw("/rpc", headers=[("X-Request-Id", "abcdefgh-1")])
        assert (await ask(app.urls[0], given)).header("X-Request-Id") == "abcdefgh-1"
    assert len(set(ids)) == 3
    assert all(ids)


@pytest.mark.parametrize(
    ("request_", "status", "state", "kind"),
    [
        (
            b"GET /soap HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 5000,
            431,
            "headers_too_large",
            "application/problem+json",
        ),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri_too_long", "application/problem+json"),
        (b"nonsense\r\n\r\n", 400, "malformed", "application/problem+json"),
        (
            b"POST /soap HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "malformed",
            "text/xml; charset=utf-8",
        ),
    ],
)
async def test_what_never_reached_a_stage_is_answered_in_the_same_envelope(
    backend: Callable[..., Awaitable[Backend]], request_: bytes, status: int, state: str, kind: str
) -> None:
    """In the caller's dialect as far as it can be told, readable for the shop's page, and with a line in the log."""
    here = await backend(stage)
    request_ = request_.replace(b"Host: a\r\n", b"Host: a\r\nOrigin: " + SHOP.encode() + b"\r\n", 1)
    async with running(plan(here.url)) as app, Client.to(app.urls[0]) as client:
        await client.send(request_)
        client.half_close()
        found = await client.response()
    if kind == "text/xml; charset=utf-8":
        status = 500  # a SOAP 1.1 fault
    assert (found.status, found.state, found.header("Content-Type")) == (status, state, kind)
    if SHOP.encode() in request_:
        assert found.header("Access-Control-Allow-Origin") == SHOP
    assert [facts["state"] for facts in recorded(app).named("access")] == [state]


async def test_what_never_reached_a_stage_has_a_whole_line(backend: Callable[..., Awaitable[Backend]]) -> None:
    """Who, what was wrong, which part refused, how much was too much: the same members as everybody's."""
    here = await backend(stage)
    long = b"GET /soap HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n"
    async with running(plan(here.url)) as app:
        (url,) = app.urls
        await ask(url, CALL)
        await ask(url, long)
        await ask(url, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")
    fine, line, tunnel = recorded(app).named("access")
    assert set(fine) <= set(line)
    assert line["client"] == fine["client"] == tunnel["client"]
    assert (line["mechanism"], line["numbers"], line["reason"]) == ("size", {"limit": 4096}, None)
    assert (tunnel["mechanism"], tunnel["method"], tunnel["state"]) == ("route", "CONNECT", "method_not_allowed")


async def test_what_never_reached_a_stage_is_explained_too(backend: Callable[..., Awaitable[Backend]]) -> None:
    """To whom the token lets see it, and to nobody else; not at all without the settings."""
    here = await backend(stage)
    debug = DebugPlan("0123456789abcdef")
    for configured, shown, told in (
        (debug, debug.token, True),
        (debug, "fedcba9876543210", False),
        (None, debug.token, False),
    ):
        lines = f" HTTP/1.1\r\nHost: a\r\nSidecar-Debug: {shown}\r\n".encode()
        async with running(plan(here.url, debug=configured)) as app:
            (url,) = app.urls
            tunnel = await ask(url, b"CONNECT a:1" + lines + b"\r\n")
            long = await ask(url, b"POST /soap" + lines + b"X-Long: " + b"x" * 5000 + b"\r\n\r\n")
        said = [each.header("Sidecar-Explain") for each in (tunnel, long)]
        if not told:
            assert said == [None, None]
            continue
        assert str(said[0]).startswith("state=method_not_allowed;executed=no;mechanism=route;")
        assert str(said[1]).startswith("state=headers_too_large;executed=no;mechanism=size;size_limit=4096;")
        assert long.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_too_large_says_by_how_much(backend: Callable[..., Awaitable[Backend]], chunked: bool) -> None:
    """As it was declared, or as much of it as had come."""
    here = await backend(stage)
    head = b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"
    framed = b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" if chunked else b"Content-Length: 2000\r\n\r\n"
    async with running(plan(here.url, limits=LimitsPlan(request_body_bytes=1500))) as app:
        assert (await ask(app.urls[0], head + framed + b"x" * 2000)).state == "too_large"
    (line,) = recorded(app).named("access")
    assert (line["mechanism"], line["backend"]) == ("size", "rpc")
    assert line["numbers"]["limit"] == 1500
    assert 1500 < line["numbers"]["size"] <= 2000 if chunked else line["numbers"]["size"] == 2000


async def test_a_connection_too_many_says_how_many(backend: Callable[..., Awaitable[Backend]]) -> None:
    """The bound and the count stand in the line; the reply says the reason."""
    here = await backend(stage)
    async with running(plan(here.url, limits=LimitsPlan(connections=10))) as app, AsyncExitStack() as stack:
        held = [await stack.enter_async_context(Client.to(app.urls[0])) for _ in range(10)]
        for client in held:  # a connection that has said nothing gives way
            await client.send(b"POST")
        await until(lambda: app.listener.connections == 10 and not app.listener.idle)
        assert (await ask(app.urls[0], CALL)).state == "overloaded"
    line = next(line for line in recorded(app).named("access") if line["state"] == "overloaded")
    assert (line["mechanism"], line["numbers"]) == ("connections", {"open": 11, "limit": 10})
    assert line["retry_after"] == 2


async def test_a_call_that_the_drain_cut_off_is_named_in_its_line(backend: Callable[..., Awaitable[Backend]]) -> None:
    """It may have been a purchase: whoever looks it up needs the operation and the id that its caller got."""
    gate = Gate()
    here = await backend(answer(http(env.xmlrpc_reply("Ping")), gate=gate))
    lines = (OperationPlan(timeout_s=20.0, attempt_first_byte_s=20.0, attempt_total_s=20.0),)
    backends = (BackendPlan("rpc", Protocol.XMLRPC, "/rpc", (("", f"{here.url}/rpc"),), operations=lines),)
    async with running(plan(here.url, backends=backends)) as app, Client.to(app.urls[0]) as client:
        await client.send(CALL)
        await here.journal.arrived(1)
        stopping = module.spawn(app.stop(), "test stop")
        found = await client.response()
        gate.open()
        await stopping
    assert found.header("Sidecar-State") == "outcome_unknown;reason=cut;executed=unknown"
    (line,) = recorded(app).named("access")
    assert (line["backend"], line["operation"], line["request_id"]) == ("rpc", "Ping", found.header("X-Request-Id"))
    assert (line["mechanism"], line["executed"]) == ("upstream", "unknown")


async def test_spans_are_sent_where_the_settings_say_so(backend: Callable[..., Awaitable[Backend]]) -> None:
    """Between the caller's trace and the backend's stands ours; with the sidecar ends the sending."""
    here = await backend(stage)
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    given = env.xmlrpc("Ping").raw("/rpc", headers=[("traceparent", f"00-{trace}-{parent}-01")])
    with Collector() as collector:
        async with nothing_left(), running(plan(here.url, trace=TracePlan(collector.url))) as app:
            await indexed(app)
            await ask(app.urls[0], given)
    sent = next(entry for entry in here.journal if entry.target == "/rpc").header("traceparent")
    (server,) = collector.of(SERVER)
    client = next(span for span in collector.of(CLIENT) if span.trace_id.hex() == trace)
    assert (server.parent_span_id.hex(), client.parent_span_id) == (parent, server.span_id)
    assert sent is not None
    assert sent.split("-")[1:3] == [trace, client.span_id.hex()]


async def test_without_a_collector_a_trace_passes_untouched(backend: Callable[..., Awaitable[Backend]]) -> None:
    """Both headers, as they came; where none came none is added; the line names it."""
    here = await backend(stage)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    given = env.xmlrpc("Ping").raw("/rpc", headers=[("traceparent", trace), ("tracestate", "a=1,b=2")])
    async with running(plan(here.url)) as app:
        await ask(app.urls[0], given)
        await ask(app.urls[0], CALL)
    with_it, without = [entry for entry in here.journal if entry.target == "/rpc"]
    assert (with_it.header("traceparent"), with_it.header("tracestate")) == (trace, "a=1,b=2")
    assert (without.header("traceparent"), without.header("tracestate")) == (None, None)
    assert [line.get("traceparent") for line in recorded(app).named("access")] == [trace, None]


async def test_a_strangers_broken_request_is_told_in_the_log(backend: Callable[..., Awaitable[Backend]]) -> None:
    """His page cannot read the answer, so nobody else would know."""
    here = await backend(stage)
    bad = b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nOrigin: https://stranger.example\r\n\r\n"
    async with running(plan(here.url)) as app:
        found = await ask(app.urls[0], bad)
    assert found.header("Access-Control-Allow-Origin") is None
    assert recorded(app).named("access")[0]["origin"] == "https://stranger.example"


async def test_a_preflight_gets_its_204_even_where_its_address_is_too_long(
    backend: Callable[..., Awaitable[Backend]],
) -> None:
    """The page then sends the request whose failure it can read."""
    here = await backend(stage)
    asked = (
        b"OPTIONS /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\nOrigin: " + SHOP.encode()
        + b"\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    )  # fmt: skip
    async with running(plan(here.url)) as app:
        found = await ask(app.urls[0], asked)
    assert (found.status, found.header("Access-Control-Allow-Origin")) == (204, SHOP)


# What is left


@pytest.mark.parametrize("how", [{}, {"at_once": True}])
async def test_nothing_is_left_of_a_full_house(
    backend: Callable[..., Awaitable[Backend]], how: dict[str, bool]
) -> None:
    """A kept connection, a call at the backend, one in the line, a ghost, a document under way: all end, and say so."""
    gate = Gate()
    here = await backend(answer(http(env.xmlrpc_reply("Ping")), gate=gate))
    async with nothing_left():
        app = App(plan(here.url, attempt_s=0.3), log=Recorder())
        await app.start()
        (url,) = app.urls
        async with Client.to(url) as ghost, Client.to(url) as line, Client.to(url) as flying, Client.to(url):
            await here.journal.arrived(1)  # the index's ?wsdl
            for client in (ghost, flying):
                await client.send(CALL)
            await here.journal.arrived(3)
            await line.send(CALL)
            assert (await ghost.response()).state is not None
            began = asyncio.get_running_loop().time()
            await app.stop(**how)
            took_s = asyncio.get_running_loop().time() - began
        gate.open()  # the backend's own tasks are on this loop, too
    assert recorded(app).named("stopped")
    # The drain's 0.2 s, and what a client that was told to go is given to read it; nothing of it for the flights.
    assert took_s < (0.5 if how else 4.0)
    late = [(facts["operation"], facts["executed"]) for facts in recorded(app).named("late_outcome")]
    assert ("Ping", "unknown") in late
    assert set(late) <= {("Ping", "unknown"), ("?wsdl", "no")}


async def test_nothing_is_left_of_a_start_that_failed(backend: Callable[..., Awaitable[Backend]]) -> None:
    """The port is taken: the error says what to do, and what had begun to index has ended."""
    here = await backend(stage)
    async with nothing_left():
        app = App(plan(here.url, listen=ListenPlan(port=here.port)), log=Recorder())
        with pytest.raises(ListenError, match=r"Choose another listen\.port"):
            await app.start()
    assert recorded(app).events == []


async def test_what_goes_wrong_on_purpose_ends_with_the_sidecar(backend: Callable[..., Awaitable[Backend]]) -> None:
    """Its end would else be rung in a process that has said its last word."""
    here = await backend(stage)
    async with running(plan(here.url)) as app:
        app.injections.put("rpc", Fault("*", Kind.RESET, 60.0))
        assert app.injections._timer is not None
    assert app.injections._timer is None


async def test_it_can_be_stopped_twice(backend: Callable[..., Awaitable[Backend]]) -> None:
    """In order, and then at once, as an impatient signal does."""
    here = await backend(stage)
    async with nothing_left():
        app = App(plan(here.url), log=Recorder())
        await app.start()
        await app.stop()
        await app.stop(at_once=True)
    recorded(app)


async def test_a_flight_that_does_not_end_is_broken_off(
    backend: Callable[..., Awaitable[Backend]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keeps it: the stop is bounded."""
    monkeypatch.setattr(module, "_LAST_WORDS_S", 0.05)
    here = await backend(stage)
    app = App(plan(here.url), log=Recorder())
    await app.start()
    stuck = module.spawn(asyncio.Event().wait(), "flight nowhere")
    await app.stop()
    assert stuck.cancelled()


async def test_a_unix_socket_is_removed(tmp_path: Path, backend: Callable[..., Awaitable[Backend]]) -> None:
    """Its file goes with the listener."""
    here = await backend(stage)
    path = tmp_path / "s"
    async with nothing_left():
        async with running(plan(here.url, listen=ListenPlan(unix=str(path)))) as app:
            assert app.urls == [f"unix:{path}"]
            async with Client(unix=path) as client:
                assert (await client.exchange(CALL)).state == "ok"
        assert not path.exists()


async def test_a_limit_that_only_observes_says_whom_it_would_have_refused() -> None:
    """All are served, and the log names who would not have been."""
    gate = Gate()
    async with Backend(answer(http(env.xmlrpc_reply("Ping")), gate=gate)) as backend:
        before = plan(backend.url)
        rpc = replace(before.backends[1], limit=1, queue_size=0)
        async with running(replace(before, backends=(rpc,))) as app, AsyncExitStack() as stack:
            app.observe("rpc", "limit", on=True)
            callers = [await stack.enter_async_context(Client.to(app.urls[0])) for _ in range(2)]
            for number, caller in enumerate(callers):
                await caller.send(CALL)
                await backend.journal.arrived(number + 1)
            gate.open()
            assert [(await caller.response()).state for caller in callers] == ["ok", "ok"]
            (line,) = recorded(app).named("observed")
            assert (line["backend"], line["mechanism"], line["reason"]) == ("rpc", "limit", "queue_full")
            app.observe("rpc", "limit", on=False)
            assert app.slots.view("rpc").limit == 1


async def test_an_operator_cuts_a_backend_off() -> None:
    """At once, for everybody, and only that one; where there is no breaker there is nothing to hold."""
    async with Backend(stage) as backend, running(plan(backend.url)) as app:
        app.cut_off("soap", "cut_off", 600.0)
        refused = await ask(app.urls[0], PING)
        assert 590 < int(refused.header("Retry-After") or 0) <= 600, "the order's end"
        ahead = app.slots.outlook(Seat("soap", "", "", "browse", float("inf")))
        assert ahead is not None
        assert (ahead.reason, 590 < ahead.eta_s <= 601) == ("cut_off", True)
        assert refused.header("Sidecar-State") == "backend_unreachable;reason=cut_off;executed=no"
        assert (await ask(app.urls[0], CALL)).header("Sidecar-State") == "ok;executed=yes"
        app.cut_off("soap", "disabled")
        assert (await ask(app.urls[0], PING)).header("Sidecar-State") == "ok;executed=yes"
        app.cut_off("soap", None)
        assert (await ask(app.urls[0], PING)).header("Sidecar-State") == "ok;executed=yes"
        app.cut_off("nowhere", "cut_off")
        app.cut_off("nowhere", None)


async def test_what_was_paused_is_led_back_gently(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend that was paused, or all of them; a room has its own way."""
    async with Backend(stage) as backend, running(plan(backend.url)) as app:
        led = list[str]()
        monkeypatch.setattr(app.slots, "slow_start", led.append)
        for target in (Target(What.BACKEND, "rpc"), Target(What.ROOM, "rpc"), Target(What.BACKEND, "gone"), EVERYTHING):
            notice = Notice("p1", "warning", ())
            await app.pauses.put(Sign("p1", pauses.Kind.PAUSE, target, notice, app.clock.now(), remind_s=900.0))
            await app.pauses.clear(pauses.Kind.PAUSE, target)
        assert led == ["rpc", "soap", "rpc"]
