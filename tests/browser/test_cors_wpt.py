"""Line 17 of the CORS checklist: what web-platform-tests' `cors/` folder asks of browsers, asked with the sidecar as the remote origin.

Each test is named after the file of that folder whose question it takes over (web-platform-tests/wpt, `cors/`); the questions are
written anew for a server that makes its own responses. Redirects are none of ours: a backend's is never passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.relay import Relay
from tests.scenarios.theatre import Theatre, call, opened, scripted
from tests.support import envelopes as env
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.page import Shop, Tab


JSON = {"Accept": "application/json"}
SOAP = {"Content-Type": "text/xml; charset=utf-8", **JSON}

# XMLHttpRequest, because half of that folder is about it and old pages use nothing else.
_XHR = """
([method, url, headers, body, sync, credentials]) => new Promise(done => {
  const events = [];
  const xhr = new XMLHttpRequest();
  xhr.open(method, url, !sync);
  xhr.withCredentials = credentials;
  for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
  const note = kind => event => events.push(kind + ':' + event.type);
  for (const type of ['loadstart', 'progress', 'load', 'error', 'abort', 'loadend']) {
    if (body !== null) xhr.upload.addEventListener(type, note('upload'));
    xhr.addEventListener(type, note('response'));
  }
  const result = () => ({
    status: xhr.status, text: xhr.responseText, state: xhr.status ? xhr.getResponseHeader('Sidecar-State') : null,
    all: xhr.getAllResponseHeaders(), events,
  });
  if (sync) {
    try { xhr.send(body); } catch (error) { events.push('thrown:' + error.name); }
    done(result());
  } else {
    xhr.onloadend = () => done(result());
    xhr.send(body);
  }
})
"""


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Theatre]:
    """The remote origin."""
    with opened(tmp_path_factory.mktemp("theatre"), cors={"origins": [shop.url]}) as theatre:
        yield theatre


def xhr(
    tab: Tab,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    body: str | None = None,
    *,
    sync: bool = False,
    credentials: bool = False,
) -> dict[str, Any]:
    """Send by XMLHttpRequest and return all that it shows."""
    found: dict[str, Any] = tab.page.evaluate(_XHR, [method, url, headers or JSON, body, sync, credentials])
    return found


def envelope(operation: str = "Fine") -> str:
    return call("soap11", operation).body.decode()


def methods(relay: Relay) -> list[str]:
    return [line.partition(" ")[0] for line in relay.requests]


def test_basic(tab: Tab, foreign_tab: Tab, theatre: Theatre) -> None:
    """basic.htm: the listed origin reads, another does not."""
    url = f"{theatre.url}/.sidecar/states"
    assert tab.fetch(url).status == 200
    assert foreign_tab.fetch(url).type == "error"


def test_origin(tab: Tab, theatre: Theatre) -> None:
    """origin.htm: a frame with an opaque origin sends `null`, which is not on the list."""
    script = """async url => {
      const frame = document.createElement('iframe');
      frame.sandbox = 'allow-scripts';
      const outcome = new Promise(done => addEventListener('message', event => done(event.data), {once: true}));
      const say = word => `parent.postMessage('${word}', '*')`;
      const script = `fetch(${JSON.stringify(url)}).then(() => ${say('read')}, () => ${say('not read')})`;
      frame.srcdoc = `<script>${script}</` + `script>`;
      document.body.append(frame);
      return outcome;
    }"""
    assert tab.page.evaluate(script, f"{theatre.url}/.sidecar/states") == "not read"


@pytest.mark.parametrize(
    "header",
    [
        "Authorization",
        pytest.param("Idempotency-Key", marks=pytest.mark.long),
        pytest.param("If-None-Match", marks=pytest.mark.long),
        pytest.param("Prefer", marks=pytest.mark.long),
        pytest.param("SOAPAction", marks=pytest.mark.long),
        pytest.param("Sidecar-Pass", marks=pytest.mark.long),
        pytest.param("Sidecar-Place", marks=pytest.mark.long),
        "Sidecar-Timeout",
        pytest.param("X-Request-Id", marks=pytest.mark.long),
        pytest.param("traceparent", marks=pytest.mark.long),
        pytest.param("tracestate", marks=pytest.mark.long),
    ],
)
def test_allow_headers(tab: Tab, theatre: Theatre, header: str) -> None:
    """allow-headers.htm: each header of the contract may be sent."""
    value = "5s" if header == "Sidecar-Timeout" else "abcdefgh"
    seen = tab.fetch(f"{theatre.url}/nowhere", headers={**JSON, header: value})
    assert (seen.type, seen.word) == ("cors", "not_found")


def test_allow_headers_not_listed(tab: Tab, theatre: Theatre) -> None:
    """allow-headers.htm: a header that is not on the list stops the request before it is sent."""
    with Relay(theatre.sidecar.port) as relay:
        assert tab.fetch(f"{relay.url}/nowhere", headers={"X-Not-Listed": "a"}).type == "error"
    assert methods(relay) == ["OPTIONS"]


@pytest.mark.parametrize("credentials", [False, True])
def test_credentials_flag(tab: Tab, theatre: Theatre, credentials: bool) -> None:
    """credentials-flag.htm: without `cors.credentials`, a request with them fails, and one without does not."""
    seen = xhr(tab, "GET", f"{theatre.url}/nowhere", credentials=credentials)
    assert (seen["status"], seen["state"] is None) == ((0, True) if credentials else (404, False))


def test_request_headers(tab: Tab, theatre: Theatre) -> None:
    """request-headers.htm: what the page sends reaches the backend as it was."""
    headers = {**SOAP, "SOAPAction": '"http://boxoffice.example/Fine"', "X-Request-Id": "from-the-page-1"}
    seen = tab.fetch(f"{theatre.url}/calmsoap", method="POST", headers=headers, body=envelope())
    assert (seen.status, seen.id) == (200, "from-the-page-1")
    entry = theatre.backend.journal.entries[-1]
    assert entry.header("SOAPAction") == '"http://boxoffice.example/Fine"'
    assert entry.body == envelope().encode()


def test_response_headers(tab: Tab, theatre: Theatre) -> None:
    """response-headers.htm: exposed ones are read, others are not, in either way to ask."""
    reply = http(env.soap11_reply("Fine"), headers=[("X-Internal", "secret"), ("Set-Cookie", "a=b")])
    with scripted(theatre, "Fine", reply):
        seen = xhr(tab, "POST", f"{theatre.url}/calmsoap", SOAP, envelope())
        fetched = tab.fetch(f"{theatre.url}/calmsoap", method="POST", headers=SOAP, body=envelope())
    assert seen["state"] == "ok;executed=yes"
    for names in (seen["all"].lower(), " ".join(fetched.headers)):
        assert "sidecar-state" in names
        assert "x-request-id" in names
        assert "x-internal" not in names
        assert "set-cookie" not in names


@pytest.mark.parametrize(
    "header",
    [
        "Sidecar-State",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("Date", "X-Request-Id", "Server-Timing")),
    ],
)
def test_access_control_expose_headers_parsing(tab: Tab, theatre: Theatre, header: str) -> None:
    """access-control-expose-headers-parsing.window.js: our list parses in the browser, name by name."""
    seen = tab.fetch(f"{theatre.url}/calmsoap", method="POST", headers=SOAP, body=envelope())
    assert header.lower() in seen.headers


def test_preflight_cache(tab: Tab, theatre: Theatre) -> None:
    """preflight-cache.htm: remembered per address and header; a new header asks again."""
    with Relay(theatre.sidecar.port) as relay:
        for _ in range(2):
            tab.fetch(f"{relay.url}/calmsoap", method="POST", headers=SOAP, body=envelope())
        tab.fetch(f"{relay.url}/rpc", method="POST", headers=SOAP, body="<a")
        tab.fetch(f"{relay.url}/rpc", method="POST", headers=SOAP, body="<a")
    assert methods(relay) == ["OPTIONS", "POST", "POST", "OPTIONS", "POST", "POST"]


def test_preflight_failure(foreign_tab: Tab, theatre: Theatre) -> None:
    """preflight-failure.htm: a stranger's preflight ends it; nothing else is sent."""
    with Relay(theatre.sidecar.port) as relay:
        seen = xhr(foreign_tab, "POST", f"{relay.url}/soap", SOAP, envelope())
    assert seen["status"] == 0
    assert "response:error" in seen["events"]
    assert methods(relay) == ["OPTIONS"]


