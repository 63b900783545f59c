"""The gate before covered calls: who passes, who does not, and what each of them is told. It fails closed."""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.hall import refusals
from sidecar.hall.house import Stop
from sidecar.model import Answer, Refusal
from sidecar.plan import CoverPlan
from sidecar.policy.credentials import PassId, PlaceId, bind_of, sign_pass
from sidecar.policy.room import Phase
from sidecar.policy.tokens import Key, Keys
from sidecar.policy.visitors import Event, Why
from tests.hall.sale import BY_SESSION, COVER, FIREFOX, HAMLET, SAFARI, Sale, Visitor, queue, told
from tests.support.world import KEYS, WALL_S

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.virtual

LEAR = replace(HAMLET, name="lear", covers=(CoverPlan("tickets", ("ReserveLear",)),))
ENTRY = Stop(Refusal("paused", "room", retry_after_s=9))


async def inside(sale: Sale, agent: str = FIREFOX) -> Visitor:
    ada = sale.visitor(agent)
    await ada.admitted()
    return ada


async def test_whoever_has_no_pass_is_told_where_to_join() -> None:
    """The room, the way in, and when to come back; nobody took a place by it."""
    sale = Sale()
    refused = sale.ask("Reserve perf=1201")
    assert isinstance(refused, Refusal)
    assert (told(refused), refused.retry_after_s, queue(refused)) == (("waiting", "no_pass"), 2, {})
    assert refused.room is not None
    assert (refused.room.name, refused.room.state) == ("hamlet", "open")
    assert dict(refused.links) == {
        "poll": "/.sidecar/rooms/hamlet/place",
        "board": "/.sidecar/rooms/hamlet/board",
        "join": "/.sidecar/rooms/hamlet/join",
    }
    assert sale.house.room.joined == 0


async def test_whoever_has_a_place_is_told_how_he_stands() -> None:
    """As a poll would tell him, in place of the way in."""
    sale = Sale(replace(HAMLET, opens=WALL_S + 1200.0))
    ada = sale.visitor()
    code = (await ada.join())["queue"]["place_code"]
    refused = ada.call()
    assert told(refused) == ("waiting", "no_pass")
    assert queue(refused) == {
        "visitor": "lobby",
        "place_code": code,
        "ahead": None,
        "eta_s": None,
        "eta_low_s": None,
        "eta_high_s": None,
        "eta_reason": "not_open",
        "next_poll_ms": 120000,
    }
    assert "join" not in dict(refused.links)


async def test_a_pass_lets_through_what_its_room_covers() -> None:
    """Again and again, renewed by its use up to a total."""
    sale = Sale()
    ada = await inside(sale)
    for _ in range(9):
        assert ada.call() is None
        await sale.go(60.0)
    await sale.go(70.0)
    assert told(ada.call()) == ("pass_expired", "expired")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Reserve perf=1201", True),
        ("reserve perf=01201", True),  # in the backend's eyes the same
        ("Reserve perf=1202", False),
        ("Reserve", True),  # which one it is about nobody can read
        ("GetSeats perf=1201", False),
    ],
)
async def test_other_performances_sell_on(text: str, *, meant: bool) -> None:
    """Covered by operation and parameter; what cannot be told apart is meant."""
    assert (Sale().ask(text) is not None) == meant


async def test_members_of_several_calls_in_one_are_gated_too() -> None:
    """One of them is enough, wherever it stands."""
    sale = Sale()
    assert told(sale.ask("system.multicall", members=("GetSeats", "Reserve"))) == ("waiting", "no_pass")
    assert sale.ask("system.multicall", members=("GetSeats", "GetCart")) is None


async def test_passes_of_several_rooms_stand_in_one_line() -> None:
    """Each room finds its own; one of another room alone is told to be just that."""
    both = replace(LEAR, covers=(CoverPlan("tickets", ("Reserve*",)),))
    sale = Sale(HAMLET, both)
    ada = await inside(sale)
    hamlet = ada.pass_
    assert told(ada.call()) == ("pass_expired", "other_room")
    other = sale.visitor()
    lear = sale.hall.houses["lear"]
    place = lear.join("main", None, "", attaches=False).place
    lear.room.poll(place)
    await sale.go(1.0)
    held = lear.room.claim(place, bind_of(FIREFOX))
    assert held is not None
    for text in (f"{lear.pass_text(held)}, {hamlet}", f"{hamlet},{lear.pass_text(held)}"):
        other.pass_ = text
        assert other.call() is None
    other.pass_ = ", ".join(["x"] * 4 + [str(hamlet)])
    assert told(other.call()) == ("pass_expired", "malformed")


