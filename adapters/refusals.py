"""How a document that the parser does not take becomes a state, and whether a document has what parsers disagree about.

Asked by both protocols while they classify. It answers with a Refusal; it never looks at what a document means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Refusal

if TYPE_CHECKING:
    from adapters.xml import Reason, XmlRefused

_REASONS: Final[dict[Reason, str]] = {
    "malformed": "xml",
    "too_deep": "depth",
    "too_many_elements": "elements",
    "too_many_attributes": "attributes",
    "charset": "charset",
}


def of_xml(refused: XmlRefused) -> Refusal:
    """Turn what the parser says into a state."""
    if refused.reason == "doctype_refused":
        return Refusal("doctype_refused", detail=refused.detail)
    return Refusal("malformed", _REASONS[refused.reason], refused.detail)


def has_sections(body: bytes) -> bool:
    """Say whether a document has comments or processing instructions, in any encoding that we read; it may err towards yes.

    `Clear<!-- -->Cart` is one name to us and may be `Clear` to a backend that reads up to the comment.
    """
    text = body.replace(b"\0", b"") if b"\0" in body[:4] else body  # UTF-16 of ASCII
    after = text.find(b"?>") + 1 if b"<?xml" in text[:8] else 0
    return b"<!--" in text or text.find(b"<?", after) >= 0