STATUSES = {
    "/nowhere": 404,
    "/soap": 405,
    "/soap/json/Fine": 403,
    "/.sidecar/healthz": 200,
    "/soap?" + "a" * 40_000: 414,
}


@pytest.mark.thinned(3)
@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path[:12])
def test_status(tab: Tab, theatre: Theatre, path: str) -> None:
    """status.htm: a synchronous request reads status, text and header of every kind of response."""
    seen = xhr(tab, "GET", theatre.url + path, sync=True)
    assert seen["status"] == STATUSES[path]
    assert seen["state"]
    assert seen["text"].startswith("{")


@pytest.mark.thinned(3)
@pytest.mark.parametrize("path", STATUSES, ids=lambda path: path[:12])
def test_status_async(tab: Tab, theatre: Theatre, path: str) -> None:
    """status-async.htm: the same with events; it loads, it does not fail."""
    seen = xhr(tab, "GET", theatre.url + path)
    assert (seen["status"], bool(seen["state"])) == (STATUSES[path], True)
    assert "response:load" in seen["events"]
    assert "response:error" not in seen["events"]


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/deadsoap", 503), ("/calmsoap", 200)])
def test_status_preflight(tab: Tab, theatre: Theatre, path: str, status: int) -> None:
    """status-preflight.htm: the preflight is approved whatever the request behind it will get."""
    seen = xhr(tab, "POST", theatre.url + path, SOAP, envelope())
    assert seen["status"] == status
    assert seen["state"]


