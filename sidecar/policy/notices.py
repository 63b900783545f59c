"""What whoever gets no slot is told: each refusal of a line, with the numbers that an operator asks for first.

Worded here, decided in the line.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Ahead, Refusal

if TYPE_CHECKING:
    from sidecar.policy.eta import Quote

# Standing at the door beats the shortest nap: below this nobody is told to come back "in 0 s".
RETRY_AT_LEAST_S: Final = 1

# Reasons of `overloaded`, as the table of states has them.
QUEUE_FULL: Final = "queue_full"
QUEUE_WAIT: Final = "queue_wait"
DEADLINE: Final = "deadline"
CLIENT_CAP: Final = "client_cap"
PUSHED_OUT: Final = "pushed_out"
DROPPED: Final = "dropped"

_WHO_PUSHED: Final = "of higher rank, of a client who has less in it, or from further ahead"


class Counts(NamedTuple):
    """A line at the moment of a refusal."""

    limit: int
    in_flight: int
    ghosts: int
    queued: int
    size: int

    @property
    def numbers(self) -> tuple[tuple[str, float], ...]:
        """The counts by name."""
        return tuple(zip(self._fields, self, strict=True))


def overdue(counts: Counts) -> Refusal:
    """Return what he is told who came after his own deadline."""
    detail = "the call's own deadline has passed before it could start"
    return Refusal("overloaded", DEADLINE, detail, numbers=counts.numbers)


def hopeless(counts: Counts, waited_s: float, rest: Quote, after_s: int) -> Refusal:
    """Return what he is told whose deadline came while he waited: he has `rest` before him, and leaves with a place."""
    numbers = (("waited_ms", _ms(waited_s)), *rest.numbers, *counts.numbers)
    detail = "no slot came free before the call's own deadline"
    return Refusal("overloaded", DEADLINE, detail, retry_after_s=after_s, numbers=numbers, line=as_told(rest))


def too_late(counts: Counts, foretold: Quote, said: Quote, late_s: float) -> Refusal:
    """Return what he is told whose turn would come `late_s` after the last moment at which he could start."""
    detail = f"its turn would come in about {foretold.eta_s:.1f} s, too late for the call's own deadline"
    numbers = (*foretold.numbers, *counts.numbers)
    return Refusal("overloaded", DEADLINE, detail, retry_after_s=whole(late_s), numbers=numbers, line=as_told(said))


def capped(counts: Counts, his: int, after_s: float) -> Refusal:
    """Return what he is told who has `his` calls in line, as many as one client may while others wait."""
    detail = f"{his} calls of this client wait already, that is queue.per_client, and others wait, too"
    numbers = (("his", his), *counts.numbers)
    return Refusal("overloaded", CLIENT_CAP, detail, retry_after_s=whole(after_s), numbers=numbers)


def full(counts: Counts, after_s: float) -> Refusal:
    """Return what he is told for whom nobody has to leave a full line."""
    detail = f"{counts.queued} calls wait for this backend already, that is its queue.size"
    return Refusal("overloaded", QUEUE_FULL, detail, retry_after_s=whole(after_s), numbers=counts.numbers)


def let_go(
    counts: Counts, reason: str, wait_s: float, waited_s: float, rest: Quote, said: Quote, after_s: int
) -> Refusal:
    """Return what he is told who leaves with a place: PUSHED_OUT, or QUEUE_WAIT because `wait_s` is over. He has `rest` before him."""
    if reason == PUSHED_OUT:
        detail = f"the line is full, and a call {_WHO_PUSHED} has this one's place"
    else:
        detail = f"no slot came free within queue.wait ({wait_s:g} s)"
    numbers = (("waited_ms", _ms(waited_s)), *rest.numbers, *counts.numbers)
    return Refusal("overloaded", reason, detail, retry_after_s=after_s, numbers=numbers, line=as_told(said))


def dropped(counts: Counts) -> Refusal:
    """Return what he is told whom an operator sent away."""
    return Refusal("overloaded", DROPPED, "an operator has taken this call out of the line", numbers=counts.numbers)


def as_told(said: Quote) -> Ahead:
    """Return a wait as it is told to whoever has to wait: in whole seconds."""
    return Ahead(said.ahead, round(said.eta_s), round(said.low_s), round(said.high_s), said.reason)


def whole(seconds: float) -> int:
    """Return when somebody is told to come back."""
    return max(RETRY_AT_LEAST_S, ceil(seconds))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
