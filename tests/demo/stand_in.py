"""A stand-in for the sidecar, for tests of what stands around it: answers pages in JSON, relays the rest, and names its failures.

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
from lxml import etree

from tests.demo.speak import ask

SEASON = "GetPerformances"
SEASON_CALL = re.compile(rb"<GetPerformances[ />]")
PURCHASES = ("ReserveTickets", "Checkout")
FRESH_S = 5.0
AT_THE_DOOR = {"GetShippingMethodsResult": "at the box office 0.00"}
PATHS = {"tickets": "/box.asmx", "boxrpc": "/xmlrpc"}
GOOD = {"ok": "yes", "cached": "no", "stale": "no", "fallback": "no", "replayed": "yes"}  # executed
FAILURES = {  # status, category, executed, retry
    "backend_unreachable": (503, "upstream", "no", {"how": "wait", "after_s": 3}),
    "overloaded": (503, "busy", "no", {"how": "wait", "after_s": 2}),
    "rate_limited": (429, "limit", "no", {"how": "wait", "after_s": 2}),
    "outcome_unknown": (504, "upstream", "unknown", {"how": "confirm"}),
    "backend_bad_reply": (502, "upstream", "unknown", {"how": "confirm"}),
    "backend_fault": (400, "final", "no", {"how": "fix"}),
    "operation_denied": (403, "client", "no", {"how": "never"}),
    "not_found": (404, "client", "no", {"how": "fix"}),
    "malformed": (400, "client", "no", {"how": "fix"}),
    "invalid_params": (400, "client", "no", {"how": "fix"}),
}


@dataclass
class StandIn:
    """Forwards with 16 slots and 40 places behind them."""

    shop: str
    box: str
    inside: int = 0
    relayed: dict[str, tuple[bytes, dict[str, str], float]] = field(default_factory=dict)  # the list of the season
    kept: dict[str, tuple[Any, float]] = field(default_factory=dict)  # what pages were told, by key, or of the season
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
        in_json, operation = rest.startswith("json/"), rest.removeprefix("json/")
        if in_json and operation in PURCHASES:
            self.places.append(request.headers.get("Sidecar-Place"))
            if self.told:
                return self._fail(**self.told.pop(0))
        if self.inside >= 56:
            return self._fail("overloaded")
        self.inside += 1
        try:
            async with self.slots:
                if in_json:
                    return await self._call(operation, body, request.headers.get("Idempotency-Key"))
                return await self._relay(request, PATHS[backend] + ("/" + rest if rest else ""), body)
        finally:
            self.inside -= 1

    # --- a page, in JSON

    async def _call(self, operation: str, body: bytes, key: str | None) -> web.Response:
        try:
            args = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._fail("malformed")
        if wrong := [name for name, value in args.items() if name.startswith("i") and not isinstance(value, int)]:
            errors = [{"pointer": f"/{name}", "code": "type", "text": "must be an integer"} for name in wrong]
            return self._fail("invalid_params", errors=errors)
        name = key or (SEASON if operation == SEASON else None)
        if name in self.kept:
            data, at = self.kept[name]
            if key is not None:
                return self._good("replayed", data)
            if asyncio.get_running_loop().time() < at + FRESH_S:
                return self._good("cached", data)
        return await self._asked(operation, args, name)

    async def _asked(self, operation: str, args: dict[str, Any], name: str | None) -> web.Response:
        """Ask the box office in SOAP; keep the answer by `name`."""
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as http:
                answer = await ask(http, self.box, "soap11", operation, args)
        except aiohttp.ClientConnectorError:
            return self._instead(operation, name)
        except (aiohttp.ClientError, TimeoutError):
            return self._fail("outcome_unknown")
        except etree.XMLSyntaxError:
            return self._fail("backend_bad_reply")
        if answer.fault is not None:
            said = answer.fault.splitlines()[0].rpartition("---> ")[2]  # without what .NET puts around it
            return self._fail("backend_fault", fault={"code": "Client", "text": said})
        value = {"Performance": answer.value} if operation == SEASON else answer.value
        data = {} if value is None else {f"{operation}Result": value}
        if name is not None:
            self.kept[name] = data, asyncio.get_running_loop().time()
        return self._good("ok", data)

    def _instead(self, operation: str, name: str | None) -> web.Response:
        """Say what was known once, or what postage costs at the door."""
        if name in self.kept:
            return self._good("stale", self.kept[name][0])
        if operation == "GetShippingMethods":
            return self._good("fallback", AT_THE_DOOR)
        return self._fail("backend_unreachable")

    def _good(self, state: str, data: Any) -> web.Response:
        said = {"state": state, "category": "ok", "executed": GOOD[state], "data": data}
        return self._answer(200, orjson.dumps(said), {"Content-Type": "application/json"}, state)

    # --- the crowd, in whatever it speaks

    async def _relay(self, request: web.BaseRequest, path: str, body: bytes) -> web.Response:
        headers = {k: v for k, v in request.headers.items() if k in ("Content-Type", "SOAPAction")}
        name = request.content_type if SEASON_CALL.search(body) else None
        if name in self.relayed and asyncio.get_running_loop().time() < self.relayed[name][2] + FRESH_S:
            return self._answer(200, *self.relayed[name][:2], "cached")
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
        if name is not None and state == "ok":
            self.relayed[name] = text, {"Content-Type": media}, asyncio.get_running_loop().time()
        return self._answer(reply.status, text, {"Content-Type": media}, state)

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
            "Access-Control-Allow-Headers": "content-type, idempotency-key, sidecar-place",
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
