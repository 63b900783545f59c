"""The gates before a flight: who counts as whom, how long he may wait, and what he is told. The rules' own arithmetic is the policy's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.caller import gates
from sidecar.model import Call, Dialect, Refusal
from sidecar.plan import CoverPlan, Plan, RoomPlan
from sidecar.policy.rates import Mode, Per, RateRule
from sidecar.stores.rates import MemoryRates

if TYPE_CHECKING:
    from sidecar.model import Flight, Outcome

CLIENT = RateRule(Per.CLIENT, 1, 10.0, 2)
ACCOUNT = RateRule(Per.ACCOUNT, 1, 10.0, 1, params=("sCustomerNo",))
SHAPED = RateRule(Per.BACKEND, 1, 2.0, 1, Mode.SHAPE)
OF_LINE = RateRule(Per.OPERATION, 1, 10.0, 1, line="Get*")


async def lane(_: Flight) -> Outcome:
    """Be a lane that nobody asks for anything here."""
    raise AssertionError


class Hall:
    """One operation's gates over real rates, at a moment that the test moves."""

    def __init__(
        self,
        *rules: RateRule,
        of_line: tuple[RateRule, ...] = (),
        wait_s: float = 5.0,
        rooms: tuple[RoomPlan, ...] = (),
    ) -> None:
        self.rooms_planned = rooms
        self.at_rooms: list[object] = []
        self.at = 100.0
        clock = cast("Any", SimpleNamespace(now=lambda: self.at))
        rates = MemoryRates(clock)
        rates.bound({"tickets": (*rules, *of_line)})
        self.scope = cast(
            "Any",
            SimpleNamespace(
                plan=Plan(rooms=self.rooms_planned),
                one_backend=SimpleNamespace(name="tickets", rates=rules, queue_wait_s=wait_s),
                one_operation=SimpleNamespace(pattern="Get*", rates=of_line),
            ),
        )
        self.observed, self.lines = False, list[dict[str, object]]()
        self.pauses = SimpleNamespace(active=False, ask=self.paused)
        self.refusal: Refusal | None = None
        self.asked = list[tuple[str, bool]]()
        world = SimpleNamespace(
            clock=clock,
            rates=rates,
            pauses=self.pauses,
            rooms=SimpleNamespace(ask=self.roomed),
            observing=lambda *asked: self.observed and asked == ("tickets", "rate"),
            log=SimpleNamespace(event=lambda name, **facts: self.lines.append({"event": name, **facts})),
        )
        self.gated = gates.build(self.scope, cast("Any", world), lane)

    def paused(self, backend: str, *, under_way: bool) -> Refusal | None:
        self.asked.append((backend, under_way))
        return None if under_way else self.refusal

    def roomed(self, exchange: object) -> Refusal | None:
        self.at_rooms.append(exchange)
        return self.refusal

    def ask(
        self,
        client: str = "ada",
        patience_s: float = 60.0,
        *,
        ours: bool = False,
        under_way: bool = False,
        **parameters: str,
    ) -> tuple[float | Refusal, dict[str, str]]:
        """Make one call, and return the verdict and what the caller is told."""
        call = Call("tickets", "", "GetSeats", Dialect.SOAP11, parameters=parameters, client=client)
        exchange = cast("Any", SimpleNamespace(client=client, call=call, ours=ours, under_way=under_way, rate_limit=()))
        verdict = self.gated.ask(exchange, self.at + patience_s)
        return verdict, {name.decode(): value.decode() for name, value in exchange.rate_limit}


def refused(verdict: tuple[float | Refusal, dict[str, str]]) -> Refusal:
    assert isinstance(verdict[0], Refusal), verdict
    return verdict[0]


def test_who_may_go_starts_at_once_and_is_told_what_is_left() -> None:
    """In the headers of the draft, of his own rate."""
    hall = Hall(CLIENT, SHAPED)
    policy = {"RateLimit-Policy": '"client";q=2;w=20'}
    assert hall.ask() == (100.0, {"RateLimit": '"client";r=1;t=10', **policy})
    assert hall.gated.lane is lane


def test_who_may_not_is_told_why_and_when() -> None:
    """By his own rate with its policy; by one that all share without: it is not his to keep to."""
    hall = Hall(CLIENT)
    hall.ask()
    hall.ask()
    refusal, told = hall.ask()
    assert isinstance(refusal, Refusal)
    assert (refusal.state, refusal.reason, refusal.retry_after_s) == ("rate_limited", "client", 10)
    assert told == {"RateLimit": '"client";r=0;t=10', "RateLimit-Policy": '"client";q=2;w=20'}
    hall = Hall(SHAPED._replace(mode=Mode.POLICE))
    assert hall.ask() == (100.0, {})
    assert hall.ask()[1] == {"RateLimit": '"backend";r=0;t=2'}


