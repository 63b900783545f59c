"""Lines 1 to 12 of the CORS checklist against a running sidecar, each test named by its line: who may read, and preflights.

The bytes are written and read raw: what a browser makes of them stands in tests/browser.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.reading import EXPOSED, names, problem, readable, state_of, unreadable, varies
from tests.scenarios.theatre import SHOP, STRANGER, Theatre, call, opened, scripted
from tests.support import envelopes as env
from tests.support.client import Client, ask
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.client import Response

PREFLIGHT_VARY = {"origin", "access-control-request-method", "access-control-request-headers"}
ALLOWED_HEADERS = {
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "prefer",
    "sidecar-pass",
    "sidecar-place",
    "sidecar-timeout",
    "soapaction",
    "traceparent",
    "tracestate",
    "x-request-id",
}


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """One sidecar for the tests that only ask."""
    with opened(tmp_path_factory.mktemp("theatre"), public_url="https://API.theatre.example:443/base") as theatre:
        theatre.sidecar.wait_line('"indexed","backend":"soap"')
        yield theatre


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test starts for itself ends with it."""
    with ExitStack() as stack:
        yield stack


def preflight(
    path: str = "/soap",
    origin: str = SHOP,
    wants: str = "content-type,soapaction",
    more: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Return what Chromium sends before a POST with a SOAPAction."""
    lines = [
        f"OPTIONS {path} HTTP/1.1",
        "Host: api.example",
        "Accept: */*",
        "Access-Control-Request-Method: POST",
        f"Access-Control-Request-Headers: {wants}",
        f"Origin: {origin}",
        "Sec-Fetch-Mode: cors",
        *(f"{name}: {value}" for name, value in more),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def get(path: str = "/.sidecar/states", *origins: str) -> bytes:
    """Return a GET with these Origin lines."""
    lines = [f"GET {path} HTTP/1.1", "Host: api.example", *(f"Origin: {origin}" for origin in origins)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def approved(response: Response, origin: str = SHOP) -> None:
    """Assert that a browser goes on after this preflight, whatever it was for."""
    assert (response.status, response.body) == (204, b"")
    assert response.header("Access-Control-Allow-Origin") == origin
    assert "POST" in (response.header("Access-Control-Allow-Methods") or "")
    assert names(response.header("Access-Control-Allow-Headers")) == ALLOWED_HEADERS
    assert int(response.header("Access-Control-Max-Age") or 0) == 7200
    assert names(response.header("Vary")) == PREFLIGHT_VARY


# --- 1: the list


@pytest.mark.parametrize("origin", [SHOP, "https://other.example", "https://api.theatre.example"])
async def test_1_a_listed_origin_and_that_of_public_url_may_read(theatre: Theatre, origin: str) -> None:
    """public_url is written with capitals, port and path; browsers write its origin without."""
    readable(await ask(theatre.url, get("/.sidecar/states", origin)), origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example.evil.example",
        "https://evil.example/https://shop.example",
        "https://xshop.example",
        "https://sub.shop.example",
        "http://shop.example",
        "HTTPS://SHOP.EXAMPLE",
        "https://shop.example:443",
        "https://shop.example/",
        "https://shop.example https://shop.example",
        "*",
        "null",
        "Null",
        "https://sh\xf6p.example",
    ],
)
async def test_1_the_match_is_exact(theatre: Theatre, origin: str) -> None:
    """No substring, no pattern, no other case, no `null` that is not listed."""
    response = await ask(theatre.url, get("/.sidecar/states", origin))
    assert response.status == 200
    unreadable(response)


async def test_1_two_origin_lines_are_nobodys(theatre: Theatre) -> None:
    """Also where both are allowed: no browser sends two, and a proxy that joins them would read another one than we."""
    unreadable(await ask(theatre.url, get("/.sidecar/states", SHOP, "https://other.example")))
    response = await ask(theatre.url, call("soap11", "Fine").raw("/soap", headers=[("Origin", SHOP), ("Origin", SHOP)]))
    assert response.state == "origin_denied"


async def test_1_null_may_read_where_it_is_listed(stack: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A sandboxed frame or a file is an origin like any other, once an operator has said so."""
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("null"), cors={"origins": ["null"]}))
    readable(await ask(theatre.url, get("/nowhere", "null")), "null")
    approved(await ask(theatre.url, preflight(origin="null")), "null")


