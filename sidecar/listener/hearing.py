"""The ears of a client connection: bytes as they come, cut into messages, fed to aiohttp's parser, and never lost sight of.

Stands between the transport and the connection's task, which finds requests and faults in `_messages`. It never writes; it
answers nobody; what it cannot parse it passes on as a Fault, what nobody may hold it drops.

This file and `connection` are the only ones that lean on aiohttp's undocumented server hooks; `make canary` runs their tests
against the newest aiohttp. Hooks of aiohttp 3.14 (`web_protocol.RequestHandler`, `streams.StreamReader`) on this side:

- `data_received` feeds `_parser` and appends `(message, payload)` or `(_ErrInfo, EMPTY_PAYLOAD)` to `_messages`, counts in
  `_request_count`, wakes `_waiter`, pauses the transport when full. An `_ErrInfo` is replaced by a Fault here, so that no
  renderer of aiohttp's ever runs. One call loses the good requests before a bad one in the same bytes, therefore bytes are
  fed message by message; and a body that breaks hangs its reader, therefore that is told here.
- `resume_reading` (narrowed here), `_reading_paused`: flow control of the read side. `_force_close`: the transport is given up.
- `connection_made` starts `start()` as `_task_handler`, `connection_lost` cancels it (handler_cancellation=True). With
  `keepalive_timeout=0` no timer of aiohttp's is ever started.
- `StreamReader.is_eof/exception/set_exception/total_bytes`: a payload that fails raises in its reader.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from sidecar.bell import Bell
from sidecar.listener import faults
from sidecar.listener.salvage import Salvage
from sidecar.listener.unclaimed import Unclaimed
from sidecar.listener.upload import BUFFERED, BrokenBody
from sidecar.model import Peer, Refusal
from sidecar.trace import untraced

if TYPE_CHECKING:
    import asyncio

    from aiohttp.http_parser import RawRequestMessage

    from sidecar.listener.linger import Linger
    from sidecar.listener.reception import Reception

READ_BUFFER_BYTES: Final = 16 * 1024  # aiohttp pauses a body that nobody reads at twice this
SLICES_MAX: Final = 32  # messages looked for in one read, as many as aiohttp queues; the rest is fed whole
TOGETHER_S: Final = 0.02  # a FIN read this soon after the last byte came with it, though a busy loop may read it late: its sender listens
TURN_AWAY_S: Final = 1.0  # how long a connection over the cap has for its request
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\nContent-Length: "  # as nearly everybody spells it; who does not is fed in two pieces


class Phase(enum.Enum):
    """What the connection's one timer is set for."""

    IDLE = "idle"  # nothing has come since the last reply: closed quietly
    HEAD = "head"  # part of a head has come: 408
    BODY = "body"  # a stage reads the body: 408
    BUSY = "busy"  # stages work: their deadlines, not ours
    WRITE = "write"  # the peer does not read: cut
    SALVAGE = "salvage"  # a broken head may still show its Origin
    REST = "rest"  # an unread body is read to its end
    LINGER = "linger"  # the reply is out, the peer still sends
    CLOSING = "closing"  # the last bytes are leaving


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands in `_messages` where a request would: the refusal, and what was salvaged of its head."""

    refusal: Refusal
    salvage: Salvage


class Hearing(RequestHandler):
    """The read side of one accepted connection, and its one timer; `Connection` is the rest of it."""

    __slots__ = (
        "_bell",
        "_body",
        "_body_left",
        "_deaf",
        "_desk",
        "_half_closed",
        "_head",
        "_heard_at",
        "_linger",
        "_lingered",
        "_peer",
        "_phase",
        "_reception",
        "_salvage",
        "_salvaged",
        "_unclaimed",
        "turned_away",
    )

    def __init__(self, reception: Reception, loop: asyncio.AbstractEventLoop, header_bytes: int) -> None:
        super().__init__(
            reception,
            loop=loop,
            keepalive_timeout=0,
            access_log=None,  # type: ignore[arg-type]  # None is aiohttp's own way to have none
            max_line_size=header_bytes,
            max_field_size=header_bytes,
            max_headers=faults.HEADERS_MAX,
            read_bufsize=READ_BUFFER_BYTES,
            auto_decompress=False,
        )
        self._reception = reception
        self._desk = reception.desk
        self.turned_away = False
        self._peer = Peer("", reception.desk.tls)
        self._head: bytes | bytearray = b""  # of the message that is being parsed, until its head is complete
        self._body: StreamReader = EMPTY_PAYLOAD  # of the last message whose head was complete
        self._body_left: int | None = 0  # of that body, as far as a Content-Length tells
        self._deaf = False  # the parser is dead: what still comes is dropped
        self._salvage: Salvage | None = None
        self._salvaged: asyncio.Future[None] | None = None
        self._lingered: asyncio.Future[None] | None = None
        self._linger: Linger | None = None
        self._unclaimed = Unclaimed(reception.desk.memory)
        self._half_closed = False
        self._heard_at = 0.0
        self._phase = Phase.IDLE
        self._bell = Bell(loop, self._time_is_up)

    # --- the loop calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self._peer = Peer(str(name[0]), self._desk.tls)
        super().connection_made(transport)
        wait_s = TURN_AWAY_S if self.turned_away else self._desk.limits.header_timeout_s
        self._enter(Phase.IDLE, wait_s)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._bell.stop()
        self._unclaimed.clear()
        super().connection_lost(exc)
        self._body = EMPTY_PAYLOAD  # a body knows its connection: both would be left to the collector
        self._messages.clear()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's protocol has it so; aiohttp never keeps a half open
        """Answer whoever has only closed his half; True keeps ours open (which TLS does not have)."""
        if self._desk.tls:
            return False
        if self._lingered is not None:
            self._end_linger()
        elif self._salvage is not None:
            self._end_salvage()
        elif not self._body.is_eof():
            self._break_body(faults.HALF_BODY)
        elif self._head.strip(b"\r\n"):
            self._fail(faults.HALF_HEAD, b"", patient=False)
        elif self._phase is Phase.IDLE and not self._messages:
            return False
        elif self._loop.time() - self._heard_at > TOGETHER_S:
            return False  # a hang-up: the transport closes, connection_lost cancels the handler
        self._half_closed = True
        return True

    def data_received(self, data: bytes) -> None:
        if self._linger is not None:
            self._linger.came(len(data))
            return
        if self._deaf or self._force_close:
            return
        if self._salvage is not None:
            self._salvage.feed(data)
            if self._salvage.done:
                self._end_salvage()
            return
        if not data:  # the parser goes on with what it had put aside
            self._feed(data)
            return
        self._heard_at = self._loop.time()
        if not self._unclaimed.add(len(data)):
            self._fail(BUFFERED, data)
            return
        if not self._head and self._body.is_eof() and self._is_usual(data):
            self._feed(data)
            return
        start, size = 0, len(data)
        for _ in range(SLICES_MAX):
            stop = self._boundary(data, start)
            if self._body.is_eof() and stop - start + len(self._head) > 2 * self._desk.limits.header_bytes:
                self._fail(faults.too_long(self._head + data[start:stop], self._desk.limits.header_bytes), data[start:])
                return
            self._feed(data if not start and stop >= size else data[start:stop])
            if stop >= size:
                return
            start = stop
            if not self._parsing:  # that part was the last that could be parsed
                self.data_received(data[start:])
                return
        self._feed(data[start:])

    @property
    def _parsing(self) -> bool:
        return not self._deaf and self._salvage is None

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Do nothing where nothing was paused: aiohttp's reader asks after every read, and each time feeds the parser."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    # --- bytes in

    def _boundary(self, data: bytes, start: int) -> int:
        """Return where the message part that begins at `start` ends, as far as that can be told without parsing."""
        if not self._body.is_eof() and self._body_left is not None:
            return start + self._body_left
        if self._head and not start:  # the blank line may lie across two reads
            tail = self._head[-3:]
            across = (tail + data[:3]).find(_HEAD_END)
            if across >= 0:
                return across + 4 - len(tail)
        end = data.find(_HEAD_END, start)
        return len(data) if end < 0 else end + 4

    def _is_usual(self, data: bytes) -> bool:
        """Say whether this is one whole message, as far as its own word goes: that goes to the parser in one piece.

        A head that lies about its length spoils only itself: no good request stands before it in that piece.
        """
        end = data.find(_HEAD_END) + 4
        if end < 4 or len(data) > 2 * self._desk.limits.header_bytes:
            return False
        if end == len(data):
            return True
        at = data.find(_LENGTH, 0, end)
        if at < 0:
            return False
        return data.startswith(b"%d\r" % (len(data) - end), at + len(_LENGTH))

    def _feed(self, data: bytes) -> None:
        in_body = not self._body.is_eof()
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            message, payload = self._messages[-1]
            if isinstance(message, _ErrInfo):
                self._messages.pop()
                refusal = faults.BAD_BODY if in_body else self._complaint(message.exc, data)
                untraced(message.exc)
                self._fail(refusal, data)
                return
            self._begin_message(message, payload)
        elif in_body:
            if self._body_left is not None:
                self._body_left -= len(data)
        elif data:
            self._grow_head(data)

    def _begin_message(self, message: RawRequestMessage, payload: StreamReader) -> None:
        self._head = b""
        self._body = payload
        length = message.headers.get("Content-Length")
        self._body_left = None if length is None else int(length) - payload.total_bytes
        if self._phase is Phase.HEAD or self._phase is Phase.IDLE:
            self._stir()
            self._quiet()

    def _stir(self) -> None:
        """From the first byte of a request on, nobody may close this connection to make room."""
        raise NotImplementedError("a Connection knows where idle ones are listed")

    def _grow_head(self, data: bytes) -> None:
        if self._head:
            self._head += data  # in place: a head may come byte by byte
        else:
            self._head = bytearray(data.lstrip(b"\r\n"))  # RFC 9112 section 2.2: empty lines before a request
        if self._head and self._phase is Phase.IDLE:
            self._stir()
            self._enter(Phase.HEAD, TURN_AWAY_S if self.turned_away else self._desk.limits.header_timeout_s)

    def _complaint(self, error: BaseException, data: bytes) -> Refusal:
        return faults.parser_fault(error, (self._head + data).lstrip(b"\r\n"), self._desk.limits.header_bytes)

    def _fail(self, refusal: Refusal, data: bytes, *, patient: bool = True) -> None:
        """Nothing more can be parsed. Whoever reads a body learns it there; else the fault is answered in its turn.

        Not `patient`: whatever of the head has not come by now is not waited for.
        """
        if not self._body.is_eof():
            self._break_body(refusal)
            return
        self._salvage = Salvage()
        self._salvage.feed(self._head)
        self._salvage.feed(data)
        self._salvage.done = self._salvage.done or not patient
        self._head = b""
        self._stir()
        self._messages.append((Fault(refusal, self._salvage), EMPTY_PAYLOAD))  # type: ignore[arg-type]  # ours to pop
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break_body(self, refusal: Refusal) -> None:
        self._deaf = True
        self._body.set_exception(BrokenBody(refusal))

    # --- the timer, and what ends a wait

    def _enter(self, phase: Phase, wait_s: float) -> None:
        self._phase = phase
        self._bell.set(wait_s)

    def _quiet(self) -> None:
        self._phase = Phase.BUSY
        self._bell.silence()

    def _time_is_up(self) -> None:
        raise NotImplementedError("a Connection knows what each phase ends in")

    def _end_salvage(self) -> None:
        if self._salvaged is not None and not self._salvaged.done():
            self._salvaged.set_result(None)

    def _end_linger(self) -> None:
        if self._lingered is not None and not self._lingered.done():
            self._lingered.set_result(None)
