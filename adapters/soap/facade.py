"""A SOAP endpoint's JSON side: implements `ports.Facade` over a `Speech`, which is made when JSON is asked for the first time.

Asked by the facade stage. It answers with requests and values, or refusals: what the contract says is wrong, an operation whose schema
cannot be followed, a contract that nobody has read yet. It never touches the backend and never holds the loop.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from adapters import xml
from adapters.json.pointers import nearest
from adapters.json.reading import JsonRefused, read
from adapters.media import media_of_headers
from adapters.rules import said
from adapters.soap import samples, shown
from adapters.soap.contract import Kind
from adapters.soap.definitions import Document
from adapters.soap.encoding import InvalidParams
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.namespaces import XSI
from adapters.soap.queries import Queries
from adapters.soap.speech import ELEMENTS_MAX, NoReplyError, Speech, child_of
from adapters.soap.strangers import holds
from adapters.soap.unspeakable import Unspeakable
from adapters.soap.ways import Ways, headers_of
from adapters.xml import local
from sidecar.described import Described
from sidecar.model import Dialect, Refusal
from sidecar.once import Once
from sidecar.pieces import in_turns
from sidecar.ports import Asked, Offered

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from lxml import etree

    from adapters.soap.contract import Index, Operation
    from adapters.soap.resolver import Options
    from adapters.soap.types import Member, Signature
    from sidecar.model import RawHeaders

    T = TypeVar("T")

_LARGE: Final = 16_384  # bytes of a reply whose tree is let go of piece by piece: 4 000 elements take 0.4 ms to free
_WINDOW: Final = 65_536  # bytes that are searched between two yields: 0.3 ms where every fourth begins a tag
_FIRST_TAG: Final = re.compile(rb"<[A-Za-z_][^\s/>]*")
_TREE: Final = 4_000  # elements
_REFERENCE: Final = b"ref="
_FREED: Final = 2_000  # values that are let go of between two yields: 0.1 ms
_FAULTS: Final = 8  # children of a Body, or of a fault, that are looked at: the fault is the first, and has four
_WORDS: Final = 20  # codes of a fault: each stands inside the one before, and real ones have two
_WSDL_S: Final = 2  # a WSDL is read within a second or two of the start where the backend is there at all
_DIALECTS: Final = {Kind.SOAP11: Dialect.SOAP11, Kind.SOAP12: Dialect.SOAP12}
_BODIES: Final = frozenset((f"{{{SOAP11_NS}}}Body", f"{{{SOAP12_NS}}}Body"))
_NO_ELEMENTS: Final = (b"</", b"<!", b"<\0/", b"<\0!")  # what else begins so, also in UTF-16
_TOO_MUCH: Final = f"the backend's reply has more than {ELEMENTS_MAX} elements: call it natively, or ask for less"


class SoapFacade:
    """One endpoint. `index` gives the WSDL's index, `documents` the bytes that it was made of, both None while there are none."""

    def __init__(
        self,
        index: Callable[[], Index | None],
        documents: Callable[[], Mapping[str, bytes] | None],
        *,
        path: str,
        options: Options,
        stack_traces: bool = False,
        rules: Callable[[str], Described] = lambda name: Described(name, {}, None),
    ) -> None:
        self._index, self._documents = index, documents
        self._options, self._stack_traces, self._rules = options, stack_traces, rules
        self._ways, self._path = Ways(path), path
        self._made: tuple[Index, Speech] | None = None
        self._making: Once[Speech] = Once("speech")

    @property
    def form(self) -> object:
        """The options."""
        return self._options.flatten, self._options.camel

    @property
    def edition(self) -> object:
        """The index."""
        return self._index()

    def knows(self, name: str) -> bool:
        """Say whether the contract has an operation of that name; True while nobody can tell."""
        index = self._index()
        return index is None or bool(index.by_name(name))

    async def ask(self, name: str, body: bytes | None, query: str) -> Asked | Refusal:
        """Write a call."""
        found = await self._find(name)
        if isinstance(found, Refusal):
            return found
        speech, signature, operation = found
        dialect, headers = self._how(operation)
        value: Any = None
        try:
            value = await read(body) if body is not None else Queries(speech.types, signature).value(query)
            await asyncio.sleep(0)
            return Asked(headers, await in_turns(speech.request(signature, value, dialect)))
        except JsonRefused as refused:
            return _unread(refused)
        except InvalidParams as wrong:
            return _invalid(wrong.errors)
        finally:
            if body is not None and len(body) > _LARGE:
                await _let_go(value)

    async def answer(self, name: str, data: bytes) -> tuple[Dialect, RawHeaders, bytes] | Refusal:
        """Write a reply."""
        found = await self._find(name)
        if isinstance(found, Refusal):
            return found
        speech, signature, operation = found
        dialect, headers = self._how(operation)
        if signature.output is None:
            return Refusal("operation_denied", "schema", f"{name} has no reply")
        try:
            body = await in_turns(speech.envelope(signature.output, await read(data), dialect))
        except JsonRefused as refused:
            return _unread(refused)
        except InvalidParams as wrong:
            return _invalid(wrong.errors)
        return dialect, headers[:1], body

    async def tell(self, name: str, headers: RawHeaders, body: bytes) -> bytes | Refusal:
        """Read a good reply."""
        found = await self._find(name)
        if isinstance(found, Refusal):
            return found
        speech, signature, _ = found
        if not body:
            return b"{}"  # a one-way operation's
        root = await _parsed(headers, body)
        if isinstance(root, Refusal):
            return root
        try:
            value = await in_turns(speech.read(signature, root))
            await asyncio.sleep(0)
            return orjson.dumps(value)
        except NoReplyError as error:
            return Refusal("backend_bad_reply", "root", f"the backend's reply cannot be read as JSON: {error}")
        finally:
            await _freed(root, body)

    async def fault(self, name: str, headers: RawHeaders, body: bytes) -> bytes:
        """Read a fault."""
        found = await self._find(name)
        root = await _parsed(headers, body) if body else None
        if root is None or isinstance(root, Refusal) or isinstance(found, Refusal):
            return b""
        try:
            held = child_of(root, _BODIES)
            fault = None if held is None else _named(held, "Fault")
            if fault is None:
                return b""
            speech, signature, _ = found
            facts = self._facts(fault)
            detail = _named(fault, "detail", "Detail")
            if detail is not None and holds(detail):
                facts["detail"] = await in_turns(speech.detail(signature, detail))
            return orjson.dumps(facts)
        finally:
            await _freed(root, body)

    async def describe(self, offered: Callable[[str], bool]) -> Offered | Refusal:
        """Describe the operations that are offered."""
        speech = await self._speech()
        if isinstance(speech, Refusal):
            return speech
        return await in_turns(self._described(speech, offered))

    def _described(self, speech: Speech, offered: Callable[[str], bool]) -> Generator[None, None, Offered]:
        signatures: dict[str, Signature] = {}
        missing: dict[str, str] = {}
        for name in filter(offered, speech.names):
            yield
            try:
                signatures[name] = yield from speech.signature_pieces(name)
            except Unspeakable as reason:
                missing[name] = str(reason)
        view = shown.Shown(speech.types)
        operations, used = [], set[str]()
        for name, signature in signatures.items():
            yield
            operations.append(_describe(self._rules(name), signature, speech, view))
            used.update(_types_of(signature))
        return Offered(tuple(operations), (yield from view.pieces(used)), missing)

    # --- what is known

    async def _find(self, name: str) -> tuple[Speech, Signature, Operation] | Refusal:
        index = self._index()
        speech = await self._speech()
        if isinstance(speech, Refusal) or index is None:
            return speech if isinstance(speech, Refusal) else _unread_contract()
        operations = index.by_name(name)
        if not operations:
            return Refusal("not_found", "path", f"there is no operation {name!r}{nearest(name, speech.names)}")
        try:
            return speech, await in_turns(speech.signature_pieces(name)), _carried(operations)
        except Unspeakable as reason:
            return Refusal("operation_denied", "schema", f"{name} cannot be called in JSON: {reason}")

    async def _speech(self) -> Speech | Refusal:
        """Return what is known, made anew where the contract has changed."""
        index = self._index()
        if index is None:
            return _unread_contract()
        if self._made is not None and self._made[0] is index:
            return self._made[1]
        documents = self._documents()  # now: when the work begins they may be of another index
        if documents is None:
            return _unread_contract()
        return await self._making.do((str(id(index)),), lambda: self._make(index, documents))

    async def _make(self, index: Index, documents: Mapping[str, bytes]) -> Speech:
        parsed: dict[str, Document] = {}
        for at, body in documents.items():
            try:
                root = await xml.parse_in_pieces(body, charset=None, markup_max=xml.REPLY_MARKUP)
            except xml.XmlRefused:
                continue  # the index lists it among its problems
            parsed[at] = Document(root, body)
        speech = await in_turns(Speech.pieces(parsed, self._options))
        self._made = index, speech
        return speech

    def _how(self, operation: Operation) -> tuple[Dialect, RawHeaders]:
        """Return in which version the backend is asked, and by which header lines."""
        index = self._index()
        way = None if index is None else self._ways.find(index, operation)
        if way is not None:
            return way.dialect, way.headers
        # SOAP's own encoding, which no two versions spell alike.
        kind = Kind.SOAP12 if operation.binding(Kind.SOAP11) is None else Kind.SOAP11
        dialect, action = _DIALECTS[kind], operation.action(kind, self._path)
        return dialect, headers_of(dialect, action or ("" if dialect is Dialect.SOAP11 else None))

    def _facts(self, fault: etree._Element) -> dict[str, Any]:
        """Return what a fault says of itself (SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4)."""
        codes = [*islice(_codes(fault), _WORDS)]
        reason = _named(fault, "faultstring", "Reason")
        if reason is not None and local(reason.tag) == "Reason":
            reason = next(iter(reason), None)  # the first of several languages
        text = "" if reason is None else reason.text or ""
        found: dict[str, Any] = {"code": local_code(codes[0]) if codes else None}
        found["text"] = text.strip() if self._stack_traces else said(text)
        if len(codes) > 1:
            found["subcodes"] = [local_code(each) for each in codes[1:]]
        return found


