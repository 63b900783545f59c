"""Where a purchase begins and ends, and who goes first meanwhile: the whole road on made-up time, the backend in the test's hands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.caller import purchase
from sidecar.model import Answer, Executed, Failed, Grade, Progress, Refusal, Standing
from sidecar.plan import CoverPlan, DebugPlan, FallbackPlan, IdempotencyPlan, OperationPlan, Plan, RoomPlan, Scope
from sidecar.policy.queue import ClassRule
from sidecar.policy.rates import Per, RateRule
from tests.support.people import People, cached, reply
from tests.support.world import RESET, LateReply, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from sidecar.model import Exchange, Lease, Received, Reply, Seat

pytestmark = pytest.mark.virtual

WINDOW_S = 600.0
SOLD_OUT = reply(b"<no seats/>")
RESERVE = OperationPlan("Reserve", client_class="checkout", begins="purchase")
CHECKOUT = OperationPlan("Checkout", client_class="checkout", ends="purchase")
READ = OperationPlan("Get*", safe=True, timeout_s=30.0)
OK_ANSWER = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
ONE = RateRule(Per.CLIENT, 1, 3600.0, 1)


class Sale(People):
    """A box office whose callers show `key=NAME`."""

    def __init__(self, *lines: OperationPlan, **backend: object) -> None:
        super().__init__(identity_params=("key", "session"), purchase_s=WINDOW_S, **backend)
        known = {line.pattern: line for line in (RESERVE, CHECKOUT, READ, OperationPlan(), *lines)}
        operations = tuple(sorted(known.values(), key=lambda line: line.pattern == "*"))
        self.scene = Scene(
            replace(self.scene.backend, operations=operations), Plan(debug=DebugPlan("a-token-of-a-test"))
        )
        self.rebuilt()
        self.seats: list[Seat] = []
        lease = self.scene.slots.lease

        async def noted(seat: Seat) -> Lease | Refusal:
            self.seats.append(seat)
            return await lease(seat)

        self.scene.slots.lease = noted  # type: ignore[method-assign]  # the port as it was, and somebody who looks on

    def is_going(self, who: str) -> bool:
        """Say whether somebody's purchase is under way."""
        made = self.scene.purchases
        return made.is_going("tickets", (made.key("tickets", f"param {who}".encode()),))

    async def begun(self, who: str = "ada") -> None:
        """Let somebody reserve, and get seats."""
        await self.asked(f"Reserve key={who}", who="192.0.2.1")
        assert self.is_going(who)

    async def fill(self, client_class: str = "browse", many: int = 3) -> list[asyncio.Task[Reply]]:
        """Let two newcomers hold the slots, and others the whole line."""
        calls = []
        for number in range(2 + many):
            calls.append(self.asking(f"GetSeats n={number}", who=f"newcomer{number}"))
            await settle()
        assert self.scene.view == f"2+0 of 2, {many} queued"
        return calls


async def test_whoever_gets_something_is_under_way_for_the_window() -> None:
    """From the reply on, and by the session alone: another name for it makes no difference, another address neither."""
    sale = Sale()
    assert not sale.is_going("ada")
    await sale.asked("Reserve key=ada n=2")
    assert sale.is_going("ada")
    assert not sale.is_going("bob")
    await sale.asked("GetSeats session=ada", who="198.51.100.7")
    assert sale.exchanges[-1].under_way
    await sale.asked("GetSeats session=bob")
    assert not sale.exchanges[-1].under_way
    await asyncio.sleep(WINDOW_S)
    await sale.asked("GetSeats key=ada")
    assert not sale.exchanges[-1].under_way


@pytest.mark.parametrize(
    "by", [SOLD_OUT, reply(b"<fault/>"), reply(b"<html/>"), Failed("backend_unreachable", "refused", "", sent=False)]
)
async def test_whoever_gets_nothing_is_not(by: Received | Failed) -> None:
    """However often he tries: sold out, a fault, a page of an error, no connection."""
    sale = Sale(breaker=None)
    for _ in range(100):
        await sale.asked("Reserve key=ada", by=by)
    assert not sale.is_going("ada")
    assert sale.scene.purchases.count("tickets") == 0


async def test_only_what_begins_begins() -> None:
    """And whoever shows nothing is known by nothing."""
    sale = Sale()
    await sale.asked("Login key=ada")
    await sale.asked("Checkout key=ada")
    await sale.asked("Reserve n=2")
    assert sale.scene.purchases.count("tickets") == 0


