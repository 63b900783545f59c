"""What visitors ask of a room, word by word: who gets a place, whose it is, how he waits, and every way in which he is turned back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from sidecar.hall.house import HELD_MOST, Stop
from sidecar.model import Answer, Notice, Refusal
from sidecar.plan import AccountPlan
from sidecar.policy.credentials import PlaceId, sign_place
from sidecar.policy.tokens import Key, Keys
from sidecar.policy.visitors import Event, Why
from sidecar.tasks import spawn
from tests.hall.sale import BY_SESSION, HAMLET, SAFARI, SECRET, Sale, lines, signed, told
from tests.support.world import KEYS, WALL_S, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import RoomPlan

pytestmark = pytest.mark.virtual

LOBBY = replace(HAMLET, opens=WALL_S + 1200.0)
ONE = replace(HAMLET, max_active=1)
SIGNED = replace(HAMLET, account=AccountPlan("assertion", secret=SECRET))
NAMED = replace(HAMLET, account=AccountPlan("parameter", "customer"))


async def test_who_joins_gets_a_place_and_is_told_how_he_stands() -> None:
    """All members of the contract, in the lobby without a number of people before him."""
    sale = Sale(LOBBY)
    ada = sale.visitor()
    said = await ada.join()
    assert said["queue"] | {"place": "", "place_code": ""} == {
        "kind": "room",
        "visitor": "lobby",
        "lane": "main",
        "place_code": "",
        "place": "",
        "ahead": None,
        "eta_s": None,
        "eta_low_s": None,
        "eta_high_s": None,
        "eta_reason": "not_open",
        "next_poll_ms": 2000,
        "claim_by": None,
        "reason": None,
    }
    assert said["room"] == {
        "name": "hamlet",
        "state": "lobby",
        "opens_at": "2026-12-01T09:20:00.000Z",
        "draws_at": "2026-12-01T09:19:00.000Z",
        "title": "hamlet",
    }
    assert (said["state"], said["executed"], said["v"], said["server_time"]) == (
        "ok",
        "no",
        1,
        "2026-12-01T09:00:00.000Z",
    )
    assert said["links"] == {
        name: f"/.sidecar/rooms/hamlet/{verb}"
        for name, verb in (("poll", "place"), ("board", "board"), ("leave", "leave"))
    }
    assert "place" not in (await ada.poll())["queue"], "it is told once"


async def test_the_same_place_on_every_way_back() -> None:
    """A reload, a second tab, and a join with the place that he has: his number stays."""
    sale = Sale()
    ada = sale.visitor()
    code = (await ada.join())["queue"]["place_code"]
    tab = sale.visitor()
    tab.place = ada.place
    assert (await tab.join())["queue"]["place_code"] == code
    assert (await tab.poll())["queue"]["place_code"] == code
    assert sale.house.room.joined == 1
    await ada.send("leave")
    assert (await ada.join())["queue"]["place_code"] != code, "who has left gets another one"


@pytest.mark.parametrize(
    ("plan", "shown", "other"),
    [
        (replace(HAMLET, account=BY_SESSION), {"session": "k1"}, {"session": "k2"}),
        (SIGNED, {"assertion": signed(sub="ada")}, {"assertion": signed(sub="bob")}),
    ],
    ids=["session", "assertion"],
)
async def test_who_proves_his_account_on_a_second_device_has_the_same_place(
    plan: RoomPlan, shown: dict[str, str], other: dict[str, str]
) -> None:
    """By a session of the backend or by the shop's word; another account is another place."""
    sale = Sale(plan)
    laptop, phone, bob = sale.visitor(), sale.visitor(SAFARI), sale.visitor()
    code = (await laptop.join(**shown))["queue"]["place_code"]
    assert (await phone.join(**shown))["queue"]["place_code"] == code
    assert (await bob.join(**other))["queue"]["place_code"] != code


async def test_who_only_says_his_account_is_refused_the_second_place() -> None:
    """Anybody can say a name: the first device keeps the place, and once it has left the account is free."""
    sale = Sale(NAMED)
    ada, other = sale.visitor(), sale.visitor(SAFARI)
    await ada.join(account="7")
    refused = await other.join(account="7")
    assert told(refused) == ("account_limit", "account")
    assert refused.links == (("remedy", HAMLET.remedy),)
    await ada.send("leave")
    assert (await other.join(account="7"))["queue"]["place_code"]