# --- 2: the echo


async def test_2_the_origin_is_echoed_once_whatever_the_backend_says(theatre: Theatre) -> None:
    """A backend with CORS of its own would make two lines of one, and browsers refuse two."""
    loud = http(
        env.soap11_reply("Fine"),
        headers=[
            ("Access-Control-Allow-Origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("ACCESS-CONTROL-EXPOSE-HEADERS", "X-Internal"),
            ("Access-Control-Max-Age", "86400"),
            ("Timing-Allow-Origin", "*"),
            ("Sidecar-State", "sold_out"),
        ],
    )
    with scripted(theatre, "Fine", loud):
        response = await ask(theatre.url, call("soap11", "Fine").raw("/soap", headers=[("Origin", SHOP)]))
        stranger = await ask(theatre.url, call("soap11", "GetFine").raw("/soap", headers=[("Origin", STRANGER)]))
    readable(response)
    assert response.header("Access-Control-Max-Age") is None
    assert state_of(response)[0] == "ok"
    unreadable(stranger)


async def test_2_credentials_are_said_only_where_enabled_and_never_with_a_star(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With credentials, `*` is no wildcard in any of these headers, so each list is spelt out."""
    cors = {"origins": [SHOP], "credentials": True}
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("credentials"), cors=cors))
    readable(await ask(theatre.url, get("/nowhere", SHOP)), credentials=True)
    response = await ask(theatre.url, preflight())
    approved(response)
    assert response.header("Access-Control-Allow-Credentials") == "true"
    assert b"*" not in response.raw


# --- 3: Vary


@pytest.mark.parametrize("origins", [(), (SHOP,), (STRANGER,), ("null",), (SHOP, SHOP)], ids=str)
@pytest.mark.parametrize("path", ["/.sidecar/states", "/nowhere", "/soap?wsdl", "/soap"])
async def test_3_vary_stands_on_every_response(theatre: Theatre, path: str, origins: tuple[str, ...]) -> None:
    """With or without Origin, allowed or not, on successes, documents and errors: a shared cache keeps them apart."""
    varies(await ask(theatre.url, get(path, *origins)))


async def test_3_vary_stands_on_304_and_204(theatre: Theatre) -> None:
    """Responses without a body are cached, too."""
    tag = (await ask(theatre.url, get("/soap?wsdl", SHOP))).header("ETag") or ""
    for origins in ([], [("Origin", SHOP)], [("Origin", STRANGER)]):
        request = env.Request("GET", b"", (), "?wsdl").raw("/soap", headers=[("If-None-Match", tag), *origins])
        response = await ask(theatre.url, request)
        assert response.status == 304
        varies(response)
    for origin in (SHOP, STRANGER):
        assert names((await ask(theatre.url, preflight(origin=origin))).header("Vary")) == PREFLIGHT_VARY


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (["Accept-Encoding"], {"accept-encoding", "origin"}),
        (["Accept-Encoding, Cookie", "SOAPAction"], {"accept-encoding", "cookie", "soapaction", "origin"}),
        (["origin"], {"origin"}),
    ],
)
async def test_3_vary_is_merged_with_the_backends_never_overwritten(
    theatre: Theatre, theirs: list[str], expected: set[str]
) -> None:
    """What the backend's answer depends on, it still depends on."""
    with scripted(theatre, "Fine", http(env.soap11_reply("Fine"), headers=[("Vary", value) for value in theirs])):
        for origins in ([], [("Origin", SHOP)]):
            response = await ask(theatre.url, call("soap11", "Fine").raw("/soap", headers=origins))
            assert names(response.header("Vary")) == expected


# --- 4: disallowed origins


@pytest.mark.parametrize(
    ("request_line", "status"), [("/.sidecar/states", 200), ("/nowhere", 404), ("/soap?wsdl", 200), ("/soap", 405)]
)
async def test_4_a_stranger_gets_the_normal_status_and_may_not_read(
    theatre: Theatre, request_line: str, status: int
) -> None:
    """Nothing about the answer tells a stranger that it was he who was refused, but the missing header."""
    native = await ask(theatre.url, get(request_line))
    foreign = await ask(theatre.url, get(request_line, STRANGER))
    assert native.status == foreign.status == status
    assert state_of(native) == state_of(foreign) or native.header("Age") is not None
    unreadable(foreign)


async def test_4_a_safe_call_of_a_stranger_passes_and_is_unreadable(theatre: Theatre) -> None:
    """CORS is about reading: what a stranger's page could ask anyway is answered, and stays unread."""
    request = call("soap11", "GetFine").raw("/soap", headers=[("Origin", STRANGER)])
    response = await ask(theatre.url, request)
    assert (response.status, response.state) == (200, "ok")
    unreadable(response)


@pytest.mark.parametrize("dialect", env.DIALECTS)
async def test_4_a_write_of_a_stranger_is_refused_and_never_reaches_the_backend(theatre: Theatre, dialect: str) -> None:
    """CORS hides the answer, not the deed: the journal is the witness that nothing was executed."""
    seen = len(theatre.backend.journal)
    path = "/rpc" if dialect == "xmlrpc" else "/soap"
    response = await ask(theatre.url, call(dialect, "Fine").raw(path, headers=[("Origin", STRANGER)]))
    assert state_of(response) == ("origin_denied", {"executed": "no"})
    unreadable(response)
    assert len(theatre.backend.journal) == seen


async def test_4_a_form_that_needs_no_preflight_is_refused_as_well(theatre: Theatre) -> None:
    """A plain HTML form of a stranger's page posts without asking; browsers send its Origin all the same."""
    seen = len(theatre.backend.journal)
    request = env.asmx_post("Fine", {"iNumberOfSeats": 2}).raw("/soap", headers=[("Origin", "null")])
    assert (await ask(theatre.url, request)).state == "origin_denied"
    assert len(theatre.backend.journal) == seen


@pytest.mark.parametrize(("site", "executed"), [("cross-site", False), ("same-site", False), ("none", True)])
async def test_4_an_image_of_a_stranger_writes_nothing(theatre: Theatre, site: str, executed: bool) -> None:
    """Where ASMX takes GET for writes, a page could write with the address of an image: such a GET has no Origin line."""
    seen = len(theatre.backend.journal.executed)
    request = env.asmx_get("Fine", {"iNumberOfSeats": 2}).raw("/soap", headers=[("Sec-Fetch-Site", site)])
    response = await ask(theatre.url, request)
    assert state_of(response)[0] == ("ok" if executed else "origin_denied")
    assert len(theatre.backend.journal.executed) - seen == executed


async def test_4_operators_see_the_origin_in_the_log(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The page's console is far away: the log names the origin at once, with the remedy, for requests and preflights."""
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("log")))
    await ask(theatre.url, preflight(origin=STRANGER))
    told = json.loads(theatre.sidecar.wait_line('"origin_disallowed"').string)
    assert (told["origin"], told["count"]) == (STRANGER, 1)
    assert "cors.origins" in told["remedy"]
    await ask(theatre.url, get("/nowhere", STRANGER))
    access = json.loads(theatre.sidecar.wait_line('"access".*"not_found"').string)
    assert access["origin"] == STRANGER
    early = get("/nowhere", "https://" + "x" * 800).replace(b"\r\n\r\n", b"\r\nExpect: miracles\r\n\r\n")
    await ask(theatre.url, early)
    access = json.loads(theatre.sidecar.wait_line('"access".*"expectation"').string)
    assert access["origin"].startswith("https://xxx")
    assert len(access["origin"]) < 300


# --- 5, 6: what a page may see


@pytest.mark.parametrize("path", ["/.sidecar/states", "/nowhere", "/soap?wsdl"])
async def test_5_the_exposed_headers_are_spelt_out(theatre: Theatre, path: str) -> None:
    """On successes and errors alike; `*` would mean nothing with credentials."""
    response = await ask(theatre.url, get(path, SHOP))
    assert names(response.header("Access-Control-Expose-Headers")) == EXPOSED


async def test_5_the_body_carries_the_same_numbers(theatre: Theatre) -> None:
    """Retry-After, state and id are in the JSON, too: a page behind a proxy that strips headers still knows."""
    request = call("json", "GetFine").raw("/deadsoap", headers=[("Origin", SHOP)])
    response = await ask(theatre.url, request)
    readable(response)
    assert problem(response, "backend_unreachable", 503)["retry"] == {"how": "wait", "after_s": 5, "same_key": True}


async def test_6_timing_is_allowed_to_whom_reading_is(theatre: Theatre) -> None:
    """A page that measures may tell "slow" from "queued"."""
    request = call("soap11", "GetFine").raw("/soap", headers=[("Origin", SHOP)])
    response = await ask(theatre.url, request)
    assert response.header("Timing-Allow-Origin") == SHOP
    assert "backend;dur=" in (response.header("Server-Timing") or "")


# --- 7 to 12: preflights


async def test_7_a_plain_options_is_an_ordinary_request(theatre: Theatre) -> None:
    """Without Access-Control-Request-Method, or without Origin, nobody asks for permission."""
    plain = b"OPTIONS /soap HTTP/1.1\r\nHost: a\r\nOrigin: %b\r\n\r\n" % SHOP.encode()
    response = await ask(theatre.url, plain)
    readable(response)
    problem(response, "method_not_allowed", 405)
    assert response.header("Allow")
    no_origin = b"OPTIONS /soap HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    assert (await ask(theatre.url, no_origin)).status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/soap",
        "/rpc",
        "/deadsoap",
        "/nowhere",
        "/.sidecar/states",
        "/.sidecar/nothing",
        "/soap/Forbidden",
        "/soap/json/Fine",
        "*",
        "/soap?" + "a" * 40_000,
        "/soap/%00",
    ],
    ids=lambda path: path[:20],
)
async def test_8_a_preflight_is_answered_for_any_path(theatre: Theatre, path: str) -> None:
    """Only then is the failure of the request that follows readable; so is that of an address that is too long."""
    approved(await ask(theatre.url, preflight(path)))


