"""A waiting room from the lobby to the till, with all that may come between: a kill, a stall, another replica, other keys, a pause.

Real processes, the demo's box office behind them, and clients that were never written for us. What is said here over HTTP is all that the
people know.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
import zeep
import zeep.exceptions

from sidecar.demo.box_office import BoxOffice
from sidecar.policy.credentials import PlaceId, PlaceTexts, room_id
from sidecar.policy.draw import Draw, commitment
from sidecar.policy.tokens import Key, Keys, unspelled
from tests.support import require
from tests.support.process import ROOT, Program, SidecarProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


TOKEN: Final = "a-token-for-these-tests-only"
WRITTEN_S: Final = 1.2  # a crash may take a second
SEATS: Final = {"iNumberOfSeats": 1, "iZone": 1, "sPriceType": "A"}
CARD: Final = {"sCCOwner": "A", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
HAMLET, OTHER_SHOW = 1201, 1202
SENTENCE: Final = "Back at 9:20 & not before"


def at(seconds: float) -> str:
    """Return a moment so many seconds from now, as settings write it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(sep=" ", timespec="seconds")


def room(opens_s: float | None = -5.0, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "covers": [
            {"backend": "tickets", "operations": ["ReserveTickets"], "where": {"iPerformanceNumber": [HAMLET]}},
            {"backend": "tickets", "operations": ["Checkout"]},
            {"backend": "boxrpc", "operations": ["tickets.reserve"]},
        ],
        "lobby": "10m",
        "draw": "1s",
        "crowd": {"per_address": 0},
        **more,
    }
    return found if opens_s is None else {"opens": at(opens_s), **found}


def settings(box: BoxOffice, hamlet: dict[str, Any], keys: Path | str = "sidecar.keys", **more: Any) -> dict[str, Any]:
    return {
        "store": "sqlite:state.db",
        "keys": {"file": str(keys)},
        "admin": {"port": 0, "token": TOKEN},
        "drain": {"delay": "0s", "timeout": "1s"},
        "clients": {"trust": ["127.0.0.0/8"]},
        "rooms": {"hamlet": hamlet},
        "backends": {
            "tickets": {
                "protocol": "soap",
                "path": "/tickets",
                "url": f"{box.url}/box.asmx",
                "limit": {"fixed": 8},
                "expose": ["*"],
                "identity": {"params": ["sSessionKey", "SessionKey", "sWebSessionId", "sWebSessionID"]},
                "operations": {
                    "Get*": {"safe": True},
                    "ReserveTickets": {"begins": "purchase"},
                    "Checkout": {"ends": "purchase"},
                },
                "results": [
                    {
                        "operation": "ReserveTickets",
                        "when": {"path": "ReserveTicketsResult", "eq": 0},
                        "state": "sold_out",
                    }
                ],
            },
            "boxrpc": {"protocol": "xmlrpc", "path": "/boxrpc", "url": f"{box.url}/xmlrpc"},
        },
        **more,
    }


def reason(reply: aiohttp.ClientResponse) -> dict[str, str]:
    """Return why, where the state says so."""
    found = dict(part.strip().partition("=")[::2] for part in reply.headers["Sidecar-State"].split(";")[1:])
    return {"reason": found["reason"]} if "reason" in found else {}


