"""A kept answer for one caller: as it came where he speaks as the backend was asked, else what stands in its Body, in his envelope.

Asked when an answer is shared or kept. It answers with header lines and bytes, or None where the answer cannot be said in his
dialect; it changes no value. What is made for a dialect is remembered with the entry, what answers one caller's MessageID is not.
A large body is parsed in pieces and written by a thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from lxml import etree

from adapters import xml
from adapters.media import SOAP12, media_of, parse_media
from adapters.soap import addressing, bindings, envelope, translation
from adapters.soap.canonical import PREFIX
from adapters.soap.contract import Kind
from adapters.soap.namespaces import XSI
from adapters.soap.question import SPACES
from adapters.xml import WHOLE_SIZE_BYTES, local, ns
from sidecar.model import Dialect
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from adapters.soap.contract import Index
    from sidecar.answers import Entry
    from sidecar.model import Head, RawHeaders

Wrapped = tuple["RawHeaders", bytes]
_DECLARATION: Final = '<?xml version="1.0" encoding="utf-8"?>'
_STARTS: Final = {
    dialect: f'{_DECLARATION}<{PREFIX}:Envelope xmlns:{PREFIX}="{space}">'.encode() for dialect, space in SPACES.items()
}
_MEDIA: Final = {
    Dialect.SOAP11: b"text/xml; charset=utf-8",
    Dialect.SOAP12: b"application/soap+xml; charset=utf-8",
    Dialect.ASMX: b"text/xml; charset=utf-8",
}
_KINDS: Final = {"GET": Kind.HTTP_GET, "POST": Kind.HTTP_POST}


class _Ask(NamedTuple):
    """What of a caller decides how he is answered."""

    dialect: Dialect
    names: tuple[str, str] | tuple[()] = ()  # by path: the child of the reply, and the root that stands for it


async def replay(
    entry: Entry, head: Head, rest: str, body: bytes, index: Index | None, path: str | None
) -> Wrapped | None:
    """Return content headers and body for one caller."""
    if rest not in ("", "/"):
        return await _by_path(entry, head, rest, index, path)
    spoken = Dialect.SOAP12 if media_of(head).type == SOAP12 else Dialect.SOAP11
    related = await _related(entry, head, body, spoken)
    if spoken is entry.dialect and not related:
        return entry.headers, entry.body
    found = await _wrapped(entry, _Ask(spoken))
    if found is None or not related:
        return found
    headers, text = found
    start = _STARTS[spoken]
    block = f"<{PREFIX}:Header>{related}</{PREFIX}:Header>".encode()
    return headers, b"".join((start, block, memoryview(text)[len(start) :]))


def wrap(payload: bytes, dialect: Dialect) -> bytes:
    """Put an element into an envelope."""
    return b"".join(
        (_STARTS[dialect], f"<{PREFIX}:Body>".encode(), payload, f"</{PREFIX}:Body></{PREFIX}:Envelope>".encode())
    )


def content(dialect: Dialect, others: RawHeaders = ()) -> RawHeaders:
    """Return the header lines of a body that is made here, with those of `others` that say nothing of a body."""
    return (
        (b"Content-Type", _MEDIA[dialect]),
        *(line for line in others if not line[0].lower().startswith(b"content-")),
    )


async def _related(entry: Entry, head: Head, body: bytes, spoken: Dialect) -> str:
    """Return the header blocks that answer the caller's own; "" for nearly everybody, found out without a parse."""
    if b"MessageID" not in body and b"\0" not in body[:4]:
        return ""
    try:
        root = await xml.parse_in_pieces(body, charset=media_of(head).charset)
    except xml.XmlRefused:
        return ""
    parameter = media_of(head).parameters.get("action", "")
    action = parameter if spoken is Dialect.SOAP12 else envelope.unquoted(head.headers.get("SOAPAction", ""))
    header = root[0] if len(root) == 2 else None
    return addressing.related(header, action, fault=entry.status >= 400)  # SOAP 1.1 section 6.2: a fault is 500


