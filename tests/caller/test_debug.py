"""Requests that show the token of `debug:`, on the whole road: they are told what decided, and may go wrong, for nobody but themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.caller import cors, debug
from sidecar.model import Refusal
from sidecar.plan import CorsPlan, DebugPlan, OperationPlan
from sidecar.policy.cors import ALLOWED_HEADERS, EXPOSED
from sidecar.policy.injection import Fault, Kind
from sidecar.policy.rates import Per, RateRule
from tests.support.people import People, Said, cached, reply
from tests.support.world import OK, SAFE, Scene, settle

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.virtual

TOKEN = "0123456789abcdef"
SHOWN = ("Sidecar-Debug", TOKEN)


def people(read: OperationPlan = SAFE, **backend: Any) -> People:
    """Return people of a sidecar that has a token."""
    made = People(read, **backend)
    made.scene.plan = replace(made.scene.plan, debug=DebugPlan(TOKEN))
    made.rebuilt()
    return made


def explained(said: Said) -> dict[str, str]:
    """Return the parameters of Sidecar-Explain; what stands without a value is "yes"."""
    value = said.header("Sidecar-Explain")
    assert value is not None, "it is told nothing"
    return {name: given or "yes" for name, _, given in (each.partition("=") for each in value.split(";"))}


def wrong(name: str) -> tuple[str, str]:
    return ("Sidecar-Fault", name)


# Who is told


async def test_who_shows_the_token_is_told_what_decided() -> None:
    """In one header, on the answer that everybody gets; nobody on the way may keep it."""
    here = people()
    plain = await here.asked(by=reply(b"<ok/>", (b"Cache-Control", b"max-age=60")))
    said = await here.asked("GetSeats event=1", SHOWN, by=reply(b"<ok/>", (b"Cache-Control", b"max-age=60")))
    assert (plain.header("Sidecar-Explain"), plain.header("Cache-Control")) == (None, "max-age=60")
    assert (said.state, said.body, said.header("Cache-Control")) == (plain.state, plain.body, "no-store")
    told = explained(said)
    assert (told["state"], told["executed"], told["from"]) == ("ok", "yes", "flight")
    assert (told["backend"], told["operation"], told["class"], told["attempts"]) == (
        "tickets",
        "GetSeats",
        "browse",
        "1",
    )
    assert (told["limit"], told["in_flight"], told["ghosts"], told["queued"]) == ("2", "0", "0", "0")
    assert (told["breaker"], told["pressure"]) == ("closed", "ok")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (("Sidecar-Debug", ""),),
        (("Sidecar-Debug", "0123456789abcdeF"),),
        (("Sidecar-Debug", f"{TOKEN}, {TOKEN}"),),
        (SHOWN, SHOWN),
        (("Authorization", f"Bearer {TOKEN}"),),
    ],
    ids=["none", "empty", "another", "twice in one", "two", "elsewhere"],
)
async def test_nobody_else_is(lines: tuple[tuple[str, str], ...]) -> None:
    """And what he asks for does not happen: not even a value that is none is told to be one."""
    for order in ("reset", "nonsense"):
        said = await people().asked("GetSeats event=1", *lines, wrong(order))
        assert (said.state, said.header("Sidecar-Explain"), said.header("Sidecar-Fault")) == (
            "ok;executed=yes",
            None,
            None,
        )


async def test_without_the_settings_there_is_no_such_thing() -> None:
    """The stage is not built, and whoever shows anything gets what everybody gets."""
    here = People()
    said = await here.asked("GetSeats event=1", SHOWN, wrong("reset"))
    assert (said.state, said.header("Sidecar-Explain"), said.header("Sidecar-Fault")) == ("ok;executed=yes", None, None)
    assert "debug" not in pipeline.describe(here.scene.plan, "tickets", "GetSeats")
    assert here.scene.log.named("debug_token_wrong") == []


async def test_the_token_reaches_nobody() -> None:
    """Not the backend, not the log, not a reply, right or wrong; nor does what is asked for."""
    here = people()
    for token in (TOKEN, "fedcba9876543210"):
        said = await here.asked("GetSeats event=1", ("Sidecar-Debug", token), wrong("latency=1ms"))
        assert token not in repr(said.reply)
        assert token not in repr(here.scene.log.events)
        assert token not in repr([ask.outbound for ask in here.asks])
    assert not [name for ask in here.asks for name, _ in ask.outbound.headers if name.lower().startswith(b"sidecar-")]
    assert TOKEN not in repr(here.scene.plan)


async def test_a_wrong_token_is_said_once_a_minute() -> None:
    """At once, then with how many there were since, whoever they come from; a client is named as everywhere."""
    here = people()
    for who in ("ada", "bob", "bob"):
        await here.asked("GetSeats event=1", ("Sidecar-Debug", "a-guess"), who=who)
    (first,) = here.scene.log.named("debug_token_wrong")
    assert (first["client"], first["count"]) == ("ada", 1)
    await asyncio.sleep(60)
    await here.asked("GetSeats event=1", ("Sidecar-Debug", "a-guess"), who="bob")
    assert [line["count"] for line in here.scene.log.named("debug_token_wrong")] == [1, 3]
    assert "a-guess" not in repr(here.scene.log.events)


def test_no_page_of_another_origin_may_show_it_or_read_it() -> None:
    """A browser asks before it sends a header of that name, and is told no; so nothing has to be exposed."""
    assert not {"Sidecar-Debug", "Sidecar-Explain"} & set(ALLOWED_HEADERS.split(", ") + EXPOSED.split(", "))
    assert "Sidecar-Fault" not in ALLOWED_HEADERS.split(", ")


async def test_a_preflight_is_told_nothing_new() -> None:
    """Whatever it asks leave for."""
    shop = "https://shop.example"
    scene = Scene()
    scene.plan = replace(scene.plan, cors=CorsPlan(frozenset((shop,))), debug=DebugPlan(TOKEN))
    asks = (
        ("Origin", shop),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "sidecar-debug"),
    )
    said = await cors.build(scene.scope(), scene.world, pipeline.build(scene.plan, scene.world))(
        scene.exchange(method="OPTIONS", headers=(*asks, SHOWN))
    )
    assert said.status == 204
    assert not [value for _, value in said.headers if b"debug" in value.lower() or b"explain" in value.lower()]


# Of what


async def test_a_refusal_says_which_part_and_which_numbers() -> None:
    """The line's own, as they were when it refused: the same as in the log."""
    here = people()
    waiting = [here.asking(f"Reserve {number}", who=f"p{number}") for number in range(5)]
    await settle()
    said = Said(await here.asking("Reserve 6", SHOWN, who="p6"))
    assert said.state == "overloaded;reason=queue_full;executed=no"
    told = explained(said)
    assert (told["reason"], told["mechanism"], told["size"]) == ("queue_full", "queue", "3")
    assert (told["limit"], told["in_flight"], told["ghosts"], told["queued"]) == ("2", "2", "0", "3")
    (line,) = here.scene.log.named("access")
    assert line["numbers"] == {name: int(told[name]) for name in ("limit", "in_flight", "ghosts", "queued", "size")}
    assert "from" not in told
    here.scene.upstream.auto = lambda _: OK
    for ask in here.asks:
        ask.answer()
    await asyncio.gather(*waiting)


