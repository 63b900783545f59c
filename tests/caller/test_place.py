"""Places: who was let go is handed one, and whoever shows it stands where its bearer stood; nobody else does, and not twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.caller import place
from sidecar.model import Ahead, Answer, Call, Dialect, Exchange, Executed, Grade, Outcome, Place, Refusal, Standing
from sidecar.plan import Plan, Scope
from tests.support.world import Scene, tickets

if TYPE_CHECKING:
    from collections.abc import Awaitable

pytestmark = pytest.mark.virtual

STOOD = Place(7.25, 998.0)  # the virtual clock begins at 1000
LET_GO = Refusal("overloaded", "queue_wait", retry_after_s=4, line=Ahead(12, 5, 4, 7, stood=STOOD))
FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))


class People:
    """Callers of one stage; `seen` are the places that they came in with."""

    def __init__(self, outcome: Outcome = LET_GO, **changes: object) -> None:
        self.scene = Scene(tickets(**changes))
        self.outcome, self.seen = outcome, list[Place | None]()
        self.becomes: Call | None = None
        self.stage = place.build(self.scene.scope("Reserve"), self.scene.world, self._inner)

    async def _inner(self, exchange: Exchange) -> Outcome:
        self.seen.append(exchange.place)
        exchange.call = self.becomes or exchange.call
        return self.outcome

    def ask(
        self, shown: str | None = None, client: str = "ada", body: bytes = b"Reserve", **more: object
    ) -> Awaitable[Outcome]:
        lines = () if shown is None else (("Sidecar-Place", shown),)
        exchange = self.scene.exchange(body, headers=lines)
        exchange.backend, exchange.client, exchange.body = "tickets", client, body
        exchange.call = Call("tickets", "", "Reserve", Dialect.SOAP11, client=client)
        for name, value in more.items():
            setattr(exchange, name, value)
        return self.stage(exchange)

    async def given(self, **more: object) -> str:
        refusal = await self.ask(**more)  # type: ignore[arg-type]  # keyword by keyword as above
        assert isinstance(refusal, Refusal)
        assert refusal.line is not None
        assert refusal.line.stood is None, "what is not signed never leaves"
        assert refusal.line.place is not None
        assert refusal.line.place_code is not None
        return refusal.line.place


async def test_who_was_let_go_stands_there_again() -> None:
    """He comes back with his place, as often as he is let go, and each is good once."""
    people = People()
    token = await people.given()
    await people.ask(token)
    assert people.seen == [None, STOOD]
    await people.ask(token)
    assert people.seen[-1] is None, "used"
    assert people.scene.log.named("place_refused")[-1]["why"] == "used"


async def test_nobody_loses_by_asking_with_others() -> None:
    """Who came back, and joined a flight that began later, keeps what he had waited; who has waited less gets what all have."""
    people = People()
    token = await people.given()
    people.outcome = replace(LET_GO, line=Ahead(12, 5, 4, 7, stood=Place(9.0, 999.5)))
    later = await people.given(shown=token)
    await people.ask(later)
    assert people.seen[-1] == STOOD
    others = People(replace(LET_GO, line=Ahead(12, 5, 4, 7, stood=Place(3.0, 995.5))))
    await others.ask(await others.given(), client="ada")
    assert others.seen[-1] == Place(3.0, 995.5)


async def test_who_stood_among_those_of_another_class_brings_his_age() -> None:
    """Virtual time is each class's own. Who is of browse, and joined staff, is worth in browse what he has waited."""
    people = People()
    flight = people.scene.flight()
    flight.seat = flight.seat._replace(client_class="staff")
    token = await people.given(flight=flight)
    await people.ask(token)
    assert people.seen[-1] == Place(None, STOOD.since)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"client": "eve"}, "other_client"),
        ({"body": b"Reserve 2"}, "other_call"),
        ({"standing": Standing("ada", client_class="staff")}, "other_class"),
        ({"call": Call("tickets", "", "Reserve", Dialect.SOAP11, key=b"k", client="ada")}, "other_call"),
    ],
)
async def test_a_place_is_its_bearers_for_his_call(more: dict[str, object], why: str) -> None:
    """Shown by another, or for another call, it counts for nothing, and its bearer still has it."""
    people = People()
    token = await people.given()
    await people.ask(token, **more)  # type: ignore[arg-type]  # as above
    assert people.seen[-1] is None
    assert people.scene.log.named("place_refused")[-1]["why"] == why
    await people.ask(token)
    assert people.seen[-1] == STOOD


