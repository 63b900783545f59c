"""The seam to the backend on real sockets: what is sent, what comes back, and every way in which it can go wrong.

The loop is production's. Facts come back as values: no test here expects an exception but cancellation and a stream's end.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import tasks
from sidecar.buffers import Buffers
from sidecar.model import Failed, Outbound, Progress, Protocol, Received, Track
from sidecar.plan import BackendPlan, UpstreamTlsPlan
from sidecar.ports import AttemptLimits
from sidecar.upstream import _VERSIONS, HttpUpstream
from sidecar.upstream_talk import _BEGINNING_BYTES
from sidecar.upstream_wire import Wire
from tests.listener.hall import until
from tests.support import replies
from tests.support.backend import Backend, Blackhole, Gate, Point, Way, answer, cut, keep_alive_race, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sidecar.model import Stream
    from tests.support.certs import Certs
    from tests.support.visit import Visit

    Starts = Callable[..., Awaitable[Backend]]

pytestmark = pytest.mark.uvloop

XML = b"<reply>fine</reply>"
LIMITS = AttemptLimits(connect_s=5.0, first_byte_s=5.0, total_s=5.0, reply_bytes=1024 * 1024)
SOON = replace(LIMITS, first_byte_s=0.15, total_s=0.15)  # a timeout that the test waits for
STREAM = replace(LIMITS, stream=True)
BEGINNING = b"<a>" + b"b" * (_BEGINNING_BYTES - 3)  # what is here before a stream is handed on
LARGE = b"<x>" + b"y" * (8 * 1024 * 1024) + b"</x>"  # more than the kernel's buffers of both ends take


def post(body: bytes = b"<ask/>", *lines: tuple[bytes, bytes], target: str = "/T.asmx") -> Outbound:
    return Outbound("POST", target, ((b"Content-Type", b"text/xml"), *lines), body)


class Caller:
    """One backend's upstream, with the verbs of a test."""

    def __init__(self, url: str, *, known: bool = True, **plan: Any) -> None:
        self.upstream = HttpUpstream(BackendPlan("tickets", Protocol.SOAP, "/t", (("", url + "/T.asmx"),), **plan))
        if known:
            self.upstream._doubts = 0  # a connection that has served is used again at once
        self.memory = Buffers(64 * 1024 * 1024, 1.0)
        self.track = Track()

    async def send(self, outbound: Outbound | None = None, limits: AttemptLimits = LIMITS) -> Received | Failed:
        self.track, account = Track(), self.memory.account("tickets")
        try:
            return await self.upstream.send(outbound or post(), limits, self.track, account)
        finally:
            if self.track.ghost is None:
                account.close()

    async def ok(self, outbound: Outbound | None = None, limits: AttemptLimits = LIMITS) -> Received:
        result = await self.send(outbound, limits)
        assert isinstance(result, Received), result
        return result

    async def fails(self, outbound: Outbound | None = None, limits: AttemptLimits = LIMITS) -> Failed:
        result = await self.send(outbound, limits)
        assert isinstance(result, Failed), result
        return result


@asynccontextmanager
async def calling(url: str, **plan: Any) -> AsyncIterator[Caller]:
    """Open an upstream and close it; no task of it may be left."""
    caller = Caller(url, **plan)
    try:
        yield caller
    finally:
        await caller.upstream.close()
        await asyncio.sleep(0)
        assert [task.get_name() for task in tasks.alive()] == []


# --- what is sent and what comes back


async def test_the_request_is_the_callers_line_by_line(backend: Starts) -> None:
    """Order, case and duplicates as given; Host is the backend's, Content-Length the body's; nothing is added."""
    here = await backend(answer(replies.http(XML)))
    lines = ((b"SOAPAction", b'"a"'), (b"x-TWICE", b"1"), (b"X-Twice", b"2"), (b"X-Latin", b"\xe9"))
    async with calling(here.url) as caller:
        await caller.ok(post(b"<ask/>", *lines, target="/T.asmx?a=%20&b=\udce9"))
    (entry,) = here.journal
    host = f"Host: 127.0.0.1:{here.port}".encode()
    wanted = [b"POST /T.asmx?a=%20&b=\xe9 HTTP/1.1", host, b"Content-Type: text/xml"]
    wanted += [name + b": " + value for name, value in lines] + [b"Content-Length: 6", b"", b""]
    assert entry.head == b"\r\n".join(wanted)
    assert entry.body == b"<ask/>"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_request_without_a_body_says_nothing_of_its_length(backend: Starts, method: str) -> None:
    """GET and HEAD as everybody writes them; a HEAD's reply has none either."""
    here = await backend(answer(replies.http(b"" if method == "HEAD" else XML, length=len(XML))))
    async with calling(here.url) as caller:
        reply = await caller.ok(Outbound(method, "/T.asmx?wsdl", (), b""))
        assert b"".join(reply.body) == (b"" if method == "HEAD" else XML)
        await caller.ok(Outbound(method, "/T.asmx?wsdl", (), b""))
    assert here.journal[0].header("Content-Length") is None
    assert len(here.connections) == 1


