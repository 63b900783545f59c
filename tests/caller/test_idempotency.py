"""Keys against a second purchase: the backend executes once, and everybody is told the truth."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from adapters.soap.adapter import SoapAdapter
from sidecar.caller.idempotency import build
from sidecar.lookup import PREFIX, Lookup
from sidecar.model import Answer, Call, Dialect, Executed, Failed, Grade, Progress, Received, Refusal
from sidecar.outcomes import LARGEST_BYTES
from sidecar.plan import FallbackPlan, IdempotencyPlan
from sidecar.policy.injection import Fault, Kind
from tests.adapters.corpus import demo_index
from tests.adapters.soap.spelling import S11
from tests.support.people import People, Said, cached, reply
from tests.support.world import REFUSED, RESET, SAFE, UNSAFE, LateReply, render, settle

if TYPE_CHECKING:
    from adapters.soap.contract import Index
    from sidecar.model import Exchange, Outcome
    from sidecar.ports import Facts, Rendered

pytestmark = pytest.mark.virtual

API = "http://boxoffice.example/api/"
KEY = ("Idempotency-Key", '"a1b2c3"')
BUY = "Reserve event=1 seats=2 session=s1"


def shop(plan: IdempotencyPlan | None = None, **changes: object) -> People:
    line = replace(UNSAFE, idempotency=plan or IdempotencyPlan(), **changes)
    return linked(People(SAFE, line, identity_params=("session",)))


def linked(people: People) -> People:
    """Let failures say where to ask, too."""

    def with_links(facts: Facts) -> Rendered:
        made = render(facts)
        return replace(made, body=made.body + repr((facts.links, facts.line)).encode())

    people.scene.world = replace(people.scene.world, renderers=dict.fromkeys(Dialect, with_links))
    people.rebuilt()
    return people


async def test_the_same_purchase_twice() -> None:
    """The second is told what the first got, and that it is a repetition; the backend has it once."""
    people = shop()
    first = await people.asked(BUY, KEY, by=reply(b"<ok>2</ok>"))
    second = await people.asked(BUY, ("Idempotency-Key", "a1b2c3"), by=reply(b"<ok>4</ok>"))
    assert (first.state, second.state) == ("ok;executed=yes", "replayed;executed=yes")
    assert second.body == first.body == b"<ok>2</ok>"
    assert len(people.asks) == 1


async def test_ten_times_at_once() -> None:
    """One is made; the others are told that it is under way, and where to ask."""
    people = shop()
    callers = [people.asking(BUY, KEY, who=f"p{n}") for n in range(10)]
    await settle()
    assert len(people.asks) == 1
    told = [Said(await caller) for caller in callers[1:]]
    assert {each.state for each in told} == {"in_progress;executed=unknown"}
    people.asks[0].answer(reply(b"<ok>2</ok>"))
    assert Said(await callers[0]).state == "ok;executed=yes"


@pytest.mark.parametrize("nothing", [REFUSED, reply(b"<no/>")])
async def test_what_did_nothing_frees_the_key(nothing: Received | Failed) -> None:
    """Whoever repeats it makes the call."""
    people = shop()
    await people.asked(BUY, KEY, by=nothing)
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"
    assert len(people.asks) == 2


async def test_a_lost_reply() -> None:
    """Nobody knows, so nobody makes it again: whoever repeats it is told that, and where to ask."""
    people = shop()
    for _ in range(2):
        said = await people.asked(BUY, KEY, by=RESET)
        assert said.state == "outcome_unknown;reason=reset;executed=unknown"
    assert len(people.asks) == 1


async def test_another_call_under_the_key() -> None:
    """It is a mistake, and not made; spelling is no other call, and neither is a new session's secret nor the key itself."""
    people = shop()
    await people.asked(BUY, KEY)
    assert (await people.asked("Reserve event=1 seats=3 session=s1", KEY)).state == "key_reused;executed=no"
    assert (await people.asked("Reserve seats=2 event=1 session=s1", KEY)).state == "replayed;executed=yes"
    assert len(people.asks) == 1


