"""A backend's WSDL and schemas as clients get them: with our addresses, by our numbers, stale when the backend is away.

The documents stage asks it; it answers a document, `not_found` with the remedy, or what the fetch came back with. What it
shows never holds the backend's own address, nor do its refusals. Neither start nor any call ever waits for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from adapters.soap.catalogue import Catalogue
from adapters.soap.names import own_addresses
from adapters.soap.reader import Reader
from adapters.soap.rewrite import Names, Unshowable, learn, rewrite_in_slices
from adapters.soap.single import Single
from adapters.soap.stock import BYTES, DOCUMENTS, Found, Kept, Stock
from adapters.xml import XmlRefused
from sidecar.model import Answer, Executed, Grade, Refusal
from sidecar.once import Once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.soap.contract import Index
    from adapters.soap.stock import DocumentFetch
    from sidecar.model import Head, RawHeaders
    from sidecar.ports import Adapter, Clock, Log, Pressure

_XML: Final = b"text/xml; charset=utf-8"
_KINDS: Final = ("wsdl", "xsd", "singlewsdl", "disco")
# A set of documents that nobody has kept is fetched one after the other; past this a client has long given up.
_WITHIN_S: Final = 60.0
_WORSE: Final = ("ok", "cached", "stale")


class Shelf:
    """`ports.Documents` of one backend. `endpoints` are (name, url), `file` a local WSDL that stands in for the backend's own."""

    def __init__(
        self, backend: str, path: str, endpoints: Sequence[tuple[str, str]], file: str | None, clock: Clock, log: Log
    ) -> None:
        self._path, self._clock = path, clock
        self._urls = dict(endpoints)
        self._names = {name: Names(url) for name, url in endpoints}
        self._learned: dict[str, set[str]] = {name: set() for name in self._urls}
        self._stock = Stock(backend, self._urls, file, clock, log)
        self._shown: dict[tuple[str, str, str], tuple[bytes, bytes, bytes]] = {}  # made of, document, ETag
        self._singles: dict[str, tuple[bytes, bytes]] = {}  # digest of what it was made of, document
        self._showing: Once[tuple[bytes, bytes] | Refusal] = Once(f"show {backend}")
        self._merging: Once[Found | Refusal] = Once(f"single {backend}")
        self._catalogue = Catalogue(backend, self._names, self._stock, log, first=self._first, warm=self._learn)
        self.reader: Adapter = Reader()

    def bind(self, fetch: DocumentFetch, pressure: Pressure) -> None:
        """Take what fetches, and start to index in the background; a later call (a reload's) only replaces what fetches."""
        self._stock.bind(fetch, pressure)
        self._catalogue.start()

    def rest(self) -> None:
        """Ask the backend for nothing by itself any more: it is about to be replaced."""
        self._catalogue.close()

    async def close(self) -> None:
        """Stop what goes on in the background, and wait until it has."""
        left = [*self._catalogue.close(), *self._showing.close(), *self._merging.close(), *self._stock.close()]
        await asyncio.gather(*left, return_exceptions=True)

    def index(self, endpoint: str) -> Index | None:
        """Return what is known of an endpoint's operations, None until it is."""
        return self._catalogue.find(endpoint)

    def documents(self, endpoint: str) -> dict[str, bytes] | None:
        """Return the documents that the index of an endpoint was made of, None until there are any."""
        return self._catalogue.documents(endpoint)

    def owns(self, head: Head, rest: str) -> bool:
        """See `ports.Documents.owns`."""
        return rest == "" and _kind(head.query) in _KINDS

    async def serve(self, head: Head, endpoint: str, listen_url: str | None) -> Answer | Refusal:
        """See `ports.Documents.serve`."""
        if listen_url is None:
            return _no_such("this sidecar does not know its own address and never shows the backend's: set public_url")
        ours = listen_url.rstrip("/") + self._path + (f"/{endpoint}" if endpoint else "")
        try:
            async with asyncio.timeout(_WITHIN_S):
                outcome = await self._answer(head, endpoint, listen_url.rstrip("/"), ours)
        except TimeoutError:
            outcome = Refusal("overloaded", "deadline", f"the backend's documents did not come within {_WITHIN_S:g} s")
        return outcome if isinstance(outcome, Answer) else self._discreet(outcome, endpoint, ours)

    async def _answer(self, head: Head, endpoint: str, base: str, ours: str) -> Answer | Refusal:
        began = self._clock.now()
        asked = _asked(head.query)
        source = asked if asked is None else await self._source(endpoint, asked)
        if asked is None or source is None:
            return _no_such(f"there is no such document; start from {ours}?wsdl, which names all that there are")
        if isinstance(source, Refusal):
            return source
        found = await (self._single(endpoint) if asked == "singlewsdl" else self._stock.get(endpoint, source))
        if isinstance(found, Refusal):
            return found
        shown = await self._show(endpoint, asked, source, found.kept, base, ours)
        if isinstance(shown, Refusal):
            return shown
        # What came while this client waited is the backend's answer to him, whichever step on the way had asked for it.
        grade = Grade("ok", Executed.NO) if found.kept.at > began else found.grade
        return _reply(head, *shown, grade, self._clock.now() - found.kept.at)

    def _first(self, endpoint: str) -> str:
        """Return where an endpoint's WSDL lies: at the backend, or in the file that stands in for it."""
        at_backend = self._names[endpoint].source("wsdl")
        assert at_backend is not None, "every endpoint has a ?wsdl"
        return self._stock.first or at_backend

    async def _source(self, endpoint: str, asked: str) -> str | Refusal | None:
        """Return where a document lies that clients know by `asked`; None where nothing has that name."""
        if asked != "singlewsdl":  # most often it imports nothing
            missing = await self._learn(endpoint, asked)
            if missing is not None:
                return missing
        return self._first(endpoint) if asked == "wsdl" else self._names[endpoint].source(asked)

    async def _learn(self, endpoint: str, until: str | None = None) -> Refusal | None:
        """Give names to all that the WSDL imports, up to the imports of `until`, and say what is in the way.

        In one order, each document's after those of the ones before it: a number then means the same after a restart and in
        the sidecar next door, whichever document a client asks for first. What the backend has not got is passed over.
        """
        names, learned = self._names[endpoint], self._learned[endpoint]
        at = 0
        while at < len(names.known) and len(learned) < DOCUMENTS and until not in learned:
            name = list(names.known)[at]
            at += 1
            if name in learned or name in ("singlewsdl", "disco"):
                continue
            source = self._first(endpoint) if name == "wsdl" else names.known[name]
            found = await self._stock.get(endpoint, source)
            if isinstance(found, Found):
                with suppress(XmlRefused, Unshowable):  # who asks for this very document is told when it is shown
                    await learn(found.kept.body, names=names, source=source)
                learned.add(name)
            elif name in ("wsdl", until) or found.state not in ("backend_bad_reply", "not_found"):
                return found
        return None

    async def _show(
        self, endpoint: str, asked: str, source: str, kept: Kept, base: str, ours: str
    ) -> tuple[bytes, bytes] | Refusal:
        """Return the document as clients see it, with its ETag; made once per content and public address."""
        slot = (endpoint, asked, base)
        # A host name that came to light in another document of the backend's is looked for in this one, too.
        content = kept.digest + repr(self._names[endpoint].hosts).encode()
        shown = self._shown.get(slot)
        if shown is not None and shown[0] == content:
            return shown[1], shown[2]

        async def make() -> tuple[bytes, bytes] | Refusal:
            try:
                body = await rewrite_in_slices(
                    kept.body,
                    names=self._names[endpoint],
                    source=source,
                    ours=ours,
                    endpoints=self._public_paths(base),
                )
            except (XmlRefused, Unshowable) as error:
                return _unshown(error)
            tag = await asyncio.to_thread(_tag, body)
            self._shown.pop(slot, None)
            if self._held_bytes + len(body) <= BYTES:
                self._shown[slot] = (content, body, tag)
            return body, tag

        return await self._showing.do((*slot, content.hex()), make)

    @property
    def _held_bytes(self) -> int:
        """What was made of the backend's documents and is kept; the documents themselves are the stock's to bound."""
        shown = sum(len(each[1]) for each in self._shown.values())
        return shown + sum(len(each[1]) for each in self._singles.values())

    def _public_paths(self, base: str) -> dict[str, str]:
        """Return where each endpoint is in public, by its path at the backend."""
        return {
            urlsplit(url).path or "/": base + self._path + (f"/{name}" if name else "")
            for name, url in self._urls.items()
        }

    async def _single(self, endpoint: str) -> Found | Refusal:
        """Return the backend's own single WSDL where it offers one, else one that is made of all its documents."""
        return await self._merging.do((endpoint,), lambda: self._merged(endpoint))

    async def _merged(self, endpoint: str) -> Found | Refusal:
        offered = self._names[endpoint].source("singlewsdl")
        assert offered is not None, "every endpoint has a ?singleWsdl"
        if self._stock.first is None:
            found = await self._stock.get(endpoint, offered)
            if isinstance(found, Found):
                return await self._merge(endpoint, offered, found)
        missing = await self._learn(endpoint)  # numbers in their order, before the documents are read in another
        first = self._first(endpoint)
        got = missing or await self._stock.get(endpoint, first)
        return got if isinstance(got, Refusal) else await self._merge(endpoint, first, got)

    async def _merge(self, endpoint: str, first: str, start: Found) -> Found | Refusal:
        single = Single(self._names[endpoint], first, documents_max=DOCUMENTS, bytes_max=BYTES)
        used = [start]
        try:
            await single.add(first, start.kept.body)
            while (wanted := single.wanted) is not None:
                found = await self._stock.get(endpoint, wanted)
                if isinstance(found, Refusal):
                    return found
                used.append(found)
                await single.add(wanted, found.kept.body)
            digest = sha256(b"".join(each.kept.digest for each in used)).digest()
            before = self._singles.pop(endpoint, None)
            body = before[1] if before is not None and before[0] == digest else await single.whole()
        except (XmlRefused, Unshowable) as error:
            return _unshown(error)
        finally:
            await single.release()
        if self._held_bytes + len(body) <= BYTES:
            self._singles[endpoint] = (digest, body)
        worst = max((each.grade for each in used), key=lambda grade: _WORSE.index(grade.state))
        return Found(Kept(body, digest, min(each.kept.at for each in used)), worst)

    def _discreet(self, refusal: Refusal, endpoint: str, ours: str) -> Refusal:
        """Take the backend's addresses out of what a refusal quotes."""
        if refusal.detail is None:
            return refusal
        own = own_addresses(self._names[endpoint], ours, words=True)
        return replace(refusal, detail=own.sub("(the backend)", refusal.detail))


