"""Lines 13 to 16 of the CORS checklist: every response that the sidecar makes by itself is readable from an allowed origin.

The responses of stages, of the listener and of the parser, and those of its last seconds. Line 16 is asked here of the bytes and in
tests/browser of Chromium.
"""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from adapters.soap.adapter import SoapAdapter
from sidecar.app import App
from sidecar.policy.routing import Routes
from sidecar.settings.load import load
from tests.scenarios.reading import problem, readable, state_of, unreadable, varies
from tests.scenarios.theatre import SHOP, STRANGER, Theatre, call, opened, settings
from tests.support.client import Client, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sidecar.plan import Plan


@dataclass(frozen=True, slots=True)
class Case:
    """One request that a stage refuses or that comes to grief behind them, and what its page must read."""

    raw: bytes
    state: str
    status: int


def post(path: str, body: bytes = b"{}", *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: api.example", f"Origin: {SHOP}", *more]
    if not any(line.startswith("Content-Type") for line in more):
        lines.append("Content-Type: application/json")
    if not any(line.startswith(("Content-Length", "Transfer-Encoding")) for line in more):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def plain(line: str, *more: str) -> bytes:
    return "\r\n".join([line, "Host: api.example", f"Origin: {SHOP}", *more, "", ""]).encode("latin-1")


def json_call(path: str, operation: str) -> bytes:
    return call("json", operation).raw(path, headers=[("Origin", SHOP)])


STAGES = {
    "404 path": Case(plain("GET /nowhere HTTP/1.1"), "not_found", 404),
    "404 reserved": Case(plain("GET /.sidecar/nothing HTTP/1.1"), "not_found", 404),
    "403 facade": Case(post("/soap/json/Fine"), "operation_denied", 403),
    "405 backend": Case(plain("PUT /soap HTTP/1.1", "Content-Length: 0"), "method_not_allowed", 405),
    "405 resource": Case(post("/.sidecar/states"), "method_not_allowed", 405),
    "405 tunnel": Case(plain("CONNECT api.example:443 HTTP/1.1"), "method_not_allowed", 405),
    "413 declared": Case(
        post("/soap", b"", "Content-Type: text/xml", "Accept: application/json", "Content-Length: 99999999"),
        "too_large",
        413,
    ),
    "415": Case(post("/soap"), "unsupported_media", 415),
    "415 upgrade": Case(
        plain("GET /soap HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"), "unsupported_media", 415
    ),
    "417": Case(plain("GET /nowhere HTTP/1.1", "Expect: miracles"), "malformed", 417),
    "403 denied": Case(json_call("/soap", "Forbidden"), "operation_denied", 403),
    "408 body": Case(
        post("/soap", b"<", "Content-Type: text/xml", "Accept: application/json", "Content-Length: 9"),
        "body_timeout",
        408,
    ),
    "502 page": Case(json_call("/soap", "Html"), "backend_bad_reply", 502),
    "502 fault": Case(json_call("/soap", "Faulty"), "backend_fault", 502),
    "503 dead": Case(json_call("/deadsoap", "Fine"), "backend_unreachable", 503),
    "504": Case(json_call("/soap", "Freeze"), "outcome_unknown", 504),
    "504 safe": Case(json_call("/soap", "GetFreeze"), "outcome_unknown", 504),
}

# What the parser gives up, Origin before the offence.
PARSER = {
    "bad header": Case(plain("GET / HTTP/1.1", "no colon here"), "malformed", 400),
    "space in name": Case(plain("GET / HTTP/1.1", "X Y: z"), "malformed", 400),
    "obs-fold": Case(plain("GET / HTTP/1.1", "X: y", " z"), "malformed", 400),
    "NUL": Case(plain("GET / HTTP/1.1", "X: a\0b"), "malformed", 400),
    "long header": Case(plain("GET / HTTP/1.1", "X-Big: " + "a" * 40_000), "headers_too_large", 431),
    "many headers": Case(plain("GET / HTTP/1.1", *(f"X-{n}: a" for n in range(200))), "headers_too_large", 431),
    "CL and TE": Case(plain("POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"), "malformed", 400),
    "two CL": Case(plain("POST / HTTP/1.1", "Content-Length: 3", "Content-Length: 4"), "malformed", 400),
    "bad CL": Case(plain("POST / HTTP/1.1", "Content-Length: -3"), "malformed", 400),
    "bad TE": Case(plain("POST / HTTP/1.1", "Transfer-Encoding: gzip"), "malformed", 400),
    "bad chunk": Case(
        call("json", "Fine").raw("/soap", headers=[("Origin", SHOP), ("Transfer-Encoding", "chunked")])[:-9]
        + b"\r\nzz\r\n",
        "malformed",
        400,
    ),
    "HTTP/3.9": Case(plain("GET / HTTP/3.9"), "malformed", 400),
}

# Origin comes only after what broke the parser: the sidecar reads on for it.
LATE = {
    "long address": Case(plain("GET /" + "a" * 40_000 + " HTTP/1.1"), "uri_too_long", 414),
    "very long address": Case(plain("GET /" + "a" * 400_000 + " HTTP/1.1"), "uri_too_long", 414),
    "bad request line": Case(plain("GET  / HTTP/1.1 what"), "malformed", 400),
    "bad method": Case(plain("G@T / HTTP/1.1"), "malformed", 400),
    "bad version": Case(plain("GET / HTTX/1.1"), "malformed", 400),
    "bad absolute URL": Case(plain("GET http://[::bad/ HTTP/1.1"), "malformed", 400),
}

# Nobody can know whose these are: no Origin is in them, so everybody may read, without credentials.
NOBODYS = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "malformed", 400),
    "h2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "malformed", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", "malformed", 400),
    "garbage": (bytes(range(128, 256)) + b"\r\n\r\n", "malformed", 400),
    "slow head": (b"GET /nowh", "body_timeout", 408),
}


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """One sidecar for all: none of these may hurt the next."""
    with opened(tmp_path_factory.mktemp("theatre")) as theatre:
        yield theatre
        assert [line for line in theatre.sidecar.lines if "Traceback" in line] == []


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test starts for itself ends with it."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("name", STAGES)
async def test_13_what_stages_answer_is_readable(theatre: Theatre, name: str) -> None:
    """Status, Sidecar-State and JSON body, the same facts in each, one origin, Vary."""
    case = STAGES[name]
    response = await ask(theatre.url, case.raw)
    readable(response)
    problem(response, case.state, case.status)