@pytest.mark.parametrize(
    ("wait_s", "patience_s", "starts"), [(5.0, 60.0, 3), (5.0, 2.0, 2), (1.9, 60.0, 1), (60.0, 7.0, 4)]
)
def test_a_rule_that_shapes_lets_wait_as_long_as_the_line_and_the_caller_do(
    wait_s: float, patience_s: float, starts: int
) -> None:
    """Calls two seconds apart: each in its turn, and none whose turn comes after queue.wait or after its caller has gone."""
    hall = Hall(SHAPED, wait_s=wait_s)
    verdicts = [hall.ask(patience_s=patience_s)[0] for _ in range(starts + 1)]
    assert verdicts[:-1] == [100.0 + 2 * number for number in range(starts)]
    assert isinstance(verdicts[-1], Refusal)


def test_a_rate_that_only_observes_refuses_nobody() -> None:
    """By order of an operator: who would have been refused goes at once, and a line says so."""
    hall = Hall(ACCOUNT)
    hall.observed = True
    for _ in range(3):
        assert hall.ask(sCustomerNo="7")[0] == 100.0
    assert [(line["event"], line["mechanism"]) for line in hall.lines] == [("observed", "rate")] * 2
    hall.observed = False
    refused(hall.ask(sCustomerNo="7"))


def test_a_renewal_is_nobodys_and_does_not_wait() -> None:
    """No client pays for it, but what bounds the backend's load counts it, too."""
    hall = Hall(CLIENT, ACCOUNT, SHAPED)
    assert hall.ask("sidecar", ours=True, sCustomerNo="7") == (100.0, {})
    assert refused(hall.ask("sidecar", ours=True)).reason == "backend"
    hall.at = 102.0
    assert [isinstance(hall.ask("sidecar", sCustomerNo="7")[0], float) for _ in range(2)] == [True, False]


def test_an_account_is_what_the_call_says() -> None:
    """Whoever says it."""
    hall = Hall(ACCOUNT)
    assert hall.ask("ada", sCustomerNo="7")[0] == 100.0
    assert refused(hall.ask("bob", sCustomerNo="7")).reason == "account"
    assert hall.ask("bob", sCustomerNo="8")[0] == 100.0


def test_the_rules_of_the_operations_line_count_too() -> None:
    """Beside the backend's."""
    hall = Hall(CLIENT, of_line=(OF_LINE,))
    assert hall.ask()[0] == 100.0
    assert refused(hall.ask("bob")).reason == "operation"


def test_a_purchase_under_way_is_stopped_by_no_rate_of_his_own() -> None:
    """He is charged while there is any of it, waits for none, and the rates of the backend, of an operation and of an account bind him."""
    hall = Hall(CLIENT._replace(mode=Mode.SHAPE))
    assert [hall.ask(under_way=True)[0] for _ in range(5)] == [100.0] * 5
    assert refused(hall.ask()).retry_after_s == 10, "what there was of it is gone, and not more"
    for rule, reason in ((SHAPED._replace(mode=Mode.POLICE), "backend"), (ACCOUNT, "account"), (OF_LINE, "operation")):
        hall = Hall(rule) if not rule.line else Hall(of_line=(rule,))
        assert hall.ask(under_way=True, sCustomerNo="7")[0] == 100.0
        assert refused(hall.ask(under_way=True, sCustomerNo="7")).reason == reason


def test_it_says_what_it_asks() -> None:
    """For explain."""
    assert gates.describe(Hall().scope) == "what an operator has paused"
    assert gates.describe(Hall(CLIENT, of_line=(OF_LINE,)).scope) == (
        "what an operator has paused; 1 in 10 s per client, 2 at once; 1 in 10 s per operation of Get*, 1 at once"
    )


@pytest.mark.parametrize("rules", [(), (CLIENT,)], ids=["no rules", "rules"])
def test_a_pause_comes_before_the_rates_and_costs_them_nothing(rules: tuple[RateRule, ...]) -> None:
    """Who is held up has paid for nothing; who has begun a purchase is asked about as such; where nothing is up nobody is asked."""
    hall = Hall(*rules)
    hall.refusal = Refusal("paused", "backend")
    assert isinstance(hall.ask()[0], float)
    assert hall.asked == []
    hall.pauses.active = True
    assert [hall.ask() for _ in range(3)] == [(hall.refusal, {})] * 3
    assert isinstance(hall.ask(under_way=True)[0], float)
    assert hall.asked == [("tickets", False)] * 3 + [("tickets", True)]


def test_rooms_are_asked_before_the_rates_where_one_stands_before_the_backend() -> None:
    """Not of what is renewed, and of nobody where no room covers anything of it."""
    room = RoomPlan("hamlet", covers=(CoverPlan("tickets"),))
    hall = Hall(CLIENT, rooms=(room,))
    hall.refusal = Refusal("waiting", "no_pass")
    assert [hall.ask() for _ in range(3)] == [(hall.refusal, {})] * 3, "who is turned back has paid for nothing"
    assert isinstance(hall.ask(ours=True)[0], float)
    assert len(hall.at_rooms) == 3
    assert gates.describe(hall.scope).startswith("what an operator has paused; the waiting room hamlet, for what it")
    elsewhere = Hall(CLIENT, rooms=(RoomPlan("lear", covers=(CoverPlan("other"),)),))
    elsewhere.refusal = hall.refusal
    assert isinstance(elsewhere.ask()[0], float)
    assert elsewhere.at_rooms == []
