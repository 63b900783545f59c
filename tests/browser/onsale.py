"""An on-sale as it is run: the box office, a sidecar process with rooms, a shop on another origin, and a site that embeds the widget.

`OnSale` starts them and opens rooms while they run; `Rival` is somebody else in line, by HTTP alone; `Aside` a tab behind another one. The
three sites are three hosts, so that a browser keeps them apart as it keeps real ones.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from tests.support.process import ROOT, Program, SidecarProcess

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from playwright.sync_api import Browser

TOKEN = "a-token-for-these-tests-only"
ROOM, SHOP, SITE = "127.0.0.1", "localhost", "127.0.0.2"
EVENING = 1201

# The shop's page: what it stands in and what it hears are read by tests. `stand` is the visitor's first click.
_SHOP = """<!doctype html><html lang="en"><title>shop</title><h1>The shop</h1><script type="module">
import { sidecar } from "%s/.sidecar/client.js";
window.heard = [];
window.stand = (name, wish) => {
  const room = window.room = api.join(name, wish);
  for (const word of ["lobby", "waiting", "called", "admitted", "failed", "lost", "released", "over"])
    room.addEventListener(word, () => heard.push(word));
  return room;
};
window.api = sidecar(undefined, { onstate: (reply, { path }) => heard.push(`${path.split("/").at(-1)}: ${reply.state}`) });
</script>"""

# A site that embeds the widget of the room in its address.
_SITE = """<!doctype html><html lang="en"><title>site</title><h1>A site</h1><div data-sidecar-room="%(room)s"></div>
<script>
window.told = [];
for (const type of ["state", "pass", "place"]) document.addEventListener(`sidecar:${type}`, ({ detail }) => told.push(detail));
</script><script src="%(sidecar)s/.sidecar/rooms/assets/embed.js"></script>"""


class OnSale:
    """Everything, on loopback. Rooms are opened one by one, each before an evening of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, contextlib.ExitStack()
        self._rooms: dict[str, Any] = {}
        self.sidecar: SidecarProcess

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            argv = [sys.executable, "-m", "sidecar.demo.box_office", "--port", "0", "--seed", "1", "--no-law"]
            box = stack.enter_context(Program(argv, env={"PYTHONUNBUFFERED": "1"}, name="box office"))
            self._box = json.loads(box.wait_line(r'^\{"url".*')[0])
            self.shop = stack.enter_context(_served(SHOP, lambda _: _SHOP % self.url))
            self.site = stack.enter_context(
                _served(SITE, lambda path: _SITE % {"room": path.strip("/"), "sidecar": self.url})
            )
            self._rooms["spare"] = self._room(9000)
            self.sidecar = stack.enter_context(SidecarProcess(self._settings(), self._folder))
            self.sidecar.wait_line('"indexed","backend":"tickets"')
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self.sidecar.url

    def page(self, room: str) -> str:
        return f"{self.url}/.sidecar/rooms/{room}"

    # --- settings

    def _settings(self, port: int = 0) -> dict[str, Any]:
        tickets = {
            "protocol": "soap",
            "path": "/tickets",
            "url": f"{self._box['url']}/box.asmx",
            "identity": {"params": ["sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID"]},
            "expose": ["*"],
            "operations": {
                "Get*": {"safe": True},
                "ReserveTickets": {"class": "checkout", "begins": "purchase"},
                "Checkout": {"class": "checkout", "ends": "purchase", "idempotency": {"key": "header"}},
            },
        }
        return {
            "listen": {"host": ROOM, "port": port},
            "store": "sqlite:onsale.db",
            "keys": {"file": str(self._folder / "keys")},
            "admin": {"port": 0, "token": TOKEN},
            "drain": {"delay": "0s", "timeout": "1s"},
            "cors": {"origins": [self.shop]},
            "backends": {"tickets": tickets},
            "rooms": self._rooms,
        }

    def _room(self, evening: int, **more: Any) -> dict[str, Any]:
        cover = {"backend": "tickets", "operations": ["ReserveTickets"], "where": {"iPerformanceNumber": [evening]}}
        ago = {"opens": _moment(-3600.0), "lobby": "20s", "draw": "3s"}
        page = {"title": {"en": "Hamlet"}, "back": f"{self.shop}/", "frame": [self.site]}
        people = {"max_active": 1, "claim": "60s", "crowd": {"per_address": 0}}
        return {"covers": [cover], **ago, **people, "page": page, **more}

    def open(self, name: str, evening: int | None = None, *, in_s: float | None = None, **more: Any) -> str:
        """Put up a room with one place inside, by a reload: open already, or `in_s` seconds ahead. Returns its page's address."""
        opens = {} if in_s is None else {"opens": _moment(in_s)}
        self._rooms[name] = self._room(evening or 9000 + len(self._rooms), **opens, **more)
        written = json.loads(self.sidecar.config.read_text("utf-8"))
        self.sidecar.config.write_text(json.dumps(written | {"rooms": self._rooms}), "utf-8")
        mark = len(self.sidecar.lines)
        self.sidecar.send_signal(signal.SIGHUP)
        said = self.sidecar.wait_line('"event":"config_(reloaded|rejected)".*', start=mark)
        assert said[1] == "reloaded", said[0]
        return self.page(name)

    def wait_state(self, room: str, state: str, within_s: float = 20.0) -> None:
        """Wait until a room's board says so."""
        until = time.monotonic() + within_s
        while (said := self._board(room)["room"]["state"]) != state:
            assert time.monotonic() < until, f"never {state}: {said}"
            time.sleep(0.1)

    def _board(self, room: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.page(room)}/board", timeout=5) as reply:
            told: dict[str, Any] = json.load(reply)
            return told

    # --- an operator

    def order(self, *argv: str) -> None:
        """Give an order on the command line."""
        environ = {
            **os.environ,
            "SIDECAR_ADMIN": self.sidecar.admin_url,
            "SIDECAR_ADMIN_TOKEN": TOKEN,
            "SIDECAR_ACTOR": "alice",
        }
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", *argv, "--reason", "a test"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def kill(self) -> None:
        """Let it die as it dies for want of memory."""
        self.sidecar.kill()

    def revive(self) -> None:
        """Start it again with the files and the address that it had."""
        self.sidecar = self._stack.enter_context(SidecarProcess(self._settings(self.sidecar.port), self._folder))

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._box['control']}/_stats", timeout=5) as reply:
            told: dict[str, Any] = json.load(reply)
            return told


