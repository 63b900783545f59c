"""What deciding costs: the policies of an admitted call and of a refusal, called alone, and the line with ten and ten thousand who wait."""

from __future__ import annotations

import gc
from random import random
from time import process_time
from typing import TYPE_CHECKING, Final

from bench.report import Line as Row
from sidecar.model import Lease, Notice, Refusal, Result, Seat
from sidecar.policy.adaptive import Adaptive
from sidecar.policy.breaker import Breaker
from sidecar.policy.breaking import Permit, Rule
from sidecar.policy.limiter import Fixed, Sample
from sidecar.policy.pauses import EVERYTHING, Kind, Pauses, Scope, Sign, Target, What
from sidecar.policy.queue import Line, QueueRule
from sidecar.policy.rates import Asked, Per, RateRule, Rates
from sidecar.policy.tiers import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS: Final = 20_000
_ROUNDS: Final = 5
_CLASSES: Final = ("staff", "checkout", "browse", "batch")


def policies() -> list[Row]:
    """Measure and return the lines; the quietest of five rounds each."""
    admitted, refused = _us(_admitted()), max(_us(_refused_by_line()), _us(_refused_by_rate()), _us(_paused()))
    ten, many = _us(_waits(10)), _us(_waits(10_000))
    return [
        Row("policies of an admitted call, called alone", admitted, "µs", 15, "rate, breaker, line, limit"),
        Row("policies of a refusal, called alone", refused, "µs", 10, "the dearest of line, rate and pause"),
        Row(
            "a call through the line with 10000 waiting, over ten",
            many / ten,
            "x",
            1.5,
            f"{many:.1f} µs against {ten:.1f} µs, four classes",
        ),
    ]


def _us(once: Callable[[int], None]) -> float:
    best = float("inf")
    gc.collect()
    gc.freeze()  # what waits is not walked through for what is measured
    for _ in range(_ROUNDS):
        began = process_time()
        for number in range(_CALLS):
            once(number)
        best = min(best, process_time() - began)
    gc.unfreeze()
    return best / _CALLS * 1e6


def _seat(number: int, until: float = 1e9) -> Seat:
    return Seat("box", f"client-{number % 997}", f"Get{number % 20}", _CLASSES[number % 4], until)


def _nobody(_parameter: str) -> None:
    """No call names an account."""


def _admitted() -> Callable[[int], None]:
    limiter = Adaptive(1, 16, 64)
    line, breaker, rates = Line(limiter, QueueRule(500, 5.0)), Breaker(Rule(), lambda: 0.5), Rates()
    rates.bound(
        0.0, (RateRule(Per.CLIENT, 1_000_000, 1.0, 1_000_000), RateRule(Per.BACKEND, 1_000_000, 1.0, 1_000_000))
    )
    seats = [_seat(number) for number in range(1000)]

    def once(number: int) -> None:
        now, seat = number * 0.001, seats[number % 1000]
        rates.ask(now, Asked(seat.client, seat.operation, "*", _nobody), 5.0)
        lease = line.ask(now, seat)
        permit = breaker.ask(now, safe=True, lease_s=10.0)
        assert isinstance(lease, Lease), "there is room"
        assert isinstance(permit, Permit), "nothing has failed"
        breaker.tell(now, permit, Result.OK, at_minimum=False)
        line.learn(now, Sample(seat.operation, 0.1, lease.epoch, lease.in_flight))
        line.release(now, lease)

    return once


def _refused_by_line() -> Callable[[int], None]:
    line = Line(Fixed(8), QueueRule(100, 5.0))
    for number in range(108):
        line.ask(0.0, Seat("box", f"client-{number}", "Get", "staff", 1e9))
    seats = [Seat("box", f"late-{number}", "Get", "browse", 1e9) for number in range(1000)]

    def once(number: int) -> None:
        verdict = line.ask(1.0, seats[number % 1000])
        assert isinstance(verdict, Refusal), "it is full of calls of a higher class"

    return once


def _refused_by_rate() -> Callable[[int], None]:
    rates = Rates()
    rates.bound(0.0, (RateRule(Per.CLIENT, 1, 3600.0, 1),))
    asked = [Asked(f"client-{number}", "Get", "*", _nobody) for number in range(1000)]
    for each in asked:
        rates.ask(0.0, each, 0.0)

    def once(number: int) -> None:
        rates.ask(1.0, asked[number % 1000], 0.0)

    return once


def _paused() -> Callable[[int], None]:
    pauses = Pauses()
    notice = Notice("p1", "warning", (("en", "Back at 9:20"),), 120.0)
    pauses.put(Sign("p1", Kind.PAUSE, EVERYTHING, notice, 0.0, Scope.ENTRY, end=1e9))
    pauses.put(Sign("m1", Kind.MESSAGE, Target(What.BACKEND, "box"), notice, 0.0, end=1e9))

    def once(number: int) -> None:
        now = number * 0.001
        assert pauses.ask(now, now, "box", random, under_way=False) is not None, "everything is paused"
        pauses.notices(now, now, "box", None)

    return once


def _waits(count: int) -> Callable[[int], None]:
    line = Line(Fixed(8), QueueRule(count + 100, 1e6, per_client=1.0))
    held = [line.ask(0.0, _seat(number)) for number in range(8)]
    for number in range(count):
        line.ask(0.0, _seat(number))
    leases = [lease for lease in held if isinstance(lease, Lease)]

    def once(number: int) -> None:
        now = 1.0 + number * 1e-4
        verdict = line.ask(now, _seat(number))
        assert isinstance(verdict, Waiting), "others wait, too"
        for _, granted in line.release(now, leases.pop()):
            assert isinstance(granted, Lease), "nobody is out of time"
            leases.append(granted)

    return once
