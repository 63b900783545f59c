"""`ports.Breakers` in memory: the breakers of each backend and of its operations, by name. Both must let a call through.

Policies decide; this file looks at the clock, finds who is asked and writes down what has happened.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Refusal
from sidecar.policy.breaker import Breaker
from sidecar.policy.breaking import Event, Forced, Permit, Result, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.policy.breaking import Rule, View
    from sidecar.ports import Clock, Log

# Ten times the operations of the contracts that were seen; callers can invent more. A breaker takes 3 KiB.
OPERATIONS: Final = 500
MECHANISM: Final = "breaker"
SEVERAL: Final = 2  # operations that are cut off, and no other goes well: it is the backend


class _Probe(NamedTuple):
    """The permit of a probe, and whose: a name may mean another backend before it is over."""

    whole: Breaker
    permit: Permit


class Passed(NamedTuple):
    """Who was let through, by whom. `at_minimum`: as the call began, for a call that began under a wider limit proves nothing yet."""

    backend: str
    operation: str
    whole: Breaker
    part: Breaker
    permits: tuple[Permit, Permit]
    at_minimum: bool


class _Backend:
    """One backend's breakers; the operations that were asked for last. `of`: whom they are about, None where nobody said."""

    __slots__ = ("of", "operations", "rule", "whole")

    def __init__(self, rule: Rule, chance: Callable[[], float]) -> None:
        self.rule, self.whole = rule, Breaker(rule, chance, "the backend")
        self.operations: OrderedDict[str, Breaker] = OrderedDict()
        self.of: object = None

    def part(self, operation: str, chance: Callable[[], float]) -> Breaker:
        found = self.operations.get(operation)
        if found is None:
            if len(self.operations) >= OPERATIONS:
                self._forget_one()
            found = self.operations[operation] = Breaker(self.rule, chance, "this operation")
        else:
            self.operations.move_to_end(operation)
        return found

    def all_cut_off(self, now: float) -> int:
        """Return how many operations are cut off by themselves; 0 where it is but one, or another one goes well."""
        away = 0
        for part in self.operations.values():
            if part.forced is not None:
                continue
            if part.state is not State.CLOSED:
                away += 1
            else:
                counts = part.counts(now)
                if counts.calls > counts.failures:
                    return 0
        return away if away >= SEVERAL else 0

    def join_together(self) -> None:
        """Let the whole answer for all its operations, but for those for which an operator has given an order."""
        self.operations = OrderedDict((name, part) for name, part in self.operations.items() if part.forced is not None)

    def _forget_one(self) -> None:
        """Forget the one that was not asked for longest, unless an operator has given an order for it; one that is cut off only where
        there is no other: it is refused at the door, so never asked, and whoever is forgotten is closed.
        """
        parts = self.operations.items()
        closed = (name for name, part in parts if part.forced is None and part.state is State.CLOSED)
        oldest = next(closed, None) or next((name for name, part in parts if part.forced is None), None)
        if oldest is not None:
            del self.operations[oldest]

    def bound(self, now: float, rule: Rule) -> None:
        self.rule = rule
        for breaker in (self.whole, *self.operations.values()):
            breaker.bound(now, rule)