async def test_a_limit_of_two_is_two_places() -> None:
    """Where the settings say so."""
    sale = Sale(replace(HAMLET, account=AccountPlan("parameter", "customer", limit=2)))
    first, second, third = sale.visitor(), sale.visitor(), sale.visitor()
    codes = {(await each.join(account="7"))["queue"]["place_code"] for each in (first, second)}
    assert len(codes) == 2
    assert told(await third.join(account="7")) == ("account_limit", "account")


async def test_a_crowd_behind_one_address_is_held_with_a_remedy() -> None:
    """The newcomers alone; who signs in goes on from where he came, and whoever had come before is never held."""
    sale = Sale(replace(SIGNED, per_address=2, opens=WALL_S + 1200.0))
    people = [sale.visitor() for _ in range(3)]
    words = [(await each.join(assertion=signed(sub=f"a{number}")))["queue"] for number, each in enumerate(people)]
    assert [each["visitor"] for each in words] == ["lobby"] * 3, "who has an account is no crowd"
    strangers = [sale.visitor() for _ in range(4)]
    for each in strangers:
        await each.join()
    reasons = [each.last["queue"]["reason"] for each in strangers]
    assert reasons == ["sign_in", "sign_in", "crowd", "crowd"]
    held, late = strangers[2], sale.visitor(peer="203.0.113.9")
    code = held.last["queue"]["place_code"]
    assert held.last["links"]["remedy"] == HAMLET.remedy
    await late.join(assertion=signed(sub="late"))
    assert await held.word() == "needs_action"
    settled = await held.join(assertion=signed(sub="held"))
    assert (settled["queue"]["visitor"], settled["queue"]["place_code"]) == ("lobby", code)
    numbers = [sale.house.place_of(each.place) for each in (held, late)]
    assert numbers[0] < numbers[1]


async def test_an_ipv6_network_is_one_address_and_a_trusted_caller_none() -> None:
    """A /64 is one household; a server that speaks for many is nobody's address."""
    sale = Sale(replace(HAMLET, per_address=1))
    peers = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.7", "192.0.2.7")
    words = [(await sale.visitor(peer=peer).join())["queue"]["visitor"] for peer in peers]
    assert [word == "needs_action" for word in words] == [False, True, False, False, True]
    assert sale.house.join("main", None, "", attaches=False).attached is False


async def test_a_session_that_nobody_knows_is_one_of_the_crowd() -> None:
    """Whoever makes up keys gets as many places as his address has; once the backend has answered one well, its bearer goes on."""
    sale = Sale(replace(HAMLET, account=BY_SESSION, per_address=1))
    first, second = sale.visitor(), sale.visitor()
    await first.join(session="made-up-1")
    assert (await second.join(session="real"))["queue"]["reason"] == "crowd"
    assert (await second.join(session="real"))["queue"]["visitor"] == "needs_action"
    sale.hall.learn(sale.called("GetCart", session="real"))
    assert (await second.join(session="real"))["queue"]["visitor"] != "needs_action"


async def test_signing_in_to_an_account_that_has_a_place_holds_the_second_one() -> None:
    """Two sessions of one customer: the later place is held, until the first one is over."""
    plan = replace(HAMLET, account=AccountPlan("session", "customer", login="login"), opens=WALL_S + 1200.0)
    sale = Sale(plan)
    first, second = sale.visitor(), sale.visitor()
    await first.join(session="s1")
    await second.join(session="s2")
    sale.hall.learn(sale.called("Login customer=7", session="s1"))
    sale.hall.learn(sale.called("Login customer=7", session="s2"))
    assert await first.word() == "lobby"
    said = await second.poll()
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("needs_action", "account_limit")
    assert told(await second.join(session="s2")) == ("account_limit", "account")
    await first.send("leave")
    assert (await second.join(session="s2"))["queue"]["visitor"] == "lobby"


