"""The dashboard's page behind a scripted `/status`: served as the admin listener serves it, policy and all.

`Desk` runs a small aiohttp server in a thread of its own; a test says what the next status is, or that there is none. `View` is the
page in a browser: its clock stands still until a test lets it go on, and an error in its console is an error of the test.
"""

from __future__ import annotations

import asyncio
import copy
import math
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from sidecar.admin import pages

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator

NOON = datetime(2026, 11, 28, 3, 12, 44, tzinfo=UTC)  # at night, as it happens


def at(seconds: float) -> str:
    """Return an instant so many seconds after the start of every script."""
    return (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def backend(name: str, **facts: Any) -> dict[str, Any]:
    """Return one backend that is well, but for `facts`."""
    return {
        "name": name,
        "protocol": "soap",
        "path": f"/{name}",
        "pressure": "ok",
        "limit": 16,
        "limit_configured": 16,
        "in_flight": 3,
        "ghosts": 0,
        "queued": 0,
        "queue_size": 500,
        "calls_per_s": 12.3,
        "backend_ms_p50": 103.0,
        "backend_ms_p95": 180.0,
        "last_failure": None,
        **facts,
    }


def status(*backends: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a status in which nothing needs anybody, but for `members`."""
    return {
        "v": 1,
        "version": "0.1.0",
        "aiohttp": "3.14.5",
        "pid": 4711,
        "server_time": at(0),
        "uptime_s": 11_000,
        "ready": True,
        "draining": False,
        "config": {
            "id": "c3f9a1b2d4e5",
            "file": "/etc/sidecar/tickets.yaml",
            "loaded_at": at(-11_000),
            "differs_from_disk": False,
            "last_reload": None,
            "history": [{"id": "c3f9a1b2d4e5", "loaded_at": at(-11_000), "current": True}],
        },
        "listeners": {"public": ["http://127.0.0.1:8080"], "admin": ["http://127.0.0.1:8081"], "metrics": []},
        "connections": {"open": 12, "idle": 3, "limit": 10_000},
        "buffered": {"bytes": 0, "limit_bytes": 268_435_456, "peak_bytes": 1_230_000},
        "backends": list(backends or [backend("tickets")]),
        "overrides": [],
        "refusals": {"window_s": 300, "total": 0, "by": []},
        "states": {"window_s": 300, "by": [{"backend": "tickets", "state": "ok", "count": 3690}]},
        "warnings": [],
        "log": {"dropped": 0},
        **members,
    }


def override(**facts: Any) -> dict[str, Any]:
    """Return a limit that somebody has lowered for a while."""
    return {
        "id": "o3",
        "noun": "limit",
        "backend": "tickets",
        "value": 8,
        "was": 16,
        "actor": "alice",
        "reason": "the box office is on its spare machine",
        "since": at(-60),
        "until": at(540),
        "left_s": 540,
        **facts,
    }


def failed_reload(*errors: dict[str, Any]) -> dict[str, Any]:
    """Return what the status says of a reload that found the file broken."""
    return {
        "at": at(-20),
        "ok": False,
        "by": "signal",
        "actor": "",
        "id": None,
        "text": "2 errors; nothing has changed",
        "errors": list(errors)
        or [
            {
                "file": "/etc/sidecar/tickets.yaml",
                "line": 12,
                "column": 7,
                "width": 5,
                "key": "backends.tickets.limt",
                "code": "unknown-key",
                "message": "there is no such key",
                "remedy": "did you mean limit?",
            },
            {
                "file": "/etc/sidecar/tickets.yaml",
                "line": 19,
                "column": 14,
                "width": 2,
                "key": "backends.tickets.ghost",
                "code": "duration",
                "message": "30 has no unit",
                "remedy": "write 30s, 30ms or 30m",
            },
        ],
        "changes": [],
    }


def lived(second: int) -> dict[str, Any]:
    """Return the busy night at one of its 300 seconds: a crowd comes at 170, somebody halves the limit at 240."""
    said = moved(busy_night(), second - 300)
    crowd = second >= 170
    tickets, shop, members = said["backends"]
    flying = 3 + round(2 * math.sin(second / 20) + math.sin(second * 7))
    tickets |= {
        "limit": 8 if second >= 240 else 16,
        "ghosts": int(crowd),
        "in_flight": min(7, flying + 5) if crowd else flying,
    }
    tickets["queued"] = 61 - round(20 * math.sin(second / 9) ** 2) if crowd else 0
    shop["in_flight"] = 5 + round(2 * math.sin(second / 30) + math.sin(second * 5))
    members |= {"in_flight": 0 if second >= 288 else 2 + second % 2, "ghosts": 2 if second >= 288 else 0}
    for row in said["states"]["by"]:
        begins_at, per_second = _STREAMS.get((row["backend"], row["state"]), (0, 0))
        since = 10 * (second // 10) - 290  # the window forgets ten seconds at a time
        row["count"] = int(per_second * max(0, second - max(begins_at, since)))
    return said


# Backend and state: since when, and how many a second.
_STREAMS = {
    ("tickets", "ok"): (-300, 27),
    ("tickets", "cached"): (-300, 4),
    ("tickets", "overloaded"): (170, 7),
    ("tickets", "sold_out"): (200, 0.8),
    ("tickets", "outcome_unknown"): (288, 0.2),
    ("gift-shop", "ok"): (-300, 6.8),
    ("memberships", "ok"): (-300, 0.4),
    ("memberships", "backend_unreachable"): (288, 3.6),
}


class Desk:
    """An admin listener that has only a page and whatever status the test gives it."""

    def __init__(self) -> None:
        self.asked = 0
        self.tokens: list[str | None] = []  # the Authorization of each
        self._pages = pages.load()
        self._status: bytes | tuple[int, bytes] = orjson.dumps(status())
        self._runner: web.AppRunner | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="desk", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def say(self, said: Any) -> None:
        """Let this be the status from now on."""
        self._status = orjson.dumps(said)

    def answer(self, code: int, body: bytes) -> None:
        """Let the status be something that is none."""
        self._status = (code, body)

    def stop(self) -> None:
        """Be gone: the port refuses."""
        asyncio.run_coroutine_threadsafe(self._down(), self._loop).result(10)

    def start(self) -> None:
        """Be there, on the same port as before."""
        asyncio.run_coroutine_threadsafe(self._up(), self._loop).result(10)

    async def _up(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._file)
        app.router.add_get("/page/{name:.+}", self._file)
        app.router.add_get("/status", self._tell)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _down(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _file(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Security-Policy": pages.POLICY,
            "X-Content-Type-Options": "nosniff",
            "Content-Type": page.content_type,
        }
        return web.Response(body=page.body, headers=headers)

    async def _tell(self, request: web.Request) -> web.Response:
        assert request.query.get("format") == "json"
        self.asked += 1
        self.tokens.append(request.headers.get("Authorization"))
        if isinstance(self._status, tuple):
            code, body = self._status
            return web.Response(status=code, body=body, content_type="text/html")
        return web.Response(body=self._status, content_type="application/json", headers={"Cache-Control": "no-store"})

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def busy_night() -> dict[str, Any]:
    """Return a status with something of everything."""
    down = backend(
        "memberships", pressure="down", protocol="xmlrpc", in_flight=1, ghosts=2, calls_per_s=0.4, backend_ms_p50=None,
        backend_ms_p95=None, last_failure={"state": "backend_unreachable", "reason": "refused", "at": at(-12)},
    )  # fmt: skip
    full = backend(
        "tickets", pressure="strained", limit=8, in_flight=7, ghosts=1, queued=61, calls_per_s=31.5,
        backend_ms_p50=240.0, backend_ms_p95=1810.0, last_failure={"state": "outcome_unknown", "reason": "timeout", "at": at(-95)},
    )  # fmt: skip
    said = status(full, backend("gift-shop", limit=20, limit_configured=64, in_flight=5), down)
    said["config"] |= {
        "differs_from_disk": True,
        "last_reload": failed_reload(),
        "history": [
            {"id": "c3f9a1b2d4e5", "loaded_at": at(-11_000), "current": True},
            {"id": "90ab12cd34ef", "loaded_at": at(-98_000), "current": False},
            {"id": "77d0e3f1a2b4", "loaded_at": at(-270_000), "current": False},
        ],
    }
    said["overrides"] = [override()]
    by = [
        {"backend": "tickets", "state": "overloaded", "mechanism": "queue", "count": 912, "last_at": at(-1)},
        {
            "backend": "memberships",
            "state": "backend_unreachable",
            "mechanism": "upstream",
            "count": 44,
            "last_at": at(-2),
        },
        {"backend": "tickets", "state": "operation_denied", "mechanism": "deny", "count": 3, "last_at": at(-140)},
        {"backend": "", "state": "too_large", "mechanism": "size", "count": 1, "last_at": at(-201)},
    ]
    said["refusals"] = {"window_s": 300, "total": 960, "by": by}
    said["states"] = {
        "window_s": 300,
        "by": [
            {"backend": "tickets", "state": "ok", "count": 8120},
            {"backend": "tickets", "state": "cached", "count": 640},
            {"backend": "tickets", "state": "overloaded", "count": 912},
            {"backend": "tickets", "state": "sold_out", "count": 87},
            {"backend": "tickets", "state": "outcome_unknown", "count": 2},
            {"backend": "gift-shop", "state": "ok", "count": 2040},
            {"backend": "memberships", "state": "ok", "count": 120},
            {"backend": "memberships", "state": "backend_unreachable", "count": 44},
        ],
    }
    said["connections"] = {"open": 812, "idle": 390, "limit": 10_000}
    said["buffered"] = {"bytes": 41_300_000, "limit_bytes": 268_435_456, "peak_bytes": 97_000_000}
    said["warnings"] = [
        warning("reload_failed", "error", "the reload at 03:12:24 found 2 errors; the settings before it are in force",
                "mend the two places, then `sidecar check`, then `sidecar reload`"),
        warning("one_client", "warning", "one client (k3f9…) made 91 % of the last 1000 requests, with X-Forwarded-For present",
                "name the proxy's network under clients.trust"),
        warning("override_active", "warning", "limit of tickets is 8 instead of 16 until 03:21:44", "sidecar limit clear tickets"),
        warning("backend_down", "error", "memberships refuses connections", "look at the backend"),
    ]  # fmt: skip
    return said


def warning(code: str, severity: str, text: str, remedy: str, **more: Any) -> dict[str, Any]:
    """Return one warning as the sidecar sends it."""
    said = {
        "code": code,
        "severity": severity,
        "text": text,
        "remedy": remedy,
        "since": at(-20),
        "more": f"docs/operations.md#{code}",
    }
    return said | more


def moved(said: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the same status some seconds later."""
    later = copy.deepcopy(said)
    later["server_time"] = at(seconds)
    later["uptime_s"] = said["uptime_s"] + seconds
    return later


# Counts the answers that the page has had, or has seen fail: whoever reads the number then reads the page after it has shown them.
_SETTLED = """
window.settled = 0;
const real = window.fetch;
window.fetch = async (...asked) => {
  try {
    const reply = await real(...asked), json = reply.json.bind(reply);
    reply.json = () => json().finally(() => { window.settled += 1; });
    return reply;
  } catch (error) {
    window.settled += 1;
    throw error;
  }
};
"""


class View:
    """The dashboard in a tab of its own."""

    def __init__(self, context: BrowserContext, desk: Desk) -> None:
        self.desk = desk
        self.complaints: list[str] = []  # of the console: errors, warnings, what the policy forbade
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.add_init_script(_SETTLED)
        self.page.clock.install(time=NOON)
        self.page.clock.pause_at(NOON + timedelta(minutes=1))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(f"{said.type}: {said.text}")

    @property
    def settled(self) -> int:
        """How many answers, or failures to get one, the page has dealt with."""
        counted: int = self.page.evaluate("settled")
        return counted

    def open(self, said: dict[str, Any] | None = None) -> Self:
        """Load the page and let it have its first answer."""
        self.desk.say(said or status())
        self.page.goto(self.desk.url)
        self._until(1)
        return self

    def tick(self) -> None:
        """Let a second pass in which the page asks."""
        before = self.settled
        self.page.clock.run_for(1000)
        self._until(before + 1)

    def see(self, said: dict[str, Any]) -> None:
        """Let the page have this status."""
        self.desk.say(said)
        self.tick()

    def alert(self, code: str) -> Locator:
        return self.page.locator(f".alert[data-code={code}]")

    def _until(self, count: int) -> None:
        for _ in range(1000):  # of 5 ms: what has not come by then is not on its way
            if self.settled >= count:
                return
            self.page.wait_for_timeout(5)
        raise AssertionError("the page did not ask")
