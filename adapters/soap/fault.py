"""Our own failures as SOAP 1.1 faults, SOAP 1.2 faults, and as the text line that ASMX clients of HTTP-GET and HTTP-POST read.

Last on the caller's road, asked by the envelope stage. They answer for any Facts and never fail: every text is escaped, and
what XML cannot carry is replaced. A backend's own faults never come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.json.problem import members
from adapters.wording import language, sentence, signed
from adapters.xml import escape
from sidecar.ports import Rendered
from sidecar.states import Blame

if TYPE_CHECKING:
    from sidecar.ports import Facts

STATE_NS: Final = "urn:sidecar:state:1"
SOAP11_NS: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12_NS: Final = "http://www.w3.org/2003/05/soap-envelope"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_FAULT_STATUS: Final = 500  # SOAP 1.1 section 6.2 and WS-I Basic Profile 1.1 R1126: every fault
_DECLARATION: Final = '<?xml version="1.0" encoding="utf-8"?>'


def soap11(facts: Facts) -> Rendered:
    """Write a SOAP 1.1 fault: HTTP 500, a plain Server or Client (WS-I discourages dotted codes), our members as detail."""
    code = "Client" if _clients(facts) else "Server"
    fault = (
        f"<faultcode>soap:{code}</faultcode><faultstring>{escape(sentence(facts))}</faultstring>"
        f"<detail>{_detail(facts)}</detail>"
    )
    return Rendered(_FAULT_STATUS, "text/xml; charset=utf-8", _envelope(SOAP11_NS, fault))


def soap12(facts: Facts) -> Rendered:
    """Write a SOAP 1.2 fault: Receiver is 500, Sender what the operator set (part 2 table 20: 400), the Subcode is our state."""
    code, status = ("Sender", facts.sender_status) if _clients(facts) else ("Receiver", _FAULT_STATUS)
    subcode = f'<soap:Subcode><soap:Value xmlns:state="{STATE_NS}">state:{facts.state.name}</soap:Value></soap:Subcode>'
    fault = (
        f"<soap:Code><soap:Value>soap:{code}</soap:Value>{subcode}</soap:Code>"
        f'<soap:Reason><soap:Text xml:lang="{escape(language(facts))}">{escape(sentence(facts))}</soap:Text></soap:Reason>'
        f"<soap:Detail>{_detail(facts)}</soap:Detail>"
    )
    return Rendered(status, "application/soap+xml; charset=utf-8", _envelope(SOAP12_NS, fault))


def asmx(facts: Facts) -> Rendered:
    """Write one line of text with the JSON status, as .NET does for HTTP-GET and HTTP-POST."""
    printable = "".join(each if each.isprintable() else " " for each in signed(facts))
    line = " ".join(printable.split())
    return Rendered(facts.status, "text/plain; charset=utf-8", line.encode("utf-8", "replace") + b"\r\n")


def _clients(facts: Facts) -> bool:
    return facts.state.blame is Blame.CLIENT


def _envelope(namespace: str, fault: str) -> bytes:
    text = (
        f'{_DECLARATION}<soap:Envelope xmlns:soap="{namespace}"><soap:Body><soap:Fault>{fault}</soap:Fault>'
        "</soap:Body></soap:Envelope>"
    )
    return text.encode()


def _detail(facts: Facts) -> str:
    inner = "".join(_element(name, value) for name, value in members(facts).items())
    return f'<state:failure xmlns:state="{STATE_NS}">{inner}</state:failure>'


def _element(name: str, value: object) -> str:
    """Write one member: null as xsi:nil, an object with its members inside, a list as the element repeated."""
    if value is None:
        return f'<state:{name} xmlns:xsi="{_XSI}" xsi:nil="true"/>'
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    if isinstance(value, dict):
        inner = "".join(_element(each, inside) for each, inside in value.items())
        return f"<state:{name}>{inner}</state:{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<state:{name}>{escape(text)}</state:{name}>"