async def test_a_rate_and_what_is_left_of_it() -> None:
    """Numbers that are another's than the backend's bear the name of the part."""
    here = people(rates=(RateRule(Per.CLIENT, 1, 10.0, 1),))
    first, second = [await here.asked("Reserve 1", SHOWN) for _ in range(2)]
    assert explained(first)["rates"] == '"client r=0 t=10"'
    told = explained(second)
    assert (told["state"], told["mechanism"]) == ("rate_limited", "rate")
    assert (told["rate_limit"], told["rate_period_s"], told["rate_burst"], told["limit"]) == ("1", "10", "1", "2")


async def test_from_where_an_answer_comes() -> None:
    """From a flight of one's own, from another's, from what is kept; what is sent as it was written is written anew."""
    here = people(cached())
    first = here.asking("GetSeats event=1", SHOWN)
    await settle()
    second = here.asking("GetSeats event=1", SHOWN, who="bob")
    await settle()
    here.asks[0].answer(reply(b"<ok>1</ok>"))
    told = [explained(Said(await each)) for each in (first, second)]
    assert [(each["from"], each.get("joined")) for each in told] == [("flight", None), ("flight", "yes")]
    for _ in range(3):
        kept = await here.asked("GetSeats event=1", SHOWN)
        assert (explained(kept)["from"], explained(kept)["state"]) == ("cache", "cached")
        assert "attempts" not in explained(kept)
        plain = await here.asked("GetSeats event=1")
        assert plain.header("Sidecar-Explain") is None
    assert len(here.asks) == 1


