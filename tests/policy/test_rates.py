"""The rules of one backend: who counts where, all or nothing, who waits and who is refused, and what its client is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.rates import (
    Asked,
    Go,
    Mode,
    Per,
    RateRule,
    Rates,
    RateView,
    Stop,
    Told,
    rate_limit,
    rate_limit_policy,
)

if TYPE_CHECKING:
    from sidecar.model import Refusal

CLIENT = RateRule(Per.CLIENT, 1, 1.0, 2)
BACKEND = RateRule(Per.BACKEND, 10, 1.0, 3)
OPERATION = RateRule(Per.OPERATION, 1, 1.0, 1)
ACCOUNT = RateRule(Per.ACCOUNT, 1, 1.0, 1, params=("sCustomerNo",))


def rates(*rules: RateRule, most: int = 100) -> Rates:
    here = Rates(most)
    here.bound(0.0, rules)
    return here


def asked(
    client: str = "ada", operation: str = "GetSeats", line: str = "*", account: str | None = None, calls: int = 1
) -> Asked:
    return Asked(client, operation, line, {"sCustomerNo": account}.get, calls)


def goes(verdict: Go | Stop) -> float:
    assert isinstance(verdict, Go), verdict
    return verdict.not_before


def stops(verdict: Go | Stop) -> Refusal:
    assert isinstance(verdict, Stop), verdict
    return verdict.refusal


def test_a_refusal_names_its_rule_its_numbers_and_when_to_come_back() -> None:
    """For the caller in words and seconds, for operators in numbers."""
    here = rates(CLIENT)
    assert [goes(here.ask(5.0, asked())) for _ in range(2)] == [5.0, 5.0]
    refusal = stops(here.ask(5.25, asked()))
    assert (refusal.state, refusal.reason, refusal.retry_after_s, refusal.executed) == (
        "rate_limited",
        "client",
        1,
        None,
    )
    assert refusal.detail == "more than the rate allows: 1 in 1 s per client, 2 at once"
    assert refusal.numbers == (("limit", 1), ("period_s", 1.0), ("burst", 2), ("retry_after_ms", 750))
    assert dict(stops(here.ask(5.0, asked())).numbers)["retry_after_ms"] == 1000
    assert goes(here.ask(6.0, asked())) == 6.0


@pytest.mark.parametrize(("now", "after_s"), [(5.0, 3), (5.5, 3), (6.0, 2), (7.9, 1)])
def test_retry_after_is_whole_seconds_and_never_too_early(now: float, after_s: int) -> None:
    """Rounded up, at least one; and a float's dust is no second of its own."""
    here = rates(RateRule(Per.CLIENT, 1, 3.0, 1))
    here.ask(5.0, asked())
    refusal = stops(here.ask(now, asked()))
    assert refusal.retry_after_s == after_s
    assert goes(here.ask(now + after_s, asked())) == now + after_s


def test_a_floats_dust_is_no_second() -> None:
    """2.2 - 1.2 is more than one by a rounding."""
    here = rates(RateRule(Per.CLIENT, 1, 1.0, 1))
    here.ask(1.2, asked())
    assert 2.2 - 1.2 > 1
    verdict = here.ask(1.2, asked())
    slower = rates(RateRule(Per.CLIENT, 1, 1.000004, 1))
    slower.ask(1.2, asked())
    assert stops(slower.ask(1.2, asked())).retry_after_s == 2
    assert stops(verdict).retry_after_s == 1
    assert rate_limit(verdict.told) == '"client";r=0;t=1'


def test_each_client_has_his_own() -> None:
    """And whoever is nobody counts for none."""
    here = rates(RateRule(Per.CLIENT, 1, 1.0, 1))
    goes(here.ask(0.0, asked("ada")))
    stops(here.ask(0.0, asked("ada")))
    goes(here.ask(0.0, asked("bob")))
    verdicts = [here.ask(0.0, asked("")) for _ in range(3)]
    assert verdicts == [Go(0.0)] * 3


