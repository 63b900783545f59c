"""All that the JSON facade knows of one set of documents: its operations by name, their types, and how each is written and read.

Made from the documents that the shelf holds, when somebody asks for JSON the first time; a type is resolved, and its functions are
compiled, when an operation that needs it is called. It fetches nothing.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from adapters import xml
from adapters.soap.bundled import NAMESPACES, bundled
from adapters.soap.decoding import Decoder
from adapters.soap.definitions import Definitions, Document
from adapters.soap.encoding import Encoder
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.multiref import expanded
from adapters.soap.namespaces import WSDL, XSD
from adapters.soap.operations import Assembly
from adapters.soap.resolver import Options, Resolver
from adapters.soap.types import HEADERS
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import local
from sidecar.model import Dialect
from sidecar.pieces import whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from lxml import etree

    from adapters.soap.operations import Wire
    from adapters.soap.types import Member, Message, Signature, Types

    T = TypeVar("T")

ELEMENTS_MAX: Final = 200_000
"""In a reply that is read, with what its references are expanded to."""

_SCHEMA: Final = f"{{{XSD}}}schema"
_SCHEMAS: Final = f"{{{WSDL}}}types/{_SCHEMA}"
_BREATH: Final = 250
_PARTS: Final = 8  # children of an Envelope that are looked at: it has two
_BODIES: Final = frozenset((f"{{{SOAP11_NS}}}Body", f"{{{SOAP12_NS}}}Body"))
_HEADERS: Final = frozenset((f"{{{SOAP11_NS}}}Header", f"{{{SOAP12_NS}}}Header"))


class NoReplyError(ValueError):
    """A document that is no reply of the operation; the text says what it is instead."""


class Speech:
    """The operations of one endpoint in JSON. Made by `of`, or on the loop by `pieces`."""

    def __init__(self, definitions: Definitions, assembly: Assembly, options: Options) -> None:
        self._assembly = assembly
        self._resolver = Resolver(definitions, options)
        self._wires: dict[str, tuple[Wire, str | None]] = {}
        self._unspoken: dict[str, str] = {}
        self._signatures: dict[str, Signature] = {}
        for name, body, wire in assembly.wires():
            if name in self._wires:
                continue  # the same name in another namespace or binding: the first is meant, as with native calls
            if wire is None:
                self._unspoken.setdefault(name, "no SOAP binding carries it")
            else:
                self._unspoken.pop(name, None)
                self._wires[name] = wire, body
        self._encoder = Encoder(self.types, self._resolver)
        self._decoder = Decoder(self.types, self._resolver)

    @classmethod
    def of(cls, documents: Mapping[str, bytes], options: Options | None = None) -> Speech:
        """Make it at once, for threads, tests and the command line. Raises `XmlRefused` for a first document that is none."""
        roots = {}
        for at, body in documents.items():
            try:
                roots[at] = xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP)
            except xml.XmlRefused:
                if not roots:
                    raise
        return whole(
            cls.pieces({at: Document(root, documents[at]) for at, root in roots.items()}, options or Options())
        )

    @classmethod
    def pieces(cls, documents: dict[str, Document], options: Options) -> Generator[None, None, Speech]:
        """Make it of parsed documents, with a yield about every millisecond."""
        declared: set[str] = set()
        for document in documents.values():
            declared.update(_declared(document.root))
            yield
        for space in sorted({*NAMESPACES} - declared):
            body = bundled(space)
            assert body is not None, "each of them is bundled"
            documents[f"bundled:{space}"] = Document(xml.parse(body, charset=None), body)
            yield
        definitions = Definitions(documents, {})
        yield from definitions.collect()
        assembly = Assembly(definitions)
        yield from assembly.steps()
        return cls(definitions, assembly, options)

    @property
    def names(self) -> tuple[str, ...]:
        """The operations, in the order of the documents, whether their schemas can be followed or not."""
        return tuple({**self._wires, **self._unspoken})  # an operation that turns out to be unspeakable is among both

    @property
    def types(self) -> Types:
        """The complex types that have been resolved so far."""
        return self._resolver.types

    def signature(self, name: str) -> Signature:
        """As `signature_pieces`, at once."""
        return whole(self.signature_pieces(name))

    def signature_pieces(self, name: str) -> Generator[None, None, Signature]:
        """Return what an operation takes and gives, resolved with a yield after each type. Raises `Unspeakable`, KeyError."""
        if name not in self._signatures:
            if name in self._unspoken:
                raise Unspeakable(self._unspoken[name])
            wire, body = self._wires[name]
            try:
                self._signatures[name] = yield from self._resolver.signature(name, wire, body, self._assembly)
            except Unspeakable as reason:
                self._unspoken[name] = str(reason)
                raise
        return self._signatures[name]

    def encode(self, name: str, value: Any, dialect: Dialect = Dialect.SOAP11) -> bytes:
        """Write a request at once. Raises `InvalidParams`, `Unspeakable`."""
        return whole(self.request(self.signature(name), value, dialect))

    def request(self, signature: Signature, value: Any, dialect: Dialect) -> Generator[None, None, bytes]:
        """Write a request's envelope. Raises `InvalidParams`."""
        return self._encoder.envelope(signature.input, value, dialect, xml.REQUEST_MARKUP)

    def envelope(self, message: Message, value: Any, dialect: Dialect) -> Generator[None, None, bytes]:
        """Write any message's envelope. Raises `InvalidParams`."""
        return self._encoder.envelope(message, value, dialect)

    def reply(self, name: str, value: Any, dialect: Dialect = Dialect.SOAP11) -> bytes:
        """Write a reply, as an operator words it. Raises `InvalidParams`, `Unspeakable`."""
        output = self.signature(name).output
        if output is None:
            raise Unspeakable("it has no reply")
        return whole(self._encoder.envelope(output, value, dialect))

    def decode(self, name: str, reply: bytes) -> Any:
        """Read a reply at once. Raises `NoReplyError`, `XmlRefused`, `Unspeakable`."""
        root = xml.parse(reply, charset=None, markup_max=xml.REPLY_MARKUP)
        return orjson.loads(orjson.dumps(whole(self.read(self.signature(name), root))))

    def read(
        self, signature: Signature, root: etree._Element, elements_max: int = ELEMENTS_MAX
    ) -> Generator[None, None, Any]:
        """Read a reply's envelope; returns what orjson writes. Raises `NoReplyError`."""
        body = child_of(root, _BODIES)
        if body is None:
            raise NoReplyError(f"the root is {local(root.tag)[:60]}, and holds no Body")
        output = signature.output
        first = next(iter(body), None)
        headers = yield from self._headers(output, root)
        if output is None or output.element is None:
            if first is not None:
                raise NoReplyError(f"{local(first.tag)[:60]} is not expected")
            return headers or {}
        if first is None:
            raise NoReplyError("the Body is empty")
        if not _is_reply(first, output):
            raise NoReplyError(f"the Body holds {first.tag[:200]}, and a reply has {output.element.clark}")
        if output.encoded or len([*islice(body, 2)]) > 1:
            yield from expanded(body, elements_max)
        return (yield from self._decoder.steps(output.element, first, headers))

    def detail(self, signature: Signature, detail: etree._Element) -> Generator[None, None, Any]:
        """Read a fault's detail: what the contract declares by its type, anything else by its looks."""
        return self._decoder.children(signature.faults, detail)

    def _headers(self, output: Message | None, root: etree._Element) -> Generator[None, None, dict[str, Any] | None]:
        """Read the header blocks that the contract declares, where any has come."""
        header = child_of(root, _HEADERS)
        if output is None or not output.headers or header is None:
            return None
        known: dict[str, Member] = {each.clark: each for each in output.headers}
        found: dict[str, Any] = {}
        for count, block in enumerate(header, 1):
            if (member := known.get(block.tag)) is not None and member.key not in found:
                found[member.key] = yield from self._decoder.steps(member, block)
            if count % _BREATH == 0:
                yield
        return {HEADERS: found} if found else None


def child_of(root: etree._Element, names: frozenset[str]) -> etree._Element | None:
    """Return an envelope's part."""
    return next((child for child in islice(root, _PARTS) if child.tag in names), None)


def _is_reply(first: etree._Element, output: Message) -> bool:
    """An rpc reply's element may be called anything (WSDL 1.1 section 3.5 names it by habit alone)."""
    assert output.element is not None, "asked of replies that hold something"
    return output.rpc or first.tag == output.element.clark


def _declared(root: etree._Element) -> Iterator[str]:
    """Give the namespaces that a document has a schema of."""
    for each in (root,) if root.tag == _SCHEMA else root.iterfind(_SCHEMAS):
        yield each.get("targetNamespace") or ""
