"""The limit that an operator has load-tested."""

from __future__ import annotations

from sidecar.policy.limiter import Fixed


def test_it_is_what_was_said() -> None:
    """Nothing learns here."""
    assert Fixed(20).limit == 20