@pytest.mark.parametrize(("target", "state"), [("/nowhere", "not_found"), ("/.sidecar/healthz", "ok")])
async def test_what_never_finds_a_backend(target: str, state: str) -> None:
    """There is nothing to say of one."""
    here = people()
    said = Said(await here.road(here.scene.exchange(method="GET", target=target, headers=(SHOWN,))))
    told = explained(said)
    assert told["state"] == state
    assert not {"backend", "operation", "limit", "breaker"} & set(told)
    assert told.get("from") == ("sidecar" if state == "ok" else None)


async def test_a_bug_is_told_as_one() -> None:
    """As everybody's."""
    here = people()
    here.scene.adapter.bug = KeyError("oops")
    said = await here.asked("GetSeats event=1", SHOWN)
    assert (explained(said)["state"], explained(said)["mechanism"]) == ("internal", "bug")
    assert "oops" not in str(said.header("Sidecar-Explain"))


# What may go wrong


@pytest.mark.parametrize(
    ("order", "kind", "state", "body", "reached"),
    [
        ("latency=1500ms", "latency", "ok", b"<ok/>", True),
        ("error=503", "error", "backend_bad_reply", b"html", False),
        ("error=fault", "error", "ok", b"injected fault", False),  # the scene's adapter takes a fault for an answer
        ("reset", "reset", "outcome_unknown", b"the connection broke (injected)", False),
        ("truncate", "truncate", "ok", b"<o", True),
    ],
)
async def test_one_call_goes_wrong(order: str, kind: str, state: str, body: bytes, reached: bool) -> None:
    """As an order would make it; the log and the response name it, and the next call goes well."""
    here = people()
    began = here.scene.clock.now()
    said = await here.asked("Reserve 1", SHOWN, wrong(order))
    assert said.state.partition(";")[0] == state
    assert body in said.body
    assert here.scene.clock.now() - began == pytest.approx(1.5 if kind == "latency" else 0.0)
    assert said.header("Sidecar-Fault") == f"injected;kind={kind};id=request;hit"
    assert explained(said)["injected"] == "request"
    (line,) = here.scene.log.named("fault_injected")
    assert (line["id"], line["kind"], line["operation"], line["backend"]) == ("request", kind, "Reserve", "tickets")
    assert len(here.asks) == reached
    well = await here.asked("Reserve 1", SHOWN)
    assert (well.state, well.header("Sidecar-Fault")) == ("ok;executed=yes", None)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((wrong("teapot"),), "Sidecar-Fault: a fault is one of latency=2s, error=503, error=fault, reset and truncate"),
        ((wrong("latency=1h"),), "Sidecar-Fault: a latency may be from above 0s to 5m"),
        ((wrong("error=200"),), "Sidecar-Fault: an error may have a status from 400 to 599"),
        ((wrong("reset"), wrong("truncate")), "Sidecar-Fault stands once"),
    ],
)
async def test_what_is_no_fault_is_refused(lines: tuple[tuple[str, str], ...], words: str) -> None:
    """With the header and what may stand there; the backend is not asked, and the refusal is explained."""
    here = people()
    said = await here.asked("Reserve 1", SHOWN, *lines)
    assert said.state == "malformed;reason=http;executed=no"
    assert words in said.body.decode()
    assert explained(said)["mechanism"] == "parse"
    assert here.asks == []


