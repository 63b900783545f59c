"""The box in front, in real Chromium: through nginx as it is shipped, a page reads what nginx itself has to say."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.edge import Nginx
from tests.scenarios.theatre import Theatre, call, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.page import Seen, Shop, Tab


JSON = {"Accept": "application/json"}
POST = {"method": "POST", "headers": {"Content-Type": "application/json", **JSON}, "body": "{}"}
# The native endpoint is made public for calls that take a while: the JSON facade is not built.
OPEN = {"^/[^/]+/json/": "^/[^/]*soap"}


def reads(seen: Seen, state: str, status: int) -> dict[str, Any]:
    """Assert that the page read it all, and return the body."""
    assert seen.type == "cors", seen.text
    assert (seen.status, seen.word) == (status, state)
    body = seen.json()
    assert (body["state"], body["status"], body["instance"]) == (state, status, seen.id)
    assert f"executed={body['executed']}" in (seen.state or "")
    after = body["retry"].get("after_s")
    assert seen.retry == (None if after is None else str(after))
    return body


@pytest.fixture
def theatre(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[Theatre]:
    """A sidecar to be killed."""
    with opened(tmp_path_factory.mktemp("theatre"), cors={"origins": [shop.url]}) as theatre:
        yield theatre


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory, shop: Shop, theatre: Theatre) -> Iterator[Nginx]:
    """As shipped."""
    with Nginx(tmp_path_factory.mktemp("nginx"), shop.url, theatre.sidecar.port) as nginx:
        yield nginx


@pytest.fixture
def open_nginx(tmp_path_factory: pytest.TempPathFactory, shop: Shop, theatre: Theatre) -> Iterator[Nginx]:
    """With a native endpoint made public, and little patience."""
    changes = {**OPEN, "proxy_read_timeout 90s": "proxy_read_timeout 1s"}
    with Nginx(tmp_path_factory.mktemp("nginx"), shop.url, theatre.sidecar.port, changes) as nginx:
        yield nginx


def test_what_the_sidecar_says_is_read_through_nginx(tab: Tab, nginx: Nginx) -> None:
    """Successes, failures and preflights, with one Access-Control-Allow-Origin each."""
    assert tab.fetch(f"{nginx.url}/.sidecar/states", headers=JSON).word == "ok"
    reads(tab.fetch(f"{nginx.url}/.sidecar/nothing", headers=JSON), "not_found", 404)
    reads(tab.fetch(f"{nginx.url}/soap/json/Fine", **POST), "operation_denied", 403)


def test_the_sidecar_killed(tab: Tab, foreign_tab: Tab, nginx: Nginx, theatre: Theatre) -> None:
    """502 with a preflight before it and without: nothing was executed, come again."""
    theatre.sidecar.kill()
    for options in ({"headers": JSON}, POST):
        body = reads(tab.fetch(f"{nginx.url}/soap/json/Fine", **options), "backend_unreachable", 502)
        assert (body["executed"], body["retry"]["after_s"]) == ("no", 5)
    assert foreign_tab.fetch(f"{nginx.url}/soap/json/Fine").type == "error"


def test_the_sidecar_killed_during_a_call(tab: Tab, open_nginx: Nginx, theatre: Theatre) -> None:
    """502: the call had left, so its outcome is not known."""
    request = call("json", "Freeze")
    tab.start("call", f"{open_nginx.url}/narrowsoap", method="POST", headers=dict(request.headers), body=request.body)
    theatre.backend.call(theatre.backend.journal.until(lambda journal: "Freeze" in journal.operations))
    theatre.sidecar.send_signal(signal.SIGKILL)
    body = reads(tab.finish("call"), "outcome_unknown", 502)
    assert (body["executed"], body["retry"]["how"]) == ("unknown", "confirm")


def test_an_impatient_edge(tab: Tab, open_nginx: Nginx) -> None:
    """504 of nginx's own."""
    request = call("json", "Freeze")
    seen = tab.fetch(f"{open_nginx.url}/narrowsoap", method="POST", headers=dict(request.headers), body=request.body)
    assert reads(seen, "outcome_unknown", 504)["executed"] == "unknown"


def test_a_body_over_the_edges_limit(tab: Tab, nginx: Nginx) -> None:
    """413 of nginx's own, while 5 MB are on their way."""
    seen = tab.fetch(f"{nginx.url}/soap/json/Fine", **{**POST, "body": "x" * 5_000_000})
    assert reads(seen, "too_large", 413)["executed"] == "no"


@pytest.mark.long
def test_a_body_over_the_sidecars_limit_only(tab: Tab, open_nginx: Nginx) -> None:
    """The sidecar's own 413 passes, though nginx is still sending to it."""
    headers = {"Content-Type": "text/xml", **JSON}
    seen = tab.fetch(f"{open_nginx.url}/soap", method="POST", headers=headers, body="x" * 1_900_000)
    reads(seen, "too_large", 413)
    assert "detail" in seen.json()
    assert "edge" not in seen.json()["detail"]


@pytest.mark.long
def test_a_long_address_over_both_limits(tab: Tab, nginx: Nginx) -> None:
    """414: nginx has not read the Origin yet and lets everybody read."""
    reads(tab.fetch(f"{nginx.url}/.sidecar/{'a' * 140_000}", headers=JSON), "uri_too_long", 414)


@pytest.mark.thinned(2)
@pytest.mark.parametrize("path", ["/soap", "/rpc", "/soap?wsdl", "/"])
def test_native_endpoints_are_not_public(tab: Tab, nginx: Nginx, path: str) -> None:
    """404 of the edge's own, readable, with a preflight before it."""
    headers = {"Content-Type": "text/xml", **JSON}
    reads(tab.fetch(nginx.url + path, method="POST", headers=headers, body="<a/>"), "not_found", 404)
