"""A backend's documents without a backend: what each path and query brings, how often it was asked for, and how long it took.

Stands under the tests of the stock, the catalogue and the shelf, in the place of what pipeline's fetcher is in life.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from sidecar.model import Answer, Executed, Grade, Level, Refusal

if TYPE_CHECKING:
    from sidecar.model import Outcome

BACKEND = "http://box.theatre.local:9000/Office.asmx"
DOWN = Refusal("backend_unreachable", "refused", "no connection: Connection refused", Executed.NO)
SLOW = Refusal("outcome_unknown", "timeout", "no reply in time", Executed.NO)
FULL = Refusal("overloaded", "queue_full", "the line is full", Executed.NO)
HTML = Refusal("backend_bad_reply", "html", "the backend answered with an HTML page", Executed.NO)

WSDL_NS = "http://schemas.xmlsoap.org/wsdl/"
SOAP_NS = "http://schemas.xmlsoap.org/wsdl/soap/"
XSD_NS = "http://www.w3.org/2001/XMLSchema"


def wsdl(*inside: str, target: str = "urn:t", address: str = BACKEND, more: str = "") -> bytes:
    """Return a WSDL with one SOAP 1.1 port; `inside` goes before its service."""
    port = f'<w:port name="P" binding="t:B"><soap:address location="{address}"/></w:port>' if address else ""
    return (
        f'<w:definitions xmlns:w="{WSDL_NS}" xmlns:soap="{SOAP_NS}" xmlns:x="{XSD_NS}" xmlns:t="{target}" {more} '
        f'targetNamespace="{target}">{"".join(inside)}<w:service name="S">{port}</w:service></w:definitions>'
    ).encode()


def schema(*inside: str, target: str = "urn:t", more: str = "") -> str:
    """Return a schema whose own prefix is `t`."""
    own = f' targetNamespace="{target}" xmlns:t="{target}"' if target else ""
    return f'<x:schema xmlns:x="{XSD_NS}"{own} {more}>{"".join(inside)}</x:schema>'


def types(*schemas: str) -> str:
    """Return the types of a WSDL."""
    return f"<w:types>{''.join(schemas)}</w:types>"


def operation(name: str) -> str:
    """Return all that a WSDL says of one SOAP 1.1 operation."""
    return (
        f'<w:message name="{name}In"><w:part name="p" element="t:{name}"/></w:message>'
        f'<w:portType name="T{name}"><w:operation name="{name}"><w:input message="t:{name}In"/></w:operation></w:portType>'
        f'<w:binding name="B{name}" type="t:T{name}"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        f'<w:operation name="{name}"><soap:operation soapAction="urn:t#{name}"/><w:input><soap:body use="literal"/></w:input>'
        "</w:operation></w:binding>"
    )


class Library:
    """`fetch` for a stock. A document is bytes, a refusal, or what comes when `let` opens the way."""

    def __init__(self, **documents: bytes | Refusal) -> None:
        self.documents: dict[str, bytes | Refusal] = {"/Office.asmx?wsdl": wsdl(), **documents}
        self.asked: Counter[str] = Counter()
        self.order: list[str] = []
        self.level_now = Level.OK
        self.gate: asyncio.Event | None = None
        self.takes_s = 0.0

    def hold(self) -> asyncio.Event:
        """Let every fetch wait until the event is set."""
        self.gate = asyncio.Event()
        return self.gate

    async def fetch(self, endpoint: str, target: str) -> Outcome:
        """See `pipeline.fetcher`."""
        self.asked[target] += 1
        self.order.append(target)
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(self.takes_s)
        found = self.documents.get(target, HTML)
        if isinstance(found, Refusal):
            return found
        return Answer(200, "OK", (), (found[:100], found[100:]), len(found), Grade("ok", Executed.NO))

    def level(self, backend: str) -> Level:
        """See `ports.Pressure.level`."""
        return self.level_now

    def tell(self, backend: str, grade: Grade | None, *, waiting: int) -> None:
        """See `ports.Pressure.tell`: nobody asks."""