async def test_a_place_that_nobody_gave() -> None:
    """What is no token of ours is worth none, and refuses nobody."""
    people = People(FINE)
    assert await people.ask("7KQ2-9F") is FINE
    assert people.seen == [None]
    assert people.scene.log.named("place_refused")[-1]["why"] == "malformed"


async def test_nobody_hoards_places() -> None:
    """One client is given as many as he may have calls in line; then he is let go without one, and told the rest as before."""
    people = People(queue_size=30, queue_share=0.1)
    tokens = [await people.given(body=b"Reserve %d" % number) for number in range(3)]
    assert len(set(tokens)) == 3
    refusal = await people.ask(body=b"Reserve 4")
    assert isinstance(refusal, Refusal)
    assert refusal.line == Ahead(12, 5, 4, 7)
    await people.given(client="bob")


async def test_a_place_ends() -> None:
    """It is good for as long as its bearer was told to stay away, and one more queue.wait."""
    people = People(queue_wait_s=5.0)
    token = await people.given()
    people.scene.clock.wall_s += 9.1
    await people.ask(token)
    assert people.seen[-1] is None
    assert people.scene.log.named("place_refused")[-1]["why"] == "expired"


async def test_what_is_no_refusal_of_the_line_passes() -> None:
    """Answers and other refusals are nobody's place."""
    for outcome in (FINE, Refusal("overloaded", "queue_full", line=Ahead(3, 1, 1, 2)), Refusal("not_found")):
        assert await People(outcome).ask() is outcome


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("rate_limited", "client"),
        ("backend_unreachable", "cut_off"),
        ("overloaded", "deadline"),
        ("overloaded", "queue_full"),
    ],
)
async def test_who_is_stopped_before_the_backend_gets_his_place_back(state: str, reason: str) -> None:
    """Nobody who has waited starts again for a rate's sake, or a breaker's; he is told how long it is from there."""
    people = People()
    token = await people.given()
    people.outcome = Refusal(state, reason, retry_after_s=3)
    refusal = await people.ask(token)
    assert isinstance(refusal, Refusal)
    assert refusal.line is not None
    assert (refusal.line.ahead, refusal.line.eta_s) == (0, 0)
    assert refusal.line.place not in (None, token)
    people.outcome = FINE
    await people.ask(refusal.line.place)
    assert people.seen == [None, STOOD, STOOD]


@pytest.mark.parametrize(
    "outcome",
    [
        Refusal("overloaded", "dropped"),
        Refusal("outcome_unknown", "timeout"),
        Refusal("backend_unreachable", "refused"),
        FINE,
    ],
)
async def test_who_was_served_or_sent_away_has_used_it_up(outcome: Outcome) -> None:
    """An operator's word, and the backend's, end it."""
    people = People()
    token = await people.given()
    people.outcome = outcome
    assert await people.ask(token) is outcome


async def test_our_own_renewals_use_up_nobodys_place() -> None:
    """A call that renews an answer carries its caller's headers, and stands in line as anybody."""
    people = People()
    token = await people.given()
    await people.ask(token, ours=True)
    assert people.seen == [None, None]


def test_it_says_what_it_is_worth() -> None:
    """As explain shows it."""
    assert place.describe(Scope(Plan(), tickets())).endswith("worth at most 5 s")


async def test_our_own_renewals_are_given_no_place() -> None:
    """Nobody would come back with it, and it would count among his who asked last."""
    people = People(queue_size=30, queue_share=0.1)
    for number in range(3):
        await people.ask(body=b"Reserve %d" % number, ours=True)
    await people.given(body=b"Reserve 4")


async def test_who_asked_for_everybody_and_stood_for_himself_comes_back_with_what_he_asked_first() -> None:
    """His place is for the call that he will repeat, whatever became of it on its way in."""
    people = People()
    shared = Call("tickets", "", "Reserve", Dialect.SOAP11, key=b"k", client="ada")
    people.becomes = shared._replace(key=None)
    token = await people.given(call=shared)
    await people.ask(token, call=shared)
    assert people.seen[-1] == STOOD