async def test_an_empty_post_says_so(backend: Starts) -> None:
    """Length 0, as RFC 9110 section 8.6 asks."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        await caller.ok(post(b""))
    assert here.journal[0].header("Content-Length") == "0"


async def test_the_reply_is_the_backends_line_by_line(backend: Starts) -> None:
    """Status, phrase, order, case and duplicates; no cookie is kept for the next call."""
    lines = [("X-one", "1"), ("SET-COOKIE", "a=1"), ("Set-Cookie", "b=2"), ("x-ONE", "2")]
    here = await backend(answer(replies.http(XML, 299, headers=lines, reason="Quite so")))
    async with calling(here.url) as caller:
        reply = await caller.ok()
        await caller.ok()
    assert (reply.status, reply.phrase) == (299, "Quite so")
    assert [(name.decode(), value.decode()) for name, value in reply.headers][2:] == lines
    assert here.journal[1].header("Cookie") is None


@pytest.mark.parametrize("status", [301, 302, 307, 401, 404, 500, 503])
async def test_no_status_makes_it_do_anything(backend: Starts, status: int) -> None:
    """No redirect is followed, no challenge answered, nothing repeated."""
    here = await backend(
        answer(replies.http(XML, status, headers=[("Location", "/elsewhere"), ("WWW-Authenticate", "Basic")]))
    )
    async with calling(here.url) as caller:
        assert (await caller.ok()).status == status
    assert len(here.journal) == 1


FRAMINGS = {
    "length": replies.http(XML),
    "chunked": replies.chunked(XML, 5),
    "trailers": replies.chunked(XML, 5, trailer=b"X-Sum: 1\r\n"),
    "until close": replies.until_close(XML),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("piece_bytes", [None, 1], ids=["whole", "byte-by-byte"])
async def test_every_framing_is_read(backend: Starts, framing: str, piece_bytes: int | None) -> None:
    """The body is the same, whichever pieces it comes in."""
    here = await backend(answer(FRAMINGS[framing], piece_bytes=piece_bytes))
    async with calling(here.url) as caller:
        reply = await caller.ok()
        assert b"".join(reply.body) == XML
        assert reply.size_bytes == len(XML)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_reply_without_a_body(backend: Starts, status: int) -> None:
    """By its status, and the connection is kept."""
    here = await backend(answer(replies.raw(f"HTTP/1.1 {status} X\r\nX: 1\r\n\r\n".encode(), keeps=True)))
    async with calling(here.url) as caller:
        assert (await caller.ok()).body == ()
        await caller.ok()
    assert len(here.connections) == 1


async def test_an_encoded_reply_is_not_touched(backend: Starts) -> None:
    """Gzip goes on as it came; whoever asked for it unpacks it."""
    here = await backend(answer(replies.gzipped(XML)))
    async with calling(here.url) as caller:
        reply = await caller.ok()
    assert gzip.decompress(b"".join(reply.body)) == XML
    assert (b"Content-Encoding", b"gzip") in reply.headers


async def test_interim_replies_are_passed_over(backend: Starts) -> None:
    """100, 102 and 103 before the reply, however many."""
    interim = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    )
    whole = replies.http(XML)
    here = await backend(answer(replies.raw(interim + whole.head + whole.body, keeps=True)))
    async with calling(here.url) as caller:
        for _ in range(2):
            reply = await caller.ok()
            assert (reply.status, b"".join(reply.body)) == (200, XML)
    assert len(here.connections) == 1


async def test_a_large_reply_comes_whole_and_is_booked(backend: Starts) -> None:
    """And what is booked is its size."""
    size = 900 * 1024
    here = await backend(answer(replies.huge(size)))
    async with calling(here.url) as caller:
        reply = await caller.ok()
        assert reply.size_bytes == size == sum(map(len, reply.body))
        assert caller.memory.peak_bytes == size
        assert caller.memory.held_bytes == 0


# --- connections


async def test_a_connection_is_kept_and_used_again(backend: Starts) -> None:
    """One for all calls that follow each other, two for two at once."""
    gate = Gate()
    here = await backend([answer(replies.http(XML)), answer(replies.http(XML)), answer(replies.http(XML), gate=gate)])
    async with calling(here.url) as caller:
        await caller.ok()
        await caller.ok()
        assert len(here.connections) == 1
        both = asyncio.gather(caller.upstream.send(post(), LIMITS, Track(), caller.memory.account("")), caller.ok())
        await here.journal.arrived(4)
        gate.open()
        await both
    assert len(here.connections) == 2


async def test_the_first_connections_rest_before_they_are_used_again(backend: Starts) -> None:
    """Two at a time, for a moment each; a backend that was silent for eight of them is known, and no connection of it rests any more."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url, known=False) as caller:
        for _ in range(3):
            await caller.ok()
        assert [connection.requests for connection in here.connections] == [1, 1, 1]
        assert len(caller.upstream._resting) == 2
        await caller.ok()
        assert [connection.requests for connection in here.connections] == [1, 1, 2]
        await until(lambda: not caller.upstream._resting)
        for _ in range(20):
            fresh = replace(LIMITS, fresh=True)
            await caller.ok(limits=fresh)
            await until(lambda: not caller.upstream._resting)
        opened = len(here.connections)
        assert caller.upstream._doubts == 0
        for _ in range(5):
            await caller.ok()
        assert len(here.connections) == opened


async def test_who_speaks_unasked_is_caught_while_it_rests(backend: Starts) -> None:
    """What comes a moment after a reply is heard although the next call leaves at once: it is nobody's answer."""

    async def play(visit: Visit) -> None:
        await answer(replies.http(XML))(visit)
        await asyncio.sleep(0.002)
        await visit.send(replies.http(b"<stolen/>").head + b"<stolen/>")

    here = await backend(play)
    async with calling(here.url, known=False) as caller:
        for _ in range(2):
            assert (await caller.ok()).body == (XML,)
        await until(lambda: caller.upstream._wary_until > 0)
        for _ in range(20):
            assert (await caller.ok()).body == (XML,)
        assert {connection.requests for connection in here.connections} == {1}


