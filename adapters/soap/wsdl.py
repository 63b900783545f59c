"""The tolerant WSDL index: which operations a backend has, and how each is reached, from documents given as bytes.

Routing and `?wsdl` stand on it, so it takes whatever is well-formed: a broken or missing reference loses that detail
and is listed in `Index.problems`. It fetches nothing, validates nothing and does not know zeep.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

from lxml import etree

from adapters import xml
from adapters.soap.contract import Binding, Endpoint, Index, Kind, Operation
from adapters.soap.definitions import Definitions, Document
from adapters.soap.operations import Assembly
from adapters.soap.schema import Parameter

__all__ = ["Binding", "Endpoint", "Index", "Kind", "Operation", "Parameter", "index", "index_in_slices", "index_one"]

_SLICE = 100  # operations looked up between two yields: 0.7 ms


def index(documents: Mapping[str, bytes]) -> Index:
    """Index a WSDL and what it imports, by location; the first is the one to start from.

    Relative locations are read against the document that names them. Raises `XmlRefused` where the first document
    is not well-formed; another one that is not is a problem and no more. For threads, tests and the command line:
    on the loop use `index_in_slices`.
    """
    read = _Reading()
    for at, body in documents.items():
        with read.tolerance(at):
            read.add(at, body, xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP))
    for _ in read.steps():
        pass
    return read.found[0]


def index_one(document: bytes) -> Index:
    """Index a single document, as `index` does."""
    return index({"": document})


async def index_in_slices(documents: Mapping[str, bytes]) -> Index:
    """As `index`, on the loop, with a yield after each millisecond of work."""
    read = _Reading()
    for at, body in documents.items():
        with read.tolerance(at):
            read.add(at, body, await xml.parse_in_pieces(body, charset=None, markup_max=xml.REPLY_MARKUP))
    for _ in chain(read.steps(), read.definitions.release()):
        await asyncio.sleep(0)
    return read.found[0]


@dataclass(slots=True)
class _Reading:
    """The work that `index` does at once and `index_in_slices` bit by bit."""

    documents: dict[str, Document] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    found: list[Index] = field(default_factory=list)
    definitions: Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.definitions = Definitions(self.documents, self.refused)

    @contextmanager
    def tolerance(self, at: str) -> Iterator[None]:
        """Raise for the first document, note the problem for any other."""
        try:
            yield
        except xml.XmlRefused as refused:
            if not self.documents:
                raise
            self.refused[at] = str(refused)

    def add(self, at: str, body: bytes, root: etree._Element) -> None:
        self.documents[at] = Document(root, body)

    def steps(self) -> Iterator[None]:
        yield from self.definitions.collect()
        assembly = Assembly(self.definitions)
        yield from assembly.steps()
        yield from _index(self.definitions, assembly, self.found)


def _index(definitions: Definitions, assembly: Assembly, found: list[Index]) -> Iterator[None]:
    operations: list[Operation] = []
    maps: tuple[dict[str, list[Operation]], ...] = ({}, {}, {}, {})
    for count, operation in enumerate(assembly.operations(), 1):
        operations.append(operation)
        for keys, index_ in zip(_keys(operation), maps, strict=True):
            for key in dict.fromkeys(keys):
                index_.setdefault(key, []).append(operation)
        if count % _SLICE == 0:
            yield
    bodies, names, actions, locations = (
        MappingProxyType({key: tuple(each) for key, each in index_.items()}) for index_ in maps
    )
    made = Index(
        definitions.target,
        tuple(assembly.endpoints),
        tuple(operations),
        tuple(definitions.problems),
        tuple(definitions.wanted),
        bodies,
        names,
        actions,
        locations,
    )
    found.append(made)


def _keys(operation: Operation) -> tuple[Iterable[str], ...]:
    """Return what an operation is looked up by: body, name, actions, locations."""
    bindings = operation.bindings
    return (
        [operation.body] if operation.body else [],
        [operation.name],
        [each.action for each in bindings if each.action],
        [each.location for each in bindings if each.location],
    )