class MemoryBreakers:
    """Breakers by backend, and by operation of each. A backend without a rule has none: everybody passes.

    `chance` gives a number in [0, 1). `at_minimum` says of a backend whether its limit can go no lower. `closed` is told when a backend
    that was cut off is closed again, so that its limit starts slowly. `observing` says of a backend and MECHANISM whether nobody may be
    refused now.
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        chance: Callable[[], float],
        at_minimum: Callable[[str], bool],
        closed: Callable[[str], None],
        observing: Callable[[str, str], bool],
    ) -> None:
        self._clock, self._log, self._chance = clock, log, chance
        self._at_minimum, self._closed, self._observing = at_minimum, closed, observing
        self._backends: dict[str, _Backend] = {}

    def __repr__(self) -> str:
        return f"<MemoryBreakers {' '.join(f'{name}: {held.whole!r}' for name, held in self._backends.items())}>"

    def bound(self, rules: Mapping[str, Rule], of: Mapping[str, object] | None = None) -> None:
        """Take the rules of a plan, by backend; what is known stays. A backend that is not named loses its breakers.

        `of`: whom each name means, compared with what `ask` is given.
        """
        now, before = self._clock.now(), self._backends
        self._backends = {}
        for name, rule in rules.items():
            held = before.get(name)
            if held is None:
                held = _Backend(rule, self._chance)
            else:
                held.bound(now, rule)
            held.of = None if of is None else of.get(name)
            self._backends[name] = held

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now; what an operator has ordered for that name holds on to its end."""
        held = self._backends.get(backend)
        if held is None:
            return
        made = self._backends[backend] = _Backend(held.rule, self._chance)
        made.of = held.of
        now = self._clock.now()
        said = held.whole.view(now)
        if said.forced is not None and said.left_s is not None and said.left_s > 0.0:
            self._note(backend, None, made.whole.force(now, said.forced, now + said.left_s))

    def rest_s(self, backend: str) -> float:
        """Return for how many seconds a backend is cut off yet, 0 where it is not."""
        held = self._backends.get(backend)
        return 0.0 if held is None else held.whole.rest_s(self._clock.now())

    def peek(self, backend: str, operation: str, *, safe: bool) -> Refusal | None:
        """See `ports.Breakers.peek`."""
        held = self._backends.get(backend)
        if held is None:
            return None
        now, part = self._clock.now(), held.operations.get(operation)
        refusal = held.whole.peek(now, safe=safe)
        if refusal is None and part is not None:
            refusal = part.peek(now, safe=True)
        observed = refusal is not None and not held.whole.ordered and self._observing(backend, MECHANISM)
        return None if observed else refusal

    def is_closed(self, backend: str, operation: str) -> bool:
        """See `ports.Breakers.is_closed`."""
        held = self._backends.get(backend)
        part = None if held is None else held.operations.get(operation)
        calm = (held is None or held.whole.closed) and (part is None or part.closed)
        return calm or (not (held is not None and held.whole.ordered) and self._observing(backend, MECHANISM))

    def ask(
        self, backend: str, operation: str, *, safe: bool, lease_s: float, of: object = None
    ) -> Passed | Refusal | None:
        """See `ports.Breakers.ask`."""
        held = self._backends.get(backend)
        if held is None or (of is not None and held.of is not None and of != held.of):
            return None
        now, whole, part = self._clock.now(), held.whole, held.part(operation, self._chance)
        observe = not (whole.closed and part.closed) and self._observing(backend, MECHANISM)
        first = whole.ask(now, safe=safe, lease_s=lease_s, observe=observe)
        self._note(backend, None, whole.news())
        if isinstance(first, Refusal):
            return first
        # Its own calls are the only ones that can show whether an operation works again, whatever they change.
        second = part.ask(now, safe=True, lease_s=lease_s, observe=observe)
        self._note(backend, operation, part.news())
        if isinstance(second, Refusal):
            whole.tell(now, first, Result.IGNORED, at_minimum=False)
            return second
        return Passed(backend, operation, whole, part, (first, second), self._at_minimum(backend))

    def tell(self, passed: object, result: Result, seconds: float) -> None:
        """See `ports.Breakers.tell`."""
        assert isinstance(passed, Passed), "what `ask` gave"
        backend, operation, whole, part, (first, second), at_minimum = passed
        held, now = self._backends.get(backend), self._clock.now()
        if held is None or held.whole is not whole:
            return  # the name means another backend by now
        if result is Result.OK and seconds > whole.rule.slow_after_s:
            result = Result.SLOW
        if at_minimum and result is not Result.OK:
            at_minimum = self._at_minimum(backend)
        apart = None if result is Result.OK else part.counts(now)
        for_whole, for_part = result, result
        if result is Result.UNREACHABLE:
            for_part = Result.IGNORED  # that nobody listens is no operation's doing
        elif result is not Result.OK and part.state is not State.CLOSED and whole.state is State.CLOSED:
            for_whole = Result.IGNORED  # and an operation that is cut off by itself answers for its own tests
        self._note(backend, None, whole.tell(now, first, for_whole, at_minimum=at_minimum, apart=apart))
        events = part.tell(now, second, for_part, at_minimum=at_minimum)
        if events:
            self._note(backend, operation, events)
            if any(event.was is State.CLOSED and event.state is State.CUT_OFF for event in events):
                whole.forgive(now, part)
            if any(event.state is State.CUT_OFF for event in events) and (several := held.all_cut_off(now)):
                held.join_together()
                self._note(backend, None, whole.outage(now, several))

    def probe(self, backend: str) -> _Probe | None:
        """See `ports.Breakers.probe`."""
        held = self._backends.get(backend)
        if held is None:
            return None
        permit = held.whole.probe(self._clock.now())
        self._note(backend, None, held.whole.news())
        return _Probe(held.whole, permit)

    def probed(self, backend: str, permit: object, result: Result) -> State:
        """See `ports.Breakers.probed`."""
        held = self._backends.get(backend)
        if held is None or permit is None:
            return State.CLOSED
        assert isinstance(permit, _Probe), "what `probe` gave"
        now = self._clock.now()
        if permit.whole is held.whole:  # else the name means another backend by now
            self._note(backend, None, held.whole.tell(now, permit.permit, result, at_minimum=self._at_minimum(backend)))
        return held.whole.view(now).state

    def force(self, backend: str, operation: str | None, forced: Forced, until: float) -> None:
        """Let an order hold until `until`, monotonic seconds. Raises LookupError for a backend without breakers, ValueError for its end."""
        breaker = self._find(backend, operation)
        self._note(backend, operation, breaker.force(self._clock.now(), forced, until))

    def lift(self, backend: str, operation: str | None) -> None:
        """End an order. Raises LookupError as `force`."""
        self._note(backend, operation, self._find(backend, operation).lift(self._clock.now()))

    def view(self, backend: str) -> dict[str | None, View]:
        """Return what there is to see, the whole under None, operations only where they are not simply closed."""
        held, now = self._backends.get(backend), self._clock.now()
        if held is None:
            return {}
        seen: dict[str | None, View] = {None: held.whole.view(now)}
        for operation, part in held.operations.items():
            view = part.view(now)
            if view.state is not State.CLOSED or view.forced is not None:
                seen[operation] = view
        return seen

    def _find(self, backend: str, operation: str | None) -> Breaker:
        held = self._backends[backend]
        return held.whole if operation is None else held.part(operation, self._chance)

    def _note(self, backend: str, operation: str | None, events: tuple[Event, ...]) -> None:
        now = self._clock.now() if events else 0.0
        for event in events:
            self._log.event(
                "breaker",
                backend=backend,
                operation=operation,
                was=event.was.value,
                state=event.state.value,
                why=event.why,
                ago_s=round(now - event.at, 3),
                for_s=None if event.until is None else round(event.until - event.at, 3),
            )
            if operation is None and event.state is State.CLOSED and event.was is not State.CLOSED:
                self._closed(
                    backend
                )  # where nobody was refused nothing has piled up, but a slow start harms nobody either
