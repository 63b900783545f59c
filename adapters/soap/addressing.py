"""WS-Addressing as far as sharing needs it: which header blocks say no more than where a message comes from, and how an answer
says what it answers.

Asked while a request is classified and keyed, and when a kept answer is given again. It answers with words and markup; it never
follows an address.
Source: Web Services Addressing 1.0 (W3C, 2006), core section 3, SOAP binding section 3; the submission of August 2004.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.soap.namespaces import WSA
from adapters.xml import escape, local, ns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml import etree

HEADERS: Final = "headers"
ADDRESSING: Final = "addressing"
_PLAIN: Final = frozenset(("Action", "To", "MessageID"))
_WHERE_TO: Final = frozenset(("ReplyTo", "FaultTo"))
_ANONYMOUS: Final = {WSA[0]: f"{WSA[0]}/anonymous", WSA[1]: f"{WSA[1]}/role/anonymous"}  # back over this connection
_FAULTS: Final = {WSA[0]: f"{WSA[0]}/soap/fault", WSA[1]: f"{WSA[1]}/fault"}


def bypass(blocks: Iterable[etree._Element]) -> str:
    """Return why a message with these header blocks is its sender's alone: headers, addressing; "" where it is not."""
    words = {_word(each) for each in blocks}
    return HEADERS if HEADERS in words else ADDRESSING if ADDRESSING in words else ""


def _word(block: etree._Element) -> str:
    if ns(block.tag) not in _ANONYMOUS:
        return HEADERS
    name = local(block.tag)
    if name in _PLAIN or (name in _WHERE_TO and _is_anonymous(block)):
        return ""
    return ADDRESSING  # From, RelatesTo, a reply to another place


def _is_anonymous(block: etree._Element) -> bool:
    """Say whether an endpoint is the one that the request came from, and nothing besides: reference parameters would have to be echoed."""
    space = ns(block.tag)
    if [each.tag for each in block] != [f"{{{space}}}Address"]:
        return False
    return (block[0].text or "").strip() == _ANONYMOUS[space]


def related(header: etree._Element | None, action: str, *, fault: bool) -> str:
    """Return the blocks that answer a request's `header`: RelatesTo and Action in its own namespace; "" where it has no MessageID."""
    found = {each.tag: (each.text or "").strip() for each in (header if header is not None else ())}
    for space in WSA:
        message = found.get(f"{{{space}}}MessageID")
        if message:
            asked = found.get(f"{{{space}}}Action") or action
            said = (
                _FAULTS[space] if fault else f"{asked}Response"
            )  # as contracts name it by default (WSDL binding, section 4.4.4)
            named = f'<wsa:Action xmlns:wsa="{space}">{escape(said)}</wsa:Action>' if asked or fault else ""
            return f'{named}<wsa:RelatesTo xmlns:wsa="{space}">{escape(message)}</wsa:RelatesTo>'
    return ""
