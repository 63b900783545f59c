"""Our own failures as XML-RPC faults: HTTP 200 always, because clients throw the body of any other status away.

Last on the caller's road, asked by the envelope stage. It answers for any Facts and never fails. Codes: Dan Libby,
"Specification for Fault Code Interoperability", 2001-05-16; ours are in its implementation-defined range -32099 to -32000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.wording import signed
from adapters.xml import escape
from sidecar.ports import Rendered

if TYPE_CHECKING:
    from sidecar.ports import Facts

NOT_CONFORMING: Final = -32600  # the document could be read and is no call
APPLICATION_ERROR: Final = -32500  # for a state that has no code of its own, because it is relayed as a rule
_UNREADABLE: Final = frozenset((None, "http", "xml", "charset", "incomplete"))  # reasons of malformed that are -32700


def xmlrpc(facts: Facts) -> Rendered:
    """Write an XML-RPC fault: a struct of exactly faultCode and faultString, which ends in our facts."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?><methodResponse><fault><value><struct>'
        f"<member><name>faultCode</name><value><int>{code_of(facts)}</int></value></member>"
        f"<member><name>faultString</name><value><string>{escape(signed(facts))}</string></value></member>"
        "</struct></value></fault></methodResponse>"
    )
    return Rendered(200, "text/xml; charset=utf-8", text.encode())


def code_of(facts: Facts) -> int:
    """Return the fault code: the table's, but a malformed call that could be parsed is -32600, not a parse error."""
    if facts.state.name == "malformed" and facts.reason not in _UNREADABLE:
        return NOT_CONFORMING
    return APPLICATION_ERROR if facts.state.xmlrpc is None else facts.state.xmlrpc
