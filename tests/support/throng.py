"""A crowd before a line of twelve slots: three operations, cheap to dear, in a mix that may shift, of three thousand clients.

Seeded, for lines that are played through (`lineup`). What it measures of them is how near what people were told came to what happened.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.lineup import Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Refusal
    from sidecar.policy.queue import Line
    from tests.support.lineup import Play

OPERATIONS = {"cheap": 0.06, "middling": 0.3, "dear": 1.2}
STEADY = {"cheap": 0.7, "middling": 0.2, "dear": 0.1}
SHIFTED = {"cheap": 0.5, "middling": 0.2, "dear": 0.3}
SLOTS = 12


def seconds(mix: dict[str, float]) -> float:
    return sum(part * OPERATIONS[name] for name, part in mix.items())


def crowd(
    seed: int,
    until: float,
    load: Callable[[float], float],
    mix: Callable[[float], dict[str, float]],
    classes: tuple[str, ...] = ("browse",),
) -> list[Visit]:
    """Visitors at `load` times what twelve slots can do with the steady mix; each is one of three thousand clients."""
    return arrivals(random.Random(seed), 0.0, until, load, mix, classes)


def arrivals(
    rng: random.Random,
    at: float,
    until: float,
    load: Callable[[float], float],
    mix: Callable[[float], dict[str, float]],
    classes: tuple[str, ...],
) -> list[Visit]:
    """Those who come from `at` on: a Poisson process."""
    visits = list[Visit]()
    while (at := at + rng.expovariate(load(at) * SLOTS / seconds(STEADY))) < until:
        shares = mix(at)
        operation = rng.choices(list(shares), list(shares.values()))[0]
        client, client_class = f"c{rng.randrange(3000)}", rng.choice(classes)
        visits.append(Visit(at, client, operation, work_of(rng, operation), client_class))
    return visits


def work_of(rng: random.Random, operation: str) -> float:
    """Draw the work of a call: around the mean of its operation, with a standard deviation of half of that."""
    return rng.gammavariate(4, OPERATIONS[operation] / 4)


def coming_back(play: Play, line: Line) -> Callable[[Visit, Refusal], Visit | None]:
    """Let everybody who was let go with a place come back with it when he was told to."""

    def again(visit: Visit, refusal: Refusal) -> Visit | None:
        if visit.waiting is None or refusal.reason == "deadline":
            return None
        assert refusal.retry_after_s is not None
        at = play.now + refusal.retry_after_s
        place = line.place_of(visit.waiting)
        return Visit(at, visit.client, visit.operation, visit.work, visit.client_class, visit.patience, place)

    return again
