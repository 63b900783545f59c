"""What is not in the key does not reach the backend: whatever a caller adds, a shared call is the same, byte for byte.

A real sidecar and a backend that keeps what it reads, raw. A cache can be poisoned only by something that the backend sees and the key
does not hold (the class of James Kettle's "Web Cache Entanglement"); here nothing of that kind gets through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sidecar.demo import wsdl
from tests.demo.speak import API, SOAP12, envelope
from tests.support import envelopes as env
from tests.support.backend import ThreadBackend, answer
from tests.support.client import ask
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.envelopes import Request
    from tests.support.visit import Visit

OPERATION: Final = (
    "GetNewSessionKey"  # of the demo's contract, because it takes a text and answers one; here it opens nothing
)
BINDINGS: Final = ("soap11", "soap12", "asmx-get", "asmx-post")
UNKEYED: Final[dict[str, tuple[str, ...]]] = {
    "User-Agent": ("Mozilla/5.0 <script>", "curl/8.0"),
    "Accept": ("text/html", "application/json", "*/*;q=0.1"),
    "Accept-Encoding": ("gzip", "identity;q=0", "br, zstd"),
    "Accept-Language": ("de", "tlh"),
    "Accept-Charset": ("utf-16",),
    "X-Forwarded-For": ("203.0.113.9", "127.0.0.1"),
    "X-Forwarded-Host": ("evil.example",),
    "X-Forwarded-Proto": ("https",),
    "X-Forwarded-Port": ("444",),
    "X-Forwarded-Prefix": ("/evil",),
    "Forwarded": ("for=203.0.113.9;host=evil.example",),
    "X-Real-IP": ("203.0.113.9",),
    "X-Original-URL": ("/box?x=1",),
    "X-Rewrite-URL": ("/admin",),
    "X-HTTP-Method-Override": ("DELETE",),
    "Referer": ("https://evil.example/",),
    "Origin": ("https://evil.example", "null"),
    "traceparent": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
    "tracestate": ("vendor=1",),
    "baggage": ("user=ada",),
    "X-Anything": ("1", "2"),
    "Cache-Control": ("no-cache", "no-store", "max-age=0", "only-if-cached"),
    "Pragma": ("no-cache",),
    "Range": ("bytes=0-10",),
    "If-Range": ('"a"',),
    "If-None-Match": ('"a"', "*"),
    "If-Match": ('"a"',),
    "If-Modified-Since": ("Tue, 01 Dec 2026 09:00:00 GMT",),
    "If-Unmodified-Since": ("Tue, 01 Dec 2020 09:00:00 GMT",),
    "Prefer": ("return=minimal",),
    "Via": ("1.1 evil",),
    "From": ("ada@evil.example",),
    "TE": ("trailers",),
    "Max-Forwards": ("0",),
    "DNT": ("1",),
    "Sec-Fetch-Mode": ("cors",),
    "Save-Data": ("on",),
    "Sidecar-Client": ("ada",),
    "Sidecar-Timeout": ("3s",),
    "Host": ("evil.example", "evil.example:8080"),
    "Connection": ("keep-alive, X-Anything",),
}


async def _answers(visit: Visit) -> None:
    """Show the contract, with all four bindings; answer anything else in SOAP 1.1, which is how a shared question is asked."""
    await visit.peek()
    if visit.entry.method == "GET" and "wsdl" in visit.entry.target.lower():
        await answer(http(wsdl.wsdl("http://127.0.0.1/box.asmx", single=True)), executes=None)(visit)
        return
    reply = env.soap11_reply(OPERATION, "A1B2").replace(env.NS.encode(), API.encode())
    await answer(http(reply))(visit)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ThreadBackend, SidecarProcess]]:
    """A sidecar that shares and never keeps: each call that follows another reaches the backend again."""
    folder: Path = tmp_path_factory.mktemp("unkeyed")
    with ThreadBackend(_answers) as backend:
        settings: dict[str, Any] = {
            "backends": {
                "box": {
                    "protocol": "soap",
                    "url": f"{backend.url}/box.asmx",
                    "asmx_get": "allow",
                    "operations": {OPERATION: {"safe": True, "cache": {"ttl": "0s"}}},
                }
            }
        }
        with SidecarProcess(settings, folder) as sidecar:
            sidecar.wait_line('"event":"indexed"')
            yield backend, sidecar


async def _sent(
    stage: tuple[ThreadBackend, SidecarProcess], request: Request, *headers: tuple[str, str], path: str = "/box"
) -> tuple[bytes, Response]:
    """Ask once; return what the backend read, raw, and what the caller was told."""
    backend, sidecar = stage
    before = len(backend.journal)
    told = await ask(sidecar.url, request.raw(path, headers=headers))
    assert len(backend.journal) == before + 1, told.raw
    entry = backend.journal[before]
    return entry.head + entry.body, told


def _asks(binding: str) -> Request:
    params = {"sIP": "192.0.2.7"}
    if binding.startswith("asmx"):
        return (env.asmx_get if binding == "asmx-get" else env.asmx_post)(OPERATION, params)
    if binding == "soap12":
        kind = f'application/soap+xml; charset=utf-8; action="{API}{OPERATION}"'
        return env.Request("POST", envelope(OPERATION, params, SOAP12), (("Content-Type", kind),))
    lines = (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{API}{OPERATION}"'))
    return env.Request("POST", envelope(OPERATION, params), lines)


async def test_every_binding_asks_the_same(stage: tuple[ThreadBackend, SidecarProcess]) -> None:
    """One question, four spellings of it: the backend sees one."""
    seen = [await _sent(stage, _asks(binding)) for binding in BINDINGS]
    assert [told.state for _, told in seen] == ["ok"] * 4
    statuses = {told.header("Cache-Status") for _, told in seen[1:]}
    assert statuses == {"sidecar; fwd=stale; stored"}, "each asks anew for what the one before him has kept"
    assert len({raw for raw, _ in seen}) == 1, seen


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", UNKEYED)
async def test_a_header_that_is_not_keyed(stage: tuple[ThreadBackend, SidecarProcess], name: str) -> None:
    """With any value, the call is shared as it was, and the backend cannot tell."""
    plain, _ = await _sent(stage, _asks("soap11"))
    for value in UNKEYED[name]:
        raw, told = await _sent(stage, _asks("soap11"), (name, value))
        assert told.state == "ok", (value, told.raw)
        assert "bypass" not in (told.header("Cache-Status") or "bypass")
        assert raw == plain, value


@pytest.mark.parametrize("which", [0, -1], ids=["first-values", "last-values"])
@pytest.mark.parametrize("binding", BINDINGS)
async def test_all_of_them_at_once(stage: tuple[ThreadBackend, SidecarProcess], binding: str, which: int) -> None:
    """In every binding."""
    plain, _ = await _sent(stage, _asks("soap11"))
    raw, told = await _sent(stage, _asks(binding), *((name, values[which]) for name, values in UNKEYED.items()))
    assert told.state == "ok", told.raw
    assert raw == plain


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", UNKEYED)
async def test_the_same_twice(stage: tuple[ThreadBackend, SidecarProcess], name: str) -> None:
    """Two lines of one name are refused, or make no difference either."""
    backend, sidecar = stage
    plain, _ = await _sent(stage, _asks("soap11"))
    before = len(backend.journal)
    lines = [(name, UNKEYED[name][0]), (name.upper(), UNKEYED[name][-1])]
    told = await ask(sidecar.url, _asks("soap11").raw("/box", headers=lines))
    seen = {entry.head + entry.body for entry in backend.journal[before:]}
    assert seen == (set() if told.state == "malformed" else {plain})


async def test_a_cookie_keeps_its_call_private(stage: tuple[ThreadBackend, SidecarProcess]) -> None:
    """Nobody said that it counts, and the backend may go by it: its sender's call is his alone, whole."""
    raw, told = await _sent(stage, _asks("soap11"), ("Cookie", "of=ada"))
    assert told.header("Cache-Status") == "sidecar; fwd=bypass; detail=cookie"
    assert b"of=ada" in raw


async def test_who_shows_credentials_asks_for_himself(stage: tuple[ThreadBackend, SidecarProcess]) -> None:
    """`Authorization` says who somebody is unless the settings say otherwise: it is in the key, so it reaches the backend."""
    plain, _ = await _sent(stage, _asks("soap11"))
    seen = [
        (await _sent(stage, _asks("soap11"), ("Authorization", f"Basic {who}")))[0] for who in ("ada", "bob", "ada")
    ]
    assert len({plain, *seen}) == 3
    assert [b"Basic ada" in raw for raw in seen] == [True, False, True]
    assert seen[0] == seen[2]


async def test_a_query_behind_a_post(stage: tuple[ThreadBackend, SidecarProcess]) -> None:
    """An endpoint may go by what only the address holds, so it is in the key, and reaches the backend."""
    plain, _ = await _sent(stage, _asks("soap11"))
    raw, _ = await _sent(stage, _asks("soap11"), path="/box?x=evil")
    assert raw == plain.replace(b" HTTP/1.1", b"?x=evil HTTP/1.1", 1)
