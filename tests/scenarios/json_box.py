"""A box office as its JSON callers meet it: a WSDL with every kind of trouble in it, a backend that does what a test says, a sidecar.

Stands behind the scenarios of the JSON facade. It knows both ends of the wire, and nothing of what a test expects between them.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from tests.scenarios.theatre import SHOP, SOAP11, SOAP12
from tests.support import envelopes as env
from tests.support.backend import ThreadBackend
from tests.support.client import ask
from tests.support.plays import Play, answer
from tests.support.process import SidecarProcess
from tests.support.replies import Reply, html, http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.journal import Entry, Journal
    from tests.support.visit import Visit

JSON: Final = ("Content-Type", "application/json")

_INT, _TEXT = "s:int", "s:string"
# What each takes and gives, as (name, type) pairs.
OPERATIONS: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    "GetSeats": ({"iEvent": _INT, "sHall": _TEXT}, {"GetSeatsResult": "t:ArrayOfSeat"}),
    "GetNote": ({"sNote": _TEXT}, {"GetNoteResult": _TEXT}),
    "GetKept": ({"iEvent": _INT}, {"GetKeptResult": _TEXT}),
    "GetOld": ({"iEvent": _INT}, {"GetOldResult": _TEXT}),
    "GetPublic": ({"iEvent": _INT}, {"GetPublicResult": _TEXT}),
    "GetNumbers": ({}, {"GetNumbersResult": "t:ArrayOfInt"}),
    "GetStandIn": ({}, {"GetStandInResult": _INT}),
    "GetMisfit": ({}, {"GetMisfitResult": _INT}),
    "GetOrder": ({"iOrder": _INT}, {"GetOrderResult": _TEXT}),
    "GetBroken": ({"oFilter": "missing:Filter"}, {"GetBrokenResult": _TEXT}),
    "Reserve": ({"iEvent": _INT, "iNumberOfSeats": _INT, "sNote": _TEXT}, {"ReserveResult": _INT}),
    "Checkout": ({"sNote": _TEXT}, {"CheckoutResult": _INT}),
    "DestroyCache": ({}, {}),
    "GetSecrets": ({}, {"GetSecretsResult": _TEXT}),
}
RESULTS: Final[dict[str, object]] = {
    "GetSeats": "<Seat Row='A'><Number>1</Number><Price>12.50</Price></Seat>",
    "GetNumbers": "<int>7</int>",
    "GetStandIn": 1,
    "GetMisfit": 1,
    "Reserve": 2,
    "Checkout": 4711,
}
_TYPES: Final = (
    '<s:complexType name="ArrayOfSeat"><s:sequence><s:element minOccurs="0" maxOccurs="unbounded" name="Seat" type="t:Seat"/>'
    '</s:sequence></s:complexType><s:complexType name="Seat"><s:sequence><s:element name="Number" type="s:int"/>'
    '<s:element name="Price" type="s:decimal"/></s:sequence><s:attribute name="Row" type="s:string"/></s:complexType>'
    '<s:complexType name="ArrayOfInt"><s:sequence><s:element minOccurs="0" maxOccurs="unbounded" name="int" type="s:int"/>'
    '</s:sequence></s:complexType><s:element name="SeatsGone"><s:complexType><s:sequence><s:element name="Left" type="s:int"/>'
    '<s:element maxOccurs="unbounded" name="Row" type="s:string"/></s:sequence></s:complexType></s:element>'
    '<s:element name="string" nillable="true" type="s:string"/>'
)


def wsdl(more: Mapping[str, tuple[dict[str, str], dict[str, str]]] | None = None, *, schema: str = "") -> str:
    """Return the WSDL of all operations and `more`; `schema` goes before the elements."""
    operations = {**OPERATIONS, **(more or {})}
    elements = "".join(
        _element(name, takes) + _element(f"{name}Response", gives) for name, (takes, gives) in operations.items()
    )
    messages = "".join(
        f'<message name="{name}{way}"><part name="parameters" element="t:{name}{tail}"/></message>'
        for name in operations
        for way, tail in (("In", ""), ("Out", "Response"))
    )
    declared = "".join(
        f'<operation name="{name}"><input message="t:{name}In"/><output message="t:{name}Out"/>'
        f'<fault name="Gone" message="t:GoneFault"/></operation>'
        for name in operations
    )
    ports = "".join(
        f'<port name="{name}" binding="t:{name}"><{prefix}:address location="http://backend.example/box.asmx"/></port>'
        for name, prefix in (("Soap11", "soap"), ("Soap12", "soap12"), ("Get", "h"))
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" '
        'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" '
        'xmlns:h="http://schemas.xmlsoap.org/wsdl/http/" xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/" '
        f'xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns:t="{env.NS}" targetNamespace="{env.NS}"><types>'
        f'<s:schema elementFormDefault="qualified" targetNamespace="{env.NS}" xmlns:missing="urn:nobody-has-it">'
        f'{schema}{elements}{_TYPES}</s:schema></types>{messages}{_GET_MESSAGES}<message name="GoneFault">'
        f'<part name="detail" element="t:SeatsGone"/></message><portType name="Port">{declared}</portType>{_GET}'
        f"{_binding(operations, 'soap', 'Soap11')}{_binding(operations, 'soap12', 'Soap12')}"
        f'<service name="Box">{ports}</service></definitions>'
    )


_GET_MESSAGES: Final = (
    '<message name="KeptGetIn"><part name="iEvent" type="s:string"/></message>'
    '<message name="KeptGetOut"><part name="Body" element="t:string"/></message>'
)
_GET: Final = (
    '<portType name="GetPort"><operation name="GetKept"><input message="t:KeptGetIn"/><output message="t:KeptGetOut"/>'
    '</operation></portType><binding name="Get" type="t:GetPort"><h:binding verb="GET"/><operation name="GetKept">'
    '<h:operation location="/GetKept"/><input><h:urlEncoded/></input><output><m:mimeXml part="Body"/></output>'
    "</operation></binding>"
)


def _element(name: str, members: Mapping[str, str]) -> str:
    inside = "".join(f'<s:element minOccurs="0" name="{each}" type="{kind}"/>' for each, kind in members.items())
    return f'<s:element name="{name}"><s:complexType><s:sequence>{inside}</s:sequence></s:complexType></s:element>'


def _binding(operations: Mapping[str, object], prefix: str, name: str) -> str:
    each = "".join(
        f'<operation name="{name}"><{prefix}:operation soapAction="{env.NS}{name}" style="document"/>'
        f'<input><{prefix}:body use="literal"/></input><output><{prefix}:body use="literal"/></output>'
        f'<fault name="Gone"><{prefix}:fault name="Gone" use="literal"/></fault></operation>'
        for name in operations
    )
    transport = "http://schemas.xmlsoap.org/soap/http"
    return f'<binding name="{name}" type="t:Port"><{prefix}:binding transport="{transport}"/>{each}</binding>'


def replying(operation: str, inside: object = "done", *, version: str = SOAP11) -> Reply:
    """Return a good reply; `inside` is the XML of its result."""
    namespace = env.SOAP12_NS if version == SOAP12 else env.SOAP11_NS
    result = f"<{operation}Result>{inside}</{operation}Result>"
    return http(envelope(f'<{operation}Response xmlns="{env.NS}">{result}</{operation}Response>', namespace),
                content_type=version)  # fmt: skip


def envelope(body: str, namespace: str = env.SOAP11_NS) -> bytes:
    """Return an envelope around a body."""
    return f'<e:Envelope xmlns:e="{namespace}"><e:Body>{body}</e:Body></e:Envelope>'.encode()


RULES: Final[dict[str, Any]] = {
    "Get*": {"safe": True},
    "GetKept": {"safe": True, "cache": {"ttl": "1h"}},
    "GetOld": {"safe": True, "cache": {"ttl": "10ms", "browser": "2s", "stale_if_error": "1h", "jitter": "0%"}},
    "GetPublic": {"safe": True, "shared": "drop", "cache": {"ttl": "1h", "browser": "5s", "public": True}},
    "GetStandIn": {"safe": True, "fallback": [{"on": ["backend_bad_reply"], "data": {"GetStandInResult": 7}}]},
    "GetMisfit": {"safe": True, "fallback": [{"on": ["backend_bad_reply"], "data": {"GetMisfitResult": "seven"}}]},
    "Reserve": {"confirm": {"operation": "GetOrder"}},
    "Checkout": {"idempotency": {"key": "header"}, "confirm": {"operation": "GetOrder"}},
}
BACKEND: Final[dict[str, Any]] = {
    "protocol": "soap",
    "expose": ["Get*", "Reserve", "Checkout"],
    "deny": ["GetSecrets"],
    "asmx_get": "safe",
    "timeouts": {"connect": "1s", "first_byte": "1s", "total": "2s"},
    "ghost": "300ms",
    "limit": {"fixed": 8},
    "breaker": {"mode": "off"},  # one failure after the other: each is looked at alone
    "retry": {"budget": "0%"},
    "operations": RULES,
    "faults": [{"match": {"faultstring": "*is not on sale*"}, "state": "business_no"}],
    "results": [
        {"operation": "Reserve", "when": {"path": "ReserveResult", "eq": 0}, "state": "sold_out"},
        {"operation": "Reserve", "when": {"path": "ReserveResult", "lt": {"param": "iNumberOfSeats"}}, "state": "partial"},
    ],
}  # fmt: skip
RPC: Final[dict[str, Any]] = {
    "protocol": "xmlrpc",
    "expose": ["*"],
    "timeouts": BACKEND["timeouts"],
    "ghost": "300ms",
    "breaker": {"mode": "off"},
    "retry": {"budget": "0%"},
    "operations": {"get*": {"safe": True}},
    "signatures": {"getSeats": {"params": [{"name": "event", "type": "int"}], "returns": {"array": "int"}}},
    "faults": [{"match": {"faultstring": "*is not on sale*"}, "state": "business_no"}],
}


class Box:
    """The backend, by path and operation, and whatever stands before it."""

    def __init__(self, backend: ThreadBackend, url: str = "") -> None:
        self.backend, self.url = backend, url
        self.documents: dict[str, Reply] = {}  # by path; a WSDL where there is no other word
        self._plays: dict[str, Play] = {}
        backend.play(self._play)

    async def _play(self, visit: Visit) -> None:
        operation = await visit.peek() or ""
        path, _, query = visit.entry.target.partition("?")
        if query.lower() == "wsdl" or path.endswith(".xsd"):
            await answer(self.documents.get(path, http(wsdl())), executes=None)(visit)
        elif play := self._plays.get(operation):
            await play(visit)
        else:
            await answer(_usual(operation, visit))(visit)

    @contextlib.contextmanager
    def doing(self, operation: str, play: Play | Reply) -> Iterator[None]:
        """For the length of the block, let one operation do this."""
        self._plays[operation] = answer(play) if isinstance(play, Reply) else play
        try:
            yield
        finally:
            del self._plays[operation]

    def asked(self, operation: str) -> list[Entry]:
        """Return the calls of an operation that have come."""
        return [each for each in self.backend.journal if each.operation == operation and each.body_whole]

    def came(self, operation: str, count: int) -> None:
        """Wait until so many calls of an operation are here; blocks, for a thread."""

        def there(_: Journal) -> bool:
            return len(self.asked(operation)) >= count

        self.backend.call(self.backend.journal.until(there))

    # --- as a page calls

    async def post(self, operation: str, said: object = None, *headers: tuple[str, str], at: str = "box") -> Response:
        """Call in JSON; bytes go as they are."""
        body = said if isinstance(said, bytes) else json.dumps({} if said is None else said).encode()
        return await ask(self.url, posting(f"/{at}/json/{operation}", body, *headers))

    async def get(self, target: str, *headers: tuple[str, str], method: str = "GET") -> Response:
        """Ask for what stands at a path of ours."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return await ask(self.url, f"{method} {target} HTTP/1.1\r\nHost: api.example\r\n{lines}\r\n".encode())

    async def native(self, operation: str, params: Mapping[str, object] | None = None, *, at: str = "box") -> Response:
        """Call as a SOAP 1.1 client does."""
        return await ask(self.url, env.soap11(operation, params or {}).raw(f"/{at}"))


