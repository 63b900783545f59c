"""The listener of operators: looks (status, metrics, settings, audit, dashboard) and orders, on a port or a unix socket of its own.

Stands beside the public listener and never on its road. It decides who may ask and what was meant; what is done, the app does through
`Control`. It never shows a trace, a token or a value of sensitive name.
"""

from __future__ import annotations

import asyncio
import errno
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from aiohttp import web

from sidecar.admin import answers, pages, screen, table
from sidecar.admin.audit import KEPT, REFUSED_KEPT, Audit
from sidecar.admin.door import NO_TOKEN, Denied, Door
from sidecar.admin.orders import Orders
from sidecar.admin.wire import Server, peer_of
from sidecar.plan import AdminPlan
from sidecar.sockets import ListenError, bind, forget_unix, unix_inode

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping

    from sidecar.admin.table import Row
    from sidecar.control import Control
    from sidecar.plan import MetricsPlan
    from sidecar.ports import Clock, Log

    Look: TypeAlias = "Callable[[web.BaseRequest], web.StreamResponse | Awaitable[web.StreamResponse]]"

UNIX_MODE: Final = 0o600  # the user that runs it, and root: a token guards what the file's rights let through
_BACKLOG: Final = 64
_CLOSE_S: Final = 2.0  # for answers under way when the listener closes
_OPEN: Final = frozenset({"/healthz", "/readyz"})  # say nothing that is worth a token; probes have none


