"""Orders to rooms and visitors: what is asked happens, what cannot be is refused with why, and everything is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.control import OrderError
from sidecar.hall.house import Stop
from sidecar.model import NOBODY, Call, Dialect, Refusal
from sidecar.plan import AccountPlan
from sidecar.policy import identities
from sidecar.policy.visitors import Word
from tests.hall.desk import PLAN, WALL_S, Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual

NO_PLACE = ". A restart ends this: the settings name no `store: sqlite` and no `keys.file` beside which it could be written down"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A room that is opened by hand, in its lobby."""
    opened = Desk()
    yield opened
    opened.close()


# --- rooms


async def test_a_room_is_opened_by_hand(desk: Desk) -> None:
    """The draw is made, people are called, and it is shown who did it, when and why."""
    places = [desk.join() for _ in range(20)]
    done = await desk.order("room set", state="open")
    assert done.text == f"room hamlet: lobby -> open; the draw is made; a reminder every 1h{NO_PLACE}"
    [shown] = desk.rooming.view()
    assert (shown["state"], shown["joined"], shown["lanes"][0]["drawn"]) == ("open", 20, 20)
    assert shown["by_hand"] == {
        "state": "open",
        "since": "2026-12-01T09:00:00.000Z",
        "actor": "alice",
        "reason": "a test",
        "remind_s": 3600.0,
    }
    await asyncio.sleep(5)
    assert 0 < desk.house.room.called <= 20
    assert {desk.house.word(place) for place in places} <= {Word.CALLED, Word.WAITING}


@pytest.mark.parametrize(
    ("first", "then", "why"),
    [
        ("open", "open", "room hamlet is open, and a room never goes back; it can go on to sold_out, closed"),
        ("open", "lobby", "room hamlet is open, and a room never goes back; it can go on to sold_out, closed"),
        ("closed", "open", "room hamlet is closed, and a room never goes back: its sale is over"),
    ],
)
async def test_a_room_never_goes_back(desk: Desk, first: str, then: str, why: str) -> None:
    """An order that would is refused, with where it can go."""
    await desk.order("room set", state=first)
    with pytest.raises(OrderError) as caught:
        await desk.order("room set", state=then)
    assert str(caught.value) == why
    assert desk.house.room.phase == first


@pytest.mark.unmeasured
async def test_the_clock_goes_on_from_what_was_set_by_hand() -> None:
    """A lobby that was opened early is drawn and opened in time, and is nobody's doing from then on."""
    desk = Desk(replace(PLAN, opens=WALL_S + 7200, lobby_s=1800.0, closes=WALL_S + 9000))
    assert desk.house.room.state == "scheduled"
    await desk.order("room set", state="lobby")
    assert desk.rooming.view()[0]["by_hand"]["state"] == "lobby"
    await asyncio.sleep(5500)
    assert (desk.house.room.state, desk.rooming.view()[0]["by_hand"]) == ("lobby", None)
    await asyncio.sleep(1701)
    assert desk.house.room.state == "open"
    await desk.order("room set", state="sold_out")
    await asyncio.sleep(1800)
    assert (desk.house.room.state, desk.rooming.view()[0]["by_hand"]) == ("closed", None)
    desk.close()


async def test_a_wave_is_called_back(desk: Desk) -> None:
    """Who had a pass is told so, with the reason; others go on to be called, slowly."""
    places = [desk.join() for _ in range(12)]
    await desk.open()
    await asyncio.sleep(3)
    inside = [place for place in places if desk.house.word(place) is Word.CALLED]
    helds = [await desk.admitted(place) for place in inside]
    done = await desk.order("room recall")
    assert done.text == f"room hamlet: {len(helds)} passes called back, wave 1 begins"
    assert {desk.house.word(place) for place in inside} == {Word.EXPIRED}
    assert {desk.house.tell(place).why for place in inside} == {"wave"}
    assert len(desk.house.room.passes) == 0
    for _ in range(20):
        for place in places:
            desk.house.room.poll(place)
        await asyncio.sleep(1)
    assert desk.house.room.called > 0


# --- visitors


