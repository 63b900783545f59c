"""A backend's WSDL and schemas as clients get them: fetched once, kept, shown with our addresses, stale when the backend is away.

The documents stage asks it; it answers a document, `not_found` with the remedy, or what the fetch came back with. The index of
operations is made from the same documents, in the background: neither start nor any call ever waits for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from adapters.soap.rewrite import Names, Unshowable, learn, rewrite_in_slices
from adapters.soap.wsdl import Index, index_in_slices
from adapters.xml import XmlRefused
from sidecar.model import Answer, Executed, Grade, Level, Refusal
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sidecar.model import Call, Dialect, Head, Outcome, RawHeaders
    from sidecar.ports import Adapter, Classified, Clock, Log, Pressure

# A WSDL changes with a release of the backend, not within a minute; clients refetch it at every start.
FRESH_S: Final = 60.0
# Back-off after a failed fetch: soon enough for a restart, rare enough for an outage.
_AGAIN_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
# What one backend's documents may come to: Tessitura is 1.1 MB, e-conomic 3 MB, Workday 4 MB; ONVIF has 15 documents.
_DOCUMENTS: Final = 64
_BYTES: Final = 32 * 1024 * 1024
_INDEX_EVERY_S: Final = 600.0

_XML: Final = b"text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Kept:
    """A document of the backend's as it came, and when (monotonic seconds)."""

    body: bytes
    at: float


