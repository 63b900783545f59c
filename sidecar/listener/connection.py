"""One client connection: exchanges through `answer` one after the other, replies out, and a decent end.

Stands on `Hearing`, which cuts what comes into requests and faults. It answers every byte stream that it can still write
to, and it never lets a timer, a buffer or a slow peer go unbounded.

Hooks of aiohttp 3.14 on this side, besides those that `hearing` lists: `RequestHandler.start` is ours, the coroutine that is
the connection's task; `_parser.message_consumed()`, `_buffer_paused`, `_resume_reading_if_drained()` let pipelined requests
come as their places free; `BaseProtocol._paused` and `_drain_helper()` are the write side; `StreamReader.readany` and
`read_nowait` read what nobody wanted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from aiohttp import EMPTY_PAYLOAD

from sidecar.listener import faults
from sidecar.listener.hearing import Fault, Hearing, Phase
from sidecar.listener.linger import LINGER_S, Linger
from sidecar.listener.outbox import SHORT_BYTES
from sidecar.listener.outlet import WRITE_BYTES, drop, write_reply
from sidecar.listener.request import declared_bytes, head_of
from sidecar.listener.upload import BrokenBody, Upload
from sidecar.listener.wire import CONTINUE, SplitError, at_once, frame
from sidecar.model import Exchange, Executed, Head, Refusal, Reply
from sidecar.trace import untraced
from sidecar.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import StreamReader
    from aiohttp.http_parser import RawRequestMessage

    from sidecar.listener.reception import Reception

SALVAGE_S: Final = 1.0  # how long a refusal waits for the Origin of a head that broke before it
TURN_S: Final = (
    0.1  # for the loop to read what the kernel has: a close over unread bytes would be a RST instead of an answer
)
REST_BYTES: Final = 64 * 1024  # a body left unread by a refusal is read to its end for the connection's sake up to this
SLOWEST_BYTES_S: Final = 16 * 1024
"""Whoever makes us wait for longer than this rate and limits.body_timeout allow is cut: eight readers of 16 MiB at the 2 KiB/s
that never stall would hold one backend's share of limits.buffered for two hours. What the kernel's buffers take never waits."""
TLS_LEAVE_S: Final = LINGER_S + 2 * WRITE_BYTES / SLOWEST_BYTES_S
"""How long a peer may take to answer our close_notify: the linger of everybody, and the two writes that the transport below TLS may
still hold without saying so."""
DRAINING: Final = Refusal("draining", close=True)


class Connection(Hearing):
    """One accepted connection. Its task runs `start`."""

    __slots__ = ("_client", "_done", "_exchange", "_expelled", "_posted", "_slow", "_waited_s", "_written")

    def __init__(self, reception: Reception, loop: asyncio.AbstractEventLoop, header_bytes: int) -> None:
        super().__init__(reception, loop, header_bytes)
        self._exchange: Exchange | None = None  # while `answer` has it
        self._done: list[Callable[[], None]] = []  # of the last exchange: who waits for the connection to be free of it
        self._client = ""  # of the last exchange, as the stages named him
        self._expelled = False
        self._posted = -1  # the turn of the outbox in which the last short reply was left there
        self._written = 0  # of the reply that is being sent
        self._waited_s = 0.0  # for its reader
        self._slow = False  # he reads, but so slowly that his time is up before he stalls

    def __repr__(self) -> str:
        return f"<Connection {self._peer.address or 'unix'} {self._phase.value}>"

    @property
    def asked(self) -> bool:
        """Whether a request has ever come."""
        return bool(self._request_count)

    def eof_received(self) -> bool:  # type: ignore[override]  # as in Hearing
        """As the hearing's; who is not kept half open is on his way out."""
        keeps = super().eof_received()
        if not keeps and self.transport is not None:
            self._see_off(self.transport)
        return keeps

    # --- what an Upload asks of its line

    def begin_body(self, *, say_continue: bool) -> None:
        if say_continue and self.transport is not None:
            self._post_out()
            self.transport.write(CONTINUE)
        self._enter(Phase.BODY, self._desk.limits.body_timeout_s)

    def end_body(self) -> None:
        if self._phase is Phase.BODY:
            self._quiet()

    def consumed(self, size_bytes: int) -> None:
        self._unclaimed.claimed(size_bytes)

    # --- the timer

    def _time_is_up(self) -> None:
        match self._phase:
            case Phase.IDLE:
                if self.transport is not None and Unread(self.transport).any():
                    self._enter(
                        Phase.IDLE, TURN_S
                    )  # it has spoken in time, or gone: the loop is late, and reads it next
                else:
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
            case Phase.WRITE:
                self._cut_reply()
            case Phase.CLOSING:
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
                self._free()
                if self._body is payload and payload.is_eof():
                    self._body = EMPTY_PAYLOAD
                del message, payload  # whoever says nothing for a minute holds no card number meanwhile
        except ConnectionError:
            pass  # the peer went while we wrote: nobody is left to be told
        except Exception as error:  # noqa: BLE001 - a bug of ours outside any exchange: noted, the connection ends
            self._log_bug(error)
        finally:
            self._leave()
            if self.transport is None:  # else once the last byte has left
                self._free()

    def connection_lost(self, exc: BaseException | None) -> None:
        """As the hearing's; whatever the last exchange kept is free now."""
        super().connection_lost(exc)
        self._free()

    def _free(self) -> None:
        """Tell whoever waits for it that the last exchange has left the connection: written whole, or with the connection lost."""
        while self._done:
            self._done.pop()()

    async def _next_message(self) -> None:
        self._waiter = self._loop.create_future()
        if self._phase is Phase.BUSY:
            self._unclaimed.clear()
            if self._head:
                self._enter(Phase.HEAD, self._desk.limits.header_timeout_s)
            else:
                self._enter(Phase.IDLE, self._desk.limits.keep_alive_s)
        if self._phase is Phase.IDLE and not self.turned_away:
            self._reception.rests(self)
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
        if self._phase is not Phase.BUSY:
            self._quiet()
        upload = Upload(
            self, payload, declared_bytes(message), expects="Expect" in message.headers and message.version >= (1, 1)
        )
        exchange = Exchange(head_of(message), upload, self._peer, self._desk.clock.now())
        self._done = exchange.done
        try:
            reply = await self._reply(message, exchange)
            self._client = exchange.client
            broken = payload.exception() is not None
            whole = payload.is_eof() and not broken
            left = 0 if whole else REST_BYTES + 1 if self._body_left is None else self._body_left
            stuck = broken or (left > 0 and (left > REST_BYTES or upload.withheld))
            last = (self._reception.draining or self._half_closed) and (bool(left) or not self._has_more())
            close = bool(message.should_close) or last or stuck
            closed = await self._write(reply, exchange.head, close=close, request_id=exchange.request_id)
        finally:
            if exchange.account is not None:
                exchange.account.close()
        del exchange, message  # whoever is listened to afterwards holds no bytes that others could use
        if left and not closed and not stuck:
            closed = not await self._read_rest(payload)
        elif self._reading_paused and not (closed or stuck):
            # It came whole and nobody read it. Until it is taken out of the parser's buffer nothing else is heard, not even the end.
            self.consumed(len(payload.read_nowait(-1)))
        if stuck or (closed and (left or not self._desk.tls)):
            await self._listen_on()  # even after a whole request: old clients send an empty line behind it
        over = self._half_closed and not self._messages  # he may have said so while the reply was on its way
        return not (closed or stuck or over)

    async def _reply(self, message: RawRequestMessage, exchange: Exchange) -> Reply:
        head = exchange.head
        refusal = self._reception.full() if self.turned_away else faults.objection(message, head)
        if refusal is not None:
            return self._refuse(refusal, head, exchange)
        self._exchange = exchange
        try:
            return await self._desk.answer(exchange)
        except asyncio.CancelledError:
            if not self._expelled or self.transport is None or self._task_handler is None:
                raise
            self._task_handler.uncancel()
            return self._refuse(self._desk.farewell(exchange), head, exchange)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is answered, never a silent close
            self._log_bug(error, exchange.request_id)
            flight = exchange.flight
            sent = flight is not None and flight.sent and not flight.safe
            refusal = Refusal("internal", executed=Executed.UNKNOWN if sent else Executed.NO, close=True)
            return self._refuse(refusal, head, exchange)
        finally:
            self._exchange = None

    def _refuse(self, refusal: Refusal, head: Head | None, exchange: Exchange | None = None) -> Reply:
        # Two Origins are joined to what no list can hold: a browser sends one.
        origin = ", ".join(head.all("Origin")) if head is not None and "Origin" in head.headers else None
        reply = self._desk.refuse(refusal, head, origin, exchange or self._peer)
        return reply._replace(close=True) if refusal.close and not reply.close else reply

    def _has_more(self) -> bool:
        """Say whether another request has begun to come, where the next reply may be the last."""
        if self._messages:
            return True
        if not self._reception.draining or self._half_closed or self.transport is None or self.transport.is_closing():
            return False
        return bool(self._head) or Unread(self.transport).any()

    async def _read_rest(self, payload: StreamReader) -> bool:
        """Read a small body that nobody wanted, so that the connection can be kept; False where it does not come."""
        self._enter(Phase.REST, LINGER_S)
        try:
            while data := await payload.readany():
                self.consumed(len(data))
        except BrokenBody as broken:
            untraced(broken)
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
        refusal = self._reception.full() if self.turned_away else fault.refusal
        await self._write(self._refuse(refusal, head), head, close=True)
        await self._listen_on()

    # --- bytes out

    async def _write(self, reply: Reply, head: Head | None, *, close: bool, request_id: str = "") -> bool:
        """Write `reply`; return whether the connection ends with it."""
        self._written = 0
        self._waited_s = 0.0
        try:
            if head is not None and (whole := at_once(reply, head, close=close)) and len(whole) <= WRITE_BYTES:
                if len(whole) <= SHORT_BYTES and self._post(whole):
                    return False
                self._put(whole)
                if self._paused:
                    await self._drained()
                return False
            how = frame(reply, head, close=close)
        except SplitError as error:
            self._log_bug(error, request_id)
            drop(reply.stream)
            # What the reply was about is not known here: it may have been a purchase that went through.
            reply = self._refuse(Refusal("internal", executed=Executed.UNKNOWN, close=True), head)
            how = frame(reply, head, close=True)
        if how.body and reply.stream is None and len(how.head) + (how.sized or 0) <= WRITE_BYTES:
            self._put(b"".join((how.head, *reply.body)))
            if self._paused:
                await self._drained()
        else:
            await write_reply(how, reply, self)
        return how.close

    async def send(self, data: bytes | memoryview) -> None:
        """Write, and wait where the peer does not read; raises ConnectionResetError where he has gone."""
        self._put(data)
        if self._paused:
            await self._drained()

    def _post(self, data: bytes) -> bool:
        """Leave a short reply to the end of the loop's turn; False where it has to be written now: something is still on its way."""
        transport, outbox = self.transport, self._reception.outbox
        if (
            transport is None
            or self._posted == outbox.turn
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return False
        self._posted = outbox.post(transport, data)
        self._written += len(data)
        return True

    def _post_out(self) -> None:
        """Write what was left to the end of the turn: something else follows it, or the end."""
        outbox = self._reception.outbox
        if self._posted == outbox.turn:
            outbox.flush()

    def _put(self, data: bytes | memoryview) -> None:
        self._post_out()
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the peer has gone")
        self.transport.write(data)
        self._written += len(data)

    async def _drained(self) -> None:
        stall_s, began = self._desk.limits.body_timeout_s, self._loop.time()
        left_s = stall_s + self._written / SLOWEST_BYTES_S - self._waited_s
        self._slow = left_s < stall_s
        self._enter(Phase.WRITE, min(stall_s, left_s))
        await self._drain_helper()
        self._quiet()
        self._waited_s += self._loop.time() - began

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

    def _stir(self) -> None:
        self._reception.stirs(self)

    def dismiss(self, *, at_once: bool = False) -> None:
        """Close a connection that carries nothing; `at_once` where its place is given away: a TLS peer is not waited for."""
        self._post_out()
        self._stir()
        if at_once and self._desk.tls and self.transport is not None and not self.transport.get_write_buffer_size():
            self._reception.leaves(self)
            self.cut()  # no close_notify is missed: every reply has told its end, and the last one was read
        else:
            self._leave()
        if self._waiter is not None:
            self._waiter.cancel()

    def retire(self, patience_s: float = 0.0) -> bool:
        """Close where nothing is under way, not even in the kernel, and say so. Whoever has not asked yet has `patience_s` for it."""
        if self._phase is not Phase.IDLE or self.transport is None or Unread(self.transport).any():
            return False
        if not self.asked and patience_s:
            self._enter(Phase.IDLE, patience_s)
        else:
            self.dismiss()
        return True

    def cut(self) -> None:
        """End the connection so that nobody takes what was sent for complete."""
        if self.transport is not None:
            self.transport.abort()

    def expel(self, patience_s: float = 0.0) -> None:
        """The time to go has run out: answer `draining` to whatever is under way here."""
        if self._phase in (Phase.BUSY, Phase.BODY) and self._exchange is not None and self._task_handler is not None:
            self._expelled = True
            self._task_handler.cancel()
        elif self._phase is Phase.HEAD:
            self._fail(DRAINING, b"", patient=False)
        else:
            self.retire(patience_s)

    def _cut_reply(self) -> None:
        """Break a reply off whose reader holds it, and maybe a slot of the backend, for longer than it is worth."""
        reason = "slow" if self._slow else "stalled"
        client = self._client or self._peer.address
        self._desk.log.event("reply_cut", reason=reason, client=client, sent_bytes=self._written)
        self.cut()

    def _leave(self) -> None:
        """Close once what is written has left."""
        if self.transport is None:
            return
        self._deaf = True
        self._see_off(self.transport)
        if not self.transport.is_closing():
            self.transport.close()

    def _see_off(self, transport: asyncio.Transport) -> None:
        """Bound how long the end may take: unread bytes have the time of a stalled write, and keep their place until then.

        Under TLS a close waits for the peer's: he has a place, too, until he has gone. Else it takes a turn of the loop.
        """
        self._post_out()
        stall_s = self._desk.limits.body_timeout_s
        if transport.get_write_buffer_size():
            self._enter(Phase.CLOSING, stall_s)
        elif self._desk.tls:
            self._enter(Phase.CLOSING, min(stall_s, TLS_LEAVE_S))
        else:
            self._reception.leaves(self)

    def _log_bug(self, error: Exception, request_id: str = "") -> None:
        """Own up to a bug that no stage has caught."""
        known = {"request_id": request_id} if request_id else {}
        self._desk.log.event("bug", where="listener", **known, error=error)
