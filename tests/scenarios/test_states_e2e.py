"""The table of states, walked: each state that can exist is reached by a real request in every dialect that it exists in.

A row without a way, or a dialect without one that `IMPOSSIBLE` does not explain, fails. What is read back is compared with the contract
(docs/states.md) in this file's own words: header, status, executed, Retry-After, and the body in the dialect's own form.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import xml.etree.ElementTree as ET
import xmlrpc.client
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.xmlrpc.adapter import XmlRpcAdapter
from sidecar.app import App, SystemClock
from sidecar.contract import json_schema
from sidecar.settings.load import load
from sidecar.states import ROWS, Blame, Effect, State
from tests.scenarios.envelope_schema import complaints
from tests.scenarios.reading import state_of
from tests.scenarios.theatre import STRANGER, Theatre, call, opened, settings
from tests.support import envelopes as env
from tests.support.client import Client, Response, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from sidecar.plan import Plan

DIALECTS: Final = ("json", "soap11", "soap12", "asmx", "xmlrpc")
CONTENT_TYPES: Final = {
    "json": "text/xml",  # with an Accept that names JSON
    "soap11": "text/xml; charset=utf-8",
    "soap12": "application/soap+xml; charset=utf-8",
    "asmx": "application/x-www-form-urlencoded",
    "xmlrpc": "text/xml",
}
_RELAYED: Final = "an answer is the backend's own, and no backend here speaks JSON: the facade is not built"
_DOCUMENT: Final = (
    "what is kept so far are documents, which are fetched with GET and belong to no dialect; kept answers are not built"
)
_NO_XML: Final = "a form has no document type"
_NO_ACTION: Final = "has no SOAPAction that could disagree"
_OPAQUE: Final = "parameters of XML bodies pass through unread; only those of an address can stand twice"

# (row, dialect): why no request can get there. "" as a dialect stands for a request of none: a document, a resource.
IMPOSSIBLE: Final[dict[tuple[str, str], str]] = {
    ("partial", "json"): _RELAYED,
    **{("cached", dialect): _DOCUMENT for dialect in DIALECTS if dialect != "json"},
    **{("stale", dialect): _DOCUMENT for dialect in DIALECTS if dialect != "json"},
    ("backend_fault:client", "asmx"): "an ASMX error is an HTTP error with text: it does not say whose fault it was",
    (
        "backend_fault:client",
        "xmlrpc",
    ): "an XML-RPC fault is a number of the backend's own: it does not say whose fault it was",
    ("doctype_refused", "asmx"): _NO_XML,
    ("action_mismatch", "asmx"): _NO_ACTION,
    ("action_mismatch", "xmlrpc"): _NO_ACTION,
    **{("invalid_params", dialect): _OPAQUE for dialect in ("soap11", "soap12", "xmlrpc")},
}

# Rows whose body is the backend's own, in the dialects that it speaks.
RELAYED_STATUS: Final = {"soap11": 500, "soap12": 500, "asmx": 500, "xmlrpc": 200}


def key_of(row: State) -> str:
    """Name a row; the second of a state's two rows by its reason."""
    first = next(each for each in ROWS if each.name == row.name)
    return row.name if row is first else f"{row.name}:{row.reasons[0]}"


BUILT: Final = {key_of(row): row for row in ROWS if row.built}


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
async def _cached(scene: Scene, _dialect: str, _safe: bool) -> Response:
    await scene.send(b"GET /soap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n")
    return await scene.send(b"GET /soap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n")


@reaches("stale")
async def _stale(scene: Scene, _dialect: str, _safe: bool) -> Response:
    clock = LateClock()
    async with inside(scene, clock=clock) as url:
        asked = b"GET /deadsoap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n"
        assert (await ask(url, asked.replace(b"dead", b""))).state in ("ok", "cached")
        clock.late_s = 61.0  # a document is fresh for a minute
        scene.theatre.backend.call(scene.theatre.backend.backend.stop())
        try:
            return await ask(url, asked.replace(b"dead", b""))
        finally:
            scene.theatre.backend.call(scene.theatre.backend.backend.start())


