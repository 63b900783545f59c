"""The pages of one backend: its OpenAPI document, the page that shows it, its types for TypeScript. Implements `ports.Booklet`.

Made of what the facade says, once per contract, and kept; asked by the pages stage. It asks no backend.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from sidecar import __version__
from sidecar.described import Described, Description
from sidecar.jsonview import matches
from sidecar.model import Answer, Executed, Grade, Outcome, Refusal
from sidecar.once import Once
from sidecar.pieces import in_turns
from sidecar.web import openapi, pages, typescript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from sidecar.model import Exchange, Head, RawHeaders
    from sidecar.plan import BackendPlan
    from sidecar.ports import Facade

ASSETS: Final = pages.FOLDER
_FOUND: Final = Grade("ok", Executed.NO)
_MEDIA: Final = {"openapi.json": b"application/json", "types.ts": b"text/plain; charset=utf-8"}


class Booklet:
    """One backend's. `facades` by endpoint; `server` is our address as clients know it, None where nobody has said it."""

    def __init__(self, plan: BackendPlan, facades: Mapping[str, Facade], server: Callable[[], str | None]) -> None:
        self._plan, self._facades, self._server = plan, facades, server
        self._made: dict[str, tuple[list[object], bytes]] = {}
        self._making: Once[bytes | Refusal] = Once(f"page {plan.name}")

    async def page(self, name: str, head: Head) -> Answer | Refusal:
        """Return a page, or why there is none yet."""
        if name == "docs":
            return of_file(pages.INDEX, head)
        edition = [*(facade.edition for facade in self._facades.values()), self._server()]
        made = self._made.get(name)
        if made is not None and _are_same(made[0], edition):
            return _answer(head, made[1], ((b"Content-Type", _MEDIA[name]),))
        body = await self._making.do((name, *(str(id(each)) for each in edition)), lambda: self._make(name))
        if isinstance(body, Refusal):
            return body
        self._made[name] = edition, body
        return _answer(head, body, ((b"Content-Type", _MEDIA[name]),))

    async def _make(self, name: str) -> bytes | Refusal:
        found = await self.description()
        if isinstance(found, Refusal):
            return found
        if name == "types.ts":
            return typescript.types(found).encode()
        return await in_turns(openapi.pieces(found, server=self._server(), version=__version__))

    async def description(self) -> Description | Refusal:
        """Describe what is offered at all endpoints; where two have an operation of one name, the first is called."""
        operations: dict[str, Described] = {}
        components: dict[str, Mapping[str, Any]] = {}
        missing: dict[str, str] = {}

        def offered(name: str) -> bool:
            return name not in operations and self._plan.exposes(name)

        for facade in self._facades.values():
            found = await facade.describe(offered)
            if isinstance(found, Refusal):
                return found
            operations |= {each.name: each for each in found.operations}
            components |= {name: each for name, each in found.components.items() if name not in components}
            missing |= {name: why for name, why in found.missing.items() if name not in operations}
        plan = self._plan
        return Description(plan.name, plan.path, plan.protocol.value, tuple(operations.values()), components, missing)


def rules_of(plan: BackendPlan, name: str) -> Described:
    """Return what the settings say of an operation, for whoever knows its values to fill in."""
    line = plan.operation(name)
    keyed = "no" if line.idempotency is None else "needed" if line.idempotency.required else "taken"
    return Described(name, {}, None, safe=line.safe, confirm=line.confirm, keyed=keyed, cached=line.cache is not None)


def _are_same(one: list[object], other: list[object]) -> bool:
    """A contract is compared by identity: whoever makes another makes another object. The last of them is our address."""
    return all(a is b for a, b in zip(one[:-1], other[:-1], strict=True)) and one[-1] == other[-1]


def of_file(name: str, head: Head) -> Answer:
    """Return a file of the page. Raises KeyError."""
    found = pages.page(name)
    lines = ((key.encode(), value.encode()) for key, value in found.headers.items() if key != "ETag")
    return _answer(head, found.body, ((b"Content-Type", found.content_type.encode()), *lines))


async def asset(exchange: Exchange) -> Outcome:
    """Answer what the page is made of."""
    name = pages.PATHS.get(exchange.head.path)
    if name is None:
        return Refusal("not_found", "path", "the sidecar has nothing at this path")
    if exchange.head.method not in ("GET", "HEAD"):
        return Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD")
    return of_file(name, exchange.head)


def _answer(head: Head, body: bytes, headers: RawHeaders) -> Answer:
    tag = b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()
    lines = (*headers, (b"ETag", tag))
    if not any(name == b"Cache-Control" for name, _ in headers):
        lines = (*lines, (b"Cache-Control", b"no-cache"))
    if matches(head.all("If-None-Match"), tag):
        return Answer(304, "", lines[1:], (), 0, _FOUND)
    return Answer(200, "", lines, (body,), len(body), _FOUND)