async def test_who_is_held_by_an_operator_is_not_let_go_by_an_account() -> None:
    """Nor by a second join; his place is his all the same."""
    sale = Sale(replace(SIGNED, opens=WALL_S + 1200.0))
    ada = sale.visitor()
    await ada.join(assertion=signed(sub="ada"))
    sale.house.room.happen(PlaceId(0, 0), Event.HOLD, Why.OPERATOR)
    said = await ada.join(assertion=signed(sub="ada"))
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("needs_action", "operator")


async def test_an_invite_leads_to_its_lane_once() -> None:
    """Who comes with it for the second time is refused, and loses nothing that he had; without a name it may be used often."""
    sale = Sale()
    invite = signed(lane="fast", jti="i1")
    ada, bob = sale.visitor(), sale.visitor()
    assert (await ada.join(invite=invite))["queue"]["lane"] == "fast"
    refused = await bob.join(invite=invite)
    assert told(refused) == ("verify_required", "sign_in")
    assert "has been used" in (refused.detail or "")
    assert (await ada.join(invite=invite))["queue"]["lane"] == "fast", "he has a place: nothing of it is used"
    often = signed(lane="access")
    lanes = [(await sale.visitor().join(invite=often))["queue"]["lane"] for _ in range(2)]
    assert lanes == ["access"] * 2


@pytest.mark.parametrize(
    ("invite", "why"),
    [
        (signed(lane="balcony", jti="x"), "names no lane"),
        (signed(jti="x"), "names no lane"),
        (signed(lane="fast", until=WALL_S - 3600.0), "expired"),
        (signed("another secret of thirty-two bytes…", lane="fast"), "forged"),
        (signed(lane="fast", aud="lear"), "other_audience"),
        ("x", "malformed"),
    ],
)
async def test_an_invite_that_does_not_count(invite: str, why: str) -> None:
    """Is refused with the reason and where to go, and takes nobody's place."""
    sale = Sale()
    refused = await sale.visitor().join(invite=invite)
    assert told(refused) == ("verify_required", "sign_in")
    assert why in (refused.detail or "")
    assert refused.links == (("remedy", HAMLET.remedy),)
    assert sale.house.room.joined == 0
    closed = Sale(replace(HAMLET, invites=""))
    assert "takes none" in ((await closed.visitor().join(invite=invite)).detail or "")


async def test_a_full_room_uses_no_invite_up() -> None:
    """Who is turned away because there are as many as may be comes again with it."""
    sale = Sale(replace(HAMLET, capacity=1))
    await sale.visitor().join()
    invite = signed(lane="fast", jti="i1")
    refused = await sale.visitor().join(invite=invite)
    assert (told(refused), refused.retry_after_s) == (("overloaded", "room_full"), 30)
    sale.house.room.bound(replace(sale.house.room.rule, capacity=2))
    assert (await sale.visitor().join(invite=invite))["queue"]["lane"] == "fast"


# --- every refusal


async def _scheduled(sale: Sale) -> object:
    return await sale.visitor().join()


async def _without(sale: Sale) -> object:
    return await sale.visitor().poll()


def _shows(text: Callable[[Sale], str], verb: str = "place") -> Callable[[Sale], Awaitable[object]]:
    async def provoke(sale: Sale) -> object:
        return await sale.request(verb, method="GET" if verb == "place" else "POST", Sidecar_Place=text(sale))

    return provoke


def _sent(body: bytes, media: str = "application/json") -> Callable[[Sale], Awaitable[object]]:
    return lambda sale: sale.request("join", body, method="POST", media=media)


def _place(sale: Sale, keys: Keys = KEYS, room: bytes = b"", epoch: bytes = b"", seq: int = 0, lane: int = 0) -> str:
    house = sale.house
    return sign_place(keys, room or house.id, epoch or house.room.epoch, PlaceId(lane, seq))


def _asks(verb: str, method: str) -> Callable[[Sale], Awaitable[object]]:
    return lambda sale: sale.request(verb, method=method)


