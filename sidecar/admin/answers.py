"""What the admin listener says: JSON for machines, one screen of text for people, never a page that it did not mean, never a trace.

Every answer carries the same security headers and is kept by nobody.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.admin.door import Denied
    from sidecar.admin.reading import Wrong

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
# No CORS header is among them: no other origin reads here. Frames, sniffing and referrers are closed as well.
SECURITY: Final = {
    "Server": "sidecar",  # else aiohttp says which version of it runs
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def answer(
    status: int, body: bytes, content_type: str = JSON, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a response of these bytes."""
    said = {**SECURITY, "Content-Type": content_type, **(headers or {})}
    return web.Response(status=status, body=body, headers=said)


def facts(said: Mapping[str, Any], status: int = 200) -> web.Response:
    """Return `said` as JSON."""
    return answer(status, orjson.dumps({"v": 1, **said}, default=str, option=orjson.OPT_APPEND_NEWLINE))


def problem(
    status: int, code: str, text: str, remedy: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> web.Response:
    """Return what went wrong and what to do."""
    said = {"v": 1, "ok": False, "status": status, "code": code, "text": text, "remedy": remedy, **more}
    return answer(status, orjson.dumps(said, default=str, option=orjson.OPT_APPEND_NEWLINE), JSON, headers)


def internal() -> web.Response:
    """Return what is said of an error of our own: nothing but where to look."""
    return problem(500, "internal", "an error of the sidecar's own", "report the line `bug` of its log")


def denied(why: Denied) -> web.Response:
    """Return why somebody does not come in."""
    headers = {"WWW-Authenticate": 'Bearer realm="sidecar admin"'} if why.status == HTTPStatus.UNAUTHORIZED else None
    return problem(why.status, why.code, why.text, why.remedy, headers=headers)


def not_understood(wrong: Sequence[Wrong]) -> web.Response:
    """Return everything that is wrong with an order, at once."""
    errors = [{"pointer": each.pointer, "code": each.code, "text": each.text} for each in wrong]
    text = "; ".join(f"{each.pointer}: {each.text}" for each in wrong)
    return problem(400, "not_understood", text, "GET /admin/v1/commands lists what each order takes", errors=errors)