class Guest:
    """One browser: it keeps its place, its pass and its session, and says what it was told."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url
        self.place: str | None = None
        self.pass_: str | None = None
        self.session = ""

    def _shown(self) -> dict[str, str]:
        shown = {"Sidecar-Place": self.place, "Sidecar-Pass": self.pass_, "User-Agent": "Firefox"}
        return {name: value for name, value in shown.items() if value}

    async def room(self, verb: str, method: str = "POST", body: object = None) -> Any:
        at = f"{self.url}/.sidecar/rooms/hamlet/{verb}"
        async with self.http.request(method, at, headers=self._shown(), json=body) as reply:
            said = await reply.json() | reason(reply)
        queue = said.get("queue") or {}
        self.place = queue.get("place", self.place)
        self.pass_ = said.get("pass", {}).get("token", self.pass_)
        return said

    async def poll(self, query: str = "") -> Any:
        return await self.room(f"place{query}", "GET")

    async def word(self) -> str:
        said = await self.poll()
        return str((said.get("queue") or {}).get("visitor", said["state"]))

    async def until(self, word: str, within_s: float = 15.0) -> None:
        """Poll until he is told that word."""
        async with asyncio.timeout(within_s):
            while (told := await self.word()) != word:
                assert told in ("lobby", "waiting", "parked", "called"), told
                await asyncio.sleep(1.0)  # as often as is answered for good

    async def call(self, operation: str, **args: object) -> Any:
        async with self.http.post(f"{self.url}/tickets/json/{operation}", json=args, headers=self._shown()) as reply:
            return await reply.json() | reason(reply)

    async def sign_in(self) -> None:
        opened = await self.call("GetNewSessionKey", sIP="192.0.2.1")
        self.session = opened["data"]["GetNewSessionKeyResult"]

    async def reserve(self, show: int = HAMLET) -> Any:
        return await self.call("ReserveTickets", sWebSessionID=self.session, iPerformanceNumber=show, **SEATS)

    async def pay(self) -> Any:
        return await self.call("Checkout", sSessionKey=self.session, **CARD)


class House:
    """A sidecar before a box office, with an operator beside it."""

    def __init__(self, box: BoxOffice, folder: Path, http: aiohttp.ClientSession, settings: dict[str, Any]) -> None:
        self.box, self.folder, self.http, self.settings = box, folder, http, settings
        self.sidecar: SidecarProcess = SidecarProcess(settings, folder)

    async def ready(self) -> House:
        """Wait until the contract is read."""
        async with asyncio.timeout(20):
            while True:
                async with self.http.get(f"{self.url}/tickets/openapi.json") as reply:
                    if reply.status == 200:
                        return self
                await asyncio.sleep(0.05)

    @property
    def url(self) -> str:
        return self.sidecar.url

    def guest(self) -> Guest:
        return Guest(self.http, self.url)

    async def board(self) -> Any:
        async with self.http.get(f"{self.url}/.sidecar/rooms/hamlet/board") as reply:
            return await reply.json()

    async def kill(self) -> None:
        """End it at once, and start it again with the same settings and files."""
        await asyncio.to_thread(self.sidecar.kill)
        self.sidecar = await asyncio.to_thread(SidecarProcess, self.settings, self.folder)
        await self.ready()

    async def order(self, *argv: str) -> None:
        environ = {
            **os.environ,
            "SIDECAR_ADMIN": self.sidecar.admin_url,
            "SIDECAR_ADMIN_TOKEN": TOKEN,
            "SIDECAR_ACTOR": "alice",
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "sidecar", *argv, "--reason", "a test"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@asynccontextmanager
async def opened(folder: Path, hamlet: dict[str, Any], **more: Any) -> AsyncIterator[House]:
    connector = aiohttp.TCPConnector(limit=300, force_close=True)  # a killed process keeps no connection
    async with BoxOffice(seed=1) as box, aiohttp.ClientSession(connector=connector) as http:
        house = House(box, folder, http, settings(box, hamlet, **more))
        try:
            yield await house.ready()
        finally:
            await asyncio.to_thread(house.sidecar.kill)


def number_of(keys_file: Path, place: str) -> int:
    """Return the number that a place carries; its epoch is the second of its fields."""
    name, _, secret = keys_file.read_text().splitlines()[0].partition(":")
    raw = unspelled(place)
    assert raw is not None
    fields, cursor = [], 2
    while len(fields) < 3:
        fields.append(raw[cursor + 1 : cursor + 1 + raw[cursor]])
        cursor += 1 + raw[cursor]
    found = PlaceTexts(Keys(Key(name, bytes.fromhex(secret))), room_id("hamlet"), fields[2]).read(place)
    assert isinstance(found, PlaceId)
    return found.seq


async def test_the_draw_can_be_checked_by_anybody(tmp_path: Path) -> None:
    """From the seed on the board each of two hundred places has the rank that it is called by; the commitment was there before."""
    hamlet = room(15.0, max_active=500, rate="40/1s", lanes={"main": 1})
    async with opened(tmp_path, hamlet) as house:
        guests = [house.guest() for _ in range(200)]
        for start in range(0, 200, 50):
            await asyncio.gather(*(each.room("join") for each in guests[start : start + 50]))
        async with asyncio.timeout(5):  # it is made anew once a second
            while True:
                before = await house.board()
                if before["lanes"].get("main", {}).get("joined") == 200:
                    break
                await asyncio.sleep(0.1)
        assert (before["room"]["state"], before["draw"]["seed"]) == ("lobby", None)
        for start in range(0, 200, 50):
            await asyncio.gather(*(each.poll() for each in guests[start : start + 50]))
        async with asyncio.timeout(20):
            while True:
                after = await house.board()
                if after["draw"]["seed"] is not None:
                    break
                await asyncio.sleep(0.1)
        seed = bytes.fromhex(after["draw"]["seed"])
        assert commitment(seed) == before["draw"]["commitment"] == after["draw"]["commitment"]
        draw = Draw(seed, "main", after["lanes"]["main"]["drawn"])
        numbers = [number_of(tmp_path / "sidecar.keys", str(each.place)) for each in guests]
        assert sorted(numbers) == list(range(200))
        assert sorted(map(draw.rank, range(draw.drawn))) == list(range(draw.drawn))
        in_order = [guests[numbers.index(draw.seq(rank))] for rank in range(200)]
        for _ in range(3):
            began = time.monotonic()
            words = await asyncio.gather(*(each.word() for each in in_order))
            assert set(words) <= {"waiting", "called"}
            # Each is asked at his own moment: who is called while the others are asked blurs the edge by as many.
            edge, blur = words.count("called"), 45 + round(40 * (time.monotonic() - began))
            assert "called" not in words[edge + blur :], words
            assert "waiting" not in words[: max(0, edge - blur)], words
            await asyncio.sleep(1.0)
        assert words.count("called") >= 40
        ahead = [said["queue"]["ahead"] for said in await asyncio.gather(*(each.poll() for each in in_order[-20:]))]
        assert [number for number in ahead if number is not None] == sorted(
            number for number in ahead if number is not None
        )


async def test_from_the_lobby_to_the_till_through_kills_and_stalls(tmp_path: Path) -> None:
    """The same place and rank after a kill -9, nothing lost by a stall, a pass that stays good, and the till gives it back by itself."""
    async with opened(tmp_path, room(10.0, max_active=1, account={"from": "session"})) as house:
        ada, bob = house.guest(), house.guest()
        first, second = await ada.room("join"), await bob.room("join")
        assert (first["queue"]["visitor"], first["room"]["state"]) == ("lobby", "lobby")
        for each in (ada, bob):
            await each.poll()
            await each.sign_in()
        assert (await ada.reserve(OTHER_SHOW))["state"] == "ok", "other shows sell on"
        refused = await ada.reserve()
        assert (refused["state"], refused["queue"]["visitor"]) == ("waiting", "lobby"), "and are no way around the room"
        await asyncio.sleep(WRITTEN_S)
        await house.kill()
        ada.url = bob.url = house.url
        codes = [(await each.poll())["queue"]["place_code"] for each in (ada, bob)]
        assert codes == [first["queue"]["place_code"], second["queue"]["place_code"]]
        async with asyncio.timeout(20):
            while True:
                words = [await each.word() for each in (ada, bob)]
                if "called" in words:
                    break
                await asyncio.sleep(1.0)
        winner, loser = (ada, bob) if words[0] == "called" else (bob, ada)
        ahead = (await loser.poll())["queue"]["ahead"]
        claimed = await winner.room("claim", body={"session": winner.session})
        assert claimed["queue"]["visitor"] == "admitted"
        assert (await winner.reserve())["state"] == "ok"
        await asyncio.sleep(WRITTEN_S)
        await house.kill()
        ada.url = bob.url = house.url
        assert (await winner.word(), (await loser.poll())["queue"]["ahead"]) == ("admitted", ahead)
        house.sidecar.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3.0)
        house.sidecar.send_signal(signal.SIGCONT)
        assert await winner.word() == "admitted"
        house.sidecar.wait_line('"room_stalled"')
        paid = await winner.pay()
        assert paid["state"] == "ok", paid
        said = await winner.poll()
        assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("released", "purchase")
        await loser.until("called")
        refused = await winner.reserve()
        assert (refused["state"], refused["reason"]) == ("pass_expired", "released")


async def test_a_purchase_that_has_begun_is_ended_whatever_the_room_says(tmp_path: Path) -> None:
    """Reserved, the pass run out, the room paused for newcomers: the checkout goes through. Nobody else's does."""
    hamlet = room(account={"from": "session"}, **{"pass": {"idle": "10s", "total": "30s"}})
    async with opened(tmp_path, hamlet) as house:
        ada, late, soap = house.guest(), house.guest(), house.guest()
        for each in (ada, late, soap):
            await each.sign_in()
        await ada.room("join")
        await ada.until("called")
        await ada.room("claim")
        assert (await ada.reserve())["state"] == "ok"
        begun = asyncio.get_running_loop().time()
        # One that only ever calls: the backend knows his session, so his calls are his place and his polls.
        assert (await soap.reserve(OTHER_SHOW))["state"] == "ok"
        async with asyncio.timeout(10):
            while (said := await soap.reserve())["state"] != "ok":
                assert said["state"] == "waiting", said
                await asyncio.sleep(0.5)
        await asyncio.sleep(begun + 10.6 - asyncio.get_running_loop().time())
        assert await ada.word() == "expired"
        await house.order("pause", "room:hamlet", "--text", f"en={SENTENCE}", "--text", "de=Gleich", "--for", "10m")
        refused = await late.reserve()
        assert (refused["state"], refused["message"]["text"], refused["executed"]) == ("paused", SENTENCE, "no")
        assert (await late.pay())["state"] == "paused"
        paid = [await each.pay() for each in (ada, soap)]
        assert [each["state"] for each in paid] == ["ok", "ok"], paid