@pytest.mark.parametrize("name", STAGES)
async def test_13_what_stages_answer_to_a_stranger_is_not(theatre: Theatre, name: str) -> None:
    """The same without the one header; a write is refused for what it is."""
    case = STAGES[name]
    response = await ask(theatre.url, case.raw.replace(SHOP.encode(), STRANGER.encode()))
    unreadable(response)
    expected = {case.state} if case.raw.startswith((b"GET", b"PUT", b"CONNECT")) else {case.state, "origin_denied"}
    assert state_of(response)[0] in expected


async def test_13_head_and_304_have_the_headers(theatre: Theatre) -> None:
    """Responses without a body carry the state all the same."""
    response = await ask(theatre.url, plain("HEAD /nowhere HTTP/1.1"))
    readable(response)
    assert (response.status, response.body) == (404, b"")
    assert state_of(response)[0] == "not_found"
    tag = (await ask(theatre.url, plain("GET /soap?wsdl HTTP/1.1"))).header("ETag")
    response = await ask(theatre.url, plain("GET /soap?wsdl HTTP/1.1", f"If-None-Match: {tag}"))
    readable(response)
    assert response.status == 304
    assert state_of(response)[0] == "cached"


@pytest.mark.parametrize("path", ["/.sidecar/healthz", "/.sidecar/readyz", "/.sidecar/states"])
async def test_13_the_sidecars_own_resources_are_readable(theatre: Theatre, path: str) -> None:
    """Health included: a status page on another origin may look."""
    response = await ask(theatre.url, plain(f"GET {path} HTTP/1.1"))
    readable(response)
    assert (response.status, state_of(response)[0]) == (200, "ok")