def _carried(operations: Sequence[Operation]) -> Operation:
    """Return the first of one name that SOAP carries: that is the one whose types are known."""
    return next((each for each in operations if any(bound.kind in _DIALECTS for bound in each.bindings)), operations[0])


def local_code(code: str) -> str:
    """Return a fault code without its prefix, which means something only inside its document."""
    return code.rpartition(":")[2]


def _codes(fault: etree._Element) -> Iterator[str]:
    """Give a fault's code, and what SOAP 1.2 has inside of it, one in another."""
    code = _named(fault, "faultcode", "Code")
    while code is not None:
        value = code if local(code.tag) == "faultcode" else _named(code, "Value")
        if value is not None:
            yield (value.text or "").strip()
        code = _named(code, "Subcode")


def _named(parent: etree._Element, *names: str) -> etree._Element | None:
    """Return the first of an element's few children that is called so; services forget the namespaces of a fault's."""
    return next((each for each in islice(parent, _FAULTS) if local(each.tag) in names), None)


def _types_of(signature: Signature) -> Iterator[str]:
    for message in (signature.input, signature.output):
        if message is not None:
            yield from _types((*message.headers, *((message.element,) if message.element else ())))
    yield from _types(signature.faults.values())


def _types(members: Iterable[Member]) -> Iterator[str]:
    return (each.type for each in members if isinstance(each.type, str))


