"""The shipped configurations of nginx, HAProxy and IIS: what a proxy in front says by itself is as readable as what the sidecar says.

By raw bytes; what Chromium makes of nginx stands in tests/browser.
"""

from __future__ import annotations

import asyncio
import signal
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.edge import DEPLOY, Haproxy, Nginx
from tests.scenarios.reading import EXPOSED, names, problem, readable, state_of, unreadable
from tests.scenarios.theatre import SHOP, STRANGER, Theatre, call, opened
from tests.support.client import Client, Response, ask, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

EDGES: dict[str, Any] = {"nginx": Nginx, "haproxy": Haproxy}
# The native endpoint is made public for calls that take a while: the JSON facade is not built.
OPEN = {"nginx": {"^/[^/]+/json/": "^/[^/]*soap"}, "haproxy": {"path_reg ^/[^/]+/json/": "path_reg ^/[^/]*soap"}}
SOON = {
    "nginx": {"proxy_read_timeout 90s": "proxy_read_timeout 300ms"},
    "haproxy": {"timeout server 90s": "timeout server 300ms"},
}


def head(line: str, *more: str, origin: str = SHOP, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: api.example", f"Origin: {origin}", *more, "", ""]).encode() + body


PREFLIGHT = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")


@pytest.fixture(scope="module", params=list(EDGES))
def kind(request: pytest.FixtureRequest) -> str:
    """Each edge in its turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A sidecar that stays alive, and believes the edges before it."""
    with opened(tmp_path_factory.mktemp("theatre"), clients={"trust": ["127.0.0.0/8"]}) as theatre:
        yield theatre


@pytest.fixture(scope="module")
def edge(kind: str, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The edge as it is shipped, before a living sidecar."""
    with EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, theatre.sidecar.port) as edge:
        yield edge


@pytest.fixture(scope="module")
def orphan(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The edge before a sidecar that has just been killed."""
    with (
        opened(tmp_path_factory.mktemp("dead")) as dead,
        EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, dead.sidecar.port) as edge,
    ):
        dead.sidecar.kill()
        yield edge


def told(response: Response, state: str, status: int) -> dict[str, Any]:
    """Assert that the edge's own word is as readable as one of ours."""
    readable(response)
    assert response.header("Cache-Control") == "no-store"
    return problem(response, state, status)


def test_the_configuration_is_taken_without_a_warning(edge: Any) -> None:
    """By `nginx -t` and `haproxy -c`."""
    assert edge.check.returncode == 0, edge.check.stderr
    said = edge.check.stdout + edge.check.stderr
    assert "warn" not in said.lower()


async def test_what_the_sidecar_says_passes_untouched(edge: Any, theatre: Theatre) -> None:
    """Its headers once, its body byte for byte, on successes and failures."""
    for path in ("/.sidecar/healthz", "/.sidecar/nothing", "/soap/json/Fine"):
        request = head(f"GET {path} HTTP/1.1", "X-Request-Id: one-and-the-same")
        direct, passed = await ask(theatre.url, request), await ask(edge.url, request)
        readable(passed)
        assert (passed.status, state_of(passed)) == (direct.status, state_of(direct))
        assert passed.header("X-Request-Id") == "one-and-the-same"
        assert names(passed.header("Vary")) == names(direct.header("Vary"))
        if path.endswith("healthz"):
            assert passed.body == direct.body


@pytest.mark.parametrize("path", ["/soap", "/rpc", "/", "/soap?wsdl", "/soap/Fine", "/deadsoap"])
async def test_only_our_resources_and_the_facade_are_public(edge: Any, theatre: Theatre, path: str) -> None:
    """A native endpoint shows every operation of the backend."""
    seen = len(theatre.backend.journal)
    told(await ask(edge.url, head(f"GET {path} HTTP/1.1")), "not_found", 404)
    response = await ask(edge.url, call("json", "Fine").raw(path, headers=[("Origin", SHOP)]))
    told(response, "not_found", 404)
    assert len(theatre.backend.journal) == seen


async def test_a_body_over_every_limit(kind: str, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> None:
    """413 with our state, although 5 MB are being sent: nginx says it itself, HAProxy could not be heard and lets the sidecar say it."""
    lines = ("Content-Type: text/xml", "Accept: application/json", "Content-Length: 5000000")
    request = head("POST /soap HTTP/1.1", *lines, body=b"x" * 5_000_000)
    with EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, theatre.sidecar.port, OPEN[kind]) as edge:
        for _ in range(5):
            async with Client.to(edge.url) as client:
                await client.send(request, piece_bytes=65536)
                assert told(await client.response(), "too_large", 413)["executed"] == "no"


async def test_what_is_under_the_edges_limits_is_the_sidecars_to_refuse(edge: Any) -> None:
    """A long address, a long header, a body over ours and under theirs: the state is the finer one."""
    long = await ask(edge.url, head(f"GET /.sidecar/{'a' * 40_000} HTTP/1.1"))
    told(long, "uri_too_long", 414)
    big = await ask(edge.url, head("GET /.sidecar/ HTTP/1.1", f"X-Big: {'a' * 40_000}"))
    told(big, "headers_too_large", 431)


async def test_a_slow_body_is_told(kind: str, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> None:
    """408 by the sidecar, through an edge that passes bodies on as they come."""
    with EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, theatre.sidecar.port, OPEN[kind]) as edge:
        lines = ("Content-Type: text/xml", "Accept: application/json", "Content-Length: 100")
        response = await ask(edge.url, head("POST /soap HTTP/1.1", *lines, body=b"<"))
    told(response, "body_timeout", 408)


@pytest.mark.parametrize("origin", [SHOP, STRANGER])
async def test_an_allowed_page_reads_that_the_sidecar_is_gone(orphan: Any, origin: str) -> None:
    """No connection stood: nothing was executed, come again in five seconds. A stranger reads nothing, as ever."""
    for line in ("GET /.sidecar/states HTTP/1.1", "GET /soap/json/Fine HTTP/1.1"):
        response = await ask(orphan.url, head(line, origin=origin))
        if origin == STRANGER:
            unreadable(response)
            continue
        body = told(response, "backend_unreachable", response.status)
        assert response.status in (502, 503)
        assert (body["executed"], body["retry"]) == ("no", {"how": "wait", "after_s": 5, "same_key": True})


@pytest.mark.parametrize("path", ["/.sidecar/states", "/soap/json/Fine", "/soap", "/nowhere"])
async def test_a_preflight_is_answered_with_the_sidecar_gone(orphan: Any, path: str) -> None:
    """Else the page would never send the request whose failure it could read."""
    response = await ask(orphan.url, head(f"OPTIONS {path} HTTP/1.1", *PREFLIGHT))
    assert (response.status, response.body) == (204, b"")
    assert response.header("Access-Control-Allow-Origin") == SHOP
    assert "content-type" in names(response.header("Access-Control-Allow-Headers"))
    assert names(response.header("Vary")) >= {"origin", "access-control-request-method"}
    stranger = await ask(orphan.url, head(f"OPTIONS {path} HTTP/1.1", *PREFLIGHT, origin=STRANGER))
    assert stranger.header("Access-Control-Allow-Origin") is None


async def test_a_sidecar_that_dies_during_a_call_leaves_the_outcome_unknown(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The call had left: never `no`, and no time to come back, for it must be confirmed first."""
    with (
        opened(tmp_path_factory.mktemp("dying")) as dying,
        EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, dying.sidecar.port, OPEN[kind]) as edge,
    ):
        async with Client.to(edge.url) as client:
            await client.send(call("json", "Freeze").raw("/narrowsoap", headers=[("Origin", SHOP)]))
            frozen = dying.backend.journal.until(lambda journal: "Freeze" in journal.operations)
            await asyncio.to_thread(dying.backend.call, frozen)
            dying.sidecar.send_signal(signal.SIGKILL)
            body = told(await client.response(), "outcome_unknown", 502)
    assert body["executed"] == "unknown"
    assert body["retry"]["how"] == "confirm"


async def test_an_edge_that_is_too_impatient_says_that_the_outcome_is_unknown(
    kind: str, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its time-out lies above ours; where an operator set it below, the page still reads the truth."""
    with EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, theatre.sidecar.port, {**OPEN[kind], **SOON[kind]}) as edge:
        response = await ask(edge.url, call("json", "Freeze").raw("/narrowsoap", headers=[("Origin", SHOP)]))
    assert told(response, "outcome_unknown", 504)["executed"] == "unknown"


# What a stranger may write of himself: the sidecar trusts the edge here, and passes on what it lets through.
FORGED = (
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP",
    "CF-Connecting-IP", "Client-Cert", "X-Original-URL", "X-Rewrite-URL", "Sidecar-Client",
)  # fmt: skip


async def test_addresses_and_ids_are_passed_on(
    kind: str, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The caller's address as the edge saw it, not as a stranger wrote it; an id that is not well-formed is replaced."""
    with EDGES[kind](tmp_path_factory.mktemp(kind), SHOP, theatre.sidecar.port, OPEN[kind]) as edge:
        forged = [(name, "6.6.6.6") for name in FORGED]
        request = call("json", "Fine").raw("/soap", headers=[("Origin", SHOP), ("X-Request-Id", "a b"), *forged])
        response = await ask(edge.url, request)
    assert response.status == 200
    entry = theatre.backend.journal.entries[-1]
    assert entry.operation == "Fine"
    assert "6.6.6.6" not in entry.head.decode()
    assert entry.header("X-Forwarded-For") == "127.0.0.1", "the sidecar believes this edge"
    made = response.header("X-Request-Id") or ""
    assert len(made) >= 8
    assert entry.header("X-Request-Id") in (made, None)


@pytest.mark.parametrize(
    ("request_bytes", "state", "status"),
    [
        (head("GET /.sidecar/" + "a" * 140_000 + " HTTP/1.1"), "uri_too_long", 414),
        (head("GET /.sidecar/ HTTP/1.1", "X-Big: " + "a" * 140_000), "headers_too_large", 431),
        (head("G@T /.sidecar/ HTTP/1.1"), "malformed", 400),
        (head("GET /.sidecar/ HTTP/1.1", "no colon"), "malformed", 400),
    ],
    ids=["address", "header", "method", "line"],
)
async def test_heads_that_nginx_refuses_itself(
    theatre: Theatre, tmp_path_factory: pytest.TempPathFactory, request_bytes: bytes, state: str, status: int
) -> None:
    """Beyond its own limits; where it has not read the Origin, everybody may read."""
    with Nginx(tmp_path_factory.mktemp("nginx"), SHOP, theatre.sidecar.port) as edge:
        response = await ask(edge.url, request_bytes)
    assert response.header("Access-Control-Allow-Origin") in (SHOP, "*")
    readable(response, response.header("Access-Control-Allow-Origin") or "")
    problem(response, state, status)


@pytest.mark.parametrize(("status", "state"), [(400, "malformed"), (408, "body_timeout")])
def test_haproxys_fixed_texts_are_whole_responses(status: int, state: str) -> None:
    """They are sent before any rule runs: lengths, lines and facts have to be right as they lie there."""
    found = parse((DEPLOY / "haproxy" / f"{status}.http").read_bytes())
    assert found is not None
    response, end = found
    assert end == len(response.raw)
    readable(response, "*")
    body = response.json()
    assert (body["state"], body["status"], state_of(response)) == (
        state,
        response.status,
        (state, {"reason": "http" if status == 400 else "head", "executed": "no"}),
    )


def test_the_web_config_of_iis_says_the_same() -> None:
    """Not run here: well-formed, with the same lists, the same public paths, and a state for each failure of its own."""
    root = ET.parse(DEPLOY / "iis" / "web.config").getroot()
    values = {rule.get("name"): rule.find("action") for rule in root.iter("rule")}
    exposed = values["exposed"]
    assert exposed is not None
    assert names(exposed.get("value")) == EXPOSED
    passes = next(rule.find("match") for rule in root.iter("rule") if rule.get("name") == "sidecar")
    assert passes is not None
    assert passes.get("url") == r"^(\.sidecar/.*|[^/]+/json/.*)$"
    for state in ("not_found", "too_large", "outcome_unknown"):
        action = values[state]
        assert action is not None
        assert (action.get("value") or "").startswith(f"{state};")
    errors = root.find("system.webServer/httpErrors")
    assert errors is not None
    assert errors.get("existingResponse") == "PassThrough"
