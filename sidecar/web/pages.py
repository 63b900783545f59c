"""The page of a backend's operations: its files, read once from the package and served from memory; nothing of a request names a file.

Stands where the listener answers `/{backend}/docs` and what lies below `/.sidecar/docs/`. The page is the same for every backend: it
reads which one it is for from its own address, and asks for the OpenAPI document beside it.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

INDEX: Final = "index.html"
FOLDER: Final = "/.sidecar/docs/"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Only what came from here, no line of script or style in the page itself; it speaks with nobody but this listener.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page(NamedTuple):
    """One file as it is sent."""

    body: bytes
    content_type: str
    headers: Mapping[str, str]


def page(name: str) -> Page:
    """Return a file of the page, `INDEX` the page itself; raises KeyError where there is none of that name."""
    return _PAGES[name]


def load(folder: Traversable) -> dict[str, Page]:
    """Return the files of a folder that a page is made of, by name."""
    found = {}
    for each in folder.iterdir():
        content_type = _TYPES.get(each.name[each.name.rfind(".") :])
        if content_type is None:
            continue  # an editor's leftover, say
        body = each.read_bytes()
        headers = {
            "ETag": f'"{sha256(body).hexdigest()[:32]}"',
            "Cache-Control": "no-cache",  # kept, but asked about every time: an upgrade of the sidecar shows at once
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        found[each.name] = Page(body, content_type, headers)
    return found


_PAGES: Final = load(files("sidecar.web") / "docs")
PATHS: Final[Mapping[str, str]] = {FOLDER + name: name for name in sorted(_PAGES) if name != INDEX}
"""Where the files of the page live, and their names; the page itself is at every backend's `docs`."""
