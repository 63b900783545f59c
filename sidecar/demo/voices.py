"""How people speak to the counter: one call in each of the tongues a crowd has, and the little they understand of the answer.

It stands in front of the road, in the crowd's mouth. It answers bytes to send and reads back a state word, a session key
or a number, when to come back and with which place; it judges nothing and keeps nothing.
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
NO_RESPONSE = "(no response)"

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
    """What a person took from an answer; `good` says that the next step makes sense.

    `after_s` is there where the call may be repeated because nothing happened, and somebody said when; `place` is shown then.
    """

    state: str
    good: bool
    key: str | None
    number: int | None
    reason: str | None = None
    after_s: float | None = None
    place: str | None = None


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


def hear(status: int, headers: Mapping[str, str], body: bytes) -> Heard:
    """Read an answer: the words of its Sidecar-State, what it says about coming back, and the one value that the next step needs."""
    key, number = _KEY.search(body), _NUMBER.search(body)
    state, *parameters = (word.strip() for word in headers.get("Sidecar-State", UNMARKED).split(";"))
    said = dict(parameter.partition("=")[::2] for parameter in parameters)
    after = headers.get("Retry-After", "")
    return Heard(
        state,
        status == 200 and not _FAULT.search(body[:4096]),
        key[1].decode() if key else None,
        int(number[1]) if number else None,
        said.get("reason"),
        float(after) if after.isdecimal() and said.get("executed") == "no" else None,
        headers.get("Sidecar-Place"),
    )


def _envelope(version: str, operation: str, args: Args) -> bytes:
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in args.items())
    body = f'<{operation} xmlns="{NS}">{inner}</{operation}>'
    return f'<s:Envelope xmlns:s="{version}"><s:Body>{body}</s:Body></s:Envelope>'.encode()
