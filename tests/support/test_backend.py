"""The scripted backend is the witness of every later claim: it must do what its script says and write down what happened."""

from __future__ import annotations

import asyncio
import gzip
import http.client
from typing import TYPE_CHECKING

import pytest

from tests.support import envelopes, replies
from tests.support.backend import (
    FAULT_POINTS,
    Backend,
    Blackhole,
    Gate,
    Point,
    ThreadBackend,
    Visit,
    Way,
    answer,
    by_connection,
    by_operation,
    cut,
    fault_plays,
    idle_close,
    keep_alive_race,
    silent,
)
from tests.support.client import BadResponse, Client, ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certs import Certs

RESERVE = envelopes.soap11("ReserveTickets", {"iPerformanceNumber": 1201})
BODY = RESERVE.body
RAW = RESERVE.raw()


async def test_a_plain_answer_is_journaled_whole() -> None:
    """Every fact of an ordinary call stands in the journal: headers raw and in order, body, hash, operation, times."""
    reply = replies.http(envelopes.soap11_reply("ReserveTickets"))
    async with Backend(answer(reply)) as backend, Client.to(backend.url) as client:
        response = await client.exchange(RESERVE.raw(headers=[("X-ODD-cAsE", "1"), ("x-odd-case", "2")]))
        await backend.journal.ended(1)
        (entry,) = backend.journal
    assert (response.status, response.body) == (200, reply.body)
    assert (entry.method, entry.target, entry.operation) == ("POST", "/tickets", "ReserveTickets")
    assert entry.headers[-2:] == [(b"X-ODD-cAsE", b"1"), (b"x-odd-case", b"2")] or entry.headers[-1][1].isdigit()
    assert (entry.body, entry.body_whole, entry.executed) == (BODY, True, True)
    assert entry.reply_sent_bytes == len(reply.head) + len(reply.body)
    times = [entry.began_s, entry.head_s, entry.body_s, entry.executed_s, entry.replied_s, entry.ended_s]
    assert [time_s for time_s in times if time_s is not None] == times == sorted(times, key=lambda time_s: time_s or 0)
    assert repr(entry) == f"<0 on connection 0: POST /tickets ReserveTickets, {len(BODY)} B, executed>"


@pytest.mark.parametrize("dialect", envelopes.DIALECTS)
async def test_every_dialect_is_recognised(dialect: str) -> None:
    """The witness names the operation in all five dialects, and in UTF-16 too."""
    wording = envelopes.wording(dialect, "ReserveTickets")
    async with Backend(answer(wording.reply)) as backend:
        assert (await ask(backend.url, wording.request("ReserveTickets", {"n": 2}).raw())).status == 200
        assert backend.journal.operations == ["ReserveTickets"]


async def test_utf16_and_get_requests_are_named_too() -> None:
    """A UTF-16 body and an ASMX GET are named as well as any."""
    utf16 = BODY.decode().replace("utf-8", "utf-16").encode("utf-16")
    wide = envelopes.Request("POST", utf16, (("Content-Type", "text/xml; charset=utf-16"),))
    async with Backend() as backend:
        await ask(backend.url, wide.raw())
        await ask(backend.url, envelopes.asmx_get("GetPrices", {"n": 1}).raw())
        assert backend.journal.operations == ["ReserveTickets", "GetPrices"]


