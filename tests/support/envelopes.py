"""Requests and replies in the five dialects, as the clients and backends of real life write them.

A `Wording` holds one dialect's request, reply and fault for an operation with parameters; `DIALECTS` has all five. The bytes
are built by plain templates on purpose: a test must not read what it checks through the product's own code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from tests.support.replies import Reply, http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NS = "http://boxoffice.example/"
SOAP11_NS = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12_NS = "http://www.w3.org/2003/05/soap-envelope"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True, slots=True)
class Request:
    """One request without a host: `raw(path)` gives its exact bytes."""

    method: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    suffix: str = ""  # what the operation adds to the path: "/Op?x=1" for ASMX, "/json/Op" for the facade

    def raw(
        self,
        path: str = "/tickets",
        *,
        host: str = "backend.example",
        headers: Sequence[tuple[str, str]] = (),
        version: str = "HTTP/1.1",
    ) -> bytes:
        """Return the whole request; `headers` are added after its own, a given Content-Length or Host replaces ours."""
        given = {name.lower() for name, _ in headers}
        own = [("Host", host), *self.headers]
        if self.method != "GET" and "transfer-encoding" not in given:
            own.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {path}{self.suffix} {version}"]
        lines += [f"{name}: {value}" for name, value in own if name.lower() not in given]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def _elements(params: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in params.items())


def _envelope(namespace: str, body: str, header: str = "") -> bytes:
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    text = f'<soap:Envelope xmlns:soap="{namespace}">{head}<soap:Body>{body}</soap:Body></soap:Envelope>'
    return (_DECLARATION + text).encode()


def soap11(
    operation: str, params: Mapping[str, object] | None = None, *, action: str | None = None, header: str = ""
) -> Request:
    """A document/literal SOAP 1.1 call; `action` replaces the canonical SOAPAction, quotes included."""
    body = f'<{operation} xmlns="{NS}">{_elements(params or {})}</{operation}>'
    quoted = f'"{NS}{operation}"' if action is None else action
    return Request(
        "POST",
        _envelope(SOAP11_NS, body, header),
        (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", quoted)),
    )


def soap12(
    operation: str, params: Mapping[str, object] | None = None, *, action: str | None = None, header: str = ""
) -> Request:
    """A document/literal SOAP 1.2 call; the action is a parameter of its Content-Type (RFC 3902)."""
    body = f'<{operation} xmlns="{NS}">{_elements(params or {})}</{operation}>'
    named = f"{NS}{operation}" if action is None else action
    content_type = f'application/soap+xml; charset=utf-8; action="{named}"'
    return Request("POST", _envelope(SOAP12_NS, body, header), (("Content-Type", content_type),))


def asmx_get(operation: str, params: Mapping[str, object] | None = None) -> Request:
    """.NET's HTTP-GET binding: the operation in the path, the parameters in the query."""
    query = urlencode({name: str(value) for name, value in (params or {}).items()})
    return Request("GET", b"", (), f"/{operation}" + (f"?{query}" if query else ""))


def asmx_post(operation: str, params: Mapping[str, object] | None = None) -> Request:
    """.NET's HTTP-POST binding: the operation in the path, the parameters as a form."""
    form = urlencode({name: str(value) for name, value in (params or {}).items()}).encode()
    return Request("POST", form, (("Content-Type", "application/x-www-form-urlencoded"),), f"/{operation}")


def xmlrpc(operation: str, params: Mapping[str, object] | None = None) -> Request:
    """An XML-RPC call whose one parameter is a struct of `params`, or without parameters."""
    body = f"<methodCall><methodName>{operation}</methodName><params>{_struct_param(params)}</params></methodCall>"
    return Request("POST", (_DECLARATION + body).encode(), (("Content-Type", "text/xml"),))


def json_call(operation: str, params: Mapping[str, object] | None = None) -> Request:
    """The JSON facade: the operation in the path, the parameters as an object."""
    body = json.dumps(dict(params or {})).encode()
    return Request("POST", body, (("Content-Type", "application/json"),), f"/json/{operation}")


def _struct_param(params: Mapping[str, object] | None) -> str:
    if not params:
        return ""
    members = "".join(f"<member><name>{n}</name>{_value(v)}</member>" for n, v in params.items())
    return f"<param><value><struct>{members}</struct></value></param>"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return f"<value><boolean>{int(value)}</boolean></value>"
    if isinstance(value, int):
        return f"<value><int>{value}</int></value>"
    return f"<value><string>{escape(str(value))}</string></value>"


# --- what a backend answers


def soap11_reply(operation: str, result: object = "done", *, header: str = "") -> bytes:
    """The body of a SOAP 1.1 reply with one result element."""
    return _envelope(SOAP11_NS, _result(operation, result), header)


def soap12_reply(operation: str, result: object = "done", *, header: str = "") -> bytes:
    """The body of a SOAP 1.2 reply with one result element."""
    return _envelope(SOAP12_NS, _result(operation, result), header)