def _describe(rules: Described, signature: Signature, speech: Speech, view: shown.Shown) -> Described:
    types, asked, answered = speech.types, signature.input, signature.output
    return replace(
        rules,
        input=view.schema(asked),
        output=None if answered is None else view.schema(answered),
        queryable=Queries(types, signature).possible,
        text=signature.text,
        detail=_detail(signature, view) if signature.faults else None,
        sample=samples.sample(asked, types, sent=True),
        reply=None if answered is None else samples.sample(answered, types),
    )


def _detail(signature: Signature, view: shown.Shown) -> dict[str, Any]:
    properties = {each.key: view.schema(each) for each in signature.faults.values()}
    return {"type": "object", "properties": properties}


def _unread(refused: JsonRefused) -> Refusal:
    if refused.state == "invalid_params":
        return _invalid(((refused.pointer, refused.code, refused.text),))
    where = f" at {refused.pointer}" if refused.pointer else ""
    return Refusal(refused.state, refused.reason, f"{refused.text}{where}")


def _invalid(errors: tuple[tuple[str, str, str], ...]) -> Refusal:
    first = f"{errors[0][0] or 'the body'} {errors[0][2]}" if errors else ""
    more = f" (and {len(errors) - 1} more in errors)" if len(errors) > 1 else ""
    return Refusal("invalid_params", detail=f"{first}{more}", errors=errors)


