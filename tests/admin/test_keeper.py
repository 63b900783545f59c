"""Overrides in time: they end by a timer, a reload changes what they go back to, and what is applied is what is shown."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.admin.audit import Audit
from sidecar.admin.keeper import Keeper
from sidecar.control import Order, OrderError
from tests.support.world import LoopClock, Recorder

pytestmark = pytest.mark.virtual

LIMITS = {"tickets": 16, "seats": 4}


class Hall:
    """A keeper, and the limits that hold because of it."""

    def __init__(self) -> None:
        self.log = Recorder()
        self.audit = Audit(LoopClock(), self.log)
        self.keeper = Keeper(LoopClock(), self.audit, self.apply)
        self.configured = dict(LIMITS)
        self.limits = dict(LIMITS)
        self.applied: list[tuple[str, int | None]] = []

    def apply(self, backend: str, value: int | None) -> None:
        self.applied.append((backend, value))
        if value is not None:
            self.limits[backend] = value
        elif backend in self.configured:
            self.limits[backend] = self.configured[backend]

    def set(self, backend: str = "tickets", value: int = 8, for_s: float = 60) -> str:
        order = Order("limit", "set", {"backend": backend, "value": value}, "alice", "a slow disk", for_s)
        verdict = self.keeper.carry_out(order, self.configured)
        assert verdict.ok
        return verdict.text

    def clear(self, backend: str = "tickets") -> str:
        return self.keeper.carry_out(
            Order("limit", "clear", {"backend": backend}, "alice", "done"), self.configured
        ).text


async def test_an_override_holds_and_ends_by_itself() -> None:
    """At its end the settings hold again, and the audit says so in the sidecar's own name."""
    hall = Hall()
    assert hall.set(for_s=60) == "tickets: limit 8 (was 16) for 1m, then 16 again"
    assert hall.limits["tickets"] == 8
    await asyncio.sleep(59.9)
    assert hall.limits["tickets"] == 8
    await asyncio.sleep(0.2)
    assert hall.limits == LIMITS
    assert hall.keeper.view() == []
    [entry] = hall.audit.last(10)
    assert (entry["actor"], entry["noun"], entry["verb"], entry["reason"]) == (
        "sidecar",
        "limit",
        "clear",
        "its end has come",
    )
    assert entry["text"] == "tickets: limit 16 again (was 8)"


async def test_what_is_shown() -> None:
    """Who, why, since when, until when, how long still."""
    hall = Hall()
    hall.set(for_s=600)
    await asyncio.sleep(60)
    assert hall.keeper.view() == [
        {
            "id": "o1",
            "noun": "limit",
            "backend": "tickets",
            "value": 8,
            "was": 16,
            "actor": "alice",
            "reason": "a slow disk",
            "since": "2026-12-01T08:59:00.000Z",  # the wall clock of these tests stands still
            "until": "2026-12-01T09:09:00.000Z",
            "left_s": 540,
        }
    ]
    assert repr(hall.keeper) == "<Keeper <Overrides limit tickets=8>>"
    hall.keeper.close()


async def test_a_second_order_takes_over_and_the_first_end_means_nothing() -> None:
    """The later end counts, and it goes back to what was before both."""
    hall = Hall()
    hall.set(value=8, for_s=10)
    assert hall.set(value=4, for_s=100) == "tickets: limit 4 (was 16) for 1m 40s, then 16 again"
    await asyncio.sleep(50)
    assert hall.limits["tickets"] == 4
    await asyncio.sleep(51)
    assert hall.limits["tickets"] == 16
    assert hall.applied == [("tickets", 8), ("tickets", 4), ("tickets", None)]


async def test_overrides_of_two_backends_end_one_after_the_other() -> None:
    """One timer serves all, in whatever order they were given."""
    hall = Hall()
    hall.set("tickets", 8, for_s=100)
    hall.set("seats", 2, for_s=10)
    await asyncio.sleep(11)
    assert hall.limits == {"tickets": 8, "seats": 4}
    await asyncio.sleep(100)
    assert hall.limits == LIMITS


async def test_clearing_ends_it_at_once() -> None:
    """And there is nothing left for the timer to do."""
    hall = Hall()
    hall.set()
    assert hall.clear() == "tickets: limit 16 again (was 8)"
    assert hall.limits == LIMITS
    with pytest.raises(OrderError, match="nothing to clear"):
        hall.clear()
    await asyncio.sleep(100)
    assert hall.applied == [("tickets", 8), ("tickets", None)]


async def test_a_reload_changes_what_was_and_not_the_override() -> None:
    """It holds on, and at its end the new settings do."""
    hall = Hall()
    hall.set(for_s=60)
    hall.configured = {"tickets": 32, "seats": 4}
    hall.keeper.reloaded(hall.configured)
    assert hall.keeper.view()[0]["was"] == 32
    assert hall.applied == [("tickets", 8)], "it holds already"
    await asyncio.sleep(61)
    assert hall.limits["tickets"] == 32


async def test_an_override_of_a_backend_that_is_gone_goes_with_it() -> None:
    """It is taken back at once, so that it does not wait for a backend of that name, and once; the audit tells."""
    hall = Hall()
    hall.set(for_s=60)
    del hall.configured["tickets"]
    hall.keeper.reloaded(hall.configured)
    await asyncio.sleep(100)
    assert hall.applied == [("tickets", 8), ("tickets", None)]
    assert hall.audit.last(1)[0]["reason"] == "its backend is gone from the settings"
    with pytest.raises(OrderError, match="no backend 'tickets' any more"):
        hall.set()


async def test_there_are_only_so_many() -> None:
    """A script that has gone wrong is told; nothing is applied."""
    hall = Hall()
    hall.configured = dict.fromkeys([f"b{number}" for number in range(65)], 16)
    for number in range(64):
        hall.set(f"b{number}")
    with pytest.raises(OrderError, match="64 overrides hold already"):
        hall.set("b64")
    assert len(hall.applied) == 64
    hall.keeper.close()


async def test_an_order_without_an_end_is_none() -> None:
    """Whoever forgets it upstream is stopped here."""
    hall = Hall()
    order = Order("limit", "set", {"backend": "tickets", "value": 8}, "alice", "a slow disk", None)
    with pytest.raises(OrderError, match="must end"):
        hall.keeper.carry_out(order, LIMITS)
    assert hall.applied == []


async def test_a_closed_keeper_leaves_no_timer() -> None:
    """The process ends; nothing is applied afterwards."""
    hall = Hall()
    hall.set(for_s=10)
    hall.keeper.close()
    hall.keeper.close()
    await asyncio.sleep(20)
    assert hall.applied == [("tickets", 8)]