async def test_somebody_elses_key() -> None:
    """Whoever shows another identity is told no outcome, and not that nothing was done either: he may have signed in anew."""
    people = shop()
    await people.asked(BUY, KEY, by=reply(b"<ok>secret</ok>"))
    said = await people.asked("Reserve event=1 seats=2 session=s2", KEY)
    assert said.state == "outcome_unknown;reason=identity;executed=unknown"
    assert b"secret" not in said.body
    assert b"/operations/" not in said.body
    other = await people.asked("Reserve event=1 seats=3 session=s2", KEY)
    assert other.state == "key_reused;executed=no"
    assert len(people.asks) == 1


async def test_a_token_that_was_renewed_meanwhile() -> None:
    """While the first is under way, too: it is said to be, without where to ask, for it may be somebody else's."""
    line = replace(UNSAFE, idempotency=IdempotencyPlan())
    people = linked(People(SAFE, line, identity_headers=("Authorization",)))
    first = people.asking(BUY, KEY, ("Authorization", "Bearer one"))
    await settle()
    said = await people.asked(BUY, KEY, ("Authorization", "Bearer two"))
    assert said.state == "in_progress;executed=unknown"
    assert b"/operations/" not in said.body
    people.asks[0].answer(reply(b"<ok>2</ok>"))
    assert Said(await first).state == "ok;executed=yes"
    assert (await people.asked(BUY, KEY, ("Authorization", "Bearer one"))).state == "replayed;executed=yes"
    assert len(people.asks) == 1


SHOP = ("Authorization", "Basic shop")


@pytest.mark.parametrize(
    "one",
    ["session=s{}", "sCardNumber={}", "ShippingMethod={}", "account=a session=s{}"],
)
async def test_two_customers_of_one_account(one: str) -> None:
    """Without a key they are two wherever they differ at all, in a secret or a session: nobody is told the other's answer."""
    people = People(
        SAFE,
        replace(UNSAFE, idempotency=IdempotencyPlan(derived_s=30.0)),
        identity_headers=("Authorization",),
        identity_params=("account",),
    )
    calls = [f"Reserve event=1 {one.format(n)}" for n in range(2)]
    said = [await people.asked(call, SHOP, by=reply(b"<ok>%d</ok>" % n)) for n, call in enumerate(calls)]
    assert [(each.state, each.body) for each in said] == [("ok;executed=yes", b"<ok>%d</ok>" % n) for n in range(2)]
    assert [(await people.asked(call, SHOP)).body for call in calls] == [b"<ok>0</ok>", b"<ok>1</ok>"]
    assert len(people.asks) == 2


async def test_everything_that_is_shown_says_who_asks() -> None:
    """The account that all share comes first in the settings, and is not all that is looked at."""
    people = People(SAFE, replace(UNSAFE, idempotency=IdempotencyPlan()), identity_params=("account", "session"))
    await people.asked("Reserve event=1 account=a session=s1", KEY, by=reply(b"<ok>secret</ok>"))
    said = await people.asked("Reserve event=1 account=a session=s2", KEY)
    assert said.state == "outcome_unknown;reason=identity;executed=unknown"
    assert b"secret" not in said.body


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ("sCardNumber={}", "replayed;executed=yes"),
        ("PinCode={}", "replayed;executed=yes"),
        ("ShippingMethod={}", "key_reused;executed=no"),
        ("SpinCount={}", "key_reused;executed=no"),
    ],
)
async def test_what_counts_under_a_key(more: str, state: str) -> None:
    """A secret does not, and what only has the letters of one does."""
    people = shop()
    await people.asked(f"{BUY} {more.format(1)}", KEY)
    assert (await people.asked(f"{BUY} {more.format(2)}", KEY)).state == state
    assert len(people.asks) == 1


@pytest.mark.parametrize("other", ["/Reserve?seats=200", "/ReserveAll?seats=2"])
async def test_a_call_that_is_no_question(other: str) -> None:
    """An ASMX call that nobody else could share has no body: path and query count, and so another amount is another call."""
    people = shop()
    people.scene.adapter.question = lambda *_: "asmx"  # type: ignore[method-assign]  # as the real one says without a contract
    road = people.road

    async def ask(target: str) -> Said:
        people.scene.upstream.auto = lambda _: reply()
        lines = (("Content-Type", "text/xml"), KEY)
        return Said(await road(people.scene.exchange(b"Reserve", target=f"/tickets{target}", headers=lines)))

    assert (await ask("/Reserve?seats=2")).state == "ok;executed=yes"
    assert (await ask("/Reserve?seats=2")).state == "replayed;executed=yes"
    assert (await ask(other)).state == "key_reused;executed=no"
    assert len(people.asks) == 1


