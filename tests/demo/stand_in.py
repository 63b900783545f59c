"""A stand-in for the sidecar, for tests of what stands around it: relays, and names its failures in the header and as a problem.

Stands between the shop or the crowd and the box office where the real sidecar is not what is tested. It takes its
addresses from the environment that the demo's composition sets; it is no model of the real one.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

SEASON = "GetPerformances"
SEASON_CALL = re.compile(rb"<GetPerformances[ />]")
PURCHASE_CALL = re.compile(rb"<(ReserveTickets|Checkout)[ />]")
FRESH_S = 5.0
AT_THE_DOOR = b"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
<GetShippingMethodsResponse xmlns="http://boxoffice.example/api/"><GetShippingMethodsResult/></GetShippingMethodsResponse>
</e:Body></e:Envelope>"""
PATHS = {"tickets": "/box.asmx", "boxrpc": "/xmlrpc"}
FAILURES = {  # status, category, executed, retry
    "backend_unreachable": (503, "upstream", "no", {"how": "wait", "after_s": 3}),
    "overloaded": (503, "busy", "no", {"how": "wait", "after_s": 2}),
    "rate_limited": (429, "limit", "no", {"how": "wait", "after_s": 2}),
    "outcome_unknown": (504, "upstream", "unknown", {"how": "confirm"}),
    "backend_bad_reply": (502, "upstream", "unknown", {"how": "confirm"}),
    "operation_denied": (403, "client", "no", {"how": "never"}),
    "not_found": (404, "client", "no", {"how": "fix"}),
}


@dataclass
class StandIn:
    """Forwards with 16 slots and 40 places behind them."""

    shop: str
    box: str
    inside: int = 0
    kept: dict[str, tuple[bytes, dict[str, str], float]] = field(
        default_factory=dict
    )  # by key, or the list of the season
    told: list[dict[str, Any]] = field(default_factory=list)  # what the next purchases are told instead of an answer
    places: list[str | None] = field(default_factory=list)  # that purchases have shown
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            return self._answer(204, b"", {}, "ok")
        if request.path == "/.sidecar/healthz":
            return self._answer(200, b"{}", {}, "ok")
        body = await request.read()
        backend, _, rest = request.path.lstrip("/").partition("/")
        if backend not in PATHS:
            return self._fail("not_found")
        if b"DestroyCache" in body or "DestroyCache" in rest:
            return self._fail("operation_denied")
        if PURCHASE_CALL.search(body):
            self.places.append(request.headers.get("Sidecar-Place"))
            if self.told:
                return self._fail(**self.told.pop(0))
        if self.inside >= 56:
            return self._fail("overloaded")
        self.inside += 1
        try:
            async with self.slots:
                return await self._relay(request, PATHS[backend] + ("/" + rest if rest else ""), body)
        finally:
            self.inside -= 1

    async def _relay(self, request: web.BaseRequest, path: str, body: bytes) -> web.Response:
        headers = {k: v for k, v in request.headers.items() if k in ("Content-Type", "SOAPAction")}
        name = request.headers.get("Idempotency-Key") or (SEASON if SEASON_CALL.search(body) else None)
        if (known := self._known(request, name)) is not None:
            return known
        query = f"?{request.query_string}" if request.query_string else ""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as http,
                http.request(request.method, self.box + path + query, data=body or None, headers=headers) as reply,
            ):
                media, text = reply.content_type, await reply.read()
        except aiohttp.ClientConnectorError:
            return self._instead(name, body)
        except (aiohttp.ClientError, TimeoutError):
            return self._fail("outcome_unknown")
        if media == "text/html":
            return self._fail("backend_bad_reply")
        state = "backend_fault" if b"Fault" in text else "ok"
        if name is not None and state == "ok":
            self.kept[name] = text, {"Content-Type": media}, asyncio.get_running_loop().time()
        return self._answer(reply.status, text, {"Content-Type": media}, state)

    def _known(self, request: web.BaseRequest, name: str | None) -> web.Response | None:
        """Say again what a key got, or what the season was less than five seconds ago."""
        if name is None or name not in self.kept:
            return None
        text, headers, at = self.kept[name]
        if "Idempotency-Key" in request.headers:
            return self._answer(200, text, headers, "replayed")
        return self._answer(200, text, headers, "cached") if asyncio.get_running_loop().time() < at + FRESH_S else None

    def _instead(self, name: str | None, body: bytes) -> web.Response:
        """Say what was known once, or what postage costs at the door."""
        if name in self.kept:
            return self._answer(200, *self.kept[name][:2], "stale")
        if b"GetShippingMethods" in body:
            return self._answer(200, AT_THE_DOOR, {"Content-Type": "text/xml"}, "fallback")
        return self._fail("backend_unreachable")

    def _fail(self, state: str, **more: Any) -> web.Response:
        status, category, executed, retry = FAILURES[state]
        problem = {
            "state": state,
            "category": category,
            "executed": executed,
            "retry": retry,
            "detail": f"stand-in: {state}",
            **more,
        }
        return self._answer(status, orjson.dumps(problem), {"Content-Type": "application/problem+json"}, state)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], state: str) -> web.Response:
        cors = {
            "Access-Control-Allow-Origin": self.shop,
            "Access-Control-Allow-Headers": "content-type, soapaction, idempotency-key, sidecar-place",
            "Access-Control-Expose-Headers": "Sidecar-State, X-Request-Id",
        }
        return web.Response(
            status=status,
            body=body,
            headers={**headers, **cors, "Sidecar-State": state, "X-Request-Id": f"r{id(body):x}"},
        )


async def main() -> None:
    """Serve at the port that the environment names, until the process is ended."""
    stand_in = StandIn(os.environ["SIDECAR_DEMO_SHOP"], os.environ["SIDECAR_DEMO_BOX"])
    server = web.Server(stand_in.handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", int(os.environ["SIDECAR_DEMO_PORT"])
    )
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