@pytest.mark.parametrize("name", sorted(fault_plays()))
async def test_the_twelve_fault_points(name: str) -> None:
    """Each fault point executes exactly when its body was whole, sends exactly its share of the reply, and ends in its way."""
    reply = replies.http(b"<reply>0123456789</reply>")
    play = fault_plays(reply)[name]
    point = play.stops
    assert point is not None
    async with Backend(play) as backend, Client.to(backend.url) as client:
        await client.send(RAW)
        ended = await client.until_end()
        got = bytes(client.unread)
        await client.close()
        await backend.journal.until(lambda _: backend.open_connections == 0)
        entries = backend.journal.entries
        assert backend.connections[0].ended == play.way.value
    half_head, half_body = len(reply.head) // 2, len(reply.body) // 2
    sent = {Point.HALF_REPLY_HEAD: half_head, Point.HALF_REPLY_BODY: len(reply.head) + half_body}.get(point, 0)
    assert ended == play.way.value
    assert got == (reply.head + reply.body)[:sent]
    if point is Point.ACCEPT:
        assert entries == []
        return
    assert entries[0].executed is (point >= Point.BODY)
    assert entries[0].body_whole is (point >= Point.BODY)
    assert entries[0].body_bytes == {Point.HEAD: 0, Point.HALF_BODY: len(BODY) // 2}.get(point, len(BODY))
    assert entries[0].cut == f"{play.way.value} at {point.name.lower()}"


def test_there_are_twelve() -> None:
    """Six points by two ways."""
    assert len(fault_plays()) == 12 == 2 * len(FAULT_POINTS)


@pytest.mark.parametrize("point", [Point.HEAD, Point.WORKED, Point.REPLY, None])
async def test_the_script_says_when_it_executes(point: Point | None) -> None:
    """Execution happens at the named point, before a break-off at the same one, and never where it says never."""
    async with Backend([cut(Point.BODY, executes=point), answer(executes=point)]) as backend:
        async with Client.to(backend.url) as client:
            await client.send(RAW)
            assert await client.until_end() == "rst"
        assert (await ask(backend.url, RAW)).status == 200
        await backend.journal.ended(2)
        assert [entry.executed for entry in backend.journal] == [point is Point.HEAD, point is not None]


async def test_a_silent_backend_notices_that_its_caller_left() -> None:
    """Silence lasts until the peer goes, and the journal says how it went."""
    for leave, word in ((Client.rst, "rst"), (Client.half_close, "fin")):
        async with Backend(silent()) as backend, Client.to(backend.url) as client:
            await client.send(RAW)
            await backend.journal.arrived(1)
            assert await client.bytes_within(0) == b""
            leave(client)
            await backend.journal.ended(1)
            assert (backend.journal[0].peer_gone, backend.journal[0].executed) == (word, True)


async def test_a_gate_holds_and_lets_through_one_by_one() -> None:
    """The test decides who is answered when; what has arrived meanwhile is known, and so is the peak."""
    gate = Gate()
    async with Backend(answer(gate=gate)) as backend, asyncio.TaskGroup() as group:
        calls = [group.create_task(ask(backend.url, RAW)) for _ in range(3)]
        await backend.journal.arrived(3)
        await backend.journal.until(lambda _: gate.waiting == 3)
        assert (backend.journal.running, backend.journal.peak) == (3, 3)
        gate.let(1)
        await backend.journal.ended(1)
        assert sum(call.done() for call in calls) <= 1
        gate.open()
    assert [call.result().status for call in calls] == [200, 200, 200]
    assert backend.journal.running == 0


async def test_keep_alive_is_kept_and_pipelining_answered_in_order() -> None:
    """Three pipelined requests come over one connection, are told apart and answered in order."""
    texts = [replies.http(f"<r>{n}</r>") for n in range(3)]
    async with Backend([answer(text) for text in texts]) as backend, Client.to(backend.url) as client:
        await client.send(RAW * 3)
        assert [r.body for r in await client.responses(3)] == [text.body for text in texts]
        assert [entry.reused for entry in backend.journal] == [False, True, True]
        assert len(backend.connections) == 1


async def test_connection_close_and_http10_are_obeyed() -> None:
    """A backend ends the connection after a request that says so."""
    async with Backend() as backend:
        for raw in (RESERVE.raw(headers=[("Connection", "close")]), RESERVE.raw(version="HTTP/1.0")):
            async with Client.to(backend.url) as client:
                assert (await client.exchange(raw)).status == 200
                assert await client.until_end() == "fin"


@pytest.mark.parametrize("way", [Way.RST, Way.FIN])
async def test_the_keep_alive_race(way: Way) -> None:
    """A reused connection ends at the first byte of the next request, unexecuted; a fresh one is served."""
    async with Backend(keep_alive_race(way=way)) as backend, Client.to(backend.url) as client:
        assert (await client.exchange(RAW)).status == 200
        await client.send(RAW)
        assert await client.until_end() == way.value
        assert (await ask(backend.url, RAW)).status == 200
        assert [(entry.reused, entry.executed) for entry in backend.journal] == [
            (False, True),
            (True, False),
            (False, True),
        ]


async def test_idle_connections_are_closed() -> None:
    """A backend's own keep-alive time, an unasked close after a reply, and a close by hand all end an idle connection."""
    for backend in (Backend(idle_close()), Backend(idle_s=0.0)):
        async with backend, Client.to(backend.url) as client:
            if backend.journal is not None and backend._idle_s is None:
                assert (await client.exchange(RAW)).status == 200
            assert await client.until_end() == "fin"
    async with Backend() as backend, Client.to(backend.url) as client:
        await client.exchange(RAW)
        await backend.journal.ended(1)
        backend.close_idle()
        assert await client.until_end() == "fin"


async def test_replies_from_proper_to_absurd() -> None:
    """Every canned reply arrives as the bytes it promises."""
    text = envelopes.soap11_reply("ReserveTickets")
    cases = {
        "chunked": (replies.chunked(text, 7), text),
        "trailer": (replies.chunked(text, 7, trailer=b"X-T: 1\r\n"), text),
        "until_close": (replies.until_close(text), text),
        "html": (replies.html(503), replies.html(503).body),
        "empty": (replies.http(b""), b""),
        "huge": (replies.huge(3_000_000, opening=b"<a>", closing=b"</a>"), b"<a>" + b"x" * 2_999_993 + b"</a>"),
    }
    for name, (reply, body) in cases.items():
        async with Backend(answer(reply)) as backend:
            assert (await ask(backend.url, RAW)).body == body, name


async def test_gzip_and_utf16_replies_carry_the_same_text() -> None:
    """The compressed and the transcoded reply decode to the text they were made from."""
    text = envelopes.soap11_reply("ReserveTickets")
    async with Backend([answer(replies.gzipped(text)), answer(replies.utf16(text.decode()))]) as backend:
        packed, wide = await ask(backend.url, RAW), await ask(backend.url, RAW)
    assert gzip.decompress(packed.body) == text
    assert wide.body.decode("utf-16") == text.decode().replace("utf-8", "utf-16")


@pytest.mark.parametrize(
    "reply", [replies.too_long(b"<a/>"), replies.bad_chunk(b"<a/>"), replies.garbage(), replies.raw(b"")], ids=repr
)
async def test_broken_replies_are_broken(reply: replies.Reply) -> None:
    """A reply that lies or is no HTTP is noticed by a client that looks."""
    async with Backend(answer(reply)) as backend:
        with pytest.raises(BadResponse):
            await ask(backend.url, RAW)


async def test_too_short_a_length_leaves_bytes_behind() -> None:
    """What a Content-Length does not cover stays in the connection, ready to poison the next reply."""
    async with Backend(answer(replies.too_short(b"0123456789", 4))) as backend, Client.to(backend.url) as client:
        assert (await client.exchange(RAW)).body == b"012345"
        assert await client.bytes_within(5) == b"6789"


async def test_an_endless_reply_stops_with_its_reader() -> None:
    """The endless reply is bounded by back-pressure and ends when its reader goes."""
    async with Backend(answer(replies.endless())) as backend, Client.to(backend.url) as client:
        await client.send(RAW)
        await client.bytes_within(5)
        client.rst()
        await backend.journal.ended(1)
        assert (backend.journal[0].peer_gone, backend.journal[0].replied_s) == ("rst", None)


@pytest.mark.virtual
async def test_slow_backends_are_slow_on_the_loops_clock() -> None:
    """Working time and gaps between bytes pass on the loop's clock: on virtual time an hour costs nothing."""
    reply = replies.http(b"slowly")
    async with Backend([answer(reply, work_s=3600), answer(reply, piece_bytes=1, gap_s=60)]) as backend:
        clock = asyncio.get_running_loop().time
        for expected_s in (3600, 60 * (len(reply.head) + len(reply.body))):
            began = clock()
            async with Client.to(backend.url) as client:
                await client.exchange(RAW, within_s=100_000)
            assert clock() - began == pytest.approx(expected_s, abs=61)


async def test_scripts_by_operation_and_by_connection() -> None:
    """A script may choose by what is asked or by who asks, and a cut before the body still reads none of it."""
    chosen = by_operation(
        {"Get": answer(replies.http(b"got")), "Cut": cut(Point.HEAD)}, otherwise=answer(replies.html())
    )
    async with Backend(chosen) as backend:
        assert (await ask(backend.url, envelopes.soap11("Get").raw())).body == b"got"
        assert b"html" in (await ask(backend.url, envelopes.soap12("Other").raw())).body
        chunks = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Body\r\n6\r\n><Get/\r\n1\r\n>\r\n0\r\nT: 1\r\n\r\n"
        assert (await ask(backend.url, chunks)).body == b"got"
        with pytest.raises(BadResponse):
            await ask(backend.url, envelopes.soap11("Cut").raw())
        await backend.journal.ended(4)
        assert [entry.executed for entry in backend.journal] == [True, True, True, False]
        assert backend.journal[3].body_bytes == 0
    async with Backend(by_connection([answer(replies.http(b"0")), answer(replies.http(b"1"))])) as backend:
        assert [(await ask(backend.url, RAW)).body for _ in range(3)] == [b"0", b"1", b"1"]


async def test_a_play_of_the_tests_own() -> None:
    """The verbs of a visit are enough for a script that nobody foresaw; a bug in it fails the test."""

    async def early(visit: Visit) -> None:
        await visit.head()
        await visit.answer(replies.http(b"too much", 413))

    async def broken(visit: Visit) -> None:
        raise ZeroDivisionError(visit.entry.number)

    async with Backend(early) as backend, Client.to(backend.url) as client:
        await client.send(RAW[:-5])
        assert (await client.response()).status == 413
        assert await client.until_end() == "fin"
        assert not backend.journal[0].executed
    backend = await Backend(broken).start()
    with pytest.raises(BadResponse):
        await ask(backend.url, RAW)
    with pytest.raises(ZeroDivisionError):
        await backend.__aexit__(None, None, None)


async def test_expect_is_answered_or_ignored() -> None:
    """A backend sends 100 Continue when asked to, unless its script says that it does not know it."""
    raw = RESERVE.raw(headers=[("Expect", "100-continue")])
    head = raw[: -len(BODY)]
    async with Backend() as backend, Client.to(backend.url) as client:
        await client.send(head)
        assert await client.bytes_within(5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.exchange(BODY)).interim == (100,)
    async with Backend(sends_continue=False) as backend, Client.to(backend.url) as client:
        await client.send(raw)
        assert (await client.response()).interim == ()


async def test_garbage_requests_are_written_down() -> None:
    """What is no request ends its connection and leaves its error in the journal."""
    async with Backend() as backend, Client.to(backend.url) as client:
        await client.send(b"nonsense\r\n\r\n")
        assert await client.until_end() == "fin"
        assert "not a request line" in (backend.journal[0].error or "")


async def test_a_half_sent_body_is_not_whole() -> None:
    """A caller that leaves inside its body leaves an entry that is not whole and not executed."""
    async with Backend() as backend, Client.to(backend.url) as client:
        await client.send(RAW[:-3])
        await backend.journal.until(lambda journal: len(journal) == 1 and journal[0].body_bytes > 0)
        client.rst()
        await backend.journal.ended(1)
        entry = backend.journal[0]
        assert (entry.body_whole, entry.executed, entry.peer_gone) == (False, False, "rst")


async def test_ipv6_unix_and_tls(tmp_path: Path, tls: Certs) -> None:
    """The backend stands on every kind of socket that the product can reach."""
    async with Backend(host="::1") as backend:
        assert backend.url.startswith("http://[::1]:")
        assert (await ask(backend.url, RAW)).status == 200
    async with Backend(ssl=tls.server) as backend:
        assert (await ask(backend.url, RAW, ssl=tls.client)).status == 200
        async with Client.to(backend.url, ssl=tls.client) as client:
            backend.play(cut(Point.HALF_REPLY_BODY))
            await client.send(RAW)
            await client.until_end()
    path = tmp_path / "backend.sock"
    async with Backend(unix=path), Client(unix=path) as client:
        assert (await client.exchange(RAW)).status == 200


async def test_a_backend_dies_and_comes_back() -> None:
    """Stopped it resets its callers and refuses new ones; started again it stands on the same port with the same journal."""
    async with Backend(silent()) as backend, Client.to(backend.url) as client:
        await client.send(RAW)
        await backend.journal.arrived(1)
        await backend.stop()
        assert await client.until_end() == "rst"
        with pytest.raises(ConnectionRefusedError):
            await ask(backend.url, RAW)
        backend.play(answer())
        await backend.start()
        assert (await ask(backend.url, RAW)).status == 200
        assert len(backend.journal) == 2


async def test_dead_ports_and_black_holes(dead_url: str) -> None:
    """A dead url refuses at once; a black hole never completes a handshake."""
    with pytest.raises(ConnectionRefusedError):
        await ask(dead_url, RAW)
    async with Blackhole() as hole:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), Client.to(hole.url):
                pass


async def test_waiting_in_vain_says_what_the_journal_knows() -> None:
    """A wait that fails tells the reader who came instead."""
    async with Backend() as backend:
        await ask(backend.url, RAW)
        with pytest.raises(AssertionError, match="POST /tickets ReserveTickets"):
            await backend.journal.arrived(2, within_s=0)


def test_blocking_clients_have_a_backend_too() -> None:
    """On a thread of its own the backend serves a client that knows no loop."""
    with ThreadBackend(answer(replies.http(b"hello"))) as backend:
        host, port = backend.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("POST", "/tickets", BODY)
        assert connection.getresponse().read() == b"hello"
        connection.close()
        backend.call(backend.journal.ended(1))
        assert backend.journal[0].body == BODY


def test_a_refused_script() -> None:
    """An empty script is refused at once."""
    with pytest.raises(ValueError, match="at least one play"):
        Backend([])
    with pytest.raises(ValueError, match="do not hold"):
        replies.huge(2, opening=b"<a>")
