"""The nouns of what is kept: what an entry weighs, how old it is, and what of a rule must not be shown."""

from __future__ import annotations

import pytest

from sidecar.answers import OVERHEAD_BYTES, Keying, Shared
from tests.stores.entries import entry_of


def test_an_entry_weighs_what_it_holds() -> None:
    """Body, header lines, and what Python needs for the rest; what is wrapped for others is not counted twice."""
    headers = ((b"Content-Type", b"text/xml"), (b"X-A", b"b"))
    entry = entry_of(body=b"x" * 1_000, headers=headers)
    assert entry.size_bytes == 1_000 + len(b"Content-Typetext/xmlX-Ab") + OVERHEAD_BYTES


@pytest.mark.parametrize(("now", "age_s"), [(990.0, 0.0), (990.5, 0.5), (980.0, 0.0)])
def test_age_is_never_below_zero(now: float, age_s: float) -> None:
    """A clock of another process may be behind; an answer from the future is new."""
    assert entry_of(at=990.0).age_s(now) == age_s


def test_a_services_session_is_not_shown() -> None:
    """`shared: {as: …}` holds a secret, which no log or traceback of ours may print."""
    keying = Keying(shared=Shared.AS, stand_in=(("session", "hunter2"),))
    assert "hunter2" not in repr(keying)