async def test_a_contract_that_comes_between() -> None:
    """It is read in the background: what was called before it was there is the same call afterwards, with or without its action."""
    known: list[Index] = []
    adapter = SoapAdapter(lambda: known[0] if known else None, path="/Tickets.asmx")
    people = shop()
    people.scene.world = replace(people.scene.world, adapters=dict.fromkeys(people.scene.world.adapters, adapter))
    people.rebuilt()

    def call(seats: int) -> str:
        inside = f"<sSessionKey>s</sSessionKey><iPerformanceNumber>7</iPerformanceNumber><iNumberOfSeats>{seats}</iNumberOfSeats>"
        return f'<s:Envelope xmlns:s="{S11}"><s:Body><ReserveTickets xmlns="{API}">{inside}</ReserveTickets></s:Body></s:Envelope>'

    receipt = f'<s:Envelope xmlns:s="{S11}"><s:Body><ReserveTicketsResponse xmlns="{API}"/></s:Body></s:Envelope>'
    none, action = ("SOAPAction", '""'), ("SOAPAction", f'"{API}ReserveTickets"')
    assert (await people.asked(call(2), KEY, none, by=reply(receipt.encode()))).state == "ok;executed=yes"
    known.append(demo_index())
    people.rebuilt()
    for line in (none, action):
        assert (await people.asked(call(2), KEY, line)).state == "replayed;executed=yes"
    assert (await people.asked(call(4), KEY, action)).state == "key_reused;executed=no"
    assert len(people.asks) == 1


async def test_a_key_where_none_is_taken() -> None:
    """Refused, never ignored: its sender relies on it."""
    for people, body in ((People(SAFE, UNSAFE), BUY), (People(cached(), UNSAFE), "GetSeats event=1")):
        assert (await people.asked(body, KEY)).state == "key_unsupported;executed=no"
        assert people.asks == []


@pytest.mark.parametrize(
    "plan",
    [
        IdempotencyPlan(name="X-Order"),
        IdempotencyPlan(source="param", name="order"),
        IdempotencyPlan(source="soap_header", name="OrderKey"),
    ],
)
async def test_the_usual_key_where_another_is_taken(plan: IdempotencyPlan) -> None:
    """Refused as well, even beside the right one: two keys are one too many."""
    people = shop(plan)
    for more in ((), (("X-Order", "7"),)):
        said = await people.asked(BUY + " order=7", KEY, *more)
        assert said.state == "key_unsupported;executed=no"
        assert plan.name.encode() in said.body
    assert people.asks == []


async def test_a_header_of_another_name() -> None:
    """Where the settings name it; and the usual name counts as itself however it is written."""
    for plan, key in ((IdempotencyPlan(name="X-Order"), "X-Order"), (IdempotencyPlan(name="idempotency-key"), KEY[0])):
        people = shop(plan)
        states = [(await people.asked(BUY, (key, "7"))).state for _ in range(2)]
        assert states == ["ok;executed=yes", "replayed;executed=yes"]


async def test_a_key_that_is_required() -> None:
    """A call without one is not made."""
    people = shop(IdempotencyPlan(required=True))
    assert (await people.asked(BUY)).state == "key_missing;executed=no"
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"
    assert len(people.asks) == 1


@pytest.mark.parametrize("key", ["", '""', "a" * 256, "ä"])
async def test_a_key_that_is_none(key: str) -> None:
    """Refused with what it has to be."""
    people = shop()
    assert (await people.asked(BUY, ("Idempotency-Key", key))).state == "malformed;reason=http;executed=no"
    assert people.asks == []


async def test_a_declared_parameter() -> None:
    """An old client that sends an order number needs no header."""
    people = shop(IdempotencyPlan(source="param", name="order"))
    for _ in range(2):
        await people.asked(BUY + " order=77")
    await people.asked(BUY + " order=78")
    assert len(people.asks) == 2


async def test_double_clicks() -> None:
    """Two equal calls of one session within the time are one; later, or of another, they are two."""
    people = shop(IdempotencyPlan(derived_s=30.0))
    assert [(await people.asked(BUY)).state for _ in range(2)] == ["ok;executed=yes", "replayed;executed=yes"]
    await people.asked(BUY.replace("s1", "s2"))
    assert len(people.asks) == 2
    await asyncio.sleep(31)
    await people.asked(BUY)
    assert len(people.asks) == 3


