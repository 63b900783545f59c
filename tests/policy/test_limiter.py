"""The limit that learns nothing: the other one has a file of its own."""

from __future__ import annotations

from sidecar.policy.limiter import Fixed, Sample


def test_a_number_stays_what_it_is() -> None:
    """Whatever happens: somebody has load-tested it."""
    limit = Fixed(7)
    limit.tell(0.0, Sample("Get", 99.0, limit.epoch, 7, dropped=True), waiting=500)
    assert (limit.limit, limit.epoch, repr(limit)) == (7, -1, "<Fixed 7>")
