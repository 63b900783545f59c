"""A reply that an operator wrote: the XML of the element that stands in the Body, put into an envelope.

Asked while settings are read, never on the road. It answers with a whole reply, as it would have been kept, or raises ValueError with
what is wrong; whether the element is the one that the contract promises is asked of `root_of`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from adapters.soap import payload
from adapters.soap.question import SPACES
from adapters.xml import REPLY_MARKUP, XmlRefused, local, ns, parse
from sidecar.model import Dialect

if TYPE_CHECKING:
    from sidecar.model import RawHeaders


def stand_in(text: bytes) -> tuple[Dialect, RawHeaders, bytes]:
    """Make a whole reply. Raises ValueError."""
    root = _read(text)
    inside = etree.tostring(root, encoding="utf-8", with_tail=False)
    return Dialect.SOAP11, payload.content(Dialect.SOAP11), payload.wrap(inside, Dialect.SOAP11)


def root_of(text: bytes) -> str:
    """Return the element's name in Clark notation. Raises ValueError."""
    return str(_read(text).tag)


def _read(text: bytes) -> etree._Element:
    try:
        root = parse(text, charset=None, markup_max=REPLY_MARKUP)
    except XmlRefused as refused:
        raise ValueError(f"it cannot be read: {refused.detail}") from None
    if ns(root.tag) in SPACES.values():
        raise ValueError(f"it is {local(root.tag)}; write only the element that stands inside the Body of a reply")
    return root
