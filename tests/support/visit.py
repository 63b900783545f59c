"""One request on one connection, as a play handles it: the verbs for reading, executing, working, answering and breaking off.

Stands between the plays and the wire, and writes the journal entry while things happen. A point where the play stops is
reached exactly once: `Stopped` leaves the play from there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.journal import sniff
from tests.support.plays import Point, Way
from tests.support.wire import HIGH_WATER_BYTES, Gone

if TYPE_CHECKING:
    from tests.support.journal import Entry, Journal
    from tests.support.replies import Reply
    from tests.support.wire import Wire

# A request line and headers of one MiB: far above any limit that a test wants to reach.
HEAD_LIMIT_BYTES = 1024 * 1024
# Reading in larger pieces would hide how much a peer had sent when it broke off.
READ_BYTES = 64 * 1024


class Stopped(Exception):  # noqa: N818 - not an error: the script ended the request here
    """The play broke off; nothing after this point happens."""


class Visit:
    """The verbs of a play. `executes`, `stops`, `way` say what happens at which point; `idle_s` closes afterwards."""

    def __init__(self, entry: Entry, wire: Wire, journal: Journal, *, sends_continue: bool = True) -> None:
        self.entry, self.wire, self.journal = entry, wire, journal
        self.executes: Point | None = Point.BODY
        self.stops: Point | None = None
        self.way = Way.RST
        self.idle_s: float | None = None
        self.keeps = True
        self._sends_continue = sends_continue
        self._length: int | None = 0  # None: chunked
        self._reached: set[Point] = set()

    # --- reading

    async def read_to(self, point: Point) -> None:
        """Read the request up to `point` (BODY at most), passing every point on the way once."""
        if point >= Point.HEAD:
            await self.head()
        if point >= Point.HALF_BODY:
            await self._half_body()
        if point >= Point.BODY:
            await self.body()

    async def head(self) -> Entry:
        """Read the request head; a second call does nothing."""
        await self.reach(Point.FIRST_BYTE)
        await self._read_head()
        await self.reach(Point.HEAD)
        return self.entry

    async def body(self) -> bytes:
        """Read the whole request; a second call does nothing."""
        await self._half_body()
        await self._take(None)
        if self.entry.body_s is None:
            self.entry.body_s = _now()
            self.journal.changed()
        await self.reach(Point.BODY)
        return self.entry.body

    async def peek(self) -> str | None:
        """Name the operation from what has arrived, passing no point; only a chunked body has to be read for it."""
        await self._read_head()
        if self._length is None:
            await self._take(None)
            return self.entry.operation
        await self.wire.buffered(min(self._length, HIGH_WATER_BYTES))
        return sniff(bytes(self.wire.unread[: self._length]), self.entry.target)

    async def _read_head(self) -> None:
        if self.entry.head_s is None:
            self._parse(await self.wire.until(b"\r\n\r\n", HEAD_LIMIT_BYTES))
            self.entry.head_s = _now()
            self.journal.changed()
            if self._sends_continue and (self.entry.header("expect") or "").lower() == "100-continue":
                await self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _half_body(self) -> None:
        await self.head()
        await self._take(1 if self._length is None else self._length // 2)
        await self.reach(Point.HALF_BODY)

    async def _take(self, up_to: int | None) -> None:
        """Read the body until `up_to` bytes of it are in, or all of it."""
        if self._length is None:
            await self._take_chunks(up_to)
            return
        end = self._length if up_to is None else up_to
        while (missing := end - self.entry.body_bytes) > 0:
            self.entry.raw_body += await self.wire.some(min(missing, READ_BYTES))
            self.journal.changed()

    async def _take_chunks(self, up_to: int | None) -> None:
        """Read chunks (RFC 9112 section 7.1) until `up_to` decoded bytes are in, or to the end with its trailers."""
        while up_to is None or self.entry.body_bytes < up_to:
            size = int((await self.wire.until(b"\r\n", HEAD_LIMIT_BYTES)).partition(b";")[0], 16)
            while size:
                piece = await self.wire.some(min(size, READ_BYTES))
                self.entry.raw_body += piece
                size -= len(piece)
                if not size:
                    await self.wire.until(b"\r\n", HEAD_LIMIT_BYTES)
                    break
            else:
                while await self.wire.until(b"\r\n", HEAD_LIMIT_BYTES) != b"\r\n":
                    pass
                self._length = self.entry.body_bytes
                return

    def _parse(self, raw: bytes) -> None:
        entry = self.entry
        entry.head = raw
        line, *fields = raw[:-4].split(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3:
            raise ValueError(f"not a request line: {line!r}")
        entry.method, entry.target, entry.version = words
        pairs = (field.partition(b":") for field in fields)
        entry.headers = [(name, value.strip()) for name, _, value in pairs]
        if "chunked" in (entry.header("transfer-encoding") or "").lower():
            self._length = None
        else:
            self._length = int(entry.header("content-length") or 0)
        self.keeps = entry.version == "HTTP/1.1" and (entry.header("connection") or "").lower() != "close"

    # --- executing and working

    def execute(self) -> None:
        """The operation takes effect now."""
        if self.entry.executed_s is None:
            self.entry.executed_s = _now()
            self.journal.changed()

    async def work(self, wait_s: float) -> None:
        """Be busy; a backend does not notice that its caller has gone."""
        if wait_s:
            await asyncio.sleep(wait_s)

    async def reach(self, point: Point) -> None:
        """Pass `point`, once: execute here and break off here, where the play says so."""
        if point in self._reached:
            return
        self._reached.add(point)
        if self.executes is point:
            self.execute()
        if self.stops is point:
            await self.stop(point)

    # --- answering

    async def answer(self, reply: Reply, piece_bytes: int | None = None, gap_s: float = 0.0) -> None:
        """Send `reply`, whole or in pieces, passing the points of a reply on the way."""
        half = len(reply.head) // 2
        await self.send(reply.head[:half], piece_bytes, gap_s)
        await self.reach(Point.HALF_REPLY_HEAD)
        await self.send(reply.head[half:], piece_bytes, gap_s)
        await self.reach(Point.REPLY_HEAD)
        await self._answer_body(reply, piece_bytes, gap_s)
        self.entry.replied_s = _now()
        self.keeps = self.keeps and reply.keeps
        await self.reach(Point.REPLY)

    async def _answer_body(self, reply: Reply, piece_bytes: int | None, gap_s: float) -> None:
        to_half = reply.half_bytes
        for piece in reply.pieces():
            before, after = piece[:to_half], piece[to_half:]
            to_half -= len(before)
            await self.send(before, piece_bytes, gap_s)
            if to_half == 0:
                await self.reach(Point.HALF_REPLY_BODY)
            await self.send(after, piece_bytes, gap_s)

    async def send(self, data: bytes, piece_bytes: int | None = None, gap_s: float = 0.0) -> None:
        """Send `data`; raise Gone where the connection is no more."""
        for at in range(0, len(data), piece_bytes or max(len(data), 1)):
            piece = data[at : at + piece_bytes] if piece_bytes else data
            if not await self.wire.send(piece):
                raise Gone("the peer went before the reply was out")
            self.entry.reply_sent_bytes += len(piece)
            self.journal.changed()
            if gap_s:
                await asyncio.sleep(gap_s)

    # --- breaking off

    async def stop(self, point: Point) -> None:
        """End the request here in the play's way and leave the play."""
        self.entry.cut = f"{self.way.value} at {point.name.lower()}"
        self.keeps = False
        if self.way is Way.RST:
            self.wire.rst()
        elif self.way is Way.FIN:
            self.wire.fin()
        else:
            await self.hold()
        raise Stopped

    async def hold(self) -> None:
        """Say nothing until the peer goes."""
        await self.wire.gone()


def _now() -> float:
    return asyncio.get_running_loop().time()
