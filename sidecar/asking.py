"""From a request to the key of what it asks: whatever the backend is to see of its caller is in the key, and the rest stays behind.

Stands under the cache stage. It decides nothing; where a request may not be shared it says why, in the word of `Cache-Status`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from sidecar.answers import DIGEST_BYTES, Fold, Keying, Shared
from sidecar.policy import tags
from sidecar.policy.deeds import digest

if TYPE_CHECKING:
    from sidecar.answers import Question
    from sidecar.model import Exchange, RawHeaders
    from sidecar.plan import OperationPlan, Scope
    from sidecar.ports import World

_FORMAT: Final = b"1"  # of the key: whoever changes how it is made changes this


class Asking:
    """The keys of one operation line."""

    def __init__(self, scope: Scope, world: World) -> None:
        self._backend, self._line = scope.one_backend, scope.one_operation
        cache = self._line.cache
        assert cache is not None, "keys are for operations whose answers are shared"
        self._plan = cache
        self._adapters = {name: world.adapters[self._backend.name, name] for name, _ in self._backend.endpoints}
        self._keying = keying_of(self._backend.identity_params, self._line)
        self._header_values = dict(self._line.shared.values) if self._line.shared is not None else {}
        # WS-Addressing may say whom a reply answers: its headers are in the body, which is compared whole.
        self._telling = tuple(
            dict.fromkeys((*self._keyed_headers(), *self._backend.identity_headers, "authorization", "cookie"))
        )
        values = self._line.shared.values if self._line.shared is not None else ()
        stand_in = digest(world.deeds.secret, repr(values).encode()) if values else b""  # of secrets, by a secret
        whom = (self._backend.name, self._backend.protocol.value, self._backend.endpoints, stand_in)
        self._space = _space(whom, self._keying, self._keyed_headers(), self._plan.origin)

    def key_of(self, exchange: Exchange) -> bytes | str:
        """Return the key of what is asked, or why it has none; from memory where an identical request was read before."""
        seen, shown = exchange.seen, self.shows_more(exchange)
        if seen is not None and seen.key and not shown:
            exchange.tags = seen.tags
            return seen.key
        question = self.question_of(exchange)
        if isinstance(question, str):
            return question
        call = exchange.call
        assert call is not None, "decode names the call"
        exchange.question = question
        exchange.tags = tags.of_read(call.operation, self._plan.tags, question.parameters)
        key = self._key(exchange, question)
        if seen is not None and not shown:
            seen.tags, seen.key = exchange.tags, key
        return key

    def shows_more(self, exchange: Exchange) -> bool:
        """Say whether any header counts: one of the key, of whoever asks, or one that nobody knows the weight of."""
        return not exchange.head.headers.keys().isdisjoint(self._telling)

    def _keyed_headers(self) -> tuple[str, ...]:
        own = self._backend.identity_headers if self._keying.shared is None else ()
        return tuple(dict.fromkeys(name.lower() for name in (*own, *self._plan.vary)))

    def question_of(self, exchange: Exchange) -> Question | str:
        """Return what a request asks, with what the backend is sent for it; a word where it may not be shared."""
        question = self._adapters[exchange.endpoint].question(exchange.head, exchange.rest, exchange.body, self._keying)
        if isinstance(question, str):
            return question
        if self._keying.shared is Shared.OPEN and question.identified:
            return "identity"  # the settings say that it takes none: whoever shows one is asked for alone
        if self._keying.shared is Shared.OPEN and any(
            name in exchange.head.headers for name in self._backend.identity_headers
        ):
            return "identity"
        keyed, sent = self._keyed_headers(), self._identity_lines(exchange)
        if self._keying.shared is None:
            for name in ("authorization", "cookie"):
                if name in exchange.head.headers and name not in keyed:
                    return name
        lines = tuple((name.encode(), _value(exchange, name)) for name in keyed if name in exchange.head.headers)
        if not lines and not sent:
            return question
        request = question.request
        return question._replace(request=request._replace(headers=(*request.headers, *lines, *sent)))

    def _identity_lines(self, exchange: Exchange) -> RawHeaders:
        """Return the header lines of whoever asks a shared question."""
        names = self._backend.identity_headers
        if self._keying.shared is Shared.AS:
            return tuple(
                (name.encode(), self._header_values[name].encode()) for name in names if name in self._header_values
            )
        if self._keying.shared is Shared.LEADER:
            return tuple((name.encode(), _value(exchange, name)) for name in names if name in exchange.head.headers)
        return ()

    def _key(self, exchange: Exchange, question: Question) -> bytes:
        made = blake2b(self._space, digest_size=DIGEST_BYTES)
        made.update(exchange.endpoint.encode() + b"\0" + question.digest)
        for name in self._keyed_headers():
            value = _value(exchange, name) if name in exchange.head.headers else None
            made.update(b"-" if value is None else b"+%d:%b" % (len(value), value))
        return made.digest()


def keying_of(identity: tuple[str, ...], line: OperationPlan) -> Keying:
    """Return what an operation's settings say of its key."""
    params = tuple((name, Fold(rule)) for name, rule in line.cache.params) if line.cache is not None else ()
    if line.shared is None:
        return Keying(params, identity)
    return Keying(
        params, identity, Shared(line.shared.mode), tuple(each for each in line.shared.values if each[0] in identity)
    )


def _space(whom: tuple[object, ...], keying: Keying, headers: tuple[str, ...], origin: bool) -> bytes:
    """Return the namespace of an operation's keys: everything that decides what a key stands for, but no secret."""
    rules = (
        keying.params,
        keying.identity,
        keying.shared,
        sorted(name for name, _ in keying.stand_in),
        headers,
        origin,
    )
    return blake2b(repr((_FORMAT, whom, rules)).encode(), digest_size=DIGEST_BYTES).digest()


def _value(exchange: Exchange, name: str) -> bytes:
    """Return a header's value; several lines of one name are one list (RFC 9110 section 5.3)."""
    return ", ".join(exchange.head.all(name)).encode("latin-1")
