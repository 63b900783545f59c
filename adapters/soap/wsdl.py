"""The tolerant WSDL index: which operations a backend has, and how each is reached, from documents given as bytes.

Routing and `?wsdl` stand on it, so it takes whatever is well-formed: a broken or missing reference loses that detail
and is listed in `Index.problems`. It fetches nothing, validates nothing and does not know zeep.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from adapters import xml
from adapters.soap.contract import Binding, Endpoint, Index, Kind, Operation
from adapters.soap.definitions import Definitions, Document
from adapters.soap.operations import Assembly
from adapters.soap.schema import Parameter

__all__ = ["Binding", "Endpoint", "Index", "Kind", "Operation", "Parameter", "index", "index_in_slices", "index_one"]


def index(documents: Mapping[str, bytes]) -> Index:
    """Index a WSDL and what it imports, by location; the first is the one to start from, and relative locations

    are resolved against the document that names them. Raises `XmlRefused` for a document that is not well-formed.
    For threads, tests and the command line: on the loop use `index_in_slices`.
    """
    parsed = {
        at: Document(xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP), body) for at, body in documents.items()
    }
    found: list[Index] = []
    for _ in _steps(Definitions(parsed), found):
        pass
    return found[0]


def index_one(document: bytes) -> Index:
    """Index a single document, as `index` does."""
    return index({"": document})


async def index_in_slices(documents: Mapping[str, bytes]) -> Index:
    """As `index`, on the loop, with a yield after each millisecond of work."""
    parsed = {}
    for at, body in documents.items():
        root = await xml.parse_in_pieces(body, charset=None, markup_max=xml.REPLY_MARKUP)
        parsed[at] = Document(root, body)
    definitions = Definitions(parsed)
    found: list[Index] = []
    for _ in chain(_steps(definitions, found), definitions.release()):
        await asyncio.sleep(0)
    return found[0]


def _steps(definitions: Definitions, found: list[Index]) -> Iterator[None]:
    """Put the index into `found` with the last step."""
    yield from definitions.collect()
    assembly = Assembly(definitions)
    yield from assembly.steps()
    operations = assembly.operations()
    made = Index(
        definitions.target,
        tuple(assembly.endpoints),
        operations,
        tuple(definitions.problems),
        tuple(definitions.wanted),
        _bodies=_by(operations, lambda each: [each.body] if each.body else []),
        _names=_by(operations, lambda each: [each.name]),
        _actions=_by(operations, lambda each: [b.action for b in each.bindings if b.action]),
        _locations=_by(operations, lambda each: [b.location for b in each.bindings if b.location]),
    )
    found.append(made)


def _by(
    operations: Iterable[Operation], keys: Callable[[Operation], Iterable[str]]
) -> Mapping[str, tuple[Operation, ...]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        for key in dict.fromkeys(keys(operation)):
            found.setdefault(key, []).append(operation)
    return MappingProxyType({key: tuple(each) for key, each in found.items()})