def test_an_account_is_one_whoever_calls_for_it() -> None:
    """By the value that the call says; who says none, or an empty one, counts as his client."""
    here = rates(ACCOUNT)
    goes(here.ask(0.0, asked("ada", account="7")))
    stops(here.ask(0.0, asked("bob", account="7")))
    goes(here.ask(0.0, asked("bob", account="8")))
    goes(here.ask(0.0, asked("ada")))
    stops(here.ask(0.0, asked("ada", account="")))
    goes(here.ask(0.0, asked("eve", account="")))
    goes(here.ask(0.0, asked("", account="7")))
    goes(here.ask(0.0, asked("7")))


def test_an_account_may_be_said_under_several_names() -> None:
    """The first that has a value, in the order of the rule."""
    here = rates(ACCOUNT._replace(params=("no", "iCustomer", "sCustomerNo")))
    goes(here.ask(0.0, Asked("ada", "GetSeats", "*", {"iCustomer": "7", "sCustomerNo": "8", "no": ""}.get)))
    assert stops(here.ask(0.0, asked("bob", account="7"))).detail == (
        "more than the rate allows: 1 in 1 s per account (no, iCustomer, sCustomerNo), 1 at once"
    )
    goes(here.ask(0.0, asked("bob", account="8")))
    goes(here.ask(0.0, asked("cyd")))


def test_a_rule_that_only_observes_refuses_nobody_and_tells_nobody() -> None:
    """It counts what it would have refused, which charges it nothing: so its number is the one that a rule in force would have."""
    observes = CLIENT._replace(mode=Mode.OBSERVE)
    here, strict = rates(observes, BACKEND), rates(CLIENT, BACKEND)
    for tenth in range(40):
        verdict = here.ask(tenth / 10, asked())
        assert (goes(verdict), verdict.told) == (tenth / 10, ())
        strict.ask(tenth / 10, asked())
    assert here.view() == (
        RateView("client", "1 in 1 s per client, 2 at once, observed only", "observe", 1, 35),
        RateView("backend", "10 in 1 s per backend, 3 at once", "police", 1, 0),
    )
    assert strict.view()[0] == RateView("client", "1 in 1 s per client, 2 at once", "police", 1, 35)
    assert goes(here.ask(9.0, asked(calls=3))) == 9.0
    assert here.view()[0].refused == 36
    assert here.policy("*") == b""


def test_an_accounts_value_is_not_kept() -> None:
    """It may be a session's key: the table holds a digest of it, of one size."""
    here = rates(ACCOUNT)
    here.ask(0.0, asked(account="S3CRET" * 1000))
    here.ask(0.0, asked(account="\ud800"))
    (ruled,) = here._ruled.values()
    assert [len(key) for key in ruled.table._tats] == [25, 25]
    assert "S3CRET" not in str(ruled.table._tats)


def test_each_operation_has_its_own_and_all_share_the_backends() -> None:
    """The bound of an operation is everybody's together."""
    here = rates(OPERATION)
    goes(here.ask(0.0, asked("ada", "GetSeats")))
    stops(here.ask(0.0, asked("bob", "GetSeats")))
    goes(here.ask(0.0, asked("bob", "GetPrices")))
    here = rates(RateRule(Per.BACKEND, 1, 1.0, 2))
    assert [isinstance(here.ask(0.0, asked(name, name)), Go) for name in "abc"] == [True, True, False]


def test_a_name_without_end_takes_no_more_room_than_a_short_one() -> None:
    """Operations' names come from callers where no contract is known."""
    here = rates(OPERATION)
    for name in ("x" * 64, "x" * 65, "x" * 70_000):
        goes(here.ask(0.0, asked(operation=name)))
        stops(here.ask(0.0, asked(operation=name)))
    (ruled,) = here._ruled.values()
    assert sorted(map(len, ruled.table._tats)) == [25, 25, 64]