async def test_closing_lets_nobody_rest(backend: Starts) -> None:
    """An upstream that is closed closes the connections that rest, too."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url, known=False) as caller:
        await caller.ok()
        assert caller.upstream._resting
    await until(lambda: here.connections[0].ended is not None)


async def test_nobody_rests_at_one_that_is_closed(backend: Starts) -> None:
    """A call that ends after that gives its connection up: nothing may be left to a timer."""
    gate = Gate()
    here = await backend(answer(replies.http(XML), gate=gate))
    async with calling(here.url, known=False) as caller:
        call = asyncio.gather(caller.ok())
        await here.journal.arrived(1)
        caller.upstream.rest()
        gate.open()
        await call
        assert not caller.upstream._resting


async def test_a_fresh_attempt_never_uses_a_kept_connection(backend: Starts) -> None:
    """Nor leaves one behind."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        await caller.ok()
        await caller.ok(limits=replace(LIMITS, fresh=True))
        await caller.ok()
    assert [connection.requests for connection in here.connections] == [2, 1]


async def test_a_connection_that_the_backend_wants_closed_is_not_kept(backend: Starts) -> None:
    """`Connection: close` is believed."""
    here = await backend(answer(replies.http(XML, headers=[("Connection", "close")])))
    async with calling(here.url) as caller:
        await caller.ok()
        await caller.ok()
    assert len(here.connections) == 2


async def test_an_idle_close_that_has_arrived_costs_nothing(backend: Starts) -> None:
    """The FIN of the kept connection lies in the kernel: the next call takes a new one, a purchase as well as a question."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        await caller.ok()
        here.close_idle()
        await _fin_is_here(caller)
        await caller.ok()
    assert len(here.connections) == 2
    assert len(here.journal) == 2


async def _fin_is_here(caller: Caller) -> None:
    """Wait until the kernel has the FIN, without letting the loop's own callbacks see it first where that can be helped."""
    (kept,) = [wire for conns in caller.upstream._pool._conns.values() for wire, _ in conns]
    sock = kept.transport.get_extra_info("socket")
    probe = socket.socket(fileno=os.dup(sock.fileno()))
    try:
        while True:
            try:
                if probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    return
            except BlockingIOError:
                await asyncio.sleep(0.001)
    finally:
        probe.close()


async def test_what_a_backend_says_unasked_is_nobodys_answer(backend: Starts) -> None:
    """A second reply on a kept connection (a cache mix-up, an idle 408) must not answer the next call, which may be somebody else's."""
    here = await backend(answer(replies.http(b"<mine/>")))
    async with calling(here.url) as caller:
        await caller.ok()
        (wire,) = here._wires
        wire.transport.write(replies.http(b"<somebody elses/>").head + b"<somebody elses/>")
        await asyncio.sleep(0.05)
        here.play(answer(replies.http(b"<next/>")))
        assert b"".join((await caller.ok()).body) == b"<next/>"
    assert len(here.connections) == 2


@pytest.mark.parametrize("way", [Way.RST, Way.FIN], ids=lambda way: way.value)
async def test_a_race_with_an_idle_close_is_marked_stale(backend: Starts, way: Way) -> None:
    """The backend ends a kept connection at the first byte of the next call: perhaps it never saw it, and nobody knows."""
    here = await backend(keep_alive_race(replies.http(XML), way))
    async with calling(here.url) as caller:
        await caller.ok()
        failed = await caller.fails()
        assert (failed.state, failed.sent, failed.stale) == ("outcome_unknown", True, True)
        await caller.ok(limits=replace(LIMITS, fresh=True))


@pytest.mark.parametrize("way", [Way.RST, Way.FIN], ids=lambda way: way.value)
async def test_a_first_connection_is_never_stale(backend: Starts, way: Way) -> None:
    """It has not been idle: whoever closes it has read the call."""
    here = await backend(cut(Point.BODY, way))
    async with calling(here.url) as caller:
        failed = await caller.fails()
    assert (failed.state, failed.sent, failed.stale) == ("outcome_unknown", True, False)


@pytest.mark.parametrize("way", [Way.RST, Way.FIN], ids=lambda way: way.value)
async def test_half_a_status_line_is_a_sign_of_life(backend: Starts, way: Way) -> None:
    """The backend had begun to answer on the kept connection, so it has the call: not stale."""
    here = await backend([answer(replies.http(XML)), cut(Point.HALF_REPLY_HEAD, way, replies.http(XML))])
    async with calling(here.url) as caller:
        await caller.ok()
        failed = await caller.fails()
    assert failed.state in ("outcome_unknown", "backend_bad_reply")
    assert (failed.sent, failed.stale) == (True, False)


async def test_closing_a_finished_stream_hurts_nobody_else(backend: Starts) -> None:
    """Its connection is the pool's again, and by now another call's."""
    gate = Gate()
    here = await backend([answer(replies.http(LARGE)), answer(replies.http(b"<other/>"), gate=gate)])
    async with calling(here.url) as caller:
        first = await caller.ok(limits=STREAM)
        assert first.stream is not None
        while await first.stream.next():
            pass
        other = asyncio.get_running_loop().create_task(caller.ok())
        await here.journal.arrived(2)
        first.stream.close()
        assert caller.track.ghost is None
        assert await first.stream.next() == b""
        gate.open()
        assert b"".join((await other).body) == b"<other/>"
    assert len(here.connections) == 1


# --- no connection


async def test_a_refused_connection(dead_url: str) -> None:
    """Nothing was sent, and the address is not in the words."""
    async with calling(dead_url) as caller:
        failed = await caller.fails()
    assert (failed.state, failed.reason, failed.sent) == ("backend_unreachable", "refused", False)
    assert "127.0.0.1" not in failed.detail