async def test_a_second_replica_draws_for_nobody_elses_visitor(tmp_path: Path) -> None:
    """The same keys and no shared store: it knows whose the place is, says so, and gives the visitor no rank of its own."""
    hamlet = room(60.0)
    async with opened(tmp_path, hamlet) as house:
        (tmp_path / "b").mkdir()
        ada = house.guest()
        await ada.room("join")
        keys = tmp_path / "sidecar.keys"
        other = settings(house.box, hamlet, keys)
        async with SidecarProcess(other, tmp_path / "b") as second:
            ada.url = second.url
            told = await ada.poll()
            assert (told["state"], told["reason"], told["room"]["name"]) == ("waiting", "other_replica", "hamlet")
            assert [(await ada.room(verb))["reason"] for verb in ("claim", "leave", "release")] == ["other_replica"] * 3
            async with house.http.get(f"{second.url}/.sidecar/rooms/hamlet/board") as reply:
                board = await reply.json()
            assert board["lanes"] == {}
            assert board["draw"]["commitment"] != (await house.board())["draw"]["commitment"]
        ada.url = house.url
        assert await ada.word() == "lobby"


async def test_keys_are_changed_in_the_middle(tmp_path: Path) -> None:
    """A new first line and a reload: old places and passes count, and a poll brings the place anew; nothing unsigned gets in."""
    async with opened(tmp_path, room()) as house:
        ada = house.guest()
        await ada.room("join")
        await ada.until("called")
        await ada.room("claim")
        await ada.sign_in()
        keys, place = tmp_path / "sidecar.keys", ada.place
        keys.write_text(f"new:{token_hex(32)}\n{keys.read_text()}")
        lines = len(house.sidecar.lines)
        house.sidecar.send_signal(signal.SIGHUP)
        await asyncio.to_thread(house.sidecar.wait_line, '"event":"config_re', start=lines)
        assert (await ada.reserve())["state"] == "ok"
        assert await ada.word() == "admitted"
        assert ada.place != place, "it is told anew, signed with the new key"
        keys.write_text(keys.read_text().splitlines()[0] + "\n")
        lines = len(house.sidecar.lines)
        house.sidecar.send_signal(signal.SIGHUP)
        await asyncio.to_thread(house.sidecar.wait_line, '"event":"config_re', start=lines)
        assert await ada.word() == "admitted"
        ada.place, ada.session = place, "nobody"
        assert (await ada.poll())["reason"] == "unknown_key"
        assert (await ada.call("ReserveTickets", sWebSessionID="x", iPerformanceNumber=HAMLET, **SEATS))[
            "reason"
        ] == "unknown_key"


