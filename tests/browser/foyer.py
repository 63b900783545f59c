"""A waiting room that a test scripts: its pages served as the listener will serve them, policy and all, and sites that embed it.

`Foyer` runs small aiohttp servers in a thread: the room's origin, an embedder that may, and one that may not. A browser's client is a
stub of a few lines: it asks when it is told to.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from sidecar.model import Answer
from sidecar.web import roompages
from tests.web.rooms import NOBODY, envelope

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import BrowserContext, ConsoleMessage, Page

    from sidecar.web.roomsaid import View

VERBS = ("join", "claim", "leave", "release")

# The interface of the client, and nothing of its patience: `stub.poll()` is the next poll.
CLIENT = """
export function sidecar(base, { language }) {
  return {
    join(name, { claim, place = null, pass = null }) {
      const room = new EventTarget();
      const ask = async (verb, method) => {
        const headers = { Accept: "application/json", ...(room.place ? { "Sidecar-Place": room.place } : {}) };
        const response = await fetch(`${base}/.sidecar/rooms/${name}/${verb}`, { method, headers });
        return room.hear(await response.json());
      };
      Object.assign(room, {
        place, pass, over: false, asked: { claim, language },
        hear(said) {
          const gone = /^(left|released|forfeited)$/.test(said.queue?.visitor) || said.state === "waiting";
          room.over = gone || said.state === "sale_closed";
          room.place = gone ? null : said.queue?.place ?? room.place;
          room.pass = said.pass?.token ?? room.pass;
          room.dispatchEvent(new CustomEvent("state", { detail: said }));
          document.documentElement.classList.add("heard");
          return said;
        },
        poll: () => ask("place", "GET"), claim: () => ask("claim", "POST"), leave: () => ask("leave", "POST"),
        release: () => ask("release", "POST"), join: () => void ask("join", "POST"),
      });
      room.join();
      return window.stub = room;
    },
  };
}
"""

# What a page that embeds the widget hears: each message with where it came from.
EMBEDDER = """<!doctype html><html lang="en"><title>shop</title><body><script>
window.heard = []; window.events = [];
addEventListener("message", (event) => heard.push({ ...event.data, origin: event.origin }));
for (const type of ["state", "height", "pass", "place", "ready"])
  document.addEventListener(`sidecar:${type}`, (event) => events.push(event.detail));
</script><main><h1>The shop</h1><div data-sidecar-room="hamlet" data-title="The queue"></div></main>
<script src="%s/.sidecar/rooms/assets/embed.js" defer></script>"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a verb of the room."""

    verb: str
    headers: dict[str, str] = field(repr=False)


class Foyer:
    """The room's origin; `moves` says what a visitor becomes by a verb."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="foyer", daemon=True)
        self._runners: list[web.AppRunner] = []
        self.url = self.shop = self.stranger = ""
        self.reset()

    def reset(self, view: View = NOBODY, **moves: View) -> None:
        """Begin again, with a visitor and what becomes of him by each verb."""
        self.view, self.moves = view, moves
        self.reply: dict[str, Any] | None = None  # in place of what the view says
        self.token: str | None = None  # a pass that a claim brings
        self.client: str | None = CLIENT
        self.asked: list[Asked] = []
        self.loads = 0

    @property
    def room(self) -> str:
        return f"{self.url}/.sidecar/rooms/{self.view.room.name}"

    @property
    def verbs(self) -> list[str]:
        return [each.verb for each in self.asked]

    async def _page(self, request: web.Request) -> web.Response:
        self.loads += 1
        widget = request.path.endswith("/widget")
        return _sent(roompages.page(self.view, widget=widget, cors_origins={self.shop}, still="still" in request.query))

    async def _file(self, request: web.Request) -> web.Response:
        found = roompages.asset(request.match_info["file"])
        if not isinstance(found, Answer):
            raise web.HTTPNotFound
        return _sent(found)

    async def _theme(self, request: web.Request) -> web.Response:
        return _sent(roompages.theme(self.view.room.look))

    async def _client(self, request: web.Request) -> web.Response:
        if self.client is None:
            raise web.HTTPServiceUnavailable
        return web.Response(text=self.client, content_type="text/javascript")

    async def _verb(self, request: web.Request) -> web.StreamResponse:
        verb = request.match_info["verb"]
        self.asked.append(Asked(verb, {name.lower(): value for name, value in request.headers.items()}))
        self.view = self.moves.get(verb, self.view)
        if "json" in request.headers.get("Accept", ""):
            return web.json_response(self._said(verb))
        raise web.HTTPSeeOther(self.room)

    def _said(self, verb: str) -> dict[str, Any]:
        said = self.reply or envelope(self.view)
        if verb == "claim" and self.token is not None:
            said = {**said, "pass": {**said.get("pass", {}), "token": self.token}}
        return said

    async def _read(self, request: web.Request) -> web.Response:
        self.asked.append(Asked(request.path.rpartition("/")[2], dict(request.headers)))
        if request.path.endswith("/board"):
            said = envelope(self.view._replace(visitor=None))
            text = self.view.message[1] if self.view.message else ""
            return web.json_response({**said, "messages": {self.view.lang: text}})
        return web.json_response(self._said("place"))

    async def _shop(self, request: web.Request) -> web.Response:
        headers = {"Referrer-Policy": "no-referrer"}  # as strict as a site may be
        return web.Response(text=EMBEDDER % self.url, content_type="text/html", headers=headers)

    async def _serve(self, app: web.Application) -> str:
        runner = web.AppRunner(app, shutdown_timeout=1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _up(self) -> None:
        app, base = web.Application(), "/.sidecar/rooms/{room}"
        app.router.add_get("/.sidecar/client.js", self._client)
        app.router.add_get("/.sidecar/rooms/assets/{file}", self._file)
        app.router.add_get(base + "/theme.css", self._theme)
        app.router.add_post(base + "/{verb}", self._verb)
        for name in ("place", "board"):
            app.router.add_get(f"{base}/{name}", self._read)
        for path in (base, base + "/widget"):
            app.router.add_get(path, self._page)
        self.url = await self._serve(app)
        sites = []
        for _ in range(2):
            site = web.Application()
            site.router.add_get("/", self._shop)
            sites.append(await self._serve(site))
        self.shop, self.stranger = sites

    async def _down(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

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


def _sent(answer: Answer) -> web.Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return web.Response(status=answer.status, body=answer.body[0], headers=headers)


# Every pause of the page's script is a twentieth of a second at most.
HASTE = "const wait = setTimeout; window.setTimeout = (act, ms) => wait(act, Math.min(ms, 50));"
# What a browser does that may keep nothing.
FORGETFUL = (
    "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
)


class Guest:
    """Somebody at the page; what its console complains of fails the test."""

    def __init__(self, context: BrowserContext, foyer: Foyer) -> None:
        self.foyer, self.page = foyer, context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and not said.text.startswith("Failed to load resource"):
            self.complaints.append(f"{said.type}: {said.text}")

    def open(self, view: View | None = None, **moves: View) -> Page:
        """Come to the room, and wait for its script, which attaches where there is a place."""
        if view is not None:
            self.foyer.reset(view, **moves)
        self.page.goto(self.foyer.room)
        self.page.locator("html.on").wait_for()
        if self.foyer.view.visitor is not None:
            self.page.locator("html.heard").wait_for()
        return self.page

    def meet(self, view: View, **more: Any) -> None:
        """Let the next poll say this."""
        self.foyer.view = view
        self.page.evaluate("said => stub.hear(said)", {**envelope(view), **more})
