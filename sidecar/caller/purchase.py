"""A purchase under way is finished first: knows whose call is of one, and notes where one begins and where one ends. Stands before place.

Refuses nothing and answers nothing. What counts is what the backend has answered, not when its caller lost patience, hung up, or was told
of it: so it follows the flight. Who is under way is told to all further in (`under_way`): the rates, the pauses, the line.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Exchange, Flight, Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import Scope
    from sidecar.ports import World

# Rules of `results:` and `faults:` have had their say: who was told sold_out, or no, has got nothing.
_GOT: Final = frozenset(("ok", "partial"))
_NOT_KNOWN: Final = "outcome_unknown"


def applies(scope: Scope) -> bool:
    """Where any operation of the backend begins a purchase, or ends one: all its calls are looked at."""
    return any(line.begins or line.ends for line in scope.one_backend.operations)


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    backend, line, purchases = scope.one_backend.name, scope.one_operation, world.purchases
    marks = bool(line.begins or line.ends)

    def purchase(exchange: Exchange) -> Awaitable[Outcome]:
        keys = () if exchange.ours else purchases.keys_of(exchange)  # a renewal is nobody's
        if not keys:
            return inner(exchange)
        if marks and _is_one(exchange):
            exchange.follow = _Follower(scope, world, keys).told
        entered = purchases.enter(backend, keys)
        return inner(exchange) if entered is None else privileged(exchange, entered, keys)

    async def privileged(exchange: Exchange, entered: object, keys: tuple[bytes, ...]) -> Outcome:
        exchange.under_way = True
        if line.begins or not _is_one(exchange):
            exchange.begun_as = purchases.known_by(entered)
        _be_oneself(exchange, keys)
        try:
            return await inner(exchange)
        finally:
            _leave(exchange.flight, partial(purchases.leave, entered))

    return purchase


def _is_one(exchange: Exchange) -> bool:
    """Say whether it is one call. Of several in one nobody reads what each of them got, so they neither begin nor end anything."""
    call = exchange.call
    assert call is not None, "decode names the call"
    return call.members in ((), (call.operation,))


def _be_oneself(exchange: Exchange, keys: tuple[bytes, ...]) -> None:
    """Let somebody who counts as his address count as himself: the others there, a shop's whole crowd perhaps, take nothing from him."""
    if exchange.client != exchange.standing.client or exchange.standing.named:
        return
    assert exchange.call is not None, "decode names the call"
    exchange.client = f"purchase:{keys[0].hex()}"
    exchange.call = exchange.call._replace(client=exchange.client)


def _leave(flight: Flight | None, leave: Callable[[], None]) -> None:
    """Leave, or do so when the backend has done with what its caller has given up: to hang up makes no room for a third."""
    if flight is None or flight.over or not flight.sent:
        leave()
        return
    waiting = [leave]
    flight.ends.append(lambda _: waiting.pop()() if waiting else None)  # it is told again of a ghost's end


class _Follower:
    """What becomes of one call that begins a purchase, or ends one."""

    __slots__ = ("_backend", "_begins", "_doubted", "_ends", "_keys", "_known", "_purchases", "_window_s")

    def __init__(self, scope: Scope, world: World, keys: tuple[bytes, ...]) -> None:
        line = scope.one_operation
        self._backend, self._window_s = scope.one_backend.name, scope.one_backend.purchase_s
        self._begins, self._ends = line.begins is not None, line.ends is not None
        self._purchases, self._keys = world.purchases, keys
        self._doubted: object | None = None
        self._known = False

    def told(self, flight: Flight, outcome: Outcome) -> None:
        """Take what the flight brought, or what a ghost brings later.

        Where nobody knows whether there are seats, somebody may hold them: he is under way until it is known that there are none.
        """
        got = _got(flight, outcome)
        if self._known:
            return
        self._known = got is not None
        if self._doubted is not None and got is not None:
            doubted, self._doubted = self._doubted, None
            self._purchases.settled(self._backend, doubted, got=got)
        elif self._begins and got is not False and self._doubted is None:
            begun = self._purchases.begun(self._backend, self._keys, self._window_s, sure=got is True)
            self._doubted = begun if got is None else None
        if self._ends and got:
            self._purchases.ended(self._backend, self._keys)


def _got(flight: Flight, outcome: Outcome) -> bool | None:
    """Say whether a call got what it was for, None where nobody knows. What was made up on purpose never reached the backend."""
    if flight.feigned:
        return False
    state = outcome.grade.state if isinstance(outcome, Answer) else outcome.state
    return None if state == _NOT_KNOWN else state in _GOT


def describe(scope: Scope) -> str:
    """Say what it does for whom."""
    backend, line = scope.one_backend, scope.one_operation
    said = []
    if line.begins:
        said.append(f"whoever gets something by it has begun a purchase, and is under way for {backend.purchase_s:g} s")
    if line.ends:
        said.append("whoever gets through it is under way no more")
    said.append("whoever is under way goes first, two calls at once; his own rate does not stop him")
    return "; ".join(said)