class AdminListener:
    """`start`, then `urls`; `adopt` takes a new token, `close` ends it. `audit` is for whoever else has something to write there."""

    def __init__(
        self,
        plan: AdminPlan,
        metrics: MetricsPlan | None,
        control: Control,
        clock: Clock,
        log: Log,
        audit: Audit | None = None,
    ) -> None:
        self._plan, self._metrics, self._control = plan, metrics, control
        self._log = log
        self.audit = audit or Audit(clock, log)
        self._door = Door("", (), plan.token)
        self._pages: dict[str, pages.Page] = {}
        self._orders = Orders(control, clock, log, self.audit)
        self._listening: list[asyncio.Server] = []
        self._servers: list[Server] = []
        self._unix: tuple[int, int] | None = None
        self.urls: tuple[str, ...] = ()
        self.metrics_urls: tuple[str, ...] = ()
        self._looks: dict[str, Look] = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/status": self._status,
            "/metrics": self._exposition,
            f"{table.ROOT}/config": self._effective,
            f"{table.ROOT}/commands": self._commands,
            f"{table.ROOT}/audit": self._last,
        }

    def __repr__(self) -> str:
        return f"<AdminListener {' '.join((*self.urls, *self.metrics_urls)) or 'not started'}>"

    async def start(self) -> None:
        """Bind and serve. Raises ListenError with the remedy.

        Where the settings do not name `admin:` and its port is taken, the sidecar goes on without: nobody asked for it, and two
        sidecars on one machine must not need a line each. The log says so.
        """
        self._pages = pages.load()
        try:
            sockets = bind(self._plan, "admin", UNIX_MODE)
        except ListenError as error:
            taken = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
            if self._plan.written or not taken:
                raise
            self._log.event(
                "admin_unavailable", error=str(error), remedy="write admin.port with a free port of its own"
            )
            sockets = []
        try:
            self._door = self._door_of(sockets)
            self.urls = await self._serve(sockets, self._handle, self._plan.unix)
            if self._plan.unix is not None:
                self._unix = unix_inode(self._plan.unix)
            if self._metrics is not None:
                where = AdminPlan(self._metrics.host, self._metrics.port)
                self.metrics_urls = await self._serve(bind(where, "metrics"), self._handle_metrics, None)
        except BaseException:
            await self.close()
            raise

    def _door_of(self, sockets: list[socket.socket]) -> Door:
        addresses = [
            "" if self._plan.unix is not None else bound.getsockname()[0].partition("%")[0] for bound in sockets
        ]
        return Door(self._plan.host, addresses, self._plan.token)

    async def _serve(
        self,
        sockets: list[socket.socket],
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        unix: str | None,
    ) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        listen = loop.create_server if unix is None else loop.create_unix_server
        urls = []
        for bound in sockets:
            server = Server(handler, self._log)
            self._servers.append(server)
            urls.append(f"unix:{unix}" if unix is not None else _url(bound))
            self._listening.append(await listen(server, sock=bound, backlog=_BACKLOG))
        return tuple(urls)

    def adopt(self, plan: AdminPlan) -> None:
        """Take the token of new settings; where it listens changes only with a new start."""
        self._door.adopt(plan.token)

    async def close(self) -> None:
        """Stop listening; what is being answered is answered."""
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        if self._unix is not None and self._plan.unix is not None:
            forget_unix(self._plan.unix, self._unix)
            self._unix = None
        await asyncio.gather(*(server.close(_CLOSE_S) for server in self._servers))
        self._servers.clear()

    # What comes in

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        refused = None if path in _OPEN else self._at_the_door(request)
        if refused is not None:
            return self._deny(refused, request)
        if (look := self._looks.get(path)) is not None:
            return await self._look(path, look, request)
        if (page := self._pages.get(path)) is not None:
            return _page(page, request) if _reads(request) else _not_allowed("GET, HEAD")
        parts = path.removeprefix(table.ROOT + "/").split("/")
        row = table.find(*parts) if path.startswith(table.ROOT + "/") and len(parts) == 2 else None
        if row is None:
            return _not_found(path, self._looks)
        return await self._order(row, request) if request.method == "POST" else _not_allowed("POST")

    async def _handle_metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve the metrics and nothing else. Whoever binds them to an address wants them read there, under whatever name."""
        if request.path != "/metrics":
            return answers.problem(404, "not_found", "here are the metrics alone", "GET /metrics")
        return await self._exposition(request) if _reads(request) else _not_allowed("GET, HEAD")

    def _at_the_door(self, request: web.BaseRequest) -> Denied | None:
        hosts, origins = request.headers.getall("Host", []), request.headers.getall("Origin", [])
        return self._door.misdirected(hosts) or self._door.foreign(origins, hosts)

    def _deny(self, why: Denied, request: web.BaseRequest) -> web.Response:
        if why is not NO_TOKEN:
            self.audit.refuse(why.code, peer_of(request))
        return answers.denied(why)

    # Looking

    async def _look(self, path: str, look: Look, request: web.BaseRequest) -> web.StreamResponse:
        if not _reads(request):
            return _not_allowed("GET, HEAD")
        if path not in _OPEN and not self._door.open_to_read:
            why = await self._door.admit(request.headers.get("Authorization"))
            if why is not None:
                return self._deny(why, request)
        found = look(request)
        return found if isinstance(found, web.StreamResponse) else await found

    def _health(self, _request: web.BaseRequest) -> web.Response:
        return answers.facts({"state": "ok"})

    def _ready(self, _request: web.BaseRequest) -> web.Response:
        ready = self._control.ready()
        return answers.facts({"state": "ok" if ready else "draining", "ready": ready}, 200 if ready else 503)

    def _status(self, request: web.BaseRequest) -> web.Response:
        status = self._control.status()
        if _wants_text(request):
            return answers.answer(200, screen.plain(screen.lines(status)).encode(), answers.TEXT)
        return answers.facts(status)

    async def _exposition(self, _request: web.BaseRequest) -> web.StreamResponse:
        content_type, text = await self._control.exposition()
        return answers.answer(200, text, content_type)

    def _effective(self, _request: web.BaseRequest) -> web.Response:
        return answers.facts({"settings": self._control.effective()})

    def _commands(self, _request: web.BaseRequest) -> web.Response:
        return answers.facts({"commands": table.facts()})

    def _last(self, request: web.BaseRequest) -> web.Response:
        last = request.query.get("last", "50")
        most = KEPT + REFUSED_KEPT
        if not (last.isascii() and last.isdecimal() and 1 <= int(last[:6]) <= most):
            return answers.problem(
                400, "not_understood", f"last: may be from 1 to {most}", "GET /admin/v1/audit?last=50"
            )
        return answers.facts({"audit": self.audit.last(int(last))})

    # Orders

    async def _order(self, row: Row, request: web.BaseRequest) -> web.StreamResponse:
        if request.content_type != answers.JSON or "Content-Encoding" in request.headers:
            remedy = "send JSON with `Content-Type: application/json`, not encoded"
            return answers.problem(415, "unsupported_media", f"an order is not {request.content_type[:80]}", remedy)
        why = await self._door.admit(request.headers.get("Authorization"))
        if why is not None:
            return self._deny(why, request)
        return await self._orders.hear(row, request)


def _page(page: pages.Page, request: web.BaseRequest) -> web.Response:
    # It may be kept, but is asked about every time: an upgrade of the sidecar shows at once.
    headers = {"ETag": page.etag, "Cache-Control": "no-cache", "Content-Security-Policy": pages.POLICY}
    if page.etag in request.headers.get("If-None-Match", ""):
        return answers.answer(HTTPStatus.NOT_MODIFIED, b"", page.content_type, headers)
    return answers.answer(200, page.body, page.content_type, headers)


def _not_found(path: str, looks: Mapping[str, Look]) -> web.Response:
    if path == "/":
        return answers.problem(
            404, "not_found", "this sidecar was built without its dashboard", "GET /status has the facts"
        )
    here = ", ".join(looks)
    if path.startswith(table.ROOT + "/"):
        orders = ", ".join(row.path.removeprefix(table.ROOT) for row in table.TABLE)
        return answers.problem(404, "unknown_order", "there is no such order", f"below {table.ROOT} there are {orders}")
    return answers.problem(404, "not_found", "nothing is here", f"there are {here}")


def _not_allowed(methods: str) -> web.Response:
    text = f"this takes {methods}"
    return answers.problem(405, "method_not_allowed", text, "use that method", headers={"Allow": methods})


def _reads(request: web.BaseRequest) -> bool:
    return request.method in ("GET", "HEAD")


def _wants_text(request: web.BaseRequest) -> bool:
    """Say whether a person asks: curl and browsers say `*/*` or text; programs that want JSON say so, or nothing at all."""
    form = request.query.get("format")
    if form is not None:
        return form == "text"
    accept = request.headers.get("Accept", "")
    return accept != "" and "json" not in accept


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ip_address(host.partition('%')[0]).version == 6 else host}:{port}"