def posting(path: str, body: bytes, *headers: tuple[str, str]) -> bytes:
    """Return the bytes of a POST; JSON where `headers` say nothing else."""
    given = {name.lower() for name, _ in headers}
    lines = [f"POST {path} HTTP/1.1", "Host: api.example"]
    lines += [] if "content-type" in given else [": ".join(JSON)]
    lines += [] if "content-length" in given else [f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1") + body


def _usual(operation: str, visit: Visit) -> Reply:
    if "/rpc" in visit.entry.target:
        return http(rpc_reply("<array><data><value><int>7</int></value></data></array>"), content_type="text/xml")
    if visit.entry.method == "GET":
        return http(env.asmx_reply(operation))
    version = SOAP12 if "soap+xml" in (visit.entry.header("content-type") or "") else SOAP11
    return replying(operation, RESULTS.get(operation, "done"), version=version)


def rpc_reply(value: str) -> bytes:
    """Return a methodResponse around a value."""
    return f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>".encode()


def flat(body: bytes) -> bytes:
    """Return XML without its prefixes."""
    return re.sub(rb"(</?)[\w.-]+:", rb"\1", body)


def rpc_fault(code: int, text: str) -> bytes:
    """Return a methodResponse that is a fault."""
    return env.xmlrpc_fault(code, text)


def settings(backend: ThreadBackend, **backends: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an operator would write: `box` and `rpc`, and others: SOAP by what differs from `box`, XML-RPC whole."""
    made = {
        name: {"url": f"{backend.url}/rpc/{name}", **more}
        if more.get("protocol") == "xmlrpc"
        else {"url": f"{backend.url}/{name}.asmx", **BACKEND, **more}
        for name, more in backends.items()
    }
    return {
        "cors": {"origins": [SHOP]},
        "limits": {"request_body": "3MiB"},
        "backends": {
            "box": {"url": f"{backend.url}/box.asmx", **BACKEND},
            "rpc": {"url": f"{backend.url}/rpc", **RPC},
            **made,
        },
    }


@contextlib.contextmanager
def opened(directory: Path, **backends: Mapping[str, Any]) -> Iterator[tuple[Box, SidecarProcess]]:
    """Run both; documents that cannot be had lie at backends of these names."""
    with ThreadBackend() as backend:
        box = Box(backend)
        box.documents |= {
            "/none.asmx": http("no", 404, content_type="text/plain"),
            "/html.asmx": html(),
            "/half.asmx": http(wsdl()[:4000]),
        }
        with SidecarProcess(settings(backend, **backends), directory) as sidecar:
            box.url = sidecar.url
            yield box, sidecar