async def test_a_connection_that_never_stands() -> None:
    """A dropped SYN ends with timeouts.connect, which the words name."""
    async with Blackhole() as hole, calling(hole.url) as caller:
        failed = await caller.fails(limits=replace(LIMITS, connect_s=0.2))
    assert (failed.state, failed.reason, failed.sent) == ("backend_unreachable", "connect_timeout", False)
    assert "timeouts.connect (0.2 s)" in failed.detail


async def test_a_name_that_cannot_be_resolved() -> None:
    """RFC 6761 section 6.4: .invalid never resolves."""
    async with calling("http://box-office.invalid:9") as caller:
        failed = await caller.fails()
    assert (failed.state, failed.reason, failed.sent) == ("backend_unreachable", "dns", False)


async def test_a_backend_that_resets_every_connection(backend: Starts) -> None:
    """At accept. Either the call was not written yet, which is certain, or it was, and then nobody knows."""
    here = await backend(cut(Point.ACCEPT, Way.RST))
    async with calling(here.url) as caller:
        failed = await caller.fails()
    assert (failed.state, failed.sent) in (("backend_unreachable", False), ("outcome_unknown", True))
    assert not here.journal.executed


async def test_a_connection_that_was_lost_before_the_call_was_written(backend: Starts) -> None:
    """Then nothing was sent, for certain, and the purchase may be repeated."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        connect = caller.upstream._pool.connect

        async def connect_and_lose(*args: Any) -> Any:
            connection = await connect(*args)
            lost = connection.protocol.closed
            next(iter(here._wires)).rst()
            await asyncio.wait((lost,))
            lost.exception()
            return connection

        caller.upstream._pool.connect = connect_and_lose  # type: ignore[method-assign]  # loses the race on purpose
        failed = await caller.fails()
    assert failed == Failed("backend_unreachable", "reset", failed.detail, sent=False)


# --- TLS


async def test_tls_with_the_operators_authority(backend: Starts, tls: Certs) -> None:
    """Checked against ca_file, under the name that is configured."""
    here = await backend(answer(replies.http(XML)), ssl=tls.server)
    plan = UpstreamTlsPlan(ca_file=str(tls.ca_file), server_name="localhost", min_version="1.2")
    async with calling(here.url, tls=plan) as caller:
        await caller.ok()
        await caller.ok()
    assert len(here.connections) == 1


@pytest.mark.parametrize(
    "plan",
    [UpstreamTlsPlan(), UpstreamTlsPlan(server_name="other.example")],
    ids=["unknown-authority", "wrong-name"],
)
async def test_a_certificate_that_does_not_hold(backend: Starts, tls: Certs, plan: UpstreamTlsPlan) -> None:
    """Nothing is sent to whoever that is."""
    here = await backend(answer(replies.http(XML)), ssl=tls.server)
    if plan.server_name:
        plan = replace(plan, ca_file=str(tls.ca_file))
    async with calling(here.url, tls=plan) as caller:
        failed = await caller.fails()
    assert (failed.state, failed.reason, failed.sent) == ("backend_unreachable", "tls", False)
    assert len(here.journal) == 0


async def test_an_unchecked_certificate_where_the_operator_says_so(backend: Starts, tls: Certs) -> None:
    """verify: false."""
    here = await backend(answer(replies.http(XML)), ssl=tls.server)
    async with calling(here.url, tls=UpstreamTlsPlan(verify=False)) as caller:
        await caller.ok()


async def test_plain_http_on_a_tls_port(backend: Starts, tls: Certs) -> None:
    """And the other way round: somebody mistyped the scheme."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url.replace("http:", "https:"), tls=UpstreamTlsPlan(verify=False)) as caller:
        failed = await caller.fails(limits=replace(LIMITS, connect_s=1.0))
    assert (failed.state, failed.sent) == ("backend_unreachable", False)
    secure = await backend(answer(replies.http(XML)), ssl=tls.server)
    async with calling(secure.url.replace("https:", "http:")) as caller:
        failed = await caller.fails()
    assert failed.sent
    assert failed.state in ("outcome_unknown", "backend_bad_reply")


# --- bad replies