async def test_a_listener_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Events and long polls end when the process is told to, and it goes at once."""
    async with opened(tmp_path, room(max_active=1), drain={"delay": "0s", "timeout": "20s"}) as house:
        first, second = house.guest(), house.guest()
        for each in (first, second):
            await each.room("join")
            await each.poll()
        await first.until("called")
        await first.room("claim")
        async with house.http.get(f"{house.url}/.sidecar/rooms/hamlet/events") as events:
            assert (await events.content.readline()) == b"retry: 5000\n"
            assert (await events.content.readline()) == b"event: board\n"
            held = asyncio.get_running_loop().create_task(second.poll("?wait=20"))
            await asyncio.sleep(0.5)
            assert not held.done()
            begun = asyncio.get_running_loop().time()
            assert await asyncio.to_thread(house.sidecar.stop) == 0
            assert asyncio.get_running_loop().time() - begun < 8.0
            assert (await held)["queue"]["visitor"] == "waiting"


# --- clients that were never written for us

PHP: Final = """
$client = new SoapClient($argv[1] . '?wsdl', ['exceptions' => true, 'cache_wsdl' => WSDL_CACHE_NONE]);
$wish = ['sWebSessionID' => 'x', 'iPerformanceNumber' => 1201, 'sPriceType' => 'A', 'iNumberOfSeats' => 1, 'iZone' => 1];
try { $client->ReserveTickets($wish); } catch (SoapFault $fault) { echo $fault->faultcode, '|', $fault->getMessage(), "\\n"; }
"""
WISH: Final = {"sWebSessionID": "x", "iPerformanceNumber": HAMLET, **SEATS}


async def test_clients_of_old_read_that_they_have_to_wait_and_that_it_is_paused(tmp_path: Path) -> None:
    """As faults, each with a text for people: zeep, PHP's SoapClient and the standard library's XML-RPC."""
    php = require.program("php", package="php-cli php-soap")
    async with opened(tmp_path, room()) as house:

        def by_zeep() -> str:
            client = zeep.Client(f"{house.url}/tickets?wsdl")
            with pytest.raises(zeep.exceptions.Fault) as caught:
                client.service.ReserveTickets(**WISH)
            assert caught.value.detail.find(".//{urn:sidecar:state:1}state") is not None
            return str(caught.value.message)

        def by_php() -> str:
            with Program([php, "-r", PHP, f"{house.url}/tickets"], name="php") as program:
                return str(program.wait_line(r"\|(.+)")[1])

        def by_xmlrpc() -> str:
            with (
                xmlrpc.client.ServerProxy(f"{house.url}/boxrpc") as server,
                pytest.raises(xmlrpc.client.Fault) as caught,
            ):
                server.tickets.reserve("x", HAMLET, "A", 1, 1)
            return f"{caught.value.faultCode} {caught.value.faultString}"

        asked = (by_zeep, by_php, by_xmlrpc)
        waiting = [await asyncio.to_thread(each) for each in asked]
        assert all("waiting room" in each for each in waiting), waiting
        assert waiting[2].startswith("-32050 ")
        assert "state=waiting" in waiting[2]
        await house.order("pause", "room:hamlet", "--text", f"en={SENTENCE}", "--for", "10m")
        paused = [await asyncio.to_thread(each) for each in asked]
        assert all(SENTENCE in each for each in paused), paused
        assert paused[2].startswith("-32051 ")
        assert "ReserveTickets" not in house.box.headcount.executed