async def _by_path(entry: Entry, head: Head, rest: str, index: Index | None, path: str | None) -> Wrapped | None:
    if (
        entry.dialect is Dialect.ASMX
    ):  # it was asked so, and the same call is told again: no contract is needed for that
        return entry.headers, entry.body
    operation = None if index is None else index.by_location(rest)
    kind = _KINDS.get(head.method)
    if operation is None or kind is None:
        return None
    pair = bindings.answer(operation, kind, path)
    return None if pair is None else await _wrapped(entry, _Ask(Dialect.ASMX, tuple(each.name for each in pair)))  # type: ignore[arg-type]  # two or none


async def _wrapped(entry: Entry, ask: _Ask) -> Wrapped | None:
    """Return an answer as it is said so, made once for all who ask; None is remembered, too."""
    if ask in entry.wrapped:
        return entry.wrapped[ask]
    making = entry.making.get(ask)
    if making is None:
        making = entry.making[ask] = spawn(_made(entry, ask), "payload")  # its first caller may hang up
        making.add_done_callback(lambda done: _is_made(entry, ask, done))
    return await asyncio.shield(making)


def _is_made(entry: Entry, ask: _Ask, done: asyncio.Task[Wrapped | None]) -> None:
    del entry.making[ask]
    if not done.cancelled() and done.exception() is None:
        entry.wrapped[ask] = done.result()


async def _made(entry: Entry, ask: _Ask) -> Wrapped | None:
    stated = next((value for name, value in entry.headers if name.lower() == b"content-type"), b"")
    try:
        root = await xml.parse_in_pieces(
            entry.body, charset=parse_media(stated.decode("latin-1")).charset, markup_max=xml.REPLY_MARKUP
        )
    except xml.XmlRefused:
        return None
    try:
        body = root[-1] if len(root) else root
        if local(body.tag) != "Body" or len(body) != 1:  # none, or values that others refer to
            return None
        return await (_as_asmx if ask.dialect is Dialect.ASMX else _in_envelope)(entry, body[0], ask)
    finally:
        if len(entry.body) > WHOLE_SIZE_BYTES:
            await xml.dissolve(root)


async def _in_envelope(entry: Entry, payload: etree._Element, ask: _Ask) -> Wrapped | None:
    if entry.dialect is ask.dialect or local(payload.tag) != "Fault" or ns(payload.tag) not in SPACES.values():
        text = await _written(payload, len(entry.body))
    else:
        text = await asyncio.to_thread(
            translation.translated, payload, ask.dialect, PREFIX
        )  # a detail may be of any size
    return content(ask.dialect, entry.headers), wrap(text, ask.dialect)


async def _as_asmx(entry: Entry, payload: etree._Element, ask: _Ask) -> Wrapped | None:
    """Name the result as .NET names it by path. A fault is one text there, a null has a root all the same, a void method says nothing."""
    headers = content(Dialect.ASMX, entry.headers)
    if local(payload.tag) == "Fault" and ns(payload.tag) in SPACES.values():
        return (
            (b"Content-Type", b"text/plain; charset=utf-8"),
            *headers[1:],
        ), f"{translation.said(payload)}\r\n".encode()
    if not ask.names:
        return headers, b""
    child, root = ask.names
    found = payload.find(child)
    if found is None:
        found = etree.Element(root, {f"{{{XSI}}}nil": "true"}, nsmap={"xsi": XSI})
    found.tag = root
    return headers, f"{_DECLARATION}\r\n".encode() + await _written(found, len(entry.body))


async def _written(element: etree._Element, size_bytes: int) -> bytes:
    """Write an element with the namespaces that it stands in: 2 ms a MB, in which lxml lets go of the interpreter."""
    if size_bytes <= WHOLE_SIZE_BYTES:
        return _write(element)
    return await asyncio.to_thread(_write, element)


def _write(element: etree._Element) -> bytes:
    return etree.tostring(element, encoding="utf-8", with_tail=False)
