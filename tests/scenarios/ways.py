"""How each state is reached: one way per row of the table, a function of scene, dialect and whether the operation is a safe one.

Stands between the walk over the table and the theatre. It sends requests and hands back what came; what that has to say is the walk's.
"""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.xmlrpc.adapter import XmlRpcAdapter
from sidecar.app import App, SystemClock
from sidecar.model import Notice
from sidecar.policy.pauses import EVERYTHING, Kind, Sign
from sidecar.settings.load import load
from tests.scenarios.theatre import SHOP, STRANGER, Theatre, call, held, opened, settings
from tests.support import envelopes as env
from tests.support.client import Client, Response, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sidecar.plan import Plan
    from tests.support.plays import Gate

CONTENT_TYPES: Final = {
    "json": "text/xml",  # with an Accept that names JSON
    "soap11": "text/xml; charset=utf-8",
    "soap12": "application/soap+xml; charset=utf-8",
    "asmx": "application/x-www-form-urlencoded",
    "xmlrpc": "text/xml",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What ways work with: a standing sidecar, and a folder to start others in."""

    theatre: Theatre
    folder: Path

    async def ask(self, dialect: str, operation: str, house: str = "", *headers: tuple[str, str]) -> Response:
        """Send a proper call."""
        request = call(dialect, operation).raw(place(dialect, house), headers=headers)
        return await ask(self.theatre.url, request)

    async def send(self, raw: bytes) -> Response:
        return await ask(self.theatre.url, raw)


def place(dialect: str, house: str = "") -> str:
    return f"/{house}{'rpc' if dialect == 'xmlrpc' else 'soap'}"


def lines(dialect: str, line: str, *more: str, body: bytes = b"") -> bytes:
    """Return a request of `dialect` by its head lines."""
    head = [line, "Host: api.example", f"Content-Type: {CONTENT_TYPES[dialect]}"]
    head += ["Accept: application/json"] if dialect == "json" else []
    head += more
    if not line.startswith("GET") and not any(each.lower().startswith("content-length") for each in more):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


WSDL: Final = b"GET /soap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n"

WAYS: dict[str, Callable[[Scene, str, bool], Awaitable[Response]]] = {}


def reaches(*keys: str) -> Callable[[Any], Any]:
    """Note a way to a row: a function of scene, dialect and whether the operation is a safe one."""

    def note(way: Any) -> Any:
        WAYS.update(dict.fromkeys(keys, way))
        return way

    return note


def by_operation(**ways: str) -> None:
    """Note ways that are one call of an operation whose name says what the backend does."""
    for name, operation in ways.items():

        async def way(scene: Scene, dialect: str, safe: bool, operation: str = operation) -> Response:
            house = "dead" if operation == "Dead" else ""
            named = "Fine" if operation == "Dead" else operation
            return await scene.ask(dialect, f"Get{named}" if safe else named, house)

        WAYS[name] = way


by_operation(
    partial="ReserveSome",
    backend_fault="Faulty",
    business_no="NotOnSale",
    sold_out="ReserveNone",
    operation_denied="Forbidden",
    backend_unreachable="Dead",
    outcome_unknown="Freeze",
    backend_bad_reply="Html",
)


@reaches("ok")
async def _ok(scene: Scene, dialect: str, safe: bool) -> Response:
    if dialect == "json":
        return await scene.send(lines("json", "GET /.sidecar/healthz HTTP/1.1"))
    return await scene.ask(dialect, "GetFine" if safe else "Fine")


@reaches("backend_fault:client")
async def _blames(scene: Scene, dialect: str, safe: bool) -> Response:
    return await scene.ask(dialect, "GetBlames" if safe else "Blames")


@reaches("cached")
async def _cached(scene: Scene, dialect: str, _safe: bool) -> Response:
    if dialect == "json":
        await scene.send(WSDL)
        return await scene.send(WSDL)
    await scene.ask(dialect, "GetKept")
    return await scene.ask(dialect, "GetKept")


@reaches("stale")
async def _stale(scene: Scene, dialect: str, _safe: bool) -> Response:
    """An answer is old after a millisecond, and given for an hour; a document is fresh for a minute."""
    if dialect != "json":
        await scene.ask(dialect, "GetOld")
        while (response := await scene.ask(dialect, "GetOld")).state == "cached":  # within the millisecond
            pass
        return response
    clock = LateClock()
    async with inside(scene, clock=clock) as url:
        assert (await ask(url, WSDL)).state in ("ok", "cached")
        clock.late_s = 61.0
        scene.theatre.backend.call(scene.theatre.backend.backend.stop())
        try:
            return await ask(url, WSDL)
        finally:
            scene.theatre.backend.call(scene.theatre.backend.backend.start())


@reaches("fallback")
async def _fallback(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "GetStandIn")


@reaches("replayed")
async def _replayed(scene: Scene, dialect: str, _safe: bool) -> Response:
    """The same call again; or, of no dialect, what became of it, asked for by the address that a repetition was told."""
    key = ("Idempotency-Key", f"again-{dialect}")
    if dialect != "json":
        await scene.ask(dialect, "Keyed", "", key)
        return await scene.ask(dialect, "Keyed", "", key)
    async with running(scene, dialect, key) as (first, gate):
        told = await scene.ask(dialect, "Keyed", "calm", key)
        gate.open()
        assert (await first.response()).state == "ok"
    address = told.json()["links"]["poll"]
    return await scene.send(lines("json", f"GET {address} HTTP/1.1", ": ".join(key)))


@reaches("in_progress")
async def _in_progress(scene: Scene, dialect: str, _safe: bool) -> Response:
    key = ("Idempotency-Key", f"running-{dialect}")
    async with running(scene, dialect, key):
        return await scene.ask(dialect, "Keyed", "calm", key)


@asynccontextmanager
async def running(scene: Scene, dialect: str, key: tuple[str, str]) -> AsyncIterator[tuple[Client, Gate]]:
    """Have a keyed call at the backend, which answers it when the gate is opened."""
    house = scene.theatre
    with held(house, "Keyed") as gate:
        async with Client.to(house.url) as first:
            seen = sum(entry.body_whole for entry in house.backend.journal)
            await first.send(call(dialect, "Keyed").raw(place(dialect, "calm"), headers=(key,)))
            await asyncio.to_thread(house.backend.call, house.backend.journal.arrived(seen + 1))
            yield first, gate


@reaches("key_reused")
async def _reused(scene: Scene, dialect: str, _safe: bool) -> Response:
    key = ("Idempotency-Key", f"reused-{dialect}")
    assert (await scene.ask(dialect, "Keyed", "", key)).state == "ok"
    other = call(dialect, "Keyed", params={"iNumberOfSeats": 4})
    return await scene.send(other.raw(place(dialect), headers=(key,)))


@reaches("key_missing")
async def _keyless(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "KeyedMust")


@reaches("key_unsupported")
async def _no_key(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "Fine", "", ("Idempotency-Key", "a1"))


@reaches("origin_denied")
async def _origin_denied(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "Fine", "", ("Origin", STRANGER))


@reaches("rate_limited")
async def _rated(scene: Scene, dialect: str, safe: bool) -> Response:
    """One in an hour is allowed: the second is too much, and so is the first where another dialect has asked before."""
    operation = "GetRated" if safe else "Rated"
    await scene.ask(dialect, operation)
    return await scene.ask(dialect, operation)


@reaches("overloaded")
async def _overloaded(scene: Scene, dialect: str, safe: bool) -> Response:
    """The one slot is held by a call that hangs; nobody waits in line for longer than 100 ms."""
    house = scene.theatre
    free = house.backend.journal.until(
        lambda journal: not journal.running
    )  # of the dialect before: a ghost keeps its slot
    await asyncio.to_thread(house.backend.call, free)
    async with Client.to(house.url) as holder:
        seen = len(house.backend.journal)
        await holder.send(call(dialect, "GetFreeze").raw(place(dialect, "narrow")))
        await asyncio.to_thread(house.backend.call, house.backend.journal.arrived(seen + 1))
        return await scene.ask(dialect, "GetFine" if safe else "Fine", "narrow")


@reaches("paused")
async def _paused(scene: Scene, dialect: str, safe: bool) -> Response:
    """Somebody has paused it all, and given no words: the state says it."""
    sign = Sign("p1", Kind.PAUSE, EVERYTHING, Notice("p1", "warning", ()), 0.0, remind_s=900.0)
    async with inside(scene, lambda app: app.pauses.put(sign)) as url:
        return await ask(url, call(dialect, "GetFine" if safe else "Fine").raw(place(dialect)))


@reaches("waiting")
async def _waiting(scene: Scene, dialect: str, _safe: bool) -> Response:
    """A call without a pass, before which a room stands that is open."""
    async with inside(scene, more=rooms()) as url:
        return await ask(url, call(dialect, "Fine").raw(place(dialect)))


@reaches("pass_expired")
async def _pass(scene: Scene, dialect: str, _safe: bool) -> Response:
    """A pass that its holder has given back."""
    async with inside(scene, more=rooms()) as url:
        held = ("Sidecar-Place", (await ask(url, of_room("join"))).json()["queue"]["place"])
        await ask(url, of_room("place", held, method="GET"))  # who has heard nothing yet is not held
        called = await ask(url, of_room("place?wait=20", held, method="GET"))
        assert called.json()["queue"]["visitor"] == "called", called.text
        claimed = await ask(url, of_room("claim", held))
        shown = ("Sidecar-Pass", claimed.header("Sidecar-Pass") or "")
        assert (await ask(url, of_room("release", shown))).json()["queue"]["visitor"] == "released"
        return await ask(url, call(dialect, "Fine").raw(place(dialect), headers=(shown,)))


@reaches("sale_closed")
async def _closed(scene: Scene, dialect: str, _safe: bool) -> Response:
    async with inside(scene, more=rooms(closes="2026-01-02 09:00Z")) as url:
        return await ask(url, call(dialect, "Fine").raw(place(dialect)))


@reaches("account_limit")
async def _account(scene: Scene, _dialect: str, _safe: bool) -> Response:
    """An account that anybody may name proves nothing: the second who names it has no place."""
    account = {"from": "parameter", "parameter": "account"}
    async with inside(scene, more=rooms(account=account)) as url:
        assert (await ask(url, of_room("join", body=b'{"account": "ann"}'))).state == "ok"
        return await ask(url, of_room("join", body=b'{"account": "ann"}'))


@reaches("verify_required")
async def _verify(scene: Scene, _dialect: str, _safe: bool) -> Response:
    async with inside(scene, more=rooms(invites={"secret": "s" * 32})) as url:
        return await ask(url, of_room("join", body=b'{"invite": "forged"}'))


@reaches("poll_too_soon")
async def _too_soon(scene: Scene, _dialect: str, _safe: bool) -> Response:
    async with inside(scene, more=rooms()) as url:
        held = ("Sidecar-Place", (await ask(url, of_room("join"))).json()["queue"]["place"])
        while (polled := await ask(url, of_room("place", held, method="GET"))).state == "ok":
            pass  # twenty at once are answered
        return polled


def rooms(**more: object) -> dict[str, object]:
    """Return the settings of a room before everything at soap and rpc that has long been open; `more` is the room's own."""
    covers = [{"backend": "soap"}, {"backend": "rpc"}]
    room = {"covers": covers, "opens": "2026-01-01 09:00Z", "remedy": f"{SHOP}/signin", **more}
    return {"rooms": {"hamlet": room}, "keys": {"file": "keys"}, "store": "sqlite:state.db"}


def of_room(verb: str, *headers: tuple[str, str], method: str = "POST", body: bytes = b"") -> bytes:
    """Return a request of a room's own resources."""
    more = [": ".join(each) for each in headers]
    raw = lines("json", f"{method} /.sidecar/rooms/hamlet/{verb} HTTP/1.1", *more, body=body)
    return raw.replace(b"text/xml", b"application/json", 1)


@reaches("draining")
async def _draining(scene: Scene, dialect: str, _safe: bool) -> Response:
    """Half a body has come when the time to go is over."""
    limits = {"header_timeout": "30s", "body_timeout": "30s"}
    folder = scene.folder / f"draining {dialect}"
    folder.mkdir()
    with opened(folder, limits=limits, drain={"delay": "0s", "timeout": "100ms"}) as theatre:
        async with Client.to(theatre.url) as client:
            await client.send(call(dialect, "Fine").raw(place(dialect))[:-5])
            await ask(theatre.url, lines("json", "GET /.sidecar/healthz HTTP/1.1"))
            theatre.sidecar.send_signal(signal.SIGTERM)
            return await client.response()


@reaches("not_found")
async def _not_found(scene: Scene, dialect: str, _safe: bool) -> Response:
    path = "/rpc/below" if dialect == "xmlrpc" else "/nowhere"
    return await scene.send(lines(dialect, f"POST {path} HTTP/1.1"))


@reaches("method_not_allowed")
async def _method(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.send(lines(dialect, f"PUT {place(dialect)} HTTP/1.1"))


@reaches("unsupported_media")
async def _media(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "Fine", "", ("Content-Encoding", "brotli-of-tomorrow"))


@reaches("malformed")
async def _malformed(scene: Scene, dialect: str, _safe: bool) -> Response:
    if dialect == "asmx":
        return await scene.send(lines(dialect, f"POST {place(dialect)}/Fine HTTP/1.1", "what is this"))
    return await scene.send(lines(dialect, f"POST {place(dialect)} HTTP/1.1", body=b"<a"))


@reaches("action_mismatch")
async def _action(scene: Scene, dialect: str, _safe: bool) -> Response:
    make = env.soap12 if dialect == "soap12" else env.soap11
    accept = [("Accept", "application/json")] if dialect == "json" else []
    return await scene.send(make("Fine", action=env.NS + "Freeze").raw("/soap", headers=accept))


@reaches("doctype_refused")
async def _doctype(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.send(lines(dialect, f"POST {place(dialect)} HTTP/1.1", body=b"<!DOCTYPE a><a/>"))


@reaches("invalid_params")
async def _twice(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.send(
        lines(dialect, "POST /soap/Fine HTTP/1.1", body=b"a=1&a=2").replace(b"text/xml", CONTENT_TYPES["asmx"].encode())
    )


@reaches("too_large")
async def _large(scene: Scene, dialect: str, _safe: bool) -> Response:
    path = place(dialect) + ("/Fine" if dialect == "asmx" else "")
    return await scene.send(lines(dialect, f"POST {path} HTTP/1.1", body=b"a" * 70_000))


@reaches("uri_too_long")
async def _long(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.send(lines(dialect, f"POST {place(dialect)}?{'a' * 40_000} HTTP/1.1"))


@reaches("headers_too_large")
async def _headers(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.send(lines(dialect, f"POST {place(dialect)} HTTP/1.1", "X-Big: " + "a" * 40_000))


@reaches("body_timeout")
async def _slow(scene: Scene, dialect: str, _safe: bool) -> Response:
    path = place(dialect) + ("/Fine" if dialect == "asmx" else "")
    return await scene.send(lines(dialect, f"POST {path} HTTP/1.1", "Content-Length: 10", body=b"<"))


@reaches("internal")
async def _bug(scene: Scene, dialect: str, safe: bool) -> Response:
    """A stage of ours raises: before the backend is asked where `safe`, after it has answered where not."""
    with pytest.MonkeyPatch.context() as patch:
        for adapter in (SoapAdapter, XmlRpcAdapter):
            patch.setattr(adapter, "classify" if safe else "grade", _crash)
        async with inside(scene) as url:
            return await ask(url, call(dialect, "Fine").raw(place(dialect)))


def _crash(*_: object, **__: object) -> None:
    raise RuntimeError("a bug in a test")


class LateClock(SystemClock):
    """The machine's clock, `late_s` ahead."""

    late_s = 0.0

    def now(self) -> float:
        return super().now() + self.late_s


@asynccontextmanager
async def inside(
    scene: Scene,
    then: Callable[[App], Awaitable[object]] | None = None,
    more: Mapping[str, object] | None = None,
    **options: Any,
) -> AsyncIterator[str]:
    """Run a sidecar on this very loop, where a test can reach into it; the sockets are real. `then` is done once it runs, `more` are
    further settings, what they keep is in a folder of its own.
    """
    config = Path(mkdtemp(dir=scene.folder)) / "inside.yaml"
    wanted = settings(scene.theatre.backend.url, "http://127.0.0.1:9", version=1, **(more or {}))
    config.write_text(json.dumps(wanted).replace("sqlite:", f"sqlite:{config.parent}/"))
    app = App(_on_any_port(load(config)), **options)
    await app.start()
    try:
        if then is not None:
            await then(app)
        yield app.urls[0]
    finally:
        await app.stop(at_once=True)


def _on_any_port(plan: Plan) -> Plan:
    return replace(plan, listen=replace(plan.listen, port=0))
