"""The public notice of a room: how it stands, for everybody at once, so that any cache on the way can carry it, also when we are gone.

Nothing of it depends on who asks. It is made once a second at most; its tag is the content's, and whoever listens is told when it is
another.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.hall import speech
from sidecar.instant import rfc3339
from sidecar.jsonview import matches
from sidecar.model import Answer, Executed, Grade, Refusal, Stream
from sidecar.policy import draw

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange, RawHeaders

FRESH_S: Final = 1.0
# A crowd reads it from caches that ask once in two seconds; for a day after we have gone they may go on with the last one.
_CACHE: Final = b"public, max-age=2, stale-while-revalidate=10, stale-if-error=86400"
# Each holds a connection and some ten kilobytes; it is an extra, and a crowd polls.
LISTENERS_MOST: Final = 200
_QUIET_S: Final = 15.0  # below what proxies take for dead
_LONGEST_S: Final = 600.0  # then the browser connects anew by itself: nobody listens for ever
_GRADE: Final = Grade("ok", Executed.NO)


class Board:
    """The board of one room."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._made_at = float("-inf")
        self._about: bytes = b""
        self.body: bytes = b""
        self.tag: bytes = b""
        self._changed = asyncio.Event()
        self.listeners = 0
        self.going = False

    def fresh(self, now: float) -> bytes:
        """Return the body, made anew where it is older than a second."""
        if now - self._made_at >= FRESH_S:
            self._made_at = now
            self._make()
        return self.body

    def _make(self) -> None:
        house = self._house
        room, plan, notice = house.room, house.plan, house.notice
        said: dict[str, object] = {
            "state": "ok",
            "category": "ok",
            "executed": "no",
            "room": speech.room_member(room, plan, plan.look.languages[0] if plan.look.languages else "en"),
            "lanes": {
                lane.name: {
                    "joined": lane.people,
                    "drawn": lane.drawn,
                    "frontier": lane.frontier,
                    "waiting": lane.eligible,
                }
                for lane in room.lanes
                if lane.joined
            },
            "rate_per_min": round(room.pace.per_s_at(room.time.life) * 60) if room.pace.known else None,
            "message": None
            if notice is None
            else {
                "id": notice.id,
                "severity": notice.severity,
                "next_update_at": None if notice.next_update is None else rfc3339(notice.next_update),
            },
            "messages": {} if notice is None else dict(notice.texts),
            "draw": {
                "scheme": draw.SCHEME,
                "commitment": draw.commitment(room.seed),
                "seed": room.seed.hex() if any(lane.drawn is not None for lane in room.lanes) else None,
            },
            "v": 1,
        }
        about = orjson.dumps(said)
        if about == self._about:
            return
        self._about = about
        self.body = about[:-1] + b',"updated_at":"%b"}' % rfc3339(room.time.wall).encode()
        self.tag = b'"%b"' % blake2b(about, digest_size=12).hexdigest().encode()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def answer(self, exchange: Exchange, now: float) -> Answer:
        """Return it, or say that it is what the caller has."""
        body = self.fresh(now)
        headers: RawHeaders = (
            (b"Content-Type", b"application/json"),
            (b"Cache-Control", _CACHE),
            (b"ETag", self.tag),
            (b"X-Content-Type-Options", b"nosniff"),
        )
        if matches(exchange.head.all("If-None-Match"), self.tag):
            return Answer(304, "Not Modified", headers, (), 0, _GRADE)
        return Answer(200, "OK", headers, (body,), len(body), _GRADE)

    def listen(self) -> Answer | Refusal:
        """Return the board as events (Server-Sent Events, HTML standard section 9.2): one at once, and one whenever it is another."""
        if self.going:
            return Refusal("draining", detail="this sidecar is shutting down: listen to another one")
        if self.listeners >= LISTENERS_MOST:
            return Refusal(
                "overloaded", "connections", "as many as may already listen: poll the board", retry_after_s=5
            )
        self.listeners += 1
        headers: RawHeaders = (
            (b"Content-Type", b"text/event-stream"),
            (b"Cache-Control", b"no-store"),
            (b"X-Accel-Buffering", b"no"),  # nginx would gather it
        )
        stream = _Events(self)
        return Answer(200, "OK", headers, (), 0, _GRADE, stream=Stream(stream.next, stream.close))

    def drain(self) -> None:
        """Let nobody listen any more."""
        self.going = True
        self._changed.set()

    @property
    def changed(self) -> asyncio.Event:
        """What is set once the board is another."""
        return self._changed


class _Events:
    """One listener."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._told = b""
        self._closed = False
        self._until = asyncio.get_running_loop().time() + _LONGEST_S

    async def next(self) -> bytes:
        """Return the next event, or a comment that keeps the connection; b"" at the end."""
        board, loop = self._board, asyncio.get_running_loop()
        while not (self._closed or board.going) and loop.time() < self._until:
            if board.tag != self._told:
                self._told = board.tag
                return b"retry: 5000\nevent: board\ndata: %b\n\n" % board.body
            try:
                async with asyncio.timeout(_QUIET_S):
                    await board.changed.wait()
            except TimeoutError:
                return b": still here\n\n"
        return b""

    def close(self) -> None:
        """Let the place go."""
        if not self._closed:
            self._closed = True
            self._board.listeners -= 1