def _result(operation: str, result: object) -> str:
    inner = f"<{operation}Result>{escape(str(result))}</{operation}Result>"
    return f'<{operation}Response xmlns="{NS}">{inner}</{operation}Response>'


def soap11_fault(code: str = "soap:Server", text: str = "The seat map is locked", detail: str = "") -> bytes:
    """The body of a SOAP 1.1 fault (section 4.4); `code` with its prefix."""
    inner = f"<faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring>"
    inner += f"<detail>{detail}</detail>" if detail else ""
    return _envelope(SOAP11_NS, f"<soap:Fault>{inner}</soap:Fault>")


def soap12_fault(code: str = "soap:Receiver", text: str = "The seat map is locked", detail: str = "") -> bytes:
    """The body of a SOAP 1.2 fault (part 1, section 5.4); `code` with its prefix."""
    inner = f"<soap:Code><soap:Value>{code}</soap:Value></soap:Code>"
    inner += f'<soap:Reason><soap:Text xml:lang="en">{escape(text)}</soap:Text></soap:Reason>'
    inner += f"<soap:Detail>{detail}</soap:Detail>" if detail else ""
    return _envelope(SOAP12_NS, f"<soap:Fault>{inner}</soap:Fault>")


def asmx_reply(_operation: str, result: object = "done") -> bytes:
    """What .NET answers on HTTP-GET and HTTP-POST: the bare result element."""
    return (_DECLARATION + f'<string xmlns="{NS}">{escape(str(result))}</string>').encode()


def asmx_fault(text: str = "The seat map is locked") -> bytes:
    """What .NET answers on HTTP-GET and HTTP-POST when the method throws: plain text, with a stack trace."""
    return f"System.InvalidOperationException: {text}\r\n   at BoxOffice.Reserve() in BoxOffice.asmx.cs:line 42\r\n".encode()


def xmlrpc_reply(_operation: str, result: object = "done") -> bytes:
    """The body of an XML-RPC response with one value."""
    return (
        _DECLARATION + f"<methodResponse><params><param>{_value(result)}</param></params></methodResponse>"
    ).encode()


def xmlrpc_fault(code: int = 4, text: str = "The seat map is locked") -> bytes:
    """The body of an XML-RPC fault."""
    members = f"<member><name>faultCode</name>{_value(code)}</member>"
    members += f"<member><name>faultString</name>{_value(text)}</member>"
    return (
        _DECLARATION + f"<methodResponse><fault><value><struct>{members}</struct></value></fault></methodResponse>"
    ).encode()


def multicall(*calls: Request) -> Request:
    """`system.multicall` of several XML-RPC calls."""
    members = "".join(_multicall_member(call) for call in calls)
    params = f"<param><value><array><data>{members}</data></array></value></param>"
    body = f"<methodCall><methodName>system.multicall</methodName><params>{params}</params></methodCall>"
    return Request("POST", (_DECLARATION + body).encode(), (("Content-Type", "text/xml"),))


def _multicall_member(call: Request) -> str:
    text = call.body.decode()
    name = text.partition("<methodName>")[2].partition("</methodName>")[0]
    params = text.partition("<params>")[2].partition("</params>")[0]
    values = params.replace("<param>", "").replace("</param>", "")
    return (
        f"<value><struct><member><name>methodName</name>{_value(name)}</member>"
        f"<member><name>params</name><value><array><data>{values}</data></array></value></member></struct></value>"
    )


@dataclass(frozen=True, slots=True)
class Wording:
    """One dialect: how its callers ask, and how a backend answers them and fails them."""

    name: str  # as in the table of states
    protocol: str  # soap | xmlrpc
    request: Callable[..., Request]
    reply: Reply
    fault: Reply


def wording(name: str, operation: str = "GetPerformances", result: object = "done") -> Wording:
    """Return dialect `name` with a backend's reply and fault for `operation`; JSON callers stand before a SOAP 1.1 backend."""
    as_soap11 = (http(soap11_reply(operation, result)), http(soap11_fault(), 500))
    soap12_type = "application/soap+xml; charset=utf-8"
    replies: dict[str, tuple[Callable[..., Request], str, Reply, Reply]] = {
        "soap11": (soap11, "soap", *as_soap11),
        "soap12": (
            soap12,
            "soap",
            http(soap12_reply(operation, result), content_type=soap12_type),
            http(soap12_fault(), 500, content_type=soap12_type),
        ),
        "asmx": (
            asmx_post,
            "soap",
            http(asmx_reply(operation, result)),
            http(asmx_fault(), 500, content_type="text/plain; charset=utf-8"),
        ),
        "xmlrpc": (
            xmlrpc,
            "xmlrpc",
            http(xmlrpc_reply(operation, result), content_type="text/xml"),
            http(xmlrpc_fault(), content_type="text/xml"),
        ),
        "json": (json_call, "soap", *as_soap11),
    }
    ask, protocol, reply, fault = replies[name]
    return Wording(name, protocol, ask, reply, fault)


DIALECTS = ("soap11", "soap12", "asmx", "xmlrpc", "json")
