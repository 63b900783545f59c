"""Lets a page call the backend in JSON: a call is written as a native client would send it, and what comes back is read into JSON.

Stands before decode, so that everything further in sees a native request and knows nothing of JSON: rules, keys, caches, flights are one
for all who ask the same. Answers operation_denied for what is not exposed, invalid_params and malformed for what no backend should see,
method_not_allowed, unsupported_media, not_found; and backend_bad_reply where a good reply cannot be read.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.given import Given
from sidecar.jsonview import entity_tag, matches, problem_of, success
from sidecar.model import Answer, Exchange, Executed, Outcome, Refusal
from sidecar.once import Once
from sidecar.policy.routing import JSON
from sidecar.states import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.answers import Entry
    from sidecar.model import Head, RawHeaders
    from sidecar.plan import CachePlan, Scope
    from sidecar.ports import Facade, World

_MEDIA: Final = frozenset(("application/json", "application/problem+json"))
_FAILURES: Final = 400
# What is said of a JSON body, of the form that is wanted and of what a browser has kept: none of it is about the native request.
_OURS: Final = frozenset(
    b"content-type content-length content-encoding transfer-encoding expect soapaction "
    b"accept accept-encoding accept-charset te range if-range if-match if-none-match if-modified-since if-unmodified-since "
    b"cache-control pragma content-md5 digest content-digest repr-digest "
    b"content-range content-language content-location content-disposition".split()
)
_CONTENT: Final = (b"Content-Type", b"application/json")
_GOOD: Final = ("ok", "cached", "stale")
_JOINED_BYTES: Final = 1024 * 1024


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    stage = _Facade(scope, world, inner)

    def facade(exchange: Exchange) -> Awaitable[Outcome]:
        return stage.answer(exchange) if exchange.facade == JSON else inner(exchange)

    return facade


class _Facade:
    """The stage of one backend."""

    def __init__(self, scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]) -> None:
        self._world, self._inner = world, inner
        self._backend = scope.one_backend
        self._vary = ", ".join(self._backend.identity_headers).encode()
        self._body_bytes = scope.plan.limits.request_body_bytes
        self._facades = {name: world.facades[self._backend.name, name] for name, _ in self._backend.endpoints}
        self._reading: Once[bytes | Refusal] = Once(f"json {self._backend.name}")

    async def answer(self, exchange: Exchange) -> Outcome:
        """Call an operation."""
        name = _named(exchange.rest)
        if not name:
            return Refusal("not_found", "path", f"name an operation; {self._backend.path}/docs shows them")
        if refused := self._offered(exchange, name):
            return refused
        endpoint = next((each for each, facade in self._facades.items() if facade.knows(name)), None)
        if endpoint is None:
            return Refusal("not_found", "path", f"this backend has no operation {name!r}")
        body = await self._body(exchange)
        if isinstance(body, Refusal):
            return body
        facade, head = self._facades[endpoint], exchange.head
        asked = await facade.ask(name, body, head.query)
        if isinstance(asked, Refusal):
            return asked
        exchange.head = _native(head, asked.headers)
        exchange.source, exchange.endpoint, exchange.rest = Given(asked.body), endpoint, ""
        try:
            outcome = await self._inner(exchange)
        finally:
            exchange.head = head
        return await self._told(exchange, facade, name, outcome)

    def _offered(self, exchange: Exchange, name: str) -> Refusal | None:
        """Say what speaks against a call before it is read: it is not exposed, or not by this method."""
        if self._backend.denies(name):
            return Refusal("operation_denied", "deny", f"{name} is not offered here")
        if not self._backend.exposes(name):
            detail = f"{name} is not exposed in JSON; its operator names what is in `expose`"
            return Refusal("operation_denied", "expose", detail)
        line, method = self._backend.operation(name), exchange.head.method
        exchange.safe = line.safe
        if line.stream:
            return Refusal(
                "operation_denied", "schema", f"{name} is passed on as it comes (`stream`): call it natively"
            )
        if method in ("GET", "HEAD") and line.safe:
            return None
        if method != "POST":
            allow = "GET, HEAD, POST" if line.safe else "POST"
            why = "may change something: send it" if not line.safe else "is called"
            return Refusal("method_not_allowed", detail=f"{name} {why} by POST", allow=allow)
        media = exchange.head.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media not in _MEDIA:  # a form or plain text could come from any page without a preflight
            return Refusal("unsupported_media", "content_type", "send application/json")
        return None

    async def _body(self, exchange: Exchange) -> bytes | Refusal | None:
        if exchange.head.method != "POST":
            return None
        if exchange.head.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return Refusal("unsupported_media", "content_encoding", "a compressed request is not taken; send it plain")
        account = exchange.account = self._world.memory.account(self._backend.name)
        body = exchange.source.at_hand(self._body_bytes, account)
        return body if body is not None else await exchange.source.read(self._body_bytes, account)

    # --- what came back

    async def _told(self, exchange: Exchange, facade: Facade, name: str, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Answer):
            return outcome
        assert exchange.call is not None, "decode names the call"
        line = self._backend.operation(exchange.call.operation)
        failed = find(outcome.grade.state, outcome.grade.reason).status >= _FAILURES
        if failed:
            said = await self._said(facade, name, outcome)
            refusal = problem_of(outcome, said, self._world.clock.wall())
            return self._backend.confirming(line, refusal, executed=outcome.grade.executed)
        data = await self._data(facade, name, outcome)
        if isinstance(data, Refusal):
            effect = _effect(outcome, data, safe=line.safe)
            return self._backend.confirming(line, replace(data, executed=effect), executed=effect)
        return self._success(exchange, outcome, (JSON, facade.form, name), data, line.cache)

    @staticmethod
    async def _said(facade: Facade, name: str, answer: Answer) -> bytes:
        """Return what a failure says besides its state: the backend's fault, or the result that a rule calls a no."""
        body = await _joined(answer)
        if fault := await facade.fault(name, answer.headers, body):
            return b'{"fault":%b}' % fault
        data = await facade.tell(name, answer.headers, body) if answer.status < _FAILURES else None
        return b'{"data":%b}' % data if isinstance(data, bytes) else b""

    async def _data(self, facade: Facade, name: str, answer: Answer) -> bytes | Refusal:
        """Return the JSON of a good reply; of one that is kept it is made once for all."""
        entry = answer.entry
        if entry is None:
            return await facade.tell(name, answer.headers, await _joined(answer))
        form = (JSON, facade.form, name)
        if (kept := entry.wrapped.get(form)) is not None:
            return kept[1]
        data = await self._reading.do(
            (entry.key.hex(), str(id(entry))), lambda: facade.tell(name, entry.headers, entry.body)
        )
        if isinstance(data, bytes) and form not in entry.wrapped:
            entry.wrapped[form] = ((_CONTENT,), data)
            self._weigh(entry)
        return data

    def _weigh(self, entry: Entry) -> None:
        """Count what was made of an answer that is kept: it takes room, too."""
        answers, cache = self._world.answers, self._backend.operation(entry.operation).cache
        if cache is not None and answers.find(entry.key) is entry:
            answers.keep(entry, cache.share)

    def _success(
        self, exchange: Exchange, answer: Answer, form: tuple[object, ...], data: bytes, cache: CachePlan | None
    ) -> Answer:
        """Write what went well, for a browser and whatever stands before it to keep as long as it is good (RFC 9111)."""
        body = success(answer.grade, data)
        head = exchange.head
        if head.method == "POST":
            headers: RawHeaders = (_CONTENT, (b"Cache-Control", b"no-store"))
            return self._json(answer, 200, headers, body)
        tag = _tag_of(answer, form, body)
        headers = (_CONTENT, (b"Cache-Control", _keepable(answer, cache)), (b"ETag", tag))
        if self._vary and not (cache is not None and cache.public):
            headers = (*headers, (b"Vary", self._vary))  # a browser is shared: who signs in after another gets his own
        if matches(head.all("If-None-Match"), tag):
            return self._json(answer, 304, headers[1:], b"")
        return self._json(answer, 200, headers, body)

    @staticmethod
    def _json(answer: Answer, status: int, headers: RawHeaders, body: bytes) -> Answer:
        pieces = (body,) if body else ()
        return Answer(
            status,
            "",
            headers,
            pieces,
            len(body),
            answer.grade,
            answer.backend_s,
            age_s=answer.age_s,
            entry=answer.entry,
        )