@pytest.mark.parametrize("order", ["latency=1s", "error=503", "reset", "truncate"])
async def test_it_spoils_nobody_elses_answer(order: str) -> None:
    """Whoever asks the same meanwhile has a flight of his own, before and after; nothing of it is kept, nothing kept is given for it."""
    here = people(cached())
    leader = here.asking("GetSeats event=1", who="ada")
    await settle()
    spoilt = here.asking("GetSeats event=1", SHOWN, wrong(order), who="eve")
    await asyncio.sleep(0.1)
    follower = here.asking("GetSeats event=1", who="bob")
    await settle()
    here.asks[0].answer(reply(b"<ok>1</ok>"))
    told = [Said(await each) for each in (leader, follower)]
    assert [each.body for each in told] == [b"<ok>1</ok>"] * 2
    assert str(told[1].header("Cache-Status")).endswith("; collapsed")
    here.scene.upstream.auto = lambda _: reply(b"<ok>22</ok>")
    for ask in here.asks[1:]:
        ask.answer(reply(b"<ok>22</ok>"))
    eve = Said(await spoilt)
    assert eve.header("Cache-Status") == "sidecar; fwd=bypass; detail=fault"
    assert eve.body != b"<ok>1</ok>"
    assert "joined" not in explained(eve)
    after = await here.asked("GetSeats event=1", who="bob")
    assert (after.state.partition(";")[0], after.body) == ("cached", b"<ok>1</ok>")


async def test_the_first_to_ask_leads_nobody() -> None:
    """Who comes right behind him asks for himself."""
    here = people(cached())
    here.scene.upstream.auto = lambda _: reply(b"<ok>1</ok>")
    spoilt = here.asking("GetSeats event=1", SHOWN, wrong("latency=2s"), who="eve")
    await settle()
    assert here.scene.view == "1+0 of 2, 0 queued"
    behind = await here.asked("GetSeats event=1", who="bob", by=reply(b"<ok>1</ok>"))
    assert (behind.state, behind.header("Cache-Status")) == ("ok;executed=yes", "sidecar; fwd=uri-miss; stored")
    here.scene.upstream.auto = lambda _: reply(b"<ok>2</ok>")
    assert Said(await spoilt).body == b"<ok>2</ok>"
    assert (await here.asked("GetSeats event=1")).body == b"<ok>1</ok>"


async def test_it_is_named_beside_what_holds_for_everybody() -> None:
    """In one list; it comes before the others, so theirs is not hit."""
    here = people()
    here.scene.injections.put("tickets", Fault("*", Kind.LATENCY, 600.0, latency_s=1.0))
    said = await here.asked("Reserve 1", SHOWN, wrong("reset"))
    assert said.header("Sidecar-Fault") == (
        'injected;kind=latency;id=f1;until="2026-12-01T09:10:00.000Z", injected;kind=reset;id=request;hit'
    )
    held = await here.asked("Reserve 1", SHOWN)
    assert str(held.header("Sidecar-Fault")).endswith(";hit")
    assert explained(held)["injected"] == "f1"
    here.scene.injections.close()


async def test_who_is_refused_before_has_met_none() -> None:
    """It is named, and that it was not met."""
    here = people()
    here.scene.adapter.refusal = Refusal("unsupported_media", "content_type")
    said = await here.asked("Reserve 1", SHOWN, wrong("reset"))
    assert said.header("Sidecar-Fault") == "injected;kind=reset;id=request"
    assert here.scene.log.named("fault_injected") == []


async def test_it_describes_itself() -> None:
    """For explain: right behind the envelope, which tells what it finds out."""
    lines = pipeline.describe(people().scene.plan, "tickets", "GetSeats").splitlines()
    assert lines[3].startswith("  envelope ")
    assert lines[4] == f"  debug       {debug.describe(Scene().scope())}"
