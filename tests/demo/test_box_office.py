"""The box office as a server: it falls and gets up, works for people who have left, and does what its controls say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import aiohttp
import orjson
import pytest

from sidecar.demo.box_office import BoxOffice
from sidecar.demo.controls import ControlError, Controls
from tests.demo.speak import ask

pytestmark = pytest.mark.virtual


async def _hello(http: aiohttp.ClientSession, box: BoxOffice) -> Any:
    return (await ask(http, box.url, "soap11", "HelloWorld")).value


async def _control(http: aiohttp.ClientSession, box: BoxOffice, wish: Any) -> tuple[int, Any]:
    async with http.post(f"{box.control_url}/_control", json=wish) as reply:
        return reply.status, await reply.json()


async def _stats(http: aiohttp.ClientSession, box: BoxOffice) -> Any:
    async with http.get(f"{box.control_url}/_stats") as reply:
        return await reply.json()


async def _busy(box: BoxOffice, calls: int) -> None:
    async with asyncio.timeout(5):
        while box.law.in_flight < calls:  # noqa: ASYNC110 - the law is pure and signals nobody
            await asyncio.sleep(0.001)


async def test_a_call_takes_the_time_of_the_law(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """20 callers at once all finish within what a lognormal of mean 100 ms and sigma 0.3 allows, together 20 in flight."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(_hello(http, box) for _ in range(20)))
    assert 0.1 < loop.time() - began < 0.3  # the slowest of 20: more than the mean, less than 3.6 sigma above it
    stats = await _stats(http, box)
    assert (stats["calls"], stats["peak"], stats["in_flight"], stats["executed"]) == (20, 20, 0, {"HelloWorld": 20})