def test_a_rule_under_a_line_is_for_its_calls_alone() -> None:
    """The backend's rules are for all; under a line, `per: backend` is one bound for all of its calls."""
    here = rates(RateRule(Per.BACKEND, 1, 1.0, 3), RateRule(Per.BACKEND, 1, 1.0, 1, line="Get*"))
    goes(here.ask(0.0, asked(operation="GetSeats", line="Get*")))
    assert stops(here.ask(0.0, asked(operation="GetPrices", line="Get*"))).detail == (
        "more than the rate allows: 1 in 1 s per backend of Get*, 1 at once"
    )
    assert [goes(here.ask(0.0, asked(line=line))) for line in ("*", "Checkout")] == [0.0, 0.0]
    assert stops(here.ask(0.0, asked())).detail == "more than the rate allows: 1 in 1 s per backend, 3 at once"


def test_nothing_is_charged_where_one_rule_refuses() -> None:
    """Whichever of them it is, before or behind."""
    for rules in ((CLIENT, BACKEND), (BACKEND, CLIENT)):
        here = rates(*rules)
        for client in ("ada", "ada", "bob"):
            goes(here.ask(0.0, asked(client)))
        assert stops(here.ask(0.0, asked("bob"))).reason == "backend"
        goes(here.ask(0.1, asked("bob")))
        assert stops(here.ask(0.2, asked("ada"))).reason == "client"
        goes(here.ask(0.2, asked("eve")))


def test_of_two_that_refuse_the_longer_is_named() -> None:
    """Who comes back when he was told is not refused by the other one."""
    slow, fast = RateRule(Per.CLIENT, 1, 60.0, 1), RateRule(Per.BACKEND, 1, 1.0, 1)
    for rules in ((slow, fast), (fast, slow)):
        here = rates(*rules)
        here.ask(0.0, asked())
        refusal = stops(here.ask(0.5, asked()))
        assert (refusal.reason, refusal.retry_after_s) == ("client", 60)


def test_a_rule_that_shapes_says_when_and_keeps_the_order() -> None:
    """Each call is due after those before it; one that cannot wait so long is refused and takes nobody's moment."""
    here = rates(RateRule(Per.BACKEND, 2, 1.0, 1, Mode.SHAPE))
    assert [goes(here.ask(3.0, asked(), 1.0)) for _ in range(3)] == [3.0, 3.5, 4.0]
    refusal = stops(here.ask(3.0, asked(), 1.0))
    assert (refusal.state, refusal.retry_after_s) == ("rate_limited", 2)
    assert refusal.detail == "more than the rate allows: 2 in 1 s per backend, 1 at once, the rest waits"
    assert goes(here.ask(3.0, asked(), 1.5)) == 4.5
    stops(here.ask(3.0, asked()))


def test_one_that_shapes_beside_one_that_polices() -> None:
    """The call starts when the last of them lets it go; the police waits for nobody, however patient he is."""
    here = rates(RateRule(Per.BACKEND, 1, 1.0, 1, Mode.SHAPE), RateRule(Per.CLIENT, 1, 9.0, 2))
    assert [goes(here.ask(0.0, asked(), 5.0)) for _ in range(2)] == [0.0, 1.0]
    assert stops(here.ask(0.0, asked(), 50.0)).reason == "client"
    assert goes(here.ask(0.0, asked("bob"), 5.0)) == 2.0
    here = rates(RateRule(Per.BACKEND, 1, 1.0, 1, Mode.SHAPE), RateRule(Per.CLIENT, 1, 3.0, 1, Mode.SHAPE))
    assert [goes(here.ask(0.0, asked(), 5.0)) for _ in range(2)] == [0.0, 3.0]
    assert goes(here.ask(0.0, asked("bob"), 5.0)) == 2.0, "nobody waits for what another's own rate lets wait"


