"""A backend that does what the operation's name says, in the dialect that it is asked in, and a sidecar's settings before it.

Stands behind the scenario and browser tests. It knows the names below and nothing of what a test expects.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import envelopes as env
from tests.support.backend import ThreadBackend
from tests.support.plays import Gate, Point, answer, by_operation, silent
from tests.support.process import SidecarProcess
from tests.support.replies import Reply, html, http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.envelopes import Request
    from tests.support.visit import Visit

SHOP = "https://shop.example"
STRANGER = "https://stranger.example"

# Each name once as it stands, for an operation that may change something, and once with Get before it, for a safe one.
OPERATIONS = (
    "Fine",
    "Freeze",
    "Html",
    "Faulty",
    "Blames",
    "NotOnSale",
    "ReserveSome",
    "ReserveNone",
    "Forbidden",
    "Crash",
    "CrashLate",
    "Kept",
    "Old",
    "StandIn",
    "Keyed",
    "KeyedMust",
    "Rated",
)
STAND_IN = Path(__file__).with_name("stand_in.xml")
SEATS_ASKED = 5
SEATS_GOT = 2

SOAP11 = "text/xml; charset=utf-8"
SOAP12 = "application/soap+xml; charset=utf-8"


def call(dialect: str, operation: str, *, params: dict[str, object] | None = None) -> Request:
    """Return a request for `operation` in `dialect`; json is a SOAP 1.1 call whose sender reads problem+json."""
    given = {"iNumberOfSeats": SEATS_ASKED} if params is None else params
    makers = {"soap12": env.soap12, "asmx": env.asmx_post, "xmlrpc": env.xmlrpc}
    made = makers.get(dialect, env.soap11)(operation, given)
    if dialect != "json":
        return made
    return env.Request(made.method, made.body, (*made.headers, ("Accept", "application/json")), made.suffix)


async def stage(visit: Visit, gate: Gate | None = None) -> None:
    """The play: look at the operation, answer in the caller's dialect, at `gate` where there is one."""
    operation = (await visit.peek() or "").removeprefix("Get").removeprefix("get")
    if visit.entry.method == "GET" and visit.entry.target.lower().endswith("?wsdl"):
        await answer(http(wsdl()), executes=None)(visit)
        return
    if operation == "Freeze":
        await silent()(visit)
        return
    executes = None if operation in ("Faulty", "Blames", "NotOnSale", "ReserveNone") else Point.BODY
    visit.executes = executes
    await visit.read_to(Point.BODY)
    dialect = _dialect(visit)
    await answer(_reply(dialect, operation, visit.entry.operation or ""), executes=executes, gate=gate)(visit)


def _dialect(visit: Visit) -> str:
    kind = visit.entry.header("content-type") or ""
    if "soap+xml" in kind:
        return "soap12"
    if "form" in kind or not kind:
        return "asmx"
    return "xmlrpc" if b"<methodCall" in visit.entry.raw_body else "soap11"


def _reply(dialect: str, behaviour: str, operation: str) -> Reply:
    if behaviour in ("Html", "StandIn"):
        return html()
    if behaviour == "Faulty":
        return _fault(dialect, "Server", "The seat map is locked")
    if behaviour == "Blames":
        return _fault(dialect, "Client", "The session key is missing")
    if behaviour == "NotOnSale":
        return _fault(dialect, "Server", "Performance 7 is not on sale")
    result: object = {"ReserveSome": SEATS_GOT, "ReserveNone": 0}.get(behaviour, "done")
    made = {"soap12": env.soap12_reply, "asmx": env.asmx_reply, "xmlrpc": env.xmlrpc_reply}.get(
        dialect, env.soap11_reply
    )
    return http(made(operation, result), content_type=_type(dialect))


def _fault(dialect: str, blame: str, text: str) -> Reply:
    if dialect == "xmlrpc":
        return http(env.xmlrpc_fault(4, text), content_type=_type(dialect))
    if dialect == "asmx":
        return http(env.asmx_fault(text), 500, content_type="text/plain; charset=utf-8")
    if dialect == "soap12":
        code = {"Server": "soap:Receiver", "Client": "soap:Sender"}[blame]
        return http(env.soap12_fault(code, text), 500, content_type=SOAP12)
    return http(env.soap11_fault(f"soap:{blame}", text), 500, content_type=SOAP11)


def _type(dialect: str) -> str:
    return {"soap12": SOAP12, "xmlrpc": "text/xml"}.get(dialect, SOAP11)