@pytest.mark.parametrize("where", ["route", "decode", "listener"])
async def test_13_a_bug_of_ours_is_readable(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever raises, inside the envelope or outside it, the page reads `internal` and no stack trace."""

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    config = tmp_path / "sidecar.yaml"
    whole = {**settings("http://127.0.0.1:9", "http://127.0.0.1:9"), "listen": {"port": 18080}}
    config.write_text(json.dumps(whole))
    app = App(_on_any_port(load(config)))
    if where == "route":
        monkeypatch.setattr(Routes, "find", _crash_on_nowhere(Routes.find))
    elif where == "decode":
        monkeypatch.setattr(SoapAdapter, "accepts", crash)
    await app.start()
    if where == "listener":
        monkeypatch.setattr("sidecar.caller.cors.dressed", crash)
    try:
        path = {"route": "/boom", "decode": "/soap", "listener": "/nowhere"}[where]
        response = await ask(app.urls[0], plain(f"GET {path} HTTP/1.1"))
    finally:
        await app.stop(at_once=True)
    readable(response)
    assert problem(response, "internal", 500)["executed"] == "no"
    assert b"secret" not in response.raw
    assert b"Traceback" not in response.raw


def _crash_on_nowhere(find: object) -> object:
    def crashing(self: object, path: str) -> object:
        if path == "/boom" and crashing.armed:  # type: ignore[attr-defined]  # a counter in a test
            raise RuntimeError("secret")
        crashing.armed = True  # type: ignore[attr-defined]  # the first look-up finds the dialect, the second the route
        return find(self, path)  # type: ignore[operator]  # the method itself

    crashing.armed = False  # type: ignore[attr-defined]  # as above
    return crashing


def _on_any_port(plan: Plan) -> Plan:
    return replace(plan, listen=replace(plan.listen, port=0))


# --- 14: the parser


@pytest.mark.parametrize("name", [*PARSER, *LATE])
async def test_14_what_the_parser_refuses_is_readable(theatre: Theatre, name: str) -> None:
    """Wherever in the head the Origin stands, before the offence or after it."""
    case = {**PARSER, **LATE}[name]
    response = await ask(theatre.url, case.raw)
    readable(response)
    problem(response, case.state, case.status)


@pytest.mark.parametrize("name", [*PARSER, *LATE])
async def test_14_what_the_parser_refuses_is_unreadable_for_a_stranger(theatre: Theatre, name: str) -> None:
    """The last resort, a star, is for those alone whose Origin cannot be known."""
    case = {**PARSER, **LATE}[name]
    response = await ask(theatre.url, case.raw.replace(SHOP.encode(), STRANGER.encode()))
    assert response.status == case.status
    unreadable(response)


@pytest.mark.parametrize("name", PARSER)
async def test_14_the_origin_may_come_last(theatre: Theatre, name: str) -> None:
    """The same heads with Origin as their last line."""
    case = PARSER[name]
    head, _, body = case.raw.partition(b"\r\n\r\n")
    line = f"\r\nOrigin: {SHOP}".encode()
    assert head.count(line) == 1
    response = await ask(theatre.url, head.replace(line, b"") + line + b"\r\n\r\n" + body)
    readable(response)
    assert response.state == case.state


@pytest.mark.parametrize("name", NOBODYS)
async def test_14_without_any_origin_the_last_resort_is_a_star(theatre: Theatre, name: str) -> None:
    """Without credentials, and with Vary all the same."""
    raw, state, status = NOBODYS[name]
    response = await ask(theatre.url, raw)
    readable(response, "*")
    problem(response, state, status)


async def test_14_with_one_origin_in_the_list_it_can_only_be_that(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An Origin that never came is guessed where there is nothing to guess."""
    cors = {"origins": [SHOP], "credentials": True}
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("one"), cors=cors))
    readable(await ask(theatre.url, NOBODYS["slow head"][0]), credentials=True)


async def test_14_garbage_after_a_good_request_is_answered_after_it(theatre: Theatre) -> None:
    """Pipelined: both answers come, in order, each readable; then the connection ends."""
    async with Client.to(theatre.url) as client:
        await client.send(plain("GET /nowhere HTTP/1.1") + plain("G@T / HTTP/1.1"))
        first, second = await client.responses(2, "GET")
        assert await client.until_end() == "fin"
    readable(first)
    problem(first, "not_found", 404)
    readable(second)
    problem(second, "malformed", 400)


async def test_14_nothing_of_what_was_sent_comes_back(theatre: Theatre) -> None:
    """A refusal is in fixed words: no reflected bytes in header or body."""
    for raw in (plain("GET / HTTP/1.1", "<script>alert(7)</script>"), b"GET /<script>alert(7)</script>\r\n\r\n"):
        assert b"alert(7)" not in (await ask(theatre.url, raw)).raw