async def _joined(answer: Answer) -> bytes:
    """Return a body in one piece: joining a megabyte takes half a millisecond, and from there on Python lets go of its lock for it."""
    if answer.size_bytes <= _JOINED_BYTES:
        return b"".join(answer.body)
    return await asyncio.to_thread(b"".join, answer.body)


def _named(rest: str) -> str:
    """Return the operation that a path names; what is no UTF-8 stays as it is, and is nobody's name."""
    try:
        return unquote(rest[1:], errors="strict")
    except UnicodeDecodeError:
        return rest[1:]


def _tag_of(answer: Answer, form: tuple[object, ...], body: bytes) -> bytes:
    """Return a body's tag. For an answer that is kept it is reckoned once for each thing that is said of it: 0.7 µs a KiB."""
    entry, grade = answer.entry, answer.grade
    if entry is None:
        return entity_tag(body)
    said = (*form, grade.state, grade.reason, grade.executed)
    if (kept := entry.wrapped.get(said)) is not None:
        return kept[0][0][1]
    tag = entity_tag(body)
    entry.wrapped[said] = ((b"ETag", tag),), b""
    return tag


def _effect(answer: Answer, refusal: Refusal, *, safe: bool) -> Executed:
    """Return what a reply says of effect that has no JSON: one that nobody can read confirms nothing, one that is only too long does."""
    if safe:
        return Executed.NO
    unread = refusal.state == "backend_bad_reply" and refusal.reason != "too_large"
    return Executed.UNKNOWN if unread else answer.grade.executed


def _keepable(answer: Answer, cache: CachePlan | None) -> bytes:
    """Say for how long others may keep an answer. A stale one is so to them, too, at any age; what stands in for one is not kept."""
    if answer.grade.state not in _GOOD:
        return b"no-store"
    if cache is None or answer.private:
        return b"private, no-cache"
    kept_s = 0 if answer.grade.state == "stale" else int(cache.browser_s)
    return b"%b, max-age=%d" % (b"public" if cache.public else b"private", kept_s)


def _native(head: Head, content: RawHeaders) -> Head:
    """Return the head of a native request: the caller's own lines, but for those that are about JSON."""
    raw = (*(line for line in head.raw if line[0].lower() not in _OURS), *content)
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
    return head._replace(method="POST", query="", raw=raw, headers=CIMultiDictProxy(CIMultiDict(lines)))


def describe(scope: Scope) -> str:
    """Say what is exposed."""
    return f"JSON for {scope.one_backend.exposed}"
