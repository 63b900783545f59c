"""The browser client as this sidecar serves it: `/.sidecar/client.js`, an ES module that pages of any origin may load, and its types.

Its files are those of `clients/js`, which npm gets as well; installed, they lie beside this module. Nothing of a request names a file.
"""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.jsonview import matches
from sidecar.model import Answer, Executed, Grade, Outcome, Refusal
from sidecar.policy.routing import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import Exchange, RawHeaders

PREFIX: Final = f"{RESERVED}/client."
_SOURCES: Final = Path(__file__).parents[2] / "clients" / "js"  # in a checkout
_FILES: Final = {
    f"{RESERVED}/client.js": ("sidecar.js", b"text/javascript; charset=utf-8"),
    f"{RESERVED}/client.d.ts": ("sidecar.d.ts", b"text/plain; charset=utf-8"),
}
_FOUND: Final = Grade("ok", Executed.NO)
# An hour: a page that loads it is not asked about it all evening, and an upgrade is there before the next sale.
_CACHE: Final = b"public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"


async def serve(exchange: Exchange) -> Outcome:
    """Answer with a file of the client."""
    found = _ANSWERS.get(exchange.head.path)
    if found is None:
        return Refusal("not_found", "path", "the sidecar has nothing at this path")
    if exchange.head.method not in ("GET", "HEAD"):
        return Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD")
    tag = dict(found.headers)[b"ETag"]
    if matches(exchange.head.all("If-None-Match"), tag):
        return Answer(304, "Not Modified", found.headers[1:], (), 0, _FOUND)
    return found


def _content(name: str) -> bytes:
    installed = files("sidecar.web") / "client" / name
    return installed.read_bytes() if installed.is_file() else (_SOURCES / name).read_bytes()


def _answer(name: str, content_type: bytes) -> Answer:
    body = _content(name)
    headers: RawHeaders = (
        (b"Content-Type", content_type),
        (b"Cache-Control", _CACHE),
        (b"ETag", b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()),
        (b"Cross-Origin-Resource-Policy", b"cross-origin"),
        (b"X-Content-Type-Options", b"nosniff"),
    )
    return Answer(200, "OK", headers, (body,), len(body), _FOUND)


_ANSWERS: Final[Mapping[str, Answer]] = {path: _answer(*what) for path, what in _FILES.items()}
