"""A backend's documents by where they lie: fetched once for everybody who asks, kept, read from files, left alone after a failure.

Stands behind the shelf, which shows them, and the catalogue, which indexes them. It answers a document with what is to be said of it,
or why there is none; it never shows one, and what it holds is bounded in number and bytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urljoin, urlsplit

from adapters import xml
from adapters.soap.definitions import Definitions, Document
from sidecar.model import Executed, Grade, Level, Refusal
from sidecar.once import Once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from sidecar.model import Outcome
    from sidecar.ports import Clock, Log, Pressure

__all__ = ["BYTES", "DOCUMENTS", "FRESH_S", "DocumentFetch", "Found", "Kept", "Stock"]

# A WSDL changes with a release of the backend, not within a minute; clients refetch it at every start.
FRESH_S: Final = 60.0
# What one backend's documents may come to: Tessitura is 1.1 MB, e-conomic 3 MB, Workday 4 MB; ONVIF has 15 documents.
DOCUMENTS: Final = 64
BYTES: Final = 32 * 1024 * 1024
# After a failed fetch: soon enough for a restart, rare enough for an outage. A connection that is refused costs nobody anything,
# so thirty seconds end it; a backend that answers with something else has no such document, and five minutes are enough to see it change.
_AGAIN_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
_WRONG_AGAIN_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
# With a kept document in hand, nobody waits longer for a newer one: a client that bootstraps has people behind it.
_NEWER_S: Final = 2.0
_STALE_BECAUSE: Final = {"overloaded": "overloaded", "outcome_unknown": "backend-slow"}

if TYPE_CHECKING:
    DocumentFetch = Callable[[str, str], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it came, and when the backend was last known to give it so (monotonic seconds)."""

    body: bytes
    digest: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Found:
    """A document, and what is to be said of it: ok, cached, or stale with the reason."""

    kept: Kept
    grade: Grade


@dataclass(frozen=True, slots=True)
class _Failure:
    """How often in a row, not before when (monotonic seconds), with what."""

    times: int
    until: float
    refusal: Refusal


