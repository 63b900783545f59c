"""Why an answer of a SOAP backend may not be kept: it is a fault, is not what the contract says, or means something to its receiver alone.

Asked once per flight, with the whole reply at hand. It answers with one word or None, from the first 64 KiB; what it parses is the
beginning of the document alone, up to the first element of the Body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters import peek
from adapters.soap import addressing, sniff
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.namespaces import ENCODING12, XOP
from adapters.xml import XmlRefused, local, parse
from sidecar.model import Dialect

if TYPE_CHECKING:
    from lxml import etree

    from sidecar.answers import Question
    from sidecar.model import Answer

_ANSWERS: Final = frozenset(("ok", "partial"))
_BEGINNING_BYTES: Final = (
    16_384  # the worst parse in 0.5 ms; the headers of a reply that may be kept have some hundreds
)
_SECURED: Final = frozenset(("Security", "Signature", "EncryptedData", "EncryptedKey"))
_ROOTS: Final = {Dialect.SOAP11: f"{{{SOAP11_NS}}}Envelope", Dialect.SOAP12: f"{{{SOAP12_NS}}}Envelope"}
_REFERENCE: Final = re.compile(rb"""<[^<>]*\shref\s*+=\s*+["'](?:\#|cid:)""")
_ENCODED_REFERENCE: Final = re.compile(rb"<[^<>]*:ref\s*+=")
_FIRST: Final = re.compile(
    rb"""((?:[^<>"']++|"[^"]*+"|'[^']*+')*+>)"""  # group 1: the rest of the Body's start tag
    rb"(?s:\s++|<!--.*?-->|<\?.*?\?>)*+"
    rb"""<([^\s<>/!?'"=]++)(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>"""  # group 2: the name of its first element
)


def veto(question: Question, answer: Answer) -> str | None:
    """Return fault, root, secured, attachment, header or href; None where the answer may be kept."""
    seen = peek.look(answer.headers, answer.body)
    if seen.media.startswith("multipart/") or XOP.encode() in seen.head:
        return "attachment"
    is_fault = answer.grade.state not in _ANSWERS
    envelope = None if _is_coded(answer) else _beginning(seen)
    if envelope is None or envelope.tag != _ROOTS.get(question.dialect):
        return "fault" if is_fault else "root"
    if word := _of_header(envelope):
        return word
    first = envelope[-1][0]
    if local(first.tag) in _SECURED:
        return "secured"
    if _refers(seen.head):
        return "href"
    if is_fault or first.tag == f"{envelope.tag[:-8]}Fault":  # 8: len("Envelope")
        return "fault"
    return "root" if question.expects and first.tag != question.expects else None


def _is_coded(answer: Answer) -> bool:
    """Say whether a reply is compressed, which nobody asked for: it could not be put into another envelope."""
    return any(
        name.lower() == b"content-encoding" and value.strip().lower() != b"identity" for name, value in answer.headers
    )


def _of_header(envelope: etree._Element) -> str:
    blocks = [each for one in list(envelope)[:-1] for each in one]
    if any(local(each.tag) in _SECURED for each in blocks):
        return "secured"
    return "header" if addressing.bypass(blocks) == addressing.HEADERS else ""


def _refers(head: bytes) -> bool:
    if b"href" in head and _REFERENCE.search(head):
        return True
    return ENCODING12.encode() in head and _ENCODED_REFERENCE.search(head) is not None


def _beginning(seen: peek.Look) -> etree._Element | None:
    """Return the envelope with its Header and the first element of its Body, emptied; None where they are not to be seen."""
    head, root = seen.head, peek.root_of(seen.head)
    at = -1 if root is None or root.empty else sniff.body_at(head, root)
    found = _FIRST.match(head, at) if at >= 0 else None
    if root is None or found is None or found[1].endswith(b"/>"):
        return None
    if found.end() > _BEGINNING_BYTES:
        return None
    body = head[head.rfind(b"<", 0, at) + 1 : at]
    text = head[head.rfind(b"<" + root.name, 0, root.end) : found.end()]
    last = b"" if text.endswith(b"/>") else b"</" + found[2] + b">"
    return _parsed(text + last + b"</" + body + b"></" + root.name + b">")


def _parsed(text: bytes) -> etree._Element | None:
    """Read what was in any charset that ASCII is a part of: names are, nearly always, and nothing else is looked at."""
    for charset in (None, "iso-8859-1"):
        try:
            return parse(text, charset=charset)
        except XmlRefused:
            continue
    return None