class Reader:
    """`ports.Adapter` for documents alone: grades what a fetch brought."""

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Never asked: no caller's request comes here."""
        raise NotImplementedError

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Never asked either."""
        raise NotImplementedError

    def grade(
        self,
        call: Call,
        status: int,
        headers: RawHeaders,
        body: tuple[bytes, ...],
        *,
        safe: bool,
        partial: bool = False,
    ) -> Grade:
        """Take a 200 that looks like XML for a document; whether it is well-formed is seen when it is shown."""
        del call, headers, safe, partial
        start = body[0][:512].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n") if body else b""
        if (
            status == 200
            and start.startswith(b"<")
            and not start[:15].lower().startswith((b"<!doctype html", b"<html"))
        ):
            return Grade("ok", Executed.NO)
        reason = "html" if b"<html" in start.lower() else "empty" if not start else "root"
        return Grade("backend_bad_reply", Executed.NO, reason, healthy=status < 500)


class Shelf:
    """`ports.Documents` of one backend. `endpoints` are (name, url), `file` a local WSDL that stands in for the backend's own."""

    def __init__(
        self, backend: str, path: str, endpoints: Sequence[tuple[str, str]], file: str | None, clock: Clock, log: Log
    ) -> None:
        self._backend, self._path, self._file = backend, path, file
        self._urls = dict(endpoints)
        self._clock, self._log = clock, log
        self._kept: dict[str, Kept] = {}  # by the backend's own URL
        self._failed: dict[str, tuple[int, float, Refusal]] = {}  # how often in a row, not before when, with what
        self._names = {name: Names(url) for name, url in endpoints}
        self._shown: dict[tuple[str, str, str], tuple[bytes, bytes, bytes]] = {}  # source digest, document, ETag
        self._indexes: dict[str, Index] = {}
        self._fetch: Callable[[str, str], Awaitable[Outcome]] | None = None
        self._pressure: Pressure | None = None
        self._task: asyncio.Task[None] | None = None
        self.reader: Adapter = Reader()

    def bind(self, fetch: Callable[[str, str], Awaitable[Outcome]], pressure: Pressure) -> None:
        """Take what fetches, and start to index in the background; a later call (a reload's) only replaces what fetches."""
        self._fetch, self._pressure = fetch, pressure
        if self._task is None:
            self._task = spawn(self._keep_indexed(), f"index {self._backend}")

    def close(self) -> None:
        """Stop indexing."""
        if self._task is not None:
            self._task.cancel()

    def index(self, endpoint: str) -> Index | None:
        """Return what is known of an endpoint's operations, None until it is."""
        return self._indexes.get(endpoint)

    def owns(self, head: Head, rest: str) -> bool:
        """See `ports.Documents.owns`."""
        return rest == "" and _asked(head.query) is not None

    async def serve(self, head: Head, endpoint: str, listen_url: str | None) -> Answer | Refusal:
        """See `ports.Documents.serve`."""
        if listen_url is None:
            return Refusal(
                "not_found",
                "document",
                "this sidecar does not know its own address and never shows the backend's: set public_url",
            )
        asked = _asked(head.query)
        assert asked is not None, "serve is asked only for what it owns"
        source = self._names[endpoint].source(asked) or await self._number(endpoint, asked)
        if source is None:
            return Refusal("not_found", "document", "the backend's WSDL names no document of this number")
        found = await self._get(endpoint, source)
        if isinstance(found, Refusal):
            return found
        kept, grade = found
        try:
            body, tag = await self._show(endpoint, asked, source, kept, listen_url.rstrip("/"))
        except (XmlRefused, Unshowable) as error:
            return Refusal(
                "backend_bad_reply", "not_xml", f"the backend's document cannot be shown: {error}", Executed.NO
            )
        return _answer(head, body, tag, grade, self._clock.now() - kept.at)

    async def _number(self, endpoint: str, asked: str) -> str | None:
        """Learn what the numbers stand for: a client may remember one from before a restart."""
        for name in ("wsdl", "singlewsdl", "disco"):
            start = self._names[endpoint].source(name)
            if start is not None and not isinstance(await self._get(endpoint, start), Refusal):
                found = self._names[endpoint].source(asked)
                if found is not None:
                    return found
        return None

    async def _get(self, endpoint: str, source: str) -> tuple[Kept, Grade] | Refusal:
        """Return a document, from the shelf while it is fresh or cannot be had, and what to say of it."""
        now = self._clock.now()
        kept = self._kept.get(source)
        if kept is not None and (now - kept.at < FRESH_S or self._file is not None):
            return kept, Grade("cached", Executed.NO)
        if kept is not None and self._pressure is not None and self._pressure.level(self._backend) is not Level.OK:
            return kept, Grade("stale", Executed.NO, "backend-slow")
        got = await self._load(endpoint, source)
        if isinstance(got, Kept):
            return got, Grade("ok" if got is not kept else "cached", Executed.NO)
        if kept is not None:
            return kept, Grade("stale", Executed.NO, "backend-down")
        return got

    async def _load(self, endpoint: str, source: str) -> Kept | Refusal:
        """Fetch a document anew, unless it failed a moment ago, and keep it."""
        if self._file is not None:
            return await self._read(endpoint, source)
        assert self._fetch is not None, "app binds the shelf before it listens to anybody"
        failed = self._failed.get(source)
        if failed is not None and self._clock.now() < failed[1]:
            return failed[2]
        parts = urlsplit(source)
        outcome = await self._fetch(endpoint, f"{parts.path}?{parts.query}" if parts.query else parts.path)
        if isinstance(outcome, Refusal):
            times = failed[0] + 1 if failed else 0
            self._failed[source] = (times, self._clock.now() + _AGAIN_S[min(times, len(_AGAIN_S) - 1)], outcome)
            return outcome
        self._failed.pop(source, None)
        return await self._keep(endpoint, source, b"".join(outcome.body))

    async def _read(self, endpoint: str, source: str) -> Kept | Refusal:
        """Read a document from beside the configured WSDL file; nothing outside its folder."""
        assert self._file is not None, "asked only where a file is configured"
        first = Path(self._file)
        base = self._urls[endpoint]
        path = (
            first if source == self._names[endpoint].source("wsdl") else first.parent / Path(urlsplit(source).path).name
        )
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            self._log.event("wsdl_unreadable", backend=self._backend, file=str(path), error=error.strerror, base=base)
            return Refusal(
                "not_found", "document", "the document is not beside the WSDL file that the configuration names"
            )
        return await self._keep(endpoint, source, body)

    async def _keep(self, endpoint: str, source: str, body: bytes) -> Kept:
        kept = Kept(body, self._clock.now())
        try:
            await learn(body, names=self._names[endpoint], source=source)
        except (XmlRefused, Unshowable) as error:
            self._log.event("document_unreadable", backend=self._backend, why=str(error))
        others = sum(len(each.body) for at, each in self._kept.items() if at != source)
        if others + len(body) <= _BYTES and (source in self._kept or len(self._kept) < _DOCUMENTS):
            self._kept[source] = kept
        else:
            self._log.event("document_not_kept", backend=self._backend, size_bytes=len(body), limit_bytes=_BYTES)
        return kept

    async def _show(self, endpoint: str, asked: str, source: str, kept: Kept, base: str) -> tuple[bytes, bytes]:
        """Return the document as clients see it, with its ETag; made once per content and public address."""
        digest = sha256(kept.body).digest()
        slot = (endpoint, asked, base)
        shown = self._shown.get(slot)
        if shown is None or shown[0] != digest:
            ours = base + self._path + (f"/{endpoint}" if endpoint else "")
            names = self._names[endpoint]
            others = {
                urlsplit(url).path or "/": base + self._path + (f"/{name}" if name else "")
                for name, url in self._urls.items()
            }
            body = await rewrite_in_slices(kept.body, names=names, source=source, ours=ours, endpoints=others)
            shown = (digest, body, b'"' + sha256(body).hexdigest()[:32].encode() + b'"')
            if len(self._shown) >= _DOCUMENTS * max(1, len(self._urls)):
                self._shown.clear()
            self._shown[slot] = shown
        return shown[1], shown[2]

    async def _keep_indexed(self) -> None:
        """Index every endpoint, again after a while, or sooner where that failed; for as long as the sidecar lives."""
        failures = 0
        while True:
            complete = all([await self._index_endpoint(endpoint) for endpoint in self._urls])
            failures = 0 if complete else failures + 1
            await asyncio.sleep(_INDEX_EVERY_S if complete else _AGAIN_S[min(failures, len(_AGAIN_S) - 1)])

    async def _index_endpoint(self, endpoint: str) -> bool:
        start = self._names[endpoint].source("wsdl")
        assert start is not None, "every endpoint has a ?wsdl"
        try:
            index = await self._crawl(endpoint, start)
        except XmlRefused as error:
            self._log.event("index_failed", backend=self._backend, why=str(error))
            return False
        if isinstance(index, Refusal):
            self._log.event("index_waits", backend=self._backend, state=index.state, reason=index.reason)
            return False
        if endpoint not in self._indexes:
            found, problems = len(index.operations), len(index.problems)
            self._log.event("indexed", backend=self._backend, operations=found, problems=problems)
        self._indexes[endpoint] = index
        return True

    async def _crawl(self, endpoint: str, start: str) -> Index | Refusal:
        """Index the first document, then again with what it imports, until nothing new is to be had."""
        first = await self._load(endpoint, start)
        if isinstance(first, Refusal):
            return first
        documents = {start: first.body}
        tried: set[str] = set()
        while True:
            index = await index_in_slices(documents)
            wanted = [urljoin(start, location) for location in index.wanted]
            fresh = [url for url in wanted if url not in tried][: _DOCUMENTS - len(documents)]
            if not fresh:
                return index
            tried.update(fresh)
            for url in fresh:
                # A backend may call itself by another name than it is reached by; another host's documents are not fetched.
                source = self._names[endpoint].at_backend(url)
                if source is None:
                    continue
                got = self._kept.get(source) or await self._load(endpoint, source)
                if not isinstance(got, Refusal):
                    documents[url] = got.body


def _asked(query: str) -> str | None:
    """Return the document that a query asks for, in our spelling; None where it asks for none."""
    name, _, value = query.partition("&")[0].lower().partition("=")
    if name in ("wsdl", "singlewsdl", "disco") and not value:
        return name
    if name in ("wsdl", "xsd") and value.isascii() and value.isdigit() and len(value) < 5:
        return f"{name}={int(value)}"
    return None


def _answer(head: Head, body: bytes, tag: bytes, grade: Grade, age_s: float) -> Answer:
    headers: RawHeaders = ((b"Content-Type", _XML), (b"ETag", tag), (b"Cache-Control", b"no-cache"))
    age = int(age_s) if grade.state != "ok" else None
    if tag.decode() in [each.strip().removeprefix("W/") for each in head.headers.get("If-None-Match", "").split(",")]:
        return Answer(304, "Not Modified", headers, (), 0, grade, age_s=age)
    return Answer(200, "OK", headers, (body,), len(body), grade, age_s=age)