async def test_who_gets_through_is_a_newcomer_again() -> None:
    """Whoever waits for it is told; a card that is declined ends nothing."""
    sale = Sale()
    told: list[tuple[str, tuple[bytes, ...]]] = []
    sale.scene.purchases.on_end = lambda *each: told.append(each)
    await sale.begun()
    await sale.asked("Checkout session=ada", by=SOLD_OUT)
    assert sale.is_going("ada")
    await sale.asked("Checkout session=ada")
    assert not sale.is_going("ada")
    assert told == [("tickets", (sale.scene.purchases.key("tickets", b"param ada"),))]


async def test_one_call_that_does_both_is_over_at_once() -> None:
    """It has got what it came for."""
    sale = Sale(OperationPlan("BuyNow", begins="purchase", ends="purchase"))
    await sale.asked("BuyNow key=ada")
    assert not sale.is_going("ada")


async def test_several_in_one_begin_and_end_nothing() -> None:
    """Nobody reads what each of them got: a batch of a reservation that fails is no way in, and one of a payment takes nothing away."""
    sale = Sale()
    sale.scene.adapter.members = {
        "Batch": ("Reserve", "Login"),
        "Reserve": ("Reserve", "Other"),
        "Pay": ("Checkout", "Get"),
    }
    await sale.asked("Batch key=ada")
    await sale.asked("Reserve key=ada")
    assert not sale.is_going("ada")
    sale.scene.adapter.members = {"Pay": ("Checkout", "Get")}
    await sale.begun()
    await sale.asked("Pay key=ada")
    assert sale.is_going("ada")


async def test_what_is_told_again_is_no_beginning() -> None:
    """A key that is replayed after the window bought nothing now."""
    sale = Sale(replace(RESERVE, idempotency=IdempotencyPlan()))
    first = await sale.asked("Reserve key=ada", ("Idempotency-Key", "k1"))
    assert (first.state, sale.is_going("ada")) == ("ok;executed=yes", True)
    await asyncio.sleep(WINDOW_S)
    again = await sale.asked("Reserve key=ada", ("Idempotency-Key", "k1"))
    assert again.state.startswith("replayed")
    assert not sale.is_going("ada")


async def test_an_answer_in_the_backends_place_is_no_beginning() -> None:
    """A stand-in gave nobody a seat, nor did the spare."""
    rule = FallbackPlan(frozenset({"backend_unreachable"}), "body", b"<ok/>")
    sale = Sale(replace(RESERVE, fallback=(rule,)))
    said = await sale.asked("Reserve key=ada", by=Failed("backend_unreachable", "refused", "", sent=False))
    assert said.state.startswith("fallback")
    assert not sale.is_going("ada")


# --- doubts


async def test_where_nobody_knows_he_may_have_seats() -> None:
    """The backend broke the connection: he goes on as one who has, for the window."""
    sale = Sale()
    said = await sale.asked("Reserve key=ada", by=RESET)
    assert said.state.startswith("outcome_unknown")
    assert sale.is_going("ada")
    await asyncio.sleep(WINDOW_S)
    assert not sale.is_going("ada")


async def haunted(sale: Sale, who: str = "ada") -> LateReply:
    """Let somebody's reservation time out at a backend that works on."""
    call = sale.asking(f"Reserve key={who}")
    ghost = LateReply()
    (await sale.scene.upstream.ask(len(sale.asks))).haunt(ghost)
    await call
    return ghost


async def test_a_late_answer_settles_it() -> None:
    """There were seats: he stays; there were none: he is a newcomer; nobody will ever know: he stays."""
    for late, stays in ((reply(), True), (SOLD_OUT, False), (RESET, True)):
        sale = Sale()
        ghost = await haunted(sale)
        assert sale.is_going("ada")
        ghost.come(late)
        await settle()
        assert sale.is_going("ada") is stays


async def test_a_late_answer_takes_nothing_that_is_known_otherwise() -> None:
    """He has reserved again meanwhile, and got seats."""
    sale = Sale()
    ghost = await haunted(sale)
    await sale.begun()
    ghost.come(SOLD_OUT)
    await settle()
    assert sale.is_going("ada")


async def test_a_late_answer_begins_nothing_that_has_ended() -> None:
    """He has paid meanwhile."""
    sale = Sale()
    ghost = await haunted(sale)
    await sale.asked("Checkout key=ada")
    assert not sale.is_going("ada")
    ghost.come(reply())
    await settle()
    assert not sale.is_going("ada")


async def test_what_is_known_is_known() -> None:
    """A streamed reply that its reader leaves is told of again, as its rest comes or does not: that begins nothing anew."""
    for late in (OK_ANSWER, Refusal("outcome_unknown", "reset")):
        sale = Sale()
        call = sale.asking("Reserve key=ada")
        ask = await sale.scene.upstream.ask(0)
        follow, flight = sale.exchanges[0].follow, sale.exchanges[0].flight
        ask.answer()
        await call
        await sale.asked("Checkout key=ada")
        assert follow is not None
        assert flight is not None
        follow(flight, late)
        assert not sale.is_going("ada")


