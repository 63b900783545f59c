"""A purchase under way is finished first: seats are reserved, the crowd comes, and whoever holds them gets through to the till.

Real processes and a scripted backend whose journal is the witness; the minutes at the payment page are played on made-up time.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
from ruamel.yaml import YAML

from sidecar.demo.box_office import BoxOffice
from sidecar.plan import OperationPlan
from sidecar.policy.rates import Per, RateRule
from tests.house.tree import ROOT
from tests.listener.hall import until
from tests.support import envelopes as env
from tests.support.backend import Backend, Gate, answer, by_operation
from tests.support.client import ask
from tests.support.people import People, reply
from tests.support.plays import calls_only
from tests.support.process import SidecarProcess
from tests.support.replies import http
from tests.support.world import Scene, settle, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.visit import Visit

SOLD_OUT_EVENING: Final = 1204
NEWCOMERS: Final = 5  # two at the backend, three in line
WRITTEN_S: Final = 1.0  # what a crash may lose


def settings(backend: Backend, **more: object) -> dict[str, Any]:
    house: dict[str, Any] = {
        "protocol": "soap",
        "path": "/tickets",
        "url": f"{backend.url}/box.asmx",
        "limit": {"fixed": 2},
        "queue": {"size": 3, "wait": "20s"},
        "identity": {"params": ["sSessionKey", "sWebSessionID"]},
        "operations": {
            "Get*": {"safe": True, "timeout": "30s"},
            "ReserveTickets": {"class": "checkout", "begins": "purchase"},
            "Checkout": {"class": "checkout", "ends": "purchase"},
        },
        "results": [
            {"operation": "ReserveTickets", "when": {"path": "ReserveTicketsResult", "eq": 0}, "state": "sold_out"}
        ],
    }
    return {
        "store": "sqlite:state.db",
        "drain": {"delay": "0s", "timeout": "1s"},
        "clients": {"trust": ["127.0.0.0/8"]},
        "backends": {"tickets": house | more},
    }


class Theatre:
    """The box office, and people before its sidecar. `gate` holds those who look at seats."""

    def __init__(self) -> None:
        self.gate = Gate()
        looks = answer(http(env.soap11_reply("GetSeats")), gate=self.gate)
        plays = {"GetSeats": looks, "ReserveTickets": self._reserve}
        self.backend = Backend(calls_only(by_operation(plays, answer(http(env.soap11_reply("Checkout", 50001))))))
        self.sidecar: SidecarProcess | None = None

    @staticmethod
    async def _reserve(visit: Visit) -> None:
        body = await visit.body()
        seats = 0 if b">%d<" % SOLD_OUT_EVENING in body else 2
        await answer(http(env.soap11_reply("ReserveTickets", seats)))(visit)

    async def call(self, operation: str, who: str, session: str = "", **params: object) -> Response:
        """Let somebody call, from an address of his own."""
        shown = {"sWebSessionID" if operation == "ReserveTickets" else "sSessionKey": session} if session else {}
        data = env.soap11(operation, {**shown, **params}).raw("/tickets", headers=[("X-Forwarded-For", who)])
        assert self.sidecar is not None
        return await ask(self.sidecar.url, data, within_s=30)

    async def reserve(self, who: str, session: str, evening: int = 1201) -> Response:
        return await self.call("ReserveTickets", who, session, iPerformanceNumber=evening)

    async def crowd(self) -> list[asyncio.Task[Response]]:
        """Fill slots and line with newcomers, one after the other."""
        calls = []
        for number in range(NEWCOMERS):
            calls.append(asyncio.get_running_loop().create_task(self.call("GetSeats", f"198.51.100.{number}")))
            await self.stand(number + 1)
        return calls

    async def stand(self, count: int) -> None:
        """Wait until so many are at the backend or in line."""

        def here() -> bool:
            assert self.sidecar is not None
            with urllib.request.urlopen(f"{self.sidecar.admin_url}/status", timeout=5) as said:
                (box,) = json.load(said)["backends"]
            return bool(box["in_flight"] + box["queued"] == count)

        await until(here)

    def asked(self) -> list[str | None]:
        """Return what the backend has been asked, in its order."""
        return [entry.operation for entry in self.backend.journal if entry.method == "POST"]


def said(response: Response) -> str:
    return (response.header("Sidecar-State") or "").partition(";executed")[0]


async def test_seats_are_reserved_and_paid_for_through_a_crowd_and_a_crash(tmp_path: Path) -> None:
    """Killed after the reservation, with the line full of others and his own rate used up: the till is reached, before all who wait."""
    theatre = Theatre()
    async with theatre.backend:
        house = settings(theatre.backend, rate=[{"per": "client", "limit": "3/1h"}])
        async with SidecarProcess(house, tmp_path) as sidecar:
            theatre.sidecar = sidecar
            assert said(await theatre.reserve("192.0.2.1", "ada-key")) == "ok"
            await asyncio.sleep(WRITTEN_S)
            await asyncio.to_thread(sidecar.kill)
        async with SidecarProcess(house, tmp_path) as sidecar:
            theatre.sidecar = sidecar
            looked = [said(await theatre.call("GetCart", "192.0.2.1", "ada-key")) for _ in range(9)]
            assert looked == ["ok"] * 9
            others = [said(await theatre.call("GetCart", "192.0.2.2", "bob-key")) for _ in range(9)]
            assert others[-1] == "rate_limited;reason=client"
            crowd = await theatre.crowd()
            before = len(theatre.asked())
            till = asyncio.get_running_loop().create_task(theatre.call("Checkout", "192.0.2.1", "ada-key"))
            pushed, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert [said(each.result()) for each in pushed] == ["overloaded;reason=pushed_out"]
            theatre.gate.let(1)
            assert said(await till) == "ok"
            assert theatre.asked().index("Checkout") == before, "the next that the backend got"
            refused = await theatre.call("GetCart", "192.0.2.1", "ada-key")
            assert said(refused) in ("rate_limited;reason=client", "overloaded;reason=queue_full")
            theatre.gate.open()
            assert {said(await each) for each in crowd} == {"ok", "overloaded;reason=pushed_out"}
    assert "ada-key" not in (tmp_path / "state.db").read_bytes().decode("latin-1")


async def test_who_got_nothing_has_nothing_before_the_others(tmp_path: Path) -> None:
    """However often he asks for what is sold out, and whatever he makes up: to the line he is one of the crowd."""
    theatre = Theatre()
    async with theatre.backend, SidecarProcess(settings(theatre.backend), tmp_path) as sidecar:
        theatre.sidecar = sidecar
        tries = [said(await theatre.reserve("192.0.2.66", "eve-key", SOLD_OUT_EVENING)) for _ in range(100)]
        assert set(tries) == {"sold_out;reason=result_rule"}
        assert said(await theatre.reserve("192.0.2.1", "ada-key")) == "ok"
        crowd = await theatre.crowd()
        for session in ("eve-key", "made-up", ""):
            assert said(await theatre.call("GetCart", "192.0.2.66", session)) == "overloaded;reason=queue_full"
        theatre.gate.open()
        assert {said(await each) for each in crowd} == {"ok"}


async def test_whoever_shows_a_key_is_who_the_backend_takes_him_for(tmp_path: Path) -> None:
    """A stolen key is worth what the backend gives for it, and no more calls at once than its owner has: a third is anybody's."""
    theatre = Theatre()
    async with theatre.backend, SidecarProcess(settings(theatre.backend), tmp_path) as sidecar:
        theatre.sidecar = sidecar
        assert said(await theatre.reserve("192.0.2.1", "ada-key")) == "ok"
        crowd = await theatre.crowd()
        two = [
            asyncio.get_running_loop().create_task(theatre.call("Login", f"192.0.2.{who}", "ada-key"))
            for who in (1, 66)
        ]
        pushed: set[asyncio.Task[Response]] = set()
        while len(pushed) < 2:
            more, _ = await asyncio.wait(set(crowd) - pushed, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert more
            pushed |= more
        assert {said(each.result()) for each in pushed} == {"overloaded;reason=pushed_out"}
        third = await theatre.call("Login", "192.0.2.66", "ada-key")
        assert said(third) in ("overloaded;reason=queue_full", "overloaded;reason=client_cap")
        theatre.gate.open()
        assert [said(await each) for each in two] == ["ok", "ok"]
        await asyncio.gather(*crowd)


CARD: Final = {"sCCOwner": "A", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
TOKEN: Final = "a-token-for-this-test"


async def test_a_customer_of_the_demo_is_known_in_every_way_of_asking(tmp_path: Path) -> None:
    """He reserves in JSON under one name of his session, looks at his cart by SOAP and by ASMX under others, and pays in JSON."""
    written: dict[str, Any] = YAML(typ="safe").load((ROOT / "config/demo.yaml").read_text("utf-8"))
    async with BoxOffice(seed=1) as box, aiohttp.ClientSession() as http:
        tickets = written["backends"]["tickets"] | {"url": f"{box.url}/box.asmx"}
        del tickets["operations"]["GetShippingMethods"]  # its file is in another folder
        house = {"debug": {"token": TOKEN}, "backends": {"tickets": tickets}}
        async with SidecarProcess(house, tmp_path) as sidecar:
            at, shown = f"{sidecar.url}/tickets", {"Sidecar-Debug": TOKEN}
            known = f"{at}/openapi.json"
            while (await http.get(known)).status != 200:  # noqa: ASYNC110 - nobody tells when the contract is read
                await asyncio.sleep(0.05)

            async def by_json(operation: str, **args: object) -> tuple[Any, str]:
                async with http.post(f"{at}/json/{operation}", json=args, headers=shown) as said:
                    told = await said.json()
                    assert said.status == (409 if told["state"] == "sold_out" else 200), told
                    return told.get("data"), said.headers["Sidecar-Explain"]

            async def cart_by(request: env.Request) -> str:
                lines = {**dict(request.headers), **shown}
                async with http.request(
                    request.method, f"{at}{request.suffix}", data=request.body, headers=lines
                ) as said:
                    assert said.status == 200, await said.text()
                    return said.headers["Sidecar-Explain"]

            opened, _ = await by_json("GetNewSessionKey", sIP="192.0.2.1")
            key = opened["GetNewSessionKeyResult"]
            season = {"sWebSessionId": key, "sStartDate": "", "sEndDate": "", "iBusinessUnit": 1}
            wish = {"sPriceType": "A", "iNumberOfSeats": 2, "iZone": 1}
            _, as_whom = await by_json("ReserveTickets", sWebSessionID=key, iPerformanceNumber=1204, **wish)
            assert ";class=checkout" in as_whom
            _, as_whom = await by_json("GetPerformancesEx", **season)
            assert ";class=browse" in as_whom, "what was sold out begins nothing"
            await by_json("ReserveTickets", sWebSessionID=key, iPerformanceNumber=1201, **wish)
            _, as_whom = await by_json("GetPerformancesEx", **season)
            assert ";class=underway" in as_whom
            cart = {"sWebSessionID": key}
            for request in (env.asmx_get("GetCart", cart), env.asmx_post("GetCart", cart)):
                assert ";class=underway" in await cart_by(request)
            _, as_whom = await by_json("Checkout", sSessionKey=key, **CARD)
            assert ";class=underway" in as_whom
            _, as_whom = await by_json("GetOrderDetails", SessionKey=key, OrderNumber=0)
            assert ";class=browse" in as_whom


# --- the minutes at the payment page, on made-up time


class Evening(People):
    """The road alone: a personal rate, a short line, and people who show `key=NAME`."""

    def __init__(self) -> None:
        lines = (
            OperationPlan("Reserve", client_class="checkout", begins="purchase"),
            OperationPlan("Checkout", client_class="checkout", ends="purchase"),
            OperationPlan("Get*", safe=True, timeout_s=30.0),
            OperationPlan(),
        )
        super().__init__(identity_params=("key",), rates=(RateRule(Per.CLIENT, 2, 3600.0, 2),))
        self.scene = Scene(replace(self.scene.backend, operations=lines))
        self.rebuilt()

    async def rush(self) -> list[asyncio.Task[Any]]:
        """Let newcomers hold both slots and fill the line."""
        calls = []
        for number in range(NEWCOMERS):
            calls.append(self.asking(f"GetSeats n={number}", who=f"newcomer{number}"))
            await settle()
        return calls


@pytest.mark.virtual
@pytest.mark.parametrize(("minutes", "through"), [(9, True), (19, True), (20, False)])
async def test_minutes_at_the_payment_page(minutes: int, through: bool) -> None:
    """Within the window the till is reached through a full line and a rate that is used up; after it he is one of the crowd."""
    evening = Evening()
    assert (await evening.asked("Reserve key=ada n=2")).state == "ok;executed=yes"
    for _ in range(5):
        assert (await evening.asked("GetCart key=ada")).state == "ok;executed=yes"
    await asyncio.sleep(minutes * 60.0)
    crowd = await evening.rush()
    paying = evening.asking("Checkout key=ada card=4111")
    await settle()
    if not through:
        assert state_of(await paying).startswith(("overloaded;reason=queue_full", "rate_limited"))
    else:
        evening.asks[-1].answer(reply())
        await settle()
        assert evening.asks[-1].outbound.body.startswith(b"Checkout")
        evening.asks[-1].answer(reply())
        assert state_of(await paying) == "ok;executed=yes"
        assert state_of(await evening.asking("GetCart key=ada")).startswith(("overloaded", "rate_limited"))
    for call in crowd:
        call.cancel()