def test_304(tab: Tab, theatre: Theatre) -> None:
    """304.htm: a page that revalidates by itself reads the 304 and its headers; the browser's own cache serves a 200 from it."""
    url = f"{theatre.url}/soap?wsdl"
    first = tab.fetch(url)
    tag = first.headers["etag"]
    seen = tab.fetch(url, headers={"If-None-Match": tag}, cache="no-store")
    assert (seen.type, seen.status, seen.word, seen.text) == ("cors", 304, "cached", "")
    again = tab.fetch(url)
    assert (again.status, again.text) == (200, first.text)


@pytest.mark.parametrize("operation", ["Fine", "GetFine"])
def test_redirect_preflight(tab: Tab, theatre: Theatre, operation: str) -> None:
    """redirect-preflight(-2).htm, redirect-origin.htm: a backend's redirect is never passed on; the page reads what it is."""
    moved = http(b"", 302, headers=[("Location", "http://127.0.0.1:9/elsewhere")])
    with scripted(theatre, "Fine", moved):
        seen = xhr(tab, "POST", f"{theatre.url}/soap", SOAP, envelope(operation))
    assert seen["status"] == 502
    assert seen["state"].startswith("backend_bad_reply")


@pytest.mark.parametrize(("size", "status"), [(1_000, 400), (5_000_000, 413)])
def test_late_upload_events(tab: Tab, theatre: Theatre, size: int, status: int) -> None:
    """late-upload-events.htm: a page that listens to the upload gets its events and then the response, also of one cut short."""
    seen = xhr(tab, "POST", f"{theatre.url}/soap", SOAP, "<" * size)
    assert seen["status"] == status
    assert seen["events"][0] == "response:loadstart"
    assert "upload:loadstart" in seen["events"]
    assert seen["events"][-2:] == ["response:load", "response:loadend"]


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    ("headers", "asks"),
    [
        ({"Accept": "application/json"}, False),
        ({"Accept-Language": "en"}, False),
        ({"Content-Type": "text/plain"}, False),
        ({"Content-Type": "application/x-www-form-urlencoded"}, False),
        ({"Content-Type": "text/xml"}, True),
        ({"Content-Type": "application/soap+xml"}, True),
        ({"Content-Type": "application/json"}, True),
        ({"Accept": "a" * 200}, True),
    ],
    ids=str,
)
def test_cors_safelisted_request_header(tab: Tab, theatre: Theatre, headers: dict[str, str], asks: bool) -> None:
    """cors-safelisted-request-header.any.js: what needs a preflight gets one, and either way the answer is readable."""
    with Relay(theatre.sidecar.port) as relay:
        seen = tab.fetch(f"{relay.url}/nowhere", method="POST", headers=headers, body="")
    assert (seen.type, seen.status > 0, seen.word) == ("cors", True, "not_found")
    assert methods(relay) == (["OPTIONS", "POST"] if asks else ["POST"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_simple_requests(tab: Tab, theatre: Theatre, method: str) -> None:
    """simple-requests.htm: the three methods that ask nobody; a HEAD has its state in the header alone."""
    with Relay(theatre.sidecar.port) as relay:
        seen = xhr(tab, method, f"{relay.url}/nowhere")
    assert (seen["status"], seen["state"]) == (404, "not_found;reason=path;executed=no")
    assert methods(relay) == [method]