def test_a_batch_is_as_many_calls_as_are_in_it() -> None:
    """And one that is more than the burst never goes: not now and not later."""
    here = rates(RateRule(Per.CLIENT, 1, 1.0, 3))
    goes(here.ask(0.0, asked(calls=2)))
    assert stops(here.ask(0.0, asked(calls=2))).retry_after_s == 1
    verdict = here.ask(100.0, asked(calls=4))
    refusal = stops(verdict)
    assert (refusal.state, refusal.reason, refusal.retry_after_s) == ("too_large", None, None)
    assert refusal.detail == (
        "4 calls in one, which are never let go at once: more than the rate allows: 1 in 1 s per client, 3 at once; send fewer at a time"
    )
    assert dict(refusal.numbers)["burst"] == 3
    assert verdict.told == (Told("client", 3, 1.0),)
    goes(here.ask(100.0, asked(calls=3)))


def test_a_client_is_told_of_his_own_rates() -> None:
    """After the call that is told of it; not of what everybody shares, unless that is what stops him."""
    here = rates(BACKEND, CLIENT, ACCOUNT, OPERATION)
    verdict = here.ask(0.0, asked(account="7"))
    assert verdict.told == (Told("client", 1, 1.0), Told("account", 0, 1.0))
    verdict = here.ask(0.0, asked("bob", account="8"))
    assert stops(verdict).reason == "operation"
    assert verdict.told == (Told("client", 2, 1.0), Told("account", 1, 1.0), Told("operation", 0, 1.0))
    assert rates(BACKEND).ask(0.0, asked()).told == ()


def test_what_the_headers_say() -> None:
    """draft-ietf-httpapi-ratelimit-headers-11: lists of strings with parameters, whole numbers only."""
    told = (Told("client", 12, 2.1), Told("account Get* #2", 0, 60.0))
    assert rate_limit(told) == '"client";r=12;t=3, "account Get* #2";r=0;t=60'
    assert rate_limit(()) == ""
    assert rate_limit((Told('a"b\\cä\n ~', 1, 0.2),)) == '"a\\"b\\\\c?? ~";r=1;t=1'
    rules = (
        RateRule(Per.BACKEND, 300, 1.0, 300),
        RateRule(Per.CLIENT, 20, 1.0, 40),
        RateRule(Per.CLIENT, 1000, 3600.0, 100),
        RateRule(Per.ACCOUNT, 10, 1.0, 2, params=("id",), line="Get*"),
        RateRule(Per.CLIENT, 3, 0.1, 30),
        RateRule(Per.CLIENT, 2, 1.0, 3),
        RateRule(Per.CLIENT, 1000, 1e-4, 1),
    )
    assert rate_limit_policy(rules) == (
        '"client";q=40;w=2, "client #2";q=100;w=360, "account Get*";q=10;w=1, "client #3";q=30;w=1, "client #4";q=4;w=2, '
        '"client #5";q=10000000;w=1'
    )
    assert rate_limit_policy(()) == ""


def test_each_line_has_its_policy() -> None:
    """The backend's rules and its own; a line without rules has the backend's."""
    here = rates(CLIENT, BACKEND, RateRule(Per.CLIENT, 5, 1.0, 5, line="Get*"))
    assert here.policy("Get*") == b'"client";q=2;w=2, "client Get*";q=5;w=1'
    assert here.policy("*") == here.policy("") == b'"client";q=2;w=2'
    assert rates(BACKEND).policy("*") == Rates().policy("*") == b""


def test_rules_of_one_kind_have_names_of_their_own() -> None:
    """In the order in which they are written, and apart for each line."""
    rules = (
        CLIENT,
        CLIENT,
        RateRule(Per.CLIENT, 1, 1.0, 1, line="Get*"),
        RateRule(Per.CLIENT, 1, 1.0, 1, line="Get"),
        CLIENT,
    )
    here = rates(*rules)
    here.ask(0.0, asked())
    assert repr(here) == "<Rates client=1 client #2=1 client Get*=0 client Get=0 client #3=1>"
    assert repr(Rates()) == "<Rates none>"


