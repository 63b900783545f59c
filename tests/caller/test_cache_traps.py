"""Ways in which a cache gives somebody else's answer, an old one, or more calls than it saves: each was open once."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import pytest

from sidecar.answers import Entry
from sidecar.model import Dialect, Head, Level, Standing
from sidecar.plan import FallbackPlan, SharedPlan
from sidecar.recall import Recall
from tests.support.people import People, Said, cached, reply
from tests.support.world import REFUSED, UNSAFE, Ask, Received, Scene, settle, tickets

pytestmark = pytest.mark.virtual

SPARE = FallbackPlan(frozenset(("backend_unreachable",)), "spare")
SPARE_URL = "http://127.0.0.1:9/spare.asmx"


async def test_who_may_read_is_never_a_backends_word() -> None:
    """Not on the first answer, not from memory, not where it is given as it was written a moment ago."""
    people = People(cached())
    by = reply(
        b"<ok/>",
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Timing-Allow-Origin", b"*"),
        (b"Vary", b"Accept-Encoding"),
        (b"Server", b"IIS"),
    )
    told = [await people.asked("GetSeats event=1", ("Origin", "https://evil.example"), by=by) for _ in range(4)]
    for name in ("Access-Control-Allow-Origin", "Timing-Allow-Origin"):
        assert [each.header(name) for each in told] == [None] * 4
    assert [each.state.split(";")[0] for each in told] == ["ok", "cached", "cached", "cached"]


async def test_another_backend_of_that_name() -> None:
    """Its answers are not the old one's, who was kept on disk meanwhile."""
    people = People(cached())
    await people.asked(by=reply(b"<ok>staging</ok>"))
    live = People(cached(), endpoints=(("", "http://127.0.0.1:8/Live.asmx"),))
    live.scene.world = replace(live.scene.world, answers=people.scene.answers)
    live.rebuilt()
    assert (await live.asked(by=reply(b"<ok>live</ok>"))).body == b"<ok>live</ok>"


async def test_another_account_asks() -> None:
    """What a service's account was told is not given where another one asks since."""
    gold = People(cached(shared=SharedPlan("as", (("key", "gold"),))), identity_params=("key",))
    await gold.asked("GetSeats event=1 key=ada", by=reply(b"<ok>gold</ok>"))
    public = People(cached(shared=SharedPlan("as", (("key", "public"),))), identity_params=("key",))
    public.scene.world = replace(public.scene.world, answers=gold.scene.answers, deeds=gold.scene.deeds)
    public.rebuilt()
    assert (await public.asked("GetSeats event=1 key=ada", by=reply(b"<ok>public</ok>"))).body == b"<ok>public</ok>"


@pytest.mark.parametrize("boss", ["browse", "staff", "heir"])
async def test_what_was_asked_as_the_first_who_came_is_told_to_him_alone(boss: str) -> None:
    """Where everybody is asked as the leader, a reply that turns out to be private is the leader's: not a follower's of better class, nor
    his to whom the call falls because the leader has gone.
    """
    people = People(cached(shared=SharedPlan("leader")), identity_params=("key",))
    classes = {"boss": "staff" if boss == "staff" else "browse"}

    def stands(seen: Head, peer: str) -> Standing:
        client = seen.headers.get("X-Client", peer)
        return Standing(client, client_class=classes.get(client))

    people.scene.world = replace(people.scene.world, client_of=stands)
    people.rebuilt()
    fill = [people.asking(f"GetSeats event={number} key=z", who=f"z{number}") for number in (7, 8)]
    await settle()
    tabs = {"ada": people.asking("GetSeats event=1 key=ada", who="ada")}
    await settle()
    tabs["boss"] = people.asking("GetSeats event=1 key=boss", who="boss")
    await settle()
    if boss == "heir":
        tabs.pop("ada").cancel()
    people.scene.upstream.auto = lambda ask: reply(ask.outbound.body, (b"Set-Cookie", b"sid=" + ask.outbound.body[-4:]))
    for ask in list(people.asks):
        ask.answer(reply(b"<x/>"))
    for name, tab in tabs.items():
        said = Said(await tab)
        assert said.body.endswith(f"key={name}".encode())
        assert said.header("Set-Cookie") == f"sid={'=ada' if name == 'ada' else 'boss'}"
    await asyncio.gather(*fill)


async def test_a_status_is_no_leave_to_share() -> None:
    """A reply that is one caller's is so whatever its status says of keeping."""
    people = People(cached(origin=True))
    callers = [people.asking(who=who) for who in ("ada", "bob")]
    await settle()
    people.scene.upstream.auto = lambda _: reply(b"<ok/>")
    people.asks[0].answer(
        reply(b"<ok/>", (b"Set-Cookie", b"sid=ada"), (b"Cache-Control", b"private, no-store"), status=206)
    )
    assert [Said(await caller).header("Set-Cookie") for caller in callers].count("sid=ada") == 1


async def test_open_to_all_is_not_open_to_who_shows_himself() -> None:
    """`shared: true` says that nobody shows who he is: whoever does is asked for alone, with what he shows."""
    people = People(cached(shared=SharedPlan("open")), identity_params=("key",))
    said = await people.asked("GetSeats event=1", ("Authorization", "Basic a"))
    assert said.header("Cache-Status") == "sidecar; fwd=bypass; detail=identity"
    assert (b"Authorization", b"Basic a") in people.asks[0].outbound.headers