@pytest.mark.parametrize("leaves", ["hangs up", "is impatient"])
@pytest.mark.parametrize(("by", "going"), [(reply(), True), (SOLD_OUT, False)])
async def test_who_does_not_wait_gets_no_more_than_the_backend_gave(leaves: str, by: Received, going: bool) -> None:
    """To give up early is no way in, and loses nobody his seats: what counts is what the backend says."""
    sale = Sale()
    patience = (("Sidecar-Timeout", "1"),) if leaves == "is impatient" else ()
    call = sale.asking("Reserve key=ada", *patience)
    ask = (await sale.scene.upstream.ask(0)).reach(Progress.BODY)
    if leaves == "hangs up":
        call.cancel()
        await settle()
    else:
        assert state_of(await call).startswith("outcome_unknown")
    assert not sale.is_going("ada")
    ask.answer(by)
    await settle()
    assert sale.is_going("ada") is going


async def test_what_goes_wrong_on_purpose_is_no_doubt() -> None:
    """The backend never had the call."""
    sale = Sale()
    said = await sale.asked("Reserve key=ada", ("Sidecar-Debug", "a-token-of-a-test"), ("Sidecar-Fault", "reset"))
    assert said.state.startswith("outcome_unknown")
    assert not sale.asks
    assert not sale.is_going("ada")


# --- what it is worth


async def test_his_own_rate_does_not_stop_him() -> None:
    """The third try at paying is as good as the first; a newcomer at the same address is told to wait."""
    sale = Sale(rates=(ONE,))
    await sale.begun()
    for _ in range(5):
        assert (await sale.asked("Checkout key=ada", by=SOLD_OUT)).state.startswith("business_no")
    await sale.asked("GetSeats", who="192.0.2.9")
    assert (await sale.asked("GetSeats", who="192.0.2.9")).state.startswith("rate_limited")


async def test_a_full_line_does_not_refuse_him() -> None:
    """A newcomer of the lowest class makes room, and he is served next, before all who wait."""
    sale = Sale()
    await sale.begun()
    calls = await sale.fill()
    newcomer = await sale.asking("GetSeats n=9", who="newcomer9")
    assert state_of(newcomer).startswith("overloaded;reason=queue_full")
    paying = sale.asking("Checkout key=ada")
    await settle()
    pushed = [state_of(each.result()) for each in calls if each.done()]
    assert len(pushed) == 1
    assert pushed[0].startswith("overloaded;reason=pushed_out")
    sale.asks[-1].answer()
    await settle()
    assert b"Checkout" in sale.asks[-1].outbound.body
    sale.scene.upstream.auto = lambda _: reply()
    for ask in sale.asks:
        ask.answer()
    assert (await paying).status == 200


async def test_a_line_that_is_full_of_his_kind_refuses_him() -> None:
    """The limit holds: what the backend cannot bear nobody gets."""
    sale = Sale(queue_size=1)
    for who in ("ada", "bob", "cyd", "dan"):
        await sale.begun(who)
    calls = []
    for who in ("ada", "bob", "cyd"):
        calls.append(sale.asking(f"GetSeats key={who}"))
        await settle()
    assert state_of(await sale.asking("GetSeats key=dan")).startswith("overloaded;reason=queue_full")
    for call in calls:
        call.cancel()


async def test_the_third_call_at_once_is_anybodys() -> None:
    """And is refused where anybody would be; when one of the two is done, the next goes first again."""
    sale = Sale(rates=(ONE,))
    await sale.begun()
    two = [sale.asking(f"GetSeats key=ada n={number}") for number in range(2)]
    await settle()
    third = await sale.asking("GetSeats key=ada n=3")
    assert [each.under_way for each in sale.exchanges[1:]] == [True, True, False]
    assert state_of(third).startswith("rate_limited")
    for ask in sale.asks:
        ask.answer()
    for each in two:
        assert (await each).status == 200
    assert (await sale.asked("GetSeats key=ada n=4")).state == "ok;executed=yes"


async def test_to_hang_up_makes_no_room_for_a_third() -> None:
    """What the backend still works on counts; what had not left yet does not."""
    sale = Sale()
    await sale.begun()
    for _ in range(2):
        call = sale.asking("GetSeats key=ada")
        (await sale.scene.upstream.ask(len(sale.asks))).reach(Progress.BODY)
        call.cancel()
        await settle()
    waiting = sale.asking("GetSeats key=ada n=3")
    await settle()
    assert not sale.exchanges[-1].under_way
    waiting.cancel()
    sale.asks[1].answer()
    await settle()
    left = sale.asking("GetSeats key=ada n=4")
    await settle()
    assert sale.exchanges[-1].under_way
    left.cancel()
    await settle()
    await sale.asked("GetSeats key=ada n=5")
    assert sale.exchanges[-1].under_way


