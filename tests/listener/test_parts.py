"""The listener's parts, each alone: salvage, linger, bell, wire, faults, unclaimed bytes."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from sidecar.bell import Bell
from sidecar.buffers import Buffers
from sidecar.listener import faults, wire
from sidecar.listener.linger import LONGEST_S, RATE_BYTES_S, Linger
from sidecar.listener.request import keep_no_urls, split_target
from sidecar.listener.salvage import LINE_BYTES, Salvage
from sidecar.listener.unclaimed import UNBOOKED_BYTES, Unclaimed
from sidecar.model import Head, Reply, Stream, joined

# --- salvage

WHOLE = b"POST /tickets?x=1 HTTP/1.1\r\nHost: a\r\nX-Junk: b\r\nORIGIN:  https://shop.example \r\nContent-Type: text/xml\r\n\r\nrest"


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_salvage_in_pieces(cuts: list[int]) -> None:
    """However a head is cut, the same is read out of it: the line, the wanted headers, and that it has ended."""
    salvage = Salvage()
    points = [0, *sorted(cuts), len(WHOLE)]
    for start, stop in pairwise(points):
        salvage.feed(WHOLE[start:stop])
    head = salvage.head()
    assert salvage.done
    assert head is not None
    assert (head.method, head.path, head.query) == ("POST", "/tickets", "x=1")
    assert head.headers["origin"] == "https://shop.example"
    assert [name for name, _ in head.raw] == [b"Host", b"ORIGIN", b"Content-Type"]


@given(st.binary(max_size=5000))
def test_salvage_survives_anything(data: bytes) -> None:
    """Whatever comes, salvage neither fails nor keeps more than its lines."""
    salvage = Salvage()
    for at in range(0, len(data), 700):
        salvage.feed(data[at : at + 700])
    salvage.head()
    assert len(salvage._line) <= LINE_BYTES


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_salvage_gives_up(data: bytes) -> None:
    """Who does not speak in header lines is not waited for."""
    salvage = Salvage()
    salvage.feed(data)
    assert salvage.done


def test_salvage_skips_what_is_too_long() -> None:
    """A line of any length is passed over, and the ones after it are read."""
    salvage = Salvage()
    salvage.feed(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nCookie: " + b"c" * 100_000)
    salvage.feed(b"c" * 100_000 + b"\r\nOrigin: o\r\n")
    assert not salvage.done
    head = salvage.head()
    assert head is not None
    assert (head.method, head.headers.get("Origin")) == ("GET", "o")


def test_salvage_of_nothing() -> None:
    """Where nothing can be read there is no head; a line in the middle of a name is no header."""
    assert Salvage().head() is None
    salvage = Salvage()
    salvage.feed(b"\r\n\r\n\x00\x01 nonsense\r\nOrigin: https://shop.exam")
    assert salvage.head() is None


def test_salvage_is_bounded() -> None:
    """A thousand Origins are not a thousand kept lines."""
    salvage = Salvage()
    salvage.feed(b"GET / HTTP/1.1\r\n" + b"Origin: o\r\n" * 1000)
    head = salvage.head()
    assert head is not None
    assert len(head.raw) <= 20


# --- linger


def test_linger() -> None:
    """Two seconds for everybody, then second by second while enough comes, fifteen at most."""
    linger = Linger(100.0)
    linger.came(2 * RATE_BYTES_S)
    assert linger.next_step(102.0) == 1.0
    linger.came(RATE_BYTES_S - 1)
    assert linger.next_step(103.0) is None
    linger.came(10 * RATE_BYTES_S)
    assert linger.next_step(104.0) == 1.0
    linger.came(10 * RATE_BYTES_S)
    assert linger.next_step(100.0 + LONGEST_S) is None
    assert Linger(0.0).next_step(2.0) is None


# --- bell


@pytest.mark.virtual
async def test_bell() -> None:
    """The last time that was set rings, once; a later one does not touch the loop's timers, an earlier one does."""
    loop = asyncio.get_running_loop()
    rung: list[float] = []
    start = loop.time()
    bell = Bell(loop, lambda: rung.append(round(loop.time() - start, 3)))
    bell.set(5)
    handle = bell._handle
    bell.set(10)
    assert bell._handle is handle
    bell.set(3)
    assert bell._handle is not handle
    await asyncio.sleep(20)
    assert rung == [3.0]
    bell.set(1)
    bell.set(4)
    await asyncio.sleep(20)
    assert rung == [3.0, 24.0]
    bell.set(1)
    bell.silence()
    await asyncio.sleep(20)
    bell.set(1)
    bell.stop()
    await asyncio.sleep(20)
    assert rung == [3.0, 24.0]


# --- wire


@given(
    st.lists(st.tuples(st.from_regex(rb"[A-Za-z-]{1,8}", fullmatch=True), st.binary(max_size=12)), max_size=6),
    st.binary(max_size=20),
    st.sampled_from([200, 204, 304, 404, 503]),
    st.sampled_from(["GET", "HEAD"]),
)
def test_no_reply_can_be_split(headers: list[tuple[bytes, bytes]], body: bytes, status: int, method: str) -> None:
    """Whatever bytes a header holds, the head is refused or it is exactly one head."""
    head = Head(method, "/", "/", "", CIMultiDict(), ())
    reply = Reply(status, tuple(headers), (body,))
    try:
        framed = wire.frame(reply, head, close=False)
    except wire.SplitError:
        assert any(b"\r" in value or b"\n" in value for _, value in headers)
        return
    assert framed.head.count(b"\r\n\r\n") == 1
    assert framed.head.endswith(b"\r\n\r\n")
    assert framed.head.count(b"\n") == framed.head.count(b"\r") == framed.head.count(b"\r\n")
    lengths = re.findall(rb"(?im)^content-length: (\d+)\r$", framed.head)
    assert len(lengths) <= 1
    if framed.body:
        assert lengths == [b"%d" % len(body)]