BAD = {
    "garbage": (replies.garbage(), "backend_bad_reply", "http"),
    "no such status": (replies.raw(b"HTTP/1.1 9999 What\r\n\r\n"), "backend_bad_reply", "http"),
    "http/0.9": (replies.raw(b"<ok/>"), "backend_bad_reply", "http"),
    "switched": (
        replies.raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "backend_bad_reply",
        "http",
    ),
    "line too long": (
        replies.raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
        "backend_bad_reply",
        "http",
    ),
    "too many lines": (replies.raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 300 + b"\r\n"), "backend_bad_reply", "http"),
    "short of its length": (replies.too_long(XML), "backend_bad_reply", "truncated"),
    "bad chunk": (replies.bad_chunk(XML), "backend_bad_reply", "http"),
    "larger than declared allowed": (replies.huge(2 * 1024 * 1024), "backend_bad_reply", "too_large"),
    "endless": (replies.endless(), "backend_bad_reply", "too_large"),
    "endless without frames": (replies.endless(chunks=False), "backend_bad_reply", "too_large"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_reply_is_named_and_its_connection_is_gone(backend: Starts, name: str) -> None:
    """And the next call is not hurt by it; what was held is given back."""
    reply, state, reason = BAD[name]
    here = await backend([answer(reply), answer(replies.http(XML))])
    async with calling(here.url) as caller:
        failed = await caller.fails()
        assert (failed.state, failed.sent, failed.stale) == (state, True, False)
        # A chunk that is bad may come together with the head, or after it.
        assert failed.reason == reason or (name, failed.reason) == ("bad chunk", "truncated")
        assert caller.memory.held_bytes == 0
        await caller.ok()
    assert len(here.connections) == 2


async def test_more_than_its_length_never_reaches_the_next_caller(backend: Starts) -> None:
    """The rest of a reply that lied about its length must not become the beginning of another's."""
    here = await backend([answer(replies.too_short(b"<mine>long</mine>", 7)), answer(replies.http(XML))])
    async with calling(here.url) as caller:
        await caller.send()
        await asyncio.sleep(0.05)
        assert b"".join((await caller.ok()).body) == XML


async def test_a_full_house_refuses_the_reply(backend: Starts) -> None:
    """limits.buffered bounds what is held, whoever sends it."""
    here = await backend(answer(replies.huge(500_000)))
    async with calling(here.url) as caller:
        caller.memory.resize(100_000, 1.0)
        failed = await caller.fails()
        assert "limits.buffered" in failed.detail
        assert caller.memory.held_bytes == 0


@pytest.mark.parametrize("way", [Way.RST, Way.FIN], ids=lambda way: way.value)
@pytest.mark.parametrize(
    "point",
    [Point.HEAD, Point.HALF_BODY, Point.BODY, Point.HALF_REPLY_HEAD, Point.HALF_REPLY_BODY],
    ids=lambda p: p.name.lower(),
)
async def test_a_backend_that_breaks_off(backend: Starts, point: Point, way: Way) -> None:
    """At every point after the body may have left: sent, whatever the words for it."""
    here = await backend(cut(point, way, replies.http(XML)))
    async with calling(here.url) as caller:
        failed = await caller.fails()
    assert failed.sent
    assert failed.state in ("outcome_unknown", "backend_bad_reply")
    if point < Point.HALF_REPLY_HEAD:
        assert failed.state == "outcome_unknown"
        assert failed.reason == ("reset" if way is Way.RST else failed.reason)
    if point is Point.HALF_REPLY_BODY:
        assert (failed.state, failed.reason) == ("backend_bad_reply", "truncated")


# --- large bodies


async def test_a_large_body_arrives_whole(backend: Starts) -> None:
    """In pieces, as fast as the backend reads."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        await caller.ok(post(LARGE))
        assert caller.track.progress is Progress.REPLY
        await caller.ok(post(LARGE))
    assert [entry.body_bytes for entry in here.journal] == [len(LARGE)] * 2
    assert here.journal[0].body == LARGE
    assert len(here.connections) == 1


async def test_an_answer_before_the_whole_body_was_read_is_the_answer(backend: Starts) -> None:
    """A backend that has seen enough says so, keeps the connection and reads no more: its word counts, its connection does not."""

    async def enough(visit: Visit) -> None:
        await visit.head()
        visit.wire.stop_reading()
        reply = replies.http(b"<too large/>", 413)
        await visit.send(reply.head + reply.body)
        await visit.hold()

    here = await backend([enough, answer(replies.http(XML))])
    async with calling(here.url) as caller:
        reply = await caller.ok(post(LARGE))
        assert (reply.status, b"".join(reply.body)) == (413, b"<too large/>")
        await caller.ok()
    assert len(here.connections) == 2


async def test_an_answer_and_a_hang_up_in_the_middle_of_the_body(backend: Starts) -> None:
    """As IIS does it: the answer is read, though writing failed."""
    here = await backend(answer(replies.http(b"<no/>", 413, headers=[("Connection", "close")]), reads=Point.HALF_BODY))
    async with calling(here.url) as caller:
        result = await caller.send(post(LARGE))
    if isinstance(result, Received):
        assert result.status == 413
    else:  # the reset that unread bytes cause may overtake the answer (RFC 9112 section 9.6)
        assert result.sent


async def test_a_backend_that_takes_half_a_body_has_half_a_body(backend: Starts) -> None:
    """It cannot work on that: nobody haunts its slot, and the connection is broken off. What it means is unknown all the same."""

    async def deaf(visit: Visit) -> None:
        await visit.head()
        visit.wire.stop_reading()
        await visit.wire.lost.wait()

    here = await backend(deaf, receive_buffer_bytes=4096)
    async with calling(here.url) as caller:
        failed = await caller.fails(post(LARGE), SOON)
        assert (failed.state, failed.reason, failed.sent) == ("outcome_unknown", "timeout", True)
        assert caller.track.ghost is None
    assert not here.journal[0].body_whole


@pytest.mark.parametrize("body", [b"<small/>", LARGE], ids=["small", "large"])
async def test_a_body_of_which_nothing_has_left_has_had_no_effect(body: bytes) -> None:
    """The kernel's buffers are full of other bytes: what stands in ours alone does not leave any more, and is not `sent`."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    before = _fill(ours)
    async with calling("http://127.0.0.1:9") as caller:
        pool = caller.upstream._pool

        async def full(*_: Any) -> Any:
            _, wire = await asyncio.get_running_loop().create_unix_connection(pool._factory, sock=ours)
            return SimpleNamespace(protocol=wire, close=wire.close)

        pool.connect = full  # type: ignore[method-assign]  # a connection whose buffers are full already
        failed = await caller.fails(post(body), SOON)
        assert (failed.state, failed.reason, failed.sent) == ("backend_unreachable", "connect_timeout", False)
        assert caller.track.ghost is None
    with theirs:
        assert _drained(theirs) == before, "nothing of the call came after what was there"


def _fill(sock: socket.socket) -> int:
    sent = 0
    try:
        while True:
            sent += sock.send(b"x" * 4096)
    except BlockingIOError:
        return sent


def _drained(sock: socket.socket) -> int:
    size = 0
    while piece := sock.recv(65536):
        size += len(piece)
    return size


# --- time


async def test_a_slow_first_byte_leaves_a_ghost_that_hears_the_late_reply(backend: Starts) -> None:
    """The connection is read on, gives its reply, and is kept."""
    gate = Gate()
    here = await backend([answer(replies.http(XML), gate=gate), answer(replies.http(b"<next/>"))])
    async with calling(here.url) as caller:
        failed = await caller.fails(limits=SOON)
        assert (failed.state, failed.reason, failed.sent) == ("outcome_unknown", "timeout", True)
        assert "first byte" in failed.detail
        ghost = caller.track.ghost
        assert ghost is not None
        gate.open()
        late = await ghost.end(5.0)
        assert isinstance(late, Received)
        assert b"".join(late.body) == XML
        ghost.close()
        assert b"".join((await caller.ok()).body) == b"<next/>"
    assert len(here.connections) == 1


async def test_a_reply_that_stops_half_way_leaves_a_ghost_that_hears_the_rest(backend: Starts) -> None:
    """Total is over; what came before counts."""
    gate = Gate()

    async def halting(visit: Visit) -> None:
        await visit.body()
        reply = replies.http(XML)
        await visit.send(reply.head + reply.body[:5])
        await gate.wait()
        await visit.send(reply.body[5:])

    here = await backend(halting)
    async with calling(here.url) as caller:
        failed = await caller.fails(limits=SOON)
        assert "whole reply" in failed.detail
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Received)
        assert b"".join(late.body) == XML


