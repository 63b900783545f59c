"""The rates in memory: apart for each backend, kept over a reload, forgotten with the backend; and what a caller is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Call, Dialect, Refusal
from sidecar.policy.rates import Mode, Per, RateRule
from sidecar.stores.rates import MemoryRates

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

ONE = RateRule(Per.CLIENT, 1, 10.0, 1)
SHAPED = RateRule(Per.BACKEND, 1, 2.0, 1, Mode.SHAPE)
POLICY = (b"RateLimit-Policy", b'"client";q=1;w=10')


class HandClock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        """Return it."""
        return self.at

    def wall(self) -> float:
        """Nobody asks for it."""
        raise AssertionError


def ask(
    rates: MemoryRates, backend: str = "tickets", within_s: float = 0.0, line: str = "*", **parameters: str
) -> tuple[float | Refusal, RawHeaders]:
    return rates.ask(
        backend, line, Call(backend, "", "GetSeats", Dialect.SOAP11, parameters=parameters), "ada", within_s
    )


def goes(rates: MemoryRates, backend: str = "tickets", **parameters: str) -> bool:
    return isinstance(ask(rates, backend, **parameters)[0], float)


def test_each_backend_has_its_own() -> None:
    """What one has counted says nothing at the other; one without rules lets all go, and so does one that nobody knows."""
    rates = MemoryRates(HandClock())
    rates.bound({"tickets": (ONE,), "reports": (ONE,), "free": ()})
    for name in ("tickets", "reports"):
        assert [goes(rates, name) for _ in range(2)] == [True, False]
    assert [ask(rates, name) for name in ("free", "gone")] == [(100.0, ())] * 2
    assert repr(rates) == "<MemoryRates tickets: <Rates client=1> reports: <Rates client=1>>"
    assert repr(MemoryRates(HandClock())) == "<MemoryRates none>"
    assert [view.refused for view in rates.view("tickets")] == [1]
    assert rates.view("free") == ()


def test_it_looks_at_the_clock() -> None:
    """Time gives calls back, and what has to wait is told until when."""
    clock = HandClock()
    rates = MemoryRates(clock)
    rates.bound({"tickets": (ONE, SHAPED)})
    assert goes(rates)
    clock.at = 109.9
    assert not goes(rates)
    clock.at = 110.0
    assert goes(rates)
    rates.bound({"tickets": (SHAPED,)})
    assert ask(rates, within_s=2.0) == (112.0, ())
    assert isinstance(ask(rates, within_s=2.0)[0], Refusal)


def test_a_caller_is_told_of_his_own_rates_and_of_what_stops_him() -> None:
    """With the policy that he can keep to; of a rate that all share only that it is used up."""
    rates = MemoryRates(HandClock())
    of_line = RateRule(Per.ACCOUNT, 1, 1.0, 2, line="Get*", params=("id",))
    rates.bound({"tickets": (ONE,), "reports": (SHAPED,), "both": (ONE, of_line)})
    assert ask(rates) == (100.0, ((b"RateLimit", b'"client";r=0;t=10'), POLICY))
    refusal, told = ask(rates)
    assert isinstance(refusal, Refusal)
    assert told == ((b"RateLimit", b'"client";r=0;t=10'), POLICY)
    assert ask(rates, "reports") == (100.0, ())
    assert ask(rates, "reports")[1] == ((b"RateLimit", b'"backend";r=0;t=2'),)
    _, told = ask(rates, "both", line="Get*", id="7")
    assert told == (
        (b"RateLimit", b'"client";r=0;t=10, "account Get*";r=1;t=1'),
        (b"RateLimit-Policy", b'"client";q=1;w=10, "account Get*";q=2;w=2'),
    )


def test_an_account_is_what_the_call_says() -> None:
    """In the parameter of the rule."""
    rates = MemoryRates(HandClock())
    rates.bound({"tickets": (RateRule(Per.ACCOUNT, 1, 1.0, 1, params=("id",)),)})
    assert [goes(rates, id=value) for value in ("7", "7", "8")] == [True, False, True]


def test_a_reload_keeps_what_was_counted() -> None:
    """Unless the backend was gone meanwhile, or its name means another one."""
    rates = MemoryRates(HandClock())
    for again in (lambda: None, lambda: rates.bound({"tickets": (ONE,)})):
        rates.bound({"tickets": (ONE,)})
        ask(rates)
        again()
        assert not goes(rates)
    for anew in (lambda: rates.forget("tickets"), lambda: rates.bound({})):
        anew()
        assert goes(rates)
        rates.bound({"tickets": (ONE,)})
        assert [goes(rates) for _ in range(2)] == [True, False]
    rates.forget("nobody")


def test_a_batch_counts_as_the_calls_in_it() -> None:
    """Else whoever puts twenty into one would have twenty times his rate."""
    rates = MemoryRates(HandClock())
    rates.bound({"tickets": (RateRule(Per.CLIENT, 4, 10.0, 4),)})
    batch = Call("tickets", "", "system.multicall", Dialect.XMLRPC, ("GetSeats",) * 3, client="ada")
    assert rates.ask("tickets", "*", batch, "ada", 0.0)[0] == 100.0
    assert goes(rates)
    assert not goes(rates)
