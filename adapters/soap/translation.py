"""A backend's fault in the other version of SOAP, for a caller who shares an answer that was asked for in one.

Asked when a kept fault is given again. It answers with a Fault element: codes, text, actor and detail carried over; what a version
has no place for is left out (SOAP 1.1 has no subcodes).
Sources: SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4; which code is which, SOAP 1.2 part 0 section 6 and WS-I Basic Profile 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.xml import escape
from sidecar.model import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable

_TO_12: Final = {"Client": "Sender", "Server": "Receiver"}
_TO_11: Final = {"Sender": "Client", "Receiver": "Server", "DataEncodingUnknown": "Client"}
_BOTH: Final = frozenset(("MustUnderstand", "VersionMismatch"))
_12: Final = f"{{{SOAP12_NS}}}"


def translated(fault: etree._Element, version: Dialect, prefix: str) -> bytes:
    """Return a Fault of the other version as `version`; `prefix` is bound to its namespace outside."""
    return (_as_12 if version is Dialect.SOAP12 else _as_11)(fault, prefix).encode()


def said(fault: etree._Element) -> str:
    """Return the text of a fault of either version."""
    reason = fault.find(f"{_12}Reason")
    found = (
        fault.find("faultstring") if reason is None else next(iter(reason), None)  # of several languages, the first
    )
    return "" if found is None else found.text or ""


def _as_12(fault: etree._Element, prefix: str) -> str:
    code = (fault.findtext("faultcode") or "").strip()
    whole = code.rpartition(":")[2]
    plain = whole.partition(".")[0]
    value = plain if plain in _BOTH else _TO_12.get(plain, "Receiver")
    actor = fault.findtext("faultactor")
    detail = fault.find("detail")
    return (
        f"<{prefix}:Fault><{prefix}:Code><{prefix}:Value>{prefix}:{value}</{prefix}:Value>"
        f"{_subcode(fault, code, prefix) if plain not in _BOTH and (whole != plain or plain not in _TO_12) else ''}</{prefix}:Code>"
        f'<{prefix}:Reason><{prefix}:Text xml:lang="en">{escape(said(fault))}</{prefix}:Text></{prefix}:Reason>'
        f"{'' if actor is None else f'<{prefix}:Role>{escape(actor)}</{prefix}:Role>'}"
        f"{'' if detail is None else f'<{prefix}:Detail>{_inside(detail)}</{prefix}:Detail>'}</{prefix}:Fault>"
    )


def _subcode(fault: etree._Element, code: str, prefix: str) -> str:
    """Keep a code of the backend's own, with the namespace that its prefix stands for (in SOAP 1.2 a code is one of five)."""
    outer, _, plain = code.rpartition(":")
    space = fault.nsmap.get(outer or None)
    if not plain or space in (None, SOAP11_NS):
        return ""
    return f'<{prefix}:Subcode><{prefix}:Value xmlns:code="{escape(space)}">code:{escape(plain)}</{prefix}:Value></{prefix}:Subcode>'


def _as_11(fault: etree._Element, prefix: str) -> str:
    code = (fault.findtext(f"{_12}Code/{_12}Value") or "").strip().rpartition(":")[2]
    role, detail = fault.findtext(f"{_12}Role"), fault.find(f"{_12}Detail")
    value = code if code in _BOTH else _TO_11.get(code, "Server")
    return (
        f"<{prefix}:Fault><faultcode>{prefix}:{value}</faultcode><faultstring>{escape(said(fault))}</faultstring>"
        f"{'' if role is None else f'<faultactor>{escape(role)}</faultactor>'}"
        f"{'' if detail is None else f'<detail>{_inside(detail)}</detail>'}</{prefix}:Fault>"
    )


def _inside(detail: Iterable[etree._Element]) -> str:
    """Return the entries of a detail, each with the namespaces that it stands in."""
    return "".join(etree.tostring(each, encoding="unicode", with_tail=False) for each in detail)
