"""One of the crowd before a waiting room: each answer leads to the next errand, and every way of his ends."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from sidecar.demo.visitor import End, Errand, Said, Visitor, reply_of

WAITS = Said("ok", good=True, after_s=20.0, visitor="waiting", place="p1")


class Steady(Random):
    """Chance that is always the same."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


def born(*, pays: bool = True) -> Visitor:
    return Visitor("10.64.0.1", 1207, wants=2, pays=pays)


def hears(visitor: Visitor, said: Said | None, chance: float = 0.9) -> float | End:
    return visitor.heard(said, Steady(chance), 3)


def goes(visitor: Visitor) -> str:
    """Return what he does next, as a path."""
    errand = visitor.errand()
    assert isinstance(errand, Errand)
    return errand.path


def data(**values: Any) -> Said:
    return Said("ok", good=True, after_s=2.0, data=values)


def admitted(visitor: Visitor) -> Visitor:
    hears(visitor, WAITS)
    hears(visitor, Said("ok", good=True, after_s=5.0, visitor="called"))
    assert goes(visitor) == "/claim"
    hears(visitor, Said("ok", good=True, after_s=20.0, visitor="admitted", token="t1"))
    return visitor


def test_he_joins_and_asks_when_he_is_told_to() -> None:
    """With the place that joining gave, and never before next_poll_ms."""
    visitor = born()
    assert goes(visitor) == "/join"
    assert hears(visitor, WAITS) == 20.0
    errand = visitor.errand()
    assert isinstance(errand, Errand)
    assert (errand.method, errand.path, errand.headers) == ("GET", "/place", {"Sidecar-Place": "p1"})


def test_who_is_called_claims_and_buys() -> None:
    """Session, seats, payment, all with the pass; then he is served."""
    visitor = admitted(born())
    assert goes(visitor) == "/json/GetNewSessionKey"
    hears(visitor, data(GetNewSessionKeyResult="KEY"))
    errand = visitor.errand()
    assert isinstance(errand, Errand)
    assert (errand.path, errand.headers["Sidecar-Pass"], errand.of_room) == ("/json/ReserveTickets", "t1", False)
    assert orjson.loads(errand.body)["sWebSessionID"] == "KEY"
    hears(visitor, data(ReserveTicketsResult=2))
    assert goes(visitor) == "/json/Checkout"
    assert hears(visitor, data(CheckoutResult=50001)) == End("served")
    assert (visitor.seats, visitor.orders) == (2, 1)
    assert visitor.errand() == End("served")


def test_who_does_not_pay_gives_the_pass_back() -> None:
    """Whoever only looked lets the next one in."""
    visitor = admitted(born(pays=False))
    hears(visitor, data(GetNewSessionKeyResult="KEY"))
    hears(visitor, data(ReserveTicketsResult=1))
    assert goes(visitor) == "/release"
    assert hears(visitor, data()) == End("looked")


def test_some_leave_and_some_fall_asleep() -> None:
    """At each look some make up their minds: they say so, or are never heard of again."""
    sleeper, leaver = born(), born()
    assert hears(sleeper, WAITS, 0.01) == End("asleep")
    assert hears(leaver, WAITS, 0.05) == 20.0
    assert goes(leaver) == "/leave"
    assert hears(leaver, Said("ok", good=True, after_s=60.0, visitor="left")) == End("left")


@pytest.mark.parametrize("word", ["left", "expired", "forfeited", "released"])
def test_a_place_that_is_over_is_an_end(word: str) -> None:
    """Nobody of this crowd joins again."""
    assert hears(born(), Said("ok", good=True, after_s=60.0, visitor=word)) == End(word)


@pytest.mark.parametrize("state", ["sold_out", "sale_closed"])
def test_nothing_left_is_an_answer(state: str) -> None:
    """He goes home, and stumbles over nothing."""
    assert hears(admitted(born()), Said(state, good=False, after_s=2.0)) == End("sold_out")


def test_who_gets_no_answer_comes_back_a_few_times() -> None:
    """Later than he was told, and not for ever."""
    visitor = born()
    later = hears(visitor, Said("overloaded", good=False, after_s=4.0), 0.5)
    assert later == pytest.approx(4.4)
    assert goes(visitor) == "/join"
    assert hears(visitor, None, 0.0) == 2.0
    assert hears(visitor, None) == End("gave_up")


def test_an_answer_is_read() -> None:
    """State, place, pass and the longest of the waits; what is no JSON is no answer."""
    body = orjson.dumps(
        {
            "state": "ok",
            "category": "ok",
            "retry": {"after_s": 1},
            "queue": {"visitor": "called", "place": "p2", "next_poll_ms": 5000},
        }
    )
    said = reply_of({"Sidecar-State": "ok;executed=no", "Sidecar-Pass": "t"}, body)
    assert (said.state, said.good, said.after_s, said.visitor, said.place, said.token) == (
        "ok",
        True,
        5.0,
        "called",
        "p2",
        "t",
    )
    with pytest.raises(ValueError, match="unexpected"):
        reply_of({}, b"<html>")


def test_everybody_has_an_address_of_his_own() -> None:
    """As a web server in front would say it: one address for all would be a crowd of one, and held."""
    rng = Random(1)
    assert len({Visitor.born(rng, number, 1207).address for number in range(20_000)}) == 20_000
