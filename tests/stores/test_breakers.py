"""Breakers by name: both levels must agree, what one operation does is not the backend's, and nothing grows without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.model import Refusal
from sidecar.policy.breaking import Forced, Result, Rule, State
from sidecar.stores.breakers import MECHANISM, OPERATIONS, MemoryBreakers, Passed

OK, FAILED, TIMEOUT, UNREACHABLE = Result.OK, Result.FAILED, Result.TIMEOUT, Result.UNREACHABLE
RULE = Rule()


class Outside:
    """The clock, the log and whom the store asks, in the hands of the test."""

    def __init__(self, **rules: Rule) -> None:
        self.time, self.minimum, self.observed = 100.0, False, set[tuple[str, str]]()
        self.events: list[dict[str, object]] = []
        self.closed: list[str] = []
        self.breakers = MemoryBreakers(
            self,
            self,
            lambda: 0.5,
            lambda _: self.minimum,
            self.closed.append,
            lambda backend, mechanism: (backend, mechanism) in self.observed,
        )
        self.breakers.bound(rules or {"tickets": RULE})

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        raise AssertionError("the time of day decides nothing here")

    def event(self, name: str, **facts: object) -> None:
        assert name == "breaker"
        self.events.append(facts)

    def passes(self, operation: str = "GetSeats", *, safe: bool = True, backend: str = "tickets") -> Passed:
        passed = self.breakers.ask(backend, operation, safe=safe, lease_s=16.0)
        assert isinstance(passed, Passed), passed
        return passed

    def refused(self, operation: str = "GetSeats", *, safe: bool = True) -> Refusal:
        refusal = self.breakers.ask("tickets", operation, safe=safe, lease_s=16.0)
        assert isinstance(refusal, Refusal), refusal
        return refusal

    def call(self, *results: Result, operation: str = "GetSeats", seconds: float = 0.1) -> None:
        for result in results:
            self.breakers.tell(self.passes(operation), result, seconds)

    def nobody_connects(self, operation: str = "GetSeats") -> None:
        """Let calls find nobody until the whole is cut off."""
        for _ in range(10):
            if self.state() is State.CLOSED:
                self.call(UNREACHABLE, operation=operation)
        assert self.state() is State.CUT_OFF

    def state(self, operation: str | None = None) -> State:
        view = self.breakers.view("tickets").get(operation)
        return State.CLOSED if view is None else view.state


def whole_off() -> Outside:
    """Return a backend to which nobody can connect."""
    out = Outside()
    out.nobody_connects()
    return out


def test_nobody_connects_and_the_whole_is_cut_off() -> None:
    """Every operation is refused, at the door as well; the operation that found out is not blamed besides."""
    out = whole_off()
    assert out.state("GetSeats") is State.CLOSED
    assert "the backend is cut off" in str(out.refused("Reserve").detail)
    assert out.breakers.peek("tickets", "Unheard", safe=True) is not None
    assert not out.breakers.is_closed("tickets", "Unheard")
    (event,) = out.events
    assert event == {
        "backend": "tickets",
        "operation": None,
        "was": "closed",
        "state": "cut off",
        "why": "10 of 10 calls failed",
        "ago_s": 0.0,
        "for_s": 5.0,
    }


def test_one_operation_that_fails_is_cut_off_alone() -> None:
    """The others go on; what it was cut off for is not held against the backend, nor are its own tests."""
    out = Outside()
    out.call(*(OK,) * 4, operation="GetOrder")
    out.call(*(FAILED,) * 10)
    assert (out.state("GetSeats"), out.state()) == (State.CUT_OFF, State.CLOSED)
    assert "this operation is cut off" in str(out.refused().detail)
    assert out.breakers.peek("tickets", "GetSeats", safe=True) is not None
    assert out.breakers.peek("tickets", "GetOrder", safe=True) is None
    assert not out.breakers.is_closed("tickets", "GetSeats")
    assert out.breakers.is_closed("tickets", "GetOrder")
    assert [event["operation"] for event in out.events] == ["GetSeats"]
    out.time = 105.0
    out.call(FAILED)
    assert out.breakers.view("tickets")[None].counts == (4, 0, 0)
    assert out.closed == []


def test_where_everything_fails_the_whole_is_cut_off() -> None:
    """Some calls of each are enough."""
    out = Outside()
    for _ in range(5):
        out.call(FAILED, operation="GetSeats")
        out.call(FAILED, operation="GetOrder")
    assert out.state() is State.CUT_OFF
    assert out.state("GetSeats") is State.CLOSED


def test_an_operation_that_may_change_something_is_tested_by_its_own_calls() -> None:
    """No other call can show whether it works again."""
    out = Outside()
    out.call(*(FAILED,) * 10, operation="Reserve")
    out.time = 105.0
    passed = out.passes("Reserve", safe=False)
    out.refused("Reserve", safe=False)
    out.breakers.tell(passed, OK, 0.1)
    assert [event["state"] for event in out.events] == ["cut off", "testing"]


def test_a_permit_of_the_whole_comes_back_where_the_operation_refuses() -> None:
    """Both are cut off, the operation for longer: its callers take no test from others."""
    out = Outside()
    out.call(*(OK,) * 3, operation="GetOrder")
    out.call(*(FAILED,) * 10)
    out.time = 105.0
    out.call(FAILED)  # for ten seconds now
    out.nobody_connects("GetOrder")
    out.time = 110.0
    for _ in range(5):
        assert "this operation" in str(out.refused().detail)
    assert out.breakers.view("tickets")[None].testing == 0
    out.passes("GetOrder")


def test_when_the_whole_is_closed_again_somebody_is_told() -> None:
    """So that its limit starts slowly; once, and not for an operation."""
    out = whole_off()
    out.time = 105.5
    out.call(*(OK,) * 6)
    assert out.closed == []
    out.call(OK)
    assert out.closed == ["tickets"]
    assert [(event["was"], event["state"], event["ago_s"]) for event in out.events[1:]] == [
        ("cut off", "testing", 0.5),
        ("testing", "closed", 0.0),
    ]
    out.call(*(FAILED,) * 7)
    assert out.state("GetSeats") is State.CUT_OFF
    out.time = 112.0
    out.call(*(OK,) * 7)
    assert out.state("GetSeats") is State.CLOSED
    assert out.closed == ["tickets"]


def test_where_both_are_tested_both_are_told() -> None:
    """A test of the whole that fails cuts the whole off, whatever the operation is doing."""
    out = Outside()
    out.call(*(OK,) * 3, operation="GetOrder")
    out.call(*(FAILED,) * 10)
    out.nobody_connects("GetOrder")
    out.time = 105.0
    out.call(FAILED)
    assert (out.state("GetSeats"), out.state()) == (State.CUT_OFF, State.CUT_OFF)


@pytest.mark.parametrize(
    ("began", "ended", "state"),
    [
        (True, True, State.CUT_OFF),
        (False, True, State.CLOSED),
        (True, False, State.CLOSED),
        (False, False, State.CLOSED),
    ],
)
def test_what_began_under_a_wider_limit_proves_nothing(began: bool, ended: bool, state: State) -> None:
    """The minimum counts where the call began under it and it stands there still."""
    out = Outside()
    for at in (100.0, 106.0, 112.0):
        out.time, out.minimum = at, began
        passed = out.passes()
        out.minimum = ended
        out.breakers.tell(passed, TIMEOUT, 10.0)
    assert out.state() is state


@pytest.mark.parametrize(("seconds", "state"), [(5.0, State.CLOSED), (5.1, State.CUT_OFF)])
def test_slow_is_what_takes_longer_than_slow_after(seconds: float, state: State) -> None:
    """A good answer, at the limit's minimum."""
    out = Outside()
    out.minimum = True
    out.call(*(OK,) * 10, seconds=seconds)
    assert out.state("GetSeats") is state


