"""One operation said in each of the box office's five tongues, and its answer read back into plain values.

Stands beside the tests of the faces. It asks a running box office over a real socket and knows nothing of its insides.
"""

from __future__ import annotations

import xmlrpc.client as codec
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from lxml import etree

if TYPE_CHECKING:
    import aiohttp

API = "http://boxoffice.example/api/"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
TONGUES = ("soap11", "soap12", "asmx_get", "asmx_post", "xmlrpc")
RPC = {
    "HelloWorld": "hello",
    "GetNewSessionKey": "session",
    "GetPerformances": "performances",
    "GetPerformancesEx": "performances_ex",
    "GetSeats": "seats",
    "ReserveTickets": "reserve",
    "GetCart": "cart",
    "ClearCart": "clear",
    "Checkout": "checkout",
    "GetOrderDetails": "order",
    "GetSalesReport": "report",
}
NUMBERS = {
    "perf_no",
    "zone_no",
    "avail_count",
    "seat_no",
    "seat",
    "order_no",
    "num_seats",
    "free",
    "held",
    "sold",
    "line",
}
MONEY = {"price", "total", "gross"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    value: Any
    fault: str | None
    headers: Any
    body: bytes


def envelope(operation: str, args: dict[str, Any], version: str = SOAP11) -> bytes:
    """Return a request with its arguments in the order given; a character goes as its number, as .NET has it."""
    inner = "".join(f"<{k}>{ord(v) if k.startswith('c') else escape(str(v))}</{k}>" for k, v in args.items())
    body = f'<{operation} xmlns="{API}">{inner}</{operation}>'
    return f'<s:Envelope xmlns:s="{version}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


async def ask(
    http: aiohttp.ClientSession, url: str, tongue: str, operation: str, args: dict[str, Any] | None = None
) -> Answer:
    """Say `operation` in `tongue` and read the answer; a fault's text is in `fault`."""
    args = args or {}
    service = f"{url}/box.asmx"
    if tongue == "soap11":
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{API}{operation}"'}
        sent = http.post(service, data=envelope(operation, args), headers=headers)
    elif tongue == "soap12":
        media = f'application/soap+xml; charset=utf-8; action="{API}{operation}"'
        sent = http.post(service, data=envelope(operation, args, SOAP12), headers={"Content-Type": media})
    elif tongue == "asmx_get":
        sent = http.get(f"{service}/{operation}?{urlencode(args)}")
    elif tongue == "asmx_post":
        sent = http.post(f"{service}/{operation}", data=urlencode(args), headers={"Content-Type": FORM})
    else:
        call = codec.dumps(tuple(args.values()), f"tickets.{RPC[operation]}").encode()
        sent = http.post(f"{url}/xmlrpc", data=call, headers={"Content-Type": "text/xml"})
    async with sent as reply:
        body = await reply.read()
        value, fault = _read(tongue, reply.status, body)
        return Answer(reply.status, value, fault, reply.headers, body)


FORM = "application/x-www-form-urlencoded"


def _read(tongue: str, status: int, body: bytes) -> tuple[Any, str | None]:
    if tongue == "xmlrpc":
        try:
            return _plain(codec.loads(body)[0][0]), None
        except codec.Fault as fault:
            return None, fault.faultString
    if status != 200 and tongue.startswith("asmx"):
        return None, body.decode()
    if not body:
        return None, None
    root = etree.fromstring(body)
    if tongue.startswith("asmx"):
        return _value(root), None
    content = root.find(f"{{{root.nsmap['soap']}}}Body")[0]
    if etree.QName(content).localname == "Fault":
        texts = content.xpath(".//*[local-name()='Text' or local-name()='faultstring']")
        return None, texts[0].text
    return (_value(content[0]) if len(content) else None), None


def _value(element: etree._Element) -> Any:
    """Read a scalar, a data set or an array of records."""
    if (tables := element.xpath(".//*[local-name()='diffgram']/*")) or (len(element) and "schema" in element[0].tag):
        found: dict[str, list[Any]] = {}
        for row in tables[0] if tables else ():
            found.setdefault(etree.QName(row).localname, []).append(_record(row))
        return found
    if len(element):
        return [_record(row) for row in element]
    text = element.text or ""
    return int(text) if etree.QName(element).localname in ("int", "ReserveTicketsResult", "CheckoutResult") else text


def _record(row: etree._Element) -> dict[str, Any]:
    return {etree.QName(cell).localname: _cell(etree.QName(cell).localname, cell.text) for cell in row}


def _cell(name: str, text: str | None) -> Any:
    return int(text or "") if name in NUMBERS else float(Decimal(text or "")) if name in MONEY else text


def _plain(value: Any) -> Any:
    """Drop what is nil: in a data set a null column is not there at all. Empty tables likewise."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and v != []}
    return [_plain(v) for v in value] if isinstance(value, list) else value