REFUSALS: list[tuple[str, str | None, RoomPlan, Callable[[Sale], Awaitable[object]]]] = [
    ("waiting", "not_open", replace(HAMLET, opens=WALL_S + 3600.0), _scheduled),
    ("sale_closed", "closed", replace(HAMLET, closes=WALL_S - 1.0), _scheduled),
    ("waiting", "no_place", HAMLET, _without),
    ("waiting", "malformed", HAMLET, _shows(lambda _: "x")),
    ("waiting", "malformed", HAMLET, _shows(lambda sale: _place(sale, lane=7))),
    ("waiting", "malformed", HAMLET, _shows(lambda sale: _place(sale, seq=1_000_000))),
    ("waiting", "forged", HAMLET, _shows(lambda sale: _place(sale, Keys(Key("test", bytes(32)))))),
    ("waiting", "unknown_key", HAMLET, _shows(lambda sale: _place(sale, Keys(Key("other", bytes(range(32))))))),
    ("waiting", "other_room", HAMLET, _shows(lambda sale: _place(sale, room=bytes(8)))),
    ("waiting", "other_replica", HAMLET, _shows(lambda sale: _place(sale, epoch=bytes(8)))),
    ("waiting", "other_replica", HAMLET, _shows(lambda sale: _place(sale, epoch=bytes(8)), "claim")),
    ("waiting", "no_place", HAMLET, _asks("leave", "POST")),
    ("waiting", "no_place", HAMLET, _asks("release", "POST")),
    ("waiting", "no_place", HAMLET, _asks("claim", "POST")),
    ("verify_required", "sign_in", SIGNED, _sent(orjson.dumps({"assertion": signed("x" * 32, sub="ada")}))),
    ("verify_required", "sign_in", SIGNED, _sent(orjson.dumps({"assertion": signed()}))),
    ("malformed", None, HAMLET, _sent(b"{")),
    ("malformed", None, HAMLET, _sent(b"[]")),
    ("unsupported_media", "content_type", HAMLET, _sent(b"<x/>", "text/xml")),
    ("too_large", "body", HAMLET, _sent(b" " * 9000)),
    ("not_found", "path", HAMLET, _asks("nothing", "GET")),
    ("not_found", "path", HAMLET, lambda sale: sale.request("board", room="lear")),
    ("not_found", "path", HAMLET, lambda sale: sale.request("nothing.css", room="assets")),
    ("method_not_allowed", None, HAMLET, _asks("join", "GET")),
    ("method_not_allowed", None, HAMLET, _asks("place", "POST")),
    ("method_not_allowed", None, HAMLET, _asks("", "POST")),
    ("origin_denied", None, HAMLET, lambda sale: sale.request("join", method="POST", may_write=False)),
]


@pytest.mark.parametrize(("state", "reason", "plan", "provoke"), REFUSALS)
async def test_every_refusal_has_its_state_and_reason(
    state: str, reason: str | None, plan: RoomPlan, provoke: Callable[[Sale], Awaitable[object]]
) -> None:
    """And none of them gives a place."""
    sale = Sale(plan)
    refused = await provoke(sale)
    assert isinstance(refused, Refusal), refused
    assert (refused.state, refused.reason) == (state, reason)
    assert sale.house.room.joined == 0
    if state == "waiting":
        assert dict(refused.links)["join"] == "/.sidecar/rooms/hamlet/join"
        assert refused.room is not None
    assert not sale.log.bugs


async def test_whoever_comes_too_early_is_told_when() -> None:
    """The opening, and when to come back: not before the lobby opens, and not all at once."""
    sale = Sale(replace(HAMLET, opens=WALL_S + 1800.0 + 60.0))
    refused = await sale.visitor().join()
    assert refused.room.opens_at == "2026-12-01T09:31:00.000Z"
    assert 51 <= refused.retry_after_s <= 69
    await sale.go(61.0)
    assert (await sale.visitor().join())["queue"]["visitor"] == "lobby"


async def test_a_page_of_ours_may_write_whatever_its_origin_line_says() -> None:
    """Same-origin by the browser's own word: the shop reaches us under a name that we do not know."""
    sale = Sale()
    outcome = await sale.request("join", method="POST", may_write=False, Sec_Fetch_Site="same-origin")
    assert isinstance(outcome, Answer)


# --- waiting