def test_a_backend_without_a_rule_has_no_breaker() -> None:
    """`mode: off`: everybody passes, and nothing can be ordered."""
    out = Outside()
    breakers = out.breakers
    assert breakers.ask("members", "Get", safe=False, lease_s=1.0) is None
    assert breakers.peek("members", "Get", safe=False) is None
    assert breakers.is_closed("members", "Get")
    assert breakers.view("members") == {}
    assert breakers.probe("members") is None
    assert breakers.probed("members", None, FAILED) is State.CLOSED
    with pytest.raises(KeyError):
        breakers.force("members", None, Forced.CUT_OFF, 200.0)


def test_probes_cut_off_and_bring_back() -> None:
    """Without any call, and what they say of the state is the schedule's."""
    out = Outside()
    states = [out.breakers.probed("tickets", out.breakers.probe("tickets"), TIMEOUT) for _ in range(3)]
    assert states == [State.CLOSED, State.CLOSED, State.CUT_OFF]
    states = [out.breakers.probed("tickets", out.breakers.probe("tickets"), OK) for _ in range(7)]
    assert states == [State.TESTING] * 6 + [State.CLOSED]
    assert out.closed == ["tickets"]
    assert [event["state"] for event in out.events] == ["cut off", "testing", "closed"]
    out.nobody_connects()
    out.time = 110.0
    out.breakers.probe("tickets")
    assert out.events[-1]["state"] == "testing"


