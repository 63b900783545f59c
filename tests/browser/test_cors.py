"""The starred lines of the CORS checklist in real headless Chromium: a page on a second origin reads every failure.

`response.type` is "cors", the status is there, Sidecar-State and Retry-After are readable, and the JSON body tells the same facts.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.page import Seen, Shop, Tab, launch
from tests.browser.relay import Relay
from tests.scenarios.theatre import Theatre, call, opened, scripted
from tests.support import envelopes as env
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Playwright


JSON = {"Accept": "application/json"}
SOAP = {"Content-Type": "text/xml; charset=utf-8", **JSON}


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Theatre]:
    """One sidecar whose list has the shop."""
    with opened(tmp_path_factory.mktemp("theatre"), cors={"origins": [shop.url], "max_age": "2h"}) as theatre:
        yield theatre


def reads(seen: Seen, state: str, status: int) -> dict[str, Any]:
    """Assert that the page read it all, and return the body."""
    assert seen.type == "cors", seen.text
    assert seen.status == status, seen.text
    assert seen.word == state
    body = seen.json()
    assert (body["state"], body["status"], body["instance"]) == (state, status, seen.id)
    assert f"executed={body['executed']}" in (seen.state or "")
    after = body["retry"].get("after_s")
    assert seen.retry == (None if after is None else str(after))
    return body


def soap(operation: str) -> dict[str, Any]:
    """Return the options of a fetch that posts a SOAP call and reads JSON."""
    return {"method": "POST", "headers": SOAP, "body": call("soap11", operation).body}


# --- 13, 14, 16: every failure that a browser can cause


@pytest.mark.thinned(3)
@pytest.mark.parametrize("size", [40_000, 300_000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_long_address(tab: Tab, theatre: Theatre, size: int, method: str) -> None:
    """414, also where a preflight with the same long address comes first."""
    options = soap("Fine") if method == "POST" else {"headers": JSON}
    seen = tab.fetch(f"{theatre.url}/soap?{'a' * size}", **options)
    assert reads(seen, "uri_too_long", 414)["retry"] == {"how": "fix"}


@pytest.mark.parametrize("size", [40_000, 200_000])
def test_a_big_header(tab: Tab, theatre: Theatre, size: int) -> None:
    """431, with a header that the preflight allows."""
    seen = tab.fetch(f"{theatre.url}/soap", headers={**JSON, "Sidecar-Place": "a" * size})
    reads(seen, "headers_too_large", 431)


def test_a_big_cookie(chromium: Any, shop: Shop, tmp_path: Any) -> None:
    """Cookies of a whole domain grow until they do not fit: with credentials the page reads that, too."""
    cors = {"origins": [shop.url], "credentials": True}
    with opened(tmp_path, cors=cors) as theatre:
        context = chromium.new_context()
        cookies = [{"name": f"c{n}", "value": "v" * 3900, "url": theatre.url} for n in range(12)]
        context.add_cookies(cookies)
        seen = Tab(context.new_page(), shop.url).fetch(f"{theatre.url}/soap", headers=JSON, credentials="include")
        context.close()
    reads(seen, "headers_too_large", 431)


def test_a_big_body(tab: Tab, theatre: Theatre) -> None:
    """413 while 5 MB are still on their way."""
    seen = tab.fetch(f"{theatre.url}/soap", method="POST", headers=SOAP, body="x" * 5_000_000)
    reads(seen, "too_large", 413)


def test_a_relay_that_does_not_stall_changes_nothing(tab: Tab, theatre: Theatre) -> None:
    """The tool itself: through it a call is the same call."""
    with Relay(theatre.sidecar.port, stall=b"\0") as relay:
        seen = tab.fetch(f"{relay.url}/calmsoap", **soap("Fine"))
    assert (seen.type, seen.status, seen.word) == ("cors", 200, "ok")


def test_a_slow_body(tab: Tab, theatre: Theatre) -> None:
    """408: the network stalls ten bytes into the envelope."""
    with Relay(theatre.sidecar.port, stall=b"<?xml", after_bytes=10) as relay:
        seen = tab.fetch(f"{relay.url}/calmsoap", **soap("Fine"))
    assert reads(seen, "body_timeout", 408)["executed"] == "no"


def test_a_slow_head(tab: Tab, theatre: Theatre) -> None:
    """408: the network stalls after the Origin line of the head."""
    with Relay(theatre.sidecar.port, stall=b"Origin: http://127.0.0.1:", after_bytes=8) as relay:
        seen = tab.fetch(f"{relay.url}/nowhere", headers=JSON)
    reads(seen, "body_timeout", 408)


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("operation", "path", "state", "status"),
    [
        ("GetFine", "/deadsoap", "backend_unreachable", 503),
        ("GetFreeze", "/soap", "outcome_unknown", 504),
        ("Freeze", "/soap", "outcome_unknown", 504),
        ("Html", "/soap", "backend_bad_reply", 502),
        ("Faulty", "/soap", "backend_fault", 502),
        ("Blames", "/soap", "backend_fault", 400),
        ("ReserveNone", "/soap", "sold_out", 409),
        ("Forbidden", "/soap", "operation_denied", 403),
        ("Fine", "/nowhere", "not_found", 404),
        ("Fine", "/soap/json/Fine", "operation_denied", 403),
    ],
)
def test_what_becomes_of_a_call(tab: Tab, theatre: Theatre, operation: str, path: str, state: str, status: int) -> None:
    """Backend dead, timeout, bad reply, fault, denied, unknown path."""
    reads(tab.fetch(theatre.url + path, **soap(operation)), state, status)


def test_a_wrong_method(tab: Tab, theatre: Theatre) -> None:
    """405: PUT is not on the list of the preflight, GET of an endpoint without a question needs none."""
    reads(tab.fetch(f"{theatre.url}/soap", headers=JSON), "method_not_allowed", 405)


def test_a_wrong_content_type(tab: Tab, theatre: Theatre) -> None:
    """415."""
    headers = {"Content-Type": "application/json", **JSON}
    reads(tab.fetch(f"{theatre.url}/soap", method="POST", headers=headers, body="{}"), "unsupported_media", 415)


def test_an_envelope_that_is_none(tab: Tab, theatre: Theatre) -> None:
    """400 from our parser of XML."""
    reads(tab.fetch(f"{theatre.url}/soap", method="POST", headers=SOAP, body="<a"), "malformed", 400)


def test_a_long_accept(tab: Tab, theatre: Theatre) -> None:
    """431 for a header that needs a preflight only because it is long; half of it is enough to see that JSON is wanted."""
    seen = tab.fetch(f"{theatre.url}/nowhere", headers={"Accept": "application/json, " + "a/a, " * 9_000})
    reads(seen, "headers_too_large", 431)


def test_a_call_that_works(tab: Tab, theatre: Theatre) -> None:
    """Not only failures carry their state."""
    seen = tab.fetch(f"{theatre.url}/soap", **soap("Fine"))
    assert (seen.type, seen.status, seen.state) == ("cors", 200, "ok;executed=yes")
    assert seen.id
    assert "backend;dur=" in seen.headers["server-timing"]


# --- shutdown


@pytest.fixture
def leaving(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Theatre]:
    """A sidecar that drains for 300 ms only."""
    with opened(
        tmp_path_factory.mktemp("leaving"),
        cors={"origins": [shop.url]},
        drain={"delay": "0s", "timeout": "300ms"},
        limits={"header_timeout": "30s", "body_timeout": "30s"},
    ) as theatre:
        theatre.sidecar.wait_line('"indexed","backend":"narrowsoap"')  # until then its one slot may be taken
        yield theatre


@pytest.mark.thinned(2)
@pytest.mark.parametrize(("operation", "executed"), [("Freeze", "unknown"), ("GetFreeze", "no")])
def test_shutdown_while_the_backend_has_the_call(tab: Tab, leaving: Theatre, operation: str, executed: str) -> None:
    """The page reads that the outcome is not known, instead of a TypeError that says nothing."""
    tab.start("call", f"{leaving.url}/narrowsoap", **soap(operation))
    leaving.backend.call(leaving.backend.journal.until(lambda journal: operation in journal.operations))
    leaving.sidecar.send_signal(signal.SIGTERM)
    assert reads(tab.finish("call"), "outcome_unknown", 504)["executed"] == executed


def test_shutdown_before_the_backend_has_the_call(tab: Tab, leaving: Theatre) -> None:
    """The page reads `draining` and when to come back."""
    with Relay(leaving.sidecar.port, stall=b"<?xml", after_bytes=10) as relay:
        tab.start("call", f"{relay.url}/soap", **soap("Fine"))
        _until(lambda: any(line.startswith("POST") for line in relay.requests))
        leaving.sidecar.send_signal(signal.SIGTERM)
        body = reads(tab.finish("call"), "draining", 503)
    assert body["retry"] == {"how": "wait", "after_s": 1, "same_key": True}


def _until(holds: Any, within_s: float = 10.0) -> None:
    """A browser tells nobody when it has sent."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- the second list: SOAP and XML-RPC as they are


