"""The page of a waiting room and the one that other sites embed, as answers with the policy that they stand under, and their files.

Stands behind the handlers of `/.sidecar/rooms/`: they have decided, this only tells. Nothing of a request names a file.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.jsonview import matches
from sidecar.model import Answer, Executed, Grade, Refusal
from sidecar.web.roomhtml import Frame, document
from sidecar.web.roomsaid import SETTLED
from sidecar.web.roomtheme import css

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sidecar.model import RawHeaders
    from sidecar.plan import RoomLook, RoomPlan
    from sidecar.web.roomsaid import View

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
}
# Texts that stand in the HTML and never change: the script needs none of them.
_WRITTEN: Final = frozenset({"kind", "buttons", "plain"})
_FOUND: Final = Grade("ok", Executed.NO)
_NOSNIFF: Final = (b"X-Content-Type-Options", b"nosniff")
# The page names the edition that it means, so that a new sidecar is seen at once; an hour, for a page without script loads itself again
# and again. The second line is for sites that isolate themselves and embed the widget.
_KEPT: Final = (
    (b"Cache-Control", b"public, max-age=3600, stale-if-error=86400"),
    (b"Cross-Origin-Resource-Policy", b"cross-origin"),
    (b"Referrer-Policy", b"no-referrer"),
    _NOSNIFF,
)
# With `no-referrer` a form sends `Origin: null`, which nobody can tell from a stranger's: so we alone are told, and nobody else.
_UNKEPT: Final = ((b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"same-origin"), _NOSNIFF)
_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Below two seconds a browser would do nothing else; an hour is longer than anybody waits for a page to move.
_REFRESH_S: Final = (2, 3600)


def asset(name: str) -> Answer | Refusal:
    """Return a file that the pages are made of."""
    return _FILES.get(name) or Refusal("not_found", "path", "the sidecar has nothing at this path")


def theme(look: RoomLook) -> Answer:
    """Return a room's colours, as `/.sidecar/rooms/NAME/theme.css`."""
    return _file(css(look.theme).encode(), _TYPES[".css"])


def unless_known(answer: Answer, if_none_match: list[str]) -> Answer:
    """Return a file, or 304 to a browser that has it already."""
    if not matches(if_none_match, dict(answer.headers)[b"ETag"]):
        return answer
    lines = tuple((name, value) for name, value in answer.headers if name != b"Content-Type")
    return Answer(304, "Not Modified", lines, (), 0, _FOUND)


def origins(plan: RoomPlan, cors_origins: Iterable[str]) -> tuple[str, ...]:
    """Return who may embed the widget and hear from it: exact origins alone, never `null` or a pattern."""
    return tuple(sorted({each for each in (*cors_origins, *plan.look.frame) if _ORIGIN.fullmatch(each)}))


def csp(plan: RoomPlan, cors_origins: Iterable[str], *, widget: bool) -> bytes:
    """Return the policy of a page: only what came from here, and the widget in the frames of those who may."""
    frames = (" ".join(origins(plan, cors_origins)) if widget else "") or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
    ).encode()


def page(view: View, *, widget: bool, cors_origins: Iterable[str] = (), still: bool = False) -> Answer:
    """Return the page. `still`: the visitor does not want it to load itself again (`?still` in its address)."""
    frames = origins(view.room, cors_origins) if widget else ()
    settled = view.visitor in SETTLED
    refresh_s = None if still or settled else min(max(view.next_poll_s, _REFRESH_S[0]), _REFRESH_S[1])
    colours = _digest(css(view.room.look.theme).encode())
    body = document(view, Frame(widget, frames, refresh_s, EDITION, colours)).encode()
    headers: RawHeaders = (
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Language", view.lang.encode()),
        (b"Content-Security-Policy", csp(view.room, cors_origins, widget=widget)),
        *_UNKEPT,
    )
    return Answer(200, "OK", headers, (body,), len(body), _FOUND)


def _file(body: bytes, content_type: bytes) -> Answer:
    headers = ((b"Content-Type", content_type), *_KEPT, (b"ETag", b'"%b"' % _digest(body).encode()))
    return Answer(200, "OK", headers, (body,), len(body), _FOUND)


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=6).hexdigest()


def _load() -> dict[str, Answer]:
    found = {}
    for each in (files("sidecar.web") / "room").iterdir():
        content_type = _TYPES.get(each.name[each.name.rfind(".") :])
        if content_type is None:
            continue  # an editor's leftover, say
        body = each.read_bytes()
        if each.name.endswith(".json"):
            body = orjson.dumps({name: text for name, text in orjson.loads(body).items() if name not in _WRITTEN})
        found[each.name] = _file(body, content_type)
    return found


_FILES: Final[Mapping[str, Answer]] = _load()
EDITION: Final = _digest(b"".join(_FILES[name].body[0] for name in sorted(_FILES)))
"""What the page's files are, all together: it stands behind their names, so that a browser that kept others asks again."""
