"""What a scripted backend does with one request: plays, from a plain answer to every way of breaking off.

A play is an async function of a `Visit`. The canned ones cover reading, working, answering and breaking off at each `Point`;
a test with a stranger wish writes its own with the same verbs.
"""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from tests.support.replies import Reply, http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tests.support.visit import Visit

Play: TypeAlias = "Callable[[Visit], Awaitable[None]]"


class Point(enum.IntEnum):
    """How far a request's life has come; a play executes at one of these and may break off at one."""

    ACCEPT = 0  # the connection stands, nothing is read
    FIRST_BYTE = 1
    HEAD = 2
    HALF_BODY = 3
    BODY = 4  # the whole request is in
    WORKED = 5  # after the working time and the gate, before the first byte of the reply
    HALF_REPLY_HEAD = 6
    REPLY_HEAD = 7
    HALF_REPLY_BODY = 8
    REPLY = 9


class Way(enum.Enum):
    """How a play breaks off: reset, polite end, or silence until the peer goes."""

    RST = "rst"
    FIN = "fin"
    HOLD = "hold"


# Where a backend can fail as its caller sees it; with RST and FIN these are the twelve fault points.
FAULT_POINTS = (
    Point.ACCEPT,
    Point.HEAD,
    Point.HALF_BODY,
    Point.BODY,
    Point.HALF_REPLY_HEAD,
    Point.HALF_REPLY_BODY,
)


class Gate:
    """A barrier in the hands of the test: plays wait at it until `open()`; works across threads."""

    def __init__(self) -> None:
        self._open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self.passed = 0

    async def wait(self) -> None:
        if not self._open:
            event = asyncio.Event()
            self._waiting.append((asyncio.get_running_loop(), event))
            await event.wait()
        self.passed += 1

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def open(self) -> None:
        """Let everybody through, now and later."""
        self._open = True
        self.let(len(self._waiting))

    def let(self, count: int = 1) -> None:
        """Let the first `count` who wait through, and nobody else."""
        going, self._waiting = self._waiting[:count], self._waiting[count:]
        for loop, event in going:
            loop.call_soon_threadsafe(event.set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The canned play: read, execute, work, answer, and break off where it says so."""

    reply: Reply
    executes: Point | None = Point.BODY  # where the operation takes effect; None: never
    reads: Point = Point.BODY  # the reply starts once this much is read
    work_s: float = 0.0  # between the request and the reply
    gate: Gate | None = None  # after the work, before the reply
    piece_bytes: int | None = None  # the reply goes out in pieces of this size ...
    gap_s: float = 0.0  # ... with this much between them
    stops: Point | None = None
    way: Way = Way.RST
    idle_s: float | None = None  # after the reply, the connection is closed this much later

    @property
    def at_accept(self) -> bool:
        return self.stops is Point.ACCEPT

    async def __call__(self, visit: Visit) -> None:
        visit.executes, visit.stops, visit.way = self.executes, self.stops, self.way
        await visit.read_to(self.reads)
        await visit.work(self.work_s)
        if self.gate is not None:
            await self.gate.wait()
        await visit.reach(Point.WORKED)
        await visit.answer(self.reply, self.piece_bytes, self.gap_s)
        visit.idle_s = self.idle_s


OK = http("<ok/>")


def answer(
    reply: Reply = OK,
    *,
    executes: Point | None = Point.BODY,
    reads: Point = Point.BODY,
    work_s: float = 0.0,
    gate: Gate | None = None,
    piece_bytes: int | None = None,
    gap_s: float = 0.0,
    idle_s: float | None = None,
) -> Turn:
    """Read the request, execute, work, answer; slow ones set `work_s`, or `piece_bytes` and `gap_s`."""
    return Turn(
        reply=reply,
        executes=executes,
        reads=reads,
        work_s=work_s,
        gate=gate,
        piece_bytes=piece_bytes,
        gap_s=gap_s,
        idle_s=idle_s,
    )


def cut(point: Point, way: Way = Way.RST, reply: Reply = OK, *, executes: Point | None = Point.BODY) -> Turn:
    """Break off at `point` in this way; what comes before happens as in `answer`."""
    return Turn(reply=reply, executes=executes, stops=point, way=way)


def silent(point: Point = Point.BODY, *, executes: Point | None = Point.BODY) -> Turn:
    """Never answer: read up to `point` and hold the connection until the peer goes."""
    return cut(point, Way.HOLD, executes=executes)


def fault_plays(reply: Reply = OK) -> dict[str, Turn]:
    """The twelve: RST and FIN at each of the six fault points, by name."""
    return {
        f"{way.value}-{point.name.lower()}": cut(point, way, reply)
        for way in (Way.RST, Way.FIN)
        for point in FAULT_POINTS
    }


def keep_alive_race(reply: Reply = OK, way: Way = Way.RST) -> tuple[Play, ...]:
    """Answer, keep the connection, and end it at the first byte of the next request, which is not executed; then behave."""
    return (answer(reply), cut(Point.FIRST_BYTE, way), answer(reply))


def idle_close(reply: Reply = OK, after_s: float = 0.0) -> Turn:
    """Answer as if the connection were kept, then end it unasked `after_s` later: just before the next request, perhaps."""
    return replace(answer(reply), idle_s=after_s)


def by_operation(plays: Mapping[str, Play], otherwise: Play | None = None) -> Play:
    """Choose by the operation that the request names, before any of its body counts as read; else `otherwise`, else OK."""

    async def choose(visit: Visit) -> None:
        operation = await visit.peek()
        await plays.get(operation or "", otherwise or answer())(visit)

    return choose


def by_connection(plays: Sequence[Play]) -> Play:
    """The first connection gets the first play for all its requests, and so on; the last repeats."""

    async def choose(visit: Visit) -> None:
        await plays[min(visit.entry.connection, len(plays) - 1)](visit)

    return choose


def calls_only(play: Play) -> Play:
    """Leave `play` to calls: whoever asks for a document (?wsdl, with GET) is told at once that there is none."""

    async def choose(visit: Visit) -> None:
        await visit.peek()
        await (answer(http(b"", 404), executes=None) if visit.entry.method == "GET" else play)(visit)

    return choose
