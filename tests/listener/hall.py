"""A listener with scripted answers behind it, and everything it said to its log.

Stands where the caller lane would: `answers` maps a path to what answers it, anything else echoes the size of its body.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sidecar.buffers import Buffers
from sidecar.listener import Listener
from sidecar.model import Exchange, Head, Peer, Refusal, Reply
from sidecar.plan import LimitsPlan, ListenPlan, Plan
from sidecar.states import TABLE
from tests.support.client import Client

if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import pytest

ORIGIN = "https://shop.example"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

Answer = "Callable[[Exchange], Awaitable[Reply]]"


class _Clock:
    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class Hall:
    """`seen` are the heads that reached a handler; `events` what was logged; `cancelled` counts handlers cut short."""

    def __init__(self, plan: Plan, answers: Mapping[str, Callable[[Exchange], Awaitable[Reply]]]) -> None:
        self.plan = plan
        self.answers = answers
        self.seen: list[Head] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self.cancelled = 0
        self.memory = Buffers(plan.limits.buffered_bytes, plan.limits.per_backend)
        self.listener = Listener(
            plan, answer=self._answer, refuse=refuse, clock=_Clock(), memory=self.memory, log=self, farewell=farewell
        )

    def event(self, name: str, **facts: object) -> None:
        self.events.append((name, facts))

    async def _answer(self, exchange: Exchange) -> Reply:
        self.seen.append(exchange.head)
        try:
            return await self.answers.get(exchange.head.path, self.echo)(exchange)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def echo(self, exchange: Exchange) -> Reply:
        body = await self.read(exchange)
        if isinstance(body, Refusal):
            return refuse(body, exchange.head, exchange.head.headers.get("Origin"))
        return Reply(200, ((b"X-Path", exchange.head.path.encode()),), (b"%d bytes" % len(body),))

    async def read(self, exchange: Exchange) -> bytes | Refusal:
        """Do what decode does: open the exchange's account, read the body on it."""
        exchange.account = self.memory.account("tickets")
        return await exchange.source.read(self.plan.limits.request_body_bytes, exchange.account)

    def client(self, **options: Any) -> Client:
        return Client.to(self.listener.urls[0], **options)


def refuse(refusal: Refusal, head: Head | None, origin: str | None, _who: Exchange | Peer | None = None) -> Reply:
    """Render as the envelope does: a JSON body, the state in a header, the Origin echoed where it is allowed."""
    state = TABLE[refusal.state]
    assert refusal.reason is None or refusal.reason in state.reasons
    body = {"state": refusal.state, "reason": refusal.reason, "detail": refusal.detail}
    headers = [(b"Content-Type", b"application/problem+json"), (b"Sidecar-State", refusal.state.encode())]
    if origin == ORIGIN:
        headers.append((b"Access-Control-Allow-Origin", origin.encode()))
    if head is not None:
        headers.append((b"X-Method", head.method.encode()))
    status = refusal.status or state.status
    return Reply(status, tuple(headers), (json.dumps(body).encode(),), close=refusal.close)


def farewell(exchange: Exchange) -> Refusal:
    return Refusal("draining", detail=f"{exchange.head.path} was under way")


@asynccontextmanager
async def opened(
    *,
    answers: Mapping[str, Callable[[Exchange], Awaitable[Reply]]] | None = None,
    listen: ListenPlan | None = None,
    **limits: Any,
) -> AsyncIterator[Hall]:
    """Open a hall on a free loopback port; `limits` change LimitsPlan."""
    plan = Plan(listen=listen or ListenPlan(port=0), limits=replace(LimitsPlan(), **limits))
    hall = Hall(plan, answers or {})
    await hall.listener.start()
    try:
        yield hall
    finally:
        await hall.listener.close()
    assert hall.memory.held_bytes == 0, "bytes are still booked although every connection has ended"


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was said of this; what another test left in the background, an exporter of spans say, is none of it."""
    return [record for record in caplog.records if not record.name.startswith("opentelemetry")]


async def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    """Let the loop turn until `holds`; real sockets tell nobody when the other end has noticed."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.002)