@pytest.mark.thinned(4)
@pytest.mark.parametrize("dialect", ["soap11", "xmlrpc"])
@pytest.mark.parametrize(
    ("operation", "house", "state"),
    [
        ("Fine", "", "ok"),
        ("Fine", "dead", "backend_unreachable"),
        ("Freeze", "", "outcome_unknown"),
        ("Html", "", "backend_bad_reply"),
        ("Faulty", "", "backend_fault"),
        ("ReserveNone", "", "sold_out"),
        ("Forbidden", "", "operation_denied"),
        ("Fine", "no", "not_found"),
    ],
)
def test_a_page_that_speaks_soap_or_xmlrpc_reads_the_state(
    tab: Tab, theatre: Theatre, dialect: str, operation: str, house: str, state: str
) -> None:
    """Whatever the body is, the header says what happened, and whether it was done."""
    request = call(dialect, operation)
    path = f"/{house}{'rpc' if dialect == 'xmlrpc' else 'soap'}"
    headers = dict(request.headers)
    seen = tab.fetch(theatre.url + path, method="POST", headers=headers, body=request.body)
    assert (seen.type, seen.word) == ("cors", state)
    assert "executed=" in (seen.state or "")
    assert "<" in seen.text


# --- 2, 4, 5, 8: what the browser itself enforces


