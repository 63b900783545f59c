"""A body that is here already is taken like any other: booked, and no more than may be."""

from __future__ import annotations

from sidecar.buffers import Buffers
from sidecar.given import Given
from sidecar.model import Refusal


async def test_it_is_at_hand_and_booked() -> None:
    """Once it is read, its bytes are held."""
    memory = Buffers(1000, 1.0)
    account, given = memory.account("tickets"), Given(b"<a/>")
    assert given.declared_bytes == 4
    assert given.at_hand(4, account) == await given.read(4, account) == b"<a/>"
    assert memory.held_bytes == 8


async def test_what_is_too_large_written_for_the_backend_is_refused() -> None:
    """With the bound; nothing is booked."""
    memory = Buffers(1000, 1.0)
    refusal = Given(b"<aa/>").at_hand(4, memory.account("tickets"))
    assert isinstance(refusal, Refusal)
    assert (refusal.state, refusal.limit_bytes, memory.held_bytes) == ("too_large", 4, 0)


async def test_no_room_is_said() -> None:
    """As of a body on its way."""
    memory = Buffers(4, 1.0)
    refusal = await Given(b"<aa/>").read(10, memory.account("tickets"))
    assert isinstance(refusal, Refusal)
    assert (refusal.state, refusal.reason) == ("overloaded", "buffered")