@pytest.mark.parametrize("params", [("session",), ()])
async def test_where_to_ask_without_a_key(params: tuple[str, ...]) -> None:
    """Said to whoever is known by a header; a GET has no parameters, so to whoever is known by one nothing is promised."""
    line = replace(UNSAFE, idempotency=IdempotencyPlan(derived_s=30.0))
    people = linked(People(SAFE, line, identity_params=params, identity_headers=("Authorization",)))
    first = people.asking(BUY, SHOP)
    await settle()
    again = await people.asked(BUY, SHOP)
    assert again.state == "in_progress;executed=unknown"
    assert (b"/operations/" in again.body) is not bool(params)
    seen = await look(people, f"{PREFIX}secret-1", SHOP)
    assert seen.state == ("not_found;reason=path;executed=no" if params else "in_progress;executed=unknown")
    people.asks[0].answer(RESET)
    assert (b"/operations/" in Said(await first).body) is not bool(params)


async def test_a_deadline_in_line() -> None:
    """Given up before it was sent: certainly nothing was done, so its key is free at once, and the call is made when it is repeated."""
    people = People(SAFE, replace(UNSAFE, idempotency=IdempotencyPlan()), limit=1)
    blocker = people.asking("Reserve event=9")
    await settle()
    first = Said(await people.asking(BUY, KEY, ("Sidecar-Timeout", "1")))
    assert first.state.endswith(";executed=no")
    second = people.asking(BUY, KEY)
    await settle()
    people.asks[0].answer()
    await blocker
    await settle()
    assert len(people.asks) == 2
    people.asks[1].answer()
    assert Said(await second).state == "ok;executed=yes"


async def test_who_has_waited_in_vain_until_his_own_deadline_comes_back_to_his_place() -> None:
    """His time was shorter than queue.wait: he is told how long it is yet, when to come back, and stands where he stood."""
    people = linked(People(SAFE, UNSAFE, limit=1))
    blocker = people.asking("Reserve event=9")
    await settle()
    said = Said(await people.asking(BUY, ("Sidecar-Timeout", "1")))
    assert said.state == "overloaded;reason=deadline;executed=no"
    [token] = re.findall(r"place='([^']+)'", said.body.decode())
    people.asking("Reserve event=8")
    await settle()
    again = people.asking(BUY, ("Sidecar-Place", token))
    await settle()
    people.asks[0].answer()
    await blocker
    await settle()
    assert people.asks[1].outbound.body == BUY.encode(), "before whoever came after him"
    people.asks[1].answer()
    assert Said(await again).state == "ok;executed=yes"
    people.asks[2].answer()


async def test_what_was_injected_leaves_no_deed() -> None:
    """The backend never had the call: its caller is told that nobody knows, as he would be; repeated under its key, it is made."""
    people = shop()
    fault = people.scene.injections.put("tickets", Fault("Reserve", Kind.RESET, 60.0))
    assert fault is not None
    assert Said(await people.asking(BUY, KEY)).state == "outcome_unknown;reason=reset;executed=unknown"
    assert people.asks == []
    people.scene.injections.clear("tickets", fault.id)
    await settle()
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"


async def test_a_deadline_before_a_connection() -> None:
    """As in line: the attempt had begun, and no byte of the body had left."""
    people = shop()
    first = Said(await people.asking(BUY, KEY, ("Sidecar-Timeout", "1")))
    assert first.state.endswith(";executed=no")
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"
    assert len(people.asks) == 2


async def test_a_deadline_in_the_line_of_the_spare() -> None:
    """The backend was not to be had, and the spare had no room in time: nobody has the call, and its key is free."""
    spare = FallbackPlan(frozenset({"backend_unreachable"}), "spare")
    line = replace(UNSAFE, idempotency=IdempotencyPlan(), fallback=(spare,))
    people = People(SAFE, line, limit=1, spare="http://127.0.0.1:9/spare.asmx")
    blocker = people.asking("Reserve event=9")
    await settle()
    people.asks[0].answer(REFUSED)
    await settle()
    first = people.asking(BUY, KEY, ("Sidecar-Timeout", "1"))
    await settle()
    people.asks[2].answer(REFUSED)
    assert Said(await first).state.endswith(";executed=no")
    people.asks[1].answer()
    assert Said(await blocker).state.startswith("fallback")
    assert [ask.outbound.target for ask in people.asks] == ["/Tickets.asmx", "/spare.asmx", "/Tickets.asmx"]
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"


