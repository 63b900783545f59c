"""What is wrong with a request before any stage has seen it: the parser's complaints and our own, as refusals.

Stands at the door. It may answer malformed, uri_too_long, headers_too_large, method_not_allowed, unsupported_media; its
words are fixed sentences, so that nothing a stranger sent is ever sent back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aiohttp.http_exceptions import BadHttpMethod, BadStatusLine, InvalidURLError, LineTooLong

from sidecar.model import Refusal

if TYPE_CHECKING:
    from aiohttp.http_parser import RawRequestMessage

    from sidecar.model import Head

# RFC 3986 section 3.2.2: a name, an IPv4 address, or an IP literal in brackets; with a port. Empty is allowed.
_HOST: Final = re.compile(r"(?:\[[\w.:%~-]+\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]*)?", re.ASCII)
_USUAL_HOST: Final = 255  # characters of a name (RFC 1035 section 2.3.4); longer ones are not kept
_is_host = lru_cache(maxsize=128)(_HOST.fullmatch)  # a sidecar is asked by a few names
HEADERS_MAX: Final = 128  # aiohttp's own; browsers send about 20, gateways add a dozen


def _malformed(detail: str, reason: str = "http") -> Refusal:
    return Refusal("malformed", reason, detail, close=True)


BAD_LINE = _malformed("The request line is not METHOD SP TARGET SP HTTP/1.1.")
BAD_HEADER = _malformed("A header line is not as RFC 9112 section 5 wants it, or headers contradict each other.")
BAD_HOST = _malformed("Host is not a name or address with an optional port (RFC 9112 section 3.2).")
BAD_BODY = _malformed("The chunked body is not as RFC 9112 section 7.1 wants it.")
BAD_VERSION = _malformed("This speaks HTTP/1.0 and HTTP/1.1 only.")
BAD_CODING = _malformed("The only transfer coding taken is chunked, from HTTP/1.1 clients.")
TLS_HERE = _malformed("TLS was spoken to a port without TLS.")
HALF_HEAD = _malformed("The connection ended before the request's head was complete.", "incomplete")
HALF_BODY = _malformed("The connection ended before the request's body was complete.", "incomplete")
SLOW_HEAD = Refusal(
    "body_timeout", "head", "The request's head did not arrive within limits.header_timeout.", close=True
)
SLOW_BODY = Refusal("body_timeout", "body", "The request's body did not arrive within limits.body_timeout.", close=True)
TURNED_AWAY = Refusal("overloaded", "connections", "All of limits.connections are in use.", close=True)
TUNNEL = Refusal("method_not_allowed", None, "This is not a tunnel.", allow="GET, HEAD, POST, OPTIONS", close=True)
UPGRADE = Refusal("unsupported_media", "upgrade", "No protocol is offered but HTTP/1.1.", close=True)
EXPECTATION = Refusal(
    "malformed", "expectation", "The only expectation that is met is 100-continue.", status=417, close=True
)


def parser_fault(error: BaseException, begun: bytes | bytearray, line_bytes: int) -> Refusal:
    """Return the refusal for what aiohttp's parser raised over a head that began with `begun`."""
    if begun[:1] == b"\x16":
        return TLS_HERE
    if isinstance(error, LineTooLong):
        return too_long(begun, line_bytes)
    if begun.count(b"\n") > HEADERS_MAX:
        return Refusal("headers_too_large", None, f"More than {HEADERS_MAX} header lines.", close=True)
    if isinstance(error, BadHttpMethod | BadStatusLine | InvalidURLError):
        return BAD_LINE
    return BAD_HEADER


def too_long(begun: bytes | bytearray, line_bytes: int) -> Refusal:
    """Return which limit a head broke that began with `begun`: the request line's or a header's."""
    first = begun.lstrip(b"\r\n").find(b"\n", 0, line_bytes + 32)  # 32: method, version and blanks around the target
    if first < 0:
        return Refusal(
            "uri_too_long", None, f"The address is longer than {line_bytes} bytes.", limit_bytes=line_bytes, close=True
        )
    return Refusal(
        "headers_too_large",
        None,
        f"A header is longer than {line_bytes} bytes, or all of them together than twice that.",
        limit_bytes=line_bytes,
        close=True,
    )


def objection(message: RawRequestMessage, head: Head) -> Refusal | None:
    """Return why a head that was parsed is not taken all the same, None where it is."""
    if message.version not in ((1, 1), (1, 0)):
        return BAD_VERSION
    host = message.headers.get("Host", "")
    if not (_is_host if len(host) <= _USUAL_HOST else _HOST.fullmatch)(host):
        return BAD_HOST
    if message.method == "CONNECT":
        return TUNNEL
    if message.upgrade and "websocket" in message.headers.get("Upgrade", "").lower():
        return UPGRADE  # others (h2c) are ignored, as RFC 9110 section 7.8 allows: Java's HttpClient offers it on every call
    if "Transfer-Encoding" in message.headers and not _plainly_chunked(message, head):
        return BAD_CODING
    if "Expect" in message.headers and not expects_continue(head):
        return EXPECTATION
    return None


def expects_continue(head: Head) -> bool:
    """Say whether every Expect of the request is 100-continue (RFC 9110 section 10.1.1)."""
    return all(value.strip().lower() == "100-continue" for value in head.all("Expect"))


def _plainly_chunked(message: RawRequestMessage, head: Head) -> bool:
    values = head.all("Transfer-Encoding")
    return message.version == (1, 1) and [value.strip().lower() for value in values] == ["chunked"]
