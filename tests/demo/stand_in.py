"""A stand-in for the sidecar, for tests of what stands around it: relays, and names its failures in the header and as a problem.

Stands between the shop or the crowd and the box office where the real sidecar is not what is tested. It takes its
addresses from the environment that the demo's composition sets; it is no model of the real one.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp import web

PATHS = {"tickets": "/box.asmx", "boxrpc": "/xmlrpc"}
FAILURES = {  # status, category, executed, retry
    "backend_unreachable": (503, "upstream", "no", {"how": "wait", "after_s": 3}),
    "overloaded": (503, "busy", "no", {"how": "wait", "after_s": 2}),
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
        query = f"?{request.query_string}" if request.query_string else ""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as http,
                http.request(request.method, self.box + path + query, data=body or None, headers=headers) as reply,
            ):
                media, text = reply.content_type, await reply.read()
        except aiohttp.ClientConnectorError:
            return self._fail("backend_unreachable")
        except (aiohttp.ClientError, TimeoutError):
            return self._fail("outcome_unknown")
        if media == "text/html":
            return self._fail("backend_bad_reply")
        state = "backend_fault" if b"Fault" in text else "ok"
        return self._answer(reply.status, text, {"Content-Type": media}, state)

    def _fail(self, state: str) -> web.Response:
        status, category, executed, retry = FAILURES[state]
        problem = {
            "state": state,
            "category": category,
            "executed": executed,
            "retry": retry,
            "detail": f"stand-in: {state}",
        }
        return self._answer(status, orjson.dumps(problem), {"Content-Type": "application/problem+json"}, state)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], state: str) -> web.Response:
        cors = {
            "Access-Control-Allow-Origin": self.shop,
            "Access-Control-Allow-Headers": "content-type, soapaction",
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