# --- 15: never zero bytes


async def test_15_a_slow_head_and_a_slow_body_are_told(theatre: Theatre) -> None:
    """408 with Retry-After, not silence."""
    slow_head = await ask(theatre.url, plain("GET /nowhere HTTP/1.1")[:-2])
    readable(slow_head)
    problem(slow_head, "body_timeout", 408)
    slow_body = await ask(theatre.url, STAGES["408 body"].raw)
    readable(slow_body)
    assert problem(slow_body, "body_timeout", 408)["retry"] == {"how": "wait", "after_s": 1, "same_key": True}


@pytest.mark.parametrize("cut", [1, 20, 60, 200])
async def test_15_half_a_request_and_a_fin_is_told(theatre: Theatre, cut: int) -> None:
    """A peer that half-closes still listens."""
    raw = call("json", "Fine").raw("/soap", headers=[("Origin", SHOP)])
    async with Client.to(theatre.url) as client:
        await client.send(raw[:cut])
        client.half_close()
        response = await client.response()
    problem(response, "malformed", 400)
    varies(response)


async def test_15_an_upload_that_nobody_wants_ends_with_an_answer(theatre: Theatre) -> None:
    """5 MB for a limit of 64 KiB, chunked so that nothing is declared: the 413 arrives though the sender still sends."""
    head = post("/soap", b"", "Content-Type: text/xml", "Accept: application/json", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with Client.to(theatre.url) as client:
        await client.send_pieces([head, *[chunk] * 80, b"0\r\n\r\n"])
        response = await client.response()
    readable(response)
    problem(response, "too_large", 413)


# --- the end


async def test_13_shutdown_tells_everybody_who_is_under_way(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Beyond the drain: what was not sent is `draining`, what was sent is `outcome_unknown`, half a head is `draining`, all readable."""
    theatre = stack.enter_context(
        opened(
            tmp_path_factory.mktemp("shutdown"),
            drain={"delay": "0s", "timeout": "300ms"},
            limits={"header_timeout": "30s", "body_timeout": "30s"},
        )
    )
    requests = {
        "sent": json_call("/narrowsoap", "Freeze"),
        "half a body": json_call("/soap", "Fine")[:-20],
        "half a head": json_call("/soap", "Fine").partition(b"\r\n\r\n")[0] + b"\r\n",
    }
    async with Client.to(theatre.url) as sent, Client.to(theatre.url) as half_body, Client.to(theatre.url) as half_head:
        clients = {"sent": sent, "half a body": half_body, "half a head": half_head}
        for name, client in clients.items():
            await client.send(requests[name])
        await asyncio.to_thread(theatre.backend.call, theatre.backend.journal.arrived(1))
        theatre.sidecar.send_signal(signal.SIGTERM)
        responses = {name: await client.response() for name, client in clients.items()}
    assert problem(responses["sent"], "outcome_unknown", 504)["executed"] == "unknown"
    for name in ("half a body", "half a head"):
        assert problem(responses[name], "draining", 503)["retry"]["after_s"] == 1
    for response in responses.values():
        readable(response)
    assert await asyncio.to_thread(theatre.sidecar.stop) == 0


@pytest.mark.parametrize("dialect", ["soap11", "soap12", "asmx", "xmlrpc"])
@pytest.mark.parametrize(
    ("path", "operation", "state"),
    [
        ("nowhere", "Fine", "not_found"),
        ("", "Forbidden", "operation_denied"),
        ("", "Html", "backend_bad_reply"),
        ("", "Freeze", "outcome_unknown"),
        ("", "Faulty", "backend_fault"),
        ("dead", "Fine", "backend_unreachable"),
        ("", "Fine", "ok"),
    ],
)
async def test_16_other_dialects_from_a_page_carry_the_state_too(
    theatre: Theatre, dialect: str, path: str, operation: str, state: str
) -> None:
    """A page that posts SOAP or XML-RPC itself reads the header, whatever the body is."""
    place = "/nowhere" if path == "nowhere" else f"/{path}{'rpc' if dialect == 'xmlrpc' else 'soap'}"
    response = await ask(theatre.url, call(dialect, operation).raw(place, headers=[("Origin", SHOP)]))
    readable(response)
    assert state_of(response)[0] == state
