"""Marked values through every door: session keys, passwords and card numbers, as people's browsers and old clients send them.

`Marks` makes values that stand nowhere else; `traffic` is every request that carries some: all operations of the box office in every
dialect, and all the ways in which a request or its reply goes wrong. What becomes of them is for the tests to say.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sidecar.demo.operations import OPERATIONS
from sidecar.demo.soap import NS, SOAP11, SOAP12
from tests.support.plays import Point, silent
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sidecar.demo.operations import Operation
    from tests.support.visit import Visit

WORD = "cnry"
"""Every marked word begins so."""
ODD = "oddc"
"""So begin words in places where nobody's secret belongs: in a path, a media type, a method. They may be remembered with their like."""
CARD = "49927398"
"""Every marked number begins so: as cards do, and nobody's."""

_LIKE_ONE = re.compile(
    rb"(?:cnry|oddc)[0-9a-f]{16}|49927398[0-9]{8}|YWRhOmNu[A-Za-z0-9+/]{24}"
)  # the last: ada:cnry in base64
_TEXT_XML = "text/xml; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
# What goes wrong at a backend that quotes what it was sent; the names are operations.
QUOTING = ("Faults", "Page", "Half", "Noise", "Resets", "Freezes", "Echoes")


class Marks:
    """Values that were made here, and in `made` all of them as they may be found again."""

    def __init__(self) -> None:
        self.made: set[str] = set()

    def word(self) -> str:
        return self._keep(WORD + secrets.token_hex(8))

    def odd(self) -> str:
        return self._keep(ODD + secrets.token_hex(8))

    def card(self) -> str:
        return self._keep(CARD + "".join(secrets.choice("0123456789") for _ in range(8)))

    def basic(self) -> str:
        """Return the value of an Authorization header; it is looked for as it is sent, and as it is meant."""
        return "Basic " + self._keep(base64.b64encode(f"ada:{self.word()}".encode()).decode())

    def found_in(self, text: str | bytes) -> set[str]:
        """Return the marks that stand in `text`, however long it is."""
        raw = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
        return self.made & {found.decode() for found in _LIKE_ONE.findall(raw)}

    def _keep(self, mark: str) -> str:
        self.made.add(mark)
        return mark


def traffic(marks: Marks) -> Iterator[bytes]:
    """Give every request, each with marks of its own. Bodies are framed; a request that is none ends its connection."""
    yield from _operations(marks)
    yield from _gone_wrong(marks)
    yield from _broken(marks)


def ordinary() -> Iterator[bytes]:
    """Give requests of the same kinds without any mark: what comes next on a usual day."""
    for operation in OPERATIONS:
        for form in _in_each_dialect(operation, _usual(operation)):
            yield post(*form)


def bodies(marks: Marks) -> Iterator[bytes]:
    """Give calls that carry their marks in the body alone, in every dialect, and some that are refused before it is read."""
    for operation in OPERATIONS:
        for form in _in_each_dialect(operation, _marked(operation, marks)):
            yield post(*form)


# --- every operation in every dialect


def _operations(marks: Marks) -> Iterator[bytes]:
    for operation in OPERATIONS:
        for params in (_marked(operation, marks), {**_marked(operation, marks), **_fitting(operation)}):
            for path, media, body, more in _in_each_dialect(operation, params):
                yield post(path, media, body, {**more, **_secrets(marks)})
                if operation.name in ("HelloWorld", "Checkout"):  # one that takes no key, and one that does
                    yield post(path, media, body, {**more, **_secrets(marks), "Idempotency-Key": marks.word()})
            query = urlencode(params)
            yield get(f"/tickets/{operation.name}?{query}", _secrets(marks))
            yield get(f"/tickets/{operation.name}?{query}", {"Accept": "application/json"})


def _in_each_dialect(
    operation: Operation, params: Mapping[str, str]
) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    action = {"SOAPAction": f'"urn:box-office/{operation.name}"'}
    yield "/tickets", _TEXT_XML, soap(operation.name, params), action
    yield "/tickets", _TEXT_XML, soap(operation.name, params), {**action, "Accept": "application/json"}
    yield "/tickets", "application/soap+xml; charset=utf-8", soap(operation.name, params, SOAP12), {}
    yield f"/tickets/{operation.name}", _FORM, urlencode(params).encode(), {}
    yield "/boxrpc", "text/xml", xmlrpc(operation.rpc, params), {}
    yield f"/tickets/json/{operation.name}", "application/json", repr(dict(params)).encode(), {}


def _marked(operation: Operation, marks: Marks) -> dict[str, str]:
    return {
        param.name: "Y" if param.type == "char" else marks.card() if param.type == "int" else marks.word()
        for param in operation.params
    }