async def test_an_impatient_poll_is_answered_and_a_loop_is_not() -> None:
    """Twenty at once, one a second from then on."""
    sale = Sale(LOBBY)
    ada = sale.visitor()
    await ada.join()
    said = [await ada.poll() for _ in range(21)]
    assert [isinstance(each, dict) for each in said] == [True] * 20 + [False]
    assert told(said[-1]) == ("poll_too_soon", None)
    await sale.go(1.5)
    assert [isinstance(await ada.poll(), dict) for _ in range(2)] == [True, False]
    assert sale.house.early_polls == 2
    assert isinstance(await sale.visitor().join(), dict), "it is nobody else's"


async def test_a_long_poll_ends_with_the_call() -> None:
    """Near the front, where somebody asks for it; nobody is held who does not ask, or has no turn to wait for."""
    sale = Sale(ONE)
    first, second = await sale.visitors(2)
    await sale.go(1.0)
    await first.send("claim")
    begun = sale.clock.now()
    waiting = spawn(second.poll("?wait=20"), "poll")
    await sale.go(5.0)
    assert not waiting.done()
    await first.send("release")
    said = await waiting
    assert (said["queue"]["visitor"], sale.clock.now() - begun < 7.0) == ("called", True)
    assert sale.house._holding == 0


async def test_a_long_poll_ends_with_what_everybody_should_read() -> None:
    """A pause answers who is held; who has not heard of it, or of its end, is not held but told."""
    sale = Sale(ONE)
    first, second = await sale.visitors(2)
    await sale.go(1.0)
    await first.send("claim")
    waiting = spawn(second.poll("?wait=20"), "poll")
    await sale.go(2.0)
    sale.hall.stops = lambda _: Stop(Refusal("paused", "room"))
    await sale.go(0.5)
    assert (await waiting)["room"]["state"] == "paused"
    sale.hall.stops = lambda _: None
    await sale.go(0.5)
    begun = sale.clock.now()
    assert (await second.poll("?wait=20"))["room"]["state"] == "open"
    assert sale.clock.now() - begun < 0.1


async def test_who_has_just_come_has_not_been_away() -> None:
    """The first word of a room that is open is `waiting`."""
    sale = Sale(ONE)
    await sale.go(1.0)
    assert (await sale.visitor().join())["queue"]["visitor"] == "waiting"


async def test_a_pass_has_its_place_and_one_that_does_not_count_gives_none() -> None:
    """The shop that was led to with it joins as he who claimed it; of a pass that is over it hears just that, its own place aside."""
    sale = Sale(ONE)
    (ada,) = await sale.visitors(1)
    await sale.go(1.0)
    await ada.send("claim")
    shop = sale.visitor()
    shop.pass_ = ada.pass_
    assert (await shop.join())["queue"]["place_code"] == ada.last["queue"]["place_code"]
    await ada.send("release")
    late = sale.visitor()
    late.pass_ = ada.pass_
    assert told(await late.join()) == ("pass_expired", "released")
    assert sale.house.room.joined == 1
    late.pass_ = None
    code = (await late.join())["queue"]["place_code"]
    late.pass_ = ada.pass_
    assert (await late.join())["queue"]["place_code"] == code
    assert (await ada.join())["queue"]["place_code"] != code  # who shows an old place, too, wants a new one


async def test_a_long_poll_is_bounded() -> None:
    """Twenty seconds at most, however long somebody asks for; what is no number of seconds is none; nothing is left of one that ended."""
    sale = Sale(ONE)
    first, second = await sale.visitors(2)
    await sale.go(1.0)
    await first.send("claim")
    for query, held_s in (("?wait=99", 20.0), ("?wait=3", 3.0), ("?wait=-1", 0.0), ("?wait=1e9", 0.0), ("?x=1", 0.0)):
        begun = sale.clock.now()
        await second.poll(query)
        assert sale.clock.now() - begun == pytest.approx(held_s)
    assert sale.house._held == {}
    for _ in range(3):
        sale.house.hold(PlaceId(0, 1))
    assert sale.house.hold(PlaceId(0, 1)) is None, "tabs of one browser, not connections without end"
    for seq in range(HELD_MOST):
        sale.house.hold(PlaceId(0, seq + 2))
    assert (sale.house._holding, sale.house.hold(PlaceId(0, 9999))) == (HELD_MOST, None)