class Stock:
    """All documents of one backend. `urls` are its endpoints', `file` a WSDL on our disk that stands in for its own."""

    def __init__(self, backend: str, urls: dict[str, str], file: str | None, clock: Clock, log: Log) -> None:
        self._backend, self._urls = backend, urls
        self._file = None if file is None else Path(file)
        self._clock, self._log = clock, log
        self._kept: dict[str, Kept] = {}
        self._failed: dict[str, _Failure] = {}
        self._loading: Once[Kept | Refusal] = Once(f"document {backend}")
        self._said: dict[str, object] = {}
        self._fetch: DocumentFetch | None = None
        self._pressure: Pressure | None = None

    def __repr__(self) -> str:
        size = sum(len(kept.body) for kept in self._kept.values())
        return f"<Stock of {self._backend}: {len(self._kept)} documents, {size} bytes, {len(self._failed)} failed>"

    def bind(self, fetch: DocumentFetch, pressure: Pressure) -> None:
        """Take what fetches: a flight in a slot, like any call."""
        self._fetch, self._pressure = fetch, pressure

    @property
    def first(self) -> str | None:
        """Where the WSDL file lies that stands in for the backend's own, None where there is none."""
        return None if self._file is None else self._file.name

    async def get(self, endpoint: str, source: str) -> Found | Refusal:
        """Return a document, kept while it is fresh or no newer one can be had."""
        kept = self._kept.get(source)
        if kept is not None and self._clock.now() - kept.at < FRESH_S:
            return Found(kept, Grade("cached", Executed.NO))
        strained = self._pressure is not None and self._pressure.level(self._backend) is not Level.OK
        if kept is not None and strained and not self._is_file(source):
            return _stale(kept, "backend-slow")
        failure = self._failed.get(source)
        if failure is not None and (wait_s := failure.until - self._clock.now()) > 0:
            got: Kept | Refusal | None = replace(failure.refusal, retry_after_s=ceil(wait_s))
        else:
            got = await self._loaded(endpoint, source, None if kept is None else _NEWER_S)
        if isinstance(got, Kept):
            return Found(got, Grade("ok", Executed.NO))
        if kept is None:
            assert got is not None, "without a kept one there is no end to the waiting"
            return got
        if self._is_file(source):
            return Found(kept, Grade("cached", Executed.NO))  # the backend has nothing to do with it
        return _stale(kept, "revalidating" if got is None else _STALE_BECAUSE.get(got.state, "backend-down"))

    def wait_s(self) -> float:
        """Return how long from now until the first document that failed may be asked for again; 0 where none has."""
        now = self._clock.now()
        return max(0.0, min((each.until - now for each in self._failed.values()), default=0.0))

    def close(self) -> list[asyncio.Task[Kept | Refusal]]:
        """Break off what is being fetched, and return it."""
        return self._loading.close()

    async def _loaded(self, endpoint: str, source: str, within_s: float | None) -> Kept | Refusal | None:
        """Load a document together with everybody else who wants it now. Nobody breaks it off: whoever asks next will want it."""

        def load() -> Coroutine[Any, Any, Kept | Refusal]:
            return self._load(endpoint, source)

        if within_s is None:
            return await self._loading.do((source,), load)
        return await self._loading.do_within((source,), load, within_s)

    async def _load(self, endpoint: str, source: str) -> Kept | Refusal:
        """Get a document anew and keep it, or note that it failed."""
        path = self._path(source)
        body = await (self._fetched(endpoint, source) if path is None else self._read(path))
        if not isinstance(body, Refusal):
            digest = await asyncio.to_thread(_digest, body)
            old = self._kept.get(source)
            why = None if old is not None and old.digest == digest else await _unusable(body)
            if why is None:
                self._failed.pop(source, None)
                self._said.pop(f"unreadable {source}", None)
                return self._keep(source, Kept(body, digest, self._clock.now()))
            self._say("unreadable", source, "document_unreadable", why=why)
            body = Refusal(
                "backend_bad_reply", "not_xml", f"the backend's document cannot be shown: {why}", Executed.NO
            )
        self._fail(source, body, _AGAIN_S[:1] if path is not None else None)
        return body

    async def _fetched(self, endpoint: str, source: str) -> bytes | Refusal:
        assert self._fetch is not None, "app binds the stock before it listens to anybody"
        parts = urlsplit(self._at_backend(endpoint, source))
        outcome = await self._fetch(endpoint, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        return outcome if isinstance(outcome, Refusal) else await asyncio.to_thread(b"".join, outcome.body)

    def _at_backend(self, endpoint: str, source: str) -> str:
        """Return the backend's URL of what a WSDL file refers to and the disk does not have: `?xsd=xsd0`, `/schemas/a.xsd`."""
        if source.startswith(("http://", "https://")):
            return source
        name, mark, query = source.partition("?")
        return urljoin(self._urls[endpoint], f"?{query}" if mark and name == self.first else source)

    def _path(self, source: str) -> Path | None:
        """Return the file of a relative location; None where the location is the backend's own."""
        parts = urlsplit(source)
        if self._file is None or parts.scheme or parts.netloc or parts.query or source.startswith("/"):
            return None
        return self._file if source == self._file.name else self._file.parent / unquote(parts.path)

    def _is_file(self, source: str) -> bool:
        return self._path(source) is not None

    async def _read(self, path: Path) -> bytes | Refusal:
        """Read a file from the folder of the configured one, or below it; nothing elsewhere, whatever leads there."""
        assert self._file is not None, "asked only where a file is configured"
        got = await asyncio.to_thread(_contents, path, None if path == self._file else self._file.parent)
        if isinstance(got, bytes):
            self._said.pop(f"file {path}", None)
            return got
        self._say("file", str(path), "wsdl_unreadable", file=str(path), error=got)
        return Refusal(
            "not_found",
            "document",
            "the document is not beside the WSDL file that the configuration names: put it there",
        )

    def _keep(self, source: str, kept: Kept) -> Kept:
        others = sum(len(each.body) for at, each in self._kept.items() if at != source)
        if others + len(kept.body) <= BYTES and (source in self._kept or len(self._kept) < DOCUMENTS):
            self._kept[source] = kept
        else:
            self._kept.pop(source, None)
            self._say("size", source, "document_not_kept", size_bytes=len(kept.body), limit_bytes=BYTES, most=DOCUMENTS)
        return kept

    def _fail(self, source: str, refusal: Refusal, steps: tuple[float, ...] | None) -> None:
        before = self._failed.get(source)
        times = 0 if before is None else before.times + 1
        steps = steps or (_WRONG_AGAIN_S if refusal.state == "backend_bad_reply" else _AGAIN_S)
        until = self._clock.now() + steps[min(times, len(steps) - 1)]
        if before is None and len(self._failed) >= 2 * DOCUMENTS:  # a backend that invents names must not grow us
            self._failed.pop(next(iter(self._failed)))
        self._failed[source] = _Failure(times, until, refusal)

    def _say(self, kind: str, what: str, event: str, **facts: object) -> None:
        """Log a trouble when it begins and when it changes, not at every try."""
        key = f"{kind} {what}"
        if self._said.get(key) == facts:
            return
        if len(self._said) >= 2 * DOCUMENTS:
            self._said.clear()
        self._said[key] = facts
        self._log.event(event, backend=self._backend, **facts)


def _digest(body: bytes) -> bytes:
    return sha256(body).digest()  # 0.6 ms a MB, in which it lets go of the interpreter's lock


def _stale(kept: Kept, reason: str) -> Found:
    return Found(kept, Grade("stale", Executed.NO, reason))


def _contents(path: Path, folder: Path | None) -> bytes | str:
    """Return a file's bytes, or why there are none; with `folder`, only from inside it once all links are followed."""
    try:
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            return "outside the folder of the WSDL file"
        with path.open("rb") as file:
            body = file.read(BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a name
        return getattr(error, "strerror", None) or type(error).__name__
    return body if len(body) <= BYTES else f"larger than {BYTES} bytes"


async def _unusable(body: bytes) -> str | None:
    """Read a document through once, so that a bad one never takes the place of a good one; return why it cannot be shown."""
    try:
        root = await xml.parse_in_pieces(body, charset=None, markup_max=xml.REPLY_MARKUP)
    except xml.XmlRefused as refused:
        return str(refused)
    for _ in Definitions({"": Document(root, body)}, {}).release():
        await asyncio.sleep(0)
    return None