def wsdl() -> str:
    """Return a WSDL of all operations, so that the sidecar's index knows their actions."""
    names = [prefix + name for name in OPERATIONS for prefix in ("", "Get")]
    elements = "".join(
        f'<s:element name="{name}"><s:complexType><s:sequence><s:element minOccurs="0" name="iNumberOfSeats" type="s:int"/>'
        f"</s:sequence></s:complexType></s:element>"
        f'<s:element name="{name}Response"><s:complexType><s:sequence><s:element minOccurs="0" name="{name}Result" '
        f'type="s:string"/></s:sequence></s:complexType></s:element>'
        for name in names
    )
    messages = "".join(
        f'<message name="{name}In"><part name="parameters" element="t:{name}"/></message>'
        f'<message name="{name}Out"><part name="parameters" element="t:{name}Response"/></message>'
        f'<message name="{name}PostIn"><part name="iNumberOfSeats" type="s:string"/></message>'
        f'<message name="{name}PostOut"><part name="Body" element="t:string"/></message>'
        for name in names
    )
    ports = "".join(_port(names, *each) for each in (("Port", ""), ("PostPort", "Post")))
    bindings = "".join(_binding(names, *version) for version in (("soap", "Soap11"), ("soap12", "Soap12"))) + _post(
        names
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" '
        f'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" '
        f'xmlns:h="http://schemas.xmlsoap.org/wsdl/http/" xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/" '
        f'xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns:t="{env.NS}" targetNamespace="{env.NS}">'
        f'<types><s:schema elementFormDefault="qualified" targetNamespace="{env.NS}">{elements}'
        f'<s:element name="string" nillable="true" type="s:string"/></s:schema></types>'
        f'{messages}{ports}{bindings}<service name="Service">'
        '<port name="Soap11" binding="t:Soap11"><soap:address location="http://backend.example/box.asmx"/></port>'
        '<port name="Soap12" binding="t:Soap12"><soap12:address location="http://backend.example/box.asmx"/></port>'
        '<port name="Post" binding="t:Post"><h:address location="http://backend.example/box.asmx"/></port>'
        "</service></definitions>"
    )


def _port(names: Sequence[str], port: str, kind: str) -> str:
    operations = "".join(
        f'<operation name="{name}"><input message="t:{name}{kind}In"/><output message="t:{name}{kind}Out"/></operation>'
        for name in names
    )
    return f'<portType name="{port}">{operations}</portType>'


def _post(names: Sequence[str]) -> str:
    operations = "".join(
        f'<operation name="{name}"><h:operation location="/{name}"/>'
        '<input><m:content type="application/x-www-form-urlencoded"/></input>'
        '<output><m:mimeXml part="Body"/></output></operation>'
        for name in names
    )
    return f'<binding name="Post" type="t:PostPort"><h:binding verb="POST"/>{operations}</binding>'


def _binding(names: Sequence[str], prefix: str, binding: str) -> str:
    operations = "".join(
        f'<operation name="{name}"><{prefix}:operation soapAction="{env.NS}{name}" style="document"/>'
        f'<input><{prefix}:body use="literal"/></input><output><{prefix}:body use="literal"/></output></operation>'
        for name in names
    )
    return (
        f'<binding name="{binding}" type="t:Port"><{prefix}:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        f"{operations}</binding>"
    )


def _rules(path: str) -> list[dict[str, Any]]:
    """Return `results:` rules for a reply whose seats stand at `path`; {} in it is the operation."""
    return [
        {"operation": operation, "when": {"path": path.format(operation), **compare}, "state": state}
        for name, compare, state in (
            ("ReserveNone", {"eq": 0}, "sold_out"),
            ("ReserveSome", {"lt": SEATS_ASKED}, "partial"),
        )
        for operation in (name, f"Get{name}")
    ]


def _operations(stand_in: dict[str, Any]) -> dict[str, Any]:
    """Return what the settings say of operations; `stand_in` is how the protocol writes an answer in the backend's place."""
    return {
        "Get*": {"safe": True},
        "GetKept": {"safe": True, "cache": {"ttl": "1h"}},
        "GetOld": {"safe": True, "cache": {"ttl": "1ms", "stale_while_revalidate": "1h"}},
        "GetStandIn": {"safe": True, "fallback": [{"on": ["backend_bad_reply"], **stand_in}]},
        "Keyed": {"idempotency": {"key": "header"}},
        "KeyedMust": {"idempotency": {"key": "header", "required": True}},
        "Rated": {"rate": [{"per": "client", "limit": "1/1h"}]},
        "GetRated": {"safe": True, "rate": [{"per": "client", "limit": "1/1h"}]},
    }