async def test_who_hangs_up_is_not_held_any_more() -> None:
    """His connection is gone, and so is what was kept for it; a process that goes lets go of all."""
    sale = Sale(ONE)
    first, second = await sale.visitors(2)
    await sale.go(1.0)
    await first.send("claim")
    gone = spawn(second.poll("?wait=20"), "poll")
    await settle()
    assert sale.house._holding == 1
    gone.cancel()
    await settle()
    assert sale.house._holding == 0
    waiting = spawn(second.poll("?wait=20"), "poll")
    await settle()
    sale.hall.drain()
    await settle()
    assert waiting.done()
    begun = sale.clock.now()
    await second.poll("?wait=20")
    assert sale.clock.now() == begun


async def test_a_place_is_renewed_when_its_key_goes() -> None:
    """Signed with an older key it counts, and the poll brings one that is signed with the new one."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    before = ada.place
    newer = Keys(Key("new", bytes(range(32, 64))), KEYS.current)
    sale.hall.bound(sale.plans, newer, frozenset(), https=False)
    assert "place" in (await ada.poll())["queue"]
    assert ada.place != before
    assert "place" not in (await ada.poll())["queue"]
    sale.hall.bound(sale.plans, Keys(newer.current), frozenset(), https=False)
    assert isinstance(await ada.poll(), dict)
    assert told(await sale.request("place", Sidecar_Place=before or "")) == ("waiting", "unknown_key")


async def test_who_was_moved_is_told_his_new_place() -> None:
    """The old one leads there for good, and the poll brings the new one."""
    sale = Sale(LOBBY)
    ada = sale.visitor()
    await ada.join()
    room = sale.house.room
    assert room.move(PlaceId(0, 0), room.lane("access")) is not None
    said = await ada.poll()
    assert (said["queue"]["lane"], "place" in said["queue"]) == ("access", True)


# --- turns


async def test_a_claim_gives_the_pass_and_a_second_one_the_same() -> None:
    """In the body and in the header, until when; a poll tells when it ends, and never the pass."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    await ada.poll()
    await sale.go(1.0)
    said = await ada.poll()
    assert said["queue"]["visitor"] == "called"
    assert said["queue"]["claim_by"] == "2026-12-01T09:02:30.250Z"
    assert said["links"]["claim"] == "/.sidecar/rooms/hamlet/claim"
    outcome = await sale.request("claim", method="POST", by=ada)
    first = await ada.send("claim")
    assert lines(outcome)["Sidecar-Pass"] == first["pass"]["token"]
    assert (first["queue"]["visitor"], first["pass"]["expires_at"]) == ("admitted", "2026-12-01T09:02:01.000Z")
    assert (await ada.send("claim"))["pass"]["token"] == first["pass"]["token"]
    polled = await ada.poll()
    assert (polled["pass"], polled["links"]["release"]) == (
        {"expires_at": "2026-12-01T09:02:01.000Z"},
        "/.sidecar/rooms/hamlet/release",
    )


async def test_nobody_claims_before_his_turn() -> None:
    """He is told how he stands, once more."""
    sale = Sale(LOBBY)
    ada = sale.visitor()
    await ada.join()
    assert (await ada.send("claim"))["queue"]["visitor"] == "lobby"
    assert len(sale.house.room.passes) == 0


async def test_a_claim_while_the_room_is_full_stays_a_call() -> None:
    """More have come than were expected: he comes again in a moment, with all of his time."""
    sale = Sale(replace(HAMLET, max_active=2))
    people = await sale.visitors(6)
    while len([each for each in people if await each.word() == "called"]) < 3:
        await sale.go(5.0)
    called = [each for each in people if each.last["queue"]["visitor"] == "called"]
    words = [(await each.send("claim"))["queue"]["visitor"] for each in called]
    assert words == ["admitted", "admitted", *["called"] * (len(called) - 2)]
    await sale.go(149.0)
    await people[0].poll()
    assert await called[2].word() in ("called", "admitted")