async def test_a_room_with_two_covers_counts_a_call_once() -> None:
    """Else a pass for one call at once would be good for none."""
    sale = Sale(replace(HAMLET, pass_calls=1, covers=(COVER, CoverPlan("tickets", ("*Tickets",)))))
    ada = await inside(sale)
    assert ada.call("ReserveTickets perf=1201") is None


async def test_a_pass_is_good_for_few_calls_at_once_and_a_pace() -> None:
    """What is under way with it is counted until its connection is free; the rest is a rate."""
    sale = Sale(replace(HAMLET, pass_calls=2, pass_rate=(5, 10.0)))
    ada = await inside(sale)
    assert [ada.call(ends=False) for _ in range(2)] == [None, None]
    refused = ada.call()
    assert (told(refused), refused.links) == (("rate_limited", "pass"), ())
    sale = Sale(replace(HAMLET, pass_rate=(5, 10.0)))
    ada = await inside(sale)
    assert [ada.call() is None for _ in range(6)] == [True] * 5 + [False]
    await sale.go(2.0)
    assert ada.call() is None


# --- sessions


async def test_a_pass_lives_on_the_session_that_it_was_first_used_with() -> None:
    """From then on the session alone is enough; after the sign-in that changes it, both are."""
    sale = Sale()
    ada = await inside(sale)
    assert told(sale.ask("Reserve perf=1201", session="s1")) == ("waiting", "no_pass")
    assert ada.call(session="s1") is None
    assert sale.ask("Reserve perf=1201", session="s1") is None
    assert ada.call(session="s2") is None
    assert [sale.ask("Reserve perf=1201", session=each) for each in ("s1", "s2")] == [None, None]
    assert ada.call(session="s3") is None
    assert told(sale.ask("Reserve perf=1201", session="s1")) == ("waiting", "no_pass")
    await ada.send("release")
    assert told(sale.ask("Reserve perf=1201", session="s3")) == ("waiting", "no_pass")


async def test_a_servers_account_never_carries_a_pass() -> None:
    """It stands for all of the server's people; with the name of each of them it is each one's own."""
    sale = Sale()
    ada = await inside(sale)
    assert ada.call(account="Basic shop") is None
    assert told(sale.ask("Reserve perf=1201", account="Basic shop")) == ("waiting", "no_pass")
    assert ada.call(account="Basic shop", named="ada") is None
    assert sale.ask("Reserve perf=1201", account="Basic shop", named="ada") is None
    assert told(sale.ask("Reserve perf=1201", account="Basic shop", named="bob")) == ("waiting", "no_pass")


async def test_a_session_that_only_calls_waits_and_gets_through() -> None:
    """Its first call takes a place, its next ones are polls, the one at its turn is let through; nobody gets a place by invention."""
    sale = Sale(replace(HAMLET, account=BY_SESSION, max_active=1))
    first = sale.visitor()
    await first.admitted()
    assert told(sale.ask("Reserve perf=1201", session="soap", known=False)) == ("waiting", "no_pass")
    assert sale.house.room.joined == 1
    codes = set()
    for _ in range(3):
        refused = sale.ask("Reserve perf=1201", session="soap")
        assert told(refused) == ("waiting", "no_pass")
        codes.add(queue(refused)["place_code"])
        await sale.go(3.0)
    assert (len(codes), sale.house.room.joined) == (1, 2)
    await first.send("release")
    await sale.go(2.0)
    assert sale.ask("Reserve perf=1201", session="soap") is None


# --- what is no pass


def _other(house: object, **changes: object) -> PassId:
    del house
    return PassId(0, 0, 1, 0, bind_of(FIREFOX))._replace(**changes)


BAD: list[tuple[str, Callable[[Sale, Visitor], str]]] = [
    ("malformed", lambda _, ada: "x"),
    ("malformed", lambda _, ada: str(ada.pass_)[:-1]),
    ("malformed", lambda _, ada: f"{ada.pass_}A"),
    ("other_kind", lambda _, ada: str(ada.place)),
    ("forged", lambda _, ada: _flipped(str(ada.pass_))),
    ("unknown_key", lambda sale, _: _signed(sale, Keys(Key("other", bytes(range(32)))))),
    ("forged", lambda sale, _: _signed(sale, Keys(Key("test", bytes(32))))),
    ("other_replica", lambda sale, _: _signed(sale, KEYS, epoch=bytes(8))),
    ("other_room", lambda sale, _: _signed(sale, KEYS, room=bytes(8))),
    ("used", lambda sale, _: _signed(sale, KEYS, of=_other(sale, turn=2))),
    ("wave", lambda sale, _: _signed(sale, KEYS, of=_other(sale, wave=1))),
    ("other_browser", lambda sale, _: _signed(sale, KEYS, of=_other(sale, bind=bind_of(SAFARI)))),
    ("expired", lambda sale, _: _signed(sale, KEYS, of=_other(sale, seq=999))),
    ("expired", lambda sale, _: _signed(sale, KEYS, of=_other(sale, lane=9))),
]


