"""Two people, every operation of the box office, every binding, everything cached: nobody ever sees a byte of the other's.

The demo's own box office behind a real sidecar; what each of them must be told is asked of the box office itself.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest

from sidecar.demo.box_office import BoxOffice
from sidecar.demo.operations import OPERATIONS
from tests.demo.speak import RPC, TONGUES, Answer, ask
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CARD: Final = {"sCCOwner": "A. Chekhov", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
READS: Final[dict[str, dict[str, Any]]] = {
    "HelloWorld": {},
    "GetPerformances": {"sStartDate": "", "sEndDate": ""},
    "GetPerformancesEx": {"sWebSessionId": "KEY", "sStartDate": "", "sEndDate": "", "iBusinessUnit": 1},
    "GetSeats": {"sSessionKey": "KEY", "iPerformanceNumber": 1205, "cSummaryOnly": "N"},
    "GetCart": {"sWebSessionID": "KEY"},
    "GetOrderDetails": {"SessionKey": "KEY", "OrderNumber": 0},
    "GetSalesReport": {"SessionKey": "KEY", "iRows": 9},
    "GetShippingMethods": {},
}
WRITES: Final = {
    "GetNewSessionKey",
    "ReserveTickets",
    "ClearCart",
    "Checkout",
}  # a new session is a deed: it is never kept
DENIED: Final = {"DestroyCache"}
PERSONAL: Final = ("GetCart", "GetOrderDetails")
CACHE: Final = {"ttl": "10m", "stale_while_revalidate": "10m", "grace": "1h", "ignore_origin": ["private", "max-age"]}
READ: Final = {"safe": True, "cache": CACHE}
ROUNDS: Final = 3


def _settings(url: str) -> dict[str, Any]:
    reads = dict.fromkeys((*READS, "Get*"), READ)
    house = {"limit": {"fixed": 8}, "queue": {"size": 400, "wait": "20s"}}
    return {
        "backends": {
            "tickets": {
                **house,
                "protocol": "soap",
                "path": "/box.asmx",
                "url": f"{url}/box.asmx",
                "asmx_get": "allow",
                "identity": {"params": ["sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID"]},
                "deny": sorted(DENIED),
                "operations": {**reads, "GetNewSessionKey": {}},
            },
            "rpc": {
                **house,
                "protocol": "xmlrpc",
                "path": "/xmlrpc",
                "url": f"{url}/xmlrpc",
                "operations": {f"tickets.{RPC[name]}": READ for name in READS if name in RPC},
            },
        }
    }


@dataclass
class Person:
    """Somebody with a session, a cart and an order, and what the box office itself says to each of his questions."""

    key: str
    marks: tuple[bytes, ...]
    truth: dict[tuple[str, str], Answer]

    def args(self, operation: str) -> dict[str, Any]:
        return {name: self.key if value == "KEY" else value for name, value in READS[operation].items()}


class Hall:
    """The box office, a sidecar before it, and verbs of people."""

    def __init__(self, box: BoxOffice, sidecar: SidecarProcess, http: aiohttp.ClientSession) -> None:
        self.box, self.sidecar, self.http = box, sidecar, http

    async def says(self, tongue: str, operation: str, args: dict[str, Any], *, itself: bool = False) -> Answer:
        return await ask(self.http, self.box.url if itself else self.sidecar.url, tongue, operation, args)

    async def comes(self, tongue: str, seats: int) -> tuple[str, int, str]:
        """Let somebody come in by one binding: a session, an order, and a cart besides. All of it through the sidecar."""
        key = str((await self.says(tongue, "GetNewSessionKey", {"sIP": "192.0.2.7"})).value)
        wish = {
            "sWebSessionID": key,
            "sPriceType": "A",
            "iPerformanceNumber": 1201,
            "iNumberOfSeats": seats,
            "iZone": 1,
        }
        held = await self.says(tongue, "ReserveTickets", wish)
        assert held.value == seats, held.body
        paid = await self.says(tongue, "Checkout", {"sSessionKey": key, **CARD})
        assert paid.fault is None, paid.fault
        number = paid.value
        await self.says(tongue, "ReserveTickets", wish)
        return key, int(number), self.box.house.orders[int(number)].approval

    async def known(self, key: str, number: int, approval: str) -> Person:
        person = Person(key, (key.encode(), approval.encode(), b">%d<" % number), {})
        for operation in READS:
            for tongue in TONGUES:
                if tongue != "xmlrpc" or operation in RPC:
                    said = await self.says(tongue, operation, person.args(operation), itself=True)
                    assert said.status == 200, (operation, tongue, said.body)
                    person.truth[operation, tongue] = said
        return person


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with (
        BoxOffice(seed=1) as box,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as http,
    ):
        box.control({"law": False})
        async with await asyncio.to_thread(SidecarProcess, _settings(box.url), tmp_path) as sidecar:
            await asyncio.to_thread(sidecar.wait_line, '"event":"indexed"')
            yield Hall(box, sidecar, http)


def test_no_operation_is_left_out() -> None:
    """What the demo has, this asks."""
    assert {operation.name for operation in OPERATIONS} == {*READS, *WRITES, *DENIED}


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_is_told_what_is_anothers(hall: Hall, seed: int) -> None:
    """All questions of both, in every binding, shuffled and at once, three times over: each is told his own, and hears of no other's."""
    came = [await hall.comes(tongue, seats) for tongue, seats in (("soap11", 2), ("asmx_post", 3))]
    people = [await hall.known(*each) for each in came]
    asked = [(who, *which) for who in (0, 1) for which in people[who].truth] * ROUNDS
    random.Random(seed).shuffle(asked)
    before = hall.box.headcount.calls
    kept = 0

    async def check(who: int, operation: str, tongue: str) -> bool:
        me, other = people[who], people[1 - who]
        said = await hall.says(tongue, operation, me.args(operation))
        assert (said.status, said.value) == (200, me.truth[operation, tongue].value), (operation, tongue, said.body)
        whole = said.body + repr(dict(said.headers)).encode()
        assert not [mark for mark in other.marks if mark in whole and operation in PERSONAL], (operation, tongue)
        assert other.key.encode() not in whole
        return said.headers["Sidecar-State"].startswith(("cached", "ok")) and "hit" in said.headers["Cache-Status"]

    for at in range(0, len(asked), 40):
        kept += sum(await asyncio.gather(*(check(*each) for each in asked[at : at + 40])))
    calls = hall.box.headcount.calls - before
    # Each question of each person at most once a protocol: SOAP and both of ASMX share a key where the contract proves them equal.
    assert calls < len(asked) / ROUNDS, f"{calls} calls for {len(asked)} questions: nothing was shared"
    assert kept > len(asked) / 2, "and nothing was kept: then this proves nothing"


async def test_a_session_is_never_handed_out_twice(hall: Hall) -> None:
    """Opening one is a deed although its name begins with Get: same question, same address, another session each time."""
    keys = [(await hall.says(tongue, "GetNewSessionKey", {"sIP": "192.0.2.7"})).value for tongue in TONGUES * 2]
    assert len(set(keys)) == len(keys)
