"""An admin listener with a scripted app behind it, and everything that it said to its log.

Stands where operators ask. `control.verdict` is what comes of the next orders, `control.orders` what was ordered.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sidecar.admin.listener import AdminListener
from sidecar.control import Order, Verdict
from sidecar.plan import AdminPlan, MetricsPlan
from tests.admin import facts
from tests.support.client import Client, Response
from tests.support.world import LoopClock, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TOKEN = "a-token-that-nobody-guesses"


class FakeControl:
    """`Control` as a test wants it."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.verdict: Callable[[Order], Any] = lambda _: Verdict(True, "done", {"more": 1})
        self.facts = facts.status()
        self.is_ready = True

    async def carry_out(self, order: Order) -> Verdict:
        self.orders.append(order)
        came = self.verdict(order)
        return came if isinstance(came, Verdict) else await came

    def status(self) -> dict[str, Any]:
        return self.facts

    def effective(self) -> list[dict[str, Any]]:
        return [{"key": "admin.token", "value": "***", "origin": "file"}]

    async def exposition(self) -> tuple[str, bytes]:
        return "text/plain; version=1.0.0; charset=utf-8", b"sidecar_up 1\n"

    def ready(self) -> bool:
        return self.is_ready


class Office:
    """`ask` sends one request on a connection of its own; `order` one order with the right token."""

    def __init__(self, plan: AdminPlan, metrics: MetricsPlan | None) -> None:
        self.control, self.log, self.clock = FakeControl(), Recorder(), LoopClock()
        self.listener = AdminListener(plan, metrics, self.control, self.clock, self.log)

    @property
    def url(self) -> str:
        return self.listener.urls[0]

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://") if self.url.startswith("http") else "localhost"

    def client(self, **options: Any) -> Client:
        if self.url.startswith("unix:"):
            return Client(unix=self.url.removeprefix("unix:"), **options)
        return Client.to(self.url, **options)

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
        async with self.client() as client:
            return await client.exchange(self.request(method, path, headers, body))

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
        """Return the bytes of a request; a header of "" is left out."""
        said = {"Host": self.host, **(headers or {})}
        if body or method == "POST":
            said.setdefault("Content-Length", str(len(body)))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if value != "")]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body

    async def order(self, name: str, said: object = None, **headers: str) -> Response:
        """Give an order as alice does."""
        body = {"actor": "alice", "reason": "tests", **said} if isinstance(said, dict) else said
        return await self.ask(
            "POST",
            f"/admin/v1/{name}",
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers},
            json.dumps(body).encode(),
        )

    def audit(self) -> list[dict[str, object]]:
        return self.log.named("audit")


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until `holds`; real sockets tell nobody when the other end has noticed."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - as the sentence above says
            await asyncio.sleep(0.005)


@asynccontextmanager
async def open_office(plan: AdminPlan | None = None, metrics: MetricsPlan | None = None) -> AsyncIterator[Office]:
    """Start one on a free port of loopback, with a token; close it afterwards."""
    office = Office(plan or AdminPlan(port=0, token=TOKEN, written=True), metrics)
    await office.listener.start()
    try:
        yield office
    finally:
        await office.listener.close()