def _unread_contract() -> Refusal:
    detail = "the WSDL is not read yet; JSON needs it, native calls do not"
    return Refusal("backend_unreachable", detail=detail, retry_after_s=_WSDL_S)


async def _parsed(headers: RawHeaders, body: bytes) -> etree._Element | Refusal:
    """Parse a reply, once it is known to be no more than is decoded."""
    media = media_of_headers(headers)
    if media.type.startswith("multipart/"):
        return Refusal(
            "backend_bad_reply", "not_xml", "the backend's reply has attachments, which JSON has no place for"
        )
    tags = 0
    for start in range(0, len(body), _WINDOW):
        tags += body.count(b"<", start, start + _WINDOW)
        if start:
            await asyncio.sleep(0)
    if tags > ELEMENTS_MAX:  # or half of them end others
        for start in range(0, len(body), _WINDOW):
            tags -= sum(body.count(each, start, start + _WINDOW) for each in _NO_ELEMENTS)
            await asyncio.sleep(0)
    if tags > ELEMENTS_MAX:
        return Refusal("backend_bad_reply", "too_large", _TOO_MUCH)
    try:
        return await xml.parse_in_pieces(body, charset=media.charset, markup_max=xml.REPLY_MARKUP)
    except xml.XmlRefused as refused:
        mended = _with_xsi(body) if refused.reason == "malformed" else None
        said = refused.detail
    if mended is not None:
        with suppress(xml.XmlRefused):
            return await xml.parse_in_pieces(mended, charset=media.charset, markup_max=xml.REPLY_MARKUP)
    return Refusal("backend_bad_reply", "not_xml", f"the backend's reply cannot be read: {said}")


def _with_xsi(body: bytes) -> bytes | None:
    """Declare what npm's soap servers forget: they write xsi:nil and never say what that is. None where that is not amiss."""
    if b"xsi:" not in body or b"xmlns:xsi" in body or (first := _FIRST_TAG.search(body, 0, _WINDOW)) is None:
        return None
    return b'%b xmlns:xsi="%b"%b' % (body[: first.end()], XSI.encode(), body[first.end() :])


async def _freed(root: etree._Element, body: bytes) -> None:
    # A small reply may have become large by its references.
    if len(body) > _LARGE or (_REFERENCE in body and len([*islice(root.iter(), _TREE)]) == _TREE):
        await xml.dissolve(root)


async def _let_go(value: Any) -> None:
    """Free a large value of JSON piece by piece; nobody else holds it."""
    pending, freed = [value], 0
    del value
    while pending:
        each = pending.pop()
        part: Iterable[Any] = ()
        if isinstance(each, list):
            part = each[-_FREED:]
            del each[-_FREED:]
            if each:
                pending.append(each)
        elif isinstance(each, dict):
            part = [each.popitem()[1] for _ in range(min(len(each), _FREED))]
            if each:
                pending.append(each)
        for inner in part:
            freed += 1
            if isinstance(inner, dict | list):
                pending.append(inner)
        del each, part
        if freed >= _FREED:
            freed = 0
            await asyncio.sleep(0)
