"""The documentation page with an OpenAPI document and a facade that a test scripts: served as the listener serves it, policy and all.

`Library` runs a small aiohttp server in a thread of its own. It keeps every call that the page makes, and answers what it was told.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from sidecar.web import pages
from sidecar.web.openapi import openapi
from tests.web.descriptions import OFFICE

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, ViewportSize

    from sidecar.described import Description

BACKEND = "/tickets"
NARROW: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 1440, "height": 900}


@dataclass(frozen=True, slots=True)
class Called:
    """One call of the facade."""

    method: str
    operation: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the facade answers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def good(data: Any, state: str = "ok") -> Reply:
    """Return an answer that went well."""
    said = {"state": state, "category": "ok", "executed": "yes", "data": data, "v": 1}
    return Reply(200, orjson.dumps(said), {"Sidecar-State": state, "Content-Type": "application/json"})


def problem(status: int, state: str, category: str, reason: str = "", **more: Any) -> Reply:
    """Return a failure as the sidecar tells it."""
    said = {"state": state, "category": category, "executed": "no", "status": status, "v": 1} | more
    header = f"{state};reason={reason}" if reason else state
    return Reply(status, orjson.dumps(said), {"Sidecar-State": header, "Content-Type": "application/problem+json"})


def document(description: Description = OFFICE) -> dict[str, Any]:
    """Return a description as the page gets it."""
    return openapi(description, server=None, version="0.1.0")


class Library:
    """A listener that has one backend's page, its document and a facade without a backend."""

    def __init__(self) -> None:
        self.document: Reply | None = None
        self.reply: Reply | None = good(None)  # None: the connection is cut
        self.calls: list[Called] = []
        self.held: asyncio.Event | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="library", daemon=True)
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BACKEND}/docs"

    def say(self, document: dict[str, Any]) -> None:
        """Let this be the document, and forget what was called."""
        self.document = Reply(200, orjson.dumps(document), {"Content-Type": "application/json"})
        self.reply = good(None)
        self.calls = []
        self.held = None

    def hold(self) -> None:
        """Let the next answers wait for `release`."""
        self.held = asyncio.Event()

    def release(self) -> None:
        """Let what waits be answered."""
        if self.held is not None:
            self._loop.call_soon_threadsafe(self.held.set)

    async def _page(self, request: web.Request) -> web.Response:
        return _file(pages.INDEX)

    async def _file(self, request: web.Request) -> web.Response:
        name = pages.PATHS.get(request.path)
        if name is None:
            raise web.HTTPNotFound
        return _file(name)

    async def _document(self, request: web.Request) -> web.Response:
        assert self.document is not None, "say something first"
        return _sent(self.document)

    async def _call(self, request: web.Request) -> web.Response:
        called = Called(
            request.method,
            request.match_info["operation"],
            list(request.query.items()),
            {name.lower(): value for name, value in request.headers.items()},
            await request.text(),
        )
        self.calls.append(called)
        if self.held is not None:
            await self.held.wait()
        if self.reply is None:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        return _sent(self.reply)

    async def _up(self) -> None:
        app = web.Application()
        app.router.add_get(f"{BACKEND}/docs", self._page)
        app.router.add_get("/.sidecar/docs/{name}", self._file)
        app.router.add_get(f"{BACKEND}/openapi.json", self._document)
        app.router.add_route("*", BACKEND + "/json/{operation}", self._call)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _down(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._up(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        asyncio.run_coroutine_threadsafe(self._down(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _file(name: str) -> web.Response:
    found = pages.page(name)
    return web.Response(body=found.body, headers={"Content-Type": found.content_type, **found.headers})


def _sent(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


class Reader:
    """Somebody at the page; what its console complains of fails the test, but for answers that were meant to be failures."""

    def __init__(self, context: BrowserContext, library: Library) -> None:
        self.library = library
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and not said.text.startswith("Failed to load resource"):
            self.complaints.append(f"{said.type}: {said.text}")

    def open(self, operation: str = "", said: dict[str, Any] | None = None) -> Page:
        """Load the page, at an operation where one is named."""
        self.library.say(said or document())
        self.page.goto(self.library.url + (f"#{operation}" if operation else ""))
        self.page.locator("main article").wait_for()
        return self.page

    def send(self) -> None:
        """Send, and answer the question where there is one; wait for the outcome."""
        self.page.click(".try .primary")
        if self.page.locator("#sure").is_visible():
            self.page.click("#sure-yes")
        self.page.locator(".verdict .state").wait_for()


# In one go: between a look from outside and a click, what was closed may have been opened.
_OPEN_ONE = """async () => {
  const summary = document.querySelector("main details:not([open]) > summary");
  if (!summary) return false;
  const told = new Promise((resolve) => summary.parentElement.addEventListener("toggle", resolve, { once: true }));
  summary.click();
  await told;
  return true;
}"""


def unfold(page: Page) -> None:
    """Open what can be opened, and of types in types as many as people would."""
    for _ in range(12):
        if not page.evaluate(_OPEN_ONE):
            return
