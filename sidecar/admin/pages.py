"""The dashboard's files, read once at the start and served from memory; nothing of a request names a file.

Stands beside the listener. Where the folder has no index.html there is no dashboard, and the listener says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

INDEX: Final = "index.html"
_ROOT: Final = "/page/"
# What a page is made of; anything else in the folder (a licence, a source map's source) is not served.
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# Held in memory for as long as the process lives, which may be 75 MB in all; a page with its charts is 200 KB.
_MOST_BYTES: Final = 4 * 1024 * 1024
_DEEPEST: Final = 3
# Only what came from here, no line of script or style in the page itself; it speaks with nobody but this listener.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent."""

    content_type: str
    body: bytes
    etag: str


def load(folder: Traversable | None = None) -> dict[str, Page]:
    """Return the files by path ("/" is the index, the others are below /page/); none where there is no index. Raises ValueError
    where they are too large to hold.
    """
    folder = folder or files("sidecar.admin") / "page"
    if not (folder / INDEX).is_file():
        return {}
    found = dict(_below(folder, _ROOT, 1))
    size = sum(len(page.body) for page in found.values())
    if size > _MOST_BYTES:
        raise ValueError(f"the dashboard's files are {size} bytes, more than the {_MOST_BYTES} that are held in memory")
    return {"/": found[_ROOT + INDEX], **found}


def _below(folder: Traversable, path: str, depth: int) -> Iterator[tuple[str, Page]]:
    for each in folder.iterdir():
        suffix = each.name[each.name.rfind(".") :]
        if each.is_dir() and depth < _DEEPEST:
            yield from _below(each, f"{path}{each.name}/", depth + 1)
        elif each.is_file() and suffix in _TYPES:
            body = each.read_bytes()
            yield path + each.name, Page(_TYPES[suffix], body, f'"{sha256(body).hexdigest()[:32]}"')
