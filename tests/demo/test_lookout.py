"""The lookout: what the box office and the sidecar say, side by side, and what is left of it where one does not answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from sidecar.demo.door import Door
from sidecar.demo.lookout import Lookout, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.demo.box_office import BoxOffice

STATUS = {
    "backends": [{"name": "tickets", "limit": 17, "queued": 3, "path": "/tickets"}, {"name": "boxrpc", "limit": 4}]
}
NOBODY = "http://127.0.0.1:1"


@asynccontextmanager
async def _operators(answer: Any) -> AsyncIterator[str]:
    async def handle(request: web.BaseRequest) -> web.Response:
        assert (request.path, request.headers["Accept"]) == ("/status", "application/json")
        return web.json_response(answer)

    server = web.Server(handle, access_log=None)
    door = Door(server, "127.0.0.1", 0)
    await door.open()
    yield f"http://127.0.0.1:{door.port}"
    await door.close()
    await server.shutdown(1.0)


def test_of_a_status_only_what_is_shown_is_taken() -> None:
    """By backend; what this sidecar does not say is not made up."""
    assert told(STATUS) == {
        "tickets": {"name": "tickets", "limit": 17, "queued": 3},
        "boxrpc": {"name": "boxrpc", "limit": 4},
    }


async def test_both_are_seen(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """The box office's own counts, and the limit as the sidecar says it."""
    async with _operators(STATUS) as admin:
        seen = await Lookout(http, box.control_url, admin).look()
    assert (seen["in_flight"], seen["knee"], seen["best_work_per_s"]) == (0, 20, 200)
    assert seen["sidecar"]["tickets"]["limit"] == 17


@pytest.mark.parametrize("answer", [None, {}, {"backends": [{}]}, []])
async def test_what_is_no_status_is_left_out(box: BoxOffice, http: aiohttp.ClientSession, answer: Any) -> None:
    """The box office is seen all the same."""
    async with _operators(answer) as admin:
        assert (await Lookout(http, box.control_url, admin).look())["sidecar"] is None


async def test_an_operators_listener_that_is_not_there_is_left_out(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """None was named, or nobody answers."""
    assert (await Lookout(http, box.control_url, None).look())["sidecar"] is None
    assert (await Lookout(http, box.control_url, NOBODY).look())["sidecar"] is None


async def test_a_box_office_that_does_not_answer_is_an_error(http: aiohttp.ClientSession) -> None:
    """Whoever asked says so in his own words."""
    with pytest.raises(aiohttp.ClientError):
        await Lookout(http, NOBODY, None).look()
