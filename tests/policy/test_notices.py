"""The words of a line's refusals: each has its reason, the counts, and a time to come back where there is one."""

from __future__ import annotations

import pytest

from sidecar import states
from sidecar.model import Ahead, Refusal
from sidecar.policy import notices
from sidecar.policy.eta import MIX, Quote
from sidecar.policy.notices import Counts

COUNTS = Counts(limit=8, in_flight=6, ghosts=2, queued=40, size=40)
NUMBERS = (("limit", 8), ("in_flight", 6), ("ghosts", 2), ("queued", 40), ("size", 40))
REST = Quote(7, 4.4, 2.6, 6.2)
SAID = Quote(9, 5.4, 3.6, 7.4, MIX)


@pytest.mark.parametrize(
    ("refusal", "reason", "after_s", "first", "line"),
    [
        (notices.overdue(COUNTS), "deadline", None, (), None),
        (
            notices.hopeless(COUNTS, 1.2345, REST, 4),
            "deadline",
            4,
            (("waited_ms", 1234), *REST.numbers),
            Ahead(7, 4, 3, 6),
        ),
        (notices.too_late(COUNTS, REST, SAID, 2.1), "deadline", 3, REST.numbers, Ahead(9, 5, 4, 7, MIX)),
        (notices.capped(COUNTS, 4, 6.0), "client_cap", 6, (("his", 4),), None),
        (notices.full(COUNTS, 0.2), "queue_full", 1, (), None),
        (
            notices.let_go(COUNTS, notices.PUSHED_OUT, 5.0, 2.0, REST, SAID, 3),
            "pushed_out",
            3,
            (("waited_ms", 2000), *REST.numbers),
            Ahead(9, 5, 4, 7, MIX),
        ),
        (
            notices.let_go(COUNTS, notices.QUEUE_WAIT, 5.0, 5.0, REST, SAID, 4),
            "queue_wait",
            4,
            (("waited_ms", 5000), *REST.numbers),
            Ahead(9, 5, 4, 7, MIX),
        ),
        (notices.dropped(COUNTS), "dropped", None, (), None),
    ],
)
def test_a_refusal_says_why_and_by_which_numbers(
    refusal: Refusal, reason: str, after_s: int | None, first: tuple[tuple[str, float], ...], line: Ahead | None
) -> None:
    """It is a row of the table of states; its own numbers come before those of the line."""
    assert (refusal.state, refusal.reason, refusal.retry_after_s, refusal.line) == ("overloaded", reason, after_s, line)
    assert refusal.numbers == (*first, *NUMBERS)
    assert reason in states.find("overloaded", reason).reasons


def test_who_is_let_go_is_told_what_for() -> None:
    """Who waited in vain reads of queue.wait, who was pushed out of somebody else."""
    waited = notices.let_go(COUNTS, notices.QUEUE_WAIT, 5.0, 5.0, REST, SAID, 4)
    pushed = notices.let_go(COUNTS, notices.PUSHED_OUT, 5.0, 2.0, REST, SAID, 3)
    assert waited.detail == "no slot came free within queue.wait (5 s)"
    assert "has this one's place" in str(pushed.detail)
    assert "4.4 s" in str(notices.too_late(COUNTS, REST, SAID, 2.1).detail)
    assert "4 calls" in str(notices.capped(COUNTS, 4, 6.0).detail)
    assert "40 calls" in str(notices.full(COUNTS, 0.2).detail)


@pytest.mark.parametrize(("seconds", "told"), [(-3.0, 1), (0.0, 1), (1.0, 1), (1.01, 2), (59.2, 60)])
def test_nobody_is_told_to_come_back_in_no_time(seconds: float, told: int) -> None:
    """Whole seconds, rounded up."""
    assert notices.whole(seconds) == told