def _flipped(text: str) -> str:
    raw = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[-1] ^= 1
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signed(sale: Sale, keys: Keys, *, room: bytes = b"", epoch: bytes = b"", of: PassId | None = None) -> str:
    house = sale.house
    return sign_pass(keys, room or house.id, epoch or house.room.epoch, of or _other(house))


@pytest.mark.parametrize(("why", "text"), BAD)
async def test_what_is_no_pass_says_why(why: str, text: Callable[[Sale, Visitor], str]) -> None:
    """Each with its reason and the way in, none with a way through; the true one beside it still counts."""
    sale = Sale()
    ada = await inside(sale)
    true, ada.pass_ = ada.pass_, text(sale, ada)
    refused = ada.call()
    if why == "other_browser":
        # Signed so by nobody but us: what counts is the browser that it was given to.
        assert refused is None
        ada.agent = SAFARI
        refused = ada.call()
    assert told(refused) == ("pass_expired", why)
    assert dict(refused.links)["join"]
    ada.pass_, ada.agent = f"{ada.pass_},{true}", FIREFOX
    assert ada.call() is None


async def test_random_texts_get_nobody_in() -> None:
    """Of every length, with letters of the alphabet and without, and each of them is answered."""
    sale, chance = Sale(), random.Random(7)
    ada = await inside(sale)
    whole = str(ada.pass_)
    for _ in range(3000):
        text = list(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(1, 4)):
            text[chance.randrange(len(text))] = chance.choice("ABCxyz019-_=é ")
        ada.pass_ = "".join(text)
        if ada.pass_ != whole:
            state, _ = told(ada.call())
            assert state == "pass_expired"


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda sale, held: sale.house.room.end(held, Why.IDLE, Event.EXPIRE), "idle"),
        (lambda sale, held: sale.house.room.end(held, Why.TOTAL, Event.EXPIRE), "expired"),
        (lambda sale, held: sale.house.room.end(held, Why.PURCHASE), "released"),
    ],
)
async def test_a_pass_that_is_over_says_what_became_of_it(end: Callable[[Sale, object], object], why: str) -> None:
    """Not used, used up, or given back."""
    sale = Sale()
    ada = await inside(sale)
    end(sale, sale.house.room.passes.of_place(PlaceId(0, 0)))
    refused = ada.call()
    assert told(refused) == ("pass_expired", why)


async def test_a_pass_that_ran_out_a_moment_ago_says_so() -> None:
    """Before the room's next tick, too."""
    sale = Sale()
    ada = await inside(sale)
    held = sale.house.room.passes.of_place(PlaceId(0, 0))
    for idle_at, total_at, why in ((-1.0, 1e9, "idle"), (-1.0, -1.0, "expired")):
        held.idle_at, held.total_at = idle_at, total_at
        refused = ada.call()
        assert told(refused) == ("pass_expired", why)


async def test_an_idle_pass_is_taken_in() -> None:
    """By the clock of the sale, which a pause stops."""
    sale = Sale()
    ada = await inside(sale)
    sale.hall.stops = lambda _: ENTRY
    await sale.go(300.0)
    sale.hall.stops = lambda _: None
    await sale.go(1.0)
    assert ada.call() is None
    await sale.go(121.0)
    assert told(ada.call()) == ("pass_expired", "idle")


# --- purchases under way, pauses, ends


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.SOLD_OUT, Phase.CLOSED])
@pytest.mark.parametrize("paused", [False, True])
async def test_a_purchase_under_way_goes_on(phase: Phase, *, paused: bool) -> None:
    """With a pass that has run out, in a room that is closed or paused for newcomers; paused for all it stops, too."""
    sale = Sale()
    ada = await inside(sale)
    await sale.go(200.0)
    sale.house.room.set_phase(phase)
    sale.hall.stops = lambda _: ENTRY if paused else None
    await sale.go(1.0)
    assert ada.call("ReserveMore perf=1201", under_way=True) is None
    assert isinstance(ada.call(), Refusal)
    sale.hall.stops = lambda _: ENTRY._replace(for_all=True)
    await sale.go(1.0)
    refused = ada.call(under_way=True)
    assert told(refused) == (
        ("sale_closed", "closed")
        if phase is Phase.CLOSED
        else ("sale_closed", "sold_out")
        if phase is Phase.SOLD_OUT
        else ("paused", "room")
    )