def settings(url: str, dead_url: str, **more: Any) -> dict[str, Any]:
    """Return the settings of a sidecar before this backend.

    `soap` and `rpc` are as quick to give up as a test wants it, `dead*` are never reached, `narrow*` have one slot and patience, `calm*`
    have patience alone. No patience is shorter than a busy machine may take: a browser has taken 300 ms from connecting to its request.
    """
    soap = {
        "protocol": "soap",
        "asmx_get": "allow",
        "deny": ["*Forbidden"],
        "timeouts": {"connect": "1s", "first_byte": "1s", "total": "2s"},
        "ghost": "300ms",
        "limit": {"fixed": 10},
        "breaker": {"mode": "off"},  # one failure after the other: each is looked at alone
        "retry": {"budget": "0%"},
        "operations": _operations({"body_file": str(STAND_IN)}),
        "faults": [{"match": {"faultstring": "*is not on sale*"}, "state": "business_no"}],
        "results": _rules("{}Result"),
    }
    rpc = {key: value for key, value in soap.items() if key != "asmx_get"}
    rpc |= {
        "protocol": "xmlrpc",
        "results": _rules("params.param.value.int"),
        "operations": _operations({"data": "done"}),
    }
    calm = {"timeouts": {"connect": "1s", "first_byte": "10s", "total": "10s"}}
    narrow = {
        "limit": {"fixed": 1},
        "queue": {"size": 5, "wait": "100ms"},
        "timeouts": {"connect": "1s", "first_byte": "1500ms", "total": "1500ms"},
        "ghost": "100ms",
    }
    asmx, xmlrpc = f"{url}/box.asmx", f"{url}/xmlrpc"
    return {
        "cors": {"origins": [SHOP, "https://other.example"], "max_age": "2h"},
        "limits": {"request_body": "64KiB", "body_timeout": "1s", "header_timeout": "2s"},
        "backends": {
            "soap": {**soap, "url": asmx},
            "rpc": {**rpc, "url": xmlrpc},
            "deadsoap": {**soap, "url": f"{dead_url}/box.asmx"},
            "deadrpc": {**rpc, "url": f"{dead_url}/xmlrpc"},
            "narrowsoap": {**soap, "url": asmx, **narrow},
            "narrowrpc": {**rpc, "url": xmlrpc, **narrow},
            "calmsoap": {**soap, "url": asmx, **calm},
            "calmrpc": {**rpc, "url": xmlrpc, **calm},
        },
        **more,
    }


@dataclass(frozen=True, slots=True)
class Theatre:
    """A running sidecar and the backend behind it."""

    sidecar: SidecarProcess
    backend: ThreadBackend

    @property
    def url(self) -> str:
        return self.sidecar.url


@contextlib.contextmanager
def opened(directory: Path, **more: Any) -> Iterator[Theatre]:
    """Run both; `more` replaces whole blocks of the settings."""
    with contextlib.ExitStack() as stack:
        nobody = stack.enter_context(socket.socket())  # bound and not listening: refuses, and nobody else gets the port
        nobody.bind(("127.0.0.1", 0))
        backend = stack.enter_context(ThreadBackend(stage))
        wanted = settings(backend.url, f"http://127.0.0.1:{nobody.getsockname()[1]}", **more)
        yield Theatre(stack.enter_context(SidecarProcess(wanted, directory)), backend)


@contextlib.contextmanager
def scripted(theatre: Theatre, operation: str, reply: Reply) -> Iterator[None]:
    """For the length of the block, let one operation and its safe twin answer `reply`."""
    theatre.backend.play(by_operation({operation: answer(reply), f"Get{operation}": answer(reply)}, stage))
    try:
        yield
    finally:
        theatre.backend.play(stage)


@contextlib.contextmanager
def held(theatre: Theatre, operation: str) -> Iterator[Gate]:
    """For the length of the block, let calls of one operation wait at a gate before they are answered."""
    gate = Gate()
    theatre.backend.play(by_operation({operation: partial(stage, gate=gate)}, stage))
    try:
        yield gate
    finally:
        gate.open()
        theatre.backend.play(stage)