async def test_somebody_is_found_by_his_code_and_by_his_account(desk: Desk) -> None:
    """However the code is written; the whole story is there."""
    place = desk.join("4711")
    await asyncio.sleep(3)
    await desk.open()
    await desk.admitted(place)
    code = desk.house.code(place)
    for what in (code, code.lower().replace("-", ""), "account:4711"):
        found = (await desk.order("visitor find", what=what)).facts["visitor"]
        assert (found["place_code"], found["word"], found["lane"], found["rank"]) == (code, "admitted", "main", 1)
    assert found["joined_at"].startswith("2026-12-01T09:00:0")
    assert [(each["event"], each["why"]) for each in found["events"]] == [("call", None), ("claim", None)]
    assert found["pass"]["calls"] == 0
    assert found["pass"]["total_at"] > found["pass"]["idle_at"] > found["pass"]["since"]


async def test_an_account_that_has_had_several_places_is_found_with_all_of_them() -> None:
    """The last one whole, those before it by their codes, after a move, too."""
    desk = Desk(replace(PLAN, account=AccountPlan("parameter", "iCustomer", limit=3)))
    places = [desk.join("4711") for _ in range(3)]
    codes = [desk.house.code(place) for place in places]
    await desk.order("visitor hold", 600.0, code=codes[0])
    verdict = await desk.order("visitor find", what="account:4711")
    assert verdict.facts["visitor"]["place_code"] == codes[2]
    others = [{"place_code": codes[1], "word": "lobby"}, {"place_code": codes[0], "word": "needs_action"}]
    assert verdict.facts["others"] == others
    assert verdict.text.endswith(f"; before it he had {codes[1]} (lobby), {codes[0]} (needs_action)")
    moved = (await desk.order("visitor move", code=codes[1], lane="fast")).facts["visitor"]["place_code"]
    found = (await desk.order("visitor find", what="account:4711")).facts
    assert [each["place_code"] for each in found["others"]] == [moved, codes[0]]
    assert (await desk.order("visitor find", what=codes[2])).facts["others"] == []
    # Whoever is moved and signs in then has the place twice, by its first number and by its last: it is one.
    account = desk.house.account_key("account 4712")
    place = desk.join("4712")
    where = (await desk.order("visitor move", code=desk.house.code(place), lane="fast")).facts["visitor"]["place_code"]
    now = desk.house.place_of_code(where)
    assert now is not None
    assert desk.house.settle(now, account) == now
    assert (await desk.order("visitor find", what="account:4712")).facts["others"] == []
    desk.close()


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("AAAA-AA", "nobody in room hamlet has that code"),
        ("nonsense", "nobody in room hamlet has that code"),
        ("account:1", r"room hamlet knows no place of that account \(it knows accounts by parameter\)"),
    ],
)
async def test_who_is_not_there_is_not_found(desk: Desk, what: str, why: str) -> None:
    """And what a code looks like is said."""
    with pytest.raises(OrderError, match=why):
        await desk.order("visitor find", what=what)


@pytest.mark.parametrize(("source", "kind"), [("assertion", "sub"), ("session", "login")])
async def test_an_account_is_what_the_room_knows_one_by(source: str, kind: str) -> None:
    """The subject of an assertion, or the name that somebody has signed in with."""
    desk = Desk(replace(PLAN, account=AccountPlan(source)))
    desk.house.join("main", desk.house.account_key(f"{kind} alice"), "", attaches=False)
    assert (await desk.order("visitor find", what="account:alice")).facts["visitor"]["word"] == "lobby"
    desk.close()


