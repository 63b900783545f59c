"""People who call one operation down the whole road, on made-up time, with the backend in the test's hands.

Stands on `world.Scene`; a test says what the operation's settings are, who asks what, and when the backend answers.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sidecar import pipeline
from sidecar.model import Received
from tests.support.world import SAFE, UNSAFE, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.model import Exchange, Failed, Reply
    from sidecar.plan import OperationPlan
    from tests.support.world import Ask


def reply(body: bytes = b"<ok/>", *headers: tuple[bytes, bytes], status: int = 200) -> Received:
    """Return a backend's reply."""
    return Received(status, "OK", ((b"Content-Type", b"text/xml"), *headers), (body,), len(body))


class People:
    """One backend whose `Get*` is `read` and whose every other operation is `write`."""

    def __init__(self, read: OperationPlan = SAFE, write: OperationPlan = UNSAFE, **backend: Any) -> None:
        self.scene = Scene(tickets(operations=(read, write), **backend))
        self.rebuilt()
        self.exchanges: list[Exchange] = []

    def rebuilt(self) -> None:
        """Fold the road again, as a reload does: what stages keep for themselves is gone."""
        self.road = pipeline.build(self.scene.plan, self.scene.world)

    @property
    def asks(self) -> list[Ask]:
        """The calls that the backend has got."""
        return self.scene.upstream.asks

    def asking(
        self, body: str = "GetSeats event=1", *headers: tuple[str, str], who: str = "ada"
    ) -> asyncio.Task[Reply]:
        """Let somebody ask."""
        lines: Sequence[tuple[str, str]] = (("Content-Type", "text/xml"), ("X-Client", who), *headers)
        exchange = self.scene.exchange(body.encode(), headers=lines)
        self.exchanges.append(exchange)
        return asyncio.get_running_loop().create_task(self._live(exchange))

    async def _live(self, exchange: Exchange) -> Reply:
        try:
            return await self.road(exchange)
        finally:
            if exchange.account is not None:
                exchange.account.close()

    async def asked(
        self,
        body: str = "GetSeats event=1",
        *headers: tuple[str, str],
        who: str = "ada",
        by: Received | Failed | None = None,
    ) -> Said:
        """Let somebody ask, the backend answer `by` (a plain reply) if it is asked, and return what he was told."""
        before = self.scene.upstream.auto
        self.scene.upstream.auto = lambda _: by or reply()
        try:
            return Said(await self.asking(body, *headers, who=who))
        finally:
            self.scene.upstream.auto = before
            await settle()


class Said:
    """What somebody was told."""

    def __init__(self, given: Reply) -> None:
        self.reply = given
        self.state = state_of(given)
        self.body = b"".join(given.body)

    def header(self, name: str) -> str | None:
        """Return a header's value; None where it is not there. More than one is never right."""
        found = [value.decode() for key, value in self.reply.headers if key.decode().lower() == name.lower()]
        assert len(found) < 2, f"{name} twice: {found}"
        return found[0] if found else None


def cached(**changes: Any) -> OperationPlan:
    """Return the safe line with a cache; names of CachePlan, and of OperationPlan where it has no such."""
    from sidecar.plan import CachePlan  # noqa: PLC0415 - one name

    names = CachePlan.__dataclass_fields__
    of_cache = {name: value for name, value in changes.items() if name in names}
    rest = {name: value for name, value in changes.items() if name not in names}
    return replace(SAFE, cache=replace(CachePlan(ttl_s=10.0, jitter=0.0), **of_cache), **rest)
