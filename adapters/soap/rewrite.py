"""A backend's WSDL, schema or disco document as clients may see it: our addresses, our names for what it imports.

Stands between the shelf and a client. Changes address and import nodes only, never `http:operation/@location`, then
looks for the backend's own address everywhere else that is not an identifier; it shows a document without it or raises.
Answers in UTF-8, whatever the backend's encoding was, and without comments, which nobody's client reads.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import urljoin, urlsplit

from lxml import etree

from adapters import xml
from adapters.soap import namespaces
from adapters.soap.definitions import Definitions, Document
from adapters.soap.names import Kind, Names, Unshowable, own_addresses

__all__ = ["Names", "Unshowable", "learn", "rewrite", "rewrite_in_slices"]

_WSDL: Final = f"{{{namespaces.WSDL}}}"
_XSD: Final = f"{{{namespaces.XSD}}}"
_BINDINGS: Final = (namespaces.SOAP11_BINDING, namespaces.SOAP12_BINDING, namespaces.HTTP_BINDING)
_ADDRESSES: Final[Mapping[str, str]] = {
    **{f"{{{space}}}address": "location" for space in _BINDINGS},
    f"{{{namespaces.DISCO_CONTRACT}}}contractRef": "docRef",
    f"{{{namespaces.DISCO_SOAP}}}soap": "address",
}
_DOCUMENTS: Final[Mapping[str, tuple[str, Kind]]] = {
    f"{_WSDL}import": ("location", "wsdl"),
    **{f"{_XSD}{name}": ("schemaLocation", "xsd") for name in ("import", "include", "redefine")},
    f"{{{namespaces.DISCO_CONTRACT}}}contractRef": ("ref", "wsdl"),
    f"{{{namespaces.DISCO_SCHEMA}}}schemaRef": ("ref", "xsd"),
    f"{{{namespaces.DISCO}}}discoveryRef": ("ref", "disco"),
}
_REFERENCES: Final = tuple(f"{{{space}}}Address" for space in namespaces.WSA)
_TAGS: Final = tuple({*_ADDRESSES, *_DOCUMENTS, *_REFERENCES})
_NOWHERE: Final = "http://nowhere.invalid/"  # RFC 2606 §2: never anybody's address
_HTTP_OPERATION: Final = f"{{{namespaces.HTTP_BINDING}}}operation"
# What only looks like an address: a client sends these back byte for byte, and the backend knows no other spelling.
# `value`, `fixed` and `pattern` are what a schema allows, so changing them would make true replies invalid.
_IDENTIFIERS: Final = frozenset(
    ("targetNamespace", "namespace", "soapAction", "Action", "encodingStyle", "transport", "value", "fixed", "pattern")
)
_SLICE: Final = 150  # elements between two yields: under 1 ms where each has an address


def rewrite(
    document: bytes, *, names: Names, source: str, ours: str, endpoints: Mapping[str, str] | None = None
) -> bytes:
    """Return the document as public, in UTF-8. For threads and tests; on the loop use `rewrite_in_slices`.

    `source` is the backend's URL of the document, which relative locations are read against; `ours` the public URL of
    the endpoint; `endpoints` the public URLs of the backend's other endpoints by their path there. Raises `XmlRefused`
    for what is not XML and `Unshowable` for what cannot be shown.
    """
    work = _Rewriting(
        xml.parse(document, charset=None, markup_max=xml.REPLY_MARKUP), names, source, ours, endpoints or {}
    )
    for _ in work.nodes():
        pass
    shown = work.serialized()
    if work.is_clean(shown):
        return shown
    for _ in work.remains():
        pass
    return work.serialized()


async def rewrite_in_slices(
    document: bytes, *, names: Names, source: str, ours: str, endpoints: Mapping[str, str] | None = None
) -> bytes:
    """As `rewrite`, on the loop, with a yield after each millisecond; a thread serializes (1.8 ms of the lock per MB)."""
    root = await xml.parse_in_pieces(document, charset=None, markup_max=xml.REPLY_MARKUP)
    work = _Rewriting(root, names, source, ours, endpoints or {})
    for _ in work.nodes():
        await asyncio.sleep(0)
    shown = await asyncio.to_thread(work.serialized)
    if not await asyncio.to_thread(work.is_clean, shown):
        for _ in work.remains():
            await asyncio.sleep(0)
        shown = await asyncio.to_thread(work.serialized)
    await _released(root)
    return shown


async def learn(document: bytes, *, names: Names, source: str) -> None:
    """Give names to all that a document imports, as showing it would: they then exist before anybody has seen it."""
    root = await xml.parse_in_pieces(document, charset=None, markup_max=xml.REPLY_MARKUP)
    for _ in _Rewriting(root, names, source, _NOWHERE, {}).nodes():
        await asyncio.sleep(0)
    await _released(root)


async def _released(root: etree._Element) -> None:
    """Free a tree piece by piece: Tessitura's takes 3 ms at once."""
    for _ in Definitions({"": Document(root, b"")}, {}).release():
        await asyncio.sleep(0)


