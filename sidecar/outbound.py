"""A private flight's request: the caller's own bytes, with one canonical SOAPAction where the WSDL knows it.

Made by whoever starts a flight for one caller alone, at the backend or at its spare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Dialect, Outbound
from sidecar.policy.headers import connection_names, to_backend

if TYPE_CHECKING:
    from sidecar.model import Exchange, RawHeaders


def private_request(exchange: Exchange, base: str) -> Outbound:
    """Return it; `base` is the path of the endpoint at the backend."""
    head = exchange.head
    raw = head.raw
    lines = to_backend(raw, connection_names(raw), believed=exchange.standing.believed)
    call = exchange.call
    if call is not None and call.action is not None and call.dialect is Dialect.SOAP11:
        lines = _canonical(lines, call.action)
    target = base.rstrip("/") + exchange.rest if exchange.rest else base
    if head.query:
        target += "?" + head.query
    return Outbound(head.method, target, tuple(lines), exchange.body)


def _canonical(lines: list[tuple[bytes, bytes]], action: str) -> list[tuple[bytes, bytes]]:
    value = b'"' + action.encode() + b'"'
    seen = False
    out: RawHeaders = ()
    for name, old in lines:
        if name.lower() != b"soapaction":
            out += ((name, old),)
        elif not seen:
            seen = True
            # Unquoted is how some clients write it; what they wrote is kept where it says the same.
            out += ((name, old if old.strip(b' "') == value[1:-1] else value),)
    return list(out)
