"""The road: which stages there are, in which order, and how they are folded into one function per listener.

Outermost first. The envelope stands second from outside although it acts last: whatever happens further in must still leave by it, and
CORS must wrap even that, or a page could not read the failure. A stage is a module with `build(scope, world, inner)` and
`describe(scope)`; with `applies(scope)` it may be left out, with `SPLIT` it has one inner per backend or per operation line.
Adding a stage is its own file and one name here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sidecar.caller import (
    cache,
    coalesce,
    cors,
    debug,
    decode,
    documents,
    envelope,
    facade,
    fallback,
    gates,
    idempotency,
    identity,
    pages,
    place,
    purchase,
    route,
    share,
)
from sidecar.flight import attempt, breaker, faults, grade, queue, retry, span, store
from sidecar.model import Answer, Call, Dialect, Flight, Outbound, Refusal, Result, Seat, Waiter
from sidecar.pieces import whole
from sidecar.plan import OperationPlan, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import ModuleType

    from sidecar.model import Exchange, Lane, Outcome, Reply
    from sidecar.pieces import Pieces
    from sidecar.plan import BackendPlan, Plan
    from sidecar.ports import World

# Longer than any call of people: nobody stands in line for it who could not also take the kept one.
_DOCUMENT_S: Final = 30.0

CALLER: Final[tuple[ModuleType, ...]] = (
    cors,
    envelope,
    debug,
    route,
    share,
    documents,
    pages,
    facade,
    decode,
    identity,
    idempotency,
    fallback,
    cache,
    purchase,
    place,
    coalesce,
    gates,
)
FLIGHT: Final[tuple[ModuleType, ...]] = (store, queue, retry, breaker, span, grade, faults, attempt)
PROBE: Final[tuple[ModuleType, ...]] = (span, grade, faults, attempt)  # in nobody's slot, and whatever the breaker says


def build(plan: Plan, world: World) -> Callable[[Exchange], Awaitable[Reply]]:
    """Fold both lanes for `plan`. Done once per configuration; what the stages capture is their whole environment."""
    return whole(building(plan, world))


def building(plan: Plan, world: World) -> Pieces[Callable[[Exchange], Awaitable[Reply]]]:
    """Fold as `build` does, one operation line a piece."""
    return _fold(CALLER, Scope(plan), world)


def flight_lane(scope: Scope, world: World) -> Lane:
    """Fold the flight lane alone, for calls that no caller made (the index's own)."""
    lane: Lane = whole(_fold(FLIGHT, scope, world, last=True))
    return lane


def fetcher(plan: Plan, backend: BackendPlan, world: World) -> Callable[[str, str], Awaitable[Outcome]]:
    """Return what fetches a document (endpoint, query) for a backend's shelf: a flight like any other, in a slot, joined by key."""
    shelf = world.documents[backend.name]
    line = OperationPlan(
        faults.DOCUMENT, safe=True, timeout_s=_DOCUMENT_S, attempt_first_byte_s=_DOCUMENT_S, attempt_total_s=_DOCUMENT_S
    )
    reading = replace(world, adapters={(backend.name, endpoint): shelf.reader for endpoint, _ in backend.endpoints})
    lane = flight_lane(Scope(plan, backend, line), reading)
    paths = {endpoint: urlsplit(url).path or "/" for endpoint, url in backend.endpoints}

    async def fetch(endpoint: str, query: str) -> Outcome:
        held = _held_up(backend, world)
        if held is not None:
            return held
        target = query if query.startswith("/") else f"{paths[endpoint]}?{query}"
        key = f"document {backend.name} {target}".encode()
        now = world.clock.now()
        until = now + _DOCUMENT_S
        account = world.memory.account(backend.name)
        flight = world.flights.find(key) or Flight(
            call=Call(backend.name, endpoint, line.pattern, Dialect.JSON, key=key),
            outbound=Outbound("GET", target, ((b"Accept", b"text/xml, application/xml, */*;q=0.5"),), b""),
            safe=True,
            seat=Seat(backend.name, "sidecar", line.pattern, line.client_class, until),
            account=account,
            started_at=now,
        )
        try:
            outcome = await world.flights.fly(flight, lane, Waiter("sidecar", line.client_class, until))
        finally:
            account.close()
        return outcome or Refusal("overloaded", "deadline", "the document did not come in time")

    return fetch


def prober(plan: Plan, backend: BackendPlan, world: World) -> Callable[[], Awaitable[Result]] | None:
    """Return what makes one probe of a backend, in no slot of its callers', and says what came of it; None where it has none."""
    if backend.probe is None:
        return None
    operation, endpoint = backend.probe.operation, backend.endpoints[0][0]
    line = backend.operation(operation)
    lane: Lane = whole(_fold(PROBE, Scope(plan, backend, line), world, last=True))
    adapter = world.adapters[backend.name, endpoint]

    async def probe() -> Result:
        if _held_up(backend, world) is not None:
            return Result.IGNORED
        knock = adapter.knock(operation)
        if knock is None:
            return Result.IGNORED  # no contract has come yet that says how it is asked
        dialect, outbound = knock
        now, account = world.clock.now(), world.memory.account(backend.name)
        flight = Flight(
            call=Call(backend.name, endpoint, operation, dialect, (operation,)),
            outbound=outbound,
            safe=True,
            seat=Seat(backend.name, "sidecar", operation, line.client_class, now + line.attempt_total_s),
            account=account,
            started_at=now,
            fresh=True,  # a kept connection that was closed meanwhile would say nothing
        )
        try:
            outcome = await lane(flight)
            if isinstance(outcome, Answer) and outcome.stream is not None:
                outcome.stream.close()  # its head says enough
            return breaker.result_of(outcome, flight)
        finally:
            if flight.track.ghost is not None:
                flight.track.ghost.close()  # nobody waits for its late answer
            account.close()

    return probe


def _held_up(backend: BackendPlan, world: World) -> Refusal | None:
    """Refuse what we ask for ourselves while everybody is held up: a pause of newcomers is none of ours."""
    return world.pauses.ask(backend.name, under_way=True) if world.pauses.active else None


def describe(plan: Plan, backend: str, operation: str) -> str:
    """Return the chain of one operation as people read it, one stage a line. Raises LookupError for an unknown backend."""
    found = next((candidate for candidate in plan.backends if candidate.name == backend), None)
    if found is None:
        known = ", ".join(candidate.name for candidate in plan.backends) or "none"
        raise LookupError(f"there is no backend {backend!r}; the backends are: {known}")
    line = found.operation(operation)
    scope = Scope(plan, found, line)
    kind = "safe" if line.safe else "may change something"
    lines = [f"{backend}.{operation}: ruled by {line.pattern!r}, {kind}"]
    if found.denies(operation):
        lines[0] += "; DENIED in every dialect"
    for title, stages in (("caller", CALLER), ("flight", FLIGHT)):
        lines.append(f"{title} lane")
        lines += [f"  {name(stage):<11} {stage.describe(scope)}" for stage in _built(stages, scope)]
    return "\n".join(lines)


def name(stage: ModuleType) -> str:
    """Return a stage's name: its file's."""
    return stage.__name__.rpartition(".")[2]


def _built(stages: tuple[ModuleType, ...], scope: Scope) -> Iterator[ModuleType]:
    return (stage for stage in stages if getattr(stage, "applies", _always)(scope))


def _always(scope: Scope) -> bool:
    del scope
    return True


def _fold(stages: tuple[ModuleType, ...], scope: Scope, world: World, *, last: bool = False) -> Pieces[Any]:
    if not stages:
        return None if last else flight_lane(scope, world)
    stage, rest = stages[0], stages[1:]
    if not getattr(stage, "applies", _always)(scope):
        return (yield from _fold(rest, scope, world, last=last))
    inner: Any
    match getattr(stage, "SPLIT", None):
        case "backend":
            inner = {}
            for b in scope.plan.backends:
                inner[b.name] = yield from _fold(rest, replace(scope, backend=b), world, last=last)
        case "operation":
            inner = {}
            for line in scope.one_backend.operations:
                yield
                inner[line.pattern] = yield from _fold(rest, replace(scope, operation=line), world, last=last)
        case _:
            inner = yield from _fold(rest, scope, world, last=last)
    if getattr(stage, "TAKES_SPARE", False) and (host := scope.one_backend.spare_plan) is not None:
        return stage.build(scope, world, inner, flight_lane(replace(scope, backend=host), world))
    return stage.build(scope, world, inner)
