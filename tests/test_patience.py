"""How long a caller waits: what he says himself, within what his operation lets him."""

from __future__ import annotations

import pytest

from sidecar.model import Exchange, Peer
from sidecar.patience import patience_s
from tests.support.world import Body, head


def exchange(said: str | None, *, ours: bool = False) -> Exchange:
    lines = () if said is None else (("Sidecar-Timeout", said),)
    return Exchange(head(headers=lines), Body(b""), Peer("192.0.2.1", tls=False), 0.0, ours=ours)


@pytest.mark.parametrize(
    ("said", "waits_s"),
    [
        (None, 4.0),
        ("1", 1.0),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        (" 2 s", None),
        ("9", 4.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_what_he_says(said: str | None, waits_s: float | None) -> None:
    """A number of seconds, or one with its unit; what is longer is cut, what is no time is None."""
    assert patience_s(exchange(said), 4.0) == waits_s


def test_nobody_is_patient() -> None:
    """What we ask on nobody's behalf is not bound by the one who happened to be there."""
    assert patience_s(exchange("0.1", ours=True), 4.0) == 4.0


@pytest.mark.parametrize(
    ("lines", "waits_s"),
    [
        ((("Prefer", "wait=2"),), 2.0),
        ((("Prefer", "respond-async, wait=1"),), 1.0),
        ((("Prefer", "return=minimal"), ("Prefer", "WAIT = 3")), 3.0),
        ((("Prefer", 'wait="2"'),), 2.0),
        ((("Prefer", "wait=100"),), 4.0),
        ((("Prefer", "wait=soon"),), 4.0),
        ((("Prefer", "await=1"),), 4.0),
        ((("Prefer", "wait=1.5"),), 4.0),
        ((("Prefer", "wait=1"), ("Sidecar-Timeout", "3")), 3.0),
    ],
)
def test_what_he_prefers(lines: tuple[tuple[str, str], ...], waits_s: float) -> None:
    """RFC 7240 says it in whole seconds; what cannot be read is no wish, and the header of our own counts for more."""
    asked = Exchange(head(headers=lines), Body(b""), Peer("192.0.2.1", tls=False), 0.0)
    assert patience_s(asked, 4.0) == waits_s
