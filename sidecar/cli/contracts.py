"""Reads a WSDL file for `sidecar check`, with what it imports from the same folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from adapters import xml
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from adapters.soap.unspeakable import Unspeakable
from adapters.soap.vocabulary import reply_names
from adapters.soap.wsdl import index
from adapters.xml import XmlRefused
from sidecar.settings.findings import NoDocumentError
from sidecar.settings.names import Contract, NoContractError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.soap.contract import Operation

_DOCUMENTS: Final = 64  # as many as the sidecar itself keeps per backend


def contract_of(file: Path) -> Contract | None:
    """Return what `file` offers; None where an import is not beside it. Raises NoContractError."""
    documents = {file.name: _read(file)}
    while len(documents) <= _DOCUMENTS:
        try:
            found = index(documents)
        except XmlRefused as error:
            raise NoContractError(error.detail) from error
        beside = {location: file.parent / Path(urlsplit(location).path).name for location in found.wanted}
        more = {location: path for location, path in beside.items() if location not in documents and path.is_file()}
        if not more:
            break
        documents |= {location: _read(path) for location, path in more.items()}
    if found.wanted:
        return None
    if not found.operations:
        raise NoContractError("it names no operation")
    offered: dict[str, frozenset[str] | None] = {}
    for operation in found.operations:
        names = None if operation.parameters is None else frozenset(each.name for each in operation.parameters)
        before = offered.get(operation.name, frozenset())
        offered[operation.name] = None if names is None or before is None else names | before
    return Contract(offered, reply_names(documents, found), _roots(found.operations), InJson(documents))


class InJson:
    """`names.InJson` of a set of documents; made of them when it is first asked."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        self._documents = documents
        self._made: Speech | None = None

    @property
    def _speech(self) -> Speech:
        if self._made is None:
            self._made = Speech.of(self._documents)
        return self._made

    def unspoken(self, operation: str) -> str:
        """Return why an operation cannot be called in JSON, "" where it can."""
        try:
            self._speech.signature(operation)
        except Unspeakable as reason:
            return str(reason)
        return ""

    def unfit(self, operation: str, data: str) -> str:
        """Return why JSON is no reply of an operation, "" where it is one, or where that cannot be said."""
        try:
            self._speech.reply(operation, json.loads(data))
        except InvalidParams as wrong:
            return "; ".join(f"{at or 'the data'} {text}" for at, _, text in wrong.errors[:3])
        except Unspeakable:
            return ""
        return ""


def _roots(operations: Iterable[Operation]) -> dict[str, str | None]:
    """Return the element of each operation's reply, None where two bindings of one name differ."""
    roots: dict[str, str | None] = {}
    for operation in operations:
        roots[operation.name] = (
            operation.reply if roots.get(operation.name, operation.reply) == operation.reply else None
        )
    return roots


def root_of(data: bytes) -> str:
    """Return the root of an XML document as {namespace}name. Raises NoDocumentError."""
    try:
        return str(xml.parse(data, charset=None, markup_max=xml.REPLY_MARKUP).tag)
    except XmlRefused as error:
        raise NoDocumentError(error.detail) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoContractError(f"{path.name} cannot be read: {error.strerror}") from error