def test_what_became_of_a_call_at_a_backend_that_has_gone_says_nothing_of_its_successor() -> None:
    """Calls of the old one that are still in its line, and a probe that was under way. What was ordered for the name holds on."""
    out = Outside()
    breakers, old, new = out.breakers, ("tickets", "old"), ("tickets", "new")
    breakers.bound({"tickets": Rule()}, {"tickets": old})
    probe = breakers.probe("tickets")
    breakers.force("tickets", None, Forced.CLOSED, out.time + 60.0)
    breakers.forget("tickets")
    breakers.bound({"tickets": Rule()}, {"tickets": new})
    view = breakers.view("tickets")[None]
    assert (view.forced, view.left_s) == (Forced.CLOSED, 60.0)
    breakers.lift("tickets", None)
    for _ in range(30):
        assert breakers.ask("tickets", "Get", safe=True, lease_s=1.0, of=old) is None
    for _ in range(3):
        assert breakers.probed("tickets", probe, UNREACHABLE) is State.CLOSED
    assert isinstance(breakers.ask("tickets", "Get", safe=True, lease_s=1.0, of=new), Passed)


def test_a_probe_of_a_backend_that_has_gone_says_nothing_of_its_successor() -> None:
    """Both breakers are in their first generation: it is told by whose it is."""
    out = Outside()
    old = [out.breakers.probe("tickets") for _ in range(3)]
    out.breakers.forget("tickets")
    assert [out.breakers.probed("tickets", probe, UNREACHABLE) for probe in old] == [State.CLOSED] * 3
    assert [out.breakers.probed("tickets", out.breakers.probe("tickets"), UNREACHABLE) for _ in range(3)][
        -1
    ] is State.CUT_OFF


def test_a_backend_that_an_operator_has_cut_off_is_so_where_the_breaker_only_observes() -> None:
    """His word is no mechanism that could be taken out."""
    for rule, observing in ((Rule(observe=True), False), (Rule(), True)):
        out = Outside()
        out.breakers.bound({"tickets": rule})
        out.observed = {("tickets", MECHANISM)} if observing else set()
        out.breakers.force("tickets", None, Forced.CUT_OFF, out.time + 60.0)
        assert isinstance(out.breakers.ask("tickets", "Get", safe=True, lease_s=1.0), Refusal)
        assert isinstance(out.breakers.peek("tickets", "Get", safe=True), Refusal)
        assert not out.breakers.is_closed("tickets", "Get")


def test_orders_for_the_whole_and_for_one_operation() -> None:
    """They are logged, seen, and end by themselves or when they are lifted."""
    out = Outside()
    out.breakers.force("tickets", "Reserve", Forced.CUT_OFF, 160.0)
    assert out.breakers.peek("tickets", "Reserve", safe=True) is not None
    out.passes("GetSeats")
    assert set(out.breakers.view("tickets")) == {None, "Reserve"}
    out.breakers.force("tickets", None, Forced.DISABLED, 160.0)
    out.call(*(UNREACHABLE,) * 20)
    assert out.state() is State.CLOSED
    assert out.breakers.view("tickets")[None].forced is Forced.DISABLED
    out.breakers.force("tickets", "GetSeats", Forced.CLOSED, 160.0)
    assert set(out.breakers.view("tickets")) == {None, "Reserve", "GetSeats"}
    out.breakers.lift("tickets", "Reserve")
    out.breakers.lift("tickets", None)
    assert out.breakers.view("tickets")[None].forced is None
    assert [(event["operation"], event["why"]) for event in out.events] == [
        ("Reserve", "forced cut off"),
        (None, "disabled"),
        ("GetSeats", "forced closed"),
        ("Reserve", "the cut-off is over"),
        (None, "disabled is over"),
    ]
    assert out.closed == []


def test_while_it_is_observed_nobody_is_refused() -> None:
    """By an operator, for now: whom it would have refused is counted, and retries are not kept back."""
    out = whole_off()
    out.observed.add(("tickets", MECHANISM))
    assert out.breakers.peek("tickets", "GetSeats", safe=True) is None
    assert out.breakers.is_closed("tickets", "GetSeats")
    out.call(OK)
    assert out.breakers.view("tickets")[None].observed == 1
    out.observed.clear()
    out.refused()


def test_operations_are_bounded() -> None:
    """Callers can invent names. Who was not asked for longest goes, except where an operator has said something of it."""
    out = Outside()
    out.breakers.force("tickets", "Reserve", Forced.CUT_OFF, 160.0)
    out.call(*(FAILED,) * 9, operation="GetSeats")
    for number in range(OPERATIONS - 2):
        out.passes(f"Other{number}")
    out.passes("GetSeats")
    out.passes("OneMore")
    held = out.breakers._backends["tickets"].operations
    assert len(held) == OPERATIONS
    assert "Other0" not in held
    assert held["GetSeats"].counts(100.0).failures == 9
    out.refused("Reserve")