async def test_a_seat_of_another_show_is_no_way_around_the_room() -> None:
    """Who would begin another purchase has begun the first with a pass of this room; what goes on with it is let through anyway."""
    sale = Sale()
    ada = await inside(sale)
    keys = sale.hall.purchase_keys(sale.called("Reserve perf=1201", by=ada))
    assert len(keys) == 1
    assert sale.ask("Reserve perf=1201", under_way=True, begun_as=keys) is None
    assert sale.ask("Reserve", under_way=True) is None, "a checkout, say, that does not name its show"
    for begun in ((), (b"session",), (keys[0][:-1],)):
        refused = sale.ask("Reserve perf=1201", under_way=True, begun_as=begun)
        assert told(refused) == ("waiting", "no_pass")


async def test_a_purchase_is_known_by_the_pass_that_it_was_begun_with() -> None:
    """Shown, run out, living on the session, or claimed by this very call; and its end takes the pass in."""
    sale = Sale(replace(HAMLET, account=BY_SESSION))
    ada = await inside(sale)
    shown = sale.hall.purchase_keys(sale.called("Reserve perf=1201", by=ada))
    assert ada.call(session="s1") is None
    assert sale.hall.purchase_keys(sale.called("Reserve perf=1201", session="s1")) == shown
    assert sale.hall.purchase_keys(sale.called("Reserve perf=1201", session="s9")) == ()
    sale.ask("Reserve perf=1201", session="soap")
    assert sale.hall.purchase_keys(sale.called("Reserve perf=1201", session="soap")) == (), "it is not his turn"
    sale.ask("Reserve perf=1201", session="soap")
    await sale.go(1.0)
    called = sale.hall.purchase_keys(sale.called("Reserve perf=1201", session="soap"))
    assert len(called) == 1
    assert called != shown
    sale.hall.ended("tickets", (b"x", *shown))
    said = await ada.poll()
    assert (said["queue"]["visitor"], said["queue"]["reason"]) == ("released", "purchase")
    assert sale.hall.purchase_keys(sale.called("Reserve perf=1201", by=ada)) == shown
    ada.agent = SAFARI
    assert sale.hall.purchase_keys(sale.called("Reserve perf=1201", by=ada)) == ()


async def test_a_pause_is_what_everybody_is_told() -> None:
    """Whatever he shows: a good pass, one that has run out, a place, or nothing; with the operator's words."""
    sale = Sale()
    ada, bob = await inside(sale), sale.visitor()
    late = sale.visitor()
    await late.join()
    sale.hall.stops = lambda _: ENTRY
    await sale.go(1.0)
    bob.pass_ = "x"
    for who in (ada, bob, late, sale.visitor()):
        refused = who.call()
        assert (told(refused), refused.retry_after_s) == (("paused", "room"), 9)
    assert queue(late.call())["eta_reason"] == "paused"
    sale.house.stop = None
    assert refusals.paused(sale.house, None).reason == "room"


@pytest.mark.parametrize("phase", [Phase.SOLD_OUT, Phase.CLOSED])
async def test_what_is_over_says_so(phase: Phase) -> None:
    """To newcomers at both ends; who is in buys what is left, until it closes."""
    sale = Sale()
    ada, bob = await inside(sale), sale.visitor()
    bob.pass_ = "x"
    sale.house.room.set_phase(phase)
    await sale.go(1.0)
    assert told(bob.call()) == ("sale_closed", phase.value)
    assert told(sale.visitor().call()) == ("sale_closed", phase.value)
    assert (ada.call() is None) == (phase is Phase.SOLD_OUT)


async def test_a_place_that_is_none_says_why() -> None:
    """One of a backend's line, or of another room, is as if it were not there."""
    sale = Sale()
    ada = sale.visitor()
    ada.place = "x"
    assert told(ada.call()) == ("waiting", "malformed")
    ada.place, ada.pass_ = None, None
    assert told(ada.call()) == ("waiting", "no_pass")


async def test_a_cookie_is_no_pass_of_a_call() -> None:
    """A page of the shop sends them by itself: what a call shows, it shows on purpose."""
    sale = Sale()
    ada = await inside(sale)
    cookie = f"sidecar-hamlet={ada.place}; sidecar-hamlet-pass={ada.pass_}"
    refused = sale.ask("Reserve perf=1201", Cookie=cookie)
    assert (told(refused), queue(refused)) == (("waiting", "no_pass"), {})
    assert isinstance(await sale.request("place", Cookie=cookie), Answer)
