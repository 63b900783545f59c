"""The shop: a small page on an origin of its own, whose every call to the backend crosses to the sidecar's origin.

It stands in front of the road, beside the browser. It answers the page's files, and same-origin doors to the box
office's controls and to crowds, so that a visitor can provoke what he wants to see. It never relays a sale itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson
from aiohttp import web

from sidecar.demo.door import Door
from sidecar.demo.lookout import Lookout
from sidecar.demo.onsale import Wish
from sidecar.demo.tide import AskError, BusyError, Tide

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES = {
    "/": ("index.html", "text/html"),
    "/shop.css": ("shop.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/wire.js": ("wire.js", "text/javascript"),
    "/ledger.js": ("ledger.js", "text/javascript"),
    "/backstage.js": ("backstage.js", "text/javascript"),
    "/panel.js": ("panel.js", "text/javascript"),
    "/turn.js": ("turn.js", "text/javascript"),
    "/gala.js": ("gala.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
BODY_MAX = 4096
HURT_MAX_S = 30.0  # whatever a visitor does to the box office heals by itself


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the page and the shop's own server find the others."""

    sidecar: str  # origin that the browser calls
    control: str  # the box office's second address
    box: str  # the box office itself, for a crowd that goes past the sidecar
    admin: str | None = None  # the operators' listener, where the limit can be read
    tickets: str = "/tickets"
    boxrpc: str = "/boxrpc"
    room: str = "gala"  # before which the crowd of the on-sale gathers
    opens: float = 0.0  # when that room opens, in seconds of the wall clock; what is over has opened

    def onsale(self) -> Wish:
        """Return the crowd that comes to the room."""
        opens_in_s = self.opens - time.time()
        return Wish(
            f"{self.sidecar}/.sidecar/rooms/{self.room}", f"{self.sidecar}{self.tickets}", opens_in_s=opens_in_s
        )

    def endpoints(self, past: bool) -> tuple[str, str]:
        """Return where a crowd calls, through the sidecar or `past` it."""
        if past:
            return f"{self.box}/box.asmx", f"{self.box}/xmlrpc"
        return f"{self.sidecar}{self.tickets}", f"{self.sidecar}{self.boxrpc}"


class Shop:
    """`async with Shop(addresses) as shop:` serves the page at `shop.url`."""

    def __init__(self, addresses: Addresses, host: str = "127.0.0.1", port: int = 0) -> None:
        self.addresses = addresses
        self._host, self._port = host, port
        self.tide = Tide(addresses.endpoints, addresses.onsale)
        self._files = {path: (files("sidecar.demo") / "shop" / name).read_bytes() for path, (name, _) in PAGES.items()}

    async def __aenter__(self) -> Self:
        self._server = web.Server(self._handle, access_log=None)
        self._door = Door(
            self._server, self._host, self._port
        )  # a port that is taken is told here, before a session is open
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        self._lookout = Lookout(self._http, self.addresses.control, self.addresses.admin)
        await self._door.open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.tide.close()
        await self._door.close()
        await self._server.shutdown(1.0)
        await self._http.close()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._door.port}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.method in ("GET", "HEAD"):
                return await self._get(request.path)
            if request.method == "POST" and request.path in ("/control", "/rush", "/tide", "/sale"):
                return await self._post(request.path, await self._wish(request))
        except BusyError as error:
            return self._json(409, {"error": str(error)})
        except AskError as error:
            return self._json(400, {"error": str(error)})
        except (aiohttp.ClientError, TimeoutError):
            return self._json(502, {"error": "the box office's control address does not answer: is it still running?"})
        return self._json(405, {"error": f"{request.method} {request.path} is not offered here"})

    async def _get(self, path: str) -> web.Response:
        if path == "/stats":
            told = await self._lookout.look()
            return self._json(200, {**told, "crowd": self.tide.json(), "sale": self.tide.sale_json()})
        if path == "/shop.json":
            here = self.addresses
            return self._json(200, {"sidecar": here.sidecar, "tickets": here.tickets, "room": here.room})
        if path not in PAGES:
            return self._json(404, {"error": f"{path} is not here"})
        return web.Response(
            body=self._files[path], headers={**self._headers(), "Content-Type": f"{PAGES[path][1]}; charset=utf-8"}
        )

    async def _post(self, path: str, wish: dict[str, Any]) -> web.Response:
        if path == "/control":
            return await self._control(wish)
        doors = {"/rush": self.tide.rush, "/tide": self.tide.turn, "/sale": self.tide.sale}
        return self._json(202, doors[path](wish))

    async def _wish(self, request: web.BaseRequest) -> dict[str, Any]:
        """Read a JSON object that this shop's own page sent: a strange page must not be able to hurt the box office."""
        if request.headers.get("Origin") not in (None, self.url) or request.content_type != "application/json":
            raise AskError("only this page may ask, with application/json")
        if (request.content_length or 0) > BODY_MAX:
            raise AskError(f"send at most {BODY_MAX} bytes")
        try:
            wish = orjson.loads(await request.read())
        except orjson.JSONDecodeError as error:
            raise AskError(f"the body is not JSON: {error}") from None
        if not isinstance(wish, dict):
            raise AskError("send a JSON object")
        return wish

    async def _control(self, wish: dict[str, Any]) -> web.Response:
        if set(wish) - {"reset"}:
            for_s = wish.get("for_s", HURT_MAX_S)
            wish["for_s"] = min(for_s, HURT_MAX_S) if isinstance(for_s, int | float) else for_s
        async with self._http.post(f"{self.addresses.control}/_control", json=wish) as reply:
            return self._json(reply.status, await reply.json())

    def _json(self, status: int, value: Any) -> web.Response:
        return web.Response(
            status=status, body=orjson.dumps(value), headers={**self._headers(), "Content-Type": "application/json"}
        )

    def _headers(self) -> Mapping[str, str]:
        policy = {
            "default-src": "'none'",
            "script-src": f"'self' {self.addresses.sidecar}",  # the client is the sidecar's own
            "style-src": "'self'",
            "img-src": "'self'",
            "connect-src": f"'self' {self.addresses.sidecar}",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