JOINED = ((b"Content-Type", b"text/xml"), (b"Vary", b"Origin"))


@given(st.binary(max_size=12), st.sampled_from(["GET", "HEAD"]), st.booleans())
def test_lines_joined_beforehand_are_the_same_head(value: bytes, method: str, close: bool) -> None:
    """Whoever has joined a reply's lines gets what everybody gets, and can split no more than anybody."""
    head, lines = Head(method, "/", "/", "", CIMultiDict(), ()), ((b"Allow", value), (b"Vary", b"Origin"))
    plain = Reply(405, lines, (b"no",))
    known = plain._replace(block=joined(lines))
    usual = method == "GET" and not close
    try:
        framed = wire.frame(plain, head, close=close)
    except wire.SplitError:
        with pytest.raises(wire.SplitError):
            wire.frame(known, head, close=close)
        if usual:
            with pytest.raises(wire.SplitError):
                wire.at_once(known, head, close=close)
        return
    assert wire.frame(known, head, close=close) == framed
    assert wire.at_once(known, head, close=close) == (framed.head + b"no" if usual else None)


async def _never() -> bytes:
    raise AssertionError


@pytest.mark.parametrize(
    ("reply", "version"),
    [
        (Reply(415, JOINED, (b"no",)), (1, 1)),
        (Reply(415, JOINED, (b"no",), block=joined(JOINED)), (1, 0)),
        (Reply(415, JOINED, (b"no",), close=True, block=joined(JOINED)), (1, 1)),
        (Reply(204, JOINED, block=joined(JOINED)), (1, 1)),
        (Reply(200, JOINED, stream=Stream(_never, lambda: None), block=joined(JOINED)), (1, 1)),
    ],
    ids=["not joined", "old client", "last one", "no body", "stream"],
)
def test_what_is_not_said_at_once(reply: Reply, version: tuple[int, int]) -> None:
    """Whatever ends a connection, has no end or no body, or is not all ours is framed with more care."""
    assert wire.at_once(reply, Head("POST", "/", "/", "", CIMultiDict(), (), version), close=False) is None


def test_phrase_cannot_split() -> None:
    """Nor can a status phrase of a backend."""
    with pytest.raises(wire.SplitError):
        wire.frame(Reply(200, (), phrase="OK\r\nX: y"), None, close=True)


def test_status_lines_are_bounded() -> None:
    """A backend that invents phrases does not grow a table."""
    for number in range(1000):
        wire.status_line(200, f"Phrase {number}")
    assert len(wire._status_lines) <= 256
    assert wire.status_line(503, "") == b"HTTP/1.1 503 Service Unavailable\r\n"
    assert wire.status_line(799, "") == b"HTTP/1.1 799 \r\n"
    assert wire.status_line(200, "\N{SNOWMAN}") == b"HTTP/1.1 200 ?\r\n"


def test_date_is_a_date() -> None:
    """The Date line is an IMF-fixdate (RFC 9110 section 5.6.7)."""
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", wire.date_line())


# --- request, faults


def test_target_of_authority_form() -> None:
    """What has neither a path nor a scheme becomes the root: CONNECT's target is never looked at."""
    assert split_target("shop.example:443") == ("/", "/", "")


def test_too_long_tells_line_from_header() -> None:
    """The first line over the limit is the address's fault, any later one a header's."""
    assert faults.too_long(b"GET /" + b"a" * 200, 100).state == "uri_too_long"
    assert faults.too_long(b"\r\nGET / HTTP/1.1\r\nA: " + b"a" * 200, 100).state == "headers_too_large"
    assert faults.too_long(b"", 100).limit_bytes == 100


# --- unclaimed


def test_unclaimed_overlooks_the_small() -> None:
    """A usual request is not booked; more than that is, all of it, and clearing gives it back."""
    memory = Buffers(10_000, 1.0)
    unclaimed = Unclaimed(memory)
    assert unclaimed.add(UNBOOKED_BYTES)
    assert not unclaimed.booked
    assert unclaimed.add(1)
    assert memory.held_bytes == UNBOOKED_BYTES + 1
    unclaimed.claimed(97)
    assert memory.held_bytes == UNBOOKED_BYTES - 96
    assert not unclaimed.add(9_000)
    unclaimed.clear()
    assert (memory.held_bytes, unclaimed.booked) == (0, False)
    unclaimed.add(10)
    unclaimed.claimed(100)
    assert unclaimed.add(UNBOOKED_BYTES)
    assert not unclaimed.booked


def test_addresses_are_not_remembered() -> None:
    """ASMX puts card numbers in them, and yarl would keep the last few hundred."""
    keep_no_urls()
    keep_no_urls()  # a second sidecar in one process
    for made in (
        lambda: URL.build(path="/a", query_string="b=1", encoded=True),
        lambda: URL("http://a/b?c=1", encoded=True),
    ):
        assert made() == made()
        assert made() is not made()
