"""The browser client as it is served: the very files of the package, for pages of any origin, and known by their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.model import Answer, Exchange, Peer, Refusal
from sidecar.web import client
from tests.house.tree import ROOT
from tests.support.world import Body, head

if TYPE_CHECKING:
    from sidecar.model import Outcome


async def ask(path: str, method: str = "GET", **headers: str) -> Outcome:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return await client.serve(Exchange(head(method, path, lines), Body(b""), Peer("192.0.2.1", tls=False), 0.0))


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("/.sidecar/client.js", "sidecar.js", b"text/javascript; charset=utf-8"),
        ("/.sidecar/client.d.ts", "sidecar.d.ts", b"text/plain; charset=utf-8"),
    ],
)
async def test_it_is_the_file_of_the_package(path: str, file: str, kind: bytes) -> None:
    """As an ES module that may be loaded from anywhere, kept for an hour, and never sniffed to be something else."""
    found = await ask(path)
    assert isinstance(found, Answer)
    headers = dict(found.headers)
    assert b"".join(found.body) == (ROOT / "clients/js" / file).read_bytes()
    assert found.size_bytes == len(found.body[0])
    assert headers[b"Content-Type"] == kind
    assert headers[b"Cross-Origin-Resource-Policy"] == b"cross-origin"
    assert headers[b"X-Content-Type-Options"] == b"nosniff"
    assert headers[b"Cache-Control"].startswith(b"public, max-age=3600")
    same = await ask(path, If_None_Match=headers[b"ETag"].decode())
    assert isinstance(same, Answer)
    assert (same.status, same.body, dict(same.headers)[b"ETag"]) == (304, (), headers[b"ETag"])
    assert isinstance(await ask(path, "HEAD"), Answer)


@pytest.mark.parametrize(
    ("path", "method", "state"),
    [
        ("/.sidecar/client.map", "GET", "not_found"),
        ("/.sidecar/client.js/../x", "GET", "not_found"),
        ("/.sidecar/client.js", "POST", "method_not_allowed"),
    ],
)
async def test_nothing_else_is_there(path: str, method: str, state: str) -> None:
    """No name of a request leads to a file."""
    refused = await ask(path, method)
    assert isinstance(refused, Refusal)
    assert refused.state == state