@pytest.mark.parametrize(("way", "reason"), [(Way.RST, "reset"), (Way.FIN, "closed")], ids=["rst", "fin"])
async def test_a_ghost_hears_the_end(backend: Starts, way: Way, reason: str) -> None:
    """FIN and RST end it, and no reply comes any more."""
    gate = Gate()
    here = await backend(replace(cut(Point.WORKED, way), gate=gate))
    async with calling(here.url) as caller:
        await caller.fails(limits=SOON)
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
    assert isinstance(late, Failed)
    assert (late.state, late.reason) == ("outcome_unknown", reason)


async def test_a_ghost_does_not_wait_for_ever(backend: Starts) -> None:
    """Its time is over: the connection is broken off."""
    here = await backend(silent())
    async with calling(here.url) as caller:
        await caller.fails(limits=SOON)
        assert caller.track.ghost is not None
        late = await caller.track.ghost.end(0.05)
        assert isinstance(late, Failed)
        assert late.reason == "timeout"
        await here.journal.ended(1)
    assert here.journal[0].peer_gone is not None


async def test_a_ghost_that_is_cancelled_leaves_no_connection(backend: Starts) -> None:
    """A shutdown."""
    here = await backend(silent())
    async with calling(here.url) as caller:
        await caller.fails(limits=SOON)
        assert caller.track.ghost is not None
        haunting = asyncio.get_running_loop().create_task(caller.track.ghost.end(60.0))  # type: ignore[arg-type]  # a coroutine by implementation
        await asyncio.sleep(0.01)
        haunting.cancel()
        await here.journal.ended(1)


async def test_a_ghost_of_a_stream_is_read_like_any_reply(backend: Starts) -> None:
    """Nobody is left to pass it on to, and its connection must not hang."""
    gate = Gate()
    here = await backend(answer(replies.http(XML), gate=gate))
    async with calling(here.url) as caller:
        await caller.fails(limits=replace(SOON, stream=True))
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Received)
        assert late.stream is None
        assert b"".join(late.body) == XML


async def test_a_ghost_of_a_stream_says_so_when_its_connection_is_closed_from_here(backend: Starts) -> None:
    """At the end of the process: what became of its call is told as of any reply that broke off."""
    gate = Gate()
    whole = replies.http(BEGINNING + XML)

    async def slow(visit: Visit) -> None:
        await visit.head()
        await visit.send(whole.head + BEGINNING)
        await gate.wait()

    here = await backend(slow)
    async with calling(here.url) as caller:
        stream = (await caller.ok(limits=STREAM)).stream
        assert stream is not None
        stream.close()
        assert caller.track.ghost is not None
        await caller.upstream.close()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Failed)
        assert (late.reason, late.sent) == ("truncated", True)
        gate.open()


async def test_a_get_can_have_a_ghost_too(backend: Starts) -> None:
    """Its head is all there is to send."""
    here = await backend(silent())
    async with calling(here.url) as caller:
        failed = await caller.fails(Outbound("GET", "/T.asmx/Op", (), b""), SOON)
        assert failed.sent
        assert caller.track.ghost is not None
        caller.track.ghost.close()
        await here.journal.ended(1)


async def test_a_bell_that_rings_as_the_head_comes_takes_nothing_from_the_body() -> None:
    """Time for a first byte is over in the very turn in which it is there: what is left is the total's."""
    wire = Wire(asyncio.get_running_loop(), lambda: None)
    wire._time_is_up()
    assert wire.late
    wire.within(5.0)
    assert not wire.late
    wire._bell.stop()


# --- leaving