@reaches("origin_denied")
async def _origin_denied(scene: Scene, dialect: str, _safe: bool) -> Response:
    return await scene.ask(dialect, "Fine", "", ("Origin", STRANGER))


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
    scene.theatre.sidecar.wait_line('"indexed","backend":"soap"')
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
async def inside(scene: Scene, **options: Any) -> AsyncIterator[str]:
    """Run a sidecar on this very loop, where a test can reach into it; the sockets are real."""
    config = scene.folder / "inside.yaml"
    config.write_text(json.dumps(settings(scene.theatre.backend.url, "http://127.0.0.1:9", version=1)))
    app = App(_on_any_port(load(config)), **options)
    await app.start()
    try:
        yield app.urls[0]
    finally:
        await app.stop(at_once=True)


def _on_any_port(plan: Plan) -> Plan:
    return replace(plan, listen=replace(plan.listen, port=0))


# --- the walk


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One sidecar for all ways that do not end it."""
    folder = tmp_path_factory.mktemp("theatre")
    with opened(folder) as theatre:
        yield Scene(theatre, folder)


def _walk() -> list[tuple[str, str, bool]]:
    """Return (row, dialect, safe); both kinds of operation where `executed` depends on it."""
    steps = []
    for key, row in BUILT.items():
        kinds = (True, False) if row.effect in (Effect.UNSAFE_UNKNOWN, Effect.AFTER_SEND_UNKNOWN) else (False,)
        steps += [(key, dialect, safe) for dialect in DIALECTS if (key, dialect) not in IMPOSSIBLE for safe in kinds]
    return steps


def test_every_built_state_has_a_way() -> None:
    """Whoever adds a state says here how it is reached, and a reason that explains nothing is none."""
    assert set(BUILT) == set(WAYS)
    assert {key for key, _ in IMPOSSIBLE} <= set(BUILT)
    assert all(len(reason) > 15 for reason in IMPOSSIBLE.values())
    for key in BUILT:
        assert any((key, dialect) not in IMPOSSIBLE for dialect in DIALECTS), f"{key} is reached in no dialect"


@pytest.mark.parametrize(("key", "dialect", "safe"), _walk())
async def test_a_state_is_reached_and_says_what_the_table_says(
    scene: Scene, key: str, dialect: str, safe: bool
) -> None:
    """Header, status, executed, retry and body agree with the row and with each other."""
    row = BUILT[key]
    response = await WAYS[key](scene, dialect, safe)
    state, parameters = state_of(response)
    assert state == row.name, response.raw[:800]
    assert parameters.get("reason") in (None, *row.reasons)
    assert parameters["executed"] == expected_effect(row, key, dialect, safe)
    assert response.header("X-Request-Id")
    if row.effect is not Effect.YES and row.category != "ok":
        check_retry(row, response, parameters["executed"], safe)
    if row.category == "ok":
        assert response.status == 200
        return
    if row.blame is Blame.RELAYED and dialect != "json":
        assert response.status == (200 if "result" in parameters["reason"] else RELAYED_STATUS[dialect])
        return
    FORMS[dialect](row, response, parameters)


def expected_effect(row: State, key: str, dialect: str, safe: bool) -> str:
    """Say what docs/states.md says of `executed`."""
    if key == "ok" and dialect == "json":
        return "no"  # a resource of our own: no backend was asked
    if row.effect is Effect.AFTER_SEND_UNKNOWN:
        return "no" if safe else "unknown"  # this file's way: before the call was sent, and after
    return {Effect.NO: "no", Effect.YES: "yes", Effect.UNSAFE_UNKNOWN: "no" if safe else "unknown"}[row.effect]


def check_retry(row: State, response: Response, effect: str, safe: bool) -> None:
    """Retry-After stands wherever coming back makes sense, and nowhere else: never where the effect must be confirmed first."""
    how = row.how
    if effect == "unknown":
        how = "confirm"
    elif how == "confirm":
        how = "wait"
    after = response.header("Retry-After")
    if how in ("wait", "poll", "join"):
        assert after is not None, f"{row.name} safe={safe}"
        assert int(after) >= 1
    else:
        assert after is None


def check_json(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == row.status
    assert response.header("Content-Type") == "application/problem+json"
    body = response.json()
    assert complaints(body, json.loads(json_schema())) == []
    check_members(row, response, parameters, body)
    assert body["status"] == response.status
    assert body["type"].endswith(f"/states#{row.name}")


def check_members(row: State, response: Response, parameters: dict[str, str], body: dict[str, Any]) -> None:
    """The members of a failure, however they are written."""
    assert (body["state"], body["category"], body["executed"]) == (row.name, row.category, parameters["executed"])
    assert body["title"] == row.title
    assert body["detail"]
    assert body["instance"] == response.header("X-Request-Id")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["server_time"])
    after = body["retry"].get("after_s")
    assert (None if after in (None, "") else str(after)) == response.header("Retry-After")


_STATE_NS: Final = "{urn:sidecar:state:1}"


def _members(detail: ET.Element | None) -> dict[str, Any]:
    assert detail is not None
    failure = detail.find(f"{_STATE_NS}failure")
    assert failure is not None
    found: dict[str, Any] = {each.tag.removeprefix(_STATE_NS): each.text or "" for each in failure}
    retry = failure.find(f"{_STATE_NS}retry")
    found["retry"] = {} if retry is None else {each.tag.removeprefix(_STATE_NS): each.text for each in retry}
    return found


def check_soap11(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == 500
    assert (response.header("Content-Type") or "").startswith("text/xml")
    fault = ET.fromstring(response.text).find(f"{{{env.SOAP11_NS}}}Body/{{{env.SOAP11_NS}}}Fault")
    assert fault is not None
    assert fault.findtext("faultcode") == f"soap:{row.blame}"
    assert row.title in (fault.findtext("faultstring") or "")
    check_members(row, response, parameters, _members(fault.find("detail")))


def check_soap12(row: State, response: Response, parameters: dict[str, str]) -> None:
    client = row.blame is Blame.CLIENT
    assert response.status == (400 if client else 500)
    assert (response.header("Content-Type") or "").startswith("application/soap+xml")
    ns = f"{{{env.SOAP12_NS}}}"
    fault = ET.fromstring(response.text).find(f"{ns}Body/{ns}Fault")
    assert fault is not None
    assert fault.findtext(f"{ns}Code/{ns}Value") == ("soap:Sender" if client else "soap:Receiver")
    assert fault.findtext(f"{ns}Code/{ns}Subcode/{ns}Value") == f"state:{row.name}"
    assert b'xmlns:state="urn:sidecar:state:1">state:' in response.body  # the prefix of a QName in text is bound
    assert row.title in (fault.findtext(f"{ns}Reason/{ns}Text") or "")
    check_members(row, response, parameters, _members(fault.find(f"{ns}Detail")))


def check_asmx(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == row.status
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    line = response.text
    assert line.endswith("\r\n")
    assert len(line.splitlines()) == 1
    assert line.startswith(row.title)
    check_suffix(row, response, parameters, line.rstrip())


def check_xmlrpc(row: State, response: Response, parameters: dict[str, str]) -> None:
    assert response.status == 200
    assert (response.header("Content-Type") or "").startswith("text/xml")
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(response.text)
    # A call that could be read and is none is "not conforming", whatever makes it so (Libby's codes).
    conforming = row.name != "malformed" or parameters.get("reason") in ("http", "xml", "charset", "incomplete")
    assert caught.value.faultCode == (row.xmlrpc if conforming else -32600)
    check_suffix(row, response, parameters, caught.value.faultString)


def check_suffix(row: State, response: Response, parameters: dict[str, str], text: str) -> None:
    after = response.header("Retry-After")
    told = "" if after is None else f" retry_after={after}"
    suffix = f"[state={row.name}{told} executed={parameters['executed']} ref={response.header('X-Request-Id')}]"
    assert text.endswith(suffix)


FORMS: Final = {
    "json": check_json,
    "soap11": check_soap11,
    "soap12": check_soap12,
    "asmx": check_asmx,
    "xmlrpc": check_xmlrpc,
}