async def test_a_claim_while_paused_is_refused_and_keeps_its_time() -> None:
    """With the operator's words; after the pause there is as much time as before it."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    await ada.poll()
    await sale.go(1.0)
    notice = Notice("m1", "warning", (("en", "Back soon"), ("de", "Gleich")), None)
    sale.hall.stops = lambda _: Stop(Refusal("paused", "room", notice=notice, retry_after_s=9))
    sale.hall.notices = lambda _: notice
    await sale.go(0.5)
    refused = await ada.send("claim")
    assert (told(refused), refused.notice, refused.retry_after_s) == (("paused", "room"), notice, 9)
    said = await ada.send("place", method="GET", Accept_Language="de-CH, en;q=0.5")
    assert (said["room"]["state"], said["message"]["text"], said["message"]["lang"]) == ("paused", "Gleich", "de")
    await sale.go(1000.0)
    assert await ada.word() == "called"
    sale.hall.stops = lambda _: None
    await sale.go(1.0)
    assert (await ada.send("claim"))["queue"]["visitor"] == "admitted"


async def test_a_claim_after_the_end_is_told_that_it_is_over() -> None:
    """A pass of a sale that is closed would be worth nothing."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    await ada.poll()
    await sale.go(1.0)
    sale.house.room.set_phase(type(sale.house.room.phase).SOLD_OUT)
    await sale.go(1.0)
    assert told(await ada.send("claim")) == ("sale_closed", "sold_out")
    assert told(await sale.visitor().join()) == ("sale_closed", "sold_out")


async def test_who_does_not_come_is_told_what_became_of_his_turn() -> None:
    """The first call costs nothing but time, after the second his place is forfeited."""
    sale = Sale(replace(HAMLET, claim_s=20.0))
    ada = sale.visitor()
    await ada.join()
    await ada.poll()
    await sale.go(25.0)
    assert await ada.word() == "waiting"
    await sale.go(25.0)
    said = await ada.poll()
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("forfeited", "missed_calls")


@pytest.mark.parametrize("by", ["pass", "place"])
async def test_a_pass_is_given_back_early(by: str) -> None:
    """By itself or by the place that it came from; a second time changes nothing."""
    sale = Sale()
    ada = sale.visitor()
    await ada.admitted()
    shown, ada.pass_, ada.place = (ada.pass_, ada.place), *((ada.pass_, None) if by == "pass" else (None, ada.place))
    said = await ada.send("release")
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("released", "by_choice")
    ada.pass_, ada.place = shown
    assert (await ada.send("release"))["queue"]["visitor"] == "released"
    assert len(sale.house.room.passes) == 0
    ada.place = None
    assert told(await ada.send("release")) == ("pass_expired", "released")


async def test_who_leaves_gives_everything_back() -> None:
    """From the line, and with a pass."""
    sale = Sale(LOBBY)
    ada = sale.visitor()
    await ada.join()
    said = await ada.send("leave")
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("left", "by_choice")
    assert said["links"]["join"] == "/.sidecar/rooms/hamlet/join"
    sale = Sale()
    bob = sale.visitor()
    await bob.admitted()
    assert (await bob.send("leave"))["queue"]["visitor"] == "released"


async def test_the_pass_lives_on_the_session_that_the_claim_names() -> None:
    """A call that shows that session alone gets through."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    await ada.poll()
    await sale.go(1.0)
    await ada.send("claim", {"session": "s1"})
    assert sale.ask("Reserve perf=1201", session="s1") is None
    assert told(sale.ask("Reserve perf=1201", session="s2")) == ("waiting", "no_pass")


async def test_head_says_what_get_would() -> None:
    """Of what is read."""
    sale = Sale()
    ada = sale.visitor()
    await ada.join()
    for verb in ("place", "board", ""):
        assert isinstance(await sale.request(verb, method="HEAD", by=ada), Answer)


async def test_nothing_is_too_odd_to_be_read() -> None:
    """Members of other types, empty ones and long ones are as if they were not there."""
    sale = Sale(SIGNED)
    for body in ({"assertion": 7}, {"assertion": ""}, {"assertion": "x" * 5000}, {"invite": None}):
        assert (await sale.visitor().join(**body))["queue"]["reason"] == "sign_in"
    outcome = await sale.request("join", b"a=1&" * 40, method="POST", media="application/x-www-form-urlencoded; x=y")
    assert isinstance(outcome, Answer)
    assert outcome.status == 303