def _tag(body: bytes) -> bytes:
    return b'"' + sha256(body).hexdigest()[:32].encode() + b'"'


def _no_such(remedy: str) -> Refusal:
    return Refusal("not_found", "document", remedy)


def _unshown(error: Exception) -> Refusal:
    return Refusal("backend_bad_reply", "not_xml", f"the backend's document cannot be shown: {error}", Executed.NO)


def _kind(query: str) -> str:
    """Return the kind of document that a query asks for, whatever follows it: ?WSDL, ?wsdl&foo, ?Wsdl=, ?xsd=3."""
    return query.partition("&")[0].partition("=")[0].lower()


def _asked(query: str) -> str | None:
    """Return the document that a query asks for, in our spelling; None where there can be none of this name."""
    kind, value = _kind(query), query.partition("&")[0].partition("=")[2]
    if not value:
        return None if kind == "xsd" else kind
    # `Names` counts to a few hundred; a longer number is somebody else's.
    if kind in ("wsdl", "xsd") and value.isascii() and value.isdigit() and len(value) < 5:
        return f"{kind}={int(value)}"
    return None


def _reply(head: Head, body: bytes, tag: bytes, grade: Grade, age_s: float) -> Answer:
    headers: RawHeaders = ((b"Content-Type", _XML), (b"ETag", tag), (b"Cache-Control", b"no-cache"))
    age = int(age_s) if grade.state != "ok" else None
    known = [each.strip().removeprefix("W/") for line in head.all("If-None-Match") for each in line.split(",")]
    if tag.decode() in known or "*" in known:  # RFC 9110 section 13.1.2: weak comparison
        return Answer(304, "Not Modified", headers, (), 0, grade, age_s=age)
    return Answer(200, "OK", headers, (body,), len(body), grade, age_s=age)
