"""One client connection: bytes in, exchanges through `answer` one after the other, replies out, and a decent end.

The only file that leans on aiohttp's undocumented server hooks; `make canary` runs its tests against the newest aiohttp.
It answers every byte stream that it can still write to, and it never lets a timer, a buffer or a slow peer go unbounded.

Hooks of aiohttp 3.14 (`web_protocol.RequestHandler`, `web_server.Server`, `streams.StreamReader`) that are used:

- `Server.__call__` makes the protocol, `Server.connection_made/connection_lost` keep `_connections`.
- `RequestHandler.start` is ours: the coroutine that `connection_made` starts as `_task_handler` and that `connection_lost`
  cancels (handler_cancellation=True). With `keepalive_timeout=0` no timer of aiohttp's is ever started.
- `RequestHandler.data_received` feeds `_parser` and appends `(message, payload)` or `(_ErrInfo, EMPTY_PAYLOAD)` to
  `_messages`, counts in `_request_count`, wakes `_waiter`, pauses the transport when full. An `_ErrInfo` is replaced by a
  Fault here, so that no renderer of aiohttp's ever runs. One call loses the good requests before a bad one in the same bytes,
  therefore bytes are fed message by message.
- `resume_reading` (narrowed here), `_parser.message_consumed()`, `_resume_reading_if_drained()`, `_buffer_paused`,
  `_reading_paused`: flow control of the read side.
- `BaseProtocol._paused`, `_drain_helper()`: the write side. `_force_close`: set once the transport is given up.
- `StreamReader.is_eof/exception/set_exception/readany/read_nowait/total_bytes`: a payload that fails raises in its reader.
"""

from __future__ import annotations

import asyncio
import enum
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from aiohttp import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from sidecar.listener import faults
from sidecar.listener.bell import Bell
from sidecar.listener.linger import LINGER_S, Linger
from sidecar.listener.outlet import drop, write_reply
from sidecar.listener.request import declared_bytes, head_of
from sidecar.listener.salvage import Salvage
from sidecar.listener.unclaimed import Unclaimed
from sidecar.listener.upload import BUFFERED, BrokenBody, Upload
from sidecar.listener.wire import CONTINUE, SplitError, frame
from sidecar.model import Exchange, Head, Peer, Refusal, Reply

if TYPE_CHECKING:
    from aiohttp.http_parser import RawRequestMessage

    from sidecar.listener.reception import Reception

READ_BUFFER_BYTES: Final = 16 * 1024  # aiohttp pauses a body that nobody reads at twice this
SLICES_MAX: Final = 32  # messages looked for in one read, as many as aiohttp queues; the rest is fed whole
SALVAGE_S: Final = 1.0  # how long a refusal waits for the Origin of a head that broke before it
REST_BYTES: Final = 64 * 1024  # a body left unread by a refusal is read to its end for the connection's sake up to this
TOGETHER_S: Final = 0.002  # a FIN this soon after the last byte came with it: its sender half-closed and listens
TURN_AWAY_S: Final = 1.0  # how long a connection over the cap has for its request
_HEAD_END: Final = b"\r\n\r\n"
DRAINING: Final = Refusal("draining", close=True)


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


