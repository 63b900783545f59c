"""What operators do with waiting rooms: open them by hand, find somebody and help him, call passes back, and no crash forgets it.

Real processes and real files; orders are given as an operator gives them, on the command line. Visitors ask over HTTP.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.desk import Desk
from tests.scenarios.reading import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


WITHIN_S = 20.0  # a machine with two cores may be busy
SHOP = "https://shop.example"
BROWSER = "a browser"  # a pass is bound to it
ROOMS = {"hamlet": "Fine", "lear": "Kept", "othello": "Old"}


def _room(operation: str) -> dict[str, Any]:
    return {
        "covers": [{"backend": "soap", "operations": [operation]}],
        "max_active": 2,
        "account": {"from": "parameter", "parameter": "iCustomer"},
        "lanes": {"main": 8, "fast": 1, "access": 1},
    }


class Visitor:
    """Somebody at a browser: his place, and his pass once he has one."""

    def __init__(self, desk: Desk, room: str, account: str = "") -> None:
        self.desk, self.room = desk, room
        self.pass_ = ""
        self.place = ""
        said = self.ask("join", {"account": account} if account else {})
        self.place, self.code = said["queue"]["place"], said["queue"]["place_code"]
        self.poll()

    def ask(self, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Origin": SHOP, "Content-Type": "application/json", "User-Agent": BROWSER}
        headers |= {"Sidecar-Place": self.place} if self.place else {}
        request = urllib.request.Request(
            f"{self.desk.sidecar.url}/.sidecar/rooms/{self.room}/{verb}",
            None if body is None else json.dumps(body).encode(),
            headers,
        )
        with urllib.request.urlopen(request, timeout=5) as reply:
            said: dict[str, Any] = json.load(reply)
        return said

    def poll(self) -> dict[str, Any]:
        queue: dict[str, Any] = self.ask("place")["queue"]
        return queue

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll until something holds."""
        end = time.monotonic() + WITHIN_S
        while not holds(queue := self.poll()):
            assert time.monotonic() < end, queue
            time.sleep(1.0)  # as quickly as a poll is answered for long
        return queue

    def is_a(self, word: str) -> dict[str, Any]:
        return self.until(lambda queue: queue["visitor"] == word)

    def buys(self) -> None:
        """Wait for his turn, and come."""
        self.is_a("called")
        self.pass_ = self.ask("claim", {})["pass"]["token"]

    async def calls(self) -> tuple[str, str]:
        shown = (("Sidecar-Pass", self.pass_),) if self.pass_ else (("Sidecar-Place", self.place),)
        state, parameters = state_of(await self.desk.ask("json", ROOMS[self.room], *shown, ("User-Agent", BROWSER)))
        return state, parameters.get("reason", "")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("rooms")
        rooms = {name: _room(operation) for name, operation in ROOMS.items()}
        desk = Desk(stack, folder, store=f"sqlite:{folder / 'sidecar.db'}", rooms=rooms)
        desk.theatre.sidecar.wait_line('"indexed","backend":"soap"')
        yield desk


@pytest.fixture
def desk(standing: Desk) -> Desk:
    """The sidecar; each test has a room of its own, for a room never goes back."""
    return standing


def give(desk: Desk, *argv: str, reason: str = "a test") -> str:
    """Give an order that must succeed; return what was printed."""
    done = desk.order(*argv, "--reason", reason)
    assert done.returncode == 0, done.stderr
    return done.stdout


def room(desk: Desk, name: str) -> dict[str, Any]:
    """Return how a room stands."""
    return next(each for each in desk.status()["rooms"] if each["name"] == name)