async def test_one_among_many_at_an_address_is_himself() -> None:
    """A shop's server asks for all of its people from one address: those who begin do not fill the share of him who pays."""
    sale = Sale(queue_share=0.5, queue_size=4)
    await sale.begun()
    sale.scene.identities.forget("tickets")  # as where an address has shown more than are told apart
    crowd = []
    for number in range(6):
        crowd.append(sale.asking(f"GetSeats n={number}", who="192.0.2.1"))
        await settle()
    other = sale.asking("Login n=1", who="other")
    await settle()
    paying = sale.asking("Checkout key=ada", who="192.0.2.1")
    await settle()
    assert not paying.done()
    assert sale.exchanges[-1].client.startswith("purchase:")
    sale.asks[-1].answer()
    await settle()
    assert b"Checkout" in sale.asks[-1].outbound.body
    for call in (*crowd, other, paying):
        call.cancel()


async def test_who_has_a_better_class_keeps_it() -> None:
    """Where the settings rank staff above: their purchases are no worse than their looking."""
    sale = Sale()
    classes = (ClassRule("staff", 40), ClassRule("underway", 20), ClassRule("browse", 4))
    await sale.begun()
    for client_class, given in (("staff", "staff"), ("browse", "underway"), (None, "underway")):
        standing = Standing("ada", client_class=client_class)
        world = replace(sale.scene.world, client_of=lambda *_, standing=standing: standing)
        sale.road = pipeline.build(replace(sale.scene.plan, classes=classes), world)
        await sale.asked("GetSeats key=ada")
        waiter = sale.exchanges[-1].waiter
        assert waiter is not None
        assert waiter.client_class == given


async def test_a_renewal_is_nobodys_purchase() -> None:
    """What is asked anew behind callers' backs goes by its own class."""
    sale = Sale(replace(cached(ttl_s=1.0, swr_s=60.0), pattern="Get*"))
    await sale.begun()
    await sale.asked("GetSeats key=ada")
    await asyncio.sleep(2.0)
    said = await sale.asked("GetSeats key=ada")
    assert said.state.startswith("stale")
    assert len(sale.asks) == 3
    assert [seat.client_class for seat in sale.seats] == ["checkout", "underway", "browse"]


def test_it_is_built_where_purchases_begin_and_says_so() -> None:
    """For explain: on every line of such a backend, for all calls of somebody under way are looked at."""
    plain, sale = tickets(), tickets(operations=(RESERVE, CHECKOUT, OperationPlan()))
    assert not purchase.applies(Scope(Plan(), plain, plain.operations[0]))
    told = [purchase.describe(Scope(Plan(), sale, line)) for line in sale.operations]
    assert all(purchase.applies(Scope(Plan(), sale, line)) for line in sale.operations)
    first = "whoever is under way goes first, two calls at once; his own rate does not stop him"
    assert told == [
        f"whoever gets something by it has begun a purchase, and is under way for 1200 s; {first}",
        f"whoever gets through it is under way no more; {first}",
        first,
    ]


async def test_who_would_begin_another_purchase_says_by_what_the_first_is_known() -> None:
    """So that a room can tell whether it was begun with a pass of its own; what goes on with the first one says nothing of it."""
    sale = Sale()
    asked: list[tuple[str, bool, tuple[bytes, ...] | None]] = []

    class Rooms:
        active = True

        @staticmethod
        def ask(exchange: Exchange) -> None:
            assert exchange.call is not None
            asked.append((exchange.call.operation, exchange.under_way, exchange.begun_as))

        @staticmethod
        def learn(exchange: Exchange) -> None:
            del exchange

    sale.scene.plan = replace(sale.scene.plan, rooms=(RoomPlan("hamlet", covers=(CoverPlan("tickets"),)),))
    sale.scene.world = replace(sale.scene.world, rooms=Rooms())  # type: ignore[arg-type]  # all of it that is asked here
    sale.scene.purchases.passes = lambda exchange: (b"pass",) if b"pass" in exchange.body else ()
    sale.rebuilt()
    for call in ("Reserve key=ada pass=1", "Reserve key=ada", "GetCart key=ada", "Reserve key=bob"):
        await sale.asked(call)
    ada = (sale.scene.purchases.key("tickets", b"param ada"), b"pass")
    assert asked == [
        ("Reserve", False, None),
        ("Reserve", True, ada),
        ("GetCart", True, None),
        ("Reserve", False, None),
    ]
