"""Limit and line that only observe: whom they would have refused."""

from __future__ import annotations

import pytest

from sidecar.model import SlotsView
from sidecar.policy.queue import QueueRule
from sidecar.policy.shadow import would_refuse


@pytest.mark.parametrize(
    ("in_flight", "ghosts", "queued", "later", "call_s", "reason"),
    [
        (0, 0, 0, 0, 9.0, None),
        (3, 0, 0, 0, 99.0, None),  # the fourth slot is free
        (4, 0, 0, 0, 20.0, None),  # one of four comes free in 5 s, and queue.wait is 5 s
        (4, 0, 0, 0, 20.1, "queue_wait"),
        (2, 2, 0, 0, 20.1, "queue_wait"),
        (2, 0, 4, 2, 20.1, "queue_wait"),
        (2, 0, 3, 2, 20.1, None),
        (13, 0, 0, 0, 1.0, None),  # nine are before it, and the line holds ten
        (14, 0, 0, 0, 1.0, "queue_full"),
        (4, 0, 10, 0, 1.0, "queue_full"),
    ],
)
def test_whom_it_would_have_refused(
    in_flight: int, ghosts: int, queued: int, later: int, call_s: float, reason: str | None
) -> None:
    """Whoever finds as many before him as the line holds, or would wait longer than queue.wait."""
    view = SlotsView(10_000, in_flight, ghosts, queued, later)
    assert would_refuse(QueueRule(10, 5.0), 4, view, call_s) == reason
