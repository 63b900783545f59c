"""How people speak to the counter: one call in each of the tongues a crowd has, and the little they understand of the answer.

It stands in front of the road, in the crowd's mouth. It answers bytes to send and reads back a state word, a session key
or a number; it judges nothing and keeps nothing.
"""

from __future__ import annotations

import re
import xmlrpc.client as codec
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from sidecar.demo.operations import BY_NAME
from sidecar.demo.soap import NS, SOAP11, SOAP12

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.demo.operations import Args

DIALECTS = ("soap11", "soap12", "asmx", "xmlrpc", "json")
UNMARKED = "(no Sidecar-State)"

_KEY = re.compile(rb">([0-9A-F]{40})<")
_NUMBER = re.compile(rb"<(?:ReserveTicketsResult|CheckoutResult|int)\b[^>]*>(\d+)</")
_FAULT = re.compile(rb"[<:](?:Fault|fault)[ >]")


@dataclass(frozen=True, slots=True)
class Words:
    """One call as bytes, and where it goes: behind which of the two endpoints, under which path."""

    endpoint: str  # tickets | boxrpc
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """What a person took from an answer; `good` says that the next step makes sense."""

    state: str
    good: bool
    key: str | None
    number: int | None


def say(dialect: str, operation: str, args: Args) -> Words:
    """Put `operation` into `dialect`; `json` is SOAP 1.1 whose failures are asked for as problem documents."""
    if dialect == "xmlrpc":
        body = codec.dumps(tuple(args.values()), BY_NAME[operation].rpc).encode()
        return Words("boxrpc", "", {"Content-Type": "text/xml"}, body)
    if dialect == "asmx":
        return Words(
            "tickets", f"/{operation}", {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(args).encode()
        )
    if dialect == "soap12":
        media = f'application/soap+xml; charset=utf-8; action="{NS}{operation}"'
        return Words("tickets", "", {"Content-Type": media}, _envelope(SOAP12, operation, args))
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NS}{operation}"'}
    if dialect == "json":
        headers["Accept"] = "application/problem+json"
    return Words("tickets", "", headers, _envelope(SOAP11, operation, args))


def hear(status: int, state: str | None, body: bytes) -> Heard:
    """Read an answer; `state` is the Sidecar-State header, whose parameters are left aside."""
    key, number = _KEY.search(body), _NUMBER.search(body)
    return Heard(
        state.partition(";")[0].strip() if state else UNMARKED,
        status == 200 and not _FAULT.search(body[:4096]),
        key[1].decode() if key else None,
        int(number[1]) if number else None,
    )


def _envelope(version: str, operation: str, args: Args) -> bytes:
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in args.items())
    body = f'<{operation} xmlns="{NS}">{inner}</{operation}>'
    return f'<s:Envelope xmlns:s="{version}"><s:Body>{body}</s:Body></s:Envelope>'.encode()
