"""Requests bent at random: every connection ends in whole responses or a quiet close, and nothing is left behind or logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

import pytest

from tests.listener.hall import GET, Hall, complaints, opened, until
from tests.support.client import parse

BODY = b"<a>" + b"x" * 50 + b"</a>"
SEEDS = (
    GET,
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;ext=1\r\n"
    + b"y" * 26
    + b"\r\n0\r\nT: v\r\n\r\n",
    b"POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\n\r\n",
)
SPICE = (
    *(bytes((code,)) for code in b"\r\n\x00 :\xff0%"),
    b"\r\n",
    b"\r\n\r\n",
    b"-1",
    b"chunked",
    b"Content-Length: 7\r\n",
)


def bent(chance: random.Random) -> bytes:
    """Return one to three requests, each changed in up to four places."""
    out = b""
    for _ in range(chance.randint(1, 3)):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at : at + chance.randint(0, 8)] = b""
                case 1:
                    data[at:at] = chance.choice(SPICE)
                case 2:
                    data[at] = chance.randrange(256)
                case _:
                    data[at:at] = data[at : at + chance.randint(0, 40)]
            data = data or bytearray(b"x")
        out += data
    return out


async def converse(hall: Hall, data: bytes, pieces: int) -> None:
    async with hall.client() as client:
        await client.send(data, piece_bytes=max(1, len(data) // pieces))
        with contextlib.suppress(
            OSError, RuntimeError
        ):  # it may have been ended by then, which is what is tested below
            client.half_close()
        assert await client.until_end() == "fin"
        unread = bytes(client.unread)
        while unread:
            found = parse(unread, method="GET", ended=True)
            assert found is not None
            assert found[0].status in (200, 400, 405, 408, 413, 415, 417, 431)
            unread = unread[found[1] :]


async def volley(seed: int, count: int) -> None:
    chance = random.Random(seed)
    async with opened(body_timeout_s=2.0, header_timeout_s=2.0) as hall:
        for _ in range(count // 20):
            cases = [(bent(chance), chance.choice((1, 2, 5, 1000))) for _ in range(20)]
            await asyncio.gather(*(converse(hall, data, pieces) for data, pieces in cases))
        await until(lambda: hall.listener.connections == 0)
        assert not hall.events


@pytest.mark.parametrize("seed", range(4))
async def test_bent_requests(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Four hundred of them, on asyncio's loop."""
    caplog.set_level(logging.WARNING)
    await volley(seed, 100)
    assert not complaints(caplog)


@pytest.mark.uvloop
async def test_bent_requests_uvloop(caplog: pytest.LogCaptureFixture) -> None:
    """The same on the loop of production."""
    caplog.set_level(logging.WARNING)
    await volley(99, 200)
    assert not complaints(caplog)


@pytest.mark.long
@pytest.mark.uvloop
async def test_bent_requests_at_length(caplog: pytest.LogCaptureFixture) -> None:
    """Twenty thousand of them."""
    caplog.set_level(logging.WARNING)
    await volley(7, 20_000)
    assert not complaints(caplog)