async def test_an_evening_of_an_operator(desk: Desk) -> None:
    """Somebody is found, moved and held in the lobby; the room is opened by hand; a pass is taken in, the others are called back."""
    alice, bob, carol = (Visitor(desk, "hamlet", f"customer-{name}") for name in ("alice", "bob", "carol"))
    assert (await alice.calls())[0] == "waiting"
    # Found by his code as somebody reads it out, and by his account; what was typed stands in no audit.
    assert f"ok: {bob.code}: lobby, lane main" in give(
        desk, "visitor", "find", "hamlet", bob.code.lower().replace("-", " ")
    )
    assert f"ok: {bob.code}: lobby, lane main" in give(desk, "visitor", "find", "hamlet", "account:customer-bob")
    nobody = desk.order("visitor", "find", "hamlet", "account:nobody")
    assert (nobody.returncode, "knows no place of that account" in nobody.stderr) == (1, True)
    assert "customer-bob" not in json.dumps(desk.audit())
    # Moved: his browser is told, by the place that it has had all the time.
    assert "lane main -> fast" in give(desk, "visitor", "move", "hamlet", bob.code, "fast")
    queue = bob.poll()
    assert (queue["lane"], queue["place_code"] != bob.code) == ("fast", True)
    said = give(desk, "visitor", "find", "hamlet", bob.code)
    assert f"was       {bob.code} in lane main" in said
    assert "leave (operator), lane main" in said
    # Held, with an end; joining once more with his account is no way around it.
    give(desk, "visitor", "hold", "hamlet", carol.code, "--for", "1h")
    queue = carol.poll()
    assert (queue["visitor"], queue["reason"]) == ("needs_action", "operator")
    assert carol.ask("join", {"account": "customer-carol"})["queue"]["visitor"] == "needs_action"
    # Opened by hand: the draw is made, whoever is not held gets his turn.
    assert "lobby -> open; the draw is made" in give(desk, "room", "set", "hamlet", "open")
    alice.buys()
    bob.buys()
    assert (await alice.calls(), await bob.calls()) == (("ok", ""), ("ok", ""))
    assert carol.poll()["visitor"] == "needs_action"
    give(desk, "visitor", "release", "hamlet", carol.code)
    assert carol.poll()["visitor"] == "waiting"
    # His pass is taken in, and the next one is called.
    give(desk, "visitor", "release", "hamlet", alice.code)
    assert (alice.poll()["visitor"], alice.poll()["reason"]) == ("released", "operator")
    assert (await alice.calls())[0] == "pass_expired"
    carol.buys()
    # A wave is called back.
    assert "2 passes called back, wave 1 begins" in give(desk, "room", "recall", "hamlet", reason="sold on")
    assert await carol.calls() == ("pass_expired", "wave")
    queue = bob.poll()
    assert (queue["visitor"], queue["reason"]) == ("expired", "wave")
    given = [(each["noun"], each["verb"], each["actor"], each["ok"]) for each in desk.audit()]
    for verb in ("find", "move", "hold", "release"):
        assert ("visitor", verb, "alice", True) in given
    assert ("room", "recall", "alice", True) in given
    assert ("visitor", "find", "alice", False) in given
    back = desk.order("room", "set", "hamlet", "lobby", "--reason", "x")
    assert (back.returncode, "a room never goes back" in back.stderr) == (1, True)


async def test_a_pause_takes_nothing_from_anybody(desk: Desk) -> None:
    """Calls get its text, polls go on and say why, nobody is called; afterwards everybody has his place and his pass."""
    give(desk, "room", "set", "lear", "open")
    first, second, *rest = (Visitor(desk, "lear") for _ in range(6))
    first.buys()
    second.buys()
    left = [visitor for visitor in rest if visitor.poll()["visitor"] == "waiting"]
    give(desk, "pause", "room:lear", "--text", "en=Back at 9:20")
    end = time.monotonic() + WITHIN_S
    while room(desk, "lear")["state"] != "paused":
        assert time.monotonic() < end
    response = await desk.ask("json", "Kept", ("Sidecar-Pass", first.pass_), ("User-Agent", BROWSER))
    assert (response.state, response.json()["message"]["text"]) == ("paused", "Back at 9:20")
    before = [visitor.poll() for visitor in left]
    assert {(each["visitor"], each["eta_reason"]) for each in before if each["visitor"] == "waiting"} <= {
        ("waiting", "paused")
    }
    assert first.ask("place")["message"]["text"] == "Back at 9:20"
    give(desk, "resume", "room:lear")
    assert (await first.calls())[0] == "ok"
    assert first.poll()["visitor"] == "admitted"
    give(desk, "visitor", "release", "lear", first.code)
    rest[0].buys()


@pytest.mark.long
async def test_no_crash_opens_a_room_that_was_closed_by_hand(desk: Desk) -> None:
    """Nor lets somebody go on who is held: to the same end, and then he goes on by himself."""
    held = Visitor(desk, "othello")
    give(desk, "visitor", "hold", "othello", held.code, "--for", "20s")
    give(desk, "room", "set", "othello", "open")
    give(desk, "room", "set", "othello", "closed", reason="the actor is ill")
    await asyncio.sleep(1.5)  # what a crash may take is a second
    desk.crash()
    shown = room(desk, "othello")
    assert (shown["state"], shown["by_hand"]["actor"], shown["by_hand"]["reason"]) == (
        "closed",
        "alice",
        "the actor is ill",
    )
    assert held.poll()["visitor"] == "needs_action"
    assert await held.calls() == ("sale_closed", "closed")
    desk.sidecar.wait_line('"event":"room_restored".*"room":"othello"')
    assert [
        each["code"] for each in desk.status()["warnings"] if each["text"].startswith("the state of room othello")
    ] == ["room_by_hand"]
    assert "othello          closed by hand" in desk.order("status").stdout
    end = time.monotonic() + 2 * WITHIN_S
    while held.poll()["visitor"] == "needs_action":
        assert time.monotonic() < end
        await asyncio.sleep(1.0)
    desk.sidecar.wait_line('"event":"audit","actor":"sidecar".*"noun":"visitor"')


def test_rooms_are_counted(desk: Desk) -> None:
    """By name, as metrics."""
    with urllib.request.urlopen(f"{desk.sidecar.admin_url}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    assert 'sidecar_room_joined{room="othello"}' in text
    assert 'sidecar_room_visitors_total{event="called",room="hamlet"}' in text
