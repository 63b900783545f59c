"""A waiting room of one visitor on an origin of its own, and pages of another that stand in it with the browser client.

`Lobby` speaks the rooms' protocol as far as one place goes, with the product's own lists of headers for other origins; a test says what
the visitor's word is. `Visitor` is a page: it notes what its room hears and how often it asked.
"""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from sidecar.policy.cors import ALLOWED_HEADERS, EXPOSED

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import BrowserContext, ConsoleMessage, Page

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "js" / "sidecar.js"

# Only the module that the room serves, no line of script in the page itself, and calls to the room alone.
_POLICY = "default-src 'none'; script-src 'self' {room}; connect-src {room}; base-uri 'none'"
_SCRIPT = """\
import {{ sidecar }} from "{room}/.sidecar/client.js";
window.sidecar = sidecar;
window.asked = 0;
window.heard = [];
window.api = sidecar(undefined, {{ fetch: (...all) => (asked++, fetch(...all)) }});
window.room = api.join("hamlet");
for (const word of ["waiting", "called", "admitted", "failed", "lost", "left", "over"]) room.addEventListener(word, () => heard.push(word));
"""
# For 8 s: eight polls, and more than any wait in these tests.
_WAIT = """
new Promise((done, fail) => {
  const until = performance.now() + 8000;
  const look = () => (%s) ? done() : performance.now() < until ? setTimeout(look, 20) : fail(new Error(`never: %s`));
  look();
})
"""


class Lobby:
    """Two origins on loopback: `url` is the room's, `shop` the pages'."""

    def __init__(self) -> None:
        self.reset()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lobby", daemon=True)
        self._runners: list[web.AppRunner] = []
        self._ports: list[int] = []

    def reset(self) -> None:
        """Begin as for the first visitor."""
        self.word, self.joins, self.passes = "waiting", 0, [""]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def shop(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}"

    async def _up(self) -> None:
        room, shop = web.Application(), web.Application()
        room.router.add_route("*", "/{path:.*}", self._room)
        shop.router.add_get("/{path:.*}", self._shop)
        for app in (room, shop):
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self._runners.append(runner)
            self._ports.append(runner.addresses[0][1])

    async def _down(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def _shop(self, request: web.Request) -> web.Response:
        policy = _POLICY.format(room=self.url)
        if request.path == "/page.js":
            text, everybody = _SCRIPT.format(room=self.url), {"Access-Control-Allow-Origin": "*"}
            return web.Response(text=text, content_type="text/javascript", headers=everybody)
        if request.path == "/boxed":  # an origin that equals no other: no storage, no locks
            policy += "; sandbox allow-scripts"
        page = f'<!doctype html><title>shop</title><script type="module" src="{self.shop}/page.js"></script>'
        headers = {"Content-Security-Policy": policy.replace("'self'", self.shop)}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _room(self, request: web.Request) -> web.Response:
        cors = {"Access-Control-Allow-Origin": request.headers.get("Origin", ""), "Vary": "Origin"}
        cors |= {"Access-Control-Expose-Headers": EXPOSED}
        if request.method == "OPTIONS":
            cors |= {"Access-Control-Allow-Headers": ALLOWED_HEADERS, "Access-Control-Max-Age": "7200"}
            return web.Response(status=204, headers=cors)
        if request.path == "/.sidecar/client.js":
            return web.Response(body=CLIENT.read_bytes(), content_type="text/javascript", headers=cors)
        status, body = self._answer(request)
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=cors)
        cors |= {"Sidecar-State": body["state"], "Cache-Control": "no-store"}
        return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=cors)

    def _answer(self, request: web.Request) -> tuple[int, dict[str, Any] | str]:
        verb = request.path.rpartition("/")[2]
        if verb == "Broken":
            return 502, "<html>a box on the way"
        if verb == "Reserve":
            self.passes.append(request.headers.get("Sidecar-Pass", ""))
            return 200, {"state": "ok", "category": "ok", "executed": "yes", "data": 2, "v": 1}
        queue: dict[str, Any] = {"kind": "room", "ahead": 790, "next_poll_ms": 1000, "claim_by": None, "reason": None}
        more: dict[str, Any] = {}
        if verb == "join":
            known = request.headers.get("Sidecar-Place")
            self.joins += known is None
            queue["place"] = known or f"p{self.joins}"
        if verb == "claim":
            self.word, more["pass"] = "admitted", {"token": "pass-1", "expires_at": None}
        if verb == "leave":
            self.word = "left"
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {"state": "ok", "category": "ok", "executed": "no", "queue": queue | {"visitor": self.word}, **more}
        return 200, body | {"room": {"name": "hamlet", "state": "open"}, "server_time": now, "v": 1}

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._up(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._down(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Visitor:
    """One tab."""

    def __init__(self, context: BrowserContext, lobby: Lobby, path: str = "/") -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(lobby.shop + path)
        self.until("window.room")

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def until(self, condition: str) -> None:
        """Wait until this holds in the page; its policy forbids the evaluation that Playwright's own wait needs."""
        self.page.evaluate(_WAIT % (condition, condition))

    def get(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def call(self, path: str, **wish: Any) -> dict[str, Any]:
        """Call, and return the envelope."""
        said: dict[str, Any] = self.page.evaluate("([path, wish]) => api.call(path, wish)", [path, wish])
        return said