async def test_cancelling_while_connecting_sends_nothing() -> None:
    """And leaves no half-open connection."""
    async with Blackhole() as hole, calling(hole.url) as caller:
        task = asyncio.get_running_loop().create_task(caller.send())
        await asyncio.sleep(0.02)
        assert caller.track.progress is Progress.CONNECTING
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_cancelling_while_waiting_breaks_the_connection_off(backend: Starts) -> None:
    """The backend sees that its caller went."""
    here = await backend(silent())
    async with calling(here.url) as caller:
        task = asyncio.get_running_loop().create_task(caller.send())
        await here.journal.arrived(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await here.journal.ended(1)
    assert here.journal[0].peer_gone is not None


async def test_cancelling_an_upload_stops_it(backend: Starts) -> None:
    """Nothing goes on writing behind the test's back."""
    here = await backend(silent(), receive_buffer_bytes=4096)
    async with calling(here.url) as caller:
        here.play(_reads_nothing)
        task = asyncio.get_running_loop().create_task(caller.send(post(LARGE)))
        await here.journal.until(lambda journal: len(journal) > 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await here.journal.ended(1)
    assert not here.journal[0].body_whole


async def _reads_nothing(visit: Visit) -> None:
    await visit.head()
    await visit.hold()


async def test_a_call_that_was_abandoned_meanwhile_is_not_sent(backend: Starts) -> None:
    """The last look before the first byte."""
    here = await backend(answer(replies.http(XML)))
    async with calling(here.url) as caller:
        track = Track(abandoned=True)
        failed = await caller.upstream.send(post(), LIMITS, track, caller.memory.account("tickets"))
        assert isinstance(failed, Failed)
        assert not failed.sent
        await caller.ok()
    assert len(here.journal) == 1


async def test_closing_closes_everything(backend: Starts) -> None:
    """Idle connections and busy ones."""
    here = await backend([answer(replies.http(XML)), silent()])
    caller = Caller(here.url)
    await caller.ok()
    task = asyncio.get_running_loop().create_task(caller.send())
    await here.journal.arrived(2)
    await caller.upstream.close()
    assert isinstance(await task, Failed)


# --- streams


def streaming(gate: Gate, rest: bytes = b"</a>", then: Callable[[Visit], Awaitable[None]] | None = None) -> Any:
    """Send a whole beginning, wait for the gate, then do `then` or send the rest."""

    async def play(visit: Visit) -> None:
        await visit.body()
        reply = replies.http(BEGINNING + rest)
        await visit.send(reply.head + BEGINNING)
        await gate.wait()
        await (visit.send(rest) if then is None else then(visit))

    return play


async def _read_out(stream: Stream, pieces: list[bytes]) -> None:
    while piece := await stream.next():
        pieces.append(piece)


async def _head_is_here(caller: Caller) -> None:
    while True:
        if caller.track.progress is Progress.REPLY:
            return
        await asyncio.sleep(0.001)


async def test_a_stream_comes_as_it_comes(backend: Starts) -> None:
    """Its beginning is there to be judged before the rest has come; the end gives the connection back."""
    gate = Gate()
    here = await backend([streaming(gate, b"c" * 9 + b"</a>"), answer(replies.http(XML))])
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert b"".join(reply.body) == BEGINNING
        assert reply.size_bytes == len(BEGINNING)
        assert reply.stream is not None
        gate.open()
        rest = b""
        while piece := await reply.stream.next():
            rest += piece
        assert rest == b"c" * 9 + b"</a>"
        await caller.ok()
    assert len(here.connections) == 1


@pytest.mark.parametrize("at", [0, 1, 5, len(XML) - 1])
async def test_a_beginning_is_waited_for(backend: Starts, at: int) -> None:
    """Wherever the first segment ended: what is judged is the beginning, or the whole where there is no more."""
    gate = Gate()

    async def split(visit: Visit) -> None:
        await visit.body()
        reply = replies.http(XML)
        await visit.send(reply.head + XML[:at])
        await gate.wait()
        await visit.send(XML[at:])

    here = await backend([split, answer(replies.http(XML))])
    async with calling(here.url) as caller:
        task = asyncio.get_running_loop().create_task(caller.send(limits=STREAM))
        await _head_is_here(caller)
        assert not task.done()
        gate.open()
        reply = await task
        assert isinstance(reply, Received)
        assert b"".join(reply.body) == XML
        assert reply.stream is None
        await caller.ok()
    assert len(here.connections) == 1


async def test_a_beginning_that_does_not_come_in_time_leaves_a_ghost(backend: Starts) -> None:
    """Nothing is said of what is not known; the ghost goes on where the caller stopped."""
    gate = Gate()

    async def slow(visit: Visit) -> None:
        await visit.body()
        reply = replies.http(XML)
        await visit.send(reply.head + XML[:4])
        await gate.wait()
        await visit.send(XML[4:])

    here = await backend(slow)
    async with calling(here.url) as caller:
        failed = await caller.fails(limits=replace(SOON, stream=True))
        assert (failed.state, failed.reason) == ("outcome_unknown", "timeout")
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Received)
        assert b"".join(late.body) == XML


@pytest.mark.parametrize("way", [Way.RST, Way.FIN], ids=lambda way: way.value)
async def test_a_stream_that_breaks_off_says_so(backend: Starts, way: Way) -> None:
    """As an OSError, which is what a writer of replies understands; nothing of it is left to be read."""
    gate = Gate()

    async def breaks(visit: Visit) -> None:
        visit.way = way
        await visit.stop(Point.HALF_REPLY_BODY)

    here = await backend(streaming(gate, then=breaks))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert reply.stream is not None
        gate.open()
        with pytest.raises(OSError, match="broke off"):
            await reply.stream.next()
        assert await reply.stream.next() == b""
        reply.stream.close()
        assert caller.track.ghost is None


async def test_a_stream_that_stops_is_given_up(backend: Starts) -> None:
    """No piece within `total`: its reader is told, and the backend, which may work on it, has a ghost."""
    gate = Gate()
    here = await backend(streaming(gate))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=replace(STREAM, total_s=0.1))
        assert reply.stream is not None
        with pytest.raises(TimeoutError):
            await reply.stream.next()
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Received)
        assert late.body == reply.body


