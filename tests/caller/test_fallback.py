"""Answers in the backend's place: which rule, for whom, what it says of effect, and that it is kept by nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sidecar.model import Dialect, Failed, Received
from sidecar.plan import FallbackPlan, SharedPlan
from tests.support.people import People, Said, cached, reply
from tests.support.world import REFUSED, RESET, SAFE, UNSAFE, settle

pytestmark = pytest.mark.virtual

DOWN = frozenset(("backend_unreachable", "overloaded"))
BODY = FallbackPlan(DOWN, "body", b"<free/>")
STALE = FallbackPlan(DOWN, "stale")
REFUSE = FallbackPlan(DOWN, "refuse", text="The box office is closed for repairs; please ring 555.")
SPARE = FallbackPlan(DOWN, "spare")
URL = "http://127.0.0.1:9/spare.asmx"


async def test_a_body_in_its_place() -> None:
    """In the caller's dialect, marked, of no effect, not to be kept; and asked again the next time."""
    people = People(replace(SAFE, fallback=(BODY,)))
    for dialect, body in ((Dialect.SOAP11, b"<free/>"), (Dialect.SOAP12, b"<soap12><free/></soap12>")):
        people.scene.dialect = dialect
        said = await people.asked(by=REFUSED)
        assert (said.state, said.body) == ("fallback;reason=backend_unreachable;executed=no", body)
        assert said.header("Cache-Control") == "no-store"
        assert said.header("Cache-Status") is None
    assert len(people.asks) == 2
    assert (await people.asked()).state == "ok;executed=yes"


@pytest.mark.parametrize("by", [RESET, reply(b"<no/>"), reply(b"<ok/>")])
async def test_what_no_rule_names_passes(by: Received | Failed) -> None:
    """As it is."""
    people = People(replace(SAFE, fallback=(BODY,)))
    plain = People(SAFE)
    assert (await people.asked(by=by)).state == (await plain.asked(by=by)).state


async def test_stale_beyond_every_grace() -> None:
    """What was known once is better than nothing, with its age; where nothing was, the next rule."""
    people = People(cached(fallback=(STALE, BODY)))
    assert (await people.asked(by=REFUSED)).body == b"<free/>"
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(10_000)
    said = await people.asked(by=REFUSED)
    assert (said.state, said.body, said.header("Age")) == (
        "stale;age=10000;reason=backend-down;executed=no",
        b"<ok>1</ok>",
        "10000",
    )


async def test_strict_is_never_stale_over_a_write() -> None:
    """Where the settings say strict, what a write has touched is not given, not even now."""
    people = People(cached(fallback=(STALE, BODY), strict=True, tags=("event:{event}",)))
    await people.asked()
    people.scene.answers.touch("tickets", ("event:1",))
    assert (await people.asked(by=REFUSED)).body == b"<free/>"


async def test_a_refusal_in_the_operators_words() -> None:
    """The state, and what it says of effect, stay what they are."""
    people = People(SAFE, replace(UNSAFE, fallback=(REFUSE,)))
    said = await people.asked("Reserve 1", by=REFUSED)
    assert said.state == "backend_unreachable;reason=refused;executed=no"
    assert REFUSE.text.encode() in said.body


async def test_the_spare() -> None:
    """Asked with the caller's own bytes; marked, and what it did it did."""
    people = People(SAFE, replace(UNSAFE, fallback=(SPARE,)), spare=URL)
    people.scene.upstream.auto = lambda ask: (
        REFUSED if ask.outbound.target == "/Tickets.asmx" else reply(b"<ok>spare</ok>")
    )
    said = Said(await people.asking("Reserve 1"))
    assert (said.state, said.body) == ("fallback;reason=backend_unreachable;executed=yes", b"<ok>spare</ok>")
    assert [ask.outbound.target for ask in people.asks] == ["/Tickets.asmx", "/spare.asmx"]
    assert people.asks[1].outbound.body == b"Reserve 1"


async def test_the_spare_has_what_is_left_of_the_callers_time() -> None:
    """Whoever waits for two seconds waits for two, not for two and then for the spare's."""
    people = People(SAFE, replace(UNSAFE, fallback=(SPARE,)), spare=URL)
    caller = people.asking("Reserve 1", ("Sidecar-Timeout", "2"))
    await settle()
    began = people.scene.clock.now()
    await asyncio.sleep(1.5)
    people.asks[0].answer(REFUSED)
    await settle()
    assert people.asks[1].outbound.target == "/spare.asmx"
    assert Said(await caller).state == "backend_unreachable;reason=refused;executed=no", "it has not been sent"
    assert people.scene.clock.now() - began == pytest.approx(2.0)


async def test_what_the_spare_says_to_one_alone_is_his_who_asked_first() -> None:
    """A private reply to a call that was made as the leader: his followers hear of the failure instead."""
    line = cached(shared=SharedPlan("leader"), fallback=(SPARE,))
    people = People(line, identity_params=("key",), spare=URL)
    callers = [people.asking(f"GetSeats event=1 key={name}", who=name) for name in ("ada", "bob")]
    await settle()
    people.asks[0].answer(REFUSED)
    await settle()
    people.asks[1].answer(reply(b"<ok>ada</ok>", (b"Set-Cookie", b"sid=1")))
    ada, bob = [Said(await caller) for caller in callers]
    assert ada.state.startswith("fallback")
    assert bob.state == "backend_unreachable;reason=refused;executed=no"


async def test_the_spare_is_away_too() -> None:
    """Then the next rule."""
    people = People(replace(SAFE, fallback=(SPARE, BODY)), spare=URL)
    assert (await people.asked(by=REFUSED)).body == b"<free/>"


async def test_the_spare_loses_the_call() -> None:
    """Whatever it may have done is said: no rule covers that up."""
    people = People(SAFE, replace(UNSAFE, fallback=(SPARE, BODY)), spare=URL)
    people.scene.upstream.auto = lambda ask: REFUSED if ask.number == 0 else RESET
    assert Said(await people.asking("Reserve 1")).state == "outcome_unknown;reason=reset;executed=unknown"
