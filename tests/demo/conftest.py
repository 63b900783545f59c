"""What the tests of the demo share: a box office whose chances are fixed, and a client in which every caller is his own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from sidecar.demo.box_office import BoxOffice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def box() -> AsyncIterator[BoxOffice]:
    async with BoxOffice(seed=1) as box:
        yield box


@pytest.fixture
async def quick(box: BoxOffice) -> BoxOffice:
    """The box office without its law: for tests of what it says, not of how long it takes."""
    box.control({"law": False})
    return box


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    # no limit and no reuse: every caller is somebody of his own
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http:
        yield http