@pytest.mark.parametrize(("operation", "learns"), [("LoginEx2", True), ("GetSeats", False)])
async def test_a_login_through_us_teaches_whose_a_session_is(operation: str, learns: bool) -> None:
    """From then on the session joins as that account, and is found by its name; by any other call nothing is learnt."""
    desk = Desk(replace(PLAN, account=AccountPlan("session", "sUID", login="LoginEx*")))
    shown, house = identities.session("a-session-key"), desk.house
    exchange = cast("Any", SimpleNamespace())
    exchange.backend, exchange.shown, exchange.standing, exchange.client = "tickets", shown, NOBODY, "c"
    exchange.call = Call("tickets", "", operation, Dialect.SOAP11, parameters={"sUID": "alice"})
    desk.hall.learn(exchange)
    house.join("main", house.account_of_session(house.session_key(shown)), "", attaches=True)
    found = (await desk.order("visitor find", what="account:a-session-key")).facts["visitor"]
    if learns:
        assert (await desk.order("visitor find", what="account:alice")).facts["visitor"] == found
    else:
        with pytest.raises(OrderError, match="no place of that account"):
            await desk.order("visitor find", what="account:alice")
    desk.close()


async def test_somebody_is_moved_to_another_lane(desk: Desk) -> None:
    """At its end; both codes and his account find him there, and where he came from is told."""
    desk.join(lane="fast")
    place = desk.join("4711")
    before = desk.house.code(place)
    await desk.open()
    desk.hall.stops = lambda _: Stop(Refusal("paused", "room"))
    with pytest.raises(OrderError, match="has no lane 'vip'; it has main, fast"):
        await desk.order("visitor move", code=before, lane="vip")
    with pytest.raises(OrderError, match="is in lane main already"):
        await desk.order("visitor move", code=before, lane="main")
    found = (await desk.order("visitor move", code=before, lane="fast")).facts["visitor"]
    assert (found["lane"], found["word"], found["ahead"]) == ("fast", "waiting", 1)
    assert found["moved_from"] == [{"lane": "main", "place_code": before}]
    for what in (before, found["place_code"], "account:4711"):
        assert (await desk.order("visitor find", what=what)).facts["visitor"]["place_code"] == found["place_code"]
    for lane in ("main", "fast", "main"):  # however often: the first code leads to the last place
        found = (await desk.order("visitor move", code=before, lane=lane)).facts["visitor"]
    assert len(found["moved_from"]) == 4
    assert desk.house.place_of(desk.house.place_text(place)) == desk.house.place_of_code(found["place_code"])


async def test_who_is_held_stays_held_in_another_lane(desk: Desk) -> None:
    """A move is no way around a hold, and its end finds him there."""
    code = desk.house.code(desk.join())
    await desk.order("visitor hold", 600.0, code=code)
    moved = (await desk.order("visitor move", code=code, lane="fast")).facts["visitor"]
    assert (moved["word"], moved["why"], moved["held"]["actor"]) == ("needs_action", "operator", "alice")
    await asyncio.sleep(602)
    assert (await desk.order("visitor find", what=code)).facts["visitor"]["word"] == "lobby"


async def test_a_pass_is_taken_in(desk: Desk) -> None:
    """Its room is the next one's; who has none, and is not held, is left alone."""
    place = desk.join()
    await desk.open()
    await desk.admitted(place)
    code = desk.house.code(place)
    with pytest.raises(OrderError, match="holds a pass: sidecar visitor release takes it in"):
        await desk.order("visitor hold", 60.0, code=code)
    with pytest.raises(OrderError, match="is admitted: there is no place in line to move"):
        await desk.order("visitor move", code=code, lane="fast")
    found = (await desk.order("visitor release", code=code)).facts["visitor"]
    assert (found["word"], found["why"], found["pass"]) == ("released", "operator", None)
    with pytest.raises(OrderError, match="is released: he has no pass to take in, and is not held"):
        await desk.order("visitor release", code=code)
    with pytest.raises(OrderError, match="is released: he cannot be held"):
        await desk.order("visitor hold", 60.0, code=code)


