"""Reads a WSDL file for `sidecar check`, with what it imports from the same folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from adapters.soap.vocabulary import reply_names
from adapters.soap.wsdl import index
from adapters.xml import XmlRefused
from sidecar.settings.names import Contract, NoContractError

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
    return Contract(offered, reply_names(documents, found))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoContractError(f"{path.name} cannot be read: {error.strerror}") from error