class Rival:
    """Somebody else who stands in line and does what he is told, without a page."""

    def __init__(self, sale: OnSale, room: str) -> None:
        self._sale, self._room = sale, room
        self._place: str | None = None
        self.ask("join")

    def ask(self, verb: str) -> str:
        """Return his word."""
        headers = {"Content-Type": "application/json"} | ({"Sidecar-Place": self._place} if self._place else {})
        body = None if verb == "place" else b"{}"
        with urllib.request.urlopen(
            urllib.request.Request(f"{self._sale.page(self._room)}/{verb}", body, headers), timeout=10
        ) as reply:
            queue = json.load(reply)["queue"]
        self._place = queue.get("place", self._place)
        return str(queue["visitor"])

    def come_in(self) -> Self:
        """Wait until he is called, and come."""
        until = time.monotonic() + 20
        while self.ask("place") != "called":
            assert time.monotonic() < until, "he is never called"
            time.sleep(1.0)  # as often as is answered for good
        assert self.ask("claim") == "admitted"
        return self


class Aside:
    """A tab that really is behind another one, by raw messages: Playwright lets every page of its own believe that it is looked at."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._session, self._replies, self._count = browser.new_browser_cdp_session(), dict[int, Any](), 0
        self._session.on("Target.receivedMessageFromTarget", self._hear)
        self._tab = self._session.send("Target.createTarget", {"url": url, "newWindow": True})["targetId"]
        attached = self._session.send("Target.attachToTarget", {"targetId": self._tab, "flatten": False})
        self._id = attached["sessionId"]

    def _hear(self, event: dict[str, Any]) -> None:
        said = json.loads(event["message"])
        self._replies[said.get("id", 0)] = said.get("result")

    def _send(self, method: str, **params: Any) -> Any:
        self._count += 1
        message = json.dumps({"id": self._count, "method": method, "params": params})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._id, "message": message})
        until = time.monotonic() + 10
        while self._count not in self._replies:
            assert time.monotonic() < until, f"no reply to {method}"
            self._session.send("Browser.getVersion")  # lets events come in
        return self._replies[self._count]

    def get(self, expression: str) -> Any:
        return self._send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, condition: str, within_s: float = 10.0) -> float:
        """Wait until this holds in the tab; returns how many seconds that took."""
        began = time.monotonic()
        while not self.get(condition):
            assert time.monotonic() < began + within_s, f"never: {condition}; {self.get('document.title')}"
            time.sleep(0.2)
        return time.monotonic() - began

    def cover(self) -> None:
        """Open another tab before it."""
        other = self._session.send("Target.createTarget", {"url": "about:blank"})
        self._session.send("Target.activateTarget", {"targetId": other["targetId"]})
        self.until("document.visibilityState === 'hidden'")

    def freeze(self, *, on: bool) -> None:
        """Let the browser stop all its tasks, as it does to save memory, or go on."""
        self._send("Page.setWebLifecycleState", state="frozen" if on else "active")

    def look(self) -> None:
        """Come back to it."""
        self._session.send("Target.activateTarget", {"targetId": self._tab})


def _moment(in_s: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=in_s)).strftime("%Y-%m-%dT%H:%M:%S+00:00")


@contextlib.contextmanager
def _served(host: str, text: Any) -> Any:
    """Serve pages on a host; yields the origin."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text(self.path.partition("?")[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((host, 0), Page)
    thread = threading.Thread(target=server.serve_forever, name=host, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
