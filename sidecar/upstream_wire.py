"""One connection to a backend, and what of its past an attempt must know: whether it may carry a call, and whose words it hears.

Stands under `upstream`, on aiohttp's client protocol. It gives the parser one reply per call and not a byte more: what a backend
says beyond it, or before it is asked, is nobody's answer. It never answers by itself.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

from aiohttp.client_proto import ResponseHandler

from sidecar.bell import Bell
from sidecar.trace import untraced
from sidecar.unread import Unread

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

_BLANK: Final = re.compile(rb"\n\r?\n")  # the end of a head; a bare LF is what aiohttp takes from a backend, too
_LENGTH: Final = re.compile(rb"\n[Cc]ontent-[Ll]ength: ?([0-9]{1,9})\r\n")
_LAST_CHUNK: Final = b"0\r\n\r\n"
_OVERLAP: Final = len(_LAST_CHUNK) - 1  # an end mark may lie across two reads
_TIMED_OUT: Final = re.compile(rb"HTTP/1\.\d 408 ")
"""How load balancers say goodbye on an idle connection (RFC 9110 section 15.5.9): unasked, but meant."""


class Due(enum.Enum):
    """What the backend may say next."""

    NOTHING = "nothing"
    HEAD = "head"
    LENGTH = "length"  # a body of so many bytes
    CHUNKS = "chunks"
    END = "end"  # a body that ends with the connection


class Wire(ResponseHandler):
    """One connection. `notice` is called when the backend speaks without having been asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, notice: Callable[[], None]) -> None:
        super().__init__(loop)
        self._bell = Bell(loop, self._time_is_up)
        self._unread: Unread | None = None
        self._notice = notice
        self._due = Due.NOTHING
        self._left = 0
        self._seen = b""  # the last bytes that were fed, while an end mark is looked for
        self._news: tuple[RawResponseMessage, StreamReader] | None = None
        self.late = False  # the time that was set with `within` has come
        self.has_served = False  # a reply has been read from it: the backend may have closed it since
        self.heard = False  # a byte has come since the request that is under way began
        self.babbles = False  # it said something unasked: nothing that it says from here on is anybody's answer

    def begin(self) -> None:
        """One reply is asked for from here on."""
        self.heard = False
        self._due, self._seen = Due.HEAD, b""

    def data_received(self, data: bytes) -> None:
        """Give aiohttp's parser what belongs to the reply that is due; it must not see more, or it loses the reply over it."""
        if not data:  # the parser goes on with what it had put aside
            super().data_received(data)
            return
        self.heard = True
        at = 0
        if self._due is Due.HEAD and not self._seen and self._is_whole(data):
            self._feed(data)
            at = len(data)
        while at < len(data) and self._exception is None:
            if self._due is Due.NOTHING:
                self._unasked(data[at:])
                return
            end = self._end_of_part(data, at)
            self._feed(data[at:end] if at or end < len(data) else data)
            at = end

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """As aiohttp's: a head is complete."""
        self._news = data
        super().feed_data(data, size)

    def _is_whole(self, data: bytes) -> bool:
        """Say whether one read brought one reply and no more, as nearly all do; a guess that errs only where lengths contradict."""
        end = self._mark(data, 0)
        length = _LENGTH.search(data, 0, end) if end > 0 else None
        return length is not None and end + int(length[1]) == len(data)

    def _end_of_part(self, data: bytes, at: int) -> int:
        """Return where the part of the reply that begins at `at` ends, at the latest."""
        if self._due is Due.LENGTH:
            return min(len(data), at + self._left)
        if self._due is Due.END:
            return len(data)
        if self._seen:
            across = self._mark(self._seen + data[at : at + _OVERLAP], 0) - len(self._seen)
            if across > 0:
                return at + across
        end = self._mark(data, at)
        return len(data) if end < 0 else end

    def _mark(self, data: bytes, start: int) -> int:
        """Return where the end mark of a head, or of a chunked body, ends; -1 where there is none."""
        if self._due is Due.HEAD:
            found = _BLANK.search(data, start)
            return -1 if found is None else found.end()
        at = data.find(_LAST_CHUNK, start)
        return -1 if at < 0 else at + len(_LAST_CHUNK)

    def _feed(self, part: bytes) -> None:
        super().data_received(part)
        if isinstance(self._exception, BaseException):
            untraced(self._exception)
            self._tell_the_reader(self._exception)
        elif self._news is not None:
            (message, payload), self._news = self._news, None
            self._begin_body(message, payload)
        elif self._due is Due.LENGTH:
            self._left -= len(part)
            if not self._left:
                self._due = Due.NOTHING
        elif self._due is Due.CHUNKS and (self._payload is None or self._payload.is_eof()):
            self._due = Due.NOTHING
        else:
            self._seen = (self._seen + part)[-_OVERLAP:]

    def _tell_the_reader(self, error: BaseException) -> None:
        """Break the body off. aiohttp only tells whoever waits for a head, and a body's reader would wait for its timeout."""
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(error)

    def _begin_body(self, message: RawResponseMessage, payload: StreamReader) -> None:
        """Note how the end of the body will be told (RFC 9112 section 6.3, as the parser has read it)."""
        self._seen = b""
        if message.code < 200 and message.code != 101:
            return  # an interim reply: the head is still due
        if payload.is_eof():
            self._due = Due.NOTHING
        elif message.chunked:
            self._due = Due.CHUNKS
        elif (length := message.headers.get("Content-Length")) is not None and message.code != 101:
            self._due, self._left = Due.LENGTH, int(length)
        else:
            self._due = Due.END

    def _unasked(self, words: bytes) -> None:
        if not words.strip(b"\r\n"):
            return  # old servers end a body with an empty line; a parser skips it before the next head as well
        self.force_close()
        if not self.babbles:
            self.babbles = True
            if not _TIMED_OUT.match(words):
                self._notice()

    def connection_lost(self, exc: BaseException | None) -> None:
        """As aiohttp's; nothing is timed any more."""
        self._bell.stop()
        super().connection_lost(exc)

    # --- time

    def within(self, wait_s: float) -> None:
        """Raise TimeoutError in whoever waits for this connection in `wait_s` seconds. A timer of the loop's is hardly ever touched."""
        self.late = False  # it may have rung in the very turn in which the head came
        self._bell.set(wait_s)

    def in_time(self) -> None:
        """Time nothing any more."""
        self._bell.silence()
        self.late = False

    def _time_is_up(self) -> None:
        self.late = True
        for reader in (self, self._payload):  # of the head, of the body
            waiter = getattr(reader, "_waiter", None)
            if waiter is not None and not waiter.done():
                waiter.set_exception(TimeoutError())

    # --- may it carry a call?

    @property
    def usable(self) -> bool:
        """Whether a request may be written: it stands, owes nothing, and not a byte nor a FIN lies unread in the kernel.

        What a backend says unasked on an idle connection would be taken for the answer to the next call. Looking costs two
        microseconds and turns most races with an idle close, which leave a purchase unknown, into nothing at all.
        """
        if self.transport is None or self.transport.is_closing() or self.should_close:
            return False
        return not self.has_served or not self._stirs()

    @property
    def spoke_first(self) -> bool:
        """Whether a new connection has something to say, or has ended, before it was asked anything."""
        return self.babbles or (not self._encrypted and self._stirs())

    @property
    def _encrypted(self) -> bool:
        # A handshake leaves records of its own in the kernel (RFC 8446 section 4.6.1): they are no words of the backend's.
        return self.transport is not None and self.transport.get_extra_info("sslcontext") is not None

    def _stirs(self) -> bool:
        assert self.transport is not None, "asked of a connection that stands"
        if self._unread is None:
            self._unread = Unread(self.transport)
        return self._unread.any()
