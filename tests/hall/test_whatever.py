"""Whatever is sent to a room is answered: with its word, or with a refusal that stands in the table of states."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import orjson
import pytest

from sidecar.hall.house import Stop
from sidecar.model import Answer, Refusal
from sidecar.plan import AccountPlan
from sidecar.policy.room import Phase
from sidecar.states import find
from tests.hall.sale import HAMLET, SECRET, Sale, Visitor, signed

pytestmark = pytest.mark.virtual

VERBS = (
    "join",
    "place",
    "place?wait=1",
    "claim",
    "leave",
    "release",
    "board",
    "events",
    "",
    "widget",
    "theme.css",
    "x",
)
PLANS = (
    replace(HAMLET, account=AccountPlan("session"), per_address=3, max_active=2, capacity=30),
    replace(HAMLET, account=AccountPlan("parameter", "customer"), max_active=3),
    replace(HAMLET, account=AccountPlan("assertion", secret=SECRET), per_address=2, max_active=1),
)


def body_of(chance: random.Random) -> Any:
    """Return what a body could hold, right or wrong."""
    said = {
        "session": chance.choice(["s1", "s2", "", 7, "x" * 3000]),
        "account": chance.choice(["7", "8", None, ["a"]]),
        "assertion": chance.choice([signed(sub="ada"), signed(sub="bob"), signed(), "x.y.z", ""]),
        "invite": chance.choice([signed(lane="fast", jti="1"), signed(lane="access"), signed(lane="no"), "a"]),
    }
    names = chance.sample(sorted(said), chance.randrange(0, 4))
    return chance.choice([None, b"{", b"[]", b"a=b&c", *[{name: said[name] for name in names}] * 8])


def tampered(chance: random.Random, text: str | None, other: str | None) -> str | None:
    """Return a credential as somebody might show it."""
    if text is None or chance.random() < 0.8:
        return text
    return chance.choice([None, other, text[:-1], f"{text}x", f"{text},{text}", "", "é", text.swapcase()])


async def one(sale: Sale, chance: random.Random, by: Visitor) -> object:
    """Let one thing be asked, of the room or of the gate."""
    if chance.random() < 0.4:  # as a page does
        verb, method = chance.choice([("place", "GET"), ("claim", "POST")]) if by.place else ("join", "POST")
        return await sale.request(verb, {"account": by.agent, "session": by.agent}, method=method, by=by)
    kept = by.place, by.pass_
    by.place, by.pass_ = tampered(chance, by.place, by.pass_), tampered(chance, by.pass_, by.place)
    try:
        if chance.random() < 0.3:
            return by.call(session=chance.choice([None, "s1", "s2"]), under_way=chance.random() < 0.1)
        body = body_of(chance)
        media = chance.choice(["application/json"] * 6 + ["application/x-www-form-urlencoded", "text/xml"])
        method = chance.choice(["POST", "GET", "POST", "GET", "HEAD", "PUT"])
        return await sale.request(chance.choice(VERBS), body, method=method, by=by, media=media)
    finally:
        by.place, by.pass_ = kept


@pytest.mark.thinned(3)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.account.source))
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_sent_is_answered(plan: Any, seed: int) -> None:
    """By people of every habit, through pauses and to the end of the sale; nothing is lost or counted twice on the way."""
    chance, sale = random.Random(seed), Sale(plan)
    people = [sale.visitor(f"Browser {number}", f"192.0.2.{number % 5}") for number in range(12)]
    for turn in range(700):
        by = chance.choice(people)
        outcome = await one(sale, chance, by)
        if isinstance(outcome, Refusal):
            row = find(outcome.state, outcome.reason)
            assert outcome.reason is None or outcome.reason in row.reasons, outcome
        elif isinstance(outcome, Answer):
            assert outcome.status in (200, 303, 304)
            if outcome.stream is not None:
                outcome.stream.close()
            if b"Sidecar-State" in dict(outcome.headers) and outcome.body:
                said = orjson.loads(b"".join(outcome.body))
                by.place = said["queue"].get("place", by.place)
                by.pass_ = said.get("pass", {}).get("token", by.pass_)
        else:
            assert outcome is None
        await sale.go(chance.choice([0.0, 0.0, 0.3, 2.0]))
        if turn == 400:
            sale.hall.stops = lambda _: Stop(Refusal("paused", "room"))
        if turn == 450:
            sale.hall.stops = lambda _: None
        if turn == 650:
            sale.house.room.set_phase(chance.choice([Phase.SOLD_OUT, Phase.CLOSED]))
        room = sale.house.room
        assert len(room.passes) <= room.rule.max_active
        assert all(lane.eligible <= lane.joined for lane in room.lanes)
    assert sale.house.room.turn > 0 or plan.account.source == "assertion", "some have been in"
    assert sale.hall._boards["hamlet"].listeners == 0
    assert (sale.house._holding, sale.house._held) == (0, {})
    assert not sale.log.bugs