async def test_8_a_preflight_is_answered_with_no_connection_left(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Over the cap as under it: the request that follows is told `overloaded`, in a response that its page can read."""
    limits = {"connections": 10, "per_backend": "100%", "header_timeout": "30s", "body_timeout": "30s"}
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("cap"), limits=limits))
    holders = [Client.to(theatre.url) for _ in range(10)]
    try:
        for holder in holders:
            await holder.open()
            await holder.send(b"POST /soap HTTP/1.1\r\nHost: a\r\n")
        async with Client.to(theatre.url) as late:
            response = await late.exchange(get("/nowhere", SHOP))
            readable(response)
            problem(response, "overloaded", 503)
        approved(await ask(theatre.url, preflight()))
    finally:
        for holder in holders:
            await holder.close()


async def test_8_a_preflight_is_answered_while_draining(
    stack: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also on a connection whose next request has no chance any more."""
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("drain"), drain={"delay": "30s", "timeout": "1s"}))
    theatre.sidecar._process.terminate()
    theatre.sidecar.wait_line('"draining"')
    approved(await ask(theatre.url, preflight()))
    theatre.sidecar._process.terminate()  # a second one hurries


async def test_8_a_strangers_preflight_is_204_without_permission(theatre: Theatre) -> None:
    """The browser says no; the status gives nothing away."""
    response = await ask(theatre.url, preflight(origin=STRANGER))
    assert response.status == 204
    unreadable(response)


