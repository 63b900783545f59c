"""What is known of a backend's operations, made from its documents in the background and made again when they change.

Asked by the protocol's adapter on each call, which never waits for it: until there is an index, calls pass without one. It
says once what keeps it from one, and goes on trying.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from adapters.soap.stock import DOCUMENTS, FRESH_S, Found
from adapters.soap.wsdl import Index, index_in_slices
from adapters.xml import XmlRefused
from sidecar.model import Refusal
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from adapters.soap.names import Names
    from adapters.soap.stock import Kept, Stock
    from sidecar.ports import Log

# A release of the backend is seen within this; until then the old index refuses what only the new one has.
_EVERY_S: Final = 600.0
# A file is ours to read, so an operator who changes it need not wait.
_FILE_EVERY_S: Final = FRESH_S
# Where a failure has its own time to come back, the stock's; where it has none, this.
_AGAIN_S: Final = 1.0


class Catalogue:
    """The indexes of one backend's endpoints. `first` gives the name of an endpoint's WSDL, `warm` names all that it imports."""

    def __init__(
        self,
        backend: str,
        names: Mapping[str, Names],
        stock: Stock,
        log: Log,
        *,
        first: Callable[[str], str],
        warm: Callable[[str], Awaitable[Refusal | None]],
    ) -> None:
        self._backend, self._names, self._stock, self._log = backend, names, stock, log
        self._first, self._warm = first, warm
        self._indexes: dict[str, Index] = {}
        self._made_of: dict[str, dict[str, Kept]] = {}
        self._documents: dict[str, dict[str, Kept]] = {}
        self._troubles: dict[str, tuple[object, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    def find(self, endpoint: str) -> Index | None:
        """Return an endpoint's index, None until there is one."""
        return self._indexes.get(endpoint)

    def documents(self, endpoint: str) -> dict[str, bytes] | None:
        """Return what an endpoint's index was made of, by location, the WSDL first; None until there is one."""
        kept = self._documents.get(endpoint)
        return None if kept is None else {at: each.body for at, each in kept.items()}

    def start(self) -> None:
        """Begin; harmless when repeated."""
        if self._task is None:
            self._task = spawn(self._keep_up(), f"index {self._backend}")

    def close(self) -> list[asyncio.Task[None]]:
        """Stop, and return what ends."""
        if self._task is None:
            return []
        self._task.cancel()
        return [self._task]

    async def _keep_up(self) -> None:
        every_s = _EVERY_S if self._stock.first is None else _FILE_EVERY_S
        while True:
            complete = all([await self._refresh(endpoint) for endpoint in self._names])
            await asyncio.sleep(every_s if complete else max(_AGAIN_S, self._stock.wait_s()))

    async def _refresh(self, endpoint: str) -> bool:
        """Index one endpoint where its documents have changed; say whether it is up to date now."""
        try:
            missing = await self._warm(endpoint)
            trouble = await self._index(endpoint) or missing  # what is there is indexed, whatever is missing yet
        except XmlRefused as error:
            return self._troubled(endpoint, "index_failed", why=str(error))
        except Exception as bug:  # noqa: BLE001 - an index is a help: a bug in it must not end the trying, nor hide
            return self._troubled(endpoint, "bug", where="index", error=bug)
        if trouble is not None:
            return self._troubled(endpoint, "index_waits", state=trouble.state, reason=trouble.reason)
        self._troubles.pop(endpoint, None)
        return True

    def _troubled(self, endpoint: str, event: str, **facts: object) -> bool:
        """Log a trouble when it begins and when it changes, not at every try."""
        said = (event, *map(str, facts.values()))
        if self._troubles.get(endpoint) != said:
            self._troubles[endpoint] = said
            self._log.event(event, backend=self._backend, endpoint=endpoint, **facts)
        return False

    async def _index(self, endpoint: str) -> Refusal | None:
        start = self._first(endpoint)
        first = await self._stock.get(endpoint, start)
        if isinstance(first, Refusal):
            return first
        if await self._unchanged(endpoint, start, first):
            return None
        documents = {start: first.kept}
        index, whole = await self._gather(endpoint, start, documents)
        before = self._indexes.get(endpoint)
        self._indexes[endpoint], self._made_of[endpoint] = index, documents if whole else {}
        self._documents[endpoint] = documents
        if before is None or before.operations != index.operations:
            found, problems = len(index.operations), len(index.problems)
            self._log.event("indexed", backend=self._backend, endpoint=endpoint, operations=found, problems=problems)
        return None

    async def _unchanged(self, endpoint: str, start: str, first: Found) -> bool:
        """Say whether every document is what the index was made of: to look is cheaper than to index anew."""
        before = self._made_of.get(endpoint)
        if not before or before[start].digest != first.kept.digest:
            return False
        for url, kept in before.items():
            got = await self._get(endpoint, start, url)
            if got is not None and got.digest != kept.digest:
                return False
        return True

    async def _gather(self, endpoint: str, start: str, documents: dict[str, Kept]) -> tuple[Index, bool]:
        """Index the first document, then again with what it imports, until nothing new is to be had; say whether that is all."""
        tried: set[str] = set()
        whole = True
        while True:
            index = await index_in_slices({url: kept.body for url, kept in documents.items()})
            wanted = dict.fromkeys(urljoin(start, location) for location in index.wanted)
            fresh = [url for url in wanted if url not in tried][: DOCUMENTS - len(documents)]
            for url in fresh:
                tried.add(url)
                if self._names[endpoint].at_backend(url) is None:
                    continue  # another host's documents are not fetched
                got = await self._get(endpoint, start, url)
                whole = whole and got is not None
                if got is not None:
                    documents[url] = got
            if not any(url in documents for url in fresh):
                return index, whole

    async def _get(self, endpoint: str, start: str, url: str) -> Kept | None:
        """Return a document by the location that others name it by: a backend may call itself by another name than it is reached by."""
        source = start if url == start else self._names[endpoint].at_backend(url)
        got = None if source is None else await self._stock.get(endpoint, source)
        return got.kept if isinstance(got, Found) else None