def _fitting(operation: Operation) -> dict[str, str]:
    """Return numbers that the operation takes, so that it gets as far as its session key and its card."""
    usual = {"iPerformanceNumber": "1201", "iCCMonth": "12", "iCCYear": "2030", "iRows": "3", "OrderNumber": "0"}
    return {param.name: usual.get(param.name, "1") for param in operation.params if param.type == "int"}


def _usual(operation: Operation) -> dict[str, str]:
    return {param.name: "Y" if param.type == "char" else "usual" for param in operation.params} | _fitting(operation)


def _secrets(marks: Marks) -> dict[str, str]:
    """Return what stands in the head of such requests."""
    return {
        "Cookie": f"ASP.NET_SessionId={marks.word()}; theme=dark",
        "Authorization": marks.basic(),
        "X-Session-Token": marks.word(),
        "Referer": f"https://shop.example/pay?session={marks.word()}",
        "baggage": f"session={marks.word()}",
        "tracestate": f"shop={marks.word()}",
        "traceparent": marks.word(),
        "Sidecar-Client": marks.word(),
    }


# --- what the backend makes of it


def _gone_wrong(marks: Marks) -> Iterator[bytes]:
    for path in ("/quoting", "/dead", "/narrow"):
        for name in QUOTING:
            more = {"Sidecar-Timeout": "300ms", **_secrets(marks)}
            inside = {"sSessionKey": marks.word(), "sCCNumber": marks.card()}
            yield post(path, _TEXT_XML, soap(name, inside), more)
            yield post(path, "application/soap+xml", soap(name, inside, SOAP12), {**more, "Accept": "application/json"})
            yield post(f"{path}/{name}", _FORM, urlencode(inside).encode(), more)
            yield get(f"{path}/{name}?{urlencode(inside)}", more)
            yield post(f"{path}rpc", "text/xml", xmlrpc(name, inside), more)


async def quoting(visit: Visit) -> None:
    """A backend that repeats what it was sent in whatever it answers; the operation's name says in which."""
    body = await visit.body()
    asked = visit.entry.target.encode() + body
    name = next((each for each in QUOTING if each.encode() in asked), "Echoes")
    said = asked.decode("utf-8", "replace").replace("<", "&lt;").replace("]]>", "").encode()
    match name:
        case "Faults":
            fault = (
                b"<f:Fault><faultcode>f:Server</faultcode><faultstring>no seat for "
                + said
                + b"</faultstring></f:Fault>"
            )
            await visit.answer(http(_envelope(fault, SOAP11), 500, content_type=_TEXT_XML))
        case "Page":
            await visit.answer(http(b"<html><body>Runtime Error in " + said + b"</body></html>"))
        case "Half":
            await visit.answer(http(_envelope(said, SOAP11)[:-20], content_type=_TEXT_XML))
        case "Noise":
            await visit.send(b"HTTP/1.1 " + said[:200] + b"\r\n\r\n")
        case "Resets":
            visit.wire.rst()
        case "Freezes":
            await silent()(visit)
        case _:
            await visit.reach(Point.BODY)
            reply = http(_envelope(b"<EchoesResponse>" + said + b"</EchoesResponse>", SOAP11), content_type=_TEXT_XML)
            await visit.answer(reply)


# --- what is no proper request


