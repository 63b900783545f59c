"""The schemas that vendors' schemas import and nobody should fetch: SOAP 1.1's encoding and envelope, XML's attributes, WS-Addressing.

It stands behind the reading of schemas, which asks for a namespace before it gives up; it answers with a document or None, and never
looks anywhere but beside itself. Each file names the W3C documents that it is written from.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from adapters.soap.fault import SOAP11_NS
from adapters.soap.namespaces import ENCODING11, WSA, XML

__all__ = ["NAMESPACES", "bundled"]

_FILES: Final = {
    ENCODING11: "soap-encoding-11.xsd",
    SOAP11_NS: "soap-envelope-11.xsd",
    XML: "xml.xsd",
    WSA[0]: "ws-addressing.xsd",
}

NAMESPACES: Final = tuple(_FILES)
"""The namespaces whose schemas are here."""


def bundled(namespace: str) -> bytes | None:
    """Return the schema of a namespace, None where it is none of `NAMESPACES`."""
    return _read(_FILES[namespace]) if namespace in _FILES else None


@cache
def _read(name: str) -> bytes:
    return (files(__name__) / name).read_bytes()
