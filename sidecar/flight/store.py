"""Outermost on the flight lane: keeps what a shared flight brought, and notes what a write has changed.

Changes no outcome; it adds to a shared answer what its callers are told from. What must not be shared after all it marks as its owner's
alone, and remembers for a while that this question has no answer for everybody (hit-for-miss, as Varnish calls it).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from sidecar.answers import Entry
from sidecar.forms import effect_of
from sidecar.model import Answer, Executed, Flight, Outcome
from sidecar.plan import SPARE
from sidecar.policy import origin
from sidecar.policy.headers import to_caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Grade, Lane, RawHeaders
    from sidecar.plan import CachePlan, Scope
    from sidecar.policy.origin import Origin
    from sidecar.ports import World

PASSING_S: Final = 120.0
"""How long a question whose answer was private is not asked together any more (Varnish's builtin hit-for-miss: 120 s)."""
JOINED_BYTES: Final = 2 * 1024 * 1024
"""A reply's pieces are made one body up to this: a millisecond. What is larger is told as it came, to those who speak as it was asked."""
# What speaks of the backend's talk with us, or of freshness, which is ours to say.
_NOT_KEPT: Final = frozenset(
    (
        *(b"cache-control", b"expires", b"pragma", b"age", b"date", b"vary", b"cache-status", b"server"),
        *(b"set-cookie", b"set-cookie2", b"timing-allow-origin"),
    )
)
_NOT_KEPT_PREFIX: Final = b"access-control-"  # who may read is ours to say, per caller
# What keeps an answer from being kept, but not from being told to all who waited: it was fresh when they asked (RFC 9111 section 4).
_FOR_ALL: Final = frozenset(("lifetime", "max-age", "status", "fault"))
_NO_STORE: Final = ((b"Cache-Control", b"no-store"),)
_GOOD: Final = ("ok", "partial")


def applies(scope: Scope) -> bool:
    """Where answers are kept, or a write says what it changes."""
    line = scope.one_operation
    return line.cache is not None or (not line.safe and scope.one_backend.invalidating)


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    return _reads(scope, world, inner) if scope.one_operation.cache is not None else _writes(scope, world, inner)


def _writes(scope: Scope, world: World, inner: Lane) -> Lane:
    backend, line = scope.one_backend, scope.one_operation
    name = backend.name.removesuffix(SPARE)  # what its spare does is done

    def touch(flight: Flight, outcome: Outcome) -> None:
        effect = outcome.grade.executed if isinstance(outcome, Answer) else effect_of(outcome, safe=flight.safe)
        if effect is not Executed.NO:
            changed = backend.changes(line, flight.call.members, flight.call.parameters)
            world.answers.touch(name, changed)

    async def store(flight: Flight) -> Outcome:
        # Told of the outcome, and, where the reply came too late for everybody, once more: the backend may have written only then.
        flight.ends.append(partial(touch, flight))
        return await inner(flight)

    return store


def _reads(scope: Scope, world: World, inner: Lane) -> Lane:
    cache = scope.one_operation.cache
    assert cache is not None, "applies says so"
    keep = _keeper(scope, cache, world)

    async def store(flight: Flight) -> Outcome:
        outcome = await inner(flight)
        if flight.question is None:
            return outcome
        if flight.track.ghost is not None:
            flight.ends.append(
                lambda late: None if late is outcome or not isinstance(late, Answer) else _done(keep(flight, late))
            )
        return keep(flight, outcome) if isinstance(outcome, Answer) else outcome

    return store


def _done(_answer: Answer) -> None:
    """Drop what a late answer is told from: nobody waits for it any more."""


def _keeper(scope: Scope, cache: CachePlan, world: World) -> Callable[[Flight, Answer], Answer]:
    backend = scope.one_backend
    adapters = {name: world.adapters[backend.name, name] for name, _ in backend.endpoints}
    answers, clock = world.answers, world.clock

    told_of: set[str] = set()

    keyed = frozenset(
        name.lower()
        for name in (*cache.vary, *(() if scope.one_operation.shared is not None else backend.identity_headers))
    )

    def tell(why: str) -> None:
        """Say once what keeps answers from being kept: an operator who wrote `cache:` expects them to be."""
        if why not in told_of:
            told_of.add(why)
            world.log.event("answer_not_kept", backend=backend.name, operation=scope.one_operation.pattern, why=why)

    def keep(flight: Flight, answer: Answer) -> Answer:
        question, key = flight.question, flight.call.key
        assert question is not None, "a shared flight has one"
        assert key is not None, "and stands in the map by it"
        if answer.size_bytes > max(cache.entry_bytes, JOINED_BYTES) and not _is_alone(answer, cache, keyed):
            tell("large")
            return answer._replace(headers=_worth_keeping(answer.headers, None))
        told = origin.of(answer.status, answer.headers, clock.wall(), keyed, cache.ignore) if cache.origin else None
        why = told.why if told is not None else origin.vetoes(answer.headers, cache.ignore, keyed)
        alone = why is not None and why not in _FOR_ALL
        if why is None:
            why = adapters[flight.call.endpoint].veto(question, answer)
            alone = why not in (None, "fault")
        entry = Entry(
            key=key,
            backend=backend.name,
            endpoint=flight.call.endpoint,
            operation=flight.call.operation,
            dialect=question.dialect,
            # A backend's own ages count from the moment that it was asked (RFC 9111 section 4.2.3).
            at=clock.now() - (told.initial_age_s + flight.backend_s if told is not None else 0.0),
            status=answer.status,
            headers=answer.headers if alone else _worth_keeping(answer.headers, told),
            body=b"".join(answer.body),
            grade=answer.grade,
            tags=flight.tags,
            generations=flight.generations,
            lifetime_s=told.lifetime_s if told is not None else None,
            stale_s=_windows(told, cache),
            negative=_is_negative(answer.grade, cache),
        )
        if why not in (None, "fault"):
            tell(why)
        if alone:
            answers.keep(replace(entry, body=b"", headers=(), passing=True), cache.share)
            return answer._replace(entry=entry, private=True)
        ours = (
            bool(flight.injected) and answer.grade.state not in _GOOD
        )  # what we let go wrong has an end, and leaves nothing behind
        keeps = not ours and (why is None or (why == "fault" and entry.negative))
        if keeps and len(entry.body) <= cache.entry_bytes and _is_current(flight, world):
            answers.keep(entry, cache.share)
        return answer._replace(entry=entry)

    return keep


def _is_alone(answer: Answer, cache: CachePlan, keyed: frozenset[str]) -> bool:
    """Say whether an answer too large to be kept is one caller's alone."""
    why = origin.vetoes(answer.headers, cache.ignore, keyed)
    return why is not None and why not in _FOR_ALL


def _is_current(flight: Flight, world: World) -> bool:
    """Say whether nothing has been written since the flight began: an answer from before is for those who asked before."""
    return world.answers.generations(flight.call.backend, flight.tags) == flight.generations


def _is_negative(grade: Grade, cache: CachePlan) -> bool:
    return grade.state in cache.negative and grade.state not in _GOOD


def _windows(told: Origin | None, cache: CachePlan) -> tuple[float, float] | None:
    """Return for how long past its lifetime an answer may be given, where the backend says something of that."""
    if told is None or (told.swr_s is None and told.error_s is None and not told.must_revalidate):
        return None
    if told.must_revalidate:
        return 0.0, 0.0
    return (
        cache.swr_s if told.swr_s is None else told.swr_s,
        cache.error_s if told.error_s is None else told.error_s,
    )


def _worth_keeping(headers: RawHeaders, told: Origin | None) -> RawHeaders:
    if told is not None:
        return tuple(line for line in to_caller(headers) if line[0].lower() not in told.without)
    return tuple(line for line in to_caller(headers) if not _stays(line[0].lower())) + _NO_STORE


def _stays(low: bytes) -> bool:
    return low in _NOT_KEPT or low.startswith(_NOT_KEPT_PREFIX)


def describe(scope: Scope) -> str:
    """Say what is kept or touched."""
    line = scope.one_operation
    if line.cache is None:
        changed = ", ".join(line.invalidates) or "nothing that is kept, unless it runs others"
        return f"what it does, or may have done, changes {changed}"
    return f"answers up to {line.cache.entry_bytes} bytes are kept"
