"""What decided about one request, in one header, for whoever may know: the words and numbers of its line in the log, and the backend's now.

Asked by the envelope where a request has shown the token of `debug:`, and never otherwise. It has the form of `Sidecar-State`, is ASCII and
bounded, and holds no value of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from sidecar.durations import digits
from sidecar.policy.structured import word
from sidecar.watch import names
from sidecar.watch.mechanisms import mechanism_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sidecar.model import Exchange, Executed, Refusal
    from sidecar.policy.breaking import View
    from sidecar.ports import Clock, Pressure, Slots

    Fact: TypeAlias = "tuple[str, str | float | bool | None]"

LONGEST: Final = 1024
"""Characters; an eighth of what a client takes of all headers (8 KiB: nginx, Apache, IIS behind). What does not fit is left out whole."""
_SLOTS: Final = ("limit", "in_flight", "ghosts", "queued")
# Where an answer comes from that no flight of this moment brought.
_ELSEWHERE: Final = {"cached": "cache", "stale": "cache", "fallback": "fallback", "replayed": "key"}


class Breakers(Protocol):
    """As much of the breakers as people see."""

    def view(self, backend: str) -> Mapping[str | None, View]:
        """Return the whole under None, operations only where they are not simply closed; nothing where there is no breaker."""
        ...


class Explaining:
    """One process's."""

    def __init__(self, clock: Clock, slots: Slots, breakers: Breakers, pressure: Pressure) -> None:
        self._clock, self._slots, self._breakers, self._pressure = clock, slots, breakers, pressure

    def of(
        self, exchange: Exchange, state: str, reason: str | None, effect: Executed, refusal: Refusal | None
    ) -> bytes:
        """Return the value of `Sidecar-Explain`; `refusal` where it was our own doing."""
        counted = [] if refusal is None else list(_refused(state, reason, refusal))
        facts: list[Fact] = [("state", state), ("reason", reason), ("executed", effect.value), *counted]
        if refusal is None:
            facts.append(("from", _source(exchange, state)))
        facts += self._way(exchange)
        if exchange.backend:
            facts += self._house(exchange, counts=("limit" not in dict(counted)))
        return _written(facts)

    def _way(self, exchange: Exchange) -> Iterator[Fact]:
        """Say how far it came, and how long that took."""
        call, flight, waiter = exchange.call, exchange.flight, exchange.waiter
        yield "joined", exchange.joined
        yield "backend", exchange.backend
        yield "operation", None if call is None else names.operation(call.operation)
        yield "class", None if waiter is None else waiter.client_class
        if flight is not None:
            yield "attempts", flight.attempts
            yield "injected", flight.injected
        yield "queue_ms", round(exchange.queue_s * 1000, 1)
        yield "backend_ms", round(exchange.backend_s * 1000, 1)
        yield "total_ms", round((self._clock.now() - exchange.received_at) * 1000, 1)

    def _house(self, exchange: Exchange, *, counts: bool) -> Iterator[Fact]:
        """Say how the backend stands now; `counts`: its slots, too, where no line has told them as it refused."""
        name = exchange.backend
        if counts:
            view = self._slots.view(name)
            yield from ((each, getattr(view, each)) for each in _SLOTS)
        yield "pressure", self._pressure.level(name).name.lower()
        breakers = self._breakers.view(name)
        if (whole := breakers.get(None)) is not None:
            yield from _breaker("breaker", whole)
        if exchange.call is not None and (part := breakers.get(exchange.call.operation)) is not None:
            yield from _breaker("operation_breaker", part)
        yield "rates", _rates(exchange)


def _refused(state: str, reason: str | None, refusal: Refusal) -> Iterator[Fact]:
    """Say which part refused, and what it counted: a line's numbers are the backend's own, any other's bear the name of that part."""
    mechanism, numbers = mechanism_of(state, reason), refusal.numbers
    if not numbers and refusal.limit_bytes is not None:
        numbers = (("limit", refusal.limit_bytes),)
    before = "" if set(_SLOTS) <= dict(numbers).keys() else f"{mechanism}_"
    yield "mechanism", mechanism
    yield from ((before + name, value) for name, value in numbers)


def _source(exchange: Exchange, state: str) -> str:
    if state in _ELSEWHERE:
        return _ELSEWHERE[state]
    if exchange.flight is not None:
        return "flight"
    return "sidecar" if exchange.kept is None else "cache"


def _breaker(name: str, view: View) -> Iterator[Fact]:
    yield name, view.state.replace(" ", "_")
    yield f"{name}_forced", None if view.forced is None else view.forced.replace(" ", "_")
    yield f"{name}_left_ms", None if view.left_s is None else round(view.left_s * 1000)
    yield from ((f"{name}_{each}", count) for each, count in view.counts._asdict().items())


def _rates(exchange: Exchange) -> str | None:
    """Return what is left of the caller's rates, as `RateLimit` has it, in words that need no escaping."""
    told = next((value.decode() for name, value in exchange.rate_limit if name == b"RateLimit"), None)
    return None if told is None else told.replace('"', "").replace(";", " ")


def _written(facts: Iterable[Fact]) -> bytes:
    """Write parameters (RFC 8941 section 3.1.2), those that say something, up to where there is no more room."""
    text = ""
    for name, value in facts:
        if value is None or value is False or value == "":
            continue
        said = name if value is True else f"{name}={word(value) if isinstance(value, str) else digits(value)}"
        more = f"{text};{said}" if text else said
        if len(more) > LONGEST:
            break
        text = more
    return text.encode("ascii")