def test_4_a_stranger_reads_nothing_of_a_question(foreign_tab: Tab, theatre: Theatre) -> None:
    """His GET is answered and stays unread; the page sees a TypeError."""
    seen = foreign_tab.fetch(f"{theatre.url}/soap?wsdl")
    assert (seen.type, seen.status) == ("error", 0)


def test_4_a_strangers_write_does_nothing(foreign_tab: Tab, theatre: Theatre) -> None:
    """A form post needs no preflight and reaches us; the journal shows that nobody else saw it."""
    seen_before = len(theatre.backend.journal)
    request = env.asmx_post("Fine", {"iNumberOfSeats": 2})
    seen = foreign_tab.fetch(
        f"{theatre.url}/soap/Fine", method="POST", headers=dict(request.headers), body=request.body, mode="no-cors"
    )
    assert seen.type == "opaque"
    theatre.sidecar.wait_line('"state":"origin_denied"')
    assert len(theatre.backend.journal) == seen_before
    refused = foreign_tab.fetch(f"{theatre.url}/soap", **soap("Fine"))  # with a preflight it does not even come
    assert refused.type == "error"
    assert len(theatre.backend.journal) == seen_before


def test_4_an_image_of_a_stranger_buys_nothing(foreign_tab: Tab, theatre: Theatre) -> None:
    """An address of ASMX as the source of an image: a GET without Origin, which the browser marks as coming from elsewhere."""
    seen = len(theatre.backend.journal)
    script = """url => new Promise(done => {
      const image = new Image();
      image.onload = image.onerror = done;
      image.src = url;
    })"""
    start = len(theatre.sidecar.lines)
    foreign_tab.page.evaluate(f"url => ({script})(url).then(() => null)", f"{theatre.url}/soap/Fine?iNumberOfSeats=2")
    theatre.sidecar.wait_line('"operation":"Fine".*"state":"origin_denied"', start=start)
    assert len(theatre.backend.journal) == seen


def test_2_a_backend_with_cors_of_its_own_does_not_break_ours(tab: Tab, theatre: Theatre) -> None:
    """Two Access-Control-Allow-Origin would be none to the browser."""
    headers = [("Access-Control-Allow-Origin", "*"), ("Vary", "Cookie"), ("Access-Control-Expose-Headers", "X-None")]
    with scripted(theatre, "Fine", http(env.soap11_reply("Fine"), headers=headers)):
        seen = tab.fetch(f"{theatre.url}/calmsoap", **soap("Fine"))
    assert (seen.type, seen.status, seen.word) == ("cors", 200, "ok")


def test_5_with_credentials_all_is_as_readable(chromium: Any, shop: Shop, tmp_path: Any) -> None:
    """A cookie goes along and every exposed header is still readable."""
    with opened(tmp_path, cors={"origins": [shop.url], "credentials": True}) as theatre:
        context = chromium.new_context()
        tab = Tab(context.new_page(), shop.url)
        reads(tab.fetch(f"{theatre.url}/deadsoap", **soap("Fine"), credentials="include"), "backend_unreachable", 503)
        context.close()


def test_10_one_preflight_for_repeated_posts(tab: Tab, theatre: Theatre) -> None:
    """max-age is long enough: three posts to one address are preceded by one question."""
    with Relay(theatre.sidecar.port) as relay:
        for _ in range(3):
            assert tab.fetch(f"{relay.url}/calmsoap", **soap("Fine")).status == 200
    methods = [line.partition(" ")[0] for line in relay.requests]
    assert methods == ["OPTIONS", "POST", "POST", "POST"]


# --- 12: private networks


@pytest.mark.long
def test_12_a_public_page_needs_the_visitors_consent(playwright: Playwright, shop: Shop, theatre: Theatre) -> None:
    """Local Network Access: a public page may fetch from a private address once the visitor has said yes, and no header of ours helps."""
    port = shop.url.rpartition(":")[2]
    browser = launch(playwright, f"--ip-address-space-overrides=127.0.0.1:{port}=public")
    try:
        seen = {}
        for granted in (False, True):
            context = browser.new_context()
            tab = Tab(context.new_page(), shop.url)
            if granted:
                context.grant_permissions(["local-network-access"], origin=shop.url)
            tab.start("call", f"{theatre.url}/deadsoap", **soap("Fine"))
            seen[granted] = _within(tab, "call", 3_000)
            context.close()
    finally:
        browser.close()
    assert seen[False] is None or seen[False].type == "error"
    assert seen[True] is not None
    reads(seen[True], "backend_unreachable", 503)


def _within(tab: Tab, name: str, wait_ms: int) -> Seen | None:
    """A prompt that nobody answers leaves the fetch hanging: that is an outcome, too."""
    script = "([name, wait]) => Promise.race([started[name], new Promise(done => setTimeout(done, wait, null))])"
    found = tab.page.evaluate(script, [name, wait_ms])
    return None if found is None else Seen(**found)
