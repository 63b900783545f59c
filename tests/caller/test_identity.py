"""The identity stage: what is shown, what the backend makes of it, and who is a client of his own for that."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sidecar.caller import identity
from sidecar.model import Answer, Call, Dialect, Exchange, Executed, Grade, Outcome, Refusal, Standing
from sidecar.policy.identities import PER_ADDRESS
from tests.support.world import Scene, tickets

pytestmark = pytest.mark.virtual

HOME = "192.0.2.1"
FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
NO = FINE._replace(status=401, grade=Grade("backend_fault", Executed.NO, "http_error"))
FAULT = FINE._replace(status=500, grade=Grade("backend_fault", Executed.UNKNOWN, "server"))
ADA = (("Authorization", "Basic ada"),)


class Hall:
    """The stage before a backend whose answers the test gives; `seen` is who each call was counted as."""

    def __init__(self, params: tuple[str, ...] = (), headers: tuple[str, ...] = ("Authorization",)) -> None:
        self.scene = Scene(tickets(identity_params=params, identity_headers=headers))
        self.seen: list[str] = []
        self.outcome: Outcome = FINE
        self.key: bytes | None = None
        self._stage = identity.build(self.scene.scope(), self.scene.world, self._inner)

    async def _inner(self, exchange: Exchange) -> Outcome:
        assert exchange.call is not None
        assert exchange.call.client == exchange.client
        self.seen.append(exchange.client)
        flight = exchange.flight = self.scene.flight(key=self.key)
        assert flight.call.key == self.key
        return self.outcome

    async def call(
        self,
        headers: tuple[tuple[str, str], ...] = (),
        parameters: dict[str, str] | None = None,
        standing: Standing | None = None,
    ) -> str:
        """Make one call, and return who it was counted as."""
        exchange = self.scene.exchange(headers=headers)
        exchange.standing = standing or Standing(HOME)
        exchange.client = exchange.standing.client
        exchange.call = Call(
            "tickets", "", "Reserve", Dialect.SOAP11, parameters=parameters or {}, client=exchange.client
        )
        assert await self._stage(exchange) is self.outcome
        return exchange.client


async def test_it_counts_once_the_backend_has_answered_it_well() -> None:
    """The first call is the address's; then it is a client of its own, and another one at the same address is not."""
    hall = Hall()
    assert await hall.call(ADA) == HOME
    ada = await hall.call(ADA)
    assert ada.startswith("identity:")
    assert await hall.call(ADA, standing=Standing("198.51.100.9")) == ada
    assert await hall.call((("Authorization", "Basic bob"),)) == HOME
    assert await hall.call() == HOME
    assert hall.seen == [HOME, ada, ada, HOME, HOME]


@pytest.mark.parametrize(
    "outcome", [NO, FAULT, Refusal("overloaded", "queue_full"), Refusal("outcome_unknown", "timeout")]
)
async def test_nothing_else_makes_it_count(outcome: Outcome) -> None:
    """Not a fault, not a refusal of ours, not a call whose end nobody knows."""
    hall = Hall()
    hall.outcome = outcome
    assert [await hall.call(ADA) for _ in range(3)] == [HOME] * 3


@pytest.mark.parametrize("state", ["ok", "partial"])
async def test_what_is_answered_well(state: str) -> None:
    """A purchase of which only a part was to be had is one."""
    hall = Hall()
    hall.outcome = FINE._replace(grade=Grade(state, Executed.YES))
    await hall.call(ADA)
    assert await hall.call(ADA) != HOME


async def test_a_401_takes_it_back_and_a_fault_does_not() -> None:
    """A fault may be about anything; a 401 is about who asks (RFC 9110 section 15.5.2)."""
    hall = Hall()
    await hall.call(ADA)
    hall.outcome = FAULT
    assert await hall.call(ADA) != HOME
    hall.outcome = NO
    assert await hall.call(ADA) != HOME
    assert await hall.call(ADA) == HOME