async def test_what_the_spare_has_written_is_written() -> None:
    """Reads from before it are old."""
    write = replace(UNSAFE, invalidates=("event:{event}",), fallback=(SPARE,))
    people = People(cached(tags=("event:{event}",)), write, spare=SPARE_URL)

    def backends(ask: Ask) -> Received:
        away = ask.outbound.target == "/Tickets.asmx" and b"Reserve" in ask.outbound.body
        return REFUSED if away else reply()  # type: ignore[return-value]  # one of both

    people.scene.upstream.auto = backends
    await people.asking("GetSeats event=1")
    assert Said(await people.asking("Reserve event=1")).state.startswith("fallback")
    assert not Said(await people.asking("GetSeats event=1")).state.startswith("cached")


async def test_several_calls_in_one() -> None:
    """Any of them may write, and nobody reads their parameters apart: everything is old."""
    people = People.__new__(People)
    people.exchanges = []
    lines = (
        cached(tags=("event:{event}",)),
        replace(UNSAFE, pattern="Reserve", timeout_s=10.0, invalidates=("event:{event}",)),
        UNSAFE,
    )
    people.scene = Scene(tickets(operations=lines))
    people.rebuilt()
    people.scene.adapter.members["Batch"] = ("Reserve", "Logout")
    for body in ("GetSeats event=1", "Batch event=9"):
        await people.asked(body)
    assert not (await people.asked("GetSeats event=1")).state.startswith("cached")


async def test_what_was_pushed_out_is_let_go() -> None:
    """An answer as it was written a moment ago is its entry's: nobody else holds it."""
    people = People(cached())
    for number in range(30):
        for _ in range(3):
            await people.asked(f"GetSeats{number} event=1", by=reply(b"<ok>%03d" % number + b"x" * 100_000 + b"</ok>"))
    people.exchanges.clear()
    people.asks.clear()
    people.scene.answered.clear()
    gc.collect()
    held = {
        id(each): len(each.body)
        for each in gc.get_objects()
        if isinstance(each, Entry) and each.operation.startswith("GetSeats")
    }
    assert sum(held.values()) <= people.scene.answers.view().room_bytes


async def test_the_spare_is_asked_once_for_all() -> None:
    """Whoever waited for one answer waits for one stand-in."""
    people = People(cached(fallback=(SPARE,)), spare=SPARE_URL, queue_size=100)
    callers = [people.asking(who=f"p{number}") for number in range(20)]
    await settle()
    people.scene.upstream.auto = lambda _: reply(b"<ok>spare</ok>")
    people.asks[0].answer(REFUSED)
    told = [Said(await caller) for caller in callers]
    assert {(each.state, each.body) for each in told} == {
        ("fallback;reason=backend_unreachable;executed=yes", b"<ok>spare</ok>")
    }
    assert len(people.asks) == 2


async def test_a_no_has_its_own_time() -> None:
    """A kept fault is not what an old answer is: where the backend is away, that is what is said."""
    people = People(cached(negative=frozenset(("business_no",)), negative_s=2.0, error_s=600.0))
    await people.asked(by=reply(b"<no/>"))
    await asyncio.sleep(300)
    assert (await people.asked(by=REFUSED)).state.startswith("backend_unreachable")


async def test_short_of_patience() -> None:
    """Who waits less than a soft timeout is told the old answer by then."""
    people = People(cached(soft_s=3.0, error_s=100.0))
    await people.asked()
    await asyncio.sleep(20)
    began = people.scene.clock.now()
    assert Said(await people.asking("GetSeats event=1", ("Sidecar-Timeout", "0.2"))).state.startswith("stale")
    assert people.scene.clock.now() - began < 0.3


async def test_every_reply_says_what_became_of_the_cache() -> None:
    """Of a question that was asked in vain, and of one that turned out to be another caller's alone."""
    people = People(cached(), queue_size=100)
    assert (await people.asked(by=REFUSED)).header("Cache-Status") == "sidecar; fwd=uri-miss"
    callers = [people.asking("GetSeats event=2", who=who) for who in ("ada", "bob")]
    await settle()
    people.scene.upstream.auto = lambda _: reply()
    people.asks[-1].answer(reply(b"<ok/>", (b"Set-Cookie", b"sid=ada")))
    statuses = [Said(await caller).header("Cache-Status") for caller in callers]
    assert statuses == ["sidecar; fwd=uri-miss", "sidecar; fwd=uri-miss; collapsed=?0"]


async def test_a_header_that_says_none_is_one() -> None:
    """No SOAPAction, and one of the word None, are two requests."""
    scene = People(cached()).scene
    media = ("Content-Type", "text/xml")
    one, other = (scene.exchange(b"x", headers=lines) for lines in ((media,), (media, ("SOAPAction", "None"))))
    one.body = other.body = b"x"
    assert Recall().name(one) != Recall().name(other)


async def test_what_cannot_be_said_is_not_waited_for() -> None:
    """Who asks in a dialect that an answer has no form in is asked for alone, at once, from the second time on."""
    people = People(cached(), limit=5)
    people.scene.dialect = Dialect.XMLRPC
    await people.asked()
    first = len(people.asks)
    await people.asked()
    assert (first, len(people.asks)) == (2, 3)
    assert people.scene.pressure.level("tickets") is Level.OK