async def test_9_allowed_headers_are_a_list_and_no_echo(theatre: Theatre) -> None:
    """Authorization and the rest are named; what a page asks for beyond that is not granted by asking."""
    response = await ask(theatre.url, preflight(wants="x-evil, authorization"))
    approved(response)
    assert b"x-evil" not in response.raw.lower()


async def test_10_max_age_is_the_configured_one(stack: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without it a browser asks again after five seconds."""
    theatre = stack.enter_context(opened(tmp_path_factory.mktemp("age"), cors={"origins": [SHOP], "max_age": "10m"}))
    assert (await ask(theatre.url, preflight())).header("Access-Control-Max-Age") == "600"


async def test_11_a_preflight_needs_nothing_and_reaches_nobody(theatre: Theatre) -> None:
    """No cookie, no pass, no backend: its three Vary names are all that it depends on."""
    seen = len(theatre.backend.journal)
    response = await ask(theatre.url, preflight("/soap"))
    approved(response)
    assert names(response.header("Vary")) == PREFLIGHT_VARY
    assert len(theatre.backend.journal) == seen


async def test_12_a_preflight_that_asks_for_a_private_network_is_one_like_any(theatre: Theatre) -> None:
    """Browsers gave these preflights up for a prompt of their own; older ones still send the line."""
    more = [("Access-Control-Request-Private-Network", "true")]
    approved(await ask(theatre.url, preflight(more=more)))