async def test_an_answer_that_somebody_else_asked_for_says_nothing_of_him() -> None:
    """A shared flight carries no identity of its callers, and neither does an answer for which nobody flew."""
    hall = Hall()
    hall.key = b"shared"
    assert [await hall.call(ADA) for _ in range(2)] == [HOME] * 2
    stage = identity.build(hall.scene.scope(), hall.scene.world, lambda _: asyncio.sleep(0, FINE))
    for _ in range(2):
        exchange = hall.scene.exchange(headers=ADA)
        exchange.client, exchange.call = HOME, Call("tickets", "", "Reserve", Dialect.SOAP11, client=HOME)
        await stage(exchange)
        assert exchange.client == HOME


async def test_a_session_key_comes_before_a_header() -> None:
    """In the order of the settings, the first that is there; an empty one is none."""
    hall = Hall(params=("sSessionKey", "SessionKey"))
    session = {"SessionKey": "K1", "iPerf_no": "7"}
    await hall.call(ADA, session)
    key = await hall.call(ADA, session)
    assert key != HOME
    assert await hall.call((), session) == key
    assert await hall.call(ADA, {"SessionKey": ""}) == HOME
    assert await hall.call(ADA) not in (HOME, key)
    assert await hall.call((), {"iPerf_no": "7"}) == HOME


@pytest.mark.parametrize(
    "headers",
    [
        (("Authorization", ""),),
        (("Authorization", "Basic ada"), ("Authorization", "Basic bob")),
        (("X-Session", "1"),),
    ],
    ids=["empty", "twice", "another"],
)
async def test_what_shows_nobody(headers: tuple[tuple[str, str], ...]) -> None:
    """Nothing, two different things, or a header that the settings do not name."""
    hall = Hall()
    assert [await hall.call(headers) for _ in range(2)] == [HOME] * 2


async def test_the_headers_are_the_settings() -> None:
    """Whatever their case; the first that is there."""
    hall = Hall(headers=("X-Session", "Authorization"))
    await hall.call((("x-session", "1"), *ADA))
    first = await hall.call((("X-SESSION", "1"),))
    assert first != HOME
    assert await hall.call(ADA) == HOME


async def test_whom_a_trusted_caller_names_stays_whom_it_named() -> None:
    """Its server signs in with one account for all of them."""
    hall = Hall()
    named = Standing("shop_server/4711", "shop_server", named=True)
    assert [await hall.call(ADA, standing=named) for _ in range(2)] == ["shop_server/4711"] * 2
    assert await hall.call(ADA) == HOME


@pytest.mark.parametrize(("caller", "kept"), [("", False), ("shop_server", True)])
async def test_who_is_known_may_have_any_number_of_people(caller: str, kept: bool) -> None:
    """A stranger's address holds a hundred."""
    hall = Hall()
    for number in range(PER_ADDRESS + 1):
        shown = (("Authorization", f"Basic {number}"),)
        await hall.call(shown, standing=Standing(HOME, caller))
    assert (await hall.call(shown, standing=Standing(HOME, caller)) != HOME) is kept


async def test_it_is_built_where_anything_is_shown() -> None:
    """And says what."""
    with_both = Scene(tickets(identity_params=("sSessionKey",))).scope()
    assert identity.applies(with_both)
    assert "sSessionKey, Authorization (header)" in identity.describe(with_both)
    assert identity.applies(Scene(tickets(identity_params=("a",), identity_headers=())).scope())
    assert not identity.applies(Scene(tickets(identity_headers=())).scope())


@pytest.mark.parametrize(("outcome", "learnt"), [(FINE, 1), (NO, 0), (FAULT, 0), (Refusal("overloaded"), 0)])
async def test_rooms_learn_whom_the_backend_knows(outcome: Outcome, learnt: int) -> None:
    """Of each call that was answered well, and of no other; not of what was asked for somebody else, too."""
    told: list[Exchange] = []

    class Rooms:
        learn = staticmethod(told.append)

    hall = Hall(("key",), ())
    hall.scene.world = replace(hall.scene.world, rooms=Rooms())  # type: ignore[arg-type]  # all of it that is asked here
    stage = identity.build(hall.scene.scope(), hall.scene.world, hall._inner)
    hall._stage, hall.outcome = stage, outcome
    await hall.call(parameters={"key": "ada"})
    assert [each.shown for each in told] == [b"param ada"] * learnt
    hall.key = b"shared"
    await hall.call(parameters={"key": "ada"})
    await hall.call()
    assert len(told) == learnt