@pytest.mark.parametrize("sent", [False, True])
async def test_a_bug_on_the_way_back(sent: bool) -> None:
    """The flight knows how it ended, and so does whoever repeats the call; of one that was not sent the key is free."""
    people = shop()
    scene = people.scene
    calls = 0

    async def inner(exchange: Exchange) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 1:
            exchange.flight = flight
            raise RuntimeError("a bug")
        return Refusal("overloaded", "queue_full")

    flight = scene.flight()
    flight.track.progress = Progress.BODY if sent else Progress.QUEUED
    stage = build(people.scene.scope(), scene.world, inner)

    def asking() -> Exchange:
        exchange = scene.exchange(BUY.encode(), headers=(("Content-Type", "text/xml"), KEY))
        exchange.call, exchange.body = Call("tickets", "", "Reserve", Dialect.SOAP11), BUY.encode()
        return exchange

    with pytest.raises(RuntimeError):
        await stage(asking())
    await settle()
    if sent:
        under_way = await stage(asking())
        assert isinstance(under_way, Refusal)
        assert under_way.state == "in_progress"
        for tell in flight.ends:
            tell(Answer(200, "OK", (), (b"<ok>2</ok>",), 10, Grade("ok", Executed.YES)))
        await settle()
        told = await stage(asking())
        assert isinstance(told, Answer)
        assert told.grade == Grade("replayed", Executed.YES)
    else:
        told = await stage(asking())
        assert isinstance(told, Refusal)
        assert told.state == "overloaded"
    flight.account.close()


async def test_a_bug_after_the_end() -> None:
    """Sent, over, and its outcome lost in a stage: nobody knows, and that is what whoever repeats it is told."""
    people = shop()
    flight = people.scene.flight()
    flight.track.progress, flight.over = Progress.REPLY, True

    async def inner(exchange: Exchange) -> Outcome:
        exchange.flight = flight
        raise RuntimeError("a bug")

    stage = build(people.scene.scope(), people.scene.world, inner)
    exchange = people.scene.exchange(BUY.encode(), headers=(("Content-Type", "text/xml"), KEY))
    exchange.call, exchange.body = Call("tickets", "", "Reserve", Dialect.SOAP11), BUY.encode()
    with pytest.raises(RuntimeError):
        await stage(exchange)
    told = await stage(exchange)
    assert isinstance(told, Refusal)
    assert (told.state, told.executed) == ("internal", Executed.UNKNOWN)
    flight.account.close()


async def test_a_caller_who_hangs_up_in_line() -> None:
    """Nothing has left: the call is not made, and its key is free."""
    people = shop()
    people = People(SAFE, replace(UNSAFE, idempotency=IdempotencyPlan()), limit=1)
    blocker = people.asking("Reserve event=9")
    await settle()
    caller = people.asking(BUY, KEY)
    await settle()
    caller.cancel()
    await settle()
    people.asks[0].answer()
    await blocker
    assert len(people.asks) == 1
    assert (await people.asked(BUY, KEY)).state == "ok;executed=yes"
    assert len(people.asks) == 2


async def test_a_caller_who_hangs_up_while_the_backend_works() -> None:
    """It goes on; whoever comes with the key is told what came of it."""
    people = shop()
    caller = people.asking(BUY, KEY)
    await settle()
    people.asks[0].reach(Progress.BODY)
    caller.cancel()
    await settle()
    assert Said(await people.asking(BUY, KEY)).state == "in_progress;executed=unknown"
    people.asks[0].answer(reply(b"<ok>2</ok>"))
    await settle()
    said = await people.asked(BUY, KEY)
    assert (said.state, said.body) == ("replayed;executed=yes", b"<ok>2</ok>")
    assert len(people.asks) == 1


