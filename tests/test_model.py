"""The nouns: what little they do themselves."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sidecar.buffers import Buffers
from sidecar.model import Call, Dialect, Flight, Lease, Level, Outbound, Progress, Refusal, Seat, Waiter
from tests.support.world import head

SEAT = Seat("tickets", "ada", "Reserve", "browse", 1.0)


def test_a_head_gives_every_line_of_a_name() -> None:
    """Whatever their case, in order, and none of another name."""
    lines = (("Origin", "https://a"), ("ORIGIN", "https://b"), ("X-Origin", "c"))
    assert head(headers=lines).all("origin") == ["https://a", "https://b"]
    assert head(headers=lines).all("Host") == []


def test_a_header_of_any_bytes_can_be_read() -> None:
    """Latin-1 maps every byte."""
    assert head(headers=(("X", "\xff\xfe"),)).all("x") == ["\xff\xfe"]


@pytest.mark.parametrize("progress", list(Progress))
def test_sent_is_from_the_first_byte_of_the_body_on(progress: Progress) -> None:
    """A head without a body is no call yet."""
    flight = Flight(
        Call("tickets", "", "Reserve", Dialect.SOAP11),
        Outbound("POST", "/", (), b"x"),
        False,
        SEAT,
        Buffers(1, 1).account(""),
        0.0,
    )
    flight.track.progress = progress
    assert flight.sent is (progress in (Progress.BODY, Progress.REPLY))


def test_identity_counts_for_what_is_held() -> None:
    """Two leases, two waiters of one client are two."""
    assert Lease(SEAT, 1) != Lease(SEAT, 1)
    assert Waiter("ada", "browse", 1.0) != Waiter("ada", "browse", 1.0)
    assert len({Lease(SEAT, 1), Lease(SEAT, 1)}) == 2


def test_what_crosses_a_task_is_frozen() -> None:
    """Nobody can change an answer or a refusal that others read."""
    with pytest.raises(FrozenInstanceError):
        Refusal("internal").state = "ok"  # type: ignore[misc]  # that is the point


def test_levels_can_be_compared() -> None:
    """Down is worse than strained is worse than ok."""
    assert Level.OK < Level.STRAINED < Level.DOWN


def test_numbers_for_operators_do_not_make_two_refusals_of_one() -> None:
    """What callers are told is the same, and is written once for all of them."""
    one = Refusal("overloaded", "queue_full", numbers=(("queued", 1),))
    other = Refusal("overloaded", "queue_full", numbers=(("queued", 2),))
    assert (one, hash(one)) == (other, hash(other))
    assert one.numbers != other.numbers
