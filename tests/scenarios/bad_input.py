"""What strangers, broken clients and attackers send, byte for byte, with what each must get back.

The table behind `test_s10_bad_input_e2e.py`: it knows the contract (docs/states.md) and nothing of the product. Every case
carries an allowed Origin, unless it is about just that, and names the state exactly.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import Final

from tests.support.envelopes import NS, SOAP11_NS, SOAP12_NS, multicall, soap11, xmlrpc

ORIGIN: Final = "https://shop.example"
MIB: Final = 1024 * 1024

STATUS: Final = {
    "ok": 200,
    "malformed": 400,
    "action_mismatch": 400,
    "doctype_refused": 400,
    "invalid_params": 400,
    "operation_denied": 403,
    "origin_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "body_timeout": 408,
    "too_large": 413,
    "uri_too_long": 414,
    "unsupported_media": 415,
    "headers_too_large": 431,
}
"""The JSON status of each state that bad input can meet, as docs/states.md has it."""


@dataclass(frozen=True, slots=True)
class Case:
    """`pieces` are sent one by one, `gap_s` apart; `then` they end in a FIN or a RST.

    `dialect` is how the answer is written, `keeps` whether the connection must be fit for another request (None: it depends on
    how much of a large body had come), `origin` what the answer's Access-Control-Allow-Origin must be ("*": it could not be
    read). A case with state "" can hear nothing: only its traces are looked for.
    """

    pieces: tuple[bytes, ...]
    state: str
    reason: str | None = None
    dialect: str = "json"
    keeps: bool | None = False
    origin: str | None = ORIGIN
    gap_s: float = 0.0
    then: str = ""
    status: int | None = None  # where it is not the state's own
    first: int = 0  # good requests before the bad one, in the same bytes
    large: bool = False  # may have up to 8 MiB: for the sidecar whose limits.request_body is that

    @property
    def answered_status(self) -> int:
        """The HTTP status that the dialect gives the state (every state here is the client's fault, or none)."""
        if self.status is not None and self.dialect in ("json", "asmx"):
            return self.status
        return {"soap11": 500, "soap12": 400, "xmlrpc": 200}.get(self.dialect, STATUS[self.state])


_O: Final = b"Origin: " + ORIGIN.encode() + b"\r\n"
_H: Final = b"Host: sidecar.example\r\n" + _O
_XML: Final = b"Content-Type: text/xml; charset=utf-8\r\n"
_SOAP: Final = b"POST /tickets HTTP/1.1\r\n" + _H + _XML
_RPC: Final = b"POST /phones HTTP/1.1\r\n" + _H + b"Content-Type: text/xml\r\n"
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


def _get(target: bytes, *more: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + _H + b"".join(line + b"\r\n" for line in more) + b"\r\n"


def post(body: bytes, *more: bytes, to: bytes = b"/tickets", kind: bytes | None = b"text/xml; charset=utf-8") -> bytes:
    """Return a whole request with an honest length."""
    typed = () if kind is None else (b"Content-Type: " + kind,)
    lines = (b"POST " + to + b" HTTP/1.1", _H[:-2], *typed, *more, b"Content-Length: %d" % len(body), b"", b"")
    return b"\r\n".join(lines) + body


def envelope(inside: str, namespace: str = SOAP11_NS, prolog: str = "", header: str = "") -> bytes:
    """Return a SOAP message with anything in its Body."""
    return (f'{prolog}<s:Envelope xmlns:s="{namespace}">{header}<s:Body>{inside}</s:Body></s:Envelope>').encode()


def call(inside: str = "", name: str = "ReserveTickets") -> str:
    """Return the element of an operation."""
    return f'<{name} xmlns="{NS}">{inside}</{name}>'


GOOD: Final = post(envelope(call()), b'SOAPAction: "' + NS.encode() + b'ReserveTickets"')
"""A proper call of an operation that is not safe."""

_LAUGHS: Final = (
    '<!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {to} "{f"&{of};" * 10}">' for of, to in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)
_QUADRATIC: Final = f'<!DOCTYPE b [<!ENTITY a "{"x" * 50_000}">]>'
_EXTERNAL: Final = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
_PARAMETER_ENTITY: Final = '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/evil.dtd"> %p;]>'


def _refused_doctype(prolog: str, inside: str = "", encoding: str = "utf-8", kind: bytes | None = None) -> Case:
    body = envelope(call(inside), prolog=prolog).decode().encode(encoding)
    sent = post(body) if kind is None else post(body, kind=kind)
    return Case((sent,), "doctype_refused", dialect="soap11", keeps=True)


def _malformed(pieces: bytes, reason: str = "http", **more: object) -> Case:
    return replace(Case((pieces,), "malformed", reason), **more)  # type: ignore[arg-type]  # the fields of Case


def _xml(body: bytes, reason: str, *lines: bytes, kind: bytes = b"text/xml; charset=utf-8", **more: object) -> Case:
    """A SOAP 1.1 request that can be read whole, so its connection is kept."""
    return _malformed(post(body, *lines, kind=kind), reason, dialect="soap11", keeps=True, **more)


def _rpc(body: bytes, state: str, reason: str | None) -> Case:
    return Case((post(body, to=b"/phones", kind=b"text/xml"),), state, reason, dialect="xmlrpc", keeps=True)


_LINES: Final = {
    "words": _malformed(b"hello there, how are you\r\n" + _H + b"\r\n"),
    "lower-case method": _malformed(b"get /tickets HTTP/1.1\r\n" + _H + b"\r\n"),
    "method of a caller's own": _malformed(b"RESERVE /tickets HTTP/1.1\r\n" + _H + b"\r\n"),
    "no target": _malformed(b"GET HTTP/1.1\r\n" + _H + b"\r\n"),
    "version 1.2": _malformed(b"GET / HTTP/1.2\r\n" + _H + b"\r\n"),
    "version 3.0": _malformed(b"GET / HTTP/3.0\r\n" + _H + b"\r\n"),
    "version of letters": _malformed(b"GET / HTTQ/1.1\r\n" + _H + b"\r\n"),
    "HTTP/0.9": _malformed(b"GET /tickets\r\n" + _H + b"\r\n"),
    "HTTP/0.9, nothing more": Case((b"GET /tickets\r\n",), "body_timeout", "head", origin="*"),
    "HTTP/2 preface": _malformed(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0", origin="*"),
    "TLS hello": _malformed(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), origin="*"),
    "SSH hello": _malformed(b"SSH-2.0-OpenSSH_9.6\r\n", origin="*"),
    "SOCKS hello": _malformed(b"\x05\x01\x00", origin="*"),
    "zeros": _malformed(bytes(4096), origin="*"),
    "spaces before the method": _malformed(b"  GET /tickets HTTP/1.1\r\n" + _H + b"\r\n"),
    "high byte in target": _malformed(b"GET /caf\xe9 HTTP/1.1\r\n" + _H + b"\r\n"),
    "NUL in target": _malformed(b"GET /a\x00b HTTP/1.1\r\n" + _H + b"\r\n"),
    "bare LF": _malformed(b"GET / HTTP/1.1\n" + _H.replace(b"\r", b"") + b"\n"),
    "CONNECT": Case(
        (b"CONNECT shop.example:443 HTTP/1.1\r\n" + _H + b"\r\n",), "method_not_allowed",
    ),
    "TRACE": Case((b"TRACE /tickets HTTP/1.1\r\n" + _H + b"\r\n",), "method_not_allowed", keeps=True),
    "PUT": Case((b"PUT /tickets HTTP/1.1\r\n" + _H + b"Content-Length: 3\r\n\r\nabc",), "method_not_allowed", keeps=True),
    "very long address": Case((b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + _H + b"\r\n",), "uri_too_long"),
    "endless address": Case((b"GET /" + b"a" * MIB,), "uri_too_long", origin="*"),
    # What comes first decides what it is called: ten bytes are no method yet, two hundred thousand would be a long line as well.
    "endless method": Case(
        (b"G" * 10, b"G" * 200_000 + b" / HTTP/1.1\r\n" + _H + b"\r\n"), "malformed", "http", gap_s=0.05
    ),
}  # fmt: skip
_HEADERS: Final = {
    "no Host": _malformed(b"POST /tickets HTTP/1.1\r\n" + _O + _XML + b"\r\n", dialect="soap11"),
    "two Hosts": _malformed(_SOAP + b"Host: other.example\r\n\r\n", dialect="soap11"),
    "Host with a path": _malformed(_get(b"/tickets").replace(b"sidecar.example", b"a/b@c")),
    "NUL in a header": _malformed(_SOAP + b"A: b\x00c\r\n\r\n", dialect="soap11"),
    "control in a header": _malformed(_RPC + b"A: \x01\r\n\r\n", dialect="xmlrpc"),
    "obs-fold": _malformed(_SOAP + b"A: b\r\n c\r\n\r\n", dialect="soap11"),
    "obs-fold in the SOAPAction": _malformed(_SOAP + b'SOAPAction: "urn:a\r\n b"\r\n\r\n', dialect="soap11"),
    "space before the colon": _malformed(_SOAP + b"SOAPAction : x\r\n\r\n", dialect="soap11"),
    "header without a colon": _malformed(_SOAP + b"Abc\r\n\r\n", dialect="soap11"),
    "header without a name": _malformed(_SOAP + b": x\r\n\r\n", dialect="soap11"),
    "bare LF in the headers": _malformed(_SOAP + b"A: b\nC: d\r\n\r\n", dialect="soap11"),
    "very long header": Case((_SOAP + b"Cookie: " + b"a" * 40_000 + b"\r\n\r\n",), "headers_too_large", dialect="soap11"),
    "very long header of an XML-RPC client": Case(
        (_RPC + b"Cookie: " + b"a" * 40_000 + b"\r\n\r\n",), "headers_too_large", dialect="xmlrpc"
    ),
    "very long header, Origin last": Case(
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 250_000 + b"\r\n" + _O + b"\r\n",), "headers_too_large"
    ),
    "300 headers": Case((_SOAP + b"A: b\r\n" * 300 + b"\r\n",), "headers_too_large", dialect="soap11"),
    "headers without an end": Case((_SOAP + b"A: b\r\n" * 60_000,), "headers_too_large", dialect="soap11"),
    "unicode in header values": replace(
        _malformed(post(envelope(call()), "X-Who: Łódź €".encode())), state="ok", reason=None, dialect="soap11", keeps=True
    ),
    "unicode in a header's name": _malformed(_SOAP + "Łódź: x\r\n\r\n".encode(), dialect="soap11"),
    "hop-by-hop by name": replace(
        _malformed(post(envelope(call()), b"Connection: close, SOAPAction, Content-Type, Authorization")),
        state="ok", reason=None, dialect="soap11",
    ),
    "Expect of something else": _malformed(
        post(envelope(call()), b"Expect: foo"), "expectation", dialect="soap11", status=417
    ),
    "Expect of something else, JSON": _malformed(_get(b"/tickets", b"Expect: 200-ok"), "expectation", status=417),
    "websocket": Case(
        (_get(b"/tickets", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),),
        "unsupported_media", "upgrade",
    ),
    "h2c": Case(
        (post(envelope(call()), b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),),
        "ok", dialect="soap11", keeps=True,
    ),
    "Sidecar-Timeout of words": _xml(envelope(call()), "http", b"Sidecar-Timeout: soon"),
    "Sidecar-Timeout below nothing": _xml(envelope(call()), "http", b"Sidecar-Timeout: -1"),
    "Sidecar-Timeout of 10^99": _xml(envelope(call()), "http", b"Sidecar-Timeout: " + b"9" * 99),
    "Sidecar-Timeout in Arabic digits": _xml(envelope(call()), "http", "Sidecar-Timeout: ٣".encode()),
    "X-Request-Id with a line break in percent": replace(
        _malformed(post(envelope(call()), b"X-Request-Id: abcdefgh%0d%0aSet-Cookie:x")),
        state="ok", reason=None, dialect="soap11", keeps=True,
    ),
    "X-Request-Id with markup": replace(
        _malformed(post(b"<a>", b"X-Request-Id: ]]></faultstring><script>alert(1)</script>")),
        reason="xml", dialect="soap11", keeps=True,
    ),
    "X-Request-Id of 30 KB": replace(
        _malformed(post(b"<a>", b"X-Request-Id: " + b"a" * 30_000)), reason="xml", dialect="soap11", keeps=True
    ),
    "X-Request-Id with a carriage return": _malformed(_SOAP + b"X-Request-Id: abcdefgh\rSet-Cookie: x\r\n\r\n", dialect="soap11"),
    "Accept of nonsense": replace(
        _malformed(post(b"<a>", b"Accept: ;;q=x,/,*/*;q=\xff,application/json;q=-1")), reason="xml", dialect="soap11", keeps=True
    ),
    "Accept of 3000 ranges": replace(
        _malformed(post(b"<a>", b"Accept: " + b"a/b," * 3_000 + b"application/problem+json")), reason="xml", keeps=True
    ),
    "Origin of nonsense": Case(
        (post(envelope(call())).replace(_O, b"Origin: \xff<>javascript:alert(1)\r\n"),),
        "origin_denied", dialect="soap11", keeps=True, origin=None,
    ),
    "Origin of a prefix": Case(
        (post(envelope(call())).replace(_O, b"Origin: https://shop.example.evil.example\r\n"),),
        "origin_denied", dialect="soap11", keeps=True, origin=None,
    ),
    "Origin null": Case(
        (post(envelope(call())).replace(_O, b"Origin: null\r\n"),), "origin_denied", dialect="soap11", keeps=True, origin=None
    ),
    "two Origins": Case(
        (post(envelope(call()), b"Origin: https://shop.example"),), "origin_denied", dialect="soap11", keeps=True, origin=None
    ),
}  # fmt: skip
_FRAMING: Final = {
    "CL and TE": _malformed(_SOAP + b"Content-Length: 3\r\n" + _CHUNKED + b"\r\nabc", dialect="soap11"),
    "TE and CL": _malformed(_RPC + _CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n", dialect="xmlrpc"),
    "two CLs that differ": _malformed(_SOAP + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", dialect="soap11"),
    "two CLs that agree": _malformed(_SOAP + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", dialect="soap11"),
    "CL list": _malformed(_SOAP + b"Content-Length: 3, 3\r\n\r\nabc", dialect="soap11"),
    "negative CL": _malformed(_SOAP + b"Content-Length: -3\r\n\r\nabc", dialect="soap11"),
    "signed CL": _malformed(_SOAP + b"Content-Length: +3\r\n\r\nabc", dialect="soap11"),
    "CL in hex": _malformed(_SOAP + b"Content-Length: 0x10\r\n\r\n", dialect="soap11"),
    "CL of 10^23": _malformed(_SOAP + b"Content-Length: 99999999999999999999999\r\n\r\n", dialect="soap11"),
    "CL of an exabyte": Case((_SOAP + b"Content-Length: 1152921504606846976\r\n\r\n",), "too_large", "body", "soap11"),
    "chunked, identity": _malformed(_SOAP + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", dialect="soap11"),
    "gzip, chunked": _malformed(_SOAP + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", dialect="soap11"),
    "chunked twice": _malformed(_SOAP + _CHUNKED + _CHUNKED + b"\r\n0\r\n\r\n", dialect="soap11"),
    "xchunked": _malformed(_SOAP + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", dialect="soap11"),
    "chunked after a tab": _malformed(_SOAP + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", dialect="soap11"),
    "TE from HTTP/1.0": _malformed(
        b"POST /tickets HTTP/1.0\r\n" + _H + _XML + _CHUNKED + b"\r\n0\r\n\r\n", dialect="soap11"
    ),
    "bad chunk size": _malformed(_SOAP + _CHUNKED + b"\r\nzz\r\n", dialect="soap11"),
    "negative chunk": _malformed(_RPC + _CHUNKED + b"\r\n-1\r\n\r\n", dialect="xmlrpc"),
    "chunk of 2^72": _malformed(_SOAP + _CHUNKED + b"\r\nffffffffffffffffff\r\n", dialect="soap11"),
    "bad chunk end": _malformed(_SOAP + _CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n", dialect="soap11"),
    "chunk extension flood": _malformed(
        _SOAP + _CHUNKED + b"\r\n1;" + b"a=b;" * 100_000 + b"\r\nx\r\n0\r\n\r\n", dialect="soap11"
    ),
    "trailers without an end": _malformed(
        _SOAP + _CHUNKED + b"\r\n3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 60_000, dialect="soap11"
    ),
    "trailer that is no header": _malformed(_SOAP + _CHUNKED + b"\r\n0\r\nabc\r\n\r\n", dialect="soap11"),
    "more than the CL": replace(
        _malformed(GOOD + b"more than was said\r\n\r\n"), dialect="json", first=1, origin="*"
    ),
    "garbage after a good one": _malformed(GOOD + b"%%%%\r\n" + _H + b"\r\n", first=1),
    "a chunked body too large": Case(
        (_SOAP + _CHUNKED + b"\r\n", *[b"10000\r\n" + b"a" * 65_536 + b"\r\n"] * 20), "too_large", "body", "soap11"
    ),
    "a body too large": Case((_RPC + b"Content-Length: 2000000\r\n\r\nabc",), "too_large", "body", "xmlrpc"),
    "a body too large, all of it": Case(
        (_RPC + b"Content-Length: 2000000\r\n\r\n", *[b"x" * 100_000] * 20), "too_large", "body", "xmlrpc"
    ),
    "slow header": Case((_SOAP[:-10],), "body_timeout", "head"),
    "slow header, byte by byte": Case(
        tuple(_SOAP[at : at + 1] for at in range(30)), "body_timeout", "head", gap_s=0.06, origin="*"
    ),
    "slow body": Case((_SOAP + b"Content-Length: 1000\r\n\r\n<a>",), "body_timeout", "body", "soap11"),
    "slow body, byte by byte": Case(
        (_RPC + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 30), "body_timeout", "body", "xmlrpc", gap_s=0.06
    ),
    "slow chunks": Case(
        (_SOAP + _CHUNKED + b"\r\n", *[b"1\r\nx\r\n"] * 30), "body_timeout", "body", "soap11", gap_s=0.06
    ),
    "a body that never begins": Case((_SOAP + b"Content-Length: 5\r\n\r\n",), "body_timeout", "body", "soap11"),
    "half a head, then FIN": Case((_SOAP,), "malformed", "incomplete", "soap11", then="fin"),
    "half a head, then RST": Case((_SOAP,), "", then="rst"),
    "half a body, then FIN": Case(
        (_SOAP + b"Content-Length: 1000\r\n\r\n<a>",), "malformed", "incomplete", "soap11", then="fin"
    ),
    "half a body, then RST": Case((_SOAP + b"Content-Length: 1000\r\n\r\n<a>",), "", then="rst"),
    "half a chunk, then FIN": Case(
        (_RPC + _CHUNKED + b"\r\n100\r\nabc",), "malformed", "incomplete", "xmlrpc", then="fin"
    ),
    "a whole good body less one byte, then FIN": Case((GOOD[:-1],), "malformed", "incomplete", "soap11", then="fin"),
    "a connection and nothing else": Case((b"",), "", then="fin"),
}  # fmt: skip
_TWICE: Final = {
    "two SOAPActions": _xml(envelope(call()), "duplicate_header", b"SOAPAction: urn:a", b"SOAPAction: urn:b"),
    "two SOAPActions in one": _xml(envelope(call()), "duplicate_header", b'SOAPAction: "urn:a", "urn:b"'),
    "two Content-Types": _malformed(_SOAP + b"Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n", dialect="soap11"),
    "two charsets": _xml(
        envelope(call()), "duplicate_header", kind=b"text/xml; charset=utf-8; charset=utf-16"
    ),
    "SOAPAction of another operation": replace(
        _xml(envelope(call()), "", b'SOAPAction: "' + NS.encode() + b'DestroyCache"'), state="operation_denied", reason="deny"
    ),
}  # fmt: skip
_XML_BOMBS: Final = {
    "DTD in UTF-8": _refused_doctype("<!DOCTYPE a>"),
    "DTD in lower case": _refused_doctype("<!doctype a>"),
    "DTD after a comment": _refused_doctype("<?xml version='1.0'?><!-- > --><?a b?><!DOCTYPE a>"),
    "DTD after 100 KB of spaces": _xml(envelope(call(), prolog=" " * 100_000 + "<!DOCTYPE a>"), "xml"),
    "DTD in UTF-16 LE": _refused_doctype("\ufeff<!DOCTYPE a>", encoding="utf-16-le", kind=b"text/xml"),
    "DTD in UTF-16 BE": _refused_doctype(
        "\ufeff<!DOCTYPE a>", encoding="utf-16-be", kind=b"text/xml; charset=utf-16"
    ),
    "DTD in UTF-7": Case(
        (post(envelope(call(), prolog="<!DOCTYPE a>").decode().encode("utf-7"), kind=b"text/xml; charset=utf-7"),),
        "unsupported_media", "charset", "soap11", keeps=True,
    ),
    "DTD in declared UTF-7": _xml(
        b'<?xml version="1.0" encoding="utf-7"?>' + envelope(call(), prolog="<!DOCTYPE a>").decode().encode("utf-7"),
        "charset", kind=b"text/xml",
    ),
    "billion laughs": _refused_doctype(_LAUGHS, "&j;"),
    "billion laughs to XML-RPC": _rpc(
        (_LAUGHS + "<methodCall><methodName>&j;</methodName></methodCall>").encode(), "doctype_refused", None
    ),
    "billion laughs in UTF-16": _refused_doctype("\ufeff" + _LAUGHS, "&j;", "utf-16-le", b"text/xml"),
    "quadratic blow-up": _refused_doctype(_QUADRATIC, "&a;" * 30_000),
    "external entity": _refused_doctype(_EXTERNAL, "&x;"),
    "external parameter entity": _refused_doctype(_PARAMETER_ENTITY),
    "undeclared entity": _xml(envelope(call("&x;")), "xml"),
    "a call behind an undeclared entity": _xml(b"<a>&x;" + b" " * 100_000 + envelope(call()), "xml"),
    "300 000 empty elements": _xml(envelope(call("<a/>" * 250_000)), "elements"),
    "a million empty elements": replace(_xml(envelope(call("<a/>" * 1_000_000)), "elements"), large=True),
    "a million empty elements, in UTF-16": replace(
        _xml(envelope(call("<a/>" * 1_000_000)).decode().encode("utf-16"), "elements", kind=b"text/xml; charset=utf-16"), large=True
    ),
    "7 MB of text": replace(
        _xml(envelope(call()) + b"<" + b"x" * (7 * MIB), "attributes"), large=True
    ),
    "7 MB of one comment": replace(
        _xml(envelope(call("<!--" + "x" * (7 * MIB))), "xml"), large=True
    ),
    "deep nesting": _xml(envelope(call("<a>" * 100 + "</a>" * 100)), "depth"),
    "very deep nesting": _xml(envelope(call("<a>" * 20_000 + "</a>" * 20_000)), "depth"),
    "nesting without an end": _xml(envelope(call("<a>" * 60_000)), "depth"),
    "100 000 attributes": _xml(
        envelope(call("<a " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>")), "attributes"
    ),
    "300 attributes": _xml(envelope(call("<a " + " ".join(f'a{n}=""' for n in range(300)) + "/>")), "attributes"),
    "a name of 60 KB": _xml(envelope(call(f"<{'a' * 60_000}/>")), "xml"),
    "1000 namespaces": _xml(
        envelope(call("<a " + " ".join(f'xmlns:a{n}="urn:{n}"' for n in range(1_000)) + "/>")), "attributes"
    ),
    "charset conflict": _xml(b'<?xml version="1.0" encoding="utf-16"?>' + envelope(call()), "charset"),
    "latin-1 in a utf-8 body": _xml(envelope(call("caf@")).replace(b"@", b"\xe9"), "xml"),
    "unknown charset": Case(
        (post(envelope(call()), kind=b"text/xml; charset=klingon"),), "unsupported_media", "charset", "soap11", keeps=True
    ),
    "unknown declared charset": _xml(
        b'<?xml version="1.0" encoding="klingon"?>' + envelope(call()), "charset", kind=b"text/xml"
    ),
    "BOM of another charset": _xml(envelope(call()).decode().encode("utf-16"), "charset"),
    "UTF-32": _xml(envelope(call()).decode().encode("utf-32"), "xml", kind=b"text/xml"),
    "gzip bomb": Case(
        (post(gzip.compress(b"<a>" + bytes(100 * MIB)), b"Content-Encoding: gzip"),),
        "unsupported_media", "content_encoding", "soap11", keeps=None,
    ),
    "gzip bomb that does not say so": _xml(gzip.compress(b"<a>" + bytes(100 * MIB)), "xml"),
    "small gzip": Case(
        (post(gzip.compress(envelope(call())), b"Content-Encoding: gzip"),),
        "unsupported_media", "content_encoding", "soap11", keeps=True,
    ),
    "deflate, br": Case(
        (post(b"x", b"Content-Encoding: deflate, br", to=b"/phones"),),
        "unsupported_media", "content_encoding", "xmlrpc", keeps=True,
    ),
}  # fmt: skip
_MESSAGES: Final = {
    "boxcar": _xml(envelope(call() + call(name="DestroyCache")), "boxcar"),
    "two Bodies": _xml(envelope(call() + "</s:Body><s:Body>" + call(name="DestroyCache")), "envelope"),
    "no Body": _xml(f'<s:Envelope xmlns:s="{SOAP11_NS}"/>'.encode(), "envelope"),
    "Body before Header": _xml(
        f'<s:Envelope xmlns:s="{SOAP11_NS}"><s:Body>{call()}</s:Body><s:Header/></s:Envelope>'.encode(), "envelope"
    ),
    "an empty Body": _xml(envelope(""), "operation"),
    "a Body of text": _xml(envelope("ReserveTickets"), "operation"),
    "wrong namespace of the envelope": _xml(envelope(call(), "http://schemas.xmlsoap.org/soap/envelope"), "envelope"),
    "no namespace of the envelope": _xml(b"<Envelope><Body><a/></Body></Envelope>", "envelope"),
    "SOAP 1.1 in application/soap+xml": _malformed(
        post(envelope(call()), kind=b"application/soap+xml"), "envelope", dialect="soap12", keeps=True
    ),
    "SOAP 1.2 in text/xml": Case((post(envelope(call(), SOAP12_NS)),), "ok", dialect="soap11", keeps=True),
    "HTML": _xml(b"<html><body>hello</body></html>", "envelope"),
    "JSON in text/xml": _xml(b'{"a": 1}', "xml"),
    "an empty body": _xml(b"", "xml"),
    "a body of spaces": _xml(b" \r\n\t " * 1000, "xml"),
    "NUL in the body": _xml(envelope(call("a\0b")), "xml"),
    "two documents": _xml(envelope(call()) * 2, "xml"),
    "a denied operation": Case(
        (post(envelope(call(name="DestroyCache"))),), "operation_denied", "deny", "soap11", keeps=True
    ),
    "a denied operation behind a comment": Case(
        (post(envelope("<!-- x --><?x y?>" + call(name="DestroyCache"))),), "operation_denied", "deny", "soap11", keeps=True
    ),
    "a form to SOAP": Case(
        (post(b"a=b", kind=b"application/x-www-form-urlencoded"),), "unsupported_media", "content_type", "asmx", keeps=True
    ),
    "multipart": Case(
        (post(b"--x\r\n\r\n--x--", kind=b"multipart/related; boundary=x"),),
        "unsupported_media", "content_type", "json", keeps=True,
    ),
    "no content type": Case((post(envelope(call()), kind=None),), "unsupported_media", "content_type", "json", keeps=True),
    "text/plain, as a page can send it unasked": Case(
        (post(envelope(call()), kind=b"text/plain"),), "unsupported_media", "content_type", "json", keeps=True
    ),
    "XML-RPC to SOAP": _xml(xmlrpc("reserve").body, "envelope"),
    "SOAP to XML-RPC": _rpc(soap11("ReserveTickets").body, "malformed", "envelope"),
    "multicall in a multicall": _rpc(multicall(multicall(xmlrpc("reserve"))).body, "malformed", "nested"),
    "multicall of too many": _rpc(multicall(*[xmlrpc("seats")] * 200).body, "too_large", None),
    "multicall of something else": _rpc(
        b"<methodCall><methodName>system.multicall</methodName><params><param><value><int>3</int></value></param></params>"
        b"</methodCall>",
        "malformed", "operation",
    ),
    "multicall of a denied method": _rpc(multicall(xmlrpc("seats"), xmlrpc("wipe")).body, "operation_denied", "deny"),
    "a method name with spaces inside": _rpc(xmlrpc("re serve").body, "malformed", "operation"),
    "a method name cut by a comment": _rpc(xmlrpc("reserve<!-- -->x").body.replace(b"&lt;", b"<"), "malformed", "operation"),
}  # fmt: skip
_PATHS: Final = {
    "nowhere": Case((_get(b"/nowhere"),), "not_found", "path", keeps=True),
    "duplicate parameter of ASMX": Case(
        (_get(b"/tickets/GetSeats?a=1&A=2"),), "invalid_params", "duplicate", "asmx", keeps=True
    ),
    "duplicate parameter across query and form": Case(
        (post(b"a=2", to=b"/tickets/GetSeats?a=1", kind=b"application/x-www-form-urlencoded"),),
        "invalid_params", "duplicate", "asmx", keeps=True,
    ),
    "2000 parameters": Case(
        (post(b"&".join(b"a%d=1" % n for n in range(2_000)), to=b"/tickets/GetSeats", kind=b"application/x-www-form-urlencoded"),),
        "too_large", None, "asmx", keeps=True,
    ),
    "mutation by link": Case((_get(b"/tickets/ReserveTickets?a=1"),), "operation_denied", "asmx_get", "asmx", keeps=True),
    "bad percent in the path": Case((_get(b"/tickets/Get%zzSeats"),), "not_found", "path", "json", keeps=True),
    "encoded slash": Case((_get(b"/tickets/..%2fadmin"),), "not_found", "path", "json", keeps=True),
    "encoded backslash": Case((_get(b"/tickets/..%5cadmin"),), "not_found", "path", "json", keeps=True),
    "dots": Case((_get(b"/tickets/../x"),), "not_found", "path", keeps=True),
    "dots at the end": Case((_get(b"/tickets/.."),), "not_found", "path", "json", keeps=True),
    "encoded dots": Case((_get(b"/tickets/%2e%2e"),), "not_found", "path", "json", keeps=True),
    "overlong UTF-8 dots": Case((_get(b"/tickets/%c0%ae%c0%ae"),), "not_found", "path", "json", keeps=True),
    "NUL in percent": Case((_get(b"/tickets/GetSeats%00"),), "not_found", "path", "json", keeps=True),
    "a path parameter": Case((_get(b"/tickets/GetSeats;x=1"),), "not_found", "path", "json", keeps=True),
    "two slashes": Case((_get(b"//tickets"),), "not_found", "path", keeps=True),
    "an endpoint that is not there": Case(
        (post(envelope(call()), to=b"/house/nowhere"),), "not_found", "path", "soap11", keeps=True
    ),
    "below an XML-RPC endpoint": Case((post(b"x", to=b"/phones/x"),), "not_found", "path", "xmlrpc", keeps=True),
    "absolute form of somebody else": Case(
        (post(envelope(call()), to=b"http://127.0.0.1:1/tickets"),), "ok", dialect="soap11", keeps=True
    ),
    "absolute form with credentials": Case(
        (post(envelope(call()), to=b"http://a:b@evil.example:99/tickets"),), "ok", dialect="soap11", keeps=True
    ),
    "authority form": _malformed(b"GET shop.example:443 HTTP/1.1\r\n" + _H + b"\r\n"),
    "asterisk form": _malformed(b"GET * HTTP/1.1\r\n" + _H + b"\r\n"),
    "asterisk form of OPTIONS": Case((b"OPTIONS * HTTP/1.1\r\n" + _H + b"\r\n",), "not_found", "path", keeps=True),
    "other scheme": Case((_get(b"gopher://evil.example/tickets"),), "method_not_allowed", keeps=True),
}  # fmt: skip

CASES: Final[dict[str, Case]] = {**_LINES, **_HEADERS, **_FRAMING, **_TWICE, **_XML_BOMBS, **_MESSAGES, **_PATHS}