@dataclass(slots=True)
class _Rewriting:
    root: etree._Element
    names: Names
    source: str
    ours: str
    endpoints: Mapping[str, str]
    _in_text: re.Pattern[str] = field(init=False)
    _in_attributes: re.Pattern[str] = field(init=False)

    def nodes(self) -> Iterator[None]:
        """Rewrite the nodes whose meaning is known; the hosts in the addresses first, imports may use them."""
        for element in self.root.iter(*_ADDRESSES, *_REFERENCES):
            if (address := self._address_of(element)) is not None:
                self.names.learn(address)
        self._in_text = own_addresses(self.names, self.ours, words=True)
        self._in_attributes = own_addresses(self.names, self.ours, words=False)
        elements = self.root.iter(*_TAGS)
        while batch := list(islice(elements, _SLICE)):
            for element in batch:
                self._node(element)
            yield

    def remains(self) -> Iterator[None]:
        """Rewrite what is left of the backend's address in text and in attributes that are no identifiers."""
        elements = self.root.iter()
        while batch := list(islice(elements, _SLICE)):
            for element in batch:
                self._scrub(element)
            yield

    def serialized(self) -> bytes:
        return etree.tostring(self.root, xml_declaration=True, encoding="utf-8")

    def is_clean(self, shown: bytes) -> bool:
        """Ask whether no host name of the backend is anywhere: then there is nothing left to look for."""
        text = shown.lower()
        return not any(host.encode() in text for host in self.names.hosts)

    def _node(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _REFERENCES:
            if self._address_of(element) is not None:
                element.text = self._public(element.text or "")
            return
        if (name := _ADDRESSES.get(tag)) and (address := element.get(name)) is not None:
            element.set(name, self._public(address))
        if tag in _DOCUMENTS:
            name, kind = _DOCUMENTS[tag]
            if location := element.get(name):
                element.set(name, self._location(location, kind))

    def _address_of(self, element: etree._Element) -> str | None:
        if element.tag in _REFERENCES:  # elsewhere it is somebody's data
            inside = next(element.iterancestors(f"{_WSDL}port"), None)
            return None if inside is None else element.text or ""
        return element.get(_ADDRESSES[element.tag])

    def _public(self, address: str) -> str:
        """Map an address of the backend's to ours; a path that no endpoint has is still this backend's."""
        return self.endpoints.get(_path(address), self.ours)

    def _location(self, location: str, kind: Kind) -> str:
        try:
            at = urljoin(self.source, location.strip())
        except ValueError:
            raise Unshowable(f"it imports {location!r}, which is not a location") from None
        name = self.names.name(at, kind)
        return location if name is None else f"{self.ours}?{name}"

    def _scrub(self, element: etree._Element) -> None:
        tag = element.tag
        for key, text in element.items():
            name, value = str(key), str(text)
            known = name == _ADDRESSES.get(tag) or (tag in _DOCUMENTS and name == _DOCUMENTS[tag][0])
            relative = tag == _HTTP_OPERATION and name == "location"
            if known or relative or xml.local(name) in _IDENTIFIERS:
                continue
            if self._in_attributes.search(value):
                element.set(name, self._in_attributes.sub(self._instead, value))
        if element.text:
            element.text = self._in_text.sub(self._instead, element.text)
        if element.tail:
            element.tail = self._in_text.sub(self._instead, element.tail)

    def _instead(self, found: re.Match[str]) -> str:
        return self._public(found[0]) if "//" in found[0] else urlsplit(self.ours).netloc


def _path(address: str) -> str:
    try:
        return urlsplit(address.strip()).path
    except ValueError:
        return ""