async def test_somebody_is_held_until_an_end(desk: Desk) -> None:
    """He is not called, may not settle it himself, and goes on at the end with the place that he had; the audit says so."""
    first, second = desk.join(), desk.join()
    code = desk.house.code(first)
    done = await desk.order("visitor hold", 60.0, code=code)
    assert done.text == f"{code} is held for 1m, then he goes on with the place that he has{NO_PLACE}"
    assert done.facts["visitor"]["held"] == {"actor": "alice", "reason": "a test", "left_s": 60}
    assert not desk.house.is_remediable(first)
    assert desk.house.settle(first, desk.house.account_key("account 4711")) == first
    await desk.open()
    await desk.admitted(second)
    assert desk.house.word(first) is Word.NEEDS_ACTION
    with pytest.raises(OrderError, match="is needs_action: he cannot be held"):
        await desk.order("visitor hold", 60.0, code=code)
    rank = desk.house.room.lanes[0].position(first.seq)
    await asyncio.sleep(61)
    await desk.admitted(first)
    assert desk.house.room.lanes[0].position(first.seq) == rank
    [entry] = [each for each in desk.log.named("audit") if each["noun"] == "visitor"]
    assert (entry["actor"], entry["verb"], entry["text"]) == (
        "sidecar",
        "release",
        f"{code} goes on, with the place that he had",
    )


async def test_who_is_held_is_let_go_on(desk: Desk) -> None:
    """By an operator, whoever or whatever held him; no end comes after it."""
    place = desk.join()
    code = desk.house.code(place)
    await desk.order("visitor hold", 60.0, code=code)
    done = await desk.order("visitor release", code=code)
    assert (done.text, desk.house.word(place)) == (
        f"{code} goes on, with the place that he had{NO_PLACE}",
        Word.LOBBY,
    )
    await asyncio.sleep(120)
    assert desk.log.named("audit") == []


async def test_a_room_that_is_gone_is_said_to_be(desk: Desk) -> None:
    """A reload may come between the order's reading and its doing."""
    desk.hall.bound((), desk.house.keys, frozenset(), https=False)
    with pytest.raises(OrderError, match="there is no room 'hamlet' any more"):
        await desk.order("room recall")
    assert desk.rooming.view() == []


async def test_a_pause_takes_nothing_from_anybody(desk: Desk) -> None:
    """Nobody is called, the estimate says why, passes keep their time; afterwards people are called slowly, from the same places."""
    places = [desk.join() for _ in range(40)]
    await desk.open()
    await asyncio.sleep(1)
    inside = next(place for place in places if desk.house.word(place) is Word.CALLED)
    held = await desk.admitted(inside)
    left_s = held.total_at - desk.house.room.time.sale
    desk.hall.stops = lambda _: Stop(Refusal("paused", "room"))
    await asyncio.sleep(1)
    called, waiting = desk.house.room.called, desk.house.room.waiting
    line = [place for place in places if desk.house.word(place) is Word.WAITING]
    ahead = {place: desk.house.tell(place).ahead for place in line}
    await asyncio.sleep(50)
    for place in line:
        desk.house.room.poll(place)
    assert (desk.house.room.called, desk.house.room.waiting) == (called, waiting)
    assert {desk.house.tell(place).band.reason for place in line} == {"paused"}
    assert {place: desk.house.tell(place).ahead for place in line} == ahead
    assert (desk.rooming.view()[0]["paused"], desk.rooming.view()[0]["state"]) == (True, "paused")
    assert held.total_at - desk.house.room.time.sale == pytest.approx(left_s, abs=1.0)
    desk.hall.stops = lambda _: None
    before = desk.house.room.reached["called"]
    await asyncio.sleep(2)
    assert desk.house.room.reached["called"] - before <= 2


def _facts(shown: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(shown[name] for name in names)


async def test_what_the_status_shows_of_a_room(desk: Desk) -> None:
    """Numbers of everybody, of each lane, and what is odd."""
    place = desk.join()
    desk.join(lane="fast")
    await desk.open()
    await desk.admitted(place)
    [shown] = desk.rooming.view()
    assert _facts(shown, "name", "opens_at", "paused", "joined", "active", "max_active", "target") == (
        "hamlet",
        None,
        False,
        2,
        1,
        5,
        5,
    )
    assert [each["name"] for each in shown["lanes"]] == ["main", "fast"]
    assert _facts(shown, "pace_per_min", "early_polls", "longest_stall_s", "clock_step_s", "store_ok") == (
        None,
        0,
        0.0,
        0.0,
        None,
    )
    assert shown["reached"]["admitted"] == 1