async def test_a_stream_that_drips_is_given_up(backend: Starts) -> None:
    """Each piece is in time, all together are not: a rate bounds the whole."""

    async def drips(visit: Visit) -> None:
        while True:
            await visit.send(b"c")
            await asyncio.sleep(0.02)

    gate = Gate()
    gate.open()
    here = await backend(streaming(gate, b"c" * 10_000, drips))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=replace(STREAM, total_s=0.2))
        assert reply.stream is not None
        pieces = list[bytes]()
        with pytest.raises(TimeoutError):
            await _read_out(reply.stream, pieces)
        assert 1 < len(pieces) < 30
        assert caller.track.ghost is not None
        late = await caller.track.ghost.end(0.1)
        assert isinstance(late, Failed)
        assert (late.state, late.reason) == ("outcome_unknown", "timeout")


async def test_a_slow_reader_is_not_the_backends_fault(backend: Starts) -> None:
    """Only the time in which we wait for the backend counts."""
    gate = Gate()
    here = await backend(streaming(gate))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=replace(STREAM, total_s=0.1))
        assert reply.stream is not None
        gate.open()
        await asyncio.sleep(0.15)
        assert await reply.stream.next() == b"</a>"
        assert await reply.stream.next() == b""


async def test_a_stream_that_is_closed_early_is_read_to_its_end(backend: Starts) -> None:
    """The backend works on: what is left of it is the ghost's, which sees the end and gives the connection back."""
    gate = Gate()
    here = await backend([streaming(gate), answer(replies.http(XML))])
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert reply.stream is not None
        reply.stream.close()
        reply.stream.close()
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Received)
        assert (late.body, late.size_bytes) == (reply.body, len(BEGINNING))
        assert late.stream is not None, "only its beginning is held"
        assert await late.stream.next() == b""
        await caller.ok()
    assert len(here.connections) == 1


async def test_the_last_piece_may_be_here_when_a_stream_is_closed(backend: Starts) -> None:
    """Everything was read but the word that it is over."""
    gate = Gate()
    gate.open()
    here = await backend(streaming(gate))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        if reply.stream is not None:  # the rest may have come with the beginning
            assert await reply.stream.next() == b"</a>"
            reply.stream.close()
            assert caller.track.ghost is not None
            late = await caller.track.ghost.end(5.0)
            assert isinstance(late, Received)
            assert late.body == reply.body


async def test_the_rest_of_a_stream_that_never_ends_is_cut(backend: Starts) -> None:
    """Read, dropped, and bounded by bytes."""
    here = await backend([answer(replies.endless()), answer(replies.http(XML))])
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert reply.stream is not None
        reply.stream.close()
        assert caller.track.ghost is not None
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Failed)
        assert (late.state, late.reason, late.sent) == ("outcome_unknown", "cut", True)
        await caller.ok()
    assert len(here.connections) == 2


async def test_the_rest_of_a_stream_that_breaks_is_not_known(backend: Starts) -> None:
    """The ghost sees it break."""
    gate = Gate()

    async def breaks(visit: Visit) -> None:
        visit.way = Way.RST
        await visit.stop(Point.HALF_REPLY_BODY)

    here = await backend(streaming(gate, then=breaks))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert reply.stream is not None
        reply.stream.close()
        assert caller.track.ghost is not None
        gate.open()
        late = await caller.track.ghost.end(5.0)
        assert isinstance(late, Failed)
        assert late.reason == "truncated"


async def test_a_beginning_that_finds_no_room_is_refused(backend: Starts) -> None:
    """It is held like any other bytes."""
    gate = Gate()
    here = await backend(streaming(gate))
    async with calling(here.url) as caller:
        caller.memory.resize(1000, 1.0)
        failed = await caller.fails(limits=STREAM)
        assert failed.reason == "too_large"
        gate.open()


async def test_a_stream_that_breaks_before_its_beginning_is_a_bad_reply(backend: Starts) -> None:
    """The head came, and nothing after it."""
    whole = replies.http(XML)
    here = await backend(answer(replies.raw(whole.head)))
    async with calling(here.url) as caller:
        failed = await caller.fails(limits=STREAM)
    assert failed.reason == "truncated"


async def test_an_empty_stream_is_over_at_once(backend: Starts) -> None:
    """And its connection is kept."""
    here = await backend(answer(replies.http(b"")))
    async with calling(here.url) as caller:
        reply = await caller.ok(limits=STREAM)
        assert reply.body == ()
        assert reply.stream is None
        await caller.ok()
    assert len(here.connections) == 1


async def test_a_backend_on_ipv6(backend: Starts) -> None:
    """Host in brackets."""
    here = await backend(answer(replies.http(XML)), host="::1")
    async with calling(here.url) as caller:
        await caller.ok()
    assert here.journal[0].header("Host") == f"[::1]:{here.port}"


def test_old_tls_versions_have_a_name() -> None:
    """What config can say is what the library has."""
    assert _VERSIONS["1.3"] is ssl.TLSVersion.TLSv1_3
    assert sorted(_VERSIONS) == ["1.0", "1.1", "1.2", "1.3"]
