"""What lies in the kernel is seen before the loop has read it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sidecar.unread import Unread


@pytest.mark.parametrize("what", ["bytes", "fin", "nothing"])
async def test_what_has_come(what: str) -> None:
    """Bytes and a FIN count, silence does not; asking takes nothing away."""
    here, there = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=here)
    try:
        unread = Unread(transport)
        assert not unread.any()
        if what == "bytes":
            there.send(b"x")
        elif what == "fin":
            there.close()
        assert [unread.any(), unread.any()] == [what != "nothing"] * 2
    finally:
        transport.close()
        there.close()