async def test_the_401st_caller_brings_everybody_down_and_five_seconds_later_it_is_back(
    box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """401 at once: every connection is reset, nothing was executed, newcomers are refused for 5 s and served after."""
    loop = asyncio.get_running_loop()
    results = await asyncio.gather(*(_hello(http, box) for _ in range(401)), return_exceptions=True)
    fell_at = loop.time()
    assert all(isinstance(result, aiohttp.ClientError) for result in results)
    stats = box.stats()
    assert (stats["resets"], stats["in_flight"], stats["peak"], stats["lost"]) == (1, 0, 400, 400)
    assert stats["executed"] == {}
    assert stats["orphans"] == 0
    with pytest.raises(aiohttp.ClientConnectorError):
        await _hello(http, box)
    assert (await _stats(http, box))["down_s"] > 4
    await asyncio.sleep(fell_at + 4.8 - loop.time())
    with pytest.raises(aiohttp.ClientConnectorError):
        await _hello(http, box)
    await asyncio.sleep(0.4)
    assert await _hello(http, box) == "Hello World"
    assert box.stats()["executed"] == {"HelloWorld": 1}  # what was in flight when it fell is lost for good


async def test_400_callers_are_borne_slowly(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """One fewer and it holds: all 400 are served, the last of them by a factor of (400/20)^2 slower."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert set(await asyncio.gather(*(_hello(http, box) for _ in range(400)))) == {"Hello World"}
    assert 30 < loop.time() - began < 120
    assert box.stats()["resets"] == 0


async def test_it_works_on_for_a_caller_who_left(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """A reservation whose caller hung up is an orphan while it lasts, and is executed all the same."""
    key = box.house.open_session()
    wish = {"sWebSessionID": key, "sPriceType": "A", "iPerformanceNumber": 1201, "iNumberOfSeats": 2, "iZone": 1}
    caller = asyncio.ensure_future(ask(http, box.url, "soap11", "ReserveTickets", wish))  # noqa: TID251 - awaited below
    await _busy(box, 1)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.sleep(0.01)
    stats = await _stats(http, box)
    assert (stats["orphans"], stats["orphans_now"], stats["in_flight"], stats["executed"]) == (1, 1, 1, {})
    await asyncio.sleep(1)
    stats = await _stats(http, box)
    assert (stats["orphans"], stats["orphans_now"], stats["in_flight"]) == (1, 0, 0)
    assert stats["executed"] == {"ReserveTickets": 1}
    assert len(box.house.basket(key)) == 2


async def test_no_seat_is_sold_twice_however_many_want_it(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """60 people in five tongues want the three last seats and pay at once: three are sold, to three orders at most."""
    tongues = ("soap11", "soap12", "asmx_get", "asmx_post", "xmlrpc")

    async def person(tongue: str) -> int:
        key = box.house.open_session()
        wish = {"sWebSessionID": key, "sPriceType": "A", "iPerformanceNumber": 1205, "iNumberOfSeats": 1, "iZone": 2}
        got = (await ask(http, box.url, tongue, "ReserveTickets", wish)).value
        card = {"sSessionKey": key, "sCCOwner": "x", "sCCNumber": "4111", "iCCType": 1, "iCCMonth": 1, "iCCYear": 30}
        paid = await asyncio.gather(*(ask(http, box.url, tongue, "Checkout", card) for _ in range(2)))
        assert sum(p.fault is None for p in paid) == got  # a double click pays once
        return got

    bought = await asyncio.gather(*(person(tongues[at % 5]) for at in range(60)))
    assert sum(bought) == 3
    sold = [seat.number for order in box.house.orders.values() for seat in order.seats]
    assert len(sold) == len(set(sold)) == 3
    assert (await _stats(http, box))["seats_sold"] == 3


async def test_frozen_it_takes_calls_and_finishes_them_after_the_thaw(
    box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """`for_s` bounds the freeze: the call ends when it is over, not before."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await _control(http, box, {"freeze": True, "for_s": 7}) == (200, {**Controls().json(), "freeze": True})
    assert await _hello(http, box) == "Hello World"
    assert 7 <= loop.time() - began < 7.1
    assert box.controls == Controls()


async def test_dead_it_refuses_and_its_controls_still_answer(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Dead, calls in flight are reset and new connections refused; alive again, it serves at the same address."""
    caller = asyncio.ensure_future(_hello(http, box))  # noqa: TID251 - awaited below
    await _busy(box, 1)
    url = box.url
    await _control(http, box, {"dead": True})
    with pytest.raises(aiohttp.ClientError):
        await caller
    with pytest.raises(aiohttp.ClientConnectorError):
        await _hello(http, box)
    await _control(http, box, {"dead": False})
    assert box.url == url
    assert await _hello(http, box) == "Hello World"


async def test_it_hangs_up_after_it_has_executed(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """The cruellest failure: the work is done and the reply is lost."""
    await _control(http, box, {"hangup": True})
    with pytest.raises(aiohttp.ClientError):
        await _hello(http, box)
    assert box.stats()["executed"] == {"HelloWorld": 1}


@pytest.mark.parametrize("status", [200, 503])
async def test_it_answers_a_page_instead_of_xml(box: BoxOffice, http: aiohttp.ClientSession, status: int) -> None:
    """With `html` set, every path of the service gives the page with that status, and nothing is executed."""
    await _control(http, box, {"html": status})
    async with http.post(f"{box.url}/xmlrpc", data=b"x") as reply:
        assert (reply.status, reply.content_type) == (status, "text/html")
    assert (box.stats()["calls"], box.stats()["pages"]) == (0, 1)


async def test_latency_is_added_and_the_law_can_be_switched_off(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Without the law and with two seconds of latency, a call takes two seconds."""
    loop = asyncio.get_running_loop()
    await _control(http, box, {"law": False, "latency_s": 2})
    began = loop.time()
    await _hello(http, box)
    assert loop.time() - began == pytest.approx(2, abs=0.01)
    await _control(http, box, {"reset": True})
    assert box.controls == Controls()
    assert box.law.enforced


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ([], "send a JSON object"),
        ({"deaf": True}, "there is no control 'deaf'"),
        ({"dead": 1}, "dead must be true or false"),
        ({"html": 418}, "html must be 0, 200 or 503"),
        ({"latency_s": -1}, "latency_s must be a number of seconds"),
        ({"latency_s": True}, "latency_s must be a number of seconds"),
        ({"dead": True, "for_s": 0}, "for_s must be a number of seconds"),
    ],
)
async def test_a_wish_that_does_not_fit_changes_nothing(
    box: BoxOffice, http: aiohttp.ClientSession, wish: Any, text: str
) -> None:
    """The refusal says which control and what would fit; over HTTP it is a 400."""
    with pytest.raises(ControlError, match=text):
        box.control(wish)
    status, said = await _control(http, box, wish)
    assert (status, text in said["error"]) == (400, True)
    assert box.controls == Controls()


async def test_it_can_be_watched_and_steered_at_its_own_address_too(
    box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """`/_stats` and `/_control` are on the public port as well; anything else unknown is a 404 of its kind."""
    async with http.get(f"{box.url}/_stats") as reply:
        assert (await reply.json())["calls"] == 0
    async with http.get(f"{box.url}/_control") as reply:
        assert await reply.json() == Controls().json()
    async with http.post(f"{box.url}/_control", data=b"{") as reply:
        assert reply.status == 400
    async with http.get(f"{box.url}/_nothing") as reply:
        assert reply.status == 404
    async with http.get(f"{box.url}/nothing") as reply:
        assert (reply.status, reply.content_type) == (404, "text/html")
    async with http.get(f"{box.url}/box.asmx") as reply:
        assert "Service Description" in await reply.text()
    assert "BoxOffice" in repr(box)


async def test_two_cannot_have_one_port(box: BoxOffice) -> None:
    """A second box office on the same port is told so, in words."""
    with pytest.raises(OSError, match="choose another port, or 0 for a free one"):
        async with BoxOffice(port=int(box.url.rsplit(":", 1)[1])):
            pass


async def test_leaving_the_block_leaves_nothing_behind(http: aiohttp.ClientSession) -> None:
    """A stop in the middle of calls cancels them, closes the door, and no task of the box is left."""
    async with BoxOffice(seed=1) as box:
        callers = [asyncio.ensure_future(_hello(http, box)) for _ in range(5)]  # noqa: TID251 - awaited below
        await _busy(box, 5)
    assert all(isinstance(r, aiohttp.ClientError) for r in await asyncio.gather(*callers, return_exceptions=True))
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("box office")]
    assert box.stats()["orphans"] == 0
    with pytest.raises(aiohttp.ClientConnectorError):
        await _hello(http, box)


def test_it_runs_alone_and_ends_on_sigterm() -> None:
    """`python -m sidecar.demo.box_office` prints its addresses as one line of JSON, serves, and exits 0 when told to."""
    command = [sys.executable, "-m", "sidecar.demo.box_office", "--port", "0", "--seed", "1", "--no-law"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "error"}) as process:
        assert process.stdout is not None
        told = orjson.loads(process.stdout.readline())
        assert told["wsdl"] == f"{told['url']}/box.asmx?wsdl"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
