"""The fragile box office: one inventory, three faces, one law, and a second address from which it can be watched and hurt.

It stands behind the road, as the backend. It answers what its faces write down; it goes on working after a caller left,
executes at the end of the service time, and loses what is in flight when it falls. It never protects itself.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from sidecar.demo import asmx, soap, wsdl, xmlrpc
from sidecar.demo.ask import Ask, Reply
from sidecar.demo.controls import ControlError, Controls
from sidecar.demo.door import Door, reset
from sidecar.demo.inventory import SEASON, House, Performance, Sorry
from sidecar.demo.law import Admitted, Law, Refused, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sidecar.demo.ask import Step
    from sidecar.demo.operations import Outcome

SERVICE = "/box.asmx"
XML = "text/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"
BODY_MAX = 4 * 2**20  # IIS's own default for a request (maxRequestLength)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Headcount:
    """What happened since the start."""

    calls: int = 0
    orphans: int = 0  # calls whose caller left before they were done
    orphans_now: int = 0
    work: float = 0.0  # executed, in calls of the usual kind: a payment is two, a report twenty
    lost: int = 0  # calls that were in flight when the house fell: never executed
    connections_reset: int = 0
    documents: int = 0  # ?wsdl and the like
    pages: int = 0  # HTML that stood in for a reply
    executed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # business refusals: asked, and nothing changed


class BoxOffice:
    """`async with BoxOffice() as box:` serves at `box.url`; `box.control_url` answers even while the box is dead."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        control_port: int = 0,
        terms: Terms | None = None,
        season: tuple[Performance, ...] = SEASON,
        seed: int | None = None,
        clock: Callable[[], float] = _loop_time,
    ) -> None:
        rng = random.Random(seed)
        self.host, self._port, self._control_port = host, port, control_port
        self.law = Law(rng, clock, terms)
        self.house = House(rng, clock, season)
        self.headcount = Headcount()
        self.controls = Controls()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._works: set[asyncio.Task[Any]] = set()
        self._chores: set[asyncio.Task[Any]] = set()
        self._back_to_normal: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<BoxOffice {self.law!r}, {self.headcount.calls} calls, {self.controls}>"

    async def __aenter__(self) -> Self:
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._control_server = web.Server(self._handle_control, access_log=None)
        self._door = Door(self._server, self.host, self._port)
        self._control_door = Door(self._control_server, self.host, self._control_port)
        await self._door.open()
        await self._control_door.open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._back_to_normal is not None:
            self._back_to_normal.cancel()
        for task in (*self._works, *self._chores):
            task.cancel()
        await asyncio.gather(*self._works, *self._chores, return_exceptions=True)
        self._door.slam()
        for door, server in ((self._door, self._server), (self._control_door, self._control_server)):
            await door.close()
            await server.shutdown(1.0)

    @property
    def url(self) -> str:
        return _url(self.host, self._door.port)

    @property
    def control_url(self) -> str:
        return _url(self.host, self._control_door.port)

    def stats(self) -> dict[str, Any]:
        """Return the counts as `/_stats` gives them."""
        headcount = self.headcount
        return {
            "calls": headcount.calls,
            "in_flight": self.law.in_flight,
            "peak": self.law.peak,
            "knee": self.law.knee,
            "orphans": headcount.orphans,
            "orphans_now": headcount.orphans_now,
            "executed": dict(headcount.executed),
            "work": round(headcount.work, 1),
            "best_work_per_s": round(self.law.best_per_s, 1),
            "refused": dict(headcount.refused),
            "lost": headcount.lost,
            "resets": self.law.era,
            "connections_reset": headcount.connections_reset,
            "down_s": round(self.law.down_s, 3),
            "documents": headcount.documents,
            "pages": headcount.pages,
            "seats_sold": self.house.sold(),
            "orders": len(self.house.orders),
            "controls": self.controls.json(),
        }

    def control(self, wish: Any) -> Controls:
        """Apply a wish such as `{"dead": True, "for_s": 5}`; raises `ControlError` and changes nothing where it does not fit."""
        controls, for_s = self.controls.changed(wish)
        if self._back_to_normal is not None:
            self._back_to_normal.cancel()
            self._back_to_normal = None
        if for_s is not None:
            self._back_to_normal = asyncio.get_running_loop().call_later(for_s, self.control, {"reset": True})
        self.controls = controls
        self.law.enforced = controls.law
        self.law.knee = controls.knee or self.law.terms.knee
        if controls.freeze:
            self._thawed.clear()
        else:
            self._thawed.set()
        if controls.dead:
            self.headcount.connections_reset += self._door.slam()
        else:
            self._keep(self._chores, self._open_again(), "open the door")
        return controls

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await self._handle_control(request)
        if self.controls.html and request.path != "/":
            self.headcount.pages += 1
            return _send(_page(self.controls.html))
        asked = await self._read(request)
        return _send(asked) if isinstance(asked, Reply) else await self._serve(asked, request)

    async def _read(self, request: web.BaseRequest) -> Ask | Reply:
        """Let the face that the path belongs to read the request."""
        body = await request.read() if request.method == "POST" else b""
        if request.path == "/xmlrpc" and request.method == "POST":
            return xmlrpc.read(body)
        service, _, name = request.path.partition(f"{SERVICE}/")
        if not service and name:
            form = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            if request.method == "POST" and not form:
                return asmx.unrecognised(name)
            return asmx.read(
                name, body.decode("utf-8", "replace") if request.method == "POST" else request.rel_url.raw_query_string
            )
        if request.path == SERVICE:
            if request.method == "POST":
                return soap.read(
                    body, request.headers.get("Content-Type", ""), request.headers.getall("SOAPAction", [])
                )
            return self._document(request)
        return _page(404)

    def _document(self, request: web.BaseRequest) -> Reply:
        self.headcount.documents += 1
        address = f"http://{request.headers.get('Host', self.host)}{SERVICE}"
        match request.query_string.lower():
            case "wsdl":
                return Reply(200, XML, wsdl.wsdl(address, single=False))
            case "singlewsdl":
                return Reply(200, XML, wsdl.wsdl(address, single=True))
            case "xsd=1":
                return Reply(200, XML, wsdl.xsd())
            case "disco":
                return Reply(200, XML, wsdl.disco(address))
        return Reply(
            200,
            HTML,
            b"<html><body><h1>BoxOffice</h1><p>See the <a href='?wsdl'>Service Description</a>.</p></body></html>",
        )

    async def _serve(self, ask: Ask, request: web.BaseRequest) -> web.StreamResponse:
        self.headcount.calls += 1
        call = self.law.begin(ask.work)
        if isinstance(call, Refused):
            if call.fell:
                self._fall(call.wait_s)
            if request.transport is not None:
                reset(request.transport)
            return _send(_page(503))  # goes nowhere: the connection is gone
        work = self._keep(self._works, self._work(ask, call), "work")
        try:
            results = await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done() and self.law.holds(call):
                self._orphan(work)
            raise
        if self.controls.hangup and request.transport is not None:
            self.headcount.connections_reset += 1
            reset(request.transport)
        return _send(ask.render(results))

    async def _work(self, ask: Ask, call: Admitted) -> list[Outcome | Sorry]:
        """Take the time that the law fixed, then execute: to the end, whether or not anybody still waits."""
        try:
            await asyncio.sleep(call.service_s + self.controls.latency_s)
            await self._thawed.wait()
            self.headcount.work += ask.work
            return [self._run(step) for step in ask.steps]
        finally:
            self.law.end(call)

    def _run(self, step: Step) -> Outcome | Sorry:
        try:
            outcome = step.operation.run(self.house, step.args)
        except Sorry as sorry:
            self.headcount.refused[step.operation.name] += 1
            return sorry
        self.headcount.executed[step.operation.name] += 1
        return outcome

    def _orphan(self, work: asyncio.Task[Any]) -> None:
        self.headcount.orphans += 1
        self.headcount.orphans_now += 1
        work.add_done_callback(self._orphan_done)

    def _orphan_done(self, _work: asyncio.Task[Any]) -> None:
        self.headcount.orphans_now -= 1

    def _fall(self, down_s: float) -> None:
        """Lose all that is in flight, reset everybody, and refuse until the time is over."""
        self.headcount.lost += len(self._works)
        for work in self._works:
            work.cancel()
        self.headcount.connections_reset += self._door.slam()
        self._keep(self._chores, self._open_after(down_s), "get up again")

    async def _open_after(self, down_s: float) -> None:
        await asyncio.sleep(down_s)
        await self._open_again()

    async def _open_again(self) -> None:
        if not self.controls.dead and self.law.down_s == 0:
            await self._door.open()

    async def _handle_control(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/_stats":
            return _json(200, self.stats())
        if request.path != "/_control":
            return _json(404, {"error": f"{request.path} is not here: GET /_stats, GET or POST /_control"})
        if request.method == "POST":
            try:
                self.control(orjson.loads(await request.read()))
            except (ControlError, orjson.JSONDecodeError) as error:
                return _json(400, {"error": str(error)})
        return _json(200, self.controls.json())

    @staticmethod
    def _keep(tasks: set[asyncio.Task[Any]], coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coro, name=f"box office: {name}")
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _send(reply: Reply) -> web.Response:
    headers = {"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "Content-Type": reply.media, **reply.headers}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _json(status: int, value: Any) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(value), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _page(status: int) -> Reply:
    """Return the page that a web server in trouble sends instead of an answer, sometimes even with status 200."""
    titles = {404: "404 - File or directory not found.", 503: "HTTP Error 503. The service is unavailable."}
    title = titles.get(status, "Runtime Error")
    doctype = "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN'>"
    page = f"{doctype}\r\n<html><head><title>{title}</title></head><body><h2>{title}</h2></body></html>"
    return Reply(status, HTML, page.encode())


async def serve(box: BoxOffice) -> None:
    """Serve until SIGINT or SIGTERM; prints one line of JSON with the addresses when ready."""
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with box:
        sys.stdout.write(
            orjson.dumps({"url": box.url, "control": box.control_url, "wsdl": f"{box.url}{SERVICE}?wsdl"}).decode()
            + "\n"
        )
        sys.stdout.flush()
        await over.wait()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sidecar.demo.box_office", description="A fragile ticketing backend to protect."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument(
        "--control-port", type=int, default=0, help="answers /_stats and /_control even while the box is dead"
    )
    parser.add_argument("--seed", type=int, help="the same service times and session keys every time")
    parser.add_argument("--no-law", action="store_true", help="no service time, no knee, no fall")
    args = parser.parse_args(argv)
    try:
        asyncio.run(_run(args))
    except OSError as error:
        sys.stderr.write(f"box office: {error.strerror}\n")
        return 1
    return 0


async def _run(args: argparse.Namespace) -> None:
    box = BoxOffice(args.host, args.port, control_port=args.control_port, seed=args.seed)
    if args.no_law:
        box.controls = Controls(law=False)
        box.law.enforced = False
    await serve(box)


if __name__ == "__main__":
    sys.exit(main())