def test_where_all_are_ordered_none_is_forgotten() -> None:
    """There are fewer orders than that at once; if there were not, their number would be the bound."""
    out = Outside()
    for number in range(OPERATIONS + 1):
        out.breakers.force("tickets", f"Op{number}", Forced.CLOSED, 160.0)
    assert len(out.breakers._backends["tickets"].operations) == OPERATIONS + 1


def test_another_plan_keeps_what_is_known() -> None:
    """Rules change, counts stay; a backend that is not named is gone, and comes back as a new one."""
    out = Outside(tickets=RULE, members=RULE)
    out.call(*(FAILED,) * 9, operation="Reserve")
    out.breakers.bound({"tickets": replace(RULE, min_calls=5)})
    assert out.breakers.view("members") == {}
    out.call(FAILED, operation="Reserve")
    assert out.state("Reserve") is State.CUT_OFF
    out.breakers.bound({})
    out.breakers.bound({"tickets": RULE})
    assert out.state("Reserve") is State.CLOSED
    assert repr(out.breakers) == "<MemoryBreakers tickets: <Breaker closed, <Window 30 s: 0 calls, 0 failed, 0 slow>>>"


def test_a_name_that_means_another_backend_begins_anew() -> None:
    """And what is still under way in the old one says nothing about it."""
    out = Outside()
    old = [out.passes() for _ in range(20)]
    out.breakers.forget("members")
    out.breakers.forget("tickets")
    for passed in old:
        out.breakers.tell(passed, UNREACHABLE, 0.1)
    assert out.breakers.view("tickets")[None].counts == (0, 0, 0)
    out.breakers.bound({})
    out.breakers.tell(old[0], UNREACHABLE, 0.1)
    assert out.events == []


def test_invented_names_end_no_cut_off() -> None:
    """Who is cut off is asked at the door alone, and would else be the first to be forgotten."""
    out = Outside()
    out.call(*(OK,) * 30, operation="GetPrices")
    out.call(*(FAILED,) * 10, operation="GetSeats")
    assert out.state("GetSeats") is State.CUT_OFF
    for number in range(OPERATIONS + 1):
        out.passes(f"Other{number}")
    out.refused("GetSeats")
    assert len(out.breakers._backends["tickets"].operations) == OPERATIONS


def fails(out: Outside, operation: str) -> None:
    """Let an operation fail until it is cut off, whatever it did before."""
    for _ in range(30):
        out.time += 0.1
        if out.state(operation) is State.CLOSED and out.state() is State.CLOSED:
            out.call(FAILED, operation=operation)


def test_where_all_that_anybody_asks_for_is_cut_off_it_is_the_backend() -> None:
    """One of two operations carries nearly all calls: its own breaker answers for it, and little is left for the whole to count."""
    out = Outside()
    out.call(*(OK,) * 900, operation="GetSeats")
    out.call(*(OK,) * 100, operation="GetOrder")
    fails(out, "GetSeats")
    assert (out.state(), out.state("GetSeats")) == (State.CLOSED, State.CUT_OFF)
    fails(out, "GetOrder")
    assert out.state() is State.CUT_OFF
    assert list(out.breakers.view("tickets")) == [None], "the whole answers for them now"
    assert out.events[-1]["why"] == "2 operations are cut off, and no other goes well"
    out.time += 5.0
    out.call(*(OK,) * 7, operation="GetOrder")
    assert (out.state(), out.closed) == (State.CLOSED, ["tickets"]), "and its limit starts slowly"


def test_as_long_as_one_operation_goes_well_it_is_not_the_backend() -> None:
    """However many others are cut off; an order is no sign of anything, and stands."""
    out = Outside()
    out.call(*(OK,) * 50, operation="GetOrder")
    out.breakers.force("tickets", "Export", Forced.CUT_OFF, out.time + 3600.0)
    for operation in ("GetSeats", "Reserve"):
        out.call(*(OK,) * 50, operation=operation)
        fails(out, operation)
    assert (out.state(), out.state("Reserve")) == (State.CLOSED, State.CUT_OFF)
    fails(out, "GetOrder")
    assert out.state() is State.CUT_OFF
    assert list(out.breakers.view("tickets")) == [None, "Export"]


def test_a_cut_off_operation_and_an_order_are_not_several() -> None:
    """It takes two that are cut off by themselves."""
    out = Outside()
    out.breakers.force("tickets", "Export", Forced.CUT_OFF, out.time + 3600.0)
    out.call(*(OK,) * 50)
    fails(out, "GetSeats")
    assert (out.state(), out.state("GetSeats")) == (State.CLOSED, State.CUT_OFF)