def _broken(marks: Marks) -> Iterator[bytes]:
    word, card, odd = marks.word, marks.card, marks.odd
    yield post("/tickets", _TEXT_XML, b"<a>" + word().encode())
    yield post("/tickets", _TEXT_XML, b"<!DOCTYPE a [<!ENTITY b '" + word().encode() + b"'>]><a>&b;</a>")
    yield post("/tickets", _TEXT_XML, soap("GetCart", {"sWebSessionID": word()})[:-30])
    yield post(
        "/tickets", _TEXT_XML, soap("GetCart", {"sWebSessionID": word()}), {"SOAPAction": '"urn:box-office/Checkout"'}
    )
    yield post("/tickets", _TEXT_XML, soap("GetCart", {"a" * 300: word()}), {"SOAPAction": f'"urn:{odd()}"'})
    yield post("/tickets", _TEXT_XML, b"<e>" * 100 + word().encode() + b"</e>" * 100)
    yield post("/tickets", _TEXT_XML, _envelope(b"<GetCart/><Checkout>" + card().encode() + b"</Checkout>", SOAP11))
    yield post("/tickets", f"text/xml; charset={odd()}", soap("GetCart", {}))
    yield post("/tickets", f"text/plain; session={odd()}", word().encode())
    yield post("/tickets", _TEXT_XML, word().encode(), {"Content-Encoding": "gzip"})
    yield post("/tickets", _TEXT_XML, b"\xff\xfe" + word().encode("utf-16-le"))
    yield post("/tickets", _TEXT_XML, soap("GetCart", {"sWebSessionID": word()}), {"Authorization": f"NTLM {word()}"})
    yield post("/tickets", _TEXT_XML, soap("GetCart", {}), {"Sidecar-Timeout": word()})
    yield post("/tickets/Checkout", _FORM, f"sCCNumber={card()}&sCCNumber={card()}".encode())
    yield get(f"/tickets/Checkout?sCCNumber={card()}&sSessionKey={word()}")
    yield get(f"/tickets/HelloWorld?a={word()}&A={word()}")
    yield get(f"/tickets/GetCart?{'&'.join(f'a{n}={word()}' for n in range(300))}")
    yield get(f"/tickets?wsdl&session={word()}")
    yield get(f"/tickets/GetCart/{odd()}/{odd()}?session={word()}")
    yield get(f"/nowhere/{odd()}?session={word()}")
    yield get(f"/.sidecar/healthz?token={word()}", {"Authorization": f"Bearer {word()}"})
    yield get(f"/.sidecar/{odd()}?session={word()}")
    yield post("/boxrpc", "text/xml", b"<methodCall><methodName>tickets.cart</methodName>" + word().encode())
    yield post("/boxrpc", "text/xml", _multicall("tickets.destroy_cache", word()))
    yield post("/boxrpc", "text/xml", _multicall("tickets.cart", word()))
    yield get(f"/boxrpc?session={word()}")
    yield post("/tickets", _TEXT_XML, (word() * 100_000).encode()[:1_500_000])
    yield get(f"/tickets?session={word()}{'x' * 40_000}{word()}")
    yield get("/tickets", {"X-Session-Token": word() + "x" * 40_000 + word()})
    yield get("/tickets", {f"X-{number}": word() for number in range(140)})
    yield get(f"/tickets?session={word()}", {"Host": f"{odd()}@evil/"})
    yield get(f"/tickets?session={word()}", {"Upgrade": "websocket", "Connection": "Upgrade"})
    yield post("/tickets", _TEXT_XML, b"", {"Expect": word()})
    yield f"CONNECT {odd()}:443 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    yield f"PUT /tickets?session={word()} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()
    yield f"GET /tickets?session={word()} SECRET/{word()}\r\nHost: a\r\n\r\n".encode()
    yield f"{odd()} {odd()}\r\n\r\n".encode()
    yield f"GET /tickets HTTP/1.1\r\nHost: a\r\nX-Session-Token {word()}\r\n\r\n".encode()
    head = f"POST /tickets?s={word()} HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"
    yield f"{head}Transfer-Encoding: chunked\r\n\r\nzz{word()}\r\n".encode()
    yield f"{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{word()}".encode()
    yield f"{head}Content-Length: 900\r\n\r\n{word()}".encode()  # and its sender has gone


# --- bytes


def soap(operation: str, params: Mapping[str, str], version: str = SOAP11) -> bytes:
    """Return an envelope of the box office's own namespace."""
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in params.items())
    return _envelope(f'<{operation} xmlns="{NS}">{inside}</{operation}>'.encode(), version)


def xmlrpc(method: str, params: Mapping[str, str]) -> bytes:
    """Return a call with its parameters by position."""
    inside = "".join(
        f"<param><value>{f'<int>{value}</int>' if value.isdigit() and len(value) < 10 else value}</value></param>"
        for value in params.values()
    )
    return f"<methodCall><methodName>{method}</methodName><params>{inside}</params></methodCall>".encode()


def _multicall(method: str, value: str) -> bytes:
    inside = (
        f"<value><struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name>"
        f"<value><array><data><value>{value}</value></data></array></value></member></struct></value>"
    )
    whole = f"<params><param><value><array><data>{inside}</data></array></value></param></params>"
    return f"<methodCall><methodName>system.multicall</methodName>{whole}</methodCall>".encode()


def _envelope(body: bytes, version: str) -> bytes:
    return b'<f:Envelope xmlns:f="' + version.encode() + b'"><f:Body>' + body + b"</f:Body></f:Envelope>"


def post(path: str, media: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole POST."""
    lines = {"Host": "a", "Content-Type": media, "Content-Length": str(len(body)), **(headers or {})}
    return _head("POST", path, lines) + body


def get(target: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole GET."""
    return _head("GET", target, {"Host": "a", **(headers or {})})


def _head(method: str, target: str, lines: Mapping[str, str]) -> bytes:
    return "\r\n".join(
        [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    ).encode("latin-1")
