"""The crowds of the shop's visitor: bounded, one of each kind, and gone when nobody turns them any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.demo.onsale import Wish
from sidecar.demo.tide import TIDE_MAX_S, AskError, BusyError, Tide

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.demo.box_office import BoxOffice

pytestmark = pytest.mark.virtual


@pytest.fixture
async def tide(box: BoxOffice) -> AsyncIterator[Tide]:
    tide = Tide(lambda past: (f"{box.url}/box.asmx", f"{box.url}/xmlrpc"))
    yield tide
    await tide.close()


@pytest.mark.long
async def test_the_tide_rises_falls_and_ends_by_itself(tide: Tide) -> None:
    """The rate is the one asked for last; without another word it is over after its time, and a new one counts from nothing."""
    assert tide.json() == {"rate": 0.0, "here": 0, "people": 0, "served": 0, "good_answers": 0}
    assert tide.turn({"rate": 10}) == {"rate": 10, "for_s": TIDE_MAX_S}
    await asyncio.sleep(5)
    assert tide.json()["rate"] == 10
    assert tide.json()["people"] == pytest.approx(50, abs=25)
    tide.turn({"rate": 40, "for_s": 10})
    await asyncio.sleep(9)
    assert tide.json()["rate"] == 40
    assert tide.json()["good_answers"] > tide.json()["served"] > 100
    await asyncio.sleep(30)
    assert (tide.json()["rate"], tide.json()["here"]) == (0, 0)
    tide.turn({"rate": 1, "for_s": 1})
    assert tide.json()["people"] == 0
    assert "Crowd" in repr(tide)


async def test_nobody_is_no_tide(tide: Tide) -> None:
    """Zero ends one that runs, and begins none."""
    tide.turn({"rate": 0})
    assert tide.json()["rate"] == 0
    tide.turn({"rate": 10})
    await asyncio.sleep(1)
    tide.turn({"rate": 0})
    assert tide.json()["rate"] == 0


async def test_one_rush_at_a_time(tide: Tide) -> None:
    """The second is told to wait, and a tide beside it is none of its business."""
    assert tide.rush({"people": 5, "for_s": 0.5}) == {"people": 5, "for_s": 0.5, "past": False}
    with pytest.raises(BusyError, match="wait for it"):
        tide.rush({"people": 5, "for_s": 0.5})
    tide.turn({"rate": 1})
    assert tide.last_rush is not None
    assert (await tide.last_rush).people <= 5
    tide.rush({"people": 5, "for_s": 0.5, "past": True})


@pytest.mark.parametrize(
    ("kind", "wish", "said"),
    [
        ("rush", {"people": 0}, "people must be"),
        ("rush", {"people": 1.5}, "people must be"),
        ("rush", {"for_s": 0}, "for_s must be a number of seconds up to 10"),
        ("rush", {"for_s": True}, "for_s must be"),
        ("turn", {}, "rate must be"),
        ("turn", {"rate": 401}, "from 0 to 400"),
        ("turn", {"rate": True}, "rate must be"),
        ("turn", {"rate": -1}, "rate must be"),
        ("turn", {"rate": 1, "for_s": 61}, "for_s must be a number of seconds up to 60"),
    ],
)
async def test_a_wish_that_does_not_fit_is_told_what_would(
    tide: Tide, kind: str, wish: dict[str, Any], said: str
) -> None:
    """Nobody comes."""
    with pytest.raises(AskError, match=said):
        getattr(tide, kind)(wish)
    assert tide.json()["people"] == 0
    assert tide.last_rush is None


async def test_an_on_sale_comes_once(box: BoxOffice) -> None:
    """One crowd of a waiting room at a time, of a number of people that there is room for, and none where there is no room."""
    there = Tide(lambda _: ("", ""), lambda: Wish(f"{box.url}/nowhere", box.url))
    assert there.sale_json() is None
    assert there.sale({"people": 3}) == {"people": 3}
    with pytest.raises(BusyError, match="already there"):
        there.sale({})
    told = there.sale_json()
    assert told is not None
    assert told["people"] == 3
    for wish in ({"people": 0}, {"people": 20_001}, {"people": True}, {"people": "all"}):
        with pytest.raises(AskError, match="from 1 to 20000"):
            there.sale(wish)
    await there.close()
    with pytest.raises(AskError, match="no waiting room"):
        Tide(lambda _: ("", "")).sale({})