async def test_a_late_reply_resolves_what_was_unknown() -> None:
    """Its caller was told that nobody knows; asked by its id later, or by its key, everybody does."""
    people = shop(timeout_s=5.0)
    caller = people.asking(BUY, KEY)
    await settle()
    people.asks[0].reach(Progress.BODY)
    first = Said(await caller)
    assert first.state == "outcome_unknown;reason=timeout;executed=unknown"
    people.asks[0].answer(reply(b"<ok>2</ok>"))
    await settle()
    assert (await people.asked(BUY, KEY)).state == "replayed;executed=yes"


async def test_a_ghosts_reply_resolves_it_too() -> None:
    """The attempt was given up, the connection was kept: what still comes counts."""
    people = shop()
    caller = people.asking(BUY, KEY)
    await settle()
    ghost = LateReply()
    people.asks[0].haunt(ghost)
    assert Said(await caller).state == "outcome_unknown;reason=timeout;executed=unknown"
    assert (await people.asked(BUY, KEY)).state == "outcome_unknown;reason=timeout;executed=unknown"
    ghost.come(reply(b"<ok>2</ok>"))
    await settle()
    said = await people.asked(BUY, KEY)
    assert (said.state, said.body) == ("replayed;executed=yes", b"<ok>2</ok>")


async def look(people: People, path: str, *headers: tuple[str, str], method: str = "GET") -> Said:
    people.scene.lookups[PREFIX] = Lookup(people.scene.deeds, {"tickets": ("Authorization",)})
    people.rebuilt()
    exchange = people.scene.exchange(b"", method=method, target=path, headers=headers)
    return Said(await people.road(exchange))


async def test_asked_by_its_id() -> None:
    """Only with the same key or the same identity; to anybody else there is nothing."""
    people = shop(timeout_s=5.0)
    caller = people.asking(BUY, KEY)
    await settle()
    people.asks[0].reach(Progress.BODY)
    await caller
    path = f"{PREFIX}secret-1"
    assert (await look(people, path, KEY)).state == "in_progress;executed=unknown"
    people.asks[0].answer(reply(b"<ok>2</ok>"))
    await settle()
    said = await look(people, path, KEY)
    assert (said.state, orjson.loads(said.body)["executed"]) == ("replayed;executed=yes", "yes")
    for headers in ((), (("Idempotency-Key", "another"),), (("Authorization", "Basic x"),)):
        assert (await look(people, path, *headers)).state == "not_found;reason=path;executed=no"
    assert (await look(people, f"{PREFIX}secret-9", KEY)).state == "not_found;reason=path;executed=no"
    assert (await look(people, path, KEY, method="POST")).state == "method_not_allowed;executed=no"


async def test_an_answer_that_cannot_be_told() -> None:
    """Asked again in a dialect that cannot hold it, or too large to be kept: what it did is told, never that nothing was done."""
    people = shop()
    await people.asked(BUY, KEY)
    people.scene.dialect = Dialect.XMLRPC
    assert (await people.asked(BUY, KEY)).state == "outcome_unknown;reason=untold;executed=yes"
    people.scene.dialect = Dialect.JSON
    large = ("Idempotency-Key", "large")
    assert (await people.asked(BUY, large, by=reply(b"x" * (LARGEST_BYTES + 1)))).state == "ok;executed=yes"
    assert (await people.asked(BUY, large)).state == "outcome_unknown;reason=untold;executed=yes"
    assert (await look(people, f"{PREFIX}secret-3", large)).state == "outcome_unknown;reason=untold;executed=yes"
    assert len(people.asks) == 2


async def test_no_room_to_remember() -> None:
    """A call that could not be told apart from its repetition is not made."""
    people = shop()

    class Full(type(people.scene.deeds)):  # type: ignore[misc]  # the store itself, full
        async def claim(self, deed: object) -> None:
            del deed

    people.scene.deeds.__class__ = Full
    assert (await people.asked(BUY, KEY)).state.startswith("overloaded")
    assert people.asks == []
    await asyncio.sleep(0)


async def test_a_fault_after_which_nobody_knows() -> None:
    """It may have been done, so it is not made again; the backend's words, which may quote what was sent, are not kept for that."""
    people = shop()
    first = await people.asked(BUY, KEY, by=reply(b"<fault>4111</fault>", status=500))
    second = await people.asked(BUY, KEY)
    assert first.state == "backend_fault;reason=server;executed=unknown"
    assert second.state == "outcome_unknown;reason=fault;executed=unknown"
    assert b"4111" not in second.body
    assert len(people.asks) == 1