class Connection(RequestHandler):
    """One accepted connection. Its task runs `start`; its timer rings `_ring`; its reader is `data_received`."""

    __slots__ = (
        "_bell",
        "_body",
        "_body_left",
        "_deaf",
        "_desk",
        "_exchange",
        "_expelled",
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
        self._exchange: Exchange | None = None
        self._expelled = False
        self._half_closed = False
        self._heard_at = 0.0
        self._phase = Phase.IDLE
        self._bell = Bell(loop, self._time_is_up)

    def __repr__(self) -> str:
        return f"<Connection {self._peer.address or 'unix'} {self._phase.value}>"

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

    def _feed(self, data: bytes) -> None:
        in_body = not self._body.is_eof()
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            message, payload = self._messages[-1]
            if isinstance(message, _ErrInfo):
                self._messages.pop()
                refusal = faults.BAD_BODY if in_body else self._complaint(message.exc, data)
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
        self._reception.idle.pop(self, None)

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

    # --- what an Upload asks of its line

    def begin_body(self, *, say_continue: bool) -> None:
        if say_continue and self.transport is not None:
            self.transport.write(CONTINUE)
        self._enter(Phase.BODY, self._desk.limits.body_timeout_s)

    def end_body(self) -> None:
        if self._phase is Phase.BODY:
            self._quiet()

    def consumed(self, size_bytes: int) -> None:
        self._unclaimed.claimed(size_bytes)

    # --- the timer

    def _enter(self, phase: Phase, wait_s: float) -> None:
        self._phase = phase
        self._bell.set(wait_s)

    def _quiet(self) -> None:
        self._phase = Phase.BUSY
        self._bell.silence()

    def _time_is_up(self) -> None:
        match self._phase:
            case Phase.IDLE:
                self.dismiss()
            case Phase.HEAD:
                self._fail(faults.SLOW_HEAD, b"", patient=False)
            case Phase.BODY | Phase.REST:
                self._break_body(faults.SLOW_BODY)
            case Phase.SALVAGE:
                self._end_salvage()
            case Phase.LINGER:
                assert self._linger is not None
                if (more_s := self._linger.next_step(self._loop.time())) is not None:
                    self._enter(Phase.LINGER, more_s)
                else:
                    self._end_linger()
            case Phase.WRITE | Phase.CLOSING:
                self.cut()
            case Phase.BUSY:
                pass

    # --- the task

    async def start(self) -> None:
        """Serve requests in their order until the connection ends. Runs as the connection's task."""
        try:
            while True:
                if not self._messages:
                    await self._next_message()
                message, payload = cast("tuple[RawRequestMessage | Fault, StreamReader]", self._messages.popleft())
                if isinstance(message, Fault):
                    await self._serve_fault(message)
                    return
                self._taken_from_queue(message)
                if not await self._serve(message, payload):
                    return
        except ConnectionError:
            pass  # the peer went while we wrote: nobody is left to be told
        except Exception as error:  # noqa: BLE001 - a bug of ours outside any exchange: noted, the connection ends
            self._log_bug(error, None)
        finally:
            self._leave()

    async def _next_message(self) -> None:
        self._waiter = self._loop.create_future()
        if self._phase is Phase.BUSY:
            self._unclaimed.clear()
            if self._head:
                self._enter(Phase.HEAD, self._desk.limits.header_timeout_s)
            else:
                self._enter(Phase.IDLE, self._desk.limits.keep_alive_s)
        if self._phase is Phase.IDLE and not self.turned_away:
            self._reception.idle[self] = None
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _taken_from_queue(self, message: RawRequestMessage) -> None:
        """Free the parser's slot and the head's booking."""
        if self._unclaimed.booked:
            self._unclaimed.claimed(sum(len(name) + len(value) + 4 for name, value in message.raw_headers))
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    async def _serve(self, message: RawRequestMessage, payload: StreamReader) -> bool:
        """Answer one request; True where the connection can carry another."""
        self._quiet()
        head = head_of(message)
        upload = Upload(
            self, payload, declared_bytes(message), expects="Expect" in message.headers and head.version >= (1, 1)
        )
        exchange = Exchange(head, upload, self._peer, self._desk.clock.now())
        try:
            reply = await self._reply(message, exchange)
            return await self._finish(reply, head, message, upload, payload)
        finally:
            if exchange.account is not None:
                exchange.account.close()

    async def _reply(self, message: RawRequestMessage, exchange: Exchange) -> Reply:
        head = exchange.head
        refusal = faults.TURNED_AWAY if self.turned_away else faults.objection(message, head)
        if refusal is not None:
            return self._refuse(refusal, head)
        self._exchange = exchange
        try:
            return await self._desk.answer(exchange)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._expelled or self.transport is None or task is None:
                raise
            task.uncancel()
            return self._refuse(self._desk.farewell(exchange), head)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is answered, never a silent close
            self._log_bug(error, head)
            return self._refuse(Refusal("internal", close=True), head)
        finally:
            self._exchange = None

    def _refuse(self, refusal: Refusal, head: Head | None) -> Reply:
        reply = self._desk.refuse(refusal, head, None if head is None else head.headers.get("Origin"))
        return replace(reply, close=True) if refusal.close and not reply.close else reply

    async def _finish(
        self, reply: Reply, head: Head, message: RawRequestMessage, upload: Upload, payload: StreamReader
    ) -> bool:
        """Write the reply and settle what of the request is still on its way."""
        left = 0 if upload.complete else REST_BYTES + 1 if self._body_left is None else self._body_left
        broken = payload.exception() is not None
        stuck = broken or (left > 0 and (left > REST_BYTES or upload.withheld))
        last = (self._reception.draining or self._half_closed) and not self._messages
        close = bool(message.should_close) or last or stuck
        closed = await self._write(reply, head, close=close)
        if left and not closed and not stuck:
            closed = not await self._read_rest(payload)
        if stuck or (closed and (left or not self._desk.tls)):
            await self._listen_on()  # even after a whole request: old clients send an empty line behind it
        return not (closed or stuck)

    async def _read_rest(self, payload: StreamReader) -> bool:
        """Read a small body that nobody wanted, so that the connection can be kept; False where it does not come."""
        self._enter(Phase.REST, LINGER_S)
        try:
            while data := await payload.readany():
                self.consumed(len(data))
        except BrokenBody:
            return False
        self._quiet()
        return True

    async def _serve_fault(self, fault: Fault) -> None:
        """Answer what could not be parsed, as soon as its Origin is known or cannot be."""
        if not fault.salvage.done and not self._half_closed:
            self._salvaged = self._loop.create_future()
            self._enter(Phase.SALVAGE, SALVAGE_S)
            await self._salvaged
        self._deaf = True
        self._salvage = None
        head = fault.salvage.head()
        refusal = faults.TURNED_AWAY if self.turned_away else fault.refusal
        await self._write(self._refuse(refusal, head), head, close=True)
        await self._listen_on()

    def _end_salvage(self) -> None:
        if self._salvaged is not None and not self._salvaged.done():
            self._salvaged.set_result(None)

    # --- bytes out

    async def _write(self, reply: Reply, head: Head | None, *, close: bool) -> bool:
        """Write `reply`; return whether the connection ends with it."""
        try:
            how = frame(reply, head, close=close)
        except SplitError as error:
            self._log_bug(error, head)
            drop(reply.stream)
            reply = self._refuse(Refusal("internal", close=True), head)
            how = frame(reply, head, close=True)
        await write_reply(how, reply, self)
        return how.close

    async def send(self, data: bytes | memoryview) -> None:
        """Write, and wait where the peer does not read; raises ConnectionResetError where he has gone."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the peer has gone")
        self.transport.write(data)
        if self._paused:
            self._enter(Phase.WRITE, self._desk.limits.body_timeout_s)
            await self._drain_helper()
            self._quiet()

    # --- the end

    async def _listen_on(self) -> None:
        """Say that we are done, then read and drop what still comes."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self._lingered = self._loop.create_future()
        self._linger = Linger(self._loop.time())
        self._drop_buffers()
        if self._half_closed:
            return
        if transport.can_write_eof():
            transport.write_eof()
        self._resume_transport_reading()
        self._enter(Phase.LINGER, LINGER_S)
        await self._lingered

    def _drop_buffers(self) -> None:
        self._messages.clear()
        self._head = b""
        if self._body.exception() is None:
            self._body.read_nowait(-1)
        self._body = EMPTY_PAYLOAD
        self._unclaimed.clear()

    def _end_linger(self) -> None:
        if self._lingered is not None and not self._lingered.done():
            self._lingered.set_result(None)

    def dismiss(self) -> None:
        """Close a connection that carries nothing."""
        self._stir()
        self._leave()
        if self._waiter is not None:
            self._waiter.cancel()

    def cut(self) -> None:
        """End the connection so that nobody takes what was sent for complete."""
        if self.transport is not None:
            self.transport.abort()

    def expel(self) -> None:
        """The time to go has run out: answer `draining` to whatever is under way here."""
        if self._phase in (Phase.BUSY, Phase.BODY) and self._exchange is not None and self._task_handler is not None:
            self._expelled = True
            self._task_handler.cancel()
        elif self._phase is Phase.HEAD:
            self._fail(DRAINING, b"", patient=False)
        elif self._phase is Phase.IDLE:
            self.dismiss()

    def _leave(self) -> None:
        """Close once what is written has left, and not later than a stalled write would be cut."""
        if self.transport is None or self.transport.is_closing():
            return
        self._deaf = True
        if self.transport.get_write_buffer_size():
            self._enter(Phase.CLOSING, self._desk.limits.body_timeout_s)
        self.transport.close()

    def _log_bug(self, error: BaseException, head: Head | None) -> None:
        """Write where it happened. Not the message: it may quote what a client sent, and that may be a secret."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        self._desk.log.event(
            "internal_error",
            error=type(error).__name__,
            method=None if head is None else head.method,
            path=None if head is None else head.path,
            traceback=frames,
        )
