"""A secret that is shown: once, whole, and told in constant time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.policy.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        ((TOKEN,), True),
        ((f" {TOKEN}\t",), True),
        ((), False),
        (("",), False),
        ((TOKEN[:-1],), False),
        ((TOKEN.upper(),), False),
        ((f"{TOKEN}, {TOKEN}",), False),
        ((TOKEN, TOKEN), False),
        ((f"Bearer {TOKEN}",), False),
        (("\udcff\u00e4",), False),
    ],
)
def test_who_shows_it(lines: Sequence[str], right: bool) -> None:
    """One line that is the secret, blanks around it aside; any other bytes are just wrong."""
    assert Secret(TOKEN).shown_by(lines) is right


def test_it_is_compared_as_digests_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared has one length whatever was sent: a clock tells nothing of it."""
    seen: list[tuple[int, int]] = []

    def watched(left: bytes, right: bytes) -> bool:
        seen.append((len(left), len(right)))
        return left == right

    monkeypatch.setattr("sidecar.policy.secret.compare_digest", watched)
    secret = Secret(TOKEN)
    assert [secret.shown_by((text,)) for text in ("x", TOKEN[:5], TOKEN, "y" * 5000)] == [False, False, True, False]
    assert seen == [(32, 32)] * 4


def test_nothing_that_prints_it_shows_it() -> None:
    """A log, a traceback, a debugger."""
    secret = Secret(TOKEN)
    assert TOKEN not in repr(secret)
    assert all(TOKEN.encode() not in repr(getattr(secret, name)).encode() for name in Secret.__slots__)