def test_other_numbers_keep_what_was_counted_and_another_rule_does_not() -> None:
    """A reload is no way to a fresh burst; what is counted by another parameter begins anew."""
    here = rates(CLIENT, ACCOUNT)
    for _ in range(2):
        here.ask(0.0, asked(account=None if _ else "7"))
    here.bound(0.0, (CLIENT._replace(limit=2), ACCOUNT._replace(mode=Mode.SHAPE)))
    refusal = stops(here.ask(0.0, asked("ada", account="9")))
    assert dict(refusal.numbers) == {"limit": 2, "period_s": 1.0, "burst": 2, "retry_after_ms": 500}
    assert stops(here.ask(0.0, asked("bob", account="7"))).reason == "account"
    assert goes(here.ask(0.0, asked("bob", account="7"), 1.0)) == 1.0
    here.bound(0.0, (ACCOUNT._replace(params=("other",)),))
    assert here.ask(0.0, Asked("bob", "GetSeats", "*", lambda _: "7")) == Go(0.0, (Told("account", 0, 1.0),))
    here.bound(0.0, ())
    assert here.ask(0.0, asked()) == Go(0.0)


def test_the_same_rules_again_change_nothing() -> None:
    """Not even a debt beyond a burst, which other numbers would forgive."""
    here = rates(RateRule(Per.BACKEND, 1, 1.0, 1, Mode.SHAPE))
    for _ in range(4):
        here.ask(0.0, asked(), 9.0)
    here.bound(0.0, [RateRule(Per.BACKEND, 1, 1.0, 1, Mode.SHAPE)])
    assert goes(here.ask(0.0, asked(), 9.0)) == 4.0


def test_a_table_is_as_large_as_it_was_told() -> None:
    """Beyond it newcomers share one bound; all are one where the bound is the backend's own."""
    here = rates(RateRule(Per.CLIENT, 1, 1.0, 1), most=2)
    assert [isinstance(here.ask(0.0, asked(name)), Go) for name in "abcd"] == [True, True, True, False]
    here = rates(BACKEND, most=0)
    assert [isinstance(here.ask(0.0, asked(name)), Go) for name in "abcd"] == [True, True, True, False]


@given(
    st.lists(
        st.builds(
            RateRule,
            st.sampled_from(Per),
            st.integers(1, 4),
            st.sampled_from((0.5, 1.0, 3.0)),
            st.integers(1, 4),
            st.sampled_from(Mode),
            st.sampled_from(("", "Get*")),
        ),
        max_size=4,
    ),
    st.lists(
        st.tuples(
            st.sampled_from((0.0, 0.125, 0.5, 4.0)),
            st.sampled_from("ab"),
            st.sampled_from(("Get*", "*")),
            st.integers(1, 3),
            st.sampled_from((0.0, 1.0, 8.0)),
        ),
        max_size=30,
    ),
)
def test_all_or_nothing_whatever_the_rules(
    rules: list[RateRule], calls: list[tuple[float, str, str, int, float]]
) -> None:
    """What is let go starts no later than it can wait; what is refused leaves every table as it was, and goes when it was told to come."""
    here, now = rates(*rules), 0.0
    for step_s, client, line, count, within_s in calls:
        now += step_s
        call = asked(client, line, line, calls=count)
        before = [(dict(each.table._tats), each.table._others) for each in here._ruled.values()]
        verdict = here.ask(now, call, within_s)
        if isinstance(verdict, Go):
            assert now <= verdict.not_before <= now + within_s
            continue
        assert before == [(dict(each.table._tats), each.table._others) for each in here._ruled.values()]
        if verdict.refusal.state == "too_large":
            assert any(count > rule.burst for rule in rules)
            continue
        after_s = verdict.refusal.retry_after_s
        assert after_s is not None
        assert after_s >= 1
        assert isinstance(here.ask(now + after_s, call, within_s), Go)
        return  # time goes on from there, and would have to come back
